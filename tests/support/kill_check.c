/* What must stand after a kill: every effect that was acknowledged, whole, and no halves. */
#include "kill_work.h"

#include <stdio.h>
#include <stdlib.h>

#include "hsm/digest.h"
#include "importing.h"
#include "wallet/audit.h"
#include "wallet/base64.h"
#include "wallet/flow_audit.h"
#include "wallet/record.h"
#include "wallet/store_credential.h"
#include "wallet/store_key.h"
#include "wallet/store_license.h"
#include "wallet/store_person.h"

enum {
    VERSIONS_MAX = 1024,
    EVENTS_MAX = 4096,
    CREDENTIALS_MAX = 256,
    PAGE = 64,
    KEY_PAGE = 8,
    INTENT_STALE_S = 60
};

/* What is found of one number; the first thing wrong ends the look. */
struct look {
    struct support_home *h;
    const struct wallet_txn *txn;
    struct kill_said said; /* before */
    struct kill_said now;
    const char *wrong;
};

struct events {
    unsigned issued;
    unsigned changes;
    unsigned passes;
    unsigned credentials;
    enum wallet_audit_kind last; /* change of state */
    uint64_t issued_at;
};

static lw_err read_events(struct look *l, const uint8_t id[WALLET_UUID_LEN], struct events *e)
{
    static _Thread_local uint64_t indexes[EVENTS_MAX];
    size_t count = EVENTS_MAX;
    *e = (struct events){.issued = 0};
    LW_TRY(wallet_audit_find_subject(l->txn, (lw_bytes){.ptr = id, .len = WALLET_UUID_LEN}, 0,
                                     indexes, &count));
    for (size_t i = 0; i < count; i++) {
        struct wallet_audit_leaf leaf;
        LW_TRY(wallet_audit_get(l->txn, indexes[i], &leaf));
        const enum wallet_audit_kind kind = leaf.event.kind;
        if (kind == WALLET_AUDIT_LICENSE_ISSUED) {
            e->issued++;
            e->issued_at = indexes[i];
        } else if (kind >= WALLET_AUDIT_LICENSE_SUSPENDED &&
                   kind <= WALLET_AUDIT_LICENSE_SUPERSEDED) {
            e->changes++;
            e->last = kind;
        }
        e->passes += kind == WALLET_AUDIT_PASS_ISSUED ? 1 : 0;
        e->credentials += kind == WALLET_AUDIT_CREDENTIAL_ISSUED ? 1 : 0;
    }
    return LW_SUCCESS;
}

static enum wallet_audit_kind kind_of(enum wallet_state state)
{
    switch (state) {
    case WALLET_ACTIVE:
        return WALLET_AUDIT_LICENSE_RESUMED;
    case WALLET_SUSPENDED:
        return WALLET_AUDIT_LICENSE_SUSPENDED;
    case WALLET_REVOKED:
        return WALLET_AUDIT_LICENSE_REVOKED;
    case WALLET_CANCELLED:
        return WALLET_AUDIT_LICENSE_CANCELLED;
    case WALLET_SUPERSEDED:
        break;
    }
    return WALLET_AUDIT_LICENSE_SUPERSEDED;
}

static enum wallet_entry_status entry_of(enum wallet_state state)
{
    if (state == WALLET_ACTIVE) {
        return WALLET_ENTRY_VALID;
    }
    return state == WALLET_SUSPENDED ? WALLET_ENTRY_SUSPENDED : WALLET_ENTRY_INVALID;
}

/* By the key that signed it, which may have retired since. */
static lw_err find_key(const struct wallet_txn *txn, const struct wallet_record *record,
                       struct hsm_public_key *key)
{
    struct wallet_page page = {.len = 0};
    while (!page.end) {
        struct wallet_key_record keys[KEY_PAGE];
        size_t count = KEY_PAGE;
        LW_TRY(wallet_store_key_page(txn, &page, keys, &count));
        for (size_t i = 0; i < count; i++) {
            uint8_t hash[HSM_SHA256_LEN];
            LW_TRY(hsm_sha256(keys[i].cert, hash));
            if (keys[i].purpose == HSM_PURPOSE_CREDENTIAL &&
                lw_str_is(record->issuer, keys[i].agency) &&
                memcmp(hash, record->kid, sizeof(record->kid)) == 0) {
                *key = keys[i].key;
                return LW_SUCCESS;
            }
        }
    }
    return LW_FAIL(LW_E_UNTRUSTED, "a record by no key of its issuer", LW_NOWHERE);
}

