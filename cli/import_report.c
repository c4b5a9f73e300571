#include "import_report.h"
#include "count.h"

enum {
    OUTPUT_MAX = 64 * 1024 * 1024,
    WHY_MAX = 1 << 30,
    SHOWN_MAX = 20,    /* bad rows, and licenses that are missing, on the screen */
    LISTED_MAX = 5000, /* of each in JSON */
    DIGITS_MAX = 32,
    VALUE_SHOWN_MAX = 100,
};

void import_report_begin(struct import_report *r, struct cli *cli)
{
    *r = (struct import_report){.cli = cli,
                                .bad_rows = {.why = LW_BUF(WHY_MAX), .err = LW_SUCCESS},
                                .bad_json = LW_BUF(OUTPUT_MAX),
                                .note_json = LW_BUF(OUTPUT_MAX),
                                .missing_json = LW_BUF(OUTPUT_MAX),
                                .sample_json = LW_BUF(OUTPUT_MAX),
                                .progress = {.what = "issued"}};
    r->bad = wallet_json_writer(&r->bad_json);
    r->note = wallet_json_writer(&r->note_json);
    r->missing = wallet_json_writer(&r->missing_json);
    r->sample = wallet_json_writer(&r->sample_json);
    wallet_json_put_array(&r->sample);
    wallet_json_put_array(&r->bad);
    wallet_json_put_array(&r->note);
    wallet_json_put_array(&r->missing);
}

void import_report_free(struct import_report *r)
{
    cli_bad_rows_free(&r->bad_rows);
    lw_buf_free(&r->bad_json);
    lw_buf_free(&r->note_json);
    lw_buf_free(&r->missing_json);
    lw_buf_free(&r->sample_json);
}

static void put_json(struct wallet_json_writer *w, const struct wallet_import_issue *issue)
{
    wallet_json_put_object(w);
    wallet_json_member_int(w, "line", (int64_t)issue->line);
    if (issue->other > 0) {
        wallet_json_member_int(w, "other_line", (int64_t)issue->other);
    }
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
        fprintf(stderr, "line %zu, %.*s: %s", issue->line, len, issue->column.ptr, issue->why);
    } else if (issue->line > 0) {
        fprintf(stderr, "line %zu: %s", issue->line, issue->why);
    } else if (len > 0) {
        fprintf(stderr, "map %.*s: %s", len, issue->column.ptr, issue->why);
    } else {
        fputs(issue->why, stderr);
    }
    if (issue->other > 0) {
        fprintf(stderr, " (line %zu)", issue->other);
    }
    fputc('\n', stderr);
}

static void take_bad(struct import_report *r, const struct wallet_import_issue *issue)
{
    if (r->listed < LISTED_MAX) {
        put_json(&r->bad, issue);
        r->listed++;
    }
    if (r->cli->json) {
        r->shown++;
    } else if (r->shown < SHOWN_MAX) {
        print_issue(issue);
        r->shown++;
    } else {
        r->left++;
    }
    cli_bad_rows_take(&r->bad_rows, issue);
}

static void take_note(struct import_report *r, const struct wallet_import_issue *issue)
{
    size_t i = 0;
    if (r->noted < LISTED_MAX) {
        put_json(&r->note, issue);
        r->noted++;
    }
    while (i < r->note_count && r->notes[i].why != issue->why) {
        i++;
    }
    if (i == IMPORT_NOTES_MAX) {
        return;
    }
    struct import_note *note = &r->notes[i];
    r->note_count += i == r->note_count ? 1 : 0;
    note->why = issue->why;
    if (note->count < IMPORT_NOTE_LINES_MAX) {
        note->lines[note->count] = issue->line;
    }
    note->count++;
}

void import_report_issue(struct import_report *r, const struct wallet_import_issue *issue)
{
    if (issue->fatal) {
        take_bad(r, issue);
    } else {
        take_note(r, issue);
    }
}

void import_report_missing(struct import_report *r, const struct wallet_import_missing *missing)
{
    if (r->missing_listed < LISTED_MAX) {
        wallet_json_put_object(&r->missing);
        wallet_json_member_text(&r->missing, "number", missing->number);
        wallet_json_member_text(&r->missing, "version", missing->version);
        wallet_json_member_c(&r->missing, "state", wallet_state_name(missing->state));
        wallet_json_put_end(&r->missing);
    }
    if (!r->cli->json && r->missing_listed < SHOWN_MAX) {
        fprintf(stderr, "no longer in the register: %.*s, version %.*s (%s)\n",
                (int)missing->number.len, missing->number.ptr, (int)missing->version.len,
                missing->version.ptr, wallet_state_name(missing->state));
    }
    r->missing_listed++;
}

