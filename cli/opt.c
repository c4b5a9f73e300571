/* The command line: parse by the command's own table, --help and manual page from the same. */
#include <string.h>

#include "cli_table.h"

static const struct cli_option common[] = {
    {"home", "DIR", "The home folder; $LW_HOME or ~/.license-wallet unless given.", false},
    {"json", NULL, "Print a stable JSON object instead of text.", false},
    {"lang", "TAG", "Language of texts for people: en (default) or zh.", false},
    {"verbose", NULL, "Log what is done, to standard error.", false},
    {"help", NULL, "Show this help and exit.", false},
    {NULL, NULL, NULL, false},
};

static const struct cli_option *find_in(const struct cli_option *options, lw_str name)
{
    for (; options != NULL && options->name != NULL; options++) {
        if (lw_str_is(name, options->name)) {
            return options;
        }
    }
    return NULL;
}

static enum cli_exit take_value(struct cli *cli, const struct cli_option *option, const char *value)
{
    for (size_t i = 0; i < cli->value_count; i++) {
        if (cli->values[i].option == option && !option->repeats) {
            fprintf(stderr, "lw %s: --%s is given twice\n", cli->command->name, option->name);
            return CLI_USAGE;
        }
    }
    if (cli->value_count == CLI_OPTIONS_MAX) {
        fprintf(stderr, "lw %s: too many options\n", cli->command->name);
        return CLI_USAGE;
    }
    cli->values[cli->value_count++] = (struct cli_value){.option = option, .value = value};
    return CLI_DONE;
}

/* Takes "--name", "--name=value" or "--name value"; moves *i past what it used. */
static enum cli_exit take_option(struct cli *cli, int argc, char **argv, int *i)
{
    lw_str name = {NULL, 0};
    lw_str value = {NULL, 0};
    const bool joined = lw_str_split(lw_str_c(argv[*i] + 2), '=', &name, &value);
    const struct cli_option *option = find_in(cli->command->options, name);
    if (option == NULL) {
        option = find_in(common, name);
    }
    if (option == NULL) {
        fprintf(stderr, "lw %s: there is no option --%.*s; see lw %s --help\n", cli->command->name,
                (int)name.len, name.ptr, cli->command->name);
        return CLI_USAGE;
    }
    if (option->arg == NULL) {
        if (joined) {
            fprintf(stderr, "lw %s: --%s takes no value\n", cli->command->name, option->name);
            return CLI_USAGE;
        }
        return take_value(cli, option, NULL);
    }
    if (!joined) {
        if (*i + 1 >= argc) {
            fprintf(stderr, "lw %s: --%s needs a value: %s\n", cli->command->name, option->name,
                    option->arg);
            return CLI_USAGE;
        }
        (*i)++;
        return take_value(cli, option, argv[*i]);
    }
    return take_value(cli, option, value.ptr);
}

enum cli_exit cli_parse(struct cli *cli, int argc, char **argv)
{
    bool only_args = false;
    for (int i = 0; i < argc; i++) {
        if (!only_args && strcmp(argv[i], "--") == 0) {
            only_args = true;
        } else if (!only_args && strncmp(argv[i], "--", 2) == 0) {
            const enum cli_exit exit = take_option(cli, argc, argv, &i);
            if (exit != CLI_DONE) {
                return exit;
            }
        } else if (cli->arg_count == CLI_ARGS_MAX) {
            return cli_usage(cli, "too many arguments");
        } else {
            cli->args[cli->arg_count++] = argv[i];
        }
    }
    if (cli_has(cli, "help")) {
        return CLI_DONE;
    }
    if (cli->arg_count < cli->command->args_min) {
        fprintf(stderr, "lw %s: %s is missing; see `lw %s --help`\n", cli->command->name,
                cli->command->args, cli->command->name);
        return CLI_USAGE;
    }
    if (cli->arg_count > cli->command->args_max) {
        return cli_usage(cli, "too many arguments");
    }
    return CLI_DONE;
}

const char *cli_get_nth(const struct cli *cli, const char *name, size_t nth)
{
    for (size_t i = 0; i < cli->value_count; i++) {
        if (strcmp(cli->values[i].option->name, name) == 0 && nth-- == 0) {
            return cli->values[i].value;
        }
    }
    return NULL;
}

const char *cli_get(const struct cli *cli, const char *name)
{
    return cli_get_nth(cli, name, 0);
}

