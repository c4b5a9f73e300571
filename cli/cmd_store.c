/* lw store check | backup. */
#include "cli_table.h"

static enum cli_exit run_check(struct cli *cli)
{
    struct wallet_store_found found;
    enum cli_exit exit = CLI_DONE;
    WALLET_AUTO_HOME home = cli_home(cli, WALLET_HOME_READ, &exit);
    if (home == NULL) {
        return exit;
    }
    const lw_err err = wallet_store_check(wallet_home_store(home), &found);
    if (err.code != LW_OK) {
        (void)cli_fail(cli, err, "cannot read the store", "Restore it from its last backup.");
        return CLI_ENVIRONMENT;
    }
    if (cli->json) {
        printf("{\"whole\": %s, \"entries\": %llu, \"leaves\": %llu}\n",
               found.whole ? "true" : "false", (unsigned long long)found.entries,
               (unsigned long long)found.leaves);
    } else if (found.whole) {
        printf("whole: %llu entries, %llu of the audit log\n", (unsigned long long)found.entries,
               (unsigned long long)found.leaves);
    } else {
        printf("NOT WHOLE: %s: %s\n  Restore the store from its last backup.\n", found.where,
               found.why);
    }
    return found.whole ? CLI_DONE : CLI_REFUSED;
}

static enum cli_exit run_backup(struct cli *cli)
{
    enum cli_exit exit = CLI_DONE;
    WALLET_AUTO_HOME home = cli_home(cli, WALLET_HOME_READ, &exit);
    if (home == NULL) {
        return exit;
    }
    const lw_err err = wallet_store_backup(wallet_home_store(home), cli->args[0]);
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "cannot back up the store",
                        "DIR must not exist or be empty, with room for the whole store.");
    }
    printf(cli->json ? "{\"backup\": true}\n" : "backed up and checked\n");
    return CLI_DONE;
}

const struct cli_command cli_store_commands[] = {
    {.name = "store check",
     .args = "",
     .summary = "read every entry of the store",
     .text =
         "Checks order and form of every entry and the whole audit log. Exits with 1 and names\n"
         "the first fault when it is not whole.",
     .run = run_check},
    {.name = "store backup",
     .args = "DIR",
     .args_min = 1,
     .args_max = 1,
     .summary = "copy the store while it is in use, and check the copy",
     .text = "Writes a copy of the last commit to the new folder DIR, opens it and compares its\n"
             "log's head. Keep it with a copy of the token: without the token's keys the personal\n"
             "data in it cannot be opened.",
     .run = run_backup},
    {.name = NULL},
};
