#include "wallet/trust.h"

#include <assert.h>
#include <stdlib.h>

#include "trust_uri.h"

enum { BUCKETS = 256, HASH_PREFIX_LEN = 8 };

/* An issuer with what it borrows, in one allocation; a member of three lists. */
struct node {
    struct wallet_issuer issuer;
    struct node *next_by_kid;
    struct node *next_by_hash;
    uint8_t bytes[]; /* certificate, types, prefixes */
};

struct wallet_trust {
    struct node *by_kid[BUCKETS];  /* by the first byte, which is random */
    struct node *by_hash[BUCKETS]; /* of the certificate's SHA-256 */
    struct node **issuers;         /* in the order added */
    size_t issuer_count;
    size_t issuer_room;
    struct hsm_cert *anchors; /* each `der` is an allocation of its own */
    size_t anchor_count;
    uint8_t digest[HSM_SHA256_LEN];   /* of all that was added */
    size_t first[WALLET_ANCHORS_MAX]; /* of each anchor: that of its authority, never a later one */
};

static lw_err out_of_memory(void)
{
    return LW_FAIL(LW_E_NOMEM, "trust: out of memory", LW_NOWHERE);
}

static lw_err bad_value(const char *why)
{
    return LW_FAIL(LW_E_VALUE, why, LW_NOWHERE);
}

lw_err wallet_trust_new(struct wallet_trust **trust)
{
    struct wallet_trust *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return out_of_memory();
    }
    made->anchors = calloc(WALLET_ANCHORS_MAX, sizeof(*made->anchors));
    if (made->anchors == NULL) {
        free(made);
        return out_of_memory();
    }
    *trust = made;
    return LW_SUCCESS;
}

void wallet_trust_free(struct wallet_trust *trust)
{
    if (trust == NULL) {
        return;
    }
    for (size_t i = 0; i < trust->issuer_count; i++) {
        free(trust->issuers[i]);
    }
    for (size_t i = 0; i < trust->anchor_count; i++) {
        free((void *)(uintptr_t)trust->anchors[i].der.ptr); /* ours, allocated in add_anchor */
    }
    free(trust->issuers);
    free(trust->anchors);
    free(trust);
}

/* Takes the next of what is added into the digest; the length stands before each text. */
static lw_err take_in(struct wallet_trust *trust, const void *bytes, size_t len)
{
    const uint64_t length = len;
    const lw_bytes parts[] = {
        LW_BYTES(trust->digest),
        {.ptr = (const uint8_t *)&length, .len = sizeof(length)},
        {.ptr = bytes, .len = len},
    };
    return hsm_sha256_parts(parts, sizeof(parts) / sizeof(parts[0]), trust->digest);
}

static lw_err take_in_texts(struct wallet_trust *trust, const lw_str *texts, size_t count)
{
    const uint64_t number = count;
    LW_TRY(take_in(trust, &number, sizeof(number)));
    for (size_t i = 0; i < count; i++) {
        LW_TRY(take_in(trust, texts[i].ptr, texts[i].len));
    }
    return LW_SUCCESS;
}

static lw_err take_in_issuer(struct wallet_trust *trust, const struct wallet_issuer *issuer)
{
    const int64_t numbers[] = {issuer->not_after, (int64_t)issuer->state, issuer->revoked_since};
    LW_TRY(take_in(trust, issuer->cert.der.ptr, issuer->cert.der.len));
    LW_TRY(take_in(trust, issuer->kid, sizeof(issuer->kid)));
    LW_TRY(take_in(trust, numbers, sizeof(numbers)));
    LW_TRY(take_in_texts(trust, issuer->vcts, issuer->vct_count));
    return take_in_texts(trust, issuer->status_prefixes, issuer->status_prefix_count);
}

static lw_err add_anchor(struct wallet_trust *trust, lw_bytes cert, size_t first)
{
    struct hsm_cert parsed;
    LW_TRY(hsm_cert_parse(cert, &parsed));
    if ((parsed.uses & HSM_CERT_USE_CA) == 0) {
        return bad_value("trust: anchor is no CA certificate");
    }
    for (size_t i = 0; i < trust->anchor_count; i++) {
        if (lw_bytes_eq(trust->anchors[i].der, cert)) {
            return bad_value("trust: anchor given twice");
        }
    }
    if (trust->anchor_count == WALLET_ANCHORS_MAX) {
        return LW_FAIL(LW_E_LIMIT, "trust: too many anchors", LW_NOWHERE);
    }
    uint8_t *copy = malloc(cert.len);
    if (copy == NULL) {
        return out_of_memory();
    }
    memcpy(copy, cert.ptr, cert.len);
    lw_err err = hsm_cert_parse((lw_bytes){.ptr = copy, .len = cert.len},
                                &trust->anchors[trust->anchor_count]);
    err = err.code == LW_OK ? take_in(trust, copy, cert.len) : err;
    err = err.code == LW_OK ? take_in(trust, &first, sizeof(first)) : err;
    if (err.code != LW_OK) {
        free(copy);
        return err;
    }
    trust->first[trust->anchor_count++] = first;
    return LW_SUCCESS;
}

