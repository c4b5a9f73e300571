/*
 * The disk that misbehaves: a library before the C library, which fails a program's writes and
 * syncs of a file on command, or records them so that the file as a power cut would leave it can be
 * made again (specs: writes before the last sync, and any part of those after it).
 *
 * Tests of faults are linked with it. Preloaded into another program it takes its orders from the
 * file that LW_IO_FAULT names, which the test maps.
 */
#ifndef SUPPORT_IO_FAULT_H
#define SUPPORT_IO_FAULT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum support_io_op {
    SUPPORT_IO_WRITE = 1, /* of any kind, but those below */
    SUPPORT_IO_META = 2,  /* at the file's first two pages, where LMDB says which pages count */
    SUPPORT_IO_SYNC = 4,  /* fsync, fdatasync */
    SUPPORT_IO_ROOM = 8,  /* fallocate */
    SUPPORT_IO_DONE = 16, /* with others: the first write that fails is done all the same */
};

/* Orders, and what came of them. All zero: nothing fails. */
struct support_io_control {
    char suffix[64];     /* of the files meant: "/data.mdb" */
    atomic_uint ops;     /* of enum support_io_op: which calls are meant; 0: none */
    atomic_uint nth;     /* the n-th of them from now fails, from 1; 0: none */
    atomic_uint times;   /* and so many in a row; UINT32_MAX: all that follow */
    atomic_int code;     /* errno; 0: a write is cut short, a sync fails with EIO */
    atomic_uint calls;   /* calls that were meant, so far */
    atomic_uint failed;  /* of these failed */
    atomic_uint after;   /* writes and syncs of the files, of any kind, let through after that */
    atomic_bool no_sync; /* syncs succeed at once and reach no disk: for speed */
};

/** Return the orders that this process obeys. */
struct support_io_control *support_io(void);

/** Obey `control` from now on: memory that is shared with children tells what came of them. */
void support_io_obey(struct support_io_control *at);

/** Let the n-th call of `ops` on files named "*suffix" fail with `code`, and count from 0. */
void support_io_fail(const char *suffix, unsigned ops, unsigned nth, unsigned times, int code);

/** Fail nothing more; what was counted stays. */
void support_io_pass(void);

enum support_io_kind {
    SUPPORT_IO_WROTE,  /* bytes at an offset */
    SUPPORT_IO_SYNCED, /* all writes before it are durable */
    SUPPORT_IO_SIZED,  /* the file got at least `offset` bytes */
    SUPPORT_IO_MARKED, /* the test's own */
};

struct support_io_event {
    enum support_io_kind kind;
    int durable; /* a write through a descriptor that is O_DSYNC: durable once it returned */
    uint64_t offset;
    size_t len;
    uint8_t *bytes;
};

/** Record what is done to files named "*suffix" from now on. */
void support_io_record(const char *suffix);

/** Put a mark between the writes; does nothing while nothing is recorded. */
void support_io_mark(uint64_t offset, const void *bytes, size_t len);

/** End recording. The events are the caller's to free, by support_io_events_free(). */
struct support_io_event *support_io_recorded(size_t *count);
void support_io_events_free(struct support_io_event *events, size_t count);

#endif
