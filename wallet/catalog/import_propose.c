/* Which column is what: by its name, and whether its values are of that kind. */
#include "import_propose.h"

#include <stdlib.h>

#include "import_words.h"

enum {
    PARTS = WALLET_MAP_CLAIM,
    SHAPE_FITS = 20,
    SHAPE_PROVES = 60,
    CERTAIN_FROM = 100,
    LIKELY_FROM = 60,
    GUESS_FROM = IMPORT_NAME_PART / 2,
};

const char *wallet_map_part_name(enum wallet_map_part part)
{
    static const char *const names[] = {
        [WALLET_MAP_NUMBER] = "number",
        [WALLET_MAP_VERSION] = "version",
        [WALLET_MAP_HOLDER_CODE] = "holder.code",
        [WALLET_MAP_HOLDER_NAME] = "holder.name",
        [WALLET_MAP_VALID_FROM] = "valid_from",
        [WALLET_MAP_VALID_UNTIL] = "valid_until",
        [WALLET_MAP_ISSUED] = "issued",
        [WALLET_MAP_STATE] = "state",
        [WALLET_MAP_CLAIM] = "claims",
    };
    return names[part];
}

const char *wallet_map_confidence_name(enum wallet_map_confidence confidence)
{
    static const char *const names[] = {"missing", "guess", "likely", "certain"};
    return names[confidence];
}

void propose_missing(struct proposing *p, lw_str what, const char *why, bool fatal)
{
    struct wallet_map_proposal *out = p->out;
    if (out->missing_count == WALLET_PROPOSE_MISSING_MAX) {
        return;
    }
    struct wallet_map_missing *m = &out->missing[out->missing_count++];
    size_t len = what.len < sizeof(m->what) ? what.len : sizeof(m->what) - 1;
    while (len < what.len && len > 0 && ((unsigned char)what.ptr[len] & 0xc0) == 0x80) {
        len--;
    }
    memcpy(m->what, what.ptr, len);
    m->what[len] = '\0';
    m->why = why;
    m->fatal = fatal;
}

const struct wallet_map_match *propose_match(const struct proposing *p, enum wallet_map_part part,
                                             size_t claim)
{
    return &p->out->parts[part == WALLET_MAP_CLAIM ? PARTS + claim : (size_t)part];
}

static unsigned by_shape(unsigned name, const struct column_profile *column, size_t fits,
                         unsigned more)
{
    if (name == 0 || column->filled == 0) {
        return name;
    }
    return profile_mostly(column, fits) ? name + more : name / 2;
}

/* How well a column fits; of codes and numbers with check characters the values alone will do. */
static unsigned part_score(enum wallet_map_part part, const struct column_profile *column,
                           lw_str name)
{
    const unsigned n = import_words_part(part, name);
    const size_t codes = column->credit_codes + column->citizen_numbers;
    size_t known = 0;
    enum wallet_state state = WALLET_ACTIVE;
    switch (part) {
    case WALLET_MAP_NUMBER:
        return profile_mostly(column, column->license_numbers) ? n + SHAPE_PROVES
               : profile_mostly(column, codes) && n > 0        ? n - SHAPE_FITS
                                                               : n;
    case WALLET_MAP_HOLDER_CODE:
        return profile_mostly(column, codes) ? n + SHAPE_PROVES : n * 2 / 3;
    case WALLET_MAP_VALID_FROM:
    case WALLET_MAP_VALID_UNTIL:
    case WALLET_MAP_ISSUED:
        return by_shape(n, column, profile_dates(column), SHAPE_FITS);
    case WALLET_MAP_STATE:
        if (column->value_count > PROFILE_VALUES_MAX) {
            return 0;
        }
        for (size_t i = 0; i < column->value_count; i++) {
            known += import_words_state(lw_str_c(column->values[i]), &state) ? 1 : 0;
        }
        return known == 0 || n == 0 ? 0 : n + SHAPE_FITS;
    case WALLET_MAP_VERSION:
    case WALLET_MAP_HOLDER_NAME:
    case WALLET_MAP_CLAIM:
        break;
    }
    return n;
}

static unsigned claim_score(const struct wallet_claim_def *claim,
                            const struct column_profile *column, lw_str name)
{
    const unsigned n = import_words_claim(claim, name);
    switch (claim->kind) {
    case WALLET_KIND_DATE:
    case WALLET_KIND_TIME:
        return by_shape(n, column, profile_dates(column), SHAPE_FITS);
    case WALLET_KIND_INTEGER:
        return by_shape(n, column, column->whole_numbers, SHAPE_FITS);
    case WALLET_KIND_BOOLEAN:
        return by_shape(n, column, column->truths, SHAPE_FITS);
    case WALLET_KIND_BYTES:
        return 0;
    case WALLET_KIND_TEXT:
    case WALLET_KIND_TEXTS:
    case WALLET_KIND_OBJECTS:
        break;
    }
    return n;
}

static void score_all(struct proposing *p)
{
    for (size_t c = 0; c < wallet_csv_columns(p->csv); c++) {
        const lw_str name = wallet_csv_column_name(p->csv, c);
        for (size_t i = 0; i < PARTS; i++) {
            p->scores[i][c] = part_score((enum wallet_map_part)i, &p->columns[c], name);
        }
        for (size_t i = 0; i < p->type->claim_count; i++) {
            p->scores[PARTS + i][c] = claim_score(&p->type->claims[i], &p->columns[c], name);
        }
    }
}

static const char *reason(const struct column_profile *column, unsigned name)
{
    return profile_mostly(column, column->credit_codes) ? "values are credit codes that check"
           : profile_mostly(column, column->citizen_numbers)
               ? "values are citizen numbers that check"
           : name >= IMPORT_NAME_EXACT ? "by its name"
                                       : "by a word in its name";
}

