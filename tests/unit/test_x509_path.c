#include "hsm/x509.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/x509v3.h>

#include "bytes.h"
#include "certs.h"

enum { NOW = 1795000000, BEGIN = NOW - 86400, END = NOW + 86400 };
enum { ROOT, MIDDLE, LOW, LEAF, OTHER, KEYS, DER_MAX = 4096 };

static const char *const root_ext[] = {"basicConstraints",
                                       "critical,CA:TRUE",
                                       "keyUsage",
                                       "critical,keyCertSign,cRLSign",
                                       "subjectKeyIdentifier",
                                       "hash",
                                       NULL};
#define KEY_IDS "subjectKeyIdentifier", "hash", "authorityKeyIdentifier", "keyid:always"
static const char *const ca_ext[] = {
    "basicConstraints", "critical,CA:TRUE", "keyUsage", "critical,keyCertSign", KEY_IDS, NULL};
static const char *const leaf_ext[] = {"keyUsage", "critical,digitalSignature", KEY_IDS, NULL};

static EVP_PKEY *keys[KEYS];

static int set_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < KEYS; i++) {
        keys[i] = EVP_EC_gen("P-256");
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < KEYS; i++) {
        EVP_PKEY_free(keys[i]);
    }
    return 0;
}

static struct support_cert root_spec(void)
{
    return (struct support_cert){.common_name = "Root",
                                 .key = keys[ROOT],
                                 .not_before = BEGIN,
                                 .not_after = END,
                                 .extensions = root_ext};
}

/* A path: the leaf first, the anchor last; each issued by the next. */
struct path {
    X509 *x509[6];
    lw_buf der[6];
    size_t count; /* the anchor included */
};

static struct path path_new(void)
{
    struct path p = {.count = 0};
    for (size_t i = 0; i < 6; i++) {
        p.der[i] = LW_BUF(DER_MAX);
    }
    return p;
}

static void path_free(struct path *p)
{
    for (size_t i = 0; i < 6; i++) {
        X509_free(p->x509[i]);
        lw_buf_free(&p->der[i]);
    }
}

/* Makes the certificates from the anchor (the last spec) down to the leaf (the first). */
static struct path make_path(struct support_cert *specs, size_t count)
{
    struct path p = path_new();
    p.count = count;
    for (size_t i = count; i-- > 0;) {
        if (i + 1 < count) {
            specs[i].issuer = p.x509[i + 1];
        }
        p.x509[i] = support_cert(&specs[i]);
        support_cert_der(p.x509[i], &p.der[i]);
    }
    return p;
}

struct question {
    unsigned need;
    int64_t now;
};

static lw_code ask(const struct path *p, struct question q)
{
    struct hsm_cert anchor;
    struct hsm_cert leaf;
    lw_bytes chain[6];
    const size_t last = p->count - 1;
    assert_int_equal(hsm_cert_parse(lw_buf_view(&p->der[last]), &anchor).code, LW_OK);
    for (size_t i = 0; i < last; i++) {
        chain[i] = lw_buf_view(&p->der[i]);
    }
    const lw_err err = hsm_cert_check_path(chain, last, &anchor, 1, q.need, q.now, &leaf);
    if (err.code == LW_OK) {
        assert_ptr_equal(leaf.der.ptr, p->der[0].ptr);
    }
    return err.code;
}

static struct question sign_now(void)
{
    return (struct question){.need = HSM_CERT_USE_SIGN, .now = NOW};
}

/* Leaf, two authorities between, root. */
static void four_specs(struct support_cert specs[4])
{
    static const char *const names[] = {"Leaf", "Low", "Middle"};
    static const int owners[] = {LEAF, LOW, MIDDLE, ROOT};
    for (size_t i = 0; i < 3; i++) {
        specs[i] = (struct support_cert){.common_name = names[i],
                                         .key = keys[owners[i]],
                                         .signer = keys[owners[i + 1]],
                                         .not_before = BEGIN,
                                         .not_after = END,
                                         .extensions = i == 0 ? leaf_ext : ca_ext};
    }
    specs[3] = root_spec();
}

/* Leaf and root. */
static void two_specs(struct support_cert specs[2])
{
    struct support_cert four[4];
    four_specs(four);
    specs[0] = four[0];
    specs[0].signer = keys[ROOT];
    specs[1] = four[3];
}

static lw_code ask_specs(struct support_cert *specs, size_t count, struct question q)
{
    struct path p = make_path(specs, count);
    const lw_code code = ask(&p, q);
    path_free(&p);
    return code;
}

static void good_paths_are_accepted(void **state)
{
    (void)state;
    struct support_cert four[4];
    struct support_cert two[2];
    four_specs(four);
    two_specs(two);
    assert_int_equal(ask_specs(four, 4, sign_now()), LW_OK);
    assert_int_equal(ask_specs(two, 2, sign_now()), LW_OK);
    assert_int_equal(ask_specs(two, 2, (struct question){.need = 0, .now = NOW}), LW_OK);
}

