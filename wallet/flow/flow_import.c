/* The import of a register from its file to the end: what is needed, checked, begun, done. */
#include "wallet/flow_import.h"

#include <stdlib.h>

#include "flow_import_internal.h"
#include "wallet/flow_status.h"

enum { DOC_ERRORS_MAX = 32, TEXT_MAX = 1 << 30 };

static void free_run(struct import_run *run)
{
    wallet_import_plan_free(run->plan);
    wallet_csv_free(run->csv);
    wallet_import_map_free(run->map);
    wallet_snapshot_release(run->snapshot);
    for (size_t i = 0; i < run->type_count; i++) {
        wallet_license_type_free(run->types[i].doc);
    }
    lw_buf_free(&run->text);
    lw_buf_free(&run->bad_text);
    free(run->bad_numbers);
    free(run->earlier);
    free(run->gone);
    free(run->rows);
    import_drop_lock(run->lock);
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
    run->result->form.encoding = wallet_csv_encoding_of(run->csv);
    run->result->form.delimiter = wallet_csv_delimiter_of(run->csv);
    run->result->part =
        run->order->part ||
        wallet_csv_column(run->csv, LW_STR(WALLET_IMPORT_REASON_COLUMN)) != SIZE_MAX;
    return LW_SUCCESS;
}

static lw_err bind(struct import_run *run, int64_t shift_days)
{
    struct wallet_doc_error errors[DOC_ERRORS_MAX];
    size_t count = DOC_ERRORS_MAX;
    const struct wallet_import_binding binding = {
        .type = run->type, .csv = run->csv, .photos = run->order->photos, .shift_days = shift_days};
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
    *days = run->has_shift ? run->record.shift_days : run->order->shift_days;
    if (run->has_shift || !run->order->shift_auto) {
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

static void count_found(struct import_run *run)
{
    struct wallet_import_result *result = run->result;
    result->bad = run->bad;
    result->unread = run->unread;
    for (size_t i = 0; i < run->count; i++) {
        const struct import_row *row = &run->rows[i];
        if (row->clash) {
            result->bad++;
            continue;
        }
        result->good++;
        result->already += row->there ? 1 : 0;
        result->kept += row->kept ? 1 : 0;
        result->states += row->state_to != 0 ? 1 : 0;
        result->changed += row->changed && !row->there ? 1 : 0;
        result->fresh += !row->changed && !row->there ? 1 : 0;
        result->renewed += !row->changed && row->supersedes ? 1 : 0;
    }
}

static bool has_work(const struct import_run *run)
{
    const struct wallet_import_result *found = run->result;
    return found->fresh + found->changed + found->states + found->revoked_gone > 0;
}

/* What is revoked first is not superseded; what is gone goes last. */
static lw_err carry_out(struct import_run *run)
{
    LW_TRY(import_begin(run));
    LW_TRY(import_set_states(run));
    LW_TRY(import_issue(run));
    if (run->result->stopped) {
        return LW_SUCCESS;
    }
    LW_TRY(import_revoke_gone(run));
    return import_end(run);
}

static lw_err compare(struct import_run *run)
{
    import_sort_bad(run);
    lw_err err = import_compare(run);
    err = err.code == LW_OK ? import_find_gone(run) : err;
    count_found(run);
    return err;
}

/* What is found by file, map and type's version is what was asked for, and as it was read. */
static lw_err check_approved(const struct import_run *run)
{
    const struct import_approval *a = run->approval;
    if (a != NULL &&
        (!run->known || memcmp(run->record.id, a->record.id, sizeof(a->record.id)) != 0)) {
        return LW_FAIL(LW_E_CONFLICT,
                       "approve: the license type changed since, or another decided just now",
                       LW_NOWHERE);
    }
    return LW_SUCCESS;
}

static lw_err run_import(struct import_run *run)
{
    LW_TRY(open_catalog(run));
    LW_TRY(check_shift(run));
    LW_TRY(import_check_by(run));
    if (!run->order->dry_run && run->home->pool == NULL) {
        return LW_FAIL(LW_E_MISUSE, "import: the home is not opened to sign", LW_NOWHERE);
    }
    if (!run->order->dry_run) {
        LW_TRY(import_take_lock(run->home, &run->lock));
    }
    LW_TRY(open_file(run));
    LW_TRY(import_find_earlier(run));
    LW_TRY(check_approved(run));
    LW_TRY(read_file(run));
    if (!run->order->dry_run) {
        LW_TRY(import_void_left(run->home, run->now));
    }
    LW_TRY(compare(run));
    if (run->order->dry_run || (!has_work(run) && !run->known)) {
        return LW_SUCCESS;
    }
    if (run->approval == NULL && run->type->two_people) {
        return has_work(run) ? import_wait(run) : LW_SUCCESS;
    }
    if (run->approval != NULL) {
        LW_TRY(import_approve(run));
    }
    return carry_out(run);
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

/* Of a run that issues nothing the rows count as what they would be. */
static void count_states(const struct import_run *run)
{
    const bool only_looks = run->order->dry_run || run->result->waiting;
    for (size_t i = 0; i < run->count; i++) {
        const struct import_row *row = &run->rows[i];
        if (row->there || row->issued || (only_looks && !row->clash)) {
            count_state(row, run->now, run->result);
        }
    }
}

lw_err import_execute(struct wallet_home *home, const struct wallet_import_order *order,
                      const struct wallet_import_watch *watch, struct import_approval *approval,
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
    run->approval = approval;
    run->result = result;
    run->lock = -1;
    run->bad_text = LW_BUF(TEXT_MAX);
    run->now = lw_now(home->env->clock);
    run->checked_at = run->now;
    run->salts.from = home->env->rng;
    lw_err err = run_import(run);
    count_states(run);
    if (run->superseded) {
        size_t published = 0;
        const lw_err lists = wallet_flow_publish_status(home, &published);
        err = err.code == LW_OK ? lists : err;
    }
    free_run(run);
    free(run);
    return err;
}

lw_err wallet_flow_import(struct wallet_home *home, const struct wallet_import_order *order,
                          const struct wallet_import_watch *watch,
                          struct wallet_import_result *result)
{
    return import_execute(home, order, watch, NULL, result);
}
