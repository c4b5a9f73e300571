/* lw license batch list | show | void, and lw license reissue: what imports brought, and mistakes.
 */
#include "cli_table.h"
#include "count.h"
#include "list.h"
#include "wallet/flow_mend.h"
#include "wallet/store_approval.h"
#include "wallet/store_license.h"

enum { PAGE = 32, OUTPUT_MAX = 32 * 1024 * 1024, HEX_TEXT = 2 * WALLET_IMPORT_HASH_LEN + 1 };
enum { SHOWN_MAX = 20, ISSUED_MAX = 4096 };

static const struct cli_option limit_options[] = {
    {"limit", "N", "Show at most N; 100 unless given.", false},
    {NULL, NULL, NULL, false},
};

static const struct cli_option reason_options[] = {
    {"reason", "TEXT", "Why, for people (required).", false},
    {NULL, NULL, NULL, false},
};

static const char batch_advice[] = "`lw license batch list` lists batches by number.";

static void put_counts(struct wallet_json_writer *w, const struct wallet_import_counts *c)
{
    wallet_json_member_int(w, "rows", (int64_t)c->rows);
    wallet_json_member_int(w, "good", (int64_t)c->good);
    wallet_json_member_int(w, "bad", (int64_t)c->bad);
    wallet_json_member_int(w, "new", (int64_t)c->fresh);
    wallet_json_member_int(w, "changed", (int64_t)c->changed);
    wallet_json_member_int(w, "same", (int64_t)c->same);
    wallet_json_member_int(w, "state_changes", (int64_t)c->states);
    wallet_json_member_int(w, "gone", (int64_t)c->gone);
    wallet_json_member_int(w, "gone_revoked", (int64_t)c->revoked);
}

static void put_hash(struct wallet_json_writer *w, const char *name,
                     const uint8_t hash[WALLET_IMPORT_HASH_LEN])
{
    char text[HEX_TEXT];
    for (size_t i = 0; i < WALLET_IMPORT_HASH_LEN; i++) {
        (void)snprintf(text + 2 * i, 3, "%02x", hash[i]);
    }
    wallet_json_member_c(w, name, text);
}

/* Of an import that needs two people: who they are, and how long it waits. */
static lw_err put_approval(const struct wallet_txn *txn, const struct wallet_import_record *r,
                           struct wallet_json_writer *w)
{
    struct wallet_approval a;
    const lw_err err = wallet_store_approval_get(txn, r->id, &a);
    if (err.code != LW_OK) {
        return err.code == LW_E_NOT_FOUND ? LW_SUCCESS : err;
    }
    wallet_json_put_name(w, "approval");
    wallet_json_put_object(w);
    wallet_json_member_c(w, "asked_by", a.asked.by);
    wallet_json_member_time(w, "asked", a.asked.at);
    wallet_json_member_time(w, "expires", a.expires);
    wallet_json_member_bool(w, "revoke_gone", a.revoke);
    wallet_json_member_bool(w, "keep_states", a.keep_states);
    if (a.decided.by[0] != '\0') {
        wallet_json_member_c(w, r->state == WALLET_IMPORT_REJECTED ? "rejected_by" : "approved_by",
                             a.decided.by);
        wallet_json_member_time(w, "decided", a.decided.at);
    }
    wallet_json_put_end(w);
    return LW_SUCCESS;
}

/* The members of a batch; the object is left open. */
static lw_err put_batch(const struct wallet_txn *txn, struct wallet_json_writer *w,
                        const struct wallet_import_record *r)
{
    wallet_json_put_object(w);
    wallet_json_member_int(w, "batch", (int64_t)r->number);
    wallet_json_member_c(w, "state", wallet_import_state_name(r->state));
    wallet_json_member_c(w, "type", r->type);
    wallet_json_member_c(w, "issuer", r->issuer);
    wallet_json_member_c(w, "register", r->register_name);
    wallet_json_member_c(w, "actor", r->actor);
    wallet_json_member_time(w, "begun", r->begun);
    wallet_json_member_time(w, "updated", r->updated);
    wallet_json_member_bool(w, "part", r->part);
    wallet_json_member_int(w, "issued", (int64_t)r->issued);
    put_counts(w, &r->counts);
    wallet_json_member_int(w, "shift_days", r->shift_days);
    put_hash(w, "file_sha256", r->file_hash);
    put_hash(w, "map_sha256", r->map_hash);
    if (r->voided != 0) {
        wallet_json_member_time(w, "voided", r->voided);
        wallet_json_member_c(w, "voided_by", r->voided_by);
        wallet_json_member_c(w, "reason", r->void_reason);
    }
    return put_approval(txn, r, w);
}

