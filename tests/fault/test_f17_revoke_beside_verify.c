/*
 * F17: licenses are suspended, resumed and revoked while others verify them, in process and over
 * HTTP. Once a change was acknowledged no answer is of before it, and before it was begun none is
 * of after it. (Who is offline: test_f17_offline_gate.c.)
 *
 * LW_FAULT_PACE=CHANGES,VERIFICATIONS in the environment bids so many of each begin a second, as
 * far as the machine goes along; without it both go as fast as they can.
 */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "fault.h"
#include "http_expect.h"
#include "service.h"
#include "wallet/flow_issue.h"
#include "wallet/flow_status.h"

enum {
    SLOTS = 8,
    CHANGERS = 4, /* threads that change, each its own slots */
    HERE = 2,     /* threads that verify in process */
    THERE = 2,    /* over HTTP */
    REVOKES = 25, /* every so many changes one is final */
    PACE_MAX = 1000000,
    FEW = 160,     /* changes, in ./dev test */
    FULL = 100000, /* changes, in ./dev faults */
    WHAT_MAX = 160,
};

/* A license under change. While `epoch` is odd a change is under way. */
struct slot {
    pthread_mutex_t lock;
    lw_buf text; /* what its holder shows */
    char number[32];
    enum wallet_state state;
    unsigned epoch;
};

static struct support_service s; /* made once: a token takes its time */
static struct slot slots[SLOTS];
static atomic_uint numbers;
static atomic_bool ending;
static atomic_size_t begun; /* changes */
static size_t rounds;       /* that are to be */
static int64_t begin_ns;
static unsigned changes_per_s; /* 0: as fast as it goes */
static unsigned verifications_per_s;
static atomic_size_t verified; /* answers in all */
static atomic_size_t held;     /* of those: while the state stood still */
static atomic_size_t wrong;

/* Called by threads that the test library does not know of. */
static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fprintf(stderr, "%s: %s\n", lw_code_name(err.code), err.why);
        abort();
    }
}

static void read_pace(void)
{
    const char *pace = getenv("LW_FAULT_PACE");
    lw_str changes;
    lw_str verifications;
    int64_t n = 0;
    if (pace == NULL) {
        return;
    }
    assert_true(lw_str_split(lw_str_c(pace), ',', &changes, &verifications));
    assert_int_equal(lw_str_int(changes, &n).code, LW_OK);
    assert_in_range(n, 1, PACE_MAX);
    changes_per_s = (unsigned)n;
    assert_int_equal(lw_str_int(verifications, &n).code, LW_OK);
    assert_in_range(n, 1, PACE_MAX);
    verifications_per_s = (unsigned)n;
}

/* Waits until the `nth` of `per_s` a second is due. */
static void wait_for_turn(size_t nth, unsigned per_s)
{
    static const int64_t ns_per_s = 1000000000;
    if (per_s == 0) {
        return;
    }
    const int64_t due = begin_ns + (int64_t)nth * (ns_per_s / per_s);
    const int64_t left = due - lw_mono_ns(lw_clock_system());
    if (left > 0) {
        const struct timespec nap = {.tv_sec = left / ns_per_s, .tv_nsec = left % ns_per_s};
        (void)nanosleep(&nap, NULL);
    }
}

/* What may be answered of a license in a state. */
static bool is_right(enum wallet_state state, bool accepted, bool refused)
{
    return state == WALLET_ACTIVE ? accepted : refused;
}

/* A license at one moment: what is shown, its state, and which epoch that was. */
struct seen {
    lw_buf text;
    enum wallet_state state;
    unsigned epoch;
};

static void look(struct slot *slot, struct seen *seen)
{
    lw_buf_truncate(&seen->text, 0);
    (void)pthread_mutex_lock(&slot->lock);
    const lw_err err = lw_buf_put(&seen->text, lw_buf_view(&slot->text));
    seen->state = slot->state;
    seen->epoch = slot->epoch;
    (void)pthread_mutex_unlock(&slot->lock);
    if (err.code != LW_OK) {
        abort();
    }
}

static unsigned epoch_of(struct slot *slot)
{
    (void)pthread_mutex_lock(&slot->lock);
    const unsigned epoch = slot->epoch;
    (void)pthread_mutex_unlock(&slot->lock);
    return epoch;
}

static void verify_here(const struct seen *seen, bool *accepted, bool *refused)
{
    WALLET_AUTO_ANSWER answer = {.result = WALLET_UNDETERMINED};
    const struct wallet_verification request = {
        .text = lw_buf_text(&seen->text), .at = INT64_MIN, .locale = LW_STR("en")};
    const lw_err err = wallet_flow_verify(s.home.verifier, &request, &answer);
    *accepted = err.code == LW_OK && answer.result == WALLET_ACCEPTED;
    *refused = err.code == LW_OK && answer.result == WALLET_REFUSED;
}

static void verify_there(const struct seen *seen, bool *accepted, bool *refused)
{
    SUPPORT_AUTO_REPLY reply = {.status = 0};
    support_verify(&s, lw_buf_text(&seen->text), ",\"record\":false", &reply);
    *accepted = support_has_result(&reply, "accepted");
    *refused = support_has_result(&reply, "refused");
}

typedef void verifying(const struct seen *seen, bool *accepted, bool *refused);

