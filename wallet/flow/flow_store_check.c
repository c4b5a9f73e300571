/* What only keys tell: signatures of records by their issuer's keys, seals by the epoch's. */
#include "wallet/flow_store.h"

#include <stdlib.h>

#include "audit_proof.h"
#include "hsm/digest.h"
#include "home_internal.h"
#include "wallet/record.h"
#include "wallet/store_credential.h"
#include "wallet/store_license.h"
#include "wallet/store_person.h"

enum { PAGE = 256, KEY_PAGE = 16, KEYS_MAX = 4096, KID_LEN = 8, CREDENTIAL_PAGE = 16 };

/* A key that signs records, and for whom. */
struct issuer_key {
    uint8_t kid[KID_LEN];
    char agency[64 + 1];
    struct hsm_public_key key;
};

struct checking {
    struct wallet_home *home;
    struct wallet_index_check *check;
    struct wallet_store_report *report;
    struct issuer_key *keys; /* KEYS_MAX */
    size_t key_count;
};

static lw_err take_key(struct checking *c, const struct wallet_key_record *record)
{
    uint8_t hash[HSM_SHA256_LEN];
    if (record->purpose != HSM_PURPOSE_CREDENTIAL || record->cert.len == 0) {
        return LW_SUCCESS;
    }
    if (c->key_count == KEYS_MAX) {
        return LW_FAIL(LW_E_LIMIT, "check: too many keys of issuers", LW_NOWHERE);
    }
    struct issuer_key *key = &c->keys[c->key_count++];
    LW_TRY(hsm_sha256(record->cert, hash));
    memcpy(key->kid, hash, KID_LEN);
    memcpy(key->agency, record->agency, sizeof(key->agency));
    key->key = record->key;
    return LW_SUCCESS;
}

static lw_err read_keys(struct checking *c)
{
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_page page = {.len = 0};
    LW_TRY(wallet_read_begin(c->home->store, &txn));
    while (!page.end) {
        struct wallet_key_record records[KEY_PAGE];
        size_t count = KEY_PAGE;
        LW_TRY(wallet_store_key_page(txn, &page, records, &count));
        for (size_t i = 0; i < count; i++) {
            LW_TRY(take_key(c, &records[i]));
        }
    }
    return LW_SUCCESS;
}

static bool is_damage(lw_err err)
{
    switch (lw_err_class(err.code)) {
    case LW_CLASS_INPUT:
    case LW_CLASS_REFUSED:
    case LW_CLASS_NOT_FOUND:
    case LW_CLASS_LIMIT:
        return true;
    case LW_CLASS_ENVIRONMENT:
        return err.code == LW_E_CORRUPT;
    case LW_CLASS_OK:
    case LW_CLASS_MISUSE:
    case LW_CLASS_BUSY:
        break;
    }
    return false;
}

/* Notes what is wrong with an entry and goes on; what keeps the check from reading is an error. */
static lw_err note(struct checking *c, const char *where, lw_err err, lw_bytes key)
{
    if (is_damage(err)) {
        wallet_check_fault(c->check, where, err.why, key);
        return LW_SUCCESS;
    }
    return err;
}

static lw_err check_signature(const struct checking *c, const struct wallet_stored_license *row)
{
    struct wallet_record record;
    LW_TRY(wallet_record_parse(row->record, &record));
    for (size_t i = 0; i < c->key_count; i++) {
        const struct issuer_key *key = &c->keys[i];
        if (memcmp(key->kid, record.kid, KID_LEN) == 0 && lw_str_is(record.issuer, key->agency)) {
            return wallet_record_verify(&record, &key->key);
        }
    }
    return LW_FAIL(LW_E_UNTRUSTED, "signed by no key of its issuer", LW_NOWHERE);
}

static lw_err check_credentials(struct checking *c, const struct wallet_txn *txn,
                                const uint8_t id[WALLET_UUID_LEN])
{
    struct wallet_page page = {.len = 0};
    while (!page.end) {
        struct wallet_credential_info infos[CREDENTIAL_PAGE];
        size_t count = CREDENTIAL_PAGE;
        LW_TRY(wallet_store_credential_page(txn, id, &page, infos, &count));
        for (size_t i = 0; i < count; i++) {
            LW_AUTO_BUF opened = LW_BUF(WALLET_CREDENTIAL_STORE_MAX);
            const lw_err err = wallet_store_credential_get(txn, &infos[i], &opened);
            if (err.code != LW_E_NOT_FOUND) { /* its holders were erased */
                LW_TRY(note(c, "credential", err, LW_BYTES(infos[i].license)));
            }
        }
    }
    return LW_SUCCESS;
}