static void each_certificate_of_a_path_has_its_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct support_cert specs[4];
        four_specs(specs);
        specs[i].not_before = NOW - 10;
        specs[i].not_after = NOW + 10;
        struct path p = make_path(specs, 4);
        const unsigned need = HSM_CERT_USE_SIGN;
        assert_int_equal(ask(&p, (struct question){need, NOW - 11}), LW_E_EXPIRED);
        assert_int_equal(ask(&p, (struct question){need, NOW - 10}), LW_OK);
        assert_int_equal(ask(&p, (struct question){need, NOW + 10}), LW_OK);
        assert_int_equal(ask(&p, (struct question){need, NOW + 11}), LW_E_EXPIRED);
        path_free(&p);
    }
}

static void each_signature_of_a_path_is_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct support_cert specs[4];
        four_specs(specs);
        specs[i].signer = keys[OTHER];
        assert_int_equal(ask_specs(specs, 4, sign_now()), LW_E_UNTRUSTED);
    }
}

static void each_name_of_a_path_is_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct support_cert specs[4];
        four_specs(specs);
        struct path p = make_path(specs, 4);
        /* Issued anew under another name, with all else the same: key identifier and key. */
        X509 *other = support_cert(&(struct support_cert){.common_name = "Stranger",
                                                          .key = specs[i + 1].key,
                                                          .not_before = BEGIN,
                                                          .not_after = END,
                                                          .extensions = root_ext});
        struct support_cert again = specs[i];
        again.issuer = other;
        X509 *made = support_cert(&again);
        lw_buf_truncate(&p.der[i], 0);
        support_cert_der(made, &p.der[i]);
        assert_int_equal(ask(&p, sign_now()), LW_E_UNTRUSTED);
        X509_free(made);
        X509_free(other);
        path_free(&p);
    }
}

static void each_issuer_must_be_an_authority(void **state)
{
    static const char *const no_authority[][9] = {
        {"keyUsage", "critical,digitalSignature", KEY_IDS, NULL},
        {"basicConstraints", "critical,CA:FALSE", KEY_IDS, NULL},
        {"basicConstraints", "critical,CA:TRUE", "keyUsage", "critical,cRLSign", KEY_IDS, NULL},
        {"basicConstraints", "critical,CA:TRUE", KEY_IDS, NULL},
        {"basicConstraints", "CA:TRUE", "keyUsage", "critical,keyCertSign", KEY_IDS, NULL},
    };
    (void)state;
    for (size_t i = 1; i < 4; i++) {
        for (size_t j = 0; j < sizeof(no_authority) / sizeof(no_authority[0]); j++) {
            struct support_cert specs[4];
            four_specs(specs);
            specs[i].extensions = no_authority[j];
            assert_int_equal(ask_specs(specs, 4, sign_now()), LW_E_UNTRUSTED);
        }
    }
}

static void key_identifiers_must_agree(void **state)
{
    static const char *const leaf_bad[][7] = {
        {"keyUsage", "critical,digitalSignature", NULL}, /* names none */
        {"keyUsage", "critical,digitalSignature", "authorityKeyIdentifier", "DER:30038001AA", NULL},
    };
    static const char *const ca_bad[] = {"basicConstraints", "critical,CA:TRUE", "keyUsage",
                                         "critical,keyCertSign", NULL};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct support_cert specs[2];
        two_specs(specs);
        specs[0].extensions = leaf_bad[i];
        assert_int_equal(ask_specs(specs, 2, sign_now()), LW_E_UNTRUSTED);
    }
    /* An issuer without one: nothing can agree. */
    struct support_cert specs[2];
    two_specs(specs);
    specs[0].extensions = leaf_bad[0];
    specs[1].extensions = ca_bad;
    assert_int_equal(ask_specs(specs, 2, sign_now()), LW_E_UNTRUSTED);
}

static const char *const *with_path_len(size_t len)
{
    static const char *const ext[][9] = {
        {"basicConstraints", "critical,CA:TRUE,pathlen:0", "keyUsage", "critical,keyCertSign",
         KEY_IDS, NULL},
        {"basicConstraints", "critical,CA:TRUE,pathlen:1", "keyUsage", "critical,keyCertSign",
         KEY_IDS, NULL},
        {"basicConstraints", "critical,CA:TRUE,pathlen:2", "keyUsage", "critical,keyCertSign",
         KEY_IDS, NULL},
        {"basicConstraints", "critical,CA:TRUE,pathlen:99999999999", "keyUsage",
         "critical,keyCertSign", KEY_IDS, NULL},
    };
    return ext[len];
}

