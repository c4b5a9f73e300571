#include "sdcwt_internal.h"

#include "hsm/digest.h"

enum { SALT_LEN = WALLET_SALT_LEN, DIGESTS_MAX = 256, PAIRS_MAX = 128, DIGEST_HEAD_MAX = 16 };

/* By the number of its elements: [salt], [salt, value], [salt, value, key]. */
enum kind { KIND_DECOY = 1, KIND_ELEMENT = 2, KIND_ENTRY = 3 };

struct disclosure {
    enum kind kind;
    bool used;
    uint8_t digest[HSM_SHA256_LEN];
    lw_bytes value;
    lw_bytes key;
};

/* One resolution: what is disclosed, and the digests met so far. */
struct reveal {
    struct disclosure disclosures[WALLET_SDCWT_DISCLOSURES_MAX];
    size_t count;
    const uint8_t *met[DIGESTS_MAX];
    size_t met_count;
};

lw_err wallet_sdcwt_digest(lw_bytes disclosure, uint8_t digest[32])
{
    LW_AUTO_BUF head = LW_BUF(DIGEST_HEAD_MAX);
    LW_TRY(wallet_cbor_put_bytes_head(&head, disclosure.len));
    const lw_bytes parts[] = {lw_buf_view(&head), disclosure};
    return hsm_sha256_parts(parts, 2, digest);
}

static lw_err put_disclosure(const uint8_t salt[SALT_LEN], lw_bytes value, lw_bytes key,
                             lw_buf *out)
{
    LW_TRY(wallet_cbor_put_array(out, key.len > 0 ? KIND_ENTRY : KIND_ELEMENT));
    LW_TRY(wallet_cbor_put_bytes(out, (lw_bytes){.ptr = salt, .len = SALT_LEN}));
    LW_TRY(wallet_cbor_put_raw(out, value));
    return wallet_cbor_put_raw(out, key);
}

lw_err wallet_sdcwt_disclosure_put(const uint8_t salt[SALT_LEN], lw_bytes value, lw_bytes key,
                                   lw_buf *out)
{
    const size_t before = out->len;
    const lw_err err = put_disclosure(salt, value, key, out);
    if (err.code != LW_OK) {
        lw_buf_truncate(out, before);
    }
    return err;
}

/* Claims that say what a token is, and until when, cannot be withheld (QR-11). */
static bool never_redacted(int64_t key)
{
    return key == WALLET_CWT_ISS || (key >= WALLET_CWT_AUD && key <= 9) || key == WALLET_CWT_VCT ||
           key == WALLET_CWT_CNONCE || key == WALLET_CWT_STATUS;
}

