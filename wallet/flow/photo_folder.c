#define _GNU_SOURCE

#include "wallet/photo_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wallet/image.h"

enum { NAMES_MAX = 128 * 1024 * 1024, PHOTO_MAX = 64 * 1024, FILE_NAME_MAX = 256 };

struct photo_file {
    size_t name; /* in the names: where it begins */
    bool used;
};

struct wallet_photo_folder {
    int dir;
    lw_buf names; /* one after the other, each with its NUL */
    struct photo_file *files;
    size_t count;
    size_t room;
    lw_buf photo;
};

static const char *name_of(const struct wallet_photo_folder *f, size_t i)
{
    return (const char *)f->names.ptr + f->files[i].name;
}

static lw_err no_memory(void)
{
    return LW_FAIL(LW_E_NOMEM, "photos: out of memory", LW_NOWHERE);
}

static lw_err add_file(struct wallet_photo_folder *f, const char *name)
{
    if (f->count == WALLET_PHOTO_FILES_MAX) {
        return LW_FAIL(LW_E_LIMIT, "photos: more than a million files in the folder", LW_NOWHERE);
    }
    if (f->count == f->room) {
        const size_t room = f->room == 0 ? 256 : 2 * f->room;
        struct photo_file *files = realloc(f->files, room * sizeof(*files));
        if (files == NULL) {
            return no_memory();
        }
        f->files = files;
        f->room = room;
    }
    f->files[f->count] = (struct photo_file){.name = f->names.len};
    LW_TRY(lw_buf_put_c(&f->names, name));
    LW_TRY(lw_buf_put_byte(&f->names, 0));
    f->count++;
    return LW_SUCCESS;
}

static int cmp_files(const void *a, const void *b, void *names)
{
    const char *text = names;
    return strcmp(text + ((const struct photo_file *)a)->name,
                  text + ((const struct photo_file *)b)->name);
}

static lw_err list_files(struct wallet_photo_folder *f, DIR *dir)
{
    for (;;) {
        errno = 0;
        /* One folder is read by one thread. */
        const struct dirent *entry = readdir(dir); /* NOLINT(concurrency-mt-unsafe) */
        if (entry == NULL) {
            break;
        }
        if (entry->d_name[0] != '.') {
            LW_TRY(add_file(f, entry->d_name));
        }
    }
    if (errno != 0) {
        return LW_FAIL(LW_E_IO, "photos: cannot read the folder", LW_NOWHERE);
    }
    if (f->count > 1) {
        qsort_r(f->files, f->count, sizeof(*f->files), cmp_files, f->names.ptr);
    }
    return LW_SUCCESS;
}

lw_err wallet_photo_folder_open(struct wallet_photo_folder **folder, const char *path)
{
    *folder = NULL;
    DIR *dir = opendir(path);
    if (dir == NULL) {
        return errno == ENOENT || errno == ENOTDIR
                   ? LW_FAIL(LW_E_NOT_FOUND, "photos: there is no such folder", LW_NOWHERE)
                   : LW_FAIL(LW_E_IO, "photos: cannot open the folder", LW_NOWHERE);
    }
    struct wallet_photo_folder *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        (void)closedir(dir);
        return no_memory();
    }
    made->names = LW_BUF(NAMES_MAX);
    made->photo = LW_BUF(PHOTO_MAX);
    made->dir = fcntl(dirfd(dir), F_DUPFD_CLOEXEC, 0);
    lw_err err = made->dir < 0 ? LW_FAIL(LW_E_IO, "photos: cannot open the folder", LW_NOWHERE)
                               : list_files(made, dir);
    (void)closedir(dir);
    if (err.code != LW_OK) {
        wallet_photo_folder_free(made);
        return err;
    }
    *folder = made;
    return LW_SUCCESS;
}

void wallet_photo_folder_free(struct wallet_photo_folder *f)
{
    if (f != NULL) {
        if (f->dir >= 0) {
            (void)close(f->dir);
        }
        lw_buf_free(&f->names);
        lw_buf_free(&f->photo);
        free(f->files);
        free(f);
    }
}

/* Finds a file by its name among those listed: a name that is not there is never opened. */
static size_t find_file(const struct wallet_photo_folder *f, const char *name)
{
    size_t low = 0;
    size_t high = f->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = strcmp(name_of(f, middle), name);
        if (order == 0) {
            return middle;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return SIZE_MAX;
}

static bool is_safe(lw_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        const unsigned char c = (unsigned char)name.ptr[i];
        if (c == '/' || c == '\\' || c < ' ' || c == 0x7f) {
            return false;
        }
    }
    return name.len > 0 && name.ptr[0] != '.';
}

