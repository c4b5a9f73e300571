/* Commands that list up to --limit things: lines for people, an array with --json. */
#ifndef CLI_LIST_H
#define CLI_LIST_H

#include "cli.h"
#include "wallet/json_write.h"

enum { CLI_LIST_MAX = 32 * 1024 * 1024 };

/** Print up to `limit` lines, or, where `json` is not NULL, put as many elements of its array. */
typedef lw_err cli_list_fn(struct wallet_home *home, size_t limit, struct wallet_json_writer *json);

/**
 * Run a command that lists: 100 unless --limit says otherwise.
 *
 * need    what the home is opened for
 * cannot  "cannot list the batches"
 */
enum cli_exit cli_list(struct cli *cli, enum wallet_home_need need, cli_list_fn *list,
                       const char *cannot);

#endif
