/* What commands share: how they fail, the home they open, the files they read and write. */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "lw/file.h"
#include "wallet/flow_issue.h"
#include "wallet/flow_store.h"

enum { CONFIG_MAX = 256 * 1024, MS_PER_S = 1000, PROGRESS_MS = 200, LIMIT_MAX = 1000000 };

enum cli_exit cli_exit_of(lw_err err)
{
    switch (lw_err_class(err.code)) {
    case LW_CLASS_OK:
        return CLI_DONE;
    case LW_CLASS_MISUSE:
        return CLI_USAGE;
    case LW_CLASS_INPUT:
    case LW_CLASS_REFUSED:
    case LW_CLASS_NOT_FOUND:
    case LW_CLASS_LIMIT:
        return CLI_REFUSED;
    case LW_CLASS_BUSY:
    case LW_CLASS_ENVIRONMENT:
        return CLI_ENVIRONMENT;
    }
    return CLI_ENVIRONMENT;
}

/* What to do about the environment is the same whatever was being done. */
static const char *advice_of(lw_err err, const char *advice)
{
    switch (err.code) {
    case LW_E_NOSPACE:
        return "Free space on that disk, then try again; what was done before stays.";
    case LW_E_CORRUPT:
        return "Restore the store from its last backup with `lw store restore`.";
    default:
        return advice;
    }
}

enum cli_exit cli_fail(const struct cli *cli, lw_err err, const char *doing, const char *advice)
{
    fprintf(stderr, "lw %s: %s: %s", cli->command->name, doing,
            err.why == NULL ? lw_code_name(err.code) : err.why);
    if (err.at != LW_NOWHERE) {
        fprintf(stderr, " (at byte %zu)", err.at);
    }
    fputc('\n', stderr);
    advice = advice_of(err, advice);
    if (advice != NULL) {
        fprintf(stderr, "  %s\n", advice);
    }
    return cli_exit_of(err);
}

enum cli_exit cli_usage(const struct cli *cli, const char *what)
{
    fprintf(stderr, "lw %s: %s; see `lw %s --help`\n", cli->command->name, what,
            cli->command->name);
    return CLI_USAGE;
}

static lw_err read_config(struct cli *cli)
{
    char path[CLI_PATH_MAX];
    const int n = snprintf(path, sizeof(path), "%s/config.json", cli->home_dir);
    if (n < 0 || (size_t)n >= sizeof(path)) {
        return LW_FAIL(LW_E_LIMIT, "config: the home's path is too long", LW_NOWHERE);
    }
    LW_AUTO_BUF json = LW_BUF(CONFIG_MAX);
    const lw_err err = cli_read(path, &json);
    if (err.code == LW_E_NOT_FOUND) {
        return LW_FAIL(LW_E_NOT_FOUND, "config: there is no config.json in the home folder",
                       LW_NOWHERE);
    }
    LW_TRY(err);
    cli->config_fault = (struct idp_config_error){.what = NULL};
    LW_TRY(idp_config_read(lw_buf_view(&json), &cli->config, &cli->config_fault));
    return idp_config_check(&cli->config, &cli->config_fault);
}

static const char *or_null(const char *text)
{
    return text[0] == 0 ? NULL : text;
}

void cli_config_take(struct cli *cli)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    const unsigned signers =
        cli->config.signers > 0 ? (unsigned)cli->config.signers : (unsigned)(cores > 0 ? cores : 1);
    cli->home_config = (struct wallet_home_config){
        .dir = cli->home_dir,
        .base_url = cli->config.base_url,
        .country = cli->config.country,
        .authority = cli->config.authority,
        .module = or_null(cli->config.module),
        .token_label = cli->config.token_label,
        .pin_file = or_null(cli->config.pin_file),
        .softhsm_conf = or_null(cli->config.softhsm_conf),
        .signer_program = cli->signer_program,
        .signers = signers,
        .token_deadline_ms = cli->config.token_deadline_ms,
        .key_tables = (size_t)cli->config.key_tables,
        .seen_parts = (size_t)cli->config.seen_credentials,
        .approval_days = cli->config.approval_days,
        .reads_all = cli->command->reads_all,
        .watch_clock = true,
        .development = cli->config.development,
    };
}

lw_err cli_config(struct cli *cli)
{
    idp_config_defaults(&cli->config);
    LW_TRY(read_config(cli));
    cli_config_take(cli);
    return LW_SUCCESS;
}

enum cli_exit cli_config_fail(const struct cli *cli, lw_err err)
{
    if (wallet_flow_restore_unfinished(&(struct wallet_home_config){.dir = cli->home_dir})) {
        (void)cli_fail(cli,
                       LW_FAIL(LW_E_CONFLICT, "home: a restore of it was not finished", LW_NOWHERE),
                       cli->home_dir, "Run `lw store restore` again.");
    } else if (err.code == LW_E_NOT_FOUND) {
        (void)cli_fail(cli, err, cli->home_dir,
                       "Make a home with `lw init`, or name one with --home DIR.");
    } else if (cli->config_fault.what != NULL) {
        fprintf(stderr,
                "lw %s: %s/config.json: %s: %s\n"
                "  Mend that setting; `lw serve --check-config` tells when all hold.\n",
                cli->command->name, cli->home_dir, cli->config_fault.pointer,
                cli->config_fault.what);
    } else {
        char path[CLI_PATH_MAX];
        (void)snprintf(path, sizeof(path), "%.1000s/config.json", cli->home_dir);
        (void)cli_fail(
            cli, err, path,
            "It must be one JSON object that its user can read; lw-config(5) tells more.");
    }
    return CLI_ENVIRONMENT; /* whatever is wrong with the home, the input is not at fault */
}

