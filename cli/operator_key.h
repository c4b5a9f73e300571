/* The options by which an operator says who they are, for commands that need it. */
#ifndef CLI_OPERATOR_KEY_H
#define CLI_OPERATOR_KEY_H

#include "cli.h"
#include "hsm/key_soft.h"
#include "wallet/flow_operator.h"

#define CLI_OPERATOR_OPTIONS                                                                       \
    {"operator", "NAME", "Who you are, as `lw operator list` names you.", false},                  \
    {                                                                                              \
        "operator-key", "FILE", "Your own private key, made by `lw operator key`.", false          \
    }

/* An operator whose key file was read. Zero it first, cli_operator_close() it after. */
struct cli_operator {
    struct hsm_soft_key *key; /* NULL: the options were not given */
    struct hsm_signer signer;
    struct wallet_operator_by by;
};

/**
 * Read the options above and the key.
 *
 * needed   complain when they are missing
 * returns  CLI_DONE, or what to exit with: it was said why
 */
enum cli_exit cli_operator_open(const struct cli *cli, bool needed, struct cli_operator *who);
void cli_operator_close(struct cli_operator *who);

/** Return who acts, or NULL when nobody was named. */
static inline const struct wallet_operator_by *cli_operator_by(const struct cli_operator *who)
{
    return who->key == NULL ? NULL : &who->by;
}

#endif
