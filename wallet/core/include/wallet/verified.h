/*
 * What a credential says once everything in it that is signed was checked. Only the verify
 * functions of wallet/format make a struct wallet_verified; policy, receipt and store take
 * nothing else. Slices borrow from the presentation's bytes, or from the verify call's arena
 * buffer, and live as long as both.
 */
#ifndef WALLET_VERIFIED_H
#define WALLET_VERIFIED_H

#include "wallet/check.h"
#include "wallet/license_type.h"
#include "wallet/shortcuts.h"

enum wallet_encoding { WALLET_ENCODING_CBOR, WALLET_ENCODING_JSON };

/* A claim the holder showed. SD-CWT names it by key, SD-JWT by name. */
struct wallet_shown {
    int64_t cwt_key; /* 0 when named */
    lw_str name;     /* empty when keyed */
    lw_bytes value;  /* one CBOR item or one JSON value, by the encoding */
};

struct wallet_status_ref {
    bool present;
    uint64_t idx;
    lw_str uri;
};

struct wallet_verified {
    const char *format; /* "dc+sd-jwt", "dc+sd-cwt", "pass", "printed"; static */
    enum wallet_encoding encoding;
    const struct wallet_issuer *issuer; /* lives as long as the trust */
    lw_str vct;
    int64_t iat; /* of the credential; INT64_MIN when absent */
    int64_t nbf; /* INT64_MIN when absent */
    int64_t exp;
    struct wallet_status_ref status;
    lw_str sub;                  /* shown or random; may be empty */
    lw_bytes cti;                /* a pass's identifier; may be empty */
    bool holder_proven;          /* the holder's signature was made and held */
    int64_t kb_iat;              /* when the presentation was signed */
    uint8_t presentation_id[32]; /* SHA-256 of the holder's signature: replay cache */
    struct hsm_public_key holder_key;
    struct wallet_shown claims[WALLET_CLAIMS_MAX];
    size_t claim_count;
};

/* What the verifier expects of a presentation, decided before the input is looked at. */
struct wallet_expect {
    int64_t now; /* Unix seconds */
    const struct wallet_trust *trust;
    bool passive;           /* LQ1: `qr:any` is acceptable */
    lw_str aud;             /* LQ1 challenge: "qr:" + our id; SD-JWT: the audience */
    lw_bytes nonce;         /* LQ1 challenge: 16 bytes; SD-JWT: the text; may be empty */
    int64_t window_past_s;  /* kb iat not older than this: 45 for LQ1, 300 for SD-JWT */
    int64_t window_ahead_s; /* nor further ahead: 30, 60 */
    int64_t skew_s;         /* on the credential's own times: at most 60 */
    bool holder_required;   /* refuse what carries no holder signature (SDJ-1) */
    const struct wallet_shortcuts *shortcuts; /* on issuers' signatures; NULL: none */
};

#endif
