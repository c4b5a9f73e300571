#define _DEFAULT_SOURCE /* explicit_bzero */

#include <string.h>

#include "hsm/digest.h"
#include "signer.h"

/* The first byte of what is wrapped: how. */
enum { FORM_GCM = 1, FORM_KEY_WRAP = 2 };
enum { SECRET_LEN = 32, NONCE_LEN = 12, NONCE_BITS = 96, TAG_LEN = 16, TAG_BITS = 128 };
enum { GCM_LEN = 1 + NONCE_LEN + SECRET_LEN + TAG_LEN }; /* form, nonce, ciphertext, tag */
enum { KEY_WRAP_LEN = 1 + 8 + SECRET_LEN };              /* form, RFC 5649 block and secret */

struct gcm {
    CK_GCM_PARAMS params;
    CK_MECHANISM mechanism;
};

/* NIST SP 800-38D section 8.2.2: a random nonce of 96 bits. */
static void gcm_init(struct gcm *gcm, CK_BYTE nonce[NONCE_LEN])
{
    gcm->params = (CK_GCM_PARAMS){
        .pIv = nonce,
        .ulIvLen = NONCE_LEN,
        .ulIvBits = NONCE_BITS,
        .ulTagBits = TAG_BITS,
    };
    gcm->mechanism = (CK_MECHANISM){CKM_AES_GCM, &gcm->params, sizeof(gcm->params)};
}

static bool has_mechanism(struct token *t, CK_MECHANISM_TYPE type, CK_FLAGS use)
{
    CK_MECHANISM_INFO info;
    const CK_RV rv = TOKEN_CALL(t, C_GetMechanismInfo(t->slot, type, &info));
    return rv == CKR_OK && (info.flags & use) != 0;
}

static wire_result wrap_gcm(struct token *t, const struct token_key *key,
                            const uint8_t secret[SECRET_LEN], uint8_t wrapped[GCM_LEN])
{
    struct gcm gcm;
    CK_BYTE plain[SECRET_LEN];
    CK_ULONG len = SECRET_LEN + TAG_LEN;
    wrapped[0] = FORM_GCM;
    t->rv = TOKEN_CALL(t, C_GenerateRandom(t->session, wrapped + 1, NONCE_LEN));
    gcm_init(&gcm, wrapped + 1);
    if (t->rv == CKR_OK) {
        t->rv = TOKEN_CALL(t, C_EncryptInit(t->session, &gcm.mechanism, key->handle));
    }
    if (t->rv == CKR_OK) {
        memcpy(plain, secret, SECRET_LEN);
        t->rv =
            TOKEN_CALL(t, C_Encrypt(t->session, plain, SECRET_LEN, wrapped + 1 + NONCE_LEN, &len));
        explicit_bzero(plain, sizeof(plain));
    }
    if (t->rv == CKR_OK && len != SECRET_LEN + TAG_LEN) {
        t->rv = CKR_FUNCTION_FAILED;
    }
    return t->rv == CKR_OK ? HSM_WIRE_OK : HSM_WIRE_TOKEN_FAILED;
}

static wire_result unwrap_gcm(struct token *t, const struct token_key *key,
                              const uint8_t wrapped[GCM_LEN], uint8_t secret[SECRET_LEN])
{
    struct gcm gcm;
    CK_BYTE sealed[GCM_LEN];
    CK_BYTE plain[SECRET_LEN + TAG_LEN];
    CK_ULONG len = sizeof(plain);
    memcpy(sealed, wrapped, GCM_LEN);
    gcm_init(&gcm, sealed + 1);
    t->rv = TOKEN_CALL(t, C_DecryptInit(t->session, &gcm.mechanism, key->handle));
    if (t->rv != CKR_OK) {
        return HSM_WIRE_TOKEN_FAILED;
    }
    t->rv = TOKEN_CALL(
        t, C_Decrypt(t->session, sealed + 1 + NONCE_LEN, SECRET_LEN + TAG_LEN, plain, &len));
    const bool whole = t->rv == CKR_OK && len == SECRET_LEN;
    if (whole) {
        memcpy(secret, plain, SECRET_LEN);
    }
    explicit_bzero(plain, sizeof(plain));
    return whole ? HSM_WIRE_OK : HSM_WIRE_ALTERED;
}

