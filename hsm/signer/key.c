#include <string.h>

#include "signer.h"

/* CKA_ID keeps what a key is for: "lw1:" and the purpose's name once published, "lw1?" before. */
static const char id_published[] = "lw1:";
static const char id_pending[] = "lw1?";
/* RFC 8017 section 9.2, note 1: what stands before a SHA-256 digest that RSA signs. */
static const uint8_t digest_info[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                      0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
enum { ID_PREFIX_LEN = sizeof(id_published) - 1, P256_POINT_LEN = 65 };

/* SEC 2: secp256r1, as CKA_EC_PARAMS holds it. */
static const uint8_t p256_oid[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};

size_t key_id(enum hsm_purpose purpose, bool published, uint8_t id[KEY_ID_MAX])
{
    const char *name = hsm_purpose_name(purpose);
    const size_t len = strlen(name);
    memcpy(id, published ? id_published : id_pending, ID_PREFIX_LEN);
    memcpy(id + ID_PREFIX_LEN, name, len + 1);
    return ID_PREFIX_LEN + len;
}

enum hsm_purpose key_id_purpose(lw_bytes id, bool *published)
{
    for (int p = HSM_PURPOSE_CA; p <= HSM_PURPOSE_HOLDER; p++) {
        for (int state = 0; state < 2; state++) {
            uint8_t want[KEY_ID_MAX];
            const size_t len = key_id((enum hsm_purpose)p, state == 1, want);
            if (lw_bytes_eq(id, (lw_bytes){.ptr = want, .len = len})) {
                *published = state == 1;
                return (enum hsm_purpose)p;
            }
        }
    }
    return HSM_PURPOSE_NONE;
}

static struct token_key *slot_of(struct key_cache *cache, const char label[HSM_LABEL_MAX])
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < HSM_LABEL_MAX && label[i] != 0; i++) {
        hash = (hash ^ (uint8_t)label[i]) * 16777619u;
    }
    size_t at = hash % KEY_SLOTS;
    while (cache->slots[at].label[0] != 0 &&
           strncmp(cache->slots[at].label, label, HSM_LABEL_MAX) != 0) {
        at = (at + 1) % KEY_SLOTS;
    }
    return &cache->slots[at];
}

void key_forget_all(struct token *t)
{
    memset(&t->cache, 0, sizeof(t->cache));
}

void key_forget(struct token *t, const char label[HSM_LABEL_MAX])
{
    struct token_key *slot = slot_of(&t->cache, label);
    slot->handle = CK_INVALID_HANDLE; /* the slot stays, so that later ones are still reached */
}

wire_result key_recover(struct token *t, const char label[HSM_LABEL_MAX])
{
    const CK_RV rv = t->rv;
    key_forget(t, label);
    const wire_result result = token_recover(t, rv);
    t->rv = rv;
    return result;
}

wire_result key_search(struct token *t, CK_OBJECT_CLASS class, const char *label,
                       CK_OBJECT_HANDLE *handles, size_t max, size_t *count)
{
    CK_BBOOL yes = CK_TRUE;
    char text[HSM_LABEL_MAX];
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &class, sizeof(class)},
        {CKA_TOKEN, &yes, sizeof(yes)},
        {CKA_LABEL, text, 0},
    };
    if (label != NULL) {
        memcpy(text, label, sizeof(text));
        template[2].ulValueLen = strlen(text);
    }
    CK_ULONG found = 0;
    t->rv = TOKEN_CALL(t, C_FindObjectsInit(t->session, template, label == NULL ? 2 : 3));
    if (t->rv != CKR_OK) {
        return HSM_WIRE_TOKEN_FAILED;
    }
    t->rv = TOKEN_CALL(t, C_FindObjects(t->session, handles, max, &found));
    const CK_RV final = TOKEN_CALL(t, C_FindObjectsFinal(t->session));
    t->rv = t->rv == CKR_OK ? final : t->rv;
    *count = found;
    return t->rv == CKR_OK ? HSM_WIRE_OK : HSM_WIRE_TOKEN_FAILED;
}

