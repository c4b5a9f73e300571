/* What is wrong in a document that people write: where, and a static reason. */
#ifndef WALLET_DOC_ERROR_H
#define WALLET_DOC_ERROR_H

#include "lw/err.h"

enum { WALLET_POINTER_MAX = 128 };

/* One thing wrong in a document: where (a JSON pointer, RFC 6901) and what. */
struct wallet_doc_error {
    char pointer[WALLET_POINTER_MAX]; /* cut short with "..." when it is longer */
    const char *what;                 /* static */
};

#endif
