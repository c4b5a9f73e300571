#include "import_profile.h"

#include "../codec/spaces.h"
#include "import_damage.h"
#include "wallet/numbering.h"

enum { MASKED_DIGITS = 7, SHOWN_ENDS = 2 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t count_chars(lw_str s)
{
    size_t count = 0;
    for (size_t i = 0; i < s.len; i++) {
        count += ((unsigned char)s.ptr[i] & 0xc0) != 0x80 ? 1 : 0;
    }
    return count;
}

static bool copy(char *to, size_t room, lw_str from)
{
    if (from.len >= room) {
        return false;
    }
    memcpy(to, from.ptr, from.len);
    to[from.len] = '\0';
    return true;
}

static void keep_value(struct column_profile *p, lw_str cell)
{
    for (size_t i = 0; i < p->value_count && i < PROFILE_VALUES_MAX; i++) {
        if (lw_str_is(cell, p->values[i])) {
            return;
        }
    }
    if (p->value_count >= PROFILE_VALUES_MAX ||
        !copy(p->values[p->value_count], PROFILE_VALUE_MAX, cell)) {
        p->value_count = PROFILE_VALUES_MAX + 1;
        return;
    }
    p->value_count++;
}

static void take_number(struct column_profile *p, lw_str cell)
{
    struct wallet_gbt36904 parts;
    int64_t n = 0;
    bool truth = false;
    p->credit_codes += wallet_credit_code_check(cell).code == LW_OK ? 1 : 0;
    p->citizen_numbers += wallet_citizen_number_check(cell).code == LW_OK ? 1 : 0;
    p->license_numbers += wallet_gbt36904_parse(cell, &parts).code == LW_OK ? 1 : 0;
    p->truths += import_truth(cell, &truth) ? 1 : 0;
    if (lw_str_int(cell, &n).code == LW_OK) {
        p->whole_numbers++;
        p->digits_led_by_zero += cell.len > 1 && cell.ptr[0] == '0' ? 1 : 0;
    }
}

void profile_take(struct column_profile *p, lw_str cell)
{
    const lw_str text = codec_trimmed(cell);
    if (text.len == 0) {
        return;
    }
    const size_t length = count_chars(text);
    p->length = p->filled == 0 ? length : p->length;
    p->one_length = (p->filled == 0 || p->one_length) && length == p->length;
    p->filled++;
    const enum import_date_shape shape = import_date_shape(text);
    if (p->shapes[shape]++ == 0) {
        (void)copy(p->dated[shape], sizeof(p->dated[shape]), text);
    }
    take_number(p, text);
    keep_value(p, text);
}

size_t profile_dates(const struct column_profile *p)
{
    return p->filled - p->shapes[IMPORT_SHAPE_NONE];
}

bool profile_mostly(const struct column_profile *p, size_t count)
{
    return p->filled > 0 && 5 * count >= 4 * p->filled;
}

/* Makes "%d/%m/%Y" of "25/12/2024". */
static bool pattern_of(const char *sample, bool day_first, char form[16])
{
    static const char *const fields[2][3] = {{"%m", "%d", "%Y"}, {"%d", "%m", "%Y"}};
    size_t field = 0;
    size_t len = 0;
    for (const char *at = sample; *at != '\0'; at++) {
        if (!is_digit(*at)) {
            form[len++] = *at;
        } else if (at == sample || !is_digit(at[-1])) {
            if (field == 3) {
                return false;
            }
            memcpy(form + len, fields[day_first ? 1 : 0][field++], 2);
            len += 2;
        }
        if (len > 12) {
            return false;
        }
    }
    form[len] = '\0';
    struct import_date_form read;
    return import_date_form_parse((lw_str){form, len}, &read);
}

bool profile_date_form(const struct column_profile *p, char form[16])
{
    const size_t day = p->shapes[IMPORT_SHAPE_DAY_FIRST];
    const size_t month = p->shapes[IMPORT_SHAPE_MONTH_FIRST];
    const size_t last = day + month + p->shapes[IMPORT_SHAPE_AMBIGUOUS];
    if (p->shapes[IMPORT_SHAPE_YEAR_FIRST] >= last && p->shapes[IMPORT_SHAPE_YEAR_FIRST] > 0) {
        return copy(form, 16, LW_STR("year-first"));
    }
    if ((day == 0) == (month == 0)) {
        return false;
    }
    return pattern_of(p->dated[day > 0 ? IMPORT_SHAPE_DAY_FIRST : IMPORT_SHAPE_MONTH_FIRST],
                      day > 0, form);
}

/* Returns where the run of digits (and an X at its end) at the start of `s` ends. */
static size_t run_len(lw_str s)
{
    size_t len = 0;
    while (len < s.len && is_digit(s.ptr[len])) {
        len++;
    }
    return len > 0 && len < s.len && (s.ptr[len] == 'X' || s.ptr[len] == 'x') ? len + 1 : len;
}

static void put_run(lw_str run, char *to)
{
    for (size_t i = 0; i < run.len; i++) {
        const bool shown = run.len < MASKED_DIGITS || i < SHOWN_ENDS || run.len - i <= SHOWN_ENDS;
        to[i] = shown ? run.ptr[i] : '*';
    }
}

/* The first character, then a star for each that follows. */
static size_t put_person(lw_str value, char *to, size_t room)
{
    size_t len = 0;
    for (size_t i = 0, seen = 0; i < value.len && len + 4 < room; i++) {
        const bool begins = ((unsigned char)value.ptr[i] & 0xc0) != 0x80;
        seen += begins ? 1 : 0;
        if (seen == 1) {
            to[len++] = value.ptr[i];
        } else if (begins) {
            to[len++] = '*';
        }
    }
    return len;
}

void profile_mask(lw_str value, bool person, char shown[PROFILE_VALUE_MAX])
{
    lw_str text = codec_trimmed(value);
    if (person) {
        shown[put_person(text, shown, PROFILE_VALUE_MAX)] = '\0';
        return;
    }
    if (text.len >= PROFILE_VALUE_MAX) {
        text.len = PROFILE_VALUE_MAX - 1;
        while (text.len > 0 && ((unsigned char)text.ptr[text.len] & 0xc0) == 0x80) {
            text.len--;
        }
    }
    if (wallet_credit_code_check(text).code == LW_OK) {
        (void)copy(shown, PROFILE_VALUE_MAX, text);
        return;
    }
    for (size_t i = 0; i < text.len;) {
        const size_t len = run_len(lw_str_from(text, i));
        if (len == 0) {
            shown[i] = (unsigned char)text.ptr[i] < ' ' ? ' ' : text.ptr[i];
            i++;
        } else {
            put_run((lw_str){text.ptr + i, len}, shown + i);
            i += len;
        }
    }
    shown[text.len] = '\0';
}
