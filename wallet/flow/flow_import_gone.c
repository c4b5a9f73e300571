/* What earlier imports of a register brought and the file does not list any more. */
#define _GNU_SOURCE /* qsort_r */

#include <stdlib.h>

#include "flow_import_internal.h"

enum {
    PAGE = 64,
    RECORDS = 8,
    GONE_FEW = 5,    /* so many are never many */
    GONE_SHARE = 10, /* else a tenth of what is in force */
};

static bool is_mine(const struct import_run *run, const struct wallet_import_record *record)
{
    return lw_str_is(run->type->id, record->type) && lw_str_is(run->agency->id, record->issuer) &&
           lw_str_is(run->order->register_name, record->register_name);
}

lw_err import_find_others(struct import_run *run, const struct wallet_txn *txn)
{
    struct wallet_page page = {.len = 0};
    while (!page.end) {
        struct wallet_import_record records[RECORDS];
        size_t count = RECORDS;
        LW_TRY(wallet_store_import_page(txn, &page, records, &count));
        const size_t all = count == 0 ? run->earlier_count : (size_t)records[count - 1].number + 1;
        struct import_earlier *more = realloc(run->earlier, (all + 1) * sizeof(*more));
        if (more == NULL) {
            return LW_FAIL(LW_E_NOMEM, "import: out of memory", LW_NOWHERE);
        }
        run->earlier = more;
        memset(run->earlier + run->earlier_count, 0, (all - run->earlier_count) * sizeof(*more));
        run->earlier_count = all;
        for (size_t i = 0; i < count; i++) {
            run->earlier[records[i].number] =
                (struct import_earlier){.mine = is_mine(run, &records[i]),
                                        .voided = records[i].state == WALLET_IMPORT_VOIDING ||
                                                  records[i].state == WALLET_IMPORT_VOIDED};
        }
    }
    return LW_SUCCESS;
}

static lw_str text_of(const struct import_run *run, const struct import_number *number)
{
    return (lw_str){(const char *)run->bad_text.ptr + number->at, number->len};
}

static int by_number(const void *a, const void *b, void *run)
{
    return lw_bytes_cmp(lw_str_bytes(text_of(run, a)), lw_str_bytes(text_of(run, b)));
}

void import_sort_bad(struct import_run *run)
{
    if (run->bad_count > 1) {
        qsort_r(run->bad_numbers, run->bad_count, sizeof(*run->bad_numbers), by_number, run);
    }
    run->bad_sorted = run->bad_count;
}

