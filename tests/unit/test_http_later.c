/* Replies that wait without a thread: their connections sleep until what they wait for is there. */
#define _GNU_SOURCE

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "hsm/rng.h"
#include "http.h"
#include "idp/server.h"

enum {
    MANY = 24,
    DEADLINE_MS = 60000,
    SHORT_MS = 500,
    ASLEEP_MS = 50, /* who has no answer by then sleeps, or is looked at once more */
    STEP_MS = 5,
    TEXT_MAX = 256,
    LOG_MAX = 64 * 1024,
};

struct waiting {
    struct idp_later later;
    struct idp_service *service;
    struct waiting *next;
};

/* What handlers share in these tests. */
struct idp_service {
    pthread_mutex_t lock;
    struct waiting *list; /* started and not woken */
    unsigned count;
    atomic_uint finished;
    atomic_uint dropped;
};

static lw_err put_on_list(struct idp_later *later)
{
    struct waiting *w = (struct waiting *)later;
    pthread_mutex_lock(&w->service->lock);
    w->next = w->service->list;
    w->service->list = w;
    w->service->count++;
    pthread_mutex_unlock(&w->service->lock);
    return LW_SUCCESS;
}

static lw_err refuse_to_start(struct idp_later *later)
{
    (void)later;
    return LW_FAIL(LW_E_BUSY, "test: no place for one more", LW_NOWHERE);
}

static lw_err wake_at_once(struct idp_later *later)
{
    later->wake(later->wake_ctx);
    return LW_SUCCESS;
}

static void finish(struct idp_later *later, struct idp_service *service,
                   const struct idp_request *request, struct idp_reply *reply)
{
    LW_AUTO_BUF body = LW_BUF(TEXT_MAX);
    (void)later;
    (void)request;
    atomic_fetch_add(&service->finished, 1);
    assert_int_equal(lw_buf_put_c(&body, "it is there").code, LW_OK);
    idp_reply_take(reply, 200, "text/plain", &body);
}

static void drop(struct idp_later *later)
{
    struct waiting *w = (struct waiting *)later;
    atomic_fetch_add(&w->service->dropped, 1);
    free(w);
}

static void wait_with(struct idp_service *service, lw_err (*start)(struct idp_later *later),
                      struct idp_reply *reply)
{
    struct waiting *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    w->service = service;
    w->later = (struct idp_later){.start = start, .finish = finish, .drop = drop};
    idp_reply_later(reply, &w->later);
}

static void get_later(struct idp_service *service, const struct idp_request *request,
                      struct idp_reply *reply)
{
    (void)request;
    wait_with(service, put_on_list, reply);
}

static void get_full(struct idp_service *service, const struct idp_request *request,
                     struct idp_reply *reply)
{
    (void)request;
    wait_with(service, refuse_to_start, reply);
}

static void get_at_once(struct idp_service *service, const struct idp_request *request,
                        struct idp_reply *reply)
{
    (void)request;
    wait_with(service, wake_at_once, reply);
}

static void get_now(struct idp_service *service, const struct idp_request *request,
                    struct idp_reply *reply)
{
    LW_AUTO_BUF body = LW_BUF(TEXT_MAX);
    (void)service;
    (void)request;
    assert_int_equal(lw_buf_put_c(&body, "now").code, LW_OK);
    idp_reply_take(reply, 200, "text/plain", &body);
}

static void get_broken(struct idp_service *service, const struct idp_request *request,
                       struct idp_reply *reply)
{
    (void)service;
    idp_reply_error(reply, request, LW_FAIL(LW_E_CORRUPT, "test: a page is torn", 42));
}

static const struct idp_route routes[] = {
    {IDP_GET, "/later", get_later, NULL, 0},
    {IDP_GET, "/later-by-worker", get_later, idp_waits_always, 0},
    {IDP_GET, "/full", get_full, NULL, 0},
    {IDP_GET, "/at-once", get_at_once, NULL, 0},
    {IDP_GET, "/now", get_now, NULL, 0},
    {IDP_GET, "/broken", get_broken, NULL, 0},
};

struct fixture {
    struct idp_service service;
    struct idp_server *server;
    struct lw_log log;
    FILE *log_file;
    unsigned port;
};

static int set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){.log = {.least = LW_WARN, .clock = lw_clock_system()}};
    pthread_mutex_init(&f.service.lock, NULL);
    f.log_file = tmpfile();
    assert_non_null(f.log_file);
    f.log.fd = fileno(f.log_file);
    const struct idp_server_config config = {
        .listen = "127.0.0.1:0",
        .threads = 1, /* one thread must do for all that wait, and for others meanwhile */
        .workers = 1,
        .queue_max = 64,
        .connections = 64,
        .deadline_ms = DEADLINE_MS,
        .routes = routes,
        .route_count = sizeof(routes) / sizeof(routes[0]),
        .service = &f.service,
        .clock = lw_clock_system(),
        .rng = hsm_rng_system(),
        .log = &f.log,
    };
    assert_int_equal(idp_server_start(&config, &f.server).code, LW_OK);
    f.port = idp_server_port(f.server);
    *state = &f;
    return 0;
}

