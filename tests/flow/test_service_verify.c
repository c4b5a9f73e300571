/* Verifications over HTTP: every kind of body, what is kept of them, and bodies that are none. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "http_expect.h"
#include "picture.h"
#include "receipt.h"
#include "service.h"
#include "wallet/qr_write.h"

enum {
    BODY_MAX = 1024 * 1024,
    IMAGE_ROOM = 4 * 1024 * 1024,
    PNG_MODULE = 4,
    ROUTE_MAX = 16 * 1024 * 1024,
    JSON_BODY_MAX = 256 * 1024,
    PRESENTATION_MAX = 64 * 1024,
    RECEIPT_TRIES = 1200,
};

#define VERIFICATIONS "/api/v1/verifications"

static struct support_service s; /* made once: a token takes its time */

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s: %s", lw_code_name(err.code), err.why);
    }
}

static void post_json(const char *body, struct support_reply *reply)
{
    support_http_post(s.port, VERIFICATIONS, "application/json", lw_str_bytes(lw_str_c(body)),
                      reply);
}

static void expect_accepted(const struct support_reply *reply)
{
    if (!support_has_result(reply, "accepted")) {
        fail_msg("%d: %.*s", reply->status, (int)reply->body.len, reply->body.ptr);
    }
    support_expect_header(reply, "Content-Type", "application/json");
    support_expect_header(reply, "Cache-Control", "no-store");
}

static void png_of(lw_str text, lw_buf *png)
{
    must(wallet_qr_write(text, WALLET_QR_PNG, PNG_MODULE, png, NULL));
}

static void expect_two_claims(const struct support_reply *reply)
{
    expect_accepted(reply);
    json_t *answer = support_json(reply);
    const json_t *claims = json_object_get(answer, "claims");
    assert_int_equal(json_object_size(claims), 2);
    assert_string_equal(json_string_value(json_object_get(claims, "legal_name")),
                        "Corner Bakery Ltd.");
    assert_string_equal(json_string_value(json_object_get(claims, "category")), "Retail Food");
    assert_true(json_is_true(json_object_get(answer, "holder_proven")));
    assert_int_equal(json_array_size(json_object_get(answer, "checks")), 12);
    assert_non_null(json_object_get(answer, "receipt"));
    json_decref(answer);
}

static void text_and_pictures_are_accepted_with_exactly_the_claims_shown(void **state)
{
    static const char *const types[] = {"image/png", "image/jpeg", "image/png; q=1",
                                        "application/octet-stream"};
    (void)state;
    {
        LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
        SUPPORT_AUTO_REPLY reply = {.status = 0};
        support_home_lq1(&s.home, "V-1", &text);
        support_verify(&s, lw_buf_text(&text), "", &reply);
        expect_two_claims(&reply);
    }
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
        LW_AUTO_BUF image = LW_BUF(IMAGE_ROOM);
        LW_AUTO_BUF jpeg = LW_BUF(IMAGE_ROOM);
        SUPPORT_AUTO_REPLY reply = {.status = 0};
        support_home_lq1(&s.home, "V-1", &text);
        png_of(lw_buf_text(&text), &image);
        support_png_to_jpeg(lw_buf_view(&image), &jpeg);
        support_http_post(s.port, VERIFICATIONS, types[i], lw_buf_view(i == 1 ? &jpeg : &image),
                          &reply);
        expect_two_claims(&reply);
    }
}

static void an_sd_jwt_needs_its_audience_and_nonce(void **state)
{
    (void)state;
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    const struct support_show show = {.number = "V-1",
                                      .format = "dc+sd-jwt",
                                      .claims = "legal_name",
                                      .aud = "https://agency.example",
                                      .nonce = lw_str_bytes(LW_STR("n-1"))};
    must(support_home_show(&s.home, &show, &text));
    SUPPORT_AUTO_REPLY right = {.status = 0};
    SUPPORT_AUTO_REPLY other = {.status = 0};
    SUPPORT_AUTO_REPLY none = {.status = 0};
    support_verify(&s, lw_buf_text(&text), ",\"aud\":\"https://agency.example\",\"nonce\":\"n-1\"",
                   &right);
    expect_accepted(&right);
    support_verify(&s, lw_buf_text(&text), ",\"aud\":\"https://agency.example\",\"nonce\":\"n-2\"",
                   &other);
    assert_true(support_has_result(&other, "refused"));
    support_verify(&s, lw_buf_text(&text), "", &none);
    assert_true(support_has_result(&none, "refused"));
}

