#include "register.h"

#include <stdio.h>
#include <stdlib.h>

#define NAME "{\"zh\":\"a\",\"en\":\"a\"}"
#define CLAIM(path_, key_, type_, required_)                                                       \
    "{\"path\":[\"" path_ "\"],\"cwt_key\":" key_ ",\"type\":\"" type_ "\",\"name\":" NAME         \
    ",\"required\":" required_ ",\"disclose\":\"choice\"}"

const char support_register_type[] =
    "{\"id\":\"shop\",\"version\":1,\"name\":" NAME ",\"number_scheme\":\"register\","
    "\"issuers\":[\"market\"],\"holder_roles\":[\"owner\",\"manager\"],\"vct\":\"urn:shop\","
    "\"formats\":[\"dc+sd-jwt\"],\"validity\":{\"claim\":\"expiry_date\"},\"credential_days\":30,"
    "\"retention_days\":1,\"claims\":[" CLAIM("legal_name", "-71001", "text", "true") "," CLAIM(
        "activities", "-71002", "texts",
        "false") "," CLAIM("seats", "-71003", "integer",
                           "false") "," CLAIM("expiry_date", "-70005", "date",
                                              "false") "," CLAIM("checked_at", "-71004", "time",
                                                                 "false") "," CLAIM("country",
                                                                                    "-71005",
                                                                                    "text",
                                                                                    "false") "],"
                                                                                             "\"pas"
                                                                                             "ses\""
                                                                                             ":[],"
                                                                                             "\"off"
                                                                                             "line_"
                                                                                             "witho"
                                                                                             "ut_"
                                                                                             "statu"
                                                                                             "s\":"
                                                                                             "false"
                                                                                             "}";

const char support_register_map[] =
    "{\"number\":\"NO\",\"version\":\"TERM\","
    "\"holder\":{\"type\":\"999\",\"code\":\"{ACCOUNT}-{SITE}\",\"name\":\"NAME\","
    "\"role\":\"manager\"},"
    "\"valid_from\":\"START\",\"valid_until\":\"END\",\"issued\":\"ISSUED\","
    "\"state\":{\"column\":\"STATE\",\"values\":{\"AAI\":\"active\",\"AAC\":\"cancelled\","
    "\"REV\":\"revoked\",\"SUS\":\"suspended\"}},"
    "\"claims\":{\"legal_name\":\"NAME\",\"activities\":\"WHAT\",\"seats\":\"SEATS\","
    "\"country\":{\"constant\":\"CN\"},\"expiry_date\":\"END\",\"checked_at\":\"CHECKED\"},"
    "\"date_format\":\"%m/%d/%Y\",\"encoding\":\"auto\"}";

static lw_bytes bytes_of(const char *text)
{
    return (lw_bytes){.ptr = (const uint8_t *)text, .len = strlen(text)};
}

static void must(lw_err err, const char *what)
{
    if (err.code != LW_OK) {
        (void)fprintf(stderr, "support_register: %s: %s\n", what, err.why);
        abort();
    }
}

void support_register_open(struct support_register *r, const char *type, const char *map,
                           const char *csv, int64_t shift_days)
{
    size_t line = 0;
    size_t none = 0;
    *r = (struct support_register){.error_count = SUPPORT_REGISTER_ERRORS};
    must(wallet_license_type_read(bytes_of(type), &r->type, NULL, &none), "type");
    must(wallet_csv_open(&r->csv, bytes_of(csv), WALLET_CSV_AUTO, &line), "file");
    r->err = wallet_import_map_read(bytes_of(map), &r->map, r->errors, &r->error_count);
    if (r->err.code == LW_OK) {
        const struct wallet_import_binding binding = {
            .type = wallet_license_type_of(r->type), .csv = r->csv, .shift_days = shift_days};
        r->error_count = SUPPORT_REGISTER_ERRORS;
        r->err = wallet_import_plan_new(&r->plan, r->map, &binding, r->errors, &r->error_count);
    }
}

void support_register_close(struct support_register *r)
{
    wallet_import_plan_free(r->plan);
    wallet_import_map_free(r->map);
    wallet_csv_free(r->csv);
    wallet_license_type_free(r->type);
}

lw_err support_register_row(struct support_register *r, struct wallet_import_row *row)
{
    struct wallet_csv_row cells;
    must(wallet_csv_next(r->csv, &cells), "row");
    return wallet_import_row(r->plan, &cells, row);
}
