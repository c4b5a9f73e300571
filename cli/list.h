/* Commands that list: lines for people, one object with an array with --json. */
#ifndef CLI_LIST_H
#define CLI_LIST_H

#include "cli.h"
#include "wallet/json_write.h"

enum { CLI_LIST_MAX = 32 * 1024 * 1024 };

/* What is being listed. */
struct cli_listing {
    size_t left;                     /* may still be shown; for lists that take --limit */
    bool more;                       /* there are some that were not shown */
    struct wallet_json_writer *json; /* of the array; NULL: lines */
};

/** Return how many to read at once: one more than may be shown tells whether there are more. */
static inline size_t cli_listing_room(const struct cli_listing *listing, size_t page)
{
    return listing->left < page ? listing->left + 1 : page;
}

/** Count one in that is to be shown; false, with `more` set, when it is past the limit. */
static inline bool cli_listing_take(struct cli_listing *listing)
{
    listing->more = listing->left == 0;
    listing->left -= listing->more ? 0 : 1;
    return !listing->more;
}

struct cli_list {
    const char *name;   /* of the array: "batches" */
    const char *cannot; /* "cannot list the batches" */
    enum wallet_home_need need;
    bool limited; /* takes --limit: 100 unless given; it is told whether there are more */
    lw_err (*list)(struct wallet_home *home, struct cli_listing *listing);
};

/** Run a command that lists. */
enum cli_exit cli_list(struct cli *cli, const struct cli_list *list);

#endif
