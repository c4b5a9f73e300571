/* A load client: plain sockets kept alive, one request under way on each. */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

enum { ANSWER_MAX = 64 * 1024, PATIENCE_MS = 20000 };

struct connection {
    int fd;
    bool busy;
    size_t request; /* index of the one under way */
    int64_t begin_ns;
    size_t got;
    char answer[ANSWER_MAX + 1];
};

struct bench_client {
    int epoll;
    struct connection connections[BENCH_CONNECTIONS];
};

/* One run of many requests. */
struct run {
    struct bench_client *client;
    const lw_bytes *requests;
    size_t count;
    size_t sent;
    size_t done;
    int64_t *latency_ns;
};

static lw_err open_connection(struct bench_client *client, struct connection *c, unsigned port)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)port),
                                        .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = c}};
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        epoll_ctl(client->epoll, EPOLL_CTL_ADD, c->fd, &event) != 0) {
        return LW_FAIL(LW_E_NETWORK, "bench: cannot connect to the service", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

lw_err bench_client_open(unsigned port, struct bench_client **client)
{
    struct bench_client *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return LW_FAIL(LW_E_NOMEM, "bench: out of memory", LW_NOWHERE);
    }
    for (size_t i = 0; i < BENCH_CONNECTIONS; i++) {
        made->connections[i].fd = -1;
    }
    made->epoll = epoll_create1(EPOLL_CLOEXEC);
    lw_err err =
        made->epoll >= 0 ? LW_SUCCESS : LW_FAIL(LW_E_IO, "bench: cannot make an epoll", LW_NOWHERE);
    for (size_t i = 0; i < BENCH_CONNECTIONS && err.code == LW_OK; i++) {
        err = open_connection(made, &made->connections[i], port);
    }
    if (err.code != LW_OK) {
        bench_client_close(made);
        return err;
    }
    *client = made;
    return LW_SUCCESS;
}

void bench_client_close(struct bench_client *client)
{
    if (client == NULL) {
        return;
    }
    for (size_t i = 0; i < BENCH_CONNECTIONS; i++) {
        if (client->connections[i].fd >= 0) {
            (void)close(client->connections[i].fd);
        }
    }
    if (client->epoll >= 0) {
        (void)close(client->epoll);
    }
    free(client);
}

/* A request is smaller than the socket's buffer, so that sending does not wait. */
static lw_err send_next(struct run *run, struct connection *c)
{
    if (run->sent == run->count) {
        return LW_SUCCESS;
    }
    c->request = run->sent++;
    c->busy = true;
    c->got = 0;
    c->begin_ns = lw_mono_ns(lw_clock_system());
    lw_bytes left = run->requests[c->request];
    while (left.len > 0) {
        const ssize_t put = send(c->fd, left.ptr, left.len, MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return LW_FAIL(LW_E_NETWORK, "bench: the service closed a connection", LW_NOWHERE);
        }
        left = (lw_bytes){.ptr = left.ptr + put, .len = left.len - (size_t)put};
    }
    return LW_SUCCESS;
}

/* Sets `whole` when head and body are there. */
static lw_err look(struct connection *c, bool *whole)
{
    static const char name[] = "\r\nContent-Length:";
    c->answer[c->got] = 0;
    const char *body = strstr(c->answer, "\r\n\r\n");
    *whole = false;
    if (body == NULL) {
        return LW_SUCCESS;
    }
    const char *length = strcasestr(c->answer, name);
    if (length == NULL || length > body) {
        return LW_FAIL(LW_E_NETWORK, "bench: an answer without its length", LW_NOWHERE);
    }
    const size_t head = (size_t)(body - c->answer) + 4;
    *whole = c->got >= head + strtoul(length + sizeof(name) - 1, NULL, 10);
    return LW_SUCCESS;
}

static lw_err judge(const struct connection *c)
{
    static const char good[] = "HTTP/1.1 200 ";
    return strncmp(c->answer, good, sizeof(good) - 1) == 0 &&
                   strstr(c->answer, "\"result\":\"accepted\"") != NULL
               ? LW_SUCCESS
               : LW_FAIL(LW_E_VALUE, "bench: the service did not accept a presentation",
                         LW_NOWHERE);
}

static lw_err receive(struct run *run, struct connection *c)
{
    bool whole = false;
    const ssize_t got = recv(c->fd, c->answer + c->got, ANSWER_MAX - c->got, MSG_DONTWAIT);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
        return LW_SUCCESS;
    }
    if (got <= 0 || !c->busy) {
        return LW_FAIL(LW_E_NETWORK, "bench: the service closed a connection", LW_NOWHERE);
    }
    c->got += (size_t)got;
    LW_TRY(look(c, &whole));
    if (!whole) {
        return LW_SUCCESS;
    }
    if (run->latency_ns != NULL) {
        run->latency_ns[c->request] = lw_mono_ns(lw_clock_system()) - c->begin_ns;
    }
    LW_TRY(judge(c));
    c->busy = false;
    run->done++;
    return send_next(run, c);
}

lw_err bench_client_run(struct bench_client *client, const lw_bytes *requests, size_t count,
                        int64_t *latency_ns)
{
    struct run run = {
        .client = client, .requests = requests, .count = count, .latency_ns = latency_ns};
    struct epoll_event events[BENCH_CONNECTIONS];
    for (size_t i = 0; i < BENCH_CONNECTIONS; i++) {
        LW_TRY(send_next(&run, &client->connections[i]));
    }
    while (run.done < count) {
        const int n = epoll_wait(client->epoll, events, BENCH_CONNECTIONS, PATIENCE_MS);
        if (n == 0) {
            return LW_FAIL(LW_E_TIMEOUT, "bench: the service does not answer", LW_NOWHERE);
        }
        for (int i = 0; i < n; i++) {
            LW_TRY(receive(&run, events[i].data.ptr));
        }
    }
    return LW_SUCCESS;
}