static lw_err print_line(const struct wallet_import_record *r)
{
    LW_AUTO_BUF begun = LW_BUF(64);
    const char *text = NULL;
    LW_TRY(lw_time_put(&begun, r->begun));
    LW_TRY(lw_buf_c(&begun, &text));
    printf(
        "%5llu  %-8s  %s  %s%s%s: %llu new, %llu changed, %llu the same, %llu bad; %llu issued\n",
        (unsigned long long)r->number, wallet_import_state_name(r->state), text, r->type,
        r->register_name[0] == '\0' ? "" : ", ", r->register_name,
        (unsigned long long)r->counts.fresh, (unsigned long long)r->counts.changed,
        (unsigned long long)r->counts.same, (unsigned long long)r->counts.bad,
        (unsigned long long)r->issued);
    return LW_SUCCESS;
}

static lw_err list_one(const struct wallet_txn *txn, const struct wallet_import_record *record,
                       struct wallet_json_writer *json)
{
    if (json == NULL) {
        return print_line(record);
    }
    LW_TRY(put_batch(txn, json, record));
    wallet_json_put_end(json);
    return LW_SUCCESS;
}

/* What waits for somebody is among the newest. */
static lw_err list_batches(struct wallet_home *home, struct cli_listing *listing)
{
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_page page = {.len = 0};
    LW_TRY(wallet_read_begin(wallet_home_store(home), &txn));
    while (!page.end && !listing->more) {
        static struct wallet_import_record records[PAGE]; /* large, one run of the program */
        size_t count = cli_listing_room(listing, PAGE);
        LW_TRY(wallet_store_import_newest(txn, &page, records, &count));
        for (size_t i = 0; i < count && cli_listing_take(listing); i++) {
            LW_TRY(list_one(txn, &records[i], listing->json));
        }
    }
    return LW_SUCCESS;
}

static enum cli_exit run_list(struct cli *cli)
{
    const struct cli_list list = {.name = "batches",
                                  .cannot = "cannot list the batches",
                                  .need = WALLET_HOME_READ,
                                  .limited = true,
                                  .list = list_batches};
    return cli_list(cli, &list);
}

static enum cli_exit read_number(struct cli *cli, uint64_t *number)
{
    int64_t n = 0;
    if (lw_str_int(cli_arg(cli, 0), &n).code != LW_OK || n < 1) {
        return cli_usage(cli, "the batch is given by its number");
    }
    *number = (uint64_t)n;
    return CLI_DONE;
}

static lw_err show_licenses(struct cli *cli, const struct wallet_txn *txn,
                            const struct wallet_import_record *record, size_t limit,
                            struct wallet_json_writer *json)
{
    struct wallet_page page = {.len = 0};
    while (!page.end && limit > 0) {
        uint8_t ids[PAGE][WALLET_UUID_LEN];
        size_t count = limit < PAGE ? limit : PAGE;
        LW_TRY(wallet_store_import_licenses(txn, record, &page, ids, &count));
        for (size_t i = 0; i < count; i++) {
            WALLET_AUTO_LICENSE license = {.state = 0};
            LW_TRY(wallet_store_license_load(txn, ids[i], WALLET_LOAD_PUBLIC, &license));
            LW_TRY(cli_license_line(&license, lw_now(cli->env.clock), json));
        }
        limit -= count;
    }
    return LW_SUCCESS;
}

