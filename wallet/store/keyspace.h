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
    WALLET_KS_AUDIT_LEAF,    /* index -> hashes of the low nodes that the leaf completes */
    WALLET_KS_AUDIT_NODE,    /* place -> hashes of the nodes above, completed by the same leaf */
    WALLET_KS_AUDIT_OPENING, /* index -> nonce and event, or by which leaf it was erased */
    WALLET_KS_AUDIT_SUBJECT, /* subject, index -> nothing */
    WALLET_KS_AUDIT_RECEIPT, /* receipt id -> index */
    WALLET_KS_AUDIT_HEAD,    /* size -> signed head */
    /* people */
    WALLET_KS_PERSON,      /* id -> sealed code and name */
    WALLET_KS_PERSON_KEY,  /* id -> wrapped data key; deleted to erase */
    WALLET_KS_PERSON_CODE, /* keyed hash of the code -> id */
    /* licenses */
    WALLET_KS_LICENSE,         /* id -> public part */
    WALLET_KS_LICENSE_SEALED,  /* id -> holders' names, claims and salts */
    WALLET_KS_LICENSE_NUMBER,  /* number, type, order -> id */
    WALLET_KS_LICENSE_VERSION, /* hash of type and key of the term -> nothing */
    WALLET_KS_LICENSE_HOLDER,  /* person, id -> nothing */
    WALLET_KS_LICENSE_STATE,   /* type, state, id -> nothing */
    WALLET_KS_LICENSE_COUNT,   /* type, state -> number of licenses */
    WALLET_KS_INTENT,          /* id -> number and version set aside */
    WALLET_KS_SERIAL,          /* issuer, type -> the last serial given */
    /* credentials and passes */
    WALLET_KS_HOLDER_KEY,        /* license, thumbprint -> when bound */
    WALLET_KS_CREDENTIAL,        /* license, thumbprint, format, end -> status and sealed bytes */
    WALLET_KS_CREDENTIAL_EXPIRY, /* end, key of the credential -> nothing */
    WALLET_KS_PASS,              /* cti -> license and end */
    WALLET_KS_PASS_EXPIRY,       /* end, cti -> nothing */
    /* status lists */
    WALLET_KS_STATUS_LIST,  /* number -> agency, size, version, what is published */
    WALLET_KS_STATUS_OPEN,  /* agency, number -> nothing, while it takes entries */
    WALLET_KS_STATUS_DUE,   /* standing, time, number -> nothing, while it is signed or purged */
    WALLET_KS_STATUS_CHUNK, /* number, place -> a part of its array */
    WALLET_KS_STATUS_ENTRY, /* number, index -> license and credential */
    WALLET_KS_STATUS_TOKEN, /* number -> signed tokens */
    /* catalogue, keys and trust */
    WALLET_KS_AGENCY, /* id, version -> document, as the two below */
    WALLET_KS_LICENSE_TYPE,
    WALLET_KS_SERVICE_ITEM,
    WALLET_KS_KEY,        /* label -> record */
    WALLET_KS_CERT,       /* "ca", "crl" -> DER */
    WALLET_KS_TRUST_LIST, /* version -> signed list */
    /* what expires */
    WALLET_KS_GRANT,        /* kind, hash of the handle -> end and payload */
    WALLET_KS_GRANT_EXPIRY, /* end, key of the grant -> nothing */
    WALLET_KS_SEEN,         /* when a presentation was made, its id -> when it was seen first */
    /* registers and verifications */
    WALLET_KS_IMPORT,        /* id -> record */
    WALLET_KS_IMPORT_NUMBER, /* number -> id */
    WALLET_KS_IMPORT_BATCH,  /* id, batch -> counts of a batch done */
    WALLET_KS_VERIFICATION,
    /* two people */
    WALLET_KS_OPERATOR,      /* name -> key and agencies */
    WALLET_KS_APPROVAL,      /* id of an import -> who asked, what was found, who decided */
    WALLET_KS_APPROVAL_PART, /* id, kind, place -> a sealed part of its file or map */
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
