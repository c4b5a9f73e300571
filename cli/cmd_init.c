/* lw init: a new home with token, keys, certificates, store and configuration. */
#define _GNU_SOURCE

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli_table.h"

enum { CONFIG_MODE = 0644, HOME_MODE = 0700, CONFIG_TEXT_MAX = 64 * 1024 };

static const struct cli_option options[] = {
    {"url", "URL", "Base URL that credentials and status lists name (required).", false},
    {"authority", "NAME", "Name of the issuing authority in certificates.", false},
    {"country", "CC", "Country in certificates, two capitals; CN unless given.", false},
    {"module", "FILE", "PKCS#11 module; SoftHSM 2 unless given.", false},
    {"token", "LABEL", "Label of the token; license-wallet unless given.", false},
    {"pin-file", "FILE", "PIN of a token that is there already, mode 0600.", false},
    {"listen", "ADDRESS", "Where `lw serve` listens; 127.0.0.1:8080 unless given.", false},
    {"development", NULL, "Allow http on loopback in issuer and status URIs.", false},
    {NULL, NULL, NULL, false},
};

static enum cli_exit copy(const struct cli *cli, const char *name, char *out)
{
    const char *value = cli_get(cli, name);
    if (value == NULL) {
        return CLI_DONE;
    }
    if (strlen(value) >= IDP_TEXT_MAX) {
        return cli_usage(cli, "an option's value is too long");
    }
    memcpy(out, value, strlen(value) + 1);
    return CLI_DONE;
}

static enum cli_exit fill_config(struct cli *cli)
{
    const struct {
        const char *option;
        char *out;
    } texts[] = {
        {"url", cli->config.base_url},      {"authority", cli->config.authority},
        {"country", cli->config.country},   {"module", cli->config.module},
        {"token", cli->config.token_label}, {"pin-file", cli->config.pin_file},
        {"listen", cli->config.listen},
    };
    idp_config_defaults(&cli->config);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const enum cli_exit exit = copy(cli, texts[i].option, texts[i].out);
        if (exit != CLI_DONE) {
            return exit;
        }
    }
    cli->config.development = cli_has(cli, "development");
    return CLI_DONE;
}

static const char *init_advice(lw_err err)
{
    switch (err.code) {
    case LW_E_TOKEN:
        return "Is SoftHSM 2 installed (package softhsm2), or --module, --token and --pin-file "
               "right?";
    case LW_E_NOSPACE:
        return "Free space on the disk of the home folder, then try again.";
    case LW_E_DENIED:
        return "Only its owner may read the PIN file: chmod 600 it, and run as its owner.";
    case LW_E_CONFLICT:
        return NULL; /* the reason says it */
    default:
        return "Nothing was made; mend that and try again.";
    }
}

/* The configuration comes before the store: where there is a store, the home is whole. */
static enum cli_exit make_home(struct cli *cli, const char *config_path)
{
    LW_AUTO_BUF json = LW_BUF(CONFIG_TEXT_MAX);
    struct stat info;
    const bool was_there = stat(config_path, &info) == 0;
    cli_config_take(cli);
    lw_err err = wallet_home_init_check(&cli->home_config);
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "cannot make the home", init_advice(err));
    }
    err = idp_config_print(&cli->config, &json);
    err = err.code == LW_OK ? lw_buf_put_byte(&json, '\n') : err;
    err = err.code == LW_OK ? cli_write(config_path, lw_buf_view(&json), CONFIG_MODE) : err;
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "cannot write the configuration", init_advice(err));
    }
    err = wallet_home_init(&cli->home_config, &cli->env);
    if (err.code != LW_OK) {
        if (!was_there && err.code != LW_E_CONFLICT) { /* then it is the other run's too */
            (void)unlink(config_path);
        }
        (void)cli_fail(cli, err, "cannot make the home", init_advice(err));
        return err.code == LW_E_CONFLICT ? CLI_REFUSED : CLI_ENVIRONMENT;
    }
    return CLI_DONE;
}

static enum cli_exit check_config(struct cli *cli)
{
    struct idp_config_error fault = {.what = NULL};
    const lw_err err = idp_config_check(&cli->config, &fault);
    if (err.code == LW_OK) {
        return CLI_DONE;
    }
    const char *setting = fault.pointer + 1;
    fprintf(stderr, "lw init: --%s: %s\n  `lw init --help` tells the options.\n",
            strcmp(setting, "base_url") == 0 ? "url" : setting, fault.what);
    return CLI_USAGE;
}

static enum cli_exit run_init(struct cli *cli)
{
    char store[CLI_PATH_MAX];
    char config[CLI_PATH_MAX];
    struct stat info;
    if (cli_get(cli, "url") == NULL) {
        return cli_usage(cli, "--url is missing: the address that credentials will name");
    }
    const int store_len = snprintf(store, sizeof(store), "%s/store", cli->home_dir);
    const int config_len = snprintf(config, sizeof(config), "%s/config.json", cli->home_dir);
    if (store_len < 0 || config_len < 0 || (size_t)config_len >= sizeof(config) ||
        (size_t)store_len >= sizeof(store)) {
        return cli_usage(cli, "the home folder's path is too long");
    }
    if (stat(store, &info) == 0) {
        fprintf(stderr,
                "lw init: there is a store in %s already; nothing was changed\n"
                "  Name another folder with --home DIR.\n",
                cli->home_dir);
        return CLI_REFUSED;
    }
    enum cli_exit exit = fill_config(cli);
    exit = exit == CLI_DONE ? check_config(cli) : exit;
    if (exit != CLI_DONE) {
        return exit;
    }
    if (mkdir(cli->home_dir, HOME_MODE) != 0 && errno != EEXIST) {
        return cli_fail(cli, LW_FAIL(LW_E_IO, "init: cannot make the folder", LW_NOWHERE),
                        cli->home_dir, "Make its parent folder, or name another with --home DIR.");
    }
    exit = make_home(cli, config);
    if (exit == CLI_DONE && !cli->json) {
        printf("A new home is in %s.\nNext: lw catalog load DIR, then lw serve.\n", cli->home_dir);
    } else if (exit == CLI_DONE) {
        puts("{\"created\": true}");
    }
    return exit;
}

const struct cli_command cli_init_commands[] = {
    {.name = "init",
     .args = "",
     .summary = "make a new home: token, keys, certificates, store, configuration",
     .text = "Makes the home folder with a SoftHSM token (unless --module names another), a PIN\n"
             "file that only its owner can read, the authority's keys and certificates, an empty\n"
             "store and config.json. Over a store it changes nothing and exits with 1.",
     .examples = "  lw init --home /srv/city --url https://wallet.example.org",
     .options = options,
     .run = run_init},
    {.name = NULL},
};