/* A photo is not shown: what is longer than a line is cut short. */
static int shown_len(lw_str text)
{
    return (int)(text.len < VALUE_SHOWN_MAX ? text.len : VALUE_SHOWN_MAX);
}

static void print_sample(const struct wallet_import_sample *s)
{
    fprintf(stderr, "%s %.*s, version %.*s, %.*s: ", s->what, (int)s->number.len, s->number.ptr,
            (int)s->version.len, s->version.ptr, (int)s->field.len, s->field.ptr);
    if (s->before.len > 0) {
        fprintf(stderr, "%.*s -> ", shown_len(s->before), s->before.ptr);
    }
    fprintf(stderr, "%.*s\n", s->after.len == 0 ? 6 : shown_len(s->after),
            s->after.len == 0 ? "(none)" : s->after.ptr);
}

void import_report_sample(struct import_report *r, const struct wallet_import_sample *sample)
{
    struct wallet_json_writer *w = &r->sample;
    r->sampled++;
    if (!r->cli->json) {
        print_sample(sample);
        return;
    }
    wallet_json_put_object(w);
    wallet_json_member_c(w, "what", sample->what);
    wallet_json_member_text(w, "number", sample->number);
    wallet_json_member_text(w, "version", sample->version);
    wallet_json_member_text(w, "field", sample->field);
    wallet_json_member_text(w, "before", sample->before);
    wallet_json_member_text(w, "after", sample->after);
    wallet_json_put_end(w);
}

static void print_notes(const struct import_report *r)
{
    for (size_t i = 0; i < r->note_count; i++) {
        const struct import_note *note = &r->notes[i];
        fprintf(stderr, "note, %s: %s (line", CLI_COUNT(note->count, "row"), note->why);
        for (size_t l = 0; l < note->count && l < IMPORT_NOTE_LINES_MAX; l++) {
            fprintf(stderr, "%s%zu", l == 0 ? " " : ", ", note->lines[l]);
        }
        fputs(note->count > IMPORT_NOTE_LINES_MAX ? ", ...)\n" : ")\n", stderr);
    }
}

/* "40,211" */
static const char *grouped(size_t n, char text[DIGITS_MAX])
{
    char digits[DIGITS_MAX];
    const int len = snprintf(digits, sizeof(digits), "%zu", n);
    size_t at = 0;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            text[at++] = ',';
        }
        text[at++] = digits[i];
    }
    text[at] = '\0';
    return text;
}

/* "12 new, 3 changed, 40,211 the same, 2 bad rows in bad-rows.csv" */
static void print_counts(const struct import_report *r, const struct wallet_import_result *found)
{
    char text[DIGITS_MAX];
    printf("%s%s new", cli_has(r->cli, "dry-run") ? "nothing was done (dry run): " : "",
           grouped(found->fresh, text));
    printf(", %s changed", grouped(found->changed, text));
    printf(", %s the same", grouped(found->already, text));
    if (found->bad > 0) {
        printf(", %s bad %s", grouped(found->bad, text), found->bad == 1 ? "row" : "rows");
    }
    if (r->bad_rows.path[0] != '\0') {
        printf(" in %s", r->bad_rows.path);
    }
    fputc('\n', stdout);
}

static void print_gone(const struct import_report *r, const struct wallet_import_result *found)
{
    char text[DIGITS_MAX];
    if (found->gone_too_many) {
        char all[DIGITS_MAX];
        printf("%s of %s in force no longer in the register: kept, as they are so many. Is the "
               "file whole, and of this register? With --gone-max %zu they are revoked.\n",
               grouped(found->gone, text), grouped(found->in_force, all), found->gone);
    } else if (found->gone > 0 && found->revoked_gone > 0) {
        printf("%s no longer in the register: %s\n", grouped(found->gone, text),
               cli_has(r->cli, "dry-run") ? "to be revoked" : "revoked");
    } else if (found->gone > 0) {
        printf("%s no longer in the register: kept. Given again with --gone revoke they are "
               "revoked; a file that is a part of its register is given with --part.\n",
               grouped(found->gone, text));
    }
    if (found->revoke_refused) {
        printf("Nothing was revoked: the number of %s. Mend those rows first.\n",
               CLI_COUNT_OF(found->unread, "bad row cannot be read, and one may be its",
                            "bad rows cannot be read, and they may be theirs"));
    }
    if (found->lapsed > 0) {
        printf("%s more %s no longer in it, and past %s end\n", grouped(found->lapsed, text),
               found->lapsed == 1 ? "is" : "are", found->lapsed == 1 ? "its" : "their");
    }
}

