/* Open and close a home; its signers. */
#define _GNU_SOURCE

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "home_clock.h"
#include "home_key.h"
#include "hsm/digest.h"
#include "trust_publish.h"
#include "wallet/jwk.h"

enum { TOUCH_FATAL_EXIT = 3 };

lw_err home_path(const struct wallet_home_config *config, const char *name,
                 char path[HOME_PATH_MAX])
{
    const int n = snprintf(path, HOME_PATH_MAX, "%s/%s", config->dir, name);
    return n > 0 && n < HOME_PATH_MAX
               ? LW_SUCCESS
               : LW_FAIL(LW_E_LIMIT, "home: its path is too long", LW_NOWHERE);
}

lw_err home_open_pool(const struct wallet_home_config *config, const struct wallet_env *env,
                      bool without_token, struct hsm_pool **pool)
{
    char pin[HOME_PATH_MAX];
    char conf[HOME_PATH_MAX];
    LW_TRY(home_path(config, "pin", pin));
    LW_TRY(home_path(config, "token/softhsm2.conf", conf));
    const char *module = config->module == NULL ? hsm_softhsm_module() : config->module;
    if (module == NULL) {
        return LW_FAIL(LW_E_TOKEN, "home: SoftHSM 2 is not installed and no module is named",
                       LW_NOWHERE);
    }
    if (!without_token && config->module == NULL &&
        access(config->softhsm_conf == NULL ? conf : config->softhsm_conf, R_OK) != 0) {
        return LW_FAIL(LW_E_TOKEN, "home: the folder token is not there", LW_NOWHERE);
    }
    if (!without_token && strchr(module, '/') != NULL && access(module, R_OK) != 0) {
        return LW_FAIL(LW_E_TOKEN, "home: the PKCS#11 module is not there", LW_NOWHERE);
    }
    const struct hsm_pool_config pool_config = {
        .program = config->signer_program,
        .module = module,
        .token_label = config->token_label,
        .pin_file = config->pin_file == NULL ? pin : config->pin_file,
        .softhsm_conf = config->softhsm_conf != NULL ? config->softhsm_conf
                        : config->module == NULL     ? conf
                                                     : NULL,
        .processes = config->signers,
        .deadline_ms = config->token_deadline_ms,
        .without_token = without_token,
        .clock = env->clock,
        .log = env->log,
    };
    const lw_err err = hsm_pool_open(&pool_config, pool);
    /* A PIN file that is not there or holds no PIN: not to be taken for a store that is not. */
    return err.code == LW_E_NOT_FOUND || err.code == LW_E_VALUE
               ? LW_FAIL(LW_E_TOKEN, err.why, LW_NOWHERE)
               : err;
}

lw_err home_audit(struct wallet_txn *txn, int64_t now, enum wallet_audit_kind kind, lw_str actor,
                  lw_bytes subject)
{
    const struct wallet_audit_event event = {
        .time = now, .kind = kind, .actor = actor, .subject = subject};
    return wallet_audit_append(txn, &event, NULL);
}

/* A store whose commit failed must not be written again: the process ends (DESIGN section 5). */
static void on_fatal(void *ctx, lw_err err)
{
    const struct wallet_env *env = ctx;
    const struct lw_log last = {.least = LW_ERROR, .clock = env->clock, .fd = STDERR_FILENO};
    lw_log_err(env->log == NULL ? &last : env->log, LW_ERROR, "store_failed", err,
               (struct lw_field){.key = NULL});
    _Exit(TOUCH_FATAL_EXIT);
}

lw_err home_open_store(struct wallet_home *home)
{
    char dir[HOME_PATH_MAX];
    LW_TRY(home_path(home->config, home->store_dir, dir));
    /* The table of fatal() wants a plain pointer; it is handed back as given. */
    const struct wallet_store_options options = {.clock = home->env->clock,
                                                 .rng = home->env->rng,
                                                 .reads_all = home->config->reads_all,
                                                 .fatal = on_fatal,
                                                 .fatal_ctx = (void *)(uintptr_t)home->env};
    return wallet_store_open(dir, &options, &home->store);
}

