#define _GNU_SOURCE

#include "http_expect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

bool support_contains(lw_str text, const char *part)
{
    return text.len > 0 && memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

void support_expect_header(const struct support_reply *reply, const char *name, const char *value)
{
    const lw_str is = support_header(reply, name);
    if (!lw_str_is(is, value)) {
        fail_msg("%s is '%.*s', not '%s'", name, (int)is.len, is.ptr == NULL ? "" : is.ptr, value);
    }
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    assert_non_null(text);
    assert_true(text[0] != 0);
    return text;
}

void support_expect_problem(const struct support_reply *reply, int status, const char *type)
{
    char uri[128];
    (void)snprintf(uri, sizeof(uri), "urn:license-wallet:problem:%s", type);
    assert_int_equal(reply->status, status);
    support_expect_header(reply, "Content-Type", "application/problem+json");
    support_expect_header(reply, "Cache-Control", "no-store");
    json_t *problem = support_json(reply);
    assert_string_equal(text_of(problem, "type"), uri);
    assert_int_equal(json_integer_value(json_object_get(problem, "status")), status);
    (void)text_of(problem, "title");
    (void)text_of(problem, "detail");
    assert_true(lw_str_starts(lw_str_c(text_of(problem, "instance")),
                              LW_STR("urn:license-wallet:request:")));
    json_decref(problem);
}
