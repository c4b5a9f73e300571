#include <assert.h>

#include "import_plan.h"
#include "lw/clock.h"
#include "wallet/cbor.h"
#include "wallet/numbering.h"
#include "wallet/value.h"

enum { TAG_TIME = 1, TAG_DATE = 100 };

/* Days of the years 0001 to 9999. */
static const int64_t first_day = -719162;
static const int64_t last_day = 2932896;

/* One row on its way. */
struct conversion {
    struct wallet_import_plan *plan;
    const struct wallet_csv_row *cells;
    struct wallet_import_row *row;
    size_t faults; /* all of them; the row keeps the first few */
};

/* What an expression came to. */
struct text {
    lw_str value;  /* trimmed; empty when all its columns are */
    bool has_gaps; /* one of its columns is empty */
};

struct date {
    bool present;
    int64_t days;
};

/* The first column of an expression names the place of its errors. */
static lw_str column_of(struct conversion *c, const struct import_expr *expr)
{
    for (size_t i = 0; i < expr->count; i++) {
        if (expr->parts[i].column != SIZE_MAX) {
            return wallet_csv_column_name(c->plan->csv, expr->parts[i].column);
        }
    }
    return LW_STR("");
}

static void add_error(struct conversion *c, const struct import_expr *expr, const char *why)
{
    struct wallet_import_row *row = c->row;
    const lw_str column = column_of(c, expr);
    c->faults++;
    for (size_t i = 0; i < row->error_count; i++) {
        /* One column may feed a date and a claim: once is enough. */
        if (lw_str_eq(row->errors[i].column, column) && strcmp(row->errors[i].why, why) == 0) {
            return;
        }
    }
    if (row->error_count < WALLET_ROW_ERRORS_MAX) {
        row->errors[row->error_count++] = (struct wallet_row_error){.column = column, .why = why};
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static lw_str trimmed(lw_str s)
{
    while (s.len > 0 && is_blank(s.ptr[0])) {
        s = lw_str_from(s, 1);
    }
    while (s.len > 0 && is_blank(s.ptr[s.len - 1])) {
        s.len--;
    }
    return s;
}

static lw_str cell(struct conversion *c, size_t column)
{
    return trimmed(c->cells->cells[column]);
}

/* A template's text is put into the arena, where it stays until the next row. */
static lw_err join(struct conversion *c, const struct import_expr *expr, struct text *out)
{
    lw_buf *arena = &c->plan->arena;
    const size_t before = arena->len;
    bool all_empty = true;
    for (size_t i = 0; i < expr->count; i++) {
        const struct import_part *part = &expr->parts[i];
        const bool literal = part->column == SIZE_MAX;
        const lw_str piece = literal ? part->literal : cell(c, part->column);
        all_empty = all_empty && (literal || piece.len == 0);
        out->has_gaps = out->has_gaps || piece.len == 0;
        LW_TRY(lw_buf_put_str(arena, piece));
    }
    out->value = all_empty ? LW_STR("")
                           : trimmed((lw_str){.ptr = (const char *)arena->ptr + before,
                                              .len = arena->len - before});
    return LW_SUCCESS;
}

static struct text text_of(struct conversion *c, const struct import_expr *expr)
{
    struct text out = {.value = LW_STR("")};
    if (expr->count == 1 && expr->parts[0].column != SIZE_MAX) {
        out.value = cell(c, expr->parts[0].column);
        out.has_gaps = out.value.len == 0;
    } else if (join(c, expr, &out).code != LW_OK) {
        add_error(c, expr, "the row is too long");
        out = (struct text){.value = LW_STR("")};
    }
    return out;
}

static bool has_control(lw_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        const unsigned char ch = (unsigned char)s.ptr[i];
        if (ch < ' ' || ch == 0x7f) {
            return true;
        }
    }
    return false;
}

/* Reads what identifies: every column of it must be there. */
static lw_str key_of(struct conversion *c, const struct import_expr *expr, size_t max)
{
    const struct text key = text_of(c, expr);
    if (key.has_gaps) {
        add_error(c, expr, "is empty");
    } else if (key.value.len > max) {
        add_error(c, expr, "is too long");
    } else if (has_control(key.value)) {
        add_error(c, expr, "holds a control character");
    } else {
        return key.value;
    }
    return LW_STR("");
}

static void convert_number(struct conversion *c)
{
    const struct wallet_import_plan *plan = c->plan;
    struct wallet_gbt36904 parts;
    c->row->number = key_of(c, &plan->number, WALLET_NUMBER_MAX);
    if (c->row->number.len > 0 && plan->type->number_scheme == WALLET_NUMBER_GBT36904 &&
        wallet_gbt36904_parse(c->row->number, &parts).code != LW_OK) {
        add_error(c, &plan->number, "is no license number (GB/T 36904)");
    }
    if (plan->version.count > 0) {
        c->row->version = key_of(c, &plan->version, WALLET_VERSION_MAX);
    }
}

static void convert_holder(struct conversion *c)
{
    const struct wallet_import_plan *plan = c->plan;
    struct wallet_import_row *row = c->row;
    const lw_str code = key_of(c, &plan->holder_code, WALLET_NUMBER_MAX);
    const lw_str name = text_of(c, &plan->holder_name).value;
    row->holder.role = plan->holder_role;
    row->holder.name = name;
    if (name.len > WALLET_NAME_MAX) {
        add_error(c, &plan->holder_name, "is too long");
    } else if (has_control(name)) {
        add_error(c, &plan->holder_name, "holds a control character");
    }
    if (code.len == 0) {
        return;
    }
    const lw_err err = wallet_person_code(plan->holder_type, code, &row->who);
    if (err.code != LW_OK) {
        add_error(c, &plan->holder_code, err.why);
        return;
    }
    row->holder.code_type = wallet_person_code_type(&row->who);
    row->holder.code = wallet_person_code_value(&row->who);
}

static const char *date_fault(lw_err err)
{
    return err.code == LW_E_VALUE ? "is no day of the calendar" : "is no date of the map's form";
}

/* Reads a date and shifts it; a date outside the years 0001 to 9999 is an error. */
static struct date date_of(struct conversion *c, const struct import_expr *expr)
{
    const lw_str text = text_of(c, expr).value;
    int64_t days = 0;
    if (text.len == 0) {
        return (struct date){.present = false};
    }
    const lw_err err = lw_date_parse_as(c->plan->date_format, text, &days);
    if (err.code != LW_OK) {
        add_error(c, expr, date_fault(err));
        return (struct date){.present = false};
    }
    days += c->plan->shift_days;
    if (days < first_day || days >= last_day) {
        add_error(c, expr, "lies outside the years 0001 to 9999");
        return (struct date){.present = false};
    }
    return (struct date){.present = true, .days = days};
}

/* The start, or what may stand in for it. `end` may be absent: without end. */
static struct date start_of(struct conversion *c, struct date issued, struct date end)
{
    const struct import_expr *expr = &c->plan->valid_from;
    const size_t faults = c->faults;
    struct date start = date_of(c, expr);
    if (start.present || c->faults > faults) {
        return start;
    }
    if (!issued.present) {
        add_error(c, expr, "is empty, and no issue date stands in");
    } else if (end.present && issued.days >= end.days) {
        add_error(c, expr, "is empty, and the issue date does not lie before the end");
    } else {
        c->row->notes |= WALLET_ROW_START_FROM_ISSUE;
        return issued;
    }
    return start;
}

static int64_t midnight(int64_t days)
{
    return days * LW_DAY_S;
}

/* The end as the type has it, for a map without an end column. */
static int64_t end_by_type(struct conversion *c, struct date start, size_t claim_end)
{
    const struct wallet_license_type *type = c->plan->type;
    if (type->validity_days > 0) {
        return midnight(start.days + type->validity_days);
    }
    if (type->validity_claim == SIZE_MAX || claim_end == SIZE_MAX) {
        return INT64_MAX;
    }
    struct wallet_cbor r = wallet_cbor_reader(c->row->claims[claim_end].value);
    (void)wallet_cbor_tag(&r);
    return midnight(wallet_cbor_int(&r) + 1);
}

/* Where among the row's claims the one stands that ends the license. */
static size_t find_claim(const struct wallet_import_row *row, size_t def)
{
    for (size_t i = 0; i < row->claim_count; i++) {
        if (row->claims[i].def == def) {
            return i;
        }
    }
    return SIZE_MAX;
}

static void settle_end(struct conversion *c, struct date start, struct date end)
{
    const struct wallet_import_plan *plan = c->plan;
    const struct wallet_license_type *type = plan->type;
    const bool endless = type->validity_days == 0 && type->validity_claim == SIZE_MAX;
    if (end.present) {
        c->row->valid_until = midnight(end.days + 1);
        return;
    }
    if (plan->valid_until.count > 0) {
        c->row->valid_until = INT64_MAX;
        if (!endless) {
            add_error(c, &plan->valid_until, "is empty, and the license type wants an end");
        }
        return;
    }
    const size_t claim_end = find_claim(c->row, type->validity_claim);
    if (type->validity_claim != SIZE_MAX && claim_end == SIZE_MAX && c->faults == 0) {
        add_error(c, &plan->valid_from, "has no end: the claim that ends the license is empty");
    }
    c->row->valid_until = end_by_type(c, start, claim_end);
}

/* Comes after the claims, one of which may be the end. */
static void convert_dates(struct conversion *c)
{
    const struct wallet_import_plan *plan = c->plan;
    struct wallet_import_row *row = c->row;
    const size_t faults = c->faults;
    struct date issued = date_of(c, &plan->issued);
    const struct date end = date_of(c, &plan->valid_until);
    const bool whole = c->faults == faults;
    struct date start = {.present = false};
    if (whole) {
        start = start_of(c, issued, end);
    } else {
        start = date_of(c, &plan->valid_from);
    }
    if (!issued.present) {
        issued = start;
        row->notes |= plan->issued.count > 0 ? WALLET_ROW_ISSUE_FROM_START : 0;
    }
    row->valid_from = midnight(start.days);
    row->issued_at = midnight(issued.days);
    if (!whole || !start.present) {
        return;
    }
    settle_end(c, start, end);
    if (row->valid_until <= row->valid_from) {
        add_error(c, plan->valid_until.count > 0 ? &plan->valid_until : &plan->valid_from,
                  "ends before it starts");
    } else if (row->issued_at >= row->valid_until) {
        row->notes |= WALLET_ROW_ISSUED_AFTER_END;
    }
}

static void convert_state(struct conversion *c)
{
    const struct wallet_import_plan *plan = c->plan;
    c->row->state = plan->constant_state;
    if (plan->state.count == 0) {
        return;
    }
    const lw_str value = text_of(c, &plan->state).value;
    for (size_t i = 0; i < plan->state_count; i++) {
        if (lw_str_eq(plan->states[i].value, value)) {
            c->row->state = plan->states[i].state;
            return;
        }
    }
    c->row->state = WALLET_ACTIVE;
    add_error(c, &plan->state, "has a value that the map gives no state for");
}

static void put_tagged(struct conversion *c, const struct import_claim *claim, uint64_t tag,
                       int64_t n)
{
    lw_buf *arena = &c->plan->arena;
    if (wallet_cbor_put_tag(arena, tag).code != LW_OK ||
        wallet_cbor_put_int(arena, n).code != LW_OK) {
        add_error(c, &claim->from, "the row is too long");
    }
}

/* Dates are written in the map's form, and shifted as all dates. */
static void put_date_claim(struct conversion *c, const struct import_claim *claim)
{
    const struct date date = date_of(c, &claim->from);
    if (date.present) {
        put_tagged(c, claim, TAG_DATE, date.days);
    }
}

static void put_time_claim(struct conversion *c, const struct import_claim *claim, lw_str text)
{
    int64_t t = 0;
    const lw_err err = lw_time_parse(text, &t);
    if (err.code != LW_OK) {
        add_error(c, &claim->from, err.why);
        return;
    }
    t += c->plan->shift_days * LW_DAY_S;
    if (t < midnight(first_day) || t >= midnight(last_day)) {
        add_error(c, &claim->from, "lies outside the years 0001 to 9999");
    } else {
        put_tagged(c, claim, TAG_TIME, t);
    }
}

static void put_claim(struct conversion *c, const struct import_claim *claim, lw_str text)
{
    const enum wallet_claim_kind kind = c->plan->type->claims[claim->def].kind;
    if (kind == WALLET_KIND_DATE) {
        put_date_claim(c, claim);
    } else if (kind == WALLET_KIND_TIME) {
        put_time_claim(c, claim, text);
    } else {
        const lw_err err = wallet_value_from_text(kind, text, &c->plan->arena);
        if (err.code != LW_OK) {
            add_error(c, &claim->from, err.why);
        }
    }
}

static void convert_claim(struct conversion *c, const struct import_claim *claim)
{
    struct wallet_import_row *row = c->row;
    lw_buf *arena = &c->plan->arena;
    lw_bytes value = claim->constant;
    if (claim->from.count > 0) {
        const lw_str text = text_of(c, &claim->from).value;
        const size_t before = arena->len;
        const size_t faults = c->faults;
        if (text.len == 0 && c->plan->type->claims[claim->def].required) {
            add_error(c, &claim->from, "is empty, and the license type requires the claim");
        }
        if (text.len > 0) {
            put_claim(c, claim, text);
        }
        if (text.len == 0 || c->faults > faults) {
            return;
        }
        value = (lw_bytes){.ptr = arena->ptr + before, .len = arena->len - before};
    }
    row->claims[row->claim_count].def = claim->def;
    row->claims[row->claim_count].value = value;
    row->claim_count++;
}

lw_err wallet_import_row(struct wallet_import_plan *plan, const struct wallet_csv_row *cells,
                         struct wallet_import_row *row)
{
    struct conversion c = {.plan = plan, .cells = cells, .row = row};
    assert(cells->count == wallet_csv_columns(plan->csv));
    lw_buf_truncate(&plan->arena, 0);
    *row = (struct wallet_import_row){.line = cells->line};
    convert_number(&c);
    convert_holder(&c);
    for (size_t i = 0; i < plan->claim_count; i++) {
        convert_claim(&c, &plan->claims[i]);
    }
    convert_dates(&c);
    convert_state(&c);
    return c.faults == 0 ? LW_SUCCESS
                         : LW_FAIL(LW_E_VALUE, "import: the row does not hold", LW_NOWHERE);
}

const char *wallet_row_note_text(enum wallet_row_note note)
{
    switch (note) {
    case WALLET_ROW_START_FROM_ISSUE:
        return "the start date is empty: the issue date stands in";
    case WALLET_ROW_ISSUED_AFTER_END:
        return "the issue date lies after the end: kept as the register has it";
    case WALLET_ROW_ISSUE_FROM_START:
        return "the issue date is empty: the start date stands in";
    }
    return "";
}