/* RFC 5280 section 4.2.1.9: authorities below, the leaf not counted. */
static void path_lengths_are_held_to(void **state)
{
    (void)state;
    for (size_t at = 1; at <= 3; at++) {
        for (size_t len = 0; len <= 3; len++) {
            struct support_cert specs[4];
            four_specs(specs);
            specs[at].extensions = with_path_len(len);
            assert_int_equal(ask_specs(specs, 4, sign_now()),
                             at - 1 <= len ? LW_OK : LW_E_UNTRUSTED);
        }
    }
}

/* An authority that renews its key issues itself: it does not count. */
static void self_issued_authorities_do_not_count(void **state)
{
    (void)state;
    struct support_cert specs[4];
    four_specs(specs);
    specs[3].extensions = with_path_len(1);
    assert_int_equal(ask_specs(specs, 4, sign_now()), LW_E_UNTRUSTED);
    specs[2].common_name = "Root"; /* the root's new key */
    assert_int_equal(ask_specs(specs, 4, sign_now()), LW_OK);
}

static void leaves_that_issue_themselves_or_others_are_refused(void **state)
{
    (void)state;
    struct support_cert specs[2];
    two_specs(specs);
    specs[0].common_name = "Root"; /* with the issuer's name, though signed by it */
    assert_int_equal(ask_specs(specs, 2, sign_now()), LW_E_UNTRUSTED);

    static const char *const both[] = {"basicConstraints",
                                       "critical,CA:TRUE",
                                       "keyUsage",
                                       "critical,keyCertSign,digitalSignature",
                                       KEY_IDS,
                                       NULL};
    two_specs(specs);
    specs[0].extensions = both;
    assert_int_equal(ask_specs(specs, 2, sign_now()), LW_E_UNTRUSTED);
    assert_int_equal(ask_specs(specs, 2, (struct question){0, NOW}), LW_E_UNTRUSTED);
    assert_int_equal(ask_specs(specs, 2, (struct question){HSM_CERT_USE_CA, NOW}), LW_OK);

    /* The anchor itself, shown as a leaf. */
    struct path p = path_new();
    struct support_cert root = root_spec();
    struct hsm_cert anchor;
    struct hsm_cert leaf;
    p.x509[0] = support_cert(&root);
    support_cert_der(p.x509[0], &p.der[0]);
    const lw_bytes der = lw_buf_view(&p.der[0]);
    assert_int_equal(hsm_cert_parse(der, &anchor).code, LW_OK);
    assert_int_equal(hsm_cert_check_path(&der, 1, &anchor, 1, HSM_CERT_USE_CA, NOW, &leaf).code,
                     LW_E_UNTRUSTED);
    path_free(&p);
}

/* specs/security.md A28: each use by each certificate. */
static void a_leaf_serves_its_own_use_only(void **state)
{
    static const char *const ext[][9] = {
        {"keyUsage", "critical,digitalSignature", KEY_IDS, NULL},
        {"keyUsage", "critical,digitalSignature", "extendedKeyUsage", "critical," HSM_OID_MDOC_DS,
         KEY_IDS, NULL},
        {"keyUsage", "critical,digitalSignature", "extendedKeyUsage", HSM_OID_STATUS_SIGNING,
         KEY_IDS, NULL},
        {"keyUsage", "critical,digitalSignature", "extendedKeyUsage", "serverAuth", KEY_IDS, NULL},
        {"keyUsage", "critical,nonRepudiation", KEY_IDS, NULL},
        {KEY_IDS, NULL},
    };
    static const unsigned needs[] = {HSM_CERT_USE_SIGN, HSM_CERT_USE_SIGN | HSM_CERT_USE_MDOC_DS,
                                     HSM_CERT_USE_SIGN | HSM_CERT_USE_STATUS, HSM_CERT_USE_CRL,
                                     HSM_CERT_USE_CA};
    (void)state;
    for (size_t i = 0; i < sizeof(ext) / sizeof(ext[0]); i++) {
        struct support_cert specs[2];
        two_specs(specs);
        specs[0].extensions = ext[i];
        struct path p = make_path(specs, 2);
        for (size_t j = 0; j < sizeof(needs) / sizeof(needs[0]); j++) {
            const bool own = i == j && i < 3;
            assert_int_equal(ask(&p, (struct question){needs[j], NOW}),
                             own ? LW_OK : LW_E_UNTRUSTED);
        }
        path_free(&p);
    }
}

