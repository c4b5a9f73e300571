/* How an import is named, found again, begun and ended in the journal. */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "flow_import_internal.h"
#include "hsm/digest.h"

enum { NUMBER_TEXT = 24, LOCK_MODE = 0600, INTENTS = 16, RECORDS = 8 };

/* One import at a time: what is open of another is then known to be left over. */
lw_err import_take_lock(const struct wallet_home *home, int *lock)
{
    char path[HOME_PATH_MAX];
    LW_TRY(home_path(home->config, "import.lock", path));
    *lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, LOCK_MODE);
    if (*lock < 0) {
        return LW_FAIL(LW_E_IO, "import: cannot open import.lock in the home folder", LW_NOWHERE);
    }
    if (flock(*lock, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK
                   ? LW_FAIL(LW_E_BUSY, "import: another import is running in this home",
                             LW_NOWHERE)
                   : LW_FAIL(LW_E_IO, "import: cannot lock import.lock", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

void import_drop_lock(int lock)
{
    if (lock >= 0) {
        /* A signer that is being started has the descriptor for a moment: closing is not enough. */
        (void)flock(lock, LOCK_UN);
        (void)close(lock);
    }
}

/*
 * An import is known by all that decides its rows, and by how many runs of the same ended before
 * it. Of a move that is chosen here that it is chosen, so that the same command tomorrow finds it.
 */
static lw_err name_run(struct import_run *run, unsigned long long nth)
{
    char shift[NUMBER_TEXT] = "auto";
    char version[NUMBER_TEXT];
    char run_text[NUMBER_TEXT];
    (void)snprintf(version, sizeof(version), "%u", run->type->version);
    (void)snprintf(run_text, sizeof(run_text), "%llu", nth);
    if (!run->order->shift_auto) {
        (void)snprintf(shift, sizeof(shift), "%lld", (long long)run->order->shift_days);
    }
    const lw_bytes parts[] = {LW_BYTES(run->record.file_hash),
                              LW_BYTES(run->record.map_hash),
                              lw_str_bytes(run->type->id),
                              lw_str_bytes(lw_str_c(version)),
                              lw_str_bytes(run->agency->id),
                              lw_str_bytes(lw_str_c(shift)),
                              lw_str_bytes(run->order->register_name),
                              lw_str_bytes(lw_str_c(run_text))};
    return wallet_import_id(parts, sizeof(parts) / sizeof(parts[0]), run->record.id);
}

/* Finds the run that goes on, or the name of a new one. */
static lw_err find_run(struct import_run *run, const struct wallet_txn *txn)
{
    for (unsigned long long nth = 0;; nth++) {
        struct wallet_import_record found;
        LW_TRY(name_run(run, nth));
        const lw_err err = wallet_store_import_get(txn, run->record.id, &found);
        if (err.code == LW_E_NOT_FOUND) {
            return LW_SUCCESS;
        }
        LW_TRY(err);
        run->found = true;
        run->record.shift_days = found.shift_days;
        if (found.state == WALLET_IMPORT_RUNNING || found.state == WALLET_IMPORT_WAITING) {
            run->known = true;
            run->checked_at = found.begun; /* what it let in then it lets in now, and no more */
            run->record = found;
            return LW_SUCCESS;
        }
    }
}

static bool is_of_register(const struct import_run *run, const struct wallet_import_record *record)
{
    return lw_str_is(run->type->id, record->type) && lw_str_is(run->agency->id, record->issuer) &&
           lw_str_is(run->order->register_name, record->register_name);
}

/* A register is moved by one number of days, whatever the clock says when it is given again. */
static lw_err look_at_others(struct import_run *run, const struct wallet_txn *txn)
{
    struct wallet_page page = {.len = 0};
    while (!page.end) {
        struct wallet_import_record records[RECORDS];
        size_t count = RECORDS;
        LW_TRY(wallet_store_import_page(txn, &page, records, &count));
        for (size_t i = 0; i < count; i++) {
            if (!is_of_register(run, &records[i])) {
                continue;
            }
            if (records[i].state == WALLET_IMPORT_VOIDING && !run->order->dry_run) {
                return LW_FAIL(LW_E_CONFLICT,
                               "import: a batch of this register is half voided: finish that first",
                               LW_NOWHERE);
            }
            if (run->approval != NULL && records[i].state == WALLET_IMPORT_RUNNING &&
                records[i].number != run->record.number) {
                return LW_FAIL(LW_E_CONFLICT,
                               "import: another batch of this register is approved: end it first",
                               LW_NOWHERE);
            }
            if (!run->found && run->order->shift_auto) {
                run->has_shift = true;
                run->record.shift_days = records[i].shift_days;
            }
        }
    }
    return LW_SUCCESS;
}

lw_err import_find_earlier(struct import_run *run)
{
    WALLET_AUTO_TXN txn = NULL;
    LW_TRY(hsm_sha256(run->order->csv, run->record.file_hash));
    LW_TRY(hsm_sha256(run->order->map, run->record.map_hash));
    LW_TRY(wallet_read_begin(run->home->store, &txn));
    LW_TRY(find_run(run, txn));
    run->has_shift = run->found;
    run->result->resumed = run->found;
    return look_at_others(run, txn);
}

struct left {
    int64_t now;
};

/* No other import runs in this home, so what is open of one was left by a run that ended. */
static lw_err write_void_left(struct wallet_txn *txn, void *ctx)
{
    const struct left *left = ctx;
    struct wallet_page page = {.len = 0};
    while (!page.end) {
        struct wallet_intent intents[INTENTS];
        size_t count = INTENTS;
        LW_TRY(wallet_store_license_intents(txn, &page, intents, &count));
        for (size_t i = 0; i < count; i++) {
            if (intents[i].import != 0) {
                LW_TRY(flow_void_intent(txn, &intents[i], left->now));
            }
        }
    }
    return LW_SUCCESS;
}

static lw_err has_left(const struct wallet_home *home, bool *any)
{
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_page page = {.len = 0};
    *any = false;
    LW_TRY(wallet_read_begin(home->store, &txn));
    while (!page.end && !*any) {
        struct wallet_intent intents[INTENTS];
        size_t count = INTENTS;
        LW_TRY(wallet_store_license_intents(txn, &page, intents, &count));
        for (size_t i = 0; i < count; i++) {
            *any = *any || intents[i].import != 0;
        }
    }
    return LW_SUCCESS;
}

lw_err import_void_left(struct wallet_home *home, int64_t now)
{
    struct left left = {.now = now};
    bool any = false;
    LW_TRY(has_left(home, &any));
    return any ? wallet_store_write(home->store, write_void_left, &left) : LW_SUCCESS;
}

static lw_err text_copy(char *to, size_t room, lw_str text)
{
    if (text.len >= room) {
        return LW_FAIL(LW_E_LIMIT, "import: an id, the register or the actor is too long",
                       LW_NOWHERE);
    }
    (void)snprintf(to, room, "%.*s", (int)text.len, text.len == 0 ? "" : text.ptr);
    return LW_SUCCESS;
}

/* What the journal will say of this import. */
lw_err import_fill_record(struct import_run *run)
{
    struct wallet_import_record *r = &run->record;
    const struct wallet_import_result *found = run->result;
    LW_TRY(text_copy(r->type, sizeof(r->type), run->type->id));
    LW_TRY(text_copy(r->issuer, sizeof(r->issuer), run->agency->id));
    LW_TRY(text_copy(r->register_name, sizeof(r->register_name), run->order->register_name));
    LW_TRY(text_copy(r->actor, sizeof(r->actor), run->order->actor));
    r->part = found->part;
    r->counts = (struct wallet_import_counts){.rows = found->rows,
                                              .good = found->good,
                                              .bad = found->bad,
                                              .fresh = found->fresh,
                                              .changed = found->changed,
                                              .same = found->already,
                                              .states = found->states,
                                              .gone = found->gone,
                                              .revoked = found->revoked_gone};
    r->begun = run->now;
    r->shift_days = found->shift_days;
    return LW_SUCCESS;
}

struct begin {
    struct import_run *run;
    struct wallet_import_record record;
};

static lw_err write_begin(struct wallet_txn *txn, void *ctx)
{
    struct begin *b = ctx;
    struct import_run *run = b->run;
    bool resumed = false;
    b->record = run->record;
    LW_TRY(wallet_store_import_begin(txn, &b->record, &resumed));
    return resumed ? LW_SUCCESS
                   : home_audit(txn, run->now, WALLET_AUDIT_IMPORT_BEGUN, run->order->actor,
                                LW_BYTES(b->record.id));
}

lw_err import_begin(struct import_run *run)
{
    struct begin b = {.run = run};
    if (!run->known) {
        LW_TRY(import_fill_record(run));
    }
    LW_TRY(wallet_store_write(run->home->store, write_begin, &b));
    run->record = b.record;
    run->result->number = b.record.number;
    return LW_SUCCESS;
}

static lw_err write_end(struct wallet_txn *txn, void *ctx)
{
    const struct import_run *run = ctx;
    LW_TRY(wallet_store_import_end(txn, run->record.id, run->now));
    LW_TRY(wallet_store_approval_clear(txn, run->record.id));
    return home_audit(txn, run->now, WALLET_AUDIT_IMPORT_ENDED, run->order->actor,
                      LW_BYTES(run->record.id));
}

lw_err import_end(struct import_run *run)
{
    return wallet_store_write(run->home->store, write_end, run);
}
