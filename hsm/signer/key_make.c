#include <string.h>

#include "hsm/rng.h"
#include "signer.h"

/*
 * A key is made with the id "lw1?purpose", tested, and only then renamed "lw1:purpose", the
 * private half last. A process killed on the way leaves halves that nobody finds and that the
 * next key of that label sweeps away.
 */
enum { SAME_LABEL_MAX = 16 };

static const CK_OBJECT_CLASS classes[] = {CKO_PRIVATE_KEY, CKO_SECRET_KEY, CKO_PUBLIC_KEY};
enum { CLASS_COUNT = sizeof(classes) / sizeof(classes[0]) };

static bool signs(uint8_t purpose)
{
    return purpose > HSM_PURPOSE_NONE && purpose < HSM_PURPOSE_SEAL;
}

static bool wraps(uint8_t purpose)
{
    return purpose == HSM_PURPOSE_SEAL || purpose == HSM_PURPOSE_CUSTODY;
}

static wire_result destroy_object(struct token *t, CK_OBJECT_HANDLE handle)
{
    t->rv = TOKEN_CALL(t, C_DestroyObject(t->session, handle));
    return t->rv == CKR_OK ? HSM_WIRE_OK : HSM_WIRE_TOKEN_FAILED;
}

/* Other programs' objects that happen to have the label are left alone. */
static bool is_ours(struct token *t, CK_OBJECT_HANDLE handle)
{
    uint8_t id[KEY_ID_MAX];
    bool published = false;
    CK_ATTRIBUTE template[] = {{CKA_ID, id, sizeof(id)}};
    const CK_RV rv = TOKEN_CALL(t, C_GetAttributeValue(t->session, handle, template, 1));
    return rv == CKR_OK && key_id_purpose((lw_bytes){.ptr = id, .len = template[0].ulValueLen},
                                          &published) != HSM_PURPOSE_NONE;
}

/* Destroys what we made under `label`, the private half first, so that it signs no more. */
static wire_result sweep(struct token *t, const char label[HSM_LABEL_MAX], size_t *destroyed)
{
    *destroyed = 0;
    key_forget(t, label);
    for (size_t c = 0; c < CLASS_COUNT; c++) {
        CK_OBJECT_HANDLE handles[SAME_LABEL_MAX];
        size_t count = 0;
        wire_result result = key_search(t, classes[c], label, handles, SAME_LABEL_MAX, &count);
        for (size_t i = 0; i < count && result == HSM_WIRE_OK; i++) {
            if (is_ours(t, handles[i])) {
                result = destroy_object(t, handles[i]);
                (*destroyed)++;
            }
        }
        if (result != HSM_WIRE_OK) {
            return result;
        }
    }
    return HSM_WIRE_OK;
}

static wire_result check_free(struct token *t, const char label[HSM_LABEL_MAX])
{
    size_t leftovers = 0;
    for (size_t c = 0; c < CLASS_COUNT && classes[c] != CKO_PUBLIC_KEY; c++) {
        const struct token_key *key = NULL;
        key_forget(t, label);
        const wire_result result = key_find(t, label, classes[c], &key);
        if (result != HSM_WIRE_NO_KEY) {
            return result == HSM_WIRE_OK ? HSM_WIRE_KEY_EXISTS : result;
        }
    }
    return sweep(t, label, &leftovers);
}

static wire_result publish(struct token *t, CK_OBJECT_HANDLE handle, uint8_t purpose)
{
    uint8_t id[KEY_ID_MAX];
    CK_ATTRIBUTE template[] = {{CKA_ID, id, key_id((enum hsm_purpose)purpose, true, id)}};
    t->rv = TOKEN_CALL(t, C_SetAttributeValue(t->session, handle, template, 1));
    return t->rv == CKR_OK ? HSM_WIRE_OK : HSM_WIRE_TOKEN_FAILED;
}

/* A module may ignore what a template asks for; a key that can be read out is no key. */
static bool is_confined(struct token *t, CK_OBJECT_HANDLE handle)
{
    CK_BBOOL sensitive = CK_FALSE;
    CK_BBOOL extractable = CK_TRUE;
    CK_ATTRIBUTE template[] = {
        {CKA_SENSITIVE, &sensitive, sizeof(sensitive)},
        {CKA_EXTRACTABLE, &extractable, sizeof(extractable)},
    };
    const CK_RV rv = TOKEN_CALL(t, C_GetAttributeValue(t->session, handle, template, 2));
    return rv == CKR_OK && sensitive == CK_TRUE && extractable == CK_FALSE;
}