static void the_anchor_is_found_among_others(void **state)
{
    (void)state;
    struct support_cert specs[2];
    struct hsm_cert leaf;
    two_specs(specs);
    struct path p = make_path(specs, 2);
    const lw_bytes chain = lw_buf_view(&p.der[0]);

    struct support_cert twin = root_spec(); /* the same name, another key */
    struct support_cert stranger = root_spec();
    twin.key = keys[OTHER];
    stranger.common_name = "Stranger";
    LW_AUTO_BUF twin_der = LW_BUF(DER_MAX);
    LW_AUTO_BUF stranger_der = LW_BUF(DER_MAX);
    X509 *twin_made = support_cert(&twin);
    X509 *stranger_made = support_cert(&stranger);
    support_cert_der(twin_made, &twin_der);
    support_cert_der(stranger_made, &stranger_der);
    X509_free(twin_made);
    X509_free(stranger_made);

    struct hsm_cert anchors[3];
    assert_int_equal(hsm_cert_parse(lw_buf_view(&stranger_der), &anchors[0]).code, LW_OK);
    assert_int_equal(hsm_cert_parse(lw_buf_view(&twin_der), &anchors[1]).code, LW_OK);
    assert_int_equal(hsm_cert_parse(lw_buf_view(&p.der[1]), &anchors[2]).code, LW_OK);
    const unsigned need = HSM_CERT_USE_SIGN;
    assert_int_equal(hsm_cert_check_path(&chain, 1, anchors, 3, need, NOW, &leaf).code, LW_OK);
    assert_int_equal(hsm_cert_check_path(&chain, 1, anchors, 2, need, NOW, &leaf).code,
                     LW_E_UNTRUSTED);
    assert_int_equal(hsm_cert_check_path(&chain, 1, anchors, 1, need, NOW, &leaf).code,
                     LW_E_UNTRUSTED);
    assert_int_equal(hsm_cert_check_path(&chain, 1, NULL, 0, need, NOW, &leaf).code,
                     LW_E_UNTRUSTED);
    assert_int_equal(hsm_cert_check_path(&chain, 0, anchors, 3, need, NOW, &leaf).code,
                     LW_E_UNTRUSTED);
    path_free(&p);
}

static void chains_of_five_are_refused_unread(void **state)
{
    (void)state;
    const lw_bytes chain[HSM_CHAIN_MAX + 1] = {{.ptr = NULL, .len = 0}};
    struct hsm_cert leaf;
    assert_int_equal(hsm_cert_check_path(chain, HSM_CHAIN_MAX + 1, NULL, 0, 0, NOW, &leaf).code,
                     LW_E_LIMIT);
    assert_int_equal(hsm_cert_check_path(chain, HSM_CHAIN_MAX, NULL, 0, 0, NOW, &leaf).code,
                     LW_E_SYNTAX);
}

static void an_issuer_s_key_signs_with_its_own_hash_only(void **state)
{
    (void)state;
    struct support_cert specs[2];
    EVP_PKEY *p384 = EVP_EC_gen("P-384");
    two_specs(specs);
    specs[1].key = p384;
    specs[1].digest = "SHA384";
    specs[0].signer = p384;
    specs[0].digest = "SHA384";
    assert_int_equal(ask_specs(specs, 2, sign_now()), LW_OK);
    two_specs(specs);
    specs[0].digest = "SHA384";
    assert_int_equal(ask_specs(specs, 2, sign_now()), LW_E_UNTRUSTED);
    EVP_PKEY_free(p384);
}

static void an_unknown_critical_extension_breaks_the_path_at_each_step(void **state)
{
    static const char *const leaf[] = {"keyUsage", "critical,digitalSignature", KEY_IDS,
                                       "1.2.3.4",  "critical,DER:0500",         NULL};
    static const char *const authority[] = {
        "basicConstraints", "critical,CA:TRUE",  "keyUsage", "critical,keyCertSign", KEY_IDS,
        "1.2.3.4",          "critical,DER:0500", NULL};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct support_cert specs[4];
        four_specs(specs);
        specs[i].extensions = i == 0 ? leaf : authority;
        assert_int_equal(ask_specs(specs, 4, sign_now()), LW_E_UNSUPPORTED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_paths_are_accepted),
        cmocka_unit_test(each_certificate_of_a_path_has_its_time),
        cmocka_unit_test(each_signature_of_a_path_is_checked),
        cmocka_unit_test(each_name_of_a_path_is_checked),
        cmocka_unit_test(each_issuer_must_be_an_authority),
        cmocka_unit_test(key_identifiers_must_agree),
        cmocka_unit_test(path_lengths_are_held_to),
        cmocka_unit_test(self_issued_authorities_do_not_count),
        cmocka_unit_test(leaves_that_issue_themselves_or_others_are_refused),
        cmocka_unit_test(a_leaf_serves_its_own_use_only),
        cmocka_unit_test(the_anchor_is_found_among_others),
        cmocka_unit_test(chains_of_five_are_refused_unread),
        cmocka_unit_test(an_issuer_s_key_signs_with_its_own_hash_only),
        cmocka_unit_test(an_unknown_critical_extension_breaks_the_path_at_each_step),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
