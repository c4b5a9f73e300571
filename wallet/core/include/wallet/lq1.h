/*
 * The text of a self-contained QR code, "LQ1:", and of a verifier's challenge, "LC1:", both
 * directions (specs/qr.md sections 3, 4 and 8). Upper case and digits only, so that a code's
 * alphanumeric mode applies. Pure: no I/O, no clock.
 */
#ifndef WALLET_LQ1_H
#define WALLET_LQ1_H

#include "lw/buf.h"
#include "wallet/license_type.h"

enum {
    WALLET_LQ1_TEXT_MAX = 4296,    /* characters: version 40 at level L */
    WALLET_LQ1_PAYLOAD_MAX = 8192, /* bytes, after inflating */
    WALLET_LC1_NONCE_LEN = 16,
    WALLET_LC1_VERIFIER_MAX = 128,
};

/**
 * Append "LQ1:" and the Base45 text of `payload`.
 *
 * payload  a key-binding token: begins with D2
 * errors   LW_E_LIMIT  longer than a code can be; LW_E_MISUSE  another first byte; as
 *          lw_buf_put(); `text` is then unchanged
 */
LW_MUST_USE lw_err wallet_lq1_put(lw_bytes payload, lw_buf *text);

/**
 * Append the payload of `text` to `payload`, inflated when it is a zlib stream.
 *
 * payload  with room for WALLET_LQ1_PAYLOAD_MAX bytes
 * errors  LW_E_SYNTAX  another prefix, not Base45, another first byte (also of what was
 *         inflated), or the stream is broken, cut off or followed by more;
 *         LW_E_LIMIT   text or payload too long; `payload` is then unchanged
 * source  specs/qr.md QR-1 to QR-3
 */
LW_MUST_USE lw_err wallet_lq1_read(lw_str text, lw_buf *payload);

/* A verifier's challenge. Slices are borrowed. */
struct wallet_challenge {
    lw_str verifier_id; /* 1 to 128 bytes; the answer's audience is "qr:" and this */
    uint8_t nonce[WALLET_LC1_NONCE_LEN];
    int64_t keys[WALLET_CLAIMS_MAX]; /* CWT keys of the claims asked for */
    size_t key_count;
    int64_t exp;        /* Unix seconds */
    lw_bytes signature; /* a tagged COSE_Sign1 over the rest, not checked here; may be empty */
};

/** Append "LC1:" and the Base45 text of `challenge`. errors  as lw_buf_put(); LW_E_LIMIT */
LW_MUST_USE lw_err wallet_lc1_put(const struct wallet_challenge *challenge, lw_buf *text);

/**
 * Read a challenge.
 *
 * arena   what the slices of `challenge` borrow; empty when called, not to be written after
 * errors  LW_E_SYNTAX  another prefix, not Base45, not of that shape; LW_E_UNSUPPORTED  another
 *         version; LW_E_VALUE  a length or number outside its range; LW_E_LIMIT
 * does not check  `exp`, or the signature
 * source  specs/qr.md section 4
 */
LW_MUST_USE lw_err wallet_lc1_read(lw_str text, lw_buf *arena, struct wallet_challenge *challenge);

#endif
