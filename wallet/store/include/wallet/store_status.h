/*
 * Status lists (specs/status-list.md section 6): which index belongs to which credential, what its
 * status is, and the signed tokens as published. An index is drawn at random from a list's free
 * ones and never given twice (SI-1); lists begin as VALID (SI-3); INVALID is final (SI-4).
 */
#ifndef WALLET_STORE_STATUS_H
#define WALLET_STORE_STATUS_H

#include "wallet/license.h"
#include "wallet/store.h"
#include "wallet/store_page.h"

enum wallet_entry_status {
    WALLET_ENTRY_VALID = 0,
    WALLET_ENTRY_INVALID = 1, /* final */
    WALLET_ENTRY_SUSPENDED = 2,
};

enum {
    WALLET_STATUS_STORE_BITS = 2,
    WALLET_STATUS_SIZE_MIN = 1 << 17, /* entries */
    WALLET_STATUS_SIZE_MAX = 1 << 22,
    WALLET_STATUS_OPEN = 2,     /* lists of an agency that take entries at the same time */
    WALLET_STATUS_FILL_NUM = 3, /* a list takes entries until 3 of 4 are given */
    WALLET_STATUS_FILL_DEN = 4,
    WALLET_STATUS_REF_MAX = 128, /* bytes that name a credential */
    WALLET_STATUS_TOKEN_STORE_MAX = 4 * 1024 * 1024,
};

/* One entry of a list. */
struct wallet_status_place {
    uint64_t list; /* its number: BASE/status/N */
    uint64_t idx;
};

/* A list without its entries. A value. */
struct wallet_stored_list {
    uint64_t number;     /* from 1, over all agencies */
    char agency[64 + 1]; /* NUL-terminated */
    uint64_t size;       /* entries */
    uint64_t allocated;  /* how many were given: never to be shown (SI-3) */
    bool open;           /* takes entries */
    bool retired;        /* statuses, tokens and, bit by bit, entries are gone */
    uint64_t version;    /* changes of entries so far */
    uint64_t published;  /* version of the tokens kept; UINT64_MAX: none */
    int64_t token_iat;   /* of the tokens kept; 0: none */
    int64_t token_exp;
    int64_t last_exp; /* end of the credential that lives longest */
    int64_t created;  /* Unix seconds */
};

/** Say whether entries changed since the tokens kept were made, or there are none. */
static inline bool wallet_status_list_dirty(const struct wallet_stored_list *list)
{
    return list->version != list->published;
}

/** Say whether a list was used and every credential in it ended at or before `by`. */
static inline bool wallet_status_list_ended(const struct wallet_stored_list *list, int64_t by)
{
    return !list->retired && list->allocated > 0 && list->last_exp <= by;
}

/**
 * Open a new list of an agency.
 *
 * size    entries, a multiple of WALLET_STATUS_SIZE_MIN, at most WALLET_STATUS_SIZE_MAX
 * number  set
 * errors  LW_E_VALUE  size or agency
 */
LW_MUST_USE lw_err wallet_store_status_open(struct wallet_txn *txn, lw_str agency, uint64_t size,
                                            int64_t now, uint64_t *number);

/* What an entry is given to. */
struct wallet_status_owner {
    uint8_t license[WALLET_UUID_LEN];
    lw_bytes credential; /* names the credential within the license, such as its holder key's
                            thumbprint and format; at most WALLET_STATUS_REF_MAX bytes; may be
                            empty */
    int64_t exp;         /* its end, Unix seconds */
};

/**
 * Give an entry of one of the agency's open lists, both drawn at random; opens lists of
 * WALLET_STATUS_SIZE_MIN entries until WALLET_STATUS_OPEN of them are open, and closes one that is
 * filled to its bound.
 *
 * errors  LW_E_VALUE  agency or owner; LW_E_CRYPTO  the random source failed
 */
LW_MUST_USE lw_err wallet_store_status_allocate(struct wallet_txn *txn, lw_str agency,
                                                const struct wallet_status_owner *owner,
                                                int64_t now, struct wallet_status_place *place);

/**
 * Find to what an entry was given.
 *
 * owner   its slice borrows from the transaction
 * errors  LW_E_NOT_FOUND  never given
 */