static void text_that_cannot_be_decoded_is_an_answer_refused_at_decode(void **state)
{
    static const char *const texts[] = {
        "",        "hello",   "LX1:ABC", "LQ1:",  "LQ1:%",
        "LQ1:abc", "LQ2:6BF", "lq1:6BF", "a.b.c", "LQ1:6BFOXN\\u0000"};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char body[256];
        SUPPORT_AUTO_REPLY reply = {.status = 0};
        const uint64_t before = support_log_size(&s);
        (void)snprintf(body, sizeof(body), "{\"presentation\":\"%s\"}", texts[i]);
        post_json(body, &reply);
        assert_true(support_has_result(&reply, "refused"));
        assert_true(support_contains(reply.body, "{\"name\":\"decode\",\"result\":\"failed\""));
        assert_false(support_contains(reply.body, "\"receipt\""));
        assert_int_equal(support_log_size(&s), before);
    }
}

static void a_picture_of_another_code_is_refused_at_decode(void **state)
{
    (void)state;
    LW_AUTO_BUF image = LW_BUF(IMAGE_ROOM);
    SUPPORT_AUTO_REPLY reply = {.status = 0};
    png_of(LW_STR("https://somewhere.example/menu"), &image);
    support_http_post(s.port, VERIFICATIONS, "image/png", lw_buf_view(&image), &reply);
    assert_true(support_has_result(&reply, "refused"));
    assert_true(support_contains(reply.body, "{\"name\":\"decode\",\"result\":\"failed\""));
}

static void without_record_nothing_is_written(void **state)
{
    (void)state;
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    support_home_lq1(&s.home, "V-1", &text);
    const uint64_t before = support_log_size(&s);
    for (int i = 0; i < 2; i++) { /* not even that it was seen: twice the same answer */
        SUPPORT_AUTO_REPLY reply = {.status = 0};
        support_verify(&s, lw_buf_text(&text), ",\"record\":false", &reply);
        expect_accepted(&reply);
        assert_false(support_contains(reply.body, "\"receipt\""));
        assert_false(support_contains(reply.body, "seen before"));
    }
    assert_int_equal(support_log_size(&s), before);
    SUPPORT_AUTO_REPLY recorded = {.status = 0};
    support_verify(&s, lw_buf_text(&text), ",\"record\":true", &recorded);
    expect_accepted(&recorded);
    assert_int_equal(support_log_size(&s), before + 1);
}

static void reasons_are_told_in_the_language_wanted(void **state)
{
    static const char body[] = "{\"presentation\":\"LQ1:%\"}";
    char request[512];
    (void)state;
    const int n = snprintf(request, sizeof(request),
                           "POST " VERIFICATIONS " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                           "Accept-Language: zh-CN,zh;q=0.9\r\nContent-Type: application/json\r\n"
                           "Content-Length: %zu\r\n\r\n%s",
                           strlen(body), body);
    SUPPORT_AUTO_REPLY chinese = {.status = 0};
    SUPPORT_AUTO_REPLY english = {.status = 0};
    support_http_raw(s.port, (lw_str){request, (size_t)n}, &chinese);
    post_json(body, &english);
    assert_true(support_has_result(&chinese, "refused"));
    json_t *zh = support_json(&chinese);
    json_t *en = support_json(&english);
    const json_t *zh_reason = json_object_get(zh, "reason");
    const json_t *en_reason = json_object_get(en, "reason");
    assert_string_equal(json_string_value(json_object_get(zh_reason, "code")),
                        json_string_value(json_object_get(en_reason, "code")));
    assert_string_not_equal(json_string_value(json_object_get(zh_reason, "text")),
                            json_string_value(json_object_get(en_reason, "text")));
    json_decref(zh);
    json_decref(en);
}

