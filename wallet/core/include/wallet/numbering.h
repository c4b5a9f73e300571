/*
 * Number schemes and their check characters: GB/T 36904 license numbers (ISO/IEC 7064
 * MOD 37,36), GB 32100 unified social credit codes, GB 11643 citizen numbers. Pure.
 */
#ifndef WALLET_NUMBERING_H
#define WALLET_NUMBERING_H

#include "lw/buf.h"

enum {
    WALLET_CREDIT_CODE_LEN = 18,
    WALLET_CITIZEN_NUMBER_LEN = 18,
    WALLET_TYPE_CODE_LEN = 21,
    WALLET_GBT36904_MAX = 128, /* room for the longest number, 96 characters */
};

/**
 * Compute the check character of ISO/IEC 7064 MOD 37,36 over digits and capitals.
 *
 * text    at least one of [0-9A-Z], without the check character
 * check   one of [0-9A-Z]
 * errors  LW_E_SYNTAX  empty, or another character, at its place
 * source  ISO/IEC 7064 hybrid system MOD 37,36: every substitution of one character is caught,
 *         and all transpositions of neighbours but 36 of 22,680 (a pair and the state before it)
 */
LW_MUST_USE lw_err wallet_mod37_36(lw_str text, char *check);

/**
 * Check a unified social credit code: 18 of the 31 characters, the last one its check character.
 *
 * errors  LW_E_SYNTAX  wrong length or character, at its place; LW_E_VALUE  check character
 * source  GB 32100: weights 3^i mod 31; letters I, O, S, V, Z are not used
 */
LW_MUST_USE lw_err wallet_credit_code_check(lw_str code);

/** Compute the 18th character of a credit code from its first 17. Errors as above. */
LW_MUST_USE lw_err wallet_credit_code_digit(lw_str first17, char *check);

/**
 * Check a citizen number: 17 digits and a check character "0" to "9" or "X", with a birth date
 * that exists.
 *
 * errors  LW_E_SYNTAX  wrong length or character, at its place; LW_E_VALUE  check character, or
 *         no such day
 * does not check  that the division code was ever given out, or that the birth lies in the past
 * source  GB 11643; ISO/IEC 7064 MOD 11-2
 */
LW_MUST_USE lw_err wallet_citizen_number_check(lw_str number);

/* The parts of "1.2.156.3005.2.<type>.<issuer>.<serial>.<version>.<check>"; slices borrow. */
struct wallet_gbt36904 {
    lw_str type;    /* 18 characters of the defining authority's credit code and 3 digits */
    lw_str issuer;  /* issuing authority's code, 6 to 18 digits or capitals */
    lw_str serial;  /* 7 to 32 digits or capitals */
    lw_str version; /* 3 digits or capitals */
    char check;     /* set by parse; ignored by build */
};

/**
 * Append the number made of `parts` with its check character.
 *
 * errors  LW_E_SYNTAX  a part of the wrong length or with another character; as lw_buf_put()
 * does not check  the check character inside the credit codes
 * source  GB/T 36904
 */
LW_MUST_USE lw_err wallet_gbt36904_build(const struct wallet_gbt36904 *parts, lw_buf *out);

/**
 * Split a number and check its check character.
 *
 * parts   borrows from `number`
 * errors  LW_E_SYNTAX  root, number of parts, their lengths or characters, at the place;
 *         LW_E_VALUE  the check character does not fit
 */
LW_MUST_USE lw_err wallet_gbt36904_parse(lw_str number, struct wallet_gbt36904 *parts);

#endif
