/* What the service publishes: right answers, content types, caching, and what it declines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openssl/x509.h>

#include "http_expect.h"
#include "service.h"
#include "wallet/cose.h"
#include "wallet/flow_status.h"
#include "wallet/store_status.h"
#include "wallet/trust_list.h"

enum { TEXT_MAX = 1024, LISTS_MAX = 4 * 1024 * 1024 };

static struct support_service s; /* made once: a token takes its time */

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s: %s", lw_code_name(err.code), err.why);
    }
}

static void expect_get_problem(const char *path, const char *headers, int status, const char *type)
{
    SUPPORT_AUTO_REPLY reply = {.status = 0};
    support_http_get(s.port, path, headers, &reply);
    support_expect_problem(&reply, status, type);
}

static void expect_with_tag(const char *path, const char *accept, const char *tags, int status)
{
    char headers[TEXT_MAX];
    SUPPORT_AUTO_REPLY reply = {.status = 0};
    (void)snprintf(headers, sizeof(headers), "%sIf-None-Match: %s\r\n", accept, tags);
    support_http_get(s.port, path, headers, &reply);
    assert_int_equal(reply.status, status);
    assert_true(support_header(&reply, "ETag").len > 0);
    assert_true(support_header(&reply, "Cache-Control").len > 0);
    assert_true(status == 304 ? reply.body.len == 0 : reply.body.len > 0);
}

/* RFC 9110 section 13.1.2: one tag or several, weak or not, or any. */
static void expect_revalidation(const char *path, const char *accept,
                                const struct support_reply *first)
{
    char tag[64];
    char tags[TEXT_MAX];
    const lw_str is = support_header(first, "ETag");
    (void)snprintf(tag, sizeof(tag), "%.*s", (int)is.len, is.ptr);
    expect_with_tag(path, accept, tag, 304);
    (void)snprintf(tags, sizeof(tags), "\"other\", %s", tag);
    expect_with_tag(path, accept, tags, 304);
    (void)snprintf(tags, sizeof(tags), "W/%s,\"other\"", tag);
    expect_with_tag(path, accept, tags, 304);
    expect_with_tag(path, accept, "*", 304);
    expect_with_tag(path, accept, "\"other\"", 200);
    (void)snprintf(tags, sizeof(tags), "%.*s", (int)strlen(tag) - 1, tag);
    expect_with_tag(path, accept, tags, 200);
}

/* Gets a document that anybody may keep; `accept` is a header line or "". */
static void get_public(const char *path, const char *accept, const char *type, const char *cache,
                       struct support_reply *reply)
{
    support_http_get(s.port, path, accept, reply);
    assert_int_equal(reply->status, 200);
    support_expect_header(reply, "Content-Type", type);
    support_expect_header(reply, "Cache-Control", cache);
    support_expect_header(reply, "Access-Control-Allow-Origin", "*");
    support_expect_header(reply, "X-Content-Type-Options", "nosniff");
    support_expect_header(reply, "Vary", "Accept");
    expect_revalidation(path, accept, reply);
}

static void a_status_list_comes_as_jwt_unless_cwt_is_wanted_more(void **state)
{
    static const char jwt[] = "application/statuslist+jwt";
    static const char cwt[] = "application/statuslist+cwt";
    static const struct {
        const char *accept;
        const char *type;
    } cases[] = {
        {"", jwt},
        {"Accept: */*\r\n", jwt},
        {"Accept: application/*\r\n", jwt},
        {"Accept: application/statuslist+jwt\r\n", jwt},
        {"Accept: application/statuslist+cwt\r\n", cwt},
        {"Accept: application/statuslist+cwt, application/statuslist+jwt\r\n", jwt},
        {"Accept: application/statuslist+jwt;q=0.5, application/statuslist+cwt\r\n", cwt},
        {"Accept: */*;q=0.1, application/statuslist+cwt\r\n", cwt},
        {"Accept: application/statuslist+jwt;q=0, */*\r\n", cwt},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        SUPPORT_AUTO_REPLY reply = {.status = 0};
        get_public("/status/1", cases[i].accept, cases[i].type, "public, max-age=300", &reply);
        if (cases[i].type == jwt) {
            assert_true(lw_str_starts(reply.body, LW_STR("eyJ")));
        } else {
            struct wallet_cose_sign1 cose;
            must(wallet_cose_sign1_parse(lw_str_bytes(reply.body), &cose));
        }
    }
}

