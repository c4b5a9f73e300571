/* Files of a backup: copied, hashed, looked at again. */
#define _GNU_SOURCE /* nftw */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup_set.h"
#include "hsm/digest.h"
#include "lw/file.h"

enum { CHUNK = 1 << 18, OPEN_FILES = 8, FILE_MODE = 0600, COPIES_MAX = 16 };

void backup_set_free(struct backup_set *set)
{
    lw_buf_free(&set->room);
    lw_buf_free(&set->signed_head);
    *set = (struct backup_set){.files = NULL};
}

lw_err backup_set_room(struct backup_set *set)
{
    const size_t size = BACKUP_FILES_MAX * sizeof(*set->files);
    uint8_t *bytes = NULL;
    if (set->files != NULL) {
        return LW_SUCCESS;
    }
    set->room = LW_BUF(size);
    LW_TRY(lw_buf_reserve(&set->room, size, &bytes));
    memset(bytes, 0, size);
    lw_buf_commit(&set->room, size);
    set->files = (void *)bytes; /* as malloc() gave it: aligned for anything */
    return LW_SUCCESS;
}

lw_err backup_path(const char *dir, const char *name, char path[LW_PATH_MAX])
{
    const int n = snprintf(path, LW_PATH_MAX, "%s/%s", dir, name);
    return n > 0 && n < LW_PATH_MAX ? LW_SUCCESS
                                    : LW_FAIL(LW_E_LIMIT, "backup: a path is too long", LW_NOWHERE);
}

static lw_err copy_bytes(int from, int to)
{
    LW_AUTO_BUF chunk = LW_BUF(CHUNK);
    uint8_t *room = NULL;
    LW_TRY(lw_buf_reserve(&chunk, CHUNK, &room));
    for (;;) {
        const ssize_t got = read(from, room, CHUNK);
        if (got == 0) {
            return fsync(to) == 0 ? LW_SUCCESS
                                  : LW_FAIL(LW_E_IO, "backup: cannot sync a file", LW_NOWHERE);
        }
        if (got < 0 && errno != EINTR) {
            return LW_FAIL(LW_E_IO, "backup: cannot read a file", LW_NOWHERE);
        }
        LW_TRY(lw_file_put(to, (lw_bytes){.ptr = room, .len = got > 0 ? (size_t)got : 0}));
    }
}

lw_err backup_copy(const char *from, const char *to)
{
    const int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0) {
        return errno == ENOENT ? LW_FAIL(LW_E_NOT_FOUND, "backup: a file is not there", LW_NOWHERE)
                               : LW_FAIL(LW_E_IO, "backup: cannot open a file", LW_NOWHERE);
    }
    const int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    if (out < 0) {
        const lw_err err =
            errno == EEXIST   ? LW_FAIL(LW_E_CONFLICT, "backup: a file exists", LW_NOWHERE)
            : errno == ENOSPC ? LW_FAIL(LW_E_NOSPACE, "backup: no space left", LW_NOWHERE)
                              : LW_FAIL(LW_E_IO, "backup: cannot make a file", LW_NOWHERE);
        (void)close(in);
        return err;
    }
    lw_err err = copy_bytes(in, out);
    (void)close(in);
    if (close(out) != 0 && err.code == LW_OK) {
        err = LW_FAIL(LW_E_IO, "backup: cannot close a file", LW_NOWHERE);
    }
    return err;
}

/* Through a map: a store is larger than what would be read into memory. */
static lw_err hash_file(const char *path, uint64_t *size, uint8_t hash[HSM_SHA256_LEN])
{
    struct stat info = {0};
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return LW_FAIL(LW_E_NOT_FOUND, "backup: a file is not there", LW_NOWHERE);
    }
    const size_t len = (size_t)info.st_size;
    void *map = len == 0 ? NULL : mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
    (void)close(fd);
    if (map == MAP_FAILED) {
        return LW_FAIL(LW_E_IO, "backup: cannot read a file", LW_NOWHERE);
    }
    const lw_err err = hsm_sha256((lw_bytes){.ptr = map, .len = len}, hash);
    if (map != NULL) {
        (void)munmap(map, len);
    }
    *size = len;
    return err;
}

