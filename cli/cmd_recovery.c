/* lw key recovery ...: the store's data keys in shares that custodians hold. */
#define _DEFAULT_SOURCE /* explicit_bzero */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli_table.h"
#include "count.h"
#include "hsm/key_pem.h"
#include "lw/file.h"
#include "wallet/flow_recovery.h"
#include "wallet/json_write.h"

enum {
    PRIVATE_MODE = 0600,
    PUBLIC_MODE = 0644,
    DIR_MODE = 0700,
    OUTPUT_MAX = 64 * 1024,
    SHARES_MAX = 8192, /* bytes of all sealed shares */
};

static enum cli_exit run_custodian(struct cli *cli)
{
    HSM_AUTO_SOFT_KEY key = NULL;
    LW_AUTO_BUF pem = LW_BUF(HSM_KEY_PEM_MAX);
    char public_path[CLI_PATH_MAX];
    const char *path = cli->args[0];
    const int n = snprintf(public_path, sizeof(public_path), "%s.pub", path);
    if (n < 0 || (size_t)n >= sizeof(public_path)) {
        return cli_usage(cli, "the path is too long");
    }
    if (cli_path_taken(public_path)) {
        return cli_fail(cli, LW_FAIL(LW_E_CONFLICT, "key file: exists already", LW_NOWHERE),
                        public_path, "Name another file; a custodian's key is not written over.");
    }
    lw_err err = hsm_soft_key_create(path, &key);
    err = err.code == LW_OK ? hsm_public_key_to_pem(hsm_soft_key_public(key), &pem) : err;
    err = err.code == LW_OK ? cli_write(public_path, lw_buf_view(&pem), PUBLIC_MODE) : err;
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "cannot write the key",
                        "Name a new file in a folder that is there.");
    }
    if (cli->json) {
        puts("{\"created\": true}");
    } else {
        printf("Your key is in %s: keep it, and a copy of it, to yourself.\n"
               "Give %s to who makes the shares.\n",
               path, public_path);
    }
    return CLI_DONE;
}

/* NAME=FILE.pub */
static enum cli_exit take_custodian(struct cli *cli, const char *value,
                                    struct wallet_recovery_custodian *custodian)
{
    LW_AUTO_BUF pem = LW_BUF(HSM_KEY_PEM_MAX);
    lw_str path = {NULL, 0};
    if (!lw_str_split(lw_str_c(value), '=', &custodian->name, &path) || custodian->name.len == 0 ||
        path.len == 0) {
        return cli_usage(cli, "--custodian is NAME=FILE, the file with the custodian's public key");
    }
    lw_err err = cli_read(path.ptr, &pem); /* it ends where the argument ends */
    err = err.code == LW_OK ? hsm_public_key_from_pem(&custodian->key, lw_buf_view(&pem)) : err;
    return err.code == LW_OK
               ? CLI_DONE
               : cli_fail(cli, err, path.ptr,
                          "It must be a public key made by `lw key recovery custodian`, or any "
                          "P-256 public key in PEM.");
}

static lw_err write_share(const char *dir, const struct wallet_recovery *recovery, size_t i)
{
    char path[CLI_PATH_MAX];
    struct wallet_share share;
    LW_AUTO_BUF text = LW_BUF(WALLET_SHARE_TEXT_MAX);
    const int n = snprintf(path, sizeof(path), "%s/share-%zu.lws", dir, i + 1);
    if (n < 0 || (size_t)n >= sizeof(path)) {
        return LW_FAIL(LW_E_LIMIT, "share: the folder's path is too long", LW_NOWHERE);
    }
    LW_TRY(wallet_recovery_share(recovery, i, &share));
    LW_TRY(wallet_share_write(&share, &text));
    return lw_file_write(path, lw_buf_view(&text), PRIVATE_MODE);
}

static lw_err write_shares(const char *dir, const struct wallet_recovery *recovery)
{
    lw_err err = LW_SUCCESS;
    if (mkdir(dir, DIR_MODE) != 0 && access(dir, W_OK) != 0) {
        return LW_FAIL(LW_E_IO, "share: cannot write to the folder", LW_NOWHERE);
    }
    for (size_t i = 0; i < recovery->count && err.code == LW_OK; i++) {
        err = write_share(dir, recovery, i);
    }
    return err;
}

