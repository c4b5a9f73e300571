/* The proposed map as a document, and what it lacks. */
#include <stdlib.h>

#include <jansson.h>

#include "import_propose.h"
#include "import_words.h"

enum { INDENT = 4, COLUMN_NAME_MAX = 1024 };

static const char out_of_memory[] = "import: out of memory";

static void set_text(json_t *object, const char *name, lw_str text)
{
    (void)json_object_set_new(object, name, json_stringn(text.ptr, text.len));
}

/* A column whose name holds braces cannot be named in a map. */
static bool can_be_named(lw_str name)
{
    return name.len > 0 && memchr(name.ptr, '{', name.len) == NULL &&
           memchr(name.ptr, '}', name.len) == NULL;
}

static bool set_column(const struct proposing *p, json_t *object, const char *name,
                       const struct wallet_map_match *m)
{
    if (m->column == SIZE_MAX || !can_be_named(wallet_csv_column_name(p->csv, m->column))) {
        return false;
    }
    set_text(object, name, wallet_csv_column_name(p->csv, m->column));
    return true;
}

static bool set_part(struct proposing *p, json_t *object, const char *name,
                     enum wallet_map_part part)
{
    const struct wallet_map_match *m = propose_match(p, part, 0);
    const bool set = set_column(p, object, name, m);
    if (!set && m->required && part != WALLET_MAP_VALID_UNTIL) {
        propose_missing(p, lw_str_c(wallet_map_part_name(part)),
                        "no column was found for it: write its name into the map", true);
    }
    return set;
}

/* What kind of code the holders have: by check digits, else by the column's name. */
static const char *code_type(struct proposing *p, size_t c)
{
    const struct column_profile *column = &p->columns[c];
    const size_t credit = column->credit_codes;
    const size_t citizen = column->citizen_numbers;
    const char *named = import_words_code_type(wallet_csv_column_name(p->csv, c));
    if (credit > 0 && citizen > 0) {
        propose_missing(p, LW_STR("holder.type"),
                        "the column has credit codes and citizen numbers: a map takes one kind, "
                        "so give companies and people in a sheet each",
                        false);
    } else if (credit + citizen == 0) {
        propose_missing(p, LW_STR("holder.type"),
                        named == NULL ? "the codes have no check digits that hold: 999 (other) "
                                        "stands in; look whether it is meant"
                                      : "the column's name says it, but no check digit holds: a "
                                        "spreadsheet may have damaged the codes",
                        false);
        return named == NULL ? "999" : named;
    }
    return credit >= citizen ? "001" : "111";
}

static void put_holder(struct proposing *p, json_t *map)
{
    json_t *holder = json_object();
    const struct wallet_map_match *code = propose_match(p, WALLET_MAP_HOLDER_CODE, 0);
    const char *type = code->column == SIZE_MAX ? "999" : code_type(p, code->column);
    set_text(holder, "type", lw_str_c(type));
    (void)set_part(p, holder, "code", WALLET_MAP_HOLDER_CODE);
    (void)set_part(p, holder, "name", WALLET_MAP_HOLDER_NAME);
    set_text(holder, "role", p->type->holder_roles[0]);
    (void)json_object_set_new(map, "holder", holder);
}

static const char *state_word(enum wallet_state state)
{
    switch (state) {
    case WALLET_ACTIVE:
        return "active";
    case WALLET_SUSPENDED:
        return "suspended";
    case WALLET_REVOKED:
        return "revoked";
    case WALLET_CANCELLED:
    case WALLET_SUPERSEDED:
        break;
    }
    return "cancelled";
}