static lw_err show_batch(struct cli *cli, struct wallet_home *home, uint64_t number, size_t limit,
                         struct wallet_json_writer *json)
{
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_import_record record;
    LW_TRY(wallet_read_begin(wallet_home_store(home), &txn));
    LW_TRY(wallet_store_import_find(txn, number, &record));
    LW_TRY(put_batch(txn, json, &record));
    wallet_json_put_name(json, "licenses");
    wallet_json_put_array(json);
    LW_TRY(show_licenses(cli, txn, &record, limit, json));
    wallet_json_put_end(json);
    wallet_json_put_end(json);
    return LW_SUCCESS;
}

static enum cli_exit run_show(struct cli *cli)
{
    LW_AUTO_BUF out = LW_BUF(OUTPUT_MAX);
    struct wallet_json_writer w = wallet_json_writer(&out);
    size_t limit = 100;
    uint64_t number = 0;
    enum cli_exit exit = cli_limit(cli, &limit);
    exit = exit == CLI_DONE ? read_number(cli, &number) : exit;
    if (exit != CLI_DONE) {
        return exit;
    }
    WALLET_AUTO_HOME home = cli_home(cli, WALLET_HOME_READ, &exit);
    if (home == NULL) {
        return exit;
    }
    lw_err err = show_batch(cli, home, number, limit, &w);
    err = err.code == LW_OK ? wallet_json_written(&w) : err;
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "cannot show the batch", batch_advice);
    }
    cli_print(&out);
    return CLI_DONE;
}

static void on_hindered(void *ctx, lw_str number, enum wallet_void_hindrance why, uint64_t by)
{
    size_t *told = ctx;
    if ((*told)++ >= SHOWN_MAX) {
        return;
    }
    switch (why) {
    case WALLET_VOID_PRESENTED:
        fprintf(stderr, "%.*s: a credential or pass was made of it\n", (int)number.len, number.ptr);
        return;
    case WALLET_VOID_CHANGED_SINCE:
        break;
    }
    if (by == 0) {
        fprintf(stderr, "%.*s: a later version of it was issued\n", (int)number.len, number.ptr);
    } else {
        fprintf(stderr, "%.*s: batch %llu issued its next version\n", (int)number.len, number.ptr,
                (unsigned long long)by);
    }
}

static void print_voided(const struct cli *cli, const struct wallet_void_result *r)
{
    if (cli->json) {
        printf("{\"revoked\": %llu, \"restored\": %llu, \"not_restored\": %llu, "
               "\"states_left\": %llu}\n",
               (unsigned long long)r->revoked, (unsigned long long)r->restored,
               (unsigned long long)r->unrestored, (unsigned long long)r->stays);
        return;
    }
    printf("%s revoked, %s before\n", CLI_COUNT(r->revoked, "license"),
           CLI_COUNT_OF(r->restored, "issued again as it was", "issued again as they were"));
    if (r->unrestored > 0) {
        printf("%s erased\n", CLI_COUNT_OF(r->unrestored, "not issued again: its holder was",
                                           "not issued again: their holders were"));
    }
    if (r->stays > 0) {
        printf("%s: `lw license resume` or `reissue` mends one\n",
               CLI_COUNT_OF(r->stays, "state that the batch set stays",
                            "states that the batch set stay"));
    }
}

static const char *void_advice(lw_err err, const struct wallet_void_result *r)
{
    if (r->hindered > 0) {
        return "Nothing was done. Void a later batch first; revoke what was presented by itself.";
    }
    switch (lw_err_class(err.code)) {
    case LW_CLASS_BUSY:
    case LW_CLASS_ENVIRONMENT:
        return "Give the same command again: it goes on from there.";
    case LW_CLASS_OK:
    case LW_CLASS_MISUSE:
    case LW_CLASS_INPUT:
    case LW_CLASS_REFUSED:
    case LW_CLASS_NOT_FOUND:
    case LW_CLASS_LIMIT:
        break;
    }
    return batch_advice;
}

