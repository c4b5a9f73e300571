/*
 * A valid LQ1 presentation in its parts, to be bent in one place, signed again and put together:
 * so that whatever the bend does not attack holds, and only the named check can fail. Bytes are
 * given as hex. Everything aborts the test on misuse.
 */
#ifndef SUPPORT_SDCWT_BEND_H
#define SUPPORT_SDCWT_BEND_H

#include "hsm/key_soft.h"
#include "trust_double.h"
#include "wallet/cbor.h"
#include "wallet/verified.h"

enum { BEND_ENTRIES_MAX = 160, BEND_BYTES_MAX = 1 << 17, BEND_NOW = 1795086400 };

#define BEND_VCT "https://lic.example/dl"

struct bend_entry {
    lw_buf key;
    lw_buf value;
};

/* A map whose entries are written in the order given, twice if they are there twice. */
struct bend_map {
    struct bend_entry entries[BEND_ENTRIES_MAX];
    size_t count;
};

/* How one COSE_Sign1 departs from its parts. */
struct bend_message {
    struct bend_map protected;
    lw_buf protected_raw; /* instead of the map, unless empty */
    lw_buf unprotected;   /* the whole map */
    struct bend_map claims;
    lw_buf claims_raw; /* instead of the map, unless empty */
    lw_buf payload;    /* the item in place of the byte string, unless empty */
    lw_buf signature;  /* instead of one made, unless empty */
    lw_buf shell;      /* what stands before the protected header: tag and array head */
    lw_buf tail;       /* what follows the signature */
    struct hsm_soft_key *key;
};

struct bend {
    struct bend_message cwt;
    struct bend_message kbt;
    lw_buf hidden;    /* digests for the outermost simple(59), 34 bytes each */
    lw_buf disclosed; /* byte strings of sd_claims */
    size_t disclosed_count;
    struct wallet_trust trust;
    struct wallet_expect expect;
};

/** A license of four claims by the keys of specs/qr.md section 12, two of them disclosed. */
void bend_init(struct bend *b);
void bend_free(struct bend *b);

/**
 * As bend_init(), with the parts of a given token: headers, claims and the issuer's signature as
 * they are; the disclosures, and the key binding's claims, to be bent.
 */
void bend_load(struct bend *b, lw_bytes presentation);

/** Set, or replace, the value of a key. Both are one item in hex. */
void bend_set(struct bend_map *map, const char *key, const char *value);

/** Append an entry, also when the key is there. */
void bend_add(struct bend_map *map, const char *key, const char *value);

/** Remove an entry, which must be there. */
void bend_drop(struct bend_map *map, const char *key);

/** Replace what `buf` holds by hex. */
void bend_bytes(lw_buf *buf, const char *hex);

/** Add the digest of a disclosure (contents in hex) to the outermost hidden claims. */
void bend_hide(struct bend *b, const char *contents);

/** Disclose (contents in hex), whether a digest was added for it or not. */
void bend_show(struct bend *b, const char *contents);

/** Both. */
void bend_hide_and_show(struct bend *b, const char *contents);

/** Hash a disclosure as the format does; 64 hex digits and a NUL. */
void bend_digest(const char *contents, char hex[65]);

/** Set an integer claim. */
void bend_set_int(struct bend_map *map, const char *key, int64_t value);

/** Ask for a challenge: what is expected, and the token answers it. */
void bend_challenge(struct bend *b);

/** Put the presentation together, signing each part that has no signature of its own. */
void bend_build(const struct bend *b, lw_buf *out);

/** Append the SD-CWT alone. */
void bend_build_cwt(const struct bend *b, lw_buf *out);

/** Fill a key on P-256 other than the two of section 12; `n` from 1. */
void bend_other_key(uint8_t n, struct hsm_soft_key **key);

#endif