/* Signs random bytes with the private half and checks them with the public one. */
static wire_result sign_test(struct token *t, CK_OBJECT_HANDLE private_key,
                             enum hsm_purpose purpose, const struct hsm_public_key *public_key)
{
    uint8_t digest[HSM_P256_LEN];
    uint8_t sig[HSM_SIG_MAX];
    if (lw_rng_fill(hsm_rng_system(), digest, sizeof(digest)).code != LW_OK ||
        key_sign_digest(t, private_key, purpose, digest, sig) != HSM_WIRE_OK ||
        !is_confined(t, private_key)) {
        return HSM_WIRE_KEY_UNFIT;
    }
    const lw_err err = hsm_verify_digest(public_key, LW_BYTES(digest),
                                         (lw_bytes){.ptr = sig, .len = key_sig_len(purpose)});
    return err.code == LW_OK ? HSM_WIRE_OK : HSM_WIRE_KEY_UNFIT;
}

static wire_result make_pair(struct token *t, const struct hsm_wire *request,
                             CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key)
{
    /* SEC 2: secp256r1. */
    uint8_t curve[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    uint8_t exponent[] = {0x01, 0x00, 0x01};
    CK_ULONG bits = (CK_ULONG)HSM_RSA_LEN * 8;
    uint8_t id[KEY_ID_MAX];
    char label[HSM_LABEL_MAX];
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    const enum hsm_purpose purpose = (enum hsm_purpose)request->purpose;
    const bool rsa = hsm_purpose_alg(purpose) == HSM_RS256;
    CK_MECHANISM mechanism = {rsa ? CKM_RSA_PKCS_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN, NULL, 0};
    const CK_ULONG id_len = key_id(purpose, false, id);
    const CK_ULONG label_len = strlen(request->label);
    memcpy(label, request->label, sizeof(label));
    CK_ATTRIBUTE public_template[] = {
        {CKA_TOKEN, &yes, sizeof(yes)},
        {CKA_PRIVATE, &no, sizeof(no)},
        {CKA_VERIFY, &yes, sizeof(yes)},
        {CKA_LABEL, label, label_len},
        {CKA_ID, id, id_len},
        {CKA_EC_PARAMS, curve, sizeof(curve)},
        {CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent)}, /* RSA's, as is the size */
    };
    CK_ULONG public_count = sizeof(public_template) / sizeof(public_template[0]) - 1;
    if (rsa) {
        public_template[public_count - 1] = (CK_ATTRIBUTE){CKA_MODULUS_BITS, &bits, sizeof(bits)};
        public_count++;
    }
    CK_ATTRIBUTE private_template[] = {
        {CKA_TOKEN, &yes, sizeof(yes)},     {CKA_PRIVATE, &yes, sizeof(yes)},
        {CKA_SENSITIVE, &yes, sizeof(yes)}, {CKA_EXTRACTABLE, &no, sizeof(no)},
        {CKA_SIGN, &yes, sizeof(yes)},      {CKA_DECRYPT, &no, sizeof(no)},
        {CKA_DERIVE, &no, sizeof(no)},      {CKA_UNWRAP, &no, sizeof(no)},
        {CKA_LABEL, label, label_len},      {CKA_ID, id, id_len},
    };
    t->rv = TOKEN_CALL(t, C_GenerateKeyPair(t->session, &mechanism, public_template, public_count,
                                            private_template,
                                            sizeof(private_template) / sizeof(private_template[0]),
                                            public_key, private_key));
    return t->rv == CKR_OK ? HSM_WIRE_OK : HSM_WIRE_TOKEN_FAILED;
}

/* Ends the making of a key: what is not whole goes away again. */
static wire_result keep_or_sweep(struct token *t, const struct hsm_wire *request,
                                 struct timespec since, wire_result result)
{
    if (result == HSM_WIRE_OK) {
        token_sync(t, since);
        return result;
    }
    size_t swept = 0;
    if (key_recover(t, request->label) == HSM_WIRE_GONE) {
        return HSM_WIRE_GONE;
    }
    const CK_RV rv = t->rv;
    (void)sweep(t, request->label, &swept);
    t->rv = rv;
    return result;
}

