/* P-256 public keys in PEM: a fixed head before the point, so that one spelling is read. */
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "auto.h"
#include "hsm/envelope.h"

enum { POINT_LEN = HSM_ENVELOPE_POINT_LEN };

HSM_AUTO_FREE(bio, BIO, BIO_free_all)

/* RFC 5480 section 2: SEQUENCE { { id-ecPublicKey, secp256r1 }, BIT STRING of 65 bytes }. */
static const uint8_t head[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                               0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                               0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};

static lw_err parse(lw_bytes der, struct hsm_public_key *key)
{
    if (der.len != sizeof(head) + POINT_LEN || memcmp(der.ptr, head, sizeof(head)) != 0) {
        return LW_FAIL(LW_E_UNSUPPORTED, "public key: not an uncompressed key of P-256",
                       LW_NOWHERE);
    }
    return hsm_public_key_from_point(key, HSM_ES256,
                                     (lw_bytes){.ptr = der.ptr + sizeof(head), .len = POINT_LEN});
}

/* What stands around the block would be ignored, and might be another key. */
static bool is_alone(lw_bytes pem)
{
    static const char begin[] = "-----BEGIN PUBLIC KEY-----\n";
    static const char end[] = "-----END PUBLIC KEY-----\n";
    return pem.len > sizeof(begin) + sizeof(end) && pem.len <= HSM_PEM_PUBLIC_MAX &&
           memcmp(pem.ptr, begin, sizeof(begin) - 1) == 0 &&
           memcmp(pem.ptr + pem.len - (sizeof(end) - 1), end, sizeof(end) - 1) == 0;
}

lw_err hsm_pem_public_read(lw_bytes pem, struct hsm_public_key *key)
{
    static const lw_err none = {
        .code = LW_E_SYNTAX, .why = "public key: no single public key in PEM", .at = LW_NOWHERE};
    char *label = NULL;
    char *header = NULL;
    uint8_t *der = NULL;
    long len = 0;
    if (!is_alone(pem)) {
        return none;
    }
    HSM_AUTO(bio) BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    if (bio == NULL) {
        return LW_FAIL(LW_E_NOMEM, "public key: out of memory", LW_NOWHERE);
    }
    const bool read = PEM_read_bio(bio, &label, &header, &der, &len) == 1 && header[0] == '\0' &&
                      BIO_pending(bio) == 0;
    const lw_err err = read ? parse((lw_bytes){.ptr = der, .len = (size_t)len}, key) : none;
    OPENSSL_free(label);
    OPENSSL_free(header);
    OPENSSL_free(der);
    ERR_clear_error();
    return err;
}

lw_err hsm_pem_public_write(const struct hsm_public_key *key, lw_buf *pem)
{
    uint8_t der[sizeof(head) + POINT_LEN];
    char *text = NULL;
    if (key->alg != HSM_ES256) {
        return LW_FAIL(LW_E_UNSUPPORTED, "public key: not a key of P-256", LW_NOWHERE);
    }
    memcpy(der, head, sizeof(head));
    memcpy(der + sizeof(head), key->point, POINT_LEN);
    HSM_AUTO(bio) BIO *bio = BIO_new(BIO_s_mem());
    if (bio == NULL || PEM_write_bio(bio, PEM_STRING_PUBLIC, "", der, (long)sizeof(der)) <= 0) {
        ERR_clear_error();
        return LW_FAIL(LW_E_CRYPTO, "public key: it cannot be written as PEM", LW_NOWHERE);
    }
    const long len = BIO_get_mem_data(bio, &text);
    return lw_buf_put(pem, (lw_bytes){.ptr = (const uint8_t *)text, .len = (size_t)len});
}
