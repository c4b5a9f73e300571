#define _GNU_SOURCE

#include "acceptor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "listener.h"

enum { NAP_MS = 10, DESCRIPTORS_KEPT = 128 };

struct idp_acceptor {
    struct idp_acceptor_config config;
    int listen_fd;
    int wake_fd;   /* ends the loop */
    int spare_fd;  /* given up for a moment when no descriptors are left; -1: it is given up */
    bool short_of; /* descriptors; said once until there are some again */
    bool started;
    atomic_bool stopping;
    pthread_t thread;
};

unsigned idp_acceptor_room(unsigned asked)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
        return asked;
    }
    const rlim_t spare = limit.rlim_cur > (rlim_t)2 * DESCRIPTORS_KEPT
                             ? limit.rlim_cur - DESCRIPTORS_KEPT
                             : limit.rlim_cur / 2;
    return spare < asked ? (unsigned)spare : asked;
}

static int open_spare(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int accept_one(struct idp_acceptor *a, struct idp_accepted *accepted)
{
    *accepted = (struct idp_accepted){.from_len = sizeof(accepted->from)};
    accepted->fd = accept4(a->listen_fd, (struct sockaddr *)&accepted->from, &accepted->from_len,
                           SOCK_CLOEXEC | SOCK_NONBLOCK);
    return accepted->fd;
}

/* With the spare descriptor a peer is taken and let go, so that it need not wait for nothing. */
static void turn_away(struct idp_acceptor *a)
{
    struct idp_accepted accepted;
    if (!a->short_of) {
        a->short_of = true;
        lw_log_line(a->config.log, LW_WARN, "descriptors_short", NULL, 0);
    }
    if (a->spare_fd >= 0) {
        (void)close(a->spare_fd);
        a->spare_fd = -1;
        if (accept_one(a, &accepted) >= 0) {
            (void)close(accepted.fd);
        }
    }
    a->spare_fd = open_spare();
    (void)poll(NULL, 0, NAP_MS); /* some will be closed meanwhile */
}

/* Returns false when nobody waits. */
static bool serve_one(struct idp_acceptor *a)
{
    struct idp_accepted accepted;
    if (accept_one(a, &accepted) >= 0) {
        if (a->short_of) {
            a->short_of = false;
            lw_log_line(a->config.log, LW_INFO, "descriptors_again", NULL, 0);
        }
        a->config.take(a->config.ctx, &accepted);
        return true;
    }
    switch (errno) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        turn_away(a);
        return true;
    case ECONNABORTED:
    case EINTR:
        return true;
    default:
        return false;
    }
}

static void *run(void *arg)
{
    struct idp_acceptor *a = arg;
    struct pollfd fds[] = {{.fd = a->listen_fd, .events = POLLIN},
                           {.fd = a->wake_fd, .events = POLLIN}};
    while (!atomic_load(&a->stopping)) {
        if (poll(fds, 2, -1) > 0 && (fds[0].revents & POLLIN) != 0) {
            (void)serve_one(a);
        }
    }
    return NULL;
}

static lw_err start(struct idp_acceptor *a, unsigned *port)
{
    LW_TRY(idp_listener_open(a->config.listen, &a->listen_fd, port));
    a->wake_fd = eventfd(0, EFD_CLOEXEC);
    a->spare_fd = open_spare();
    if (a->wake_fd < 0 || a->spare_fd < 0 || pthread_create(&a->thread, NULL, run, a) != 0) {
        return LW_FAIL(LW_E_NOMEM, "acceptor: cannot start the accept loop", LW_NOWHERE);
    }
    a->started = true;
    return LW_SUCCESS;
}

lw_err idp_acceptor_start(const struct idp_acceptor_config *config, struct idp_acceptor **acceptor,
                          unsigned *port)
{
    struct idp_acceptor *a = calloc(1, sizeof(*a));
    if (a == NULL) {
        return LW_FAIL(LW_E_NOMEM, "acceptor: out of memory", LW_NOWHERE);
    }
    a->config = *config;
    a->listen_fd = -1;
    a->wake_fd = -1;
    a->spare_fd = -1;
    const lw_err err = start(a, port);
    if (err.code != LW_OK) {
        idp_acceptor_stop(a);
        return err;
    }
    *acceptor = a;
    return LW_SUCCESS;
}

static void close_open(int fd)
{
    if (fd >= 0) {
        (void)close(fd);
    }
}

void idp_acceptor_stop(struct idp_acceptor *a)
{
    if (a == NULL) {
        return;
    }
    if (a->started) {
        const uint64_t one = 1;
        atomic_store(&a->stopping, true);
        const ssize_t written = write(a->wake_fd, &one, sizeof(one));
        (void)written; /* an eventfd takes it */
        (void)pthread_join(a->thread, NULL);
        /* Who connected before the end may have sent a request, and is to get its answer. */
        while (!a->short_of && serve_one(a)) {
        }
    }
    close_open(a->listen_fd);
    close_open(a->wake_fd);
    close_open(a->spare_fd);
    free(a);
}
