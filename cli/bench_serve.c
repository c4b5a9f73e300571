/* `lw serve` over the bench's home, as a process of its own. */
#define _GNU_SOURCE

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum { LOG_MAX = 256 * 1024, LOG_MODE = 0600, PATIENCE_MS = 20000, NAP_US = 10000 };

static lw_err spawn(struct bench *b, const char *log, pid_t *pid)
{
    char self[CLI_PATH_MAX];
    const ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (len <= 0) {
        return LW_FAIL(LW_E_IO, "bench: cannot find its own program", LW_NOWHERE);
    }
    self[len] = 0;
    char serve[] = "serve";
    char home[] = "--home";
    char *const argv[] = {self, serve, home, b->dir, NULL};
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions) != 0) {
        return LW_FAIL(LW_E_NOMEM, "bench: out of memory", LW_NOWHERE);
    }
    int rc = posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log,
                                              O_WRONLY | O_CREAT | O_TRUNC, LOG_MODE);
    rc = rc == 0 ? posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO) : rc;
    rc = rc == 0 ? posix_spawn(pid, self, &actions, NULL, argv, environ) : rc;
    (void)posix_spawn_file_actions_destroy(&actions);
    return rc == 0 ? LW_SUCCESS : LW_FAIL(LW_E_IO, "bench: cannot start `lw serve`", LW_NOWHERE);
}

/* The service says its port in the log line of its start. */
static unsigned port_in(const char *log)
{
    static const char name[] = " port=";
    LW_AUTO_BUF text = LW_BUF(LOG_MAX);
    const char *lines = NULL;
    if (cli_read(log, &text).code != LW_OK || lw_buf_c(&text, &lines).code != LW_OK) {
        return 0;
    }
    const char *started = strstr(lines, "event=started");
    const char *port = started == NULL ? NULL : strstr(started, name);
    return port == NULL ? 0 : (unsigned)strtoul(port + sizeof(name) - 1, NULL, 10);
}

lw_err bench_server_start(struct bench *b, struct bench_server *server)
{
    char log[CLI_PATH_MAX];
    const struct lw_clock *clock = b->cli->env.clock;
    *server = (struct bench_server){.pid = 0};
    bench_path(b, "serve.log", log);
    LW_TRY(spawn(b, log, &server->pid));
    const int64_t begin = lw_mono_ms(clock);
    while (server->port == 0) {
        if (waitpid(server->pid, NULL, WNOHANG) != 0) {
            server->pid = 0;
            return LW_FAIL(LW_E_IO, "bench: `lw serve` ended at once", LW_NOWHERE);
        }
        if (lw_mono_ms(clock) - begin > PATIENCE_MS) {
            return LW_FAIL(LW_E_TIMEOUT, "bench: `lw serve` does not start", LW_NOWHERE);
        }
        (void)usleep(NAP_US);
        server->port = port_in(log);
    }
    return LW_SUCCESS;
}

void bench_server_stop(struct bench_server *server)
{
    if (server->pid > 0) {
        (void)kill(server->pid, SIGTERM);
        (void)waitpid(server->pid, NULL, 0);
        server->pid = 0;
    }
}