lw_err wallet_trust_add_anchor(struct wallet_trust *trust, lw_bytes cert)
{
    return add_anchor(trust, cert, trust->anchor_count);
}

lw_err wallet_trust_join_anchor(struct wallet_trust *trust, lw_bytes cert)
{
    if (trust->anchor_count == 0) {
        return bad_value("trust: no anchor that another could join");
    }
    return add_anchor(trust, cert, trust->first[trust->anchor_count - 1]);
}

const struct hsm_cert *wallet_trust_authority(const struct wallet_trust *trust,
                                              const struct wallet_issuer *issuer, size_t *count)
{
    const struct hsm_cert *found = NULL;
    *count = 0;
    for (size_t i = 0; issuer->has_ca && i < trust->anchor_count; i++) {
        const struct hsm_cert *first = &trust->anchors[trust->first[i]];
        if (memcmp(first->sha256, issuer->ca, sizeof(issuer->ca)) == 0) {
            found = first;
            (*count)++;
        }
    }
    return found;
}

/* One key, one purpose (DESIGN section 6): what signs certificates or lists signs no credential. */
static lw_err check_uses(const struct hsm_cert *cert)
{
    if (cert->is_ca) {
        return bad_value("trust: issuer has a CA certificate");
    }
    if ((cert->uses & HSM_CERT_USE_STATUS) != 0) {
        return bad_value("trust: issuer has a status signer's certificate");
    }
    if ((cert->uses & HSM_CERT_USE_SIGN) == 0) {
        return bad_value("trust: issuer's certificate is not for signatures");
    }
    if (cert->limited && (cert->uses & HSM_CERT_USE_MDOC_DS) == 0) {
        return bad_value("trust: issuer's certificate is limited to another use");
    }
    return LW_SUCCESS;
}

static lw_err check_entry(const struct wallet_trust_entry *entry, size_t *bytes)
{
    if (entry->vct_count > WALLET_VCTS_MAX) {
        return LW_FAIL(LW_E_LIMIT, "trust: too many types", LW_NOWHERE);
    }
    if (entry->status_prefix_count > WALLET_STATUS_PREFIXES_MAX) {
        return LW_FAIL(LW_E_LIMIT, "trust: too many status prefixes", LW_NOWHERE);
    }
    if (entry->state != WALLET_ISSUER_ACTIVE && entry->state != WALLET_ISSUER_NO_NEW &&
        entry->state != WALLET_ISSUER_REVOKED) {
        return bad_value("trust: unknown state of an issuer");
    }
    *bytes = entry->cert.len;
    for (size_t i = 0; i < entry->vct_count; i++) {
        if (entry->vcts[i].len == 0 || entry->vcts[i].len > WALLET_TRUST_TEXT_MAX) {
            return bad_value("trust: type is empty or too long");
        }
        *bytes += entry->vcts[i].len;
    }
    for (size_t i = 0; i < entry->status_prefix_count; i++) {
        if (entry->status_prefixes[i].len > WALLET_TRUST_TEXT_MAX ||
            !trust_uri_is_plain(entry->status_prefixes[i])) {
            return bad_value("trust: status prefix is no http(s) URI");
        }
        *bytes += entry->status_prefixes[i].len;
    }
    return LW_SUCCESS;
}

static const struct wallet_issuer *by_hash(const struct wallet_trust *trust, lw_bytes hash,
                                           size_t nth)
{
    for (const struct node *n = trust->by_hash[hash.ptr[0]]; n != NULL; n = n->next_by_hash) {
        if (memcmp(n->issuer.cert.sha256, hash.ptr, hash.len) == 0 && nth-- == 0) {
            return &n->issuer;
        }
    }
    return NULL;
}

