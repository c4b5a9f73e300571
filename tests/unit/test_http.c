#define _GNU_SOURCE

#include "idp/server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "hsm/rng.h"
#include "idp/client.h"

enum { ANSWER_MAX = 64 * 1024, DEADLINE_MS = 60000, SHORT_MS = 600, TRICKLE_MS = 50 };

/* What handlers share in these tests. */
struct idp_service {
    atomic_bool hold; /* waiting handlers stand until it is false */
    atomic_uint waiting;
};

static void say(struct idp_reply *reply, lw_str text)
{
    LW_AUTO_BUF body = LW_BUF(ANSWER_MAX);
    assert_int_equal(lw_buf_put_str(&body, text).code, LW_OK);
    idp_reply_take(reply, 200, "text/plain", &body);
}

static void echo(struct idp_service *service, const struct idp_request *request,
                 struct idp_reply *reply)
{
    (void)service;
    say(reply, lw_bytes_str(request->body));
}

static void show_param(struct idp_service *service, const struct idp_request *request,
                       struct idp_reply *reply)
{
    (void)service;
    idp_reply_header(reply, "X-Accept", idp_header(request, "Accept"));
    say(reply, request->params[0]);
}

static void wait_for_it(struct idp_service *service, const struct idp_request *request,
                        struct idp_reply *reply)
{
    (void)request;
    atomic_fetch_add(&service->waiting, 1);
    while (atomic_load(&service->hold)) {
        (void)poll(NULL, 0, 5);
    }
    atomic_fetch_sub(&service->waiting, 1);
    say(reply, LW_STR("waited"));
}

static void fail_busy(struct idp_service *service, const struct idp_request *request,
                      struct idp_reply *reply)
{
    (void)service;
    idp_reply_error(reply, request, LW_FAIL(LW_E_NOSPACE, "test: full", LW_NOWHERE));
}

static const struct idp_route routes[] = {
    {IDP_POST, "/echo", echo, NULL, 1000},
    {IDP_GET, "/thing/{n}", show_param, NULL, 0},
    {IDP_GET, "/wait", wait_for_it, idp_waits_always, 0},
    {IDP_GET, "/full", fail_busy, NULL, 0},
};

struct fixture {
    struct idp_service service;
    struct idp_server *server;
    char base[64];
};

static int set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){.server = NULL};
    const struct idp_server_config config = {
        .listen = "127.0.0.1:0",
        .threads = 2,
        .workers = 2,
        .queue_max = 2,
        .connections = 64,
        .deadline_ms = DEADLINE_MS,
        .routes = routes,
        .route_count = sizeof(routes) / sizeof(routes[0]),
        .service = &f.service,
        .clock = lw_clock_system(),
        .rng = hsm_rng_system(),
        .log = NULL,
    };
    if (idp_server_start(&config, &f.server).code != LW_OK) {
        return -1;
    }
    (void)snprintf(f.base, sizeof(f.base), "http://127.0.0.1:%u", idp_server_port(f.server));
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    atomic_store(&f->service.hold, false);
    idp_server_stop(f->server, 5000);
    return 0;
}

static int open_socket(const struct fixture *f)
{
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)idp_server_port(f->server)),
                                   .sin_addr = {htonl(INADDR_LOOPBACK)}};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

/* Sends raw bytes and reads until the peer closes, or until the first answer's end of headers. */
static void talk(const struct fixture *f, lw_str request, lw_buf *answer)
{
    const int fd = open_socket(f);
    assert_int_equal(send(fd, request.ptr, request.len, MSG_NOSIGNAL), request.len);
    char chunk[4096];
    ssize_t got = 0;
    while ((got = recv(fd, chunk, sizeof(chunk), 0)) > 0) {
        assert_int_equal(
            lw_buf_put(answer, (lw_bytes){.ptr = (const uint8_t *)chunk, .len = (size_t)got}).code,
            LW_OK);
    }
    (void)close(fd);
}

static const struct idp_fetch_limits limits = {
    .timeout_ms = 10000, .body_max = ANSWER_MAX, .loopback_http = true, .redirects = 0};

static lw_err get(const struct fixture *f, const char *path, lw_buf *body,
                  struct idp_fetch_result *result)
{
    char uri[256];
    (void)snprintf(uri, sizeof(uri), "%s%s", f->base, path);
    return idp_fetch(&limits, lw_str_c(uri), "text/plain", body, result);
}

static long post(const struct fixture *f, size_t len, lw_buf *body)
{
    static uint8_t data[2000];
    char uri[256];
    struct idp_fetch_result result;
    memset(data, 'x', sizeof(data));
    (void)snprintf(uri, sizeof(uri), "%s/echo", f->base);
    assert_int_equal(idp_post(&limits, lw_str_c(uri), "text/plain",
                              (lw_bytes){.ptr = data, .len = len}, body, &result)
                         .code,
                     LW_OK);
    return result.status;
}

