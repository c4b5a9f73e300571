/* A small authority of its own for tests: a key, a certificate and a signer, made by our issuing.
 */
#ifndef SUPPORT_ISSUING_CA_H
#define SUPPORT_ISSUING_CA_H

#include "hsm/key_soft.h"
#include "hsm/x509_issue.h"

struct support_issuing_ca {
    struct hsm_soft_key *key;
    struct hsm_soft_key *leaf_key; /* of the request below */
    struct hsm_signer signer;      /* its certificate borrows `der` */
    lw_buf der;
};

/** Make an authority that lives from a day before `now` for a year; aborts when it cannot. */
void support_issuing_ca_new(struct support_issuing_ca *a, int64_t now);

void support_issuing_ca_free(struct support_issuing_ca *a);

/** Return a request for a signer's certificate, with every field filled. */
struct hsm_cert_request support_request(const struct support_issuing_ca *a, int64_t now);

/** Return a request for the authority's own certificate. */
struct hsm_cert_request support_ca_request(const struct support_issuing_ca *a, int64_t now);

#endif