lw_err backup_note(struct backup_set *set, const char *dir, const char *name)
{
    char path[LW_PATH_MAX];
    LW_TRY(backup_set_room(set));
    if (set->count == BACKUP_FILES_MAX || strlen(name) >= BACKUP_PATH_MAX) {
        return LW_FAIL(LW_E_LIMIT, "backup: too many files, or too long a name", LW_NOWHERE);
    }
    struct backup_file *file = &set->files[set->count];
    LW_TRY(backup_path(dir, name, path));
    LW_TRY(hash_file(path, &file->size, file->hash));
    (void)snprintf(file->path, sizeof(file->path), "%s", name);
    set->count++;
    return LW_SUCCESS;
}

lw_err backup_verify(const char *dir, const struct backup_file *file)
{
    char path[LW_PATH_MAX];
    uint64_t size = 0;
    uint8_t hash[HSM_SHA256_LEN];
    LW_TRY(backup_path(dir, file->path, path));
    const lw_err err = hash_file(path, &size, hash);
    if (err.code == LW_E_NOT_FOUND) {
        return LW_FAIL(LW_E_CORRUPT, "backup: a file of it is missing", LW_NOWHERE);
    }
    LW_TRY(err);
    return size == file->size && memcmp(hash, file->hash, sizeof(hash)) == 0
               ? LW_SUCCESS
               : LW_FAIL(LW_E_CORRUPT, "backup: a file is not as it was backed up", LW_NOWHERE);
}

lw_err backup_make_folder(const char *path)
{
    return mkdir(path, BACKUP_DIR_MODE) == 0 || errno == EEXIST
               ? LW_SUCCESS
               : LW_FAIL(errno == ENOSPC ? LW_E_NOSPACE : LW_E_IO, "backup: cannot make a folder",
                         LW_NOWHERE);
}

/* One file or folder below `from`: visited with its name within the backup. */
struct copying {
    struct backup_set *set;
    const char *from;
    const char *dir;
    uint8_t stamp[HSM_SHA256_LEN]; /* of all files: names, sizes, times */
};

typedef lw_err visit(struct copying *c, const char *path, const char *name,
                     const struct stat *info);

/* A file that goes while it is looked for: the folder is being changed. */
static lw_err changing(lw_err err)
{
    return err.code == LW_E_NOT_FOUND
               ? LW_FAIL(LW_E_BUSY, "backup: the token is being changed: try again", LW_NOWHERE)
               : err;
}

static lw_err walk(struct copying *c, const char *path, const char *name, unsigned depth,
                   visit *each);

static lw_err walk_entry(struct copying *c, const char *path, const char *name, unsigned depth,
                         visit *each)
{
    struct stat info = {0};
    if (lstat(path, &info) != 0) {
        return errno == ENOENT ? changing((lw_err){.code = LW_E_NOT_FOUND})
                               : LW_FAIL(LW_E_IO, "backup: cannot look at a file", LW_NOWHERE);
    }
    if (S_ISDIR(info.st_mode)) {
        return depth == 0 ? LW_FAIL(LW_E_LIMIT, "backup: folders are too deep", LW_NOWHERE)
                          : walk(c, path, name, depth - 1, each);
    }
    /* A socket or a link is nothing of a token's. */
    return S_ISREG(info.st_mode) ? each(c, path, name, &info) : LW_SUCCESS;
}

