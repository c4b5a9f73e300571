#include <string.h>

#include "signer.h"

enum { WARM_UP = 200 };

static CK_RV sign_many(struct token *t, CK_OBJECT_HANDLE key, int64_t count)
{
    CK_MECHANISM mechanism = {CKM_ECDSA, NULL, 0};
    CK_BYTE digest[HSM_P256_LEN] = {1};
    CK_BYTE sig[HSM_SIG_MAX];
    CK_RV rv = CKR_OK;
    for (int64_t i = 0; i < count && rv == CKR_OK; i++) {
        CK_ULONG len = sizeof(sig);
        memcpy(digest, &i, sizeof(i));
        rv = t->module->C_SignInit(t->session, &mechanism, key);
        rv = rv == CKR_OK ? t->module->C_Sign(t->session, digest, sizeof(digest), sig, &len) : rv;
    }
    return rv;
}

wire_result signer_bench(struct token *t, const struct signer_config *config,
                         struct hsm_wire *reply)
{
    char label[HSM_LABEL_MAX] = {0};
    const struct token_key *key = NULL;
    if (config->key_label == NULL || strlen(config->key_label) >= sizeof(label)) {
        return HSM_WIRE_WRONG_LENGTH;
    }
    memcpy(label, config->key_label, strlen(config->key_label));
    wire_result result = token_open(t, config);
    result = result == HSM_WIRE_OK ? key_find(t, label, CKO_PRIVATE_KEY, &key) : result;
    if (result != HSM_WIRE_OK) {
        return result;
    }
    t->rv = sign_many(t, key->handle, WARM_UP);
    const int64_t begin = signer_cpu_us();
    t->rv = t->rv == CKR_OK ? sign_many(t, key->handle, config->count) : t->rv;
    const int64_t used = signer_cpu_us() - begin;
    memcpy(reply->data, &config->count, sizeof(config->count));
    memcpy(reply->data + sizeof(config->count), &used, sizeof(used));
    reply->len = sizeof(config->count) + sizeof(used);
    return t->rv == CKR_OK ? HSM_WIRE_OK : HSM_WIRE_TOKEN_FAILED;
}
