/* What the files of lw-signer share. One thread uses the token; another only watches it. */
#ifndef HSM_SIGNER_H
#define HSM_SIGNER_H

#include <p11-kit/pkcs11.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

#include "../src/signer_wire.h"

typedef enum hsm_wire_result wire_result;

struct signer_config {
    const char *module;
    const char *token_label;
    const char *pin_file;
    const char *so_pin_file;  /* --init-token only */
    const char *softhsm_conf; /* NULL for other modules */
    const char *key_label;    /* --bench-raw only */
    int64_t count;            /* --bench-raw only */
    int64_t deadline_ms;
    const struct lw_log *log; /* NULL when silent */
};

/*
 * Ends the process when one token call takes longer than its deadline. `calls` is odd while a
 * call runs, so that a call costs two increments and no look at the clock.
 */
struct watchdog {
    atomic_uint calls;
    atomic_bool parked;
    sem_t wake;
    int64_t deadline_ms;
    const struct lw_log *log;
};

/** Start the watching thread; `w` stays in place for the life of the process. */
LW_MUST_USE bool watchdog_start(struct watchdog *w, int64_t deadline_ms, const struct lw_log *log);

static inline void watchdog_enter(struct watchdog *w)
{
    atomic_fetch_add(&w->calls, 1);
    if (atomic_load(&w->parked) && atomic_exchange(&w->parked, false)) {
        (void)sem_post(&w->wake);
    }
}

static inline CK_RV watchdog_leave(struct watchdog *w, CK_RV rv)
{
    atomic_fetch_add_explicit(&w->calls, 1, memory_order_release);
    return rv;
}

/* One key as the token has it. */
struct token_key {
    char label[HSM_LABEL_MAX];
    CK_OBJECT_HANDLE handle;
    CK_OBJECT_CLASS class; /* private or secret key */
    enum hsm_purpose purpose;
};

/* Keys found so far by label: open addressing; a slot with an empty label is free. */
enum { KEY_SLOTS = 1024, KEY_SLOTS_USED_MAX = 768, TOKEN_KEYS_MAX = 4096 };

struct key_cache {
    struct token_key slots[KEY_SLOTS];
    size_t used;
};

struct token {
    CK_FUNCTION_LIST *module;
    CK_SLOT_ID slot;
    CK_SESSION_HANDLE session;
    CK_RV rv;      /* of the last call that failed, for the log */
    int folder_fd; /* SoftHSM's folder of tokens, or -1 */
    struct key_cache cache;
    struct watchdog watchdog;
    const struct lw_log *log;
};

/* One call into the module under the watchdog's eye: TOKEN_CALL(t, C_Sign)(t->session, ...). */
#define TOKEN_CALL(token_, call_)                                                                  \
    (watchdog_enter(&(token_)->watchdog),                                                          \
     watchdog_leave(&(token_)->watchdog, (token_)->module->call_))

/* module.c */

/** Load the module, find the token, log in, open a session. Everything lives until exit. */
wire_result token_open(struct token *t, const struct signer_config *config);

/** Load the module only. */
wire_result token_load(struct token *t, const char *module);

/**
 * Mend what `rv` of a failed call says is broken: a new session, or nothing.
 *
 * returns HSM_WIRE_OK: the call may be tried again; HSM_WIRE_GONE: only a new start helps
 */
wire_result token_recover(struct token *t, CK_RV rv);

/** Ask for the session's state. returns HSM_WIRE_GONE when it is no longer logged in */
wire_result token_ping(struct token *t);

/** Read a PIN file of mode 0600 or 0400 that is ours. The caller wipes `pin`. */
wire_result pin_read(const char *path, char *pin, size_t cap, size_t *len);

/* token_sync.c */

/** Return when a file of SoftHSM's folder was last changed. */
struct timespec token_newest(const struct token *t);

/** Make what was changed there since then survive a power cut: SoftHSM syncs nothing. */
void token_sync(const struct token *t, struct timespec since);

/* token_init.c */

/** Initialise a SoftHSM token: the sub-mode --init-token. */
wire_result token_init(struct token *t, const struct signer_config *config);

/* key.c */

/** Find the published key of `label`, from memory when it was found before. */
wire_result key_find(struct token *t, const char label[HSM_LABEL_MAX], CK_OBJECT_CLASS class,
                     const struct token_key **key);

