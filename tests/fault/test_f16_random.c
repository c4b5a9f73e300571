/*
 * F16: the random source fails. Each draw of each flow in turn, and then all from one on: the flow
 * refuses, releases nothing that was to be random, leaves nothing half done, and does its work once
 * the source is well again. The source of every draw is the environment's, a parameter.
 */
#define _GNU_SOURCE

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fault.h"
#include "hsm/rng.h"
#include "importing.h"
#include "issue.h"
#include "service.h"
#include "shimmed.h"
#include "wallet/flow_audit.h"
#include "wallet/flow_key.h"
#include "wallet/flow_person.h"
#include "wallet/flow_status.h"

enum {
    DRAWS_MAX = 2000,
    NAME_MAX_LEN = 32,
    ROUND_S = 61,
    DRAWS_OF_A_REQUEST = 3,
    IMPORT_NUMBERS = 3
};

/*
 * The system's source, which fails once or for good. For good, from the n-th draw on, for the code
 * that made that one: a writer that tries again does not get by. Once: who goes on must have drawn
 * anew, so that what ignores a failure is not saved by the next draw that fails.
 */
enum mode { ONCE, FOR_GOOD, DEAD /* all draws fail, whoever makes them */ };

static struct {
    atomic_uint draws;
    atomic_uint nth; /* 0: never */
    atomic_uint mode;
    atomic_uintptr_t caller;
    atomic_uint failed;
} source;

static bool fails(uintptr_t caller)
{
    const unsigned draws = atomic_fetch_add(&source.draws, 1) + 1;
    const bool its_turn = draws == atomic_load(&source.nth);
    if (its_turn && atomic_load(&source.mode) == FOR_GOOD) {
        atomic_store(&source.caller, caller);
    }
    return its_turn || atomic_load(&source.mode) == DEAD || atomic_load(&source.caller) == caller;
}

static lw_err draw(void *ctx, uint8_t *out, size_t n)
{
    (void)ctx;
    if (fails((uintptr_t)__builtin_return_address(0))) {
        (void)atomic_fetch_add(&source.failed, 1);
        memset(out, 0, n); /* what must not be used */
        return LW_FAIL(LW_E_CRYPTO, "test: the random source fails", LW_NOWHERE);
    }
    return lw_rng_fill(hsm_rng_system(), out, n);
}

static const struct lw_rng failing = {.fill = draw};

static void let_fail(unsigned nth, enum mode mode)
{
    atomic_store(&source.caller, 0);
    atomic_store(&source.draws, 0);
    atomic_store(&source.failed, 0);
    atomic_store(&source.nth, nth);
    atomic_store(&source.mode, mode);
}

/* The source is well again. returns whether it has failed */
static bool has_failed(void)
{
    const unsigned failed = atomic_load(&source.failed);
    let_fail(0, ONCE);
    return failed > 0;
}

static struct support_service s;
static lw_buf shown;
static unsigned runs; /* counts all runs, so that each has names of its own */

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s: %s", lw_code_name(err.code), err.why);
    }
}

static const char *name_of(const char *prefix)
{
    static char name[NAME_MAX_LEN];
    (void)snprintf(name, sizeof(name), "%s-%u", prefix, runs);
    return name;
}

/* Flows say whether something came out although they failed. */
typedef lw_err flow_fn(bool *released);

static lw_err issue(bool *released)
{
    const lw_err err = support_issue_number(s.home.home, name_of("I"));
    *released = support_has_license(&s.home, name_of("I"));
    return err;
}

static lw_err bind(const char *format, bool *released)
{
    LW_AUTO_BUF out = LW_BUF(SUPPORT_TEXT_MAX);
    struct hsm_soft_key *key = NULL;
    struct hsm_signer holder;
    must(hsm_soft_key_generate(&key));
    hsm_soft_key_signer(key, &holder);
    const lw_err err = wallet_flow_credential(s.home.home, wallet_license_ref_parse(LW_STR("R-1")),
                                              lw_str_c(format), &holder.key, &out);
    hsm_soft_key_free(key);
    *released = out.len > 0;
    return err;
}

