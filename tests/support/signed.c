#include "signed.h"

#include <stdio.h>
#include <stdlib.h>

#include "wallet/base64.h"
#include "wallet/cbor.h"

enum { SIG_LEN = HSM_ES256_SIG_LEN };

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        (void)fprintf(stderr, "support: signed: %s\n", err.why);
        abort();
    }
}

static void sign(const struct hsm_signer *signer, lw_bytes message, uint8_t sig[HSM_SIG_MAX])
{
    must(hsm_sign(signer, signer->purpose, signer->not_before, message, sig));
}

void support_jws(lw_str header, lw_str payload, const struct hsm_signer *signer, lw_buf *out)
{
    uint8_t sig[HSM_SIG_MAX];
    LW_AUTO_BUF text = LW_BUF(out->max);
    must(wallet_base64url_encode(lw_str_bytes(header), &text));
    must(lw_buf_put_byte(&text, '.'));
    must(wallet_base64url_encode(lw_str_bytes(payload), &text));
    sign(signer, lw_buf_view(&text), sig);
    must(lw_buf_put_byte(&text, '.'));
    must(wallet_base64url_encode((lw_bytes){.ptr = sig, .len = SIG_LEN}, &text));
    must(lw_buf_put(out, lw_buf_view(&text)));
}

/* RFC 9052 section 4.4. */
void support_cose(lw_bytes protected, lw_bytes unprotected, lw_bytes payload,
                  const struct hsm_signer *signer, lw_buf *out)
{
    uint8_t sig[HSM_SIG_MAX];
    LW_AUTO_BUF message = LW_BUF(out->max);
    must(wallet_cbor_put_array(&message, 4));
    must(wallet_cbor_put_text(&message, LW_STR("Signature1")));
    must(wallet_cbor_put_bytes(&message, protected));
    must(wallet_cbor_put_bytes(&message, (lw_bytes){.ptr = NULL, .len = 0}));
    must(wallet_cbor_put_bytes(&message, payload));
    sign(signer, lw_buf_view(&message), sig);
    must(wallet_cbor_put_array(out, 4));
    must(wallet_cbor_put_bytes(out, protected));
    must(wallet_cbor_put_raw(out, unprotected));
    must(wallet_cbor_put_bytes(out, payload));
    must(wallet_cbor_put_bytes(out, (lw_bytes){.ptr = sig, .len = SIG_LEN}));
}

void support_map(const struct support_pair *pairs, size_t count, lw_buf *out)
{
    size_t there = 0;
    for (size_t i = 0; i < count; i++) {
        there += pairs[i].value.len > 0 ? 1 : 0;
    }
    must(wallet_cbor_put_map(out, there));
    for (size_t i = 0; i < count; i++) {
        if (pairs[i].value.len > 0) {
            must(wallet_cbor_put_raw(out, pairs[i].key));
            must(wallet_cbor_put_raw(out, pairs[i].value));
        }
    }
}
