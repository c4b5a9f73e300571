/* License records: changes to a valid one do not verify; what is parsed is whole. */
#include "wallet/record.h"

#include <stdlib.h>

#include "bytes.h"
#include "hsm/key_soft.h"
#include "mutate.h"

enum { SPACE = 1 << 20, NOW = 1795086400 };

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* Makes one record; the key is a published test key, so it is the same in each run. */
static void make(lw_buf *record, struct hsm_public_key *key)
{
    static const uint8_t secret[32] = {3, 1, 4};
    static const uint8_t value[] = {0x18, 42};
    const struct wallet_license_type type = {.claims = {{.cwt_key = -71001}}, .claim_count = 1};
    const struct wallet_license license = {
        .type = LW_STR("t"),
        .number = LW_STR("1"),
        .version = LW_STR("1"),
        .issuer = LW_STR("a"),
        .holders = {{.code_type = LW_STR("999"), .code = LW_STR("1")}},
        .holder_count = 1,
        .claims = {{.value = LW_BYTES(value)}},
        .claim_count = 1,
        .valid_until = 9,
    };
    HSM_AUTO_SOFT_KEY soft = NULL;
    struct hsm_signer signer;
    LW_AUTO_BUF payload = LW_BUF(SPACE);
    must(hsm_soft_key_from_secret(secret, &soft).code == LW_OK);
    hsm_soft_key_signer(soft, &signer);
    signer.purpose = HSM_PURPOSE_CREDENTIAL;
    must(wallet_record_payload(&type, &license, &payload).code == LW_OK);
    must(wallet_record_sign(&signer, NOW, lw_buf_view(&payload), record).code == LW_OK);
    *key = signer.key;
}

static bool verifies(lw_bytes in, const struct hsm_public_key *key)
{
    struct wallet_record record;
    if (wallet_record_parse(in, &record).code != LW_OK) {
        return false;
    }
    must(record.claim_digests.len == 34 * record.claim_count);
    must(record.holder_digests.len == 36 * record.holder_count);
    must(record.number.len > 0 && record.issuer.len > 0 && record.version.len > 0);
    return wallet_record_verify(&record, key).code == LW_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const lw_bytes in = {.ptr = data, .len = size};
    struct hsm_public_key key;
    LW_AUTO_BUF valid = LW_BUF(SPACE);
    LW_AUTO_BUF bent = LW_BUF(SPACE);
    make(&valid, &key);
    must(!verifies(in, &key));
    support_mutate(lw_buf_view(&valid), in, &bent);
    must(verifies(lw_buf_view(&bent), &key) ==
         lw_bytes_eq(lw_buf_view(&bent), lw_buf_view(&valid)));
    return 0;
}
