/* lw catalog check | load | list | show. */
#include "cli_table.h"
#include "count.h"
#include "list.h"
#include "wallet/flow_catalog.h"
#include "wallet/store_catalog.h"

enum { PAGE = 32, OUTPUT_MAX = 8 * 1024 * 1024 };

/* Collects what was found, as lines or as JSON. */
struct report {
    struct cli *cli;
    struct wallet_json_writer *json;
    size_t documents;
    size_t faulty;
};

static void report_json(struct wallet_json_writer *w, const struct wallet_catalog_result *r)
{
    wallet_json_put_object(w);
    wallet_json_member_c(w, "path", r->path);
    wallet_json_member_c(w, "kind", r->kind);
    wallet_json_member_text(w, "id", r->id);
    wallet_json_member_int(w, "version", r->version);
    wallet_json_member_bool(w, "changed", r->changed);
    wallet_json_put_name(w, "errors");
    wallet_json_put_array(w);
    for (size_t i = 0; i < r->error_count && i < sizeof(r->errors) / sizeof(r->errors[0]); i++) {
        wallet_json_put_object(w);
        wallet_json_member_c(w, "pointer", r->errors[i].pointer);
        wallet_json_member_c(w, "detail", r->errors[i].what);
        wallet_json_put_end(w);
    }
    wallet_json_put_end(w);
    wallet_json_put_end(w);
}

static void on_result(void *ctx, const struct wallet_catalog_result *r)
{
    struct report *report = ctx;
    report->documents++;
    report->faulty += r->error_count > 0 ? 1 : 0;
    if (report->json != NULL) {
        report_json(report->json, r);
        return;
    }
    for (size_t i = 0; i < r->error_count && i < sizeof(r->errors) / sizeof(r->errors[0]); i++) {
        printf("%s: %s: %s\n", r->path, r->errors[i].pointer[0] == 0 ? "/" : r->errors[i].pointer,
               r->errors[i].what);
    }
    if (r->error_count == 0) {
        printf("%-13s %-24.*s version %u%s\n", r->kind, (int)r->id.len, r->id.ptr, r->version,
               r->changed ? "  new" : "");
    }
}

static enum cli_exit finish(struct report *report, struct wallet_json_writer *w, lw_buf *out,
                            lw_err err)
{
    if (report->json != NULL) {
        wallet_json_put_end(w);
        wallet_json_put_end(w);
        const lw_err written = wallet_json_written(w);
        if (written.code != LW_OK) {
            return cli_fail(report->cli, written, "cannot write the answer", NULL);
        }
        cli_print(out);
    }
    if (err.code == LW_E_VALUE && report->faulty > 0) {
        fprintf(stderr, "lw %s: %zu of %s not hold; nothing was loaded\n",
                report->cli->command->name, report->faulty,
                CLI_COUNT_OF(report->documents, "document does", "documents do"));
        return CLI_REFUSED;
    }
    if (err.code != LW_OK) {
        return cli_fail(report->cli, err, "cannot take the catalogue",
                        "DIR holds agencies/*.json and license-types/*.json.");
    }
    return CLI_DONE;
}

static enum cli_exit run_folder(struct cli *cli, bool load)
{
    LW_AUTO_BUF out = LW_BUF(OUTPUT_MAX);
    struct wallet_json_writer w = wallet_json_writer(&out);
    struct report report = {.cli = cli, .json = cli->json ? &w : NULL};
    enum cli_exit exit = CLI_DONE;
    WALLET_AUTO_HOME home = load ? cli_home(cli, WALLET_HOME_SIGN, &exit) : NULL;
    if (load && home == NULL) {
        return exit;
    }
    wallet_json_put_object(&w);
    wallet_json_put_name(&w, "documents");
    wallet_json_put_array(&w);
    const lw_err err = load ? wallet_flow_catalog_load(home, cli->args[0], on_result, &report)
                            : wallet_flow_catalog_check(cli->args[0], on_result, &report);
    return finish(&report, &w, &out, err);
}

static enum cli_exit run_check(struct cli *cli)
{
    return run_folder(cli, false);
}

