/* lw approve: the second person of an import. */
#define _POSIX_C_SOURCE 200809L

#include <string.h>
#include <unistd.h>

#include "cli_table.h"
#include "count.h"
#include "import_report.h"
#include "operator_key.h"
#include "wallet/flow_approve.h"

enum { ANSWER_MAX = 16, PHOTO_BATCH = 128 };

static const struct cli_option approve_options[] = {
    CLI_OPERATOR_OPTIONS,
    {"yes", NULL, "Approve without asking on the terminal.", false},
    {"reject", NULL, "Reject the batch instead; --reason says why.", false},
    {"reason", "TEXT", "Why it is rejected, for people.", false},
    CLI_PHOTOS_OPTION,
    {NULL, NULL, NULL, false},
};

static void on_issue(void *ctx, const struct wallet_import_issue *issue)
{
    import_report_issue(ctx, issue);
}

static void on_missing(void *ctx, const struct wallet_import_missing *missing)
{
    import_report_missing(ctx, missing);
}

static void on_sample(void *ctx, const struct wallet_import_sample *sample)
{
    import_report_sample(ctx, sample);
}

static void on_progress(void *ctx, const struct wallet_import_progress *progress)
{
    struct import_report *r = ctx;
    cli_progress_show(&r->progress, progress->done, progress->total, progress->elapsed_ms);
}

/* Only a whole word approves. */
static bool on_approve(void *ctx, const struct wallet_import_result *found)
{
    struct import_report *r = ctx;
    char answer[ANSWER_MAX] = "";
    fprintf(stderr,
            "%zu new, %zu changed, %s, %s left out; %zu no longer in the register, of which %s "
            "revoked\n",
            found->fresh, found->changed, CLI_COUNT(found->states, "state"),
            CLI_COUNT(found->bad, "bad row"), found->gone,
            CLI_COUNT_OF(found->revoked_gone, "is", "are"));
    if (cli_has(r->cli, "yes")) {
        return true;
    }
    if (isatty(STDIN_FILENO) == 0 || isatty(STDERR_FILENO) == 0) {
        return false;
    }
    fputs("Type approve to sign this with your key, or press Enter to leave it waiting: ", stderr);
    return fgets(answer, sizeof(answer), stdin) != NULL && strcmp(answer, "approve\n") == 0;
}

static enum cli_exit approve_with(struct import_report *r, const struct cli_operator *who,
                                  uint64_t number)
{
    struct wallet_import_result result;
    enum cli_exit exit = CLI_DONE;
    const bool photos = r->photos.folder != NULL;
    const struct wallet_import_watch watch = {.issue = on_issue,
                                              .progress = on_progress,
                                              .missing = on_missing,
                                              .sample = on_sample,
                                              .approve = on_approve,
                                              .ctx = r};
    const struct wallet_approve_order order = {.number = number,
                                               .by = &who->by,
                                               .photos = photos ? &r->photos.source : NULL,
                                               .batch_rows = photos ? PHOTO_BATCH : 0};
    WALLET_AUTO_HOME home = cli_home(r->cli, WALLET_HOME_SIGN, &exit);
    if (home == NULL) {
        return exit;
    }
    const lw_err err = wallet_flow_approve(home, &order, &watch, &result);
    return import_report_end(r, &result, err);
}

static enum cli_exit approve(struct cli *cli, const struct cli_operator *who, uint64_t number)
{
    static struct import_report r; /* large, one for each run of the program */
    import_report_begin(&r, cli);
    r.approves = true;
    enum cli_exit exit = cli_photos_open(cli, &r.photos);
    if (exit == CLI_DONE) {
        exit = approve_with(&r, who, number);
        cli_photos_end(&r.photos);
    }
    import_report_free(&r);
    return exit;
}

static enum cli_exit reject(struct cli *cli, const struct cli_operator *who, uint64_t number)
{
    enum cli_exit exit = CLI_DONE;
    WALLET_AUTO_HOME home = cli_home(cli, WALLET_HOME_SEALED, &exit);
    if (home == NULL) {
        return exit;
    }
    const lw_err err = wallet_flow_reject(home, number, &who->by, cli_text(cli, "reason"));
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "cannot reject the batch",
                        "`lw license batch list` shows what waits.");
    }
    printf(cli->json ? "{\"rejected\": %llu}\n" : "batch %llu is rejected, its file is removed\n",
           (unsigned long long)number);
    return CLI_DONE;
}

static enum cli_exit run_approve(struct cli *cli)
{
    struct cli_operator who;
    int64_t number = 0;
    const bool rejects = cli_has(cli, "reject");
    if (lw_str_int(cli_arg(cli, 0), &number).code != LW_OK || number < 1) {
        return cli_usage(cli, "the batch is given by its number");
    }
    if (rejects && (cli_text(cli, "reason").len == 0 || cli_has(cli, "yes"))) {
        return cli_usage(cli, "--reject goes with --reason, why, and without --yes");
    }
    if (!rejects && cli_has(cli, "reason")) {
        return cli_usage(cli, "--reason goes with --reject; nothing was approved or rejected");
    }
    if (rejects && cli_has(cli, "photos")) {
        return cli_usage(cli, "--photos goes with an approval, not with --reject");
    }
    enum cli_exit exit = cli_operator_open(cli, true, &who);
    if (exit == CLI_DONE) {
        exit = rejects ? reject(cli, &who, (uint64_t)number) : approve(cli, &who, (uint64_t)number);
    }
    cli_operator_close(&who);
    return exit;
}

const struct cli_command cli_approve_commands[] = {
    {.name = "approve",
     .args = "BATCH",
     .args_min = 1,
     .args_max = 1,
     .summary = "approve or reject an import that waits for a second person",
     .text =
         "Compares the register that waits with the store once more, shows the differences and a\n"
         "sample of them, before and after, and asks. What is approved is signed with your own\n"
         "key and carried out at once; both names and signatures go to the audit log. Who asked\n"
         "for the import cannot approve it. When what it would do is not what was asked for any\n"
         "more, as the store or the license type changed, it is refused and must be asked for\n"
         "again.\n\n"
         "After a crash or a failure of the token the same command by any operator of the agency\n"
         "goes on, and no license is issued twice. An import with photos needs --photos again.\n\n"
         "The sample shows personal data, as `lw license show` does.",
     .examples = "  lw approve 7 --operator berta --operator-key berta.pem\n"
                 "  lw approve 7 --reject --reason \"last year's map\" --operator berta "
                 "--operator-key berta.pem",
     .options = approve_options,
     .run = run_approve},
    {.name = NULL},
};
