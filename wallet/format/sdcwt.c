#include "sdcwt_internal.h"

#include <stdlib.h>

#include "hsm/digest.h"
#include "lw/clock.h"
#include "wallet/base64.h"

enum {
    PAIRS_MAX = WALLET_CLAIMS_MAX + 16, /* claims, and fewer than 16 registered ones */
    RANDOM_ID_LEN = 16,
    RANDOM_TEXT_MAX = 22, /* of as many bytes in base64url */
    PROTECTED_MAX = 64,
    KEY_MAX = 16,
};

/*
 * What a credential under way is made of: at most one entry for each claim of a license, the
 * registered claims, and the digests. Slices of the pairs lie in `room`.
 */
struct draft {
    struct wallet_cbor_pair pairs[PAIRS_MAX];
    size_t key_ends[PAIRS_MAX];
    size_t ends[PAIRS_MAX];
    size_t count;
    lw_buf room;
    uint8_t digests[WALLET_CLAIMS_MAX + 1][HSM_SHA256_LEN];
    size_t digest_count;
    lw_buf disclosures; /* byte strings, one after the other */
};

static void draft_free(struct draft *d)
{
    lw_buf_free(&d->room);
    lw_buf_free(&d->disclosures);
}

static lw_err add_key(struct draft *d, int64_t key)
{
    LW_TRY(wallet_cbor_put_int(&d->room, key));
    d->key_ends[d->count] = d->room.len;
    return LW_SUCCESS;
}

/* Ends the entry whose key and value were written to `room`. */
static void end_entry(struct draft *d)
{
    d->ends[d->count++] = d->room.len;
}

static lw_err add_int(struct draft *d, int64_t key, int64_t value)
{
    LW_TRY(add_key(d, key));
    LW_TRY(wallet_cbor_put_int(&d->room, value));
    end_entry(d);
    return LW_SUCCESS;
}

static lw_err add_text(struct draft *d, int64_t key, lw_str value)
{
    LW_TRY(add_key(d, key));
    LW_TRY(wallet_cbor_put_text(&d->room, value));
    end_entry(d);
    return LW_SUCCESS;
}

static lw_err add_bytes(struct draft *d, int64_t key, lw_bytes value)
{
    LW_TRY(add_key(d, key));
    LW_TRY(wallet_cbor_put_bytes(&d->room, value));
    end_entry(d);
    return LW_SUCCESS;
}

static lw_err add_item(struct draft *d, int64_t key, lw_bytes item)
{
    LW_TRY(add_key(d, key));
    LW_TRY(wallet_cbor_put_raw(&d->room, item));
    end_entry(d);
    return LW_SUCCESS;
}

static lw_err add_cnf(struct draft *d, const struct hsm_public_key *key)
{
    LW_TRY(add_key(d, WALLET_CWT_CNF));
    LW_TRY(wallet_cbor_put_map(&d->room, 1));
    LW_TRY(wallet_cbor_put_int(&d->room, FORMAT_CNF_COSE_KEY));
    LW_TRY(wallet_cose_key_put(key, true, &d->room));
    end_entry(d);
    return LW_SUCCESS;
}

static lw_err add_status(struct draft *d, const struct wallet_status_ref *status)
{
    if (!status->present) {
        return LW_SUCCESS;
    }
    LW_TRY(add_key(d, WALLET_CWT_STATUS));
    LW_TRY(wallet_cbor_put_map(&d->room, 1));
    LW_TRY(wallet_cbor_put_text(&d->room, LW_STR("status_list")));
    LW_TRY(wallet_cbor_put_map(&d->room, 2));
    LW_TRY(wallet_cbor_put_text(&d->room, LW_STR("idx")));
    LW_TRY(wallet_cbor_put_uint(&d->room, status->idx));
    LW_TRY(wallet_cbor_put_text(&d->room, LW_STR("uri")));
    LW_TRY(wallet_cbor_put_text(&d->room, status->uri));
    end_entry(d);
    return LW_SUCCESS;
}

/* Hides a claim: its disclosure goes to the holder, its digest into the token. */
static lw_err redact(struct draft *d, const struct lw_rng *rng, int64_t key, lw_bytes value)
{
    LW_AUTO_BUF key_item = LW_BUF(KEY_MAX);
    LW_AUTO_BUF contents = LW_BUF(WALLET_SDCWT_MAX);
    uint8_t salt[WALLET_SALT_LEN];
    LW_TRY(lw_rng_fill(rng, salt, sizeof(salt)));
    LW_TRY(wallet_cbor_put_int(&key_item, key));
    LW_TRY(wallet_sdcwt_disclosure_put(salt, value, lw_buf_view(&key_item), &contents));
    LW_TRY(wallet_sdcwt_digest(lw_buf_view(&contents), d->digests[d->digest_count]));
    d->digest_count++;
    return wallet_cbor_put_bytes(&d->disclosures, lw_buf_view(&contents));
}

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, HSM_SHA256_LEN);
}

