/*
 * F10: the token fails each n-th signature, hangs, is slow, or gives signatures that are short or
 * do not hold, under each flow that signs. The flow ends, after a bounded number of tries; it
 * either does its work or refuses as a token's fault; what does not verify is never released,
 * stored or published; and the same flow works once the token does.
 */
#define _GNU_SOURCE

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "bytes.h"
#include "fault.h"
#include "importing.h"
#include "issue.h"
#include "shimmed.h"
#include "wallet/flow_audit.h"
#include "wallet/flow_key.h"
#include "wallet/flow_person.h"
#include "wallet/flow_status.h"

enum {
    DEADLINE_MS = 1000,
    SLOW_MS = 100,
    VERY_SLOW_MS = 5000,
    LIMIT_S = 600, /* of the whole test: a flow that does not end is killed */
    TRIES = 200,
    PAUSE_NS = 50000000,
    NAME_LEN = 32,
    LIST_MAX = 4 * 1024 * 1024,
    IMPORT_NUMBERS = 3,
    TRIES_EACH = 4, /* twice by a signer, and twice by signers */
};

static struct support_home home;
static struct support_shimmed shim;
static unsigned runs; /* counts all runs, so that each has names of its own */

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s: %s", lw_code_name(err.code), err.why);
    }
}

static const char *name_of(const char *prefix)
{
    static char name[NAME_LEN];
    (void)snprintf(name, sizeof(name), "%s-%u", prefix, runs);
    return name;
}

/* What a flow that failed must not have changed is read before and after. */
struct flow {
    const char *name;
    lw_err (*run)(void);
};

static lw_err issue(void)
{
    const lw_err err = support_issue_number(home.home, name_of("I"));
    assert_int_equal(support_has_license(&home, name_of("I")), err.code == LW_OK);
    return err;
}

static lw_err bind(const char *format)
{
    LW_AUTO_BUF out = LW_BUF(SUPPORT_TEXT_MAX);
    struct hsm_soft_key *key = NULL;
    struct hsm_signer holder;
    must(hsm_soft_key_generate(&key));
    hsm_soft_key_signer(key, &holder);
    const lw_err err = wallet_flow_credential(home.home, wallet_license_ref_parse(LW_STR("R-1")),
                                              lw_str_c(format), &holder.key, &out);
    hsm_soft_key_free(key);
    assert_int_equal(out.len > 0, err.code == LW_OK);
    return err;
}

static lw_err bind_jwt(void)
{
    return bind("dc+sd-jwt");
}

static lw_err bind_cwt(void)
{
    return bind("dc+sd-cwt");
}

static lw_err pass(void)
{
    LW_AUTO_BUF out = LW_BUF(SUPPORT_TEXT_MAX);
    const lw_err err = wallet_flow_pass(home.home, wallet_license_ref_parse(LW_STR("R-1")),
                                        LW_STR("storefront"), &home.holder.key, &out);
    assert_int_equal(out.len > 0, err.code == LW_OK);
    return err;
}

static lw_err import(void)
{
    LW_AUTO_BUF csv = LW_BUF(SUPPORT_REGISTER_MAX);
    struct support_import import = {.order = {.batch_rows = 2}};
    must(lw_buf_put_c(&csv, SUPPORT_IMPORT_HEADER));
    (void)support_import_rows(&csv, name_of("M"), IMPORT_NUMBERS);
    return support_import(home.home, lw_buf_view(&csv), support_import_map, &import);
}

/* The lists are due by their age; those that stand stay until another is signed. */
static lw_err publish(void)
{
    LW_AUTO_BUF before = LW_BUF(LIST_MAX);
    LW_AUTO_BUF after = LW_BUF(LIST_MAX);
    int64_t iat = 0;
    int64_t exp = 0;
    size_t published = 0;
    must(wallet_flow_status_token(home.home, 1, true, &before, &iat, &exp));
    home.clock.now += LW_HOUR_S;
    const lw_err err = wallet_flow_publish_status(home.home, &published);
    must(wallet_flow_status_token(home.home, 1, true, &after, &iat, &exp));
    if (published == 0) {
        assert_true(lw_bytes_eq(lw_buf_view(&before), lw_buf_view(&after)));
    }
    return err;
}

/* A log that has grown wants a new head. */
static lw_err sign_head(void)
{
    static unsigned grown;
    LW_AUTO_BUF head = LW_BUF(SUPPORT_TEXT_MAX);
    struct wallet_person_code code;
    char text[NAME_LEN];
    bool added = false;
    uint64_t size = 0;
    uint8_t root[32];
    (void)snprintf(text, sizeof(text), "P-%u", grown++);
    must(wallet_person_code(LW_STR("999"), lw_str_c(text), &code));
    must(wallet_flow_person_add(home.home, &code, LW_STR("Somebody"), LW_STR("test"), &added));
    const lw_err err = wallet_flow_audit_head(home.home, &head, &size, root);
    assert_int_equal(head.len > 0, err.code == LW_OK);
    return err;
}

static lw_err sign_crl(void)
{
    size_t count = 0;
    const lw_err err = wallet_flow_crl_sign(home.home, &count);
    assert_true(err.code == LW_OK || count == 0);
    return err;
}

