/* Outgoing HTTP with limits on time, size, redirects and addresses (libcurl). */
#ifndef IDP_CLIENT_H
#define IDP_CLIENT_H

#include "lw/buf.h"

struct idp_fetch_limits {
    int64_t timeout_ms;
    size_t body_max;    /* bytes */
    bool loopback_http; /* development: http to loopback is allowed; else https only */
    unsigned redirects; /* each hop's address is checked again */
};

struct idp_fetch_result {
    long status;
    char content_type[128]; /* without parameters, lower case */
};

/**
 * GET `uri`.
 *
 * accept  value of the Accept header
 * body    the answer's body is appended; nothing on error
 * errors  LW_E_DENIED   the URI or an address it leads to is not allowed (A20);
 *         LW_E_NETWORK  no answer, or its status is not 2xx (result->status says which);
 *         LW_E_LIMIT    larger than body_max; LW_E_TIMEOUT
 */
LW_MUST_USE lw_err idp_fetch(const struct idp_fetch_limits *limits, lw_str uri, const char *accept,
                             lw_buf *body, struct idp_fetch_result *result);

/** POST `sent` as `content_type`; otherwise as idp_fetch(). The body is given for any status. */
LW_MUST_USE lw_err idp_post(const struct idp_fetch_limits *limits, lw_str uri,
                            const char *content_type, lw_bytes sent, lw_buf *body,
                            struct idp_fetch_result *result);

#endif