static lw_err bind_jwt(bool *released)
{
    return bind("dc+sd-jwt", released);
}

static lw_err bind_cwt(bool *released)
{
    return bind("dc+sd-cwt", released);
}

static lw_err pass(bool *released)
{
    LW_AUTO_BUF out = LW_BUF(SUPPORT_TEXT_MAX);
    const lw_err err = wallet_flow_pass(s.home.home, wallet_license_ref_parse(LW_STR("R-1")),
                                        LW_STR("storefront"), &s.home.holder.key, &out);
    *released = out.len > 0;
    return err;
}

static lw_err challenge(bool *released)
{
    LW_AUTO_BUF out = LW_BUF(SUPPORT_TEXT_MAX);
    const lw_err err =
        wallet_flow_challenge(s.home.home, LW_STR("business-license"), NULL, 0, 300, &out);
    *released = out.len > 0;
    return err;
}

static lw_err verify(bool *released)
{
    WALLET_AUTO_ANSWER answer = {.result = WALLET_REFUSED};
    const struct wallet_verification request = {
        .text = lw_buf_text(&shown), .at = INT64_MIN, .record = true, .locale = LW_STR("en")};
    const uint64_t before = support_log_size(&s);
    const lw_err err = wallet_flow_verify(s.home.verifier, &request, &answer);
    *released = (err.code == LW_OK && answer.receipt[0] == '\0') ||
                (err.code != LW_OK && support_log_size(&s) != before);
    return err;
}

static lw_err change(bool *released)
{
    static enum wallet_state to = WALLET_SUSPENDED;
    enum wallet_state from = WALLET_ACTIVE;
    const uint64_t before = support_log_size(&s);
    const lw_err err =
        wallet_flow_change_state(s.home.home, wallet_license_ref_parse(LW_STR("R-2")), to,
                                 LW_STR("a test"), LW_STR("test"), &from);
    *released = support_log_size(&s) != before;
    if (err.code == LW_OK) {
        to = to == WALLET_SUSPENDED ? WALLET_ACTIVE : WALLET_SUSPENDED;
    }
    return err;
}

static lw_err add_person(bool *released)
{
    struct wallet_person_code code;
    bool added = false;
    const uint64_t before = support_log_size(&s);
    must(wallet_person_code(LW_STR("999"), lw_str_c(name_of("P")), &code));
    const lw_err err =
        wallet_flow_person_add(s.home.home, &code, LW_STR("Somebody"), LW_STR("test"), &added);
    *released = support_log_size(&s) != before;
    return err;
}

static lw_err import(bool *released)
{
    LW_AUTO_BUF csv = LW_BUF(SUPPORT_REGISTER_MAX);
    struct support_import import = {.order = {.batch_rows = 2}};
    must(lw_buf_put_c(&csv, SUPPORT_IMPORT_HEADER));
    (void)support_import_rows(&csv, name_of("M"), IMPORT_NUMBERS);
    const lw_err err = support_import(s.home.home, lw_buf_view(&csv), support_import_map, &import);
    *released = false; /* batches stand as they are committed; all is checked at the end */
    return err;
}

/* A stolen key's successor: made, certified, published and used at once, in steps. */
static lw_err replace_key(bool *released)
{
    const struct wallet_key_order order = {
        .purpose = HSM_PURPOSE_ACCESS, .compromised = true, .actor = LW_STR("test")};
    struct wallet_key_result result;
    *released = false; /* steps stand as they are taken; the next call goes on */
    return wallet_flow_key_rotate(s.home.home, &order, &result);
}

static const struct flow {
    const char *name;
    flow_fn *run;
} flows[] = {
    {"issue", issue},
    {"credential as SD-JWT", bind_jwt},
    {"credential as SD-CWT", bind_cwt},
    {"pass", pass},
    {"challenge", challenge},
    {"recorded verification", verify},
    {"suspend and resume", change},
    {"person added", add_person},
    {"import", import},
    {"key replaced", replace_key},
};

