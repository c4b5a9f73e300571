/*
 * COSE_Sign1: what is parsed is put together again to the same bytes, and nothing but the signed
 * message of RFC 9052 appendix C.2.1 verifies with its key. COSE_Key: read and written again.
 */
#include "wallet/cose.h"

#include <stdlib.h>

#include "bytes.h"
#include "mutate.h"

enum { SPACE = 1 << 20 };

static const char message_hex[] =
    "d28443a10126a10442313154546869732069732074686520636f6e74656e742e58408eb33e4ca31d1c465ab05aac"
    "34cc6b23d58fef5c083106c4d25a91aef0b0117e2af9a291aa32e14ab834dc56ed2a223444547e01f11d3b0916e5"
    "a4c345cacb36";
static const char point_hex[] =
    "04bac5b11cad8f99f9c72b05cf4b9e26d244dc189f745228255a219a86d6a09eff20138bf82dc1b6d562be0fa54a"
    "b7804a3a64b6d72ccfed6b6fb6ed28bbfc117e";

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void try_message(lw_bytes in, lw_bytes valid, const struct hsm_public_key *key)
{
    struct wallet_cose_sign1 message;
    struct wallet_cose_sign1 original;
    LW_AUTO_BUF again = LW_BUF(SPACE);
    if (wallet_cose_sign1_parse(in, &message).code != LW_OK) {
        return;
    }
    const struct wallet_cose_parts parts = {.protected = message.protected,
                                            .unprotected = message.unprotected,
                                            .payload = message.payload};
    must(wallet_cose_sign1_put(&parts, message.signature, &again).code == LW_OK);
    must(lw_bytes_eq(lw_buf_view(&again), in));
    must(wallet_cose_sign1_parse(valid, &original).code == LW_OK);
    if (wallet_cose_sign1_verify(&message, (lw_bytes){NULL, 0}, key).code == LW_OK) {
        must(lw_bytes_eq(message.protected, original.protected));
        must(lw_bytes_eq(message.payload, original.payload));
    }
}

static void try_key(lw_bytes in)
{
    struct hsm_public_key key;
    struct hsm_public_key back;
    if (wallet_cose_key_read(in, &key).code != LW_OK) {
        return;
    }
    for (int compressed = 0; compressed <= 1; compressed++) {
        LW_AUTO_BUF item = LW_BUF(SPACE);
        must(wallet_cose_key_put(&key, compressed == 1, &item).code == LW_OK);
        must(wallet_cose_key_read(lw_buf_view(&item), &back).code == LW_OK);
        must(hsm_public_key_eq(&key, &back));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const lw_bytes in = {.ptr = data, .len = size};
    LW_AUTO_BUF valid = LW_BUF(SPACE);
    LW_AUTO_BUF point = LW_BUF(SPACE);
    LW_AUTO_BUF bent = LW_BUF(SPACE);
    struct hsm_public_key key;
    support_hex(message_hex, &valid);
    support_hex(point_hex, &point);
    must(hsm_public_key_from_point(&key, HSM_ES256, lw_buf_view(&point)).code == LW_OK);
    try_message(in, lw_buf_view(&valid), &key);
    try_key(in);
    support_mutate(lw_buf_view(&valid), in, &bent);
    try_message(lw_buf_view(&bent), lw_buf_view(&valid), &key);
    return 0;
}
