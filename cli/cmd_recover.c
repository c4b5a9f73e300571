/* lw key recover | standby: a new token for a lost one, and a second one that stands by. */
#define _DEFAULT_SOURCE /* explicit_bzero */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli_table.h"
#include "count.h"
#include "wallet/flow_recovery.h"

/* The shares as given; wiped by the caller. */
struct given {
    struct wallet_share shares[WALLET_CUSTODIANS_MAX];
    size_t count;
};

static enum cli_exit take_shares(struct cli *cli, struct given *given)
{
    const char *path = NULL;
    while ((path = cli_get_nth(cli, "share", given->count)) != NULL) {
        if (given->count == WALLET_CUSTODIANS_MAX) {
            return cli_usage(cli, "there are at most 16 shares");
        }
        const lw_err err = cli_share_read(path, &given->shares[given->count]);
        if (err.code != LW_OK) {
            return cli_fail(cli, err, path,
                            "It must be a share that its custodian has opened: "
                            "`lw key recovery open`.");
        }
        given->count++;
    }
    return CLI_DONE;
}

static enum cli_exit fail_shares(struct cli *cli, lw_err err,
                                 const struct wallet_recover_result *result)
{
    char doing[CLI_PATH_MAX] = "nothing was changed";
    char advice[256] = "Ask the custodians for their shares: `lw key recovery show`, and "
                       "lw-key-recover(1).";
    if (result->bad != SIZE_MAX) {
        const char *path = cli_get_nth(cli, "share", result->bad);
        (void)snprintf(doing, sizeof(doing), "%.700s%s%s", path == NULL ? "a share" : path,
                       result->name[0] == '\0' ? "" : ", of ", result->name);
        (void)snprintf(advice, sizeof(advice),
                       "Leave it out, or have its custodian open it again; nothing was changed.");
    } else if (err.code == LW_E_DENIED) {
        (void)snprintf(advice, sizeof(advice), "It takes %s: --share FILE for each.",
                       CLI_COUNT(result->needed, "share"));
    } else if (err.code == LW_E_NOT_FOUND) {
        (void)snprintf(advice, sizeof(advice),
                       "Only a copy of the token opens this store: put one back.");
    } else if (err.code == LW_E_TOKEN || err.code == LW_E_TIMEOUT) {
        (void)snprintf(advice, sizeof(advice),
                       "Initialise the new token, name it in config.json, then call this again.");
    }
    const enum cli_exit exit = cli_fail(cli, err, doing, advice);
    return err.code == LW_E_NOT_FOUND ? CLI_ENVIRONMENT : exit;
}

static void key_step(void *ctx, const char *what, const char *label)
{
    const struct cli *cli = ctx;
    if (!cli->json) {
        printf("%s%s%s\n", what, label[0] == '\0' ? "" : ": ", label);
    }
}

/* The shares are looked at before a new token is made for them. */
static enum cli_exit prepare(struct cli *cli, const struct wallet_recover_order *order)
{
    struct wallet_recover_result result = {.bad = SIZE_MAX};
    enum cli_exit exit = CLI_DONE;
    bool made = false;
    if (order->share_count == 0) {
        return CLI_DONE;
    }
    {
        WALLET_AUTO_HOME home = cli_home(cli, WALLET_HOME_READ, &exit);
        if (home == NULL) {
            return exit;
        }
        const lw_err err = wallet_flow_recover_check(home, order, &result);
        if (err.code != LW_OK) {
            return fail_shares(cli, err, &result);
        }
    }
    const lw_err err = wallet_home_token_make(&cli->home_config, &cli->env, &made);
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "cannot make a new token",
                        "Move what is left of the folder token away, then call this again.");
    }
    if (made) {
        key_step(cli, "new token", "token");
    }
    return CLI_DONE;
}

static void say_recovered(const struct cli *cli, const struct wallet_recover_result *result)
{
    if (cli->json) {
        printf("{\"opened_by_shares\": %s, \"keys_replaced\": %zu, \"new_ca\": %s, "
               "\"new_pin\": %s}\n",
               result->opened ? "true" : "false", result->replaced,
               result->new_ca ? "true" : "false", result->new_pin ? "true" : "false");
        return;
    }
    if (result->replaced == 0) {
        puts("nothing is lost: every key is in the token");
        return;
    }
    printf("%s replaced. Back the home up, and the new token with its PIN.\n",
           CLI_COUNT(result->replaced, "key"));
    if (result->new_pin) {
        puts("Verifiers pinned to the old list key refuse the new lists: give each the new pin by\n"
             "hand (`lw key list --json`, the key tl), and have it sync into a new folder.");
    } else {
        puts("Have every verifier run `lw sync`.");
    }
}

static enum cli_exit recover(struct cli *cli, struct given *given)
{
    const struct wallet_recover_order order = {.shares = given->shares,
                                               .share_count = given->count,
                                               .compromised = cli_has(cli, "compromised"),
                                               .actor = LW_STR("operator"),
                                               .progress = key_step,
                                               .progress_ctx = cli};
    struct wallet_recover_result result = {.bad = SIZE_MAX};
    enum cli_exit exit = prepare(cli, &order);
    if (exit != CLI_DONE) {
        return exit;
    }
    WALLET_AUTO_HOME home = cli_home(cli, WALLET_HOME_SERVE, &exit);
    if (home == NULL) {
        return exit;
    }
    const lw_err err = wallet_flow_token_recover(home, &order, &result);
    if (err.code != LW_OK && result.replaced > 0) {
        return cli_fail(cli, err, "the recovery is begun but not all steps are done",
                        "Mend that and call it again: it goes on.");
    }
    if (err.code != LW_OK) {
        return fail_shares(cli, err, &result);
    }
    say_recovered(cli, &result);
    return CLI_DONE;
}

