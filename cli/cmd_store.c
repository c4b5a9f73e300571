/* lw store check | show. */
#include <inttypes.h>
#include <stdlib.h>

#include "cli_table.h"
#include "count.h"
#include "wallet/flow_store.h"
#include "wallet/json_write.h"

enum { REPORT_MAX = 64 * 1024, LARGEST = 8, BYTES_PER_MIB = 1 << 20 };

struct watching {
    struct cli_progress progress;
    const struct lw_clock *clock;
    int64_t began_ms;
};

static void show_progress(void *ctx, const char *what, uint64_t done, uint64_t total)
{
    struct watching *w = ctx;
    if (w->progress.what != what) {
        cli_progress_end(&w->progress);
        w->progress = (struct cli_progress){.what = what};
        w->began_ms = lw_mono_ms(w->clock);
    }
    cli_progress_show(&w->progress, (size_t)done, (size_t)total,
                      lw_mono_ms(w->clock) - w->began_ms);
}

static void put_faults(const struct wallet_index_check *check, struct wallet_json_writer *w)
{
    wallet_json_put_name(w, "faults");
    wallet_json_put_array(w);
    for (size_t i = 0; i < check->fault_count && i < WALLET_FAULTS_MAX; i++) {
        const struct wallet_fault *f = &check->faults[i];
        wallet_json_put_object(w);
        wallet_json_member_text(w, "keyspace", lw_str_c(f->where));
        wallet_json_member_text(w, "key", lw_str_c(f->key));
        wallet_json_member_text(w, "why", lw_str_c(f->why));
        wallet_json_put_end(w);
    }
    wallet_json_put_end(w);
}

static lw_err report_json(const struct wallet_store_report *r, lw_buf *out)
{
    struct wallet_json_writer w = wallet_json_writer(out);
    wallet_json_put_object(&w);
    wallet_json_member_bool(&w, "whole", r->whole);
    wallet_json_member_bool(&w, "signatures_and_seals", r->opened);
    wallet_json_member_int(&w, "entries", (int64_t)r->entries);
    wallet_json_member_int(&w, "licenses", (int64_t)r->licenses);
    wallet_json_member_int(&w, "leaves", (int64_t)r->log.size);
    wallet_json_member_int(&w, "fault_count", (int64_t)r->check.fault_count);
    put_faults(&r->check, &w);
    wallet_json_put_end(&w);
    return wallet_json_written(&w);
}

static void print_report(const struct wallet_store_report *r)
{
    if (r->whole && r->opened) {
        printf("whole: %s, %" PRIu64 " of the audit log; signatures and seals of %s and %s hold\n",
               CLI_COUNT_OF(r->entries, "entry", "entries"), r->log.size,
               CLI_COUNT(r->licenses, "license"), CLI_COUNT_OF(r->people, "person", "people"));
        return;
    }
    if (r->whole) {
        printf("whole: %s, %" PRIu64 " of the audit log; signatures and seals were not looked at\n",
               CLI_COUNT_OF(r->entries, "entry", "entries"), r->log.size);
        return;
    }
    printf("NOT WHOLE: %s\n", CLI_COUNT(r->check.fault_count, "fault"));
    for (size_t i = 0; i < r->check.fault_count && i < WALLET_FAULTS_MAX; i++) {
        const struct wallet_fault *f = &r->check.faults[i];
        printf("  %s %s: %s\n", f->where, f->key, f->why);
    }
    puts("  Stop the service and restore the store from its last backup: `lw store restore`.");
}

/* The file's time is when the store was last found whole: `lw doctor` tells its age. */
static void note_check(const struct cli *cli)
{
    char path[CLI_PATH_MAX];
    (void)snprintf(path, sizeof(path), "%.1000s/check.last", cli->home_dir);
    const lw_err err = cli_write(path, (lw_bytes){NULL, 0}, 0600);
    (void)err; /* then the doctor asks for another check */
}

static enum cli_exit run_check(struct cli *cli)
{
    static struct wallet_store_report report; /* one for each run of the program */
    struct watching watching = {.clock = cli->env.clock};
    LW_AUTO_BUF json = LW_BUF(REPORT_MAX);
    enum cli_exit exit = CLI_DONE;
    const bool quick = cli_has(cli, "quick");
    WALLET_AUTO_HOME home = cli_home(cli, quick ? WALLET_HOME_READ : WALLET_HOME_SEALED, &exit);
    if (home == NULL) {
        return exit;
    }
    report.check.progress = show_progress;
    report.check.ctx = &watching;
    lw_err err = wallet_flow_store_check(home, &report);
    cli_progress_end(&watching.progress);
    err = err.code == LW_OK && cli->json ? report_json(&report, &json) : err;
    if (err.code != LW_OK) {
        (void)cli_fail(cli, err, "cannot read the store", NULL);
        return CLI_ENVIRONMENT;
    }
    if (report.whole && report.opened) {
        note_check(cli);
    }
    if (cli->json) {
        cli_print(&json);
    } else {
        print_report(&report);
    }
    return report.whole ? CLI_DONE : CLI_REFUSED;
}

