/* What is asked for of registers, done and noted. */
#define _GNU_SOURCE

#include "kill_register.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "importing.h"
#include "wallet/flow_approve.h"
#include "wallet/flow_mend.h"
#include "wallet/store_journal.h"

enum {
    BATCH_ROWS = 4,
    BATCH_LARGE = 64,
    TERMS_MAX = 9,
    LARGE = 100, /* numbers of a register from which on its batches are large */
    WAIT_NS = 1000000,
    RECORDS = 8,
    PERCENT = 100,
};

struct kill_registers *kill_registers_new(bool two_people)
{
    static const unsigned counts[KILL_REGISTERS] = {8, 40, KILL_NUMBERS_MAX};
    struct kill_registers *all =
        mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED) {
        abort();
    }
    all->two_people = two_people;
    for (size_t r = 0; r < KILL_REGISTERS; r++) {
        (void)snprintf(all->list[r].name, sizeof(all->list[r].name), "R%zu", r);
        all->list[r].count = counts[r];
    }
    return all;
}

struct kill_entry kill_entry_get(const atomic_uint_least64_t *word)
{
    const uint64_t w = atomic_load(word);
    return (struct kill_entry){.life = w & 0xFFFF,
                               .terms = (w >> 16) & 0xF,
                               .content = (w >> 20) & 0xFFF,
                               .versions = (w >> 32) & 0xFFFF,
                               .suspended = ((w >> 48) & 1) != 0,
                               .fixed = ((w >> 49) & 1) != 0};
}

void kill_entry_put(atomic_uint_least64_t *word, struct kill_entry entry)
{
    atomic_store(word, (uint64_t)(entry.life & 0xFFFF) | (uint64_t)(entry.terms & 0xF) << 16 |
                           (uint64_t)(entry.content & 0xFFF) << 20 |
                           (uint64_t)(entry.versions & 0xFFFF) << 32 |
                           (uint64_t)entry.suspended << 48 | (uint64_t)entry.fixed << 49);
}

void kill_register_number(const struct kill_register *reg, unsigned i, unsigned life,
                          char number[32])
{
    (void)snprintf(number, 32, "%s-%u-%u", reg->name, i, life);
}

bool kill_registers_busy(const struct kill_registers *all)
{
    bool busy = false;
    for (size_t r = 0; r < KILL_REGISTERS; r++) {
        busy = busy || atomic_load(&all->list[r].doing) != KILL_NOTHING;
    }
    return busy;
}

static uint64_t next(uint64_t *random)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random;
}

static void date_of(unsigned content, char text[16])
{
    int64_t days = 0;
    LW_AUTO_BUF out = LW_BUF(16);
    if (lw_date_parse(LW_STR(KILL_UNTIL), &days).code != LW_OK ||
        lw_date_put(&out, days + content).code != LW_OK) {
        abort();
    }
    (void)snprintf(text, 16, "%.*s", (int)out.len, (const char *)out.ptr);
}

void kill_register_csv(const struct kill_register *reg, lw_buf *csv)
{
    if (lw_buf_put_c(csv, SUPPORT_IMPORT_HEADER).code != LW_OK) {
        abort();
    }
    for (unsigned i = 0; i < reg->count; i++) {
        const struct kill_entry e = kill_entry_get(&reg->asked[i]);
        char number[32];
        char until[16];
        kill_register_number(reg, i, e.life, number);
        date_of(e.content, until);
        for (unsigned k = 0; k < e.terms; k++) {
            char term[48];
            char from[16];
            (void)snprintf(term, sizeof(term), "T-%s-%u", number, k);
            (void)snprintf(from, sizeof(from), "%u-05-01", 2015 + k);
            support_import_row(csv, number, term, from, until,
                               e.suspended && k + 1 == e.terms ? "SUS" : "AAI");
        }
    }
}

/* What the next register says of a number. */
static struct kill_entry change(struct kill_entry e, uint64_t random, unsigned gone)
{
    const unsigned what = (unsigned)(random % PERCENT);
    if (e.terms == 0) {
        e.terms = what < 40 ? 1 + (unsigned)(random >> 32) % 2 : 0;
        e.versions = e.terms;
    } else if ((random >> 16) % PERCENT < gone) {
        e.terms = 0;
    } else if (what < 20 && e.terms == 1) {
        e.content++;
        e.versions++;
    } else if (what >= 20 && what < 40 && e.terms + 2 <= TERMS_MAX && !e.fixed) {
        const unsigned more = 1 + (unsigned)(random >> 32) % 2;
        e.terms += more;
        e.versions += more;
    } else if (what >= 40 && what < 50) {
        e.suspended = !e.suspended;
    }
    return e;
}

