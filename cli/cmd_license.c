/* lw license issue | show | suspend | resume | revoke | cancel. */
#include "cli_table.h"
#include "wallet/flow_issue.h"
#include "wallet/flow_status.h"
#include "wallet/json_write.h"
#include "wallet/store_license.h"
#include "wallet/value.h"

enum {
    OUTPUT_MAX = 32 * 1024 * 1024,
    FAULTS_MAX = 32,

    ISSUED_MAX = 4096
};

static const struct cli_option issue_options[] = {
    {"type", "ID", "License type (required).", false},
    {"issuer", "AGENCY", "Issuing agency; the type's only one unless given.", false},
    {"number", "NUMBER", "Number as the register gives it.", false},
    {"version", "KEY", "Version; the next one unless given.", false},
    {"holder", "CODETYPE:CODE[=ROLE]", "A holder (required).", true},
    {"holder-name", "NAME", "Name of the holder, in the order of --holder.", true},
    {"claim", "NAME=VALUE", "A claim; dates YYYY-MM-DD, several texts parted by |.", true},
    {"from", "DATE", "First day; today unless given.", false},
    {"until", "DATE", "Last day; by the type unless given.", false},
    {NULL, NULL, NULL, false},
};

static const struct cli_option show_options[] = {
    {"version", "KEY", "This version; the current one unless given.", false},
    {NULL, NULL, NULL, false},
};

static const struct cli_option state_options[] = {
    {"reason", "TEXT", "Why, for people (required).", false},
    {NULL, NULL, NULL, false},
};

const char *cli_license_state(const struct wallet_stored_license *license, int64_t now)
{
    const bool lives = license->state == WALLET_ACTIVE || license->state == WALLET_SUSPENDED;
    return lives && wallet_license_expired(&license->license, now)
               ? "expired"
               : wallet_state_name(license->state);
}

static lw_err put_end(struct wallet_json_writer *json, int64_t until)
{
    LW_AUTO_BUF date = LW_BUF(32);
    if (until == INT64_MAX) {
        return LW_SUCCESS;
    }
    LW_TRY(lw_date_put(&date, lw_days_of(until - 1)));
    wallet_json_member_text(json, "valid_to", lw_buf_text(&date));
    return LW_SUCCESS;
}

lw_err cli_license_line(const struct wallet_stored_license *license, int64_t now,
                        struct wallet_json_writer *json)
{
    const struct wallet_license *l = &license->license;
    LW_AUTO_BUF until = LW_BUF(32);
    const char *end = "";
    if (json != NULL) {
        wallet_json_put_object(json);
        wallet_json_member_text(json, "type", l->type);
        wallet_json_member_text(json, "number", l->number);
        wallet_json_member_text(json, "version", l->version);
        wallet_json_member_text(json, "issuer", l->issuer);
        wallet_json_member_c(json, "state", cli_license_state(license, now));
        wallet_json_member_time(json, "valid_from", l->valid_from);
        LW_TRY(put_end(json, l->valid_until));
        wallet_json_put_end(json);
        return LW_SUCCESS;
    }
    if (l->valid_until != INT64_MAX) {
        LW_TRY(lw_date_put(&until, lw_days_of(l->valid_until - 1)));
        LW_TRY(lw_buf_c(&until, &end));
    }
    printf("%-11s %-20.*s version %-10.*s %-20.*s %s%s\n", cli_license_state(license, now),
           (int)l->number.len, l->number.ptr, (int)l->version.len, l->version.ptr, (int)l->type.len,
           l->type.ptr, end[0] == 0 ? "" : "to ", end);
    return LW_SUCCESS;
}

static const char find_advice[] =
    "`lw license list` lists numbers; TYPE/NUMBER names one where two types share it.";

/* What the command line says of a license, in the shape of an order. */
struct issuing {
    struct wallet_holder holders[WALLET_HOLDERS_MAX];
    size_t holder_count;
    struct wallet_claim_text claims[CLI_OPTIONS_MAX];
    size_t claim_count;
    struct wallet_issue_order order;
};

