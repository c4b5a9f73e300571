#include "import_damage.h"

enum { EXACT_DIGITS = 15, LOST_MIN = 3 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_digits(lw_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_digit(s.ptr[i])) {
            return false;
        }
    }
    return s.len > 0;
}

static bool is_all(lw_str s, char c)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] != c) {
            return false;
        }
    }
    return s.len > 0;
}

static bool is_among(lw_str s, const char *const *list)
{
    for (size_t i = 0; list[i] != NULL; i++) {
        if (lw_str_is(s, list[i])) {
            return true;
        }
    }
    return false;
}

/* Says whether `s` holds `part`. */
static bool has(lw_str s, const char *part)
{
    const size_t len = strlen(part);
    for (size_t i = 0; s.len - i >= len && i < s.len; i++) {
        if (memcmp(s.ptr + i, part, len) == 0) {
            return true;
        }
    }
    return false;
}

/* "4.30102E+17", with a comma where that parts decimals: Excel writes the sign always. */
static bool is_scientific(lw_str s)
{
    lw_str mantissa = {0};
    lw_str exponent = {0};
    if (s.len < 5 || !is_digit(s.ptr[0]) || !lw_str_split(s, 'E', &mantissa, &exponent)) {
        return false;
    }
    const bool decimals = mantissa.len > 2 && (mantissa.ptr[1] == '.' || mantissa.ptr[1] == ',');
    return (mantissa.len == 1 || (decimals && is_digits(lw_str_from(mantissa, 2)))) &&
           (exponent.len == 3 || exponent.len == 4) && exponent.ptr[0] == '+' &&
           is_digits(lw_str_from(exponent, 1));
}

static const char *damage_of_hash(lw_str cell)
{
    static const char *const errors[] = {
        "#N/A",    "#REF!",   "#VALUE!", "#DIV/0!",       "#NAME?",    "#NULL!",    "#NUM!",
        "#SPILL!", "#CALC!",  "#FIELD!", "#GETTING_DATA", "#CONNECT!", "#BLOCKED!", "#UNKNOWN!",
        "#NV",     "#BEZUG!", "#WERT!",  "#NOMBRE!",      "#VALEUR!",  NULL};
    if (is_among(cell, errors)) {
        return "is an error that a formula of the sheet came to: mend it, and save values only";
    }
    return cell.len > 2 && is_all(cell, '#')
               ? "is a row of #, shown where a column is too narrow: widen it and save the sheet "
                 "anew"
               : NULL;
}

const char *import_damage(lw_str cell)
{
    if (cell.len < 2) {
        return NULL;
    }
    if (cell.ptr[0] == '#') {
        return damage_of_hash(cell);
    }
    if (cell.ptr[0] == '=') {
        return "is a formula: save values only (copy the column, paste as values)";
    }
    if (is_all(cell, '?')) {
        return "is nothing but question marks, what is left of text saved in the wrong encoding: "
               "save the sheet anew as CSV UTF-8";
    }
    if (is_scientific(cell)) {
        return "is a number in scientific notation, whose last digits are lost: format the column "
               "as text, enter it anew and save";
    }
    const bool wide =
        memchr(cell.ptr, 0xef, cell.len) != NULL || memchr(cell.ptr, 0xe9, cell.len) != NULL;
    return wide && (has(cell, "\xef\xbf\xbd") || has(cell, "锟斤拷"))
               ? "holds characters that an earlier conversion destroyed: take the text from the "
                 "original"
               : NULL;
}

bool import_digits_lost(lw_str number)
{
    return number.len >= EXACT_DIGITS + LOST_MIN && is_digits(number) &&
           is_all(lw_str_from(number, EXACT_DIGITS), '0');
}

const char *import_damage_key(lw_str key)
{
    if (key.len == 1 && key.ptr[0] == '0') {
        return "is 0, what spreadsheets write for an empty cell: empty it or give the number";
    }
    if (key.len > 0 && key.ptr[0] == '\'') {
        return "begins with an apostrophe, which spreadsheets use to mark text: take it away";
    }
    lw_str whole = {0};
    lw_str decimals = {0};
    if (lw_str_split(key, '.', &whole, &decimals) && is_digits(whole) && is_all(decimals, '0')) {
        return "is a number with decimals, so it was kept as a number: format the column as text, "
               "enter it anew and save";
    }
    return NULL;
}

static size_t count_chars(lw_str s)
{
    size_t count = 0;
    for (size_t i = 0; i < s.len; i++) {
        count += ((unsigned char)s.ptr[i] & 0xc0) != 0x80 ? 1 : 0;
    }
    return count;
}

const char *import_damage_length(lw_str cell, size_t length)
{
    const size_t count = count_chars(cell);
    if (count == length) {
        return NULL;
    }
    return count < length && is_digits(cell)
               ? "looks as if leading zeros were lost: format the column as text, enter it anew "
                 "and save"
               : "does not have the length that the map gives for the column";
}

static lw_str lower(lw_str text, char room[8])
{
    if (text.len > 8) {
        return text;
    }
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.ptr[i];
        room[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    return (lw_str){room, text.len};
}

bool import_truth(lw_str text, bool *value)
{
    static const char *const yes[] = {"true", "是", "真", NULL};
    static const char *const no[] = {"false", "否", "假", NULL};
    char room[8];
    const lw_str word = lower(text, room);
    *value = is_among(word, yes);
    return *value || is_among(word, no);
}

const char *import_damage_truth(lw_str cell)
{
    static const char *const foreign[] = {"vrai",  "faux", "wahr",   "falsch", "vero",
                                          "falso", "waar", "onwaar", "yes",    "no",
                                          "y",     "n",    "1",      "0",      NULL};
    char room[8];
    return is_among(lower(cell, room), foreign) || lw_str_is(cell, "VERDADERO") ||
                   lw_str_is(cell, "ИСТИНА") || lw_str_is(cell, "ЛОЖЬ")
               ? "is a truth value as other programs or languages write it: write true or false"
               : "is neither true nor false";
}

const char *import_damage_integer(lw_str cell)
{
    size_t others = 0;
    for (size_t i = 0; i < cell.len; i++) {
        others += is_digit(cell.ptr[i]) ? 0 : cell.ptr[i] == ',' || cell.ptr[i] == '.' ? 1 : 2;
    }
    return others == 1 && is_digit(cell.ptr[0])
               ? "is a number with a comma or point in it: format the column as a whole number "
                 "without separators"
               : NULL;
}