static lw_err check_key(lw_bytes item)
{
    struct wallet_cbor r = wallet_cbor_reader(item);
    if (wallet_cbor_peek(&r) == WALLET_CBOR_TEXT) {
        return LW_SUCCESS;
    }
    const int64_t key = wallet_cbor_int(&r);
    if (!wallet_cbor_ok(&r)) {
        return LW_FAIL(LW_E_VALUE, "sdcwt: disclosed key is neither number nor text", LW_NOWHERE);
    }
    if (never_redacted(key)) {
        return LW_FAIL(LW_E_VALUE, "sdcwt: disclosed claim may not be hidden", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

static lw_err read_disclosure(lw_bytes contents, struct disclosure *d)
{
    bool redacted = false;
    LW_TRY(wallet_cbor_check(contents));
    struct wallet_cbor r = wallet_cbor_reader(contents);
    const size_t count = wallet_cbor_array(&r);
    if (count < KIND_DECOY || count > KIND_ENTRY) { /* 0 for what is no array */
        return LW_FAIL(LW_E_SYNTAX, "sdcwt: disclosure is no array of one to three", LW_NOWHERE);
    }
    const lw_bytes salt = wallet_cbor_bytes(&r);
    if (salt.len != SALT_LEN) { /* 0 for what is no byte string */
        return LW_FAIL(LW_E_SYNTAX, "sdcwt: salt is not 16 bytes", LW_NOWHERE);
    }
    d->kind = (enum kind)count;
    if (d->kind >= KIND_ELEMENT) {
        d->value = wallet_cbor_item(&r);
        LW_TRY(format_sdcwt_scan(d->value, &redacted));
    }
    if (d->kind == KIND_ENTRY) {
        d->key = wallet_cbor_item(&r);
        LW_TRY(check_key(d->key));
    }
    return LW_SUCCESS;
}

static struct disclosure *find(struct reveal *v, const uint8_t *digest)
{
    for (size_t i = 0; i < v->count; i++) {
        if (memcmp(v->disclosures[i].digest, digest, HSM_SHA256_LEN) == 0) {
            return &v->disclosures[i];
        }
    }
    return NULL;
}

static lw_err read_disclosures(lw_bytes sd_claims, struct reveal *v)
{
    if (sd_claims.len == 0) {
        return LW_SUCCESS;
    }
    struct wallet_cbor r = wallet_cbor_reader(sd_claims);
    const size_t count = wallet_cbor_array(&r);
    if (count > WALLET_SDCWT_DISCLOSURES_MAX) {
        return LW_FAIL(LW_E_LIMIT, "sdcwt: too many disclosures", LW_NOWHERE);
    }
    for (size_t i = 0; i < count; i++) {
        struct disclosure d = {.used = false};
        const uint8_t *from = r.at;
        const lw_bytes contents = wallet_cbor_bytes(&r);
        if (!wallet_cbor_ok(&r)) {
            break;
        }
        LW_TRY(read_disclosure(contents, &d));
        /* The digest covers the byte string's head too: the bytes as received. */
        const lw_bytes whole = {.ptr = from, .len = (size_t)(r.at - from)};
        LW_TRY(hsm_sha256(whole, d.digest));
        if (find(v, d.digest) != NULL) {
            return LW_FAIL(LW_E_SIGNATURE, "sdcwt: disclosure given twice", LW_NOWHERE);
        }
        v->disclosures[v->count++] = d;
    }
    return wallet_cbor_finish(&r);
}

/* Takes note of a digest, which may stand in a token once, and finds what it hides. */
static lw_err meet(struct reveal *v, lw_bytes digest, enum kind kind, struct disclosure **found)
{
    for (size_t i = 0; i < v->met_count; i++) {
        if (memcmp(v->met[i], digest.ptr, HSM_SHA256_LEN) == 0) {
            return LW_FAIL(LW_E_SIGNATURE, "sdcwt: digest stands twice", LW_NOWHERE);
        }
    }
    if (v->met_count == DIGESTS_MAX) {
        return LW_FAIL(LW_E_LIMIT, "sdcwt: too many digests", LW_NOWHERE);
    }
    v->met[v->met_count++] = digest.ptr;
    *found = find(v, digest.ptr);
    if (*found == NULL) {
        return LW_SUCCESS;
    }
    if ((*found)->kind != kind && (*found)->kind != KIND_DECOY) {
        return LW_FAIL(LW_E_SIGNATURE, "sdcwt: disclosure matches a digest of another kind",
                       LW_NOWHERE);
    }
    (*found)->used = true;
    return LW_SUCCESS;
}

static lw_err reveal_item(struct reveal *v, lw_bytes item, unsigned depth, lw_buf *out);

/* If `item` is a redacted element, returns its digest; else an empty slice. */
static lw_bytes element_digest(lw_bytes item)
{
    struct wallet_cbor r = wallet_cbor_reader(item);
    if (wallet_cbor_peek(&r) != WALLET_CBOR_TAG ||
        wallet_cbor_tag(&r) != WALLET_SDCWT_TAG_ELEMENT) {
        return (lw_bytes){.ptr = NULL, .len = 0};
    }
    return wallet_cbor_bytes(&r);
}

/* Counts the elements that are left once hidden ones are dropped. */
static lw_err count_elements(struct reveal *v, lw_bytes array, size_t *left)
{
    struct wallet_cbor r = wallet_cbor_reader(array);
    const size_t count = wallet_cbor_array(&r);
    *left = 0;
    for (size_t i = 0; i < count; i++) {
        const lw_bytes digest = element_digest(wallet_cbor_item(&r));
        struct disclosure *found = NULL;
        if (digest.len > 0) {
            LW_TRY(meet(v, digest, KIND_ELEMENT, &found));
        }
        if (digest.len == 0 || (found != NULL && found->kind == KIND_ELEMENT)) {
            *left += 1;
        }
    }
    return wallet_cbor_finish(&r);
}

static lw_err reveal_array(struct reveal *v, lw_bytes array, unsigned depth, lw_buf *out)
{
    size_t left = 0;
    LW_TRY(count_elements(v, array, &left));
    LW_TRY(wallet_cbor_put_array(out, left));
    struct wallet_cbor r = wallet_cbor_reader(array);
    const size_t count = wallet_cbor_array(&r);
    for (size_t i = 0; i < count; i++) {
        const lw_bytes item = wallet_cbor_item(&r);
        const lw_bytes digest = element_digest(item);
        const struct disclosure *found = digest.len > 0 ? find(v, digest.ptr) : NULL;
        if (digest.len == 0) {
            LW_TRY(reveal_item(v, item, depth, out));
        } else if (found != NULL && found->kind == KIND_ELEMENT) {
            LW_TRY(reveal_item(v, found->value, depth, out));
        }
    }
    return wallet_cbor_finish(&r);
}

/* The entries of one map as they are gathered: keys borrowed, values in `values`. */
struct entries {
    struct wallet_cbor_pair pairs[PAIRS_MAX];
    size_t ends[PAIRS_MAX];
    size_t count;
    size_t hidden; /* digests that nothing disclosed */
    lw_buf values;
};

static void free_entries(struct entries *e)
{
    lw_buf_free(&e->values);
}

static lw_err add_entry(struct reveal *v, lw_bytes key, lw_bytes value, unsigned depth,
                        struct entries *e)
{
    if (e->count == PAIRS_MAX) {
        return LW_FAIL(LW_E_LIMIT, "sdcwt: too many claims", LW_NOWHERE);
    }
    LW_TRY(reveal_item(v, value, depth, &e->values));
    e->pairs[e->count].key = key;
    e->ends[e->count++] = e->values.len;
    return LW_SUCCESS;
}

static lw_err add_disclosed(struct reveal *v, lw_bytes digests, unsigned depth, struct entries *e)
{
    struct wallet_cbor r = wallet_cbor_reader(digests);
    const size_t count = wallet_cbor_array(&r);
    for (size_t i = 0; i < count; i++) {
        struct disclosure *found = NULL;
        LW_TRY(meet(v, wallet_cbor_bytes(&r), KIND_ENTRY, &found));
        if (found == NULL) {
            e->hidden++;
        } else if (found->kind == KIND_ENTRY) {
            LW_TRY(add_entry(v, found->key, found->value, depth, e));
        }
    }
    return wallet_cbor_finish(&r);
}

static lw_err reveal_map(struct reveal *v, lw_bytes map, unsigned depth, lw_buf *out,
                         size_t *hidden)
{
    __attribute__((cleanup(free_entries))) struct entries e;
    e.count = 0;
    e.hidden = 0;
    e.values = LW_BUF(WALLET_SDCWT_MAX);
    struct wallet_cbor r = wallet_cbor_reader(map);
    const size_t pairs = wallet_cbor_map(&r);
    for (size_t i = 0; i < pairs; i++) {
        const bool redacted = wallet_cbor_peek(&r) == WALLET_CBOR_SIMPLE;
        const lw_bytes key = wallet_cbor_item(&r);
        const lw_bytes value = wallet_cbor_item(&r);
        LW_TRY(redacted ? add_disclosed(v, value, depth, &e) : add_entry(v, key, value, depth, &e));
    }
    LW_TRY(wallet_cbor_finish(&r));
    for (size_t i = 0; i < e.count; i++) {
        const size_t from = i == 0 ? 0 : e.ends[i - 1];
        e.pairs[i].value = (lw_bytes){.ptr = e.values.ptr + from, .len = e.ends[i] - from};
    }
    *hidden = e.hidden;
    const lw_err err = wallet_cbor_put_map_sorted(out, e.pairs, e.count);
    return err.code == LW_E_CONFLICT
               ? LW_FAIL(LW_E_VALUE, "sdcwt: disclosed claim is there already", LW_NOWHERE)
               : err;
}

/* Recursion is bounded by `depth`: disclosures can hold further digests. */
static lw_err reveal_item(struct reveal *v, lw_bytes item, unsigned depth, lw_buf *out)
{
    struct wallet_cbor r = wallet_cbor_reader(item);
    const enum wallet_cbor_type type = wallet_cbor_peek(&r);
    size_t hidden = 0;
    if (type != WALLET_CBOR_MAP && type != WALLET_CBOR_ARRAY && type != WALLET_CBOR_TAG) {
        return lw_buf_put(out, item);
    }
    if (depth == 0) {
        return LW_FAIL(LW_E_LIMIT, "sdcwt: disclosures nested too deep", LW_NOWHERE);
    }
    if (type == WALLET_CBOR_MAP) {
        return reveal_map(v, item, depth - 1, out, &hidden);
    }
    if (type == WALLET_CBOR_ARRAY) {
        return reveal_array(v, item, depth - 1, out);
    }
    LW_TRY(wallet_cbor_put_tag(out, wallet_cbor_tag(&r)));
    const lw_bytes inside = {.ptr = r.at, .len = (size_t)(r.end - r.at)};
    return reveal_item(v, inside, depth - 1, out);
}

lw_err format_sdcwt_reveal(lw_bytes claims, lw_bytes sd_claims, lw_buf *out, size_t *hidden)
{
    struct reveal v;
    const size_t before = out->len;
    v.count = 0;
    v.met_count = 0;
    LW_TRY(read_disclosures(sd_claims, &v));
    lw_err err = reveal_map(&v, claims, WALLET_CBOR_DEPTH_MAX - 1, out, hidden);
    for (size_t i = 0; i < v.count && err.code == LW_OK; i++) {
        if (!v.disclosures[i].used) {
            err = LW_FAIL(LW_E_SIGNATURE, "sdcwt: disclosure matches no digest", LW_NOWHERE);
        }
    }
    if (err.code != LW_OK) {
        lw_buf_truncate(out, before);
    }
    return err;
}

lw_err wallet_sdcwt_reveal(lw_bytes claims, lw_bytes sd_claims, lw_buf *out)
{
    size_t hidden = 0;
    bool redacted = false;
    LW_TRY(wallet_cbor_check(claims));
    LW_TRY(format_sdcwt_scan(claims, &redacted));
    return format_sdcwt_reveal(claims, sd_claims, out, &hidden);
}
