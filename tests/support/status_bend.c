#include "status_bend.h"

#include <stdio.h>
#include <stdlib.h>

#include "bytes.h"
#include "signed.h"
#include "wallet/base64.h"
#include "wallet/cbor.h"

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        (void)fprintf(stderr, "status_bend: %s\n", err.why);
        abort();
    }
}

void status_place_init(struct status_place *place)
{
    support_authority_init(&place->authority, "agency-1", STATUS_NOW);
    place->trust = support_authority_trust(&place->authority, STATUS_VCT);
}

void status_place_free(struct status_place *place)
{
    wallet_trust_free(place->trust);
    support_authority_free(&place->authority);
}

struct wallet_status_expect status_expectation(const struct status_place *place)
{
    return (struct wallet_status_expect){.uri = LW_STR(STATUS_URI),
                                         .trust = place->trust,
                                         .issuer = wallet_trust_at(place->trust, 0),
                                         .now = STATUS_NOW,
                                         .skew_s = 60,
                                         .held_iat = INT64_MIN};
}

/* The valid JWT: b9a3 of the draft in 1 bit an entry. */
const char status_jwt_payload[] =
    "{\"sub\":\"" STATUS_URI "\",\"iat\":1795086300,\"exp\":1795172700,\"ttl\":300,"
    "\"status_list\":{\"bits\":1,\"lst\":\"eNrbuRgAAhcBXQ\"}}";

void status_jwt_header(const lw_bytes *chain, size_t count, lw_buf *out)
{
    must(lw_buf_put_c(out, "{\"alg\":\"ES256\",\"typ\":\"statuslist+jwt\""));
    for (size_t i = 0; i < count; i++) {
        must(lw_buf_put_c(out, i == 0 ? ",\"x5c\":[\"" : "\",\""));
        must(wallet_base64_encode(chain[i], out));
    }
    must(lw_buf_put_c(out, count > 0 ? "\"]}" : "}"));
}

void status_make_jwt(const struct support_key *key, const lw_bytes *chain, size_t count,
                     lw_buf *token)
{
    LW_AUTO_BUF header = LW_BUF(STATUS_TOKEN_MAX);
    status_jwt_header(chain, count, &header);
    support_jws(lw_buf_text(&header), lw_str_c(status_jwt_payload), &key->signer, token);
}

static const char *const whole[STATUS_ITEM_COUNT] = {
    [ITEM_ALG] = "28",
    [ITEM_TYP] = "781a 6170706c69636174696f6e2f7374617475736c6973742b637774",
    [ITEM_UNPROTECTED] = "a0",
    [ITEM_SUB] = "7818 68747470733a2f2f7374617475732e6578616d706c652f37",
    [ITEM_IAT] = "1a 6afed7dc", /* 1795086300 */
    [ITEM_EXP] = "1a 6b00295c", /* 1795172700 */
    [ITEM_TTL] = "19012c",
    [ITEM_BITS] = "01",
    [ITEM_LST] = "4a 78dadbb918000217015d",
    [ITEM_SHELL] = "d2",
};

void status_cwt_init(struct status_cwt *cwt, const struct support_key *status)
{
    for (size_t i = 0; i < STATUS_ITEM_COUNT; i++) {
        cwt->item[i] = LW_BUF(STATUS_TOKEN_MAX);
        if (whole[i] != NULL) {
            support_hex(whole[i], &cwt->item[i]);
        }
    }
    must(wallet_cbor_put_bytes(&cwt->item[ITEM_CHAIN], lw_buf_view(&status->cert)));
}

void status_cwt_set(struct status_cwt *cwt, enum status_item item, const char *hex)
{
    lw_buf_truncate(&cwt->item[item], 0);
    support_hex(hex, &cwt->item[item]);
}

void status_cwt_free(struct status_cwt *cwt)
{
    for (size_t i = 0; i < STATUS_ITEM_COUNT; i++) {
        lw_buf_free(&cwt->item[i]);
    }
}

static lw_bytes key_of(const char *bytes, size_t len)
{
    return (lw_bytes){.ptr = (const uint8_t *)bytes, .len = len};
}

static void cwt_claims(const struct status_cwt *cwt, lw_buf *out)
{
    LW_AUTO_BUF inner = LW_BUF(STATUS_TOKEN_MAX);
    const struct support_pair members[] = {
        {key_of("\x63lst", 4), lw_buf_view(&cwt->item[ITEM_LST])},
        {key_of("\x64"
                "bits",
                5),
         lw_buf_view(&cwt->item[ITEM_BITS])},
    };
    support_map(members, 2, &inner);
    const bool own = cwt->item[ITEM_LIST].len > 0;
    const struct support_pair claims[] = {
        {key_of("\x02", 1), lw_buf_view(&cwt->item[ITEM_SUB])},
        {key_of("\x04", 1), lw_buf_view(&cwt->item[ITEM_EXP])},
        {key_of("\x05", 1), lw_buf_view(&cwt->item[ITEM_NBF])},
        {key_of("\x06", 1), lw_buf_view(&cwt->item[ITEM_IAT])},
        {key_of("\x19\xff\xfd", 3), own ? lw_buf_view(&cwt->item[ITEM_LIST]) : lw_buf_view(&inner)},
        {key_of("\x19\xff\xfe", 3), lw_buf_view(&cwt->item[ITEM_TTL])},
    };
    support_map(claims, sizeof(claims) / sizeof(claims[0]), out);
}

void status_cwt_build(const struct status_cwt *cwt, const struct support_key *key, lw_buf *token)
{
    LW_AUTO_BUF protected = LW_BUF(STATUS_TOKEN_MAX);
    LW_AUTO_BUF claims = LW_BUF(STATUS_TOKEN_MAX);
    const struct support_pair header[] = {
        {key_of("\x01", 1), lw_buf_view(&cwt->item[ITEM_ALG])},
        {key_of("\x10", 1), lw_buf_view(&cwt->item[ITEM_TYP])},
        {key_of("\x18\x21", 2), lw_buf_view(&cwt->item[ITEM_CHAIN])},
    };
    support_map(header, 3, &protected);
    if (cwt->item[ITEM_PAYLOAD].len > 0) {
        must(lw_buf_put(&claims, lw_buf_view(&cwt->item[ITEM_PAYLOAD])));
    } else {
        cwt_claims(cwt, &claims);
    }
    must(lw_buf_put(token, lw_buf_view(&cwt->item[ITEM_SHELL])));
    support_cose(lw_buf_view(&protected), lw_buf_view(&cwt->item[ITEM_UNPROTECTED]),
                 lw_buf_view(&claims), &key->signer, token);
    must(lw_buf_put(token, lw_buf_view(&cwt->item[ITEM_TAIL])));
}

void status_make_cwt(const struct support_key *key, const lw_bytes *chain, size_t count,
                     lw_buf *token)
{
    struct status_cwt cwt;
    status_cwt_init(&cwt, key);
    lw_buf_truncate(&cwt.item[ITEM_CHAIN], 0);
    if (count > 1) {
        must(wallet_cbor_put_array(&cwt.item[ITEM_CHAIN], count));
    }
    for (size_t i = 0; i < count; i++) {
        must(wallet_cbor_put_bytes(&cwt.item[ITEM_CHAIN], chain[i]));
    }
    status_cwt_build(&cwt, key, token);
    status_cwt_free(&cwt);
}