/* Gives the best pair of a part and a column to each other, then the next best of the rest. */
static void assign(struct proposing *p, size_t first, size_t end)
{
    bool taken[WALLET_CSV_COLUMNS_MAX] = {false};
    for (;;) {
        unsigned best = 0;
        size_t part = 0;
        size_t column = 0;
        for (size_t i = first; i < end; i++) {
            for (size_t c = 0; c < wallet_csv_columns(p->csv); c++) {
                const bool free = p->out->parts[i].column == SIZE_MAX && !taken[c];
                if (free && p->scores[i][c] > best) {
                    best = p->scores[i][c];
                    part = i;
                    column = c;
                }
            }
        }
        if (best < GUESS_FROM) {
            return;
        }
        struct wallet_map_match *m = &p->out->parts[part];
        taken[column] = true;
        m->column = column;
        m->confidence = best >= CERTAIN_FROM  ? WALLET_MAP_CERTAIN
                        : best >= LIKELY_FROM ? WALLET_MAP_LIKELY
                                              : WALLET_MAP_GUESS;
        m->why = reason(&p->columns[column], best);
    }
}

static void list_parts(struct proposing *p)
{
    struct wallet_map_proposal *out = p->out;
    const bool ends = p->type->validity_days > 0 || p->type->validity_claim != SIZE_MAX;
    out->part_count = PARTS + p->type->claim_count;
    for (size_t i = 0; i < out->part_count; i++) {
        const bool claim = i >= PARTS;
        const enum wallet_map_part part = claim ? WALLET_MAP_CLAIM : (enum wallet_map_part)i;
        out->parts[i] = (struct wallet_map_match){.part = part,
                                                  .claim = claim ? i - PARTS : 0,
                                                  .column = SIZE_MAX,
                                                  .why = "no column has such a name"};
        out->parts[i].required =
            claim ? p->type->claims[i - PARTS].required
                  : part == WALLET_MAP_NUMBER || part == WALLET_MAP_HOLDER_CODE ||
                        part == WALLET_MAP_VALID_FROM || (part == WALLET_MAP_VALID_UNTIL && ends);
    }
}

/* A register of one date has it as the date of issue; the import lets that stand in. */
static void start_from_issue(struct proposing *p)
{
    struct wallet_map_match *start = &p->out->parts[WALLET_MAP_VALID_FROM];
    const struct wallet_map_match *issued = &p->out->parts[WALLET_MAP_ISSUED];
    if (start->column == SIZE_MAX && issued->column != SIZE_MAX) {
        start->column = issued->column;
        start->confidence = WALLET_MAP_GUESS;
        start->why = "no column has the start: the date of issue stands in";
    }
}

static lw_err profile_rows(struct proposing *p)
{
    wallet_csv_rewind(p->csv);
    for (size_t rows = 0; rows < WALLET_PROPOSE_ROWS_MAX;) {
        struct wallet_csv_row row;
        const lw_err err = wallet_csv_next(p->csv, &row);
        if (err.code == LW_E_NOT_FOUND) {
            break;
        }
        if (err.code == LW_E_NOMEM) {
            return err;
        }
        rows++;
        for (size_t c = 0; err.code == LW_OK && c < row.count; c++) {
            profile_take(&p->columns[c], row.cells[c]);
            if (p->out->samples[c][0] == '\0') {
                profile_mask(row.cells[c], false, p->out->samples[c]);
            }
        }
        p->out->rows = rows;
    }
    wallet_csv_rewind(p->csv);
    return LW_SUCCESS;
}

static void mask_person(struct proposing *p, size_t column)
{
    char shown[PROFILE_VALUE_MAX];
    if (column != SIZE_MAX) {
        profile_mask(lw_str_c(p->out->samples[column]), true, shown);
        memcpy(p->out->samples[column], shown, sizeof(shown));
    }
}

/* Names of people are personal data; those of companies are public. */
static void mask_people(struct proposing *p)
{
    const size_t code = p->out->parts[WALLET_MAP_HOLDER_CODE].column;
    if (code == SIZE_MAX || !profile_mostly(&p->columns[code], p->columns[code].credit_codes)) {
        mask_person(p, p->out->parts[WALLET_MAP_HOLDER_NAME].column);
    }
    for (size_t i = 0; i < p->type->claim_count; i++) {
        const lw_str path = p->type->claims[i].path[0];
        if (lw_str_is(path, "family_name") || lw_str_is(path, "given_name") ||
            lw_str_is(path, "person_in_charge")) {
            mask_person(p, p->out->parts[PARTS + i].column);
        }
    }
}

lw_err wallet_map_propose(struct wallet_map_proposal *proposal, lw_buf *map, struct wallet_csv *csv,
                          const struct wallet_license_type *type,
                          const struct wallet_csv_form *said)
{
    struct proposing *p = calloc(1, sizeof(*p));
    if (p == NULL) {
        return LW_FAIL(LW_E_NOMEM, "import: out of memory", LW_NOWHERE);
    }
    *proposal = (struct wallet_map_proposal){.rows = 0};
    *p = (struct proposing){.out = proposal, .csv = csv, .type = type, .said = said};
    lw_err err = profile_rows(p);
    if (err.code == LW_OK) {
        list_parts(p);
        score_all(p);
        assign(p, 0, PARTS);
        assign(p, PARTS, proposal->part_count);
        start_from_issue(p);
        mask_people(p);
        err = propose_write(p, map);
    }
    for (size_t i = 0; err.code == LW_OK && i < proposal->part_count; i++) {
        if (proposal->parts[i].column != SIZE_MAX) {
            proposal->used[proposal->parts[i].column] = true;
        }
    }
    free(p);
    return err;
}
