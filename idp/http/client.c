/* Outgoing HTTP: bounded in time, size and hops, and to addresses that are not ours inside. */
#define _GNU_SOURCE

#include "idp/client.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { URI_MAX = 2048, HEADER_MAX = 256, REDIRECTS_MAX = 8 };

struct transfer {
    const struct idp_fetch_limits *limits;
    lw_buf *body;
    size_t before;      /* length of `body` at the start */
    bool loopback_only; /* http: what it says can be altered on any longer way */
    bool too_large;
    bool bad_address;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void start_library(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

static size_t on_data(char *data, size_t size, size_t count, void *ctx)
{
    struct transfer *t = ctx;
    const size_t len = size * count;
    if (len > t->limits->body_max - (t->body->len - t->before) ||
        lw_buf_put(t->body, (lw_bytes){.ptr = (const uint8_t *)data, .len = len}).code != LW_OK) {
        t->too_large = true;
        return 0; /* ends the transfer */
    }
    return len;
}

static bool is_loopback4(uint32_t a)
{
    return a >> 24 == 127;
}

/* Special-purpose ranges (RFC 6890) that a public address never lies in. */
static bool is_inside4(uint32_t a)
{
    static const struct {
        uint32_t net;
        unsigned bits;
    } ranges[] = {
        {0x00000000, 8},  {0x0a000000, 8},  {0x64400000, 10}, {0x7f000000, 8},  {0xa9fe0000, 16},
        {0xac100000, 12}, {0xc0000000, 24}, {0xc0000200, 24}, {0xc0a80000, 16}, {0xc6120000, 15},
        {0xc6336400, 24}, {0xcb007100, 24}, {0xe0000000, 4},  {0xf0000000, 4},
    };
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        if ((a ^ ranges[i].net) >> (32 - ranges[i].bits) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in4;
        memcpy(&in4, address, sizeof(in4));
        return is_loopback4(ntohl(in4.sin_addr.s_addr));
    }
    struct sockaddr_in6 in6 = {.sin6_family = AF_UNSPEC};
    if (address->sa_family == AF_INET6) {
        memcpy(&in6, address, sizeof(in6));
    }
    return address->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr);
}

static bool address_allowed(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in4;
        memcpy(&in4, address, sizeof(in4));
        return !is_inside4(ntohl(in4.sin_addr.s_addr));
    }
    if (address->sa_family != AF_INET6) {
        return false;
    }
    struct sockaddr_in6 in6;
    memcpy(&in6, address, sizeof(in6));
    /* Only global unicast, 2000::/3; the mapped, translated and documentation ranges are not it. */
    const uint8_t *b = in6.sin6_addr.s6_addr;
    return b[0] >> 5 == 1 && !(b[0] == 0x20 && b[1] == 0x02) &&
           !(b[0] == 0x20 && b[1] == 0x01 && b[2] < 2) &&
           !(b[0] == 0x20 && b[1] == 0x01 && b[2] == 0x0d && b[3] == 0xb8);
}

/* Asked with each address after its name was resolved, for each hop: a name cannot lie to it. */
static curl_socket_t on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct transfer *t = ctx;
    (void)purpose;
    const bool loopback =
        address->family == AF_UNIX || (t->limits->loopback_http && is_loopback(&address->addr));
    if (!loopback && (t->loopback_only || !address_allowed(&address->addr))) {
        t->bad_address = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static lw_err set_up(CURL *curl, struct transfer *t, const char *uri, struct curl_slist *headers)
{
    const char *protocols = t->loopback_only ? "http" : "https";
    const unsigned hops =
        t->limits->redirects < REDIRECTS_MAX ? t->limits->redirects : REDIRECTS_MAX;
    const bool ok =
        curl_easy_setopt(curl, CURLOPT_URL, uri) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, protocols) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, protocols) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, hops > 0 ? 1L : 0L) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_MAXREDIRS, (long)hops) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)t->limits->timeout_ms) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, t->limits->socket) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, t) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_open) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, t) == CURLE_OK;
    return ok ? LW_SUCCESS : LW_FAIL(LW_E_NETWORK, "client: cannot set up a request", LW_NOWHERE);
}