static lw_err print_json(const struct wallet_recovery *recovery)
{
    LW_AUTO_BUF out = LW_BUF(OUTPUT_MAX);
    struct wallet_json_writer w = wallet_json_writer(&out);
    wallet_json_put_object(&w);
    wallet_json_member_time(&w, "made", recovery->made);
    wallet_json_member_int(&w, "threshold", (int64_t)recovery->threshold);
    wallet_json_put_name(&w, "custodians");
    wallet_json_put_array(&w);
    for (size_t i = 0; i < recovery->count; i++) {
        wallet_json_put_c(&w, recovery->custodians[i].name);
    }
    wallet_json_put_end(&w);
    wallet_json_put_end(&w);
    LW_TRY(wallet_json_written(&w));
    cli_print(&out);
    return LW_SUCCESS;
}

static lw_err print_recovery(const struct wallet_recovery *recovery)
{
    LW_AUTO_BUF made = LW_BUF(64);
    LW_TRY(lw_time_put(&made, recovery->made));
    printf("%zu of %s the store; made %.*s\n", recovery->threshold,
           CLI_COUNT_OF(recovery->count, "share opens", "shares open"), (int)made.len,
           (const char *)made.ptr);
    for (size_t i = 0; i < recovery->count; i++) {
        printf("  share %zu: %s\n", i + 1, recovery->custodians[i].name);
    }
    return LW_SUCCESS;
}

/* Says who holds what, and writes the sealed shares where --out says. */
static enum cli_exit show(struct cli *cli, struct wallet_home *home)
{
    LW_AUTO_BUF bytes = LW_BUF(SHARES_MAX);
    struct wallet_recovery recovery;
    const char *dir = cli_get(cli, "out");
    lw_err err = wallet_flow_recovery_get(home, &recovery, &bytes);
    if (err.code == LW_E_NOT_FOUND) {
        return cli_fail(cli, LW_FAIL(LW_E_NOT_FOUND, "no shares were made", LW_NOWHERE),
                        "a lost token would be the end of all personal data",
                        "Make them now: `lw key recovery init`.");
    }
    err = err.code == LW_OK && dir != NULL ? write_shares(dir, &recovery) : err;
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "cannot give the shares",
                        "They are kept in the store: `lw key recovery show --out DIR`, with a "
                        "folder that can be written, gives them again.");
    }
    err = cli->json ? print_json(&recovery) : print_recovery(&recovery);
    return err.code == LW_OK ? CLI_DONE : cli_fail(cli, err, "cannot show the shares", NULL);
}

static enum cli_exit take_order(struct cli *cli, struct wallet_recovery_order *order)
{
    const char *threshold = cli_get(cli, "threshold");
    const char *value = NULL;
    int64_t k = 0;
    if (threshold == NULL || lw_str_int(lw_str_c(threshold), &k).code != LW_OK || k < 2 ||
        k > WALLET_CUSTODIANS_MAX) {
        return cli_usage(cli, "--threshold is how many shares it takes, 2 to 16");
    }
    order->threshold = (size_t)k;
    while ((value = cli_get_nth(cli, "custodian", order->count)) != NULL) {
        if (order->count == WALLET_CUSTODIANS_MAX) {
            return cli_usage(cli, "there are at most 16 custodians");
        }
        const enum cli_exit exit = take_custodian(cli, value, &order->custodians[order->count]);
        if (exit != CLI_DONE) {
            return exit;
        }
        order->count++;
    }
    return order->count >= order->threshold
               ? CLI_DONE
               : cli_usage(cli, "there must be at least as many --custodian as --threshold says");
}

static enum cli_exit run_init(struct cli *cli)
{
    struct wallet_recovery_order order = {.actor = LW_STR("operator")};
    enum cli_exit exit = take_order(cli, &order);
    if (exit != CLI_DONE) {
        return exit;
    }
    WALLET_AUTO_HOME home = cli_home(cli, WALLET_HOME_SIGN, &exit);
    if (home == NULL) {
        return exit;
    }
    const lw_err err = wallet_flow_recovery_init(home, &order);
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "no shares were made, those of before hold",
                        err.code == LW_E_CONFLICT
                            ? "Call it again."
                            : "Each custodian has a name and a key of its own.");
    }
    return show(cli, home);
}

static enum cli_exit run_show(struct cli *cli)
{
    enum cli_exit exit = CLI_DONE;
    WALLET_AUTO_HOME home = cli_home(cli, WALLET_HOME_READ, &exit);
    return home == NULL ? exit : show(cli, home);
}

lw_err cli_share_read(const char *path, struct wallet_share *share)
{
    LW_AUTO_BUF text = LW_BUF(WALLET_SHARE_TEXT_MAX);
    const lw_err err = cli_read(path, &text);
    if (err.code == LW_E_LIMIT) {
        return LW_FAIL(LW_E_SYNTAX, "share: the file is too long for one", LW_NOWHERE);
    }
    LW_TRY(err);
    return wallet_share_read(lw_buf_text(&text), share);
}

