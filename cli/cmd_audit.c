/* lw audit check | head | prove. */
#include "cli_table.h"
#include "count.h"
#include "wallet/flow_audit.h"

enum { OUTPUT_MAX = 32 * 1024 * 1024 };

static lw_err put_root(const uint8_t root[32], lw_buf *hex)
{
    return lw_buf_put_hex(hex, (lw_bytes){.ptr = root, .len = 32});
}

static enum cli_exit run_check(struct cli *cli)
{
    struct wallet_audit_result r;
    LW_AUTO_BUF hex = LW_BUF(128);
    const char *root = "";
    enum cli_exit exit = CLI_DONE;
    WALLET_AUTO_HOME home = cli_home(cli, WALLET_HOME_READ, &exit);
    if (home == NULL) {
        return exit;
    }
    lw_err err = wallet_flow_audit_check(home, &r);
    err = err.code == LW_OK ? put_root(r.root, &hex) : err;
    err = err.code == LW_OK ? lw_buf_c(&hex, &root) : err;
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "cannot read the log", "Restore the store from its last backup.");
    }
    if (cli->json) {
        printf("{\"whole\": %s, \"size\": %llu, \"root\": \"%s\", \"head_signed\": %s, "
               "\"head_size\": %llu}\n",
               r.whole ? "true" : "false", (unsigned long long)r.size, root,
               r.head_signed ? "true" : "false", (unsigned long long)r.head_size);
    } else if (r.whole && r.head_signed) {
        printf("whole: %s, root %s, signed head of %s holds\n",
               CLI_COUNT_OF(r.size, "entry", "entries"), root,
               CLI_COUNT_OF(r.head_size, "entry", "entries"));
    } else if (r.whole) {
        printf("whole: %s, root %s, no head was signed yet\n",
               CLI_COUNT_OF(r.size, "entry", "entries"), root);
    } else {
        printf("NOT WHOLE: entry %llu: %s\n", (unsigned long long)r.first_bad, r.why);
    }
    return r.whole ? CLI_DONE : CLI_REFUSED;
}

static enum cli_exit run_head(struct cli *cli)
{
    LW_AUTO_BUF head = LW_BUF(OUTPUT_MAX);
    LW_AUTO_BUF hex = LW_BUF(128);
    LW_AUTO_BUF cose = LW_BUF(16384);
    const char *root = "";
    const char *signed_head = "";
    uint64_t size = 0;
    uint8_t bytes[32];
    enum cli_exit exit = CLI_DONE;
    WALLET_AUTO_HOME home = cli_home(cli, WALLET_HOME_SIGN, &exit);
    if (home == NULL) {
        return exit;
    }
    lw_err err = wallet_flow_audit_head(home, &head, &size, bytes);
    err = err.code == LW_OK ? put_root(bytes, &hex) : err;
    err = err.code == LW_OK ? lw_buf_c(&hex, &root) : err;
    err = err.code == LW_OK ? lw_buf_put_hex(&cose, lw_buf_view(&head)) : err;
    err = err.code == LW_OK ? lw_buf_c(&cose, &signed_head) : err;
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "cannot sign the log's head", NULL);
    }
    if (cli->json) {
        printf("{\"size\": %llu, \"root\": \"%s\", \"cose\": \"%s\"}\n", (unsigned long long)size,
               root, signed_head);
    } else {
        printf("%s, root %s\n%s\n", CLI_COUNT_OF(size, "entry", "entries"), root, signed_head);
    }
    return CLI_DONE;
}

static enum cli_exit run_prove(struct cli *cli)
{
    LW_AUTO_BUF json = LW_BUF(OUTPUT_MAX);
    enum cli_exit exit = CLI_DONE;
    WALLET_AUTO_HOME home = cli_home(cli, WALLET_HOME_SIGN, &exit);
    if (home == NULL) {
        return exit;
    }
    const lw_err err =
        wallet_flow_audit_prove(home, wallet_license_ref_parse(cli_arg(cli, 0)), &json);
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "cannot prove the license's entries",
                        "`lw license list` lists numbers.");
    }
    cli_print(&json);
    return CLI_DONE;
}

const struct cli_command cli_audit_commands[] = {
    {.name = "audit check",
     .reads_all = true,
     .args = "",
     .summary = "recompute the audit log from its first entry",
     .text = "Recomputes every hash, compares the root with the signed heads and checks their\n"
             "signatures. Exits with 1 and names the first bad entry when the log is not whole.",
     .run = run_check},
    {.name = "audit head",
     .args = "",
     .summary = "sign and print the log's head",
     .text = "Prints the number of entries, the root, and the signed head (COSE_Sign1, hex).\n"
             "Hand it to a witness: a log that was changed later cannot have that root.",
     .run = run_head},
    {.name = "audit prove",
     .args = "NUMBER",
     .args_min = 1,
     .args_max = 1,
     .summary = "prove a license's log entries under the signed head",
     .text = "Prints JSON: each entry of the license with its inclusion proof (RFC 9162), checked\n"
             "before it is printed.",
     .run = run_prove},
    {.name = NULL},
};
