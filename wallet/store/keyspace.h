/*
 * The keyspaces of the store: one row each in keyspace.c. Private to wallet/store. A new one needs
 * a row here and there; stores made before get it when they are next opened.
 */
#ifndef STORE_KEYSPACE_H
#define STORE_KEYSPACE_H

#include <stddef.h>

enum wallet_keyspace {
    WALLET_KS_META, /* store record, generation, look-up root */
    WALLET_KS_EPOCH,
    /* the audit log */
    WALLET_KS_AUDIT_LEAF,    /* index -> hashes of the nodes that the leaf completes */
    WALLET_KS_AUDIT_OPENING, /* index -> nonce and event, or by which leaf it was erased */
    WALLET_KS_AUDIT_SUBJECT, /* subject, index -> nothing */
    WALLET_KS_AUDIT_RECEIPT, /* receipt id -> index */
    WALLET_KS_AUDIT_HEAD,    /* size -> signed head */
    /* people */
    WALLET_KS_PERSON,
    WALLET_KS_PERSON_KEY,
    WALLET_KS_PERSON_CODE,
    /* licenses */
    WALLET_KS_LICENSE,
    WALLET_KS_LICENSE_NUMBER,
    WALLET_KS_LICENSE_HOLDER,
    WALLET_KS_LICENSE_STATE,
    WALLET_KS_INTENT,
    WALLET_KS_SERIAL,
    /* credentials and passes */
    WALLET_KS_HOLDER_KEY,
    WALLET_KS_CREDENTIAL,
    WALLET_KS_CREDENTIAL_LICENSE,
    WALLET_KS_PASS,
    WALLET_KS_PASS_LICENSE,
    /* status lists */
    WALLET_KS_STATUS_LIST,
    WALLET_KS_STATUS_ENTRY,
    WALLET_KS_STATUS_TOKEN,
    /* catalogue, keys and trust */
    WALLET_KS_AGENCY,
    WALLET_KS_LICENSE_TYPE,
    WALLET_KS_SERVICE_ITEM,
    WALLET_KS_KEY,
    WALLET_KS_CERT,
    WALLET_KS_TRUST_LIST,
    /* what expires */
    WALLET_KS_GRANT,
    WALLET_KS_GRANT_EXPIRY,
    WALLET_KS_REPLAY,
    WALLET_KS_REPLAY_EXPIRY,
    /* registers and verifications */
    WALLET_KS_IMPORT,
    WALLET_KS_IMPORT_ROW,
    WALLET_KS_VERIFICATION,
    WALLET_KS_COUNT
};

/* What the values of a keyspace are, for the store's check. */
enum wallet_ks_form {
    WALLET_KS_CBOR,  /* an array whose first element is the version, a number */
    WALLET_KS_EMPTY, /* nothing: the key says it all */
    WALLET_KS_RAW,   /* bytes, checked elsewhere */
};

struct wallet_ks_row {
    const char *name; /* stable: names the data on disk and in associated data */
    enum wallet_ks_form form;
};

enum { WALLET_KEY_MAX = 511 }; /* bytes of a key; at least 1 */

/** Return the row of a keyspace; static. */
const struct wallet_ks_row *wallet_ks(enum wallet_keyspace ks);

#endif
