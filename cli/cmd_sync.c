/* lw sync: what a gate needs to verify with no network. */
#include "cli_table.h"
#include "count.h"
#include "idp/client.h"
#include "wallet/flow_sync.h"

enum { TIMEOUT_MS = 20000, DOCUMENT_MAX = 8 * 1024 * 1024, REDIRECTS = 3 };

static const struct cli_option options[] = {
    {"server", "URL", "The service to fetch from (required).", false},
    {"to", "DIR", "The folder to fill (required).", false},
    {"pin", "SHA256", "Pin of the trust list's key; required the first time.", false},
    {NULL, NULL, NULL, false},
};

static lw_err fetch(void *ctx, lw_str uri, const char *accept, lw_buf *body)
{
    const struct wallet_sync_order *order = ctx;
    const struct idp_fetch_limits limits = {.timeout_ms = TIMEOUT_MS,
                                            .body_max = DOCUMENT_MAX,
                                            .loopback_http = idp_uri_is_loopback(order->server),
                                            .exact_type = true,
                                            .redirects = REDIRECTS};
    struct idp_fetch_result result;
    return idp_fetch(&limits, uri, accept, body, &result);
}

static const char *advice_for(lw_err err)
{
    switch (err.code) {
    case LW_E_UNTRUSTED:
    case LW_E_SIGNATURE:
        return "The trust list is not signed by the pinned key: do not use it. Ask its issuer.";
    case LW_E_CONFLICT:
        return "The folder stays as it was. If the server was restored from an old copy, ask its "
               "operator.";
    case LW_E_DENIED:
        return "The server needs https; http is taken from this machine only.";
    case LW_E_NETWORK:
    case LW_E_TIMEOUT:
        return "The folder stays as it was and is good until its lists end.";
    default:
        return NULL;
    }
}

static enum cli_exit run_sync(struct cli *cli)
{
    struct wallet_sync_result result;
    if (!cli_has(cli, "server") || !cli_has(cli, "to")) {
        return cli_usage(cli, "--server and --to are needed");
    }
    struct wallet_sync_order order = {
        .server = cli_text(cli, "server"),
        .dir = cli_get(cli, "to"),
        .pin = cli_text(cli, "pin"),
        .fetch = fetch,
    };
    order.fetch_ctx = &order;
    const lw_err err = wallet_flow_sync(&order, &cli->env, &result);
    if (err.code == LW_E_VALUE) {
        (void)cli_fail(cli, err, "no pin",
                       "`lw key list` shows it at the issuer: the column of the key tl. Give it "
                       "with --pin.");
        return CLI_USAGE;
    }
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "cannot fetch", advice_for(err));
    }
    if (cli->json) {
        printf("{\"trust_list_version\": %llu, \"lists\": %zu, \"kept\": %zu, \"types\": %zu}\n",
               (unsigned long long)result.trust_list_version, result.lists_fetched,
               result.lists_kept, result.types);
    } else {
        printf("trust list %llu, %s (%s), %s\n", (unsigned long long)result.trust_list_version,
               CLI_COUNT(result.lists_fetched, "status list"),
               CLI_COUNT_OF(result.lists_kept, "kept as it was", "kept as they were"),
               CLI_COUNT(result.types, "type"));
    }
    return CLI_DONE;
}

const struct cli_command cli_sync_commands[] = {
    {.name = "sync",
     .args = "",
     .summary = "fetch what is needed to verify with no network",
     .text = "Fetches the signed trust list, the license types and every status list into a\n"
             "folder for `lw verify --offline`. The list's key is pinned the first time; an older\n"
             "list than the one held, or a different one of the same version, is refused. Each\n"
             "file is replaced whole. The server is asked by https; by http only where it is\n"
             "given as an address of this machine.",
     .examples = "  lw sync --server https://wallet.example.org --to /srv/gate --pin 5f2c...",
     .options = options,
     .run = run_sync},
    {.name = NULL},
};
