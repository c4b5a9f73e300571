/* Presentations in bulk: some licenses, one soft holder key, a signature of its own for each. */
#include <stdlib.h>

#include "bench_large.h"
#include "wallet/flow_issue.h"
#include "wallet/format.h"
#include "wallet/json_write.h"
#include "wallet/lq1.h"

enum {
    LICENSES = 512,
    LICENSES_MADE = 64,
    LICENSES_QUICK = 4,
    TEXT_MAX = 64 * 1024,
    CLAIM_COUNT = 6
};

const char bench_nonce[] = "bench-nonce-0123456789";

struct bench_holder {
    struct bench *b;
    const struct wallet_snapshot *snapshot;
    const struct wallet_license_type *type;
    struct hsm_soft_key *key;
    struct hsm_signer signer;
    size_t disclose[2];
    lw_buf credentials[BENCH_FORMATS][LICENSES];
    size_t license_count;
};

static const struct wallet_format *format_of(enum bench_format format)
{
    return wallet_format_by_name(format == BENCH_LQ1 ? LW_STR("dc+sd-cwt") : LW_STR("dc+sd-jwt"));
}

static lw_err issue(struct bench *b, lw_str number)
{
    const struct wallet_claim_text claims[CLAIM_COUNT] = {
        {LW_STR("legal_name"), LW_STR("MOON GREEN LAUNDRY")},
        {LW_STR("trade_name"), LW_STR("MOON LAUNDRY")},
        {LW_STR("address"), LW_STR("415 SALT MARKET ST 1ST, LANHAI 229903")},
        {LW_STR("category"), LW_STR("Retail Food Establishment")},
        {LW_STR("activities"), LW_STR("Late Hour Self Service Laundry")},
        {LW_STR("expiry_date"), LW_STR("2099-12-31")},
    };
    const struct wallet_holder holder = {.code_type = LW_STR("999"),
                                         .code = LW_STR("BENCH-1"),
                                         .role = LW_STR("holder"),
                                         .name = LW_STR("MOON GREEN LAUNDRY")};
    const struct wallet_issue_order order = {
        .type = lw_str_c(bench_type),
        .number = number,
        .holders = &holder,
        .holder_count = 1,
        .claims = claims,
        .claim_count = CLAIM_COUNT,
        .valid_from = INT64_MIN,
        .valid_until = INT64_MIN,
        .actor = LW_STR("bench"),
    };
    struct wallet_issued issued;
    struct wallet_issue_fault faults[8];
    size_t fault_count = sizeof(faults) / sizeof(faults[0]);
    return wallet_flow_issue(b->home, &order, &issued, faults, &fault_count);
}

/* Of a filled store, active ones from its beginning to its end, whose state nobody changes. */
static void number_of(const struct bench_holder *holder, char number[LARGE_NUMBER_MAX])
{
    const size_t n = holder->license_count;
    size_t nth = n * (holder->b->filled / LICENSES) / 2 * 2 + 1;
    nth += bench_fill_active(nth) ? 0 : 2;
    if (holder->b->filled == 0) {
        (void)snprintf(number, LARGE_NUMBER_MAX, "SHOWN-%zu", n);
    } else {
        bench_fill_number(nth, number);
    }
}

static lw_err add_license(struct bench_holder *holder)
{
    char number[LARGE_NUMBER_MAX];
    const size_t n = holder->license_count;
    number_of(holder, number);
    const struct wallet_license_ref ref = {.type = lw_str_c(bench_type),
                                           .number = lw_str_c(number)};
    if (holder->b->filled == 0) {
        LW_TRY(issue(holder->b, ref.number));
    }
    for (unsigned format = 0; format < BENCH_FORMATS; format++) {
        LW_TRY(wallet_flow_credential(
            holder->b->home, ref, lw_str_c(format_of((enum bench_format)format)->name),
            hsm_soft_key_public(holder->key), &holder->credentials[format][n]));
    }
    holder->license_count++;
    return LW_SUCCESS;
}

static lw_err fill(struct bench_holder *holder)
{
    const size_t wanted = holder->b->quick        ? LICENSES_QUICK
                          : holder->b->filled > 0 ? LICENSES
                                                  : LICENSES_MADE;
    LW_TRY(hsm_soft_key_generate(&holder->key));
    hsm_soft_key_signer(holder->key, &holder->signer);
    LW_TRY(wallet_home_snapshot(holder->b->home, &holder->snapshot));
    holder->type = wallet_snapshot_type(holder->snapshot, lw_str_c(bench_type));
    if (holder->type == NULL) {
        return LW_FAIL(LW_E_NOT_FOUND, "bench: its license type is not there", LW_NOWHERE);
    }
    holder->disclose[0] = wallet_license_type_claim(holder->type, LW_STR("category"));
    holder->disclose[1] = wallet_license_type_claim(holder->type, LW_STR("expiry_date"));
    while (holder->license_count < wanted) {
        LW_TRY(add_license(holder));
    }
    return LW_SUCCESS;
}

