/* lw license map: a first import map for a register, to be looked at. */
#include <stdlib.h>
#include <unistd.h>

#include "cli_table.h"
#include "count.h"
#include "sheet.h"
#include "wallet/json_write.h"
#include "wallet/map_propose.h"

enum { OUTPUT_MAX = 4 * 1024 * 1024, MAP_MAX = 256 * 1024, TRIED_ROWS = 1000, SHOWN_ERRORS = 5 };

static const struct cli_option map_options[] = {
    {"type", "ID", "License type (required).", false},
    {"out", "MAP.json", "Write the map to this file.", false},
    {"force", NULL, "Write over a file that is there.", false},
    CLI_SHEET_OPTIONS,
    {NULL, NULL, NULL, false},
};

/* How the first rows fare with the map. */
struct trial {
    bool binds;
    size_t rows;
    size_t good;
    size_t error_count;
    size_t lines[SHOWN_ERRORS];
    char columns[SHOWN_ERRORS][64];
    char reasons[SHOWN_ERRORS][256];
};

static void keep_error(struct trial *trial, const struct wallet_import_row *row)
{
    if (trial->error_count == SHOWN_ERRORS || row->error_count == 0) {
        return;
    }
    const size_t i = trial->error_count++;
    trial->lines[i] = row->line;
    (void)snprintf(trial->columns[i], sizeof(trial->columns[i]), "%.*s",
                   (int)row->errors[0].column.len, row->errors[0].column.ptr);
    (void)snprintf(trial->reasons[i], sizeof(trial->reasons[i]), "%s", row->errors[0].why);
}

/* Converts the first rows; a map that does not bind was already told what it lacks. */
static lw_err try_map(struct trial *trial, lw_bytes json, struct wallet_csv *csv,
                      const struct wallet_license_type *type)
{
    struct wallet_import_map *map = NULL;
    struct wallet_import_plan *plan = NULL;
    struct wallet_import_row *row = calloc(1, sizeof(*row));
    const struct wallet_import_binding binding = {.type = type, .csv = csv};
    size_t none = 0;
    if (row == NULL) {
        return LW_FAIL(LW_E_NOMEM, "import: out of memory", LW_NOWHERE);
    }
    lw_err err = wallet_import_map_read(json, &map, NULL, &none);
    none = 0;
    err = err.code == LW_OK ? wallet_import_plan_new(&plan, map, &binding, NULL, &none) : err;
    trial->binds = err.code == LW_OK;
    while (err.code == LW_OK && trial->rows < TRIED_ROWS) {
        struct wallet_csv_row cells;
        const lw_err read = wallet_csv_next(csv, &cells);
        if (read.code == LW_E_NOT_FOUND || read.code == LW_E_NOMEM) {
            break;
        }
        trial->rows++;
        if (read.code == LW_OK && wallet_import_row(plan, &cells, row).code == LW_OK) {
            trial->good++;
        } else if (read.code == LW_OK) {
            keep_error(trial, row);
        }
    }
    wallet_import_plan_free(plan);
    wallet_import_map_free(map);
    free(row);
    return err.code == LW_E_NOMEM ? err : LW_SUCCESS;
}

static void print_match(FILE *to, const struct wallet_map_proposal *p, const struct wallet_csv *csv,
                        const struct wallet_license_type *type, const struct wallet_map_match *m)
{
    char what[96];
    const bool claim = m->part == WALLET_MAP_CLAIM;
    const lw_str path = claim ? type->claims[m->claim].path[type->claims[m->claim].depth - 1]
                              : lw_str_c(wallet_map_part_name(m->part));
    (void)snprintf(what, sizeof(what), "%s%.*s", claim ? "claim " : "", (int)path.len, path.ptr);
    if (m->column == SIZE_MAX) {
        fprintf(to, "%-26s %-8s %s\n", what, "-", m->required ? "needed; " : "");
        return;
    }
    const lw_str name = wallet_csv_column_name(csv, m->column);
    fprintf(to, "%-26s %-8s %.*s  (%s; such as \"%s\")\n", what,
            wallet_map_confidence_name(m->confidence), (int)name.len, name.ptr, m->why,
            p->samples[m->column]);
}

static void print_proposal(FILE *to, const struct wallet_map_proposal *p,
                           const struct wallet_csv *csv, const struct wallet_license_type *type,
                           const struct trial *trial)
{
    fprintf(to, "%s looked at; %s, parted by %ss\n\n", CLI_COUNT(p->rows, "row"),
            wallet_csv_encoding_name(wallet_csv_encoding_of(csv)),
            wallet_csv_delimiter_name(wallet_csv_delimiter_of(csv)));
    for (size_t i = 0; i < p->part_count; i++) {
        print_match(to, p, csv, type, &p->parts[i]);
    }
    fprintf(to, "\ncolumns not used:");
    for (size_t c = 0; c < wallet_csv_columns(csv); c++) {
        const lw_str name = wallet_csv_column_name(csv, c);
        if (!p->used[c] && name.len > 0) {
            fprintf(to, " %.*s;", (int)name.len, name.ptr);
        }
    }
    fputs("\n", to);
    for (size_t i = 0; i < p->missing_count; i++) {
        fprintf(to, "%s %s: %s\n",
                p->missing[i].fatal ? "missing:" : "look at:", p->missing[i].what,
                p->missing[i].why);
    }
    if (trial->binds) {
        fprintf(to, "with this map %zu of the first %s good\n", trial->good,
                CLI_COUNT_OF(trial->rows, "row is", "rows are"));
    }
    for (size_t i = 0; i < trial->error_count; i++) {
        fprintf(to, "  line %zu, %s: %s\n", trial->lines[i], trial->columns[i], trial->reasons[i]);
    }
}