const char home_restore_mark[] = "restore.unfinished";

static lw_err check_restored(const struct wallet_home *home)
{
    char mark[HOME_PATH_MAX];
    LW_TRY(home_path(home->config, home_restore_mark, mark));
    return access(mark, F_OK) == 0
               ? LW_FAIL(LW_E_CONFLICT, "home: a restore of it was not finished", LW_NOWHERE)
               : LW_SUCCESS;
}

/* The token is away, or lacks a key: what needs neither works, the service tries again. */
static bool is_for_later(const struct wallet_home *home, lw_err err, const char *event)
{
    const bool later =
        home->need == WALLET_HOME_SERVE &&
        (err.code == LW_E_TOKEN || err.code == LW_E_TIMEOUT || err.code == LW_E_BUSY ||
         err.code == LW_E_DENIED || err.code == LW_E_NOT_FOUND);
    if (later) {
        lw_log_err(home->env->log, LW_WARN, event, err, (struct lw_field){.key = NULL});
    }
    return later;
}

static lw_err open_parts(struct wallet_home *home)
{
    LW_TRY(wallet_shortcuts_make(home->config->key_tables, home->config->seen_parts,
                                 &home->shortcuts));
    if (!home->config->unguarded) {
        LW_TRY(check_restored(home));
    }
    LW_TRY(home_open_store(home));
    LW_TRY(home->config->unguarded ? LW_SUCCESS : home_guard(home));
    home_clock_start(home);
    if (home->need == WALLET_HOME_READ) {
        return LW_SUCCESS;
    }
    const bool serve = home->need == WALLET_HOME_SERVE;
    LW_TRY(home_open_pool(home->config, home->env, serve, &home->pool));
    const lw_err err = home_epochs_unlock(home);
    if (is_for_later(home, err, "store_locked")) {
        return LW_SUCCESS;
    }
    LW_TRY(err);
    if (home->need == WALLET_HOME_SEALED) {
        hsm_pool_close(home->pool);
        home->pool = NULL;
        return LW_SUCCESS;
    }
    const lw_err caught_up = home_trust_catch_up(home);
    return is_for_later(home, caught_up, "trust_list_not_signed") ? LW_SUCCESS : caught_up;
}

lw_err wallet_home_open(const struct wallet_home_config *config, const struct wallet_env *env,
                        enum wallet_home_need need, struct wallet_home **home)
{
    struct wallet_home *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return LW_FAIL(LW_E_NOMEM, "home: out of memory", LW_NOWHERE);
    }
    made->config = config;
    made->env = env;
    made->need = need;
    made->store_dir = "store";
    (void)pthread_mutex_init(&made->lock, NULL);
    const lw_err err = open_parts(made);
    if (err.code != LW_OK) {
        wallet_home_close(made);
        return err;
    }
    *home = made;
    return LW_SUCCESS;
}

static void free_signers(struct home_signer *signers)
{
    while (signers != NULL) {
        struct home_signer *next = signers->next;
        lw_buf_free(&signers->cert);
        free(signers);
        signers = next;
    }
}

void wallet_home_close(struct wallet_home *home)
{
    if (home == NULL) {
        return;
    }
    wallet_snapshot_release(home->snapshot);
    free_signers(home->signers);
    hsm_pool_close(home->pool);
    if (home->store != NULL && home->guarded) {
        const lw_err err = home_seen_note(home, false);
        (void)err; /* what was seen before is still true */
    }
    wallet_store_close(home->store);
    wallet_shortcuts_end(&home->shortcuts);
    (void)pthread_mutex_destroy(&home->lock);
    free(home);
}