static enum cli_exit run_void(struct cli *cli)
{
    struct wallet_void_result result;
    size_t told = 0;
    uint64_t number = 0;
    const struct wallet_void_watch watch = {.hindered = on_hindered, .ctx = &told};
    enum cli_exit exit = read_number(cli, &number);
    if (exit != CLI_DONE) {
        return exit;
    }
    if (cli_text(cli, "reason").len == 0) {
        return cli_usage(cli, "--reason is missing: why, for people");
    }
    WALLET_AUTO_HOME home = cli_home(cli, WALLET_HOME_SIGN, &exit);
    if (home == NULL) {
        return exit;
    }
    const lw_err err = wallet_flow_void_import(home, number, cli_text(cli, "reason"),
                                               LW_STR("operator"), &watch, &result);
    if (told > SHOWN_MAX) {
        fprintf(stderr, "... and %zu more\n", told - SHOWN_MAX);
    }
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "cannot void the batch", void_advice(err, &result));
    }
    print_voided(cli, &result);
    return CLI_DONE;
}

static enum cli_exit print_issued(struct cli *cli, const struct wallet_issued *issued)
{
    LW_AUTO_BUF out = LW_BUF(ISSUED_MAX);
    struct wallet_json_writer w = wallet_json_writer(&out);
    if (!cli->json) {
        printf("issued again: number %s, version %s\n", issued->number, issued->version);
        return CLI_DONE;
    }
    wallet_json_put_object(&w);
    wallet_json_member_c(&w, "number", issued->number);
    wallet_json_member_c(&w, "version", issued->version);
    wallet_json_put_end(&w);
    const lw_err err = wallet_json_written(&w);
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "the license is issued, but cannot be printed", NULL);
    }
    cli_print(&out);
    return CLI_DONE;
}

static enum cli_exit run_reissue(struct cli *cli)
{
    struct wallet_issued issued;
    enum cli_exit exit = CLI_DONE;
    if (cli_text(cli, "reason").len == 0) {
        return cli_usage(cli, "--reason is missing: why, for people");
    }
    WALLET_AUTO_HOME home = cli_home(cli, WALLET_HOME_SIGN, &exit);
    if (home == NULL) {
        return exit;
    }
    const lw_err err = wallet_flow_reissue(home, wallet_license_ref_parse(cli_arg(cli, 0)),
                                           cli_text(cli, "reason"), LW_STR("operator"), &issued);
    return err.code == LW_OK
               ? print_issued(cli, &issued)
               : cli_fail(cli, err, "cannot issue the license again",
                          "`lw license show NUMBER` shows its state and what mends it.");
}

const struct cli_command cli_batch_commands[] = {
    {.name = "license batch list",
     .args = "",
     .summary = "list the batches that imports brought",
     .text =
         "The one begun last first, with what each found when it compared the register with\n"
         "the store. An import that found nothing to do is no batch. One that needs two people\n"
         "is shown as waiting, rejected or expired until it is approved.\n\n"
         "Where there are more than were shown, standard error says so; with --json \"more\".",
     .options = limit_options,
     .run = run_list},
    {.name = "license batch show",
     .args = "BATCH",
     .args_min = 1,
     .args_max = 1,
     .summary = "show a batch with the licenses it issued",
     .text = "Prints JSON: who imported what and when, the hashes of file and map, the counts,\n"
             "and the licenses that the batch issued, as they stand now.",
     .options = limit_options,
     .run = run_show},
    {.name = "license batch void",
     .args = "BATCH",
     .args_min = 1,
     .args_max = 1,
     .summary = "take a batch back while nothing of it was presented",
     .text = "Revokes the licenses of the batch that are in force, with the reason, and issues\n"
             "again, as the next version, what they had taken the place of, as it was. Refused\n"
             "when a credential or pass was made of any license of it, or when a later batch\n"
             "issued a next version; these are named. States that the batch set stay, as final\n"
             "states never go back. After a crash the same command goes on.",
     .examples = "  lw license batch void 7 --reason \"imported with last year's map\"",
     .options = reason_options,
     .run = run_void},
    {.name = "license reissue",
     .args = "NUMBER",
     .args_min = 1,
     .args_max = 1,
     .summary = "issue again a license that was revoked or cancelled by mistake",
     .text = "Final states never go back: a mistake is mended by a new version of the number with\n"
             "the same holders, claims and validity, in force. Old and new name each other in\n"
             "`lw license show`, and the audit log says so. NUMBER may be TYPE/NUMBER.",
     .examples = "  lw license reissue 2163547 --reason \"revoked under the wrong number\"",
     .options = reason_options,
     .run = run_reissue},
    {.name = NULL},
};
