/*
 * The signed trust list "LTL" (specs/qr.md section 6): a CWT in a tagged COSE_Sign1, by which
 * verifiers know the issuers without a network.
 *
 *   protected  {1: -9, 4: kid, 14: {8: {1: COSE_Key of the list key}}, 16: "application/ltl+cwt"}
 *   claims     {1: list issuer, 4: exp, 6: iat, 65534: ttl, -70100: version, -70101: [* entry],
 *               ? -70102: [+ authority], ? -70103: [+ pin of a further list key]}
 *   authority  DER CA certificate / [+ DER CA certificate], of which all are the one authority's
 *   entry      {1: kid, 2: DER certificate, 3: [* vct], 4: not_after, 5: state,
 *               ? 6: revoked_since, ? 7: [+ status URI prefix]}
 *
 * Keys that are not known here are passed over, as the list is signed. The list key has no
 * certificate: it comes with the list (header 14, `kccs` of RFC 9528) and must hash to a pin.
 * A pin is SHA-256 over the key's DER SubjectPublicKeyInfo, as
 * `openssl pkey -pubin -outform DER | sha256sum` prints it; the kid is its first 8 bytes.
 */
#ifndef WALLET_TRUST_LIST_H
#define WALLET_TRUST_LIST_H

#include "hsm/sign.h"
#include "wallet/trust.h"

enum {
    WALLET_TRUST_LIST_MAX = 4 * 1024 * 1024,
    WALLET_PIN_LEN = 32,
    WALLET_PINS_MAX = 8,
    WALLET_TRUST_LIST_LIFE_S = 7 * 86400, /* what we sign (SHAPES) */
    WALLET_TRUST_LIST_GRACE_S = 72 * 3600,
};

/** Compute the pin of a list key. errors  LW_E_CRYPTO; LW_E_UNSUPPORTED  of no known curve */
LW_MUST_USE lw_err wallet_trust_pin(const struct hsm_public_key *key, uint8_t pin[WALLET_PIN_LEN]);

/* What a list says. */
struct wallet_trust_list_parts {
    lw_str issuer; /* who keeps the list: a name or URI */
    int64_t iat;
    int64_t exp;
    uint64_t ttl_s;
    uint64_t version; /* at least 1; higher with each list that is signed */
    const struct wallet_trust_entry *entries;
    size_t entry_count;
    const lw_bytes *anchors; /* DER; each authority of its own */
    size_t anchor_count;
    bool one_authority; /* the anchors are all of one: it has a new key, or a new certificate */
    const uint8_t (*next_pins)[WALLET_PIN_LEN]; /* list keys to come (rollover); may be NULL */
    size_t next_pin_count;
};

/**
 * Sign a list with `signer` (HSM_PURPOSE_TRUST_LIST) and append it.
 *
 * errors  as hsm_sign(); LW_E_VALUE  version 0, exp not after iat, or what wallet_trust_add()
 *         and wallet_trust_add_anchor() refuse; `out` is then unchanged
 */
LW_MUST_USE lw_err wallet_trust_list_sign(const struct wallet_trust_list_parts *parts,
                                          const struct hsm_signer *signer, int64_t now,
                                          lw_buf *out);

/* What must hold of a list, decided before it is looked at. */
struct wallet_trust_list_expect {
    const uint8_t (*pins)[WALLET_PIN_LEN]; /* keys that are accepted */
    size_t pin_count;
    int64_t now;            /* Unix seconds */
    int64_t skew_s;         /* iat may lie this far ahead */
    int64_t grace_s;        /* accepted this long after exp, with in_grace set */
    uint64_t held_version;  /* of the list accepted last; 0: none */
    const uint8_t *held_id; /* SHA-256 of that list's bytes; NULL: none */
};

/* A list that was read; values only. */
struct wallet_trust_list {
    uint64_t version;
    uint8_t id[HSM_SHA256_LEN];  /* SHA-256 of the list's bytes */
    uint8_t pin[WALLET_PIN_LEN]; /* of the key that signed it */
    int64_t iat;
    int64_t exp;
    uint64_t ttl_s;
    bool in_grace;                                      /* past exp: show a warning */
    uint8_t next_pins[WALLET_PINS_MAX][WALLET_PIN_LEN]; /* keep these beside the present ones */
    size_t next_pin_count;
};

/**
 * Verify a list and build the trust it gives.
 *
 * cwt     the list, at most WALLET_TRUST_LIST_MAX; may be freed afterwards
 * trust   set to a new trust: the caller calls wallet_trust_free()
 * errors  LW_E_UNTRUSTED  its key is not pinned; LW_E_SIGNATURE  it does not hold;
 *         LW_E_EXPIRED    past exp and grace, or iat ahead of now;
 *         LW_E_CONFLICT   an older version than the one held, or the same with other bytes;
 *         LW_E_SYNTAX, LW_E_VALUE, LW_E_LIMIT, LW_E_UNSUPPORTED  not of that shape, a kid that
 *         is not its certificate's, or an entry that wallet_trust_add() refuses
 */
LW_MUST_USE lw_err wallet_trust_list_read(lw_bytes cwt,
                                          const struct wallet_trust_list_expect *expect,
                                          struct wallet_trust_list *list,
                                          struct wallet_trust **trust);

#endif
