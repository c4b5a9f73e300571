/* Dates of a row: read by the form of their column, and what stands there instead. */
#include "import_convert.h"
#include "lw/clock.h"

static const struct import_date absent = {.present = false};

/*
 * "..., which is 2024-01-01, or 2028-01-02 in a workbook of the 1904 system": which day it would
 * be is said, and never guessed. The text is kept in the arena.
 */
static const char *serial_fault(struct conversion *c, lw_str text)
{
    const struct import_date_form since_1900 = {.kind = IMPORT_DATE_EXCEL};
    const struct import_date_form since_1904 = {.kind = IMPORT_DATE_EXCEL_1904};
    lw_buf *arena = &c->plan->arena;
    const size_t before = arena->len;
    int64_t first = 0;
    int64_t second = 0;
    if (import_date_read(&since_1900, text, &first).code == LW_OK &&
        import_date_read(&since_1904, text, &second).code == LW_OK &&
        lw_buf_put_c(arena, "is the number of a day, ").code == LW_OK &&
        lw_date_put(arena, first).code == LW_OK && lw_buf_put_c(arena, ", or ").code == LW_OK &&
        lw_date_put(arena, second).code == LW_OK &&
        lw_buf_put_c(arena, " in a workbook of the 1904 system: format the column as yyyy-mm-dd, "
                            "or give its \"date_formats\" in the map as excel-serial or "
                            "excel-serial-1904")
                .code == LW_OK &&
        lw_buf_put_byte(arena, 0).code == LW_OK) {
        return (const char *)arena->ptr + before;
    }
    return "the row is too long";
}

/* Says whether a form has the month before the day. */
static bool is_month_first(const struct import_date_form *form)
{
    for (size_t i = 0; i + 1 < form->pattern.len; i++) {
        if (form->pattern.ptr[i] == '%' && form->pattern.ptr[i + 1] != 'Y') {
            return form->pattern.ptr[i + 1] == 'm';
        }
    }
    return false;
}

/* What is wrong with a date that has the form, but is no day; with the two swapped it may be. */
static const char *day_fault(const struct import_date_form *form, enum import_date_shape shape)
{
    if (form->kind == IMPORT_DATE_PATTERN && shape == IMPORT_SHAPE_DAY_FIRST &&
        is_month_first(form)) {
        return "is no day of the calendar, unless its day stands first: give the form in the map, "
               "such as %d/%m/%Y";
    }
    if (form->kind == IMPORT_DATE_PATTERN && shape == IMPORT_SHAPE_MONTH_FIRST &&
        !is_month_first(form)) {
        return "is no day of the calendar, unless its month stands first: give the form in the "
               "map, such as %m/%d/%Y";
    }
    return "is no day of the calendar";
}

static const char *form_fault(struct conversion *c, lw_str text, enum import_date_shape shape)
{
    switch (shape) {
    case IMPORT_SHAPE_NONE:
        break;
    case IMPORT_SHAPE_YEAR_FIRST:
        return "is a date with its year first, not of the map's form: give \"year-first\" in the "
               "map";
    case IMPORT_SHAPE_DAY_FIRST:
        return "is a date with its day first: give the form in the map, such as %d/%m/%Y";
    case IMPORT_SHAPE_MONTH_FIRST:
        return "is a date with its month first: give the form in the map, such as %m/%d/%Y";
    case IMPORT_SHAPE_AMBIGUOUS:
        return "may have its day or its month first: give the form in the map, %d/%m/%Y or "
               "%m/%d/%Y";
    case IMPORT_SHAPE_SHORT_YEAR:
        return "has a year of two digits: format the column as yyyy-mm-dd";
    case IMPORT_SHAPE_TIMED:
        return "has a time of day: format the column as yyyy-mm-dd";
    case IMPORT_SHAPE_MONTH_NAME:
        return "may name its month: format the column as yyyy-mm-dd";
    case IMPORT_SHAPE_NO_DAY:
        return "names no day: give it as yyyy-mm-dd";
    case IMPORT_SHAPE_SERIAL:
        return serial_fault(c, text);
    case IMPORT_SHAPE_ZERO:
        return "is a date made of 0, what spreadsheets write for an empty cell: empty it";
    }
    return "is no date of the map's form";
}

static const struct import_date_form *form_of(const struct wallet_import_plan *plan,
                                              const struct import_expr *expr)
{
    for (size_t i = 0; i < expr->count; i++) {
        const size_t column = expr->parts[i].column;
        if (column != SIZE_MAX && plan->date_form_of[column] > 0) {
            return &plan->date_forms[plan->date_form_of[column]];
        }
    }
    return &plan->date_forms[0];
}

struct import_date import_date_of(struct conversion *c, const struct import_expr *expr)
{
    const size_t faults = c->faults;
    const lw_str text = import_plain(c, expr, import_text_of(c, expr).value);
    int64_t days = 0;
    if (text.len == 0 || c->faults > faults) {
        return absent;
    }
    const struct import_date_form *form = form_of(c->plan, expr);
    const lw_err err = import_date_read(form, text, &days);
    if (err.code != LW_OK) {
        const enum import_date_shape shape = import_date_shape(text);
        const bool zero = shape == IMPORT_SHAPE_ZERO;
        import_fault(c, expr,
                     err.code == LW_E_VALUE && !zero ? day_fault(form, shape)
                                                     : form_fault(c, text, shape));
        return absent;
    }
    days += c->plan->shift_days;
    if (days < import_first_day || days >= import_last_day) {
        import_fault(c, expr, "lies outside the years 0001 to 9999");
        return absent;
    }
    return (struct import_date){.present = true, .days = days};
}