static lw_err make_room(struct wallet_trust *trust)
{
    if (trust->issuer_count < trust->issuer_room) {
        return LW_SUCCESS;
    }
    if (trust->issuer_count == WALLET_ISSUERS_MAX) {
        return LW_FAIL(LW_E_LIMIT, "trust: too many issuers", LW_NOWHERE);
    }
    const size_t room = trust->issuer_room == 0 ? 16 : trust->issuer_room * 2;
    struct node **grown = realloc(trust->issuers, room * sizeof(struct node *));
    if (grown == NULL) {
        return out_of_memory();
    }
    trust->issuers = grown;
    trust->issuer_room = room;
    return LW_SUCCESS;
}

static uint8_t *copy_text(uint8_t *at, lw_str from, lw_str *to)
{
    memcpy(at, from.ptr, from.len);
    *to = (lw_str){.ptr = (const char *)at, .len = from.len};
    return at + from.len;
}

/* Finds the anchor that signed the issuer's certificate, at the time it was made. */
static void find_ca(const struct wallet_trust *trust, struct wallet_issuer *issuer)
{
    struct hsm_cert leaf;
    for (size_t i = 0; i < trust->anchor_count && !issuer->has_ca; i++) {
        const struct hsm_cert *anchor = &trust->anchors[i];
        const int64_t then = issuer->cert.not_before;
        if (hsm_cert_check_path(&issuer->cert.der, 1, anchor, 1, 0, then, &leaf).code == LW_OK) {
            issuer->has_ca = true;
            memcpy(issuer->ca, trust->anchors[trust->first[i]].sha256, sizeof(issuer->ca));
        }
    }
}

static lw_err fill(struct node *node, const struct wallet_trust_entry *entry)
{
    struct wallet_issuer *issuer = &node->issuer;
    uint8_t *at = node->bytes;
    memcpy(at, entry->cert.ptr, entry->cert.len);
    LW_TRY(hsm_cert_parse((lw_bytes){.ptr = at, .len = entry->cert.len}, &issuer->cert));
    at += entry->cert.len;
    for (size_t i = 0; i < entry->vct_count; i++) {
        at = copy_text(at, entry->vcts[i], &issuer->vcts[i]);
    }
    for (size_t i = 0; i < entry->status_prefix_count; i++) {
        at = copy_text(at, entry->status_prefixes[i], &issuer->status_prefixes[i]);
    }
    memcpy(issuer->kid, entry->kid == NULL ? issuer->cert.sha256 : entry->kid, WALLET_KID_LEN);
    issuer->agency = lw_str_c(issuer->cert.organization_id);
    issuer->name = lw_str_c(issuer->cert.common_name);
    issuer->vct_count = entry->vct_count;
    issuer->status_prefix_count = entry->status_prefix_count;
    issuer->not_after = entry->not_after;
    issuer->state = entry->state;
    issuer->revoked_since = entry->revoked_since;
    return LW_SUCCESS;
}

/* Issuers of one key come in the order they were added. */
static void link_node(struct wallet_trust *trust, struct node *node)
{
    struct node **kid = &trust->by_kid[node->issuer.kid[0]];
    struct node **hash = &trust->by_hash[node->issuer.cert.sha256[0]];
    while (*kid != NULL) {
        kid = &(*kid)->next_by_kid;
    }
    while (*hash != NULL) {
        hash = &(*hash)->next_by_hash;
    }
    *kid = node;
    *hash = node;
    trust->issuers[trust->issuer_count++] = node;
}

lw_err wallet_trust_add(struct wallet_trust *trust, const struct wallet_trust_entry *entry)
{
    struct hsm_cert cert;
    size_t bytes = 0;
    LW_TRY(hsm_cert_parse(entry->cert, &cert));
    LW_TRY(check_uses(&cert));
    LW_TRY(check_entry(entry, &bytes));
    if (by_hash(trust, LW_BYTES(cert.sha256), 0) != NULL) {
        return bad_value("trust: issuer given twice");
    }
    LW_TRY(make_room(trust));
    struct node *node = calloc(1, sizeof(*node) + bytes);
    if (node == NULL) {
        return out_of_memory();
    }
    lw_err err = fill(node, entry);
    err = err.code == LW_OK ? take_in_issuer(trust, &node->issuer) : err;
    if (err.code != LW_OK) {
        free(node);
        return err;
    }
    find_ca(trust, &node->issuer);
    link_node(trust, node);
    return LW_SUCCESS;
}

size_t wallet_trust_count(const struct wallet_trust *trust)
{
    return trust->issuer_count;
}

