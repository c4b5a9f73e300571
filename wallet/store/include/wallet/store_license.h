/*
 * License records in the store. The public part (what the license is, its state, the signed record)
 * is read without a key; holders' names and claims with their salts are sealed under their holder's
 * data key, or, for several holders, under a key of the license that is sealed for each of them.
 *
 * A license comes in two steps. wallet_store_license_reserve() makes its number and version durable
 * before anything is signed: the intent. wallet_store_license_complete() replaces the intent by the
 * license; wallet_store_license_void() gives the number back. What a crash left is found by
 * wallet_store_license_intents().
 *
 * Final states never go back: enforced here, inside the write transaction.
 */
#ifndef WALLET_STORE_LICENSE_H
#define WALLET_STORE_LICENSE_H

#include "wallet/license.h"
#include "wallet/person.h"
#include "wallet/store.h"
#include "wallet/store_page.h"

enum {
    WALLET_ID_TEXT_MAX = 64, /* bytes of a license type's or an agency's id */
    WALLET_ROLE_MAX = 64,
    WALLET_REASON_MAX = 1024, /* bytes of a reason's text: 256 characters */
};

/* Reason codes of the house's own; a city's are below. They tell later imports how to read a state.
 */
enum {
    WALLET_REASON_REGISTER = 1000000, /* the register that is imported says so */
    WALLET_REASON_VOIDED,             /* the import that issued it was voided */
};

/* A number and version set aside, before they are signed. A value: texts are NUL-terminated. */
struct wallet_intent {
    uint8_t id[WALLET_UUID_LEN]; /* the license's id to be: wallet_store_new_id() */
    char type[WALLET_ID_TEXT_MAX + 1];
    char number[WALLET_NUMBER_MAX + 1];
    char version[WALLET_NUMBER_MAX + 1];
    char issuer[WALLET_ID_TEXT_MAX + 1];
    bool version_is_key; /* the register's own key of the term: unique within its type */
    int64_t created;     /* Unix seconds */
    uint64_t import;     /* number of the import it belongs to; 0: none */
    uint8_t signs[32];   /* SHA-256 digest of what is to be signed; zeros: not known yet */
};

/** Fill the texts of an intent. errors  LW_E_VALUE  empty, too long, or control characters */
LW_MUST_USE lw_err wallet_intent_fill(struct wallet_intent *intent, lw_str type, lw_str number,
                                      lw_str version, lw_str issuer);

/**
 * Set number and version aside. Intents and licenses of one type and number are put in order as
 * they come: the last is the newest.
 *
 * errors  LW_E_CONFLICT  this version of the number is taken, by a license or an intent
 *         (wallet_store_intent_find() tells), or the term's key is given within the type;
 *         LW_E_VALUE  as wallet_intent_fill()
 */
LW_MUST_USE lw_err wallet_store_license_reserve(struct wallet_txn *txn,
                                                const struct wallet_intent *intent);

/** Find an open intent. errors  LW_E_NOT_FOUND */
LW_MUST_USE lw_err wallet_store_intent_find(const struct wallet_txn *txn, lw_str type,
                                            lw_str number, lw_str version,
                                            struct wallet_intent *intent);

/**
 * Say whether a register's key of a term is given within a type, to a license or an intent of
 * whatever number.
 */
LW_MUST_USE lw_err wallet_store_license_key_taken(const struct wallet_txn *txn, lw_str type,
                                                  lw_str version, bool *taken);

/** Read an open intent by its id. errors  LW_E_NOT_FOUND */
LW_MUST_USE lw_err wallet_store_intent_get(const struct wallet_txn *txn,
                                           const uint8_t id[WALLET_UUID_LEN],
                                           struct wallet_intent *intent);

/** List open intents, oldest first. */
LW_MUST_USE lw_err wallet_store_license_intents(const struct wallet_txn *txn,
                                                struct wallet_page *page,
                                                struct wallet_intent *intents, size_t *count);

/** Note in an open intent the digest of what will be signed. errors  LW_E_NOT_FOUND */
LW_MUST_USE lw_err wallet_store_license_signs(struct wallet_txn *txn,
                                              const uint8_t id[WALLET_UUID_LEN],
                                              const uint8_t digest[32]);

