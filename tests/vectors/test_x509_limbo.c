/*
 * C2SP x509-limbo: path validation. Its profile is the web's; ours (specs/mdoc.md section 6) knows
 * no names of hosts and is handed the chain in order. What differs stands in one list.
 */
#include "hsm/x509.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <openssl/pem.h>

#include "bytes.h"
#include "lw/clock.h"
#include "vectors.h"

static const char set[] = "x509-limbo";

enum { CERTS_MAX = 4, DER_MAX = 1 << 20, CASES = 104 };

/* Cases left out: an id, or with "*" the beginning of ids. */
static const struct {
    const char *id;
    const char *why;
} left_out[] = {
    {"crl::*", "revocation is not checked here"},
    {"online::amazon.com", "RSA is no row of the algorithm table"},
    {"online::aws.amazon.com", "RSA is no row of the algorithm table"},
    {"online::facebook.com", "RSA is no row of the algorithm table"},
    {"online::google.com", "RSA is no row of the algorithm table"},
    {"online::s3.amazonaws.com", "RSA is no row of the algorithm table"},
    {"online::storage.googleapis.com", "RSA is no row of the algorithm table"},
    {"webpki::cryptographydotio-chain", "RSA is no row of the algorithm table"},
    {"pathlen::max-chain-depth-*", "the greatest depth is fixed, not an option"},
    {"rfc5280::aki::cross-signed-root-missing-aki",
     "an anchor is trusted as it is, whoever else signed it"},
    {"rfc5280::ca-as-leaf", "our profile takes no authority for a signer"},
    {"rfc5280::eku::ee-wrong-eku", "no use of ours is a usage of the web"},
    {"rfc5280::nc::excluded-different-constraint-type",
     "name constraints are refused, not applied"},
    {"rfc5280::nc::nc-forbids-alternate-chain-ica", "name constraints are refused, not applied"},
    {"rfc5280::nc::nc-permits-email-exact", "name constraints are refused, not applied"},
    {"rfc5280::nc::nc-permits-email-literal-double-asterisk",
     "name constraints are refused, not applied"},
    {"rfc5280::nc::nc-permits-email-literal-mid-asterisk",
     "name constraints are refused, not applied"},
    {"rfc5280::nc::permitted-different-constraint-type",
     "name constraints are refused, not applied"},
    {"rfc5280::nc::permitted-dns-match", "name constraints are refused, not applied"},
    {"rfc5280::nc::permitted-ipv6-match", "name constraints are refused, not applied"},
    {"webpki::nc::permitted-dns-match-noncritical", "name constraints are refused, not applied"},
    {"rfc5280::san::underscore-dns", "names of hosts are not matched here"},
    {"webpki::cn::*", "names of hosts are not matched here"},
    {"webpki::san::mismatch-*", "names of hosts are not matched here"},
    {"webpki::san::no-san", "names of hosts are not matched here"},
    {"webpki::san::public-suffix-private-namespace-wildcard-san",
     "names of hosts are not matched here"},
    {"webpki::san::san-wildcard-only-tld", "names of hosts are not matched here"},
    {"webpki::san::wildcard-*", "names of hosts are not matched here"},
    {"webpki::san::san-critical-with-nonempty-subject",
     "a rule of the web, not of RFC 5280 or of our profile"},
    {"webpki::aki::root-with-aki-*", "a rule of the web, not of RFC 5280 or of our profile"},
    {"webpki::eku::*", "a rule of the web, not of RFC 5280 or of our profile"},
    {"webpki::malformed-aia", "the extension is not read, and not critical"},
};

struct certs {
    lw_buf der[CERTS_MAX];
    size_t count;
};

static void put_pem(struct certs *certs, const json_t *pem)
{
    BIO *bio = BIO_new_mem_buf(json_string_value(pem), -1);
    char *name = NULL;
    char *header = NULL;
    unsigned char *data = NULL;
    long len = 0;
    lw_buf *der = &certs->der[certs->count];
    assert_int_equal(PEM_read_bio(bio, &name, &header, &data, &len), 1);
    *der = LW_BUF(DER_MAX);
    certs->count++;
    assert_int_equal(lw_buf_put(der, (lw_bytes){.ptr = data, .len = (size_t)len}).code, LW_OK);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(data);
    BIO_free(bio);
}

/* The first of a list; more than CERTS_MAX would make a chain too long in any order. */
static struct certs certs_of(const json_t *list)
{
    struct certs certs = {.count = 0};
    for (size_t i = 0; i < json_array_size(list) && i < CERTS_MAX; i++) {
        put_pem(&certs, json_array_get(list, i));
    }
    return certs;
}

