/*
 * Tokens put together from parts as given and signed with a key, so that a test can bend one
 * part and leave the rest whole. Nothing is checked; everything aborts the test on misuse.
 */
#ifndef SUPPORT_SIGNED_H
#define SUPPORT_SIGNED_H

#include "hsm/sign.h"

/** Append the compact JWS of a header and a payload (JSON texts). */
void support_jws(lw_str header, lw_str payload, const struct hsm_signer *signer, lw_buf *out);

/** Append [protected, unprotected, payload, signature] without a tag; maps are encoded ones. */
void support_cose(lw_bytes protected, lw_bytes unprotected, lw_bytes payload,
                  const struct hsm_signer *signer, lw_buf *out);

/* One entry of a CBOR map: both are one item. An entry without value is left out. */
struct support_pair {
    lw_bytes key;
    lw_bytes value;
};

/** Append the map of `pairs` in their order. */
void support_map(const struct support_pair *pairs, size_t count, lw_buf *out);

#endif
