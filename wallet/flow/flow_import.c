/* The import of a register from its file to the end: what is needed, checked, begun, done. */
#define _GNU_SOURCE

#include "wallet/flow_import.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "flow_import_internal.h"
#include "hsm/digest.h"
#include "wallet/flow_status.h"

enum { DOC_ERRORS_MAX = 32, SHIFT_TEXT = 24, LOCK_MODE = 0600 };

static void free_run(struct import_run *run)
{
    wallet_import_plan_free(run->plan);
    wallet_csv_free(run->csv);
    wallet_import_map_free(run->map);
    wallet_snapshot_release(run->snapshot);
    lw_buf_free(&run->text);
    free(run->rows);
    if (run->lock >= 0) {
        (void)close(run->lock);
    }
}

static bool is_among(const lw_str *list, size_t count, lw_str text)
{
    for (size_t i = 0; i < count; i++) {
        if (lw_str_eq(list[i], text)) {
            return true;
        }
    }
    return false;
}

static lw_err open_catalog(struct import_run *run)
{
    LW_TRY(wallet_home_snapshot(run->home, &run->snapshot));
    run->type = wallet_snapshot_type(run->snapshot, run->order->type);
    if (run->type == NULL) {
        return LW_FAIL(LW_E_NOT_FOUND, "import: there is no such license type", LW_NOWHERE);
    }
    if (run->order->issuer.len == 0 && run->type->issuer_count != 1) {
        return LW_FAIL(LW_E_VALUE, "import: several agencies issue this type: name one",
                       LW_NOWHERE);
    }
    run->agency = wallet_snapshot_agency(
        run->snapshot, run->order->issuer.len == 0 ? run->type->issuers[0] : run->order->issuer);
    if (run->agency == NULL) {
        return LW_FAIL(LW_E_NOT_FOUND, "import: there is no such agency", LW_NOWHERE);
    }
    if (!is_among(run->type->issuers, run->type->issuer_count, run->agency->id) ||
        !is_among(run->agency->issues, run->agency->issue_count, run->type->id)) {
        return LW_FAIL(LW_E_DENIED, "import: the agency may not issue this type", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

/* Dates of licenses that are meant are never moved. */
static lw_err check_shift(const struct import_run *run)
{
    const bool moves = run->order->shift_auto || run->order->shift_days != 0;
    return moves && !run->home->config->development
               ? LW_FAIL(LW_E_DENIED,
                         "import: dates are moved only where the configuration says development",
                         LW_NOWHERE)
               : LW_SUCCESS;
}

/* One import at a time: what is open of another is then known to be left over. */
static lw_err take_lock(struct import_run *run)
{
    char path[HOME_PATH_MAX];
    if (run->home->pool == NULL) {
        return LW_FAIL(LW_E_MISUSE, "import: the home is not opened to sign", LW_NOWHERE);
    }
    LW_TRY(home_path(run->home->config, "import.lock", path));
    run->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, LOCK_MODE);
    if (run->lock < 0) {
        return LW_FAIL(LW_E_IO, "import: cannot open import.lock in the home folder", LW_NOWHERE);
    }
    if (flock(run->lock, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK
                   ? LW_FAIL(LW_E_BUSY, "import: another import is running in this home",
                             LW_NOWHERE)
                   : LW_FAIL(LW_E_IO, "import: cannot lock import.lock", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

static void tell_doc_errors(struct import_run *run, lw_err err,
                            const struct wallet_doc_error *errors, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct import_place place = {.column = lw_str_c(errors[i].pointer)};
        import_tell(run, place, errors[i].what, true);
    }
    if (count == 0) {
        import_tell(run, (struct import_place){.line = 0}, err.why, true);
    }
}

static lw_err open_file(struct import_run *run)
{
    struct wallet_doc_error errors[DOC_ERRORS_MAX];
    size_t count = DOC_ERRORS_MAX;
    struct wallet_csv_form form = run->order->form;
    struct wallet_csv_fault fault;
    lw_err err = wallet_import_map_read(run->order->map, &run->map, errors, &count);
    if (err.code != LW_OK) {
        tell_doc_errors(run, err, errors, count);
        return LW_FAIL(err.code, "import: the map does not hold", LW_NOWHERE);
    }
    const struct wallet_csv_form by_map = wallet_import_map_form(run->map);
    form.encoding = form.encoding == WALLET_CSV_AUTO ? by_map.encoding : form.encoding;
    form.delimiter = form.delimiter == WALLET_CSV_ANY ? by_map.delimiter : form.delimiter;
    err = wallet_csv_open_as(&run->csv, run->order->csv, &form, &fault);
    if (err.code != LW_OK) {
        const struct import_place place = {.line = fault.line, .column = lw_str_c(fault.column)};
        import_tell(run, place, err.why, true);
        return err;
    }
    run->result->header = wallet_csv_header_raw(run->csv);
    return LW_SUCCESS;
}

/*
 * An import is known by all that decides its rows. Of a move that is chosen here that it is
 * chosen, so that the same command tomorrow finds it, and takes the days from the journal.
 */
static lw_err name_import(struct import_run *run)
{
    uint8_t csv[HSM_SHA256_LEN];
    uint8_t map[HSM_SHA256_LEN];
    char shift[SHIFT_TEXT] = "auto";
    char version[SHIFT_TEXT];
    LW_TRY(hsm_sha256(run->order->csv, csv));
    LW_TRY(hsm_sha256(run->order->map, map));
    (void)snprintf(version, sizeof(version), "%u", run->type->version);
    if (!run->order->shift_auto) {
        (void)snprintf(shift, sizeof(shift), "%lld", (long long)run->order->shift_days);
    }
    const lw_bytes parts[] = {LW_BYTES(csv),
                              LW_BYTES(map),
                              lw_str_bytes(run->type->id),
                              lw_str_bytes(lw_str_c(version)),
                              lw_str_bytes(run->agency->id),
                              lw_str_bytes(lw_str_c(shift))};
    return wallet_import_id(parts, sizeof(parts) / sizeof(parts[0]), run->record.id);
}

static lw_err find_earlier(struct import_run *run)
{
    struct wallet_import_record found;
    WALLET_AUTO_TXN txn = NULL;
    LW_TRY(name_import(run));
    LW_TRY(wallet_read_begin(run->home->store, &txn));
    const lw_err err = wallet_store_import_get(txn, run->record.id, &found);
    if (err.code == LW_OK) {
        run->known = true;
        run->record = found;
        run->checked_at = found.begun;
        run->result->resumed = true;
    }
    return err.code == LW_E_NOT_FOUND ? LW_SUCCESS : err;
}

static lw_err bind(struct import_run *run, int64_t shift_days)
{
    struct wallet_doc_error errors[DOC_ERRORS_MAX];
    size_t count = DOC_ERRORS_MAX;
    const struct wallet_import_binding binding = {
        .type = run->type, .csv = run->csv, .shift_days = shift_days};
    wallet_import_plan_free(run->plan);
    run->plan = NULL;
    const lw_err err = wallet_import_plan_new(&run->plan, run->map, &binding, errors, &count);
    if (err.code == LW_E_VALUE || err.code == LW_E_LIMIT) {
        tell_doc_errors(run, err, errors, count);
        return LW_FAIL(err.code, "import: the map does not fit the file or the license type",
                       LW_NOWHERE);
    }
    return err;
}

static lw_err choose_shift(struct import_run *run, int64_t *days)
{
    *days = run->known ? run->record.shift_days : run->order->shift_days;
    if (run->known || !run->order->shift_auto) {
        return LW_SUCCESS;
    }
    LW_TRY(bind(run, 0));
    LW_TRY(import_read(run, true));
    return import_choose_shift(run, run->now, days);
}

static lw_err read_file(struct import_run *run)
{
    int64_t days = 0;
    LW_TRY(choose_shift(run, &days));
    run->result->shift_days = days;
    LW_TRY(bind(run, days));
    LW_TRY(import_read(run, false));
    run->result->rows = run->seen;
    return LW_SUCCESS;
}

static lw_err text_copy(char *to, size_t room, lw_str text)
{
    if (text.len >= room) {
        return LW_FAIL(LW_E_LIMIT, "import: an id or the actor is too long", LW_NOWHERE);
    }
    (void)snprintf(to, room, "%.*s", (int)text.len, text.len == 0 ? "" : text.ptr);
    return LW_SUCCESS;
}

/* What the journal will say of this import; one that is known must be the same. */
static lw_err fill_record(struct import_run *run)
{
    struct wallet_import_record *r = &run->record;
    LW_TRY(text_copy(r->type, sizeof(r->type), run->type->id));
    LW_TRY(text_copy(r->issuer, sizeof(r->issuer), run->agency->id));
    LW_TRY(text_copy(r->actor, sizeof(r->actor), run->order->actor));
    r->rows = run->seen;
    r->good = run->count;
    r->bad = run->bad;
    if (!run->known) {
        r->batch_size = run->order->batch_rows == 0 ? IMPORT_BATCH_ROWS : run->order->batch_rows;
        r->begun = run->now;
        r->shift_days = run->result->shift_days;
    }
    return LW_SUCCESS;
}

static lw_err run_import(struct import_run *run)
{
    LW_TRY(open_catalog(run));
    LW_TRY(check_shift(run));
    if (!run->order->dry_run) {
        LW_TRY(take_lock(run));
    }
    LW_TRY(open_file(run));
    LW_TRY(find_earlier(run));
    LW_TRY(read_file(run));
    if (run->order->dry_run) {
        return import_compare(run);
    }
    if (run->count == 0) {
        return LW_SUCCESS;
    }
    LW_TRY(fill_record(run));
    LW_TRY(import_begin(run));
    LW_TRY(import_compare(run));
    return import_issue(run);
}

static void count_state(const struct import_row *row, int64_t now,
                        struct wallet_import_result *result)
{
    const bool ended = now >= row->valid_until;
    switch ((enum wallet_state)row->state) {
    case WALLET_ACTIVE:
        result->active += ended ? 0 : 1;
        result->expired += ended ? 1 : 0;
        return;
    case WALLET_SUSPENDED:
        result->suspended += ended ? 0 : 1;
        result->expired += ended ? 1 : 0;
        return;
    case WALLET_REVOKED:
        result->revoked++;
        return;
    case WALLET_CANCELLED:
        result->cancelled++;
        return;
    case WALLET_SUPERSEDED:
        result->superseded++;
        return;
    }
}

static void count_rows(const struct import_run *run)
{
    struct wallet_import_result *result = run->result;
    result->bad = run->bad;
    for (size_t i = 0; i < run->count; i++) {
        const struct import_row *row = &run->rows[i];
        result->bad += row->clash ? 1 : 0;
        result->good += row->clash ? 0 : 1;
        result->already += row->there ? 1 : 0;
        if (row->there || row->issued || (run->order->dry_run && !row->clash)) {
            count_state(row, run->now, result);
        }
    }
}

lw_err wallet_flow_import(struct wallet_home *home, const struct wallet_import_order *order,
                          const struct wallet_import_watch *watch,
                          struct wallet_import_result *result)
{
    struct import_run *run = calloc(1, sizeof(*run)); /* too large for a stack */
    if (run == NULL) {
        return LW_FAIL(LW_E_NOMEM, "import: out of memory", LW_NOWHERE);
    }
    *result = (struct wallet_import_result){.rows = 0};
    run->home = home;
    run->order = order;
    run->watch = watch;
    run->result = result;
    run->lock = -1;
    run->now = lw_now(home->env->clock);
    run->checked_at = run->now;
    run->salts.from = home->env->rng;
    lw_err err = run_import(run);
    count_rows(run);
    if (run->superseded) {
        size_t published = 0;
        const lw_err lists = wallet_flow_publish_status(home, &published);
        err = err.code == LW_OK ? lists : err;
    }
    free_run(run);
    free(run);
    return err;
}
