/*
 * A whole home in a folder of its own: SoftHSM token, store, the example city's catalogue, signers
 * running, a clock that stands until the test moves it. Aborts the test when it cannot be made.
 */
#ifndef SUPPORT_HOME_H
#define SUPPORT_HOME_H

#include "folder.h"
#include "hsm/key_soft.h"
#include "wallet/flow_verify.h"
#include "wallet/license.h"

enum { SUPPORT_HOME_NOW = 1800000000, SUPPORT_TEXT_MAX = 64 * 1024 };

#define SUPPORT_BASE_URL "https://wallet.example"

struct support_home {
    char folder[SUPPORT_PATH_MAX];
    char dir[SUPPORT_PATH_MAX];
    char program[SUPPORT_PATH_MAX]; /* lw-signer */
    struct lw_clock_fixed clock;
    struct wallet_env env;
    struct wallet_home_config config;
    struct wallet_home *home;         /* opened with WALLET_HOME_SIGN */
    struct wallet_verifier *verifier; /* online */
    struct hsm_soft_key *key;         /* a holder's */
    struct hsm_signer holder;
};

/** Make the home and load the example city. Call it in place: parts point into `h`. */
void support_home_make(struct support_home *h);
/** The same at another time, with keys and certificates of that time. */
void support_home_make_at(struct support_home *h, int64_t now);
void support_home_drop(struct support_home *h);

/** Close the home and open it again with `need`. */
void support_home_reopen(struct support_home *h, enum wallet_home_need need);

/** Issue a business license "`number`" that ends a year from now, held by a company. */
void support_home_issue(struct support_home *h, const char *number);

/* How a license is shown. */
struct support_show {
    const char *number;
    const char *format; /* "dc+sd-cwt", "dc+sd-jwt" */
    const char *pass;   /* NULL: the license itself */
    const char *claims; /* joined by commas; may be empty */
    const char *aud;    /* NULL: "qr:any" */
    lw_bytes nonce;
};

/** Append what the holder shows: "LQ1:" text, or SD-JWT+KB. */
LW_MUST_USE lw_err support_home_show(struct support_home *h, const struct support_show *show,
                                     lw_buf *text);

/** Append an LQ1 of license `number` with two claims, shown now; aborts when it cannot. */
void support_home_lq1(struct support_home *h, const char *number, lw_buf *text);

/** Fill the folder of an offline verifier (SHAPES) from what the home has published. */
void support_home_offline(struct support_home *h, const char *dir);

#endif
