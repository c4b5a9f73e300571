/* The table of routes: method and path to handler; and the choice of a media type. */
#include "idp/http.h"

enum { SEGMENT_MAX = 128, QUALITY_ONE = 1000 };

bool idp_waits_always(const struct idp_request *request)
{
    (void)request;
    return true;
}

static bool is_segment(lw_str s)
{
    if (s.len == 0 || s.len > SEGMENT_MAX || lw_str_is(s, ".") || lw_str_is(s, "..")) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        const char c = s.ptr[i];
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~';
        if (!plain) {
            return false;
        }
    }
    return true;
}

/* Compares segment by segment; fills the parameters as it goes. */
static bool path_matches(const char *pattern, struct idp_request *request)
{
    lw_str left = lw_str_c(pattern);
    lw_str path = request->path;
    request->param_count = 0;
    while (true) {
        lw_str want = {NULL, 0};
        lw_str have = {NULL, 0};
        const bool more_want = lw_str_split(left, '/', &want, &left);
        const bool more_have = lw_str_split(path, '/', &have, &path);
        if (want.len > 0 && want.ptr[0] == '{') {
            if (!is_segment(have) || request->param_count == IDP_PARAMS_MAX) {
                return false;
            }
            request->params[request->param_count++] = have;
        } else if (!lw_str_eq(want, have)) {
            return false;
        }
        if (more_want != more_have) {
            return false;
        }
        if (!more_want) {
            return true;
        }
    }
}

enum idp_match idp_route_find(const struct idp_route *routes, size_t count,
                              struct idp_request *request, const struct idp_route **route)
{
    enum idp_match best = IDP_NO_PATH;
    for (size_t i = 0; i < count; i++) {
        if (!path_matches(routes[i].path, request)) {
            continue;
        }
        if (routes[i].method == request->method) {
            *route = &routes[i];
            return IDP_FOUND;
        }
        best = IDP_NO_METHOD;
    }
    request->param_count = 0;
    return best;
}

const char *idp_route_allows(const struct idp_route *routes, size_t count,
                             const struct idp_request *request)
{
    struct idp_request at = *request;
    bool get = false;
    bool post = false;
    for (size_t i = 0; i < count; i++) {
        if (path_matches(routes[i].path, &at)) {
            get = get || routes[i].method == IDP_GET;
            post = post || routes[i].method == IDP_POST;
        }
    }
    if (get) {
        return post ? "GET, HEAD, POST" : "GET, HEAD";
    }
    return post ? "POST" : NULL;
}

static lw_str trim(lw_str s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
        s = lw_str_from(s, 1);
    }
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t')) {
        s.len--;
    }
    return s;
}

/* Our tags hold no comma, so a list may be split at each. */
bool idp_tag_matches(lw_str if_none_match, lw_str tag)
{
    lw_str left = trim(if_none_match);
    if (lw_str_is(left, "*")) {
        return true;
    }
    while (left.len > 0) {
        lw_str item = {NULL, 0};
        (void)lw_str_split(left, ',', &item, &left);
        item = trim(item);
        item = lw_str_starts(item, LW_STR("W/")) ? lw_str_from(item, 2) : item;
        if (lw_str_eq(item, tag)) {
            return true;
        }
    }
    return false;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool idp_same_type(lw_str a, lw_str b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.ptr[i]) != lower(b.ptr[i])) {
            return false;
        }
    }
    return true;
}

/* Reads "0.5" or "1" as thousandths; what is malformed counts as not wanted. */
static unsigned read_quality(lw_str text)
{
    unsigned value = 0;
    unsigned scale = QUALITY_ONE;
    if (text.len == 0 || text.len > 5 || (text.ptr[0] != '0' && text.ptr[0] != '1') ||
        (text.len > 1 && text.ptr[1] != '.')) {
        return 0;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (i == 1) {
            continue;
        }
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return 0;
        }
        value += (unsigned)(text.ptr[i] - '0') * scale;
        scale /= 10;
    }
    return value > QUALITY_ONE ? QUALITY_ONE : value;
}

/* How closely a range names the type: 3 exactly, 2 its kind, 1 anything, 0 not at all. */
static unsigned closeness(lw_str range, lw_str type)
{
    lw_str kind = {NULL, 0};
    lw_str rest = {NULL, 0};
    (void)lw_str_split(type, '/', &kind, &rest);
    if (idp_same_type(range, type)) {
        return 3;
    }
    if (lw_str_is(range, "*/*")) {
        return 1;
    }
    return range.len == kind.len + 2 && lw_str_starts(range, kind) &&
                   lw_str_is(lw_str_from(range, kind.len), "/*")
               ? 2
               : 0;
}

unsigned idp_accepts(lw_str accept, lw_str media_type)
{
    unsigned best_closeness = 0;
    unsigned quality = 0;
    accept = trim(accept);
    if (accept.len == 0) {
        return QUALITY_ONE;
    }
    while (accept.len > 0) {
        lw_str item = {NULL, 0};
        lw_str range = {NULL, 0};
        lw_str params = {NULL, 0};
        unsigned wanted = QUALITY_ONE;
        (void)lw_str_split(accept, ',', &item, &accept);
        (void)lw_str_split(item, ';', &range, &params);
        while (params.len > 0) {
            lw_str param = {NULL, 0};
            (void)lw_str_split(params, ';', &param, &params);
            param = trim(param);
            if (lw_str_starts(param, LW_STR("q="))) {
                wanted = read_quality(lw_str_from(param, 2));
            }
        }
        const unsigned close = closeness(trim(range), media_type);
        if (close > best_closeness) {
            best_closeness = close;
            quality = wanted;
        }
    }
    return quality;
}

enum idp_method idp_method_of(const char *name)
{
    if (strcmp(name, "GET") == 0 || strcmp(name, "HEAD") == 0) {
        return IDP_GET;
    }
    return strcmp(name, "POST") == 0 ? IDP_POST : IDP_OTHER;
}

bool idp_route_take(const struct idp_route *routes, size_t count, struct idp_request *request,
                    struct idp_reply *reply, const struct idp_route **route)
{
    switch (idp_route_find(routes, count, request, route)) {
    case IDP_NO_PATH:
        idp_reply_problem(reply, request, &idp_problem_no_path);
        return false;
    case IDP_NO_METHOD:
        idp_reply_problem(reply, request, &idp_problem_no_method);
        idp_reply_header(reply, "Allow", lw_str_c(idp_route_allows(routes, count, request)));
        return false;
    case IDP_FOUND:
        break;
    }
    return true;
}
