/* A proposal on its way: the profiles of the columns beside what is made of them. */
#ifndef CATALOG_IMPORT_PROPOSE_H
#define CATALOG_IMPORT_PROPOSE_H

#include "import_profile.h"
#include "wallet/map_propose.h"

struct proposing {
    struct wallet_map_proposal *out;
    struct wallet_csv *csv;
    const struct wallet_license_type *type;
    const struct wallet_csv_form *said; /* what the file was said to be, for the map */
    struct column_profile columns[WALLET_CSV_COLUMNS_MAX];
    unsigned scores[WALLET_PROPOSE_PARTS_MAX][WALLET_CSV_COLUMNS_MAX];
};

/** Put something that is missing, or is to be looked at, on the list. */
void propose_missing(struct proposing *p, lw_str what, const char *why, bool fatal);

/** Return the match of a part; of a claim by its index in the type. */
const struct wallet_map_match *propose_match(const struct proposing *p, enum wallet_map_part part,
                                             size_t claim);

/** Append the map, and list what it lacks. */
LW_MUST_USE lw_err propose_write(struct proposing *p, lw_buf *map);

#endif
