/*
 * JSON Web Signature in compact serialisation (RFC 7515). The algorithm comes from the key, never
 * from the token; headers that name or carry a key ("jwk", "jku", "x5u") choose nothing.
 */
#ifndef WALLET_JWS_H
#define WALLET_JWS_H

#include "hsm/sign.h"
#include "wallet/json.h"

enum { WALLET_JWS_CHAIN_MAX = 4, WALLET_JWS_KID_MAX = 512 };

/* A token parsed, nothing in it verified. Slices borrow from its text and from the arena. */
struct wallet_jws {
    lw_bytes signed_part; /* ASCII of header "." payload, as received */
    lw_bytes header;      /* JSON, checked */
    lw_bytes payload;     /* decoded bytes, not looked at */
    uint8_t sig[HSM_PAIR_MAX];
    size_t sig_len;
    enum hsm_alg alg;            /* what the header claims */
    struct wallet_json_text typ; /* empty when absent */
    struct wallet_json_text kid; /* empty when absent */
    lw_str x5c;                  /* JSON array, empty when absent */
};

/**
 * Split a compact JWS, decode its parts and check its header.
 *
 * arena   gets the decoded header and payload: at most 3/4 of the text. It must not move while
 *         `jws` is used: reserve that room before (wallet_jws_reserve())
 * errors  LW_E_SYNTAX       not three parts of strict base64url, or the header is no JSON object
 *         LW_E_VALUE        a header member of another type, or a member name given twice
 *         LW_E_UNSUPPORTED  "alg" is missing, "none", symmetric or not offered; "crit" or
 *                           "b64" is there
 *         LW_E_SIGNATURE    the signature is empty or longer than any offered
 *         LW_E_LIMIT        "kid" too long; the arena is full
 * does not check  the signature, "typ", nor the payload
 * source  RFC 7515 sections 4.1, 5.2 and 7.1
 */
LW_MUST_USE lw_err wallet_jws_parse(lw_str compact, lw_buf *arena, struct wallet_jws *jws);

/** Make room so that `n` bytes can be appended to `arena` without moving what it holds. */
LW_MUST_USE lw_err wallet_jws_reserve(lw_buf *arena, size_t n);

/**
 * Check the signature with `key`.
 *
 * errors  LW_E_SIGNATURE  it does not hold, has another length, or the header claims another
 *         algorithm than the key's; LW_E_CRYPTO
 * does not check  that `key` is trusted, or for what
 */
LW_MUST_USE lw_err wallet_jws_verify(const struct wallet_jws *jws,
                                     const struct hsm_public_key *key);

/**
 * Hash what is signed, for a check by other means than wallet_jws_verify().
 *
 * room    HSM_DIGEST_MAX bytes
 * digest  set to what was written of it
 * errors  LW_E_SIGNATURE  the header claims another algorithm than the key's; LW_E_CRYPTO
 */
LW_MUST_USE lw_err wallet_jws_digest(const struct wallet_jws *jws, const struct hsm_public_key *key,
                                     uint8_t *room, lw_bytes *digest);

/**
 * Decode "x5c".
 *
 * der     gets the certificates; must not move while `chain` is used
 * chain   leaf first, borrowed from `der`
 * errors  LW_E_NOT_FOUND  no "x5c"; LW_E_SYNTAX  not an array of standard base64;
 *         LW_E_LIMIT  more than WALLET_JWS_CHAIN_MAX
 * does not check  that they are certificates, nor the path
 * source  RFC 7515 section 4.1.6
 */
LW_MUST_USE lw_err wallet_jws_chain(const struct wallet_jws *jws, lw_buf *der,
                                    lw_bytes chain[WALLET_JWS_CHAIN_MAX], size_t *count);

/* What the protected header says beside "alg", which is the signer's. */
struct wallet_jws_header {
    const char *typ;     /* NULL: left out */
    lw_str kid;          /* left out when empty */
    const lw_bytes *x5c; /* DER, leaf first */
    size_t x5c_count;    /* 0: left out */
};

/* A signature to be made: by whom, for what, when. */
struct wallet_jws_signing {
    const struct hsm_signer *signer;
    enum hsm_purpose purpose;
    int64_t now;
};

/**
 * Append the compact JWS of `payload`.
 *
 * payload  bytes, usually JSON; borrowed, not inside `out`
 * out      unchanged on error
 * errors   as hsm_sign(); LW_E_UNSUPPORTED  the signer's algorithm has no name in JOSE;
 *          LW_E_LIMIT; LW_E_NOMEM
 */
LW_MUST_USE lw_err wallet_jws_sign(const struct wallet_jws_header *header, lw_bytes payload,
                                   const struct wallet_jws_signing *signing, lw_buf *out);

/**
 * Begin a compact JWS whose signature is made elsewhere: append header "." payload and hash it.
 *
 * out      gets the beginning of the token; unchanged on error
 * errors   as wallet_jws_sign(), but for the token's
 */
LW_MUST_USE lw_err wallet_jws_begin(const struct wallet_jws_header *header, lw_bytes payload,
                                    const struct wallet_jws_signing *signing, lw_buf *out,
                                    struct hsm_digest *digest);

/** Append "." and the signature, which hsm_sign_end() has checked. Errors as lw_buf_put(). */
LW_MUST_USE lw_err wallet_jws_end(lw_bytes sig, lw_buf *out);

/** Return the name of `alg` in JOSE ("ES256"), or NULL; static. */
const char *wallet_jws_alg_name(enum hsm_alg alg);

#endif