LW_MUST_USE lw_err wallet_store_status_owner(const struct wallet_txn *txn,
                                             struct wallet_status_place place,
                                             struct wallet_status_owner *owner);

/**
 * Set an entry's status. The same status again changes nothing.
 *
 * changed  set to whether it did; may be NULL
 * errors   LW_E_CONFLICT  it is INVALID and would be another; LW_E_NOT_FOUND  no such list, it has
 *          retired, or the entry was never given; LW_E_VALUE  no such status
 */
LW_MUST_USE lw_err wallet_store_status_set(struct wallet_txn *txn, struct wallet_status_place place,
                                           enum wallet_entry_status status, bool *changed);

/** Have every list of an agency signed again: it has another signer. */
LW_MUST_USE lw_err wallet_store_status_touch(struct wallet_txn *txn, lw_str agency);

/** Read an entry's status. errors  LW_E_NOT_FOUND  no such list, retired, or beyond its end */
LW_MUST_USE lw_err wallet_store_status_get(const struct wallet_txn *txn,
                                           struct wallet_status_place place,
                                           enum wallet_entry_status *status);

/** Read a list. errors  LW_E_NOT_FOUND */
LW_MUST_USE lw_err wallet_store_status_list_get(const struct wallet_txn *txn, uint64_t number,
                                                struct wallet_stored_list *list);

/** List the lists, of one agency or, when it is empty, of all, in order of their numbers. */
LW_MUST_USE lw_err wallet_store_status_list_page(const struct wallet_txn *txn, lw_str agency,
                                                 struct wallet_page *page,
                                                 struct wallet_stored_list *lists, size_t *count);

/**
 * Append the whole array for publishing, size * 2 / 8 bytes packed as specs/status-list.md section
 * 1 has it, and set `list`, whose version the array is of.
 *
 * errors  LW_E_NOT_FOUND  no such list, or it has retired
 */
LW_MUST_USE lw_err wallet_store_status_array(const struct wallet_txn *txn, uint64_t number,
                                             struct wallet_stored_list *list, lw_buf *array);

/**
 * Give the numbers of lists that are due: first those that changed since their tokens were made,
 * or have none, then those whose tokens were issued at or before `signed_until`; each group from
 * the longest unsigned. Costs what is due, not what exists.
 */
LW_MUST_USE lw_err wallet_store_status_due(const struct wallet_txn *txn, int64_t signed_until,
                                           struct wallet_page *page, uint64_t *numbers,
                                           size_t *count);

/**
 * Retire a list: its statuses and tokens are deleted, and it takes no more entries. Its number and
 * indexes are never given again.
 *
 * ended_by  every credential of the list must have ended at or before it, Unix seconds
 * errors    LW_E_CONFLICT  one may not have, none was given yet, or it retired before;
 *           LW_E_NOT_FOUND
 * source    specs/status-list.md SI-5
 */
LW_MUST_USE lw_err wallet_store_status_retire(struct wallet_txn *txn, uint64_t number,
                                              int64_t ended_by);

/** Delete at most `max` entries of lists that retired; `purged` is 0 when there are none left. */
LW_MUST_USE lw_err wallet_store_status_purge(struct wallet_txn *txn, size_t max, size_t *purged);

/* Signed tokens of one list, made of one version of its entries. */
struct wallet_status_tokens {
    uint64_t version; /* of the list when its array was read */
    int64_t iat;
    int64_t exp;
    lw_bytes jwt; /* may be empty, as may cwt, but not both */
    lw_bytes cwt;
};

/**
 * Keep the tokens of a list, in place of the older ones.
 *
 * errors  LW_E_CONFLICT  those kept are of a later version, or were issued later, or the list has
 *         retired; LW_E_VALUE  of a
 *         version the list never had, no token, or exp before iat; LW_E_NOT_FOUND; LW_E_LIMIT
 */
LW_MUST_USE lw_err wallet_store_status_publish(struct wallet_txn *txn, uint64_t number,
                                               const struct wallet_status_tokens *tokens);

/** Give the tokens kept; slices borrow from the transaction. errors  LW_E_NOT_FOUND  none yet */
LW_MUST_USE lw_err wallet_store_status_tokens(const struct wallet_txn *txn, uint64_t number,
                                              struct wallet_status_tokens *tokens);

#endif
