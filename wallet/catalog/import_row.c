#include <assert.h>

#include "import_convert.h"
#include "import_damage.h"
#include "lw/clock.h"
#include "wallet/cbor.h"
#include "wallet/numbering.h"
#include "wallet/value.h"

enum { TAG_TIME = 1, TAG_DATE = 100, OLD_CITIZEN_DIGITS = 15 };

static const char zero_text[] = "is 0, what spreadsheets write for an empty cell: empty it";

static const char digits_lost[] =
    "has more than 15 digits and ends in zeros, as spreadsheets leave long numbers: format the "
    "column as text and enter it anew; where that is how the numbers are, say \"long_numbers\": "
    "\"as-they-are\" in the map";

/* A damaged number names no license, or another's: it is not given on. */
static void refuse_number(struct conversion *c, const char *why)
{
    import_fault(c, &c->plan->number, why);
    c->row->number = LW_STR("");
}

static void convert_number(struct conversion *c)
{
    const struct wallet_import_plan *plan = c->plan;
    struct wallet_gbt36904 parts;
    c->row->number = import_key_of(c, &plan->number, WALLET_NUMBER_MAX);
    if (c->row->number.len > 0 && plan->type->number_scheme == WALLET_NUMBER_GBT36904 &&
        wallet_gbt36904_parse(c->row->number, &parts).code != LW_OK) {
        refuse_number(c, "is no license number (GB/T 36904)");
    }
    if (import_digits_lost(c->row->number) && !plan->long_numbers) {
        refuse_number(c, digits_lost);
    }
    if (plan->version.count > 0) {
        c->row->version = import_key_of(c, &plan->version, WALLET_VERSION_MAX);
    }
}

/* Why a holder's code does not hold, and whether a spreadsheet did it. */
static const char *code_fault(const struct wallet_import_plan *plan, lw_str code, lw_err err)
{
    const bool citizen = lw_str_is(plan->holder_type, "111");
    if (import_digits_lost(code)) {
        return "lost its last digits to a spreadsheet, which keeps 15: format the column as text, "
               "enter it anew and save";
    }
    return citizen && code.len == OLD_CITIZEN_DIGITS
               ? "has 15 digits, as citizen numbers had before 1999: give the one of 18"
               : err.why;
}

static void convert_holder(struct conversion *c)
{
    const struct wallet_import_plan *plan = c->plan;
    struct wallet_import_row *row = c->row;
    const lw_str code = import_key_of(c, &plan->holder_code, WALLET_NUMBER_MAX);
    const lw_str name = import_text_of(c, &plan->holder_name).value;
    row->holder.role = plan->holder_role;
    row->holder.name = name;
    if (lw_str_is(name, "0")) {
        import_fault(c, &plan->holder_name, zero_text);
    } else if (name.len > WALLET_NAME_MAX) {
        import_fault(c, &plan->holder_name, "is too long");
    } else if (import_has_control(name)) {
        import_fault(c, &plan->holder_name, "holds a control character");
    }
    if (code.len == 0) {
        return;
    }
    const lw_err err = wallet_person_code(plan->holder_type, code, &row->who);
    if (err.code != LW_OK) {
        import_fault(c, &plan->holder_code, code_fault(plan, code, err));
        return;
    }
    row->holder.code_type = wallet_person_code_type(&row->who);
    row->holder.code = wallet_person_code_value(&row->who);
}