/* Sorted, so that their order does not tell which claim a digest hides. */
static lw_err put_digests(struct draft *d, lw_buf *out)
{
    qsort(d->digests, d->digest_count, HSM_SHA256_LEN, by_bytes);
    LW_TRY(wallet_cbor_put_array(out, d->digest_count));
    for (size_t i = 0; i < d->digest_count; i++) {
        LW_TRY(wallet_cbor_put_bytes(out, LW_BYTES(d->digests[i])));
    }
    return LW_SUCCESS;
}

static lw_err add_digests(struct draft *d)
{
    if (d->digest_count == 0) {
        return LW_SUCCESS;
    }
    LW_TRY(wallet_cbor_put_simple(&d->room, WALLET_SDCWT_SIMPLE_KEYS));
    d->key_ends[d->count] = d->room.len;
    LW_TRY(put_digests(d, &d->room));
    end_entry(d);
    return LW_SUCCESS;
}

static lw_err put_claims(struct draft *d, lw_buf *out)
{
    for (size_t i = 0; i < d->count; i++) {
        const size_t from = i == 0 ? 0 : d->ends[i - 1];
        const uint8_t *p = d->room.ptr;
        d->pairs[i].key = (lw_bytes){p + from, d->key_ends[i] - from};
        d->pairs[i].value = (lw_bytes){p + d->key_ends[i], d->ends[i] - d->key_ends[i]};
    }
    return wallet_cbor_put_map_sorted(out, d->pairs, d->count);
}

static lw_err put_header(const struct hsm_signer *signer, lw_buf *out)
{
    LW_TRY(wallet_cbor_put_map(out, 3));
    LW_TRY(wallet_cbor_put_int(out, WALLET_COSE_ALG));
    LW_TRY(wallet_cbor_put_int(out, wallet_cose_alg_of(&signer->key)));
    LW_TRY(wallet_cbor_put_int(out, WALLET_COSE_KID));
    LW_TRY(wallet_cbor_put_bytes(out, LW_BYTES(signer->kid)));
    LW_TRY(wallet_cbor_put_int(out, WALLET_COSE_TYP));
    return wallet_cbor_put_uint(out, FORMAT_TYP_SD_CWT);
}

/* What was just made must hold for everyone who reads it. */
static lw_err check_made(lw_bytes credential)
{
    struct wallet_sdcwt cwt;
    LW_AUTO_BUF claims = LW_BUF(WALLET_SDCWT_MAX);
    LW_TRY(wallet_sdcwt_parse(credential, &cwt));
    return wallet_sdcwt_reveal(cwt.cose.payload, cwt.sd_claims, &claims);
}

/* Signs the draft and appends the credential with all its disclosures. */
static lw_err finish(struct draft *d, const struct hsm_signer *signer, int64_t now,
                     lw_buf *credential)
{
    LW_AUTO_BUF header = LW_BUF(PROTECTED_MAX);
    LW_AUTO_BUF unprotected = LW_BUF(WALLET_SDCWT_MAX);
    LW_AUTO_BUF payload = LW_BUF(WALLET_SDCWT_MAX);
    const size_t before = credential->len;
    LW_TRY(put_header(signer, &header));
    LW_TRY(
        format_sdcwt_put_unprotected(lw_buf_view(&d->disclosures), d->digest_count, &unprotected));
    LW_TRY(put_claims(d, &payload));
    const struct wallet_cose_parts parts = {.protected = lw_buf_view(&header),
                                            .unprotected = lw_buf_view(&unprotected),
                                            .payload = lw_buf_view(&payload)};
    LW_TRY(wallet_cose_sign1_sign(&parts, signer, HSM_PURPOSE_CREDENTIAL, now, credential));
    const lw_err err =
        check_made((lw_bytes){.ptr = credential->ptr + before, .len = credential->len - before});
    if (err.code != LW_OK) {
        lw_buf_truncate(credential, before);
    }
    return err;
}