struct wallet_store *wallet_home_store(struct wallet_home *home)
{
    return home->store;
}

struct hsm_pool *wallet_home_pool(struct wallet_home *home)
{
    return home->pool;
}

const struct wallet_env *wallet_home_env(const struct wallet_home *home)
{
    return home->env;
}

const struct wallet_home_config *wallet_home_config(const struct wallet_home *home)
{
    return home->config;
}

/* With the lock held: the signer of a record; a key certified anew gets one beside the old. */
static lw_err load_signer(struct wallet_home *home, const struct wallet_key_record *record,
                          struct home_signer **out)
{
    for (struct home_signer *s = home->signers; s != NULL; s = s->next) {
        if (strcmp(s->label, record->label) == 0) {
            *out = s;
            return LW_SUCCESS;
        }
    }
    struct home_signer *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return LW_FAIL(LW_E_NOMEM, "home: out of memory", LW_NOWHERE);
    }
    made->cert = LW_BUF(WALLET_CERT_STORE_MAX);
    made->key.pool = home->pool;
    made->key.purpose = record->purpose;
    memcpy(made->label, record->label, sizeof(made->label));
    (void)snprintf(made->key.label, sizeof(made->key.label), "%.*s", HSM_LABEL_MAX - 1,
                   record->token);
    hsm_pool_signer(&made->key, &record->key, &made->signer);
    const lw_err err = lw_buf_put(&made->cert, record->cert);
    if (err.code != LW_OK) {
        free(made);
        return err;
    }
    made->signer.cert = lw_buf_view(&made->cert);
    made->signer.not_before = record->not_before;
    made->signer.not_after = record->not_after;
    made->next = home->signers;
    home->signers = made;
    *out = made;
    return LW_SUCCESS;
}

static lw_err fill_kid(struct hsm_signer *signer)
{
    uint8_t hash[HSM_SHA256_LEN];
    if (signer->cert.len > 0) {
        LW_TRY(hsm_sha256(signer->cert, hash));
        memcpy(signer->kid, hash, sizeof(signer->kid));
    } else if (signer->key.alg == HSM_RS256) {
        LW_TRY(wallet_jwk_thumbprint(&signer->key, hash));
        memcpy(signer->kid, hash, sizeof(signer->kid));
    }
    return LW_SUCCESS;
}

lw_err home_signer_of(struct wallet_home *home, const struct wallet_key_record *record,
                      struct hsm_signer *signer)
{
    struct home_signer *found = NULL;
    if (home->pool == NULL) {
        return LW_FAIL(LW_E_MISUSE, "home: not opened to sign", LW_NOWHERE);
    }
    (void)pthread_mutex_lock(&home->lock);
    lw_err err = load_signer(home, record, &found);
    if (err.code == LW_OK) {
        assert(found != NULL);
        err = fill_kid(&found->signer);
        *signer = found->signer;
    }
    (void)pthread_mutex_unlock(&home->lock);
    return err;
}

lw_err wallet_home_signer(struct wallet_home *home, enum hsm_purpose purpose, lw_str agency,
                          struct hsm_signer *signer)
{
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_key_record record;
    if (atomic_load(&home->log_broken) &&
        (purpose == HSM_PURPOSE_CREDENTIAL || purpose == HSM_PURPOSE_MDOC)) {
        return LW_FAIL(LW_E_CORRUPT, "home: the audit log does not chain: nothing is issued",
                       LW_NOWHERE);
    }
    LW_TRY(wallet_read_begin(home->store, &txn));
    LW_TRY(wallet_store_key_active(txn, purpose, agency, &record));
    LW_TRY(home_signer_of(home, &record, signer));
    const int64_t now = lw_now(home->env->clock);
    if (now < signer->not_before || now >= signer->not_after) {
        return LW_FAIL(LW_E_EXPIRED, "home: the key's time to sign is over", LW_NOWHERE);
    }
    return LW_SUCCESS;
}