/* Those found to be bad since they were put in order are few. */
static bool is_in_bad_row(const struct import_run *run, lw_str number)
{
    size_t low = 0;
    size_t high = run->bad_sorted;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = lw_bytes_cmp(lw_str_bytes(text_of(run, &run->bad_numbers[middle])),
                                       lw_str_bytes(number));
        if (order == 0) {
            return true;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    for (size_t i = run->bad_sorted; i < run->bad_count; i++) {
        if (lw_str_eq(text_of(run, &run->bad_numbers[i]), number)) {
            return true;
        }
    }
    return false;
}

static bool was_brought_by_mine(const struct import_run *run, uint64_t import)
{
    return import < run->earlier_count && run->earlier[import].mine;
}

lw_err import_take_gone(struct import_run *run, lw_str number, uint64_t import,
                        const uint8_t id[WALLET_UUID_LEN], int64_t valid_until)
{
    if (run->result->part || !was_brought_by_mine(run, import) || is_in_bad_row(run, number)) {
        return LW_SUCCESS;
    }
    if (run->now >= valid_until) {
        run->result->lapsed++;
        return LW_SUCCESS;
    }
    if (run->gone_count == run->gone_room) {
        const size_t room = run->gone_room == 0 ? PAGE : 2 * run->gone_room;
        struct import_gone *more = realloc(run->gone, room * sizeof(*more));
        if (more == NULL) {
            return LW_FAIL(LW_E_NOMEM, "import: out of memory", LW_NOWHERE);
        }
        run->gone = more;
        run->gone_room = room;
    }
    memcpy(run->gone[run->gone_count++].id, id, WALLET_UUID_LEN);
    return LW_SUCCESS;
}

/* Rows are sorted by number, in the order of bytes. */
static bool is_in_file(const struct import_run *run, lw_str number)
{
    size_t low = 0;
    size_t high = run->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = lw_bytes_cmp(lw_str_bytes(import_number(run, &run->rows[middle])),
                                       lw_str_bytes(number));
        if (order == 0) {
            return true;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return false;
}

static lw_err look_at(struct import_run *run, const struct wallet_txn *txn,
                      const uint8_t id[WALLET_UUID_LEN])
{
    WALLET_AUTO_LICENSE stored = {.state = 0};
    LW_TRY(wallet_store_license_load(txn, id, WALLET_LOAD_PUBLIC, &stored));
    if (was_brought_by_mine(run, stored.import) && run->now < stored.license.valid_until) {
        run->result->in_force++;
    }
    return is_in_file(run, stored.license.number)
               ? LW_SUCCESS
               : import_take_gone(run, stored.license.number, stored.import, id,
                                  stored.license.valid_until);
}

static lw_err look_through(struct import_run *run, const struct wallet_txn *txn,
                           enum wallet_state state)
{
    const struct wallet_license_filter filter = {.type = run->type->id, .state = state};
    struct wallet_page page = {.len = 0};
    while (!page.end) {
        uint8_t ids[PAGE][WALLET_UUID_LEN];
        size_t count = PAGE;
        LW_TRY(wallet_store_license_page(txn, &filter, &page, ids, &count));
        for (size_t i = 0; i < count; i++) {
            LW_TRY(look_at(run, txn, ids[i]));
        }
    }
    return LW_SUCCESS;
}

static bool has_any_mine(const struct import_run *run)
{
    for (size_t i = 0; i < run->earlier_count; i++) {
        if (run->earlier[i].mine) {
            return true;
        }
    }
    return false;
}

static lw_err tell_missing(struct import_run *run, const struct wallet_txn *txn)
{
    for (size_t i = 0; run->watch->missing != NULL && i < run->gone_count; i++) {
        WALLET_AUTO_LICENSE stored = {.state = 0};
        LW_TRY(wallet_store_license_load(txn, run->gone[i].id, WALLET_LOAD_PUBLIC, &stored));
        const struct wallet_import_missing missing = {.number = stored.license.number,
                                                      .version = stored.license.version,
                                                      .state = stored.state,
                                                      .valid_until = stored.license.valid_until};
        run->watch->missing(run->watch->ctx, &missing);
    }
    return LW_SUCCESS;
}

static lw_err find_all(struct import_run *run)
{
    WALLET_AUTO_TXN txn = NULL;
    LW_TRY(wallet_read_begin(run->home->store, &txn));
    if (!run->result->part && has_any_mine(run)) {
        LW_TRY(look_through(run, txn, WALLET_ACTIVE));
        LW_TRY(look_through(run, txn, WALLET_SUSPENDED));
    }
    run->result->gone = run->gone_count;
    return tell_missing(run, txn);
}

/* A file that was cut short, or is of another register, lists little of what is in force. */
static bool are_many(const struct import_run *run)
{
    return run->count == 0 ||
           (run->gone_count > GONE_FEW && run->gone_count > run->result->in_force / GONE_SHARE);
}

/* The watch may ask a person: no transaction is open while it does. */
lw_err import_find_gone(struct import_run *run)
{
    bool revoke = run->order->gone == WALLET_GONE_REVOKE;
    LW_TRY(find_all(run));
    if (run->gone_count == 0) {
        return LW_SUCCESS;
    }
    run->result->gone_many = are_many(run);
    if (run->unread > 0) {
        run->result->revoke_refused = revoke;
        return LW_SUCCESS;
    }
    if (revoke && run->result->gone_many && run->gone_count > run->order->gone_max) {
        run->result->gone_too_many = true;
        return LW_SUCCESS;
    }
    if (run->order->gone == WALLET_GONE_ASK && run->watch->revoke != NULL && !run->order->dry_run) {
        revoke = run->watch->revoke(run->watch->ctx, run->result);
    }
    run->revoke = revoke;
    run->result->revoked_gone = revoke ? run->gone_count : 0;
    return LW_SUCCESS;
}
