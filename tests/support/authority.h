/*
 * A small issuing authority for tests: CA, one agency's keys for credentials and status lists,
 * and a trust-list key, all in memory, with certificates that begin a day before its time.
 */
#ifndef SUPPORT_AUTHORITY_H
#define SUPPORT_AUTHORITY_H

#include "hsm/key_soft.h"
#include "wallet/trust.h"

/* A key with its certificate; `signer` borrows from both. */
struct support_key {
    struct hsm_soft_key *key;
    lw_buf cert;
    struct hsm_signer signer;
};

struct support_authority {
    int64_t now; /* Unix seconds */
    struct support_key ca;
    struct support_key ds;
    struct support_key status;
    struct support_key tl; /* without certificate, as list keys are */
};

/* A certificate by an authority's CA, or by `key` itself when it is the CA's. */
struct support_key_spec {
    enum hsm_purpose purpose;
    const char *name;
    const char *agency; /* organization identifier */
    unsigned uses;      /* enum hsm_cert_use */
    int64_t not_before;
    int64_t not_after;
};

/** Make CA and keys of agency `agency` (its organization identifier); aborts on failure. */
void support_authority_init(struct support_authority *a, const char *agency, int64_t now);
void support_authority_free(struct support_authority *a);

/** Make a key with a certificate of `ca`; `ca` NULL: signed by itself. */
void support_key_init(struct support_key *key, const struct support_key_spec *spec,
                      const struct support_key *ca);
void support_key_free(struct support_key *key);

/** As support_key_init(), with a published secret key of 32 bytes. */
void support_key_init_secret(struct support_key *key, const struct support_key_spec *spec,
                             const struct support_key *ca, const uint8_t secret[32]);

/**
 * Make a trust with the authority's CA as anchor and its `ds` key, which may sign `vct` and
 * publishes status lists under "https://status.example/". The caller calls wallet_trust_free().
 */
struct wallet_trust *support_authority_trust(const struct support_authority *a, const char *vct);

#endif