static lw_err outcome(CURLcode code, const struct transfer *t)
{
    if (t->bad_address || code == CURLE_UNSUPPORTED_PROTOCOL) {
        return LW_FAIL(LW_E_DENIED, "client: the address is not allowed", LW_NOWHERE);
    }
    if (t->too_large) {
        return LW_FAIL(LW_E_LIMIT, "client: the answer is larger than allowed", LW_NOWHERE);
    }
    if (code == CURLE_OPERATION_TIMEDOUT) {
        return LW_FAIL(LW_E_TIMEOUT, "client: no answer in time", LW_NOWHERE);
    }
    if (code != CURLE_OK) {
        return LW_FAIL(LW_E_NETWORK, "client: the server cannot be reached", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

static void keep_type(CURL *curl, struct idp_fetch_result *result)
{
    char *type = NULL;
    size_t n = 0;
    result->content_type[0] = 0;
    if (curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type) != CURLE_OK || type == NULL) {
        return;
    }
    for (; type[n] != 0 && type[n] != ';' && type[n] != ' ' && n < sizeof(result->content_type) - 1;
         n++) {
        const char c = type[n];
        result->content_type[n] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
    }
    result->content_type[n] = 0;
}

static lw_err run(CURL *curl, struct transfer *t, lw_str uri, struct curl_slist *headers,
                  struct idp_fetch_result *result)
{
    LW_AUTO_BUF text = LW_BUF(URI_MAX + 1);
    const char *whole = NULL;
    LW_TRY(lw_buf_put_str(&text, uri));
    LW_TRY(lw_buf_c(&text, &whole));
    t->loopback_only = t->limits->loopback_http && lw_str_starts(uri, LW_STR("http://"));
    LW_TRY(set_up(curl, t, whole, headers));
    const lw_err err = outcome(curl_easy_perform(curl), t);
    if (err.code == LW_OK) {
        (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &result->status);
        keep_type(curl, result);
    }
    return err;
}

static lw_err with_header(const char *name, const char *value, struct curl_slist **headers)
{
    LW_AUTO_BUF line = LW_BUF(HEADER_MAX);
    const char *text = NULL;
    LW_TRY(lw_buf_put_c(&line, name));
    LW_TRY(lw_buf_put_c(&line, value));
    LW_TRY(lw_buf_c(&line, &text));
    *headers = curl_slist_append(NULL, text);
    return *headers == NULL ? LW_FAIL(LW_E_NOMEM, "client: out of memory", LW_NOWHERE) : LW_SUCCESS;
}

/* `rest` begins with a host; what may follow it is a port or a path. */
static bool host_is_loopback(lw_str rest)
{
    static const char *const names[] = {"localhost", "[::1]"};
    static const char ends[] = {'/', '?', '#'};
    size_t len = 0;
    while (len < rest.len && memchr(ends, rest.ptr[len], sizeof(ends)) == NULL) {
        len++;
    }
    lw_str host = {.ptr = rest.ptr, .len = len};
    for (size_t i = 0; i < 2; i++) {
        const size_t n = strlen(names[i]);
        if (lw_str_starts(host, lw_str_c(names[i])) && (host.len == n || host.ptr[n] == ':')) {
            return memchr(host.ptr, '@', host.len) == NULL;
        }
    }
    /* Digits and dots only: "127.example.org" is a name. */
    size_t n = 0;
    while (n < host.len && ((host.ptr[n] >= '0' && host.ptr[n] <= '9') || host.ptr[n] == '.')) {
        n++;
    }
    return lw_str_starts(host, LW_STR("127.")) && (n == host.len || host.ptr[n] == ':') &&
           memchr(host.ptr, '@', host.len) == NULL;
}

lw_err idp_fetch(const struct idp_fetch_limits *limits, lw_str uri, const char *accept,
                 lw_buf *body, struct idp_fetch_result *result)
{
    (void)pthread_once(&once, start_library);
    struct transfer t = {.limits = limits, .body = body, .before = body->len};
    struct curl_slist *headers = NULL;
    *result = (struct idp_fetch_result){.status = 0};
    LW_TRY(with_header("Accept: ", accept, &headers));
    CURL *curl = curl_easy_init();
    lw_err err = curl == NULL ? LW_FAIL(LW_E_NOMEM, "client: out of memory", LW_NOWHERE)
                              : run(curl, &t, uri, headers, result);
    if (err.code == LW_OK && (result->status < 200 || result->status > 299)) {
        err = LW_FAIL(LW_E_NETWORK, "client: the server did not give the document", LW_NOWHERE);
    }
    if (err.code == LW_OK && limits->exact_type && strcmp(result->content_type, accept) != 0) {
        err = LW_FAIL(LW_E_NETWORK, "client: the answer is of another type than was asked for",
                      LW_NOWHERE);
    }
    if (err.code != LW_OK) {
        lw_buf_truncate(body, t.before);
    }
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    return err;
}

bool idp_uri_is_loopback(lw_str uri)
{
    const lw_str schemes[] = {LW_STR("http://"), LW_STR("https://")};
    for (size_t i = 0; i < 2; i++) {
        if (lw_str_starts(uri, schemes[i])) {
            return host_is_loopback(lw_str_from(uri, schemes[i].len));
        }
    }
    return false;
}

lw_err idp_post(const struct idp_fetch_limits *limits, lw_str uri, const char *content_type,
                lw_bytes sent, lw_buf *body, struct idp_fetch_result *result)
{
    (void)pthread_once(&once, start_library);
    const struct idp_fetch_limits no_hops = {.timeout_ms = limits->timeout_ms,
                                             .body_max = limits->body_max,
                                             .loopback_http = limits->loopback_http,
                                             .socket = limits->socket,
                                             .redirects = 0};
    struct transfer t = {.limits = &no_hops, .body = body, .before = body->len};
    struct curl_slist *headers = NULL;
    *result = (struct idp_fetch_result){.status = 0};
    LW_TRY(with_header("Content-Type: ", content_type, &headers));
    CURL *curl = curl_easy_init();
    lw_err err = LW_FAIL(LW_E_NOMEM, "client: out of memory", LW_NOWHERE);
    if (curl != NULL) {
        const bool ok =
            curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)sent.len) == CURLE_OK &&
            curl_easy_setopt(curl, CURLOPT_POSTFIELDS,
                             sent.len == 0 ? "" : (const void *)sent.ptr) == CURLE_OK;
        err = ok ? run(curl, &t, uri, headers, result) : err;
    }
    if (err.code != LW_OK) {
        lw_buf_truncate(body, t.before);
    }
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    return err;
}
