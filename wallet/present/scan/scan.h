/* lw-scan's ways to end, which its caller reads as exit codes. */
#ifndef SCAN_SCAN_H
#define SCAN_SCAN_H

enum scan_exit {
    SCAN_FOUND = 0,
    SCAN_NO_CODE = 1,
    SCAN_NO_IMAGE = 2,
    SCAN_TOO_LARGE = 3,
    SCAN_FAILED = 4,
};

enum { SCAN_INPUT_MAX = 16 * 1024 * 1024, SCAN_TEXT_MAX = 8192 };

#endif
