/* lw person add | import | list | show, and lw wallet list | show: who holds what. */
#include "cli_table.h"
#include "count.h"
#include "list.h"
#include "sheet.h"
#include "wallet/csv.h"
#include "wallet/flow_person.h"
#include "wallet/store_license.h"
#include "wallet/store_person.h"

enum { PAGE = 32, OUTPUT_MAX = 32 * 1024 * 1024, MASK_MAX = 256 };

static const struct cli_option add_options[] = {
    {"name", "TEXT", "Name of the person or company.", false},
    {NULL, NULL, NULL, false},
};

static const struct cli_option list_options[] = {
    {"limit", "N", "Show at most N; 100 unless given.", false},
    {NULL, NULL, NULL, false},
};

static lw_err add_person(struct wallet_home *home, lw_str code, lw_str name, bool *added)
{
    struct wallet_person_code parsed;
    LW_TRY(wallet_person_parse(code, &parsed));
    return wallet_flow_person_add(home, &parsed, name, LW_STR("operator"), added);
}

static const char code_advice[] =
    "A holder is CODETYPE:CODE, such as 111:320602199001010018 (citizen number), "
    "001:91320600MA1MABCD0W (credit code) or 999:12-1; the check digit must fit.";

static enum cli_exit run_add(struct cli *cli)
{
    bool added = false;
    enum cli_exit exit = CLI_DONE;
    WALLET_AUTO_HOME home = cli_home(cli, WALLET_HOME_SEALED, &exit);
    if (home == NULL) {
        return exit;
    }
    const lw_err err = add_person(home, cli_arg(cli, 0), cli_text(cli, "name"), &added);
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "cannot add the holder", code_advice);
    }
    if (cli->json) {
        printf("{\"added\": %s}\n", added ? "true" : "false");
    } else {
        puts(added ? "added" : "was there already; nothing was changed");
    }
    return CLI_DONE;
}

struct import_counts {
    size_t rows;
    size_t added;
    size_t bad;
};

/* A bad row is named and left out; the others go on. */
static lw_err import_rows(struct wallet_home *home, struct wallet_csv *csv,
                          struct import_counts *counts)
{
    const size_t holder = wallet_csv_column(csv, LW_STR("holder"));
    const size_t name = wallet_csv_column(csv, LW_STR("name"));
    if (holder == SIZE_MAX) {
        return LW_FAIL(LW_E_VALUE, "person: the file has no column named holder", LW_NOWHERE);
    }
    while (true) {
        struct wallet_csv_row row;
        bool added = false;
        lw_err err = wallet_csv_next(csv, &row);
        if (err.code == LW_E_NOT_FOUND) {
            return LW_SUCCESS;
        }
        if (lw_err_class(err.code) == LW_CLASS_ENVIRONMENT) {
            return err;
        }
        counts->rows++;
        const lw_str text = err.code == LW_OK && name != SIZE_MAX ? row.cells[name] : LW_STR("");
        err = err.code == LW_OK ? add_person(home, row.cells[holder], text, &added) : err;
        if (lw_err_class(err.code) == LW_CLASS_ENVIRONMENT) {
            return err;
        }
        if (err.code != LW_OK) {
            counts->bad++;
            fprintf(stderr, "line %zu, holder: %s\n", row.line, err.why);
        }
        counts->added += added ? 1 : 0;
    }
}

static const struct cli_option import_options[] = {CLI_SHEET_OPTIONS, {NULL, NULL, NULL, false}};

static enum cli_exit run_import(struct cli *cli)
{
    LW_AUTO_BUF file = LW_BUF(CLI_SHEET_MAX);
    struct import_counts counts = {.rows = 0};
    struct wallet_csv *csv = NULL;
    struct wallet_csv_form form;
    struct wallet_csv_fault fault;
    enum cli_exit exit = cli_sheet_form(cli, &form);
    exit = exit == CLI_DONE ? cli_sheet_read(cli, cli->args[0], &file) : exit;
    if (exit != CLI_DONE) {
        return exit;
    }
    WALLET_AUTO_HOME home = cli_home(cli, WALLET_HOME_SEALED, &exit);
    if (home == NULL) {
        return exit;
    }
    lw_err err = wallet_csv_open_as(&csv, lw_buf_view(&file), &form, &fault);
    if (err.code != LW_OK && fault.line > 0) {
        fprintf(stderr, "line %zu%s%s: %s\n", fault.line, fault.column[0] == '\0' ? "" : ", ",
                fault.column, err.why);
    }
    err = err.code == LW_OK ? import_rows(home, csv, &counts) : err;
    wallet_csv_free(csv);
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "cannot import the file",
                        "It needs the columns holder (CODETYPE:CODE) and, if wanted, name.");
    }
    if (cli->json) {
        printf("{\"rows\": %zu, \"added\": %zu, \"bad\": %zu}\n", counts.rows, counts.added,
               counts.bad);
    } else {
        printf("%s: %zu added, %zu bad\n", CLI_COUNT(counts.rows, "row"), counts.added, counts.bad);
    }
    return counts.rows > 0 && counts.bad == counts.rows ? CLI_REFUSED : CLI_DONE;
}

static lw_err put_person(const struct wallet_stored_person *person, struct wallet_json_writer *json)
{
    LW_AUTO_BUF masked = LW_BUF(MASK_MAX);
    if (person->erased == 0) {
        LW_TRY(wallet_person_masked(&person->code, &masked));
    }
    if (json == NULL) {
        printf("%-28.*s %.*s\n", (int)masked.len, masked.len == 0 ? "" : (const char *)masked.ptr,
               (int)person->name_len, person->name);
        return LW_SUCCESS;
    }
    wallet_json_put_object(json);
    wallet_json_member_text(json, "holder", lw_buf_text(&masked));
    wallet_json_member_text(json, "name", (lw_str){person->name, person->name_len});
    wallet_json_member_bool(json, "erased", person->erased != 0);
    wallet_json_put_end(json);
    return LW_SUCCESS;
}