/* Names of numbers that ended are not given again. */
static struct kill_entry told(struct kill_register *reg, unsigned i)
{
    struct kill_entry e = kill_entry_get(&reg->told[i]);
    if (e.terms == 0 && e.versions > 0) {
        e = (struct kill_entry){.life = e.life + 1};
        kill_entry_put(&reg->told[i], e);
    }
    return e;
}

static void ask_import(struct kill_register *reg, bool two_people, uint64_t random)
{
    const unsigned gone = next(&random) % 4 == 0 ? 95 : (unsigned)(next(&random) % 12);
    for (unsigned i = 0; i < reg->count; i++) {
        const struct kill_entry e = told(reg, i);
        struct kill_entry to = change(e, next(&random), gone);
        if (i == 0) { /* one is always there, and is always changed */
            to = (struct kill_entry){.life = e.life,
                                     .terms = 1,
                                     .content = (e.content + 1) & 0xFFF,
                                     .versions = e.versions + 1,
                                     .suspended = e.suspended};
        }
        kill_entry_put(&reg->base[i], e);
        kill_entry_put(&reg->asked[i], to);
    }
    atomic_store(&reg->voidable, false);
    atomic_store(&reg->doing, two_people ? KILL_WAITS : KILL_IMPORTS);
}

static bool same_license(struct kill_entry a, struct kill_entry b)
{
    return a.terms == b.terms && a.content == b.content && a.versions == b.versions;
}

/* States that a batch set stay, and what it revoked; what it issued is taken back. */
static void ask_void(struct kill_register *reg)
{
    for (unsigned i = 0; i < reg->count; i++) {
        const struct kill_entry now = kill_entry_get(&reg->told[i]);
        const struct kill_entry before = kill_entry_get(&reg->base[i]);
        struct kill_entry to = now;
        if (now.terms > 0 && before.terms == 0) {
            to.terms = 0;
        } else if (now.terms > 0 && !same_license(now, before)) {
            to = before;
            to.versions = now.versions + 1;
            to.fixed = before.fixed || now.terms > before.terms;
        }
        kill_entry_put(&reg->asked[i], to);
    }
    atomic_store(&reg->voidable, false);
    atomic_store(&reg->doing, KILL_VOIDS);
}

struct doing {
    struct support_home *h;
    struct kill_ledger *ledger;
    struct kill_registers *all;
    struct kill_register *reg;
    const struct kill_people *people;
    uint64_t random;
};

static void ended(const struct doing *d, bool voidable)
{
    for (unsigned i = 0; i < d->reg->count; i++) {
        atomic_store(&d->reg->told[i], atomic_load(&d->reg->asked[i]));
    }
    const unsigned what = atomic_load(&d->reg->doing);
    atomic_store(&d->reg->voidable, voidable);
    atomic_store(&d->reg->doing, KILL_NOTHING);
    (void)atomic_fetch_add(&d->all->done[what], 1);
    (void)atomic_fetch_add(&d->ledger->acked, d->reg->count);
}

/* The newest batch of the register, in any state, or of the number given. */
static lw_err find_batch(const struct doing *d, uint64_t number, struct wallet_import_record *found)
{
    struct wallet_page page = {.len = 0};
    WALLET_AUTO_TXN txn = NULL;
    *found = (struct wallet_import_record){.number = 0};
    LW_TRY(wallet_read_begin(wallet_home_store(d->h->home), &txn));
    if (number != 0) {
        return wallet_store_import_find(txn, number, found);
    }
    while (!page.end) {
        struct wallet_import_record records[RECORDS];
        size_t count = RECORDS;
        LW_TRY(wallet_store_import_page(txn, &page, records, &count));
        for (size_t i = 0; i < count; i++) {
            if (strcmp(records[i].register_name, d->reg->name) == 0) {
                *found = records[i];
            }
        }
    }
    return LW_SUCCESS;
}

/* Where it was done by one that was killed before it said so, the same again is refused. */
static bool is_in(const struct doing *d, uint64_t number, enum wallet_import_state state)
{
    struct wallet_import_record found;
    return find_batch(d, number, &found).code == LW_OK && found.state == state;
}

