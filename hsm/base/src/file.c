#define _POSIX_C_SOURCE 200809L

#include "lw/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 16384 };

static lw_err too_long(void)
{
    return LW_FAIL(LW_E_LIMIT, "file: its path is too long", LW_NOWHERE);
}

static lw_err io(const char *why)
{
    return errno == ENOSPC || errno == EDQUOT || errno == EFBIG
               ? LW_FAIL(LW_E_NOSPACE, "file: no space left for it", LW_NOWHERE)
               : LW_FAIL(LW_E_IO, why, LW_NOWHERE);
}

lw_err lw_file_put(int fd, lw_bytes data)
{
    size_t done = 0;
    while (done < data.len) {
        const ssize_t put = write(fd, data.ptr + done, data.len - done);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return io("file: cannot write it");
        }
        done += (size_t)put;
    }
    return LW_SUCCESS;
}

lw_err lw_file_read(const char *path, lw_buf *out)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT || errno == ENOTDIR
                   ? LW_FAIL(LW_E_NOT_FOUND, "file: it does not exist", LW_NOWHERE)
                   : LW_FAIL(LW_E_IO, "file: cannot open it", LW_NOWHERE);
    }
    lw_err err = LW_SUCCESS;
    ssize_t got = 1;
    while (err.code == LW_OK && got != 0) {
        uint8_t chunk[CHUNK];
        got = read(fd, chunk, sizeof(chunk));
        if (got < 0 && errno != EINTR) {
            err = LW_FAIL(LW_E_IO, "file: cannot read it", LW_NOWHERE);
        } else if (got > 0) {
            err = lw_buf_put(out, (lw_bytes){.ptr = chunk, .len = (size_t)got});
        }
    }
    (void)close(fd);
    return err;
}

static lw_err write_new(const char *beside, lw_bytes data, unsigned mode)
{
    (void)unlink(beside); /* left by a run that was killed */
    const int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode);
    if (fd < 0) {
        return errno == ENOENT ? LW_FAIL(LW_E_IO, "file: its folder is not there", LW_NOWHERE)
                               : io("file: cannot create it");
    }
    lw_err err =
        fchmod(fd, (mode_t)mode) == 0 ? lw_file_put(fd, data) : io("file: cannot set its mode");
    if (err.code == LW_OK && fsync(fd) != 0) {
        err = io("file: cannot sync it");
    }
    if (close(fd) != 0 && err.code == LW_OK) {
        err = io("file: cannot close it");
    }
    return err;
}

/* What goes to a device or pipe is gone at once, and renaming over it would put a file there. */
static bool is_stream(const char *path)
{
    struct stat there;
    return stat(path, &there) == 0 && (S_ISCHR(there.st_mode) || S_ISFIFO(there.st_mode));
}

static lw_err write_through(const char *path, lw_bytes data)
{
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        return io("file: cannot open the device or pipe");
    }
    const lw_err err = lw_file_put(fd, data);
    (void)close(fd);
    return err;
}

lw_err lw_file_write(const char *path, lw_bytes data, unsigned mode)
{
    char beside[LW_PATH_MAX];
    if (is_stream(path)) {
        return write_through(path, data);
    }
    const int n = snprintf(beside, sizeof(beside), "%s.new", path);
    if (n < 0 || (size_t)n >= sizeof(beside)) {
        return too_long();
    }
    lw_err err = write_new(beside, data, mode);
    if (err.code == LW_OK && rename(beside, path) != 0) {
        err = io("file: cannot rename it into place");
    }
    if (err.code != LW_OK) {
        (void)unlink(beside);
        return err;
    }
    return lw_folder_sync_of(path);
}

lw_err lw_folder_sync(const char *path)
{
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return io("file: cannot open its folder");
    }
    /* Some file systems have no sync of a folder and say EINVAL. */
    const lw_err err =
        fsync(fd) == 0 || errno == EINVAL ? LW_SUCCESS : io("file: cannot sync its folder");
    (void)close(fd);
    return err;
}

lw_err lw_folder_sync_of(const char *path)
{
    char folder[LW_PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return lw_folder_sync(".");
    }
    const size_t len = slash == path ? 1 : (size_t)(slash - path);
    if (len >= sizeof(folder)) {
        return too_long();
    }
    memcpy(folder, path, len);
    folder[len] = '\0';
    return lw_folder_sync(folder);
}

lw_err lw_file_rename(const char *from, const char *to)
{
    if (rename(from, to) != 0) {
        return io("file: cannot rename it");
    }
    return lw_folder_sync_of(to);
}
