#define _GNU_SOURCE

#include "listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lw/buf.h"

enum { BACKLOG = 1024, HOST_MAX = 128, UNIX_MODE = 0660 };

static lw_err bind_failed(int fd)
{
    const bool taken = errno == EADDRINUSE;
    (void)close(fd);
    return taken ? LW_FAIL(LW_E_CONFLICT, "listener: the address is in use", LW_NOWHERE)
                 : LW_FAIL(LW_E_IO, "listener: cannot bind the address", LW_NOWHERE);
}

/* A socket file that nobody answers on is left from a process that was killed. */
static void remove_stale(const struct sockaddr_un *address)
{
    const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct stat info;
    if (probe < 0) {
        return;
    }
    if (stat(address->sun_path, &info) == 0 && S_ISSOCK(info.st_mode) &&
        connect(probe, (const struct sockaddr *)address, sizeof(*address)) != 0 &&
        errno == ECONNREFUSED) {
        (void)unlink(address->sun_path);
    }
    (void)close(probe);
}

static lw_err open_unix(lw_str path, int *fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (path.len == 0 || path.len >= sizeof(address.sun_path)) {
        return LW_FAIL(LW_E_VALUE, "listener: the socket's path is empty or too long", LW_NOWHERE);
    }
    memcpy(address.sun_path, path.ptr, path.len);
    remove_stale(&address);
    const int made = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (made < 0) {
        return LW_FAIL(LW_E_IO, "listener: no socket", LW_NOWHERE);
    }
    if (bind(made, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        chmod(address.sun_path, UNIX_MODE) != 0 || listen(made, BACKLOG) != 0) {
        return bind_failed(made);
    }
    *fd = made;
    return LW_SUCCESS;
}

/* Splits "host:port", the host of IPv6 in brackets. */
static bool split_address(lw_str text, char host[HOST_MAX], char port[8])
{
    size_t colon = text.len;
    while (colon > 0 && text.ptr[colon - 1] != ':') {
        colon--;
    }
    if (colon < 2) {
        return false;
    }
    lw_str name = {text.ptr, colon - 1};
    const lw_str number = lw_str_from(text, colon);
    if (name.len > 2 && name.ptr[0] == '[' && name.ptr[name.len - 1] == ']') {
        name = (lw_str){name.ptr + 1, name.len - 2};
    }
    if (name.len >= HOST_MAX || number.len == 0 || number.len >= 8) {
        return false;
    }
    memcpy(host, name.ptr, name.len);
    host[name.len] = 0;
    memcpy(port, number.ptr, number.len);
    port[number.len] = 0;
    return true;
}

static unsigned port_of(int fd)
{
    struct sockaddr_storage bound = {0};
    socklen_t size = sizeof(bound);
    if (getsockname(fd, (struct sockaddr *)&bound, &size) != 0) {
        return 0;
    }
    if (bound.ss_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, &bound, sizeof(in6));
        return ntohs(in6.sin6_port);
    }
    struct sockaddr_in in4;
    memcpy(&in4, &bound, sizeof(in4));
    return ntohs(in4.sin_port);
}

static lw_err open_tcp(const struct addrinfo *at, int *fd, unsigned *port)
{
    const int one = 1;
    const int made = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (made < 0) {
        return LW_FAIL(LW_E_IO, "listener: no socket", LW_NOWHERE);
    }
    if (setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
        bind(made, at->ai_addr, at->ai_addrlen) != 0 || listen(made, BACKLOG) != 0) {
        return bind_failed(made);
    }
    *fd = made;
    *port = port_of(made);
    return LW_SUCCESS;
}

lw_err idp_listener_open(const char *listen_at, int *fd, unsigned *port)
{
    const lw_str text = lw_str_c(listen_at);
    char host[HOST_MAX];
    char number[8];
    *port = 0;
    if (lw_str_starts(text, LW_STR("unix:"))) {
        return open_unix(lw_str_from(text, 5), fd);
    }
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                                   .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    if (!split_address(text, host, number) || getaddrinfo(host, number, &hints, &found) != 0) {
        return LW_FAIL(LW_E_VALUE, "listener: not an address and port", LW_NOWHERE);
    }
    const lw_err err = open_tcp(found, fd, port);
    freeaddrinfo(found);
    return err;
}