wire_result key_generate(struct token *t, const struct hsm_wire *request, struct hsm_wire *reply)
{
    CK_OBJECT_HANDLE public_key = CK_INVALID_HANDLE;
    CK_OBJECT_HANDLE private_key = CK_INVALID_HANDLE;
    struct hsm_public_key point = {0};
    const enum hsm_purpose purpose = (enum hsm_purpose)request->purpose;
    if (!signs(request->purpose)) {
        return HSM_WIRE_WRONG_PURPOSE;
    }
    const struct timespec since = token_newest(t);
    wire_result result = check_free(t, request->label);
    if (result != HSM_WIRE_OK) {
        return result;
    }
    result = make_pair(t, request, &public_key, &private_key);
    result = result == HSM_WIRE_OK ? key_public_half(t, public_key, purpose, &point) : result;
    result = result == HSM_WIRE_OK ? sign_test(t, private_key, purpose, &point) : result;
    result = result == HSM_WIRE_OK ? publish(t, public_key, request->purpose) : result;
    result = result == HSM_WIRE_OK ? publish(t, private_key, request->purpose) : result;
    memcpy(reply->data, point.point, result == HSM_WIRE_OK ? point.point_len : 0);
    reply->len = result == HSM_WIRE_OK ? point.point_len : 0;
    reply->purpose = request->purpose;
    return keep_or_sweep(t, request, since, result);
}

static wire_result make_secret(struct token *t, const struct hsm_wire *request,
                               CK_OBJECT_HANDLE *handle)
{
    uint8_t id[KEY_ID_MAX];
    char label[HSM_LABEL_MAX];
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_ULONG key_len = 32;
    CK_MECHANISM mechanism = {CKM_AES_KEY_GEN, NULL, 0};
    /* What a custody key wraps must not be decrypted into plain bytes. */
    CK_BBOOL crypts = request->purpose == HSM_PURPOSE_SEAL ? CK_TRUE : CK_FALSE;
    const CK_ULONG id_len = key_id((enum hsm_purpose)request->purpose, false, id);
    memcpy(label, request->label, sizeof(label));
    CK_ATTRIBUTE template[] = {
        {CKA_TOKEN, &yes, sizeof(yes)},
        {CKA_PRIVATE, &yes, sizeof(yes)},
        {CKA_SENSITIVE, &yes, sizeof(yes)},
        {CKA_EXTRACTABLE, &no, sizeof(no)},
        {CKA_ENCRYPT, &crypts, sizeof(crypts)},
        {CKA_DECRYPT, &crypts, sizeof(crypts)},
        {CKA_WRAP, &yes, sizeof(yes)},
        {CKA_UNWRAP, &yes, sizeof(yes)},
        {CKA_SIGN, &no, sizeof(no)},
        {CKA_DERIVE, &no, sizeof(no)},
        {CKA_VALUE_LEN, &key_len, sizeof(key_len)},
        {CKA_LABEL, label, strlen(request->label)},
        {CKA_ID, id, id_len},
    };
    t->rv = TOKEN_CALL(t, C_GenerateKey(t->session, &mechanism, template,
                                        sizeof(template) / sizeof(template[0]), handle));
    return t->rv == CKR_OK ? HSM_WIRE_OK : HSM_WIRE_TOKEN_FAILED;
}

wire_result key_generate_wrap(struct token *t, const struct hsm_wire *request)
{
    CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
    if (!wraps(request->purpose)) {
        return HSM_WIRE_WRONG_PURPOSE;
    }
    const struct timespec since = token_newest(t);
    wire_result result = check_free(t, request->label);
    if (result != HSM_WIRE_OK) {
        return result;
    }
    result = make_secret(t, request, &handle);
    if (result == HSM_WIRE_OK && !is_confined(t, handle)) {
        result = HSM_WIRE_KEY_UNFIT;
    }
    if (result == HSM_WIRE_OK) {
        struct token_key key = {.handle = handle, .purpose = (enum hsm_purpose)request->purpose};
        memcpy(key.label, request->label, sizeof(key.label));
        result = key_wrap_test(t, &key);
    }
    result = result == HSM_WIRE_OK ? publish(t, handle, request->purpose) : result;
    return keep_or_sweep(t, request, since, result);
}

wire_result key_destroy(struct token *t, const struct hsm_wire *request)
{
    size_t destroyed = 0;
    const struct token_key *key = NULL;
    const struct timespec since = token_newest(t);
    key_forget(t, request->label);
    wire_result result = key_find(t, request->label, CKO_PRIVATE_KEY, &key);
    if (result == HSM_WIRE_NO_KEY) {
        result = key_find(t, request->label, CKO_SECRET_KEY, &key);
    }
    result = result == HSM_WIRE_OK ? sweep(t, request->label, &destroyed) : result;
    if (result == HSM_WIRE_OK) {
        token_sync(t, since);
    }
    return result;
}
