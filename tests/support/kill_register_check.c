/* What registers must have left in the store after a kill. */
#include <stdio.h>
#include <string.h>

#include "kill_register.h"
#include "wallet/audit.h"
#include "wallet/store_license.h"

enum { VERSIONS_MAX = 256, EVENTS_MAX = 64, HALF_DAY_S = LW_DAY_S / 2 };

static const lw_str type_id = {.ptr = "business-license", .len = 16};

static bool is_open(enum wallet_state state)
{
    return state == WALLET_ACTIVE || state == WALLET_SUSPENDED;
}

/* The term is the last letter of its key, the content so many days of its end. */
static lw_err read_open(const struct wallet_stored_license *stored, struct kill_entry *entry)
{
    int64_t first = 0;
    lw_str key;
    (void)wallet_version_revision(stored->license.version, &key);
    LW_TRY(lw_date_parse(LW_STR(KILL_UNTIL), &first));
    const int64_t days = (stored->license.valid_until + HALF_DAY_S) / LW_DAY_S - first - 1;
    if (entry->terms != 0) {
        return LW_FAIL(LW_E_CORRUPT, "two versions are in force", LW_NOWHERE);
    }
    entry->terms = (unsigned)(key.ptr[key.len - 1] - '0') + 1;
    entry->content = (unsigned)days;
    entry->suspended = stored->state == WALLET_SUSPENDED;
    return LW_SUCCESS;
}

/* What is superseded names what took its place, and that is there and is of the same number. */
static lw_err check_successor(const struct wallet_txn *txn,
                              const struct wallet_stored_license *stored, bool ended)
{
    WALLET_AUTO_LICENSE successor = {.state = 0};
    if (!stored->has_successor) {
        return stored->state == WALLET_SUPERSEDED
                   ? LW_FAIL(LW_E_CORRUPT, "superseded by nothing", LW_NOWHERE)
                   : LW_SUCCESS;
    }
    const lw_err err =
        wallet_store_license_load(txn, stored->successor, WALLET_LOAD_PUBLIC, &successor);
    if (err.code == LW_E_NOT_FOUND) {
        return ended ? LW_FAIL(LW_E_CORRUPT, "superseded by one that never came", LW_NOWHERE)
                     : LW_SUCCESS;
    }
    LW_TRY(err);
    return lw_str_eq(successor.license.number, stored->license.number)
               ? LW_SUCCESS
               : LW_FAIL(LW_E_CORRUPT, "superseded by another number", LW_NOWHERE);
}

/* The log has one entry of its issue, and the newest of its state says what the store says. */
static lw_err check_log(const struct wallet_txn *txn, const uint8_t id[WALLET_UUID_LEN],
                        const struct wallet_stored_license *stored)
{
    uint64_t indexes[EVENTS_MAX];
    size_t count = EVENTS_MAX;
    size_t issued = 0;
    enum wallet_state last = WALLET_ACTIVE;
    LW_TRY(wallet_audit_find_subject(txn, (lw_bytes){.ptr = id, .len = WALLET_UUID_LEN}, 0, indexes,
                                     &count));
    for (size_t i = 0; i < count; i++) {
        struct wallet_audit_leaf leaf;
        LW_TRY(wallet_audit_get(txn, indexes[i], &leaf));
        const enum wallet_audit_kind kind = leaf.event.kind;
        issued += kind == WALLET_AUDIT_LICENSE_ISSUED ? 1 : 0;
        last = kind == WALLET_AUDIT_LICENSE_SUSPENDED    ? WALLET_SUSPENDED
               : kind == WALLET_AUDIT_LICENSE_RESUMED    ? WALLET_ACTIVE
               : kind == WALLET_AUDIT_LICENSE_REVOKED    ? WALLET_REVOKED
               : kind == WALLET_AUDIT_LICENSE_SUPERSEDED ? WALLET_SUPERSEDED
                                                         : last;
    }
    if (issued != 1) {
        return LW_FAIL(LW_E_CORRUPT, "the log does not have its issue once", LW_NOWHERE);
    }
    /* A term that came together with its successor is superseded without an entry of its own. */
    return last == stored->state || stored->state == WALLET_SUPERSEDED
               ? LW_SUCCESS
               : LW_FAIL(LW_E_CORRUPT, "the log's last word is another state", LW_NOWHERE);
}

lw_err kill_register_see(struct support_home *h, const struct wallet_txn *txn, const char *number,
                         bool ended, struct kill_seen *seen)
{
    static _Thread_local uint8_t ids[VERSIONS_MAX][WALLET_UUID_LEN];
    struct wallet_page page = {.len = 0};
    size_t count = VERSIONS_MAX;
    (void)h;
    *seen = (struct kill_seen){.voided = false};
    LW_TRY(wallet_store_license_versions(txn, type_id, lw_str_c(number), &page, ids, &count));
    for (size_t i = 0; i < count; i++) {
        WALLET_AUTO_LICENSE stored = {.state = 0};
        LW_TRY(wallet_store_license_load(txn, ids[i], WALLET_LOAD_PUBLIC, &stored));
        LW_TRY(check_successor(txn, &stored, ended));
        LW_TRY(check_log(txn, ids[i], &stored));
        LW_TRY(is_open(stored.state) ? read_open(&stored, &seen->entry) : LW_SUCCESS);
        seen->voided = stored.reason_code == WALLET_REASON_VOIDED && !stored.has_successor;
    }
    seen->entry.versions = (unsigned)count;
    return LW_SUCCESS;
}