static enum cli_exit run_load(struct cli *cli)
{
    return run_folder(cli, true);
}

static lw_err list_kind(const struct wallet_txn *txn, enum wallet_doc_kind kind, const char *name,
                        struct wallet_json_writer *json)
{
    struct wallet_page page = {.len = 0};
    while (!page.end) {
        struct wallet_doc docs[PAGE];
        size_t count = PAGE;
        LW_TRY(wallet_store_doc_page(txn, kind, &page, docs, &count));
        for (size_t i = 0; i < count; i++) {
            if (json == NULL) {
                printf("%-13s %-24s version %llu\n", name, docs[i].id,
                       (unsigned long long)docs[i].version);
                continue;
            }
            wallet_json_put_object(json);
            wallet_json_member_c(json, "kind", name);
            wallet_json_member_c(json, "id", docs[i].id);
            wallet_json_member_int(json, "version", (int64_t)docs[i].version);
            wallet_json_put_end(json);
        }
    }
    return LW_SUCCESS;
}

static lw_err list_kinds(struct wallet_home *home, struct cli_listing *listing)
{
    WALLET_AUTO_TXN txn = NULL;
    LW_TRY(wallet_read_begin(wallet_home_store(home), &txn));
    LW_TRY(list_kind(txn, WALLET_DOC_AGENCY, "agency", listing->json));
    return list_kind(txn, WALLET_DOC_LICENSE_TYPE, "license type", listing->json);
}

static enum cli_exit run_list(struct cli *cli)
{
    const struct cli_list list = {.name = "documents",
                                  .cannot = "cannot list the catalogue",
                                  .need = WALLET_HOME_READ,
                                  .list = list_kinds};
    return cli_list(cli, &list);
}

static enum cli_exit run_show(struct cli *cli)
{
    LW_AUTO_BUF out = LW_BUF(OUTPUT_MAX);
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_doc doc;
    enum cli_exit exit = CLI_DONE;
    WALLET_AUTO_HOME home = cli_home(cli, WALLET_HOME_READ, &exit);
    if (home == NULL) {
        return exit;
    }
    lw_err err = wallet_read_begin(wallet_home_store(home), &txn);
    if (err.code == LW_OK) {
        err = wallet_store_doc_get(txn, WALLET_DOC_LICENSE_TYPE, cli_arg(cli, 0), 0, &doc);
        if (err.code == LW_E_NOT_FOUND) {
            err = wallet_store_doc_get(txn, WALLET_DOC_AGENCY, cli_arg(cli, 0), 0, &doc);
        }
        err = err.code == LW_OK ? lw_buf_put(&out, doc.json) : err;
    }
    wallet_txn_end(txn);
    txn = NULL;
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "cannot show it", "`lw catalog list` lists what there is.");
    }
    cli_print(&out);
    return CLI_DONE;
}

const struct cli_command cli_catalog_commands[] = {
    {.name = "catalog check",
     .args = "DIR",
     .args_min = 1,
     .args_max = 1,
     .summary = "check the catalogue documents of a folder with each other",
     .text = "Reads DIR/agencies/*.json and DIR/license-types/*.json and reports every fault with\n"
             "its place. Nothing is loaded. Exits with 1 when a document does not hold.",
     .run = run_check},
    {.name = "catalog load",
     .args = "DIR",
     .args_min = 1,
     .args_max = 1,
     .summary = "load the catalogue documents of a folder",
     .text =
         "Checks them as `lw catalog check` does, loads all of them or none, makes the signing\n"
         "keys and certificates of agencies that have none, and signs a new trust list. The\n"
         "same documents again change nothing.",
     .examples = "  lw catalog load docs/example-city",
     .run = run_load},
    {.name = "catalog list",
     .args = "",
     .summary = "list agencies and license types",
     .text = "Lists the current version of each document.",
     .run = run_list},
    {.name = "catalog show",
     .args = "ID",
     .args_min = 1,
     .args_max = 1,
     .summary = "show a license type or an agency",
     .text = "Prints the document as it was loaded.",
     .run = run_show},
    {.name = NULL},
};
