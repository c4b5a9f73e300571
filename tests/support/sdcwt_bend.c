#include "sdcwt_bend.h"

#include <stdio.h>
#include <stdlib.h>

#include "bytes.h"
#include "hsm/digest.h"
#include "wallet/sdcwt.h"

/* The secrets of specs/qr.md section 12. */
static const char issuer_d[] = "535c6f8eb511f5d966a1b0725df92ebf27514faba945cbbd698e23ac72c41757";
static const char holder_d[] = "263a4dbe41488fb87214b0032339dbb9f0c8da14c16dfcf13084bf3c2552eca5";
static const uint8_t kid[8] = {0x52, 0xbd, 0xe1, 0xc8, 0xf2, 0x74, 0x86, 0xe6};

enum { IAT = 1795000000, LIFE = 30 * 86400 };

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fprintf(stderr, "test support: bend: %s\n", err.why);
        abort();
    }
}

void bend_bytes(lw_buf *buf, const char *hex)
{
    lw_buf_free(buf);
    *buf = LW_BUF(BEND_BYTES_MAX);
    support_hex(hex, buf);
}

void bend_add(struct bend_map *map, const char *key, const char *value)
{
    if (map->count == BEND_ENTRIES_MAX) {
        abort();
    }
    struct bend_entry *entry = &map->entries[map->count++];
    *entry = (struct bend_entry){LW_BUF(BEND_BYTES_MAX), LW_BUF(BEND_BYTES_MAX)};
    support_hex(key, &entry->key);
    support_hex(value, &entry->value);
}

static struct bend_entry *find(struct bend_map *map, const char *key)
{
    LW_AUTO_BUF bytes = LW_BUF(BEND_BYTES_MAX);
    support_hex(key, &bytes);
    for (size_t i = 0; i < map->count; i++) {
        if (lw_bytes_eq(lw_buf_view(&map->entries[i].key), lw_buf_view(&bytes))) {
            return &map->entries[i];
        }
    }
    return NULL;
}

void bend_set(struct bend_map *map, const char *key, const char *value)
{
    struct bend_entry *entry = find(map, key);
    if (entry == NULL) {
        bend_add(map, key, value);
    } else {
        bend_bytes(&entry->value, value);
    }
}

void bend_drop(struct bend_map *map, const char *key)
{
    struct bend_entry *entry = find(map, key);
    if (entry == NULL) {
        abort();
    }
    lw_buf_free(&entry->key);
    lw_buf_free(&entry->value);
    *entry = map->entries[--map->count];
}

void bend_set_int(struct bend_map *map, const char *key, int64_t value)
{
    LW_AUTO_BUF item = LW_BUF(BEND_BYTES_MAX);
    LW_AUTO_BUF hex = LW_BUF(BEND_BYTES_MAX);
    const char *text = NULL;
    must(wallet_cbor_put_int(&item, value));
    must(lw_buf_put_hex(&hex, lw_buf_view(&item)));
    must(lw_buf_c(&hex, &text));
    bend_set(map, key, text);
}

/* The byte string of a disclosure, head included. */
static void put_disclosure(const char *contents, lw_buf *out)
{
    LW_AUTO_BUF bytes = LW_BUF(BEND_BYTES_MAX);
    support_hex(contents, &bytes);
    must(wallet_cbor_put_bytes(out, lw_buf_view(&bytes)));
}

static void hash(const char *contents, uint8_t digest[32])
{
    LW_AUTO_BUF item = LW_BUF(BEND_BYTES_MAX);
    put_disclosure(contents, &item);
    must(hsm_sha256(lw_buf_view(&item), digest));
}