static wire_result make_session_secret(struct token *t, const uint8_t secret[SECRET_LEN],
                                       CK_OBJECT_HANDLE *handle)
{
    CK_BYTE value[SECRET_LEN];
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &class, sizeof(class)},   {CKA_KEY_TYPE, &type, sizeof(type)},
        {CKA_TOKEN, &no, sizeof(no)},         {CKA_SENSITIVE, &no, sizeof(no)},
        {CKA_EXTRACTABLE, &yes, sizeof(yes)}, {CKA_VALUE, value, sizeof(value)},
    };
    memcpy(value, secret, sizeof(value));
    t->rv = TOKEN_CALL(t, C_CreateObject(t->session, template, 6, handle));
    explicit_bzero(value, sizeof(value));
    return t->rv == CKR_OK ? HSM_WIRE_OK : HSM_WIRE_TOKEN_FAILED;
}

static wire_result wrap_key_wrap(struct token *t, const struct token_key *key,
                                 const uint8_t secret[SECRET_LEN], uint8_t wrapped[KEY_WRAP_LEN])
{
    CK_MECHANISM mechanism = {CKM_AES_KEY_WRAP_PAD, NULL, 0};
    CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
    CK_ULONG len = KEY_WRAP_LEN - 1;
    wrapped[0] = FORM_KEY_WRAP;
    const wire_result result = make_session_secret(t, secret, &handle);
    if (result != HSM_WIRE_OK) {
        return result;
    }
    t->rv =
        TOKEN_CALL(t, C_WrapKey(t->session, &mechanism, key->handle, handle, wrapped + 1, &len));
    (void)TOKEN_CALL(t, C_DestroyObject(t->session, handle));
    if (t->rv == CKR_OK && len != KEY_WRAP_LEN - 1) {
        t->rv = CKR_FUNCTION_FAILED;
    }
    return t->rv == CKR_OK ? HSM_WIRE_OK : HSM_WIRE_TOKEN_FAILED;
}

static wire_result unwrap_key_wrap(struct token *t, const struct token_key *key,
                                   const uint8_t wrapped[KEY_WRAP_LEN], uint8_t secret[SECRET_LEN])
{
    CK_BYTE sealed[KEY_WRAP_LEN];
    CK_MECHANISM mechanism = {CKM_AES_KEY_WRAP_PAD, NULL, 0};
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &class, sizeof(class)},   {CKA_KEY_TYPE, &type, sizeof(type)},
        {CKA_TOKEN, &no, sizeof(no)},         {CKA_SENSITIVE, &no, sizeof(no)},
        {CKA_EXTRACTABLE, &yes, sizeof(yes)},
    };
    CK_ATTRIBUTE value[] = {{CKA_VALUE, secret, SECRET_LEN}};
    memcpy(sealed, wrapped, sizeof(sealed));
    t->rv = TOKEN_CALL(t, C_UnwrapKey(t->session, &mechanism, key->handle, sealed + 1,
                                      sizeof(sealed) - 1, template, 5, &handle));
    if (t->rv != CKR_OK) {
        return HSM_WIRE_ALTERED;
    }
    t->rv = TOKEN_CALL(t, C_GetAttributeValue(t->session, handle, value, 1));
    const CK_RV rv = t->rv;
    (void)TOKEN_CALL(t, C_DestroyObject(t->session, handle));
    return rv == CKR_OK && value[0].ulValueLen == SECRET_LEN ? HSM_WIRE_OK : HSM_WIRE_ALTERED;
}

static wire_result wrap_best(struct token *t, const struct token_key *key,
                             const uint8_t secret[SECRET_LEN], uint8_t *wrapped, uint16_t *len)
{
    if (key->purpose == HSM_PURPOSE_SEAL && has_mechanism(t, CKM_AES_GCM, CKF_ENCRYPT)) {
        *len = GCM_LEN;
        return wrap_gcm(t, key, secret, wrapped);
    }
    if (has_mechanism(t, CKM_AES_KEY_WRAP_PAD, CKF_WRAP)) {
        *len = KEY_WRAP_LEN;
        return wrap_key_wrap(t, key, secret, wrapped);
    }
    return HSM_WIRE_NO_MECHANISM;
}

