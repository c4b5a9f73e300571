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
    atomic_uint absent;       /* the token is pulled out */
    atomic_uint hang_at_load; /* C_GetTokenInfo never returns */
    atomic_uint without_gcm;
    atomic_uint extractable;  /* what C_GetAttributeValue claims when 1 */
    atomic_uint unfit_pair;   /* generated public keys belong to nothing */
    atomic_ulong token_flags; /* set besides */
    /* what happened */
    atomic_uint logins;
    atomic_uint signs;
    atomic_uint escapes;
};

#endif
