/*
 * The signer processes as the service sees them (DESIGN section 4). `lw-signer` alone loads the
 * PKCS#11 module and knows the PIN; requests go to it in batches over a SEQPACKET socket and are
 * answered in any order. A signer that misses a deadline is killed, started again, and what was
 * in flight is replayed one by one.
 */
#ifndef HSM_POOL_H
#define HSM_POOL_H

#include "hsm/sign.h"
#include "lw/clock.h"
#include "lw/log.h"
#include "lw/rng.h"

struct hsm_pool;
#define HSM_AUTO_POOL __attribute__((cleanup(hsm_pool_auto))) struct hsm_pool *

enum { HSM_LABEL_MAX = 64, HSM_WRAP_MAX = 512 };

struct hsm_pool_config {
    const char *program; /* path of lw-signer */
    const char *module;  /* path of the PKCS#11 module */
    const char *token_label;
    const char *pin_file;     /* mode 0600, checked by the signer; read once a start */
    const char *softhsm_conf; /* value of SOFTHSM2_CONF for the signer, or NULL */
    unsigned processes;       /* 1 to 64 */
    int64_t deadline_ms;      /* of one token call; 5000 is the default */
    const struct lw_clock *clock;
    const struct lw_log *log; /* may be NULL */
};

/**
 * Start the signers and wait until one of them has opened the token.
 *
 * config  borrowed for the call; strings are copied
 * errors  LW_E_TOKEN   no module, no such token, or the PIN is wrong (it is tried once);
 *         LW_E_DENIED  the PIN file can be read by others; LW_E_IO  the program cannot start
 */
LW_MUST_USE lw_err hsm_pool_open(const struct hsm_pool_config *config, struct hsm_pool **pool);

/** End the signers: what is in flight completes with LW_E_TOKEN. Accepts NULL. */
void hsm_pool_close(struct hsm_pool *pool);
static inline void hsm_pool_auto(struct hsm_pool **pool)
{
    hsm_pool_close(*pool);
}

struct hsm_job;
typedef void hsm_job_done(struct hsm_job *job);

/* One signature. The caller owns it and keeps it in place until `done` was called. */
struct hsm_job {
    /* in */
    char label[HSM_LABEL_MAX]; /* of the token key, NUL-terminated */
    enum hsm_purpose purpose;
    uint8_t digest[64];
    uint8_t digest_len;
    hsm_job_done *done; /* called once, from the pool's thread; must not block */
    void *ctx;
    /* out */
    lw_err err;
    uint8_t sig[HSM_SIG_MAX]; /* r||s; not yet checked against the public key */
    uint8_t sig_len;
    /* the pool's own */
    struct hsm_job *next;
    uint64_t id;
    unsigned attempts;
};

/**
 * Queue `count` jobs; each is completed by its `done`, also when it fails.
 *
 * errors  LW_E_BUSY  the queue (65,536 jobs) cannot take them all: none was taken
 */
LW_MUST_USE lw_err hsm_pool_submit(struct hsm_pool *pool, struct hsm_job *jobs, size_t count);

/** Sign `digest` and wait. errors  as struct hsm_signer's sign_digest */
LW_MUST_USE lw_err hsm_pool_sign(struct hsm_pool *pool, const char *label, enum hsm_purpose purpose,
                                 lw_bytes digest, uint8_t sig[HSM_SIG_MAX]);

/** Return the token's state for /readyz: LW_SUCCESS, or why nothing can be signed now. */
lw_err hsm_pool_health(struct hsm_pool *pool);

/*
 * Fill a blocking signer for the token key `label`, whose public key and certificate the caller
 * gives; `kid` and times are the caller's to set afterwards. The signer lives as long as `pool`.
 */
struct hsm_pool_key {
    struct hsm_pool *pool;
    char label[HSM_LABEL_MAX];
    enum hsm_purpose purpose;
};
void hsm_pool_signer(struct hsm_pool_key *key, const struct hsm_public_key *public_key,
                     struct hsm_signer *signer);

/**
 * Make a P-256 key pair in the token (sensitive, not extractable, sign only), have it sign a
 * test, and return its public key. A key that fails the test is destroyed.
 *
 * label   unique on the token; the purpose is kept with the key and checked at each signature
 * errors  LW_E_CONFLICT  the label exists; LW_E_TOKEN; LW_E_TIMEOUT
 */
LW_MUST_USE lw_err hsm_pool_generate(struct hsm_pool *pool, const char *label,
                                     enum hsm_purpose purpose, struct hsm_public_key *key);

/** Make the AES-256 wrapping key `label` (purpose seal or custody), not extractable. */
LW_MUST_USE lw_err hsm_pool_generate_wrap(struct hsm_pool *pool, const char *label,
                                          enum hsm_purpose purpose);

/** Find the public key of `label`. errors  LW_E_NOT_FOUND; LW_E_TOKEN; LW_E_TIMEOUT */
LW_MUST_USE lw_err hsm_pool_find(struct hsm_pool *pool, const char *label,
                                 struct hsm_public_key *key);

struct hsm_token_key {
    char label[HSM_LABEL_MAX];
    enum hsm_purpose purpose;
    bool extractable;          /* must be false for all but custody keys */
    struct hsm_public_key key; /* alg HSM_ALG_NONE for wrapping keys */
};

/** List the token's keys made by us; sets `*count` to how many there are, fills at most `max`. */
LW_MUST_USE lw_err hsm_pool_list(struct hsm_pool *pool, struct hsm_token_key *keys, size_t max,
                                 size_t *count);

/** Destroy the token key `label`, both halves. errors  LW_E_NOT_FOUND; LW_E_TOKEN */
LW_MUST_USE lw_err hsm_pool_destroy(struct hsm_pool *pool, const char *label);

/**
 * Wrap 32 secret bytes under the wrapping key `label` inside the token (AES-256-GCM or key wrap
 * with padding, whichever the token has; the first byte of `wrapped` says which).
 */
LW_MUST_USE lw_err hsm_pool_wrap(struct hsm_pool *pool, const char *label, const uint8_t secret[32],
                                 lw_buf *wrapped);

/** Undo hsm_pool_wrap(). errors  LW_E_SIGNATURE  altered or another key; LW_E_TOKEN */
LW_MUST_USE lw_err hsm_pool_unwrap(struct hsm_pool *pool, const char *label, lw_bytes wrapped,
                                   uint8_t secret[32]);

/** Initialise a SoftHSM token in `dir` (mode 0700) with a configuration file beside it. */
struct hsm_softhsm_paths {
    const char *dir;         /* made when absent; holds tokens and softhsm2.conf */
    const char *pin_file;    /* made with mode 0600, a random PIN; must not exist */
    const char *so_pin_file; /* likewise */
    const char *module;      /* path of libsofthsm2.so */
    const char *token_label;
    const char *program; /* path of lw-signer, which does the work */
};
LW_MUST_USE lw_err hsm_softhsm_init(const struct hsm_softhsm_paths *paths,
                                    const struct lw_rng *rng);

/** Find libsofthsm2.so where Debian and others put it; static text, or NULL. */
const char *hsm_softhsm_module(void);

#endif
