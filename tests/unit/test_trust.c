#include "wallet/trust.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openssl/ec.h>

#include "authority.h"
#include "certs.h"
#include "lw/clock.h"

enum { NOW = 1795086400, YEAR_S = 365 * LW_DAY_S };

static struct support_authority authority;
static const lw_str vct = {.ptr = "https://lic.example/dl", .len = 22};
static const lw_str prefix = {.ptr = "https://st.example/lists", .len = 24};

static int make_authority(void **state)
{
    (void)state;
    support_authority_init(&authority, "dmv", NOW);
    return 0;
}

static int free_authority(void **state)
{
    (void)state;
    support_authority_free(&authority);
    return 0;
}

static struct wallet_trust_entry entry_of(const struct support_key *key)
{
    return (struct wallet_trust_entry){.cert = lw_buf_view(&key->cert),
                                       .vcts = &vct,
                                       .vct_count = 1,
                                       .not_after = NOW + YEAR_S,
                                       .revoked_since = INT64_MIN,
                                       .status_prefixes = &prefix,
                                       .status_prefix_count = 1};
}

static struct wallet_trust *trust_of(const struct wallet_trust_entry *entries, size_t count)
{
    struct wallet_trust *trust = NULL;
    assert_int_equal(wallet_trust_new(&trust).code, LW_OK);
    assert_int_equal(wallet_trust_add_anchor(trust, lw_buf_view(&authority.ca.cert)).code, LW_OK);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(wallet_trust_add(trust, &entries[i]).code, LW_OK);
    }
    return trust;
}

static void an_issuer_is_found_by_kid_hash_and_chain(void **state)
{
    (void)state;
    const struct wallet_trust_entry entry = entry_of(&authority.ds);
    WALLET_AUTO_TRUST trust = trust_of(&entry, 1);
    const struct wallet_issuer *issuer = wallet_trust_by_kid(trust, authority.ds.signer.kid, 0);
    assert_non_null(issuer);
    assert_null(wallet_trust_by_kid(trust, authority.ds.signer.kid, 1));
    assert_true(lw_str_is(issuer->agency, "dmv"));
    assert_true(lw_str_is(issuer->name, "Test agency"));
    assert_true(hsm_public_key_eq(&issuer->cert.key, &authority.ds.signer.key));
    assert_true(issuer->has_ca);

    struct hsm_cert ca;
    assert_int_equal(hsm_cert_parse(lw_buf_view(&authority.ca.cert), &ca).code, LW_OK);
    assert_memory_equal(issuer->ca, ca.sha256, sizeof(ca.sha256));

    const lw_bytes whole = LW_BYTES(issuer->cert.sha256);
    const lw_bytes cut = {.ptr = whole.ptr, .len = 8};
    assert_ptr_equal(wallet_trust_by_x5t(trust, whole, 0), issuer);
    assert_ptr_equal(wallet_trust_by_x5t(trust, cut, 0), issuer);
    assert_null(wallet_trust_by_x5t(trust, cut, 1));

    const struct wallet_issuer *found = NULL;
    const lw_bytes chain[] = {lw_buf_view(&authority.ds.cert)};
    assert_int_equal(wallet_trust_by_chain(trust, chain, 1, NOW, &found).code, LW_OK);
    assert_ptr_equal(found, issuer);
    assert_int_equal(wallet_trust_count(trust), 1);
    assert_ptr_equal(wallet_trust_at(trust, 0), issuer);
}

/* Any other length of a hash would match by its first bytes, or read past it. */
static void a_hash_of_another_length_finds_nobody(void **state)
{
    (void)state;
    const struct wallet_trust_entry entry = entry_of(&authority.ds);
    WALLET_AUTO_TRUST trust = trust_of(&entry, 1);
    const uint8_t *hash = wallet_trust_at(trust, 0)->cert.sha256;
    for (size_t len = 0; len < HSM_SHA256_LEN; len++) {
        const bool found = wallet_trust_by_x5t(trust, (lw_bytes){.ptr = hash, .len = len}, 0);
        assert_int_equal(found, len == 8);
    }
}

static void issuers_of_one_kid_are_given_in_turn(void **state)
{
    (void)state;
    struct support_authority other;
    support_authority_init(&other, "other", NOW);
    struct wallet_trust_entry entries[] = {entry_of(&authority.ds), entry_of(&other.ds)};
    entries[0].kid = (const uint8_t *)"same-kid";
    entries[1].kid = (const uint8_t *)"same-kid";
    WALLET_AUTO_TRUST trust = trust_of(entries, 2);
    for (size_t nth = 0; nth < 2; nth++) {
        assert_ptr_equal(wallet_trust_by_kid(trust, entries[0].kid, nth),
                         wallet_trust_at(trust, nth));
    }
    assert_null(wallet_trust_by_kid(trust, entries[0].kid, 2));
    assert_false(wallet_trust_at(trust, 1)->has_ca); /* of a CA that is no anchor here */
    support_authority_free(&other);
}

