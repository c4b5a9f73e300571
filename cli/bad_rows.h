/* The rows that an import left out, as a file to be mended and given again. */
#ifndef CLI_BAD_ROWS_H
#define CLI_BAD_ROWS_H

#include "cli.h"
#include "wallet/flow_import.h"

/* A row, and why it was left out. */
struct cli_bad_row {
    lw_bytes raw;
    size_t why; /* in cli_bad_rows.why */
    size_t why_len;
};

/* Begin with {.why = LW_BUF(...)}. */
struct cli_bad_rows {
    struct cli_bad_row *rows;
    size_t count;
    size_t room;
    lw_buf why;
    lw_err err; /* of gathering them */
    char path[CLI_PATH_MAX];
};

void cli_bad_rows_free(struct cli_bad_rows *bad);

/** Take what is told of a bad row; its bytes are borrowed. An error is kept for the writing. */
void cli_bad_rows_take(struct cli_bad_rows *bad, const struct wallet_import_issue *issue);

/**
 * Write the file: the reason before the columns of the register, in its encoding.
 *
 * beside  the register's path: written to bad-rows.csv in its folder, or bad-rows-2.csv where that
 *         is there, and so on; NULL: to bad->path, replacing what is there
 * result  of the import
 * errors  of gathering; as cli_write(); LW_E_CONFLICT  no free name
 */
LW_MUST_USE lw_err cli_bad_rows_write(struct cli_bad_rows *bad, const char *beside,
                                      const struct wallet_import_result *result);

#endif
