/* lw license import: a register from CSV, with what a clerk wants to know of it. */
#define _GNU_SOURCE

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli_table.h"
#include "count.h"
#include "import_report.h"
#include "operator_key.h"
#include "sheet.h"

enum {
    MAP_MAX = 256 * 1024,
    ANSWER_MAX = 40,
    PHOTO_BATCH = 128, /* rows a transaction with photos, which are held until it commits */
};

static const struct cli_option import_options[] = {
    {"type", "ID", "License type (required).", false},
    {"map", "MAP.json", "How the columns become licenses (required).", false},
    {"issuer", "AGENCY", "Issuing agency; the type's only one unless given.", false},
    {"register", "NAME", "Which register, where several feed one type of an agency.", false},
    {"dry-run", NULL, "Check, compare and report only; nothing is done.", false},
    {"gone", "revoke|keep",
     "What becomes of licenses that the register lists no more; asked on a terminal, else kept.",
     false},
    {"gone-max", "N", "With --gone revoke: revoke up to N, though they are more than a tenth.",
     false},
    {"part", NULL, "The file is a part of its register: what it does not list is not gone.", false},
    {"states", "set|keep", "States that differ: set as the register has them (default), or noted.",
     false},
    {"bad-rows", "FILE",
     "Write the rows left out to FILE; to bad-rows.csv beside the register unless given.", false},
    {"shift-days", "N|auto",
     "Move every date by N days; auto: so that most newest terms hold today. In development only.",
     false},
    CLI_OPERATOR_OPTIONS,
    CLI_SHEET_OPTIONS,
    CLI_PHOTOS_OPTION,
    {NULL, NULL, NULL, false},
};

struct importing {
    struct import_report report;
    sigset_t signals;
    sigset_t before;
    bool asked_to_stop;
};

static void on_issue(void *ctx, const struct wallet_import_issue *issue)
{
    struct importing *i = ctx;
    import_report_issue(&i->report, issue);
}

static void on_missing(void *ctx, const struct wallet_import_missing *missing)
{
    struct importing *i = ctx;
    import_report_missing(&i->report, missing);
}

static void on_sample(void *ctx, const struct wallet_import_sample *sample)
{
    struct importing *i = ctx;
    import_report_sample(&i->report, sample);
}

static void on_progress(void *ctx, const struct wallet_import_progress *progress)
{
    struct importing *i = ctx;
    cli_progress_show(&i->report.progress, progress->done, progress->total, progress->elapsed_ms);
}

/* Ctrl-C once ends after the batches under way; twice, at once: the same command goes on anyway. */
static bool on_stop(void *ctx)
{
    struct importing *i = ctx;
    const struct timespec at_once = {.tv_sec = 0};
    if (!i->asked_to_stop && sigtimedwait(&i->signals, NULL, &at_once) > 0) {
        i->asked_to_stop = true;
        (void)pthread_sigmask(SIG_SETMASK, &i->before, NULL);
        cli_progress_end(&i->report.progress);
        fputs("ending after what is being signed ...\n", stderr);
    }
    return i->asked_to_stop;
}