static void certs_free(struct certs *certs)
{
    for (size_t i = 0; i < certs->count; i++) {
        lw_buf_free(&certs->der[i]);
    }
}

struct search {
    const struct certs *between;
    struct hsm_cert anchors[CERTS_MAX];
    size_t anchor_count;
    int64_t now;
    lw_bytes chain[1 + CERTS_MAX];
    bool used[CERTS_MAX];
};

/* Whether some order of some of the intermediates makes a path: our check is given one. */
static bool any_path(struct search *s, size_t len)
{
    struct hsm_cert leaf;
    if (hsm_cert_check_path(s->chain, len, s->anchors, s->anchor_count, 0, s->now, &leaf).code ==
        LW_OK) {
        return true;
    }
    for (size_t i = 0; i < s->between->count; i++) {
        if (!s->used[i]) {
            s->used[i] = true;
            s->chain[len] = lw_buf_view(&s->between->der[i]);
            if (any_path(s, len + 1)) {
                return true;
            }
            s->used[i] = false;
        }
    }
    return false;
}

/* The time of a case; one within the leaf's life where none is given. A fraction is dropped. */
static int64_t time_of(const json_t *test, lw_bytes leaf)
{
    const json_t *time = json_object_get(test, "validation_time");
    struct hsm_cert cert;
    int64_t now = 0;
    if (!json_is_string(time)) {
        return hsm_cert_parse(leaf, &cert).code == LW_OK ? cert.not_before : 0;
    }
    const lw_str text = lw_str_c(json_string_value(time));
    const lw_str whole = {.ptr = text.ptr, .len = strlen("2024-01-01T00:00:00")};
    LW_AUTO_BUF utc = LW_BUF(64);
    assert_int_equal(lw_buf_put_str(&utc, whole).code, LW_OK);
    assert_int_equal(lw_buf_put_c(&utc, "Z").code, LW_OK);
    assert_true(lw_str_is(lw_str_from(text, text.len - 6), "+00:00"));
    assert_int_equal(lw_time_parse(lw_buf_text(&utc), &now).code, LW_OK);
    return now;
}

static bool accepts(const json_t *test)
{
    struct certs trusted = certs_of(json_object_get(test, "trusted_certs"));
    struct certs between = certs_of(json_object_get(test, "untrusted_intermediates"));
    struct certs peer = {.count = 0};
    put_pem(&peer, json_object_get(test, "peer_certificate"));
    struct search s = {.between = &between, .chain = {lw_buf_view(&peer.der[0])}};
    s.now = time_of(test, s.chain[0]);
    for (size_t i = 0; i < trusted.count; i++) {
        const lw_bytes der = lw_buf_view(&trusted.der[i]);
        s.anchor_count += hsm_cert_parse(der, &s.anchors[s.anchor_count]).code == LW_OK ? 1 : 0;
    }
    const bool accepted = any_path(&s, 1);
    certs_free(&trusted);
    certs_free(&between);
    certs_free(&peer);
    return accepted;
}

static const char *why_left_out(const char *id)
{
    for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++) {
        const char *row = left_out[i].id;
        const size_t len = strlen(row);
        const bool prefix = len > 0 && row[len - 1] == '*';
        if (prefix ? strncmp(id, row, len - 1) == 0 : strcmp(id, row) == 0) {
            return left_out[i].why;
        }
    }
    return NULL;
}

static void cases_are_judged_as_the_set_says(void **state)
{
    (void)state;
    if (support_vectors(set) == NULL) {
        skip();
    }
    json_t *whole = support_vector_json(set, "limbo-subset.json");
    size_t run = 0;
    size_t out = 0;
    size_t wrong = 0;
    size_t i = 0;
    json_t *test = NULL;
    json_array_foreach(json_object_get(whole, "testcases"), i, test)
    {
        const char *id = json_string_value(json_object_get(test, "id"));
        const char *want = json_string_value(json_object_get(test, "expected_result"));
        if (why_left_out(id) != NULL) {
            print_message("left out: %s: %s\n", id, why_left_out(id));
            out++;
            continue;
        }
        run++;
        if (accepts(test) != (strcmp(want, "SUCCESS") == 0)) {
            print_error("%s: %s expected\n", id, want);
            wrong++;
        }
    }
    json_decref(whole);
    support_vector_report(set, run, out, "each with its reason above", CASES);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_are_judged_as_the_set_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