void key_forget(struct token *t, const char label[HSM_LABEL_MAX]);
void key_forget_all(struct token *t);

/**
 * Mend what the last failed call (t->rv, which is kept) says is broken, and forget `label`.
 *
 * returns as token_recover()
 */
wire_result key_recover(struct token *t, const char label[HSM_LABEL_MAX]);

/** Search without memory: token objects of `class`; `label` is of HSM_LABEL_MAX bytes, NULL is any.
 */
wire_result key_search(struct token *t, CK_OBJECT_CLASS class, const char *label,
                       CK_OBJECT_HANDLE *handles, size_t max, size_t *count);

/** Read label and purpose of an object. returns false when it is not a published key of ours */
bool key_describe(struct token *t, CK_OBJECT_HANDLE handle, struct token_key *key);

/** Read the point or modulus of the public key object of a key of `purpose`. */
wire_result key_public_half(struct token *t, CK_OBJECT_HANDLE handle, enum hsm_purpose purpose,
                            struct hsm_public_key *key);

/** Return the length of signatures by keys of `purpose`. */
static inline uint16_t key_sig_len(enum hsm_purpose purpose)
{
    return hsm_purpose_alg(purpose) == HSM_RS256 ? HSM_RSA_LEN : HSM_ES256_SIG_LEN;
}

/** Sign a SHA-256 digest into key_sig_len(purpose) bytes. */
wire_result key_sign_digest(struct token *t, CK_OBJECT_HANDLE handle, enum hsm_purpose purpose,
                            const uint8_t digest[HSM_P256_LEN], uint8_t sig[HSM_SIG_MAX]);

wire_result key_sign(struct token *t, const struct hsm_wire *request, struct hsm_wire *reply);
wire_result key_public(struct token *t, const struct hsm_wire *request, struct hsm_wire *reply);

/* key_make.c */
wire_result key_generate(struct token *t, const struct hsm_wire *request, struct hsm_wire *reply);
wire_result key_generate_wrap(struct token *t, const struct hsm_wire *request);
wire_result key_destroy(struct token *t, const struct hsm_wire *request);

/** Write the CKA_ID of a key of `purpose`, before it is published or after; its length. */
enum { KEY_ID_MAX = 32 };
size_t key_id(enum hsm_purpose purpose, bool published, uint8_t id[KEY_ID_MAX]);

/** Read a CKA_ID. returns HSM_PURPOSE_NONE when it is not the id of a key of ours */
enum hsm_purpose key_id_purpose(lw_bytes id, bool *published);

/* key_list.c */

/** Send a record for each published key through `emit`. */
wire_result key_list(struct token *t, void (*emit)(void *ctx, const struct hsm_wire *record),
                     void *ctx);

/* key_wrap.c */
wire_result key_wrap(struct token *t, const struct hsm_wire *request, struct hsm_wire *reply);
wire_result key_unwrap(struct token *t, const struct hsm_wire *request, struct hsm_wire *reply);

/** Wrap and unwrap a test with a key that is not yet published. */
wire_result key_wrap_test(struct token *t, const struct token_key *key);

/* signer_serve.c */

/** Return the CPU time of this process so far, in microseconds. */
int64_t signer_cpu_us(void);

/** Answer requests until the other end closes. Returns the exit code. */
int signer_serve(struct token *t, int fd);

/* signer_bench.c */

/** Sign `config->count` times without anything else: the sub-mode --bench-raw. */
wire_result signer_bench(struct token *t, const struct signer_config *config,
                         struct hsm_wire *reply);

/* signer_sandbox.c */

/** Before anything is read: no core, not dumpable, ends with its parent, deaf to signals. */
void sandbox_harden(void);

/** Make the calling thread's ftruncate() do nothing, for ever. returns false on error */
bool sandbox_ignore_truncation(void);

/** Open the folder in which the SoftHSM configuration `conf` keeps tokens. returns -1 on error */
int sandbox_token_folder(const char *conf);

/**
 * Once the token is open: Landlock, then seccomp.
 *
 * folder_fd  the only folder whose files can be opened from now on, or -1 when it is unknown
 * softhsm    the module needs neither sockets nor devices
 * returns    false when seccomp fails; a kernel without Landlock is only logged
 */
bool sandbox_enter(int folder_fd, bool softhsm, const struct lw_log *log);

#endif
