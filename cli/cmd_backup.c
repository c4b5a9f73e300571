/* lw store backup | restore | adopt | compact. */
#include <inttypes.h>

#include "cli_table.h"
#include "count.h"
#include "wallet/flow_store.h"
#include "wallet/json_write.h"

enum { TEXT_MAX = 4096 };

static lw_err about_json(const struct wallet_backup *b, lw_buf *out)
{
    LW_AUTO_BUF root = LW_BUF(2 * sizeof(b->root));
    struct wallet_json_writer w = wallet_json_writer(out);
    LW_TRY(lw_buf_put_hex(&root, LW_BYTES(b->root)));
    wallet_json_put_object(&w);
    wallet_json_member_time(&w, "made", b->made);
    wallet_json_member_int(&w, "entries", (int64_t)b->size);
    wallet_json_member_text(&w, "root", lw_buf_text(&root));
    wallet_json_member_int(&w, "signed_entries", (int64_t)b->signed_size);
    wallet_json_member_int(&w, "licenses", (int64_t)b->licenses);
    wallet_json_member_bool(&w, "token", b->token);
    wallet_json_put_end(&w);
    return wallet_json_written(&w);
}

static enum cli_exit print_about(const struct cli *cli, const struct wallet_backup *b,
                                 const char *what)
{
    LW_AUTO_BUF text = LW_BUF(TEXT_MAX);
    lw_err err = LW_SUCCESS;
    if (cli->json) {
        err = about_json(b, &text);
    } else {
        LW_AUTO_BUF made = LW_BUF(64);
        err = lw_time_put(&made, b->made);
        printf("%s, %s; it holds all that was acknowledged up to entry %" PRIu64
               " of the log, %.*s, and nothing later\n",
               what, CLI_COUNT(b->licenses, "license"), b->size, (int)made.len,
               (const char *)made.ptr);
    }
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "cannot print the manifest", NULL);
    }
    if (cli->json) {
        cli_print(&text);
    }
    return CLI_DONE;
}

static enum cli_exit run_backup(struct cli *cli)
{
    struct wallet_backup made;
    enum cli_exit exit = CLI_DONE;
    WALLET_AUTO_HOME home = cli_home(cli, WALLET_HOME_READ, &exit);
    if (home == NULL) {
        return exit;
    }
    const lw_err err =
        wallet_flow_store_backup(home, cli->args[0], cli_has(cli, "with-token"), &made);
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "cannot back up the store",
                        "Name a DIR that does not exist yet, with room for the whole store; "
                        "--with-token is for SoftHSM only.");
    }
    exit = print_about(cli, &made, "backed up and checked");
    if (!cli->json) {
        puts(made.token ? "The token is in it, its PIN is not: keep the file `pin` elsewhere."
                        : "Keep a copy of the token apart from it: without its keys the personal "
                          "data cannot be opened.");
    }
    return exit;
}

static const char *restore_advice(lw_err err)
{
    switch (err.code) {
    case LW_E_CONFLICT:
        return "Move its folder store away first, or name a new home with --home DIR.";
    case LW_E_NOT_FOUND:
    case LW_E_VALUE:
        return "Name the folder that `lw store backup` made.";
    case LW_E_UNSUPPORTED:
        return "Use that newer version of lw.";
    default:
        return "The home is not usable yet; mend the cause and run the same again.";
    }
}

static enum cli_exit run_restore(struct cli *cli)
{
    struct wallet_backup restored;
    const struct wallet_home_config config = {.dir = cli->home_dir};
    cli_guard();
    const lw_err err = wallet_flow_store_restore(&config, &cli->env, cli->args[0], &restored);
    if (err.code == LW_E_CORRUPT) {
        fprintf(stderr, "lw %s: %s\n  Take another backup: this one is damaged.\n",
                cli->command->name, err.why);
        return CLI_REFUSED;
    }
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "cannot restore the store", restore_advice(err));
    }
    const enum cli_exit exit = print_about(cli, &restored, "restored and checked");
    if (!cli->json) {
        puts(restored.token ? "Put the file `pin` into the home, then run `lw doctor`."
                            : "Put the token's folder and the file `pin` into the home, unless "
                              "they are there, then run `lw doctor`.");
    }
    return exit;
}

static void say_standing(const struct wallet_store_standing *s)
{
    if (s->older) {
        fprintf(stderr,
                "  The log of this store has %s; %s seen. What was acknowledged since is not in "
                "it.\n",
                CLI_COUNT_OF(s->size, "entry", "entries"),
                CLI_COUNT_OF(s->seen_size, "was", "were"));
    }
    if (s->copied) {
        fputs("  The store lies in another file, or on another machine, than it did.\n", stderr);
    }
}

