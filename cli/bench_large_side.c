/* One of the two stores of `lw bench --large`: a process with a home of its own, asked in turns. */
#define _GNU_SOURCE

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_large.h"
#include "wallet/audit.h"
#include "wallet/flow_status.h"

enum { PATIENCE_MS = 200, H_COUNT = 200, H_COUNT_QUICK = 20, COUNT = 2000, COUNT_QUICK = 100 };

/* Both ends are of one program, so that the reasons of errors mean the same. */
struct answer {
    lw_err err;
    double value;
};

static lw_err gone(void)
{
    return LW_FAIL(LW_E_IO, "bench: the process of a store ended", LW_NOWHERE);
}

static lw_err send_bytes(int socket, const void *bytes, size_t len)
{
    return send(socket, bytes, len, MSG_NOSIGNAL) == (ssize_t)len ? LW_SUCCESS : gone();
}

/* Waits as long as it takes; a signal that came meanwhile ends it. */
static lw_err receive(int socket, void *bytes, size_t len)
{
    struct pollfd at = {.fd = socket, .events = POLLIN};
    while (poll(&at, 1, PATIENCE_MS) == 0) {
        LW_TRY(bench_go_on());
    }
    return recv(socket, bytes, len, MSG_WAITALL) == (ssize_t)len ? LW_SUCCESS : gone();
}

static void end_server(struct bench_large *l)
{
    bench_client_close(l->client);
    l->client = NULL;
    bench_server_stop(&l->server);
}

/* From the start of `lw serve` to its first answer; that service stays for what comes next. */
static lw_err start(struct bench_large *l, double *ms)
{
    BENCH_AUTO_SHOWN request = {.count = 0};
    end_server(l);
    LW_TRY(bench_show_requests(l->holder, BENCH_SDJWT, false, 1, &request));
    const int64_t begin = lw_mono_ns(l->b->cli->env.clock);
    LW_TRY(bench_server_start(l->b, &l->server));
    LW_TRY(bench_client_open(l->server.port, &l->client));
    LW_TRY(bench_client_run(l->client, request.items, request.count, NULL));
    *ms = (double)(lw_mono_ns(l->b->cli->env.clock) - begin) / 1e6;
    return LW_SUCCESS;
}

static lw_err read_size(struct bench_large *l)
{
    WALLET_AUTO_TXN txn = NULL;
    uint8_t root[WALLET_HASH_LEN];
    LW_TRY(wallet_read_begin(wallet_home_store(l->b->home), &txn));
    return wallet_audit_head(txn, &l->leaves, root);
}

static lw_err make_ready(struct bench_large *l, struct bench_filling *filling)
{
    struct bench *b = l->b;
    size_t published = 0;
    struct wallet_store_stat stat;
    LW_TRY(bench_home_make(b));
    LW_TRY(bench_fill(b, b->large, filling));
    LW_TRY(wallet_store_stat(wallet_home_store(b->home), &stat));
    filling->used_bytes = stat.used_bytes;
    LW_TRY(wallet_flow_publish_status(b->home, &published));
    LW_TRY(bench_holder_new(b, &l->holder));
    LW_TRY(wallet_verifier_online(b->home, &l->verifier));
    return read_size(l);
}

static lw_err run_op(struct bench_large *l, uint8_t op, double *value)
{
    size_t count = 0;
    const struct bench_large_op *ops = bench_large_ops(&count);
    LW_TRY(bench_go_on());
    if (op == BENCH_LARGE_START) {
        return start(l, value);
    }
    if (op == BENCH_LARGE_TOKEN) {
        return bench_take_h(l->b, l->b->quick ? H_COUNT_QUICK : H_COUNT, value);
    }
    return op < count ? ops[op].run(l, value)
                      : LW_FAIL(LW_E_MISUSE, "bench: no such measurement", LW_NOWHERE);
}

static lw_err answer_all(struct bench_large *l, int socket)
{
    uint8_t op = 0;
    struct answer answer = {.value = 0};
    while (receive(socket, &op, 1).code == LW_OK) {
        answer.err = run_op(l, op, &answer.value);
        LW_TRY(send_bytes(socket, &answer, sizeof(answer)));
    }
    return LW_SUCCESS; /* the other end has closed: enough */
}

static void serve(struct bench *b, int socket)
{
    struct bench_large l = {.b = b, .count = b->quick ? COUNT_QUICK : COUNT};
    struct bench_ready ready = {.filling = {.count = 0}};
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* taken between rounds, so that all is removed */
    ready.err = make_ready(&l, &ready.filling);
    if (send_bytes(socket, &ready, sizeof(ready)).code == LW_OK && ready.err.code == LW_OK) {
        (void)answer_all(&l, socket);
    }
    end_server(&l);
    wallet_verifier_free(l.verifier);
    bench_holder_free(l.holder);
    bench_home_remove(b);
    (void)close(socket);
}

lw_err bench_side_start(struct bench *b, size_t licenses, struct bench_side *side)
{
    int sockets[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
        return LW_FAIL(LW_E_IO, "bench: cannot make a socket", LW_NOWHERE);
    }
    (void)fflush(NULL);
    side->pid = fork();
    if (side->pid == 0) {
        (void)close(sockets[0]);
        b->large = licenses;
        serve(b, sockets[1]);
        _exit(0);
    }
    (void)close(sockets[1]);
    side->socket = sockets[0];
    return side->pid > 0 ? LW_SUCCESS
                         : LW_FAIL(LW_E_NOMEM, "bench: cannot start a process", LW_NOWHERE);
}

lw_err bench_side_ready(struct bench_side *side, struct bench_filling *filling)
{
    struct bench_ready ready;
    LW_TRY(receive(side->socket, &ready, sizeof(ready)));
    *filling = ready.filling;
    return ready.err;
}

lw_err bench_side_ask(struct bench_side *side, uint8_t op, double *value)
{
    struct answer answer;
    LW_TRY(bench_go_on());
    LW_TRY(send_bytes(side->socket, &op, 1));
    LW_TRY(receive(side->socket, &answer, sizeof(answer)));
    *value = answer.value;
    return answer.err;
}

void bench_side_end(struct bench_side *side)
{
    if (side->pid > 0) {
        (void)close(side->socket);
        (void)kill(side->pid, SIGTERM); /* where it is still filling */
        (void)waitpid(side->pid, NULL, 0);
        side->pid = 0;
    }
}
