/* lw license import: a register from CSV, with what a clerk wants to know of it. */
#define _GNU_SOURCE

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "cli_table.h"
#include "sheet.h"
#include "wallet/flow_import.h"
#include "wallet/json_write.h"

enum {
    FILE_MAX = CLI_SHEET_MAX,
    MAP_MAX = 256 * 1024,
    OUTPUT_MAX = 64 * 1024 * 1024,
    SHOWN_MAX = 20,    /* bad rows on the screen */
    LISTED_MAX = 5000, /* bad rows and notes in JSON */
    PHOTO_BATCH = 128, /* rows a transaction with photos, which are held until it commits */
    NOTES_MAX = 16,    /* different ones */
    NOTE_LINES_MAX = 5,
};

static const struct cli_option import_options[] = {
    {"type", "ID", "License type (required).", false},
    {"map", "MAP.json", "How the columns become licenses (required).", false},
    {"issuer", "AGENCY", "Issuing agency; the type's only one unless given.", false},
    {"dry-run", NULL, "Check and report only; nothing is issued.", false},
    {"bad-rows", "FILE", "Write the rows left out to FILE, to be mended and given again.", false},
    {"shift-days", "N|auto",
     "Move every date by N days; auto: so that most newest terms hold today. In development only.",
     false},
    CLI_PHOTOS_OPTION,
    CLI_SHEET_OPTIONS,
    {NULL, NULL, NULL, false},
};

/* One note, and the first lines it was made of. */
struct note {
    const char *why;
    size_t count;
    size_t lines[NOTE_LINES_MAX];
};

/* What is gathered while the import runs. */
struct gathered {
    struct cli *cli;
    size_t shown;
    size_t listed;
    size_t noted;
    size_t left; /* issues not shown */
    struct note notes[NOTES_MAX];
    size_t note_count;
    const uint8_t *last_row;
    lw_buf rows;     /* of the file, those left out */
    lw_err rows_err; /* of gathering them */
    lw_buf bad_json;
    lw_buf note_json;
    struct wallet_json_writer bad;
    struct wallet_json_writer note;
    struct cli_progress progress;
    sigset_t signals;
    sigset_t before;
    bool asked_to_stop;
    struct cli_photos photos;
};

static void free_gathered(struct gathered *g)
{
    lw_buf_free(&g->rows);
    lw_buf_free(&g->bad_json);
    lw_buf_free(&g->note_json);
}
#define AUTO_GATHERED __attribute__((cleanup(free_gathered))) struct gathered

static void put_json(struct wallet_json_writer *w, const struct wallet_import_issue *issue)
{
    wallet_json_put_object(w);
    wallet_json_member_int(w, "line", (int64_t)issue->line);
    if (issue->column.len > 0) {
        wallet_json_member_text(w, "column", issue->column);
    }
    wallet_json_member_c(w, "reason", issue->why);
    wallet_json_put_end(w);
}

/* "line 2, LICENSE TERM START DATE: is empty", or "map /valid_from: there is no such column". */
static void print_issue(const struct wallet_import_issue *issue)
{
    const int len = (int)issue->column.len;
    if (issue->line > 0 && len > 0) {
        fprintf(stderr, "line %zu, %.*s: %s\n", issue->line, len, issue->column.ptr, issue->why);
    } else if (issue->line > 0) {
        fprintf(stderr, "line %zu: %s\n", issue->line, issue->why);
    } else if (len > 0) {
        fprintf(stderr, "map %.*s: %s\n", len, issue->column.ptr, issue->why);
    } else {
        fprintf(stderr, "%s\n", issue->why);
    }
}

static lw_err keep_row(struct gathered *g, lw_bytes raw)
{
    LW_TRY(lw_buf_put(&g->rows, raw));
    const uint8_t end = raw.ptr[raw.len - 1];
    return end == '\n' || end == '\r' ? LW_SUCCESS : lw_buf_put_byte(&g->rows, '\n');
}

static void take_bad(struct gathered *g, const struct wallet_import_issue *issue)
{
    if (g->listed < LISTED_MAX) {
        put_json(&g->bad, issue);
        g->listed++;
    }
    if (g->cli->json) {
        g->shown++;
    } else if (g->shown < SHOWN_MAX) {
        print_issue(issue);
        g->shown++;
    } else {
        g->left++;
    }
    const bool wanted = cli_has(g->cli, "bad-rows") && issue->raw.len > 0;
    if (wanted && issue->raw.ptr != g->last_row && g->rows_err.code == LW_OK) {
        g->last_row = issue->raw.ptr;
        g->rows_err = keep_row(g, issue->raw);
    }
}

