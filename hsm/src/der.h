/*
 * Strict DER (X.690 sections 10 and 11) as certificates use it: OpenSSL reads BER forms too, and
 * two readings of one certificate must not exist. Internal to hsm.
 */
#ifndef HSM_DER_H
#define HSM_DER_H

#include "lw/buf.h"

enum {
    HSM_DER_BOOLEAN = 0x01,
    HSM_DER_INTEGER = 0x02,
    HSM_DER_BIT_STRING = 0x03,
    HSM_DER_NULL = 0x05,
    HSM_DER_OID = 0x06,
    HSM_DER_ENUMERATED = 0x0a,
    HSM_DER_UTC_TIME = 0x17,
    HSM_DER_GENERALIZED_TIME = 0x18,
    HSM_DER_SEQUENCE = 0x30,
    HSM_DER_SET = 0x31,
    HSM_DER_EXPLICIT_0 = 0xa0,
};

struct hsm_der {
    uint8_t tag;
    lw_bytes content; /* both borrow the input */
    lw_bytes whole;   /* tag and length too */
};

/**
 * Read the element that `in` begins with: a tag of one byte, a definite length in its shortest
 * form. What the content holds is not looked at.
 *
 * errors  LW_E_SYNTAX, with the offset in `in`
 */
LW_MUST_USE lw_err hsm_der_first(lw_bytes in, struct hsm_der *element);

/** Read the first element of `*rest`, which must have `tag`, and move `*rest` past it. */
LW_MUST_USE lw_err hsm_der_next(lw_bytes *rest, uint8_t tag, struct hsm_der *element);

/**
 * Check that `in` is one element in strict DER, down to its primitive values, at most 16 deep.
 * A BOOLEAN must be TRUE: each one of a certificate has FALSE as its default, left unwritten.
 *
 * errors  LW_E_SYNTAX, with the offset in `in`
 * does not check  what hides in OCTET STRINGs and implicitly tagged values
 */
LW_MUST_USE lw_err hsm_der_check(lw_bytes in);

#endif
