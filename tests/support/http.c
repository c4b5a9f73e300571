#define _GNU_SOURCE

#include "http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { REPLY_MAX = 16 * 1024 * 1024, HEAD_MAX = 4096, WAIT_S = 30 };

static void must(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "test support: http: %s\n", what);
        abort();
    }
}

void support_reply_free(struct support_reply *reply)
{
    lw_buf_free(&reply->raw);
}

int support_connect(unsigned port)
{
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr = {htonl(INADDR_LOOPBACK)}};
    const struct timeval wait = {.tv_sec = WAIT_S};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0, "no socket");
    must(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) == 0, "no time-out");
    must(connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0, "cannot connect");
    return fd;
}

/* Finds the empty line that ends the headers; SIZE_MAX when there is none. */
static size_t find_body(lw_str text)
{
    for (size_t i = 0; text.len - i >= 4; i++) {
        if (memcmp(text.ptr + i, "\r\n\r\n", 4) == 0) {
            return i + 4;
        }
    }
    return SIZE_MAX;
}

/* A receive with a time-out is interrupted when a child ends, as signers do in tests. */
static ssize_t receive(int fd, void *data, size_t len)
{
    ssize_t got = 0;
    do {
        got = recv(fd, data, len, 0);
    } while (got < 0 && errno == EINTR);
    return got;
}

void support_read_reply(int fd, struct support_reply *reply)
{
    char chunk[16384];
    ssize_t got = 0;
    *reply = (struct support_reply){.raw = LW_BUF(REPLY_MAX)};
    while ((got = receive(fd, chunk, sizeof(chunk))) > 0) {
        const lw_bytes part = {.ptr = (const uint8_t *)chunk, .len = (size_t)got};
        must(lw_buf_put(&reply->raw, part).code == LW_OK, "the reply is too large");
    }
    const lw_str text = lw_buf_text(&reply->raw);
    const size_t body = text.len < 4 ? SIZE_MAX : find_body(text);
    if (body == SIZE_MAX) {
        return;
    }
    reply->head = (lw_str){text.ptr, body - 2};
    reply->body = lw_str_from(text, body);
    if (lw_str_starts(text, LW_STR("HTTP/1.1 "))) {
        reply->status = (int)strtol(text.ptr + 9, NULL, 10);
    }
}

/* A peer that has seen enough may close before it has all: what it answered counts. */
static void send_all(int fd, const void *data, size_t len)
{
    const char *at = data;
    while (len > 0) {
        const ssize_t sent = send(fd, at, len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent <= 0) {
            return;
        }
        at += sent;
        len -= (size_t)sent;
    }
}

void support_http_raw(unsigned port, lw_str request, struct support_reply *reply)
{
    const int fd = support_connect(port);
    send_all(fd, request.ptr, request.len);
    support_read_reply(fd, reply);
    (void)close(fd);
}

void support_http_get(unsigned port, const char *path, const char *headers,
                      struct support_reply *reply)
{
    char head[HEAD_MAX];
    const int n = snprintf(head, sizeof(head),
                           "GET %s HTTP/1.1\r\nHost: localhost\r\n%sConnection: close\r\n\r\n",
                           path, headers);
    must(n > 0 && n < HEAD_MAX, "the request is too long");
    support_http_raw(port, (lw_str){head, (size_t)n}, reply);
}

void support_http_post(unsigned port, const char *path, const char *type, lw_bytes body,
                       struct support_reply *reply)
{
    char head[HEAD_MAX];
    const int n = snprintf(head, sizeof(head),
                           "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\n"
                           "Content-Length: %zu\r\nConnection: close\r\n\r\n",
                           path, type, body.len);
    must(n > 0 && n < HEAD_MAX, "the request is too long");
    const int fd = support_connect(port);
    send_all(fd, head, (size_t)n);
    send_all(fd, body.ptr, body.len);
    support_read_reply(fd, reply);
    (void)close(fd);
}

lw_str support_header(const struct support_reply *reply, const char *name)
{
    const size_t len = strlen(name);
    lw_str left = reply->head;
    while (left.len > 0) {
        lw_str line = {NULL, 0};
        (void)lw_str_split(left, '\n', &line, &left);
        if (line.len > len + 2 && line.ptr[len] == ':' && strncasecmp(line.ptr, name, len) == 0) {
            return (lw_str){line.ptr + len + 2, line.len - len - 3}; /* ": " before, CR after */
        }
    }
    return (lw_str){NULL, 0};
}

json_t *support_json(const struct support_reply *reply)
{
    json_error_t error;
    json_t *json = json_loadb(reply->body.ptr, reply->body.len, JSON_REJECT_DUPLICATES, &error);
    must(json != NULL, "the body is no JSON");
    return json;
}
