/* The commands' run functions, one file a command family; the table itself is in table.c. */
#ifndef CLI_CLI_TABLE_H
#define CLI_CLI_TABLE_H

#include "cli.h"

/** Read options and arguments into `cli`; complaints go to standard error. */
enum cli_exit cli_parse(struct cli *cli, int argc, char **argv);

/** Begin a rotation as the options say (cmd_key.c); `same_key`: of the certificate only. */
enum cli_exit cli_key_rotate(struct cli *cli, const char *purpose, bool same_key);

struct wallet_share;

/** Read a share's file (cmd_recovery.c). errors  as cli_read() and wallet_share_read() */
LW_MUST_USE lw_err cli_share_read(const char *path, struct wallet_share *share);

/* Each family is an array that ends with a NULL name; table.c lists the families. */
extern const struct cli_command cli_init_commands[];
extern const struct cli_command cli_serve_commands[];
extern const struct cli_command cli_key_commands[];
extern const struct cli_command cli_recovery_commands[];
extern const struct cli_command cli_recover_commands[];
extern const struct cli_command cli_cert_commands[];
extern const struct cli_command cli_catalog_commands[];
extern const struct cli_command cli_person_commands[];
extern const struct cli_command cli_license_commands[];
extern const struct cli_command cli_license_list_commands[];
extern const struct cli_command cli_import_commands[];
extern const struct cli_command cli_map_commands[];
extern const struct cli_command cli_batch_commands[];
extern const struct cli_command cli_wallet_commands[];
extern const struct cli_command cli_present_commands[];
extern const struct cli_command cli_verify_commands[];
extern const struct cli_command cli_sync_commands[];
extern const struct cli_command cli_audit_commands[];
extern const struct cli_command cli_operator_commands[];
extern const struct cli_command cli_approve_commands[];
extern const struct cli_command cli_store_commands[];
extern const struct cli_command cli_backup_commands[];
extern const struct cli_command cli_doctor_commands[];
extern const struct cli_command cli_bench_commands[];

#endif