/* What is no request at all is 400, and the member at fault is named where there is one. */
static void bodies_that_are_no_request_are_declined(void **state)
{
    static const struct {
        const char *body;
        const char *pointer;
    } cases[] = {
        {"", ""},
        {"{", ""},
        {"[]", ""},
        {"null", ""},
        {"\"LQ1:A\"", ""},
        {"{}", "/presentation"},
        {"{\"record\":true}", "/presentation"},
        {"{\"presentation\":\"LQ1:A\"} x", ""},
        {"{\"presentation\":\"LQ1:A\",}", ""},
        {"{\"presentation\":\"LQ1:A\",\"presentation\":\"LQ1:B\"}", ""},
        {"{\"presentation\":\"LQ1:A\",\"recrod\":false}", ""},
        {"{\"presentation\":1}", "/presentation"},
        {"{\"presentation\":null}", "/presentation"},
        {"{\"presentation\":[\"LQ1:A\"]}", "/presentation"},
        {"{\"presentation\":\"\\ud800\"}", "/presentation"},
        {"{\"presentation\":\"LQ1:A\",\"record\":\"no\"}", "/record"},
        {"{\"presentation\":\"LQ1:A\",\"record\":0}", "/record"},
        {"{\"presentation\":\"LQ1:A\",\"challenge_only\":null}", "/challenge_only"},
        {"{\"presentation\":\"LQ1:A\",\"aud\":true}", "/aud"},
        {"{\"presentation\":\"LQ1:A\",\"nonce\":{}}", "/nonce"},
        {"{\"presentation\":\"LQ1:\xff\"}", "/presentation"},
    };
    (void)state;
    const uint64_t before = support_log_size(&s);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        SUPPORT_AUTO_REPLY reply = {.status = 0};
        post_json(cases[i].body, &reply);
        if (reply.status != 400) {
            fail_msg("%s gives %d", cases[i].body, reply.status);
        }
        support_expect_problem(&reply, 400, "malformed");
        json_t *problem = support_json(&reply);
        const json_t *errors = json_object_get(problem, "errors");
        if (cases[i].pointer[0] == 0) {
            assert_null(errors);
        } else {
            const json_t *first = json_array_get(errors, 0);
            assert_string_equal(json_string_value(json_object_get(first, "pointer")),
                                cases[i].pointer);
        }
        json_decref(problem);
    }
    assert_int_equal(support_log_size(&s), before);
}

static void other_media_types_are_declined(void **state)
{
    static const char *const types[] = {"text/plain", "application/jsonx", "image/gif",
                                        "multipart/form-data; boundary=x",
                                        "application/x-www-form-urlencoded"};
    static const char no_type[] =
        "POST " VERIFICATIONS
        " HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";
    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        SUPPORT_AUTO_REPLY reply = {.status = 0};
        support_http_post(s.port, VERIFICATIONS, types[i],
                          lw_str_bytes(LW_STR("{\"presentation\":\"LQ1:A\"}")), &reply);
        support_expect_problem(&reply, 415, "media-type");
    }
    SUPPORT_AUTO_REPLY none = {.status = 0};
    support_http_raw(s.port, lw_str_c(no_type), &none);
    support_expect_problem(&none, 415, "media-type");
    SUPPORT_AUTO_REPLY capitals = {.status = 0};
    support_http_post(s.port, VERIFICATIONS, "Application/JSON ; charset=utf-8",
                      lw_str_bytes(LW_STR("{\"presentation\":\"LQ1:%\"}")), &capitals);
    assert_true(support_has_result(&capitals, "refused")); /* RFC 9110: in any case of letters */
}

static void pictures_that_cannot_be_read_or_hold_no_code_are_declined(void **state)
{
    (void)state;
    LW_AUTO_BUF grey = LW_BUF(IMAGE_ROOM);
    LW_AUTO_BUF huge = LW_BUF(IMAGE_ROOM);
    LW_AUTO_BUF cut = LW_BUF(IMAGE_ROOM);
    struct support_reply replies[5] = {{.status = 0}};
    support_png_grey(200, 200, &grey);
    support_png_grey(8000, 6000, &huge); /* 48 million pixels */
    png_of(LW_STR("LQ1:ABCDEF"), &cut);
    lw_buf_truncate(&cut, cut.len / 2);
    support_http_post(s.port, VERIFICATIONS, "image/png", lw_buf_view(&grey), &replies[0]);
    support_expect_problem(&replies[0], 422, "no-code");
    support_http_post(s.port, VERIFICATIONS, "image/png", lw_str_bytes(LW_STR("no image")),
                      &replies[1]);
    support_expect_problem(&replies[1], 400, "no-image");
    support_http_post(s.port, VERIFICATIONS, "image/jpeg", (lw_bytes){NULL, 0}, &replies[2]);
    support_expect_problem(&replies[2], 400, "no-image");
    support_http_post(s.port, VERIFICATIONS, "image/png", lw_buf_view(&cut), &replies[3]);
    support_expect_problem(&replies[3], 400, "no-image");
    support_http_post(s.port, VERIFICATIONS, "image/png", lw_buf_view(&huge), &replies[4]);
    support_expect_problem(&replies[4], 413, "too-large");
    for (size_t i = 0; i < 5; i++) {
        support_reply_free(&replies[i]);
    }
}