static lw_err check_record(struct look *l, const struct wallet_stored_license *stored)
{
    const struct wallet_snapshot *snapshot = NULL;
    struct wallet_record record;
    struct hsm_public_key key;
    LW_TRY(wallet_record_parse(stored->record, &record));
    LW_TRY(find_key(l->txn, &record, &key));
    LW_TRY(wallet_record_verify(&record, &key));
    LW_TRY(wallet_home_snapshot(l->h->home, &snapshot));
    const lw_err err = wallet_record_matches(
        &record, wallet_snapshot_type(snapshot, stored->license.type), &stored->license);
    wallet_snapshot_release(snapshot);
    return err;
}

static lw_err check_wallet(struct look *l, const struct wallet_stored_license *stored)
{
    struct wallet_page page = {.len = 0};
    bool found = false;
    while (!page.end && !found) {
        uint8_t ids[PAGE][WALLET_UUID_LEN];
        size_t count = PAGE;
        LW_TRY(wallet_store_wallet_page(l->txn, stored->persons[0], &page, ids, &count));
        for (size_t i = 0; i < count; i++) {
            found = found || memcmp(ids[i], stored->license.id, WALLET_UUID_LEN) == 0;
        }
    }
    l->wrong = found ? l->wrong : "a license is in no wallet";
    return LW_SUCCESS;
}

/* Every credential has its entry, which says what the license's state says. */
static lw_err check_credentials(struct look *l, const struct wallet_stored_license *stored,
                                const struct events *e)
{
    static _Thread_local struct wallet_credential_info infos[CREDENTIALS_MAX];
    struct wallet_page page = {.len = 0};
    size_t count = CREDENTIALS_MAX;
    LW_TRY(wallet_store_credential_page(l->txn, stored->license.id, &page, infos, &count));
    for (size_t i = 0; i < count; i++) {
        enum wallet_entry_status status = WALLET_ENTRY_VALID;
        struct wallet_status_owner owner;
        if (!infos[i].has_status) {
            continue;
        }
        struct wallet_stored_list list;
        LW_TRY(wallet_store_status_list_get(l->txn, infos[i].status.list, &list));
        if (list.retired) { /* all its credentials ended long ago */
            continue;
        }
        LW_TRY(wallet_store_status_get(l->txn, infos[i].status, &status));
        LW_TRY(wallet_store_status_owner(l->txn, infos[i].status, &owner));
        if (memcmp(owner.license, stored->license.id, WALLET_UUID_LEN) != 0) {
            l->wrong = "a status entry has another owner";
        }
        if (status != entry_of(stored->state)) {
            l->wrong = "a status entry says otherwise than the license";
        }
    }
    if (count != e->credentials) {
        l->wrong = "credentials and the log differ";
    }
    l->now.credential = count > 0;
    return LW_SUCCESS;
}

static lw_err check_version(struct look *l, const uint8_t id[WALLET_UUID_LEN], bool newest,
                            const uint8_t *successor)
{
    WALLET_AUTO_LICENSE stored = {.state = 0};
    struct events e;
    LW_TRY(wallet_store_license_load(l->txn, id, WALLET_LOAD_ALL, &stored));
    LW_TRY(read_events(l, id, &e));
    LW_TRY(check_record(l, &stored));
    LW_TRY(check_wallet(l, &stored));
    LW_TRY(check_credentials(l, &stored, &e));
    if (e.issued != 1 || e.issued_at != stored.audit_index) {
        l->wrong = "a license without its one entry in the log";
    } else if (e.changes != stored.changes) {
        l->wrong = "changes of state and the log differ";
    } else if (stored.changes > 0 && e.last != kind_of(stored.state)) {
        l->wrong = "the log's last word is another state";
    }
    if (newest) {
        l->now.state = stored.state;
        l->now.changes = (unsigned)stored.changes;
        l->now.passes = e.passes & 0xFF;
    } else if (stored.state <= WALLET_SUSPENDED) {
        l->wrong = "two versions are in force";
    } else if (stored.has_successor && memcmp(stored.successor, successor, WALLET_UUID_LEN) != 0) {
        l->wrong = "the successor is another license";
    }
    return LW_SUCCESS;
}

