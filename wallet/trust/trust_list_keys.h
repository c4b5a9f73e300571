/* Names of the trust list's claims and entries (specs/qr.md section 6). */
#ifndef TRUST_LIST_KEYS_H
#define TRUST_LIST_KEYS_H

#include "wallet/trust_list.h"

#define LTL_TYP "application/ltl+cwt"

enum ltl_claim {
    LTL_ISS = 1,
    LTL_EXP = 4,
    LTL_IAT = 6,
    LTL_TTL = 65534,
    LTL_VERSION = -70100,
    LTL_ENTRIES = -70101,
    LTL_ANCHORS = -70102,
    LTL_NEXT_PINS = -70103,
};

enum ltl_entry {
    LTL_ENTRY_KID = 1,
    LTL_ENTRY_CERT = 2,
    LTL_ENTRY_VCTS = 3,
    LTL_ENTRY_NOT_AFTER = 4,
    LTL_ENTRY_STATE = 5,
    LTL_ENTRY_REVOKED_SINCE = 6,
    LTL_ENTRY_PREFIXES = 7,
};

/* Within `kccs` (RFC 9528): the claims set {8: {1: COSE_Key}}. */
enum { LTL_CNF = 8, LTL_CNF_KEY = 1 };

#endif
