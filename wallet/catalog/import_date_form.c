#include "import_date_form.h"

#include "../codec/spaces.h"
#include "lw/clock.h"

enum {
    SAMPLE_MAX = 128, /* of a format, each field grown to four digits */
    YEAR_DIGITS = 4,
    COMPACT_DIGITS = 8,
    SERIAL_DIGITS = 5,
    MONTHS = 12,
    EPOCH_1900 = 25569, /* 1970-01-01 as Excel counts */
    EPOCH_1904 = 24107,
    LEAP_1900 = 60, /* 1900-02-29, which Excel has and the calendar has not */
};

/* Days since 1900 of the last day that a shape is taken for: 2099-12-31. */
static const int64_t last_serial = 73050;

/* The numbers of a cell and what is between them. */
struct pieces {
    int64_t n[3];
    size_t digits[3];
    size_t count;
    lw_str rest; /* after the third number and its sign */
    bool letters;
};

/* Tries the format on a date written in it. */
static bool pattern_holds(lw_str format)
{
    LW_AUTO_BUF sample = LW_BUF(SAMPLE_MAX);
    size_t fields = 0;
    int64_t days = 0;
    for (size_t i = 0; i < format.len; i++) {
        const bool field = format.ptr[i] == '%' && i + 1 < format.len;
        const char *put = !field                     ? NULL
                          : format.ptr[i + 1] == 'Y' ? "2001"
                          : format.ptr[i + 1] == 'm' ? "02"
                                                     : "03";
        const lw_err err =
            field ? lw_buf_put_c(&sample, put) : lw_buf_put_byte(&sample, (uint8_t)format.ptr[i]);
        i += field ? 1 : 0;
        fields += field ? 1 : 0;
        if (err.code != LW_OK) {
            return false;
        }
    }
    return fields == 3 && lw_date_parse_as(format, lw_buf_text(&sample), &days).code == LW_OK &&
           days == lw_days_from_date(2001, 2, 3);
}

bool import_date_form_parse(lw_str text, struct import_date_form *form)
{
    static const struct {
        const char *name;
        enum import_date_kind kind;
    } names[] = {{"year-first", IMPORT_DATE_YEAR_FIRST},
                 {"excel-serial", IMPORT_DATE_EXCEL},
                 {"excel-serial-1904", IMPORT_DATE_EXCEL_1904}};
    *form = (struct import_date_form){.kind = IMPORT_DATE_PATTERN, .pattern = text};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (lw_str_is(text, names[i].name)) {
            form->kind = names[i].kind;
            return true;
        }
    }
    return pattern_holds(text);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Returns the bytes of a sign between or after a date's numbers, or 0. */
static size_t sign_len(lw_str s)
{
    static const char *const signs[] = {"/", "-", ".", "年", "月", "日", "号"};
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        if (lw_str_starts(s, lw_str_c(signs[i]))) {
            return strlen(signs[i]);
        }
    }
    return 0;
}

/* Reads digits; more than nine of them are no part of a date. */
static lw_str read_number(lw_str s, int64_t *n, size_t *digits)
{
    size_t len = 0;
    *n = 0;
    while (len < s.len && len < 10 && is_digit(s.ptr[len])) {
        *n = 10 * *n + (s.ptr[len] - '0');
        len++;
    }
    *digits = len;
    return lw_str_from(s, len);
}

static lw_str skip_spaces(lw_str s)
{
    for (size_t len = codec_space_len(s); len > 0; len = codec_space_len(s)) {
        s = lw_str_from(s, len);
    }
    return s;
}

static struct pieces take_apart(lw_str text)
{
    struct pieces p = {.count = 0};
    lw_str s = skip_spaces(text);
    while (p.count < 3 && s.len > 0 && is_digit(s.ptr[0])) {
        s = skip_spaces(read_number(s, &p.n[p.count], &p.digits[p.count]));
        p.count++;
        const size_t sign = sign_len(s);
        if (sign == 0 && p.count < 3) {
            break;
        }
        s = skip_spaces(lw_str_from(s, sign));
    }
    p.rest = s;
    for (size_t i = 0; i < text.len; i++) {
        const char small = (char)(text.ptr[i] | ' ');
        p.letters = p.letters || (small >= 'a' && small <= 'z' && text.ptr[i] != 'T');
    }
    if (p.count == 1 && p.digits[0] == COMPACT_DIGITS) {
        p = (struct pieces){.n = {p.n[0] / 10000, p.n[0] / 100 % 100, p.n[0] % 100},
                            .digits = {YEAR_DIGITS, 2, 2},
                            .count = 3,
                            .rest = p.rest,
                            .letters = p.letters};
    }
    return p;
}

/* Says whether `s` is a time of day; `midnight` whether it is 0:00. */
static bool is_time(lw_str s, bool *midnight)
{
    size_t colons = 0;
    *midnight = true;
    s = codec_trimmed(s.len > 0 && s.ptr[0] == 'T' ? lw_str_from(s, 1) : s);
    for (size_t i = 0; i < s.len; i++) {
        if (!is_digit(s.ptr[i]) && s.ptr[i] != ':' && s.ptr[i] != '.') {
            return false;
        }
        colons += s.ptr[i] == ':' ? 1 : 0;
        *midnight = *midnight && (!is_digit(s.ptr[i]) || s.ptr[i] == '0');
    }
    return colons > 0;
}

