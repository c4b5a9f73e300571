/* Errors as values. Depends on the C library only. */
#ifndef LW_ERR_H
#define LW_ERR_H

#include <stddef.h>
#include <stdint.h>

/* What a caller can do about an error; lw_err_class() maps each code to one. */
typedef enum lw_class {
    LW_CLASS_OK = 0,
    LW_CLASS_MISUSE,      /* the caller's bug */
    LW_CLASS_INPUT,       /* the input is bad and will stay so */
    LW_CLASS_REFUSED,     /* well formed, but a rule says no */
    LW_CLASS_NOT_FOUND,   /* what was asked for does not exist */
    LW_CLASS_LIMIT,       /* a stated bound would be passed */
    LW_CLASS_BUSY,        /* may succeed when tried again */
    LW_CLASS_ENVIRONMENT, /* token, store, disk, network or memory fails */
} lw_class;

typedef enum lw_code {
    LW_OK = 0,
    LW_E_MISUSE,      /* called against its contract */
    LW_E_SYNTAX,      /* input is not well formed */
    LW_E_VALUE,       /* well formed, but a value is outside its range or type */
    LW_E_UNSUPPORTED, /* a format, algorithm or version not offered here */
    LW_E_SIGNATURE,   /* a signature, digest or seal does not hold */
    LW_E_UNTRUSTED,   /* signed by nobody we trust for this */
    LW_E_EXPIRED,     /* outside its time */
    LW_E_DENIED,      /* a rule or a permission forbids it */
    LW_E_CONFLICT,    /* exists already, or its state does not allow it */
    LW_E_NOT_FOUND,   /* no such thing */
    LW_E_LIMIT,       /* a stated bound would be passed */
    LW_E_BUSY,        /* a queue is full; try again */
    LW_E_TIMEOUT,     /* not done within its deadline */
    LW_E_NOMEM,       /* allocation failed */
    LW_E_IO,          /* a file or socket failed */
    LW_E_NOSPACE,     /* the disk or the map is full */
    LW_E_TOKEN,       /* the token or its module failed or is absent */
    LW_E_CRYPTO,      /* the crypto library failed where it should not */
    LW_E_CORRUPT,     /* stored data is not what was written */
    LW_E_NETWORK,     /* a peer cannot be reached or answers nonsense */
} lw_code;

#define LW_NOWHERE SIZE_MAX

/* `why` is static English text for logs: never input bytes, never a secret. */
typedef struct lw_err {
    lw_code code;
    const char *why; /* NULL when code is LW_OK; begins with the module */
    size_t at;       /* byte offset in the input, or LW_NOWHERE */
} lw_err;

#define LW_MUST_USE __attribute__((warn_unused_result))
#define LW_SUCCESS ((lw_err){.code = LW_OK, .why = NULL, .at = LW_NOWHERE})
#define LW_FAIL(code_, why_, at_) ((lw_err){.code = (code_), .why = (why_), .at = (at_)})

/* Return early when `expr` fails. The only macro that changes control flow. */
#define LW_TRY(expr)                                                                               \
    do {                                                                                           \
        const lw_err lw_try_ = (expr);                                                             \
        if (lw_try_.code != LW_OK) {                                                               \
            return lw_try_;                                                                        \
        }                                                                                          \
    } while (0)

/** Return the stable lower-case name of `code`, such as "not_found"; static. */
const char *lw_code_name(lw_code code);

/** Return the class of `code`. */
lw_class lw_err_class(lw_code code);

#endif