static void put_state(struct proposing *p, json_t *map)
{
    json_t *state = json_object();
    json_t *values = json_object();
    const struct wallet_map_match *m = propose_match(p, WALLET_MAP_STATE, 0);
    if (!set_column(p, state, "column", m)) {
        set_text(state, "constant", LW_STR("active"));
        propose_missing(p, LW_STR("state"),
                        "no column says it: every row is taken as active; look whether the "
                        "register has revoked or cancelled ones",
                        false);
        json_decref(values);
        (void)json_object_set_new(map, "state", state);
        return;
    }
    const struct column_profile *column = &p->columns[m->column];
    for (size_t i = 0; i < column->value_count; i++) {
        const lw_str value = lw_str_c(column->values[i]);
        enum wallet_state known = WALLET_ACTIVE;
        char shown[PROFILE_VALUE_MAX];
        if (import_words_state(value, &known)) {
            set_text(values, column->values[i], lw_str_c(state_word(known)));
        } else {
            profile_mask(value, false, shown);
            propose_missing(p, lw_str_c(shown),
                            "is a value of the state column that is not known: give it a state "
                            "in the map, or its rows are left out",
                            false);
        }
    }
    (void)json_object_set_new(state, "values", values);
    (void)json_object_set_new(map, "state", state);
}

/* Writes "a.b" of a claim's path; false: too long. */
static bool claim_path(const struct wallet_claim_def *claim, lw_buf *path, const char **text)
{
    for (size_t i = 0; i < claim->depth; i++) {
        if ((i > 0 && lw_buf_put_byte(path, '.').code != LW_OK) ||
            lw_buf_put_str(path, claim->path[i]).code != LW_OK) {
            return false;
        }
    }
    return lw_buf_c(path, text).code == LW_OK;
}

static void put_claims(struct proposing *p, json_t *map)
{
    json_t *claims = json_object();
    for (size_t i = 0; i < p->type->claim_count; i++) {
        LW_AUTO_BUF path = LW_BUF(512);
        const char *name = NULL;
        const struct wallet_map_match *m = propose_match(p, WALLET_MAP_CLAIM, i);
        if (claim_path(&p->type->claims[i], &path, &name) && !set_column(p, claims, name, m) &&
            m->required) {
            propose_missing(
                p, lw_str_c(name),
                p->type->claims[i].media != 0
                    ? "is an image that the license type requires: give the import "
                      "--photos DIR, with files named by the license's number"
                    : "is a claim that the license type requires, and no column was found "
                      "for it: write its name, or {\"constant\": ...}, into the map",
                true);
        }
    }
    (void)json_object_set_new(map, "claims", claims);
}

static bool is_date(const struct proposing *p, const struct wallet_map_match *m)
{
    switch (m->part) {
    case WALLET_MAP_VALID_FROM:
    case WALLET_MAP_VALID_UNTIL:
    case WALLET_MAP_ISSUED:
        return true;
    case WALLET_MAP_CLAIM:
        return p->type->claims[m->claim].kind == WALLET_KIND_DATE;
    case WALLET_MAP_NUMBER:
    case WALLET_MAP_VERSION:
    case WALLET_MAP_HOLDER_CODE:
    case WALLET_MAP_HOLDER_NAME:
    case WALLET_MAP_STATE:
        break;
    }
    return false;
}

static void put_unreadable(struct proposing *p, size_t c)
{
    const struct column_profile *column = &p->columns[c];
    propose_missing(p, wallet_csv_column_name(p->csv, c),
                    column->shapes[IMPORT_SHAPE_SERIAL] > 0
                        ? "has dates as numbers of days: format the column as yyyy-mm-dd, or give "
                          "it excel-serial or excel-serial-1904 under date_formats in the map"
                        : "has dates whose form is not certain: give it under date_formats in the "
                          "map, such as \"%d/%m/%Y\" or \"%m/%d/%Y\"",
                    true);
}