static void wake_all(struct idp_service *service)
{
    pthread_mutex_lock(&service->lock);
    struct waiting *w = service->list;
    service->list = NULL;
    service->count = 0;
    pthread_mutex_unlock(&service->lock);
    while (w != NULL) {
        struct waiting *next = w->next; /* `w` is gone once it was woken */
        w->later.wake(w->later.wake_ctx);
        w = next;
    }
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    wake_all(&f->service);
    idp_server_stop(f->server, 5000);
    (void)fclose(f->log_file);
    pthread_mutex_destroy(&f->service.lock);
    return 0;
}

static unsigned waiting_now(struct idp_service *service)
{
    pthread_mutex_lock(&service->lock);
    const unsigned n = service->count;
    pthread_mutex_unlock(&service->lock);
    return n;
}

static void wait_for_waiting(struct fixture *f, unsigned n)
{
    while (waiting_now(&f->service) < n) {
        (void)poll(NULL, 0, STEP_MS);
    }
}

static void wait_for_dropped(struct fixture *f, unsigned n)
{
    while (atomic_load(&f->service.dropped) < n) {
        (void)poll(NULL, 0, STEP_MS);
    }
}

static int ask(const struct fixture *f, const char *path)
{
    char request[TEXT_MAX];
    const int fd = support_connect(f->port);
    const int n = snprintf(request, sizeof(request),
                           "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", path);
    assert_int_equal(send(fd, request, (size_t)n, MSG_NOSIGNAL), n);
    return fd;
}

static void expect_now(const struct fixture *f)
{
    SUPPORT_AUTO_REPLY reply = {.status = 0};
    support_http_get(f->port, "/now", "", &reply);
    assert_int_equal(reply.status, 200);
}

/* Nothing has come, and the peer has not closed either. */
static void expect_silence(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 0), 0);
}

static void expect_there(int fd)
{
    SUPPORT_AUTO_REPLY reply = {.status = 0};
    support_read_reply(fd, &reply);
    (void)close(fd);
    assert_int_equal(reply.status, 200);
    assert_true(lw_str_is(reply.body, "it is there"));
}

static void many_wait_without_a_thread_and_are_answered_when_it_is_there(void **state)
{
    struct fixture *f = *state;
    int fds[MANY];
    for (unsigned i = 0; i < MANY; i++) {
        fds[i] = ask(f, i % 4 == 3 ? "/later-by-worker" : "/later");
    }
    wait_for_waiting(f, MANY);
    expect_now(f);
    for (unsigned i = 0; i < MANY; i++) {
        expect_silence(fds[i]);
    }
    assert_int_equal(atomic_load(&f->service.finished), 0);
    wake_all(&f->service);
    for (unsigned i = 0; i < MANY; i++) {
        expect_there(fds[i]);
    }
    wait_for_dropped(f, MANY);
    assert_int_equal(atomic_load(&f->service.finished), MANY);
}

static void what_is_there_before_the_handler_returns_is_answered(void **state)
{
    const struct fixture *f = *state;
    for (int i = 0; i < MANY; i++) {
        expect_there(ask(f, "/at-once"));
    }
}

static void where_there_is_no_place_it_is_503_with_retry_after(void **state)
{
    struct fixture *f = *state;
    SUPPORT_AUTO_REPLY reply = {.status = 0};
    support_http_get(f->port, "/full", "", &reply);
    assert_int_equal(reply.status, 503);
    assert_true(lw_str_is(support_header(&reply, "Retry-After"), "1"));
    assert_int_equal(atomic_load(&f->service.dropped), 1);
    assert_int_equal(atomic_load(&f->service.finished), 0);
    expect_now(f);
}

