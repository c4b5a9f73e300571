#include "operator_key.h"

static const char key_advice[] = "It is your own key, made by `lw operator key`, that only you can "
                                 "read: mode 0600, owned by who runs this command.";

enum cli_exit cli_operator_open(const struct cli *cli, bool needed, struct cli_operator *who)
{
    const char *name = cli_get(cli, "operator");
    const char *path = cli_get(cli, "operator-key");
    *who = (struct cli_operator){.key = NULL};
    if (name == NULL && path == NULL && !needed) {
        return CLI_DONE;
    }
    if (name == NULL || path == NULL) {
        return cli_usage(cli, "--operator NAME and --operator-key FILE are needed: who you are");
    }
    const lw_err err = hsm_soft_key_load(path, &who->key);
    if (err.code != LW_OK) {
        return cli_fail(cli, err, path, key_advice);
    }
    hsm_soft_key_signer(who->key, &who->signer);
    who->by = (struct wallet_operator_by){.name = lw_str_c(name), .signer = &who->signer};
    return CLI_DONE;
}

void cli_operator_close(struct cli_operator *who)
{
    hsm_soft_key_free(who->key);
    who->key = NULL;
}
