/* lw serve: the service until SIGTERM or SIGINT; SIGHUP checks the configuration again. */
#define _GNU_SOURCE

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli_table.h"
#include "idp/service.h"

enum { DRAIN_MS = 4500, LATE_MS = 5000, CONFIG_TEXT_MAX = 64 * 1024, DESCRIPTORS_MORE = 512 };

static const struct cli_option options[] = {
    {"check-config", NULL, "Check the configuration and exit.", false},
    {"print-config", NULL, "Print the configuration with every default and exit.", false},
    {NULL, NULL, NULL, false},
};

static enum lw_level level_of(const char *name)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (lw_str_is(lw_str_c(name), names[i])) {
            return (enum lw_level)i;
        }
    }
    return LW_INFO;
}

static enum cli_exit show_config(struct cli *cli)
{
    LW_AUTO_BUF json = LW_BUF(CONFIG_TEXT_MAX);
    lw_err err = cli_config(cli);
    if (err.code != LW_OK) {
        return cli_config_fail(cli, err);
    }
    if (cli_has(cli, "print-config")) {
        err = idp_config_print(&cli->config, &json);
        if (err.code != LW_OK) {
            return cli_fail(cli, err, "cannot print the configuration", NULL);
        }
        cli_print(&json);
    } else {
        puts("the configuration holds");
    }
    return CLI_DONE;
}

/* The settings that the service goes by now: those of its start, live ones as last read. */
struct standing {
    struct cli *cli;
    struct idp_service *service;
    struct idp_config config;
};

static void say_setting(const struct cli *cli, enum lw_level level, const char *event,
                        const char *setting)
{
    const struct lw_field field = {.key = "setting", .value = lw_str_c(setting)};
    lw_log_line(&cli->log, level, event, &field, 1);
}

/* The service reads the configuration of its start in many threads: that one stays as it is. */
static void take_over(struct standing *s, const struct idp_config *fresh)
{
    const char *setting = NULL;
    size_t at = 0;
    bool live = false;
    while ((setting = idp_config_change(&s->config, fresh, &at, &live)) != NULL) {
        say_setting(s->cli, live ? LW_INFO : LW_WARN,
                    live ? "setting_changed" : "setting_needs_restart", setting);
    }
    s->config.http_body_max = fresh->http_body_max;
    s->config.http_deadline_ms = fresh->http_deadline_ms;
    s->config.status_cadence_s = fresh->status_cadence_s;
    memcpy(s->config.log_level, fresh->log_level, sizeof(s->config.log_level));
    idp_service_apply(s->service, &s->config);
    if (!cli_has(s->cli, "verbose")) {
        s->cli->log.least = level_of(s->config.log_level);
    }
}

static void read_again(struct standing *s)
{
    struct cli fresh = *s->cli;
    const lw_err err = cli_config(&fresh);
    if (err.code != LW_OK) {
        const char *setting = fresh.config_fault.what == NULL ? "" : fresh.config_fault.pointer;
        lw_log_err(&s->cli->log, LW_ERROR, "config_kept", err,
                   (struct lw_field){.key = "setting", .value = lw_str_c(setting)});
        return;
    }
    take_over(s, &fresh.config);
    lw_log_line(&s->cli->log, LW_INFO, "config_read", NULL, 0);
}

/* Every thread of the service is started with the signals blocked: they come here only. */
static void wait_for_end(struct cli *cli, struct idp_service *service, const sigset_t *signals)
{
    struct standing s = {.cli = cli, .service = service, .config = cli->config};
    int signal = 0;
    while (sigwait(signals, &signal) == 0 && signal == SIGHUP) {
        read_again(&s);
    }
}

/* Many systems give 1,024 descriptors unless asked; the hard limit is the administrator's word. */
static void raise_descriptors(const struct cli *cli)
{
    struct rlimit limit;
    const rlim_t wanted = (rlim_t)cli->config.http_connections + DESCRIPTORS_MORE;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) {
        return;
    }
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < wanted) {
        lw_log_line(&cli->log, LW_WARN, "descriptors_limited", NULL, 0);
    }
}

static void say_started(struct cli *cli, unsigned port)
{
    char number[16];
    (void)snprintf(number, sizeof(number), "%u", port);
    const struct lw_field fields[] = {
        {"url", lw_str_c(cli->config.base_url)},
        {"listen", lw_str_c(cli->config.listen)},
        {"port", lw_str_c(number)},
        {"development", lw_str_c(cli->config.development ? "true" : "false")},
    };
    lw_log_line(&cli->log, LW_INFO, "started", fields, sizeof(fields) / sizeof(fields[0]));
}

/*
 * What still runs at the end of the time waits for a token or a peer that hangs. Leaving it is
 * safe: nothing was acknowledged that is not durable.
 */
static void *end_late(void *arg)
{
    const struct cli *cli = arg;
    (void)poll(NULL, 0, LATE_MS);
    lw_log_line(&cli->log, LW_WARN, "stopped_late", NULL, 0);
    _exit(CLI_ENVIRONMENT);
}

static void stop(struct cli *cli, struct idp_service *service)
{
    pthread_t late;
    lw_log_line(&cli->log, LW_INFO, "stopping", NULL, 0);
    if (pthread_create(&late, NULL, end_late, cli) == 0) {
        (void)pthread_detach(late);
    }
    idp_service_stop(service, DRAIN_MS);
}

static enum cli_exit run_serve(struct cli *cli)
{
    sigset_t signals;
    enum cli_exit exit = CLI_DONE;
    struct idp_service *service = NULL;
    if (cli_has(cli, "check-config") || cli_has(cli, "print-config")) {
        return show_config(cli);
    }
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    cli->env.log = &cli->log; /* a command says its one thing itself; a service logs */
    WALLET_AUTO_HOME home = cli_home(cli, WALLET_HOME_SERVE, &exit);
    if (home == NULL) {
        return exit;
    }
    cli->log.least = cli_has(cli, "verbose") ? LW_DEBUG : level_of(cli->config.log_level);
    raise_descriptors(cli);
    const lw_err err = idp_service_start(&cli->config, home, cli->scan_program, &service);
    if (err.code != LW_OK) {
        (void)cli_fail(
            cli, err, "cannot start the service",
            err.code == LW_E_CONFLICT
                ? "Another program listens there: end it, or set `listen` in config.json."
                : "See `listen` in config.json, and the log above.");
        return CLI_ENVIRONMENT;
    }
    say_started(cli, idp_service_port(service));
    wait_for_end(cli, service, &signals);
    stop(cli, service);
    return CLI_DONE;
}

const struct cli_command cli_serve_commands[] = {
    {.name = "serve",
     .args = "",
     .summary = "run the service",
     .text = "Verifies presentations, publishes status lists, the trust list and type metadata\n"
             "over HTTP, on loopback or a unix socket only (TLS and the outside world are the\n"
             "reverse proxy's). Ends within 5 seconds of SIGTERM or Ctrl-C, letting requests\n"
             "under way end; exits with 3 when some had to be left because the token hangs.\n"
             "SIGHUP reads the configuration again; a bad one is refused and the old one kept.\n"
             "log_level, status_cadence_s, http_deadline_ms and http_body_max change at once; of\n"
             "each other setting that differs the log says that it needs a restart.\n\n"
             "Starts though the token is absent: verification works, what needs a signature is\n"
             "answered 503 until the token comes. Each minute it takes the steps of key rotations\n"
             "that are due, and tells of keys that end within 30 days.",
     .options = options,
     .run = run_serve},
    {.name = NULL},
};
