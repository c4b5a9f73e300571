#include "list.h"

enum { LIMIT_DEFAULT = 100 };

enum cli_exit cli_list(struct cli *cli, enum wallet_home_need need, cli_list_fn *list,
                       const char *cannot)
{
    LW_AUTO_BUF out = LW_BUF(CLI_LIST_MAX);
    struct wallet_json_writer w = wallet_json_writer(&out);
    size_t limit = LIMIT_DEFAULT;
    enum cli_exit exit = cli_limit(cli, &limit);
    if (exit != CLI_DONE) {
        return exit;
    }
    WALLET_AUTO_HOME home = cli_home(cli, need, &exit);
    if (home == NULL) {
        return exit;
    }
    wallet_json_put_array(&w);
    lw_err err = list(home, limit, cli->json ? &w : NULL);
    wallet_json_put_end(&w);
    err = err.code == LW_OK ? wallet_json_written(&w) : err;
    if (err.code != LW_OK) {
        return cli_fail(cli, err, cannot, NULL);
    }
    if (cli->json) {
        cli_print(&out);
    }
    return CLI_DONE;
}
