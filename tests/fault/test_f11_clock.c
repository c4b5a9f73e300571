/*
 * F11: the clock is an hour fast or slow, passes 2038, 2050 or 2106, stands still, or jumps about
 * under the service. What is issued lives as long as meant and no longer, a clock behind what was
 * verified is not trusted, and time-outs are of another clock, which only goes forward.
 */
#define _GNU_SOURCE

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fault.h"
#include "importing.h"
#include "issue.h"
#include "service.h"
#include "shimmed.h"
#include "wallet/flow_audit.h"
#include "wallet/flow_key.h"
#include "wallet/flow_status.h"
#include "wallet/lq1.h"

enum {
    SKEW_S = 60,
    BEFORE_S = 90, /* a home is made so long before a clock's turn */
    CHALLENGE_S = 300,
    LIST_MAX = 4 * 1024 * 1024,
    LICENSE_DAYS = 100,
    HTTP_DEADLINE_MS = 3000,
    TOKEN_DEADLINE_MS = 1000,
    LIMIT_S = 300,
    PAUSE_NS = 2000000,
};

/* One second after each of these another counter overflows, or another form of dates begins. */
static const int64_t turns[] = {
    SUPPORT_HOME_NOW, /* none */
    2147483647,       /* 2038-01-19: seconds in 31 bits */
    2524607999,       /* 2049-12-31: X.509's UTCTime ends */
    4294967295,       /* 2106-02-07: seconds in 32 bits */
};

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s: %s", lw_code_name(err.code), err.why);
    }
}

static void issue(struct support_home *h, const char *number)
{
    LW_AUTO_BUF until = LW_BUF(32);
    must(lw_date_put(&until, lw_days_of(lw_now(h->env.clock)) + LICENSE_DAYS));
    const struct support_order order = {.number = number, .until = lw_buf_text(&until)};
    must(support_issue(h->home, &order));
}

static void expect(struct wallet_verifier *verifier, const lw_buf *text, const char *nonce,
                   enum wallet_result result)
{
    WALLET_AUTO_ANSWER answer = {.result = WALLET_REFUSED};
    const struct wallet_verification request = {.text = lw_buf_text(text),
                                                .at = INT64_MIN,
                                                .record = true,
                                                .nonce = lw_str_c(nonce == NULL ? "" : nonce),
                                                .locale = LW_STR("en")};
    must(wallet_flow_verify(verifier, &request, &answer));
    if (answer.result != result) {
        fail_msg("result %d, not %d: %s", (int)answer.result, (int)result,
                 answer.reason_code == NULL ? "" : answer.reason_code);
    }
}

/* Shows license "C-1" now in each way, and expects the same of all, with a record or without. */
static void expect_shown(struct support_home *h, struct wallet_verifier *verifier,
                         enum wallet_result result)
{
    static const struct support_show shows[] = {
        {.number = "C-1", .format = "dc+sd-cwt", .claims = "legal_name"},
        {.number = "C-1",
         .format = "dc+sd-jwt",
         .claims = "legal_name",
         .aud = SUPPORT_BASE_URL,
         .nonce = {(const uint8_t *)"once", 4}},
    };
    for (size_t i = 0; i < sizeof(shows) / sizeof(shows[0]); i++) {
        LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
        must(support_home_show(h, &shows[i], &text));
        expect(verifier, &text, i == 0 ? NULL : "once", result);
    }
}

/* To who has read the folder's lists already; of a doubt the clock must be a reason. */
static void expect_held(struct support_home *h, struct wallet_verifier *offline,
                        enum wallet_result result)
{
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    WALLET_AUTO_ANSWER answer = {.result = WALLET_REFUSED};
    support_home_lq1(h, "C-1", &text);
    const struct wallet_verification request = {
        .text = lw_buf_text(&text), .at = INT64_MIN, .locale = LW_STR("en")};
    must(wallet_flow_verify(offline, &request, &answer));
    assert_int_equal(answer.result, result);
    if (result == WALLET_UNDETERMINED) {
        assert_string_equal(answer.reason_code, "clock_untrusted");
    }
}

static void expect_offline(struct support_home *h, enum wallet_result result)
{
    char dir[SUPPORT_PATH_MAX];
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    WALLET_AUTO_VERIFIER verifier = NULL;
    support_path(h->folder, "offline", dir);
    must(wallet_verifier_offline(dir, &h->env, &verifier));
    support_home_lq1(h, "C-1", &text);
    expect(verifier, &text, NULL, result);
}

static void fill_offline(struct support_home *h)
{
    char dir[SUPPORT_PATH_MAX];
    support_path(h->folder, "offline", dir);
    support_remove(dir);
    support_home_offline(h, dir);
}