static wire_result unwrap_any(struct token *t, const struct token_key *key, lw_bytes wrapped,
                              uint8_t secret[SECRET_LEN])
{
    if (wrapped.len == GCM_LEN && wrapped.ptr[0] == FORM_GCM) {
        return unwrap_gcm(t, key, wrapped.ptr, secret);
    }
    if (wrapped.len == KEY_WRAP_LEN && wrapped.ptr[0] == FORM_KEY_WRAP) {
        return unwrap_key_wrap(t, key, wrapped.ptr, secret);
    }
    return HSM_WIRE_ALTERED;
}

wire_result key_wrap_test(struct token *t, const struct token_key *key)
{
    static const uint8_t secret[SECRET_LEN] = {1, 2, 3};
    uint8_t wrapped[HSM_WRAP_MAX];
    uint8_t back[SECRET_LEN] = {0};
    uint16_t len = 0;
    const wire_result result = wrap_best(t, key, secret, wrapped, &len);
    if (result != HSM_WIRE_OK) {
        return result;
    }
    const bool same = unwrap_any(t, key, (lw_bytes){wrapped, len}, back) == HSM_WIRE_OK &&
                      hsm_equal(LW_BYTES(back), LW_BYTES(secret));
    return same ? HSM_WIRE_OK : HSM_WIRE_KEY_UNFIT;
}

/* Only a seal key releases what it wraps. */
static wire_result find_seal(struct token *t, const struct hsm_wire *request,
                             const struct token_key **key)
{
    const wire_result result = key_find(t, request->label, CKO_SECRET_KEY, key);
    return result == HSM_WIRE_OK && (*key)->purpose != HSM_PURPOSE_SEAL ? HSM_WIRE_WRONG_PURPOSE
                                                                        : result;
}

wire_result key_wrap(struct token *t, const struct hsm_wire *request, struct hsm_wire *reply)
{
    wire_result result = HSM_WIRE_TOKEN_FAILED;
    if (request->len != SECRET_LEN) {
        return HSM_WIRE_WRONG_LENGTH;
    }
    for (int attempt = 0; attempt < 2 && result == HSM_WIRE_TOKEN_FAILED; attempt++) {
        const struct token_key *key = NULL;
        result = find_seal(t, request, &key);
        result = result == HSM_WIRE_OK ? wrap_best(t, key, request->data, reply->data, &reply->len)
                                       : result;
        if (result == HSM_WIRE_TOKEN_FAILED && key_recover(t, request->label) == HSM_WIRE_GONE) {
            return HSM_WIRE_GONE;
        }
    }
    return result;
}

/*
 * Modules say "general error" for an altered text as for a broken device (SoftHSM does), so a
 * refusal is believed only once the same key has opened a test of its own.
 */
static wire_result confirm_altered(struct token *t, const struct hsm_wire *request)
{
    const struct token_key *key = NULL;
    if (key_recover(t, request->label) == HSM_WIRE_GONE) {
        return HSM_WIRE_GONE;
    }
    wire_result result = find_seal(t, request, &key);
    result = result == HSM_WIRE_OK ? key_wrap_test(t, key) : result;
    return result == HSM_WIRE_OK ? HSM_WIRE_ALTERED : HSM_WIRE_TOKEN_FAILED;
}

wire_result key_unwrap(struct token *t, const struct hsm_wire *request, struct hsm_wire *reply)
{
    const lw_bytes wrapped = {.ptr = request->data, .len = request->len};
    wire_result result = HSM_WIRE_TOKEN_FAILED;
    for (int attempt = 0; attempt < 2 && result == HSM_WIRE_TOKEN_FAILED; attempt++) {
        const struct token_key *key = NULL;
        t->rv = CKR_OK;
        result = find_seal(t, request, &key);
        result = result == HSM_WIRE_OK ? unwrap_any(t, key, wrapped, reply->data) : result;
        if (result == HSM_WIRE_ALTERED && t->rv != CKR_OK) {
            return confirm_altered(t, request);
        }
        if (result == HSM_WIRE_TOKEN_FAILED && key_recover(t, request->label) == HSM_WIRE_GONE) {
            return HSM_WIRE_GONE;
        }
    }
    reply->len = result == HSM_WIRE_OK ? SECRET_LEN : 0;
    return result;
}
