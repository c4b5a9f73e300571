/*
 * The accept loop: a thread that takes connections and hands them on. Ours rather than the server
 * library's: with a shared listener two threads can fall to one's speed (DESIGN section 4).
 * Private to idp/http.
 */
#ifndef IDP_ACCEPTOR_H
#define IDP_ACCEPTOR_H

#include <sys/socket.h>

#include "lw/err.h"
#include "lw/log.h"

struct idp_acceptor;

/* A connection as it was accepted: non-blocking, close-on-exec. */
struct idp_accepted {
    int fd;
    struct sockaddr_storage from;
    socklen_t from_len;
};

struct idp_acceptor_config {
    const char *listen;                                           /* as idp_listener_open() */
    void (*take)(void *ctx, const struct idp_accepted *accepted); /* closes `fd`, sooner or later */
    void *ctx;
    const struct lw_log *log; /* may be NULL */
};

/**
 * Listen and start the thread. When no descriptors are left it tells a peer so by closing its
 * connection, and goes on: others end and leave theirs.
 *
 * port    the bound port, 0 for a unix socket
 * errors  as idp_listener_open(); LW_E_NOMEM
 */
LW_MUST_USE lw_err idp_acceptor_start(const struct idp_acceptor_config *config,
                                      struct idp_acceptor **acceptor, unsigned *port);

/** Return how many connections there may be at once: as many as asked for, or fewer where the
 * process may not have the descriptors, of which some stay for the store, signers and pictures. */
unsigned idp_acceptor_room(unsigned asked);

/** Hand on what has connected already, then close the listener and free. Accepts NULL. */
void idp_acceptor_stop(struct idp_acceptor *acceptor);

#endif
