/* A small license type, a map and a file of one's own, opened together to convert rows. */
#ifndef SUPPORT_REGISTER_H
#define SUPPORT_REGISTER_H

#include "wallet/import_map.h"

enum { SUPPORT_REGISTER_ERRORS = 32 };

#define SUPPORT_REGISTER_HEADER                                                                    \
    "NO,TERM,ACCOUNT,SITE,NAME,START,END,ISSUED,STATE,WHAT,SEATS,CHECKED\n"

/* JSON: claims of every kind a register gives, and a map that uses each column of the header. */
extern const char support_register_type[];
extern const char support_register_map[];

struct support_register {
    struct wallet_type_doc *type;
    struct wallet_import_map *map;
    struct wallet_csv *csv;
    struct wallet_import_plan *plan; /* NULL when the map does not read or bind */
    struct wallet_doc_error errors[SUPPORT_REGISTER_ERRORS];
    size_t error_count;
    lw_err err; /* of reading and binding the map */
};

/** Open all three; aborts when type or file do not read. `csv` must live as long as `r`. */
void support_register_open(struct support_register *r, const char *type, const char *map,
                           const char *csv, int64_t shift_days);
void support_register_close(struct support_register *r);

/** Convert the file's next row; aborts when there is no good one. */
LW_MUST_USE lw_err support_register_row(struct support_register *r, struct wallet_import_row *row);

#endif