static void print_states(const struct wallet_import_result *r)
{
    printf("  the rows' licenses: %zu active, %zu expired, %zu superseded, %zu revoked, "
           "%zu cancelled",
           r->active, r->expired, r->superseded, r->revoked, r->cancelled);
    if (r->suspended > 0) {
        printf(", %zu suspended", r->suspended);
    }
    fputc('\n', stdout);
}

static void print_summary(const struct import_report *report, const struct wallet_import_result *r)
{
    char text[DIGITS_MAX];
    const bool dry = cli_has(report->cli, "dry-run");
    print_counts(report, r);
    if (r->renewed > 0) {
        printf("%s of the new ones %s the place of a term in force\n", grouped(r->renewed, text),
               r->renewed == 1 ? "takes" : "take");
    }
    if (r->states > 0) {
        printf("%s changed state in the register: %s\n", grouped(r->states, text),
               dry ? "to be set" : "set");
    }
    if (r->kept > 0) {
        printf("%s left as the store has them, though the register says otherwise: see the "
               "notes\n",
               grouped(r->kept, text));
    }
    print_gone(report, r);
    print_states(r);
    if (r->shift_days != 0) {
        printf("Every date was moved by %lld %s.\n", (long long)r->shift_days,
               r->shift_days == 1 || r->shift_days == -1 ? "day" : "days");
    }
    if (r->waiting) {
        printf("Nothing is issued yet: batch %llu waits for a second operator, who gives `lw "
               "approve %llu`.\n",
               (unsigned long long)r->number, (unsigned long long)r->number);
    } else if (r->number > 0) {
        printf("Batch %llu, %s issued: `lw license batch show %llu` shows it.\n",
               (unsigned long long)r->number, CLI_COUNT(r->issued, "license"),
               (unsigned long long)r->number);
    }
}

static void put_states(struct wallet_json_writer *w, const struct wallet_import_result *r)
{
    wallet_json_put_name(w, "states");
    wallet_json_put_object(w);
    wallet_json_member_int(w, "active", (int64_t)r->active);
    wallet_json_member_int(w, "suspended", (int64_t)r->suspended);
    wallet_json_member_int(w, "expired", (int64_t)r->expired);
    wallet_json_member_int(w, "superseded", (int64_t)r->superseded);
    wallet_json_member_int(w, "revoked", (int64_t)r->revoked);
    wallet_json_member_int(w, "cancelled", (int64_t)r->cancelled);
    wallet_json_put_end(w);
}

static void put_counts(struct wallet_json_writer *w, const struct wallet_import_result *r)
{
    wallet_json_member_int(w, "rows", (int64_t)r->rows);
    wallet_json_member_int(w, "good", (int64_t)r->good);
    wallet_json_member_int(w, "bad", (int64_t)r->bad);
    wallet_json_member_int(w, "new", (int64_t)r->fresh);
    wallet_json_member_int(w, "renewed", (int64_t)r->renewed);
    wallet_json_member_int(w, "changed", (int64_t)r->changed);
    wallet_json_member_int(w, "same", (int64_t)r->already);
    wallet_json_member_int(w, "kept", (int64_t)r->kept);
    wallet_json_member_int(w, "state_changes", (int64_t)r->states);
    wallet_json_member_int(w, "gone", (int64_t)r->gone);
    wallet_json_member_bool(w, "gone_too_many", r->gone_too_many);
    wallet_json_member_int(w, "in_force", (int64_t)r->in_force);
    wallet_json_member_int(w, "gone_revoked", (int64_t)r->revoked_gone);
    wallet_json_member_int(w, "gone_expired", (int64_t)r->lapsed);
    wallet_json_member_int(w, "issued", (int64_t)r->issued);
    wallet_json_member_int(w, "already", (int64_t)r->already);
    put_states(w, r);
    wallet_json_member_int(w, "shift_days", r->shift_days);
    wallet_json_member_int(w, "batch", (int64_t)r->number);
    wallet_json_member_bool(w, "part", r->part);
    wallet_json_member_bool(w, "resumed", r->resumed);
    wallet_json_member_bool(w, "stopped", r->stopped);
    wallet_json_member_bool(w, "waiting", r->waiting);
    if (r->waiting) {
        wallet_json_member_time(w, "expires", r->expires);
    }
}