static void take_note(struct gathered *g, const struct wallet_import_issue *issue)
{
    size_t i = 0;
    if (g->noted < LISTED_MAX) {
        put_json(&g->note, issue);
        g->noted++;
    }
    while (i < g->note_count && g->notes[i].why != issue->why) {
        i++;
    }
    if (i == NOTES_MAX) {
        return;
    }
    struct note *note = &g->notes[i];
    g->note_count += i == g->note_count ? 1 : 0;
    note->why = issue->why;
    if (note->count < NOTE_LINES_MAX) {
        note->lines[note->count] = issue->line;
    }
    note->count++;
}

static void on_issue(void *ctx, const struct wallet_import_issue *issue)
{
    if (issue->fatal) {
        take_bad(ctx, issue);
    } else {
        take_note(ctx, issue);
    }
}

static void on_progress(void *ctx, const struct wallet_import_progress *progress)
{
    struct gathered *g = ctx;
    cli_progress_show(&g->progress, progress->done, progress->total, progress->elapsed_ms);
}

/* Ctrl-C once ends after the batches under way; twice, at once: the same command goes on anyway. */
static bool on_stop(void *ctx)
{
    struct gathered *g = ctx;
    const struct timespec at_once = {.tv_sec = 0};
    if (!g->asked_to_stop && sigtimedwait(&g->signals, NULL, &at_once) > 0) {
        g->asked_to_stop = true;
        (void)pthread_sigmask(SIG_SETMASK, &g->before, NULL);
        cli_progress_end(&g->progress);
        fputs("ending after what is being signed ...\n", stderr);
    }
    return g->asked_to_stop;
}

static void print_notes(const struct gathered *g)
{
    for (size_t i = 0; i < g->note_count; i++) {
        const struct note *note = &g->notes[i];
        fprintf(stderr, "note, %zu %s: %s (line", note->count, note->count == 1 ? "row" : "rows",
                note->why);
        for (size_t l = 0; l < note->count && l < NOTE_LINES_MAX; l++) {
            fprintf(stderr, "%s%zu", l == 0 ? " " : ", ", note->lines[l]);
        }
        fputs(note->count > NOTE_LINES_MAX ? ", ...)\n" : ")\n", stderr);
    }
}

static void print_summary(const struct cli *cli, const struct wallet_import_result *r)
{
    const bool dry = cli_has(cli, "dry-run");
    printf("%zu rows: %zu good, %zu left out\n", r->rows, r->good, r->bad);
    if (dry) {
        printf("nothing was issued (dry run): %zu would be, %zu are there already\n",
               r->good - r->already, r->already);
    } else {
        printf("%zu licenses issued, %zu were there already\n", r->issued, r->already);
    }
    printf("  %zu active, %zu expired, %zu superseded, %zu revoked, %zu cancelled", r->active,
           r->expired, r->superseded, r->revoked, r->cancelled);
    if (r->suspended > 0) {
        printf(", %zu suspended", r->suspended);
    }
    fputc('\n', stdout);
    if (r->shift_days != 0) {
        printf("Every date was moved by %lld days.\n", (long long)r->shift_days);
    }
}

static void put_counts(struct wallet_json_writer *w, const struct wallet_import_result *r)
{
    wallet_json_member_int(w, "rows", (int64_t)r->rows);
    wallet_json_member_int(w, "good", (int64_t)r->good);
    wallet_json_member_int(w, "bad", (int64_t)r->bad);
    wallet_json_member_int(w, "issued", (int64_t)r->issued);
    wallet_json_member_int(w, "already", (int64_t)r->already);
    wallet_json_put_name(w, "states");
    wallet_json_put_object(w);
    wallet_json_member_int(w, "active", (int64_t)r->active);
    wallet_json_member_int(w, "suspended", (int64_t)r->suspended);
    wallet_json_member_int(w, "expired", (int64_t)r->expired);
    wallet_json_member_int(w, "superseded", (int64_t)r->superseded);
    wallet_json_member_int(w, "revoked", (int64_t)r->revoked);
    wallet_json_member_int(w, "cancelled", (int64_t)r->cancelled);
    wallet_json_put_end(w);
    wallet_json_member_int(w, "shift_days", r->shift_days);
    wallet_json_member_bool(w, "resumed", r->resumed);
    wallet_json_member_bool(w, "stopped", r->stopped);
}

