#define _GNU_SOURCE

#include "kill_work.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "importing.h"
#include "wallet/flow_issue.h"
#include "wallet/flow_status.h"

enum { IMPORT_BATCH = 4, TEXT_MAX = 64 * 1024 };

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

/* A flow that fails though nothing but a kill went wrong is a violation too. */
static bool went_well(const struct worker *w, const char *what, lw_err err)
{
    if (err.code != LW_OK) {
        kill_violation(w->ledger, what, err);
    }
    return err.code == LW_OK;
}

static void acknowledge(const struct worker *w, size_t slot, struct kill_said said)
{
    said.pending = 0;
    kill_said_put(w->ledger, slot, said);
    (void)atomic_fetch_add(&w->ledger->acked, 1);
}

static void issue(const struct worker *w, size_t slot, const char *number)
{
    const struct wallet_claim_text claims[] = {
        {LW_STR("legal_name"), LW_STR("Corner Bakery Ltd.")},
        {LW_STR("address"), LW_STR("1 Market Street")},
        {LW_STR("category"), LW_STR("Retail Food")},
        {LW_STR("expiry_date"), LW_STR("2028-01-15")},
    };
    char code[48];
    (void)snprintf(code, sizeof(code), "H-%s", number);
    const struct wallet_holder holder = {.code_type = LW_STR("999"),
                                         .code = lw_str_c(code),
                                         .role = LW_STR("holder"),
                                         .name = LW_STR("Corner Bakery Ltd.")};
    const struct wallet_issue_order order = {
        .type = LW_STR("business-license"),
        .number = lw_str_c(number),
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
    const struct kill_said before = kill_said_get(&w->ledger->slots[slot]);
    if (went_well(w, "issue", wallet_flow_issue(w->h->home, &order, &issued, faults, &count))) {
        acknowledge(w, slot,
                    (struct kill_said){.state = WALLET_ACTIVE, .versions = before.versions + 1});
    }
}

static void change(const struct worker *w, size_t slot, const char *number, enum wallet_state to)
{
    enum wallet_state from = WALLET_ACTIVE;
    struct kill_said said = kill_said_get(&w->ledger->slots[slot]);
    if (went_well(w, "state",
                  wallet_flow_change_state(w->h->home, wallet_license_ref_parse(lw_str_c(number)),
                                           to, LW_STR("a test"), LW_STR("test"), &from))) {
        said.state = to;
        said.changes++;
        acknowledge(w, slot, said);
    }
}

static void bind(const struct worker *w, size_t slot, const char *number)
{
    LW_AUTO_BUF credential = LW_BUF(TEXT_MAX);
    struct kill_said said = kill_said_get(&w->ledger->slots[slot]);
    const lw_err err =
        said.pending == KILL_BINDS
            ? wallet_flow_credential(w->h->home, wallet_license_ref_parse(lw_str_c(number)),
                                     LW_STR("dc+sd-cwt"), &w->h->holder.key, &credential)
            : wallet_flow_pass(w->h->home, wallet_license_ref_parse(lw_str_c(number)),
                               LW_STR("storefront"), &w->h->holder.key, &credential);
    if (went_well(w, "credential", err)) {
        said.credential = said.credential || said.pending == KILL_BINDS;
        said.passes += said.pending == KILL_PASSES ? 1 : 0;
        acknowledge(w, slot, said);
    }
}

static void verify(const struct worker *w, const char *number)
{
    LW_AUTO_BUF text = LW_BUF(TEXT_MAX);
    WALLET_AUTO_ANSWER answer = {.result = WALLET_ACCEPTED};
    const struct support_show show = {.number = number, .format = "dc+sd-cwt", .claims = ""};
    const unsigned n = atomic_load(&w->ledger->receipt_count[w->index]);
    if (n >= KILL_RECEIPTS || !went_well(w, "show", support_home_show(w->h, &show, &text))) {
        return;
    }
    const struct wallet_verification request = {
        .text = lw_buf_text(&text), .at = INT64_MIN, .record = true, .locale = LW_STR("en")};
    if (went_well(w, "verify", wallet_flow_verify(w->h->verifier, &request, &answer)) &&
        answer.receipt[0] != '\0') {
        (void)snprintf(w->ledger->receipts[w->index][n], sizeof(answer.receipt), "%s",
                       answer.receipt);
        note(w->ledger, w->ledger->receipts[w->index][n], sizeof(answer.receipt));
        put_word(w->ledger, &w->ledger->receipt_count[w->index], n + 1);
        (void)atomic_fetch_add(&w->ledger->acked, 1);
    }
}

/* What may be done next with a license in that state. */
static unsigned choose(uint64_t r, const struct kill_said *said)
{
    if (said->versions == 0 || said->state > WALLET_SUSPENDED || r % 16 == 0) {
        return KILL_ISSUES;
    }
    if (said->state == WALLET_SUSPENDED) {
        return r % 4 == 0 ? WALLET_REVOKED : WALLET_ACTIVE;
    }
    static const unsigned ways[] = {
        WALLET_SUSPENDED, WALLET_SUSPENDED, WALLET_REVOKED, WALLET_CANCELLED,
        KILL_BINDS,       KILL_BINDS,       KILL_PASSES,    0};
    return ways[r / 16 % (sizeof(ways) / sizeof(ways[0]))];
}

static void step(struct worker *w)
{
    char number[32];
    const uint64_t r = next(w);
    const size_t i = r % (KILL_SLOTS / KILL_THREADS) * KILL_THREADS + w->index;
    struct kill_said said = kill_said_get(&w->ledger->slots[i]);
    kill_number(i, number);
    put_word(w->ledger, &w->ledger->slots[i].round, w->round);
    const unsigned way = choose(r >> 20, &said);
    if (way == 0) {
        said.pending = KILL_BINDS; /* showing makes the credential where there is none */
        kill_said_put(w->ledger, i, said);
        verify(w, number);
        said.credential = true;
        acknowledge(w, i, said);
        return;
    }
    said.pending = way;
    kill_said_put(w->ledger, i, said);
    if (way == KILL_ISSUES) {
        issue(w, i, number);
    } else if (way >= KILL_BINDS) {
        bind(w, i, number);
    } else {
        change(w, i, number, (enum wallet_state)way);
    }
}

static void *run(void *arg)
{
    struct worker *w = arg;
    if (w->index == 0 && w->round % 8 == 0) {
        kill_import(w->h, w->ledger);
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

void kill_import(struct support_home *h, struct kill_ledger *ledger)
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
    lw_err err = lw_buf_put_c(&csv, SUPPORT_IMPORT_HEADER);
    const size_t rows = support_import_rows(&csv, prefix, KILL_IMPORT_NUMBERS);
    err = err.code == LW_OK
              ? support_import(h->home, lw_buf_view(&csv), support_import_map, &import)
              : err;
    if (err.code != LW_OK) {
        kill_violation(ledger, "import", err);
        return;
    }
    if (import.result.issued + import.result.already != rows ||
        (again && import.result.already < told)) {
        kill_violation(ledger, "an import given again lost rows", err);
    }
    put_word(ledger, &ledger->import_done, 0);
    put_word(ledger, &ledger->import_ended, ended + 1);
    (void)atomic_fetch_add(&ledger->acked, rows);
}
