#include "context.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <pthread.h>
#include <stdlib.h>

static _Thread_local struct hsm_context *current;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t at_thread_end;
static bool have_key;

static void context_free(struct hsm_context *c)
{
    for (size_t i = 0; i < HSM_HASH_COUNT; i++) {
        EVP_MD_CTX_free(c->digest[i]);
        EVP_MD_free(c->md[i]);
    }
    EVP_MAC_CTX_free(c->hmac);
    EVP_CIPHER_CTX_free(c->cipher);
    EVP_CIPHER_free(c->gcm);
    for (size_t i = 0; i < HSM_ALG_COUNT; i++) {
        hsm_ec_free(c->ec[i]);
    }
    free(c);
}

static void end_of_thread(void *value)
{
    current = NULL;
    context_free(value);
}

static void make_key(void)
{
    have_key = pthread_key_create(&at_thread_end, end_of_thread) == 0;
}

static bool make_hmac(struct hsm_context *c)
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    c->hmac = mac == NULL ? NULL : EVP_MAC_CTX_new(mac);
    EVP_MAC_free(mac); /* the context holds its own reference */
    char hash[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, hash, 0),
        OSSL_PARAM_construct_end(),
    };
    return c->hmac != NULL && EVP_MAC_CTX_set_params(c->hmac, params) == 1;
}

static bool make_all(struct hsm_context *c)
{
    static const char *const hashes[HSM_HASH_COUNT] = {"SHA256", "SHA384"};
    for (size_t i = 0; i < HSM_HASH_COUNT; i++) {
        c->md[i] = EVP_MD_fetch(NULL, hashes[i], NULL);
        c->digest[i] = EVP_MD_CTX_new();
        if (c->md[i] == NULL || c->digest[i] == NULL) {
            return false;
        }
    }
    for (size_t i = 0; i < HSM_ALG_COUNT; i++) {
        const struct hsm_algorithm *row = hsm_algorithm((enum hsm_alg)i);
        if (row != NULL && row->curve != NULL) {
            c->ec[i] = hsm_ec_new(row);
            if (c->ec[i] == NULL) {
                return false;
            }
        }
    }
    c->gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    c->cipher = EVP_CIPHER_CTX_new();
    return c->gcm != NULL && c->cipher != NULL && make_hmac(c);
}

lw_err hsm_context(struct hsm_context **ctx)
{
    if (current != NULL) {
        *ctx = current;
        return LW_SUCCESS;
    }
    (void)pthread_once(&once, make_key);
    struct hsm_context *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return LW_FAIL(LW_E_NOMEM, "crypto: out of memory", LW_NOWHERE);
    }
    if (!have_key || !make_all(made) || pthread_setspecific(at_thread_end, made) != 0) {
        context_free(made);
        return LW_FAIL(LW_E_CRYPTO, "crypto: an algorithm cannot be loaded", LW_NOWHERE);
    }
    current = made;
    *ctx = made;
    return LW_SUCCESS;
}
