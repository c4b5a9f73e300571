/* The program: finds the command, reads its options, runs it, and ends with its exit code. */
#define _GNU_SOURCE

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "cli_table.h"
#include "hsm/rng.h"

static void usage(FILE *out)
{
    fputs("usage: lw COMMAND [ARGUMENT...] [OPTION...]\n\ncommands:\n", out);
    const struct cli_command *c = NULL;
    for (size_t i = 0; (c = cli_command_at(i)) != NULL; i++) {
        fprintf(out, "  %-20s %s\n", c->name, c->summary);
    }
    fputs("\n`lw COMMAND --help` tells more; each has a manual page, lw-COMMAND(1).\n", out);
}

/* Returns how many words a name has, when they begin the arguments; else 0. */
static int words_match(lw_str name, int argc, char **argv)
{
    int words = 0;
    lw_str word = {NULL, 0};
    lw_str rest = name;
    while (lw_str_split(rest, ' ', &word, &rest)) {
        if (words >= argc || !lw_str_is(word, argv[words])) {
            return 0;
        }
        words++;
    }
    return words < argc && lw_str_is(word, argv[words]) ? words + 1 : 0;
}

/* Finds the command whose words begin the arguments; *words is set to how many there are. */
static const struct cli_command *find_command(int argc, char **argv, int *words)
{
    const struct cli_command *c = NULL;
    for (size_t i = 0; (c = cli_command_at(i)) != NULL; i++) {
        *words = words_match(lw_str_c(c->name), argc, argv);
        if (*words > 0) {
            return c;
        }
    }
    return NULL;
}

/* "lw license": a group of commands. Lists what it has; false when there is no such group. */
static bool list_group(FILE *out, const char *word)
{
    bool any = false;
    const struct cli_command *c = NULL;
    for (size_t i = 0; (c = cli_command_at(i)) != NULL; i++) {
        lw_str first = {NULL, 0};
        lw_str second = {NULL, 0};
        if (lw_str_split(lw_str_c(c->name), ' ', &first, &second) && lw_str_is(first, word)) {
            if (!any) {
                fprintf(out, "usage: lw %s COMMAND [ARGUMENT...] [OPTION...]\n\n", word);
            }
            fprintf(out, "  %-20s %s\n", c->name, c->summary);
            any = true;
        }
    }
    return any;
}

/* The helper programs lie beside `lw` in a build, and in libexec when installed. */
static void find_program(const char *name, char path[CLI_PATH_MAX])
{
    static const char *const places[] = {"", "../libexec/license-wallet/"};
    char self[CLI_PATH_MAX];
    const ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    path[0] = 0;
    if (len <= 0) {
        return;
    }
    self[len] = 0;
    char *slash = strrchr(self, '/');
    if (slash == NULL) {
        return;
    }
    slash[1] = 0;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        const int n = snprintf(path, CLI_PATH_MAX, "%s%s%s", self, places[i], name);
        if (n > 0 && n < CLI_PATH_MAX && access(path, X_OK) == 0) {
            return;
        }
    }
}

static enum cli_exit set_common(struct cli *cli)
{
    const char *lang = cli_get(cli, "lang");
    if (lang != NULL && strcmp(lang, "en") != 0 && strcmp(lang, "zh") != 0) {
        return cli_usage(cli, "--lang is en or zh");
    }
    cli->locale = lang == NULL ? "en" : lang;
    cli->json = cli_has(cli, "json");
    cli->log = (struct lw_log){.least = cli_has(cli, "verbose") ? LW_DEBUG : LW_WARN,
                               .clock = lw_clock_system(),
                               .fd = STDERR_FILENO};
    cli->env = (struct wallet_env){.clock = lw_clock_system(),
                                   .rng = hsm_rng_system(),
                                   .log = cli_has(cli, "verbose") ? &cli->log : NULL};

    const char *home = cli_get(cli, "home");
    const char *user = getenv("HOME");
    home = home == NULL ? getenv("LW_HOME") : home;
    const int n = home != NULL ? snprintf(cli->home_dir, CLI_PATH_MAX, "%s", home)
                               : snprintf(cli->home_dir, CLI_PATH_MAX, "%s/.license-wallet",
                                          user == NULL ? "." : user);
    if (n <= 0 || n >= CLI_PATH_MAX / 2) {
        return cli_usage(cli, "the path of the home folder is empty or too long");
    }
    find_program("lw-signer", cli->signer_program);
    find_program("lw-scan", cli->scan_program);
    return CLI_DONE;
}

/* lw --manual: the names of the pages; lw --manual NAME: that page, as docs/man has it. */
static int manual(int argc, char **argv)
{
    int words = 0;
    if (argc == 0) {
        const struct cli_command *c = NULL;
        for (size_t i = 0; (c = cli_command_at(i)) != NULL; i++) {
            puts(c->name);
        }
        puts("config");
        return CLI_DONE;
    }
    if (strcmp(argv[0], "config") == 0) {
        return cli_manual_config(stdout) ? CLI_DONE : CLI_ENVIRONMENT;
    }
    const struct cli_command *command = find_command(argc, argv, &words);
    if (command == NULL) {
        fprintf(stderr, "lw: there is no command '%s'\n", argv[0]);
        return CLI_USAGE;
    }
    cli_manual(stdout, command);
    return CLI_DONE;
}

int cli_main(int argc, char **argv)
{
    int words = 0;
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        usage(argc < 2 ? stderr : stdout);
        return argc < 2 ? CLI_USAGE : CLI_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("lw %s\n", LW_VERSION);
        return CLI_DONE;
    }
    if (strcmp(argv[1], "--manual") == 0) {
        return manual(argc - 2, argv + 2);
    }
    const struct cli_command *command = find_command(argc - 1, argv + 1, &words);
    if (command == NULL) {
        const bool asked = argc >= 3 && strcmp(argv[2], "--help") == 0;
        if (!list_group(asked ? stdout : stderr, argv[1])) {
            fprintf(stderr, "lw: there is no command '%s'; `lw --help` lists them\n", argv[1]);
        }
        return asked ? CLI_DONE : CLI_USAGE;
    }
    static struct cli cli; /* large, and one for each run of the program */
    cli.command = command;
    enum cli_exit exit = cli_parse(&cli, argc - 1 - words, argv + 1 + words);
    if (exit == CLI_DONE && cli_has(&cli, "help")) {
        cli_help(stdout, command);
        return CLI_DONE;
    }
    exit = exit == CLI_DONE ? set_common(&cli) : exit;
    exit = exit == CLI_DONE ? command->run(&cli) : exit;
    return (int)exit;
}

int main(int argc, char **argv)
{
    (void)umask(077);
    /* A peer that went away, or a file-size limit, is an error of the call and not the end. */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
    const int exit = cli_main(argc, argv);
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        fputs("lw: cannot write to standard output\n", stderr);
        return CLI_ENVIRONMENT;
    }
    return exit;
}