static void a_chain_is_refused_unless_the_list_names_its_leaf(void **state)
{
    (void)state;
    struct support_authority stranger;
    support_authority_init(&stranger, "dmv", NOW);
    const struct wallet_trust_entry entry = entry_of(&authority.ds);
    WALLET_AUTO_TRUST trust = trust_of(&entry, 1);
    const struct wallet_issuer *found = NULL;
    const lw_bytes listed[] = {lw_buf_view(&authority.ds.cert)};
    const lw_bytes unlisted[] = {lw_buf_view(&authority.status.cert)};
    const lw_bytes strange[] = {lw_buf_view(&stranger.ds.cert), lw_buf_view(&stranger.ca.cert)};
    const lw_bytes broken[] = {LW_BYTES(((const uint8_t[]){0x30, 0x00}))};
    const struct {
        const lw_bytes *chain;
        size_t count;
        int64_t now;
        lw_code code;
    } cases[] = {
        {listed, 0, NOW, LW_E_UNTRUSTED},
        {unlisted, 1, NOW, LW_E_UNTRUSTED},
        {strange, 1, NOW, LW_E_UNTRUSTED},
        {strange, 2, NOW, LW_E_UNTRUSTED},
        {broken, 1, NOW, LW_E_SYNTAX},
        {listed, 1, NOW - LW_DAY_S - 1, LW_E_EXPIRED},
        {listed, 1, NOW + YEAR_S + 1, LW_E_EXPIRED},
        {listed, 1, NOW - LW_DAY_S, LW_OK},
        {listed, 1, NOW + YEAR_S, LW_OK},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const lw_err err =
            wallet_trust_by_chain(trust, cases[i].chain, cases[i].count, cases[i].now, &found);
        assert_int_equal(err.code, cases[i].code);
    }
    support_authority_free(&stranger);
}