static lw_err give(const struct doing *d, struct support_import *import)
{
    LW_AUTO_BUF csv = LW_BUF(SUPPORT_REGISTER_MAX);
    kill_register_csv(d->reg, &csv);
    import->order = (struct wallet_import_order){
        .gone = WALLET_GONE_REVOKE,
        .gone_max = SIZE_MAX,
        .batch_rows = d->reg->count < LARGE ? BATCH_ROWS : BATCH_LARGE,
        .register_name = lw_str_c(d->reg->name),
        .by = d->all->two_people ? &d->people->asks.by : NULL,
    };
    return support_import(d->h->home, lw_buf_view(&csv), support_import_map, import);
}

static lw_err do_import(const struct doing *d)
{
    static struct support_import import;
    struct wallet_import_record found;
    LW_TRY(give(d, &import));
    LW_TRY(find_batch(d, 0, &found));
    if (import.result.bad > 0 || import.result.kept > 0 || found.state != WALLET_IMPORT_DONE) {
        return LW_FAIL(LW_E_CONFLICT, "an import left rows out, or did not end", LW_NOWHERE);
    }
    atomic_store(&d->reg->batch, found.number);
    ended(d, true);
    return LW_SUCCESS;
}

static lw_err do_wait(const struct doing *d)
{
    static struct support_import import;
    struct wallet_import_record found;
    const lw_err err = give(d, &import);
    LW_TRY(find_batch(d, 0, &found));
    if (err.code != LW_OK && (err.code != LW_E_CONFLICT || found.state != WALLET_IMPORT_WAITING)) {
        return err;
    }
    if (found.state != WALLET_IMPORT_WAITING || import.result.number != found.number) {
        return LW_FAIL(LW_E_CONFLICT, "an import does not wait", LW_NOWHERE);
    }
    atomic_store(&d->reg->batch, found.number);
    (void)atomic_fetch_add(&d->all->done[KILL_WAITS], 1);
    atomic_store(&d->reg->doing, d->random % 6 == 0 ? KILL_REJECTS : KILL_APPROVES);
    return LW_SUCCESS;
}

static void on_issue(void *ctx, const struct wallet_import_issue *issue)
{
    (void)ctx;
    (void)issue;
}

static bool yes(void *ctx, const struct wallet_import_result *found)
{
    (void)ctx;
    (void)found;
    return true;
}

/* Time that keys need has passed: it is closed, and nothing was done. */
static bool is_expired(const struct doing *d, lw_err err)
{
    const bool over =
        err.code == LW_E_EXPIRED ||
        (err.code == LW_E_CONFLICT && is_in(d, atomic_load(&d->reg->batch), WALLET_IMPORT_EXPIRED));
    if (over) {
        atomic_store(&d->reg->doing, KILL_NOTHING);
    }
    return over;
}

static lw_err do_approve(const struct doing *d)
{
    const uint64_t number = atomic_load(&d->reg->batch);
    const struct wallet_approve_order order = {.number = number,
                                               .by = &d->people->approves.by,
                                               .batch_rows = d->reg->count < LARGE ? BATCH_ROWS
                                                                                   : BATCH_LARGE};
    const struct wallet_import_watch watch = {.issue = on_issue, .approve = yes};
    struct wallet_import_result result;
    const lw_err err = wallet_flow_approve(d->h->home, &order, &watch, &result);
    if (is_expired(d, err)) {
        return LW_SUCCESS;
    }
    if (err.code != LW_OK && !(err.code == LW_E_CONFLICT && is_in(d, number, WALLET_IMPORT_DONE))) {
        return err;
    }
    ended(d, true);
    return LW_SUCCESS;
}

static lw_err do_reject(const struct doing *d)
{
    const uint64_t number = atomic_load(&d->reg->batch);
    const lw_err err =
        wallet_flow_reject(d->h->home, number, &d->people->approves.by, LW_STR("a test"));
    if (is_expired(d, err)) {
        return LW_SUCCESS;
    }
    if (err.code != LW_OK &&
        !(err.code == LW_E_CONFLICT && is_in(d, number, WALLET_IMPORT_REJECTED))) {
        return err;
    }
    (void)atomic_fetch_add(&d->all->done[KILL_REJECTS], 1);
    atomic_store(&d->reg->doing, KILL_NOTHING);
    return LW_SUCCESS;
}

static lw_err void_batch(const struct doing *d, uint64_t number)
{
    struct wallet_void_result result;
    const lw_err err = wallet_flow_void_import(d->h->home, number, LW_STR("a test"), LW_STR("test"),
                                               NULL, &result);
    return err.code == LW_E_CONFLICT && is_in(d, number, WALLET_IMPORT_VOIDED) ? LW_SUCCESS : err;
}