static lw_err print_json(struct import_report *r, const struct wallet_import_result *found,
                         lw_err err)
{
    LW_AUTO_BUF out = LW_BUF(4 * (size_t)OUTPUT_MAX);
    struct wallet_json_writer w = wallet_json_writer(&out);
    wallet_json_put_end(&r->bad);
    wallet_json_put_end(&r->note);
    wallet_json_put_end(&r->missing);
    wallet_json_put_end(&r->sample);
    LW_TRY(wallet_json_written(&r->sample));
    LW_TRY(wallet_json_written(&r->bad));
    LW_TRY(wallet_json_written(&r->note));
    LW_TRY(wallet_json_written(&r->missing));
    wallet_json_put_object(&w);
    put_counts(&w, found);
    wallet_json_member_bool(&w, "dry_run", cli_has(r->cli, "dry-run"));
    cli_photos_json(&w, &r->photos);
    if (r->bad_rows.path[0] != '\0') {
        wallet_json_member_c(&w, "bad_rows_file", r->bad_rows.path);
    }
    wallet_json_member_raw(&w, "bad_rows", lw_buf_text(&r->bad_json));
    wallet_json_member_raw(&w, "gone_licenses", lw_buf_text(&r->missing_json));
    if (r->sampled > 0) {
        wallet_json_member_raw(&w, "sample", lw_buf_text(&r->sample_json));
    }
    wallet_json_member_raw(&w, "notes", lw_buf_text(&r->note_json));
    if (err.code != LW_OK) {
        wallet_json_member_c(&w, "error", err.why == NULL ? lw_code_name(err.code) : err.why);
    }
    wallet_json_put_end(&w);
    LW_TRY(wallet_json_written(&w));
    cli_print(&out);
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
                   ? "`lw license batch list` shows what waits, or is half voided; where a license "
                     "was changed meanwhile, the same command goes on."
                   : "`lw operator list` lists operators, `lw license batch list` what waits.";
    case LW_CLASS_OK:
    case LW_CLASS_MISUSE:
    case LW_CLASS_LIMIT:
        break;
    }
    return NULL;
}

/* A dry run leaves no file that was not asked for. */
static lw_err write_bad_rows(struct import_report *r, const struct wallet_import_result *found)
{
    const char *path = cli_get(r->cli, "bad-rows");
    const char *file = r->cli->args[0];
    if (r->bad_rows.count == 0 || (path == NULL && (r->approves || cli_has(r->cli, "dry-run")))) {
        return LW_SUCCESS;
    }
    if (path != NULL) {
        (void)snprintf(r->bad_rows.path, sizeof(r->bad_rows.path), "%s", path);
    }
    const lw_err err = cli_bad_rows_write(&r->bad_rows, path == NULL ? file : NULL, found);
    if (err.code != LW_OK) {
        r->bad_rows.path[0] = '\0';
    }
    return err;
}

static enum cli_exit exit_of(struct import_report *r, const struct wallet_import_result *found,
                             lw_err err, lw_err rows)
{
    if (err.code != LW_OK) {
        return cli_fail(r->cli, err, "cannot carry out the import", advice_on(err));
    }
    if (rows.code != LW_OK) {
        return cli_fail(r->cli, rows, "cannot write the rows that were left out",
                        "All else was done; give the same command with --bad-rows FILE.");
    }
    if (found->stopped) {
        fputs("Stopped before the end. Give the same command again: it goes on from here, and no "
              "license is issued twice.\n",
              stderr);
        return CLI_ENVIRONMENT;
    }
    return found->good > 0 && !found->gone_too_many ? CLI_DONE : CLI_REFUSED;
}

enum cli_exit import_report_end(struct import_report *r, const struct wallet_import_result *found,
                                lw_err err)
{
    const lw_err rows = write_bad_rows(r, found);
    cli_progress_end(&r->progress);
    if (r->left > 0) {
        fprintf(stderr, "... and %zu more%s\n", r->left,
                r->bad_rows.path[0] != '\0' || r->approves
                    ? ""
                    : "; --bad-rows FILE writes those rows to a file");
    }
    if (r->cli->json) {
        const lw_err printed = print_json(r, found, err);
        err = err.code == LW_OK ? printed : err;
    } else {
        print_notes(r);
    }
    if (!r->cli->json && (err.code == LW_OK || found->issued > 0)) {
        print_summary(r, found);
    }
    return exit_of(r, found, err, rows);
}