static lw_err no_such_day(void)
{
    return LW_FAIL(LW_E_VALUE, "import: no such day", LW_NOWHERE);
}

static lw_err not_of_form(void)
{
    return LW_FAIL(LW_E_SYNTAX, "import: not of the form", LW_NOWHERE);
}

static lw_err read_year_first(lw_str text, int64_t *days)
{
    const struct pieces p = take_apart(text);
    char iso[] = "0000-00-00";
    bool midnight = true;
    if (p.count != 3 || p.digits[0] != YEAR_DIGITS || p.digits[1] > 2 || p.digits[2] > 2 ||
        (p.rest.len > 0 && !(is_time(p.rest, &midnight) && midnight))) {
        return not_of_form();
    }
    int64_t n = p.n[0] * 10000 + p.n[1] * 100 + p.n[2];
    for (size_t i = sizeof(iso) - 1; i-- > 0;) {
        if (iso[i] != '-') {
            iso[i] = (char)('0' + n % 10);
            n /= 10;
        }
    }
    return lw_date_parse((lw_str){iso, sizeof(iso) - 1}, days);
}

/* Reads a day number; zeros after a point are no time of day. */
static bool read_serial(lw_str text, int64_t *serial)
{
    size_t digits = 0;
    lw_str rest = read_number(text, serial, &digits);
    if (rest.len > 1 && rest.ptr[0] == '.') {
        do {
            rest = lw_str_from(rest, 1);
        } while (rest.len > 0 && rest.ptr[0] == '0');
    }
    return digits > 0 && digits < COMPACT_DIGITS && rest.len == 0;
}

static lw_err read_excel(enum import_date_kind kind, lw_str text, int64_t *days)
{
    int64_t serial = 0;
    if (!read_serial(text, &serial)) {
        return not_of_form();
    }
    if (kind == IMPORT_DATE_EXCEL_1904) {
        *days = serial - EPOCH_1904;
        return LW_SUCCESS;
    }
    if (serial == 0 || serial == LEAP_1900) {
        return no_such_day();
    }
    *days = serial - EPOCH_1900 + (serial < LEAP_1900 ? 1 : 0);
    return LW_SUCCESS;
}

lw_err import_date_read(const struct import_date_form *form, lw_str text, int64_t *days)
{
    switch (form->kind) {
    case IMPORT_DATE_PATTERN:
        return lw_date_parse_as(form->pattern, text, days);
    case IMPORT_DATE_YEAR_FIRST:
        return read_year_first(text, days);
    case IMPORT_DATE_EXCEL:
    case IMPORT_DATE_EXCEL_1904:
        return read_excel(form->kind, text, days);
    }
    return not_of_form();
}

static enum import_date_shape shape_of_three(const struct pieces *p)
{
    if (p->digits[0] == YEAR_DIGITS && p->digits[1] <= 2 && p->digits[2] <= 2) {
        return IMPORT_SHAPE_YEAR_FIRST;
    }
    if (p->digits[0] > 2 || p->digits[1] > 2) {
        return IMPORT_SHAPE_NONE;
    }
    if (p->digits[2] <= 2) {
        return IMPORT_SHAPE_SHORT_YEAR;
    }
    if (p->digits[2] != YEAR_DIGITS || (p->n[0] > MONTHS && p->n[1] > MONTHS)) {
        return IMPORT_SHAPE_NONE;
    }
    return p->n[0] > MONTHS   ? IMPORT_SHAPE_DAY_FIRST
           : p->n[1] > MONTHS ? IMPORT_SHAPE_MONTH_FIRST
                              : IMPORT_SHAPE_AMBIGUOUS;
}

/* 0, 0:00, 1900-01-00, 1/0/1900: what an empty cell becomes as a date. */
static bool is_zero(lw_str text, const struct pieces *p)
{
    bool midnight = false;
    if (p->count == 3) {
        return (p->n[0] == 1900 && p->n[1] == 1 && p->n[2] == 0) ||
               (p->n[2] == 1900 && p->n[0] + p->n[1] == 1);
    }
    return (p->count == 1 && p->n[0] == 0 && p->digits[0] == 1 && p->rest.len == 0) ||
           (is_time(text, &midnight) && midnight);
}

enum import_date_shape import_date_shape(lw_str text)
{
    const struct pieces p = take_apart(text);
    int64_t serial = 0;
    bool midnight = true;
    if (is_zero(text, &p)) {
        return IMPORT_SHAPE_ZERO;
    }
    if (p.letters) {
        return p.count > 0 && p.digits[0] <= 2 ? IMPORT_SHAPE_MONTH_NAME : IMPORT_SHAPE_NONE;
    }
    if (read_serial(text, &serial)) {
        return p.digits[0] == SERIAL_DIGITS && serial >= 10000 && serial <= last_serial
                   ? IMPORT_SHAPE_SERIAL
                   : IMPORT_SHAPE_NONE;
    }
    if (p.count == 2 && p.rest.len == 0 && p.digits[0] == YEAR_DIGITS && p.digits[1] <= 2) {
        return IMPORT_SHAPE_NO_DAY;
    }
    if (p.count != 3 || (p.rest.len > 0 && !is_time(p.rest, &midnight))) {
        return IMPORT_SHAPE_NONE;
    }
    return midnight ? shape_of_three(&p) : IMPORT_SHAPE_TIMED;
}