static unsigned draws_when_well(const struct flow *flow)
{
    bool released = false;
    runs++;
    let_fail(0, ONCE);
    must(flow->run(&released));
    return atomic_load(&source.draws);
}

/*
 * A round: the flow with a failing source, which must refuse, or have drawn again what failed once;
 * and the same again with a good one. returns whether the source did fail, which it does not when
 * the flow draws less.
 */
static bool round_of(const struct flow *flow, unsigned nth, enum mode mode)
{
    bool released = false;
    runs++;
    let_fail(nth, mode);
    const lw_err err = flow->run(&released);
    const unsigned draws = atomic_load(&source.draws);
    if (!has_failed()) {
        must(err);
        return false;
    }
    if (err.code == LW_OK && mode == ONCE) {
        if (draws <= draws_when_well(flow)) {
            fail_msg("%s, draw %u: its failure is ignored", flow->name, nth);
        }
        return true;
    }
    if (err.code != LW_E_CRYPTO) {
        fail_msg("%s, draw %u: %s", flow->name, nth, lw_code_name(err.code));
    }
    if (released) {
        fail_msg("%s, draw %u: something came out", flow->name, nth);
    }
    s.home.clock.now += ROUND_S; /* what could not even be given back is stale */
    must(flow->run(&released));
    return true;
}

static void sweep(const struct flow *flow)
{
    static const enum mode modes[] = {ONCE, FOR_GOOD};
    char what[96];
    unsigned rounds = 0;
    unsigned most = 0;
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        unsigned nth = 1;
        while (nth < DRAWS_MAX && round_of(flow, nth, modes[i])) {
            nth++;
            rounds++;
        }
        assert_true(nth > 1 && nth < DRAWS_MAX); /* it does draw, and ends */
        most = nth - 1 > most ? nth - 1 : most;
    }
    (void)snprintf(what, sizeof(what), "%s: each of its %u draws fails, once and for good",
                   flow->name, most);
    support_fault_report("F16", what, rounds, 0);
}

static void every_draw_that_fails_is_refused(void **state)
{
    (void)state;
    struct support_held held;
    size_t voided = 0;
    for (size_t i = 0; i < sizeof(flows) / sizeof(flows[0]); i++) {
        sweep(&flows[i]);
    }
    s.home.clock.now += ROUND_S;
    must(wallet_flow_recover(s.home.home, &voided));
    support_held(s.home.home, true, &held); /* store and log are whole */
    assert_int_equal(held.intents, 0);
}

static void ask_in_vain(void)
{
    SUPPORT_AUTO_REPLY verified = {.status = 0};
    SUPPORT_AUTO_REPLY challenged = {.status = 0};
    support_verify(&s, lw_buf_text(&shown), "", &verified);
    support_http_post(s.port, "/api/v1/challenges", "application/json", (lw_bytes){NULL, 0},
                      &challenged);
    assert_true(verified.status == 0 || verified.status >= 500);
    assert_true(challenged.status == 0 || challenged.status >= 500);
}

static void a_service_without_random_bytes_answers_nothing_with_success(void **state)
{
    (void)state;
    const size_t rounds = support_fault_rounds(5, 200);
    SUPPORT_AUTO_REPLY again = {.status = 0};
    support_service_run(&s);
    let_fail(0, DEAD);
    ask_in_vain(); /* what the start has to write is written meanwhile */
    const uint64_t before = support_log_size(&s);
    for (size_t i = 0; i < rounds; i++) {
        ask_in_vain();
    }
    assert_int_equal(support_log_size(&s), before);
    assert_true(has_failed());
    support_verify(&s, lw_buf_text(&shown), "", &again);
    assert_true(support_has_result(&again, "accepted"));
    for (unsigned nth = 1; nth <= DRAWS_OF_A_REQUEST; nth++) {
        SUPPORT_AUTO_REPLY one = {.status = 0};
        let_fail(nth, FOR_GOOD);
        support_verify(&s, lw_buf_text(&shown), "", &one);
        assert_true(has_failed());
        assert_true(one.status == 0 || one.status >= 500);
    }
    idp_service_stop(s.service, 5000);
    s.service = NULL;
    support_fault_report("F16", "a service whose source is dead, and comes back", rounds, 0);
}