/* A presentation of `len` characters; the body is a little longer. */
static void post_long(size_t len, struct support_reply *reply)
{
    LW_AUTO_BUF text = LW_BUF(BODY_MAX);
    must(lw_buf_put_c(&text, "LQ1:"));
    while (text.len < len) {
        must(lw_buf_put_byte(&text, 'A'));
    }
    support_verify(&s, lw_buf_text(&text), "", reply);
}

static void bodies_that_are_too_large_are_declined(void **state)
{
    (void)state;
    char head[256];
    SUPPORT_AUTO_REPLY announced = {.status = 0};
    SUPPORT_AUTO_REPLY fits = {.status = 0};
    SUPPORT_AUTO_REPLY longer = {.status = 0};
    SUPPORT_AUTO_REPLY json = {.status = 0};
    const int n = snprintf(head, sizeof(head),
                           "POST " VERIFICATIONS " HTTP/1.1\r\nHost: a\r\nContent-Type: image/png"
                           "\r\nContent-Length: %d\r\n\r\n",
                           ROUTE_MAX + 1);
    support_http_raw(s.port, (lw_str){head, (size_t)n}, &announced);
    support_expect_problem(&announced, 413, "too-large");
    post_long(PRESENTATION_MAX, &fits);
    assert_true(support_has_result(&fits, "refused"));
    post_long(PRESENTATION_MAX + 1, &longer);
    support_expect_problem(&longer, 413, "too-large");
    post_long(JSON_BODY_MAX, &json);
    support_expect_problem(&json, 413, "too-large");
}

static void a_receipt_is_there_with_the_next_head_and_proves_itself(void **state)
{
    (void)state;
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    SUPPORT_AUTO_REPLY reply = {.status = 0};
    char path[256];
    support_home_lq1(&s.home, "V-1", &text);
    support_verify(&s, lw_buf_text(&text), "", &reply);
    expect_accepted(&reply);
    json_t *answer = support_json(&reply);
    (void)snprintf(path, sizeof(path), "/api/v1/receipts/%s", support_text_of(answer, "receipt"));
    bool there = false;
    for (int i = 0; i < RECEIPT_TRIES && !there; i++) {
        SUPPORT_AUTO_REPLY receipt = {.status = 0};
        support_http_get(s.port, path, "", &receipt);
        there = receipt.status == 200;
        if (there) {
            support_expect_header(&receipt, "Content-Type", "application/json");
            json_t *proof = support_json(&receipt);
            assert_string_equal(support_text_of(proof, "id"), support_text_of(answer, "receipt"));
            support_expect_proven(proof);
            json_decref(proof);
        } else {
            support_expect_problem(&receipt, 503, "unavailable");
            support_expect_header(&receipt, "Retry-After", "1");
            (void)poll(NULL, 0, 50);
        }
    }
    assert_true(there);
    json_decref(answer);
}

static void receipts_that_nobody_has_are_not_found(void **state)
{
    static const char *const ids[] = {"AAAAAAAAAAAAAAAAAAAAAA", "AAAA", "x.y",
                                      "AAAAAAAAAAAAAAAAAAAAAB"};
    (void)state;
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        char path[256];
        SUPPORT_AUTO_REPLY reply = {.status = 0};
        (void)snprintf(path, sizeof(path), "/api/v1/receipts/%s", ids[i]);
        support_http_get(s.port, path, "", &reply);
        support_expect_problem(&reply, 404, "not-found");
    }
}

