/* A map compiled: what import_map.c reads from the document, and import_row.c runs by. */
#ifndef CATALOG_IMPORT_PLAN_H
#define CATALOG_IMPORT_PLAN_H

#include "import_date_form.h"
#include "wallet/import_map.h"
#include "wallet/json_doc.h"

enum { IMPORT_DATE_FORMS_MAX = 33 }; /* the map's own, and those of single columns */

/* A piece of a template: literal text, or a column. */
struct import_part {
    lw_str literal;
    size_t column; /* SIZE_MAX: literal */
};

/* A column is a template of one part. */
struct import_expr {
    struct import_part parts[WALLET_MAP_PARTS_MAX];
    size_t count; /* 0: the map has none */
};

struct import_state {
    lw_str value; /* as the register writes it */
    enum wallet_state state;
};

struct import_claim {
    size_t def;
    struct import_expr from; /* none: constant */
    lw_bytes constant;       /* one CBOR item */
    bool photo;              /* `from` names a photo */
};

struct wallet_import_plan {
    const struct wallet_license_type *type; /* NULL while a map is read by itself */
    const struct wallet_csv *csv;           /* likewise */
    const struct wallet_import_photos *photos;
    int64_t shift_days;
    struct import_expr number;
    struct import_expr version;
    lw_str holder_type;
    lw_str holder_role;
    struct import_expr holder_code;
    struct import_expr holder_name;
    struct import_expr valid_from;
    struct import_expr valid_until;
    struct import_expr issued;
    struct import_expr state; /* none: constant */
    enum wallet_state constant_state;
    struct import_state states[WALLET_MAP_STATES_MAX];
    size_t state_count;
    struct import_claim claims[WALLET_CLAIMS_MAX]; /* in the type's order */
    size_t claim_count;
    struct import_date_form date_forms[IMPORT_DATE_FORMS_MAX]; /* the first: of all columns */
    size_t date_form_count;
    uint8_t date_form_of[WALLET_CSV_COLUMNS_MAX]; /* of a column: index of its own, or 0 */
    uint16_t lengths[WALLET_CSV_COLUMNS_MAX];     /* characters that each value has; 0: any */
    bool long_numbers; /* numbers that end in zeros are right, however long */
    struct wallet_csv_form form;
    lw_buf constants; /* its room is reserved once: what was put there never moves */
    lw_buf arena;     /* likewise; a row's templates and values */
};

/** Read what the map says of the file and of single columns: dates, lengths, encoding. */
void import_map_form_read(const struct wallet_json_at *root, struct wallet_import_plan *plan);

#endif
