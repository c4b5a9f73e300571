/* Outgoing HTTP with limits on time, size, redirects and addresses (libcurl). */
#ifndef IDP_CLIENT_H
#define IDP_CLIENT_H

#include "lw/buf.h"

struct idp_fetch_limits {
    int64_t timeout_ms;
    size_t body_max;    /* bytes */
    bool loopback_http; /* loopback is allowed, there http too; http leads nowhere else */
    bool exact_type;    /* the answer's media type must be `accept`, parameters apart */
    const char *socket; /* path of a socket of this machine that is asked instead, or NULL */
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
 *         LW_E_NETWORK  no answer, or its status is not 2xx (result->status says which),
 *                       or it is of another type (exact_type);
 *         LW_E_LIMIT    larger than body_max; LW_E_TIMEOUT
 */
LW_MUST_USE lw_err idp_fetch(const struct idp_fetch_limits *limits, lw_str uri, const char *accept,
                             lw_buf *body, struct idp_fetch_result *result);

/**
 * Return whether a URL that a person gave names this machine: 127.0.0.0/8, [::1] or localhost.
 * Only then may `loopback_http` be set for what it leads to.
 */
bool idp_uri_is_loopback(lw_str uri);

/** POST `sent` as `content_type`; otherwise as idp_fetch(). The body is given for any status. */
LW_MUST_USE lw_err idp_post(const struct idp_fetch_limits *limits, lw_str uri,
                            const char *content_type, lw_bytes sent, lw_buf *body,
                            struct idp_fetch_result *result);

#endif