static void a_route_gets_its_parameter_and_headers(void **state)
{
    LW_AUTO_BUF body = LW_BUF(ANSWER_MAX);
    struct idp_fetch_result result;
    assert_int_equal(get(*state, "/thing/42", &body, &result).code, LW_OK);
    assert_int_equal(result.status, 200);
    assert_string_equal(result.content_type, "text/plain");
    assert_true(lw_str_is(lw_buf_text(&body), "42"));
}

static void what_has_no_route_is_a_problem(void **state)
{
    LW_AUTO_BUF answer = LW_BUF(ANSWER_MAX);
    const char *text = NULL;
    talk(*state, LW_STR("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n"), &answer);
    assert_int_equal(lw_buf_c(&answer, &text).code, LW_OK);
    assert_non_null(strstr(text, "HTTP/1.1 404"));
    assert_non_null(strstr(text, "application/problem+json"));
    assert_non_null(strstr(text, "\"status\":404"));
    assert_non_null(strstr(text, "X-Content-Type-Options: nosniff"));

    lw_buf_truncate(&answer, 0);
    talk(*state, LW_STR("DELETE /echo HTTP/1.1\r\nHost: a\r\n\r\n"), &answer);
    assert_int_equal(lw_buf_c(&answer, &text).code, LW_OK);
    assert_non_null(strstr(text, "HTTP/1.1 405"));

    lw_buf_truncate(&answer, 0);
    talk(*state, LW_STR("GET /echo HTTP/1.1\r\nHost: a\r\n\r\n"), &answer);
    assert_int_equal(lw_buf_c(&answer, &text).code, LW_OK);
    assert_non_null(strstr(text, "HTTP/1.1 405"));
}

static void a_body_is_taken_up_to_its_limit(void **state)
{
    LW_AUTO_BUF body = LW_BUF(ANSWER_MAX);
    assert_int_equal(post(*state, 999, &body), 200);
    assert_int_equal(body.len, 999);
    lw_buf_truncate(&body, 0);
    assert_int_equal(post(*state, 1000, &body), 200);
    assert_int_equal(body.len, 1000);
    lw_buf_truncate(&body, 0);
    assert_int_equal(post(*state, 1001, &body), 413);
}

static void a_chunked_body_past_the_limit_is_refused(void **state)
{
    LW_AUTO_BUF request = LW_BUF(ANSWER_MAX);
    LW_AUTO_BUF answer = LW_BUF(ANSWER_MAX);
    const char *text = NULL;
    assert_int_equal(lw_buf_put_c(&request, "POST /echo HTTP/1.1\r\nHost: a\r\n"
                                            "Transfer-Encoding: chunked\r\n\r\n")
                         .code,
                     LW_OK);
    for (int i = 0; i < 11; i++) {
        assert_int_equal(lw_buf_put_c(&request, "64\r\n").code, LW_OK);
        for (int k = 0; k < 100; k++) {
            assert_int_equal(lw_buf_put_byte(&request, 'x').code, LW_OK);
        }
        assert_int_equal(lw_buf_put_c(&request, "\r\n").code, LW_OK);
    }
    assert_int_equal(lw_buf_put_c(&request, "0\r\n\r\n").code, LW_OK);
    talk(*state, lw_buf_text(&request), &answer);
    assert_int_equal(lw_buf_c(&answer, &text).code, LW_OK);
    assert_non_null(strstr(text, "HTTP/1.1 413"));
}

/* F14: each of these could be read as two requests by a proxy before us. */
static void a_body_of_two_lengths_is_refused_and_the_connection_closed(void **state)
{
    static const char *const requests[] = {
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3x\r\n\r\nabc",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\nabc",
    };
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        LW_AUTO_BUF answer = LW_BUF(ANSWER_MAX);
        const char *text = NULL;
        talk(*state, lw_str_c(requests[i]), &answer);
        assert_int_equal(lw_buf_c(&answer, &text).code, LW_OK);
        if (text[0] != 0) { /* the library itself may close without an answer */
            assert_non_null(strstr(text, "HTTP/1.1 400"));
            assert_null(strstr(text, "HTTP/1.1 200"));
        }
    }
}