/* Only a whole word revokes; of many also their number, which is not typed by habit. */
static bool on_revoke(void *ctx, const struct wallet_import_result *found)
{
    struct importing *i = ctx;
    char answer[ANSWER_MAX] = "";
    char wanted[ANSWER_MAX] = "revoke";
    if (isatty(STDIN_FILENO) == 0 || isatty(STDERR_FILENO) == 0) {
        return false;
    }
    if (found->gone_many) {
        (void)snprintf(wanted, sizeof(wanted), "revoke %zu", found->gone);
    }
    (void)pthread_sigmask(SIG_SETMASK, &i->before, NULL); /* Ctrl-C ends: nothing was begun */
    fprintf(stderr,
            "%zu of %s in force %s no longer in the register%s. Type %s to revoke %s, or press "
            "Enter to keep %s: ",
            found->gone, CLI_COUNT(found->in_force, "license"), found->gone == 1 ? "is" : "are",
            found->gone_many ? ": is the file whole, and of this register?" : "", wanted,
            found->gone == 1 ? "it" : "them", found->gone == 1 ? "it" : "them");
    const bool read = fgets(answer, sizeof(answer), stdin) != NULL;
    (void)pthread_sigmask(SIG_BLOCK, &i->signals, NULL);
    answer[strcspn(answer, "\n")] = '\0';
    return read && strcmp(answer, wanted) == 0;
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

static enum cli_exit read_choices(struct cli *cli, struct wallet_import_order *order)
{
    const lw_str gone = cli_text(cli, "gone");
    const lw_str states = cli_text(cli, "states");
    int64_t most = 0;
    order->part = cli_has(cli, "part");
    if (lw_str_is(gone, "revoke")) {
        order->gone = WALLET_GONE_REVOKE;
    } else if (lw_str_is(gone, "keep")) {
        order->gone = WALLET_GONE_KEEP;
    } else if (gone.len > 0) {
        return cli_usage(cli, "--gone is revoke or keep");
    }
    if (cli_has(cli, "gone-max") &&
        (order->gone != WALLET_GONE_REVOKE ||
         lw_str_int(cli_text(cli, "gone-max"), &most).code != LW_OK || most < 1)) {
        return cli_usage(cli, "--gone-max is a number, and goes with --gone revoke");
    }
    order->gone_max = (size_t)most;
    order->keep_states = lw_str_is(states, "keep");
    if (states.len > 0 && !order->keep_states && !lw_str_is(states, "set")) {
        return cli_usage(cli, "--states is set or keep");
    }
    if (order->part && order->gone == WALLET_GONE_REVOKE) {
        return cli_usage(cli, "--gone revoke goes with a whole register, not with --part");
    }
    return read_shift(cli, order);
}

static enum cli_exit import_with(struct importing *i, struct wallet_import_order *order)
{
    struct cli *cli = i->report.cli;
    struct wallet_import_result result;
    enum cli_exit exit = CLI_DONE;
    const struct wallet_import_watch watch = {.issue = on_issue,
                                              .progress = on_progress,
                                              .stop = on_stop,
                                              .missing = on_missing,
                                              .revoke = on_revoke,
                                              .sample = on_sample,
                                              .ctx = i};
    /* Blocked before any thread starts, so that they wait for on_stop(). */
    (void)sigemptyset(&i->signals);
    (void)sigaddset(&i->signals, SIGINT);
    (void)sigaddset(&i->signals, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &i->signals, &i->before);
    WALLET_AUTO_HOME home =
        cli_home(cli, order->dry_run ? WALLET_HOME_SEALED : WALLET_HOME_SIGN, &exit);
    if (home == NULL) {
        (void)pthread_sigmask(SIG_SETMASK, &i->before, NULL);
        return exit;
    }
    const lw_err err = wallet_flow_import(home, order, &watch, &result);
    (void)pthread_sigmask(SIG_SETMASK, &i->before, NULL);
    return import_report_end(&i->report, &result, err);
}

static enum cli_exit import_by(struct importing *i, struct wallet_import_order order)
{
    struct cli_operator who;
    enum cli_exit exit = cli_operator_open(i->report.cli, false, &who);
    if (exit == CLI_DONE) {
        order.by = cli_operator_by(&who);
        order.actor = order.by == NULL ? order.actor : order.by->name;
        exit = import_with(i, &order);
    }
    cli_operator_close(&who);
    return exit;
}

static enum cli_exit run_import(struct cli *cli)
{
    static struct importing i; /* large, one for each run of the program */
    LW_AUTO_BUF csv = LW_BUF(CLI_SHEET_MAX);
    LW_AUTO_BUF map = LW_BUF(MAP_MAX);
    struct wallet_import_order order = {.type = cli_text(cli, "type"),
                                        .issuer = cli_text(cli, "issuer"),
                                        .register_name = cli_text(cli, "register"),
                                        .dry_run = cli_has(cli, "dry-run"),
                                        .actor = LW_STR("operator")};
    if (order.type.len == 0 || cli_get(cli, "map") == NULL) {
        return cli_usage(cli, "--type and --map are needed");
    }
    if (cli_get(cli, "bad-rows") != NULL && cli_path_taken(cli_get(cli, "bad-rows"))) {
        return cli_usage(cli, "--bad-rows names a file that is there, which may be being mended; "
                              "give another");
    }
    enum cli_exit exit = read_choices(cli, &order);
    exit = exit == CLI_DONE ? cli_sheet_form(cli, &order.form) : exit;
    exit = exit == CLI_DONE ? cli_sheet_read(cli, cli->args[0], &csv) : exit;
    if (exit != CLI_DONE) {
        return exit;
    }
    const lw_err err = cli_read(cli_get(cli, "map"), &map);
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "cannot read the map", "Check the path after --map.");
    }
    order.csv = lw_buf_view(&csv);
    order.map = lw_buf_view(&map);
    import_report_begin(&i.report, cli);
    exit = cli_photos_open(cli, &i.report.photos);
    if (exit == CLI_DONE) {
        const bool photos = i.report.photos.folder != NULL;
        order.photos = photos ? &i.report.photos.source : NULL;
        order.batch_rows = photos ? PHOTO_BATCH : 0;
        exit = import_by(&i, order);
        cli_photos_end(&i.report.photos);
    }
    import_report_free(&i.report);
    return exit;
}