static void a_challenge_is_answered_once(void **state)
{
    (void)state;
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    SUPPORT_AUTO_REPLY accepted = {.status = 0};
    SUPPORT_AUTO_REPLY again = {.status = 0};
    support_answer_challenge(&s, "V-1", &text);
    support_verify(&s, lw_buf_text(&text), ",\"challenge_only\":true", &accepted);
    expect_accepted(&accepted);
    support_verify(&s, lw_buf_text(&text), ",\"challenge_only\":true", &again);
    assert_true(support_has_result(&again, "refused"));
    assert_true(support_contains(again.body, "\"code\":\"replayed\""));
    LW_AUTO_BUF passive = LW_BUF(SUPPORT_TEXT_MAX);
    SUPPORT_AUTO_REPLY undetermined = {.status = 0};
    support_home_lq1(&s.home, "V-1", &passive);
    support_verify(&s, lw_buf_text(&passive), ",\"challenge_only\":true", &undetermined);
    assert_true(support_has_result(&undetermined, "undetermined"));
    assert_true(support_contains(undetermined.body, "\"code\":\"challenge_required\""));
}

/* The value of one line of /metrics. */
static long metric(const char *name)
{
    SUPPORT_AUTO_REPLY reply = {.status = 0};
    support_http_get(s.port, "/metrics", "", &reply);
    lw_str left = reply.body;
    while (left.len > 0) {
        lw_str line = {NULL, 0};
        (void)lw_str_split(left, '\n', &line, &left);
        if (lw_str_starts(line, lw_str_c(name)) && line.ptr[strlen(name)] == ' ') {
            return strtol(line.ptr + strlen(name) + 1, NULL, 10);
        }
    }
    fail_msg("there is no metric %s", name);
    return -1;
}

static void metrics_count_each_result(void **state)
{
    static const char accepted[] = "lw_verifications_total{result=\"accepted\"}";
    static const char refused[] = "lw_verifications_total{result=\"refused\"}";
    static const char undetermined[] = "lw_verifications_total{result=\"undetermined\"}";
    (void)state;
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    struct support_reply replies[3] = {{.status = 0}};
    const long before[] = {metric(accepted), metric(refused), metric(undetermined)};
    support_home_lq1(&s.home, "V-1", &text);
    support_verify(&s, lw_buf_text(&text), "", &replies[0]);
    support_verify(&s, LW_STR("LQ1:%"), "", &replies[1]);
    support_verify(&s, lw_buf_text(&text), ",\"challenge_only\":true", &replies[2]);
    assert_int_equal(metric(accepted), before[0] + 1);
    assert_int_equal(metric(refused), before[1] + 1);
    assert_int_equal(metric(undetermined), before[2] + 1);
    assert_int_equal(metric("lw_verifications_total{result=\"error\"}"), 0);
    assert_int_equal(metric("lw_background_errors_total"), 0);
    for (size_t i = 0; i < 3; i++) {
        support_reply_free(&replies[i]);
    }
}

static int start(void **state)
{
    (void)state;
    support_service_start(&s);
    support_home_issue(&s.home, "V-1");
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
        cmocka_unit_test(text_and_pictures_are_accepted_with_exactly_the_claims_shown),
        cmocka_unit_test(an_sd_jwt_needs_its_audience_and_nonce),
        cmocka_unit_test(text_that_cannot_be_decoded_is_an_answer_refused_at_decode),
        cmocka_unit_test(a_picture_of_another_code_is_refused_at_decode),
        cmocka_unit_test(without_record_nothing_is_written),
        cmocka_unit_test(reasons_are_told_in_the_language_wanted),
        cmocka_unit_test(bodies_that_are_no_request_are_declined),
        cmocka_unit_test(other_media_types_are_declined),
        cmocka_unit_test(pictures_that_cannot_be_read_or_hold_no_code_are_declined),
        cmocka_unit_test(bodies_that_are_too_large_are_declined),
        cmocka_unit_test(a_receipt_is_there_with_the_next_head_and_proves_itself),
        cmocka_unit_test(receipts_that_nobody_has_are_not_found),
        cmocka_unit_test(a_challenge_is_answered_once),
        cmocka_unit_test(metrics_count_each_result),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
