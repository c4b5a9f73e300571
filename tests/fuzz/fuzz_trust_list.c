/*
 * Trust lists: as they come; a payload that the pinned key signed; and an entry of a list that is
 * otherwise whole, so that more than the signature is reached.
 */
#include "wallet/trust_list.h"

#include <stdlib.h>

#include "authority.h"
#include "bytes.h"
#include "mutate.h"
#include "signed.h"
#include "wallet/cose.h"

enum { LIST_MAX = 1 << 18, NOW = 1795086400 };

static struct {
    struct support_authority authority;
    uint8_t pin[1][WALLET_PIN_LEN];
    lw_buf list; /* a whole one, to be mutated below its signature */
    struct wallet_cose_sign1 cose;
    bool made;
} one;

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        abort();
    }
}

static void make(void)
{
    const lw_str vct = LW_STR("https://lic.example/dl");
    const lw_str prefix = LW_STR("https://status.example/");
    support_authority_init(&one.authority, "agency-1", NOW);
    must(wallet_trust_pin(&one.authority.tl.signer.key, one.pin[0]));
    const struct wallet_trust_entry entry = {.cert = lw_buf_view(&one.authority.ds.cert),
                                             .vcts = &vct,
                                             .vct_count = 1,
                                             .not_after = NOW,
                                             .revoked_since = 1,
                                             .status_prefixes = &prefix,
                                             .status_prefix_count = 1};
    const lw_bytes anchor = lw_buf_view(&one.authority.ca.cert);
    const struct wallet_trust_list_parts parts = {.issuer = LW_STR("City"),
                                                  .iat = NOW,
                                                  .exp = NOW + 1,
                                                  .version = 1,
                                                  .entries = &entry,
                                                  .entry_count = 1,
                                                  .anchors = &anchor,
                                                  .anchor_count = 1,
                                                  .next_pins =
                                                      (const uint8_t(*)[WALLET_PIN_LEN])one.pin,
                                                  .next_pin_count = 1};
    one.list = LW_BUF(LIST_MAX);
    must(wallet_trust_list_sign(&parts, &one.authority.tl.signer, NOW, &one.list));
    must(wallet_cose_sign1_parse(lw_buf_view(&one.list), &one.cose));
    one.made = true;
}

static void read_list(lw_bytes cwt)
{
    const struct wallet_trust_list_expect expect = {
        .pins = (const uint8_t(*)[WALLET_PIN_LEN])one.pin, .pin_count = 1, .now = NOW};
    struct wallet_trust_list list;
    struct wallet_trust *trust = NULL;
    if (wallet_trust_list_read(cwt, &expect, &list, &trust).code != LW_OK) {
        if (trust != NULL) {
            abort();
        }
        return;
    }
    for (size_t i = 0; i < wallet_trust_count(trust); i++) {
        const struct wallet_issuer *issuer = wallet_trust_at(trust, i);
        if (memcmp(issuer->kid, issuer->cert.sha256, WALLET_KID_LEN) != 0 ||
            wallet_trust_by_x5t(trust, LW_BYTES(issuer->cert.sha256), 0) != issuer) {
            abort();
        }
    }
    wallet_trust_free(trust);
}

static void read_signed(lw_bytes payload)
{
    LW_AUTO_BUF cwt = LW_BUF(LIST_MAX);
    must(lw_buf_put_byte(&cwt, 0xd2));
    support_cose(one.cose.protected, one.cose.unprotected, payload, &one.authority.tl.signer, &cwt);
    read_list(lw_buf_view(&cwt));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > LIST_MAX / 4) {
        return 0;
    }
    if (!one.made) {
        make();
    }
    const lw_bytes rest = {.ptr = data + 1, .len = size - 1};
    LW_AUTO_BUF bent = LW_BUF(LIST_MAX);
    switch (data[0] % 3) {
    case 0:
        read_list(rest);
        break;
    case 1:
        read_signed(rest);
        break;
    default:
        support_mutate(one.cose.payload, rest, &bent);
        read_signed(lw_buf_view(&bent));
        break;
    }
    return 0;
}