static void a_full_disk_is_503_with_retry_after(void **state)
{
    LW_AUTO_BUF answer = LW_BUF(ANSWER_MAX);
    const char *text = NULL;
    talk(*state, LW_STR("GET /full HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), &answer);
    assert_int_equal(lw_buf_c(&answer, &text).code, LW_OK);
    assert_non_null(strstr(text, "HTTP/1.1 503"));
    assert_non_null(strstr(text, "Retry-After: 1"));
}

struct caller {
    pthread_t thread;
    const struct fixture *f;
    lw_err err;
    struct idp_fetch_result result;
    atomic_uint *finished;
};

static void *call_wait(void *arg)
{
    struct caller *c = arg;
    LW_AUTO_BUF body = LW_BUF(ANSWER_MAX);
    c->err = get(c->f, "/wait", &body, &c->result);
    atomic_fetch_add(c->finished, 1);
    return NULL;
}

static void waiting_requests_leave_the_others_alone(void **state)
{
    enum { CALLERS = 6 }; /* two workers, two places: the others are told to come again */
    struct fixture *f = *state;
    struct caller callers[CALLERS];
    atomic_uint finished = 0;
    size_t done = 0;
    size_t busy = 0;
    atomic_store(&f->service.hold, true);
    for (size_t i = 0; i < CALLERS; i++) {
        callers[i] = (struct caller){.f = f, .finished = &finished};
        assert_int_equal(pthread_create(&callers[i].thread, NULL, call_wait, &callers[i]), 0);
        while (i == 1 && atomic_load(&f->service.waiting) < 2) {
            (void)poll(NULL, 0, 5); /* both workers are taken before anybody queues */
        }
    }
    LW_AUTO_BUF body = LW_BUF(ANSWER_MAX);
    struct idp_fetch_result result;
    assert_int_equal(get(f, "/thing/1", &body, &result).code, LW_OK);
    /* Two run, two wait; the two for whom there is no place are told so at once. */
    while (atomic_load(&finished) < CALLERS - 4) {
        (void)poll(NULL, 0, 5);
    }
    atomic_store(&f->service.hold, false);
    for (size_t i = 0; i < CALLERS; i++) {
        (void)pthread_join(callers[i].thread, NULL);
        done += callers[i].result.status == 200 ? 1 : 0;
        busy += callers[i].result.status == 503 ? 1 : 0;
    }
    assert_int_equal(done, 4);
    assert_int_equal(busy, 2);
}

static void a_peer_that_trickles_is_shut_out_at_the_deadline(void **state)
{
    const struct fixture *f = *state;
    const char begins[] = "GET /thing/1 HTTP/1.1\r\nHost: a";
    char byte = 0;
    bool ended = false;
    idp_server_limit(f->server, 0, SHORT_MS);
    const int64_t before = lw_mono_ms(lw_clock_system());
    const int fd = open_socket(f);
    for (size_t i = 0; i < DEADLINE_MS / TRICKLE_MS && !ended; i++) {
        const char *next = i < sizeof(begins) - 1 ? begins + i : "a";
        ended = send(fd, next, 1, MSG_NOSIGNAL) < 0 || recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
        (void)poll(NULL, 0, TRICKLE_MS);
    }
    (void)close(fd);
    assert_true(ended);
    assert_true(lw_mono_ms(lw_clock_system()) - before >= SHORT_MS); /* and not sooner */
}

static void accept_chooses_by_closeness_and_quality(void **state)
{
    (void)state;
    const lw_str cwt = LW_STR("application/statuslist+cwt");
    assert_int_equal(idp_accepts(LW_STR(""), cwt), 1000);
    assert_int_equal(idp_accepts(LW_STR("*/*"), cwt), 1000);
    assert_int_equal(idp_accepts(LW_STR("application/*;q=0.5"), cwt), 500);
    assert_int_equal(
        idp_accepts(LW_STR("text/html, Application/StatusList+CWT ; q=0.25, */*"), cwt), 250);
    assert_int_equal(idp_accepts(LW_STR("application/statuslist+cwt;q=0, */*"), cwt), 0);
    assert_int_equal(idp_accepts(LW_STR("text/html"), cwt), 0);
    assert_int_equal(idp_accepts(LW_STR("*/*;q=2"), cwt), 0);
    assert_int_equal(idp_accepts(LW_STR("*/*;q=1.000"), cwt), 1000);
}

static void a_parameter_takes_one_plain_segment(void **state)
{
    static const char *const bad[] = {"/thing/",   "/thing",       "/thing/a/b",     "/thing/a b",
                                      "/thing/..", "/thing/a%2fb", "/thing/\xc3\xa4"};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct idp_request request = {.method = IDP_GET, .path = lw_str_c(bad[i])};
        const struct idp_route *route = NULL;
        assert_int_equal(idp_route_find(routes, 4, &request, &route), IDP_NO_PATH);
    }
}

static void addresses_inside_are_not_fetched(void **state)
{
    static const char *const uris[] = {
        "https://127.0.0.1/",   "https://10.0.0.1/",        "https://192.168.1.1/",
        "https://169.254.1.1/", "https://[::1]/",           "https://[fe80::1]/",
        "https://[fc00::1]/",   "https://0.0.0.0/",         "https://[::ffff:127.0.0.1]/",
        "https://100.64.0.1/",  "https://[2002:7f00:1::]/", "http://127.0.0.1/",
        "file:///etc/passwd",
    };
    static const struct idp_fetch_limits strict = {.timeout_ms = 2000, .body_max = 100};
    (void)state;
    for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
        LW_AUTO_BUF body = LW_BUF(100);
        struct idp_fetch_result result;
        assert_int_equal(idp_fetch(&strict, lw_str_c(uris[i]), "*/*", &body, &result).code,
                         LW_E_DENIED);
    }
}