static lw_err walk(struct copying *c, const char *path, const char *name, unsigned depth,
                   visit *each)
{
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return LW_FAIL(LW_E_NOT_FOUND, "backup: the token's folder is not there", LW_NOWHERE);
    }
    lw_err err = LW_SUCCESS;
    for (const struct dirent *e = readdir(folder); e != NULL && err.code == LW_OK;
         e = readdir(folder)) {
        char source[LW_PATH_MAX];
        char below[LW_PATH_MAX];
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) {
            continue;
        }
        err = backup_path(path, e->d_name, source);
        err = err.code == LW_OK ? backup_path(name, e->d_name, below) : err;
        err = err.code == LW_OK ? walk_entry(c, source, below, depth, each) : err;
    }
    (void)closedir(folder);
    return err;
}

static lw_err stamp_file(struct copying *c, const char *path, const char *name,
                         const struct stat *info)
{
    uint8_t hash[HSM_SHA256_LEN];
    const uint64_t facts[] = {(uint64_t)info->st_size, (uint64_t)info->st_ino,
                              (uint64_t)info->st_mtim.tv_sec, (uint64_t)info->st_mtim.tv_nsec};
    const lw_bytes parts[] = {lw_str_bytes(lw_str_c(name)),
                              {.ptr = (const uint8_t *)facts, .len = sizeof(facts)}};
    (void)path;
    LW_TRY(hsm_sha256_parts(parts, sizeof(parts) / sizeof(parts[0]), hash));
    for (size_t i = 0; i < sizeof(hash); i++) {
        c->stamp[i] ^= hash[i]; /* whatever the order of a folder's entries */
    }
    return LW_SUCCESS;
}

/* Makes the folders of "dir/name" below `dir`. */
static lw_err make_folders(const char *dir, const char *name)
{
    char part[LW_PATH_MAX];
    char path[LW_PATH_MAX];
    for (size_t i = 0; i < sizeof(part) && name[i] != '\0'; i++) {
        if (name[i] == '/') {
            memcpy(part, name, i);
            part[i] = '\0';
            LW_TRY(backup_path(dir, part, path));
            LW_TRY(backup_make_folder(path));
        }
    }
    return LW_SUCCESS;
}

static lw_err copy_file(struct copying *c, const char *path, const char *name,
                        const struct stat *info)
{
    char to[LW_PATH_MAX];
    (void)info;
    LW_TRY(make_folders(c->dir, name));
    LW_TRY(backup_path(c->dir, name, to));
    LW_TRY(changing(backup_copy(path, to)));
    LW_TRY(lw_folder_sync_of(to));
    return backup_note(c->set, c->dir, name);
}

/* Copied between two looks that see the same. */
static lw_err copy_once(struct copying *c, const char *name, unsigned depth)
{
    uint8_t before[HSM_SHA256_LEN];
    memset(c->stamp, 0, sizeof(c->stamp));
    LW_TRY(walk(c, c->from, name, depth, stamp_file));
    memcpy(before, c->stamp, sizeof(before));
    LW_TRY(walk(c, c->from, name, depth, copy_file));
    memset(c->stamp, 0, sizeof(c->stamp));
    LW_TRY(walk(c, c->from, name, depth, stamp_file));
    return memcmp(before, c->stamp, sizeof(before)) == 0
               ? LW_SUCCESS
               : changing((lw_err){.code = LW_E_NOT_FOUND});
}

lw_err backup_copy_folder(struct backup_set *set, const char *from, const char *dir,
                          const char *name, unsigned depth)
{
    char to[LW_PATH_MAX];
    struct copying c = {.set = set, .from = from, .dir = dir};
    const size_t count = set->count;
    lw_err err = LW_SUCCESS;
    LW_TRY(backup_path(dir, name, to));
    for (unsigned i = 0; i < COPIES_MAX; i++) {
        set->count = count;
        backup_remove(to);
        LW_TRY(backup_make_folder(to));
        err = copy_once(&c, name, depth);
        if (err.code != LW_E_BUSY) {
            break;
        }
    }
    LW_TRY(err);
    return lw_folder_sync(to);
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    return remove(path);
}

void backup_remove(const char *path)
{
    (void)nftw(path, remove_entry, OPEN_FILES, FTW_DEPTH | FTW_PHYS);
}
