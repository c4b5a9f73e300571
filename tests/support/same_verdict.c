#include "same_verdict.h"

#include <stdio.h>
#include <stdlib.h>

enum { ARENA_MAX = 1 << 21, PARTS = 64, LOOKS = 2 };

static void must(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "test support: with shortcuts another verdict: %s\n", what);
        abort();
    }
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void same_checks(const struct wallet_checks *a, const struct wallet_checks *b)
{
    for (size_t i = 0; i < WALLET_CHECK_COUNT; i++) {
        must(a->line[i].result == b->line[i].result &&
                 same_text(a->line[i].detail, b->line[i].detail),
             wallet_check_name((enum wallet_check)i));
    }
}

static void same_output(const struct wallet_verified *a, const struct wallet_verified *b)
{
    must(a->issuer == b->issuer && same_text(a->format, b->format), "issuer or format");
    must(lw_str_eq(a->vct, b->vct) && lw_str_eq(a->sub, b->sub) && lw_bytes_eq(a->cti, b->cti),
         "names");
    must(a->iat == b->iat && a->nbf == b->nbf && a->exp == b->exp && a->kb_iat == b->kb_iat,
         "times");
    must(a->holder_proven == b->holder_proven && hsm_public_key_eq(&a->holder_key, &b->holder_key),
         "holder");
    must(a->status.present == b->status.present && a->status.idx == b->status.idx &&
             lw_str_eq(a->status.uri, b->status.uri),
         "status");
    must(lw_bytes_eq(LW_BYTES(a->presentation_id), LW_BYTES(b->presentation_id)), "id");
    must(a->claim_count == b->claim_count, "number of claims");
    for (size_t i = 0; i < a->claim_count; i++) {
        must(a->claims[i].cwt_key == b->claims[i].cwt_key &&
                 lw_str_eq(a->claims[i].name, b->claims[i].name) &&
                 lw_bytes_eq(a->claims[i].value, b->claims[i].value),
             "claim");
    }
}

void support_same_verdict(const struct support_verified *v, lw_err err,
                          const struct wallet_checks *checks, const struct wallet_verified *out)
{
    struct wallet_shortcuts shortcuts;
    struct wallet_expect expect = *v->expect;
    must(wallet_shortcuts_make(1, PARTS, &shortcuts).code == LW_OK, "no shortcuts");
    expect.shortcuts = &shortcuts;
    for (size_t i = 0; i < LOOKS; i++) {
        LW_AUTO_BUF arena = LW_BUF(ARENA_MAX);
        struct wallet_checks again = v->before;
        struct wallet_verified said;
        const lw_err answer = v->verify(v->presentation, &expect, &arena, &again, &said);
        must(answer.code == err.code && same_text(answer.why, err.why), "error");
        same_checks(&again, checks);
        if (err.code == LW_OK) {
            same_output(&said, out);
        }
    }
    wallet_shortcuts_end(&shortcuts);
}
