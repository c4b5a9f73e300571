#include "importing.h"

#include <stdio.h>
#include <stdlib.h>

#include "wallet/audit.h"
#include "wallet/record.h"

enum { PAGE = 64 };

#define MAP_HEAD                                                                                   \
    "\"number\":\"NO\",\"holder\":{\"type\":\"999\",\"code\":\"ACC\",\"name\":\"NAME\","           \
    "\"role\":\"holder\"},\"valid_from\":\"FROM\",\"valid_until\":\"TO\",\"issued\":\"ISSUED\","   \
    "\"state\":{\"column\":\"STATE\",\"values\":{\"AAI\":\"active\",\"AAC\":\"cancelled\","        \
    "\"REV\":\"revoked\",\"SUS\":\"suspended\"}},\"claims\":{\"legal_name\":\"NAME\","             \
    "\"address\":\"ADDR\",\"category\":\"CAT\",\"expiry_date\":\"TO\"},"                           \
    "\"date_format\":\"%Y-%m-%d\",\"encoding\":\"auto\"}"

const char support_import_map[] = "{\"version\":\"TERM\"," MAP_HEAD;
const char support_import_map_without_terms[] = "{" MAP_HEAD;

static const lw_str type_id = {.ptr = "business-license", .len = 16};

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fprintf(stderr, "test support: %s: %s\n", lw_code_name(err.code), err.why);
        abort();
    }
}

static void hold(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "test support: %s\n", what);
        abort();
    }
}

static void on_issue(void *ctx, const struct wallet_import_issue *issue)
{
    struct support_import *import = ctx;
    if (import->issue_count < SUPPORT_ISSUES_MAX) {
        struct support_issue *to = &import->issues[import->issue_count];
        *to = (struct support_issue){
            .line = issue->line, .other = issue->other, .fatal = issue->fatal};
        (void)snprintf(to->why, sizeof(to->why), "%s", issue->why);
        (void)snprintf(to->column, sizeof(to->column), "%.*s", (int)issue->column.len,
                       issue->column.len == 0 ? "" : issue->column.ptr);
    }
    import->issue_count++;
}

static bool on_stop(void *ctx)
{
    struct support_import *import = ctx;
    return ++import->asked == import->stop_at;
}

static void on_progress(void *ctx, const struct wallet_import_progress *progress)
{
    struct support_import *import = ctx;
    import->reported++;
    if (import->progress != NULL) {
        import->progress(import->ctx, progress);
    }
}

static void on_missing(void *ctx, const struct wallet_import_missing *missing)
{
    struct support_import *import = ctx;
    if (import->missing_count < SUPPORT_MISSING_MAX) {
        (void)snprintf(import->missing[import->missing_count], sizeof(import->missing[0]),
                       "%.*s %.*s", (int)missing->number.len, missing->number.ptr,
                       (int)missing->version.len, missing->version.ptr);
    }
    import->missing_count++;
}

static bool on_revoke(void *ctx, const struct wallet_import_result *found)
{
    struct support_import *import = ctx;
    import->asked_to_revoke = found->gone;
    return import->says_revoke;
}

lw_err support_import(struct wallet_home *home, lw_bytes csv, const char *map,
                      struct support_import *import)
{
    const struct wallet_import_watch watch = {.issue = on_issue,
                                              .progress = on_progress,
                                              .stop = on_stop,
                                              .missing = on_missing,
                                              .revoke = on_revoke,
                                              .ctx = import};
    struct wallet_import_order order = import->order;
    order.csv = csv;
    order.map = lw_str_bytes(lw_str_c(map));
    order.type = order.type.len == 0 ? type_id : order.type;
    order.actor = LW_STR("test");
    import->issue_count = 0;
    import->asked = 0;
    import->reported = 0;
    import->missing_count = 0;
    import->asked_to_revoke = 0;
    return wallet_flow_import(home, &order, &watch, &import->result);
}

struct wallet_import_result support_give(struct support_home *home, const char *name,
                                         const char *rows, const char *map,
                                         struct support_import *import)
{
    struct support_import none = {.stop_at = 0};
    struct support_import *to = import == NULL ? &none : import;
    LW_AUTO_BUF csv = LW_BUF(SUPPORT_REGISTER_MAX);
    must(lw_buf_put_c(&csv, SUPPORT_IMPORT_HEADER));
    must(lw_buf_put_c(&csv, rows));
    to->order.register_name = lw_str_c(name);
    must(support_import(home->home, lw_buf_view(&csv), map == NULL ? support_import_map : map, to));
    return to->result;
}

struct wallet_import_record support_batch(struct support_home *home, uint64_t number)
{
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_import_record record;
    must(wallet_read_begin(wallet_home_store(home->home), &txn));
    must(wallet_store_import_find(txn, number, &record));
    return record;
}

void support_load_version(struct support_home *home, const char *number, const char *version,
                          struct wallet_stored_license *stored)
{
    WALLET_AUTO_TXN txn = NULL;
    uint8_t id[WALLET_UUID_LEN];
    must(wallet_read_begin(wallet_home_store(home->home), &txn));
    must(wallet_store_license_find_version(txn, type_id, lw_str_c(number), lw_str_c(version), id));
    must(wallet_store_license_load(txn, id, WALLET_LOAD_ALL, stored));
}

void support_version_is(struct support_home *home, const char *number, const char *version,
                        enum wallet_state state)
{
    WALLET_AUTO_LICENSE stored = {.state = 0};
    support_load_version(home, number, version, &stored);
    if (stored.state != state) {
        fprintf(stderr, "test support: %s %s is %s, not %s\n", number, version,
                wallet_state_name(stored.state), wallet_state_name(state));
        abort();
    }
}

