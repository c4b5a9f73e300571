/* Public keys as values, and signature checks. Contexts and imported keys are kept per thread. */
#ifndef HSM_VERIFY_H
#define HSM_VERIFY_H

#include "lw/buf.h"

/* Algorithms are rows of one table (algorithm.c); the key decides, never the token. */
enum hsm_alg { HSM_ALG_NONE = 0, HSM_ES256, HSM_ES384, HSM_RS256 };

enum {
    HSM_POINT_MAX = 97,
    HSM_PAIR_MAX = 96, /* r||s */
    HSM_ES256_SIG_LEN = 64,
    HSM_P256_LEN = 32,
    HSM_RSA_LEN = 256,     /* of moduli made here, and of signatures under them */
    HSM_RSA_LEN_MAX = 512, /* of moduli that are accepted */
    HSM_SIG_MAX = HSM_RSA_LEN,
    HSM_DIGEST_MAX = 48
};

/*
 * A public key that was checked: a point on its curve, or a modulus within bounds. Made only by
 * the functions below and by hsm/x509.h; copied freely.
 */
struct hsm_public_key {
    enum hsm_alg alg;
    /* SEC 1 uncompressed: 04 || x || y; of RS256 the modulus, big-endian, with exponent 65537. */
    uint8_t point[HSM_RSA_LEN_MAX];
    uint16_t point_len; /* 65 or 97; of RS256 256 to 512 */
};

/**
 * Read a SEC 1 point, compressed or uncompressed, of the curve of `alg`.
 *
 * errors  LW_E_VALUE  wrong length or form, not on the curve, or infinity; LW_E_UNSUPPORTED
 */
LW_MUST_USE lw_err hsm_public_key_from_point(struct hsm_public_key *key, enum hsm_alg alg,
                                             lw_bytes point);

/** As hsm_public_key_from_point(), from coordinates of the curve's exact length. */
LW_MUST_USE lw_err hsm_public_key_from_xy(struct hsm_public_key *key, enum hsm_alg alg, lw_bytes x,
                                          lw_bytes y);

/**
 * Read an RSA key for RS256.
 *
 * n, e    big-endian, as few bytes as it takes
 * errors  LW_E_VALUE        a leading zero, or n is even;
 *         LW_E_UNSUPPORTED  n has fewer than 2048 bits or more than 4096, or e is not 65537
 * does not check  that n is a product of two primes
 * source  RFC 7518 sections 3.3 and 6.3.1
 */
LW_MUST_USE lw_err hsm_public_key_from_rsa(struct hsm_public_key *key, lw_bytes n, lw_bytes e);

/** Read what `point` of a key holds. errors  as the function for keys of `alg` */
LW_MUST_USE lw_err hsm_public_key_from_bytes(struct hsm_public_key *key, enum hsm_alg alg,
                                             lw_bytes bytes);

/** Return the length of the key's signatures: 64, 96, or that of its modulus; 0 of no algorithm. */
size_t hsm_sig_len(const struct hsm_public_key *key);

/** Return x of a point (as a slice of `key`). */
lw_bytes hsm_public_key_x(const struct hsm_public_key *key);

/** Return y of a point (as a slice of `key`). */
lw_bytes hsm_public_key_y(const struct hsm_public_key *key);

bool hsm_public_key_eq(const struct hsm_public_key *a, const struct hsm_public_key *b);

/**
 * Check a signature over `message` with the hash of the key's algorithm.
 *
 * sig     ECDSA: r||s, each of the curve's length, 64 bytes for ES256; RS256: RSASSA-PKCS1-v1_5,
 *         of the modulus' length
 * errors  LW_E_SIGNATURE  it does not hold: wrong length, r or s outside [1, n-1], or not by
 *         this key; LW_E_CRYPTO
 * does not check  that `key` is trusted, or for what
 * source  RFC 7518 sections 3.3 and 3.4; RFC 9053 section 2.1; RFC 8017 section 8.2
 */
LW_MUST_USE lw_err hsm_verify(const struct hsm_public_key *key, lw_bytes message, lw_bytes sig);

/** As hsm_verify(), of parts one after the other. */
LW_MUST_USE lw_err hsm_verify_parts(const struct hsm_public_key *key, const lw_bytes *parts,
                                    size_t count, lw_bytes sig);

/** As hsm_verify(), of a digest of the algorithm's hash. */
LW_MUST_USE lw_err hsm_verify_digest(const struct hsm_public_key *key, lw_bytes digest,
                                     lw_bytes sig);

/**
 * Hash the parts, one after the other, as hsm_verify_parts() does for `key`.
 *
 * room    HSM_DIGEST_MAX bytes
 * digest  set to what was written of it
 */
LW_MUST_USE lw_err hsm_verify_hash(const struct hsm_public_key *key, const lw_bytes *parts,
                                   size_t count, uint8_t *room, lw_bytes *digest);

/** Turn a DER ECDSA-Sig-Value into r||s of `alg`. errors  LW_E_SYNTAX  not strict DER */
LW_MUST_USE lw_err hsm_sig_from_der(enum hsm_alg alg, lw_bytes der, uint8_t sig[HSM_PAIR_MAX],
                                    size_t *sig_len);

/** Append r||s as a DER ECDSA-Sig-Value. */
LW_MUST_USE lw_err hsm_sig_to_der(lw_bytes sig, lw_buf *der);

#endif
