/*
 * A map, a file and what comes of them: input is a map, a NUL, and a CSV. What binds converts
 * every row or says why not; what converts holds what the header promises.
 */
#include "wallet/import_map.h"

#include <stdlib.h>

#include "wallet/value.h"

enum { ERRORS = 4 };

#define NAME "{\"zh\":\"a\",\"en\":\"a\"}"
#define CLAIM(path_, key_, type_)                                                                  \
    "{\"path\":[\"" path_ "\"],\"cwt_key\":" key_ ",\"type\":\"" type_ "\",\"name\":" NAME         \
    ",\"required\":false,\"disclose\":\"choice\"}"

static const char type_json[] =
    "{\"id\":\"t\",\"version\":1,\"name\":" NAME
    ",\"number_scheme\":\"register\",\"issuers\":[\"a\"],"
    "\"holder_roles\":[\"h\"],\"vct\":\"urn:t\",\"formats\":[\"dc+sd-jwt\"],\"validity\":{},"
    "\"credential_days\":1,\"retention_days\":1,\"claims\":[" CLAIM("t", "-71001", "text") "," CLAIM("i", "-71002", "integer") "," CLAIM(
        "b", "-71003",
        "boolean") "," CLAIM("d", "-71004",
                             "date") "," CLAIM("m", "-71005",
                                               "time") "," CLAIM("l", "-71006",
                                                                 "texts") "," CLAIM("y", "-71007",
                                                                                    "bytes") "," CLAIM("o",
                                                                                                       "-71008",
                                                                                                       "objects") "],\"passes\":[],\"offline_without_status\":false}";

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_row(const struct wallet_license_type *type, const struct wallet_import_row *row)
{
    must(row->number.len > 0 && row->number.len <= WALLET_NUMBER_MAX);
    must(row->holder.code.len > 0 && row->valid_from < row->valid_until);
    must(row->state >= WALLET_ACTIVE && row->state < WALLET_SUPERSEDED);
    for (size_t i = 0; i < row->claim_count; i++) {
        must(i == 0 || row->claims[i - 1].def < row->claims[i].def);
        must(wallet_value_check(type->claims[row->claims[i].def].kind, row->claims[i].value).code ==
             LW_OK);
    }
}

static void convert_all(struct wallet_import_plan *plan, const struct wallet_license_type *type,
                        struct wallet_csv *csv)
{
    struct wallet_csv_row cells;
    struct wallet_import_row row;
    for (;;) {
        const lw_err err = wallet_csv_next(csv, &cells);
        if (err.code == LW_E_NOT_FOUND || err.code == LW_E_NOMEM) {
            return;
        }
        if (err.code != LW_OK) {
            continue;
        }
        if (wallet_import_row(plan, &cells, &row).code == LW_OK) {
            check_row(type, &row);
        } else {
            must(row.error_count > 0 && row.error_count <= WALLET_ROW_ERRORS_MAX);
        }
    }
}

static void bind(const struct wallet_import_map *map, lw_bytes file)
{
    struct wallet_type_doc *type = NULL;
    struct wallet_csv *csv = NULL;
    struct wallet_import_plan *plan = NULL;
    struct wallet_doc_error errors[ERRORS];
    size_t count = ERRORS;
    const struct wallet_csv_form form = wallet_import_map_form(map);
    struct wallet_csv_fault fault;
    must(wallet_license_type_read(lw_str_bytes(lw_str_c(type_json)), &type, errors, &count).code ==
         LW_OK);
    if (wallet_csv_open_as(&csv, file, &form, &fault).code == LW_OK) {
        const struct wallet_import_binding binding = {
            .type = wallet_license_type_of(type), .csv = csv, .shift_days = 7};
        count = ERRORS;
        if (wallet_import_plan_new(&plan, map, &binding, errors, &count).code == LW_OK) {
            convert_all(plan, binding.type, csv);
        }
    }
    wallet_import_plan_free(plan);
    wallet_csv_free(csv);
    wallet_license_type_free(type);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *nul = size == 0 ? NULL : memchr(data, 0, size);
    const size_t len = nul == NULL ? size : (size_t)(nul - data);
    struct wallet_import_map *map = NULL;
    struct wallet_doc_error errors[ERRORS];
    size_t count = ERRORS;
    const lw_err err = wallet_import_map_read((lw_bytes){data, len}, &map, errors, &count);
    must((err.code == LW_OK) == (map != NULL) && (err.code != LW_E_VALUE || count > 0));
    if (map != NULL && nul != NULL) {
        bind(map, (lw_bytes){nul + 1, size - len - 1});
    }
    wallet_import_map_free(map);
    return 0;
}