void support_import_row(lw_buf *csv, const char *number, const char *term, const char *from,
                        const char *until, const char *state)
{
    char line[512];
    (void)snprintf(line, sizeof(line),
                   "%s,%s,ACC-%s,Company %s,%s,%s,%s,%s,\"%s, Main Street\",Food\n", number, term,
                   number, number, from, until, from, state, number);
    must(lw_buf_put_c(csv, line));
}

size_t support_import_rows(lw_buf *csv, const char *prefix, size_t numbers)
{
    size_t rows = 0;
    for (size_t i = 1; i <= numbers; i++) {
        for (size_t k = 0; k < i % 3 + 1; k++) {
            char number[64];
            char term[96];
            char from[16];
            char until[16];
            (void)snprintf(number, sizeof(number), "%s-%zu", prefix, i);
            (void)snprintf(term, sizeof(term), "T-%s-%zu", number, k);
            (void)snprintf(from, sizeof(from), "%zu-05-01", 2021 + 3 * k);
            (void)snprintf(until, sizeof(until), "%zu-04-30", 2024 + 3 * k);
            support_import_row(csv, number, term, from, until, i % 7 == k ? "AAC" : "AAI");
            rows++;
        }
    }
    return rows;
}

static void check_record(struct wallet_home *home, const struct wallet_stored_license *stored)
{
    const struct wallet_snapshot *snapshot = NULL;
    struct wallet_record record;
    struct hsm_signer signer;
    must(wallet_home_signer(home, HSM_PURPOSE_CREDENTIAL, stored->license.issuer, &signer));
    must(wallet_home_snapshot(home, &snapshot));
    must(wallet_record_parse(stored->record, &record));
    must(wallet_record_verify(&record, &signer.key));
    must(wallet_record_matches(&record, wallet_snapshot_type(snapshot, stored->license.type),
                               &stored->license));
    wallet_snapshot_release(snapshot);
}

/* What is superseded has its successor, which has the same number. */
static void check_links(const struct wallet_txn *txn, const struct wallet_stored_license *stored,
                        bool ended)
{
    WALLET_AUTO_LICENSE next = {.state = 0};
    uint8_t id[WALLET_UUID_LEN];
    /* What was revoked or cancelled may have been mended by another. */
    hold(stored->has_successor || stored->state != WALLET_SUPERSEDED, "no successor");
    hold(!stored->has_successor || stored->state > WALLET_SUSPENDED, "a successor without need");
    const lw_err err = stored->has_successor ? wallet_store_license_load(txn, stored->successor,
                                                                         WALLET_LOAD_PUBLIC, &next)
                                             : LW_SUCCESS;
    hold(err.code == LW_OK || (!ended && err.code == LW_E_NOT_FOUND), "a successor is missing");
    if (stored->has_successor && err.code == LW_OK) {
        hold(lw_str_eq(next.license.number, stored->license.number),
             "a successor of another number");
    }
    must(wallet_store_license_find(txn, stored->license.type, stored->license.number, id));
    must(wallet_store_license_load(txn, id, WALLET_LOAD_PUBLIC, &next));
    hold(!ended || next.state != WALLET_SUPERSEDED, "a number that nothing stands for");
    hold(stored->state == WALLET_SUPERSEDED || stored->state > WALLET_SUSPENDED ||
             memcmp(id, stored->license.id, sizeof(id)) == 0,
         "two versions are in force");
    must(wallet_store_license_find_version(txn, stored->license.type, stored->license.number,
                                           stored->license.version, id));
    hold(memcmp(id, stored->license.id, sizeof(id)) == 0, "a version twice");
}

static void read_licenses(struct wallet_home *home, const struct wallet_txn *txn, bool ended,
                          struct support_held *held)
{
    const struct wallet_license_filter filter = {.type = type_id};
    struct wallet_page page = {.len = 0};
    while (!page.end) {
        uint8_t ids[PAGE][WALLET_UUID_LEN];
        size_t count = PAGE;
        must(wallet_store_license_page(txn, &filter, &page, ids, &count));
        for (size_t i = 0; i < count; i++) {
            WALLET_AUTO_LICENSE stored = {.state = 0};
            must(wallet_store_license_load(txn, ids[i], WALLET_LOAD_ALL, &stored));
            check_record(home, &stored);
            check_links(txn, &stored, ended);
            held->licenses++;
            held->by_state[stored.state]++;
        }
    }
}

static void read_log(const struct wallet_txn *txn, struct support_held *held)
{
    uint8_t root[WALLET_HASH_LEN];
    uint64_t size = 0;
    must(wallet_audit_head(txn, &size, root));
    for (uint64_t i = 0; i < size; i++) {
        struct wallet_audit_leaf leaf;
        must(wallet_audit_get(txn, i, &leaf));
        held->issued += leaf.event.kind == WALLET_AUDIT_LICENSE_ISSUED ? 1 : 0;
    }
}

void support_held(struct wallet_home *home, bool ended, struct support_held *held)
{
    struct wallet_store_found found;
    struct wallet_intent intents[PAGE];
    struct wallet_page page = {.len = 0};
    *held = (struct support_held){.licenses = 0};
    must(wallet_store_check(wallet_home_store(home), &found));
    hold(found.whole, found.why);
    WALLET_AUTO_TXN txn = NULL;
    must(wallet_read_begin(wallet_home_store(home), &txn));
    read_licenses(home, txn, ended, held);
    read_log(txn, held);
    while (!page.end) {
        size_t count = PAGE;
        must(wallet_store_license_intents(txn, &page, intents, &count));
        held->intents += count;
    }
}
