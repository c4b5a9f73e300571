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

enum { HSM_LABEL_MAX = 64, HSM_WRAP_MAX = 128, HSM_QUEUE_MAX = 65536, HSM_PROCESSES_MAX = 64 };

struct hsm_pool_config {
    const char *program; /* path of lw-signer */
    const char *module;  /* path of the PKCS#11 module */
    const char *token_label;
    const char *pin_file;     /* mode 0600, checked by the signer; read once a start */
    const char *softhsm_conf; /* value of SOFTHSM2_CONF for the signer, or NULL */
    unsigned processes;       /* 1 to HSM_PROCESSES_MAX */
    int64_t deadline_ms;      /* of one token call, 100 or more; 0 stands for 5000 */
    bool without_token;       /* open though the token is absent, and go on trying (a service) */
    const struct lw_clock *clock;
    const struct lw_log *log; /* may be NULL: then the signers are silent too */
};

/**
 * Start the signers and wait until one of them has opened the token.
 *
 * With `without_token` a token that cannot be opened is no error: hsm_pool_health() tells why,
 * jobs fail at once, and the pool tries again by itself. A wrong PIN is never tried twice.
 *
 * config  borrowed for the call, strings are copied; clock and log live as long as the pool
 * errors  LW_E_TOKEN     no module, no such token, or the PIN is wrong (it is tried once);
 *         LW_E_DENIED    the PIN file can be read by others, or is not ours;
 *         LW_E_NOT_FOUND no PIN file; LW_E_TIMEOUT  the module hangs;
 *         LW_E_IO        the program cannot start; LW_E_VALUE; LW_E_NOMEM
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
    uint8_t sig[HSM_SIG_MAX]; /* not yet checked against the public key */
    uint16_t sig_len;
    /* the pool's own */
    struct hsm_job *next;
    uint64_t id;
    int64_t born_ms;
    unsigned attempts;
    uint8_t op;
};

/**
 * Queue `count` jobs of the array `jobs`; each is completed by its `done`, also when it fails:
 * LW_E_NOT_FOUND  no such key; LW_E_DENIED  the key has another purpose; LW_E_VALUE  a label or a
 * digest of the wrong length; LW_E_TOKEN  the token fails or is absent; LW_E_TIMEOUT  not done
 * within four deadlines.
 *
 * errors  LW_E_BUSY  the queue (HSM_QUEUE_MAX jobs) cannot take them all: none was taken
 */
LW_MUST_USE lw_err hsm_pool_submit(struct hsm_pool *pool, struct hsm_job *jobs, size_t count);

/** Sign `digest` and wait. errors  as a job's, and LW_E_BUSY */
LW_MUST_USE lw_err hsm_pool_sign(struct hsm_pool *pool, const char *label, enum hsm_purpose purpose,
                                 lw_bytes digest, uint8_t sig[HSM_SIG_MAX]);

/**
 * Return the token's state for /readyz: LW_SUCCESS, or why nothing can be signed now. A failed
 * signature counts until one succeeds, ten seconds at most: then it is worth another try.
 */
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
 * Fill a job with what hsm_sign_begin() made, for hsm_pool_submit(); `done` and `ctx` are the
 * caller's to set.
 *
 * signer  as filled by hsm_pool_signer()
 */
void hsm_pool_job(const struct hsm_signer *signer, const struct hsm_digest *digest,
                  struct hsm_job *job);

/**
 * Make a key pair, P-256 or for id-rsa RSA of 2048 bits, in the token (sensitive, not extractable,
 * sign only), have it sign a test, and return its public key. A key that fails the test is
 * destroyed.
 *
 * label   unique on the token; the purpose is kept with the key and checked at each signature
 * errors  LW_E_CONFLICT  the label exists; LW_E_DENIED  a purpose that signs nothing;
 *         LW_E_VALUE     a label of the wrong length; LW_E_TOKEN; LW_E_TIMEOUT
 */
LW_MUST_USE lw_err hsm_pool_generate(struct hsm_pool *pool, const char *label,
                                     enum hsm_purpose purpose, struct hsm_public_key *key);

/**
 * Make the AES-256 wrapping key `label` (purpose seal or custody), not extractable.
 *
 * errors  as hsm_pool_generate(); LW_E_UNSUPPORTED  the token can neither GCM nor key wrap
 */
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

/**
 * List the token's keys made by us, in no order.
 *
 * count   set to how many there are; at most `max` are filled in
 */
LW_MUST_USE lw_err hsm_pool_list(struct hsm_pool *pool, struct hsm_token_key *keys, size_t max,
                                 size_t *count);

/** Destroy the token key `label`, both halves. errors  LW_E_NOT_FOUND; LW_E_TOKEN */
LW_MUST_USE lw_err hsm_pool_destroy(struct hsm_pool *pool, const char *label);

/**
 * Wrap 32 secret bytes under the wrapping key `label` inside the token: AES-256-GCM, or AES key
 * wrap with padding where the token lacks it; the first byte of `wrapped` says which.
 *
 * label   a key of purpose seal: what a custody key wraps never leaves the token
 * wrapped at most HSM_WRAP_MAX bytes are appended
 * errors  LW_E_NOT_FOUND; LW_E_DENIED  another purpose; LW_E_TOKEN; LW_E_TIMEOUT
 */
LW_MUST_USE lw_err hsm_pool_wrap(struct hsm_pool *pool, const char *label, const uint8_t secret[32],
                                 lw_buf *wrapped);

/** Undo hsm_pool_wrap(). errors  as there; LW_E_SIGNATURE  altered, or wrapped by another key */
LW_MUST_USE lw_err hsm_pool_unwrap(struct hsm_pool *pool, const char *label, lw_bytes wrapped,
                                   uint8_t secret[32]);

/** Return the CPU time used by the pool's signers, as of their last answers, in microseconds. */
int64_t hsm_pool_cpu_us(struct hsm_pool *pool);

/**
 * Measure H: C_SignInit and C_Sign alone, in an lw-signer of its own, without sandbox or socket.
 *
 * label   a P-256 key of the token
 * count   signatures to make, 1 to 1,000,000
 * per_s   set to signatures per CPU second
 * errors  as hsm_pool_open(); LW_E_NOT_FOUND  no such key
 */
LW_MUST_USE lw_err hsm_bench_raw(const struct hsm_pool_config *config, const char *label,
                                 unsigned count, double *per_s);

struct hsm_softhsm_paths {
    const char *dir;         /* made with mode 0700 when absent; its parent must exist */
    const char *pin_file;    /* made with mode 0600, a random PIN; must not exist */
    const char *so_pin_file; /* likewise */
    const char *module;      /* path of libsofthsm2.so */
    const char *token_label; /* 1 to 32 bytes */
    const char *program;     /* path of lw-signer, which does the work */
};

/**
 * Initialise a SoftHSM token in `dir`: DIR/tokens and DIR/softhsm2.conf, which is the pool's
 * softhsm_conf. What a failed call made is removed again.
 *
 * errors  LW_E_CONFLICT  a PIN file or the configuration file exists; LW_E_IO, LW_E_NOSPACE;
 *         LW_E_TOKEN     the module cannot be loaded or refuses; LW_E_CRYPTO  no randomness
 */
LW_MUST_USE lw_err hsm_softhsm_init(const struct hsm_softhsm_paths *paths,
                                    const struct lw_rng *rng);

/** Find libsofthsm2.so where Debian and others put it; static text, or NULL. */
const char *hsm_softhsm_module(void);

#endif