static lw_err open_share(const char *from, const char *key_path, const char *to)
{
    HSM_AUTO_SOFT_KEY key = NULL;
    struct wallet_share sealed;
    struct wallet_share opened = {.opened = false};
    LW_AUTO_BUF text = LW_BUF(WALLET_SHARE_TEXT_MAX);
    LW_TRY(cli_share_read(from, &sealed));
    LW_TRY(hsm_soft_key_load(key_path, &key));
    lw_err err = wallet_share_open(&sealed, key, &opened);
    err = err.code == LW_OK ? wallet_share_write(&opened, &text) : err;
    explicit_bzero(&opened, sizeof(opened));
    return err.code == LW_OK ? cli_write(to, lw_buf_view(&text), PRIVATE_MODE) : err;
}

static enum cli_exit run_open(struct cli *cli)
{
    const char *key = cli_get(cli, "key");
    const char *out = cli_get(cli, "out");
    if (key == NULL || out == NULL) {
        return cli_usage(cli, "--key and --out are missing");
    }
    if (cli->json && strcmp(out, "-") == 0) {
        return cli_usage(cli, "--out - prints the share: it goes without --json");
    }
    if (cli_path_taken(out)) { /* it may be the only copy of a key */
        return cli_usage(cli, "--out names a file that is there; name a new one");
    }
    const lw_err err = open_share(cli->args[0], key, out);
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "the share was not opened",
                        "It takes a share of `lw key recovery show --out DIR` and the key of the "
                        "custodian whose it is.");
    }
    if (cli->json) {
        puts("{\"opened\": true}");
    } else if (strcmp(out, "-") != 0) {
        printf("%s is open: give it to nobody but the one who recovers the token, and remove it "
               "afterwards.\n",
               out);
    }
    return CLI_DONE;
}

static const struct cli_option init_options[] = {
    {"threshold", "K", "How many shares open the store: 2 to the number of custodians.", false},
    {"custodian", "NAME=FILE", "A custodian and the file with its public key.", true},
    {"out", "DIR", "Write the sealed shares there, one file each.", false},
    {NULL, NULL, NULL, false},
};

static const struct cli_option show_options[] = {
    {"out", "DIR", "Write the sealed shares there, one file each.", false},
    {NULL, NULL, NULL, false},
};

static const struct cli_option open_options[] = {
    {"key", "FILE", "The custodian's own key.", false},
    {"out", "FILE", "Where the open share goes; - for standard output.", false},
    {NULL, NULL, NULL, false},
};

const struct cli_command cli_recovery_commands[] = {
    {.name = "key recovery custodian",
     .args = "FILE.pem",
     .args_min = 1,
     .args_max = 1,
     .summary = "make a custodian's own key, by which a share is sealed",
     .text = "Writes a new private key to FILE.pem, which only its owner can read, and its public\n"
             "key to FILE.pem.pub. Each custodian does so on a machine of its own; no home is\n"
             "needed.",
     .run = run_custodian},
    {.name = "key recovery init",
     .args = "",
     .summary = "seal the store's data keys so that k of n custodians can open them",
     .text =
         "Makes a recovery key, seals the key of every epoch to it, splits its private half in\n"
         "shares (Shamir) and seals each to one custodian's public key. The private half is kept\n"
         "nowhere. New epochs are sealed to it as they are made, without custodians. Fewer than K\n"
         "shares open nothing. The shares are kept in the store and its backups, sealed; the log\n"
         "tells who holds one.\n\n"
         "Made again, with other custodians for instance, the shares of before open nothing that\n"
         "the store holds from then on; they still open backups from before.",
     .examples = "  lw key recovery init --threshold 2 --custodian alice=alice.pem.pub \\\n"
                 "      --custodian bob=bob.pem.pub --custodian carol=carol.pem.pub",
     .options = init_options,
     .run = run_init},
    {.name = "key recovery show",
     .args = "",
     .summary = "show how many shares open the store and who holds them",
     .text =
         "Needs no token. With --out the sealed shares are written as DIR/share-N.lws, each of\n"
         "use to its custodian alone.",
     .options = show_options,
     .run = run_show},
    {.name = "key recovery open",
     .args = "SHARE",
     .args_min = 1,
     .args_max = 1,
     .summary = "open a share with its custodian's key",
     .text = "Run by the custodian, on a machine of its own; no home is needed. The open share is\n"
             "one line, fit to be printed. K open shares and the store are all its personal data:\n"
             "hand it over in person, and remove it when the token is recovered.",
     .examples = "  lw key recovery open share-1.lws --key alice.pem --out alice.open",
     .options = open_options,
     .run = run_open},
    {.name = NULL},
};
