/*
 * The signed license record: a license as issued, signed once by the agency's key. A COSE_Sign1
 * whose protected header is {1: -9, 4: kid, 16: "application/license-record+cwt"} (a private
 * media type) and whose payload is a CWT claims set in the shape of an SD-CWT:
 *
 *   { 1: issuer (agency id), 2: number, ? 4: valid_until, 5: valid_from, 6: issued_at,
 *     -70201: type id, -70202: type version, -70203: version, -70204: [* 60(holder digest)],
 *     simple(59): [* claim digest] }
 *
 * A digest is SHA-256 over the byte string (head included) of [salt, value, cwt key] for a claim,
 * [salt, [code type, code, role, name]] for a holder. Digests are sorted, so their order tells
 * nothing; who is given salt and value can check one claim and learns no other.
 */
#ifndef WALLET_RECORD_H
#define WALLET_RECORD_H

#include "hsm/sign.h"
#include "lw/rng.h"
#include "wallet/license.h"

enum { WALLET_RECORD_MAX = 8192 };

/**
 * Draw the salts of all claims and holders of `license`; done once, before its record is made. The
 * claims' salts are derived from one seed that is drawn, so that a store keeps 32 bytes instead of
 * 16 for each; who is given one of them learns nothing of the others.
 */
LW_MUST_USE lw_err wallet_record_draw_salts(struct wallet_license *license,
                                            const struct lw_rng *rng);

/** Set the salts of the claims, in their order, to those that follow from `license->salt_seed`. */
LW_MUST_USE lw_err wallet_record_derive_salts(struct wallet_license *license);

/**
 * Append the payload of the record of `license`.
 *
 * type    its license type, for the claims' keys
 * errors  LW_E_VALUE  two claims of one key, a claim that is no item, or number, version or
 *         issuer empty; as lw_buf_put()
 */
LW_MUST_USE lw_err wallet_record_payload(const struct wallet_license_type *type,
                                         const struct wallet_license *license, lw_buf *payload);

/*
 * In two steps, for a signer that answers later: hash what is to be signed, then put payload and
 * signature together. In one: wallet_record_sign().
 */
LW_MUST_USE lw_err wallet_record_digest(const uint8_t kid[8], lw_bytes payload, uint8_t digest[32]);
LW_MUST_USE lw_err wallet_record_assemble(const uint8_t kid[8], lw_bytes payload,
                                          lw_bytes signature, lw_buf *record);

/** Sign `payload` with the agency's key (HSM_PURPOSE_CREDENTIAL) and append the record. */
LW_MUST_USE lw_err wallet_record_sign(const struct hsm_signer *signer, int64_t now,
                                      lw_bytes payload, lw_buf *record);

/* A record as received: structure holds. Slices borrow from its bytes. */
struct wallet_record {
    lw_bytes bytes; /* the whole record */
    uint8_t kid[8];
    lw_str issuer;
    lw_str number;
    lw_str version;
    lw_str type;
    unsigned type_version;
    int64_t issued_at;
    int64_t valid_from;
    int64_t valid_until;     /* INT64_MAX: without end */
    lw_bytes claim_digests;  /* claim_count times 34 bytes, each a byte string */
    lw_bytes holder_digests; /* holder_count times 36 bytes, each a tagged byte string */
    size_t claim_count;
    size_t holder_count;
};

/**
 * Read a record.
 *
 * errors  LW_E_SYNTAX, LW_E_LIMIT, LW_E_UNSUPPORTED, LW_E_VALUE  as wallet_sdcwt_parse()
 * does not check  the signature
 */
LW_MUST_USE lw_err wallet_record_parse(lw_bytes in, struct wallet_record *record);

/**
 * Check the signature of `record`.
 *
 * key     the issuer's, found by record->kid; the caller checks that it is record->issuer's
 * errors  LW_E_SIGNATURE, LW_E_UNSUPPORTED
 */
LW_MUST_USE lw_err wallet_record_verify(const struct wallet_record *record,
                                        const struct hsm_public_key *key);

/**
 * Check that `license` says what `record` says: number, version, type, issuer, times, and
 * exactly its claims and holders.
 *
 * errors  LW_E_CORRUPT  something differs: `why` names it
 */
LW_MUST_USE lw_err wallet_record_matches(const struct wallet_record *record,
                                         const struct wallet_license_type *type,
                                         const struct wallet_license *license);

#endif
