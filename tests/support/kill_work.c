#define _GNU_SOURCE

#include "kill_work.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "importing.h"
#include "wallet/flow_mend.h"
#include "wallet/flow_status.h"

enum { IMPORT_BATCH = 4, TEXT_MAX = 64 * 1024, BUSY_TRIES = 10000, BUSY_PAUSE_NS = 1000000 };

struct worker {
    pthread_t thread;
    struct support_home *h;
    struct kill_ledger *ledger;
    unsigned round;
    unsigned steps;
    unsigned index;
    uint64_t random; /* xorshift: a round is repeated by its number */
};

struct kill_ledger *kill_ledger_new(void)
{
    void *at = mmap(NULL, sizeof(struct kill_ledger), PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) {
        abort();
    }
    return at;
}

struct kill_said kill_said_get(const struct kill_slot *slot)
{
    const uint64_t w = atomic_load(&slot->said);
    return (struct kill_said){
        .state = w & 0xF,
        .versions = (w >> 4) & 0xFFFF,
        .changes = (w >> 20) & 0xFFFF,
        .passes = (w >> 36) & 0xFF,
        .credential = ((w >> 44) & 1) != 0,
        .pending = (w >> 48) & 0xF,
    };
}

static void note(const struct kill_ledger *ledger, const void *field, size_t len)
{
    if (ledger->noted != NULL) {
        ledger->noted(ledger, field, len);
    }
}

static void put_word(const struct kill_ledger *ledger, atomic_uint *field, unsigned value)
{
    atomic_store(field, value);
    note(ledger, field, sizeof(*field));
}

void kill_said_put(struct kill_ledger *ledger, size_t slot, struct kill_said said)
{
    const uint64_t w = (uint64_t)said.state | (uint64_t)said.versions << 4 |
                       (uint64_t)said.changes << 20 | (uint64_t)(said.passes & 0xFF) << 36 |
                       (uint64_t)said.credential << 44 | (uint64_t)said.pending << 48;
    atomic_store(&ledger->slots[slot].said, w);
    note(ledger, &ledger->slots[slot].said, sizeof(ledger->slots[slot].said));
}

void kill_violation(struct kill_ledger *ledger, const char *what, lw_err err)
{
    if (atomic_fetch_add(&ledger->violations, 1) == 0) {
        (void)snprintf(ledger->why, sizeof(ledger->why), "%s: %s: %s", what, lw_code_name(err.code),
                       err.why == NULL ? "" : err.why);
    }
}

void kill_number(size_t slot, char number[32])
{
    (void)snprintf(number, 32, "K-%05zu", slot);
}

static uint64_t next(struct worker *w)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return w->random;
}

/* One thing asked of the home, of one license. */
struct task {
    struct support_home *h;
    struct kill_ledger *ledger;
    size_t slot;
    unsigned thread; /* whose receipts */
    char number[32];
    struct kill_said said; /* as it was told before */
};

static void acknowledge(const struct task *t, struct kill_said said)
{
    said.pending = 0;
    kill_said_put(t->ledger, t->slot, said);
    (void)atomic_fetch_add(&t->ledger->acked, 1);
}

static lw_err issue(const struct task *t)
{
    const struct wallet_claim_text claims[] = {
        {LW_STR("legal_name"), LW_STR("Corner Bakery Ltd.")},
        {LW_STR("address"), LW_STR("1 Market Street")},
        {LW_STR("category"), LW_STR("Retail Food")},
        {LW_STR("expiry_date"), LW_STR("2028-01-15")},
    };
    char code[48];
    (void)snprintf(code, sizeof(code), "H-%s", t->number);
    const struct wallet_holder holder = {.code_type = LW_STR("999"),
                                         .code = lw_str_c(code),
                                         .role = LW_STR("holder"),
                                         .name = LW_STR("Corner Bakery Ltd.")};
    const struct wallet_issue_order order = {
        .type = LW_STR("business-license"),
        .number = lw_str_c(t->number),
        .holders = &holder,
        .holder_count = 1,
        .claims = claims,
        .claim_count = sizeof(claims) / sizeof(claims[0]),
        .valid_from = INT64_MIN,
        .valid_until = INT64_MIN,
        .actor = LW_STR("test"),
    };
    struct wallet_issued issued;
    struct wallet_issue_fault faults[8];
    size_t count = 8;
    LW_TRY(wallet_flow_issue(t->h->home, &order, &issued, faults, &count));
    acknowledge(t, (struct kill_said){.state = WALLET_ACTIVE, .versions = t->said.versions + 1});
    return LW_SUCCESS;
}