static enum cli_exit read_holders(struct cli *cli, struct issuing *i)
{
    const char *value = NULL;
    while ((value = cli_get_nth(cli, "holder", i->holder_count)) != NULL) {
        lw_str code = {NULL, 0};
        lw_str role = {NULL, 0};
        struct wallet_holder *holder = &i->holders[i->holder_count];
        const char *name = cli_get_nth(cli, "holder-name", i->holder_count);
        if (i->holder_count == WALLET_HOLDERS_MAX) {
            return cli_usage(cli, "at most 16 holders");
        }
        const bool has_role = lw_str_split(lw_str_c(value), '=', &code, &role);
        if (!lw_str_split(code, ':', &holder->code_type, &holder->code)) {
            return cli_usage(cli, "--holder is CODETYPE:CODE or CODETYPE:CODE=ROLE");
        }
        holder->role = has_role ? role : LW_STR("holder");
        holder->name = name == NULL ? LW_STR("") : lw_str_c(name);
        i->holder_count++;
    }
    return i->holder_count > 0 ? CLI_DONE : cli_usage(cli, "--holder is missing");
}

static enum cli_exit read_claims(struct cli *cli, struct issuing *i)
{
    const char *value = NULL;
    while ((value = cli_get_nth(cli, "claim", i->claim_count)) != NULL) {
        struct wallet_claim_text *claim = &i->claims[i->claim_count++];
        if (!lw_str_split(lw_str_c(value), '=', &claim->path, &claim->text)) {
            return cli_usage(cli, "--claim is NAME=VALUE");
        }
    }
    return CLI_DONE;
}

static enum cli_exit read_times(struct cli *cli, struct issuing *i)
{
    int64_t days = 0;
    i->order.valid_from = INT64_MIN;
    i->order.valid_until = INT64_MIN;
    if (cli_has(cli, "from")) {
        if (lw_date_parse(cli_text(cli, "from"), &days).code != LW_OK) {
            return cli_usage(cli, "--from is a date, YYYY-MM-DD");
        }
        i->order.valid_from = days * LW_DAY_S;
    }
    if (cli_has(cli, "until")) {
        if (lw_date_parse(cli_text(cli, "until"), &days).code != LW_OK) {
            return cli_usage(cli, "--until is a date, YYYY-MM-DD");
        }
        i->order.valid_until = (days + 1) * LW_DAY_S;
    }
    return CLI_DONE;
}

static enum cli_exit say_faults(struct cli *cli, lw_err err,
                                const struct wallet_issue_fault *faults, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fprintf(stderr, "lw license issue: %s: %s\n", faults[i].field, faults[i].why);
    }
    if (count == 0) {
        return cli_fail(cli, err, "cannot issue the license", NULL);
    }
    fputs(
        err.code == LW_E_NOT_FOUND
            ? "  `lw catalog list` lists license types and agencies; nothing was issued.\n"
            : "  `lw catalog show TYPE` tells what a type takes, dates are YYYY-MM-DD; nothing was "
              "issued.\n",
        stderr);
    return cli_exit_of(err);
}

static enum cli_exit print_issued(struct cli *cli, const struct wallet_issued *issued)
{
    LW_AUTO_BUF out = LW_BUF(ISSUED_MAX);
    struct wallet_json_writer w = wallet_json_writer(&out);
    wallet_json_put_object(&w);
    wallet_json_member_c(&w, "number", issued->number);
    wallet_json_member_c(&w, "version", issued->version);
    wallet_json_put_end(&w);
    const lw_err err = wallet_json_written(&w);
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "the license is issued, but cannot be printed", NULL);
    }
    cli_print(&out);
    return CLI_DONE;
}

