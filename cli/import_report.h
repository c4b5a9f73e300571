/* What an import finds, gathered while it runs and told at its end: for a clerk, or as JSON. */
#ifndef CLI_IMPORT_REPORT_H
#define CLI_IMPORT_REPORT_H

#include "bad_rows.h"
#include "sheet.h"
#include "wallet/json_write.h"

enum { IMPORT_NOTES_MAX = 16, IMPORT_NOTE_LINES_MAX = 5 };

/* One note, and the first lines it was made of. */
struct import_note {
    const char *why;
    size_t count;
    size_t lines[IMPORT_NOTE_LINES_MAX];
};

struct import_report {
    struct cli *cli;
    size_t shown;
    size_t listed;
    size_t noted;
    size_t missing_listed;
    size_t left; /* issues not shown */
    struct import_note notes[IMPORT_NOTES_MAX];
    size_t note_count;
    struct cli_bad_rows bad_rows;
    lw_buf bad_json;
    lw_buf note_json;
    lw_buf missing_json;
    lw_buf sample_json;
    struct wallet_json_writer bad;
    struct wallet_json_writer note;
    struct wallet_json_writer missing;
    struct wallet_json_writer sample;
    size_t sampled;
    struct cli_progress progress;
    struct cli_photos photos;
    bool approves; /* who asked for the import has the file of bad rows */
};

/** Begin an empty one in place. */
void import_report_begin(struct import_report *r, struct cli *cli);
void import_report_free(struct import_report *r);

/* For the watch of the import. */
void import_report_issue(struct import_report *r, const struct wallet_import_issue *issue);
void import_report_missing(struct import_report *r, const struct wallet_import_missing *missing);

void import_report_sample(struct import_report *r, const struct wallet_import_sample *sample);

/** Write the file of bad rows and print the rest; `err` is the import's. Returns what to exit with.
 */
enum cli_exit import_report_end(struct import_report *r, const struct wallet_import_result *result,
                                lw_err err);

#endif