/* The form of the first date column is the file's; others that differ have their own. */
static void put_dates(struct proposing *p, json_t *map)
{
    char first[16] = "";
    json_t *others = json_object();
    bool told[WALLET_CSV_COLUMNS_MAX] = {false};
    for (size_t i = 0; i < p->out->part_count; i++) {
        const struct wallet_map_match *m = &p->out->parts[i];
        char form[16];
        if (m->column == SIZE_MAX || !is_date(p, m) || told[m->column] ||
            p->columns[m->column].filled == 0) {
            continue;
        }
        told[m->column] = true;
        if (!profile_date_form(&p->columns[m->column], form)) {
            put_unreadable(p, m->column);
        } else if (first[0] == '\0') {
            memcpy(first, form, sizeof(first));
        } else if (strcmp(first, form) != 0) {
            char name[COLUMN_NAME_MAX];
            const lw_str column = wallet_csv_column_name(p->csv, m->column);
            if (column.len < sizeof(name)) {
                memcpy(name, column.ptr, column.len);
                name[column.len] = '\0';
                set_text(others, name, lw_str_c(form));
            }
        }
    }
    set_text(map, "date_format", first[0] == '\0' ? LW_STR("year-first") : lw_str_c(first));
    if (json_object_size(others) > 0) {
        (void)json_object_set_new(map, "date_formats", others);
    } else {
        json_decref(others);
    }
}

/* A column of numbers as long as each other, some of which begin with zeros, has to stay so. */
static void put_lengths(struct proposing *p, json_t *map)
{
    const size_t c = propose_match(p, WALLET_MAP_NUMBER, 0)->column;
    if (c == SIZE_MAX) {
        return;
    }
    const struct column_profile *column = &p->columns[c];
    if (column->one_length && column->digits_led_by_zero > 0 &&
        column->whole_numbers == column->filled) {
        json_t *lengths = json_object();
        const lw_str name = wallet_csv_column_name(p->csv, c);
        LW_AUTO_BUF text = LW_BUF(1024);
        const char *key = NULL;
        if (lw_buf_put_str(&text, name).code == LW_OK && lw_buf_c(&text, &key).code == LW_OK) {
            (void)json_object_set_new(lengths, key, json_integer((json_int_t)column->length));
        }
        (void)json_object_set_new(map, "lengths", lengths);
    }
}

static void put_end(struct proposing *p, json_t *map)
{
    const size_t by_claim = p->type->validity_claim;
    if (set_part(p, map, "valid_until", WALLET_MAP_VALID_UNTIL)) {
        return;
    }
    if (by_claim != SIZE_MAX && propose_match(p, WALLET_MAP_CLAIM, by_claim)->column == SIZE_MAX) {
        propose_missing(p, LW_STR("valid_until"),
                        "no column was found for it: write its name into the map", true);
    }
}

lw_err propose_write(struct proposing *p, lw_buf *out)
{
    json_t *map = json_object();
    if (map == NULL) {
        return LW_FAIL(LW_E_NOMEM, out_of_memory, LW_NOWHERE);
    }
    (void)set_part(p, map, "number", WALLET_MAP_NUMBER);
    (void)set_part(p, map, "version", WALLET_MAP_VERSION);
    put_holder(p, map);
    (void)set_part(p, map, "valid_from", WALLET_MAP_VALID_FROM);
    put_end(p, map);
    (void)set_part(p, map, "issued", WALLET_MAP_ISSUED);
    put_state(p, map);
    put_claims(p, map);
    put_dates(p, map);
    put_lengths(p, map);
    set_text(map, "encoding", lw_str_c(wallet_csv_encoding_name(p->said->encoding)));
    if (p->said->delimiter != WALLET_CSV_ANY) {
        set_text(map, "delimiter", lw_str_c(wallet_csv_delimiter_name(p->said->delimiter)));
    }
    char *text = json_dumps(map, JSON_INDENT(INDENT));
    json_decref(map);
    if (text == NULL) {
        return LW_FAIL(LW_E_NOMEM, out_of_memory, LW_NOWHERE);
    }
    lw_err err = lw_buf_put_c(out, text);
    err = err.code == LW_OK ? lw_buf_put_byte(out, '\n') : err;
    free(text);
    return err;
}
