/* Files that outlast a power cut: written beside, synced, renamed, and the folder synced. */
#ifndef LW_FILE_H
#define LW_FILE_H

#include "lw/buf.h"

enum { LW_PATH_MAX = 4096 }; /* bytes of a path, its NUL included */

/**
 * Write a file whole or not at all, durably.
 *
 * path    "path.new" beside it is used meanwhile; what a killed run left there is replaced. A
 *         device or pipe that is there (/dev/null) is written to, and stays what it is
 * mode    permission bits of the new file, whatever the umask
 * errors  LW_E_NOSPACE; LW_E_LIMIT  the path is too long; LW_E_IO: the old file is as it was,
 *         unless only its folder could not be synced
 */
LW_MUST_USE lw_err lw_file_write(const char *path, lw_bytes data, unsigned mode);

/** Write all of `data` to an open file. errors  LW_E_NOSPACE, LW_E_IO */
LW_MUST_USE lw_err lw_file_put(int fd, lw_bytes data);

/** Append a file's bytes up to `out->max`. errors  LW_E_NOT_FOUND, LW_E_LIMIT, LW_E_IO */
LW_MUST_USE lw_err lw_file_read(const char *path, lw_buf *out);

/** Make the names in a folder durable: those that were made, renamed or removed. errors LW_E_IO */
LW_MUST_USE lw_err lw_folder_sync(const char *path);

/** As lw_folder_sync(), of the folder in which `path` is. errors  LW_E_LIMIT; LW_E_IO */
LW_MUST_USE lw_err lw_folder_sync_of(const char *path);

/** Rename, durably; both in one folder. errors  LW_E_LIMIT; LW_E_IO */
LW_MUST_USE lw_err lw_file_rename(const char *from, const char *to);

#endif
