/*
 * F15: the n-th allocation fails, each n in turn, in each thing that a home does. Nothing crashes
 * or leaks, what is false is never accepted, and the same done again afterwards succeeds: at once,
 * or after a restart where a commit failed (then the process ends by itself).
 */
#define _GNU_SOURCE

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "alloc_fault.h"
#include "fault.h"
#include "kill_work.h"
#include "wallet/flow_catalog.h"
#include "wallet/flow_issue.h"
#include "wallet/flow_status.h"
#include "wallet/flow_sync.h"
#include "wallet/trust_list.h"

enum {
    NTH_MAX = 100000,
    FATAL_EXIT = 3,
    LIMIT_S = 900,
    ROUND_S = 61,
    BINDS_SLOT = KILL_SLOTS - 2,
    STATE_SLOT = KILL_SLOTS - 3,
    SHOWN_SLOT = KILL_SLOTS - 4,
};

/* What a flow works with; made before anything fails. */
struct bench {
    struct support_home *h;
    struct kill_ledger *ledger;
    unsigned nth;
    char offline[SUPPORT_PATH_MAX];
    lw_buf pin;
    lw_buf list; /* the trust list */
    lw_buf lq1;
    lw_buf jwt;
    lw_buf bad_lq1; /* the same with another signature */
    lw_buf bad_jwt;
    const char *wrong; /* what must not have come to pass */
};

typedef lw_err flow_fn(struct bench *b);

static lw_err issue(struct bench *b)
{
    return kill_do(b->h, b->ledger, b->nth % (KILL_SLOTS / 2), KILL_ISSUES);
}

/* Suspended and let go again, so that the next time begins as this one did. */
static lw_err change(struct bench *b)
{
    const struct kill_said said = kill_said_get(&b->ledger->slots[STATE_SLOT]);
    return kill_do(b->h, b->ledger, STATE_SLOT,
                   said.state == WALLET_ACTIVE ? WALLET_SUSPENDED : WALLET_ACTIVE);
}

static lw_err pass(struct bench *b)
{
    return kill_do(b->h, b->ledger, BINDS_SLOT, KILL_PASSES);
}

/* Of a new version each time: the old one's credential would be given again. */
static lw_err bind(struct bench *b)
{
    return kill_do(b->h, b->ledger, BINDS_SLOT, KILL_BINDS);
}

static lw_err decide(struct bench *b, struct wallet_verifier *verifier, const lw_buf *text,
                     bool good)
{
    WALLET_AUTO_ANSWER answer = {.result = WALLET_REFUSED};
    const struct wallet_verification request = {.text = lw_buf_text(text),
                                                .at = INT64_MIN,
                                                .record = true,
                                                .nonce = LW_STR("once"),
                                                .locale = LW_STR("en")};
    LW_TRY(wallet_flow_verify(verifier, &request, &answer));
    if (!good && answer.result == WALLET_ACCEPTED) {
        b->wrong = "a false presentation was accepted";
    }
    if (good && answer.result == WALLET_REFUSED) {
        b->wrong = "a good presentation was refused";
    }
    return LW_SUCCESS;
}

static lw_err verify_lq1(struct bench *b)
{
    return decide(b, b->h->verifier, &b->lq1, true);
}

static lw_err verify_jwt(struct bench *b)
{
    return decide(b, b->h->verifier, &b->jwt, true);
}

static lw_err verify_bad_lq1(struct bench *b)
{
    return decide(b, b->h->verifier, &b->bad_lq1, false);
}

static lw_err verify_bad_jwt(struct bench *b)
{
    return decide(b, b->h->verifier, &b->bad_jwt, false);
}

static lw_err verify_offline(struct bench *b)
{
    WALLET_AUTO_VERIFIER verifier = NULL;
    LW_TRY(wallet_verifier_offline(b->offline, &b->h->env, &verifier));
    LW_TRY(decide(b, verifier, &b->bad_lq1, false));
    return decide(b, verifier, &b->lq1, true);
}

static lw_err import(struct bench *b)
{
    return kill_import(b->h, b->ledger);
}

static void ignore(void *ctx, const struct wallet_catalog_result *result)
{
    (void)ctx;
    (void)result;
}

static lw_err load(struct bench *b)
{
    return wallet_flow_catalog_load(b->h->home, LW_SOURCE_DIR "/docs/example-city", ignore, NULL);
}

static lw_err publish(struct bench *b)
{
    size_t published = 0;
    b->h->clock.now += LW_DAY_S / 4; /* so that every list is due */
    return wallet_flow_publish_status(b->h->home, &published);
}

static lw_err fetch(void *ctx, lw_str uri, const char *accept, lw_buf *body)
{
    struct bench *b = ctx;
    (void)accept;
    if (lw_str_is(uri, SUPPORT_BASE_URL "/trust-list")) {
        return lw_buf_put(body, lw_buf_view(&b->list));
    }
    return lw_buf_put_c(body, lw_str_is(uri, SUPPORT_BASE_URL "/status") ? "{\"status_lists\":[]}"
                                                                         : "{\"types\":[]}");
}