static bool is_as(const struct kill_seen *seen, struct kill_entry told)
{
    const struct kill_entry *e = &seen->entry;
    return e->versions == told.versions && e->terms == told.terms &&
           (e->terms == 0 || (e->content == told.content && e->suspended == told.suspended));
}

/* Of several terms that come, each is there by itself until the last is: nothing is in force then
 * only while the one before has a successor to come. */
static bool is_between(const struct kill_seen *seen, struct kill_entry told, struct kill_entry to,
                       unsigned doing)
{
    const struct kill_entry *e = &seen->entry;
    const bool some = e->versions >= told.versions && e->versions <= to.versions;
    if (doing == KILL_VOIDS_HALF) { /* from anywhere between back to `told` */
        return e->versions <= to.versions + 1 &&
               (e->terms == 0 || e->content == told.content || e->content == to.content);
    }
    if (doing == KILL_VOIDS && e->terms == 0) {
        return seen->voided && e->versions == told.versions;
    }
    return (doing == KILL_IMPORTS || doing == KILL_APPROVES) && some && to.terms > 1 &&
           e->terms == 0;
}

/* What there is of a number that is not as it must be. */
static void print_versions(const struct wallet_txn *txn, const char *number)
{
    static _Thread_local uint8_t ids[VERSIONS_MAX][WALLET_UUID_LEN];
    struct wallet_page page = {.len = 0};
    size_t count = VERSIONS_MAX;
    if (wallet_store_license_versions(txn, type_id, lw_str_c(number), &page, ids, &count).code !=
        LW_OK) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        WALLET_AUTO_LICENSE stored = {.state = 0};
        if (wallet_store_license_load(txn, ids[i], WALLET_LOAD_PUBLIC, &stored).code == LW_OK) {
            fprintf(stderr, "  %.*s %s (%u) of batch %llu%s%s\n", (int)stored.license.version.len,
                    stored.license.version.ptr, wallet_state_name(stored.state), stored.reason_code,
                    (unsigned long long)stored.import, stored.has_predecessor ? ", after one" : "",
                    stored.has_successor ? ", before one" : "");
        }
    }
}

static const char *look(struct support_home *h, const struct wallet_txn *txn,
                        const struct kill_register *reg, unsigned i, lw_err *err)
{
    const unsigned doing = atomic_load(&reg->doing);
    const bool asked = doing != KILL_NOTHING && doing != KILL_WAITS && doing != KILL_REJECTS;
    const struct kill_entry told = kill_entry_get(&reg->told[i]);
    const struct kill_entry to = kill_entry_get(asked ? &reg->asked[i] : &reg->told[i]);
    struct kill_seen seen;
    char number[32];
    kill_register_number(reg, i, told.life, number);
    /* Of a batch that was voided half done the first of several terms may wait for the next. */
    *err = kill_register_see(h, txn, number, !asked && told.terms > 0, &seen);
    if (err->code != LW_OK || is_as(&seen, told) || is_as(&seen, to) ||
        (asked && is_between(&seen, told, to, doing))) {
        return NULL;
    }
    fprintf(stderr, "%s: doing %u, told %u.%u %u%s, asked %u.%u %u%s, found %u.%u %u%s\n", number,
            doing, told.terms, told.content, told.versions, told.suspended ? " s" : "", to.terms,
            to.content, to.versions, to.suspended ? " s" : "", seen.entry.terms, seen.entry.content,
            seen.entry.versions, seen.entry.suspended ? " s" : "");
    print_versions(txn, number);
    return asked ? "a number is neither as told nor as asked" : "a number is not as told";
}

void kill_registers_check(struct support_home *h, struct kill_ledger *ledger,
                          const struct kill_registers *all)
{
    WALLET_AUTO_TXN txn = NULL;
    lw_err err = wallet_read_begin(wallet_home_store(h->home), &txn);
    if (err.code != LW_OK) {
        kill_violation(ledger, "the store cannot be read", err);
        return;
    }
    for (size_t r = 0; r < KILL_REGISTERS; r++) {
        for (unsigned i = 0; i < all->list[r].count; i++) {
            const char *wrong = look(h, txn, &all->list[r], i, &err);
            if (wrong != NULL || err.code != LW_OK) {
                kill_violation(ledger, wrong == NULL ? "a number of a register" : wrong, err);
            }
        }
    }
}
