/* The service under many at once, and while its signers are dead. Also run under TSan. */
#define _GNU_SOURCE

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "http_expect.h"
#include "service.h"
#include "token.h"

enum { RACERS = 64, MIXED = 16, ROUNDS = 6, CHILDREN_MAX = 64, STEP_MS = 50, WAIT_STEPS = 1200 };

static struct support_service s; /* made once: a token takes its time */

/* One client: what it sends, and what came of it. */
struct client {
    pthread_t thread;
    unsigned number;
    lw_str text;
    size_t accepted;
    size_t refused;
    size_t other;
};

/* From a client's thread, where a failed assertion would not be reported. */
static void tell(const struct support_reply *reply)
{
    fprintf(stderr, "answered %d: %.*s\n", reply->status, (int)reply->body.len, reply->body.ptr);
}

static void count(struct client *c, const struct support_reply *reply)
{
    if (support_has_result(reply, "accepted")) {
        c->accepted++;
    } else if (support_has_result(reply, "refused")) {
        c->refused++;
    } else {
        tell(reply);
        c->other++;
    }
}

static void *answer_once(void *arg)
{
    struct client *c = arg;
    SUPPORT_AUTO_REPLY reply = {.status = 0};
    support_verify(&s, c->text, c->number % 2 == 0 ? "" : ",\"record\":false", &reply);
    count(c, &reply);
    return NULL;
}

static void run_all(struct client *clients, size_t n, void *(*run)(void *))
{
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(pthread_create(&clients[i].thread, NULL, run, &clients[i]), 0);
    }
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(pthread_join(clients[i].thread, NULL), 0);
    }
}

static void of_64_answers_to_one_challenge_exactly_one_is_accepted(void **state)
{
    (void)state;
    struct client clients[RACERS];
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    size_t accepted = 0;
    size_t refused = 0;
    support_answer_challenge(&s, "C-1", &text);
    for (unsigned i = 0; i < RACERS; i++) {
        clients[i] = (struct client){.number = i, .text = lw_buf_text(&text)};
    }
    run_all(clients, RACERS, answer_once);
    for (size_t i = 0; i < RACERS; i++) {
        accepted += clients[i].accepted;
        refused += clients[i].refused;
    }
    assert_int_equal(accepted, 1);
    assert_int_equal(refused, RACERS - 1);
}

static void *verify_often(void *arg)
{
    static const char *const members[] = {"", ",\"record\":false"};
    static const char *const paths[] = {"/status/1", "/trust-list",        "/metrics",
                                        "/readyz",   "/api/v1/audit/head", "/vct/business-license"};
    struct client *c = arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        SUPPORT_AUTO_REPLY reply = {.status = 0};
        SUPPORT_AUTO_REPLY document = {.status = 0};
        support_verify(&s, c->text, members[(c->number + i) % 2], &reply);
        count(c, &reply);
        support_http_get(s.port, paths[(c->number + i) % 6], "", &document);
        if (document.status != 200) {
            tell(&document);
            c->other++;
        }
    }
    return NULL;
}

/* Verifications with and without record, documents, and licenses issued meanwhile. */
static void many_at_once_are_each_answered_rightly(void **state)
{
    (void)state;
    struct client clients[MIXED];
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    support_home_lq1(&s.home, "C-1", &text);
    for (unsigned i = 0; i < MIXED; i++) {
        clients[i] = (struct client){.number = i, .text = lw_buf_text(&text)};
        assert_int_equal(pthread_create(&clients[i].thread, NULL, verify_often, &clients[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        char number[32];
        (void)snprintf(number, sizeof(number), "M-%d", i);
        support_home_issue(&s.home, number);
    }
    for (size_t i = 0; i < MIXED; i++) {
        assert_int_equal(pthread_join(clients[i].thread, NULL), 0);
        assert_int_equal(clients[i].accepted, ROUNDS);
        assert_int_equal(clients[i].other, 0);
    }
}

static int readiness(lw_buf *text)
{
    SUPPORT_AUTO_REPLY reply = {.status = 0};
    support_http_get(s.port, "/readyz", "", &reply);
    lw_buf_truncate(text, 0);
    assert_int_equal(lw_buf_put_str(text, reply.body).code, LW_OK);
    return reply.status;
}

static void wait_for_readiness(int status)
{
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    for (int i = 0; i < WAIT_STEPS; i++) {
        if (readiness(&text) == status) {
            assert_true(support_contains(lw_buf_text(&text), "store ok\n"));
            assert_true(support_contains(lw_buf_text(&text), "token ok\n") == (status == 200));
            return;
        }
        (void)poll(NULL, 0, STEP_MS);
    }
    fail_msg("/readyz never was %d: %.*s", status, (int)text.len, (const char *)text.ptr);
}

static void expect_accepted(const struct support_reply *reply)
{
    if (!support_has_result(reply, "accepted")) {
        fail_msg("%d: %.*s", reply->status, (int)reply->body.len, reply->body.ptr);
    }
}

static void kill_signers(void)
{
    pid_t pids[CHILDREN_MAX];
    const size_t count_of = support_children(pids, CHILDREN_MAX);
    assert_true(count_of > 0);
    for (size_t i = 0; i < count_of; i++) {
        (void)kill(pids[i], SIGKILL);
    }
}

static void verification_goes_on_while_the_token_is_away_and_signing_comes_back(void **state)
{
    (void)state;
    char token[SUPPORT_PATH_MAX];
    char away[SUPPORT_PATH_MAX];
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    support_path(s.home.dir, "token", token);
    support_path(s.home.dir, "token.away", away);
    support_home_lq1(&s.home, "C-1", &text);
    wait_for_readiness(200);
    assert_int_equal(rename(token, away), 0);
    kill_signers();
    wait_for_readiness(503);
    {
        SUPPORT_AUTO_REPLY recorded = {.status = 0};
        SUPPORT_AUTO_REPLY plain = {.status = 0};
        SUPPORT_AUTO_REPLY list = {.status = 0};
        SUPPORT_AUTO_REPLY alive = {.status = 0};
        support_verify(&s, lw_buf_text(&text), "", &recorded);
        expect_accepted(&recorded);
        support_verify(&s, lw_buf_text(&text), ",\"record\":false", &plain);
        expect_accepted(&plain);
        support_http_get(s.port, "/status/1", "", &list);
        assert_int_equal(list.status, 200);
        support_http_get(s.port, "/healthz", "", &alive);
        assert_int_equal(alive.status, 200);
    }
    {
        SUPPORT_AUTO_REPLY head = {.status = 0};
        support_http_get(s.port, "/api/v1/audit/head", "", &head);
        support_expect_problem(&head, 503, "unavailable");
        support_expect_header(&head, "Retry-After", "1");
    }
    assert_int_equal(rename(away, token), 0);
    wait_for_readiness(200);
    SUPPORT_AUTO_REPLY head = {.status = 0};
    support_http_get(s.port, "/api/v1/audit/head", "", &head);
    assert_int_equal(head.status, 200);
    support_home_issue(&s.home, "AFTER-1");
}

static int start(void **state)
{
    static struct lw_log log = {.least = LW_WARN, .fd = STDERR_FILENO};
    (void)state;
    support_service_make(&s);
    log.clock = s.home.env.clock;
    s.home.env.log = &log;
    support_service_run(&s);
    support_home_issue(&s.home, "C-1");
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
        cmocka_unit_test(of_64_answers_to_one_challenge_exactly_one_is_accepted),
        cmocka_unit_test(many_at_once_are_each_answered_rightly),
        cmocka_unit_test(verification_goes_on_while_the_token_is_away_and_signing_comes_back),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