static lw_err change(const struct task *t, enum wallet_state to)
{
    enum wallet_state from = WALLET_ACTIVE;
    struct kill_said said = t->said;
    LW_TRY(wallet_flow_change_state(t->h->home, wallet_license_ref_parse(lw_str_c(t->number)), to,
                                    LW_STR("a test"), LW_STR("test"), &from));
    said.state = to;
    said.changes++;
    acknowledge(t, said);
    return LW_SUCCESS;
}

static lw_err bind(const struct task *t)
{
    LW_AUTO_BUF credential = LW_BUF(TEXT_MAX);
    struct kill_said said = t->said;
    LW_TRY(wallet_flow_credential(t->h->home, wallet_license_ref_parse(lw_str_c(t->number)),
                                  LW_STR("dc+sd-cwt"), &t->h->holder.key, &credential));
    said.credential = true;
    acknowledge(t, said);
    return LW_SUCCESS;
}

static lw_err pass(const struct task *t)
{
    LW_AUTO_BUF credential = LW_BUF(TEXT_MAX);
    struct kill_said said = t->said;
    LW_TRY(wallet_flow_pass(t->h->home, wallet_license_ref_parse(lw_str_c(t->number)),
                            LW_STR("storefront"), &t->h->holder.key, &credential));
    said.passes++;
    acknowledge(t, said);
    return LW_SUCCESS;
}

/* Shown, which makes the credential where there is none, and verified with a record. */
static lw_err verify(const struct task *t)
{
    LW_AUTO_BUF text = LW_BUF(TEXT_MAX);
    WALLET_AUTO_ANSWER answer = {.result = WALLET_ACCEPTED};
    const struct support_show show = {.number = t->number, .format = "dc+sd-cwt", .claims = ""};
    const unsigned n = atomic_load(&t->ledger->receipt_count[t->thread]);
    struct kill_said said = t->said;
    LW_TRY(support_home_show(t->h, &show, &text));
    said.credential = true;
    acknowledge(t, said);
    const struct wallet_verification request = {
        .text = lw_buf_text(&text), .at = INT64_MIN, .record = true, .locale = LW_STR("en")};
    LW_TRY(wallet_flow_verify(t->h->verifier, &request, &answer));
    if (answer.receipt[0] != '\0' && n < KILL_RECEIPTS) {
        (void)snprintf(t->ledger->receipts[t->thread][n], sizeof(answer.receipt), "%s",
                       answer.receipt);
        note(t->ledger, t->ledger->receipts[t->thread][n], sizeof(answer.receipt));
        put_word(t->ledger, &t->ledger->receipt_count[t->thread], n + 1);
        (void)atomic_fetch_add(&t->ledger->acked, 1);
    }
    return LW_SUCCESS;
}

/* What an import, or another such, keeps from being done is left: it may be asked for again. */
static lw_err reissue(const struct task *t)
{
    struct wallet_issued issued;
    const lw_err err =
        wallet_flow_reissue(t->h->home, wallet_license_ref_parse(lw_str_c(t->number)),
                            LW_STR("a test"), LW_STR("test"), &issued);
    if (err.code == LW_E_BUSY) {
        return LW_SUCCESS;
    }
    LW_TRY(err);
    acknowledge(t, (struct kill_said){.state = WALLET_ACTIVE, .versions = t->said.versions + 1});
    return LW_SUCCESS;
}

/* As what it is looked for when it was not answered. */
static unsigned pending_of(unsigned way)
{
    if (way == KILL_REISSUES) {
        return KILL_ISSUES;
    }
    return way == KILL_VERIFIES ? KILL_BINDS : way;
}

lw_err kill_do(struct support_home *h, struct kill_ledger *ledger, size_t slot, unsigned way)
{
    struct task t = {
        .h = h, .ledger = ledger, .slot = slot, .thread = (unsigned)(slot % KILL_THREADS)};
    t.said = kill_said_get(&ledger->slots[slot]);
    kill_number(slot, t.number);
    struct kill_said pending = t.said;
    pending.pending = pending_of(way);
    kill_said_put(ledger, slot, pending);
    switch (way) {
    case KILL_ISSUES:
        return issue(&t);
    case KILL_BINDS:
        return bind(&t);
    case KILL_PASSES:
        return pass(&t);
    case KILL_VERIFIES:
        return verify(&t);
    case KILL_REISSUES:
        return reissue(&t);
    default:
        return change(&t, (enum wallet_state)way);
    }
}