static void put_match(struct wallet_json_writer *w, const struct wallet_map_proposal *p,
                      const struct wallet_csv *csv, const struct wallet_license_type *type,
                      const struct wallet_map_match *m)
{
    wallet_json_put_object(w);
    wallet_json_member_c(w, "part", wallet_map_part_name(m->part));
    if (m->part == WALLET_MAP_CLAIM) {
        const struct wallet_claim_def *claim = &type->claims[m->claim];
        wallet_json_put_name(w, "path");
        wallet_json_put_array(w);
        for (size_t i = 0; i < claim->depth; i++) {
            wallet_json_put_text(w, claim->path[i]);
        }
        wallet_json_put_end(w);
    }
    wallet_json_member_bool(w, "required", m->required);
    wallet_json_member_c(w, "confidence", wallet_map_confidence_name(m->confidence));
    if (m->column != SIZE_MAX) {
        wallet_json_member_text(w, "column", wallet_csv_column_name(csv, m->column));
        wallet_json_member_c(w, "why", m->why);
        wallet_json_member_c(w, "sample", p->samples[m->column]);
    }
    wallet_json_put_end(w);
}

static void put_trial(struct wallet_json_writer *w, const struct trial *trial)
{
    wallet_json_member_bool(w, "complete", trial->binds);
    wallet_json_member_int(w, "tried", (int64_t)trial->rows);
    wallet_json_member_int(w, "good", (int64_t)trial->good);
    wallet_json_put_name(w, "bad_rows");
    wallet_json_put_array(w);
    for (size_t i = 0; i < trial->error_count; i++) {
        wallet_json_put_object(w);
        wallet_json_member_int(w, "line", (int64_t)trial->lines[i]);
        wallet_json_member_c(w, "column", trial->columns[i]);
        wallet_json_member_c(w, "reason", trial->reasons[i]);
        wallet_json_put_end(w);
    }
    wallet_json_put_end(w);
}

static lw_err print_json(const struct wallet_map_proposal *p, const struct wallet_csv *csv,
                         const struct wallet_license_type *type, const struct trial *trial,
                         lw_str map)
{
    LW_AUTO_BUF out = LW_BUF(OUTPUT_MAX);
    struct wallet_json_writer w = wallet_json_writer(&out);
    wallet_json_put_object(&w);
    wallet_json_member_int(&w, "rows", (int64_t)p->rows);
    wallet_json_member_c(&w, "encoding", wallet_csv_encoding_name(wallet_csv_encoding_of(csv)));
    wallet_json_member_c(&w, "delimiter", wallet_csv_delimiter_name(wallet_csv_delimiter_of(csv)));
    wallet_json_put_name(&w, "matches");
    wallet_json_put_array(&w);
    for (size_t i = 0; i < p->part_count; i++) {
        put_match(&w, p, csv, type, &p->parts[i]);
    }
    wallet_json_put_end(&w);
    wallet_json_put_name(&w, "missing");
    wallet_json_put_array(&w);
    for (size_t i = 0; i < p->missing_count; i++) {
        wallet_json_put_object(&w);
        wallet_json_member_c(&w, "what", p->missing[i].what);
        wallet_json_member_c(&w, "why", p->missing[i].why);
        wallet_json_member_bool(&w, "fatal", p->missing[i].fatal);
        wallet_json_put_end(&w);
    }
    wallet_json_put_end(&w);
    put_trial(&w, trial);
    wallet_json_member_raw(&w, "map", map);
    wallet_json_put_end(&w);
    LW_TRY(wallet_json_written(&w));
    cli_print(&out);
    return LW_SUCCESS;
}

/* Writes the map and tells what was found. */
static enum cli_exit report(struct cli *cli, const struct wallet_map_proposal *p,
                            const struct wallet_csv *csv, const struct wallet_license_type *type,
                            const struct trial *trial, const lw_buf *map)
{
    const char *path = cli_get(cli, "out");
    lw_err err = path == NULL ? LW_SUCCESS : cli_write(path, lw_buf_view(map), 0644);
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "cannot write the map", "Check the path after --out.");
    }
    if (cli->json) {
        err = print_json(p, csv, type, trial, lw_buf_text(map));
    } else {
        print_proposal(path != NULL && strcmp(path, "-") == 0 ? stderr : stdout, p, csv, type,
                       trial);
    }
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "cannot write the answer", NULL);
    }
    if (!cli->json) {
        fprintf(stderr,
                path == NULL ? "--out MAP.json writes the map%s\n"
                             : "the map is in %s: look at it before the first import\n",
                path == NULL ? "" : path);
    }
    if (!trial->binds) {
        fputs("The map is not complete yet: write into it what is missing above.\n", stderr);
    }
    return trial->binds ? CLI_DONE : CLI_REFUSED;
}

