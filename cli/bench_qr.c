/* Versions of the QR codes of a pass and of a license, with the lengths of specs/qr.md section 12.
 */
#include "bench.h"
#include "wallet/format.h"
#include "wallet/lq1.h"
#include "wallet/qr_write.h"
#include "wallet/value.h"

enum { PICTURE_MAX = 1024 * 1024, VALUES_MAX = 4096, CREDENTIAL_DAYS = 30 };

/* Characters that an alphanumeric code of version 1, 2, ... holds at level L (ISO/IEC 18004). */
static const unsigned capacity_l[] = {25,   47,   77,   114,  154,  195,  224, 279, 335,
                                      395,  468,  535,  619,  667,  758,  854, 938, 1046,
                                      1153, 1249, 1352, 1460, 1588, 1704, 1853};

static const struct {
    const char *claim;
    const char *text;
} claims[] = {
    {"family_name", "Okonkwo-Lindqvist"}, {"given_name", "Adaeze"},
    {"birth_date", "1987-03-14"},         {"category", "B,BE"},
    {"expiry_date", "2031-11-22"},
};

static unsigned version_l(size_t characters)
{
    unsigned version = 1;
    for (size_t i = 0; i < sizeof(capacity_l) / sizeof(capacity_l[0]); i++) {
        version += characters > capacity_l[i] ? 1 : 0;
    }
    return version;
}

static lw_err fill_license(const struct wallet_license_type *type, int64_t now, lw_buf *values,
                           struct wallet_license *license)
{
    *license = (struct wallet_license){
        .type = type->id,
        .type_version = type->version,
        .number = LW_STR("D12345678"),
        .version = LW_STR("1"),
        .issuer = lw_str_c(bench_agency),
        .issued_at = now,
        .valid_from = now,
        .valid_until = INT64_MAX,
    };
    uint8_t *room = NULL;
    LW_TRY(lw_buf_reserve(values, VALUES_MAX, &room)); /* so that no value moves */
    for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
        const size_t def = wallet_license_type_claim(type, lw_str_c(claims[i].claim));
        const size_t start = values->len;
        LW_TRY(wallet_value_from_text(type->claims[def].kind, lw_str_c(claims[i].text), values));
        license->claims[license->claim_count++] =
            (struct wallet_claim){.def = def, .value = {values->ptr + start, values->len - start}};
    }
    return LW_SUCCESS;
}

static lw_err make_text(const struct wallet_issue *issue, const struct hsm_signer *signer,
                        const struct wallet_show *show, lw_buf *text)
{
    const struct wallet_format *format =
        wallet_format_by_name(issue->pass != NULL ? LW_STR("pass") : LW_STR("dc+sd-cwt"));
    LW_AUTO_BUF credential = LW_BUF(WALLET_CREDENTIAL_MAX);
    LW_AUTO_BUF token = LW_BUF(WALLET_CREDENTIAL_MAX);
    LW_TRY(format->issue(issue, signer, issue->iat, &credential));
    LW_TRY(format->present(issue->type, lw_buf_view(&credential), show, &token));
    return wallet_lq1_put(lw_buf_view(&token), text);
}

/* The version at level L; where the writer chose M, which is larger, by the text's length. */
static lw_err add_row(struct bench *b, const char *name, lw_str text, double target)
{
    struct wallet_qr_info info;
    LW_AUTO_BUF picture = LW_BUF(PICTURE_MAX);
    LW_TRY(wallet_qr_write(text, WALLET_QR_SVG, 1, &picture, &info));
    const unsigned version = info.level == 'L' ? info.version : version_l(text.len);
    struct bench_row *row = bench_row_goal(b, name, version, BENCH_AT_MOST, target);
    (void)snprintf(row->note, sizeof(row->note), "at level L, %zu characters; shown as %u-%c",
                   text.len, info.version, info.level);
    return LW_SUCCESS;
}

static lw_err measure(struct bench *b, const struct wallet_license_type *type)
{
    const int64_t now = lw_now(b->cli->env.clock) / LW_DAY_S * LW_DAY_S;
    struct wallet_license license;
    struct hsm_signer signer;
    struct hsm_signer holder;
    HSM_AUTO_SOFT_KEY key = NULL;
    LW_AUTO_BUF values = LW_BUF((size_t)2 * VALUES_MAX);
    LW_AUTO_BUF text = LW_BUF(WALLET_LQ1_TEXT_MAX);
    LW_TRY(hsm_soft_key_generate(&key));
    hsm_soft_key_signer(key, &holder);
    LW_TRY(wallet_home_signer(b->home, HSM_PURPOSE_CREDENTIAL, lw_str_c(bench_agency), &signer));
    LW_TRY(fill_license(type, now, &values, &license));
    struct wallet_issue issue = {
        .type = type,
        .license = &license,
        .holder_key = *hsm_soft_key_public(key),
        .iat = now,
        .exp = now + CREDENTIAL_DAYS * (int64_t)LW_DAY_S,
        .status = {.present = true, .idx = 48211, .uri = LW_STR("https://st.licence.example/7")},
        .rng = b->cli->env.rng,
    };
    const size_t two[] = {wallet_license_type_claim(type, LW_STR("category")),
                          wallet_license_type_claim(type, LW_STR("expiry_date"))};
    struct wallet_show show = {.disclose = two, .disclose_count = 2, .iat = now, .holder = &holder};
    LW_TRY(make_text(&issue, &signer, &show, &text));
    LW_TRY(add_row(b, "qr_license_two_of_six", lw_buf_text(&text), 17));
    lw_buf_truncate(&text, 0);
    issue.pass = &type->passes[0];
    issue.status.present = false;
    issue.exp = now + LW_DAY_S;
    show.disclose_count = 0; /* a pass hides nothing */
    LW_TRY(make_text(&issue, &signer, &show, &text));
    return add_row(b, "qr_pass_three_claims", lw_buf_text(&text), 13);
}

lw_err bench_qr(struct bench *b)
{
    const struct wallet_snapshot *snapshot = NULL;
    LW_TRY(wallet_home_snapshot(b->home, &snapshot));
    const struct wallet_license_type *type =
        wallet_snapshot_type(snapshot, lw_str_c(bench_qr_type));
    const lw_err err = type != NULL ? measure(b, type)
                                    : LW_FAIL(LW_E_NOT_FOUND, "bench: no type for QR", LW_NOWHERE);
    wallet_snapshot_release(snapshot);
    return err;
}
