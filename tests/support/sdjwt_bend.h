/*
 * A valid SD-JWT VC presentation in its parts, to be bent in one place, signed again and put
 * together: so that whatever the bend does not attack holds, and only the named check can fail.
 * Parts are jansson trees, or text that stands in for one. Everything aborts on misuse.
 */
#ifndef SUPPORT_SDJWT_BEND_H
#define SUPPORT_SDJWT_BEND_H

#include <jansson.h>

#include "authority.h"
#include "bytes.h"
#include "wallet/sdjwt_vc.h"

enum { VC_NOW = 1795086400, VC_DISCLOSURES_MAX = 160 };

#define VC_TYPE "https://lic.example/dl"
#define VC_ISSUER "https://lic.example"
#define VC_AUD "x509_san_dns:verifier.example"
#define VC_NONCE "n-0S6_WzA2Mj"
#define VC_STATUS "https://status.example/lists/7"

/* One of the two JWTs. */
struct vc_jwt {
    json_t *header;
    json_t *payload;
    const char *header_text;  /* instead of the tree, unless NULL */
    const char *payload_text; /* likewise */
    const char *header_part;  /* the part as it stands, not encoded, unless NULL */
    const char *payload_part; /* likewise */
    const char *sig_part;     /* instead of a signature made, unless NULL */
    struct hsm_soft_key *key; /* signs */
};

struct vc_bend {
    struct support_key ca;
    struct support_key issuer; /* its certificate has VC_ISSUER as its URI */
    struct hsm_soft_key *holder;
    struct hsm_soft_key *other; /* nobody's */
    struct wallet_trust *trust;
    struct wallet_expect expect;
    struct vc_jwt jwt;
    struct vc_jwt kb;
    bool unbound;                                /* no key-binding JWT */
    const char *tail;                            /* appended to the whole, unless NULL */
    const char *disclosures[VC_DISCLOSURES_MAX]; /* JSON */
    const char *raw[VC_DISCLOSURES_MAX];         /* the text as it stands instead, unless NULL */
    size_t disclosure_count;
    lw_buf kept; /* texts that were copied */
};

/** A license of always-shown, shown and hidden claims; three disclosures, one within an array. */
void vc_bend_init(struct vc_bend *b);
void vc_bend_free(struct vc_bend *b);

/** Replace the trust by one whose single issuer is as `entry` says; its certificate is b's. */
void vc_bend_trust(struct vc_bend *b, struct wallet_trust_entry entry);

/** The entry that vc_bend_init() adds. */
struct wallet_trust_entry vc_bend_entry(const struct vc_bend *b);

/** Put a certificate (DER) into the header's x5c, alone. */
void vc_bend_x5c(struct vc_bend *b, lw_bytes der);

/** The digest of a disclosure given as JSON, a new jansson string. */
json_t *vc_bend_digest(const char *disclosure);

/** Add the digest of a disclosure to the "_sd" of `object`. */
void vc_bend_hide(json_t *object, const char *disclosure);

/** Disclose it, whether a digest was added for it or not. The text must outlive `b`. */
void vc_bend_show(struct vc_bend *b, const char *disclosure);

/** Remove the `nth` disclosure. */
void vc_bend_unshow(struct vc_bend *b, size_t nth);

/** A text that lives as long as `b`. */
const char *vc_bend_keep(struct vc_bend *b, lw_str text);

/** Put the presentation together, signing each JWT that has no signature of its own. */
void vc_bend_build(const struct vc_bend *b, lw_buf *out);

/** Put it together up to and including the last "~" before the key-binding JWT. */
void vc_bend_build_hashed(const struct vc_bend *b, lw_buf *out);

/** Build and verify. */
lw_err vc_bend_verify(const struct vc_bend *b, lw_buf *arena, struct wallet_checks *checks,
                      struct wallet_verified *out);

#endif
