/* Registers given to commands: read whole, UTF-16 brought into UTF-8, told what they are. */
#ifndef CLI_SHEET_H
#define CLI_SHEET_H

#include "cli.h"
#include "wallet/csv.h"
#include "wallet/import_map.h"
#include "wallet/photo_folder.h"

enum { CLI_SHEET_MAX = 1 << 30 };

/* The options --encoding and --delimiter, for a command's table. */
#define CLI_SHEET_OPTIONS                                                                          \
    {"encoding", "NAME", "utf-8 or gb18030, where that is not recognised for certain.", false},    \
    {                                                                                              \
        "delimiter", "NAME", "comma, semicolon or tab, where that is not recognised for certain.", \
            false                                                                                  \
    }

/** Read the options above into `form`; a bad one was complained of. */
enum cli_exit cli_sheet_form(const struct cli *cli, struct wallet_csv_form *form);

/**
 * Read a file of rows, "-" for standard input; "Unicode text" of Excel becomes UTF-8.
 *
 * out      its max is CLI_SHEET_MAX
 * returns  CLI_DONE, or what to exit with: it was said why
 */
enum cli_exit cli_sheet_read(const struct cli *cli, const char *path, lw_buf *out);

/* The folder of --photos, opened for an import. */
struct cli_photos {
    struct wallet_photo_folder *folder; /* NULL: none was given */
    struct wallet_import_photos source;
};

#define CLI_PHOTOS_OPTION                                                                          \
    {                                                                                              \
        "photos", "DIR", "Fill image claims from DIR/NUMBER.jpg or .png.", false                   \
    }

/** Open the folder of the option above, if it was given. Returns as cli_sheet_read(). */
enum cli_exit cli_photos_open(const struct cli *cli, struct cli_photos *photos);

/** Say on standard error which files were not used, and close the folder. */
void cli_photos_end(struct cli_photos *photos);

/** Put the member "photos" with the files and those that were not used, if there is a folder. */
void cli_photos_json(struct wallet_json_writer *w, const struct cli_photos *photos);

#endif
