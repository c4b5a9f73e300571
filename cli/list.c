#include "list.h"

enum { LIMIT_DEFAULT = 100 };

static lw_err list_all(struct wallet_home *home, const struct cli_list *list,
                       struct cli_listing *listing, struct wallet_json_writer *w)
{
    wallet_json_put_object(w);
    wallet_json_put_name(w, list->name);
    wallet_json_put_array(w);
    LW_TRY(list->list(home, listing));
    wallet_json_put_end(w);
    if (list->limited) {
        wallet_json_member_bool(w, "more", listing->more);
    }
    wallet_json_put_end(w);
    return wallet_json_written(w);
}

enum cli_exit cli_list(struct cli *cli, const struct cli_list *list)
{
    LW_AUTO_BUF out = LW_BUF(CLI_LIST_MAX);
    struct wallet_json_writer w = wallet_json_writer(&out);
    struct cli_listing listing = {.left = LIMIT_DEFAULT, .json = cli->json ? &w : NULL};
    enum cli_exit exit = cli_limit(cli, &listing.left);
    if (exit != CLI_DONE) {
        return exit;
    }
    WALLET_AUTO_HOME home = cli_home(cli, list->need, &exit);
    if (home == NULL) {
        return exit;
    }
    const lw_err err = list_all(home, list, &listing, &w);
    if (err.code != LW_OK) {
        return cli_fail(cli, err, list->cannot, NULL);
    }
    if (cli->json) {
        cli_print(&out);
    } else if (listing.more) {
        fputs("There are more: --limit N shows more of them.\n", stderr);
    }
    return CLI_DONE;
}