static lw_err find_photo(const struct wallet_photo_folder *f, lw_str name, size_t *found)
{
    static const char *const ends[] = {".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG"};
    char path[FILE_NAME_MAX];
    *found = SIZE_MAX;
    if (!is_safe(name)) {
        return LW_FAIL(LW_E_VALUE, "cannot name a photo: it begins with a point or holds a slash",
                       LW_NOWHERE);
    }
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        const size_t end_len = strlen(ends[i]) + 1;
        if (name.len > sizeof(path) - end_len) {
            break;
        }
        memcpy(path, name.ptr, name.len);
        memcpy(path + name.len, ends[i], end_len);
        const size_t file = find_file(f, path);
        if (file != SIZE_MAX && *found != SIZE_MAX) {
            return LW_FAIL(LW_E_CONFLICT, "has several photos in the folder: take away all but one",
                           LW_NOWHERE);
        }
        *found = file != SIZE_MAX ? file : *found;
    }
    return *found == SIZE_MAX ? LW_FAIL(LW_E_NOT_FOUND, "has no photo in the folder", LW_NOWHERE)
                              : LW_SUCCESS;
}

static lw_err read_all(struct wallet_photo_folder *f, int fd, size_t len)
{
    uint8_t *room = NULL;
    lw_buf_truncate(&f->photo, 0);
    LW_TRY(lw_buf_reserve(&f->photo, len, &room));
    for (size_t got = 0; got < len;) {
        const ssize_t n = read(fd, room + got, len - got);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return LW_FAIL(LW_E_IO, "has a photo that cannot be read", LW_NOWHERE);
        }
        got += (size_t)n;
    }
    lw_buf_commit(&f->photo, len);
    return LW_SUCCESS;
}

static lw_err read_open(struct wallet_photo_folder *f, int fd, size_t max)
{
    struct stat status;
    struct wallet_image image;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        return LW_FAIL(LW_E_IO, "has a photo that is no ordinary file", LW_NOWHERE);
    }
    if (status.st_size < 0 || (uintmax_t)status.st_size > max || max > PHOTO_MAX) {
        return LW_FAIL(LW_E_LIMIT,
                       "has a photo that is larger than the license type allows: save it smaller",
                       LW_NOWHERE);
    }
    LW_TRY(read_all(f, fd, (size_t)status.st_size));
    const lw_err err = wallet_image_check(lw_buf_view(&f->photo), &image);
    switch (err.code) {
    case LW_OK:
        return LW_SUCCESS;
    case LW_E_UNSUPPORTED:
        return LW_FAIL(err.code, "has a photo that is no JPEG or PNG, whatever its name says",
                       LW_NOWHERE);
    case LW_E_LIMIT:
        return LW_FAIL(err.code, "has a photo of more than 4096 pixels a side: save it smaller",
                       LW_NOWHERE);
    default: /* all other codes of the check: it is damaged */
        return LW_FAIL(err.code, "has a photo that is damaged or cut short", LW_NOWHERE);
    }
}

lw_err wallet_photo_folder_read(void *folder, lw_str name, size_t max, lw_bytes *bytes)
{
    struct wallet_photo_folder *f = folder;
    size_t file = 0;
    LW_TRY(find_photo(f, name, &file));
    f->files[file].used = true;
    /* A link could lead out of the folder; a pipe would wait. */
    const int fd = openat(f->dir, name_of(f, file), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return LW_FAIL(LW_E_IO, "has a photo that cannot be opened, or is a link", LW_NOWHERE);
    }
    const lw_err err = read_open(f, fd, max);
    (void)close(fd);
    *bytes = lw_buf_view(&f->photo);
    return err;
}

size_t wallet_photo_folder_files(const struct wallet_photo_folder *folder)
{
    return folder->count;
}

size_t wallet_photo_folder_unused(const struct wallet_photo_folder *folder, const char **names,
                                  size_t max)
{
    size_t unused = 0;
    for (size_t i = 0; i < folder->count; i++) {
        if (folder->files[i].used) {
            continue;
        }
        if (unused < max) {
            names[unused] = name_of(folder, i);
        }
        unused++;
    }
    return unused;
}
