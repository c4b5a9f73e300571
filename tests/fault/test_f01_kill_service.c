/*
 * F1, the service: `lw serve` is killed at any moment while clients have presentations verified.
 * Every record that it answered with is there, and the next one starts at once.
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "bytes.h"
#include "fault.h"
#include "kill_programs.h"

enum {
    ROUNDS_SHORT = 3,
    ROUNDS_FULL = 300,
    ALL_EACH = 100,
    PRESENT_EACH_S = 20, /* a presentation is good for 45 */
    CLIENTS = 2,
    WINDOW_US = 150000,
    START_MAX_US = 30000000,
    US_PER_S = 1000000,
    REPLY_BYTES = 16384,
};

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s: %s", lw_code_name(err.code), err.why);
    }
}

/* One request; the reply's bytes, or less when the service died. */
static size_t ask(unsigned port, lw_bytes request, char *reply, size_t room)
{
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr = {htonl(INADDR_LOOPBACK)}};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    size_t len = 0;
    if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0 &&
        send(fd, request.ptr, request.len, MSG_NOSIGNAL) == (ssize_t)request.len) {
        ssize_t n = 1;
        while (n > 0 && len < room - 1) {
            n = recv(fd, reply + len, room - 1 - len, 0);
            len += n > 0 ? (size_t)n : 0;
        }
    }
    (void)close(fd);
    reply[len] = '\0';
    return len;
}

struct client {
    pthread_t thread;
    struct kill_programs *run;
    unsigned index;
    lw_bytes request;
    const atomic_bool *stop;
};

static void *verify(void *arg)
{
    static const char member[] = "\"receipt\":\"";
    const struct client *c = arg;
    struct kill_ledger *ledger = c->run->ledger;
    char reply[REPLY_BYTES];
    while (!atomic_load(c->stop)) {
        const unsigned n = atomic_load(&ledger->receipt_count[c->index]);
        (void)ask(c->run->port, c->request, reply, sizeof(reply));
        const char *at = strstr(reply, member);
        if (n < KILL_RECEIPTS && strncmp(reply, "HTTP/1.1 200", 12) == 0 && at != NULL &&
            strchr(at + sizeof(member), '"') != NULL) {
            (void)snprintf(ledger->receipts[c->index][n], sizeof(ledger->receipts[0][0]), "%.30s",
                           at + sizeof(member) - 1);
            atomic_store(&ledger->receipt_count[c->index], n + 1);
            (void)atomic_fetch_add(&ledger->acked, 1);
        }
    }
    return NULL;
}

static void present(struct kill_programs *run, lw_buf *request)
{
    char key[SUPPORT_PATH_MAX];
    char out[SUPPORT_PATH_MAX];
    char head[256];
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    support_path(run->home.folder, "key.pem", key);
    support_path(run->home.folder, "shown.txt", out);
    (void)unlink(out);
    const char *const args[] = {"present", "S-1",   "--disclose", "legal_name", "--key",
                                key,       "--out", out,          NULL};
    kill_must_run(run, args);
    support_read_file(out, &text);
    while (text.len > 0 && text.ptr[text.len - 1] == '\n') {
        lw_buf_truncate(&text, text.len - 1);
    }
    (void)snprintf(head, sizeof(head),
                   "POST /api/v1/verifications HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                   "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n"
                   "{\"presentation\":\"",
                   text.len + 19);
    lw_buf_truncate(request, 0);
    must(lw_buf_put_c(request, head));
    must(lw_buf_put(request, lw_buf_view(&text)));
    must(lw_buf_put_c(request, "\"}"));
}

/* returns how long the start took, in microseconds */
static int64_t serve_round(struct kill_programs *run, lw_bytes request)
{
    static const char ready[] =
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    const char *const args[] = {"serve", NULL};
    char reply[REPLY_BYTES];
    atomic_bool stop = false;
    struct client clients[CLIENTS];
    const int64_t begun = kill_now_us();
    const pid_t pid = kill_start(run, args);
    do {
        kill_pause_us(1000);
        (void)ask(run->port, lw_str_bytes(lw_str_c(ready)), reply, sizeof(reply));
    } while (strncmp(reply, "HTTP/1.1 200", 12) != 0 && kill_now_us() - begun < START_MAX_US);
    const int64_t took = kill_now_us() - begun;
    if (took >= START_MAX_US) {
        kill_violation(run->ledger, "the service does not start", LW_SUCCESS);
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i] = (struct client){.run = run, .index = i, .request = request, .stop = &stop};
        assert_int_equal(pthread_create(&clients[i].thread, NULL, verify, &clients[i]), 0);
    }
    kill_pause_us(kill_below(WINDOW_US));
    (void)kill(pid, SIGKILL);
    (void)kill_ended(pid);
    atomic_store(&stop, true);
    for (unsigned i = 0; i < CLIENTS; i++) {
        (void)pthread_join(clients[i].thread, NULL);
    }
    return took;
}

static void a_service_that_was_killed_keeps_each_record_it_answered_with(void **state)
{
    (void)state;
    static struct kill_programs run;
    LW_AUTO_BUF request = LW_BUF(SUPPORT_TEXT_MAX);
    int64_t made_us = 0;
    int64_t longest_us = 0;
    const size_t rounds = support_fault_rounds(ROUNDS_SHORT, ROUNDS_FULL);
    kill_programs_make(&run);
    const char *const issue[] = {"license",  "issue",
                                 "--type",   "business-license",
                                 "--number", "S-1",
                                 "--holder", "999:1234-1",
                                 "--claim",  "legal_name=B",
                                 "--claim",  "address=1 Main Street",
                                 "--claim",  "category=Retail",
                                 "--claim",  "expiry_date=2099-01-15",
                                 NULL};
    kill_must_run(&run, issue);
    for (run.round = 1; run.round <= rounds; run.round++) {
        if (made_us == 0 || kill_now_us() - made_us > (int64_t)PRESENT_EACH_S * US_PER_S) {
            present(&run, &request);
            made_us = kill_now_us();
        }
        const int64_t took = serve_round(&run, lw_buf_view(&request));
        longest_us = took > longest_us ? took : longest_us;
        kill_look(&run, run.round % ALL_EACH == 0 || run.round == rounds);
        if (atomic_load(&run.ledger->violations) > 0) {
            break;
        }
    }
    char what[160];
    (void)snprintf(
        what, sizeof(what),
        "kill -9 of lw serve under recorded verifications: %llu acknowledged; from start "
        "to first answer %d ms at most",
        atomic_load(&run.ledger->acked), (int)(longest_us / 1000));
    const unsigned violations = atomic_load(&run.ledger->violations);
    support_fault_report("F1", what, rounds, violations);
    kill_programs_drop(&run);
    assert_true(atomic_load(&run.ledger->acked) > 0);
    if (violations > 0) {
        fail_msg("%u violations, the first: %s", violations, run.ledger->why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_service_that_was_killed_keeps_each_record_it_answered_with),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