/* What is there is what was said, or that and what was pending. */
static const char *compare(const struct kill_said *said, const struct kill_said *now)
{
    const bool more = now->versions == said->versions + 1 && said->pending == KILL_ISSUES;
    if (more) {
        return now->state == WALLET_ACTIVE && now->changes == 0 ? NULL
                                                                : "a new license was changed";
    }
    if (now->versions != said->versions) {
        return now->versions < said->versions ? "an issued license is lost"
                                              : "a license that nobody asked for";
    }
    if (said->versions == 0) {
        return NULL;
    }
    const bool changed = said->pending == now->state && now->changes == said->changes + 1;
    if (!changed && (now->state != said->state || now->changes != said->changes)) {
        return "a change of state is lost, or half done";
    }
    if (said->credential && !now->credential) {
        return "a credential is lost";
    }
    if (!said->credential && now->credential && said->pending != KILL_BINDS) {
        return "a credential that nobody asked for";
    }
    const unsigned passes = (now->passes - said->passes) & 0xFF;
    return passes == 0 || (passes == 1 && said->pending == KILL_PASSES) ? NULL : "a pass is lost";
}

static lw_err look_at(struct look *l, size_t slot)
{
    static _Thread_local uint8_t ids[VERSIONS_MAX][WALLET_UUID_LEN];
    struct wallet_page page = {.len = 0};
    size_t count = VERSIONS_MAX;
    char number[32];
    kill_number(slot, number);
    LW_TRY(wallet_store_license_versions(l->txn, LW_STR("business-license"), lw_str_c(number),
                                         &page, ids, &count));
    l->now.versions = (unsigned)count;
    for (size_t i = count > 2 ? count - 2 : 0; i < count; i++) {
        LW_TRY(check_version(l, ids[i], i + 1 == count, i + 1 == count ? NULL : ids[i + 1]));
    }
    return LW_SUCCESS;
}

static void check_slot(struct support_home *h, const struct wallet_txn *txn,
                       struct kill_ledger *ledger, size_t i)
{
    struct look l = {.h = h, .txn = txn, .said = kill_said_get(&ledger->slots[i])};
    const lw_err err = look_at(&l, i);
    if (err.code != LW_OK) {
        kill_violation(ledger, "a license cannot be read", err);
        return;
    }
    l.wrong = l.wrong == NULL ? compare(&l.said, &l.now) : l.wrong;
    if (l.wrong != NULL) {
        kill_violation(ledger, l.wrong, LW_SUCCESS);
    }
    kill_said_put(ledger, i, l.now);
}

static lw_err check_receipts(const struct wallet_txn *txn, struct kill_ledger *ledger)
{
    for (size_t t = 0; t < KILL_THREADS; t++) {
        const unsigned count = atomic_exchange(&ledger->receipt_count[t], 0);
        for (unsigned i = 0; i < count; i++) {
            LW_AUTO_BUF id = LW_BUF(WALLET_AUDIT_RECEIPT_LEN);
            uint64_t index = 0;
            LW_TRY(wallet_base64url_decode(lw_str_c(ledger->receipts[t][i]), &id));
            LW_TRY(wallet_audit_find_receipt(txn, lw_buf_view(&id), &index));
        }
    }
    return LW_SUCCESS;
}

