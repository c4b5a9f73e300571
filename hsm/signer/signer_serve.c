#define _GNU_SOURCE /* explicit_bzero */

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "signer.h"

/* Replies wait for company, but not long: the pool takes silence for a hang. */
enum { FLUSH_COUNT = 16, FLUSH_AFTER_NS = 5000000, US_PER_S = 1000000 };

struct outbox {
    int fd;
    bool closed;
    int64_t first_ns; /* when the oldest reply went in */
    size_t count;
    struct hsm_wire replies[HSM_WIRE_BATCH];
};

int64_t signer_cpu_us(void)
{
    struct rusage usage = {0};
    (void)getrusage(RUSAGE_SELF, &usage);
    return ((int64_t)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * US_PER_S +
           usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static void flush(struct outbox *out)
{
    const size_t size = out->count * sizeof(out->replies[0]);
    ssize_t sent = 0;
    if (out->count == 0) {
        return;
    }
    out->replies[out->count - 1].cpu_us = signer_cpu_us();
    do {
        sent = send(out->fd, out->replies, size, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    out->closed = out->closed || sent < 0;
    explicit_bzero(out->replies, size);
    out->count = 0;
}

static void post(struct outbox *out, const struct hsm_wire *reply)
{
    const int64_t now = lw_mono_ns(lw_clock_system());
    if (out->count == 0) {
        out->first_ns = now;
    }
    out->replies[out->count] = *reply;
    out->count++;
    if (out->count >= FLUSH_COUNT || now - out->first_ns >= FLUSH_AFTER_NS) {
        flush(out);
    }
}

struct listing_to {
    struct outbox *out;
    const struct hsm_wire *request;
};

static void post_listed(void *ctx, const struct hsm_wire *record)
{
    const struct listing_to *to = ctx;
    struct hsm_wire reply = *record;
    reply.id = to->request->id;
    reply.op = to->request->op;
    post(to->out, &reply);
}

static wire_result answer(struct token *t, struct outbox *out, const struct hsm_wire *request,
                          struct hsm_wire *reply)
{
    struct listing_to to = {.out = out, .request = request};
    switch ((enum hsm_wire_op)request->op) {
    case HSM_WIRE_SIGN:
        return key_sign(t, request, reply);
    case HSM_WIRE_GENERATE:
        return key_generate(t, request, reply);
    case HSM_WIRE_GENERATE_WRAP:
        return key_generate_wrap(t, request);
    case HSM_WIRE_FIND:
        return key_public(t, request, reply);
    case HSM_WIRE_LIST:
        return key_list(t, post_listed, &to);
    case HSM_WIRE_DESTROY:
        return key_destroy(t, request);
    case HSM_WIRE_WRAP:
        return key_wrap(t, request, reply);
    case HSM_WIRE_UNWRAP:
        return key_unwrap(t, request, reply);
    case HSM_WIRE_PING:
        return token_ping(t);
    case HSM_WIRE_FORGET:
    case HSM_WIRE_HELLO:
    case HSM_WIRE_BENCH:
    case HSM_WIRE_INIT:
        break;
    }
    return HSM_WIRE_MALFORMED;
}

static bool names_a_key(uint8_t op)
{
    return op >= HSM_WIRE_SIGN && op <= HSM_WIRE_UNWRAP && op != HSM_WIRE_LIST;
}

static bool is_well_formed(const struct hsm_wire *request)
{
    const bool labelled =
        request->label[0] != 0 && memchr(request->label, 0, sizeof(request->label)) != NULL;
    return request->len <= sizeof(request->data) && (labelled || !names_a_key(request->op));
}

/* returns false when the process must end and be started again */
static bool handle(struct token *t, struct outbox *out, const struct hsm_wire *request)
{
    if (request->op == HSM_WIRE_FORGET) {
        key_forget_all(t);
        return true;
    }
    struct hsm_wire reply = {.id = request->id, .op = request->op};
    t->rv = CKR_OK;
    const wire_result result =
        is_well_formed(request) ? answer(t, out, request, &reply) : HSM_WIRE_WRONG_LENGTH;
    if (result == HSM_WIRE_GONE) {
        return false;
    }
    reply.result = (uint8_t)result;
    reply.rv = result == HSM_WIRE_OK ? CKR_OK : t->rv;
    reply.len = result == HSM_WIRE_OK ? reply.len : 0;
    post(out, &reply);
    explicit_bzero(&reply, sizeof(reply));
    return true;
}

int signer_serve(struct token *t, int fd)
{
    struct hsm_wire requests[HSM_WIRE_BATCH];
    struct outbox out = {.fd = fd};
    bool alive = true;
    while (alive && !out.closed) {
        /* Replies go out once no more is asked. */
        const ssize_t got = recv(fd, requests, sizeof(requests), out.count > 0 ? MSG_DONTWAIT : 0);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
            flush(&out);
            continue;
        }
        if (got <= 0 || (size_t)got % sizeof(requests[0]) != 0) {
            return HSM_SIGNER_EXIT_CLOSED;
        }
        const size_t count = (size_t)got / sizeof(requests[0]);
        for (size_t i = 0; i < count && alive; i++) {
            alive = handle(t, &out, &requests[i]);
        }
        explicit_bzero(requests, (size_t)got);
    }
    flush(&out);
    return alive ? HSM_SIGNER_EXIT_CLOSED : HSM_SIGNER_EXIT_TOKEN;
}
