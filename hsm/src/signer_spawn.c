#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pool_private.h"

void signer_arg(struct signer_command *command, const char *name, const char *value)
{
    command->args[command->arg_count] = name;
    command->args[command->arg_count + 1] = value;
    command->arg_count += 2;
}

void signer_number(char text[SIGNER_NUMBER_MAX], int64_t n)
{
    (void)snprintf(text, SIGNER_NUMBER_MAX, "%lld", (long long)n);
}

/*
 * Our environment, since modules are configured by it, with SoftHSM's own setting. The array is
 * the caller's to free; `setting` owns the new text.
 */
static lw_err make_environment(const char *softhsm_conf, lw_buf *setting, char ***env)
{
    static const char name[] = "SOFTHSM2_CONF=";
    size_t count = 0;
    while (environ[count] != NULL) {
        count++;
    }
    char **copy = calloc(count + 2, sizeof(*copy));
    if (copy == NULL) {
        return LW_FAIL(LW_E_NOMEM, "pool: out of memory", LW_NOWHERE);
    }
    *env = copy;
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (softhsm_conf == NULL || strncmp(environ[i], name, sizeof(name) - 1) != 0) {
            copy[used] = environ[i];
            used++;
        }
    }
    if (softhsm_conf == NULL) {
        return LW_SUCCESS;
    }
    LW_TRY(lw_buf_put_c(setting, name));
    LW_TRY(lw_buf_put(setting, (lw_bytes){.ptr = (const uint8_t *)softhsm_conf,
                                          .len = strlen(softhsm_conf) + 1}));
    copy[used] = (char *)setting->ptr;
    return LW_SUCCESS;
}

static int spawn_with(const struct signer_command *command, int socket_fd, char **env, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t all;
    sigset_t none;
    char *argv[SIGNER_ARGS_MAX + 3] = {NULL};
    /* posix_spawn() takes char *const[] for historical reasons and writes nothing. */
    const char *const head[] = {command->program, command->mode};
    memcpy(argv, head, sizeof(head));
    memcpy(argv + 2, command->args, command->arg_count * sizeof(argv[0]));
    int rc = posix_spawn_file_actions_init(&actions);
    if (rc != 0) {
        return rc;
    }
    rc = posix_spawnattr_init(&attr);
    if (rc != 0) {
        (void)posix_spawn_file_actions_destroy(&actions);
        return rc;
    }
    (void)sigfillset(&all);
    (void)sigemptyset(&none);
    (void)posix_spawnattr_setsigdefault(&attr, &all);
    (void)posix_spawnattr_setsigmask(&attr, &none);
    /* A group of its own: Ctrl-C on the terminal is for the caller, who still has it sign. */
    (void)posix_spawnattr_setpgroup(&attr, 0);
    (void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETPGROUP);
    if (command->stderr_fd >= 0) {
        rc = posix_spawn_file_actions_adddup2(&actions, command->stderr_fd, STDERR_FILENO);
    }
    rc = rc == 0 ? posix_spawn_file_actions_adddup2(&actions, socket_fd, HSM_WIRE_FD) : rc;
    /* No descriptor of ours, the store's least of all, reaches the signer. */
    rc = rc == 0 ? posix_spawn_file_actions_addclosefrom_np(&actions, HSM_WIRE_FD + 1) : rc;
    rc = rc == 0 ? posix_spawn(pid, command->program, &actions, &attr, argv, env) : rc;
    (void)posix_spawnattr_destroy(&attr);
    (void)posix_spawn_file_actions_destroy(&actions);
    return rc;
}

lw_err signer_spawn(const struct signer_command *command, pid_t *pid, int *fd)
{
    enum { SETTING_MAX = 8192 };
    LW_AUTO_BUF setting = LW_BUF(SETTING_MAX);
    char **env = NULL;
    int ends[2] = {-1, -1};
    lw_err err = make_environment(command->softhsm_conf, &setting, &env);
    if (err.code == LW_OK && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        err = LW_FAIL(LW_E_IO, "pool: no socket for a signer", LW_NOWHERE);
    }
    if (err.code == LW_OK &&
        (fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0 || spawn_with(command, ends[1], env, pid) != 0)) {
        err = LW_FAIL(LW_E_IO, "pool: lw-signer cannot be started", LW_NOWHERE);
        (void)close(ends[0]);
        ends[0] = -1;
    }
    if (ends[1] >= 0) {
        (void)close(ends[1]);
    }
    free(env);
    *fd = ends[0];
    return err;
}

lw_err signer_run(const struct signer_command *command, int timeout_ms, struct hsm_wire *reply)
{
    pid_t pid = -1;
    int fd = -1;
    int rc = 0;
    LW_TRY(signer_spawn(command, &pid, &fd));
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    do {
        rc = poll(&poll_fd, 1, timeout_ms);
    } while (rc < 0 && errno == EINTR);
    const ssize_t got = rc == 1 ? recv(fd, reply, sizeof(*reply), 0) : -1;
    (void)close(fd);
    (void)kill(pid, SIGKILL); /* it has said its word, or never will */
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
        continue;
    }
    if (rc == 0) {
        return LW_FAIL(LW_E_TIMEOUT, "pool: lw-signer did not answer", LW_NOWHERE);
    }
    if (got != (ssize_t)sizeof(*reply)) {
        return LW_FAIL(LW_E_IO, "pool: lw-signer ended without an answer", LW_NOWHERE);
    }
    return hsm_wire_error(reply->result);
}