/* The log has grown from what it was. */
static lw_err check_head(const struct wallet_txn *txn, struct kill_ledger *ledger)
{
    uint8_t root[WALLET_HASH_LEN];
    uint64_t size = 0;
    const uint64_t before = atomic_load(&ledger->log_size);
    LW_TRY(wallet_audit_head(txn, &size, root));
    if (size < before) {
        return LW_FAIL(LW_E_CORRUPT, "the log is shorter than it was", LW_NOWHERE);
    }
    if (before > 0) {
        uint8_t then[WALLET_HASH_LEN];
        LW_TRY(wallet_audit_root_at(txn, before, then));
        if (memcmp(then, ledger->log_root, sizeof(then)) != 0) {
            return LW_FAIL(LW_E_CORRUPT, "the log does not go on from what it was", LW_NOWHERE);
        }
    }
    memcpy(ledger->log_root, root, sizeof(root));
    atomic_store(&ledger->log_size, size);
    return LW_SUCCESS;
}

/* Intents of the import that is under way are its own; others are voided when they are stale. */
static lw_err check_intents(const struct wallet_txn *txn, struct kill_ledger *ledger, int64_t now)
{
    struct wallet_intent intents[PAGE];
    struct wallet_page page = {.len = 0};
    const bool importing = atomic_load(&ledger->import_begun) > atomic_load(&ledger->import_ended);
    while (!page.end) {
        size_t count = PAGE;
        LW_TRY(wallet_store_license_intents(txn, &page, intents, &count));
        for (size_t i = 0; i < count; i++) {
            const bool stale = intents[i].created + INTENT_STALE_S <= now;
            if (intents[i].import == 0 ? stale : !importing) {
                return LW_FAIL(LW_E_CONFLICT, "an intent is left", LW_NOWHERE);
            }
        }
    }
    return LW_SUCCESS;
}

/* Each number of an import that ended has its terms, each once. */
static lw_err check_import(const struct wallet_txn *txn, unsigned import)
{
    for (size_t i = 1; import > 0 && i <= KILL_IMPORT_NUMBERS; i++) {
        uint8_t ids[8][WALLET_UUID_LEN];
        struct wallet_page page = {.len = 0};
        char number[48];
        size_t count = 8;
        (void)snprintf(number, sizeof(number), "I%u-%zu", import, i);
        LW_TRY(wallet_store_license_versions(txn, LW_STR("business-license"), lw_str_c(number),
                                             &page, ids, &count));
        if (count != i % 3 + 1) {
            return LW_FAIL(LW_E_CONFLICT, "a term of an import is lost or twice", LW_NOWHERE);
        }
    }
    return LW_SUCCESS;
}

static void hold(struct kill_ledger *ledger, const char *what, lw_err err)
{
    if (err.code != LW_OK) {
        kill_violation(ledger, what, err);
    }
}

void kill_check(struct support_home *h, struct kill_ledger *ledger, unsigned last_round, bool all)
{
    WALLET_AUTO_TXN txn = NULL;
    const lw_err err = wallet_read_begin(wallet_home_store(h->home), &txn);
    if (err.code != LW_OK) {
        kill_violation(ledger, "the store cannot be read", err);
        return;
    }
    for (size_t i = 0; i < KILL_SLOTS; i++) {
        const unsigned round = atomic_load(&ledger->slots[i].round);
        if (all || (round != 0 && round >= last_round)) {
            check_slot(h, txn, ledger, i);
        }
    }
    hold(ledger, "receipts", check_receipts(txn, ledger));
    hold(ledger, "log", check_head(txn, ledger));
    hold(ledger, "intents", check_intents(txn, ledger, lw_now(h->env.clock)));
    hold(ledger, "import", check_import(txn, atomic_load(&ledger->import_ended)));
}

void kill_check_whole(struct support_home *h, struct kill_ledger *ledger)
{
    struct wallet_store_found found;
    struct wallet_audit_result log;
    lw_err err = wallet_store_check(wallet_home_store(h->home), &found);
    if (err.code == LW_OK && !found.whole) {
        err = LW_FAIL(LW_E_CORRUPT, found.why, LW_NOWHERE);
    }
    hold(ledger, "the store is not whole", err);
    err = wallet_flow_audit_check(h->home, &log);
    if (err.code == LW_OK && !log.whole) {
        err = LW_FAIL(LW_E_CORRUPT, log.why, LW_NOWHERE);
    }
    hold(ledger, "the log is not whole", err);
}