static lw_err print_json(struct gathered *g, const struct wallet_import_result *r, lw_err err)
{
    LW_AUTO_BUF out = LW_BUF(3 * (size_t)OUTPUT_MAX);
    struct wallet_json_writer w = wallet_json_writer(&out);
    wallet_json_put_end(&g->bad);
    wallet_json_put_end(&g->note);
    LW_TRY(wallet_json_written(&g->bad));
    LW_TRY(wallet_json_written(&g->note));
    wallet_json_put_object(&w);
    put_counts(&w, r);
    wallet_json_member_bool(&w, "dry_run", cli_has(g->cli, "dry-run"));
    wallet_json_member_raw(&w, "bad_rows", lw_buf_text(&g->bad_json));
    wallet_json_member_raw(&w, "notes", lw_buf_text(&g->note_json));
    cli_photos_json(&w, &g->photos);
    if (err.code != LW_OK) {
        wallet_json_member_c(&w, "error", err.why == NULL ? lw_code_name(err.code) : err.why);
    }
    wallet_json_put_end(&w);
    LW_TRY(wallet_json_written(&w));
    cli_print(&out);
    return LW_SUCCESS;
}

/* Writes the header and the rows that were left out. */
static lw_err write_bad_rows(struct gathered *g, const struct wallet_import_result *r)
{
    const char *path = cli_get(g->cli, "bad-rows");
    LW_AUTO_BUF out = LW_BUF(FILE_MAX);
    LW_TRY(g->rows_err);
    if (path == NULL || g->rows.len == 0) {
        return LW_SUCCESS;
    }
    LW_TRY(lw_buf_put(&out, r->header));
    LW_TRY(lw_buf_put(&out, lw_buf_view(&g->rows)));
    LW_TRY(cli_write(path, lw_buf_view(&out), 0600));
    if (!g->cli->json) {
        fprintf(stderr, "the rows left out are in %s\n", path);
    }
    return LW_SUCCESS;
}

static const char *advice_on(lw_err err)
{
    switch (lw_err_class(err.code)) {
    case LW_CLASS_INPUT:
        return "Mend the file or its map as said above; nothing was issued.";
    case LW_CLASS_NOT_FOUND:
        return "`lw catalog list` shows types and agencies.";
    case LW_CLASS_BUSY:
    case LW_CLASS_ENVIRONMENT:
        return "What was issued is kept. Give the same command again: it goes on from there.";
    case LW_CLASS_REFUSED:
        return err.code == LW_E_CONFLICT
                   ? "A license was changed meanwhile. Give the same command again: it goes on."
                   : NULL;
    case LW_CLASS_OK:
    case LW_CLASS_MISUSE:
    case LW_CLASS_LIMIT:
        break;
    }
    return NULL;
}

static enum cli_exit report(struct gathered *g, const struct wallet_import_result *r, lw_err err)
{
    const lw_err rows = write_bad_rows(g, r);
    cli_progress_end(&g->progress);
    if (g->left > 0) {
        fprintf(stderr, "... and %zu more%s\n", g->left,
                cli_has(g->cli, "bad-rows") ? "" : "; --bad-rows FILE writes those rows to a file");
    }
    if (g->cli->json) {
        const lw_err printed = print_json(g, r, err);
        err = err.code == LW_OK ? printed : err;
    } else {
        print_notes(g);
    }
    if (!g->cli->json && (err.code == LW_OK || r->issued > 0)) {
        print_summary(g->cli, r);
    }
    if (err.code != LW_OK) {
        return cli_fail(g->cli, err, "cannot import the register", advice_on(err));
    }
    if (rows.code != LW_OK) {
        return cli_fail(g->cli, rows, "cannot write the rows that were left out",
                        "All else was done; give the same command with another --bad-rows FILE.");
    }
    if (r->stopped) {
        fputs("Stopped before the end. Give the same command again: it goes on from here, and no "
              "license is issued twice.\n",
              stderr);
        return CLI_ENVIRONMENT;
    }
    return r->good > 0 ? CLI_DONE : CLI_REFUSED;
}

static enum cli_exit read_shift(struct cli *cli, struct wallet_import_order *order)
{
    const lw_str text = cli_text(cli, "shift-days");
    order->shift_auto = lw_str_is(text, "auto");
    if (text.len > 0 && !order->shift_auto && lw_str_int(text, &order->shift_days).code != LW_OK) {
        return cli_usage(cli, "--shift-days is a number of days, or auto");
    }
    return CLI_DONE;
}

