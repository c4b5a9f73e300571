/*
 * Elliptic curve calls that OpenSSL's newer interface makes 20 times as dear: importing a public
 * key takes 0.6 us here and 14 us by EVP_PKEY_fromdata (DESIGN section 11). Internal to hsm.
 */
#ifndef HSM_P256_H
#define HSM_P256_H

#include "algorithm.h"

/* Kept handles of one curve; used by one thread at a time. */
struct hsm_ec;

/** Make the handles of a row's curve; NULL when OpenSSL cannot. */
struct hsm_ec *hsm_ec_new(const struct hsm_algorithm *row);

/** Accepts NULL. */
void hsm_ec_free(struct hsm_ec *ec);

/**
 * Read a SEC 1 point, compressed (02, 03) or uncompressed (04), and check that it lies on the
 * curve; the cofactor of our curves is 1, so that it is in the right group as well.
 *
 * point   set to 04 || x || y
 * errors  LW_E_VALUE  another length or form, or not on the curve
 */
LW_MUST_USE lw_err hsm_ec_point(struct hsm_ec *ec, lw_bytes in, uint8_t point[HSM_POINT_MAX]);

/**
 * Compute the public point of the secret `d`, big-endian, of the curve's length.
 *
 * errors  LW_E_VALUE  d outside [1, n-1]; LW_E_CRYPTO
 */
LW_MUST_USE lw_err hsm_ec_public(struct hsm_ec *ec, lw_bytes d, uint8_t point[HSM_POINT_MAX]);

/**
 * Check r||s over `digest` with the key `point` (04 || x || y).
 *
 * sig     twice the curve's length, checked by the caller
 * errors  LW_E_SIGNATURE  r or s outside [1, n-1], or not by this key; LW_E_VALUE  not on the
 *         curve; LW_E_CRYPTO
 */
LW_MUST_USE lw_err hsm_ec_verify(struct hsm_ec *ec, lw_bytes point, lw_bytes digest, lw_bytes sig);

/* Multiples of one public key on P-256, 150 KB; once made, read by any number of threads. */
struct hsm_ec_table;

/**
 * Make the table of `point` (04 || x || y); takes about as long as 400 checks.
 *
 * errors  LW_E_VALUE  not on the curve; LW_E_UNSUPPORTED  another curve than P-256; LW_E_NOMEM;
 *         LW_E_CRYPTO
 */
LW_MUST_USE lw_err hsm_ec_table_new(struct hsm_ec *ec, lw_bytes point, struct hsm_ec_table **table);

/** Accepts NULL. */
void hsm_ec_table_free(struct hsm_ec_table *table);

/** As hsm_ec_verify(), with the key of `table`, which any thread's `ec` on P-256 may use. */
LW_MUST_USE lw_err hsm_ec_table_verify(struct hsm_ec *ec, const struct hsm_ec_table *table,
                                       lw_bytes digest, lw_bytes sig);

#endif