static enum cli_exit run_recover(struct cli *cli)
{
    struct given given = {.count = 0};
    enum cli_exit exit = take_shares(cli, &given);
    exit = exit == CLI_DONE ? recover(cli, &given) : exit;
    explicit_bzero(&given, sizeof(given));
    return exit;
}

/* The token that the options name, a new SoftHSM token in DIR where there is none yet. */
static enum cli_exit take_token(struct cli *cli, struct wallet_home_config *token,
                                char conf[CLI_PATH_MAX], char pin[CLI_PATH_MAX])
{
    const char *dir = cli_get(cli, "softhsm");
    *token = cli->home_config;
    token->module = cli_get(cli, "module");
    token->token_label = cli_has(cli, "token") ? cli_get(cli, "token") : token->token_label;
    token->pin_file = cli_get(cli, "pin-file");
    if ((dir == NULL) == (token->module == NULL) || (dir == NULL) != cli_has(cli, "pin-file")) {
        return cli_usage(cli, "it takes --softhsm DIR, or --module FILE with --pin-file FILE");
    }
    if (dir == NULL) {
        return CLI_DONE;
    }
    const int n = snprintf(conf, CLI_PATH_MAX, "%s/softhsm2.conf", dir);
    if (n < 0 || n >= CLI_PATH_MAX) {
        return cli_usage(cli, "the folder's path is too long");
    }
    (void)snprintf(pin, CLI_PATH_MAX, "%.1000s/pin", dir);
    token->softhsm_conf = conf;
    token->pin_file = pin;
    if (access(conf, F_OK) == 0) {
        return CLI_DONE;
    }
    const lw_err err = wallet_standby_token_make(token, &cli->env, dir);
    return err.code == LW_OK ? CLI_DONE
                             : cli_fail(cli, err, "cannot make the second token",
                                        "Name a new folder whose parent is there.");
}

static enum cli_exit run_standby(struct cli *cli)
{
    struct wallet_home_config token;
    char conf[CLI_PATH_MAX];
    char pin[CLI_PATH_MAX];
    size_t made = 0;
    enum cli_exit exit = CLI_DONE;
    WALLET_AUTO_HOME home = cli_home(cli, WALLET_HOME_SIGN, &exit);
    if (home == NULL) {
        return exit;
    }
    exit = take_token(cli, &token, conf, pin);
    if (exit != CLI_DONE) {
        return exit;
    }
    const struct wallet_standby_order order = {
        .token = &token, .actor = LW_STR("operator"), .progress = key_step, .progress_ctx = cli};
    const lw_err err = wallet_flow_standby(home, &order, &made);
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "the second token is not ready",
                        "Mend that and call it again: it goes on.");
    }
    if (cli->json) {
        printf("{\"keys_made\": %zu}\n", made);
    } else {
        puts("The second token is ready. Keep it, and its PIN, in another place.");
    }
    return CLI_DONE;
}

static const struct cli_option standby_options[] = {
    {"softhsm", "DIR", "Folder of a second SoftHSM token; made where it is not there.", false},
    {"module", "FILE", "PKCS#11 module of the second token.", false},
    {"token", "LABEL", "Its label, when it is another than the first one's.", false},
    {"pin-file", "FILE", "File with its PIN, mode 0600.", false},
    {NULL, NULL, NULL, false},
};

static const struct cli_option recover_options[] = {
    {"share", "FILE", "A share that its custodian has opened.", true},
    {"compromised", NULL, "The token may be in wrong hands: what its keys signed is refused.",
     false},
    {NULL, NULL, NULL, false},
};

const struct cli_command cli_recover_commands[] = {
    {.name = "key standby",
     .args = "",
     .summary = "fill a second token that can take over when the first is lost",
     .text =
         "Makes a standby key in the second token for each key that is active (custody apart),\n"
         "certified and published now, so that verifiers know it before it signs; and wraps the\n"
         "store's data keys under the second token's own key as well. It signs nothing while the\n"
         "first token is there.\n\n"
         "Call it again, with the same token, after an agency joined, after `lw key rotate seal`,\n"
         "and each quarter: it makes what is missing or ends within 90 days. When the first token\n"
         "is lost, name the second in config.json (module, token_label, pin_file, softhsm_conf)\n"
         "and run `lw key recover`, without shares.",
     .examples = "  lw key standby --softhsm /mnt/vault/token2",
     .options = standby_options,
     .run = run_standby},
    {.name = "key recover",
     .args = "",
     .summary = "go on with a new token after the token was lost",
     .text =
         "Opens the store's data keys with the custodians' shares, wraps them under a new key of\n"
         "the new token, and makes a new key for each that was lost, certified and published: the\n"
         "trust list, revocation lists and status lists are signed anew. A SoftHSM token is made\n"
         "where the folder token is gone; the old PIN files become pin.lost and so-pin.lost.\n"
         "Another module's token is initialised by its own tools and named in config.json first.\n"
         "What the lost keys signed is verified on, unless --compromised.\n\n"
         "A share that was altered is named, and nothing is changed. Killed at any point, the\n"
         "same command goes on. Without shares it replaces what the token lacks, if the token\n"
         "opens the store.",
     .examples = "  lw key recover --share alice.open --share bob.open",
     .options = recover_options,
     .run = run_recover},
    {.name = NULL},
};
