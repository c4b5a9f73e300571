#include "edit.h"

#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

static void must(bool holds, const char *what)
{
    if (!holds) {
        (void)fprintf(stderr, "support_edit: %s\n", what);
        abort();
    }
}

static json_t *child(json_t *parent, const char *name)
{
    return json_is_array(parent) ? json_array_get(parent, strtoul(name, NULL, 10))
                                 : json_object_get(parent, name);
}

static void set(json_t *parent, const char *name, json_t *value)
{
    int failed = 0;
    if (json_is_array(parent) && strcmp(name, "-") == 0) {
        failed = json_array_append_new(parent, value);
    } else if (json_is_array(parent)) {
        const size_t index = strtoul(name, NULL, 10);
        failed = value == NULL ? json_array_remove(parent, index)
                               : json_array_set_new(parent, index, value);
    } else {
        failed = value == NULL ? json_object_del(parent, name)
                               : json_object_set_new(parent, name, value);
    }
    must(failed == 0, "no such place");
}

void support_edit(const char *json, const char *pointer, const char *value, lw_buf *out)
{
    char name[128] = "";
    json_error_t error;
    json_t *doc = json_loads(json, 0, &error);
    json_t *at = doc;
    json_t *bent = value == NULL ? NULL : json_loads(value, JSON_DECODE_ANY, &error);
    must(doc != NULL && (value == NULL || bent != NULL), "not JSON");
    must(pointer[0] == '/', "no pointer");
    for (const char *rest = pointer; *rest == '/';) {
        const size_t len = strcspn(rest + 1, "/");
        must(len < sizeof(name), "a long name");
        memcpy(name, rest + 1, len);
        name[len] = '\0';
        rest += 1 + len;
        if (*rest == '/') {
            at = child(at, name);
            must(at != NULL, "no such place");
        }
    }
    set(at, name, bent);
    char *text = json_dumps(doc, JSON_COMPACT);
    must(text != NULL && lw_buf_put_c(out, text).code == LW_OK, "out of memory");
    free(text);
    json_decref(doc);
}
