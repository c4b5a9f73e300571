/* A register made up and imported: licenses per CPU second, and bytes on disk for each. */
#define _GNU_SOURCE

#include <unistd.h>

#include "bench.h"
#include "wallet/flow_import.h"

enum { ROW_MAX = 512, STOPS_A_YARDSTICK = 8, YARDSTICK = 500, YARDSTICK_QUICK = 100 };
enum { FIRST = 20000000, FIRST_OF_OTHERS = 50000000 };
enum { TERM_DAYS = 365, SPREAD_DAYS = 300, DATE_MAX = 16 };

static const double beside_s = 25e-6; /* DESIGN section 11: all but signing and checking */

static const char map_json[] =
    "{\"number\": \"NUMBER\", \"version\": \"TERM\",\n"
    " \"holder\": {\"type\": \"999\", \"code\": \"ACCOUNT\", \"name\": \"NAME\", \"role\": "
    "\"holder\"},\n"
    " \"valid_from\": \"BEGINS\", \"valid_until\": \"ENDS\",\n"
    " \"state\": {\"column\": \"STATUS\", \"values\": {\"A\": \"active\", \"R\": \"revoked\"}},\n"
    " \"claims\": {\"legal_name\": \"NAME\", \"trade_name\": \"TRADE\", \"address\": \"ADDRESS\",\n"
    "  \"category\": \"CATEGORY\", \"activities\": \"ACTIVITY\", \"expiry_date\": \"ENDS\"},\n"
    " \"date_format\": \"%Y-%m-%d\", \"encoding\": \"utf-8\"}\n";

static lw_err put_row(lw_buf *csv, size_t n, size_t first, int64_t today)
{
    char row[ROW_MAX];
    LW_AUTO_BUF begins = LW_BUF(DATE_MAX);
    LW_AUTO_BUF ends = LW_BUF(DATE_MAX);
    const char *begins_text = NULL;
    const char *ends_text = NULL;
    const int64_t begin = today - (int64_t)(n % SPREAD_DAYS) - 1;
    LW_TRY(lw_date_put(&begins, begin));
    LW_TRY(lw_date_put(&ends, begin + TERM_DAYS));
    LW_TRY(lw_buf_c(&begins, &begins_text));
    LW_TRY(lw_buf_c(&ends, &ends_text));
    /* Two licenses in three share their holder with another, as in real registers. */
    const size_t account = n - n % 3 % 2;
    const int len = snprintf(row, sizeof(row),
                             "%zu,%zu,%zu-1,\"MOON GREEN LAUNDRY %zu, INC.\",MOON LAUNDRY %zu,"
                             "%zu SALT MARKET ST 1ST LANHAI 229903,Retail Food Establishment,"
                             "Sale of Food Prepared Onsite | Retail Sales of Perishable Foods,"
                             "%s,%s,%s\n",
                             first + n, 2 * first + n, 100000 + account, account, account, n % 9000,
                             begins_text, ends_text, n % 97 == 0 ? "R" : "A");
    return lw_buf_put(csv, (lw_bytes){.ptr = (const uint8_t *)row, .len = (size_t)len});
}

/* The holders are the same, whatever the first number is. */
static lw_err make_register(struct bench *b, size_t first, lw_buf *csv)
{
    const int64_t today = lw_days_of(lw_now(b->cli->env.clock));
    LW_TRY(lw_buf_put_c(
        csv, "NUMBER,TERM,ACCOUNT,NAME,TRADE,ADDRESS,CATEGORY,ACTIVITY,BEGINS,ENDS,STATUS\n"));
    for (size_t n = 0; n < b->import_rows; n++) {
        LW_TRY(put_row(csv, n, first, today));
    }
    return LW_SUCCESS;
}

/* L and H are taken between batches; what that costs this process is left out of the import. */
struct watched {
    struct bench *b;
    struct bench_samples l;
    struct bench_samples h;
    unsigned stops;
    int64_t beside_ns;
    lw_err err;
    struct cli_progress progress;
};

static lw_err take_yardsticks(struct watched *w)
{
    const unsigned count = w->b->quick ? YARDSTICK_QUICK : YARDSTICK;
    double l = 0;
    double h = 0;
    LW_TRY(bench_go_on());
    LW_TRY(bench_take_l(w->b, count, &l));
    LW_TRY(bench_take_h(w->b, count, &h));
    bench_sample(&w->l, l);
    bench_sample(&w->h, h);
    return LW_SUCCESS;
}

static bool between_batches(void *ctx)
{
    struct watched *w = ctx;
    if (w->stops++ % STOPS_A_YARDSTICK == 0) {
        const int64_t begin = bench_cpu_thread();
        w->err = take_yardsticks(w);
        w->beside_ns += bench_cpu_thread() - begin;
    }
    return w->err.code != LW_OK;
}

