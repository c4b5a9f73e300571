/*
 * Only what the key of RFC 7515 appendix A.3 signed verifies with it. The input is that token
 * with some bytes replaced, or, from an odd first byte on, a token of its own.
 */
#include "wallet/jws.h"

#include <stdlib.h>

#include "wallet/jwk.h"

enum { FUZZ_MAX = 1 << 14 };

static const char token[] =
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNv"
    "bS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfK"
    "TUJqPP3-Kg6NU1Q";
static const char jwk[] =
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}";

static void check(lw_str text)
{
    LW_AUTO_BUF arena = LW_BUF(4 * FUZZ_MAX);
    LW_AUTO_BUF der = LW_BUF(4 * FUZZ_MAX);
    struct hsm_public_key key;
    struct wallet_jws jws;
    lw_bytes chain[WALLET_JWS_CHAIN_MAX];
    size_t count = 0;
    if (wallet_jws_reserve(&der, 2 * text.len).code != LW_OK ||
        wallet_jwk_parse(lw_str_c(jwk), &key).code != LW_OK) {
        abort();
    }
    if (wallet_jws_parse(text, &arena, &jws).code != LW_OK) {
        return;
    }
    if (wallet_jws_chain(&jws, &der, chain, &count).code == LW_OK && count == 0) {
        abort();
    }
    if (wallet_jws_verify(&jws, &key).code == LW_OK &&
        !lw_str_starts(lw_str_c(token), lw_bytes_str(jws.signed_part))) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > FUZZ_MAX) {
        return 0;
    }
    if ((data[0] & 1) != 0) {
        check((lw_str){.ptr = (const char *)data + 1, .len = size - 1});
        return 0;
    }
    char bent[sizeof(token) - 1];
    memcpy(bent, token, sizeof(bent));
    for (size_t i = 1; size - i >= 3; i += 3) {
        bent[((size_t)data[i] << 8 | data[i + 1]) % sizeof(bent)] = (char)data[i + 2];
    }
    check((lw_str){.ptr = bent, .len = sizeof(bent)});
    return 0;
}
