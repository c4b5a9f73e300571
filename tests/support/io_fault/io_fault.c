/* The library of io_fault.h. The calls it stands before are made by number. */
#define _GNU_SOURCE

#include "io_fault.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, SECTOR = 512, FIRST_EVENTS = 1024, META_END = 2 * 4096 };

static struct support_io_control own;
static struct support_io_control *control = &own;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool recording;
static char recorded_suffix[64];
static struct support_io_event *events;
static size_t event_count;
static size_t event_room;

__attribute__((constructor)) static void take_orders(void)
{
    const char *path = getenv("LW_IO_FAULT");
    const int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    void *at = mmap(NULL, sizeof(own), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at != MAP_FAILED) {
        control = at;
    }
    (void)close(fd);
}

struct support_io_control *support_io(void)
{
    return control;
}

void support_io_obey(struct support_io_control *at)
{
    control = at;
}

static bool is_named(int fd, const char *suffix)
{
    char link[64];
    char path[PATH_BYTES];
    const size_t want = strlen(suffix);
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    const ssize_t len = readlink(link, path, sizeof(path));
    return len >= (ssize_t)want && memcmp(path + len - want, suffix, want) == 0;
}

/* Says whether this call is one that fails. */
static bool fails(int fd, enum support_io_op op)
{
    const unsigned ops = atomic_load(&control->ops);
    const bool failed_before = atomic_load(&control->failed) > 0;
    if (ops == 0 || (!failed_before && (ops & op) == 0) || !is_named(fd, control->suffix)) {
        return false;
    }
    const unsigned nth = atomic_load(&control->nth);
    const unsigned call = (ops & op) == 0 ? 0 : atomic_fetch_add(&control->calls, 1) + 1;
    if (call != 0 && nth != 0 && call >= nth && call - nth < atomic_load(&control->times)) {
        (void)atomic_fetch_add(&control->failed, 1);
        return true;
    }
    if (failed_before && op != SUPPORT_IO_ROOM) {
        (void)atomic_fetch_add(&control->after, 1);
    }
    return false;
}

void support_io_fail(const char *suffix, unsigned ops, unsigned nth, unsigned times, int code)
{
    atomic_store(&control->ops, 0);
    (void)snprintf(control->suffix, sizeof(control->suffix), "%s", suffix);
    atomic_store(&control->calls, 0);
    atomic_store(&control->failed, 0);
    atomic_store(&control->after, 0);
    atomic_store(&control->code, code);
    atomic_store(&control->times, times);
    atomic_store(&control->nth, nth);
    atomic_store(&control->ops, ops);
}

void support_io_pass(void)
{
    atomic_store(&control->nth, 0);
    atomic_store(&control->ops, 0);
}

/* With the lock held. */
static struct support_io_event *add(enum support_io_kind kind, uint64_t offset, size_t len)
{
    if (event_count == event_room) {
        event_room = event_room == 0 ? FIRST_EVENTS : event_room * 2;
        events = realloc(events, event_room * sizeof(*events));
        if (events == NULL) {
            abort();
        }
    }
    struct support_io_event *e = &events[event_count++];
    *e = (struct support_io_event){.kind = kind, .offset = offset, .len = len};
    e->bytes = len == 0 ? NULL : malloc(len);
    if (len > 0 && e->bytes == NULL) {
        abort();
    }
    return e;
}

static bool records(int fd)
{
    return recording && is_named(fd, recorded_suffix);
}

static void note_write(int fd, const struct iovec *parts, int count, off_t offset, ssize_t written)
{
    if (written <= 0 || !records(fd)) {
        return;
    }
    (void)pthread_mutex_lock(&lock);
    struct support_io_event *e = add(SUPPORT_IO_WROTE, (uint64_t)offset, (size_t)written);
    e->durable = (fcntl(fd, F_GETFL) & O_DSYNC) != 0;
    size_t at = 0;
    for (int i = 0; i < count && at < e->len; i++) {
        const size_t left = e->len - at;
        const size_t part = parts[i].iov_len < left ? parts[i].iov_len : left;
        memcpy(e->bytes + at, parts[i].iov_base, part);
        at += part;
    }
    (void)pthread_mutex_unlock(&lock);
}

static void note(int fd, enum support_io_kind kind, uint64_t offset)
{
    if (records(fd)) {
        (void)pthread_mutex_lock(&lock);
        (void)add(kind, offset, 0);
        (void)pthread_mutex_unlock(&lock);
    }
}

