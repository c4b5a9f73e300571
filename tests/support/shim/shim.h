/*
 * A PKCS#11 module that passes calls through to another and misbehaves on command. It is loaded
 * as FILE.so and maps FILE.so.ctl, which holds this struct, so that a test in another process
 * steers it without environment and without system calls.
 */
#ifndef SHIM_H
#define SHIM_H

#include <stdatomic.h>

enum shim_fault {
    SHIM_NONE,
    SHIM_FAIL,   /* returns `rv` */
    SHIM_HANG,   /* never returns */
    SHIM_SLOW,   /* takes `slow_ms` and then does its work */
    SHIM_SHORT,  /* a signature of 63 bytes */
    SHIM_WRONG,  /* a signature that does not hold */
    SHIM_CRASH,  /* ends the process */
    SHIM_ESCAPE, /* tries what the sandbox forbids and counts in `escapes` */
};

enum shim_escape { SHIM_OPENED = 1, SHIM_CONNECTED = 2, SHIM_FORKED = 4, SHIM_MAPPED_CODE = 8 };

/* PKCS #11 v2.40: return values and token flags that tests ask for. */
enum shim_value {
    SHIM_CKR_DEVICE_ERROR = 0x30,
    SHIM_CKR_GENERAL_ERROR = 0x5,
    SHIM_CKR_FUNCTION_FAILED = 0x6,
    SHIM_CKR_DEVICE_MEMORY = 0x31,
    SHIM_CKR_SESSION_HANDLE_INVALID = 0xb3,
    SHIM_CKR_SESSION_CLOSED = 0xb0,
    SHIM_CKR_KEY_HANDLE_INVALID = 0x60,
    SHIM_CKR_OBJECT_HANDLE_INVALID = 0x82,
    SHIM_CKR_OPERATION_ACTIVE = 0x90,
    SHIM_CKR_DEVICE_REMOVED = 0x32,
    SHIM_CKR_TOKEN_NOT_PRESENT = 0xe0,
    SHIM_CKR_USER_NOT_LOGGED_IN = 0x101,
    SHIM_CKR_CRYPTOKI_NOT_INITIALIZED = 0x190,
    SHIM_CKF_USER_PIN_COUNT_LOW = 0x10000,
    SHIM_CKF_USER_PIN_FINAL_TRY = 0x20000,
    SHIM_CKF_USER_PIN_LOCKED = 0x40000,
};

struct shim_control {
    char module[256]; /* the real one */
    /* what C_Sign does, at how many calls more, and only to digests that begin with `marked` */
    atomic_uint sign_fault;
    atomic_uint sign_left;
    atomic_uint sign_every;  /* only each n-th call; 0 and 1 mean each */
    atomic_uint sign_marked; /* 0 means any digest */
    atomic_ulong sign_rv;
    atomic_uint slow_ms;
    atomic_ulong sign_init_rv; /* what C_SignInit returns `sign_init_left` times */
    atomic_uint sign_init_left;
    atomic_uint logs_out;     /* and loses the login before it returns that */
    atomic_uint absent;       /* the token is pulled out */
    atomic_uint hang_at_load; /* C_GetTokenInfo never returns */
    atomic_uint without_gcm;
    atomic_uint extractable;  /* what C_GetAttributeValue claims when 1 */
    atomic_uint unfit_pair;   /* generated public keys belong to nothing */
    atomic_ulong token_flags; /* set besides */
    /* what happened */
    atomic_uint logins;
    atomic_uint truncations; /* logins in which a file could be cut */
    atomic_uint signs;
    atomic_uint escapes;
};

#endif