static const char *home_advice(lw_err err)
{
    switch (err.code) {
    case LW_E_NOT_FOUND:
        return "Make a home with `lw init`, or name one with --home DIR.";
    case LW_E_TOKEN:
        return "Check that the token is there and its PIN file right: the folder token and the "
               "file pin of the home, or `module`, `token_label` and `pin_file` in config.json. A "
               "token "
               "that is lost is replaced by `lw key recover`: lw-key-recover(1).";
    case LW_E_DENIED:
        return "Only its owner may read the PIN file: chmod 600 it, and run as its owner.";
    case LW_E_UNSUPPORTED:
        return "The store was written by a newer version of lw: use that one.";
    case LW_E_CORRUPT:
        return "Nothing was changed. Restore the store from its last backup with `lw store "
               "restore`.";
    case LW_E_CONFLICT:
        return "Put the right store back; if this one is to go on, `lw store adopt` says what that "
               "means. After a restore that was cut short, run `lw store restore` again.";
    case LW_E_BUSY:
        return "End the other lw processes of this home, or wait for them, then try again.";
    case LW_E_NOSPACE:
        return "Free space on the disk of the home folder, then try again.";
    default:
        return NULL;
    }
}

/* What a command that was killed had set aside; where it cannot be cleared away, a later start
 * will. */
static void recover(const struct cli *cli, struct wallet_home *home)
{
    size_t voided = 0;
    const lw_err err = wallet_flow_recover(home, &voided);
    if (err.code != LW_OK) {
        lw_log_err(&cli->log, LW_WARN, "not_recovered", err, (struct lw_field){.key = NULL});
    }
}

struct wallet_home *cli_home(struct cli *cli, enum wallet_home_need need, enum cli_exit *exit)
{
    lw_err err = cli_config(cli);
    if (err.code != LW_OK) {
        *exit = cli_config_fail(cli, err);
        return NULL;
    }
    struct wallet_home *home = NULL;
    cli_guard();
    err = wallet_home_open(&cli->home_config, &cli->env, need, &home);
    if (err.code != LW_OK) {
        (void)cli_fail(cli, err, "cannot open the home folder", home_advice(err));
        *exit = CLI_ENVIRONMENT; /* whatever is wrong with the home, the input is not at fault */
        return NULL;
    }
    if (need == WALLET_HOME_SIGN) {
        recover(cli, home);
    }
    return home;
}

lw_err cli_read(const char *path, lw_buf *out)
{
    const bool standard = strcmp(path, "-") == 0;
    const int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? LW_FAIL(LW_E_NOT_FOUND, "file: it does not exist", LW_NOWHERE)
                               : LW_FAIL(LW_E_IO, "file: cannot open it", LW_NOWHERE);
    }
    lw_err err = LW_SUCCESS;
    uint8_t chunk[16384];
    while (err.code == LW_OK) {
        const ssize_t got = read(fd, chunk, sizeof(chunk));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            err = LW_FAIL(LW_E_IO, "file: cannot read it", LW_NOWHERE);
        }
        if (got <= 0) {
            break;
        }
        err = lw_buf_put(out, (lw_bytes){.ptr = chunk, .len = (size_t)got});
        if (err.code == LW_E_LIMIT) {
            err = LW_FAIL(LW_E_LIMIT, "file: larger than allowed", out->len);
        }
    }
    if (!standard) {
        (void)close(fd);
    }
    return err;
}

lw_err cli_write(const char *path, lw_bytes data, unsigned mode)
{
    return strcmp(path, "-") == 0 ? lw_file_put(STDOUT_FILENO, data)
                                  : lw_file_write(path, data, mode);
}

bool cli_path_taken(const char *path)
{
    struct stat there;
    return strcmp(path, "-") != 0 && lstat(path, &there) == 0 && !S_ISCHR(there.st_mode) &&
           !S_ISFIFO(there.st_mode);
}

void cli_print(const lw_buf *text)
{
    (void)fwrite(text->ptr, 1, text->len, stdout);
    (void)fputc('\n', stdout);
}

lw_err cli_time(lw_str text, int64_t *t)
{
    int64_t days = 0;
    if (lw_date_parse(text, &days).code == LW_OK) {
        *t = days * LW_DAY_S;
        return LW_SUCCESS;
    }
    return lw_time_parse(text, t);
}

enum cli_exit cli_limit(const struct cli *cli, size_t *limit)
{
    const char *text = cli_get(cli, "limit");
    int64_t n = 0;
    if (text == NULL) {
        return CLI_DONE;
    }
    if (lw_str_int(lw_str_c(text), &n).code != LW_OK || n < 1 || n > LIMIT_MAX) {
        return cli_usage(cli, "--limit is a number from 1 to 1000000");
    }
    *limit = (size_t)n;
    return CLI_DONE;
}

void cli_progress_show(struct cli_progress *progress, size_t done, size_t total, int64_t elapsed_ms)
{
    if (isatty(STDERR_FILENO) == 0 ||
        (progress->shown && done < total && elapsed_ms - progress->last_ms < PROGRESS_MS)) {
        return;
    }
    const int64_t rate = elapsed_ms > 0 ? (int64_t)done * MS_PER_S / elapsed_ms : 0;
    const int64_t left_s = rate > 0 ? (int64_t)(total - done) / rate : 0;
    fprintf(stderr, "\r%s: %zu of %zu, %lld a second, %lld s left   ", progress->what, done, total,
            (long long)rate, (long long)left_s);
    progress->shown = true;
    progress->last_ms = elapsed_ms;
}

void cli_progress_end(struct cli_progress *progress)
{
    if (progress->shown) {
        fputc('\n', stderr);
        progress->shown = false;
    }
}