bool cli_has(const struct cli *cli, const char *name)
{
    for (size_t i = 0; i < cli->value_count; i++) {
        if (strcmp(cli->values[i].option->name, name) == 0) {
            return true;
        }
    }
    return false;
}

enum { HELP_COLUMN = 26, CONFIG_PAGE_MAX = 64 * 1024 };

static void help_options(FILE *out, const struct cli_option *options)
{
    for (; options != NULL && options->name != NULL; options++) {
        const int width = fprintf(out, "  --%s%s%s", options->name, options->arg == NULL ? "" : " ",
                                  options->arg == NULL ? "" : options->arg);
        fprintf(out, "%*s%s%s\n", width < HELP_COLUMN ? HELP_COLUMN - width : 1, "", options->help,
                options->repeats ? " May be repeated." : "");
    }
}

void cli_help(FILE *out, const struct cli_command *command)
{
    fprintf(out, "usage: lw %s%s%s [OPTION...]\n\n%s.\n\n%s\n\noptions:\n", command->name,
            command->args[0] == 0 ? "" : " ", command->args, command->summary, command->text);
    help_options(out, command->options);
    help_options(out, common);
    if (command->examples != NULL) {
        fprintf(out, "\nexamples:\n%s\n", command->examples);
    }
}

/* roff: a leading dot or quote would be a request, a backslash an escape, a minus a hyphen. */
static void roff_line(FILE *out, const char *text)
{
    bool line_start = true;
    for (; *text != 0; text++) {
        if (line_start && (*text == '.' || *text == '\'')) {
            fputs("\\&", out);
        }
        if (*text == '\\') {
            fputs("\\e", out);
        } else if (*text == '-') {
            fputs("\\-", out);
        } else if (line_start && *text == '\n') {
            fputs(".PP\n", out);
        } else {
            fputc(*text, out);
        }
        line_start = *text == '\n';
    }
}

static void roff_text(FILE *out, const char *text)
{
    roff_line(out, text);
    fputc('\n', out);
}

static void manual_options(FILE *out, const struct cli_option *options)
{
    for (; options != NULL && options->name != NULL; options++) {
        fputs(".TP\n.BR \\-\\-", out);
        roff_line(out, options->name);
        if (options->arg != NULL) {
            fprintf(out, " \\ \\fI%s\\fR", options->arg);
        }
        fputc('\n', out);
        roff_text(out, options->help);
    }
}

void cli_manual(FILE *out, const struct cli_command *command)
{
    fputs(".TH LW\\-", out);
    for (const char *c = command->name; *c != 0; c++) {
        fputs(*c == ' ' || *c == '-' ? "\\-" : (char[]){(char)(*c & ~0x20), 0}, out);
    }
    fprintf(out, " 1 \"\" \"License Wallet\"\n.SH NAME\nlw %s \\- ", command->name);
    roff_text(out, command->summary);
    fprintf(out, ".SH SYNOPSIS\n.B lw %s\n", command->name);
    if (command->args[0] != 0) {
        roff_text(out, command->args);
    }
    fputs("[\\fIOPTION\\fR...]\n.SH DESCRIPTION\n", out);
    roff_text(out, command->text);
    fputs(".SH OPTIONS\n", out);
    manual_options(out, command->options);
    manual_options(out, common);
    if (command->examples != NULL) {
        fputs(".SH EXAMPLES\n.nf\n", out);
        roff_text(out, command->examples);
        fputs(".fi\n", out);
    }
    fputs(".SH EXIT STATUS\n0 done or accepted; 1 refused or invalid; 2 the command line is wrong; "
          "3 token, store, disk or network; 4 undetermined.\n",
          out);
}

bool cli_manual_config(FILE *out)
{
    LW_AUTO_BUF settings = LW_BUF(CONFIG_PAGE_MAX);
    if (idp_config_manual(&settings).code != LW_OK) {
        return false;
    }
    fputs(
        ".TH LW\\-CONFIG 5 \"\" \"License Wallet\"\n.SH NAME\nconfig.json \\- settings of a home\n"
        ".SH DESCRIPTION\nOne JSON object in the home folder. Every setting has a default; a "
        "member "
        "that is not\nlisted here is an error. \\fBlw serve \\-\\-check\\-config\\fR checks it.\n"
        ".SH SETTINGS\n",
        out);
    (void)fwrite(settings.ptr, 1, settings.len, out);
    return true;
}
