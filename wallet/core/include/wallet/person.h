/*
 * The codes that identify people and companies: "CODETYPE:CODE", such as
 * "001:91320600MA1MABCD0W". Code types are those of GB/T 36903. Pure. Codes are personal data.
 */
#ifndef WALLET_PERSON_H
#define WALLET_PERSON_H

#include "lw/buf.h"

enum { WALLET_CODE_TYPE_LEN = 3, WALLET_CODE_MAX = 64, WALLET_NAME_MAX = 256 };

/* A code that was checked, in its one spelling; look-ups and HMACs take this text. A value. */
struct wallet_person_code {
    char text[WALLET_CODE_TYPE_LEN + 1 + WALLET_CODE_MAX + 1]; /* "111:...", NUL-terminated */
    size_t len;                                                /* without the NUL */
};

static inline lw_str wallet_person_code_text(const struct wallet_person_code *code)
{
    return (lw_str){.ptr = code->text, .len = code->len};
}

static inline lw_str wallet_person_code_type(const struct wallet_person_code *code)
{
    return (lw_str){.ptr = code->text, .len = WALLET_CODE_TYPE_LEN};
}

static inline lw_str wallet_person_code_value(const struct wallet_person_code *code)
{
    return lw_str_from(wallet_person_code_text(code), WALLET_CODE_TYPE_LEN + 1);
}

/** Say whether `type` is one of the code types offered: 001, 111, 414, 511, 516, 099, 999. */
bool wallet_person_type_known(lw_str type);

/**
 * Check a code of a type and bring it into its one spelling.
 *
 * type    "001" credit code, "111" citizen number (check characters checked, small letters become
 *         capitals); "414", "511", "516" 5 to 20 letters or digits, made capitals; "099" and
 *         "999" 1 to 64 bytes of printable UTF-8, spaces only inside, taken as they are
 * errors  LW_E_UNSUPPORTED  unknown type; LW_E_SYNTAX  length or character, at its place in
 *         `code`; LW_E_VALUE  check character, or a birth date that does not exist
 */
LW_MUST_USE lw_err wallet_person_code(lw_str type, lw_str code, struct wallet_person_code *out);

/** As wallet_person_code(), from "CODETYPE:CODE"; `at` counts from the start of `text`. */
LW_MUST_USE lw_err wallet_person_parse(lw_str text, struct wallet_person_code *out);

/**
 * Append the form for screens: type and code with its middle as '*', such as
 * "111:32**************18". Credit codes are public and stay whole; a code of four characters
 * or fewer is all stars. Errors as lw_buf_put().
 */
LW_MUST_USE lw_err wallet_person_masked(const struct wallet_person_code *code, lw_buf *out);

#endif