static lw_err sync_folder(struct bench *b)
{
    char dir[SUPPORT_PATH_MAX];
    struct wallet_sync_result result;
    support_path(b->h->folder, "synced", dir);
    const struct wallet_sync_order order = {.server = LW_STR(SUPPORT_BASE_URL),
                                            .dir = dir,
                                            .pin = lw_buf_text(&b->pin),
                                            .fetch = fetch,
                                            .fetch_ctx = b};
    return wallet_flow_sync(&order, &b->h->env, &result);
}

static const struct flow {
    const char *name;
    flow_fn *run;
    unsigned step; /* of n, in a short run */
    unsigned full; /* and in a whole campaign: 1 but where n goes to tens of thousands */
    bool ages;     /* the clock goes on, so that what a failed round set aside is stale */
} flows[] = {
    {"issue", issue, 7, 1, true},
    {"suspend and resume, lists published", change, 11, 1, true},
    {"credential", bind, 11, 1, true},
    {"pass", pass, 11, 1, true},
    {"verify LQ1", verify_lq1, 5, 1, false},
    {"verify SD-JWT", verify_jwt, 5, 1, false},
    {"verify a false LQ1", verify_bad_lq1, 5, 1, false},
    {"verify a false SD-JWT", verify_bad_jwt, 5, 1, false},
    {"verify offline: trust list, status list, type", verify_offline, 1709, 23, false},
    {"import: CSV, map", import, 211, 1, true},
    {"catalogue load: JSON", load, 4001, 23, false},
    {"publish status lists", publish, 37, 1, false},
    {"sync", sync_folder, 2503, 23, false},
};

/* Shared with the children that run the sweep. */
struct sweep {
    atomic_llong now; /* the clock, which goes on */
    atomic_uint nth;
    atomic_uint failed; /* rounds in which an allocation did fail */
    atomic_bool done;   /* the flow makes fewer allocations than `nth` */
    atomic_uint violations;
    char why[256];
};

static void wrong(struct sweep *s, const struct flow *flow, unsigned nth, const char *what)
{
    fprintf(stderr, "%s, allocation %u: %s\n", flow->name, nth, what);
    if (atomic_fetch_add(&s->violations, 1) == 0) {
        (void)snprintf(s->why, sizeof(s->why), "%s, allocation %u: %s", flow->name, nth, what);
    }
}

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fprintf(stderr, "before the sweep: %s: %s\n", lw_code_name(err.code), err.why);
        _exit(1);
    }
}

/* Another signature: its last bytes differ. */
static void spoil(const lw_buf *good, size_t from_end, lw_buf *bad)
{
    must(lw_buf_put(bad, lw_buf_view(good)));
    uint8_t *at = bad->ptr + bad->len - from_end;
    *at = *at == 'A' ? 'B' : 'A';
}

static void make_presentations(struct bench *b)
{
    char number[32];
    kill_number(SHOWN_SLOT, number);
    const struct support_show lq1 = {
        .number = number, .format = "dc+sd-cwt", .claims = "legal_name"};
    const struct support_show jwt = {.number = number,
                                     .format = "dc+sd-jwt",
                                     .claims = "legal_name",
                                     .aud = SUPPORT_BASE_URL,
                                     .nonce = lw_str_bytes(LW_STR("once"))};
    must(support_home_show(b->h, &lq1, &b->lq1));
    must(support_home_show(b->h, &jwt, &b->jwt));
    spoil(&b->lq1, 12, &b->bad_lq1);
    spoil(&b->jwt, 12, &b->bad_jwt);
}

static void make_pin(struct bench *b)
{
    uint8_t pin[WALLET_PIN_LEN];
    struct hsm_signer signer;
    must(wallet_home_signer(b->h->home, HSM_PURPOSE_TRUST_LIST, LW_STR(""), &signer));
    must(wallet_trust_pin(&signer.key, pin));
    must(lw_buf_put_hex(&b->pin, LW_BYTES(pin)));
    must(wallet_flow_trust_list(b->h->home, &b->list));
}

static void prepare(struct bench *b, struct support_home *h, struct kill_ledger *ledger)
{
    static const size_t slots[] = {BINDS_SLOT, STATE_SLOT, SHOWN_SLOT};
    size_t voided = 0;
    *b = (struct bench){.h = h,
                        .ledger = ledger,
                        .pin = LW_BUF(SUPPORT_TEXT_MAX),
                        .list = LW_BUF(1 << 20),
                        .lq1 = LW_BUF(SUPPORT_TEXT_MAX),
                        .jwt = LW_BUF(SUPPORT_TEXT_MAX),
                        .bad_lq1 = LW_BUF(SUPPORT_TEXT_MAX),
                        .bad_jwt = LW_BUF(SUPPORT_TEXT_MAX)};
    h->config.signers = 1;
    must(wallet_home_open(&h->config, &h->env, WALLET_HOME_SIGN, &h->home));
    must(wallet_flow_recover(h->home, &voided));
    must(wallet_verifier_online(h->home, &h->verifier));
    for (size_t i = 0; i < sizeof(slots) / sizeof(slots[0]); i++) {
        const struct kill_said said = kill_said_get(&ledger->slots[slots[i]]);
        if (said.versions == 0) {
            must(kill_do(h, ledger, slots[i], KILL_ISSUES));
        }
    }
    make_presentations(b);
    make_pin(b);
    support_path(h->folder, "offline", b->offline);
    support_home_offline(h, b->offline);
}

