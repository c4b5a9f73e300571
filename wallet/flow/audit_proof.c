#include "audit_proof.h"

#include "hsm/digest.h"
#include "wallet/cbor.h"
#include "wallet/cose.h"

enum {
    CLAIM_ISS = 1,
    CLAIM_IAT = 6,
    CLAIM_SIZE = -70110,
    CLAIM_ROOT = -70111,
    HEADER_MAX = 128,
    CLAIMS_MAX = 1024,
    KID_LEN = 8,
    KEY_PAGE = 16,
    RETIRED_SKEW_S = 60, /* a head that was being signed when its key retired; clocks that step */
};

static const char media_type[] = "application/lth+cwt";

static lw_err put_header(const struct hsm_signer *signer, lw_buf *out)
{
    LW_TRY(wallet_cbor_put_map(out, 3));
    LW_TRY(wallet_cbor_put_int(out, WALLET_COSE_ALG));
    LW_TRY(wallet_cbor_put_int(out, wallet_cose_alg_of(&signer->key)));
    LW_TRY(wallet_cbor_put_int(out, WALLET_COSE_KID));
    LW_TRY(wallet_cbor_put_bytes(out, LW_BYTES(signer->kid)));
    LW_TRY(wallet_cbor_put_int(out, WALLET_COSE_TYP));
    return wallet_cbor_put_text(out, lw_str_c(media_type));
}

static lw_err put_claims(const struct wallet_home *home,
                         const struct wallet_audit_signed_head *head, lw_buf *out)
{
    LW_TRY(wallet_cbor_put_map(out, 4));
    LW_TRY(wallet_cbor_put_int(out, CLAIM_ISS));
    LW_TRY(wallet_cbor_put_text(out, lw_str_c(home->config->base_url)));
    LW_TRY(wallet_cbor_put_int(out, CLAIM_IAT));
    LW_TRY(wallet_cbor_put_int(out, head->time));
    LW_TRY(wallet_cbor_put_int(out, CLAIM_SIZE));
    LW_TRY(wallet_cbor_put_uint(out, head->size));
    LW_TRY(wallet_cbor_put_int(out, CLAIM_ROOT));
    return wallet_cbor_put_bytes(out, LW_BYTES(head->root));
}

lw_err audit_head_sign(struct wallet_home *home, const struct wallet_audit_signed_head *head,
                       lw_buf *cose)
{
    struct hsm_signer signer;
    LW_AUTO_BUF header = LW_BUF(HEADER_MAX);
    LW_AUTO_BUF claims = LW_BUF(CLAIMS_MAX);
    LW_TRY(wallet_home_signer(home, HSM_PURPOSE_LOG, LW_STR(""), &signer));
    LW_TRY(put_header(&signer, &header));
    LW_TRY(put_claims(home, head, &claims));
    const struct wallet_cose_parts parts = {.protected = lw_buf_view(&header),
                                            .payload = lw_buf_view(&claims)};
    return wallet_cose_sign1_sign(&parts, &signer, HSM_PURPOSE_LOG, head->time, cose);
}

static bool says_type(const struct wallet_cose_sign1 *cose)
{
    struct wallet_cbor r =
        wallet_cbor_reader(wallet_cbor_map_get_int(cose->protected, WALLET_COSE_TYP));
    return lw_str_is(wallet_cbor_text(&r), media_type) && wallet_cbor_finish(&r).code == LW_OK;
}

/* Whether what was signed is what the store says of it. */
static bool says_head(lw_bytes claims, const struct wallet_audit_signed_head *head)
{
    if (wallet_cbor_check(claims).code != LW_OK) {
        return false;
    }
    struct wallet_cbor size = wallet_cbor_reader(wallet_cbor_map_get_int(claims, CLAIM_SIZE));
    struct wallet_cbor root = wallet_cbor_reader(wallet_cbor_map_get_int(claims, CLAIM_ROOT));
    struct wallet_cbor iat = wallet_cbor_reader(wallet_cbor_map_get_int(claims, CLAIM_IAT));
    const bool same = wallet_cbor_uint(&size) == head->size &&
                      lw_bytes_eq(wallet_cbor_bytes(&root), LW_BYTES(head->root)) &&
                      wallet_cbor_int(&iat) == head->time;
    return same && wallet_cbor_finish(&size).code == LW_OK &&
           wallet_cbor_finish(&root).code == LW_OK && wallet_cbor_finish(&iat).code == LW_OK;
}

/* A key that is retired, or was stolen, signs no more: a head of a later date is another's. */
static bool had_retired(const struct wallet_key_record *key, int64_t time)
{
    return key->retired != WALLET_KEY_NEVER && time > key->retired + RETIRED_SKEW_S;
}

/* Whether `key` is the log key that the head names, in the time in which it signed. */
static bool is_key_of(const struct wallet_key_record *key, lw_bytes kid, int64_t time)
{
    uint8_t hash[HSM_SHA256_LEN];
    if (key->purpose != HSM_PURPOSE_LOG || key->agency[0] != 0 || time < key->not_before ||
        time >= key->not_after || had_retired(key, time) ||
        hsm_sha256(key->cert, hash).code != LW_OK) {
        return false;
    }
    return lw_bytes_eq(kid, (lw_bytes){.ptr = hash, .len = KID_LEN});
}

