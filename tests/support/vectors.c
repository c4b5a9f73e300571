#include "vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "bytes.h"

enum { PATH_BYTES = 1024, FILE_MAX = 16 * 1024 * 1024 };

const char *support_vectors(const char *name)
{
    static _Thread_local char path[PATH_BYTES];
    const char *root = getenv("LW_VECTORS");
    const int len = snprintf(path, sizeof(path), "%s/%s",
                             root == NULL ? LW_SOURCE_DIR "/../shared/vectors" : root, name);
    struct stat info;
    if (len < 0 || (size_t)len >= sizeof(path) || stat(path, &info) != 0) {
        return NULL;
    }
    return path;
}

void support_vector_file(const char *set, const char *path, lw_buf *out)
{
    char whole[PATH_BYTES];
    const char *folder = support_vectors(set);
    const int len = snprintf(whole, sizeof(whole), "%s/%s", folder == NULL ? "?" : folder, path);
    if (len < 0 || (size_t)len >= sizeof(whole)) {
        abort();
    }
    support_read_file(whole, out);
}

json_t *support_vector_json(const char *set, const char *path)
{
    LW_AUTO_BUF text = LW_BUF(FILE_MAX);
    support_vector_file(set, path, &text);
    json_error_t error;
    json_t *json = json_loadb((const char *)text.ptr, text.len, JSON_ALLOW_NUL, &error);
    if (json == NULL) {
        fprintf(stderr, "test support: %s/%s: %s\n", set, path, error.text);
        abort();
    }
    return json;
}

void support_vector_report(const char *set, size_t run, size_t left_out, const char *why,
                           size_t expected)
{
    printf("vectors %s: %zu cases run, %zu left out%s%s%s\n", set, run, left_out,
           left_out > 0 ? " (" : "", left_out > 0 ? why : "", left_out > 0 ? ")" : "");
    if (run + left_out != expected) {
        fprintf(stderr, "test support: %s: %zu cases expected\n", set, expected);
        abort();
    }
}