void support_io_record(const char *suffix)
{
    (void)pthread_mutex_lock(&lock);
    (void)snprintf(recorded_suffix, sizeof(recorded_suffix), "%s", suffix);
    recording = true;
    (void)pthread_mutex_unlock(&lock);
}

void support_io_mark(uint64_t offset, const void *bytes, size_t len)
{
    (void)pthread_mutex_lock(&lock);
    if (recording) {
        memcpy(add(SUPPORT_IO_MARKED, offset, len)->bytes, bytes, len);
    }
    (void)pthread_mutex_unlock(&lock);
}

struct support_io_event *support_io_recorded(size_t *count)
{
    (void)pthread_mutex_lock(&lock);
    struct support_io_event *out = events;
    *count = event_count;
    recording = false;
    events = NULL;
    event_count = 0;
    event_room = 0;
    (void)pthread_mutex_unlock(&lock);
    return out;
}

void support_io_events_free(struct support_io_event *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(list[i].bytes);
    }
    free(list);
}

static enum support_io_op op_at(off_t offset)
{
    return offset < META_END ? SUPPORT_IO_META : SUPPORT_IO_WRITE;
}

/* Writes a part of what was asked: half of its sectors, or half of less than two. */
static ssize_t write_short(int fd, const struct iovec *part, off_t offset)
{
    const size_t n = part->iov_len;
    const size_t half = n >= 2 * SECTOR ? n / 2 / SECTOR * SECTOR : n / 2;
    return (ssize_t)syscall(SYS_pwrite64, fd, part->iov_base, half, offset);
}

static ssize_t failed_write(int fd, const struct iovec *parts, int count, off_t offset)
{
    const int code = atomic_load(&control->code);
    const bool done = (atomic_load(&control->ops) & SUPPORT_IO_DONE) != 0;
    if (code == 0) {
        return write_short(fd, &parts[0], offset);
    }
    if (done && atomic_load(&control->failed) == 1) {
        (void)syscall(SYS_pwritev, fd, parts, count, offset, 0);
    }
    errno = code;
    return -1;
}

ssize_t pwrite(int fd, const void *from, size_t n, off_t offset)
{
    union {
        const void *in;
        void *out;
    } p = {.in = from};
    const struct iovec part = {.iov_base = p.out, .iov_len = n};
    const ssize_t done = fails(fd, op_at(offset))
                             ? failed_write(fd, &part, 1, offset)
                             : (ssize_t)syscall(SYS_pwrite64, fd, from, n, offset);
    note_write(fd, &part, 1, offset, done);
    return done;
}

ssize_t pwrite64(int fd, const void *from, size_t n, off_t offset);
ssize_t pwrite64(int fd, const void *from, size_t n, off_t offset)
{
    return pwrite(fd, from, n, offset);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    const off_t offset = lseek(fd, 0, SEEK_CUR); /* fails where nothing is recorded either */
    const ssize_t done = fails(fd, op_at(offset)) ? failed_write(fd, parts, count, offset)
                                                  : (ssize_t)syscall(SYS_writev, fd, parts, count);
    note_write(fd, parts, count, offset, done);
    return done;
}

static int sync_with(long number, int fd)
{
    if (fails(fd, SUPPORT_IO_SYNC)) {
        const int code = atomic_load(&control->code);
        errno = code == 0 ? EIO : code;
        return -1;
    }
    const int rc = atomic_load(&control->no_sync) ? 0 : (int)syscall(number, fd);
    if (rc == 0) {
        note(fd, SUPPORT_IO_SYNCED, 0);
    }
    return rc;
}

int fdatasync(int fd)
{
    return sync_with(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    return sync_with(SYS_fsync, fd);
}

int fallocate(int fd, int mode, off_t offset, off_t len)
{
    if (fails(fd, SUPPORT_IO_ROOM)) {
        const int code = atomic_load(&control->code);
        errno = code == 0 ? ENOSPC : code;
        return -1;
    }
    const int rc = (int)syscall(SYS_fallocate, fd, mode, offset, len);
    if (rc == 0 && (mode & FALLOC_FL_KEEP_SIZE) == 0) {
        note(fd, SUPPORT_IO_SIZED, (uint64_t)(offset + len));
    }
    return rc;
}
