/* The table of commands: one row a family, each family a file. */
#include "cli_table.h"

static const struct cli_command *const families[] = {
    cli_init_commands,    cli_serve_commands,        cli_key_commands,      cli_recovery_commands,
    cli_recover_commands, cli_cert_commands,         cli_catalog_commands,  cli_person_commands,
    cli_license_commands, cli_license_list_commands, cli_import_commands,   cli_batch_commands,
    cli_map_commands,     cli_wallet_commands,       cli_present_commands,  cli_verify_commands,
    cli_sync_commands,    cli_audit_commands,        cli_operator_commands, cli_approve_commands,
    cli_store_commands,   cli_backup_commands,       cli_doctor_commands,   cli_bench_commands,
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
