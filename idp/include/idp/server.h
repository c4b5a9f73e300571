/*
 * The HTTP server: one thread a core that reads, computes and writes; an accept loop that feeds
 * them in turn; a bounded pool of workers for handlers that wait (DESIGN section 4).
 */
#ifndef IDP_SERVER_H
#define IDP_SERVER_H

#include "idp/http.h"
#include "lw/clock.h"
#include "lw/log.h"
#include "lw/rng.h"

struct idp_server;

struct idp_server_config {
    const char *listen; /* "127.0.0.1:8080", "[::1]:0" or "unix:/path" */
    unsigned threads;
    unsigned workers;
    unsigned queue_max; /* requests waiting for a worker; past it 503 */
    /* At once, over all threads; past it new ones are closed. Fewer where the process may not have
     * the descriptors: 128 of them stay for the store, signers and pictures. */
    unsigned connections;
    size_t body_max;     /* bytes of any body, whatever its route allows; 0: the route decides */
    int64_t deadline_ms; /* of one request, from its first byte to its last */
    const struct idp_route *routes;
    size_t route_count;
    struct idp_service *service; /* passed to handlers */
    const struct lw_clock *clock;
    const struct lw_rng *rng;
    const struct lw_log *log;
};

/** Start. errors  LW_E_IO  the address cannot be bound; LW_E_VALUE  it is none; LW_E_NOMEM */
LW_MUST_USE lw_err idp_server_start(const struct idp_server_config *config,
                                    struct idp_server **server);

/** Return the bound port, or 0 for a unix socket. */
unsigned idp_server_port(const struct idp_server *server);

/** Set body_max and deadline_ms anew, for requests and connections that begin from now on. */
void idp_server_limit(struct idp_server *server, size_t body_max, int64_t deadline_ms);

/** Accept no more, let requests under way end within `drain_ms`, then close and free. */
void idp_server_stop(struct idp_server *server, int64_t drain_ms);

#endif