bool key_describe(struct token *t, CK_OBJECT_HANDLE handle, struct token_key *key)
{
    uint8_t id[KEY_ID_MAX];
    bool published = false;
    *key = (struct token_key){.handle = handle};
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &key->class, sizeof(key->class)},
        {CKA_LABEL, key->label, HSM_LABEL_MAX - 1},
        {CKA_ID, id, sizeof(id)},
    };
    /* Too long a label or id is another program's key, not an error. */
    const CK_RV rv = TOKEN_CALL(t, C_GetAttributeValue(t->session, handle, template, 3));
    if (rv != CKR_OK) {
        return false;
    }
    key->label[template[1].ulValueLen] = 0;
    key->purpose = key_id_purpose((lw_bytes){.ptr = id, .len = template[2].ulValueLen}, &published);
    return published && key->label[0] != 0;
}

static wire_result look_up(struct token *t, const char label[HSM_LABEL_MAX], CK_OBJECT_CLASS class,
                           struct token_key *key)
{
    enum { SAME_LABEL_MAX = 8 };
    CK_OBJECT_HANDLE handles[SAME_LABEL_MAX];
    size_t count = 0;
    const wire_result result = key_search(t, class, label, handles, SAME_LABEL_MAX, &count);
    if (result != HSM_WIRE_OK) {
        return result;
    }
    for (size_t i = 0; i < count; i++) {
        if (key_describe(t, handles[i], key)) {
            return HSM_WIRE_OK;
        }
    }
    return HSM_WIRE_NO_KEY;
}

wire_result key_find(struct token *t, const char label[HSM_LABEL_MAX], CK_OBJECT_CLASS class,
                     const struct token_key **key)
{
    struct token_key *slot = slot_of(&t->cache, label);
    if (slot->label[0] != 0 && slot->handle != CK_INVALID_HANDLE && slot->class == class) {
        *key = slot;
        return HSM_WIRE_OK;
    }
    struct token_key found;
    const wire_result result = look_up(t, label, class, &found);
    if (result != HSM_WIRE_OK) {
        return result;
    }
    if (slot->label[0] == 0) {
        if (t->cache.used >= KEY_SLOTS_USED_MAX) {
            key_forget_all(t);
            slot = slot_of(&t->cache, label);
        }
        t->cache.used++;
    }
    *slot = found;
    *key = slot;
    return HSM_WIRE_OK;
}

static wire_result read_modulus(struct token *t, CK_OBJECT_HANDLE handle,
                                struct hsm_public_key *key)
{
    uint8_t n[HSM_RSA_LEN];
    uint8_t e[8];
    CK_ATTRIBUTE template[] = {
        {CKA_MODULUS, n, sizeof(n)},
        {CKA_PUBLIC_EXPONENT, e, sizeof(e)},
    };
    t->rv = TOKEN_CALL(t, C_GetAttributeValue(t->session, handle, template, 2));
    if (t->rv != CKR_OK) {
        return HSM_WIRE_TOKEN_FAILED;
    }
    const lw_err err = hsm_public_key_from_rsa(key, (lw_bytes){n, template[0].ulValueLen},
                                               (lw_bytes){e, template[1].ulValueLen});
    return err.code == LW_OK ? HSM_WIRE_OK : HSM_WIRE_TOKEN_FAILED;
}

static wire_result read_point(struct token *t, CK_OBJECT_HANDLE handle, struct hsm_public_key *key)
{
    uint8_t params[sizeof(p256_oid)];
    uint8_t point[2 + P256_POINT_LEN];
    CK_ATTRIBUTE template[] = {
        {CKA_EC_PARAMS, params, sizeof(params)},
        {CKA_EC_POINT, point, sizeof(point)},
    };
    t->rv = TOKEN_CALL(t, C_GetAttributeValue(t->session, handle, template, 2));
    if (t->rv != CKR_OK || template[0].ulValueLen != sizeof(p256_oid) ||
        memcmp(params, p256_oid, sizeof(p256_oid)) != 0) {
        return HSM_WIRE_TOKEN_FAILED;
    }
    /* PKCS #11 v2.40 section 2.3.3: the point in an OCTET STRING; some modules give it bare. */
    lw_bytes bare = {.ptr = point, .len = template[1].ulValueLen};
    if (bare.len == sizeof(point) && point[0] == 0x04 && point[1] == P256_POINT_LEN) {
        bare = (lw_bytes){.ptr = point + 2, .len = P256_POINT_LEN};
    }
    const lw_err err = hsm_public_key_from_point(key, HSM_ES256, bare);
    return err.code == LW_OK ? HSM_WIRE_OK : HSM_WIRE_TOKEN_FAILED;
}

