/*
 * Status lists in both forms, whole or bent in one place and signed again, and what a reader says
 * to them. The authority is one for the whole test program. Misuse aborts the test.
 */
#ifndef SUPPORT_STATUS_BEND_H
#define SUPPORT_STATUS_BEND_H

#include "authority.h"
#include "wallet/status_check.h"

enum { STATUS_NOW = 1795086400, STATUS_TOKEN_MAX = 1 << 16 };

#define STATUS_URI "https://status.example/7"
#define STATUS_VCT "https://lic.example/dl"

/* The authority of "agency-1" and the trust that names its credential key. */
struct status_place {
    struct support_authority authority;
    struct wallet_trust *trust;
};

void status_place_init(struct status_place *place);
void status_place_free(struct status_place *place);

/** Return what is expected of the list at STATUS_URI. */
struct wallet_status_expect status_expectation(const struct status_place *place);

/** The claims of the valid JWT: b9a3 of the draft, in one bit an entry. */
extern const char status_jwt_payload[];

/** Append the header of a JWT with `chain` as x5c, which may be empty. */
void status_jwt_header(const lw_bytes *chain, size_t count, lw_buf *out);

/** Append a JWT signed with `key`, carrying `chain`. */
void status_make_jwt(const struct support_key *key, const lw_bytes *chain, size_t count,
                     lw_buf *token);

/* The CWT in its items: whatever is empty is left out. */
enum status_item {
    ITEM_ALG,
    ITEM_TYP,
    ITEM_CHAIN,
    ITEM_UNPROTECTED,
    ITEM_SUB,
    ITEM_IAT,
    ITEM_EXP,
    ITEM_NBF,
    ITEM_TTL,
    ITEM_LIST,
    ITEM_BITS,
    ITEM_LST,
    ITEM_SHELL, /* what stands before the array */
    ITEM_TAIL,
    ITEM_PAYLOAD, /* instead of the claims */
    STATUS_ITEM_COUNT,
};

struct status_cwt {
    lw_buf item[STATUS_ITEM_COUNT];
};

/** Fill the items of a valid CWT with the status key's certificate. */
void status_cwt_init(struct status_cwt *cwt, const struct support_key *status);
void status_cwt_free(struct status_cwt *cwt);

/** Replace an item by hex. */
void status_cwt_set(struct status_cwt *cwt, enum status_item item, const char *hex);

/** Append the token signed with `key`. */
void status_cwt_build(const struct status_cwt *cwt, const struct support_key *key, lw_buf *token);

/** Append a valid CWT signed with `key`, carrying `chain`, which may be empty. */
void status_make_cwt(const struct support_key *key, const lw_bytes *chain, size_t count,
                     lw_buf *token);

#endif