const struct cli_command cli_import_commands[] = {
    {.name = "license import",
     .args = "FILE.csv",
     .args_min = 1,
     .args_max = 1,
     .summary = "issue the licenses of a register, or compare it with the store",
     .text =
         "Checks every row first and tells each bad one by line, column and reason; compares the\n"
         "good ones with the store; then signs what is new or has changed in the HSM and puts it\n"
         "into the holders' wallets. The whole register can be given again each month: for what\n"
         "is the same nothing is signed or written. Rows of one number are one license: its\n"
         "newest term is current, those before it are superseded.\n\n"
         "A row has changed when validity, issue date, holder or claims differ: the next version\n"
         "then takes the place of the one in the store. States are set as the register has them\n"
         "now; what officers suspended or ended by hand stays so, and is noted.\n\n"
         "Licenses in force that earlier imports of this register brought and that the file does\n"
         "not list any more are told, and on a terminal it is asked whether to revoke them; they\n"
         "are never revoked by themselves. When more than a tenth are gone, the file may be cut\n"
         "short or another register's: --gone revoke then revokes none unless --gone-max says\n"
         "how many it may be. Bad rows are written to bad-rows.csv beside the\n"
         "register, never over a file that is there, with the reason in a first column. Mended,\n"
         "that file is given as it is: by its first column it is known to be a part.\n\n"
         "After Ctrl-C, a crash or a failure of the token the same command goes on, and no\n"
         "license is issued twice. Each run that does something is a batch: see `lw license\n"
         "batch list`.\n\n"
         "Of a type that needs two people nothing is signed: the batch waits, with a sample of\n"
         "what it would do shown, for another operator's `lw approve`. Say who you are by\n"
         "--operator and --operator-key.\n\n"
         "Exits with 0 when rows were good, though others were left out; with 1 when none was,\n"
         "the file or its map does not fit, or too many were gone to be revoked; with 3 when it "
         "was ended before all was done.",
     .examples =
         "  lw license import register.csv --type business-license --map map.json --dry-run\n"
         "  lw license import register.csv --type business-license --map map.json --gone keep\n"
         "  lw license import bad-rows.csv --type business-license --map map.json",
     .options = import_options,
     .run = run_import},
    {.name = NULL},
};