lw_err bench_holder_new(struct bench *b, struct bench_holder **holder)
{
    struct bench_holder *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return LW_FAIL(LW_E_NOMEM, "bench: out of memory", LW_NOWHERE);
    }
    made->b = b;
    for (size_t i = 0; i < LICENSES; i++) {
        made->credentials[BENCH_LQ1][i] = LW_BUF(WALLET_CREDENTIAL_MAX);
        made->credentials[BENCH_SDJWT][i] = LW_BUF(WALLET_CREDENTIAL_MAX);
    }
    const lw_err err = fill(made);
    if (err.code != LW_OK) {
        bench_holder_free(made);
        return err;
    }
    *holder = made;
    return LW_SUCCESS;
}

void bench_holder_free(struct bench_holder *holder)
{
    if (holder == NULL) {
        return;
    }
    for (size_t i = 0; i < LICENSES; i++) {
        lw_buf_free(&holder->credentials[BENCH_LQ1][i]);
        lw_buf_free(&holder->credentials[BENCH_SDJWT][i]);
    }
    if (holder->snapshot != NULL) {
        wallet_snapshot_release(holder->snapshot);
    }
    hsm_soft_key_free(holder->key);
    free(holder);
}

void bench_shown_free(struct bench_shown *shown)
{
    lw_buf_free(&shown->bytes);
    free(shown->items);
    shown->items = NULL;
    shown->count = 0;
}

static lw_err put_one(const struct bench_holder *holder, enum bench_format format, size_t n,
                      lw_buf *text)
{
    const lw_bytes credential =
        lw_buf_view(&holder->credentials[format][n % holder->license_count]);
    struct wallet_show show = {.disclose = holder->disclose,
                               .disclose_count = 2,
                               .iat = lw_now(holder->b->cli->env.clock),
                               .holder = &holder->signer};
    if (format == BENCH_LQ1) {
        LW_AUTO_BUF token = LW_BUF(WALLET_CREDENTIAL_MAX);
        LW_TRY(format_of(format)->present(holder->type, credential, &show, &token));
        return wallet_lq1_put(lw_buf_view(&token), text);
    }
    show.aud = lw_str_c(bench_base_url);
    show.nonce = lw_str_bytes(lw_str_c(bench_nonce));
    return format_of(format)->present(holder->type, credential, &show, text);
}

/* Writes the `n`th of a bulk. */
struct bulk {
    const struct bench_holder *holder;
    enum bench_format format;
    bool record;
    lw_err (*put)(const struct bulk *bulk, size_t n, lw_buf *out);
};

static lw_err put_text(const struct bulk *bulk, size_t n, lw_buf *out)
{
    return put_one(bulk->holder, bulk->format, n, out);
}

static lw_err put_body(const struct bulk *bulk, lw_str text, lw_buf *body)
{
    struct wallet_json_writer w = wallet_json_writer(body);
    wallet_json_put_object(&w);
    wallet_json_member_text(&w, "presentation", text);
    wallet_json_member_bool(&w, "record", bulk->record);
    if (bulk->format == BENCH_SDJWT) {
        wallet_json_member_c(&w, "nonce", bench_nonce);
    }
    wallet_json_put_end(&w);
    return wallet_json_written(&w);
}

static lw_err put_request(const struct bulk *bulk, size_t n, lw_buf *out)
{
    LW_AUTO_BUF text = LW_BUF(TEXT_MAX);
    LW_AUTO_BUF body = LW_BUF((size_t)2 * TEXT_MAX);
    LW_TRY(put_one(bulk->holder, bulk->format, n, &text));
    LW_TRY(put_body(bulk, lw_buf_text(&text), &body));
    LW_TRY(lw_buf_put_c(out, "POST /api/v1/verifications HTTP/1.1\r\nHost: localhost\r\n"
                             "Content-Type: application/json\r\nContent-Length: "));
    LW_TRY(lw_buf_put_int(out, (int64_t)body.len));
    LW_TRY(lw_buf_put_c(out, "\r\n\r\n"));
    return lw_buf_put(out, lw_buf_view(&body));
}

/* The buffer grows and moves meanwhile, so lengths are kept first and made slices at the end. */
static lw_err make_bulk(const struct bulk *bulk, size_t count, struct bench_shown *shown)
{
    *shown = (struct bench_shown){.bytes = LW_BUF(count * (size_t)2 * TEXT_MAX),
                                  .items = calloc(count, sizeof(*shown->items))};
    if (shown->items == NULL) {
        return LW_FAIL(LW_E_NOMEM, "bench: out of memory", LW_NOWHERE);
    }
    for (size_t n = 0; n < count; n++) {
        const size_t start = shown->bytes.len;
        LW_TRY(bulk->put(bulk, n, &shown->bytes));
        shown->items[n].len = shown->bytes.len - start;
    }
    size_t start = 0;
    for (size_t n = 0; n < count; n++) {
        shown->items[n].ptr = shown->bytes.ptr + start;
        start += shown->items[n].len;
    }
    shown->count = count;
    return LW_SUCCESS;
}

lw_err bench_show(struct bench_holder *holder, enum bench_format format, size_t count,
                  struct bench_shown *shown)
{
    const struct bulk bulk = {.holder = holder, .format = format, .put = put_text};
    return make_bulk(&bulk, count, shown);
}

lw_err bench_show_requests(struct bench_holder *holder, enum bench_format format, bool record,
                           size_t count, struct bench_shown *shown)
{
    const struct bulk bulk = {
        .holder = holder, .format = format, .record = record, .put = put_request};
    return make_bulk(&bulk, count, shown);
}