/** Void an open intent: number and version can be taken again. errors  LW_E_NOT_FOUND */
LW_MUST_USE lw_err wallet_store_license_void(struct wallet_txn *txn,
                                             const uint8_t id[WALLET_UUID_LEN]);

/* What completes an intent. Slices are borrowed. */
struct wallet_license_put {
    const struct wallet_license *license; /* id, type, number, version, issuer as reserved */
    uint8_t (*persons)[WALLET_UUID_LEN];  /* person of each holder, in order; only read */
    enum wallet_state state;
    int64_t since;              /* when the state began */
    unsigned reason_code;       /* 0: none; a city's own numbers */
    lw_str reason;              /* text for people, sealed; may be empty */
    const uint8_t *predecessor; /* id of the license it replaces or mends; NULL: none */
    const uint8_t *successor;   /* for WALLET_SUPERSEDED, where known; NULL: none */
    lw_bytes record;            /* the signed license record */
    uint64_t audit_index;       /* of its log entry, appended before; UINT64_MAX: none */
};

/**
 * Replace the intent `put->license->id` by the license, put it into its holders' wallets and count
 * it.
 *
 * errors  LW_E_NOT_FOUND  no such open intent, or a person that is not there or was erased;
 *         LW_E_CONFLICT   the intent is of another type, number, version or issuer; or the state
 *                         is not final and another version of its number is active or
 *                         suspended; or a person is named twice;
 *         LW_E_VALUE      no holder, no record or one of another license, a text that is empty, too
 *                         long or not UTF-8, a validity that ends before it begins, a claim that
 *                         is no CBOR item;
 *         LW_E_DENIED     the store is locked
 * does not check  the record's signature, or that its digests are those of claims and holders
 */
LW_MUST_USE lw_err wallet_store_license_complete(struct wallet_txn *txn,
                                                 const struct wallet_license_put *put);

enum wallet_load {
    WALLET_LOAD_PUBLIC, /* without holders' codes and names, claims and reason */
    WALLET_LOAD_ALL,    /* opens what is sealed */
};

/* A license read from the store. It owns its buffers: zero it first, free it after. */
struct wallet_stored_license {
    struct wallet_license license; /* a view. Public part only: no claims, of holders the role. Of a
                                      holder who was erased, beside others: the role */
    uint8_t persons[WALLET_HOLDERS_MAX][WALLET_UUID_LEN]; /* of each holder */
    enum wallet_state state;
    int64_t since;
    unsigned reason_code;
    lw_str reason; /* empty unless opened */
    bool has_predecessor;
    bool has_successor;
    uint8_t predecessor[WALLET_UUID_LEN];
    uint8_t successor[WALLET_UUID_LEN];
    uint64_t import;      /* number of its import; 0: none */
    uint64_t audit_index; /* UINT64_MAX: none */
    uint64_t changes;     /* of state, since it was issued */
    lw_bytes record;      /* the signed license record */
    bool opened;          /* WALLET_LOAD_ALL was asked for */
    /* the store's own */
    lw_bytes sealed_reason;
    lw_buf public_bytes; /* what the view borrows */
    lw_buf opened_bytes;
};
#define WALLET_AUTO_LICENSE                                                                        \
    __attribute__((cleanup(wallet_stored_license_free))) struct wallet_stored_license

/**
 * Read a license.
 *
 * out     zeroed, or read before: what it held is freed first. On error it is left empty
 * errors  LW_E_NOT_FOUND  no such license (an open intent is none), or, for WALLET_LOAD_ALL, all
 *         its holders were erased; LW_E_DENIED  locked; LW_E_SIGNATURE  altered or moved;
 *         LW_E_CORRUPT
 */
LW_MUST_USE lw_err wallet_store_license_load(const struct wallet_txn *txn,
                                             const uint8_t id[WALLET_UUID_LEN],
                                             enum wallet_load what,
                                             struct wallet_stored_license *out);

/** Wipe and free what `license` owns and leave it zeroed. Safe to repeat. */
void wallet_stored_license_free(struct wallet_stored_license *license);

/**
 * Find the license that stands for a number: the version that is active or suspended, else the
 * last that came and is not superseded, else the last that came.
 *
 * type    may be empty: then the number must be of one type only
 * errors  LW_E_NOT_FOUND; LW_E_CONFLICT  several types have the number
 */