static void expect_whole(struct support_home *h)
{
    struct support_held held;
    struct wallet_audit_result audit;
    struct wallet_audit_result *const out = &audit;
    LW_AUTO_BUF head = LW_BUF(SUPPORT_TEXT_MAX);
    uint64_t size = 0;
    uint8_t root[32];
    must(wallet_flow_audit_head(h->home, &head, &size, root));
    support_held(h->home, true, &held);
    must(wallet_flow_audit_check(h->home, out));
    assert_true(audit.whole && audit.head_signed);
}

/* Made before the turn, shown after it, and lists, log and certificates of both sides. */
static void across(struct support_home *h, int64_t turn)
{
    issue(h, "C-1");
    expect_shown(h, h->verifier, WALLET_ACCEPTED);
    fill_offline(h);
    expect_offline(h, WALLET_ACCEPTED);
    h->clock.now = turn + 1;
    expect_offline(h, WALLET_ACCEPTED); /* with what was signed before */
    expect_shown(h, h->verifier, WALLET_ACCEPTED);
    issue(h, "C-2");
    issue(h, "C-1"); /* a second version */
    expect_shown(h, h->verifier, WALLET_ACCEPTED);
    fill_offline(h);
    expect_offline(h, WALLET_ACCEPTED);
    expect_whole(h);
    support_home_reopen(h, WALLET_HOME_SIGN);
    expect_shown(h, h->verifier, WALLET_ACCEPTED);
}

/* When the last of the published lists ends; none lives longer than a day. */
static int64_t end_of_lists(struct support_home *h)
{
    int64_t end = INT64_MIN;
    lw_err err = LW_SUCCESS;
    for (uint64_t number = 1; err.code == LW_OK; number++) {
        LW_AUTO_BUF token = LW_BUF(LIST_MAX);
        int64_t iat = 0;
        int64_t exp = 0;
        err = wallet_flow_status_token(h->home, number, true, &token, &iat, &exp);
        if (err.code == LW_OK) {
            assert_true(exp > iat && exp - iat <= LW_DAY_S);
            end = exp > end ? exp : end;
        }
    }
    assert_int_equal(err.code, LW_E_NOT_FOUND);
    return end;
}

/* Each to the last second it was meant for, give or take the skew of clocks, and not beyond. */
static void to_its_end(struct support_home *h)
{
    const int64_t start = h->clock.now;
    const int64_t last_day = (lw_days_of(start) + LICENSE_DAYS) * LW_DAY_S;
    LW_AUTO_BUF pass = LW_BUF(SUPPORT_TEXT_MAX);
    LW_AUTO_BUF late = LW_BUF(SUPPORT_TEXT_MAX);
    const struct support_show show = {
        .number = "C-1", .format = "dc+sd-cwt", .pass = "storefront", .claims = ""};
    const int64_t exp = end_of_lists(h);
    h->clock.now = exp + SKEW_S + 1;
    expect_offline(h, WALLET_UNDETERMINED); /* nothing is known of its state any more */
    h->clock.now = start + LW_DAY_S;
    must(support_home_show(h, &show, &pass));
    expect(h->verifier, &pass, NULL, WALLET_ACCEPTED);
    h->clock.now = last_day - 1;
    must(support_home_show(h, &show, &late)); /* it would outlive its license */
    expect(h->verifier, &late, NULL, WALLET_ACCEPTED);
    h->clock.now = last_day + LW_DAY_S - 1;
    expect_shown(h, h->verifier, WALLET_ACCEPTED);
    LW_AUTO_BUF kept = LW_BUF(SUPPORT_TEXT_MAX);
    support_home_lq1(h, "C-1", &kept);
    h->clock.now = last_day + LW_DAY_S; /* the day after its last */
    expect(h->verifier, &kept, NULL, WALLET_REFUSED);
    LW_AUTO_BUF none = LW_BUF(SUPPORT_TEXT_MAX);
    assert_int_equal(support_home_show(h, &show, &none).code, LW_E_EXPIRED);
}

static void past_each_turn_of_clocks_all_holds_and_ends_when_meant(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(turns) / sizeof(turns[0]); i++) {
        struct support_home h;
        support_home_make_at(&h, turns[i] - BEFORE_S);
        across(&h, turns[i]);
        to_its_end(&h);
        support_home_drop(&h);
    }
    support_fault_report("F11", "2038, 2050 and 2106 passed", sizeof(turns) / sizeof(turns[0]), 0);
}

