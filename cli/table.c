/* The table of commands: one row a family, each family a file. */
#include "cli_table.h"

static const struct cli_command *const families[] = {
    cli_init_commands,
};

const struct cli_command *cli_command_at(size_t n)
{
    for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
        for (const struct cli_command *c = families[f]; c->name != NULL; c++) {
            if (n-- == 0) {
                return c;
            }
        }
    }
    return NULL;
}