LW_MUST_USE lw_err wallet_store_license_find(const struct wallet_txn *txn, lw_str type,
                                             lw_str number, uint8_t id[WALLET_UUID_LEN]);

/** Find one version of a number. errors  LW_E_NOT_FOUND */
LW_MUST_USE lw_err wallet_store_license_find_version(const struct wallet_txn *txn, lw_str type,
                                                     lw_str number, lw_str version,
                                                     uint8_t id[WALLET_UUID_LEN]);

/** List the versions of a number of a type, oldest first, the current one last; no intents. */
LW_MUST_USE lw_err wallet_store_license_versions(const struct wallet_txn *txn, lw_str type,
                                                 lw_str number, struct wallet_page *page,
                                                 uint8_t (*ids)[WALLET_UUID_LEN], size_t *count);

/* Text of a license type's id. A value. */
struct wallet_type_id {
    char text[WALLET_ID_TEXT_MAX + 1]; /* NUL-terminated */
};

/**
 * List the types that have a license of this number.
 *
 * count   in: room in `types`; out: how many there are, of which the room was filled
 */
LW_MUST_USE lw_err wallet_store_license_types(const struct wallet_txn *txn, lw_str number,
                                              struct wallet_type_id *types, size_t *count);

/* Which licenses to list: an empty type is any, state 0 is any. */
struct wallet_license_filter {
    lw_str type;
    enum wallet_state state;
    bool newest_first;
};

/**
 * List the ids of licenses in order of time (of their ids). A page costs its entries and, when it
 * is of a state and no type, a look at each type; not the licenses there are.
 *
 * errors  LW_E_VALUE  the page is no place in such a list
 */
LW_MUST_USE lw_err wallet_store_license_page(const struct wallet_txn *txn,
                                             const struct wallet_license_filter *filter,
                                             struct wallet_page *page,
                                             uint8_t (*ids)[WALLET_UUID_LEN], size_t *count);

/** Count licenses of a type (empty: of all) by state: counts[WALLET_ACTIVE] and so on. */
LW_MUST_USE lw_err wallet_store_license_count(const struct wallet_txn *txn, lw_str type,
                                              uint64_t counts[WALLET_SUPERSEDED + 1]);

/* A change of state. Slices are borrowed. */
struct wallet_state_change {
    enum wallet_state to;
    int64_t since;        /* Unix seconds */
    unsigned reason_code; /* 0: none */
    lw_str reason;        /* text for people; sealed, so not kept when the holders were erased */
    const uint8_t *successor; /* for WALLET_SUPERSEDED; NULL: none */
};

/**
 * Change the state of a license.
 *
 * from    set to the state it was in, also when the change is refused; may be NULL
 * errors  LW_E_CONFLICT  wallet_state_may_follow() says no; LW_E_NOT_FOUND; LW_E_VALUE  no such
 *         state, or a reason that is too long or not UTF-8, or a successor without
 *         WALLET_SUPERSEDED; LW_E_DENIED  a reason was given and the store is locked
 * does not check  credentials: see wallet_store_credential_set_status()
 */
LW_MUST_USE lw_err wallet_store_license_set_state(struct wallet_txn *txn,
                                                  const uint8_t id[WALLET_UUID_LEN],
                                                  const struct wallet_state_change *change,
                                                  enum wallet_state *from);

/**
 * Link a license that was revoked or cancelled to the one that mends it: its state stays as it is,
 * its successor is set.
 *
 * errors  LW_E_CONFLICT  it is neither, or has a successor; LW_E_NOT_FOUND
 */
LW_MUST_USE lw_err wallet_store_license_mended(struct wallet_txn *txn,
                                               const uint8_t id[WALLET_UUID_LEN],
                                               const uint8_t successor[WALLET_UUID_LEN]);

/** Return the place of wallet_store_license_page(), oldest first, right before `id`. */
struct wallet_page wallet_store_license_before(const uint8_t id[WALLET_UUID_LEN]);

/**
 * Give the next serial number of an issuer and a type, from 1: never the same twice. For GB/T 36904
 * numbers, whose serial has 7 to 32 characters.
 *
 * errors  LW_E_VALUE  as wallet_intent_fill(); LW_E_LIMIT  they are used up
 */
LW_MUST_USE lw_err wallet_store_serial_next(struct wallet_txn *txn, lw_str issuer, lw_str type,
                                            uint64_t *serial);

#endif
