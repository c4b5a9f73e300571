/* Cells and templates as text: trimmed, made plain, and looked at for what sheets do to them. */
#include "../codec/spaces.h"
#include "import_convert.h"
#include "import_damage.h"

/* The first column of an expression names the place of its errors. */
static size_t first_column(const struct import_expr *expr)
{
    for (size_t i = 0; i < expr->count; i++) {
        if (expr->parts[i].column != SIZE_MAX) {
            return expr->parts[i].column;
        }
    }
    return SIZE_MAX;
}

static void fault_at(struct conversion *c, size_t at, const char *why)
{
    struct wallet_import_row *row = c->row;
    const lw_str column = at == SIZE_MAX ? LW_STR("") : wallet_csv_column_name(c->plan->csv, at);
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

void import_fault(struct conversion *c, const struct import_expr *expr, const char *why)
{
    fault_at(c, first_column(expr), why);
}

/* Returns a column's cell, trimmed; what is wrong with it whatever it is for is told. */
static lw_str cell(struct conversion *c, size_t column)
{
    const struct wallet_import_plan *plan = c->plan;
    const lw_str text = codec_trimmed(c->cells->cells[column]);
    const char *why = import_damage(text);
    if (why == NULL && text.len > 0 && plan->lengths[column] > 0) {
        why = import_damage_length(text, plan->lengths[column]);
    }
    if (why != NULL) {
        fault_at(c, column, why);
    }
    return text;
}

static lw_err join(struct conversion *c, const struct import_expr *expr, struct import_text *out)
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
                           : codec_trimmed((lw_str){.ptr = (const char *)arena->ptr + before,
                                                    .len = arena->len - before});
    return LW_SUCCESS;
}

struct import_text import_text_of(struct conversion *c, const struct import_expr *expr)
{
    struct import_text out = {.value = LW_STR("")};
    if (expr->count == 1 && expr->parts[0].column != SIZE_MAX) {
        out.value = cell(c, expr->parts[0].column);
        out.has_gaps = out.value.len == 0;
    } else if (join(c, expr, &out).code != LW_OK) {
        import_fault(c, expr, "the row is too long");
        out = (struct import_text){.value = LW_STR("")};
    }
    return out;
}

bool import_has_control(lw_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        const unsigned char ch = (unsigned char)s.ptr[i];
        if (ch < ' ' || ch == 0x7f) {
            return true;
        }
    }
    return false;
}

/* Returns the plain form of a fullwidth letter, digit, '-', '.', '/' or ':' at `s`, or 0. */
static char plain_char(lw_str s)
{
    if (s.len < 3 || (unsigned char)s.ptr[0] != 0xef) {
        return 0;
    }
    const unsigned page = (unsigned char)s.ptr[1];
    const unsigned last = (unsigned char)s.ptr[2];
    const unsigned code = page == 0xbc && last >= 0x81   ? last - 0x80 + 0x20
                          : page == 0xbd && last <= 0x9a ? last - 0x80 + 0x60
                                                         : 0;
    const bool letter = (code >= 'A' && code <= 'Z') || (code >= 'a' && code <= 'z');
    return letter || (code >= '-' && code <= ':') ? (char)code : 0;
}

lw_str import_plain(struct conversion *c, const struct import_expr *expr, lw_str text)
{
    lw_buf *arena = &c->plan->arena;
    const size_t before = arena->len;
    bool changed = false;
    if (text.len == 0 || memchr(text.ptr, 0xef, text.len) == NULL) {
        return text;
    }
    for (size_t i = 0; i < text.len; i++) {
        const char plain = plain_char(lw_str_from(text, i));
        const uint8_t put = plain == 0 ? (uint8_t)text.ptr[i] : (uint8_t)plain;
        if (lw_buf_put_byte(arena, put).code != LW_OK) {
            import_fault(c, expr, "the row is too long");
            return LW_STR("");
        }
        changed = changed || plain != 0;
        i += plain == 0 ? 0 : 2;
    }
    c->row->notes |= changed ? WALLET_ROW_FULLWIDTH : 0;
    return (lw_str){.ptr = (const char *)arena->ptr + before, .len = arena->len - before};
}

lw_str import_key_of(struct conversion *c, const struct import_expr *expr, size_t max)
{
    const size_t faults = c->faults;
    const struct import_text key = import_text_of(c, expr);
    if (c->faults > faults) {
        return LW_STR("");
    }
    const lw_str plain = import_plain(c, expr, key.value);
    const char *damage = import_damage_key(plain);
    if (key.has_gaps) {
        import_fault(c, expr, "is empty");
    } else if (plain.len > max) {
        import_fault(c, expr, "is too long");
    } else if (import_has_control(plain)) {
        import_fault(c, expr, "holds a control character");
    } else if (damage != NULL) {
        import_fault(c, expr, damage);
    } else {
        return plain;
    }
    return LW_STR("");
}
