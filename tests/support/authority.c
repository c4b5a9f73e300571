#include "authority.h"

#include <stdio.h>
#include <stdlib.h>

#include "bytes.h"
#include "hsm/digest.h"
#include "hsm/x509_issue.h"
#include "lw/clock.h"

enum { YEAR_S = 365 * LW_DAY_S };

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        (void)fprintf(stderr, "authority: %s\n", err.why);
        abort();
    }
}

static void fill_signer(struct support_key *key, const struct support_key_spec *spec)
{
    uint8_t hash[HSM_SHA256_LEN];
    hsm_soft_key_signer(key->key, &key->signer);
    key->signer.purpose = spec->purpose;
    key->signer.not_before = spec->not_before;
    key->signer.not_after = spec->not_after;
    key->signer.cert = lw_buf_view(&key->cert);
    must(hsm_sha256(key->signer.cert, hash));
    memcpy(key->signer.kid, hash, sizeof(key->signer.kid));
}

static void certify(struct support_key *key, const struct support_key_spec *spec,
                    const struct support_key *ca)
{
    struct support_rng seed;
    const struct lw_rng rng =
        support_rng(&seed, (uint64_t)key->signer.key.point[1] << 8 | key->signer.key.point[2]);
    struct hsm_signer own;
    hsm_soft_key_signer(key->key, &own);
    own.purpose = HSM_PURPOSE_CA;
    const struct hsm_cert_request req = {.key = own.key,
                                         .common_name = lw_str_c(spec->name),
                                         .organization_id = lw_str_c(spec->agency),
                                         .country = LW_STR("CN"),
                                         .uses = spec->uses,
                                         .not_before = spec->not_before,
                                         .not_after = spec->not_after};
    key->cert = LW_BUF(HSM_CERT_MAX);
    must(hsm_cert_issue(ca == NULL ? &own : &ca->signer, &req, spec->not_before, &rng, &key->cert));
    fill_signer(key, spec);
}

void support_key_init(struct support_key *key, const struct support_key_spec *spec,
                      const struct support_key *ca)
{
    *key = (struct support_key){.key = NULL};
    must(hsm_soft_key_generate(&key->key));
    hsm_soft_key_signer(key->key, &key->signer);
    certify(key, spec, ca);
}

void support_key_init_secret(struct support_key *key, const struct support_key_spec *spec,
                             const struct support_key *ca, const uint8_t secret[32])
{
    *key = (struct support_key){.key = NULL};
    must(hsm_soft_key_from_secret(secret, &key->key));
    hsm_soft_key_signer(key->key, &key->signer);
    certify(key, spec, ca);
}

void support_key_free(struct support_key *key)
{
    hsm_soft_key_free(key->key);
    lw_buf_free(&key->cert);
}

void support_authority_init(struct support_authority *a, const char *agency, int64_t now)
{
    const int64_t from = now - LW_DAY_S;
    const struct support_key_spec ca = {HSM_PURPOSE_CA,  "Test CA",       "city",
                                        HSM_CERT_USE_CA, from - LW_DAY_S, now + 10 * YEAR_S};
    const struct support_key_spec ds = {HSM_PURPOSE_CREDENTIAL, "Test agency", agency,
                                        HSM_CERT_USE_SIGN,      from,          now + YEAR_S};
    const struct support_key_spec status = {HSM_PURPOSE_STATUS,
                                            "Test agency status",
                                            agency,
                                            HSM_CERT_USE_SIGN | HSM_CERT_USE_STATUS,
                                            from,
                                            now + YEAR_S};
    a->now = now;
    support_key_init(&a->ca, &ca, NULL);
    support_key_init(&a->ds, &ds, &a->ca);
    support_key_init(&a->status, &status, &a->ca);
    a->tl = (struct support_key){.key = NULL};
    must(hsm_soft_key_generate(&a->tl.key));
    hsm_soft_key_signer(a->tl.key, &a->tl.signer);
    a->tl.signer.purpose = HSM_PURPOSE_TRUST_LIST;
}

void support_authority_free(struct support_authority *a)
{
    support_key_free(&a->ca);
    support_key_free(&a->ds);
    support_key_free(&a->status);
    support_key_free(&a->tl);
}

struct wallet_trust *support_authority_trust(const struct support_authority *a, const char *vct)
{
    const lw_str type = lw_str_c(vct);
    const lw_str prefix = LW_STR("https://status.example/");
    const struct wallet_trust_entry entry = {.cert = lw_buf_view(&a->ds.cert),
                                             .vcts = &type,
                                             .vct_count = 1,
                                             .not_after = a->now + YEAR_S,
                                             .revoked_since = INT64_MIN,
                                             .status_prefixes = &prefix,
                                             .status_prefix_count = 1};
    struct wallet_trust *trust = NULL;
    must(wallet_trust_new(&trust));
    must(wallet_trust_add_anchor(trust, lw_buf_view(&a->ca.cert)));
    must(wallet_trust_add(trust, &entry));
    return trust;
}
