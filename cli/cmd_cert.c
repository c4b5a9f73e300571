/* lw cert renew | crl: certificates and revocation lists. */
#include <stdio.h>

#include "cli_table.h"
#include "count.h"
#include "hsm/x509_issue.h"
#include "lw/file.h"
#include "wallet/flow_key.h"

static enum cli_exit run_renew(struct cli *cli)
{
    return cli_key_rotate(cli, cli->args[0], true);
}

static const char *import_advice(lw_err err)
{
    switch (err.code) {
    case LW_E_SYNTAX:
        return "It takes DER: `openssl crl -in FILE -outform DER -out FILE.der` converts PEM.";
    case LW_E_UNTRUSTED:
    case LW_E_SIGNATURE:
        return "`lw key list` lists the CA keys; the list must be signed by one that holds.";
    case LW_E_CONFLICT:
        return "Sign a list with a higher number that has every certificate revoked so far.";
    case LW_E_EXPIRED:
        return "Sign a new one.";
    default:
        return NULL;
    }
}

static enum cli_exit import_crl(struct cli *cli)
{
    LW_AUTO_BUF der = LW_BUF(HSM_CRL_MAX);
    char label[WALLET_KEY_LABEL_MAX + 1] = "";
    enum cli_exit exit = CLI_DONE;
    lw_err err = lw_file_read(cli_get(cli, "import"), &der);
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "cannot read the file", NULL);
    }
    WALLET_AUTO_HOME home = cli_home(cli, WALLET_HOME_READ, &exit);
    if (home == NULL) {
        return exit;
    }
    err = wallet_flow_crl_import(home, lw_buf_view(&der), LW_STR("operator"), label);
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "the list is not taken", import_advice(err));
    }
    printf(cli->json ? "{\"imported\": \"%s\"}\n" : "revocation list of %s imported\n", label);
    return CLI_DONE;
}

static enum cli_exit run_crl(struct cli *cli)
{
    size_t count = 0;
    if (cli_has(cli, "import")) {
        return import_crl(cli);
    }
    enum cli_exit exit = CLI_DONE;
    WALLET_AUTO_HOME home = cli_home(cli, WALLET_HOME_SIGN, &exit);
    if (home == NULL) {
        return exit;
    }
    const lw_err err = wallet_flow_crl_sign(home, &count);
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "cannot sign the revocation list",
                        "The one there was stays; `lw key list` says what became of the CA key.");
    }
    if (cli->json) {
        printf("{\"signed\": %zu}\n", count);
    } else {
        printf("%s signed\n", CLI_COUNT(count, "revocation list"));
    }
    return CLI_DONE;
}

static const struct cli_option renew_options[] = {
    {"agency", "ID", "Whose certificate: needed for ds-vc, ds-mdoc and status.", false},
    {NULL, NULL, NULL, false},
};

static const struct cli_option crl_options[] = {
    {"import", "FILE", "Take a list signed elsewhere, in DER, instead of signing one.", false},
    {NULL, NULL, NULL, false},
};

const struct cli_command cli_cert_commands[] = {
    {.name = "cert renew",
     .args = "PURPOSE",
     .args_min = 1,
     .args_max = 1,
     .summary = "give a key a new certificate",
     .text = "The key stays, its certificate is new and begins 24 hours in the past. It is\n"
             "published and comes into use as with `lw key rotate`, since verifiers know a\n"
             "credential's signer by its certificate; what was signed under the old one is\n"
             "verified until its end. A new key is the better choice where nothing speaks\n"
             "against it.\n\n"
             "PURPOSE is ca, ds-vc, ds-mdoc, status, access, id or log.",
     .examples = "  lw cert renew ds-vc --agency market-regulation",
     .options = renew_options,
     .run = run_renew},
    {.name = "cert crl",
     .args = "",
     .summary = "sign the certificate revocation lists now",
     .text =
         "A list holds for 30 days and is signed again every 7 by the service, or by\n"
         "`lw key advance`; this signs it at once. Served at /ca.crl, those of later CA keys\n"
         "at /crl/LABEL.\n\n"
         "With --import the list was signed elsewhere, where the CA key is kept offline: it is\n"
         "taken when a CA key of ours signed it, it has not ended, is newer than the one held by\n"
         "number and date, and revokes all that is revoked here.",
     .examples = "  lw cert crl\n  lw cert crl --import ca.crl",
     .options = crl_options,
     .run = run_crl},
    {.name = NULL},
};
