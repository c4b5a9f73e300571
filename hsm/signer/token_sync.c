#define _GNU_SOURCE

#include "signer.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_before(struct timespec a, struct timespec b)
{
    return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec : a.tv_nsec < b.tv_nsec;
}

/*
 * Looks at a folder, its files, and those of its folders: tells the time of the newest change,
 * and syncs what has changed since `*since` unless that is NULL.
 */
static void walk(int fd, int levels, const struct timespec *since, struct timespec *newest)
{
    DIR *folder = fdopendir(fd);
    const struct dirent *entry = NULL;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        struct stat info;
        const int below = strcmp(entry->d_name, "..") == 0
                              ? -1
                              : openat(fd, entry->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (below < 0 || fstat(below, &info) != 0) {
            continue;
        }
        if (is_before(*newest, info.st_ctim)) {
            *newest = info.st_ctim;
        }
        if (since != NULL && !is_before(info.st_ctim, *since)) {
            (void)fsync(below);
        }
        if (S_ISDIR(info.st_mode) && levels > 0 && strcmp(entry->d_name, ".") != 0) {
            walk(below, levels - 1, since, newest); /* closes it */
        } else {
            (void)close(below);
        }
    }
    (void)(folder != NULL ? closedir(folder) : close(fd));
}

static struct timespec walk_all(const struct token *t, const struct timespec *since)
{
    struct timespec newest = {0};
    const int fd = t->folder_fd < 0 ? -1 : openat(t->folder_fd, ".", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        walk(fd, 1, since, &newest);
    }
    return newest;
}

struct timespec token_newest(const struct token *t)
{
    return walk_all(t, NULL);
}

void token_sync(const struct token *t, struct timespec since)
{
    (void)walk_all(t, &since);
}
