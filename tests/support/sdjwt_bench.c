#include "sdjwt_bench.h"

#include <stdlib.h>

#include "wallet/base64.h"

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        abort();
    }
}

void support_sdjwt_start(struct support_sdjwt *b)
{
    b->text = LW_BUF(WALLET_SDJWT_MAX);
    b->rng = support_rng(&b->seed, 9901);
    must(lw_buf_put_c(&b->text, "x~"));
}

void support_sdjwt_end(struct support_sdjwt *b)
{
    lw_buf_free(&b->text);
}

struct wallet_sdjwt_digest support_sdjwt_disclose(struct support_sdjwt *b, const char *name,
                                                  const char *value)
{
    struct wallet_sdjwt_digest digest;
    must(wallet_sdjwt_disclose(&b->rng, lw_str_c(name), lw_str_c(value), &b->text, &digest));
    return digest;
}

struct wallet_sdjwt_digest support_sdjwt_disclose_raw(struct support_sdjwt *b, const char *json)
{
    struct wallet_sdjwt_digest digest;
    const size_t from = b->text.len;
    must(wallet_base64url_encode(lw_str_bytes(lw_str_c(json)), &b->text));
    must(wallet_sdjwt_digest_of(lw_str_from(lw_buf_text(&b->text), from), &digest));
    must(lw_buf_put_c(&b->text, "~"));
    return digest;
}

lw_err support_sdjwt_run(const struct support_sdjwt *b, const char *payload,
                         const struct wallet_sdjwt_rules *rules, lw_buf *arena, lw_str *claims)
{
    struct wallet_sdjwt sd;
    LW_TRY(wallet_sdjwt_split(lw_buf_text(&b->text), &sd));
    return wallet_sdjwt_process(&sd, lw_str_c(payload), rules, arena, claims);
}