static void http_leads_to_loopback_and_nowhere_else(void **state)
{
    static const char *const uris[] = {"http://192.0.2.1/", "http://10.0.0.1/", "http://8.8.8.8/",
                                       "http://[2001:4860::1]/", "https://10.0.0.1/"};
    static const struct idp_fetch_limits loopback = {
        .timeout_ms = 2000, .body_max = 100, .loopback_http = true};
    (void)state;
    for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
        LW_AUTO_BUF body = LW_BUF(100);
        struct idp_fetch_result result;
        assert_int_equal(idp_fetch(&loopback, lw_str_c(uris[i]), "*/*", &body, &result).code,
                         LW_E_DENIED);
    }
}

static void a_url_of_this_machine_is_told_from_others(void **state)
{
    static const struct {
        const char *uri;
        bool loopback;
    } cases[] = {
        {"http://127.0.0.1:8080", true},
        {"https://127.1.2.3/x", true},
        {"http://localhost", true},
        {"http://localhost:1/", true},
        {"http://[::1]:8080/", true},
        {"http://[::1]", true},
        {"http://127.example.org/", false},
        {"http://127.0.0.1.example.org", false},
        {"http://localhost.example/", false},
        {"http://127.0.0.1:1@example.org/", false},
        {"http://localhost:x@example.org", false},
        {"http://[::1]:@example.org", false},
        {"http://[::10]", false},
        {"http://128.0.0.1", false},
        {"https://example.org/127.0.0.1", false},
        {"ftp://127.0.0.1", false},
        {"127.0.0.1", false},
        {"", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(idp_uri_is_loopback(lw_str_c(cases[i].uri)), cases[i].loopback);
    }
}

static void an_answer_of_another_type_is_refused_where_the_type_counts(void **state)
{
    const struct fixture *f = *state;
    static const char *const types[] = {"text/plain", "text/html", "text/plain2", "text/plai"};
    const struct idp_fetch_limits exact = {
        .timeout_ms = 10000, .body_max = ANSWER_MAX, .loopback_http = true, .exact_type = true};
    char uri[256];
    (void)snprintf(uri, sizeof(uri), "%s/thing/12", f->base);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        LW_AUTO_BUF body = LW_BUF(ANSWER_MAX);
        struct idp_fetch_result result;
        assert_int_equal(idp_fetch(&exact, lw_str_c(uri), types[i], &body, &result).code,
                         i == 0 ? LW_OK : LW_E_NETWORK);
        assert_int_equal(body.len > 0, i == 0);
    }
}

static void an_answer_past_the_limit_is_dropped(void **state)
{
    const struct fixture *f = *state;
    static const struct idp_fetch_limits small = {
        .timeout_ms = 5000, .body_max = 1, .loopback_http = true};
    LW_AUTO_BUF body = LW_BUF(100);
    struct idp_fetch_result result;
    char uri[256];
    (void)snprintf(uri, sizeof(uri), "%s/thing/12", f->base);
    assert_int_equal(idp_fetch(&small, lw_str_c(uri), "*/*", &body, &result).code, LW_E_LIMIT);
    assert_int_equal(body.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_route_gets_its_parameter_and_headers),
        cmocka_unit_test(what_has_no_route_is_a_problem),
        cmocka_unit_test(a_body_is_taken_up_to_its_limit),
        cmocka_unit_test(a_chunked_body_past_the_limit_is_refused),
        cmocka_unit_test(a_body_of_two_lengths_is_refused_and_the_connection_closed),
        cmocka_unit_test(a_full_disk_is_503_with_retry_after),
        cmocka_unit_test(waiting_requests_leave_the_others_alone),
        cmocka_unit_test(a_peer_that_trickles_is_shut_out_at_the_deadline),
        cmocka_unit_test(accept_chooses_by_closeness_and_quality),
        cmocka_unit_test(a_parameter_takes_one_plain_segment),
        cmocka_unit_test(addresses_inside_are_not_fetched),
        cmocka_unit_test(http_leads_to_loopback_and_nowhere_else),
        cmocka_unit_test(a_url_of_this_machine_is_told_from_others),
        cmocka_unit_test(an_answer_of_another_type_is_refused_where_the_type_counts),
        cmocka_unit_test(an_answer_past_the_limit_is_dropped),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