wire_result key_public_half(struct token *t, CK_OBJECT_HANDLE handle, enum hsm_purpose purpose,
                            struct hsm_public_key *key)
{
    return hsm_purpose_alg(purpose) == HSM_RS256 ? read_modulus(t, handle, key)
                                                 : read_point(t, handle, key);
}

wire_result key_public(struct token *t, const struct hsm_wire *request, struct hsm_wire *reply)
{
    const struct token_key *key = NULL;
    CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
    struct hsm_public_key found = {0};
    size_t count = 0;
    wire_result result = key_find(t, request->label, CKO_PRIVATE_KEY, &key);
    if (result != HSM_WIRE_OK) {
        return result;
    }
    reply->purpose = (uint8_t)key->purpose;
    result = key_search(t, CKO_PUBLIC_KEY, request->label, &handle, 1, &count);
    if (result == HSM_WIRE_OK && count == 0) {
        return HSM_WIRE_NO_KEY;
    }
    result = result == HSM_WIRE_OK
                 ? key_public_half(t, handle, (enum hsm_purpose)reply->purpose, &found)
                 : result;
    memcpy(reply->data, found.point, found.point_len);
    reply->len = found.point_len;
    return result;
}

wire_result key_sign_digest(struct token *t, CK_OBJECT_HANDLE handle, enum hsm_purpose purpose,
                            const uint8_t digest[HSM_P256_LEN], uint8_t sig[HSM_SIG_MAX])
{
    const bool rsa = hsm_purpose_alg(purpose) == HSM_RS256;
    const size_t before = rsa ? sizeof(digest_info) : 0;
    CK_MECHANISM mechanism = {rsa ? CKM_RSA_PKCS : CKM_ECDSA, NULL, 0};
    CK_BYTE message[sizeof(digest_info) + HSM_P256_LEN];
    CK_ULONG len = HSM_SIG_MAX;
    memcpy(message, digest_info, before);
    memcpy(message + before, digest, HSM_P256_LEN);
    t->rv = TOKEN_CALL(t, C_SignInit(t->session, &mechanism, handle));
    if (t->rv != CKR_OK) {
        return HSM_WIRE_TOKEN_FAILED;
    }
    t->rv = TOKEN_CALL(t, C_Sign(t->session, message, before + HSM_P256_LEN, sig, &len));
    if (t->rv == CKR_OK && len != key_sig_len(purpose)) {
        t->rv = CKR_FUNCTION_FAILED; /* a signature cut short is none */
    }
    return t->rv == CKR_OK ? HSM_WIRE_OK : HSM_WIRE_TOKEN_FAILED;
}

static wire_result sign_once(struct token *t, const struct hsm_wire *request,
                             const struct token_key *key, struct hsm_wire *reply)
{
    const wire_result result =
        key_sign_digest(t, key->handle, key->purpose, request->data, reply->data);
    reply->len = result == HSM_WIRE_OK ? key_sig_len(key->purpose) : 0;
    return result;
}

wire_result key_sign(struct token *t, const struct hsm_wire *request, struct hsm_wire *reply)
{
    wire_result result = HSM_WIRE_OK;
    if (request->len != HSM_P256_LEN) {
        return HSM_WIRE_WRONG_LENGTH;
    }
    for (int attempt = 0; attempt < 2; attempt++) {
        const struct token_key *key = NULL;
        result = key_find(t, request->label, CKO_PRIVATE_KEY, &key);
        if (result == HSM_WIRE_OK && key->purpose != (enum hsm_purpose)request->purpose) {
            return HSM_WIRE_WRONG_PURPOSE;
        }
        result = result == HSM_WIRE_OK ? sign_once(t, request, key, reply) : result;
        if (result != HSM_WIRE_TOKEN_FAILED) {
            return result;
        }
        if (key_recover(t, request->label) == HSM_WIRE_GONE) {
            return HSM_WIRE_GONE;
        }
    }
    return result;
}