static void answer(struct support_home *h, const lw_buf *challenge, lw_buf *text)
{
    LW_AUTO_BUF arena = LW_BUF(SUPPORT_TEXT_MAX);
    struct wallet_challenge asked;
    char aud[SUPPORT_PATH_MAX];
    must(wallet_lc1_read(lw_buf_text(challenge), &arena, &asked));
    (void)snprintf(aud, sizeof(aud), "qr:%.*s", (int)asked.verifier_id.len, asked.verifier_id.ptr);
    const struct support_show show = {.number = "C-1",
                                      .format = "dc+sd-cwt",
                                      .claims = "legal_name",
                                      .aud = aud,
                                      .nonce = LW_BYTES(asked.nonce)};
    must(support_home_show(h, &show, text));
}

static void ask(struct support_home *h, lw_buf *challenge)
{
    must(wallet_flow_challenge(h->home, LW_STR("business-license"), NULL, 0, CHALLENGE_S,
                               challenge));
}

/* The clock was an hour fast and is set right. */
static void what_a_fast_clock_made_is_good_for_no_longer(void **state)
{
    (void)state;
    struct support_home h;
    LW_AUTO_BUF challenge = LW_BUF(SUPPORT_TEXT_MAX);
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    LW_AUTO_BUF shown = LW_BUF(SUPPORT_TEXT_MAX);
    LW_AUTO_BUF pass = LW_BUF(SUPPORT_TEXT_MAX);
    const struct support_show show = {
        .number = "C-1", .format = "dc+sd-cwt", .pass = "storefront", .claims = ""};
    support_home_make(&h);
    issue(&h, "C-1");
    expect_shown(&h, h.verifier, WALLET_ACCEPTED);
    h.clock.now += LW_HOUR_S;
    ask(&h, &challenge);
    support_home_lq1(&h, "C-1", &shown);
    must(support_home_show(&h, &show, &pass));
    fill_offline(&h);
    h.clock.now -= LW_HOUR_S;
    h.clock.now += CHALLENGE_S + SKEW_S; /* past what it was meant for, by the right clock */
    answer(&h, &challenge, &text);
    expect(h.verifier, &text, NULL, WALLET_UNDETERMINED);
    WALLET_AUTO_ANSWER early = {.result = WALLET_ACCEPTED};
    const struct wallet_verification request = {
        .text = lw_buf_text(&shown), .at = INT64_MIN, .record = true, .locale = LW_STR("en")};
    must(wallet_flow_verify(h.verifier, &request, &early));
    assert_int_not_equal(early.result, WALLET_ACCEPTED);
    expect_offline(&h, WALLET_UNDETERMINED); /* its list is from a time to come */
    expect_shown(&h, h.verifier, WALLET_ACCEPTED);
    support_home_drop(&h);
    support_fault_report("F11", "the clock was an hour fast and is set right", 1, 0);
}

/* The clock falls an hour behind what was verified. */
static void a_clock_that_falls_behind_is_not_trusted(void **state)
{
    (void)state;
    struct support_home h;
    LW_AUTO_BUF challenge = LW_BUF(SUPPORT_TEXT_MAX);
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    char dir[SUPPORT_PATH_MAX];
    struct wallet_verifier *held = NULL;
    support_home_make(&h);
    issue(&h, "C-1");
    h.clock.now += 2 * LW_HOUR_S;
    expect_shown(&h, h.verifier, WALLET_ACCEPTED);
    fill_offline(&h);
    support_path(h.folder, "offline", dir);
    must(wallet_verifier_offline(dir, &h.env, &held));
    expect_held(&h, held, WALLET_ACCEPTED);
    ask(&h, &challenge);
    answer(&h, &challenge, &text);
    const int64_t newest = h.clock.now;
    h.clock.now = newest + CHALLENGE_S; /* it is over */
    expect(h.verifier, &text, NULL, WALLET_UNDETERMINED);
    for (int64_t behind = LW_HOUR_S; behind > SKEW_S; behind /= 2) {
        h.clock.now = newest - behind;
        expect_shown(&h, h.verifier, WALLET_UNDETERMINED);
        expect_offline(&h, WALLET_UNDETERMINED); /* its lists are from a time to come */
        expect_held(&h, held, WALLET_UNDETERMINED);
        expect(h.verifier, &text, NULL, WALLET_UNDETERMINED); /* it does not come to life again */
    }
    h.clock.now = newest - SKEW_S;
    expect_shown(&h, h.verifier, WALLET_ACCEPTED);
    expect_offline(&h, WALLET_ACCEPTED);
    expect_held(&h, held, WALLET_ACCEPTED);
    wallet_verifier_free(held);
    support_home_drop(&h);
    support_fault_report("F11", "the clock is behind what was verified", 1, 0);
}

/* A clock whose time of day a thread throws about; its durations follow the system. */
static struct {
    atomic_llong now;
    atomic_bool stop;
    atomic_uint jumps;
} wild;

static int64_t wild_now(void *ctx)
{
    (void)ctx;
    return atomic_load(&wild.now);
}

static int64_t true_mono(void *ctx)
{
    (void)ctx;
    return lw_mono_ns(lw_clock_system());
}

