/*
 * A home: the folder with one authority's store, token and configuration, opened with what a
 * command or the service needs of it. Flows take it; nothing above this layer sees the engine
 * or the token.
 */
#ifndef WALLET_HOME_H
#define WALLET_HOME_H

#include "hsm/pool.h"
#include "lw/clock.h"
#include "lw/log.h"
#include "lw/rng.h"
#include "wallet/license_type.h"
#include "wallet/store.h"
#include "wallet/trust.h"

struct wallet_home;
#define WALLET_AUTO_HOME __attribute__((cleanup(wallet_home_auto))) struct wallet_home *

struct wallet_home_config {
    const char *dir;       /* the home; holds config.json, store/, token/, pin, so-pin */
    const char *base_url;  /* "http://localhost:8080", no trailing slash */
    const char *country;   /* two capitals, for certificates */
    const char *authority; /* name of the issuing authority, for certificates */
    const char *module;    /* PKCS#11 module; NULL: SoftHSM 2 where it is found */
    const char *token_label;
    const char *pin_file;       /* NULL: DIR/pin */
    const char *softhsm_conf;   /* NULL: DIR/token/softhsm2.conf when the module is SoftHSM */
    const char *signer_program; /* path of lw-signer */
    unsigned signers;           /* signer processes */
    int64_t token_deadline_ms;
    size_t key_tables;     /* tables of issuers' keys, at most HSM_KEY_TABLES_MAX; 0: none */
    size_t seen_parts;     /* issuer-signed parts remembered, at most WALLET_SEEN_MAX; 0: none */
    int64_t approval_days; /* how long an import waits for a second operator; 0: 30 */
    bool reads_all;        /* see struct wallet_store_options: for who copies or checks the store */
    bool unguarded; /* open also what wallet_home_open() refuses as LW_E_CONFLICT: to look at it */
    /* Put off what cannot be taken back while the clock is in doubt: wallet_home_clock_holds() */
    bool watch_clock;
    bool development; /* http on loopback for issuer and status URIs */
};

/* Clock, chance and log, brought in from the outermost layer. */
struct wallet_env {
    const struct lw_clock *clock;
    const struct lw_rng *rng;
    const struct lw_log *log; /* may be NULL */
};

enum wallet_home_need {
    WALLET_HOME_READ = 0,   /* the store, sealed data closed: verification, public lists */
    WALLET_HOME_SEALED = 1, /* personal data can be opened: the epoch key is unwrapped */
    WALLET_HOME_SIGN = 2,   /* signers stay running (implies WALLET_HOME_SEALED) */
    /*
     * As WALLET_HOME_SIGN, but opened though the token is absent (F8): signatures then fail with
     * LW_E_TOKEN and sealed data stays closed until wallet_home_unlock() succeeds.
     */
    WALLET_HOME_SERVE = 3,
};

/** Say whether a home can be made there; writes nothing. Errors as wallet_home_init(). */
LW_MUST_USE lw_err wallet_home_init_check(const struct wallet_home_config *config);

/**
 * Make a new home: token (SoftHSM unless a module is named), PIN files with mode 0600, store,
 * epoch key, the keys `ca`, `tl`, `access`, `log`, `seal`, `custody`, their certificates, and the
 * first trust list.
 *
 * errors  LW_E_CONFLICT  a store is there already, or in the making: nothing was changed;
 * LW_E_TOKEN; LW_E_IO
 */
LW_MUST_USE lw_err wallet_home_init(const struct wallet_home_config *config,
                                    const struct wallet_env *env);

/**
 * Open a home.
 *
 * config, env  borrowed while the home is open
 * errors  LW_E_NOT_FOUND  no store there; LW_E_TOKEN, LW_E_DENIED as hsm_pool_open();
 *         LW_E_UNSUPPORTED  a newer schema; LW_E_CORRUPT
 *         LW_E_CONFLICT  the store is older than what the home has seen, or a copy of another that
 *         may be in use, or half restored: see wallet_flow_store_standing()
 */
LW_MUST_USE lw_err wallet_home_open(const struct wallet_home_config *config,
                                    const struct wallet_env *env, enum wallet_home_need need,
                                    struct wallet_home **home);
void wallet_home_close(struct wallet_home *home);
static inline void wallet_home_auto(struct wallet_home **home)
{
    wallet_home_close(*home);
}

struct wallet_store *wallet_home_store(struct wallet_home *home);
struct hsm_pool *wallet_home_pool(struct wallet_home *home); /* NULL unless opened to sign */
const struct wallet_env *wallet_home_env(const struct wallet_home *home);
const struct wallet_home_config *wallet_home_config(const struct wallet_home *home);

/**
 * Say whether something may end for good by `now`: a list, a key, a purged record. False while the
 * clock has jumped by more than an hour against the monotonic one, or was more than 48 hours past
 * the log when the home was opened, until it has been steady for an hour since; logged as
 * "clock_doubted" and "clock_believed". Always true unless the home's config says watch_clock.
 *
 * now  what the home's clock just told, the time that the step goes by
 */
bool wallet_home_clock_holds(struct wallet_home *home, int64_t now);

/**
 * Give the active signer for a purpose.
 *
 * agency  its id, or empty for the authority's own keys (ca, tl, access, log)
 * signer  valid while the home is open
 * errors  LW_E_NOT_FOUND  no such key; LW_E_EXPIRED  its time is over; LW_E_MISUSE  not opened
 *         with WALLET_HOME_SIGN
 */
LW_MUST_USE lw_err wallet_home_signer(struct wallet_home *home, enum hsm_purpose purpose,
                                      lw_str agency, struct hsm_signer *signer);

/*
 * The catalogue and the trust list as they stand in the store, read once and shared by all
 * threads; a snapshot lives until it is released, and a newer one is made when the store's
 * generation has changed.
 */
struct wallet_snapshot;
LW_MUST_USE lw_err wallet_home_snapshot(struct wallet_home *home,
                                        const struct wallet_snapshot **snapshot);
void wallet_snapshot_release(const struct wallet_snapshot *snapshot);
const struct wallet_trust *wallet_snapshot_trust(const struct wallet_snapshot *snapshot);
/** Find the current version of a license type by its id or its vct, or NULL. */
const struct wallet_license_type *wallet_snapshot_type(const struct wallet_snapshot *snapshot,
                                                       lw_str id);
const struct wallet_license_type *
wallet_snapshot_type_by_vct(const struct wallet_snapshot *snapshot, lw_str vct);
const struct wallet_agency *wallet_snapshot_agency(const struct wallet_snapshot *snapshot,
                                                   lw_str id);

#endif