static void a_status_list_that_is_not_there_or_not_of_that_kind_is_declined(void **state)
{
    (void)state;
    expect_get_problem("/status/1", "Accept: text/html\r\n", 406, "not-acceptable");
    expect_get_problem("/status/1", "Accept: application/statuslist+jwt;q=0\r\n", 406,
                       "not-acceptable");
    expect_get_problem("/status/1?time=1686925000", "", 501, "no-history");
    expect_get_problem("/status/1?time=", "", 501, "no-history");
    expect_get_problem("/status/1?time", "", 501, "no-history");
    expect_get_problem("/status/999999", "", 404, "not-found");
    expect_get_problem("/status/0", "", 404, "not-found");
    expect_get_problem("/status/-1", "", 404, "not-found");
    expect_get_problem("/status/x", "", 404, "not-found");
    expect_get_problem("/status/99999999999999999999", "", 404, "not-found");
    expect_get_problem("/status/1/2", "", 404, "not-found");
}

/* Both open lists of an agency that issues nothing, each with an entry that ended long ago. */
static lw_err retire_lists(struct wallet_txn *txn, void *ctx)
{
    const struct wallet_status_owner owner = {.exp = 1};
    uint64_t *numbers = ctx;
    numbers[0] = numbers[1] = 0;
    while (numbers[0] == 0 || numbers[1] == 0) {
        struct wallet_status_place place;
        LW_TRY(wallet_store_status_allocate(txn, LW_STR("closed-office"), &owner, 1, &place));
        numbers[place.list % 2] = place.list;
    }
    LW_TRY(wallet_store_status_retire(txn, numbers[0], 1));
    return wallet_store_status_retire(txn, numbers[1], 1);
}

static void a_list_that_retired_is_gone(void **state)
{
    uint64_t numbers[2];
    (void)state;
    must(wallet_store_write(wallet_home_store(s.home.home), retire_lists, numbers));
    for (size_t i = 0; i < 2; i++) {
        char path[64];
        (void)snprintf(path, sizeof(path), "/status/%llu", (unsigned long long)numbers[i]);
        expect_get_problem(path, "", 410, "retired");
    }
}

static void the_aggregation_names_lists_that_are_there(void **state)
{
    (void)state;
    SUPPORT_AUTO_REPLY reply = {.status = 0};
    get_public("/status", "", "application/json", "public, max-age=300", &reply);
    json_t *json = support_json(&reply);
    const json_t *lists = json_object_get(json, "status_lists");
    assert_true(json_array_size(lists) > 0);
    for (size_t i = 0; i < json_array_size(lists); i++) {
        SUPPORT_AUTO_REPLY list = {.status = 0};
        const lw_str uri = lw_str_c(json_string_value(json_array_get(lists, i)));
        assert_true(lw_str_starts(uri, LW_STR(SUPPORT_BASE_URL "/status/")));
        support_http_get(s.port, uri.ptr + strlen(SUPPORT_BASE_URL), "", &list);
        assert_int_equal(list.status, 200);
    }
    json_decref(json);
}

static void the_trust_list_is_read_with_its_pin_and_no_other(void **state)
{
    (void)state;
    SUPPORT_AUTO_REPLY reply = {.status = 0};
    uint8_t pins[1][WALLET_PIN_LEN];
    struct hsm_signer signer;
    struct wallet_trust_list list;
    struct wallet_trust *trust = NULL;
    get_public("/trust-list", "", "application/ltl+cwt", "public, max-age=300", &reply);
    must(wallet_home_signer(s.home.home, HSM_PURPOSE_TRUST_LIST, LW_STR(""), &signer));
    must(wallet_trust_pin(&signer.key, pins[0]));
    const struct wallet_trust_list_expect expect = {
        .pins = (const uint8_t(*)[WALLET_PIN_LEN])pins,
        .pin_count = 1,
        .now = SUPPORT_HOME_NOW,
        .skew_s = 60,
    };
    must(wallet_trust_list_read(lw_str_bytes(reply.body), &expect, &list, &trust));
    assert_true(list.version >= 1);
    assert_true(list.exp > SUPPORT_HOME_NOW);
    wallet_trust_free(trust);
    pins[0][0] ^= 1;
    assert_int_equal(wallet_trust_list_read(lw_str_bytes(reply.body), &expect, &list, &trust).code,
                     LW_E_UNTRUSTED);
}