static void an_issuer_signs_its_types_within_its_time_until_revoked(void **state)
{
    static const struct {
        enum wallet_issuer_state state;
        int64_t revoked_since;
        const char *vct;
        int64_t issued_at;
        int64_t now;
        lw_code code;
    } cases[] = {
        {WALLET_ISSUER_ACTIVE, INT64_MIN, "https://lic.example/dl", NOW, NOW, LW_OK},
        {WALLET_ISSUER_ACTIVE, INT64_MIN, "https://lic.example/dl", INT64_MIN, NOW, LW_OK},
        {WALLET_ISSUER_NO_NEW, INT64_MIN, "https://lic.example/dl", NOW, NOW, LW_OK},
        {WALLET_ISSUER_ACTIVE, INT64_MIN, "https://lic.example/d", NOW, NOW, LW_E_DENIED},
        {WALLET_ISSUER_ACTIVE, INT64_MIN, "https://lic.example/dl2", NOW, NOW, LW_E_DENIED},
        {WALLET_ISSUER_ACTIVE, INT64_MIN, "", NOW, NOW, LW_E_DENIED},
        {WALLET_ISSUER_REVOKED, INT64_MIN, "https://lic.example/dl", NOW - 9, NOW, LW_E_CONFLICT},
        {WALLET_ISSUER_REVOKED, NOW - 5, "https://lic.example/dl", NOW - 6, NOW, LW_OK},
        {WALLET_ISSUER_REVOKED, NOW - 5, "https://lic.example/dl", NOW - 5, NOW, LW_E_CONFLICT},
        {WALLET_ISSUER_REVOKED, NOW - 5, "https://lic.example/dl", INT64_MIN, NOW, LW_E_CONFLICT},
        {WALLET_ISSUER_ACTIVE, INT64_MIN, "https://lic.example/dl", NOW, NOW + 100, LW_OK},
        {WALLET_ISSUER_ACTIVE, INT64_MIN, "https://lic.example/dl", NOW, NOW + 101, LW_E_EXPIRED},
        {WALLET_ISSUER_ACTIVE, INT64_MIN, "https://lic.example/dl", NOW - LW_DAY_S, NOW, LW_OK},
        {WALLET_ISSUER_ACTIVE, INT64_MIN, "https://lic.example/dl", NOW - LW_DAY_S - 1, NOW,
         LW_E_EXPIRED},
        {WALLET_ISSUER_ACTIVE, INT64_MIN, "https://lic.example/dl", NOW + YEAR_S + 1, NOW,
         LW_E_EXPIRED},
        {WALLET_ISSUER_ACTIVE, INT64_MIN, "https://lic.example/dl", NOW, NOW - LW_DAY_S - 1,
         LW_E_EXPIRED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wallet_trust_entry entry = entry_of(&authority.ds);
        entry.state = cases[i].state;
        entry.revoked_since = cases[i].revoked_since;
        entry.not_after = NOW + 100;
        WALLET_AUTO_TRUST trust = trust_of(&entry, 1);
        const lw_err err = wallet_trust_allows(wallet_trust_at(trust, 0), lw_str_c(cases[i].vct),
                                               cases[i].issued_at, cases[i].now);
        assert_int_equal(err.code, cases[i].code);
    }
}

/* F11, A30: the entry may outlive the certificate; the certificate's end counts all the same. */
static void nothing_holds_after_the_certificate_ends(void **state)
{
    (void)state;
    struct wallet_trust_entry entry = entry_of(&authority.ds);
    entry.not_after = INT64_MAX;
    WALLET_AUTO_TRUST trust = trust_of(&entry, 1);
    const struct wallet_issuer *issuer = wallet_trust_at(trust, 0);
    assert_int_equal(wallet_trust_allows(issuer, vct, NOW, NOW + YEAR_S).code, LW_OK);
    assert_int_equal(wallet_trust_allows(issuer, vct, NOW, NOW + YEAR_S + 1).code, LW_E_EXPIRED);
}

static void status_lists_lie_below_the_prefixes_only(void **state)
{
    static const struct {
        const char *uri;
        bool below;
    } cases[] = {
        {"https://st.example/lists", true},
        {"https://st.example/lists/", true},
        {"https://st.example/lists/7", true},
        {"https://dir.example/a/7", true}, /* prefix "https://dir.example/a/" */
        {"https://st.example/lists7", false},
        {"https://st.example/list", false},
        {"http://st.example/lists/7", false},
        {"https://ST.example/lists/7", false},
        {"https://st.example.evil/lists/7", false},
        {"https://st.example/lists/../x", false},
        {"https://st.example/lists/./x", false},
        {"https://st.example/lists/..", false},
        {"https://st.example/lists/7?x", false},
        {"https://st.example/lists/7#x", false},
        {"https://st.example/lists/%2e%2e/x", false},
        {"https://st.example/lists/7 ", false},
        {"https://st.example/lists/7\n", false},
        {"https://st.example/lists\\7", false},
        {"https://dir.example/a", false},
        {"", false},
    };
    (void)state;
    const lw_str prefixes[] = {LW_STR("https://st.example/lists"),
                               LW_STR("https://dir.example/a/")};
    struct wallet_trust_entry entry = entry_of(&authority.ds);
    entry.status_prefixes = prefixes;
    entry.status_prefix_count = 2;
    WALLET_AUTO_TRUST trust = trust_of(&entry, 1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(wallet_trust_status_uri(wallet_trust_at(trust, 0), lw_str_c(cases[i].uri)),
                         cases[i].below);
    }
}

static void a_host_alone_is_a_prefix_of_its_paths_only(void **state)
{
    (void)state;
    const lw_str host = LW_STR("https://st.example");
    struct wallet_trust_entry entry = entry_of(&authority.ds);
    entry.status_prefixes = &host;
    WALLET_AUTO_TRUST trust = trust_of(&entry, 1);
    const struct wallet_issuer *issuer = wallet_trust_at(trust, 0);
    assert_true(wallet_trust_status_uri(issuer, LW_STR("https://st.example/1")));
    assert_false(wallet_trust_status_uri(issuer, LW_STR("https://st.example:81/1")));
    assert_false(wallet_trust_status_uri(issuer, LW_STR("https://st.example@evil/1")));
    assert_false(wallet_trust_status_uri(issuer, LW_STR("https://st.example.evil/1")));
}

struct bend {
    const char *what;
    void (*apply)(struct wallet_trust_entry *entry);
    lw_code code;
};

static void by_the_ca(struct wallet_trust_entry *entry)
{
    entry->cert = lw_buf_view(&authority.ca.cert);
}

static void by_the_status_key(struct wallet_trust_entry *entry)
{
    entry->cert = lw_buf_view(&authority.status.cert);
}

static void no_certificate(struct wallet_trust_entry *entry)
{
    entry->cert = (lw_bytes){.ptr = (const uint8_t *)"0", .len = 1};
}

static void empty_type(struct wallet_trust_entry *entry)
{
    static const lw_str empty = {.ptr = "", .len = 0};
    entry->vcts = &empty;
}

static void long_type(struct wallet_trust_entry *entry)
{
    static char text[WALLET_TRUST_TEXT_MAX + 1];
    static const lw_str longest = {.ptr = text, .len = sizeof(text)};
    memset(text, 'a', sizeof(text));
    entry->vcts = &longest;
}

static void too_many_types(struct wallet_trust_entry *entry)
{
    entry->vct_count = WALLET_VCTS_MAX + 1;
}

static void too_many_prefixes(struct wallet_trust_entry *entry)
{
    entry->status_prefix_count = WALLET_STATUS_PREFIXES_MAX + 1;
}

static void prefix_without_host(struct wallet_trust_entry *entry)
{
    static const lw_str bad = {.ptr = "https:///x", .len = 10};
    entry->status_prefixes = &bad;
}

static void prefix_of_another_scheme(struct wallet_trust_entry *entry)
{
    static const lw_str bad = {.ptr = "file://x/y", .len = 10};
    entry->status_prefixes = &bad;
}

static void long_prefix(struct wallet_trust_entry *entry)
{
    static char text[WALLET_TRUST_TEXT_MAX + 1] = "https://x/";
    static const lw_str longest = {.ptr = text, .len = sizeof(text)};
    memset(text + 10, 'a', sizeof(text) - 10);
    entry->status_prefixes = &longest;
}

static void unknown_state(struct wallet_trust_entry *entry)
{
    entry->state = (enum wallet_issuer_state)3;
}

static void an_entry_that_cannot_be_an_issuer_is_refused(void **state)
{
    static const struct bend bends[] = {
        {"CA certificate", by_the_ca, LW_E_VALUE},
        {"status certificate", by_the_status_key, LW_E_VALUE},
        {"no certificate", no_certificate, LW_E_SYNTAX},
        {"empty type", empty_type, LW_E_VALUE},
        {"long type", long_type, LW_E_VALUE},
        {"too many types", too_many_types, LW_E_LIMIT},
        {"too many prefixes", too_many_prefixes, LW_E_LIMIT},
        {"prefix without host", prefix_without_host, LW_E_VALUE},
        {"prefix of another scheme", prefix_of_another_scheme, LW_E_VALUE},
        {"long prefix", long_prefix, LW_E_VALUE},
        {"unknown state", unknown_state, LW_E_VALUE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(bends) / sizeof(bends[0]); i++) {
        struct wallet_trust_entry entry = entry_of(&authority.ds);
        WALLET_AUTO_TRUST trust = trust_of(NULL, 0);
        bends[i].apply(&entry);
        assert_int_equal(wallet_trust_add(trust, &entry).code, bends[i].code);
        assert_int_equal(wallet_trust_count(trust), 0);
    }
}

/* A28: what a certificate is not for, its key signs no credential with. */
static void a_certificate_for_another_use_is_refused(void **state)
{
    static const struct {
        const char *const extensions[5];
        lw_code code;
    } cases[] = {
        {{"keyUsage", "critical,digitalSignature", NULL}, LW_OK},
        {{"keyUsage", "critical,digitalSignature", "extendedKeyUsage", "1.0.18013.5.1.2", NULL},
         LW_OK}, /* issuers of mdoc stand in the list too */
        {{"keyUsage", "critical,keyEncipherment", NULL}, LW_E_VALUE},
        {{"keyUsage", "critical,digitalSignature", "extendedKeyUsage", "serverAuth", NULL},
         LW_E_VALUE},
    };
    (void)state;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct support_cert spec = {.common_name = "Signer",
                                          .key = key,
                                          .not_before = NOW,
                                          .not_after = NOW + YEAR_S,
                                          .extensions = cases[i].extensions};
        LW_AUTO_BUF der = LW_BUF(HSM_CERT_MAX);
        X509 *x509 = support_cert(&spec);
        support_cert_der(x509, &der);
        struct wallet_trust_entry entry = entry_of(&authority.ds);
        entry.cert = lw_buf_view(&der);
        WALLET_AUTO_TRUST trust = trust_of(NULL, 0);
        assert_int_equal(wallet_trust_add(trust, &entry).code, cases[i].code);
        X509_free(x509);
    }
    EVP_PKEY_free(key);
}

static void an_issuer_given_twice_is_refused(void **state)
{
    (void)state;
    const struct wallet_trust_entry entry = entry_of(&authority.ds);
    WALLET_AUTO_TRUST trust = trust_of(&entry, 1);
    assert_int_equal(wallet_trust_add(trust, &entry).code, LW_E_VALUE);
    assert_int_equal(wallet_trust_count(trust), 1);
}

static void an_anchor_is_a_ca_and_given_once(void **state)
{
    (void)state;
    WALLET_AUTO_TRUST trust = trust_of(NULL, 0);
    size_t count = 0;
    assert_int_equal(wallet_trust_add_anchor(trust, lw_buf_view(&authority.ca.cert)).code,
                     LW_E_VALUE);
    assert_int_equal(wallet_trust_add_anchor(trust, lw_buf_view(&authority.ds.cert)).code,
                     LW_E_VALUE);
    assert_int_equal(wallet_trust_add_anchor(trust, (lw_bytes){.ptr = NULL, .len = 0}).code,
                     LW_E_SYNTAX);
    (void)wallet_trust_anchors(trust, &count);
    assert_int_equal(count, 1);
}

static void there_is_room_for_so_many_anchors(void **state)
{
    (void)state;
    WALLET_AUTO_TRUST trust = NULL;
    assert_int_equal(wallet_trust_new(&trust).code, LW_OK);
    for (int i = 0; i <= WALLET_ANCHORS_MAX; i++) {
        const struct support_key_spec spec = {HSM_PURPOSE_CA,  "CA", "city",
                                              HSM_CERT_USE_CA, NOW,  NOW + YEAR_S};
        struct support_key ca;
        support_key_init(&ca, &spec, NULL);
        const lw_err err = wallet_trust_add_anchor(trust, lw_buf_view(&ca.cert));
        assert_int_equal(err.code, i < WALLET_ANCHORS_MAX ? LW_OK : LW_E_LIMIT);
        support_key_free(&ca);
    }
}

/* One certificate with many serial numbers: nobody checks its signature here. */
static void there_is_room_for_so_many_issuers(void **state)
{
    (void)state;
    struct hsm_cert cert;
    LW_AUTO_BUF der = LW_BUF(HSM_CERT_MAX);
    WALLET_AUTO_TRUST trust = NULL;
    struct wallet_trust_entry entry = entry_of(&authority.ds);
    assert_int_equal(lw_buf_put(&der, entry.cert).code, LW_OK);
    entry.cert = lw_buf_view(&der);
    assert_int_equal(hsm_cert_parse(entry.cert, &cert).code, LW_OK);
    uint8_t *serial_end = der.ptr + (cert.serial.ptr - der.ptr) + cert.serial.len;
    assert_int_equal(wallet_trust_new(&trust).code, LW_OK);
    for (int i = 0; i <= WALLET_ISSUERS_MAX; i++) {
        serial_end[-1] = (uint8_t)(i & 0xff);
        serial_end[-2] = (uint8_t)(i >> 8);
        assert_int_equal(wallet_trust_add(trust, &entry).code,
                         i < WALLET_ISSUERS_MAX ? LW_OK : LW_E_LIMIT);
    }
    assert_int_equal(wallet_trust_count(trust), WALLET_ISSUERS_MAX);
    for (size_t i = 0; i < WALLET_ISSUERS_MAX; i++) {
        const struct wallet_issuer *issuer = wallet_trust_at(trust, i);
        assert_ptr_equal(wallet_trust_by_x5t(trust, LW_BYTES(issuer->cert.sha256), 0), issuer);
        assert_ptr_equal(wallet_trust_by_kid(trust, issuer->kid, 0), issuer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_issuer_is_found_by_kid_hash_and_chain),
        cmocka_unit_test(a_hash_of_another_length_finds_nobody),
        cmocka_unit_test(issuers_of_one_kid_are_given_in_turn),
        cmocka_unit_test(a_chain_is_refused_unless_the_list_names_its_leaf),
        cmocka_unit_test(an_issuer_signs_its_types_within_its_time_until_revoked),
        cmocka_unit_test(nothing_holds_after_the_certificate_ends),
        cmocka_unit_test(status_lists_lie_below_the_prefixes_only),
        cmocka_unit_test(a_host_alone_is_a_prefix_of_its_paths_only),
        cmocka_unit_test(an_entry_that_cannot_be_an_issuer_is_refused),
        cmocka_unit_test(a_certificate_for_another_use_is_refused),
        cmocka_unit_test(an_issuer_given_twice_is_refused),
        cmocka_unit_test(an_anchor_is_a_ca_and_given_once),
        cmocka_unit_test(there_is_room_for_so_many_anchors),
        cmocka_unit_test(there_is_room_for_so_many_issuers),
    };
    return cmocka_run_group_tests(tests, make_authority, free_authority);
}
