/* Recorded verifications while the store's writer stands: no thread waits, nothing is answered. */
#define _GNU_SOURCE

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include <cmocka.h>

#include "http_expect.h"
#include "service.h"

enum { CLIENTS = 12, STEP_MS = 10, WHILE_MS = 300 };

static struct support_service s; /* made once: a token takes its time */

/* A write that holds up all that come after it. */
struct hold {
    pthread_t thread;
    atomic_bool began;
    atomic_bool go;
    lw_err err;
};

static lw_err stand(struct wallet_txn *txn, void *ctx)
{
    struct hold *h = ctx;
    (void)txn;
    atomic_store(&h->began, true);
    while (!atomic_load(&h->go)) {
        (void)poll(NULL, 0, STEP_MS);
    }
    return LW_SUCCESS;
}

static void *hold_writer(void *arg)
{
    struct hold *h = arg;
    h->err = wallet_store_write(wallet_home_store(s.home.home), stand, h);
    return NULL;
}

static void begin_hold(struct hold *h)
{
    *h = (struct hold){.err = LW_SUCCESS};
    assert_int_equal(pthread_create(&h->thread, NULL, hold_writer, h), 0);
    while (!atomic_load(&h->began)) {
        (void)poll(NULL, 0, STEP_MS);
    }
}

static void end_hold(struct hold *h)
{
    atomic_store(&h->go, true);
    assert_int_equal(pthread_join(h->thread, NULL), 0);
    assert_int_equal(h->err.code, LW_OK);
}

struct client {
    pthread_t thread;
    lw_str text;
    const char *members;
    atomic_uint *answered;
    bool accepted;
    int status;
};

static void *verify(void *arg)
{
    struct client *c = arg;
    SUPPORT_AUTO_REPLY reply = {.status = 0};
    support_verify(&s, c->text, c->members, &reply);
    c->accepted = support_has_result(&reply, "accepted");
    c->status = reply.status;
    atomic_fetch_add(c->answered, 1);
    return NULL;
}

static void expect_alive(void)
{
    SUPPORT_AUTO_REPLY alive = {.status = 0};
    support_http_get(s.port, "/healthz", "", &alive);
    assert_int_equal(alive.status, 200);
}

/* One HTTP thread and one worker: were any of them to wait, nobody else would be answered. */
static void nothing_is_answered_before_it_is_durable_and_nobody_waits_for_it(void **state)
{
    (void)state;
    struct hold hold;
    struct client clients[CLIENTS];
    atomic_uint answered = 0;
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    LW_AUTO_BUF answer = LW_BUF(SUPPORT_TEXT_MAX);
    support_home_lq1(&s.home, "L-1", &text);
    support_answer_challenge(&s, "L-1", &answer);
    const uint64_t before = support_log_size(&s);
    begin_hold(&hold);
    for (size_t i = 0; i < CLIENTS; i++) {
        clients[i] =
            (struct client){.text = lw_buf_text(&text), .members = "", .answered = &answered};
        if (i == CLIENTS - 1) { /* keeps no record, but takes its challenge */
            clients[i].text = lw_buf_text(&answer);
            clients[i].members = ",\"record\":false";
        }
        assert_int_equal(pthread_create(&clients[i].thread, NULL, verify, &clients[i]), 0);
    }
    for (int ms = 0; ms < WHILE_MS; ms += STEP_MS) {
        expect_alive();
        (void)poll(NULL, 0, STEP_MS);
    }
    SUPPORT_AUTO_REPLY plain = {.status = 0};
    support_verify(&s, lw_buf_text(&text), ",\"record\":false", &plain);
    assert_true(support_has_result(&plain, "accepted"));
    assert_int_equal(atomic_load(&answered), 0);
    end_hold(&hold);
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_int_equal(pthread_join(clients[i].thread, NULL), 0);
        assert_true(clients[i].accepted);
    }
    assert_int_equal(support_log_size(&s), before + CLIENTS - 1);
}

static void a_store_that_takes_no_more_writes_is_503_with_retry_after(void **state)
{
    (void)state;
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    support_home_lq1(&s.home, "L-1", &text);
    wallet_store_drain(wallet_home_store(s.home.home));
    const uint64_t before = support_log_size(&s);
    SUPPORT_AUTO_REPLY reply = {.status = 0};
    SUPPORT_AUTO_REPLY plain = {.status = 0};
    support_verify(&s, lw_buf_text(&text), "", &reply);
    support_expect_problem(&reply, 503, "unavailable");
    support_expect_header(&reply, "Retry-After", "1");
    support_verify(&s, lw_buf_text(&text), ",\"record\":false", &plain);
    assert_true(support_has_result(&plain, "accepted"));
    assert_int_equal(support_log_size(&s), before);
}

static int start(void **state)
{
    (void)state;
    support_service_make(&s);
    s.config.http_threads = 1;
    s.config.workers = 1;
    support_service_run(&s);
    support_home_issue(&s.home, "L-1");
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
        cmocka_unit_test(nothing_is_answered_before_it_is_durable_and_nobody_waits_for_it),
        cmocka_unit_test(a_store_that_takes_no_more_writes_is_503_with_retry_after), /* last */
    };
    return cmocka_run_group_tests(tests, start, stop);
}