static lw_err check_by_keys(const struct wallet_txn *txn, const struct wallet_cose_sign1 *cose,
                            int64_t time)
{
    struct wallet_page page = {.len = 0};
    struct wallet_cbor r =
        wallet_cbor_reader(wallet_cbor_map_get_int(cose->protected, WALLET_COSE_KID));
    const lw_bytes kid = wallet_cbor_bytes(&r);
    while (!page.end) {
        struct wallet_key_record keys[KEY_PAGE];
        size_t count = KEY_PAGE;
        LW_TRY(wallet_store_key_page(txn, &page, keys, &count));
        for (size_t i = 0; i < count; i++) {
            if (is_key_of(&keys[i], kid, time) &&
                wallet_cose_sign1_verify(cose, (lw_bytes){NULL, 0}, &keys[i].key).code == LW_OK) {
                return LW_SUCCESS;
            }
        }
    }
    return LW_FAIL(LW_E_SIGNATURE, "audit: a head is not signed by the log's key", LW_NOWHERE);
}

lw_err audit_head_check(const struct wallet_txn *txn, const struct wallet_audit_signed_head *head)
{
    struct wallet_cose_sign1 cose;
    LW_TRY(wallet_cose_sign1_parse(head->cose, &cose));
    if (!says_type(&cose) || !says_head(cose.payload, head)) {
        return LW_FAIL(LW_E_SIGNATURE, "audit: a head is not what was signed", LW_NOWHERE);
    }
    return check_by_keys(txn, &cose, head->time);
}

static lw_err not_proven(lw_err err)
{
    return err.code == LW_E_SIGNATURE || err.code == LW_E_SYNTAX
               ? LW_FAIL(LW_E_CORRUPT, "audit: the proof of an entry does not hold", LW_NOWHERE)
               : err;
}

/* The proof under the smallest head that covers the leaf, held against that head before use. */
static lw_err prove(const struct wallet_txn *txn, const struct wallet_audit_leaf *leaf,
                    struct wallet_audit_signed_head *head, struct wallet_merkle_path *path)
{
    const lw_err err = wallet_audit_signed_at_least(txn, leaf->index + 1, head);
    if (err.code == LW_E_NOT_FOUND) {
        return LW_FAIL(LW_E_BUSY, "audit: no signed head covers it yet; ask again in a second",
                       LW_NOWHERE);
    }
    LW_TRY(err);
    LW_TRY(not_proven(audit_head_check(txn, head)));
    LW_TRY(wallet_audit_inclusion(txn, leaf->index, head->size, path));
    return not_proven(
        wallet_merkle_check_inclusion(leaf->hash, leaf->index, head->size, path, head->root));
}

static lw_err check_opening(const struct wallet_audit_leaf *leaf)
{
    const lw_bytes parts[] = {leaf->nonce, leaf->encoded};
    uint8_t hash[WALLET_HASH_LEN];
    if (leaf->erased) {
        return LW_SUCCESS;
    }
    LW_TRY(wallet_merkle_leaf(parts, 2, hash));
    return lw_bytes_eq(LW_BYTES(hash), LW_BYTES(leaf->hash))
               ? LW_SUCCESS
               : LW_FAIL(LW_E_CORRUPT, "audit: an entry is not what its leaf says", LW_NOWHERE);
}

static void put_bytes(struct wallet_json_writer *w, const char *name, lw_bytes bytes)
{
    wallet_json_put_name(w, name);
    wallet_json_put_base64url(w, bytes);
}

static void put_opening(struct wallet_json_writer *w, const struct wallet_audit_leaf *leaf)
{
    put_bytes(w, "leaf", LW_BYTES(leaf->hash));
    wallet_json_member_bool(w, "erased", leaf->erased);
    if (leaf->erased) {
        return;
    }
    wallet_json_member_c(w, "event", wallet_audit_kind_name(leaf->event.kind));
    wallet_json_member_time(w, "time", leaf->event.time);
    wallet_json_put_name(w, "opening");
    wallet_json_put_object(w);
    put_bytes(w, "nonce", leaf->nonce);
    put_bytes(w, "entry", leaf->encoded);
    wallet_json_put_end(w);
}

static void put_path(struct wallet_json_writer *w, const struct wallet_merkle_path *path)
{
    wallet_json_put_name(w, "path");
    wallet_json_put_array(w);
    for (size_t i = 0; i < path->count; i++) {
        wallet_json_put_base64url(w, LW_BYTES(path->hash[i]));
    }
    wallet_json_put_end(w);
}

static void put_head(struct wallet_json_writer *w, const struct wallet_audit_signed_head *head)
{
    wallet_json_put_name(w, "head");
    wallet_json_put_object(w);
    wallet_json_member_int(w, "size", (int64_t)head->size);
    put_bytes(w, "root", LW_BYTES(head->root));
    wallet_json_member_time(w, "time", head->time);
    put_bytes(w, "cose", head->cose);
    wallet_json_put_end(w);
}

lw_err audit_proof_put(const struct wallet_txn *txn, uint64_t index, lw_str id,
                       struct wallet_json_writer *w)
{
    struct wallet_audit_leaf leaf;
    struct wallet_audit_signed_head head;
    struct wallet_merkle_path path;
    LW_TRY(wallet_audit_get(txn, index, &leaf));
    LW_TRY(check_opening(&leaf));
    LW_TRY(prove(txn, &leaf, &head, &path));
    wallet_json_put_object(w);
    if (id.len > 0) {
        wallet_json_member_text(w, "id", id);
    }
    wallet_json_member_int(w, "index", (int64_t)index);
    put_opening(w, &leaf);
    put_path(w, &path);
    put_head(w, &head);
    wallet_json_put_end(w);
    return LW_SUCCESS;
}
