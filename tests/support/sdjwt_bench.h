/* SD-JWTs put together by hand, unsigned: disclosures made or given, and a payload processed. */
#ifndef SUPPORT_SDJWT_BENCH_H
#define SUPPORT_SDJWT_BENCH_H

#include "bytes.h"
#include "wallet/sdjwt.h"

struct support_sdjwt {
    lw_buf text; /* "x~" and what was disclosed, each with "~" */
    struct support_rng seed;
    struct lw_rng rng;
};

/* For printf's "%.*s". */
#define SUPPORT_DIGEST(digest_) WALLET_SDJWT_DIGEST_LEN, (digest_).text

void support_sdjwt_start(struct support_sdjwt *b);
void support_sdjwt_end(struct support_sdjwt *b);

/** Append a disclosure of a JSON value, a member or (name "") an array element. */
struct wallet_sdjwt_digest support_sdjwt_disclose(struct support_sdjwt *b, const char *name,
                                                  const char *value);

/** Append a disclosure whose JSON is given as it stands, right or wrong. */
struct wallet_sdjwt_digest support_sdjwt_disclose_raw(struct support_sdjwt *b, const char *json);

/** Process `payload` with all disclosures so far. */
lw_err support_sdjwt_run(const struct support_sdjwt *b, const char *payload,
                         const struct wallet_sdjwt_rules *rules, lw_buf *arena, lw_str *claims);

#endif
