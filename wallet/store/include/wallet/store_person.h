/*
 * People and companies, and whose wallet holds which license. Codes and names are sealed under the
 * person's own data key; a person is found by the keyed hash of code type and code. Functions that
 * open, seal or look up by code give LW_E_DENIED while the store is locked.
 */
#ifndef WALLET_STORE_PERSON_H
#define WALLET_STORE_PERSON_H

#include "wallet/person.h"
#include "wallet/store.h"
#include "wallet/store_page.h"

enum { WALLET_PERSON_ID_LEN = 16 };

/* A person as kept. A value; it is personal data. */
struct wallet_stored_person {
    uint8_t id[WALLET_PERSON_ID_LEN]; /* UUIDv7, never shown */
    struct wallet_person_code code;
    char name[WALLET_NAME_MAX + 1]; /* NUL-terminated; "" when not known */
    size_t name_len;
    int64_t created;    /* Unix seconds */
    int64_t erased;     /* Unix seconds; 0: not. Code and name are empty then */
    uint64_t revisions; /* changes of the name so far */
};

/**
 * Add a person, or find the one that has this code already.
 *
 * name    UTF-8, at most WALLET_NAME_MAX bytes, may be empty; taken for a person that has none yet,
 *         otherwise left alone (wallet_store_person_rename() changes it)
 * id      set in both cases
 * added   set to whether the person is new; may be NULL
 * errors  LW_E_VALUE  name too long, with control characters or not UTF-8; LW_E_DENIED
 */
LW_MUST_USE lw_err wallet_store_person_add(struct wallet_txn *txn,
                                           const struct wallet_person_code *code, lw_str name,
                                           int64_t now, uint8_t id[WALLET_PERSON_ID_LEN],
                                           bool *added);

/** Find a person by code. errors  LW_E_NOT_FOUND; LW_E_DENIED */
LW_MUST_USE lw_err wallet_store_person_find(const struct wallet_txn *txn,
                                            const struct wallet_person_code *code,
                                            uint8_t id[WALLET_PERSON_ID_LEN]);

/**
 * Read a person; of an erased one only that it was, and when.
 *
 * errors  LW_E_NOT_FOUND; LW_E_DENIED; LW_E_SIGNATURE  altered, or another's data
 */
LW_MUST_USE lw_err wallet_store_person_get(const struct wallet_txn *txn,
                                           const uint8_t id[WALLET_PERSON_ID_LEN],
                                           struct wallet_stored_person *person);

/** Change the name. errors  LW_E_NOT_FOUND  none, or erased; LW_E_VALUE, LW_E_DENIED as above */
LW_MUST_USE lw_err wallet_store_person_rename(struct wallet_txn *txn,
                                              const uint8_t id[WALLET_PERSON_ID_LEN], lw_str name);

/** List all people in the order they came, erased ones among them. errors as get */
LW_MUST_USE lw_err wallet_store_person_page(const struct wallet_txn *txn, struct wallet_page *page,
                                            struct wallet_stored_person *people, size_t *count);

/** Give how many people there are, erased ones counted. */
LW_MUST_USE lw_err wallet_store_person_count(const struct wallet_txn *txn, uint64_t *count);

/**
 * Erase a person: the data key, and with it all that is sealed under it here and in licenses; code
 * and name; the way to find it by code. That there was a person, and that licenses were held by it,
 * stays. The openings of audit events are wallet_audit_erase()'s.
 *
 * errors  LW_E_NOT_FOUND  none, or erased before
 * does not check  that the person holds no license: that is the caller's rule
 */
LW_MUST_USE lw_err wallet_store_person_erase(struct wallet_txn *txn,
                                             const uint8_t id[WALLET_PERSON_ID_LEN], int64_t now);

/**
 * List the licenses in a person's wallet, oldest first, by id: those of every state, each version
 * by itself. The holders of a license, with roles, stand in its record (wallet/store_license.h).
 */
LW_MUST_USE lw_err wallet_store_wallet_page(const struct wallet_txn *txn,
                                            const uint8_t id[WALLET_PERSON_ID_LEN],
                                            struct wallet_page *page, uint8_t (*licenses)[16],
                                            size_t *count);

#endif