static enum cli_exit run_issue(struct cli *cli)
{
    static struct issuing i; /* large, one for each run of the program */
    struct wallet_issued issued;
    struct wallet_issue_fault faults[FAULTS_MAX];
    size_t fault_count = FAULTS_MAX;
    if (!cli_has(cli, "type")) {
        return cli_usage(cli, "--type is missing");
    }
    enum cli_exit exit = read_holders(cli, &i);
    exit = exit == CLI_DONE ? read_claims(cli, &i) : exit;
    exit = exit == CLI_DONE ? read_times(cli, &i) : exit;
    if (exit != CLI_DONE) {
        return exit;
    }
    WALLET_AUTO_HOME home = cli_home(cli, WALLET_HOME_SIGN, &exit);
    if (home == NULL) {
        return exit;
    }
    i.order.type = cli_text(cli, "type");
    i.order.issuer = cli_text(cli, "issuer");
    i.order.number = cli_text(cli, "number");
    i.order.version = cli_text(cli, "version");
    i.order.holders = i.holders;
    i.order.holder_count = i.holder_count;
    i.order.claims = i.claims;
    i.order.claim_count = i.claim_count;
    i.order.actor = LW_STR("operator");
    const lw_err err = wallet_flow_issue(home, &i.order, &issued, faults, &fault_count);
    if (err.code != LW_OK) {
        return say_faults(cli, err, faults, fault_count);
    }
    if (!cli->json) {
        printf("issued: number %s, version %s\n", issued.number, issued.version);
        return CLI_DONE;
    }
    return print_issued(cli, &issued);
}

static void put_claims(const struct wallet_stored_license *stored,
                       const struct wallet_license_type *type, struct wallet_json_writer *w)
{
    wallet_json_put_name(w, "claims");
    wallet_json_put_object(w);
    for (size_t i = 0; i < stored->license.claim_count; i++) {
        const struct wallet_claim *claim = &stored->license.claims[i];
        const struct wallet_claim_def *def = &type->claims[claim->def];
        LW_AUTO_BUF value = LW_BUF(WALLET_VALUE_MAX);
        LW_AUTO_BUF name = LW_BUF(512);
        for (size_t d = 0; d < def->depth; d++) {
            wallet_json_put_fail(w, d > 0 ? lw_buf_put_byte(&name, '.') : LW_SUCCESS);
            wallet_json_put_fail(w, lw_buf_put_str(&name, def->path[d]));
        }
        wallet_json_put_fail(w, wallet_value_to_json(claim->value, &value));
        wallet_json_put_name_str(w, lw_buf_text(&name));
        wallet_json_put_raw(w, lw_buf_text(&value));
    }
    wallet_json_put_end(w);
}

static void put_holders(const struct wallet_stored_license *stored, struct wallet_json_writer *w)
{
    wallet_json_put_name(w, "holders");
    wallet_json_put_array(w);
    for (size_t i = 0; i < stored->license.holder_count; i++) {
        const struct wallet_holder *holder = &stored->license.holders[i];
        LW_AUTO_BUF code = LW_BUF(256);
        wallet_json_put_fail(w, lw_buf_put_str(&code, holder->code_type));
        wallet_json_put_fail(w, lw_buf_put_byte(&code, ':'));
        wallet_json_put_fail(w, lw_buf_put_str(&code, holder->code));
        wallet_json_put_object(w);
        wallet_json_member_text(w, "holder", lw_buf_text(&code));
        wallet_json_member_text(w, "role", holder->role);
        wallet_json_member_text(w, "name", holder->name);
        wallet_json_put_end(w);
    }
    wallet_json_put_end(w);
}

/* The version that a link leads to, or nothing when it never came. */
static lw_err put_link(const struct wallet_txn *txn, const char *name,
                       const uint8_t id[WALLET_UUID_LEN], struct wallet_json_writer *w)
{
    WALLET_AUTO_LICENSE other = {.state = 0};
    const lw_err err = wallet_store_license_load(txn, id, WALLET_LOAD_PUBLIC, &other);
    if (err.code == LW_E_NOT_FOUND) {
        return LW_SUCCESS;
    }
    LW_TRY(err);
    wallet_json_put_name(w, name);
    wallet_json_put_object(w);
    wallet_json_member_text(w, "version", other.license.version);
    wallet_json_member_c(w, "state", wallet_state_name(other.state));
    wallet_json_put_end(w);
    return LW_SUCCESS;
}

