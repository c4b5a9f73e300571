/* The listening socket: an address on loopback or elsewhere, or a unix socket. */
#ifndef IDP_LISTENER_H
#define IDP_LISTENER_H

#include "lw/err.h"

/**
 * Bind and listen.
 *
 * listen  "127.0.0.1:8080", "[::1]:0" or "unix:/path" (a stale socket file is replaced)
 * fd      non-blocking, close-on-exec; the caller closes it
 * port    the bound port, 0 for a unix socket
 * errors  LW_E_VALUE  not an address; LW_E_CONFLICT  it is in use; LW_E_IO
 */
LW_MUST_USE lw_err idp_listener_open(const char *listen, int *fd, unsigned *port);

#endif
