/* What this program gives up before it looks at a stranger's image. */
#ifndef SCAN_SANDBOX_H
#define SCAN_SANDBOX_H

#include "lw/err.h"

/**
 * Bound memory, time and files, and leave only the system calls that reading, computing and
 * writing need: no files to open, no sockets, no programs.
 *
 * errors  LW_E_IO  the kernel refuses; the image must then not be read
 */
LW_MUST_USE lw_err scan_sandbox_enter(void);

#endif