static void a_client_that_is_gone_meanwhile_costs_nobody_else_anything(void **state)
{
    struct fixture *f = *state;
    const int gone = ask(f, "/later");
    const int stays = ask(f, "/later");
    wait_for_waiting(f, 2);
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    assert_int_equal(setsockopt(gone, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
    (void)close(gone);
    expect_now(f);
    assert_int_equal(atomic_load(&f->service.dropped), 0); /* not before it is there */
    wake_all(&f->service);
    expect_there(stays);
    wait_for_dropped(f, 2);
    expect_now(f);
}

static void the_deadline_ends_a_connection_that_waits_but_not_what_it_waits_for(void **state)
{
    struct fixture *f = *state;
    idp_server_limit(f->server, 0, SHORT_MS);
    const int fd = ask(f, "/later");
    SUPPORT_AUTO_REPLY reply = {.status = 0};
    wait_for_waiting(f, 1);
    support_read_reply(fd, &reply); /* until the server has shut it */
    (void)close(fd);
    assert_int_equal(reply.status, 0);
    assert_int_equal(atomic_load(&f->service.dropped), 0);
    wake_all(&f->service);
    wait_for_dropped(f, 1);
    expect_now(f);
}

struct stopping {
    pthread_t thread;
    struct fixture *f;
    int64_t drain_ms;
    atomic_bool done;
};

static void *stop(void *arg)
{
    struct stopping *s = arg;
    idp_server_stop(s->f->server, s->drain_ms);
    atomic_store(&s->done, true);
    return NULL;
}

static void the_end_waits_for_what_is_waited_for(int64_t drain_ms, struct fixture *f)
{
    struct stopping s = {.f = f, .drain_ms = drain_ms};
    const int fd = ask(f, "/later");
    wait_for_waiting(f, 1);
    assert_int_equal(pthread_create(&s.thread, NULL, stop, &s), 0);
    (void)poll(NULL, 0, 100);
    assert_false(atomic_load(&s.done));
    wake_all(&f->service);
    assert_int_equal(pthread_join(s.thread, NULL), 0);
    f->server = NULL;
    assert_int_equal(atomic_load(&f->service.dropped), 1);
    if (drain_ms > 0) {
        expect_there(fd); /* answered, since there was time */
    } else {
        (void)close(fd);
    }
}

static void a_drain_answers_who_waits(void **state)
{
    the_end_waits_for_what_is_waited_for(DEADLINE_MS, *state);
}

static void even_past_the_drain_nothing_is_freed_that_is_still_awaited(void **state)
{
    the_end_waits_for_what_is_waited_for(0, *state);
}

/* Whether a request on a connection of before gets an answer; it sleeps as long as it may. */
static bool is_turned_away(int fd, const char *path)
{
    SUPPORT_AUTO_REPLY reply = {.status = 0};
    char request[TEXT_MAX];
    struct pollfd p = {.fd = fd, .events = POLLIN};
    const int n = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
    assert_int_equal(send(fd, request, (size_t)n, MSG_NOSIGNAL), n);
    if (poll(&p, 1, ASLEEP_MS) == 0) {
        return false;
    }
    support_read_reply(fd, &reply);
    assert_int_equal(reply.status, 503);
    return true;
}

/* Past the drain the end waits for what sleeps: whatever went to sleep then would be overlooked. */
static void nothing_goes_to_sleep_when_the_server_ends(struct fixture *f, const char *path)
{
    enum { BEFORE = 40 }; /* so that the server ends before the last has asked */
    struct stopping s = {.f = f};
    int fds[BEFORE];
    bool away = false;
    const int first = ask(f, "/later");
    wait_for_waiting(f, 1);
    for (unsigned i = 0; i < BEFORE; i++) {
        fds[i] = support_connect(f->port);
    }
    expect_now(f); /* accepted after them */
    assert_int_equal(pthread_create(&s.thread, NULL, stop, &s), 0);
    for (unsigned i = 0; i < BEFORE && !away; i++) {
        away = is_turned_away(fds[i], path);
    }
    while (!atomic_load(&s.done)) {
        wake_all(&f->service);
        (void)poll(NULL, 0, STEP_MS);
    }
    assert_int_equal(pthread_join(s.thread, NULL), 0);
    f->server = NULL;
    for (unsigned i = 0; i < BEFORE; i++) {
        (void)close(fds[i]);
    }
    (void)close(first);
    assert_true(away);
}

static void nothing_waits_for_a_commit_when_the_server_ends(void **state)
{
    nothing_goes_to_sleep_when_the_server_ends(*state, "/later");
}

static void nothing_waits_for_a_worker_when_the_server_ends(void **state)
{
    nothing_goes_to_sleep_when_the_server_ends(*state, "/later-by-worker");
}

static void the_log_says_why_it_was_a_5xx_and_of_which_request(void **state)
{
    struct fixture *f = *state;
    char log[LOG_MAX] = {0};
    SUPPORT_AUTO_REPLY reply = {.status = 0};
    support_http_get(f->port, "/broken?name=secret-canary", "", &reply);
    assert_int_equal(reply.status, 500);
    json_t *problem = support_json(&reply);
    const char *instance = json_string_value(json_object_get(problem, "instance"));
    assert_non_null(instance);
    const char *id = strrchr(instance, ':') + 1;
    assert_true(pread(f->log.fd, log, sizeof(log) - 1, 0) > 0);
    assert_non_null(strstr(log, "event=http"));
    assert_non_null(strstr(log, id));
    assert_non_null(strstr(log, "route=/broken status=500"));
    assert_non_null(strstr(log, "code=corrupt"));
    assert_non_null(strstr(log, "why=\"test: a page is torn\""));
    assert_null(strstr(log, "canary"));
    assert_null(memmem(reply.body.ptr, reply.body.len, "torn", 4)); /* clients are not told */
    json_decref(problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            many_wait_without_a_thread_and_are_answered_when_it_is_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_there_before_the_handler_returns_is_answered,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(where_there_is_no_place_it_is_503_with_retry_after, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_client_that_is_gone_meanwhile_costs_nobody_else_anything,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            the_deadline_ends_a_connection_that_waits_but_not_what_it_waits_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_drain_answers_who_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(even_past_the_drain_nothing_is_freed_that_is_still_awaited,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_waits_for_a_commit_when_the_server_ends, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(nothing_waits_for_a_worker_when_the_server_ends, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_log_says_why_it_was_a_5xx_and_of_which_request, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
