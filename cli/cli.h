/* What every command is made of: one table of commands, their options, and how they end. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdio.h>

#include "idp/config.h"
#include "wallet/home.h"

/* Exit codes (SHAPES). */
enum cli_exit {
    CLI_DONE = 0,         /* done, or accepted */
    CLI_REFUSED = 1,      /* refused, or the input is invalid */
    CLI_USAGE = 2,        /* the command line is wrong */
    CLI_ENVIRONMENT = 3,  /* token, store, disk or network */
    CLI_UNDETERMINED = 4, /* cannot be decided now */
};

enum { CLI_OPTIONS_MAX = 32, CLI_ARGS_MAX = 16, CLI_PATH_MAX = 1024 };

struct cli_option {
    const char *name; /* without the dashes */
    const char *arg;  /* what stands for its value in the help; NULL: a flag */
    const char *help; /* one sentence */
    bool repeats;     /* may be given more than once */
};

struct cli;

struct cli_command {
    const char *name; /* "license issue" */
    const char *args; /* positional arguments as the usage line shows them, or "" */
    size_t args_min;
    size_t args_max;
    const char *summary;  /* one line, no full stop */
    const char *text;     /* paragraphs parted by blank lines, for --help and the manual */
    const char *examples; /* lines, or NULL */
    const struct cli_option *options; /* ends with a NULL name; may be NULL */
    bool reads_all;                   /* most of the store: struct wallet_store_options */
    enum cli_exit (*run)(struct cli *cli);
};

struct cli_value {
    const struct cli_option *option;
    const char *value; /* NULL for a flag */
};

/* One run of the program. */
struct cli {
    const struct cli_command *command;
    struct cli_value values[CLI_OPTIONS_MAX];
    size_t value_count;
    const char *args[CLI_ARGS_MAX];
    size_t arg_count;
    bool json;                   /* --json */
    const char *locale;          /* --lang: "en" or "zh" */
    char home_dir[CLI_PATH_MAX]; /* --home, $LW_HOME, or ~/.license-wallet */
    struct lw_log log;
    struct wallet_env env;
    struct idp_config config; /* read by cli_home() */
    struct idp_config_error config_fault;
    struct wallet_home_config home_config;
    char signer_program[CLI_PATH_MAX];
    char scan_program[CLI_PATH_MAX];
};

/** Return the `n`th command (from 0) of all families, or NULL past the last; static. */
const struct cli_command *cli_command_at(size_t n);

/** Parse, dispatch and run; what main() returns. */
int cli_main(int argc, char **argv);

/** Return the value of an option, or NULL; of a repeating one its `nth` (from 0). */
const char *cli_get(const struct cli *cli, const char *name);
const char *cli_get_nth(const struct cli *cli, const char *name, size_t nth);
bool cli_has(const struct cli *cli, const char *name);

/** Return the option's value as text, empty when it was not given. */
static inline lw_str cli_text(const struct cli *cli, const char *name)
{
    const char *value = cli_get(cli, name);
    return value == NULL ? (lw_str){.ptr = NULL, .len = 0} : lw_str_c(value);
}

static inline lw_str cli_arg(const struct cli *cli, size_t i)
{
    return lw_str_c(cli->args[i]);
}

/** Write usage, options and text to `out`. */
void cli_help(FILE *out, const struct cli_command *command);

/** Write the manual page of a command (roff) to `out`. */
void cli_manual(FILE *out, const struct cli_command *command);

/** Write the manual page of the configuration file (roff) to `out`; false when memory ran out. */
bool cli_manual_config(FILE *out);

/** Say on standard error what went wrong and what to do; return the exit code for `err`. */
enum cli_exit cli_fail(const struct cli *cli, lw_err err, const char *doing, const char *advice);

/** Complain about the command line and return CLI_USAGE. */
enum cli_exit cli_usage(const struct cli *cli, const char *what);

/** Return the exit code of an error's class. */
enum cli_exit cli_exit_of(lw_err err);

/**
 * Read the configuration and open the home; on failure it was said why and `*exit` is set.
 *
 * returns the home, the caller's to close, or NULL
 */
struct wallet_home *cli_home(struct cli *cli, enum wallet_home_need need, enum cli_exit *exit);

/**
 * From now on end with CLI_ENVIRONMENT and a word on what to do, where the process would be killed
 * for touching memory that is not there: that is what a damaged store leads to.
 */
void cli_guard(void);

/** Read the configuration and fill cli->home_config without opening anything. */
LW_MUST_USE lw_err cli_config(struct cli *cli);

/** Fill cli->home_config by cli->config, which was checked. */
void cli_config_take(struct cli *cli);

/** Say what is wrong with config.json, naming the setting, after cli_config() gave `err`. */
enum cli_exit cli_config_fail(const struct cli *cli, lw_err err);

/** Read a file, or standard input for "-", up to `out->max`. */
LW_MUST_USE lw_err cli_read(const char *path, lw_buf *out);

/**
 * Write a file whole or not at all (written beside, synced, renamed); "-" is standard output.
 *
 * mode    permission bits of a new file, such as 0600 or 0644
 */
LW_MUST_USE lw_err cli_write(const char *path, lw_bytes data, unsigned mode);

/** Return whether a new file at `path` would take another's place: not so for "-" and devices. */
bool cli_path_taken(const char *path);

/** Write a buffer to standard output with a line feed. */
void cli_print(const lw_buf *text);

/** Read RFC 3339 or a date ("2026-11-24" means its first second, UTC). */
LW_MUST_USE lw_err cli_time(lw_str text, int64_t *t);

/** Read --limit; on a bad one it was said so. */
enum cli_exit cli_limit(const struct cli *cli, size_t *limit);

struct wallet_json_writer;
struct wallet_stored_license;

/** Print one line about a license, or put it as an object into `json`. */
LW_MUST_USE lw_err cli_license_line(const struct wallet_stored_license *license, int64_t now,
                                    struct wallet_json_writer *json);

/** Return the state as people see it at `now`: "expired" is not stored but follows the clock. */
const char *cli_license_state(const struct wallet_stored_license *license, int64_t now);

/* A line of progress on standard error when it is a terminal: count, rate and time left. */
struct cli_progress {
    const char *what;
    bool shown;
    int64_t last_ms;
};
void cli_progress_show(struct cli_progress *progress, size_t done, size_t total,
                       int64_t elapsed_ms);
void cli_progress_end(struct cli_progress *progress);

#endif