void bend_digest(const char *contents, char hex[65])
{
    uint8_t digest[32];
    hash(contents, digest);
    for (size_t i = 0; i < sizeof(digest); i++) {
        (void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    }
}

void bend_hide(struct bend *b, const char *contents)
{
    uint8_t digest[32];
    hash(contents, digest);
    must(wallet_cbor_put_bytes(&b->hidden, LW_BYTES(digest)));
}

void bend_show(struct bend *b, const char *contents)
{
    put_disclosure(contents, &b->disclosed);
    b->disclosed_count++;
}

void bend_hide_and_show(struct bend *b, const char *contents)
{
    bend_hide(b, contents);
    bend_show(b, contents);
}

static void init_message(struct bend_message *m)
{
    m->protected.count = 0;
    m->claims.count = 0;
    m->protected_raw = LW_BUF(BEND_BYTES_MAX);
    m->unprotected = LW_BUF(BEND_BYTES_MAX);
    m->claims_raw = LW_BUF(BEND_BYTES_MAX);
    m->payload = LW_BUF(BEND_BYTES_MAX);
    m->signature = LW_BUF(BEND_BYTES_MAX);
    m->shell = LW_BUF(BEND_BYTES_MAX);
    m->tail = LW_BUF(BEND_BYTES_MAX);
    m->key = NULL;
    bend_bytes(&m->shell, "d284");
}

static void soft_key(const char *d, struct hsm_soft_key **key)
{
    LW_AUTO_BUF secret = LW_BUF(32);
    support_hex(d, &secret);
    must(hsm_soft_key_from_secret(secret.ptr, key));
}

void bend_other_key(uint8_t n, struct hsm_soft_key **key)
{
    const uint8_t secret[32] = {[0] = 0x11, [31] = n};
    must(hsm_soft_key_from_secret(secret, key));
}

static void init_cwt(struct bend *b)
{
    struct bend_map *header = &b->cwt.protected;
    bend_set(header, "01", "28");
    bend_set(header, "04", "4852bde1c8f27486e6");
    bend_set(header, "10", "190125");
    struct bend_map *claims = &b->cwt.claims;
    bend_set_int(claims, "04", IAT + LIFE);
    bend_set_int(claims, "06", IAT);
    /* the holder's key of section 12 */
    bend_set(claims, "08",
             "a101a40102200121582011d6bf7f71e9b445e41d1c4c44a0fb730a39f3bd23464d2f40388abe95220eac"
             "22f4");
    bend_set(claims, "0b", "7668747470733a2f2f6c69632e6578616d706c652f646c");
    bend_set(claims, "19ffff",
             "a16b7374617475735f6c697374a26369647819bc5363757269781c68747470733a2f2f73742e6c696365"
             "6e63652e6578616d706c652f37");
    bend_hide(b, "8350 00000000000000000000000000000000 6431323334 02");     /* sub "1234" */
    bend_hide(b, "8350 01010101010101010101010101010101 624c69 3a00011170"); /* family_name */
    bend_hide_and_show(b, "8350 02020202020202020202020202020202 6142 3a00011173"); /* category */
    bend_hide_and_show(b, "8350 03030303030303030303030303030303 d86419584d 3a00011174");
}

void bend_init(struct bend *b)
{
    struct hsm_signer issuer;
    b->hidden = LW_BUF(BEND_BYTES_MAX);
    b->disclosed = LW_BUF(BEND_BYTES_MAX);
    b->disclosed_count = 0;
    b->trust = (struct wallet_trust){.count = 0};
    init_message(&b->cwt);
    init_message(&b->kbt);
    soft_key(issuer_d, &b->cwt.key);
    soft_key(holder_d, &b->kbt.key);
    init_cwt(b);
    bend_set(&b->kbt.protected, "01", "28");
    bend_set(&b->kbt.protected, "10", "190126");
    bend_set(&b->kbt.claims, "03", "6671723a616e79");
    bend_set_int(&b->kbt.claims, "06", BEND_NOW);
    hsm_soft_key_signer(b->cwt.key, &issuer);
    support_trust_add(&b->trust, kid, &issuer.key, BEND_VCT);
    b->expect = (struct wallet_expect){
        .now = BEND_NOW,
        .trust = &b->trust,
        .passive = true,
        .window_past_s = 45,
        .window_ahead_s = 30,
        .skew_s = 20,
        .holder_required = true,
    };
}

static void keep(lw_buf *buf, lw_bytes bytes)
{
    lw_buf_free(buf);
    must(lw_buf_put(buf, bytes));
}

void bend_load(struct bend *b, lw_bytes presentation)
{
    struct wallet_sdkbt kbt;
    bend_init(b);
    must(wallet_sdkbt_parse(presentation, &kbt));
    keep(&b->cwt.protected_raw, kbt.cwt.cose.protected);
    keep(&b->cwt.claims_raw, kbt.cwt.cose.payload);
    lw_buf_free(&b->cwt.signature);
    must(wallet_cbor_put_bytes(&b->cwt.signature, kbt.cwt.cose.signature));
    lw_buf_free(&b->disclosed);
    struct wallet_cbor r = wallet_cbor_reader(kbt.cwt.sd_claims);
    b->disclosed_count = wallet_cbor_array(&r);
    keep(&b->disclosed, (lw_bytes){r.at, (size_t)(r.end - r.at)});
    bend_set_int(&b->kbt.claims, "06", kbt.iat);
}

static void free_map(struct bend_map *map)
{
    for (size_t i = 0; i < map->count; i++) {
        lw_buf_free(&map->entries[i].key);
        lw_buf_free(&map->entries[i].value);
    }
}

static void free_message(struct bend_message *m)
{
    free_map(&m->protected);
    free_map(&m->claims);
    lw_buf_free(&m->protected_raw);
    lw_buf_free(&m->unprotected);
    lw_buf_free(&m->claims_raw);
    lw_buf_free(&m->payload);
    lw_buf_free(&m->signature);
    lw_buf_free(&m->shell);
    lw_buf_free(&m->tail);
    hsm_soft_key_free(m->key);
}

void bend_free(struct bend *b)
{
    free_message(&b->cwt);
    free_message(&b->kbt);
    lw_buf_free(&b->hidden);
    lw_buf_free(&b->disclosed);
}

void bend_challenge(struct bend *b)
{
    static const uint8_t nonce[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    b->expect.aud = LW_STR("qr:gate-7");
    b->expect.nonce = LW_BYTES(nonce);
    b->expect.passive = false;
    bend_set(&b->kbt.claims, "03", "6971723a676174652d37");
    bend_set(&b->kbt.claims, "1827", "500102030405060708090a0b0c0d0e0f10");
}

/* Writes the entries of `map`, and one more, after the first `before`, unless its key is empty. */
static void put_map(const struct bend_map *map, size_t before, lw_bytes key, lw_bytes value,
                    lw_buf *out)
{
    must(wallet_cbor_put_map(out, map->count + (key.len > 0 ? 1 : 0)));
    for (size_t i = 0; i <= map->count; i++) {
        if (i == (before < map->count ? before : map->count)) {
            must(lw_buf_put(out, key));
            must(lw_buf_put(out, value));
        }
        if (i < map->count) {
            must(lw_buf_put(out, lw_buf_view(&map->entries[i].key)));
            must(lw_buf_put(out, lw_buf_view(&map->entries[i].value)));
        }
    }
}

/* Signs and writes one message. `header` and `claims` are what its maps came to. */
static void put_message(const struct bend_message *m, lw_bytes header, lw_bytes unprotected,
                        lw_bytes claims, lw_buf *out)
{
    struct hsm_signer signer;
    const struct wallet_cose_parts parts = {.protected = header, .payload = claims};
    uint8_t digest[32];
    uint8_t sig[HSM_SIG_MAX];
    hsm_soft_key_signer(m->key, &signer);
    must(wallet_cose_sign1_digest(&parts, digest));
    must(signer.sign_digest(signer.ctx, LW_BYTES(digest), sig));
    must(lw_buf_put(out, lw_buf_view(&m->shell)));
    must(wallet_cbor_put_bytes(out, header));
    must(lw_buf_put(out, unprotected));
    if (m->payload.len > 0) {
        must(lw_buf_put(out, lw_buf_view(&m->payload)));
    } else {
        must(wallet_cbor_put_bytes(out, claims));
    }
    if (m->signature.len > 0) {
        must(lw_buf_put(out, lw_buf_view(&m->signature)));
    } else {
        must(wallet_cbor_put_bytes(out, (lw_bytes){sig, HSM_ES256_SIG_LEN}));
    }
    must(lw_buf_put(out, lw_buf_view(&m->tail)));
}

static const lw_bytes none = {.ptr = NULL, .len = 0};

void bend_build_cwt(const struct bend *b, lw_buf *out)
{
    static const uint8_t hidden_key[] = {0xf8, 0x3b};
    static const uint8_t empty_map[] = {0xa0};
    LW_AUTO_BUF header = LW_BUF(BEND_BYTES_MAX);
    LW_AUTO_BUF unprotected = LW_BUF(BEND_BYTES_MAX);
    LW_AUTO_BUF digests = LW_BUF(BEND_BYTES_MAX);
    LW_AUTO_BUF claims = LW_BUF(BEND_BYTES_MAX);
    put_map(&b->cwt.protected, 0, none, none, &header);
    must(wallet_cbor_put_array(&digests, b->hidden.len / 34));
    must(lw_buf_put(&digests, lw_buf_view(&b->hidden)));
    put_map(&b->cwt.claims, BEND_ENTRIES_MAX, b->hidden.len > 0 ? LW_BYTES(hidden_key) : none,
            b->hidden.len > 0 ? lw_buf_view(&digests) : none, &claims);
    if (b->cwt.unprotected.len > 0) {
        must(lw_buf_put(&unprotected, lw_buf_view(&b->cwt.unprotected)));
    } else if (b->disclosed_count == 0) {
        must(lw_buf_put(&unprotected, LW_BYTES(empty_map)));
    } else {
        support_hex("a111", &unprotected);
        must(wallet_cbor_put_array(&unprotected, b->disclosed_count));
        must(lw_buf_put(&unprotected, lw_buf_view(&b->disclosed)));
    }
    const bool raw = b->cwt.claims_raw.len > 0;
    const bool raw_header = b->cwt.protected_raw.len > 0;
    put_message(&b->cwt, lw_buf_view(raw_header ? &b->cwt.protected_raw : &header),
                lw_buf_view(&unprotected), lw_buf_view(raw ? &b->cwt.claims_raw : &claims), out);
}

void bend_build(const struct bend *b, lw_buf *out)
{
    static const uint8_t kcwt[] = {0x0d};
    static const uint8_t empty_map[] = {0xa0};
    LW_AUTO_BUF cwt = LW_BUF(BEND_BYTES_MAX);
    LW_AUTO_BUF header = LW_BUF(BEND_BYTES_MAX);
    LW_AUTO_BUF claims = LW_BUF(BEND_BYTES_MAX);
    bend_build_cwt(b, &cwt);
    put_map(&b->kbt.protected, 1, LW_BYTES(kcwt), lw_buf_view(&cwt), &header);
    put_map(&b->kbt.claims, 0, none, none, &claims);
    const bool raw = b->kbt.claims_raw.len > 0;
    const bool raw_header = b->kbt.protected_raw.len > 0;
    const lw_bytes unprotected =
        b->kbt.unprotected.len > 0 ? lw_buf_view(&b->kbt.unprotected) : LW_BYTES(empty_map);
    put_message(&b->kbt, lw_buf_view(raw_header ? &b->kbt.protected_raw : &header), unprotected,
                lw_buf_view(raw ? &b->kbt.claims_raw : &claims), out);
}
