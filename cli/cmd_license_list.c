/* lw license list: a page of licenses by type and state. */
#include "cli_table.h"
#include "wallet/json_write.h"
#include "wallet/store_license.h"

enum {
    PAGE = 256,
    LIMIT = 100,
    EXAMINED_MAX = 20000, /* of a page whose state follows from the clock */
    OUTPUT_MAX = 512 * 1024 * 1024,
    CURSOR_MAX = 512,
};

static const struct cli_option options[] = {
    {"type", "ID", "Of this type only.", false},
    {"state", "STATE", "active, suspended, revoked, cancelled, superseded or expired.", false},
    {"newest", NULL, "The newest first.", false},
    {"after", "CURSOR", "Go on where a list ended.", false},
    {"limit", "N", "Show at most N; 100 unless given.", false},
    {NULL, NULL, NULL, false},
};

struct listing {
    struct cli *cli;
    struct wallet_license_filter filter;
    struct wallet_page page;
    size_t left;                     /* may still be shown */
    size_t examined;                 /* may still be read */
    struct wallet_json_writer *json; /* NULL: lines */
};

/* "expired" is not a state of the store, so what is listed is filtered by the clock as well. */
static bool wanted(const struct wallet_stored_license *license, const char *state, int64_t now)
{
    return state == NULL || lw_str_is(lw_str_c(cli_license_state(license, now)), state);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Never reads more ids than may be shown, so that the page's place is that of the last one read. */
static lw_err list_some(const struct wallet_txn *txn, struct listing *l)
{
    const int64_t now = lw_now(l->cli->env.clock);
    uint8_t ids[PAGE][WALLET_UUID_LEN];
    size_t count = least(PAGE, least(l->left, l->examined));
    LW_TRY(wallet_store_license_page(txn, &l->filter, &l->page, ids, &count));
    l->examined -= count;
    for (size_t i = 0; i < count; i++) {
        WALLET_AUTO_LICENSE license = {.state = 0};
        LW_TRY(wallet_store_license_load(txn, ids[i], WALLET_LOAD_PUBLIC, &license));
        if (wanted(&license, cli_get(l->cli, "state"), now)) {
            LW_TRY(cli_license_line(&license, now, l->json));
            l->left--;
        }
    }
    return LW_SUCCESS;
}

static lw_err list_page(struct wallet_home *home, struct listing *l)
{
    WALLET_AUTO_TXN txn = NULL;
    const char *state = cli_get(l->cli, "state");
    if (state != NULL && !lw_str_is(lw_str_c(state), "expired")) {
        LW_TRY(wallet_state_parse(lw_str_c(state), &l->filter.state));
    }
    LW_TRY(wallet_read_begin(wallet_home_store(home), &txn));
    while (!l->page.end && l->left > 0 && l->examined > 0) {
        LW_TRY(list_some(txn, l));
    }
    return LW_SUCCESS;
}

static lw_err put_next(const struct listing *l, struct wallet_json_writer *w)
{
    LW_AUTO_BUF cursor = LW_BUF(CURSOR_MAX);
    LW_TRY(wallet_page_put(&l->page, &cursor));
    if (l->json == NULL && !l->page.end) {
        fprintf(stderr, "There may be more: go on with --after %.*s\n", (int)cursor.len,
                (const char *)cursor.ptr);
    }
    wallet_json_put_name(w, "next");
    if (l->page.end) {
        wallet_json_put_null(w);
    } else {
        wallet_json_put_text(w, lw_buf_text(&cursor));
    }
    return LW_SUCCESS;
}

static lw_err list(struct wallet_home *home, struct listing *l, struct wallet_json_writer *w)
{
    wallet_json_put_object(w);
    wallet_json_put_name(w, "licenses");
    wallet_json_put_array(w);
    LW_TRY(list_page(home, l));
    wallet_json_put_end(w);
    LW_TRY(put_next(l, w));
    wallet_json_put_end(w);
    return wallet_json_written(w);
}

static enum cli_exit read_options(struct cli *cli, struct listing *l)
{
    *l = (struct listing){
        .cli = cli,
        .filter = {.type = cli_text(cli, "type"), .newest_first = cli_has(cli, "newest")},
        .left = LIMIT};
    const enum cli_exit exit = cli_limit(cli, &l->left);
    l->examined = l->left > EXAMINED_MAX ? l->left : EXAMINED_MAX;
    if (exit == CLI_DONE && cli_has(cli, "after") &&
        wallet_page_read(cli_text(cli, "after"), &l->page).code != LW_OK) {
        return cli_usage(cli, "--after is what a list named as its next");
    }
    return exit;
}

static const char *advice(lw_err err)
{
    return err.code == LW_E_VALUE && lw_str_starts(lw_str_c(err.why), LW_STR("license: no place"))
               ? "--after is what `lw license list` of the same type and state named as its next."
               : "STATE is active, suspended, revoked, cancelled, superseded or expired.";
}

static enum cli_exit run_list(struct cli *cli)
{
    LW_AUTO_BUF out = LW_BUF(OUTPUT_MAX);
    struct wallet_json_writer w = wallet_json_writer(&out);
    struct listing l;
    enum cli_exit exit = read_options(cli, &l);
    if (exit != CLI_DONE) {
        return exit;
    }
    WALLET_AUTO_HOME home = cli_home(cli, WALLET_HOME_READ, &exit);
    if (home == NULL) {
        return exit;
    }
    l.json = cli->json ? &w : NULL;
    const lw_err err = list(home, &l, &w);
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "cannot list the licenses", advice(err));
    }
    if (cli->json) {
        cli_print(&out);
    }
    return CLI_DONE;
}

const struct cli_command cli_license_list_commands[] = {
    {.name = "license list",
     .args = "",
     .summary = "list licenses by type and state, page by page",
     .text =
         "In the order in which they were issued. A license past its end is listed as\n"
         "expired, whatever it was before.\n"
         "\n"
         "Where there may be more, standard error names a cursor to go on with; with --json it\n"
         "is \"next\", null at the end. A cursor stays good while licenses are issued and\n"
         "changed: nothing is shown twice, nothing that was there all the time is missed.\n"
         "\n"
         "A page reads 20,000 licenses at most (or --limit, when that is more). Of those\n"
         "that are expired, and so no more active or suspended, a page may therefore be\n"
         "shorter than its limit, or empty, with more to come.",
     .examples = "  lw license list --type food-permit --state revoked --limit 50\n"
                 "  lw license list --limit 50 --after AZ2u3S_Xc2a0Fh4vNzsx6A",
     .options = options,
     .run = run_list},
    {.name = NULL},
};