static enum cli_exit run_adopt(struct cli *cli)
{
    struct wallet_store_standing standing = {.size = 0};
    lw_err err = cli_config(cli);
    if (err.code != LW_OK) {
        return cli_config_fail(cli, err);
    }
    cli->home_config.unguarded = true;
    struct wallet_home *opened = NULL;
    cli_guard();
    err = wallet_home_open(&cli->home_config, &cli->env, WALLET_HOME_READ, &opened);
    WALLET_AUTO_HOME home = opened;
    if (err.code == LW_OK) {
        err = wallet_flow_store_adopt(home, cli_has(cli, "accept-older"), &standing);
    }
    if (err.code != LW_OK) {
        (void)cli_fail(cli, err, "cannot adopt the store",
                       "If the newest one is lost for good, add --accept-older.");
        say_standing(&standing);
        return err.code == LW_E_CONFLICT ? CLI_REFUSED : CLI_ENVIRONMENT;
    }
    const bool adopted = standing.older || standing.copied;
    if (cli->json) {
        printf("{\"adopted\": %s, \"older\": %s, \"copied\": %s, \"entries\": %" PRIu64
               ", \"seen\": %" PRIu64 "}\n",
               adopted ? "true" : "false", standing.older ? "true" : "false",
               standing.copied ? "true" : "false", standing.size, standing.seen_size);
        return CLI_DONE;
    }
    puts(adopted ? "adopted: this store goes on; no other copy of it may be used any more"
                 : "nothing to adopt: this is the newest state, where it always was");
    return CLI_DONE;
}

static enum cli_exit run_compact(struct cli *cli)
{
    uint64_t before = 0;
    uint64_t after = 0;
    enum cli_exit exit = CLI_DONE;
    WALLET_AUTO_HOME home = cli_home(cli, WALLET_HOME_READ, &exit);
    if (home == NULL) {
        return exit;
    }
    const lw_err err = wallet_flow_store_compact(home, &before, &after);
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "cannot compact the store",
                        "Stop the service and all other lw commands of this home first.");
    }
    printf(cli->json ? "{\"before\": %" PRIu64 ", \"after\": %" PRIu64 "}\n"
                     : "compacted and checked: %" PRIu64 " bytes before, %" PRIu64 " after\n",
           before, after);
    return CLI_DONE;
}

static const struct cli_option backup_options[] = {
    {"with-token", NULL, "Take the SoftHSM token's folder along, without its PIN.", false},
    {NULL, NULL, NULL, false},
};

static const struct cli_option adopt_options[] = {
    {"accept-older", NULL,
     "Also when the store is older than what was seen: what came after is lost.", false},
    {NULL, NULL, NULL, false},
};

const struct cli_command cli_backup_commands[] = {
    {.name = "store backup",
     .reads_all = true,
     .args = "DIR",
     .args_min = 1,
     .args_max = 1,
     .summary = "back the home up while it is in use, and check the backup",
     .text =
         "Writes the new folder DIR: the store as of its last commit, config.json, what is\n"
         "published, and manifest.json with the hash of every file, the log's root and its signed\n"
         "head. The copy is opened and checked (form, log, indexes) and synced before DIR gets\n"
         "its name, so a DIR that is there is a whole backup. What a killed run leaves, DIR.new "
         "and\n"
         "DIR.unfinished, the same command clears away.\n\n"
         "Personal data in it is sealed: the backup is safe without the token, and of no use\n"
         "without it. So keep the token (or a copy of it) apart. With --with-token the folder of\n"
         "a SoftHSM token is taken along, never its PIN: whoever has both has everything.",
     .options = backup_options,
     .examples = "lw store backup /mnt/backup/$(date +%F)",
     .run = run_backup},
    {.name = "store restore",
     .args = "DIR",
     .args_min = 1,
     .args_max = 1,
     .summary = "restore a backup into a home without a store",
     .text =
         "Checks every hash of the backup DIR, copies its store into the home, checks it (form,\n"
         "log, indexes) and gives it its name. config.json and a token in the backup are taken\n"
         "where the home has none. Says up to which entry of the log everything that was\n"
         "acknowledged is there; what came later is lost.\n\n"
         "Serial numbers, status lists and versions of the trust list skip what may have been\n"
         "given since the backup, so that nothing is given twice; the log says so. A restore that\n"
         "was cut short leaves a home that is refused: run the same again.",
     .examples = "lw store restore /mnt/backup/2026-11-24 --home /srv/license-wallet",
     .run = run_restore},
    {.name = "store adopt",
     .args = "",
     .summary = "let a copy, or an older state, of the store go on",
     .text =
         "A home notes outside its store how long the log was, and the store notes which file it\n"
         "lies in. When one does not fit, nothing opens the store: two copies of it would give\n"
         "the same numbers twice, and an older one would take back what was acknowledged. If this\n"
         "is the one that is to go on, this command says so: open status lists take no more\n"
         "entries, serial numbers skip 10,000, the next trust list's version skips 1,000, and the\n"
         "decision stands in the log. No other copy may be used any more.",
     .options = adopt_options,
     .run = run_adopt},
    {.name = "store compact",
     .reads_all = true,
     .args = "",
     .summary = "give free space of the store back to the disk",
     .text = "Writes the store anew without its free pages, checks the copy and puts it in place.\n"
             "The service must be stopped. Free pages are used again by themselves: this is for a\n"
             "store from which much was removed.",
     .run = run_compact},
    {.name = NULL},
};
