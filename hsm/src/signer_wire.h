/*
 * What the pool and lw-signer say to each other: records of one size, many in one message of a
 * SEQPACKET socket, in the byte order of the machine both run on.
 */
#ifndef HSM_SIGNER_WIRE_H
#define HSM_SIGNER_WIRE_H

#include "hsm/pool.h"

enum {
    HSM_WIRE_FD = 3,                 /* where lw-signer finds its end of the socket */
    HSM_WIRE_BATCH = 32,             /* records in one message at most */
    HSM_WIRE_DATA_MAX = HSM_SIG_MAX, /* more than HSM_WRAP_MAX */
};

enum hsm_wire_op {
    HSM_WIRE_HELLO = 1,     /* the signer's first word: its token is open, or why not */
    HSM_WIRE_SIGN,          /* data: digest; reply: the signature */
    HSM_WIRE_GENERATE,      /* reply: point or modulus */
    HSM_WIRE_GENERATE_WRAP, /* reply: nothing */
    HSM_WIRE_FIND,          /* reply: point or modulus */
    HSM_WIRE_LIST,          /* replies: a record a key with HSM_WIRE_MORE, then one without */
    HSM_WIRE_DESTROY,       /* reply: nothing */
    HSM_WIRE_WRAP,          /* data: 32 bytes; reply: wrapped */
    HSM_WIRE_UNWRAP,        /* data: wrapped; reply: 32 bytes */
    HSM_WIRE_PING,          /* reply: whether the session lives */
    HSM_WIRE_FORGET,        /* drop what is known of the keys; no reply */
    HSM_WIRE_BENCH,         /* reply of --bench-raw: uint64_t count, then int64_t microseconds */
    HSM_WIRE_INIT,          /* reply of --init-token: nothing */
};

enum hsm_wire_result {
    HSM_WIRE_OK = 0,
    HSM_WIRE_NO_MODULE,
    HSM_WIRE_NO_TOKEN,
    HSM_WIRE_PIN_ABSENT,
    HSM_WIRE_PIN_EXPOSED,
    HSM_WIRE_PIN_MALFORMED,
    HSM_WIRE_PIN_WRONG,
    HSM_WIRE_PIN_LOCKED,
    HSM_WIRE_PIN_LAST_TRY,
    HSM_WIRE_NO_SANDBOX,
    HSM_WIRE_NO_KEY,
    HSM_WIRE_KEY_EXISTS,
    HSM_WIRE_KEY_UNFIT,
    HSM_WIRE_WRONG_PURPOSE,
    HSM_WIRE_WRONG_LENGTH,
    HSM_WIRE_ALTERED,
    HSM_WIRE_NO_MECHANISM,
    HSM_WIRE_TOO_MANY,
    HSM_WIRE_TOKEN_FAILED,
    HSM_WIRE_MALFORMED,
    HSM_WIRE_GONE, /* the signer must start again; never sent */
};

enum { HSM_WIRE_MORE = 1, HSM_WIRE_EXTRACTABLE = 2 };

/* Exit codes of lw-signer that say why it ended by itself. */
enum { HSM_SIGNER_EXIT_CLOSED = 0, HSM_SIGNER_EXIT_TOKEN = 40, HSM_SIGNER_EXIT_DEADLINE = 41 };

struct hsm_wire {
    uint64_t id;     /* the pool's; a reply has its request's */
    uint64_t rv;     /* CK_RV of a failed token call, for the log */
    int64_t cpu_us;  /* in replies: CPU time of the signer so far */
    uint8_t op;      /* enum hsm_wire_op */
    uint8_t purpose; /* enum hsm_purpose */
    uint8_t result;  /* enum hsm_wire_result */
    uint8_t flags;
    uint16_t len; /* bytes of data */
    uint8_t unused[2];
    char label[HSM_LABEL_MAX];
    uint8_t data[HSM_WIRE_DATA_MAX];
};
_Static_assert(sizeof(struct hsm_wire) == 32 + HSM_LABEL_MAX + HSM_WIRE_DATA_MAX, "no padding");
_Static_assert((int)HSM_WIRE_DATA_MAX >= (int)HSM_WRAP_MAX, "room for what is wrapped");

/** Return the error that `result` stands for; a number outside the enum is LW_E_TOKEN. */
lw_err hsm_wire_error(uint8_t result);

/** Return whether the PIN was refused, so that trying again may lock the token. */
bool hsm_wire_pin_refused(uint8_t result);

#endif