static lw_err put_links(struct wallet_home *home, const struct wallet_stored_license *stored,
                        struct wallet_json_writer *w)
{
    WALLET_AUTO_TXN txn = NULL;
    LW_TRY(wallet_read_begin(wallet_home_store(home), &txn));
    if (stored->has_predecessor) {
        LW_TRY(put_link(txn, "predecessor", stored->predecessor, w));
    }
    if (stored->has_successor) {
        LW_TRY(put_link(txn, "successor", stored->successor, w));
    }
    if (stored->import > 0) {
        wallet_json_member_int(w, "batch", (int64_t)stored->import);
    }
    return LW_SUCCESS;
}

static lw_err find_shown(struct cli *cli, const struct wallet_txn *txn, uint8_t id[WALLET_UUID_LEN])
{
    const struct wallet_license_ref ref = wallet_license_ref_parse(cli_arg(cli, 0));
    struct wallet_type_id types[1];
    size_t count = 1;
    if (!cli_has(cli, "version")) {
        return wallet_store_license_find(txn, ref.type, ref.number, id);
    }
    if (ref.type.len > 0) {
        return wallet_store_license_find_version(txn, ref.type, ref.number,
                                                 cli_text(cli, "version"), id);
    }
    LW_TRY(wallet_store_license_types(txn, ref.number, types, &count));
    if (count != 1) {
        return count == 0
                   ? LW_FAIL(LW_E_NOT_FOUND, "license: no such number", LW_NOWHERE)
                   : LW_FAIL(LW_E_CONFLICT, "license: several types have the number", LW_NOWHERE);
    }
    return wallet_store_license_find_version(txn, lw_str_c(types[0].text), ref.number,
                                             cli_text(cli, "version"), id);
}

static lw_err show_license(struct cli *cli, struct wallet_home *home, struct wallet_json_writer *w)
{
    WALLET_AUTO_LICENSE stored = {.state = 0};
    const struct wallet_snapshot *snapshot = NULL;
    uint8_t id[WALLET_UUID_LEN];
    {
        WALLET_AUTO_TXN txn = NULL;
        LW_TRY(wallet_read_begin(wallet_home_store(home), &txn));
        LW_TRY(find_shown(cli, txn, id));
        LW_TRY(wallet_store_license_load(txn, id, WALLET_LOAD_ALL, &stored));
    }
    LW_TRY(wallet_home_snapshot(home, &snapshot));
    const struct wallet_license_type *type = wallet_snapshot_type(snapshot, stored.license.type);
    lw_err err = type == NULL ? LW_SUCCESS : wallet_flow_claims_now(home, type, &stored.license);
    wallet_json_put_object(w);
    wallet_json_put_name(w, "license");
    err = err.code == LW_OK ? cli_license_line(&stored, lw_now(cli->env.clock), w) : err;
    wallet_json_member_time(w, "since", stored.since);
    if (stored.reason.len > 0) {
        wallet_json_member_text(w, "reason", stored.reason);
    }
    err = err.code == LW_OK ? put_links(home, &stored, w) : err;
    put_holders(&stored, w);
    if (type != NULL) {
        put_claims(&stored, type, w);
    }
    wallet_json_put_end(w);
    wallet_snapshot_release(snapshot);
    return err;
}

static enum cli_exit run_show(struct cli *cli)
{
    LW_AUTO_BUF out = LW_BUF(OUTPUT_MAX);
    struct wallet_json_writer w = wallet_json_writer(&out);
    enum cli_exit exit = CLI_DONE;
    WALLET_AUTO_HOME home = cli_home(cli, WALLET_HOME_SEALED, &exit);
    if (home == NULL) {
        return exit;
    }
    lw_err err = show_license(cli, home, &w);
    err = err.code == LW_OK ? wallet_json_written(&w) : err;
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "cannot show the license", find_advice);
    }
    cli_print(&out);
    return CLI_DONE;
}