static int by_size(const void *a, const void *b)
{
    const struct wallet_store_space *x = a;
    const struct wallet_store_space *y = b;
    return (x->bytes < y->bytes) - (x->bytes > y->bytes);
}

static double mib(uint64_t bytes)
{
    return (double)bytes / BYTES_PER_MIB;
}

static void print_stat(const struct wallet_store_stat *s)
{
    printf("used %.1f MiB, of which %.1f MiB are free to be used again; room for %.0f MiB before "
           "the map grows\n"
           "%s, %s\n",
           mib(s->used_bytes), mib(s->free_bytes), mib(s->map_bytes),
           CLI_COUNT_OF(s->entries, "entry", "entries"), CLI_COUNT(s->commit, "commit"));
    if (s->oldest_reader_pid == 0) {
        puts("nobody reads");
    } else {
        printf("oldest reader: process %" PRId64 ", %s behind\n", s->oldest_reader_pid,
               CLI_COUNT(s->oldest_reader_lag, "commit"));
    }
    for (size_t i = 0; i < LARGEST && i < s->space_count && s->spaces[i].entries > 0; i++) {
        printf("  %-18s %12" PRIu64 " %-7s %10.1f MiB\n", s->spaces[i].name, s->spaces[i].entries,
               s->spaces[i].entries == 1 ? "entry" : "entries", mib(s->spaces[i].bytes));
    }
}

static lw_err stat_json(const struct wallet_store_stat *s, lw_buf *out)
{
    struct wallet_json_writer w = wallet_json_writer(out);
    wallet_json_put_object(&w);
    wallet_json_member_int(&w, "used_bytes", (int64_t)s->used_bytes);
    wallet_json_member_int(&w, "free_bytes", (int64_t)s->free_bytes);
    wallet_json_member_int(&w, "map_bytes", (int64_t)s->map_bytes);
    wallet_json_member_int(&w, "entries", (int64_t)s->entries);
    wallet_json_member_int(&w, "commits", (int64_t)s->commit);
    wallet_json_member_int(&w, "oldest_reader_pid", s->oldest_reader_pid);
    wallet_json_member_int(&w, "oldest_reader_lag", (int64_t)s->oldest_reader_lag);
    wallet_json_put_name(&w, "keyspaces");
    wallet_json_put_array(&w);
    for (size_t i = 0; i < s->space_count; i++) {
        wallet_json_put_object(&w);
        wallet_json_member_text(&w, "name", lw_str_c(s->spaces[i].name));
        wallet_json_member_int(&w, "entries", (int64_t)s->spaces[i].entries);
        wallet_json_member_int(&w, "bytes", (int64_t)s->spaces[i].bytes);
        wallet_json_put_end(&w);
    }
    wallet_json_put_end(&w);
    wallet_json_put_end(&w);
    return wallet_json_written(&w);
}

static enum cli_exit run_show(struct cli *cli)
{
    static struct wallet_store_stat stat;
    LW_AUTO_BUF json = LW_BUF(REPORT_MAX);
    unsigned cleared = 0;
    enum cli_exit exit = CLI_DONE;
    WALLET_AUTO_HOME home = cli_home(cli, WALLET_HOME_READ, &exit);
    if (home == NULL) {
        return exit;
    }
    lw_err err = wallet_store_tend(wallet_home_store(home), &cleared);
    err = err.code == LW_OK ? wallet_store_stat(wallet_home_store(home), &stat) : err;
    qsort(stat.spaces, stat.space_count, sizeof(stat.spaces[0]), by_size);
    err = err.code == LW_OK && cli->json ? stat_json(&stat, &json) : err;
    if (err.code != LW_OK) {
        (void)cli_fail(cli, err, "cannot read the store", NULL);
        return CLI_ENVIRONMENT;
    }
    if (cli->json) {
        cli_print(&json);
    } else {
        print_stat(&stat);
    }
    return CLI_DONE;
}

static const struct cli_option check_options[] = {
    {"quick", NULL, "Leave out signatures and seals, for which the token is needed.", false},
    {NULL, NULL, NULL, false},
};

const struct cli_command cli_store_commands[] = {
    {.name = "store check",
     .reads_all = true,
     .args = "",
     .summary = "check all that the store holds",
     .text =
         "Checks the form of every entry; the audit log from its first entry and its signed "
         "heads;\n"
         "every index both ways; status lists against licenses; the signature of every license\n"
         "record, and the seals of all personal data. The service may run meanwhile.\n\n"
         "Exits with 1 and names the first faults by keyspace and key, which hold no personal\n"
         "data, when the store is not whole; with 3 when it cannot be read.",
     .options = check_options,
     .run = run_check},
    {.name = "store show",
     .args = "",
     .summary = "show how large the store is and who reads it",
     .text = "Space that is used and free, the oldest open reader, whose process keeps space from\n"
             "being used again, and the largest keyspaces. What readers that were killed still\n"
             "held is freed before.",
     .run = run_show},
    {.name = NULL},
};
