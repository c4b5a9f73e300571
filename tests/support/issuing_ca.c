#include "issuing_ca.h"

#include <stdio.h>
#include <stdlib.h>

#include "hsm/rng.h"
#include "lw/clock.h"

enum { DER_MAX = 4096, YEAR_S = 365 * LW_DAY_S };

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fprintf(stderr, "test support: issuing CA: %s\n", err.why);
        abort();
    }
}

struct hsm_cert_request support_request(const struct support_issuing_ca *a, int64_t now)
{
    return (struct hsm_cert_request){
        .key = *hsm_soft_key_public(a->leaf_key),
        .common_name = LW_STR("Example City Market Regulation"),
        .organization = LW_STR("Example City"),
        .organization_id = LW_STR("11330105002500287C"),
        .country = LW_STR("CN"),
        .uses = HSM_CERT_USE_SIGN,
        .crl_uri = LW_STR("https://city.example/ca.crl"),
        .issuer_uri = LW_STR("https://city.example"),
        .not_before = now - LW_DAY_S,
        .not_after = now + YEAR_S,
    };
}

struct hsm_cert_request support_ca_request(const struct support_issuing_ca *a, int64_t now)
{
    struct hsm_cert_request req = support_request(a, now);
    req.key = *hsm_soft_key_public(a->key);
    req.common_name = LW_STR("示例市证照签发机构");
    req.uses = HSM_CERT_USE_CA | HSM_CERT_USE_CRL;
    return req;
}

void support_issuing_ca_new(struct support_issuing_ca *a, int64_t now)
{
    a->der = LW_BUF(DER_MAX);
    must(hsm_soft_key_generate(&a->key));
    must(hsm_soft_key_generate(&a->leaf_key));
    hsm_soft_key_signer(a->key, &a->signer);
    a->signer.purpose = HSM_PURPOSE_CA; /* in the service this key lies in the token */
    const struct hsm_cert_request req = support_ca_request(a, now);
    must(hsm_cert_issue(&a->signer, &req, now, hsm_rng_system(), &a->der));
    a->signer.cert = lw_buf_view(&a->der);
}

void support_issuing_ca_free(struct support_issuing_ca *a)
{
    hsm_soft_key_free(a->key);
    hsm_soft_key_free(a->leaf_key);
    lw_buf_free(&a->der);
}