static enum cli_exit propose(struct cli *cli, struct wallet_csv *csv,
                             const struct wallet_license_type *type,
                             const struct wallet_csv_form *form)
{
    LW_AUTO_BUF map = LW_BUF(MAP_MAX);
    struct trial trial = {.binds = false};
    struct wallet_map_proposal *proposal = calloc(1, sizeof(*proposal));
    lw_err err = LW_FAIL(LW_E_NOMEM, "import: out of memory", LW_NOWHERE);
    if (proposal != NULL) {
        err = wallet_map_propose(proposal, &map, csv, type, form);
        err = err.code == LW_OK ? try_map(&trial, lw_buf_view(&map), csv, type) : err;
    }
    const enum cli_exit exit = err.code == LW_OK ? report(cli, proposal, csv, type, &trial, &map)
                                                 : cli_fail(cli, err, "cannot propose a map", NULL);
    free(proposal);
    return exit;
}

static enum cli_exit propose_for(struct cli *cli, const lw_buf *file,
                                 const struct wallet_csv_form *form)
{
    const struct wallet_snapshot *snapshot = NULL;
    WALLET_AUTO_CSV *csv = NULL;
    struct wallet_csv_fault fault;
    enum cli_exit exit = CLI_DONE;
    WALLET_AUTO_HOME home = cli_home(cli, WALLET_HOME_READ, &exit);
    if (home == NULL) {
        return exit;
    }
    lw_err err = wallet_csv_open_as(&csv, lw_buf_view(file), form, &fault);
    if (err.code != LW_OK) {
        if (fault.line > 0) {
            fprintf(stderr, "line %zu%s%s\n", fault.line, fault.column[0] == '\0' ? "" : ", ",
                    fault.column);
        }
        return cli_fail(cli, err, "cannot read the register",
                        "docs/registers.md says how to save a sheet.");
    }
    err = wallet_home_snapshot(home, &snapshot);
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "cannot read the catalogue", NULL);
    }
    const struct wallet_license_type *type = wallet_snapshot_type(snapshot, cli_text(cli, "type"));
    exit =
        type == NULL
            ? cli_fail(cli,
                       LW_FAIL(LW_E_NOT_FOUND, "import: there is no such license type", LW_NOWHERE),
                       "cannot propose a map", "`lw catalog list` shows the types.")
            : propose(cli, csv, type, form);
    wallet_snapshot_release(snapshot);
    return exit;
}

static enum cli_exit run_map(struct cli *cli)
{
    LW_AUTO_BUF file = LW_BUF(CLI_SHEET_MAX);
    struct wallet_csv_form form;
    const char *out = cli_get(cli, "out");
    if (!cli_has(cli, "type")) {
        return cli_usage(cli, "--type is needed");
    }
    if (out != NULL && strcmp(out, "-") != 0 && !cli_has(cli, "force") && access(out, F_OK) == 0) {
        return cli_fail(cli, LW_FAIL(LW_E_CONFLICT, "map: the file is there already", LW_NOWHERE),
                        "cannot write the map", "Give another --out, or --force to replace it.");
    }
    enum cli_exit exit = cli_sheet_form(cli, &form);
    exit = exit == CLI_DONE ? cli_sheet_read(cli, cli->args[0], &file) : exit;
    return exit == CLI_DONE ? propose_for(cli, &file, &form) : exit;
}

const struct cli_command cli_map_commands[] = {
    {.name = "license map",
     .args = "FILE.csv",
     .args_min = 1,
     .args_max = 1,
     .summary = "propose an import map for a register",
     .text =
         "Looks at the names of the columns, in Chinese or English, and at the values of the\n"
         "first 5,000 rows: codes whose check digits hold, dates and how they are written, "
         "states.\n"
         "Shows what each part of the map and each claim of the license type is taken from, how\n"
         "certain that is, and a value with its identity numbers and names masked; then what is\n"
         "missing or to be looked at, and how the first 1,000 rows fare with the map.\n\n"
         "Without --out no map is written; with --json it is in the answer. A file that is there\n"
         "is not written over without --force.\n\n"
         "Exits with 0 when an import takes the map, with 1 when something is missing in it.",
     .examples = "  lw license map register.csv --type business-license --out map.json\n"
                 "  lw license import register.csv --type business-license --map map.json \\\n"
                 "      --dry-run",
     .options = map_options,
     .run = run_map},
    {.name = NULL},
};
