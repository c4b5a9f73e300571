/* lw cert renew | crl: certificates and revocation lists. */
#include <stdio.h>

#include "cli_table.h"
#include "wallet/flow_key.h"

static enum cli_exit run_renew(struct cli *cli)
{
    return cli_key_rotate(cli, cli->args[0], true);
}

static enum cli_exit run_crl(struct cli *cli)
{
    size_t count = 0;
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
    printf(cli->json ? "{\"signed\": %zu}\n" : "%zu revocation lists signed\n", count);
    return CLI_DONE;
}

static const struct cli_option renew_options[] = {
    {"agency", "ID", "Whose certificate: needed for ds-vc, ds-mdoc and status.", false},
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
     .text = "A list holds for 30 days and is signed again every 7 by the service, or by\n"
             "`lw key advance`; this signs it at once. Served at /ca.crl, those of later CA keys\n"
             "at /crl/LABEL.",
     .run = run_crl},
    {.name = NULL},
};
