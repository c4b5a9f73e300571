/*
 * The keys of a home over time: what state each is in, how long it signs, and its rotation in
 * steps that time allows (docs/decisions/0060). A key is published, active, retired, destroyed.
 */
#ifndef WALLET_FLOW_KEY_H
#define WALLET_FLOW_KEY_H

#include "wallet/home.h"
#include "wallet/store_key.h"

enum { WALLET_KEY_ALARM_S = 30 * LW_DAY_S }; /* so long before its end a signer is told of */

enum {
    WALLET_STORE_EPOCHS = 16,  /* that a store holds; each rotation of `seal` takes one, for good */
    WALLET_EPOCHS_RESERVE = 1, /* kept for a `seal` key that is stolen */
    WALLET_EPOCHS_WARN = 4,    /* when so many are left it is told */
};

enum wallet_key_step {
    WALLET_KEY_STEP_NONE = 0,
    WALLET_KEY_STEP_LIST,     /* to be named by a signed trust list */
    WALLET_KEY_STEP_ACTIVATE, /* from `next_at` on */
    WALLET_KEY_STEP_ROTATE,   /* a successor is to be published before `next_at` */
    WALLET_KEY_STEP_DESTROY,  /* from `next_at` on */
};

/* A record and what follows from it. `record.cert` is valid during the call only. */
struct wallet_key_info {
    struct wallet_key_record record;
    bool has_id;       /* wrapping keys have none */
    uint8_t id[32];    /* SHA-256 of the certificate, or of the public key (its pin) */
    int64_t cert_end;  /* WALLET_KEY_NEVER: it has no certificate */
    int64_t days_left; /* whole days in which it may sign; 0 when it signs no more, or not yet */
    bool alarm;        /* it is active and its time to sign ends within WALLET_KEY_ALARM_S */
    bool succeeded;    /* a successor is published */
    enum wallet_key_step next;
    int64_t next_at; /* WALLET_KEY_NEVER when there is no next step */
};

/** Tell of every key in the order of labels. */
typedef lw_err wallet_key_visit(void *ctx, const struct wallet_key_info *info);
LW_MUST_USE lw_err wallet_flow_key_each(struct wallet_home *home, wallet_key_visit *visit,
                                        void *ctx);

/* What was done, as it is done: `what` is static, such as "published". */
typedef void wallet_key_progress(void *ctx, const char *what, const char *label);

struct wallet_key_order {
    enum hsm_purpose purpose;
    lw_str agency;    /* id; empty: the authority's own */
    bool same_key;    /* a new certificate for the key that there is */
    bool now;         /* the published successor signs now; refused before the overlap is over */
    bool compromised; /* what the key signed is not to be believed: the successor signs at once */
    lw_str actor;
    wallet_key_progress *progress; /* may be NULL */
    void *progress_ctx;
};

struct wallet_key_result {
    char label[WALLET_KEY_LABEL_MAX + 1]; /* of the successor, as far as there is one */
    int64_t ready_at; /* when it may sign; WALLET_KEY_NEVER: unknown before a list names it */
    size_t steps;     /* steps taken */
};

/**
 * Begin a rotation: make a successor, certify and publish it. wallet_flow_key_advance() goes on
 * when its time has come. With `compromised` the successor signs at once, the old key is destroyed
 * and revoked in trust list and CRL.
 *
 * A stolen `seal` key is replaced even where no epoch is left: its epochs are wrapped anew, and go
 * on.
 *
 * errors  LW_E_NOT_FOUND  no such active key; LW_E_CONFLICT  a successor is published already;
 *         LW_E_LIMIT  of `seal`, without `compromised`: only WALLET_EPOCHS_RESERVE epochs are left;
 *         LW_E_DENIED  `now` before the overlap is over, or a successor is not published;
 * LW_E_MISUSE options that do not go together; LW_E_VALUE  a new certificate for a key that has
 * none; as wallet_home_signer() of the CA and the list key
 */
LW_MUST_USE lw_err wallet_flow_key_rotate(struct wallet_home *home,
                                          const struct wallet_key_order *order,
                                          struct wallet_key_result *result);

/**
 * Take every step that time allows, of every key: sign a trust list that is out of date, activate
 * what was published long enough, destroy what was retired long enough, renew CRLs. Killed at any
 * point, the next call goes on. One that fails does not hold up the others; the first error is
 * told.
 */
LW_MUST_USE lw_err wallet_flow_key_advance(struct wallet_home *home, lw_str actor,
                                           wallet_key_progress *progress, void *progress_ctx,
                                           size_t *steps);

/** Say how many epochs the store can still take: 0 to WALLET_STORE_EPOCHS. */
LW_MUST_USE lw_err wallet_flow_epochs_left(struct wallet_home *home, uint32_t *left);

/**
 * Keep a CRL that was signed elsewhere, by a CA key that is kept offline. It takes the place of
 * the one held, is served, and is the base of the numbers to come.
 *
 * der     one CRL
 * label   set to the label of the CA's token key
 * errors  LW_E_UNTRUSTED  by none of the CA keys that hold; LW_E_EXPIRED  it has ended;
 *         LW_E_VALUE      dated in the future; LW_E_CONFLICT  its number or date is not newer than
 *         that of the one held, or it lacks a certificate that is revoked here;
 *         as hsm_crl_check(), as wallet_store_write()
 */
LW_MUST_USE lw_err wallet_flow_crl_import(struct wallet_home *home, lw_bytes der, lw_str actor,
                                          char label[WALLET_KEY_LABEL_MAX + 1]);

/** Sign the CRLs of all CA keys, due or not. */
LW_MUST_USE lw_err wallet_flow_crl_sign(struct wallet_home *home, size_t *signed_count);

/**
 * Unlock what a token that has come, or another process, allows: epochs that were not unlocked.
 * Costs a read when there is nothing new.
 *
 * errors  LW_E_TOKEN  the token is not there
 */
LW_MUST_USE lw_err wallet_home_unlock(struct wallet_home *home);

#endif
