/* A plain HTTP client of tests: one request a connection, the reply as it came. */
#ifndef SUPPORT_HTTP_H
#define SUPPORT_HTTP_H

#include <jansson.h>

#include "lw/buf.h"

struct support_reply {
    lw_buf raw;
    int status; /* 0: the peer closed without one */
    lw_str head;
    lw_str body;
};

void support_reply_free(struct support_reply *reply);
#define SUPPORT_AUTO_REPLY __attribute__((cleanup(support_reply_free))) struct support_reply

/** Connect to a port of 127.0.0.1; aborts when it cannot. The caller closes. */
int support_connect(unsigned port);

/** Read until the peer closes and take the reply apart. */
void support_read_reply(int fd, struct support_reply *reply);

/** Send `request` as it is; read the reply. */
void support_http_raw(unsigned port, lw_str request, struct support_reply *reply);

/** GET. `headers`: whole lines, each with its CRLF, or "". */
void support_http_get(unsigned port, const char *path, const char *headers,
                      struct support_reply *reply);

/** POST. `type` is the Content-Type. */
void support_http_post(unsigned port, const char *path, const char *type, lw_bytes body,
                       struct support_reply *reply);

/** Return a header's value, empty when absent; lives as long as the reply. */
lw_str support_header(const struct support_reply *reply, const char *name);

/** Parse the body as JSON, duplicates refused; aborts when it is none. The caller decrefs. */
json_t *support_json(const struct support_reply *reply);

#endif