/* What could not be done may be there or not: a failure after the commit cannot undo it. */
static void settle(struct bench *b)
{
    kill_check(b->h, b->ledger, 1, false);
}

static void one(struct bench *b, struct sweep *s, const struct flow *flow, unsigned nth)
{
    b->nth = nth;
    b->wrong = NULL;
    atomic_store(&s->nth, nth);
    support_alloc_fail(nth);
    const lw_err err = flow->run(b);
    const bool failed = support_alloc_pass();
    if (b->wrong != NULL) {
        wrong(s, flow, nth, b->wrong);
    }
    if (!failed) {
        atomic_store(&s->done, true);
        if (err.code != LW_OK) {
            wrong(s, flow, nth, err.why);
        }
        return;
    }
    (void)atomic_fetch_add(&s->failed, 1);
    b->h->clock.now += flow->ages ? ROUND_S : 0;
    atomic_store(&s->now, b->h->clock.now);
}

static void child(struct support_home *h, struct kill_ledger *ledger, struct sweep *s,
                  const struct flow *flow, unsigned stride)
{
    struct bench b;
    (void)alarm(LIMIT_S);
    unsigned nth = atomic_load(&s->nth);
    prepare(&b, h, ledger);
    settle(&b);
    for (; !atomic_load(&s->done) && nth < NTH_MAX; nth += stride) {
        one(&b, s, flow, nth);
    }
    atomic_store(&s->now, h->clock.now + LW_DAY_S);
    b.nth++;
    b.wrong = NULL;
    const lw_err err = flow->run(&b); /* nothing that came before is in its way */
    if (err.code != LW_OK || b.wrong != NULL) {
        wrong(s, flow, 0, b.wrong != NULL ? b.wrong : err.why);
    }
    settle(&b);
    kill_check_whole(h, ledger);
    if (support_alloc_leaks()) {
        wrong(s, flow, 0, "memory leaks");
    }
    _exit(0);
}

static void sweep_flow(struct support_home *h, struct kill_ledger *ledger, const struct flow *flow,
                       struct sweep *s)
{
    const unsigned stride = support_fault_stride(flow->step) == 1 ? flow->full : flow->step;
    char what[160];
    unsigned stops = 0;
    *s = (struct sweep){.nth = 1, .now = h->clock.now};
    while (!atomic_load(&s->done) && atomic_load(&s->violations) < 20) {
        int status = 0;
        const unsigned from = atomic_load(&s->nth);
        const pid_t pid = support_fault_fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            child(h, ledger, s, flow, stride);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        const int64_t now = atomic_load(&s->now);
        h->clock.now = (now > h->clock.now ? now : h->clock.now) + ROUND_S;
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
            continue;
        }
        if (WIFEXITED(status) && WEXITSTATUS(status) == FATAL_EXIT) {
            stops++;
            (void)atomic_fetch_add(&s->failed, 1);
        } else {
            wrong(s, flow, atomic_load(&s->nth), "the process died");
        }
        assert_true(atomic_load(&s->nth) >= from);
        (void)atomic_fetch_add(&s->nth, stride);
    }
    if (atomic_load(&ledger->violations) > 0) {
        wrong(s, flow, 0, ledger->why);
        atomic_store(&ledger->violations, 0);
    }
    (void)snprintf(what, sizeof(what), "%s: the n-th allocation of %u fails; %u ended the process",
                   flow->name, atomic_load(&s->nth) - 1, stops);
    support_fault_report("F15", what, atomic_load(&s->failed), atomic_load(&s->violations));
}

static void every_allocation_that_fails_is_borne(void **state)
{
    (void)state;
    static struct support_home home;
    unsigned violations = 0;
    struct kill_ledger *ledger = kill_ledger_new();
    struct sweep *s =
        mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(s != MAP_FAILED);
    support_home_make(&home);
    wallet_verifier_free(home.verifier);
    wallet_home_close(home.home);
    home.home = NULL;
    home.verifier = NULL;
    const char *only = getenv("LW_FAULT_ONLY");
    for (size_t i = 0; i < sizeof(flows) / sizeof(flows[0]); i++) {
        if (only == NULL || strstr(flows[i].name, only) != NULL) {
            sweep_flow(&home, ledger, &flows[i], s);
            violations += atomic_load(&s->violations);
        }
    }
    support_home_drop(&home);
    (void)munmap(s, sizeof(*s));
    assert_int_equal(violations, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_that_fails_is_borne),
    };
    if (access("/dev/shm", W_OK) == 0) {
        (void)setenv("TMPDIR", "/dev/shm", 1);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
