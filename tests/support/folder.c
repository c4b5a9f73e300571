#define _XOPEN_SOURCE 700 /* mkdtemp, nftw */

#include "folder.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPEN_MAX_DIRS = 8 };

static void join(const char *folder, const char *name, char path[SUPPORT_PATH_MAX])
{
    const int len = snprintf(path, SUPPORT_PATH_MAX, "%s/%s", folder, name);
    if (len < 0 || len >= SUPPORT_PATH_MAX) {
        fprintf(stderr, "test support: a path is too long\n");
        abort();
    }
}

void support_folder(char path[SUPPORT_PATH_MAX])
{
    const char *tmp = getenv("TMPDIR");
    join(tmp == NULL ? "/tmp" : tmp, "lw-test-XXXXXX", path);
    if (mkdtemp(path) == NULL) {
        perror("test support: cannot make a folder");
        abort();
    }
}

void support_path(const char *folder, const char *name, char path[SUPPORT_PATH_MAX])
{
    join(folder, name, path);
}

static int drop(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info;
    (void)kind;
    (void)where;
    return remove(path);
}

void support_remove(const char *folder)
{
    if (access(folder, F_OK) == 0 && nftw(folder, drop, OPEN_MAX_DIRS, FTW_DEPTH | FTW_PHYS) != 0) {
        perror("test support: cannot remove a folder");
        abort();
    }
}
