/* What tests expect of replies; each fails the test when it does not hold. */
#ifndef SUPPORT_HTTP_EXPECT_H
#define SUPPORT_HTTP_EXPECT_H

#include "http.h"

/** Return whether `part` stands somewhere in `text`. */
bool support_contains(lw_str text, const char *part);

void support_expect_header(const struct support_reply *reply, const char *name, const char *value);

/** Problem details (RFC 9457) with that status and type, never cached. */
void support_expect_problem(const struct support_reply *reply, int status, const char *type);

#endif
