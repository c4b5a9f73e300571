/* lw doctor: is all well here? */
#include <stdarg.h>

#include "cli_table.h"
#include "doctor.h"
#include "wallet/json_write.h"

enum { JSON_MAX = 256 * 1024 };

static const struct {
    const char *name;
    void (*run)(struct doctor *d);
} families[] = {
    {"files", doctor_files}, {"store", doctor_store},     {"clock", doctor_clock},
    {"token", doctor_token}, {"keys", doctor_keys},       {"recovery", doctor_recovery},
    {"lists", doctor_lists}, {"service", doctor_service},
};

void doctor_say(struct doctor *d, enum doctor_grade grade, const char *advice, const char *format,
                ...)
{
    va_list args;
    if (d->count == DOCTOR_LINES_MAX) {
        return;
    }
    struct doctor_line *line = &d->lines[d->count++];
    *line = (struct doctor_line){.grade = grade, .family = d->family, .advice = advice};
    va_start(args, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it was started one line above */
    (void)vsnprintf(line->what, sizeof(line->what), format, args);
    va_end(args);
}

enum doctor_grade doctor_grade_end(int64_t now, int64_t end, int64_t soon_s)
{
    if (now >= end) {
        return DOCTOR_BAD;
    }
    return end - now < soon_s ? DOCTOR_SOON : DOCTOR_GOOD;
}

static const char *grade_name(enum doctor_grade grade)
{
    switch (grade) {
    case DOCTOR_GOOD:
        return "good";
    case DOCTOR_SOON:
        return "soon";
    case DOCTOR_BAD:
        return "BAD";
    }
    return "";
}

static void print_lines(const struct doctor *d)
{
    for (size_t i = 0; i < d->count; i++) {
        const struct doctor_line *line = &d->lines[i];
        printf("%-4s  %-8s %s\n", grade_name(line->grade), line->family, line->what);
        if (line->advice != NULL) {
            printf("               %s\n", line->advice);
        }
    }
}

static lw_err lines_json(const struct doctor *d, bool well, lw_buf *out)
{
    static const char *const grades[] = {"good", "soon", "bad"};
    struct wallet_json_writer w = wallet_json_writer(out);
    wallet_json_put_object(&w);
    wallet_json_member_bool(&w, "well", well);
    wallet_json_put_name(&w, "checks");
    wallet_json_put_array(&w);
    for (size_t i = 0; i < d->count; i++) {
        const struct doctor_line *line = &d->lines[i];
        wallet_json_put_object(&w);
        wallet_json_member_c(&w, "grade", grades[line->grade]);
        wallet_json_member_c(&w, "family", line->family);
        wallet_json_member_c(&w, "what", line->what);
        if (line->advice != NULL) {
            wallet_json_member_c(&w, "advice", line->advice);
        }
        wallet_json_put_end(&w);
    }
    wallet_json_put_end(&w);
    wallet_json_put_end(&w);
    return wallet_json_written(&w);
}

/* The home is opened to read, whatever its standing: the store's family tells of that. */
static void open_home(struct doctor *d)
{
    struct cli *cli = d->cli;
    d->family = "files";
    lw_err err = cli_config(cli);
    d->configured = err.code == LW_OK;
    if (!d->configured) {
        doctor_say(d, DOCTOR_BAD, "Make a home with `lw init`, or mend config.json: lw-config(5).",
                   "%s/config.json: %s", cli->home_dir,
                   cli->config_fault.what != NULL ? cli->config_fault.what : err.why);
        return;
    }
    doctor_say(d, DOCTOR_GOOD, NULL, "the configuration holds");
    d->family = "store";
    cli->home_config.unguarded = true;
    err = wallet_home_open(&cli->home_config, &cli->env, WALLET_HOME_READ, &d->home);
    if (err.code != LW_OK) {
        doctor_say(d, DOCTOR_BAD,
                   err.code == LW_E_CORRUPT || err.code == LW_E_NOT_FOUND
                       ? "Restore it from the last backup with `lw store restore`."
                       : "See that its files can be read and written by this user.",
                   "the store cannot be opened: %s", err.why);
    }
}

static enum cli_exit run_doctor(struct cli *cli)
{
    static struct doctor d; /* large, and one for each run of the program */
    LW_AUTO_BUF json = LW_BUF(JSON_MAX);
    bool well = true;
    d = (struct doctor){.cli = cli, .now = lw_now(cli->env.clock)};
    cli_guard();
    open_home(&d);
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        d.family = families[i].name;
        families[i].run(&d);
    }
    wallet_home_close(d.home);
    for (size_t i = 0; i < d.count; i++) {
        well = well && d.lines[i].grade != DOCTOR_BAD;
    }
    if (!cli->json) {
        print_lines(&d);
        return well ? CLI_DONE : CLI_REFUSED;
    }
    const lw_err err = lines_json(&d, well, &json);
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "cannot print the findings", NULL);
    }
    cli_print(&json);
    return well ? CLI_DONE : CLI_REFUSED;
}

const struct cli_command cli_doctor_commands[] = {
    {.name = "doctor",
     .args = "",
     .summary = "say what is well here and what is to be done",
     .text =
         "Looks at the home's files and their permissions, space, the store and its last check\n"
         "and backup, the clock, the token (one try with its PIN; each active key signs a\n"
         "test that is thrown away), keys and certificates, what is left when the token is\n"
         "lost (custodians, a second token), the published lists, and the service. Each line is "
         "`good`, `soon` (holds, but something is to be done in time) or\n"
         "`BAD`, with what to do. Changes nothing. Exits with 1 when a line is BAD.\n\n"
         "It does not read the whole store: `lw store check` does.",
     .run = run_doctor},
    {.name = NULL},
};
