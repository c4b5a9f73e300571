/* A map is proposed for any file, and is a document; what is called complete can be bound. */
#include <stdlib.h>

#include "wallet/map_propose.h"

enum { MAP_MAX = 1 << 20 };

#define NAME(zh_, en_) "{\"zh\":\"" zh_ "\",\"en\":\"" en_ "\"}"
#define CLAIM(path_, key_, type_, name_)                                                           \
    "{\"path\":[\"" path_ "\"],\"cwt_key\":" key_ ",\"type\":\"" type_ "\",\"name\":" name_        \
    ",\"required\":true,\"disclose\":\"choice\"}"

static const char type_json[] = "{\"id\":\"t\",\"version\":1,\"name\":" NAME(
    "a",
    "a") ",\"number_scheme\":\"register\",\"issuers\":[\"a\"],\"holder_roles\":[\"h\"],"
         "\"vct\":\"urn:t\",\"formats\":[\"dc+sd-jwt\"],\"validity\":{},\"credential_days\":1,"
         "\"retention_days\":1,\"claims\":[" CLAIM("t", "-71001", "text", NAME("t", "t")) "," CLAIM(
             "d", "-71004", "date",
             NAME("d", "d")) "],\"passes\":[],\"offline_without_status\":false}";

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void propose(struct wallet_csv *csv, const struct wallet_license_type *type)
{
    const struct wallet_csv_form said = {.encoding = WALLET_CSV_AUTO};
    LW_AUTO_BUF text = LW_BUF(MAP_MAX);
    struct wallet_map_proposal *p = calloc(1, sizeof(*p));
    struct wallet_import_map *map = NULL;
    struct wallet_import_plan *plan = NULL;
    const struct wallet_import_binding binding = {.type = type, .csv = csv};
    bool lacks = false;
    size_t none = 0;
    must(p != NULL && wallet_map_propose(p, &text, csv, type, &said).code == LW_OK);
    for (size_t i = 0; i < p->missing_count; i++) {
        lacks = lacks || p->missing[i].fatal;
    }
    const lw_err read = wallet_import_map_read(lw_buf_view(&text), &map, NULL, &none);
    must(read.code != LW_E_SYNTAX);
    none = 0;
    must(lacks || (read.code == LW_OK &&
                   wallet_import_plan_new(&plan, map, &binding, NULL, &none).code == LW_OK));
    wallet_import_plan_free(plan);
    wallet_import_map_free(map);
    free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wallet_type_doc *type = NULL;
    struct wallet_csv *csv = NULL;
    const struct wallet_csv_form form = {.encoding = WALLET_CSV_UTF8};
    struct wallet_csv_fault fault;
    size_t none = 0;
    must(wallet_license_type_read(lw_str_bytes(lw_str_c(type_json)), &type, NULL, &none).code ==
         LW_OK);
    if (wallet_csv_open_as(&csv, (lw_bytes){data, size}, &form, &fault).code == LW_OK) {
        propose(csv, wallet_license_type_of(type));
    }
    wallet_csv_free(csv);
    wallet_license_type_free(type);
    return 0;
}
