/* People and licenses for tests of the store's records, and writes without a struct for each. */
#ifndef SUPPORT_RECORDS_H
#define SUPPORT_RECORDS_H

#include "store_fixture.h"
#include "wallet/store_license.h"
#include "wallet/store_person.h"

/** Unlock the store with its first epoch's key; aborts when it cannot. */
void support_unlock(struct support_store *f);

/** Make person `n`: holder code "999:ACCOUNT-n", name "Person n"; aborts when it cannot. */
void support_person(struct support_store *f, unsigned n, uint8_t id[WALLET_PERSON_ID_LEN]);

/* A license as tests need it: three claims of made-up values, role "owner". */
struct support_license {
    const char *type; /* NULL: "business-license" */
    const char *number;
    const char *version;     /* NULL: "1" */
    enum wallet_state state; /* 0: active */
    const char *reason;      /* may be NULL */
    uint8_t (*persons)[WALLET_UUID_LEN];
    size_t person_count;
    uint64_t import;
    bool version_is_key;
    size_t claims; /* 0: three */
};

/** Fill an intent with a new id for `what`. */
void support_intent(struct support_store *f, const struct support_license *what,
                    struct wallet_intent *intent);

/** Reserve and complete in one transaction. */
lw_err support_license(struct support_store *f, const struct support_license *what,
                       uint8_t id[WALLET_UUID_LEN]);

/** Complete an intent that was reserved, in the write transaction `txn`. */
lw_err support_complete(struct wallet_txn *txn, const struct wallet_intent *intent,
                        const struct support_license *what);

/** Change a state with a reason, which may be NULL, at SUPPORT_NOW. */
lw_err support_state(struct support_store *f, const uint8_t id[WALLET_UUID_LEN],
                     enum wallet_state to, const char *reason);

/*
 * Values as they lie in the store, under the name of their keyspace. They abort when something
 * fails, or the value is not there.
 */
void support_get(const struct support_store *f, const char *keyspace, lw_bytes key, lw_buf *value);
void support_put(struct support_store *f, const char *keyspace, lw_bytes key, lw_bytes value);
void support_delete(struct support_store *f, const char *keyspace, lw_bytes key);
bool support_there(const struct support_store *f, const char *keyspace, lw_bytes key);
uint64_t support_count(const struct support_store *f, const char *keyspace);

/** As support_put(), of a value that ends with its check sum: that is made anew. */
void support_put_summed(struct support_store *f, const char *keyspace, lw_bytes key,
                        lw_bytes value);

/** Flip a bit of the value under `key`, in the byte that many before its last. */
void support_flip(struct support_store *f, const char *keyspace, lw_bytes key, size_t from_end);

#endif
