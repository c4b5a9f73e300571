/* How offices call their columns: words for each part of a map and for common claims. */
#ifndef CATALOG_IMPORT_WORDS_H
#define CATALOG_IMPORT_WORDS_H

#include "wallet/license.h"
#include "wallet/map_propose.h"

enum {
    IMPORT_NAME_EXACT = 100, /* the whole name is such a word */
    IMPORT_NAME_PART = 40,   /* at least: a word stands in the name */
};

/** Return how well a column's name fits a part (not a claim): 0 to 100. */
unsigned import_words_part(enum wallet_map_part part, lw_str name);

/** Return how well a column's name fits a claim, by its names, its path and common words. */
unsigned import_words_claim(const struct wallet_claim_def *claim, lw_str name);

/** Return the code type (GB/T 36903) that a column's name says: "001", "111", or NULL; static. */
const char *import_words_code_type(lw_str name);

/** Read a value of a state column as registers write it; false: not one of the common ones. */
bool import_words_state(lw_str value, enum wallet_state *state);

#endif
