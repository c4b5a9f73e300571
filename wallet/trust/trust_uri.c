#include "trust_uri.h"

static bool is_scheme(lw_str uri, lw_str *rest)
{
    static const lw_str schemes[] = {{.ptr = "https://", .len = 8}, {.ptr = "http://", .len = 7}};
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (lw_str_starts(uri, schemes[i])) {
            *rest = lw_str_from(uri, schemes[i].len);
            return true;
        }
    }
    return false;
}

/* Letters, digits and what paths use (RFC 3986 section 3.3), without '%', '?', '#' and '\'. */
static bool is_path_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != 0 && strchr("/-._~!$&'()*+,;=:", c) != NULL);
}

/* No '@': what stands before it would be taken for the host by a careless reader. */
static bool is_host_char(char c)
{
    return is_path_char(c) && c != '/';
}

static bool has_dot_segment(lw_str path)
{
    lw_str segment;
    while (path.len > 0) {
        (void)lw_str_split(path, '/', &segment, &path);
        if (lw_str_is(segment, ".") || lw_str_is(segment, "..")) {
            return true;
        }
    }
    return false;
}

bool trust_uri_is_plain(lw_str uri)
{
    lw_str rest;
    size_t host = 0;
    if (!is_scheme(uri, &rest)) {
        return false;
    }
    while (host < rest.len && is_host_char(rest.ptr[host])) {
        host++;
    }
    for (size_t i = host; i < rest.len; i++) {
        if (!is_path_char(rest.ptr[i])) {
            return false;
        }
    }
    return host > 0 && !has_dot_segment(lw_str_from(rest, host));
}

bool trust_uri_is_below(lw_str uri, lw_str prefix)
{
    if (!lw_str_starts(uri, prefix)) {
        return false;
    }
    return uri.len == prefix.len || prefix.ptr[prefix.len - 1] == '/' || uri.ptr[prefix.len] == '/';
}