const struct wallet_issuer *wallet_trust_at(const struct wallet_trust *trust, size_t i)
{
    assert(i < trust->issuer_count);
    return &trust->issuers[i]->issuer;
}

const uint8_t *wallet_trust_digest(const struct wallet_trust *trust)
{
    return trust->digest;
}

const struct hsm_cert *wallet_trust_anchors(const struct wallet_trust *trust, size_t *count)
{
    *count = trust->anchor_count;
    return trust->anchors;
}

const struct wallet_issuer *wallet_trust_by_kid(const struct wallet_trust *trust,
                                                const uint8_t kid[8], size_t nth)
{
    for (const struct node *n = trust->by_kid[kid[0]]; n != NULL; n = n->next_by_kid) {
        if (memcmp(n->issuer.kid, kid, WALLET_KID_LEN) == 0 && nth-- == 0) {
            return &n->issuer;
        }
    }
    return NULL;
}

const struct wallet_issuer *wallet_trust_by_x5t(const struct wallet_trust *trust, lw_bytes hash,
                                                size_t nth)
{
    if (hash.len != HSM_SHA256_LEN && hash.len != HASH_PREFIX_LEN) {
        return NULL;
    }
    return by_hash(trust, hash, nth);
}

lw_err wallet_trust_by_chain(const struct wallet_trust *trust, const lw_bytes *chain, size_t count,
                             int64_t now, const struct wallet_issuer **issuer)
{
    uint8_t hash[HSM_SHA256_LEN];
    struct hsm_cert leaf;
    if (count == 0) {
        return LW_FAIL(LW_E_UNTRUSTED, "trust: no certificate", LW_NOWHERE);
    }
    LW_TRY(hsm_sha256(chain[0], hash));
    const struct wallet_issuer *found = by_hash(trust, LW_BYTES(hash), 0);
    if (found == NULL) {
        LW_TRY(hsm_cert_check_path(chain, count, trust->anchors, trust->anchor_count,
                                   HSM_CERT_USE_SIGN, now, &leaf));
        return LW_FAIL(LW_E_UNTRUSTED, "trust: certificate is not in the trust list", LW_NOWHERE);
    }
    if (now < found->cert.not_before || now > found->cert.not_after) {
        return LW_FAIL(LW_E_EXPIRED, "trust: certificate is outside its time", LW_NOWHERE);
    }
    *issuer = found;
    return LW_SUCCESS;
}

static bool may_sign(const struct wallet_issuer *issuer, lw_str vct)
{
    for (size_t i = 0; i < issuer->vct_count; i++) {
        if (lw_str_eq(issuer->vcts[i], vct)) {
            return true;
        }
    }
    return false;
}

/* specs/qr.md section 6: without revoked_since nothing holds, for a thief can back-date. */
static bool is_revoked(const struct wallet_issuer *issuer, int64_t issued_at)
{
    return issuer->state == WALLET_ISSUER_REVOKED &&
           (issued_at == INT64_MIN || issued_at >= issuer->revoked_since);
}

lw_err wallet_trust_allows(const struct wallet_issuer *issuer, lw_str vct, int64_t issued_at,
                           int64_t now)
{
    const struct hsm_cert *cert = &issuer->cert;
    if (!may_sign(issuer, vct)) {
        return LW_FAIL(LW_E_DENIED, "trust: issuer may not sign this type", LW_NOWHERE);
    }
    if (is_revoked(issuer, issued_at)) {
        return LW_FAIL(LW_E_CONFLICT, "trust: issuer's key is revoked", LW_NOWHERE);
    }
    if (now > issuer->not_after) {
        return LW_FAIL(LW_E_EXPIRED, "trust: issuer's entry has ended", LW_NOWHERE);
    }
    if (now < cert->not_before || now > cert->not_after) {
        return LW_FAIL(LW_E_EXPIRED, "trust: certificate is outside its time", LW_NOWHERE);
    }
    if (issued_at != INT64_MIN && (issued_at < cert->not_before || issued_at > cert->not_after)) {
        return LW_FAIL(LW_E_EXPIRED, "trust: issued outside the certificate's time", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

bool wallet_trust_status_uri(const struct wallet_issuer *issuer, lw_str uri)
{
    if (!trust_uri_is_plain(uri)) {
        return false;
    }
    for (size_t i = 0; i < issuer->status_prefix_count; i++) {
        if (trust_uri_is_below(uri, issuer->status_prefixes[i])) {
            return true;
        }
    }
    return false;
}
