/*
 * What `lw bench` measures other things against: OpenSSL's check of a P-256 signature and nothing
 * else. The caller takes the time.
 */
#ifndef HSM_BENCH_H
#define HSM_BENCH_H

#include "lw/buf.h"

struct hsm_bench;
#define HSM_AUTO_BENCH __attribute__((cleanup(hsm_bench_auto))) struct hsm_bench *

/**
 * Make a key, and signatures by it that have been checked.
 *
 * bench   the caller's, freed by hsm_bench_free()
 * errors  LW_E_CRYPTO; LW_E_NOMEM
 */
LW_MUST_USE lw_err hsm_bench_new(struct hsm_bench **bench);

/** Accepts NULL. */
void hsm_bench_free(struct hsm_bench *bench);
static inline void hsm_bench_auto(struct hsm_bench **bench)
{
    hsm_bench_free(*bench);
}

/**
 * Check `count` signatures with ECDSA_do_verify(): key, signature and digest are ready, so that
 * neither reading a key nor hashing is in it.
 *
 * bench   used by one thread at a time
 * errors  LW_E_CRYPTO  one of them does not hold
 */
LW_MUST_USE lw_err hsm_bench_verify(struct hsm_bench *bench, unsigned count);

#endif