static lw_err do_void(const struct doing *d)
{
    LW_TRY(void_batch(d, atomic_load(&d->reg->batch)));
    ended(d, false);
    return LW_SUCCESS;
}

/* What stood before is in force again, or was revoked as gone; only how often it was issued is not
 * known beforehand. */
static lw_err settle_half(const struct doing *d)
{
    WALLET_AUTO_TXN txn = NULL;
    LW_TRY(wallet_read_begin(wallet_home_store(d->h->home), &txn));
    for (unsigned i = 0; i < d->reg->count; i++) {
        const struct kill_entry asked = kill_entry_get(&d->reg->asked[i]);
        const struct kill_entry before = kill_entry_get(&d->reg->base[i]);
        struct kill_seen seen;
        char number[32];
        kill_register_number(d->reg, i, before.life, number);
        LW_TRY(kill_register_see(d->h, txn, number, before.terms > 0, &seen));
        struct kill_entry now = seen.entry;
        now.life = before.life;
        now.fixed = before.fixed || asked.terms > before.terms;
        const bool stands =
            now.terms == before.terms && now.content == before.content &&
            (now.suspended == before.suspended ||
             (now.suspended == asked.suspended && asked.versions == before.versions));
        const bool revoked = now.terms == 0 && (before.terms == 0 || asked.terms == 0);
        if (!stands && !revoked) {
            return LW_FAIL(LW_E_CONFLICT, "a voided batch left a number that is neither",
                           LW_NOWHERE);
        }
        kill_entry_put(&d->reg->told[i], now);
        kill_entry_put(&d->reg->asked[i], now);
    }
    return LW_SUCCESS;
}

static lw_err do_void_half(const struct doing *d)
{
    LW_TRY(void_batch(d, atomic_load(&d->reg->batch)));
    LW_TRY(settle_half(d));
    ended(d, false);
    return LW_SUCCESS;
}

/* An import that was killed is taken back now and then instead of ended. */
static void turn_back(const struct doing *d, unsigned doing)
{
    struct wallet_import_record found;
    if ((doing == KILL_IMPORTS || doing == KILL_APPROVES) && d->random % 8 == 1 &&
        find_batch(d, 0, &found).code == LW_OK && found.state == WALLET_IMPORT_RUNNING) {
        atomic_store(&d->reg->batch, found.number);
        atomic_store(&d->reg->doing, KILL_VOIDS_HALF);
    }
}

static lw_err act(const struct doing *d)
{
    switch ((enum kill_asked)atomic_load(&d->reg->doing)) {
    case KILL_NOTHING:
        return LW_SUCCESS;
    case KILL_IMPORTS:
        return do_import(d);
    case KILL_WAITS:
        return do_wait(d);
    case KILL_APPROVES:
        return do_approve(d);
    case KILL_REJECTS:
        return do_reject(d);
    case KILL_VOIDS:
        return do_void(d);
    case KILL_VOIDS_HALF:
        return do_void_half(d);
    }
    return LW_SUCCESS;
}

void kill_register_step(struct support_home *h, struct kill_ledger *ledger,
                        struct kill_registers *all, size_t r, const struct kill_people *people,
                        uint64_t random)
{
    static const char *const names[] = {"",
                                        "an import",
                                        "an import that waits",
                                        "an approval",
                                        "a rejection",
                                        "a voiding",
                                        "the voiding of a killed import"};
    const struct doing d = {.h = h,
                            .ledger = ledger,
                            .all = all,
                            .reg = &all->list[r],
                            .people = people,
                            .random = random};
    const unsigned doing = atomic_load(&d.reg->doing);
    if (doing == KILL_NOTHING && atomic_load(&d.reg->voidable) && random % 3 == 0) {
        ask_void(d.reg);
    } else if (doing == KILL_NOTHING) {
        ask_import(d.reg, all->two_people, random);
    } else {
        turn_back(&d, doing);
    }
    lw_err err = act(&d);
    while (err.code == LW_E_BUSY) { /* another thread has the lock of imports */
        (void)nanosleep(&(struct timespec){.tv_nsec = WAIT_NS}, NULL);
        err = act(&d);
    }
    if (err.code != LW_OK) {
        kill_violation(ledger, names[atomic_load(&d.reg->doing)], err);
    }
}