static void say_issue(void *ctx, const struct wallet_import_issue *issue)
{
    const struct watched *w = ctx;
    fprintf(stderr, "lw %s: line %zu: %s\n", w->b->cli->command->name, issue->line, issue->why);
}

static void show_progress(void *ctx, const struct wallet_import_progress *progress)
{
    struct watched *w = ctx;
    cli_progress_show(&w->progress, progress->done, progress->total, progress->elapsed_ms);
}

/* `again`: the same register a second time, of which nothing may be issued. */
static lw_err import(struct watched *w, lw_bytes csv, bool again, int64_t *used_ns)
{
    const struct wallet_import_order order = {.csv = csv,
                                              .map = lw_str_bytes(lw_str_c(map_json)),
                                              .type = lw_str_c(bench_type),
                                              .actor = LW_STR("bench")};
    const struct wallet_import_watch watch = {
        .issue = say_issue, .progress = show_progress, .stop = between_batches, .ctx = w};
    struct wallet_import_result result = {.rows = 0};
    LW_TRY(take_yardsticks(w));
    w->beside_ns = 0;
    const int64_t begin = bench_cpu_family(getpid());
    const lw_err err = wallet_flow_import(w->b->home, &order, &watch, &result);
    *used_ns = bench_cpu_family(getpid()) - begin - w->beside_ns;
    cli_progress_end(&w->progress);
    LW_TRY(w->err);
    LW_TRY(err);
    if (result.issued != (again ? 0 : w->b->import_rows) ||
        result.already != (again ? w->b->import_rows : 0)) {
        return LW_FAIL(LW_E_VALUE, "bench: not every row was issued, or one twice", LW_NOWHERE);
    }
    return take_yardsticks(w);
}

static double rate(const struct bench *b, int64_t used_ns)
{
    return (double)b->import_rows * bench_ns_per_s / (double)used_ns;
}

static void add_rows(struct bench *b, const struct watched *w, double per_s)
{
    const double l = bench_median(&w->l);
    const double h = bench_median(&w->h);
    const double best = 1 / (1 / h + 1 / l + beside_s);
    struct bench_row *row = bench_row_goal(b, "import", per_s / best, BENCH_AT_LEAST, 1.0);
    (void)snprintf(row->note, sizeof(row->note),
                   "of 1/(1/H + 1/L + 25 us), with a table; %zu rows, %.0f a CPU second",
                   b->import_rows, per_s);
}

static lw_err used_bytes(const struct bench *b, double *bytes)
{
    struct wallet_store_stat stat;
    LW_TRY(wallet_store_stat(wallet_home_store(b->home), &stat));
    *bytes = (double)stat.used_bytes;
    return LW_SUCCESS;
}

/* As many licenses again, of the same holders: what a license takes, and no people. */
static lw_err import_others(struct bench *b, struct watched *w)
{
    LW_AUTO_BUF csv = LW_BUF((b->import_rows + 1) * ROW_MAX);
    double before = 0;
    double after = 0;
    int64_t used_ns = 0;
    LW_TRY(make_register(b, FIRST_OF_OTHERS, &csv));
    LW_TRY(used_bytes(b, &before));
    LW_TRY(import(w, lw_buf_view(&csv), false, &used_ns));
    LW_TRY(used_bytes(b, &after));
    struct bench_row *row =
        bench_row_goal(b, "bytes_per_license", (after - before) / (double)b->import_rows,
                       BENCH_AT_MOST, 1.5 * 1024);
    row->unit = "bytes";
    (void)snprintf(row->note, sizeof(row->note), "on disk, indexes and log with it");
    return LW_SUCCESS;
}

lw_err bench_import(struct bench *b)
{
    static struct watched none;
    struct watched w = none;
    double before = 0;
    double after = 0;
    LW_AUTO_BUF csv = LW_BUF((b->import_rows + 1) * ROW_MAX);
    int64_t used_ns = 0;
    int64_t again_ns = 0;
    w.b = b;
    w.err = LW_SUCCESS;
    w.progress.what = "import";
    bench_say(b, "import of a register");
    LW_TRY(make_register(b, FIRST, &csv));
    LW_TRY(used_bytes(b, &before));
    LW_TRY(import(&w, lw_buf_view(&csv), false, &used_ns));
    LW_TRY(used_bytes(b, &after));
    add_rows(b, &w, rate(b, used_ns));
    LW_TRY(import(&w, lw_buf_view(&csv), true, &again_ns));
    struct bench_row *row =
        bench_row_add(b, "import_again", "times", (double)used_ns / (double)again_ns);
    (void)snprintf(row->note, sizeof(row->note),
                   "as fast when all rows are the same; %.0f rows a CPU second", rate(b, again_ns));
    LW_TRY(import_others(b, &w));
    row =
        bench_row_add(b, "bytes_with_holders", "bytes", (after - before) / (double)b->import_rows);
    (void)snprintf(row->note, sizeof(row->note),
                   "a license, two in three with a holder of its own");
    return LW_SUCCESS;
}
