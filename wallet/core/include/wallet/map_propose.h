/*
 * A first import map for a register, proposed from the names of its columns and the shapes of
 * their values. What is not certain says so; a clerk looks at it and mends it. Pure.
 */
#ifndef WALLET_MAP_PROPOSE_H
#define WALLET_MAP_PROPOSE_H

#include "wallet/import_map.h"

enum {
    WALLET_PROPOSE_ROWS_MAX = 5000, /* rows that are looked at */
    WALLET_PROPOSE_PARTS_MAX = 8 + WALLET_CLAIMS_MAX,
    WALLET_PROPOSE_MISSING_MAX = 64,
};

enum wallet_map_part {
    WALLET_MAP_NUMBER,
    WALLET_MAP_VERSION,
    WALLET_MAP_HOLDER_CODE,
    WALLET_MAP_HOLDER_NAME,
    WALLET_MAP_VALID_FROM,
    WALLET_MAP_VALID_UNTIL,
    WALLET_MAP_ISSUED,
    WALLET_MAP_STATE,
    WALLET_MAP_CLAIM,
};

enum wallet_map_confidence {
    WALLET_MAP_NOTHING, /* no column was found */
    WALLET_MAP_GUESS,   /* to be looked at */
    WALLET_MAP_LIKELY,
    WALLET_MAP_CERTAIN,
};

/* What a member of the map is taken from. */
struct wallet_map_match {
    enum wallet_map_part part;
    size_t claim;  /* of the type, for a claim */
    size_t column; /* SIZE_MAX: none */
    enum wallet_map_confidence confidence;
    const char *why; /* static: what it was taken for */
    bool required;
};

/* What a map needs and the file does not say, or what a clerk must look at. */
struct wallet_map_missing {
    char what[128]; /* a member of the map, a claim, or a value of the state column */
    const char *why;
    bool fatal; /* an import with the map would be refused */
};

struct wallet_map_proposal {
    struct wallet_map_match parts[WALLET_PROPOSE_PARTS_MAX];
    size_t part_count;
    struct wallet_map_missing missing[WALLET_PROPOSE_MISSING_MAX];
    size_t missing_count;
    bool used[WALLET_CSV_COLUMNS_MAX];        /* columns that the map takes */
    char samples[WALLET_CSV_COLUMNS_MAX][64]; /* a value of each column, masked */
    size_t rows;                              /* that were looked at */
};

/**
 * Propose a map for a file and a type.
 *
 * proposal  what was found; too large for a stack
 * map       the map is appended, indented JSON, with what was found: an import takes it when
 *           nothing fatal is missing
 * csv       is read from its start, and rewound
 * said      what the file was said to be, which the map then says too
 * errors    LW_E_NOMEM, LW_E_LIMIT
 * does not check  more than the first WALLET_PROPOSE_ROWS_MAX rows
 */
LW_MUST_USE lw_err wallet_map_propose(struct wallet_map_proposal *proposal, lw_buf *map,
                                      struct wallet_csv *csv,
                                      const struct wallet_license_type *type,
                                      const struct wallet_csv_form *said);

/** Return the map's name of a part, "holder.code"; static. Of a claim "claims". */
const char *wallet_map_part_name(enum wallet_map_part part);

/** Return "certain", "likely", "guess" or "missing"; static. */
const char *wallet_map_confidence_name(enum wallet_map_confidence confidence);

#endif
