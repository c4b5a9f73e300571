/*
 * Refusals of LQ1 as rows of a table: what is bent, which check must be the only one that does
 * not hold, and what it says. Each row runs as a test of its own.
 */
#ifndef SUPPORT_LQ1_CASES_H
#define SUPPORT_LQ1_CASES_H

#include "sdcwt_bend.h"

enum { LQ1_BENDS_MAX = 4 };

/* Where a bend is made: in the SD-CWT or the key binding, in its protected header or claims. */
enum lq1_op {
    LQ1_NOTHING,
    CWT_HEAD_SET, /* key, value */
    CWT_HEAD_ADD,
    CWT_HEAD_DROP, /* key */
    CWT_SET,
    CWT_ADD,
    CWT_DROP,
    CWT_INT,         /* key, n */
    CWT_HEAD_RAW,    /* the whole header */
    CWT_UNPROTECTED, /* the whole map */
    CWT_RAW,         /* all claims */
    CWT_PAYLOAD,     /* an item in place of their byte string */
    CWT_SIG,         /* an item */
    CWT_SHELL,
    CWT_TAIL,
    KBT_HEAD_SET,
    KBT_HEAD_ADD,
    KBT_HEAD_DROP,
    KBT_SET,
    KBT_ADD,
    KBT_DROP,
    KBT_INT,
    KBT_HEAD_RAW,
    KBT_UNPROTECTED,
    KBT_RAW,
    KBT_PAYLOAD,
    KBT_SIG,
    KBT_SHELL,
    KBT_TAIL,
    HIDE, /* contents of a disclosure */
    SHOW,
    HIDE_AND_SHOW,
};

struct lq1_bend {
    enum lq1_op op;
    const char *a;
    const char *b;
    int64_t n;
};

struct lq1_case {
    const char *name; /* a sentence */
    struct lq1_bend bends[LQ1_BENDS_MAX];
    void (*more)(struct bend *b); /* NULL, or what a table cannot say */
    enum wallet_check check;      /* WALLET_CHECK_COUNT: it is accepted */
    lw_code code;
    const char *detail;
};

/* Bends: of an entry, of a whole part, of a time. */
#define PUT(op_, key_, value_)                                                                     \
    {                                                                                              \
        .op = op_, .a = key_, .b = value_                                                          \
    }
#define ALL(op_, bytes_)                                                                           \
    {                                                                                              \
        .op = op_, .a = bytes_                                                                     \
    }
#define INT(op_, key_, n_)                                                                         \
    {                                                                                              \
        .op = op_, .a = key_, .n = n_                                                              \
    }

/* Rows: the check that must fail and why, or none. */
#define REFUSED(name_, check_, code_, detail_, ...)                                                \
    {                                                                                              \
        .name = name_, .check = WALLET_CHECK_##check_, .code = LW_E_##code_, .detail = detail_,    \
        .bends = {                                                                                 \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define REFUSED_BY(name_, check_, code_, detail_, more_)                                           \
    {                                                                                              \
        .name = name_, .check = WALLET_CHECK_##check_, .code = LW_E_##code_, .detail = detail_,    \
        .more = more_                                                                              \
    }
#define ACCEPTED(name_, ...)                                                                       \
    {                                                                                              \
        .name = name_, .check = WALLET_CHECK_COUNT, .bends = { __VA_ARGS__ }                       \
    }
#define ACCEPTED_BY(name_, more_)                                                                  \
    {                                                                                              \
        .name = name_, .check = WALLET_CHECK_COUNT, .more = more_                                  \
    }

/** Run each row as a test, over the text of the code; returns what main() returns. */
int lq1_run(const struct lq1_case *cases, size_t count);

/**
 * Verify `b` over its text as flow does: decode, then the format.
 *
 * arena  two buffers: the payload, and what the slices of `out` borrow
 */
lw_err lq1_verify(const struct bend *b, lw_buf arena[2], struct wallet_checks *checks,
                  struct wallet_verified *out);

#endif