static lw_err check_license(struct checking *c, const struct wallet_txn *txn,
                            const uint8_t id[WALLET_UUID_LEN])
{
    WALLET_AUTO_LICENSE row = {.state = 0};
    const lw_bytes key = {.ptr = id, .len = WALLET_UUID_LEN};
    lw_err err = wallet_store_license_load(txn, id, WALLET_LOAD_ALL, &row);
    if (err.code == LW_E_NOT_FOUND) { /* all its holders were erased: the record stays */
        err = wallet_store_license_load(txn, id, WALLET_LOAD_PUBLIC, &row);
    }
    LW_TRY(note(c, "license-sealed", err, key));
    if (err.code != LW_OK) {
        return LW_SUCCESS;
    }
    LW_TRY(note(c, "license", check_signature(c, &row), key));
    return check_credentials(c, txn, id);
}

static lw_err check_licenses(struct checking *c)
{
    const struct wallet_license_filter all = {.state = 0};
    struct wallet_page page = {.len = 0};
    uint64_t counts[WALLET_SUPERSEDED + 1];
    uint64_t total = 0;
    {
        WALLET_AUTO_TXN txn = NULL;
        LW_TRY(wallet_read_begin(c->home->store, &txn));
        LW_TRY(wallet_store_license_count(txn, LW_STR(""), counts));
    }
    for (size_t i = 0; i <= WALLET_SUPERSEDED; i++) {
        total += counts[i];
    }
    while (!page.end) { /* a transaction a page: a long one would keep free pages from being used */
        WALLET_AUTO_TXN txn = NULL;
        uint8_t ids[PAGE][WALLET_UUID_LEN];
        size_t count = PAGE;
        LW_TRY(wallet_read_begin(c->home->store, &txn));
        LW_TRY(wallet_store_license_page(txn, &all, &page, ids, &count));
        for (size_t i = 0; i < count; i++) {
            LW_TRY(check_license(c, txn, ids[i]));
            wallet_check_progress(c->check, "signatures and seals", ++c->report->licenses, total);
        }
    }
    return LW_SUCCESS;
}

static lw_err check_people(struct checking *c)
{
    struct wallet_page page = {.len = 0};
    while (!page.end) {
        WALLET_AUTO_TXN txn = NULL;
        static const size_t room = 32;
        struct wallet_stored_person people[32];
        size_t count = room;
        LW_TRY(wallet_read_begin(c->home->store, &txn));
        const lw_err err = wallet_store_person_page(txn, &page, people, &count);
        if (err.code != LW_OK) { /* the page stays where it is: what follows cannot be listed */
            return note(c, "person", err, (lw_bytes){.ptr = page.at, .len = page.len});
        }
        c->report->people += count;
    }
    return LW_SUCCESS;
}

static lw_err check_opened(struct checking *c)
{
    c->keys = calloc(KEYS_MAX, sizeof(*c->keys));
    if (c->keys == NULL) {
        return LW_FAIL(LW_E_NOMEM, "check: out of memory", LW_NOWHERE);
    }
    lw_err err = read_keys(c);
    err = err.code == LW_OK ? check_licenses(c) : err;
    err = err.code == LW_OK ? check_people(c) : err;
    free(c->keys);
    return err;
}

static lw_err check_form(struct wallet_home *home, struct wallet_store_report *report)
{
    struct wallet_store_found found = {.whole = true};
    LW_TRY(wallet_store_check(home->store, &found));
    report->entries = found.entries;
    if (!found.whole) {
        wallet_check_fault(&report->check, found.where, found.why, (lw_bytes){NULL, 0});
        return LW_SUCCESS;
    }
    WALLET_AUTO_TXN txn = NULL;
    LW_TRY(wallet_read_begin(home->store, &txn));
    report->log = (struct wallet_audit_result){.size = found.leaves, .whole = true};
    LW_TRY(audit_heads_check(txn, &report->log));
    if (!report->log.whole) {
        wallet_check_fault(&report->check, "audit-head", report->log.why, (lw_bytes){NULL, 0});
    }
    return LW_SUCCESS;
}

lw_err wallet_flow_store_check(struct wallet_home *home, struct wallet_store_report *report)
{
    struct checking c = {.home = home, .check = &report->check, .report = report};
    LW_TRY(check_form(home, report));
    {
        WALLET_AUTO_TXN txn = NULL;
        LW_TRY(wallet_read_begin(home->store, &txn));
        LW_TRY(wallet_store_check_indexes(txn, &report->check));
    }
    report->opened = home->need != WALLET_HOME_READ;
    if (report->opened) {
        LW_TRY(check_opened(&c));
    }
    report->whole = report->check.fault_count == 0;
    return LW_SUCCESS;
}
