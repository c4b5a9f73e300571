/* The end of a server: who has sent a request by then gets an answer (fault F22). */
#define _GNU_SOURCE

#include "idp/server.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "hsm/rng.h"
#include "http.h"

enum { DEADLINE_MS = 60000, STEP_MS = 5, LATE_MS = 300 };

/* A clock that holds the server's only HTTP thread where it looks at the time. */
static struct {
    pthread_t thread; /* the HTTP thread, once `known` */
    atomic_bool known;
    atomic_bool hold;
    atomic_bool held;
} http;

static int64_t holding_ns(void *ctx)
{
    (void)ctx;
    if (atomic_load(&http.known) && pthread_equal(pthread_self(), http.thread)) {
        while (atomic_load(&http.hold)) {
            atomic_store(&http.held, true);
            (void)poll(NULL, 0, STEP_MS);
        }
    }
    return lw_mono_ns(lw_clock_system());
}

static void get_now(struct idp_service *service, const struct idp_request *request,
                    struct idp_reply *reply)
{
    LW_AUTO_BUF body = LW_BUF(16);
    (void)service;
    (void)request;
    if (!atomic_load(&http.known)) {
        http.thread = pthread_self();
        atomic_store(&http.known, true);
    }
    assert_int_equal(lw_buf_put_c(&body, "now").code, LW_OK);
    idp_reply_take(reply, 200, "text/plain", &body);
}

static const struct idp_route routes[] = {{IDP_GET, "/now", get_now, NULL, 0}};

struct fixture {
    struct lw_clock clock;
    struct idp_server *server;
    pthread_t stopper;
    unsigned port;
};

static void expect_now(const struct fixture *f)
{
    SUPPORT_AUTO_REPLY reply = {.status = 0};
    support_http_get(f->port, "/now", "", &reply);
    assert_int_equal(reply.status, 200);
}

static int set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){.clock = {.now = lw_clock_system()->now, .mono_ns = holding_ns}};
    atomic_store(&http.known, false);
    atomic_store(&http.hold, false);
    atomic_store(&http.held, false);
    const struct idp_server_config config = {
        .listen = "127.0.0.1:0",
        .threads = 1,
        .workers = 1,
        .queue_max = 1,
        .connections = 64,
        .deadline_ms = DEADLINE_MS,
        .routes = routes,
        .route_count = 1,
        .clock = &f.clock,
        .rng = hsm_rng_system(),
    };
    assert_int_equal(idp_server_start(&config, &f.server).code, LW_OK);
    f.port = idp_server_port(f.server);
    expect_now(&f); /* makes its thread known */
    *state = &f;
    return 0;
}

static void send_request(int fd)
{
    static const char request[] = "GET /now HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    assert_int_equal(send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL), sizeof(request) - 1);
}

static void expect_answer(int fd)
{
    SUPPORT_AUTO_REPLY reply = {.status = 0};
    support_read_reply(fd, &reply);
    (void)close(fd);
    assert_int_equal(reply.status, 200);
}

static void wait_until_held(void)
{
    while (!atomic_load(&http.held)) {
        (void)poll(NULL, 0, STEP_MS);
    }
}

static void *stop(void *arg)
{
    struct fixture *f = arg;
    idp_server_stop(f->server, DEADLINE_MS);
    return NULL;
}

/* The HTTP thread goes on only when the server has had time to believe that all is quiet. */
static void stop_while_held(struct fixture *f)
{
    assert_int_equal(pthread_create(&f->stopper, NULL, stop, f), 0);
    (void)poll(NULL, 0, LATE_MS);
    atomic_store(&http.hold, false);
}

static void a_connection_that_no_thread_has_taken_yet_is_answered(void **state)
{
    struct fixture *f = *state;
    atomic_store(&http.hold, true);
    const int fd = support_connect(f->port);
    send_request(fd);
    wait_until_held(); /* about to take it */
    stop_while_held(f);
    expect_answer(fd);
    (void)pthread_join(f->stopper, NULL);
}

static void a_request_that_no_thread_has_read_yet_is_answered(void **state)
{
    struct fixture *f = *state;
    const int first = support_connect(f->port);
    const int second = support_connect(f->port);
    expect_now(f); /* accepted after them */
    atomic_store(&http.hold, true);
    send_request(first);
    wait_until_held(); /* done with it */
    send_request(second);
    stop_while_held(f);
    expect_answer(first);
    expect_answer(second);
    (void)pthread_join(f->stopper, NULL);
}

static void a_peer_that_sends_nothing_delays_no_end(void **state)
{
    struct fixture *f = *state;
    SUPPORT_AUTO_REPLY reply = {.status = 0};
    const int silent = support_connect(f->port);
    expect_now(f);                             /* accepted after it */
    idp_server_stop(f->server, INT64_MAX / 2); /* were it to be waited for, for ever */
    support_read_reply(silent, &reply);
    (void)close(silent);
    assert_int_equal(reply.status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_connection_that_no_thread_has_taken_yet_is_answered, set_up),
        cmocka_unit_test_setup(a_request_that_no_thread_has_read_yet_is_answered, set_up),
        cmocka_unit_test_setup(a_peer_that_sends_nothing_delays_no_end, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