/* The start, or what may stand in for it. `end` may be absent: without end. */
static struct import_date start_of(struct conversion *c, struct import_date issued,
                                   struct import_date end)
{
    const struct import_expr *expr = &c->plan->valid_from;
    const size_t faults = c->faults;
    struct import_date start = import_date_of(c, expr);
    if (start.present || c->faults > faults) {
        return start;
    }
    if (!issued.present) {
        import_fault(c, expr, "is empty, and no issue date stands in");
    } else if (end.present && issued.days >= end.days) {
        import_fault(c, expr, "is empty, and the issue date does not lie before the end");
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
static int64_t end_by_type(struct conversion *c, struct import_date start, size_t claim_end)
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

static void settle_end(struct conversion *c, struct import_date start, struct import_date end)
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
            import_fault(c, &plan->valid_until, "is empty, and the license type wants an end");
        }
        return;
    }
    const size_t claim_end = find_claim(c->row, type->validity_claim);
    if (type->validity_claim != SIZE_MAX && claim_end == SIZE_MAX && c->faults == 0) {
        import_fault(c, &plan->valid_from, "has no end: the claim that ends the license is empty");
    }
    c->row->valid_until = end_by_type(c, start, claim_end);
}

/* Comes after the claims, one of which may be the end. */
static void convert_dates(struct conversion *c)
{
    const struct wallet_import_plan *plan = c->plan;
    struct wallet_import_row *row = c->row;
    const size_t faults = c->faults;
    struct import_date issued = import_date_of(c, &plan->issued);
    const struct import_date end = import_date_of(c, &plan->valid_until);
    const bool whole = c->faults == faults;
    struct import_date start = {.present = false};
    if (whole) {
        start = start_of(c, issued, end);
    } else {
        start = import_date_of(c, &plan->valid_from);
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
        import_fault(c, plan->valid_until.count > 0 ? &plan->valid_until : &plan->valid_from,
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
    const size_t faults = c->faults;
    const lw_str value = import_text_of(c, &plan->state).value;
    for (size_t i = 0; i < plan->state_count; i++) {
        if (lw_str_eq(plan->states[i].value, value)) {
            c->row->state = plan->states[i].state;
            return;
        }
    }
    c->row->state = WALLET_ACTIVE;
    if (c->faults > faults) {
        return;
    }
    import_fault(c, &plan->state, "has a value that the map gives no state for");
}

static void put_tagged(struct conversion *c, const struct import_claim *claim, uint64_t tag,
                       int64_t n)
{
    lw_buf *arena = &c->plan->arena;
    c->value_at = arena->len;
    if (wallet_cbor_put_tag(arena, tag).code != LW_OK ||
        wallet_cbor_put_int(arena, n).code != LW_OK) {
        import_fault(c, &claim->from, "the row is too long");
    }
}

/* Dates are written in the map's form, and shifted as all dates. */
static void put_date_claim(struct conversion *c, const struct import_claim *claim)
{
    const struct import_date date = import_date_of(c, &claim->from);
    if (date.present) {
        put_tagged(c, claim, TAG_DATE, date.days);
    }
}

static void put_time_claim(struct conversion *c, const struct import_claim *claim, lw_str text)
{
    int64_t t = 0;
    const lw_err err = lw_time_parse(text, &t);
    if (err.code != LW_OK) {
        import_fault(c, &claim->from, err.why);
        return;
    }
    t += c->plan->shift_days * LW_DAY_S;
    if (t < midnight(import_first_day) || t >= midnight(import_last_day)) {
        import_fault(c, &claim->from, "lies outside the years 0001 to 9999");
    } else {
        put_tagged(c, claim, TAG_TIME, t);
    }
}

static void put_truth_claim(struct conversion *c, const struct import_claim *claim, lw_str text)
{
    bool value = false;
    c->value_at = c->plan->arena.len;
    if (!import_truth(text, &value)) {
        import_fault(c, &claim->from, import_damage_truth(text));
    } else if (wallet_cbor_put_bool(&c->plan->arena, value).code != LW_OK) {
        import_fault(c, &claim->from, "the row is too long");
    }
}

static void put_integer_claim(struct conversion *c, const struct import_claim *claim, lw_str text)
{
    const lw_str plain = import_plain(c, &claim->from, text);
    c->value_at = c->plan->arena.len;
    const lw_err err = wallet_value_from_text(WALLET_KIND_INTEGER, plain, &c->plan->arena);
    const char *damage = err.code == LW_OK ? NULL : import_damage_integer(text);
    if (err.code != LW_OK) {
        import_fault(c, &claim->from, damage == NULL ? err.why : damage);
    }
}

static void put_text_claim(struct conversion *c, const struct import_claim *claim, lw_str text)
{
    const struct wallet_claim_def *def = &c->plan->type->claims[claim->def];
    if (def->required && lw_str_is(text, "0")) {
        import_fault(c, &claim->from, zero_text);
        return;
    }
    c->value_at = c->plan->arena.len;
    const lw_err err = wallet_value_from_text(def->kind, text, &c->plan->arena);
    if (err.code != LW_OK) {
        import_fault(c, &claim->from, err.why);
    }
}

/* Appends the claim's value to the arena, or tells why not. */
static void put_claim(struct conversion *c, const struct import_claim *claim, lw_str text)
{
    switch (c->plan->type->claims[claim->def].kind) {
    case WALLET_KIND_DATE:
        put_date_claim(c, claim);
        return;
    case WALLET_KIND_TIME:
        put_time_claim(c, claim, text);
        return;
    case WALLET_KIND_BOOLEAN:
        put_truth_claim(c, claim, text);
        return;
    case WALLET_KIND_INTEGER:
        put_integer_claim(c, claim, text);
        return;
    case WALLET_KIND_TEXT:
    case WALLET_KIND_TEXTS:
    case WALLET_KIND_BYTES:
    case WALLET_KIND_OBJECTS:
        put_text_claim(c, claim, text);
        return;
    }
}

/* Appends the photo that the row names; says whether there is one. */
static bool put_photo(struct conversion *c, const struct import_claim *claim)
{
    const struct wallet_import_plan *plan = c->plan;
    const struct wallet_claim_def *def = &plan->type->claims[claim->def];
    const size_t faults = c->faults;
    lw_bytes bytes = {0};
    const lw_str name = import_key_of(c, &claim->from, WALLET_NUMBER_MAX);
    if (c->faults > faults) {
        return false;
    }
    const lw_err err = plan->photos->read(plan->photos->ctx, name, def->max_bytes, &bytes);
    if (err.code == LW_E_NOT_FOUND && !def->required) {
        c->row->notes |= WALLET_ROW_NO_PHOTO;
        return false;
    }
    if (err.code != LW_OK) {
        import_fault(c, &claim->from, err.why);
        return false;
    }
    c->value_at = plan->arena.len;
    if (wallet_cbor_put_bytes(&c->plan->arena, bytes).code != LW_OK) {
        import_fault(c, &claim->from, "the row is too long");
    }
    return c->faults == faults;
}

static void convert_claim(struct conversion *c, const struct import_claim *claim)
{
    struct wallet_import_row *row = c->row;
    const lw_buf *arena = &c->plan->arena;
    lw_bytes value = claim->constant;
    if (claim->photo) {
        if (!put_photo(c, claim)) {
            return;
        }
        value = (lw_bytes){.ptr = arena->ptr + c->value_at, .len = arena->len - c->value_at};
    } else if (claim->from.count > 0) {
        const size_t faults = c->faults;
        const lw_str text = import_text_of(c, &claim->from).value;
        if (text.len == 0 && c->plan->type->claims[claim->def].required) {
            import_fault(c, &claim->from, "is empty, and the license type requires the claim");
        }
        if (text.len > 0 && c->faults == faults) {
            put_claim(c, claim, text);
        }
        if (text.len == 0 || c->faults > faults) {
            return;
        }
        value = (lw_bytes){.ptr = arena->ptr + c->value_at, .len = arena->len - c->value_at};
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
    case WALLET_ROW_FULLWIDTH:
        return "fullwidth letters or digits were read as plain ones";
    case WALLET_ROW_NO_PHOTO:
        return "there is no photo of the license in the folder";
    }
    return "";
}