static void a_home_is_made_whole_or_not_at_all(void **state)
{
    (void)state;
    const size_t step = support_fault_stride(9);
    struct support_home other = {.home = NULL};
    unsigned rounds = 0;
    bool more = true;
    support_folder(other.folder);
    support_path(other.folder, "home", other.dir);
    other.env = s.home.env;
    other.config = s.home.config;
    other.config.dir = other.dir;
    for (unsigned nth = 1; more && nth < DRAWS_MAX; nth += (unsigned)step) {
        let_fail(nth, FOR_GOOD);
        const lw_err err = wallet_home_init(&other.config, &other.env);
        more = has_failed();
        if (more) {
            assert_int_equal(err.code, LW_E_CRYPTO);
            must(wallet_home_init_check(&other.config)); /* nothing is in the way of another try */
            rounds++;
        } else {
            must(err);
        }
    }
    assert_false(more);
    assert_true(rounds > 1);
    WALLET_AUTO_HOME home = NULL;
    must(wallet_home_open(&other.config, &other.env, WALLET_HOME_SIGN, &home));
    wallet_home_close(home);
    home = NULL;
    support_remove(other.folder);
    support_fault_report("F16", "a home in the making: the n-th draw fails", rounds, 0);
}

/* OpenSSL's generator, which stands behind the source: this comes before it, as long as wanted. */
static atomic_bool generator_fails;

int RAND_bytes(unsigned char *out, int n);
int RAND_bytes(unsigned char *out, int n)
{
    int (*real)(unsigned char *, int) = NULL;
    void *symbol = dlsym(RTLD_NEXT, "RAND_bytes");
    memcpy(&real, &symbol, sizeof(real));
    return atomic_load(&generator_fails) ? 0 : real(out, n);
}

static void the_generator_that_fails_is_told_and_its_bytes_are_not_used(void **state)
{
    (void)state;
    enum { LARGE = 4096, SMALL = 32 };
    uint8_t bytes[LARGE];
    unsigned small = 0;
    atomic_store(&generator_fails, true);
    assert_int_equal(lw_rng_fill(hsm_rng_system(), bytes, LARGE).code, LW_E_CRYPTO);
    while (small <= LARGE / SMALL && lw_rng_fill(hsm_rng_system(), bytes, SMALL).code == LW_OK) {
        small++; /* bytes that were drawn while it was well */
    }
    assert_true(small < LARGE / SMALL);
    for (size_t i = 0; i < LARGE; i++) {
        assert_int_equal(lw_rng_fill(hsm_rng_system(), bytes, SMALL).code, LW_E_CRYPTO);
    }
    bool released = false;
    runs++;
    assert_int_equal(issue(&released).code, LW_E_CRYPTO);
    assert_false(released);
    atomic_store(&generator_fails, false);
    must(lw_rng_fill(hsm_rng_system(), bytes, LARGE));
    must(issue(&released));
    support_fault_report("F16", "OpenSSL's generator fails", LARGE, 0);
}

static int make(void **state)
{
    (void)state;
    support_service_make(&s);
    s.home.env.rng = &failing;
    support_home_reopen(&s.home, WALLET_HOME_SIGN);
    support_home_issue(&s.home, "R-1");
    support_home_issue(&s.home, "R-2");
    shown = LW_BUF(SUPPORT_TEXT_MAX);
    support_home_lq1(&s.home, "R-1", &shown);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    lw_buf_free(&shown);
    support_service_stop(&s);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_service_without_random_bytes_answers_nothing_with_success),
        cmocka_unit_test(every_draw_that_fails_is_refused),
        cmocka_unit_test(a_home_is_made_whole_or_not_at_all),
        cmocka_unit_test(the_generator_that_fails_is_told_and_its_bytes_are_not_used),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