static enum cli_exit change_state(struct cli *cli, enum wallet_state to)
{
    enum wallet_state from = 0;
    enum cli_exit exit = CLI_DONE;
    if (cli_text(cli, "reason").len == 0) {
        return cli_usage(cli, "--reason is missing: why, for people");
    }
    WALLET_AUTO_HOME home = cli_home(cli, WALLET_HOME_SIGN, &exit);
    if (home == NULL) {
        return exit;
    }
    const lw_err err = wallet_flow_change_state(home, wallet_license_ref_parse(cli_arg(cli, 0)), to,
                                                cli_text(cli, "reason"), LW_STR("operator"), &from);
    if (err.code == LW_E_CONFLICT && from != 0) {
        fprintf(stderr, "lw %s: the license is %s and cannot become %s\n", cli->command->name,
                wallet_state_name(from), wallet_state_name(to));
        return CLI_REFUSED;
    }
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "cannot change the state", find_advice);
    }
    printf(cli->json ? "{\"from\": \"%s\", \"to\": \"%s\"}\n" : "%s -> %s\n",
           wallet_state_name(from), wallet_state_name(to));
    return CLI_DONE;
}

static enum cli_exit run_suspend(struct cli *cli)
{
    return change_state(cli, WALLET_SUSPENDED);
}

static enum cli_exit run_resume(struct cli *cli)
{
    return change_state(cli, WALLET_ACTIVE);
}

static enum cli_exit run_revoke(struct cli *cli)
{
    return change_state(cli, WALLET_REVOKED);
}

static enum cli_exit run_cancel(struct cli *cli)
{
    return change_state(cli, WALLET_CANCELLED);
}

static const char state_text[] =
    "NUMBER may be TYPE/NUMBER. The change, its entries in status lists and its log entry are one\n"
    "transaction; the lists are signed and published before the command ends. The final states\n"
    "revoked, cancelled and superseded never go back: a mistake is mended by a new license.";

const struct cli_command cli_license_commands[] = {
    {.name = "license issue",
     .args = "",
     .summary = "issue one license",
     .text = "Checks the claims against the type, makes the number where the type's scheme says\n"
             "so, signs the license record in the HSM and puts it into its holders' wallets. A\n"
             "license of the same number is superseded.",
     .examples = "  lw license issue --type residence-permit --holder 111:320602199001010018 \\\n"
                 "      --claim district=Chongchuan",
     .options = issue_options,
     .run = run_issue},
    {.name = "license show",
     .args = "NUMBER",
     .args_min = 1,
     .args_max = 1,
     .summary = "show a license with its holders and claims",
     .text = "Prints JSON. NUMBER may be TYPE/NUMBER; the current version is shown unless one is\n"
             "named. Versions that come before and after it are named with their states.",
     .options = show_options,
     .run = run_show},
    {.name = "license suspend",
     .args = "NUMBER",
     .args_min = 1,
     .args_max = 1,
     .summary = "suspend an active license",
     .text = state_text,
     .options = state_options,
     .run = run_suspend},
    {.name = "license resume",
     .args = "NUMBER",
     .args_min = 1,
     .args_max = 1,
     .summary = "let a suspended license be active again",
     .text = state_text,
     .options = state_options,
     .run = run_resume},
    {.name = "license revoke",
     .args = "NUMBER",
     .args_min = 1,
     .args_max = 1,
     .summary = "revoke a license for good",
     .text = state_text,
     .options = state_options,
     .run = run_revoke},
    {.name = "license cancel",
     .args = "NUMBER",
     .args_min = 1,
     .args_max = 1,
     .summary = "cancel a license at its holder's wish",
     .text = state_text,
     .options = state_options,
     .run = run_cancel},
    {.name = NULL},
};
