/* The formats, as rows of one table chosen by name. */
#ifndef WALLET_FORMAT_H
#define WALLET_FORMAT_H

#include "hsm/sign.h"
#include "lw/rng.h"
#include "wallet/license.h"
#include "wallet/verified.h"

enum { WALLET_CREDENTIAL_MAX = 64 * 1024 };

/* What goes into one credential; the format says which claims it redacts. */
struct wallet_issue {
    const struct wallet_license_type *type;
    const struct wallet_license *license;
    struct hsm_public_key holder_key;
    int64_t iat; /* rounded by the caller: day, or hour for passes */
    int64_t exp;
    struct wallet_status_ref status;    /* absent in passes */
    const struct wallet_pass_def *pass; /* NULL: the whole license */
    lw_str issuer_uri;                  /* "iss" where the format has one; may be empty */
    const struct lw_rng *rng;           /* salts, decoys, random subject and cti */
};

/* What the holder shows of a credential kept in the wallet. */
struct wallet_show {
    const size_t *disclose; /* indexes into the type's claims */
    size_t disclose_count;
    bool disclose_number; /* the license number itself (sub) */
    lw_str aud;
    lw_bytes nonce; /* may be empty (passive) */
    int64_t iat;
    const struct hsm_signer *holder; /* HSM_PURPOSE_HOLDER */
};

struct wallet_format {
    const char *name; /* "dc+sd-jwt", "dc+sd-cwt", "pass" */
    unsigned bit;     /* enum wallet_format_bit */
    /* Appends the signed credential, with everything the holder needs to show it. */
    lw_err (*issue)(const struct wallet_issue *issue, const struct hsm_signer *signer, int64_t now,
                    lw_buf *credential);
    /* Appends a presentation of `credential` made by issue(). */
    lw_err (*present)(const struct wallet_license_type *type, lw_bytes credential,
                      const struct wallet_show *show, lw_buf *presentation);
    /*
     * Parses and verifies a presentation. `checks` gets every check that was reached, and the
     * first that failed is the reason; on LW_SUCCESS `out` is filled. `arena` holds what the
     * slices of `out` borrow beside `presentation`.
     */
    lw_err (*verify)(lw_bytes presentation, const struct wallet_expect *expect, lw_buf *arena,
                     struct wallet_checks *checks, struct wallet_verified *out);
    /*
     * Verifies a credential as issue() made it, before it is released: by the same code as
     * verify(), but that nobody has presented it yet.
     */
    lw_err (*check)(lw_bytes credential, const struct wallet_expect *expect, lw_buf *arena,
                    struct wallet_checks *checks, struct wallet_verified *out);
};

/** Find a format by its name, or NULL. */
const struct wallet_format *wallet_format_by_name(lw_str name);

#endif
