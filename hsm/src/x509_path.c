#include "hsm/x509.h"

enum { USE_BY_EKU = HSM_CERT_USE_MDOC_DS | HSM_CERT_USE_STATUS };

static lw_err untrusted(const char *why)
{
    return LW_FAIL(LW_E_UNTRUSTED, why, LW_NOWHERE);
}

/* RFC 5280 section 6.1.3 (a) (2); the end is part of the time (section 4.1.2.5). */
static lw_err check_time(const struct hsm_cert *cert, int64_t now)
{
    if (now < cert->not_before) {
        return LW_FAIL(LW_E_EXPIRED, "certificate: not valid yet", LW_NOWHERE);
    }
    if (now > cert->not_after) {
        return LW_FAIL(LW_E_EXPIRED, "certificate: expired", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

static bool is_self_issued(const struct hsm_cert *cert)
{
    return lw_bytes_eq(cert->issuer, cert->subject);
}

static lw_err check_leaf(const struct hsm_cert *leaf, unsigned need)
{
    if (is_self_issued(leaf)) {
        return untrusted("certificate: issued by itself");
    }
    if (leaf->is_ca && (need & HSM_CERT_USE_CA) == 0) {
        return untrusted("certificate: of an authority, not of a signer");
    }
    if ((leaf->uses & need) != need) {
        return untrusted("certificate: not for this use");
    }
    /* RFC 5280 section 4.2.1.12: for the purposes it names and no other. */
    if (leaf->limited && (need & HSM_CERT_USE_SIGN) != 0 && (need & USE_BY_EKU) == 0) {
        return untrusted("certificate: limited to another use");
    }
    return LW_SUCCESS;
}

/* RFC 5280 sections 4.2.1.1 and 4.2.1.2: both identifiers are there and equal. */
static bool key_ids_agree(const struct hsm_cert *cert, const struct hsm_cert *issuer)
{
    const lw_bytes named = {.ptr = cert->authority_key_id, .len = cert->authority_key_id_len};
    const lw_bytes own = {.ptr = issuer->key_id, .len = issuer->key_id_len};
    return named.len > 0 && lw_bytes_eq(named, own);
}

/*
 * RFC 5280 sections 6.1.3 (a) and 6.1.4: `issuer` issued `cert` and was allowed to.
 *
 * below   CA certificates between `issuer` and the leaf, self-issued ones not counted
 */
static lw_err check_issued(const struct hsm_cert *cert, const struct hsm_cert *issuer, int below)
{
    if (!key_ids_agree(cert, issuer)) {
        return untrusted("certificate: another key of its issuer");
    }
    if ((issuer->uses & HSM_CERT_USE_CA) == 0) {
        return untrusted("certificate: its issuer may not issue");
    }
    if (issuer->path_len >= 0 && below > issuer->path_len) {
        return untrusted("certificate: path longer than its issuer allows");
    }
    if (cert->sig_alg != issuer->key.alg) {
        return untrusted("certificate: signed with another algorithm than its issuer's");
    }
    const lw_bytes sig = {.ptr = cert->signature, .len = cert->signature_len};
    const lw_err err = hsm_verify(&issuer->key, cert->tbs, sig);
    return err.code == LW_E_SIGNATURE ? untrusted("certificate: its signature does not hold") : err;
}

static lw_err check_anchor(const struct hsm_cert *top, const struct hsm_cert *anchor, int below,
                           int64_t now)
{
    LW_TRY(check_issued(top, anchor, below));
    return check_time(anchor, now);
}

static lw_err find_anchor(const struct hsm_cert *top, const struct hsm_cert *anchors, size_t count,
                          int below, int64_t now)
{
    lw_err err = untrusted("certificate: issued by nobody we trust");
    for (size_t i = 0; i < count; i++) {
        if (lw_bytes_eq(top->issuer, anchors[i].subject)) {
            err = check_anchor(top, &anchors[i], below, now);
            if (err.code == LW_OK) {
                return err; /* several anchors can share a name */
            }
        }
    }
    return err;
}

lw_err hsm_cert_check_path(const lw_bytes *chain, size_t count, const struct hsm_cert *anchors,
                           size_t anchor_count, unsigned need, int64_t now, struct hsm_cert *leaf)
{
    struct hsm_cert first;
    struct hsm_cert cert;
    int below = 0;
    if (count == 0) {
        return untrusted("certificate: none given");
    }
    if (count > HSM_CHAIN_MAX) {
        return LW_FAIL(LW_E_LIMIT, "certificate: chain too long", LW_NOWHERE);
    }
    LW_TRY(hsm_cert_parse(chain[0], &first));
    LW_TRY(check_leaf(&first, need));
    LW_TRY(check_time(&first, now));
    cert = first;
    for (size_t i = 1; i < count; i++) {
        struct hsm_cert issuer;
        LW_TRY(hsm_cert_parse(chain[i], &issuer));
        if (!lw_bytes_eq(cert.issuer, issuer.subject)) {
            return untrusted("certificate: issued by another than the next");
        }
        LW_TRY(check_issued(&cert, &issuer, below));
        LW_TRY(check_time(&issuer, now));
        below += is_self_issued(&issuer) ? 0 : 1;
        cert = issuer;
    }
    LW_TRY(find_anchor(&cert, anchors, anchor_count, below, now));
    *leaf = first;
    return LW_SUCCESS;
}