static void the_crl_is_signed_by_the_authority(void **state)
{
    (void)state;
    SUPPORT_AUTO_REPLY reply = {.status = 0};
    struct hsm_signer ca;
    get_public("/ca.crl", "", "application/pkix-crl", "public, max-age=3600", &reply);
    must(wallet_home_signer(s.home.home, HSM_PURPOSE_CA, LW_STR(""), &ca));
    const unsigned char *at = (const unsigned char *)reply.body.ptr;
    X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)reply.body.len);
    assert_non_null(crl);
    assert_ptr_equal(at, reply.body.ptr + reply.body.len);
    at = ca.cert.ptr;
    X509 *cert = d2i_X509(NULL, &at, (long)ca.cert.len);
    assert_non_null(cert);
    assert_int_equal(X509_CRL_verify(crl, X509_get0_pubkey(cert)), 1);
    X509_CRL_free(crl);
    X509_free(cert);
}

static void types_are_listed_and_each_has_its_document_and_metadata(void **state)
{
    (void)state;
    SUPPORT_AUTO_REPLY reply = {.status = 0};
    get_public("/api/v1/catalog/types", "", "application/json", "public, max-age=300", &reply);
    json_t *json = support_json(&reply);
    const json_t *types = json_object_get(json, "types");
    assert_true(json_array_size(types) >= 7);
    for (size_t i = 0; i < json_array_size(types); i++) {
        const char *id = json_string_value(json_object_get(json_array_get(types, i), "id"));
        char path[TEXT_MAX];
        SUPPORT_AUTO_REPLY document = {.status = 0};
        SUPPORT_AUTO_REPLY metadata = {.status = 0};
        (void)snprintf(path, sizeof(path), "/api/v1/catalog/types/%s", id);
        get_public(path, "", "application/json", "public, max-age=300", &document);
        json_t *type = support_json(&document);
        assert_string_equal(json_string_value(json_object_get(type, "id")), id);
        (void)snprintf(path, sizeof(path), "/vct/%s", id);
        get_public(path, "", "application/json", "public, max-age=86400", &metadata);
        json_t *about = support_json(&metadata);
        assert_string_equal(json_string_value(json_object_get(about, "vct")),
                            json_string_value(json_object_get(type, "vct")));
        json_decref(about);
        json_decref(type);
    }
    json_decref(json);
    expect_get_problem("/api/v1/catalog/types/no-such-type", "", 404, "not-found");
    expect_get_problem("/vct/no-such-type", "", 404, "not-found");
}

static void the_head_of_the_log_is_a_signature(void **state)
{
    (void)state;
    SUPPORT_AUTO_REPLY reply = {.status = 0};
    struct wallet_cose_sign1 cose;
    struct hsm_signer log;
    support_http_get(s.port, "/api/v1/audit/head", "", &reply);
    assert_int_equal(reply.status, 200);
    support_expect_header(&reply, "Content-Type", "application/cose");
    support_expect_header(&reply, "Cache-Control", "no-store");
    must(wallet_cose_sign1_parse(lw_str_bytes(reply.body), &cose));
    must(wallet_home_signer(s.home.home, HSM_PURPOSE_LOG, LW_STR(""), &log));
    must(wallet_cose_sign1_verify(&cose, (lw_bytes){NULL, 0}, &log.key));
}

static void health_readiness_and_metrics_are_plain_text(void **state)
{
    static const struct {
        const char *path;
        const char *part;
    } cases[] = {{"/healthz", "ok\n"},
                 {"/readyz", "store ok\ntoken ok\n"},
                 {"/metrics", "# TYPE lw_verifications_total counter\n"},
                 {"/metrics", "lw_background_errors_total 0\n"}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        SUPPORT_AUTO_REPLY reply = {.status = 0};
        support_http_get(s.port, cases[i].path, "", &reply);
        assert_int_equal(reply.status, 200);
        assert_true(support_contains(support_header(&reply, "Content-Type"), "text/plain"));
        support_expect_header(&reply, "Cache-Control", "no-store");
        assert_true(support_contains(reply.body, cases[i].part));
    }
}

static void addresses_and_methods_that_are_not_there_are_declined(void **state)
{
    static const struct {
        const char *path;
        const char *allow;
    } wrong[] = {{"/healthz", "GET, HEAD"},
                 {"/status/1", "GET, HEAD"},
                 {"/trust-list", "GET, HEAD"},
                 {"/api/v1/receipts/AAAA", "GET, HEAD"}};
    (void)state;
    expect_get_problem("/", "", 404, "not-found");
    expect_get_problem("/nothing", "", 404, "not-found");
    expect_get_problem("/status/", "", 404, "not-found");
    expect_get_problem("/vct/..", "", 404, "not-found");
    expect_get_problem("/vct/a%2fb", "", 404, "not-found");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        SUPPORT_AUTO_REPLY reply = {.status = 0};
        support_http_post(s.port, wrong[i].path, "application/json", (lw_bytes){NULL, 0}, &reply);
        support_expect_problem(&reply, 405, "method-not-allowed");
        support_expect_header(&reply, "Allow", wrong[i].allow);
    }
    SUPPORT_AUTO_REPLY reply = {.status = 0};
    support_http_get(s.port, "/api/v1/verifications", "", &reply);
    support_expect_problem(&reply, 405, "method-not-allowed");
    support_expect_header(&reply, "Allow", "POST");
    SUPPORT_AUTO_REPLY other = {.status = 0};
    support_http_raw(s.port,
                     LW_STR("DELETE /status/1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
                     &other);
    support_expect_problem(&other, 405, "method-not-allowed");
    support_expect_header(&other, "Allow", "GET, HEAD");
}

