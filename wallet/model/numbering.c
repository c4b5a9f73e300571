#include "wallet/numbering.h"

#include "lw/clock.h"

enum {
    PARTS = 5,
    ISSUER_MIN = 6,
    ISSUER_MAX = 18,
    SERIAL_MIN = 7,
    SERIAL_MAX = 32,
    VERSION_LEN = 3,
    AUTHORITY_LEN = 18,
    CREDIT_MOD = 31,
    CITIZEN_MOD = 11,
    BIRTH_AT = 6, /* YYYYMMDD inside a citizen number */
};

static const char digits_and_capitals[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
static const char credit_characters[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";
static const char root[] = "1.2.156.3005.2.";

/* Returns the place of `c` in `set`, or -1. */
static int value_in(const char *set, char c)
{
    const char *hit = c == '\0' ? NULL : strchr(set, c);
    return hit == NULL ? -1 : (int)(hit - set);
}

/* One step of the hybrid system; `state` begins at 36. */
static int mod37_36_step(int state, int value)
{
    const int sum = (state + value) % 36;
    return (sum == 0 ? 36 : sum) * 2 % 37;
}

static lw_err mod37_36_run(lw_str text, int *state)
{
    for (size_t i = 0; i < text.len; i++) {
        const int value = value_in(digits_and_capitals, text.ptr[i]);
        if (value < 0) {
            return LW_FAIL(LW_E_SYNTAX, "numbering: neither digit nor capital", i);
        }
        *state = mod37_36_step(*state, value);
    }
    return LW_SUCCESS;
}

lw_err wallet_mod37_36(lw_str text, char *check)
{
    int state = 36;
    if (text.len == 0) {
        return LW_FAIL(LW_E_SYNTAX, "numbering: empty", 0);
    }
    LW_TRY(mod37_36_run(text, &state));
    *check = digits_and_capitals[(37 - state) % 36];
    return LW_SUCCESS;
}

lw_err wallet_credit_code_digit(lw_str first17, char *check)
{
    if (first17.len != WALLET_CREDIT_CODE_LEN - 1) {
        return LW_FAIL(LW_E_SYNTAX, "numbering: a credit code has 18 characters", first17.len);
    }
    int sum = 0;
    int weight = 1;
    for (size_t i = 0; i < first17.len; i++) {
        const int value = value_in(credit_characters, first17.ptr[i]);
        if (value < 0) {
            return LW_FAIL(LW_E_SYNTAX, "numbering: not a character of credit codes", i);
        }
        sum = (sum + value * weight) % CREDIT_MOD;
        weight = weight * 3 % CREDIT_MOD;
    }
    *check = credit_characters[(CREDIT_MOD - sum) % CREDIT_MOD];
    return LW_SUCCESS;
}

lw_err wallet_credit_code_check(lw_str code)
{
    if (code.len != WALLET_CREDIT_CODE_LEN) {
        return LW_FAIL(LW_E_SYNTAX, "numbering: a credit code has 18 characters", code.len);
    }
    char check = '\0';
    LW_TRY(wallet_credit_code_digit((lw_str){code.ptr, code.len - 1}, &check));
    if (value_in(credit_characters, code.ptr[code.len - 1]) < 0) {
        return LW_FAIL(LW_E_SYNTAX, "numbering: not a character of credit codes", code.len - 1);
    }
    if (code.ptr[code.len - 1] != check) {
        return LW_FAIL(LW_E_VALUE, "numbering: the check character of the credit code is wrong",
                       code.len - 1);
    }
    return LW_SUCCESS;
}

static unsigned decimal(const char *digits, size_t count)
{
    unsigned n = 0;
    for (size_t i = 0; i < count; i++) {
        n = n * 10 + (unsigned)(digits[i] - '0');
    }
    return n;
}

static lw_err check_birth_date(const char *yyyymmdd)
{
    const unsigned year = decimal(yyyymmdd, 4);
    const unsigned month = decimal(yyyymmdd + 4, 2);
    const unsigned day = decimal(yyyymmdd + 6, 2);
    int64_t back_year = 0;
    unsigned back_month = 0;
    unsigned back_day = 0;
    if (month >= 1 && month <= 12) {
        lw_date_from_days(lw_days_from_date(year, month, day), &back_year, &back_month, &back_day);
    }
    if (back_year != year || back_month != month || back_day != day) {
        return LW_FAIL(LW_E_VALUE, "numbering: no such birth date", BIRTH_AT);
    }
    return LW_SUCCESS;
}

lw_err wallet_citizen_number_check(lw_str number)
{
    static const char checks[] = "10X98765432";
    if (number.len != WALLET_CITIZEN_NUMBER_LEN) {
        return LW_FAIL(LW_E_SYNTAX, "numbering: a citizen number has 18 characters", number.len);
    }
    const size_t last = number.len - 1;
    unsigned sum = 0;
    for (size_t i = 0; i < last; i++) {
        if (number.ptr[i] < '0' || number.ptr[i] > '9') {
            return LW_FAIL(LW_E_SYNTAX, "numbering: not a digit", i);
        }
        /* MOD 11-2 as a recursion: each step doubles what was summed before. */
        sum = (sum + (unsigned)(number.ptr[i] - '0')) * 2 % CITIZEN_MOD;
    }
    if (value_in(checks, number.ptr[last]) < 0) {
        return LW_FAIL(LW_E_SYNTAX, "numbering: neither digit nor X", last);
    }
    if (checks[sum] != number.ptr[last]) {
        return LW_FAIL(LW_E_VALUE, "numbering: the check character of the citizen number is wrong",
                       last);
    }
    return check_birth_date(number.ptr + BIRTH_AT);
}

static lw_err check_part(lw_str part, size_t least, size_t most)
{
    if (part.len < least || part.len > most) {
        return LW_FAIL(LW_E_SYNTAX, "numbering: a part of the number has the wrong length",
                       part.len);
    }
    for (size_t i = 0; i < part.len; i++) {
        if (value_in(digits_and_capitals, part.ptr[i]) < 0) {
            return LW_FAIL(LW_E_SYNTAX, "numbering: neither digit nor capital", i);
        }
    }
    return LW_SUCCESS;
}

static lw_err check_type_part(lw_str part)
{
    LW_TRY(check_part(part, WALLET_TYPE_CODE_LEN, WALLET_TYPE_CODE_LEN));
    for (size_t i = AUTHORITY_LEN; i < part.len; i++) {
        if (part.ptr[i] < '0' || part.ptr[i] > '9') {
            return LW_FAIL(LW_E_SYNTAX, "numbering: the type ends in three digits", i);
        }
    }
    return LW_SUCCESS;
}

/* Checks part `i` of a number; `at` of the error counts from the part's start. */
static lw_err check_one(size_t i, lw_str part)
{
    switch (i) {
    case 0:
        return check_type_part(part);
    case 1:
        return check_part(part, ISSUER_MIN, ISSUER_MAX);
    case 2:
        return check_part(part, SERIAL_MIN, SERIAL_MAX);
    case 3:
        return check_part(part, VERSION_LEN, VERSION_LEN);
    default:
        return check_part(part, 1, 1);
    }
}

/* The check runs over the four parts without dots and root (DESIGN section 7). */
static lw_err check_of(const lw_str parts[4], char *check)
{
    int state = 36;
    for (size_t i = 0; i < 4; i++) {
        LW_TRY(mod37_36_run(parts[i], &state));
    }
    *check = digits_and_capitals[(37 - state) % 36];
    return LW_SUCCESS;
}

lw_err wallet_gbt36904_build(const struct wallet_gbt36904 *parts, lw_buf *out)
{
    const lw_str in[4] = {parts->type, parts->issuer, parts->serial, parts->version};
    char check = '\0';
    for (size_t i = 0; i < 4; i++) {
        LW_TRY(check_one(i, in[i]));
    }
    LW_TRY(check_of(in, &check));

    char text[WALLET_GBT36904_MAX];
    size_t len = sizeof(root) - 1;
    memcpy(text, root, len);
    for (size_t i = 0; i < 4; i++) {
        memcpy(text + len, in[i].ptr, in[i].len);
        len += in[i].len;
        text[len++] = '.';
    }
    text[len++] = check;
    return lw_buf_put_str(out, (lw_str){.ptr = text, .len = len});
}

lw_err wallet_gbt36904_parse(lw_str number, struct wallet_gbt36904 *parts)
{
    if (!lw_str_starts(number, (lw_str){root, sizeof(root) - 1})) {
        return LW_FAIL(LW_E_SYNTAX, "numbering: the number does not begin with the GB/T 36904 root",
                       0);
    }
    lw_str part[PARTS];
    lw_str rest = lw_str_from(number, sizeof(root) - 1);
    for (size_t i = 0; i < PARTS; i++) {
        const size_t at = number.len - rest.len;
        const bool more = lw_str_split(rest, '.', &part[i], &rest);
        if (more != (i < PARTS - 1)) {
            return LW_FAIL(LW_E_SYNTAX, "numbering: the number needs five parts after the root",
                           at);
        }
        lw_err err = check_one(i, part[i]);
        if (err.code != LW_OK) {
            err.at += at;
            return err;
        }
    }
    char check = '\0';
    LW_TRY(check_of(part, &check));
    if (part[4].ptr[0] != check) {
        return LW_FAIL(LW_E_VALUE, "numbering: the check character of the number is wrong",
                       number.len - 1);
    }
    *parts = (struct wallet_gbt36904){
        .type = part[0], .issuer = part[1], .serial = part[2], .version = part[3], .check = check};
    return LW_SUCCESS;
}
