/* The holder's side: some claims of a credential, signed now, as the text of a QR code. */
#include "wallet/flow_present.h"

#include "flow_common.h"
#include "wallet/format.h"
#include "wallet/lq1.h"

enum { CREDENTIAL_MAX = WALLET_CREDENTIAL_MAX, ARENA_MAX = 8192, AUD_MAX = 256 };

/* What is shown, worked out from the order. */
struct showing {
    const struct wallet_license_type *type;
    size_t disclose[WALLET_CLAIMS_MAX];
    size_t disclose_count;
    bool number;
    lw_str aud;
    lw_bytes nonce;
    lw_buf aud_text;
    lw_buf arena; /* what the challenge borrows */
    struct wallet_challenge challenge;
};

static void free_showing(struct showing *s)
{
    lw_buf_free(&s->aud_text);
    lw_buf_free(&s->arena);
}
#define AUTO_SHOWING __attribute__((cleanup(free_showing))) struct showing

static lw_err add_claim(struct showing *s, size_t def)
{
    for (size_t i = 0; i < s->disclose_count; i++) {
        if (s->disclose[i] == def) {
            return LW_SUCCESS; /* named twice, shown once */
        }
    }
    s->disclose[s->disclose_count++] = def;
    return LW_SUCCESS;
}

static lw_err choose_claims(const struct wallet_present_order *order, struct showing *s,
                            lw_str *unknown)
{
    for (size_t i = 0; i < order->disclose_count; i++) {
        const lw_str path = order->disclose[i];
        if (lw_str_is(path, "number")) {
            s->number = true;
            continue;
        }
        const size_t def = wallet_license_type_claim(s->type, path);
        if (def == SIZE_MAX || s->type->claims[def].disclose == WALLET_DISCLOSE_NEVER) {
            *unknown = path;
            return LW_FAIL(LW_E_VALUE, "present: the license type has no such claim to show",
                           LW_NOWHERE);
        }
        LW_TRY(add_claim(s, def));
    }
    return LW_SUCCESS;
}

/* An unsigned challenge is answered with what the holder chose, never with what it asks for. */
static lw_err answer_challenge(const struct wallet_present_order *order, int64_t now,
                               struct showing *s)
{
    LW_TRY(wallet_lc1_read(order->challenge, &s->arena, &s->challenge));
    if (s->challenge.exp <= now) {
        return LW_FAIL(LW_E_EXPIRED, "present: the challenge is over, ask for a new one",
                       LW_NOWHERE);
    }
    LW_TRY(lw_buf_put_c(&s->aud_text, "qr:"));
    LW_TRY(lw_buf_put_str(&s->aud_text, s->challenge.verifier_id));
    s->aud = lw_buf_text(&s->aud_text);
    s->nonce = LW_BYTES(s->challenge.nonce);
    return LW_SUCCESS;
}

static lw_err find_type(struct wallet_home *home, struct wallet_license_ref ref,
                        const struct wallet_snapshot *snapshot, struct showing *s)
{
    WALLET_AUTO_LICENSE stored = {.state = 0};
    LW_TRY(flow_load(home, ref, WALLET_LOAD_PUBLIC, &stored));
    s->type = wallet_snapshot_type(snapshot, stored.license.type);
    return s->type != NULL
               ? LW_SUCCESS
               : LW_FAIL(LW_E_CORRUPT, "present: the type is not in the catalogue", LW_NOWHERE);
}

static lw_err get_credential(struct wallet_home *home, const struct wallet_present_order *order,
                             lw_buf *credential)
{
    if (order->pass_id.len > 0) {
        return wallet_flow_pass(home, order->ref, order->pass_id, &order->holder->key, credential);
    }
    const struct flow_credential_order wanted = {.home = home,
                                                 .ref = order->ref,
                                                 .format = order->format,
                                                 .holder_key = &order->holder->key,
                                                 .any_state = order->any_state};
    return flow_credential_get(&wanted, credential);
}

static lw_err sign_and_write(const struct wallet_present_order *order, const struct showing *s,
                             lw_bytes credential, int64_t now, lw_buf *text)
{
    const bool lq1 = lw_str_is(order->format, "lq1");
    const struct wallet_format *format =
        wallet_format_by_name(order->pass_id.len > 0 ? LW_STR("pass")
                              : lq1                  ? LW_STR("dc+sd-cwt")
                                                     : order->format);
    const struct wallet_show show = {
        .disclose = s->disclose,
        .disclose_count = s->disclose_count,
        .disclose_number = s->number,
        .aud = s->aud,
        .nonce = s->nonce,
        .iat = now,
        .holder = order->holder,
    };
    if (!lq1) {
        return format->present(s->type, credential, &show, text);
    }
    LW_AUTO_BUF token = LW_BUF(CREDENTIAL_MAX);
    LW_TRY(format->present(s->type, credential, &show, &token));
    return wallet_lq1_put(lw_buf_view(&token), text);
}

static lw_err check_order(const struct wallet_present_order *order)
{
    const bool lq1 = lw_str_is(order->format, "lq1");
    if (!lq1 && !lw_str_is(order->format, "dc+sd-jwt")) {
        return LW_FAIL(LW_E_UNSUPPORTED, "present: the format is lq1 or dc+sd-jwt", LW_NOWHERE);
    }
    if (!lq1 && (order->challenge.len > 0 || order->pass_id.len > 0)) {
        return LW_FAIL(LW_E_UNSUPPORTED, "present: challenges and passes are for lq1", LW_NOWHERE);
    }
    if (!lq1 && (order->aud.len == 0 || order->nonce.len == 0)) {
        return LW_FAIL(LW_E_VALUE, "present: dc+sd-jwt needs the verifier's audience and nonce",
                       LW_NOWHERE);
    }
    if (lq1 && (order->aud.len > 0 || order->nonce.len > 0)) {
        return LW_FAIL(LW_E_UNSUPPORTED, "present: audience and nonce are for dc+sd-jwt",
                       LW_NOWHERE);
    }
    return LW_SUCCESS;
}

lw_err wallet_flow_present(struct wallet_home *home, const struct wallet_present_order *order,
                           lw_buf *text, lw_str *unknown)
{
    const int64_t now = order->at == INT64_MIN ? lw_now(home->env->clock) : order->at;
    FLOW_AUTO_SNAPSHOT snapshot = NULL;
    LW_AUTO_BUF credential = LW_BUF(CREDENTIAL_MAX);
    AUTO_SHOWING s = {.aud = order->aud,
                      .nonce = lw_str_bytes(order->nonce),
                      .aud_text = LW_BUF(AUD_MAX),
                      .arena = LW_BUF(ARENA_MAX)};
    *unknown = (lw_str){NULL, 0};
    LW_TRY(check_order(order));
    LW_TRY(wallet_home_snapshot(home, &snapshot));
    LW_TRY(find_type(home, order->ref, snapshot, &s));
    LW_TRY(choose_claims(order, &s, unknown));
    if (order->challenge.len > 0) {
        LW_TRY(answer_challenge(order, now, &s));
    }
    LW_TRY(get_credential(home, order, &credential));
    return sign_and_write(order, &s, lw_buf_view(&credential), now, text);
}