/* An answer counts when the state stood still from before the question to after the answer. */
static void ask(struct slot *slot, struct seen *seen, verifying *verify)
{
    bool accepted = false;
    bool refused = false;
    look(slot, seen);
    verify(seen, &accepted, &refused);
    (void)atomic_fetch_add(&verified, 1);
    if (seen->epoch % 2 == 0 && epoch_of(slot) == seen->epoch) {
        (void)atomic_fetch_add(&held, 1);
        (void)atomic_fetch_add(&wrong, is_right(seen->state, accepted, refused) ? 0 : 1);
    } else if (!accepted && !refused) {
        (void)atomic_fetch_add(&wrong, 1); /* either, but nothing else */
    }
}

static void *verify_often(void *arg)
{
    verifying *verify = *(verifying **)arg;
    struct seen seen = {.text = LW_BUF(SUPPORT_TEXT_MAX)};
    for (size_t i = 0; !atomic_load(&ending); i++) {
        wait_for_turn(i * (HERE + THERE), verifications_per_s);
        ask(&slots[i % SLOTS], &seen, verify);
    }
    lw_buf_free(&seen.text);
    return NULL;
}

/* A new license takes the slot. */
static void fill(struct slot *slot)
{
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    char number[sizeof(slot->number)];
    (void)snprintf(number, sizeof(number), "F17-%u", atomic_fetch_add(&numbers, 1));
    support_home_issue(&s.home, number);
    support_home_lq1(&s.home, number, &text);
    (void)pthread_mutex_lock(&slot->lock);
    lw_buf_free(&slot->text);
    slot->text = lw_buf_take(&text);
    memcpy(slot->number, number, sizeof(number));
    slot->state = WALLET_ACTIVE;
    slot->epoch += 2;
    (void)pthread_mutex_unlock(&slot->lock);
}

static void change(struct slot *slot, enum wallet_state to)
{
    enum wallet_state from = WALLET_ACTIVE;
    (void)pthread_mutex_lock(&slot->lock);
    slot->epoch++;
    (void)pthread_mutex_unlock(&slot->lock);
    const struct wallet_license_ref ref = wallet_license_ref_parse(lw_str_c(slot->number));
    must(wallet_flow_change_state(s.home.home, ref, to, LW_STR("because"), LW_STR("test"), &from));
    (void)atomic_fetch_add(&wrong, from == slot->state ? 0 : 1);
    (void)pthread_mutex_lock(&slot->lock);
    slot->state = to;
    slot->epoch++;
    (void)pthread_mutex_unlock(&slot->lock);
}

static void *change_often(void *arg)
{
    const size_t me = *(const size_t *)arg;
    size_t nth = 0;
    for (size_t turn = 0; (nth = atomic_fetch_add(&begun, 1)) < rounds; turn++) {
        struct slot *slot = &slots[turn * CHANGERS % SLOTS + me];
        wait_for_turn(nth, changes_per_s);
        if (slot->state == WALLET_REVOKED) {
            fill(slot);
        }
        if (nth % REVOKES == REVOKES - 1) {
            change(slot, WALLET_REVOKED);
        } else {
            change(slot, slot->state == WALLET_ACTIVE ? WALLET_SUSPENDED : WALLET_ACTIVE);
        }
    }
    return NULL;
}

static void run_changes(void)
{
    static size_t whose[CHANGERS];
    pthread_t threads[CHANGERS];
    for (size_t i = 0; i < CHANGERS; i++) {
        whose[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, change_often, &whose[i]), 0);
    }
    for (size_t i = 0; i < CHANGERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
}

static void no_answer_is_of_before_an_acknowledged_change_or_of_after_a_coming_one(void **state)
{
    static verifying *verify[HERE + THERE];
    pthread_t threads[HERE + THERE];
    const struct lw_clock *clock = lw_clock_system();
    char what[WHAT_MAX];
    (void)state;
    rounds = support_fault_rounds(FEW, FULL);
    begin_ns = lw_mono_ns(clock);
    for (size_t i = 0; i < HERE + THERE; i++) {
        verify[i] = i < HERE ? verify_here : verify_there;
        assert_int_equal(pthread_create(&threads[i], NULL, verify_often, &verify[i]), 0);
    }
    run_changes();
    const int64_t took_ms = (lw_mono_ns(clock) - begin_ns) / 1000000;
    atomic_store(&ending, true);
    for (size_t i = 0; i < HERE + THERE; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    const long long ms = took_ms > 0 ? took_ms : 1;
    (void)snprintf(what, sizeof(what),
                   "changes of state beside %zu verifications (%lld and %lld a second)",
                   atomic_load(&verified), (long long)rounds * 1000 / ms,
                   (long long)atomic_load(&verified) * 1000 / ms);
    support_fault_report("F17", what, rounds, atomic_load(&wrong));
    assert_int_equal(atomic_load(&wrong), 0);
    assert_true(atomic_load(&held) > 0);
}

static int start(void **state)
{
    (void)state;
    read_pace();
    support_service_start(&s);
    for (size_t i = 0; i < SLOTS; i++) {
        (void)pthread_mutex_init(&slots[i].lock, NULL);
        slots[i].text = LW_BUF(SUPPORT_TEXT_MAX);
        fill(&slots[i]);
    }
    return 0;
}

static int stop(void **state)
{
    (void)state;
    for (size_t i = 0; i < SLOTS; i++) {
        lw_buf_free(&slots[i].text);
        (void)pthread_mutex_destroy(&slots[i].lock);
    }
    support_service_stop(&s);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_answer_is_of_before_an_acknowledged_change_or_of_after_a_coming_one),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
