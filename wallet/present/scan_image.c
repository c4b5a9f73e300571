/* The caller's side of lw-scan: one process for each image, ended at its deadline. */
#define _GNU_SOURCE

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lw/clock.h"
#include "scan/scan.h"
#include "wallet/flow_verify.h"

enum { SCAN_DEADLINE_MS = 10000 };

static lw_err start(const char *program, pid_t *pid, int *fd)
{
    int pair[2];
    posix_spawn_file_actions_t actions;
    char name[] = "lw-scan";
    char *const argv[] = {name, NULL};
    char *const envp[] = {NULL};
    /* Sockets rather than pipes: writing to one whose reader died must not raise SIGPIPE. */
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        return LW_FAIL(LW_E_IO, "scan: no socket", LW_NOWHERE);
    }
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_adddup2(&actions, pair[1], STDIN_FILENO);
    (void)posix_spawn_file_actions_adddup2(&actions, pair[1], STDOUT_FILENO);
    const int failed = posix_spawn(pid, program, &actions, NULL, argv, envp);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(pair[1]);
    if (failed != 0) {
        (void)close(pair[0]);
        return LW_FAIL(LW_E_IO, "scan: cannot start lw-scan", LW_NOWHERE);
    }
    *fd = pair[0];
    return LW_SUCCESS;
}

/* Sends what the socket takes now; shuts the sending side once all is sent. */
static lw_err feed(int fd, lw_bytes *left)
{
    const ssize_t put = send(fd, left->ptr, left->len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (put < 0) {
        if (errno == EAGAIN || errno == EINTR) {
            return LW_SUCCESS;
        }
        left->len = 0; /* it ended early: its exit code says why */
        return LW_SUCCESS;
    }
    *left = (lw_bytes){.ptr = left->ptr + put, .len = left->len - (size_t)put};
    if (left->len == 0) {
        (void)shutdown(fd, SHUT_WR);
    }
    return LW_SUCCESS;
}

static lw_err talk(int fd, lw_bytes image, lw_buf *text)
{
    const int64_t until = lw_mono_ms(lw_clock_system()) + SCAN_DEADLINE_MS;
    uint8_t chunk[4096];
    while (true) {
        const int64_t left_ms = until - lw_mono_ms(lw_clock_system());
        struct pollfd p = {.fd = fd, .events = (short)(image.len > 0 ? POLLIN | POLLOUT : POLLIN)};
        if (left_ms <= 0 || poll(&p, 1, (int)left_ms) == 0) {
            return LW_FAIL(LW_E_TIMEOUT, "scan: the image takes too long", LW_NOWHERE);
        }
        if (image.len > 0 && (p.revents & POLLOUT) != 0) {
            LW_TRY(feed(fd, &image));
        }
        if ((p.revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
            const ssize_t got = recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT);
            if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
                return LW_SUCCESS;
            }
            if (got > 0) {
                LW_TRY(lw_buf_put(text, (lw_bytes){.ptr = chunk, .len = (size_t)got}));
            }
        }
    }
}

static lw_err judge(int status)
{
    if (!WIFEXITED(status)) {
        return LW_FAIL(LW_E_SYNTAX, "scan: the image could not be read within its bounds",
                       LW_NOWHERE);
    }
    switch ((enum scan_exit)WEXITSTATUS(status)) {
    case SCAN_FOUND:
        return LW_SUCCESS;
    case SCAN_NO_CODE:
        return LW_FAIL(LW_E_NOT_FOUND, "scan: there is no QR code in the image", LW_NOWHERE);
    case SCAN_NO_IMAGE:
        return LW_FAIL(LW_E_SYNTAX, "scan: this is no PNG or JPEG image", LW_NOWHERE);
    case SCAN_TOO_LARGE:
        return LW_FAIL(LW_E_LIMIT, "scan: the image is too large", LW_NOWHERE);
    case SCAN_FAILED:
        break;
    }
    return LW_FAIL(LW_E_IO, "scan: lw-scan failed", LW_NOWHERE);
}

lw_err wallet_scan_image(const char *scan_program, lw_bytes image, lw_buf *text)
{
    pid_t pid = 0;
    int fd = -1;
    int status = 0;
    const size_t before = text->len;
    if (image.len > SCAN_INPUT_MAX) {
        return LW_FAIL(LW_E_LIMIT, "scan: the image is too large", LW_NOWHERE);
    }
    if (image.len == 0) {
        return LW_FAIL(LW_E_SYNTAX, "scan: this is no PNG or JPEG image", 0);
    }
    LW_TRY(start(scan_program, &pid, &fd));
    lw_err err = talk(fd, image, text);
    if (err.code != LW_OK) {
        (void)kill(pid, SIGKILL);
    }
    (void)close(fd);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    err = err.code == LW_OK ? judge(status) : err;
    if (err.code != LW_OK) {
        lw_buf_truncate(text, before);
    }
    return err;
}