static const struct lw_clock wild_clock = {.now = wild_now, .mono_ns = true_mono};

static void *jump_about(void *arg)
{
    static const int64_t times[] = {SUPPORT_HOME_NOW,
                                    SUPPORT_HOME_NOW + LW_HOUR_S,
                                    SUPPORT_HOME_NOW - LW_HOUR_S,
                                    2147483648,
                                    SUPPORT_HOME_NOW,
                                    4294967296,
                                    0};
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    (void)arg;
    for (size_t i = 0; !atomic_load(&wild.stop); i++) {
        atomic_store(&wild.now, times[i % (sizeof(times) / sizeof(times[0]))]);
        (void)atomic_fetch_add(&wild.jumps, 1);
        (void)nanosleep(&pause, NULL);
    }
    atomic_store(&wild.now, SUPPORT_HOME_NOW);
    return NULL;
}

/* returns whether the service closed on a peer that does not finish its request */
static bool is_shut_out(unsigned port, const char *begun)
{
    char c = 0;
    const int fd = support_connect(port);
    ssize_t got = send(fd, begun, strlen(begun), MSG_NOSIGNAL);
    do {
        got = recv(fd, &c, 1, 0); /* its own time-out is ten times the service's */
    } while (got > 0);
    (void)close(fd);
    return got == 0;
}

static void expect_time_outs(struct support_service *s, struct support_shimmed *shim, size_t round)
{
    char number[32];
    SUPPORT_AUTO_REPLY reply = {.status = 0};
    (void)snprintf(number, sizeof(number), "H-%zu", round);
    assert_true(is_shut_out(s->port, "POST /api/v1/verifications HTTP/1.1\r\nHost: localhost\r\n"));
    assert_true(is_shut_out(s->port, "POST /api/v1/verifications HTTP/1.1\r\nHost: localhost\r\n"
                                     "Content-Type: application/json\r\n"
                                     "Content-Length: 100\r\n\r\n{"));
    support_shimmed_sign(shim, SHIM_HANG, 1);
    assert_int_not_equal(support_issue_number(s->home.home, number).code, LW_OK); /* it ends */
    support_shimmed_sign(shim, SHIM_NONE, 1);
    assert_false(support_has_license(&s->home, number));
    support_verify(s, LW_STR("LQ1:nothing"), ",\"record\":false", &reply);
    assert_int_equal(reply.status, 200);
}

static void time_outs_hold(bool jumps, size_t rounds)
{
    struct support_service s;
    struct support_shimmed shim;
    pthread_t thread;
    support_service_make(&s);
    support_shimmed(&s.home, &shim);
    s.config.http_deadline_ms = HTTP_DEADLINE_MS;
    s.home.config.token_deadline_ms = TOKEN_DEADLINE_MS;
    s.home.env.clock = &wild_clock;
    atomic_store(&wild.now, SUPPORT_HOME_NOW);
    atomic_store(&wild.stop, false);
    support_home_reopen(&s.home, WALLET_HOME_SERVE);
    support_service_run(&s);
    if (jumps) {
        assert_int_equal(pthread_create(&thread, NULL, jump_about, NULL), 0);
    }
    for (size_t i = 0; i < rounds; i++) {
        expect_time_outs(&s, &shim, i);
    }
    atomic_store(&wild.stop, true);
    if (jumps) {
        (void)pthread_join(thread, NULL);
        assert_true(atomic_load(&wild.jumps) > 100);
    }
    support_service_stop(&s); /* which drains */
    support_shimmed_drop(&shim);
}

static void time_outs_hold_while_the_clock_jumps(void **state)
{
    (void)state;
    const size_t rounds = support_fault_rounds(1, 30);
    (void)alarm(LIMIT_S + 10 * (unsigned)rounds);
    time_outs_hold(true, rounds);
    (void)alarm(0);
    support_fault_report("F11", "the clock jumps: slow peer shut out, hanging token left", rounds,
                         0);
}

static void time_outs_hold_while_the_clock_stands(void **state)
{
    (void)state;
    const size_t rounds = support_fault_rounds(1, 30);
    (void)alarm(LIMIT_S + 10 * (unsigned)rounds);
    time_outs_hold(false, rounds);
    (void)alarm(0);
    support_fault_report("F11", "the clock stands: slow peer shut out, hanging token left", rounds,
                         0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(past_each_turn_of_clocks_all_holds_and_ends_when_meant),
        cmocka_unit_test(what_a_fast_clock_made_is_good_for_no_longer),
        cmocka_unit_test(a_clock_that_falls_behind_is_not_trusted),
        cmocka_unit_test(time_outs_hold_while_the_clock_jumps),
        cmocka_unit_test(time_outs_hold_while_the_clock_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
