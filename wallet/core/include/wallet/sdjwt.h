/*
 * SD-JWT (RFC 9901): the text of issuer-signed JWT, disclosures and key-binding JWT; digests put
 * together with what was disclosed; disclosures made. Says nothing about who signed: that is
 * wallet/sdjwt_vc.h. Reasons of errors name their rule, "sdjwt: SDJ-8 ...", as numbered in the
 * project's checklist of RFC 9901 section 7.
 */
#ifndef WALLET_SDJWT_H
#define WALLET_SDJWT_H

#include "lw/rng.h"
#include "wallet/jws.h"

enum {
    WALLET_SDJWT_MAX = 64 * 1024,       /* characters of the whole text */
    WALLET_SDJWT_DISCLOSURES_MAX = 128, /* in one text */
    WALLET_SDJWT_DIGESTS_MAX = 1024,    /* embedded in payload and disclosed values */
    WALLET_SDJWT_DIGEST_LEN = 43,       /* base64url of SHA-256 */
    WALLET_SDJWT_SALT_LEN = 16,         /* bytes, 22 characters */
};

/* A text taken apart, nothing decoded. Slices borrow from it. */
struct wallet_sdjwt {
    lw_str issuer_jwt;
    lw_str hashed; /* up to and including the last "~": what sd_hash covers */
    lw_str kb_jwt; /* empty when there is none */
    lw_str disclosures[WALLET_SDJWT_DISCLOSURES_MAX];
    size_t disclosure_count;
};

/**
 * Take a text apart at its "~".
 *
 * errors  LW_E_LIMIT   longer than WALLET_SDJWT_MAX, or too many disclosures;
 *         LW_E_SYNTAX  no "~", or an empty part that is not the last
 * source  RFC 9901 section 4; SDJ-2
 */
LW_MUST_USE lw_err wallet_sdjwt_split(lw_str text, struct wallet_sdjwt *sd);

/**
 * Make room in `arena` for all that the functions below and wallet_jws_parse() append to it for
 * a text of `len` characters, so that nothing in it moves.
 *
 * errors  LW_E_LIMIT  arena->max is too small: it needs 4 * len + 1024; LW_E_NOMEM
 */
LW_MUST_USE lw_err wallet_sdjwt_reserve(lw_buf *arena, size_t len);

/* Where a disclosure belongs. Lives for the call of `found` only. */
struct wallet_sdjwt_place {
    size_t disclosure;                   /* its index in the text */
    size_t parent;                       /* of the disclosure that holds it, or SIZE_MAX */
    const struct wallet_json_text *path; /* names from the top, its own last */
    size_t depth;                        /* of `path`; raw.ptr is NULL for array elements */
};

struct wallet_sdjwt_rules {
    const char *const *permanent; /* top-level names that may not be disclosed, nor anything below
                                     them (SDJ-16); ends with NULL, or is NULL */
    /* Called for each disclosure at its place, parents first; may be NULL. */
    lw_err (*found)(void *ctx, const struct wallet_sdjwt_place *place);
    /*
     * Called for each top-level member of the result, whose value `r` is about to read; it may
     * read it if it is of the type that wallet_json_peek() says. What it was given counts only
     * once wallet_sdjwt_process() has succeeded. May be NULL.
     */
    lw_err (*claim)(void *ctx, struct wallet_json *r, struct wallet_json_text name);
    void *ctx;
};

/**
 * Put the payload together with the disclosures: SDJ-7 to SDJ-16.
 *
 * payload  the issuer-signed JSON, whose signature the caller has checked
 * arena    wallet_sdjwt_reserve() was called; gets decoded disclosures and the result
 * claims   set to the processed payload, one JSON object in `arena`: checked strictly, without
 *          "_sd", "..." and "_sd_alg", with what was disclosed in its place
 * errors   LW_E_SYNTAX, LW_E_VALUE, LW_E_LIMIT  a rule is broken: `why` names it;
 *          LW_E_SIGNATURE  a disclosure that no digest stands for (SDJ-15); LW_E_UNSUPPORTED
 *          another hash than sha-256 (SDJ-7); LW_E_CRYPTO; what `found` or `claim` returned.
 *          `claims` is then empty: no partial result leaves
 * does not check  any claim's meaning or type
 * source   RFC 9901 sections 7.1 and 7.3
 */
LW_MUST_USE lw_err wallet_sdjwt_process(const struct wallet_sdjwt *sd, lw_str payload,
                                        const struct wallet_sdjwt_rules *rules, lw_buf *arena,
                                        lw_str *claims);

/** Hash what sd_hash covers, with SHA-256. source  RFC 9901 section 4.3.1 */
LW_MUST_USE lw_err wallet_sdjwt_hash(const struct wallet_sdjwt *sd, uint8_t hash[32]);

/* A key-binding JWT as received: unverified. Slices borrow from text and arena. */
struct wallet_sdjwt_kb {
    struct wallet_jws jws;
    struct wallet_json_text aud;
    struct wallet_json_text nonce;
    struct wallet_json_text sd_hash;
    int64_t iat;
    int64_t nbf; /* INT64_MIN when absent */
    int64_t exp; /* INT64_MAX when absent */
};

/**
 * Read the key-binding JWT of `sd`, which has one.
 *
 * errors  as wallet_jws_parse(); LW_E_VALUE  "typ" is not kb+jwt, or a claim is missing or of
 *         another type
 * does not check  signature, hash, audience, nonce, times
 * source  RFC 9901 section 4.3; SDJ-19
 */
LW_MUST_USE lw_err wallet_sdjwt_kb_parse(const struct wallet_sdjwt *sd, lw_buf *arena,
                                         struct wallet_sdjwt_kb *kb);

/* What a key-binding JWT is to say. */
struct wallet_sdjwt_binding {
    lw_str aud;
    lw_str nonce;
    int64_t iat;
};

/**
 * Append the key-binding JWT to `text`, which ends with "~" and starts at `from` in the buffer.
 *
 * errors  as wallet_jws_sign(); LW_E_VALUE  audience or nonce is not UTF-8
 */
LW_MUST_USE lw_err wallet_sdjwt_bind(lw_buf *text, size_t from,
                                     const struct wallet_sdjwt_binding *binding,
                                     const struct hsm_signer *holder);

/* The text of a digest as it is embedded; not NUL-terminated. */
struct wallet_sdjwt_digest {
    char text[WALLET_SDJWT_DIGEST_LEN];
};

/** Compute the digest of the disclosure `text` (base64url, as it is sent). */
LW_MUST_USE lw_err wallet_sdjwt_digest_of(lw_str text, struct wallet_sdjwt_digest *digest);

/**
 * Append the disclosure [salt, name, value] and "~".
 *
 * name    UTF-8, neither "_sd" nor "..."; empty: an array element [salt, value]
 * value   exact bytes of one JSON value
 * digest  set to its digest
 * errors  LW_E_VALUE  the name is none; as lw_rng_fill(), lw_buf_put()
 * source  RFC 9901 section 4.2
 */
LW_MUST_USE lw_err wallet_sdjwt_disclose(const struct lw_rng *rng, lw_str name, lw_str value,
                                         lw_buf *out, struct wallet_sdjwt_digest *digest);

/** Draw a digest that no disclosure stands for. source  RFC 9901 section 4.2.5 */
LW_MUST_USE lw_err wallet_sdjwt_decoy(const struct lw_rng *rng, struct wallet_sdjwt_digest *digest);

/** Sort digests bytewise, so that their order says nothing about the claims. */
void wallet_sdjwt_sort(struct wallet_sdjwt_digest *digests, size_t count);

#endif
