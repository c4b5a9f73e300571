/* Base64url as JOSE has it, and standard Base64 for x5c (RFC 4648). Pure: no I/O, no clock. */
#ifndef WALLET_BASE64_H
#define WALLET_BASE64_H

#include "lw/buf.h"

/**
 * Append the base64url text of `in`, without padding, to `out`.
 *
 * in      borrowed, not inside `out`; any bytes
 * out     grows by wallet_base64url_len(in.len); its contents are unchanged on error
 * errors  LW_E_LIMIT  out->max would be passed; LW_E_NOMEM
 * source  RFC 4648 section 5; RFC 7515 section 2
 */
LW_MUST_USE lw_err wallet_base64url_encode(lw_bytes in, lw_buf *out);

/**
 * Append the bytes that unpadded base64url text `in` stands for to `out`.
 *
 * in      borrowed, not inside `out`; nothing is skipped, and bits that stand for no byte are
 *         zero, so that every byte string has one text
 * out     grows by in.len / 4 * 3, and 1 or 2 for a tail; unchanged on error
 * errors  LW_E_SYNTAX  length is 1 modulo 4, character outside the alphabet (also "="), or
 *                      unused bits that are not zero, at `at`; LW_E_LIMIT; LW_E_NOMEM
 * source  RFC 4648 sections 3.5 and 5
 */
LW_MUST_USE lw_err wallet_base64url_decode(lw_str in, lw_buf *out);

/**
 * Write exactly `len` bytes that unpadded base64url text `in` stands for.
 *
 * out     has room for `len` bytes; undefined after an error
 * errors  LW_E_SYNTAX  as wallet_base64url_decode(); LW_E_VALUE  `in` stands for another length
 */
LW_MUST_USE lw_err wallet_base64url_decode_exact(lw_str in, uint8_t *out, size_t len);

/** Write the wallet_base64url_len(in.len) characters of `in` to `out`, which has room for them. */
void wallet_base64url_write(lw_bytes in, char *out);

/** As wallet_base64url_encode(), in the standard alphabet with padding. */
LW_MUST_USE lw_err wallet_base64_encode(lw_bytes in, lw_buf *out);

/**
 * As wallet_base64url_decode(), in the standard alphabet; padding to a multiple of 4 is demanded.
 *
 * source  RFC 4648 section 4; RFC 7515 section 4.1.6
 */
LW_MUST_USE lw_err wallet_base64_decode(lw_str in, lw_buf *out);

/** Return the number of characters of `n` bytes in unpadded base64url; n at most SIZE_MAX / 2. */
static inline size_t wallet_base64url_len(size_t n)
{
    return n / 3 * 4 + (n % 3 == 0 ? 0 : n % 3 + 1);
}

#endif