/* What license and pass have in common. */
static lw_err add_common(const struct wallet_issue *issue, struct draft *d)
{
    if (issue->exp <= issue->iat) {
        return LW_FAIL(LW_E_VALUE, "sdcwt: credential would end before it begins", LW_NOWHERE);
    }
    if (issue->exp > issue->license->valid_until) {
        return LW_FAIL(LW_E_VALUE, "sdcwt: credential would outlive the license", LW_NOWHERE);
    }
    LW_TRY(add_int(d, WALLET_CWT_EXP, issue->exp));
    LW_TRY(add_int(d, WALLET_CWT_IAT, issue->iat));
    LW_TRY(add_cnf(d, &issue->holder_key));
    return add_text(d, WALLET_CWT_VCT, issue->type->vct);
}

static lw_err add_license_claims(const struct wallet_issue *issue, struct draft *d)
{
    for (size_t i = 0; i < issue->license->claim_count; i++) {
        const struct wallet_claim *claim = &issue->license->claims[i];
        const struct wallet_claim_def *def = &issue->type->claims[claim->def];
        switch (def->disclose) {
        case WALLET_DISCLOSE_CHOICE:
            LW_TRY(redact(d, issue->rng, def->cwt_key, claim->value));
            break;
        case WALLET_DISCLOSE_ALWAYS:
            LW_TRY(add_item(d, def->cwt_key, claim->value));
            break;
        case WALLET_DISCLOSE_NEVER:
            break;
        }
    }
    return LW_SUCCESS;
}

lw_err wallet_sdcwt_issue(const struct wallet_issue *issue, const struct hsm_signer *signer,
                          int64_t now, lw_buf *credential)
{
    __attribute__((cleanup(draft_free))) struct draft d = {.room = LW_BUF(WALLET_SDCWT_MAX),
                                                           .disclosures = LW_BUF(WALLET_SDCWT_MAX)};
    LW_AUTO_BUF number = LW_BUF(WALLET_SDCWT_MAX);
    LW_TRY(add_common(issue, &d));
    LW_TRY(add_status(&d, &issue->status));
    LW_TRY(wallet_cbor_put_text(&number, issue->license->number));
    LW_TRY(redact(&d, issue->rng, WALLET_CWT_SUB, lw_buf_view(&number)));
    LW_TRY(add_license_claims(issue, &d));
    LW_TRY(add_digests(&d));
    return finish(&d, signer, now, credential);
}

static const struct wallet_claim *find_claim(const struct wallet_license *license, size_t def)
{
    for (size_t i = 0; i < license->claim_count; i++) {
        if (license->claims[i].def == def) {
            return &license->claims[i];
        }
    }
    return NULL;
}

static lw_err add_pass_claims(const struct wallet_issue *issue, struct draft *d)
{
    for (size_t i = 0; i < issue->pass->claim_count; i++) {
        const size_t def = issue->pass->claims[i];
        const struct wallet_claim *claim = find_claim(issue->license, def);
        if (claim != NULL) { /* a claim that is not required can be missing */
            LW_TRY(add_item(d, issue->type->claims[def].cwt_key, claim->value));
        }
    }
    return LW_SUCCESS;
}

/* A subject and an identifier that were never there before and never come again. */
static lw_err add_random_ids(const struct wallet_issue *issue, struct draft *d)
{
    uint8_t id[RANDOM_ID_LEN];
    LW_AUTO_BUF sub = LW_BUF(RANDOM_TEXT_MAX);
    LW_TRY(lw_rng_fill(issue->rng, id, sizeof(id)));
    LW_TRY(wallet_base64url_encode(LW_BYTES(id), &sub));
    LW_TRY(add_text(d, WALLET_CWT_SUB, lw_buf_text(&sub)));
    LW_TRY(lw_rng_fill(issue->rng, id, sizeof(id)));
    return add_bytes(d, WALLET_CWT_CTI, LW_BYTES(id));
}

lw_err wallet_pass_issue(const struct wallet_issue *issue, const struct hsm_signer *signer,
                         int64_t now, lw_buf *credential)
{
    __attribute__((cleanup(draft_free))) struct draft d = {.room = LW_BUF(WALLET_SDCWT_MAX),
                                                           .disclosures = LW_BUF(WALLET_SDCWT_MAX)};
    if (issue->pass == NULL || issue->status.present) {
        return LW_FAIL(LW_E_MISUSE, "sdcwt: a pass has a profile and no status", LW_NOWHERE);
    }
    if (issue->exp > issue->iat && issue->exp - issue->iat > LW_DAY_S) {
        return LW_FAIL(LW_E_VALUE, "sdcwt: a pass lives 24 hours at most", LW_NOWHERE);
    }
    LW_TRY(add_common(issue, &d));
    LW_TRY(add_random_ids(issue, &d));
    LW_TRY(add_pass_claims(issue, &d));
    return finish(&d, signer, now, credential);
}