static lw_err list_people(struct wallet_home *home, struct cli_listing *listing)
{
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_page page = {.len = 0};
    LW_TRY(wallet_read_begin(wallet_home_store(home), &txn));
    while (!page.end && !listing->more) {
        struct wallet_stored_person people[PAGE];
        size_t count = cli_listing_room(listing, PAGE);
        LW_TRY(wallet_store_person_page(txn, &page, people, &count));
        for (size_t i = 0; i < count && cli_listing_take(listing); i++) {
            LW_TRY(put_person(&people[i], listing->json));
        }
    }
    return LW_SUCCESS;
}

static enum cli_exit run_list(struct cli *cli)
{
    const struct cli_list list = {.name = "holders",
                                  .cannot = "cannot list the holders",
                                  .need = WALLET_HOME_SEALED,
                                  .limited = true,
                                  .list = list_people};
    return cli_list(cli, &list);
}

static lw_err put_license(const struct wallet_txn *txn, const uint8_t id[WALLET_UUID_LEN],
                          int64_t now, struct wallet_json_writer *json)
{
    WALLET_AUTO_LICENSE license = {.state = 0};
    LW_TRY(wallet_store_license_load(txn, id, WALLET_LOAD_PUBLIC, &license));
    return cli_license_line(&license, now, json);
}

static lw_err show_wallet(struct cli *cli, struct wallet_home *home,
                          struct wallet_json_writer *json)
{
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_person_code code;
    uint8_t person[WALLET_PERSON_ID_LEN];
    struct wallet_stored_person stored;
    struct wallet_page page = {.len = 0};
    LW_TRY(wallet_person_parse(cli_arg(cli, 0), &code));
    LW_TRY(wallet_read_begin(wallet_home_store(home), &txn));
    LW_TRY(wallet_store_person_find(txn, &code, person));
    LW_TRY(wallet_store_person_get(txn, person, &stored));
    if (json == NULL) {
        LW_TRY(put_person(&stored, NULL));
    } else {
        wallet_json_member_text(json, "name", (lw_str){stored.name, stored.name_len});
        wallet_json_put_name(json, "licenses");
        wallet_json_put_array(json);
    }
    while (!page.end) {
        uint8_t licenses[PAGE][WALLET_UUID_LEN];
        size_t count = PAGE;
        LW_TRY(wallet_store_wallet_page(txn, person, &page, licenses, &count));
        for (size_t i = 0; i < count; i++) {
            LW_TRY(put_license(txn, licenses[i], lw_now(cli->env.clock), json));
        }
    }
    if (json != NULL) {
        wallet_json_put_end(json);
    }
    return LW_SUCCESS;
}

static enum cli_exit run_wallet(struct cli *cli)
{
    LW_AUTO_BUF out = LW_BUF(OUTPUT_MAX);
    struct wallet_json_writer w = wallet_json_writer(&out);
    enum cli_exit exit = CLI_DONE;
    WALLET_AUTO_HOME home = cli_home(cli, WALLET_HOME_SEALED, &exit);
    if (home == NULL) {
        return exit;
    }
    wallet_json_put_object(&w);
    lw_err err = show_wallet(cli, home, cli->json ? &w : NULL);
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "cannot show the wallet",
                        err.code == LW_E_NOT_FOUND ? "`lw person list` lists the holders."
                                                   : code_advice);
    }
    wallet_json_put_end(&w);
    err = wallet_json_written(&w);
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "cannot show the wallet", NULL);
    }
    if (cli->json) {
        cli_print(&out);
    }
    return CLI_DONE;
}

const struct cli_command cli_person_commands[] = {
    {.name = "person add",
     .args = "CODETYPE:CODE",
     .args_min = 1,
     .args_max = 1,
     .summary = "add a person or company",
     .text = "Code types are those of GB/T 36903: 001 social credit code, 111 citizen number, 414\n"
             "passport, 511 and 516 permits, 099 and 999 others. Check digits are checked. The\n"
             "code is kept sealed and found again by a keyed hash.",
     .options = add_options,
     .run = run_add},
    {.name = "person import",
     .args = "FILE.csv",
     .args_min = 1,
     .args_max = 1,
     .summary = "add people and companies from a file",
     .text = "The file has the columns holder (CODETYPE:CODE) and name. Bad rows are named by\n"
             "line and left out; holders that are there already are left alone.",
     .options = import_options,
     .run = run_import},
    {.name = "person list",
     .args = "",
     .summary = "list holders, their codes masked",
     .text = "In the order in which they were added. Codes are shown with their middle masked.\n\n"
             "Where there are more than were shown, standard error says so; with --json \"more\".",
     .options = list_options,
     .run = run_list},
    {.name = "person show",
     .args = "CODETYPE:CODE",
     .args_min = 1,
     .args_max = 1,
     .summary = "show a holder and the licenses held",
     .text = "The same as `lw wallet show`.",
     .run = run_wallet},
    {.name = NULL},
};

const struct cli_command cli_wallet_commands[] = {
    {.name = "wallet list",
     .args = "HOLDER",
     .args_min = 1,
     .args_max = 1,
     .summary = "list the licenses in a holder's wallet",
     .text = "Every version of every license, with its state. HOLDER is CODETYPE:CODE.",
     .run = run_wallet},
    {.name = "wallet show",
     .args = "HOLDER",
     .args_min = 1,
     .args_max = 1,
     .summary = "show a holder and the licenses held",
     .text = "The holder's name and every version of every license, with its state.",
     .run = run_wallet},
    {.name = NULL},
};
