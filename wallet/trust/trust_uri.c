#include "trust_uri.h"

/* Returns the length of "https://" or "http://", or 0. */
static size_t scheme_len(lw_str uri)
{
    static const lw_str schemes[] = {{.ptr = "https://", .len = 8}, {.ptr = "http://", .len = 7}};
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (lw_str_starts(uri, schemes[i])) {
            return schemes[i].len;
        }
    }
    return 0;
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
    const size_t host = scheme_len(uri);
    size_t path = host;
    while (path < uri.len && is_host_char(uri.ptr[path])) {
        path++;
    }
    for (size_t i = path; i < uri.len; i++) {
        if (!is_path_char(uri.ptr[i])) {
            return false;
        }
    }
    return host > 0 && path > host && !has_dot_segment(lw_str_from(uri, path));
}

bool trust_uri_is_below(lw_str uri, lw_str prefix)
{
    if (!lw_str_starts(uri, prefix)) {
        return false;
    }
    return uri.len == prefix.len || prefix.ptr[prefix.len - 1] == '/' || uri.ptr[prefix.len] == '/';
}
