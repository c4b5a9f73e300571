/* The rows as a table or as JSON. */
#include "bench.h"
#include "wallet/json_write.h"

enum { JSON_MAX = 64 * 1024, NUMBER_MAX = 32 };

struct bench_row *bench_row_add(struct bench *b, const char *name, const char *unit, double value)
{
    /* The rows are those of the sources: that they fit is seen when the bench is run once. */
    struct bench_row *row = &b->table[b->row_count < BENCH_ROWS_MAX ? b->row_count++ : 0];
    *row = (struct bench_row){.name = name, .unit = unit, .value = value};
    return row;
}

struct bench_row *bench_row_goal(struct bench *b, const char *name, double value,
                                 enum bench_goal goal, double target)
{
    struct bench_row *row = bench_row_add(b, name, "", value);
    row->goal = goal;
    row->target = target;
    return row;
}

bool bench_reached(const struct bench_row *row)
{
    switch (row->goal) {
    case BENCH_NO_GOAL:
        return true;
    case BENCH_AT_LEAST:
        return row->value >= row->target;
    case BENCH_AT_MOST:
        return row->value <= row->target;
    }
    return false;
}

/* Rates in whole numbers, ratios with three places. */
static void format(double value, char text[NUMBER_MAX])
{
    (void)snprintf(text, NUMBER_MAX, value >= 1000 ? "%.0f" : "%.3f", value);
}

static void print_table(const struct bench *b)
{
    printf("%-34s %10s  %12s  %-7s  %s\n", "what", "value", "target", "reached", "");
    for (size_t i = 0; i < b->row_count; i++) {
        const struct bench_row *row = &b->table[i];
        char value[NUMBER_MAX];
        char target[NUMBER_MAX];
        format(row->value, value);
        format(row->target, target);
        const bool goal = row->goal != BENCH_NO_GOAL;
        printf("%-34s %10s  %3s %8s  %-7s  %s%s%s\n", row->name, value,
               !goal                         ? ""
               : row->goal == BENCH_AT_LEAST ? ">="
                                             : "<=",
               goal ? target : "", goal ? bench_reached(row) ? "yes" : "NO" : "", row->unit,
               row->unit[0] != 0 && row->note[0] != 0 ? "; " : "", row->note);
    }
}

static void put_number(struct wallet_json_writer *w, const char *name, double value)
{
    char text[NUMBER_MAX];
    (void)snprintf(text, sizeof(text), "%.6g", value);
    wallet_json_member_raw(w, name, lw_str_c(text));
}

static void put_row(struct wallet_json_writer *w, const struct bench_row *row)
{
    wallet_json_put_object(w);
    wallet_json_member_c(w, "name", row->name);
    put_number(w, "value", row->value);
    if (row->goal == BENCH_NO_GOAL) {
        wallet_json_put_name(w, "target");
        wallet_json_put_null(w);
        wallet_json_put_name(w, "reached");
        wallet_json_put_null(w);
    } else {
        put_number(w, "target", row->target);
        wallet_json_member_bool(w, "reached", bench_reached(row));
    }
    if (row->unit[0] != 0) {
        wallet_json_member_c(w, "unit", row->unit);
    }
    if (row->note[0] != 0) {
        wallet_json_member_c(w, "note", row->note);
    }
    wallet_json_put_end(w);
}

static lw_err print_json(const struct bench *b)
{
    LW_AUTO_BUF json = LW_BUF(JSON_MAX);
    struct wallet_json_writer w = wallet_json_writer(&json);
    wallet_json_put_object(&w);
    wallet_json_put_name(&w, "rows");
    wallet_json_put_array(&w);
    for (size_t i = 0; i < b->row_count; i++) {
        put_row(&w, &b->table[i]);
    }
    wallet_json_put_end(&w);
    wallet_json_put_end(&w);
    LW_TRY(wallet_json_written(&w));
    cli_print(&json);
    return LW_SUCCESS;
}

lw_err bench_print(const struct bench *b)
{
    if (b->cli->json) {
        return print_json(b);
    }
    print_table(b);
    return LW_SUCCESS;
}

void bench_say(const struct bench *b, const char *what)
{
    fprintf(stderr, "lw %s: %s\n", b->cli->command->name, what);
}