/* What may be done next with a license in that state. */
static unsigned choose(uint64_t r, const struct kill_said *said)
{
    const bool final = said->state > WALLET_SUSPENDED;
    if (final && said->state != WALLET_SUPERSEDED && r % 2 == 0) {
        return KILL_REISSUES;
    }
    if (said->versions == 0 || final || r % 16 == 0) {
        return KILL_ISSUES;
    }
    if (said->state == WALLET_SUSPENDED) {
        return r % 4 == 0 ? WALLET_REVOKED : WALLET_ACTIVE;
    }
    static const unsigned ways[] = {WALLET_SUSPENDED, WALLET_SUSPENDED, WALLET_REVOKED,
                                    WALLET_CANCELLED, KILL_BINDS,       KILL_BINDS,
                                    KILL_PASSES,      KILL_VERIFIES};
    return ways[r / 16 % (sizeof(ways) / sizeof(ways[0]))];
}

static void step(struct worker *w)
{
    const uint64_t r = next(w);
    const size_t i = r % (KILL_SLOTS / KILL_THREADS) * KILL_THREADS + w->index;
    const struct kill_said said = kill_said_get(&w->ledger->slots[i]);
    put_word(w->ledger, &w->ledger->slots[i].round, w->round);
    const unsigned way = choose(r >> 20, &said);
    const lw_err err = kill_do(w->h, w->ledger, i, way);
    if (err.code != LW_OK) {
        /* Nothing but a kill went wrong. */
        kill_violation(w->ledger, "a flow failed", err);
    }
}

static void *run(void *arg)
{
    struct worker *w = arg;
    if (w->index == 0 && w->round % 8 == 0) {
        const lw_err err = kill_import(w->h, w->ledger);
        if (err.code != LW_OK) {
            kill_violation(w->ledger, "an import failed", err);
        }
    }
    for (unsigned i = 0; w->steps == 0 || i < w->steps; i++) {
        step(w);
    }
    return NULL;
}

void kill_work(struct support_home *h, struct kill_ledger *ledger, unsigned round, unsigned steps)
{
    struct worker workers[KILL_THREADS];
    for (unsigned i = 0; i < KILL_THREADS; i++) {
        workers[i] =
            (struct worker){.h = h,
                            .ledger = ledger,
                            .round = round,
                            .steps = steps,
                            .index = i,
                            .random = 0x9E3779B97F4A7C15U * (round * KILL_THREADS + i + 1)};
        if (pthread_create(&workers[i].thread, NULL, run, &workers[i]) != 0) {
            abort();
        }
    }
    for (unsigned i = 0; i < KILL_THREADS; i++) {
        (void)pthread_join(workers[i].thread, NULL);
    }
}

static void on_progress(void *ctx, const struct wallet_import_progress *progress)
{
    struct kill_ledger *ledger = ctx;
    /* Told after the commit; what an earlier run did comes on top. */
    put_word(ledger, &ledger->import_done, (unsigned)progress->done);
}

lw_err kill_import(struct support_home *h, struct kill_ledger *ledger)
{
    LW_AUTO_BUF csv = LW_BUF(SUPPORT_REGISTER_MAX);
    char prefix[32];
    const unsigned ended = atomic_load(&ledger->import_ended);
    const unsigned told = atomic_load(&ledger->import_done);
    const bool again = atomic_load(&ledger->import_begun) > ended;
    struct support_import import = {
        .order = {.batch_rows = IMPORT_BATCH}, .progress = on_progress, .ctx = ledger};
    put_word(ledger, &ledger->import_begun, ended + 1);
    (void)snprintf(prefix, sizeof(prefix), "I%u", ended + 1);
    LW_TRY(lw_buf_put_c(&csv, SUPPORT_IMPORT_HEADER));
    const size_t rows = support_import_rows(&csv, prefix, KILL_IMPORT_NUMBERS);
    /* A license that another thread issues again keeps it waiting for a moment. */
    lw_err err = support_import(h->home, lw_buf_view(&csv), support_import_map, &import);
    for (unsigned i = 0; err.code == LW_E_BUSY && i < BUSY_TRIES; i++) {
        const struct timespec pause = {.tv_nsec = BUSY_PAUSE_NS};
        (void)nanosleep(&pause, NULL);
        err = support_import(h->home, lw_buf_view(&csv), support_import_map, &import);
    }
    LW_TRY(err);
    if (import.result.issued + import.result.already != rows ||
        (again && import.result.already < told)) {
        return LW_FAIL(LW_E_CONFLICT, "an import given again lost rows", LW_NOWHERE);
    }
    put_word(ledger, &ledger->import_done, 0);
    put_word(ledger, &ledger->import_ended, ended + 1);
    (void)atomic_fetch_add(&ledger->acked, rows);
    return LW_SUCCESS;
}