static const struct flow flows[] = {
    {"issue", issue},        {"credential as SD-JWT", bind_jwt},
    {"pass", pass},          {"credential as SD-CWT", bind_cwt},
    {"import", import},      {"status lists published", publish},
    {"log head", sign_head}, {"CRL", sign_crl},
};

enum { FLOWS = sizeof(flows) / sizeof(flows[0]) };

static const struct fault {
    const char *name;
    enum shim_fault what;
    unsigned every;
    unsigned slow_ms;
    bool fatal; /* nothing can be signed: the flow must refuse */
} faults[] = {
    {"each signature fails", SHIM_FAIL, 1, 0, true},
    {"each third signature fails", SHIM_FAIL, 3, 0, false},
    {"each signature is short", SHIM_SHORT, 1, 0, true},
    {"each second signature is short", SHIM_SHORT, 2, 0, false},
    {"each signature is wrong", SHIM_WRONG, 1, 0, true},
    {"each second signature is wrong", SHIM_WRONG, 2, 0, false},
    {"each signature takes a while", SHIM_SLOW, 1, SLOW_MS, false},
    {"each signature takes 5 s, a second is allowed", SHIM_SLOW, 1, VERY_SLOW_MS, true},
    {"each third signature hangs", SHIM_HANG, 3, 0, false},
    {"each signature hangs", SHIM_HANG, 1, 0, true},
};

static bool is_the_tokens(lw_err err)
{
    return err.code == LW_E_TOKEN || err.code == LW_E_TIMEOUT;
}

/* With a token that is well; a signer that was killed takes a moment to be back. */
static void expect_well(const struct flow *flow)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    lw_err err = flow->run();
    for (int i = 0; i < TRIES && is_the_tokens(err); i++) {
        (void)nanosleep(&pause, NULL);
        err = flow->run();
    }
    must(err);
}

/* How many signatures the flow needs. */
static unsigned signs_when_well(const struct flow *flow)
{
    const unsigned before = atomic_load(&shim.control->signs);
    runs++;
    must(flow->run());
    return atomic_load(&shim.control->signs) - before;
}

static void one(const struct fault *fault, const struct flow *flow)
{
    const unsigned needed = signs_when_well(flow);
    runs++;
    atomic_store(&shim.control->slow_ms, fault->slow_ms);
    const unsigned before = atomic_load(&shim.control->signs);
    support_shimmed_sign(&shim, fault->what, fault->every);
    const lw_err err = flow->run();
    support_shimmed_sign(&shim, SHIM_NONE, 1);
    const unsigned signs = atomic_load(&shim.control->signs) - before;
    if ((err.code != LW_OK && !is_the_tokens(err)) || (err.code == LW_OK && fault->fatal)) {
        fail_msg("%s, %s: %s: %s", fault->name, flow->name, lw_code_name(err.code), err.why);
    }
    assert_in_range(signs, 1, TRIES_EACH * needed);
    expect_well(flow);
}

/* Records, log and lists of the store hold, and a verifier that has nothing else accepts them. */
static void expect_whole(void)
{
    struct support_held held;
    struct wallet_audit_result audit;
    char offline[SUPPORT_PATH_MAX];
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    WALLET_AUTO_VERIFIER verifier = NULL;
    WALLET_AUTO_ANSWER answer = {.result = WALLET_REFUSED};
    support_held(home.home, true, &held);
    assert_int_equal(held.intents, 0);
    must(wallet_flow_audit_check(home.home, &audit));
    assert_true(audit.whole && audit.head_signed);
    support_home_lq1(&home, "R-1", &text);
    support_path(home.folder, "offline", offline);
    support_remove(offline);
    support_home_offline(&home, offline);
    must(wallet_verifier_offline(offline, &home.env, &verifier));
    const struct wallet_verification request = {
        .text = lw_buf_text(&text), .at = INT64_MIN, .locale = LW_STR("en")};
    must(wallet_flow_verify(verifier, &request, &answer));
    assert_int_equal(answer.result, WALLET_ACCEPTED);
}

static void whatever_the_token_does_nothing_wrong_is_released(void **state)
{
    (void)state;
    const size_t rounds = support_fault_rounds(1, 10);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        const struct fault *fault = &faults[i];
        const bool waits = fault->fatal && (fault->what == SHIM_HANG || fault->what == SHIM_SLOW);
        const size_t step = waits ? support_fault_stride(4) : 1; /* each costs its time-outs */
        size_t done = 0;
        for (size_t round = 0; round < rounds; round++) {
            for (size_t k = i % step; k < FLOWS; k += step) {
                one(fault, &flows[k]);
                done++;
            }
        }
        home.clock.now += LW_HOUR_S / 4;
        expect_whole();
        support_fault_report("F10", fault->name, done, 0);
    }
}

static int make(void **state)
{
    (void)state;
    (void)alarm(LIMIT_S * (unsigned)support_fault_rounds(1, 10));
    support_home_make(&home);
    support_shimmed(&home, &shim);
    home.config.token_deadline_ms = DEADLINE_MS;
    support_home_reopen(&home, WALLET_HOME_SIGN);
    support_home_issue(&home, "R-1");
    must(bind_jwt()); /* so that there is a list */
    size_t published = 0;
    return wallet_flow_publish_status(home.home, &published).code == LW_OK ? 0 : 1;
}

static int drop(void **state)
{
    (void)state;
    support_home_drop(&home);
    support_shimmed_drop(&shim);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_the_token_does_nothing_wrong_is_released),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