static enum cli_exit import_with(struct gathered *g, struct wallet_import_order *order)
{
    struct wallet_import_result result;
    enum cli_exit exit = CLI_DONE;
    const struct wallet_import_watch watch = {
        .issue = on_issue, .progress = on_progress, .stop = on_stop, .ctx = g};
    /* Blocked before any thread starts, so that they wait for on_stop(). */
    (void)sigemptyset(&g->signals);
    (void)sigaddset(&g->signals, SIGINT);
    (void)sigaddset(&g->signals, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &g->signals, &g->before);
    WALLET_AUTO_HOME home =
        cli_home(g->cli, order->dry_run ? WALLET_HOME_SEALED : WALLET_HOME_SIGN, &exit);
    if (home == NULL) {
        (void)pthread_sigmask(SIG_SETMASK, &g->before, NULL);
        return exit;
    }
    const lw_err err = wallet_flow_import(home, order, &watch, &result);
    (void)pthread_sigmask(SIG_SETMASK, &g->before, NULL);
    return report(g, &result, err);
}

static enum cli_exit run_import(struct cli *cli)
{
    LW_AUTO_BUF csv = LW_BUF(FILE_MAX);
    LW_AUTO_BUF map = LW_BUF(MAP_MAX);
    struct wallet_import_order order = {.type = cli_text(cli, "type"),
                                        .issuer = cli_text(cli, "issuer"),
                                        .dry_run = cli_has(cli, "dry-run"),
                                        .actor = LW_STR("operator")};
    if (order.type.len == 0 || cli_get(cli, "map") == NULL) {
        return cli_usage(cli, "--type and --map are needed");
    }
    enum cli_exit exit = read_shift(cli, &order);
    exit = exit == CLI_DONE ? cli_sheet_form(cli, &order.form) : exit;
    exit = exit == CLI_DONE ? cli_sheet_read(cli, cli->args[0], &csv) : exit;
    if (exit != CLI_DONE) {
        return exit;
    }
    const lw_err err = cli_read(cli_get(cli, "map"), &map);
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "cannot read the map", "Check the path after --map.");
    }
    AUTO_GATHERED g = {.cli = cli,
                       .rows = LW_BUF(FILE_MAX),
                       .rows_err = LW_SUCCESS,
                       .bad_json = LW_BUF(OUTPUT_MAX),
                       .note_json = LW_BUF(OUTPUT_MAX),
                       .progress = {.what = "issued"}};
    g.bad = wallet_json_writer(&g.bad_json);
    g.note = wallet_json_writer(&g.note_json);
    wallet_json_put_array(&g.bad);
    wallet_json_put_array(&g.note);
    order.csv = lw_buf_view(&csv);
    order.map = lw_buf_view(&map);
    exit = cli_photos_open(cli, &g.photos);
    if (exit != CLI_DONE) {
        return exit;
    }
    order.photos = g.photos.folder == NULL ? NULL : &g.photos.source;
    order.batch_rows = g.photos.folder == NULL ? 0 : PHOTO_BATCH;
    exit = import_with(&g, &order);
    cli_photos_end(&g.photos);
    return exit;
}

const struct cli_command cli_import_commands[] = {
    {.name = "license import",
     .args = "FILE.csv",
     .args_min = 1,
     .args_max = 1,
     .summary = "issue the licenses of a register",
     .text =
         "Checks every row first and tells each bad one by line, column and reason; then signs "
         "the\n"
         "good ones in the HSM and puts them into their holders' wallets. Rows of one number are\n"
         "one license: its newest term is current, those before it are superseded. What is in the\n"
         "store already is left alone, so the whole register can be given again.\n\n"
         "After Ctrl-C, a crash or a failure of the token the same command goes on, and no "
         "license\n"
         "is issued twice.\n\n"
         "Exits with 0 when rows were good, though others were left out; with 1 when none was, or\n"
         "the file or its map does not fit; with 3 when it was ended before all was done.",
     .examples =
         "  lw license import register.csv --type business-license --map map.json --dry-run\n"
         "  lw license import register.csv --type business-license --map map.json \\\n"
         "      --bad-rows mend.csv",
     .options = import_options,
     .run = run_import},
    {.name = NULL},
};
