/* F12: no descriptors left, and a thousand peers that are slow. */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "hsm/rng.h"
#include "http.h"
#include "idp/server.h"

enum {
    SLOW = 1000,
    DEADLINE_MS = 3000,
    STEP_MS = 20,
    WAIT_STEPS = 6000,
    LOG_MAX = 64 * 1024,
    WAITING = 8,
    FEW = 400,      /* descriptors of a service that has few */
    FOR_OTHERS = 64 /* of them that it must leave */
};

static void get_now(struct idp_service *service, const struct idp_request *request,
                    struct idp_reply *reply)
{
    LW_AUTO_BUF body = LW_BUF(16);
    (void)service;
    (void)request;
    assert_int_equal(lw_buf_put_c(&body, "now").code, LW_OK);
    idp_reply_take(reply, 200, "text/plain", &body);
}

static const struct idp_route routes[] = {{IDP_GET, "/now", get_now, NULL, 0}};

struct fixture {
    struct idp_server *server;
    struct lw_log log;
    FILE *log_file;
    unsigned port;
    struct rlimit before;
};

static void start(struct fixture *f)
{
    const struct idp_server_config config = {
        .listen = "127.0.0.1:0",
        .threads = 2,
        .workers = 1,
        .queue_max = 1,
        .connections = 4096,
        .deadline_ms = DEADLINE_MS,
        .routes = routes,
        .route_count = 1,
        .clock = lw_clock_system(),
        .rng = hsm_rng_system(),
        .log = &f->log,
    };
    assert_int_equal(idp_server_start(&config, &f->server).code, LW_OK);
    f->port = idp_server_port(f->server);
}

static void limit_descriptors(const struct fixture *f, rlim_t n)
{
    struct rlimit limit = f->before;
    limit.rlim_cur = n < limit.rlim_max ? n : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static int set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){.log = {.least = LW_INFO, .clock = lw_clock_system()}};
    f.log_file = tmpfile();
    assert_non_null(f.log_file);
    f.log.fd = fileno(f.log_file);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &f.before), 0);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    idp_server_stop(f->server, 5000);
    f->server = NULL;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &f->before), 0);
    (void)fclose(f->log_file);
    return 0;
}

static unsigned times_said(const struct fixture *f, const char *event)
{
    static char log[LOG_MAX];
    const ssize_t got = pread(f->log.fd, log, sizeof(log) - 1, 0);
    unsigned n = 0;
    log[got > 0 ? got : 0] = 0;
    for (const char *at = log; (at = strstr(at, event)) != NULL; at++) {
        n++;
    }
    return n;
}

static void expect_answer(const struct fixture *f)
{
    SUPPORT_AUTO_REPLY reply = {.status = 0};
    support_http_get(f->port, "/now", "", &reply);
    assert_int_equal(reply.status, 200);
}

static int new_socket(void)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    return fd;
}

static void connect_to(const struct fixture *f, int fd)
{
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)f->port),
                                   .sin_addr = {htonl(INADDR_LOOPBACK)}};
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
}

/* The service has closed: it was shut out, or turned away. */
static bool is_ended(int fd)
{
    char byte = 0;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) == 1 && recv(fd, &byte, 1, MSG_DONTWAIT) <= 0;
}

static bool wait_for_end(int fd)
{
    for (int i = 0; i < WAIT_STEPS && !is_ended(fd); i++) {
        (void)poll(NULL, 0, STEP_MS);
    }
    return is_ended(fd);
}

/* The lowest number that a new descriptor would get. */
static int next_descriptor(void)
{
    const int fd = dup(STDIN_FILENO);
    assert_true(fd >= 0);
    (void)close(fd);
    return fd;
}

static void without_descriptors_peers_are_turned_away_and_the_listener_recovers(void **state)
{
    struct fixture *f = *state;
    int fds[WAITING];
    start(f);
    expect_answer(f);
    (void)poll(NULL, 0, 10 * STEP_MS); /* until that connection's descriptor is given back */
    for (size_t i = 0; i < WAITING; i++) {
        fds[i] = new_socket();
    }
    limit_descriptors(f, (rlim_t)next_descriptor());
    for (size_t i = 0; i < WAITING; i++) {
        connect_to(f, fds[i]);
    }
    for (size_t i = 0; i < WAITING; i++) {
        assert_true(wait_for_end(fds[i]));
    }
    assert_int_equal(times_said(f, "event=descriptors_short"), 1);
    limit_descriptors(f, f->before.rlim_cur);
    expect_answer(f);
    assert_int_equal(times_said(f, "event=descriptors_again"), 1);
    for (size_t i = 0; i < WAITING; i++) {
        (void)close(fds[i]);
    }
}

/* In a process of its own, which has as many descriptors as it needs: connects and stays. */
static void crowd(int port_fd)
{
    struct fixture f = {.port = 0};
    if (read(port_fd, &f.port, sizeof(f.port)) != (ssize_t)sizeof(f.port)) {
        _exit(1);
    }
    for (int i = 0; i < FEW; i++) {
        connect_to(&f, new_socket());
    }
    char byte = 0;
    (void)!read(port_fd, &byte, 1); /* until the test closes its end */
    _exit(0);
}

static void connections_leave_descriptors_for_the_store_and_the_signers(void **state)
{
    struct fixture *f = *state;
    int ends[2];
    int others[FOR_OTHERS];
    int status = 0;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    const pid_t child = fork(); /* before there are threads */
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(ends[1]);
        crowd(ends[0]);
    }
    limit_descriptors(f, FEW);
    start(f);
    assert_int_equal(write(ends[1], &f->port, sizeof(f->port)), sizeof(f->port));
    (void)poll(NULL, 0, 1000); /* more than the crowd needs to connect */
    for (size_t i = 0; i < FOR_OTHERS; i++) {
        others[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        assert_true(others[i] >= 0);
    }
    for (size_t i = 0; i < FOR_OTHERS; i++) {
        (void)close(others[i]);
    }
    (void)close(ends[1]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    (void)close(ends[0]);
}

static void a_thousand_slow_peers_hold_up_nobody_and_are_shut_out(void **state)
{
    struct fixture *f = *state;
    static int fds[SLOW];
    static const char request[] = "GET /now HTTP/1.1\r\nHost: a\r\nX-Slow: ";
    const rlim_t needed = 2 * SLOW + 256;
    if (f->before.rlim_max < needed) {
        skip(); /* this machine does not allow so many descriptors */
    }
    limit_descriptors(f, needed);
    start(f);
    for (size_t i = 0; i < SLOW; i++) {
        fds[i] = new_socket();
        connect_to(f, fds[i]);
        assert_true(send(fds[i], request, 1 + i % (sizeof(request) - 1), MSG_NOSIGNAL) > 0);
    }
    for (int i = 0; i < 20; i++) { /* they trickle on, the others are answered */
        for (size_t k = (size_t)i; k < SLOW; k += 20) {
            (void)send(fds[k], "x", 1, MSG_NOSIGNAL);
        }
        expect_answer(f);
    }
    for (size_t i = 0; i < SLOW; i++) {
        assert_true(wait_for_end(fds[i]));
        (void)close(fds[i]);
    }
    expect_answer(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(connections_leave_descriptors_for_the_store_and_the_signers,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            without_descriptors_peers_are_turned_away_and_the_listener_recovers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_thousand_slow_peers_hold_up_nobody_and_are_shut_out,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