static void head_is_get_without_a_body(void **state)
{
    static const char *const paths[] = {"/healthz", "/status/1", "/trust-list", "/metrics"};
    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        char request[TEXT_MAX];
        SUPPORT_AUTO_REPLY get = {.status = 0};
        SUPPORT_AUTO_REPLY head = {.status = 0};
        support_http_get(s.port, paths[i], "", &get);
        const int n =
            snprintf(request, sizeof(request),
                     "HEAD %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", paths[i]);
        support_http_raw(s.port, (lw_str){request, (size_t)n}, &head);
        assert_int_equal(head.status, 200);
        assert_int_equal(head.body.len, 0);
        assert_true(
            lw_str_eq(support_header(&get, "Content-Type"), support_header(&head, "Content-Type")));
        assert_true(support_header(&head, "Content-Length").len > 0);
    }
}

/* The tokens of every list, one after the other. */
static void read_lists(lw_buf *tokens)
{
    SUPPORT_AUTO_REPLY lists = {.status = 0};
    support_http_get(s.port, "/status", "", &lists);
    json_t *json = support_json(&lists);
    const json_t *uris = json_object_get(json, "status_lists");
    for (size_t i = 0; i < json_array_size(uris); i++) {
        SUPPORT_AUTO_REPLY list = {.status = 0};
        const char *uri = json_string_value(json_array_get(uris, i));
        support_http_get(s.port, uri + strlen(SUPPORT_BASE_URL), "", &list);
        must(lw_buf_put_str(tokens, list.body));
    }
    json_decref(json);
}

/* The clock stands still: no list is signed again because of its age. */
static void a_change_of_state_is_in_its_list_at_once(void **state)
{
    (void)state;
    enum wallet_state from = WALLET_ACTIVE;
    size_t published = 0;
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    LW_AUTO_BUF before = LW_BUF(LISTS_MAX);
    LW_AUTO_BUF unchanged = LW_BUF(LISTS_MAX);
    LW_AUTO_BUF after = LW_BUF(LISTS_MAX);
    support_home_issue(&s.home, "S-1");
    support_home_lq1(&s.home, "S-1", &text); /* makes a credential, and so an entry */
    must(wallet_flow_publish_status(s.home.home, &published)); /* what is due because of it */
    read_lists(&before);
    read_lists(&unchanged);
    assert_true(lw_bytes_eq(lw_buf_view(&before), lw_buf_view(&unchanged)));
    must(wallet_flow_change_state(s.home.home, wallet_license_ref_parse(LW_STR("S-1")),
                                  WALLET_SUSPENDED, LW_STR("test"), LW_STR("test"), &from));
    read_lists(&after);
    assert_false(lw_bytes_eq(lw_buf_view(&before), lw_buf_view(&after)));
}

static int start(void **state)
{
    (void)state;
    support_service_start(&s);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    support_service_stop(&s);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_status_list_comes_as_jwt_unless_cwt_is_wanted_more),
        cmocka_unit_test(a_status_list_that_is_not_there_or_not_of_that_kind_is_declined),
        cmocka_unit_test(the_aggregation_names_lists_that_are_there),
        cmocka_unit_test(a_list_that_retired_is_gone),
        cmocka_unit_test(the_trust_list_is_read_with_its_pin_and_no_other),
        cmocka_unit_test(the_crl_is_signed_by_the_authority),
        cmocka_unit_test(types_are_listed_and_each_has_its_document_and_metadata),
        cmocka_unit_test(the_head_of_the_log_is_a_signature),
        cmocka_unit_test(health_readiness_and_metrics_are_plain_text),
        cmocka_unit_test(addresses_and_methods_that_are_not_there_are_declined),
        cmocka_unit_test(head_is_get_without_a_body),
        cmocka_unit_test(a_change_of_state_is_in_its_list_at_once),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
