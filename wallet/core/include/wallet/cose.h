/*
 * COSE_Key and COSE_Sign1 (RFC 9052, RFC 9053). What was received is kept as bytes and verified
 * as such; nothing is encoded again. Pure: no I/O, no clock.
 */
#ifndef WALLET_COSE_H
#define WALLET_COSE_H

#include "hsm/sign.h"
#include "wallet/cbor.h"

/* Header labels (IANA "COSE Header Parameters"). */
enum wallet_cose_label {
    WALLET_COSE_ALG = 1,
    WALLET_COSE_CRIT = 2,
    WALLET_COSE_KID = 4,
    WALLET_COSE_KCWT = 13,
    WALLET_COSE_KCCS = 14,
    WALLET_COSE_TYP = 16,
    WALLET_COSE_SD_CLAIMS = 17,
    WALLET_COSE_X5BAG = 32,
    WALLET_COSE_X5CHAIN = 33,
    WALLET_COSE_X5T = 34,
    WALLET_COSE_X5U = 35,
    WALLET_COSE_SD_ALG = 170,
};

/* Algorithms (IANA "COSE Algorithms"): the first name leaves the curve open, the second not. */
enum wallet_cose_alg {
    WALLET_COSE_ES256 = -7,
    WALLET_COSE_ESP256 = -9,
    WALLET_COSE_SHA256 = -16,
    WALLET_COSE_SHA256_64 = -15,
    WALLET_COSE_ES384 = -35,
    WALLET_COSE_ESP384 = -51,
};

enum { WALLET_COSE_TAG_SIGN1 = 18, WALLET_COSE_KEY_MAX = 128 };

/* A COSE_Sign1 as received: structure only, unverified. Slices borrow from the input. */
struct wallet_cose_sign1 {
    lw_bytes protected;   /* contents of the byte string: one map */
    lw_bytes unprotected; /* one map, with its head */
    lw_bytes payload;     /* contents of the byte string */
    lw_bytes signature;   /* contents of the byte string */
    int64_t alg;          /* of the protected header */
};

/**
 * Read a tagged COSE_Sign1.
 *
 * in      exactly one item as wallet_cbor_check() demands, and so is the protected header
 * errors  LW_E_SYNTAX, LW_E_LIMIT  as wallet_cbor_check(), or not of that shape;
 *         LW_E_UNSUPPORTED  no `alg` in the protected header, critical headers, or the payload
 *         is detached; LW_E_VALUE  a label stands in both headers
 * does not check  the algorithm, or which headers there are
 * source  RFC 9052 sections 3 and 4.2
 */
LW_MUST_USE lw_err wallet_cose_sign1_parse(lw_bytes in, struct wallet_cose_sign1 *message);

/** Say whether the unprotected header is the empty map. */
static inline bool wallet_cose_unprotected_empty(const struct wallet_cose_sign1 *message)
{
    return message->unprotected.len == 1;
}

/** Say whether a message that names `alg` may be checked with `key`: the key decides. */
bool wallet_cose_alg_fits(int64_t alg, const struct hsm_public_key *key);

/** Return the algorithm we write for `key`: -9 for P-256, -51 for P-384. */
int64_t wallet_cose_alg_of(const struct hsm_public_key *key);

/**
 * Check the signature over the Sig_structure "Signature1".
 *
 * external  externally supplied data, usually empty
 * errors    LW_E_UNSUPPORTED  the message's algorithm is not the key's; LW_E_SIGNATURE
 * does not check  that `key` is trusted
 * source    RFC 9052 section 4.4
 */
LW_MUST_USE lw_err wallet_cose_sign1_verify(const struct wallet_cose_sign1 *message,
                                            lw_bytes external, const struct hsm_public_key *key);

/**
 * Hash the Sig_structure of a message received, for a check by other means than
 * wallet_cose_sign1_verify().
 *
 * room    HSM_DIGEST_MAX bytes
 * digest  set to what was written of it
 * errors  LW_E_UNSUPPORTED  the message's algorithm is not the key's; LW_E_CRYPTO
 */
LW_MUST_USE lw_err wallet_cose_sign1_hash(const struct wallet_cose_sign1 *message,
                                          lw_bytes external, const struct hsm_public_key *key,
                                          uint8_t *room, lw_bytes *digest);

/* What is to be signed. */
struct wallet_cose_parts {
    lw_bytes protected;   /* an encoded map, with `alg` as wallet_cose_alg_of() says */
    lw_bytes unprotected; /* an encoded map; empty stands for the empty map */
    lw_bytes payload;
};

/**
 * Hash the Sig_structure of `parts` for ES256, for a signer that is given digests.
 *
 * does not check  `parts->unprotected`, which is not signed
 */
LW_MUST_USE lw_err wallet_cose_sign1_digest(const struct wallet_cose_parts *parts,
                                            uint8_t digest[32]);

/** Hash the Sig_structure of `parts` for a signature that is made elsewhere, as hsm_sign_begin().
 */
LW_MUST_USE lw_err wallet_cose_sign1_begin(const struct wallet_cose_parts *parts,
                                           const struct hsm_signer *signer,
                                           enum hsm_purpose purpose, int64_t now,
                                           struct hsm_digest *digest);

/** Append the tagged COSE_Sign1 of `parts` and `signature`. Errors as lw_buf_put(). */
LW_MUST_USE lw_err wallet_cose_sign1_put(const struct wallet_cose_parts *parts, lw_bytes signature,
                                         lw_buf *out);

/**
 * Sign `parts` and append the tagged COSE_Sign1.
 *
 * errors  as hsm_sign(), as lw_buf_put(); `out` is then unchanged
 */
LW_MUST_USE lw_err wallet_cose_sign1_sign(const struct wallet_cose_parts *parts,
                                          const struct hsm_signer *signer, enum hsm_purpose purpose,
                                          int64_t now, lw_buf *out);

/**
 * Read a public COSE_Key: EC2 on P-256 or P-384, `y` as bytes or as its sign.
 *
 * item    one item, checked here as wallet_cbor_check() demands
 * errors  LW_E_SYNTAX  not of that shape; LW_E_UNSUPPORTED  another key type, curve, algorithm
 *         or use; LW_E_VALUE  the point is not on the curve, or the private part is there
 * source  RFC 9052 section 7; RFC 9053 section 7.1.1
 */
LW_MUST_USE lw_err wallet_cose_key_read(lw_bytes item, struct hsm_public_key *key);

/**
 * As wallet_cose_key_read(), with a guess at a y of which only the sign is given: where it is right
 * it need not be computed.
 *
 * y  of the curve's length, or empty; wrong ones do no harm
 */
LW_MUST_USE lw_err wallet_cose_key_read_guessed(lw_bytes item, lw_bytes y,
                                                struct hsm_public_key *key);

/**
 * Append `key` as COSE_Key.
 *
 * compressed  write `y` as its sign, which saves a coordinate less one byte
 */
LW_MUST_USE lw_err wallet_cose_key_put(const struct hsm_public_key *key, bool compressed,
                                       lw_buf *out);

#endif
