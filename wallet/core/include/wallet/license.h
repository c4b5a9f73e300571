/* A license (证照) as a value: number, holders, claims, validity, state. Slices are borrowed. */
#ifndef WALLET_LICENSE_H
#define WALLET_LICENSE_H

#include "wallet/license_type.h"

enum {
    WALLET_HOLDERS_MAX = 16,
    WALLET_NUMBER_MAX = 128,
    WALLET_UUID_LEN = 16,
    WALLET_SALT_LEN = 16,
    WALLET_SALT_SEED_LEN = 32,
};

enum wallet_state {
    WALLET_ACTIVE = 1,
    WALLET_SUSPENDED, /* may return */
    WALLET_REVOKED,   /* final, as are those below */
    WALLET_CANCELLED,
    WALLET_SUPERSEDED, /* renewed or changed; points to its successor */
};

/** Return "active", "suspended", "revoked", "cancelled" or "superseded"; static. */
const char *wallet_state_name(enum wallet_state state);
LW_MUST_USE lw_err wallet_state_parse(lw_str name, enum wallet_state *state);

/** Say whether a license may go from one state to another; final states go nowhere. */
bool wallet_state_may_follow(enum wallet_state from, enum wallet_state to);

/*
 * A register's key of a term stands for one term; a change of what the term says is a version of
 * its own: "190822", then "190822~2", "190822~3".
 */
enum { WALLET_REVISION_MAX = 999 };

/** Split a version: its revision, from 1, and in `key` what stands before "~". */
unsigned wallet_version_revision(lw_str version, lw_str *key);

/* Who holds a license, and as what. `code` is personal data. */
struct wallet_holder {
    lw_str code_type;              /* GB/T 36903: "001", "111", "414", "511", "516", "099", "999" */
    lw_str code;                   /* check digit checked where the type has one */
    lw_str role;                   /* one of the type's holder_roles */
    lw_str name;                   /* as the license shows it; may be empty */
    uint8_t salt[WALLET_SALT_LEN]; /* of its digest in the record; drawn when that is made */
};

/* One claim of a license: which, its value (wallet/value.h), and the salt of its hash. */
struct wallet_claim {
    size_t def;                    /* index into the type's claims */
    lw_bytes value;                /* one CBOR item */
    uint8_t salt[WALLET_SALT_LEN]; /* drawn when the record is made */
};

struct wallet_license {
    uint8_t id[WALLET_UUID_LEN]; /* UUIDv7, never shown */
    lw_str type;                 /* license type id */
    unsigned type_version;
    lw_str number;  /* unique within its type, over all versions */
    lw_str version; /* "1", "2", ... or the register's own key of the term */
    lw_str issuer;  /* agency id */
    struct wallet_holder holders[WALLET_HOLDERS_MAX];
    size_t holder_count;
    struct wallet_claim claims[WALLET_CLAIMS_MAX];
    size_t claim_count;
    bool salts_seeded; /* the claims' salts are derived from the seed, by wallet/record.h */
    uint8_t salt_seed[WALLET_SALT_SEED_LEN];
    int64_t issued_at;   /* Unix seconds */
    int64_t valid_from;  /* Unix seconds */
    int64_t valid_until; /* Unix seconds, exclusive; INT64_MAX: without end */
};

/** Say whether the clock has ended `license` at `now`. */
static inline bool wallet_license_expired(const struct wallet_license *license, int64_t now)
{
    return now >= license->valid_until;
}

#endif
