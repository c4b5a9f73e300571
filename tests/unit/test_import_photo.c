/* Photos on a row's way to a license: by number or by a column, and what is told when there is
 * none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "edit.h"
#include "register.h"

enum { DOC_MAX = 64 * 1024 };

/* A source of photos that has "L-1" and "P-7". */
static lw_err read_photo(void *ctx, lw_str name, size_t max, lw_bytes *bytes)
{
    size_t *asked = ctx;
    (*asked)++;
    assert_int_equal(max, 2048);
    if (lw_str_is(name, "L-1") || lw_str_is(name, "P-7")) {
        *bytes = lw_str_bytes(name);
        return LW_SUCCESS;
    }
    return lw_str_is(name, "L-2")
               ? LW_FAIL(LW_E_LIMIT, "has a photo that is larger", LW_NOWHERE)
               : LW_FAIL(LW_E_NOT_FOUND, "has no photo in the folder", LW_NOWHERE);
}

struct setting {
    struct wallet_type_doc *type;
    struct wallet_import_map *map;
    struct wallet_csv *csv;
    struct wallet_import_plan *plan;
    struct wallet_doc_error errors[8];
    size_t error_count;
    size_t asked;
    struct wallet_import_photos photos;
    lw_buf texts[4];
};

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s", err.why);
    }
}

static const char *edited(struct setting *s, size_t i, const char *json, const char *at,
                          const char *value)
{
    const char *text = NULL;
    s->texts[i] = LW_BUF(DOC_MAX);
    support_edit(json, at, value, &s->texts[i]);
    must(lw_buf_c(&s->texts[i], &text));
    return text;
}

/* Opens a row of the number given; `photo` is the map's for the claim "portrait", or NULL. */
static lw_err open_row(struct setting *s, const char *number, const char *photo, bool required,
                       bool with_photos)
{
    const char *map = support_register_map;
    const char *csv = NULL;
    size_t line = 0;
    size_t none = 0;
    *s = (struct setting){.error_count = 8};
    s->photos = (struct wallet_import_photos){.read = read_photo, .ctx = &s->asked};
    const char *type = edited(
        s, 0, support_register_type, "/claims/-",
        required ? "{\"path\":[\"portrait\"],\"cwt_key\":-71021,\"type\":\"bytes\",\"media\":"
                   "[\"image/jpeg\"],\"max_bytes\":2048,\"name\":{\"zh\":\"a\",\"en\":\"a\"},"
                   "\"required\":true,\"disclose\":\"choice\"}"
                 : "{\"path\":[\"portrait\"],\"cwt_key\":-71021,\"type\":\"bytes\",\"media\":"
                   "[\"image/jpeg\"],\"max_bytes\":2048,\"name\":{\"zh\":\"a\",\"en\":\"a\"},"
                   "\"required\":false,\"disclose\":\"choice\"}");
    if (photo != NULL) {
        map = edited(s, 1, map, "/claims/portrait", photo);
    }
    s->texts[2] = LW_BUF(DOC_MAX);
    must(lw_buf_put_c(&s->texts[2], SUPPORT_REGISTER_HEADER));
    must(lw_buf_put_c(&s->texts[2], number));
    must(lw_buf_put_c(&s->texts[2], ",9,54,1,Name,01/02/1970,01/05/1970,01/01/1970,AAI,P-7,1,\n"));
    must(lw_buf_c(&s->texts[2], &csv));
    must(wallet_license_type_read(lw_str_bytes(lw_str_c(type)), &s->type, NULL, &none));
    must(wallet_csv_open(&s->csv, lw_str_bytes(lw_str_c(csv)), WALLET_CSV_AUTO, &line));
    const struct wallet_import_binding binding = {.type = wallet_license_type_of(s->type),
                                                  .csv = s->csv,
                                                  .photos = with_photos ? &s->photos : NULL};
    const lw_err err =
        wallet_import_map_read(lw_str_bytes(lw_str_c(map)), &s->map, s->errors, &s->error_count);
    if (err.code != LW_OK) {
        return err;
    }
    s->error_count = 8;
    return wallet_import_plan_new(&s->plan, s->map, &binding, s->errors, &s->error_count);
}

static void drop(struct setting *s)
{
    wallet_import_plan_free(s->plan);
    wallet_import_map_free(s->map);
    wallet_csv_free(s->csv);
    wallet_license_type_free(s->type);
    for (size_t i = 0; i < 4; i++) {
        lw_buf_free(&s->texts[i]);
    }
}

static lw_err convert(struct setting *s, struct wallet_import_row *row)
{
    struct wallet_csv_row cells;
    must(wallet_csv_next(s->csv, &cells));
    return wallet_import_row(s->plan, &cells, row);
}

static void a_photo_is_found_by_number_or_by_what_the_map_says(void **state)
{
    static const struct {
        const char *photo;
        const char *value; /* CBOR: three bytes */
    } cases[] = {{NULL, "\x43L-1"},
                 {"{\"photo\":\"WHAT\"}", "\x43P-7"},
                 {"{\"photo\":\"P-{SEATS}7\"}", NULL}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct setting s;
        struct wallet_import_row row;
        must(open_row(&s, "L-1", cases[i].photo, false, true));
        must(convert(&s, &row));
        assert_int_equal(s.asked, 1);
        if (cases[i].value == NULL) {
            assert_int_equal(row.notes, WALLET_ROW_NO_PHOTO);
            assert_int_equal(row.claim_count, 5);
        } else {
            const struct wallet_claim *claim = &row.claims[row.claim_count - 1];
            assert_int_equal(claim->def, 6);
            assert_true(lw_str_is(lw_bytes_str(claim->value), cases[i].value));
            assert_int_equal(row.notes, 0);
        }
        drop(&s);
    }
}

static void a_photo_that_is_missing_is_a_fault_where_it_is_required(void **state)
{
    struct setting s;
    struct wallet_import_row row;
    (void)state;
    must(open_row(&s, "L-3", NULL, false, true));
    must(convert(&s, &row));
    assert_int_equal(row.notes, WALLET_ROW_NO_PHOTO);
    drop(&s);
    must(open_row(&s, "L-3", NULL, true, true));
    assert_int_equal(convert(&s, &row).code, LW_E_VALUE);
    assert_string_equal(row.errors[0].why, "has no photo in the folder");
    assert_true(lw_str_is(row.errors[0].column, "NO"));
    drop(&s);
    must(open_row(&s, "L-2", NULL, false, true));
    assert_int_equal(convert(&s, &row).code, LW_E_VALUE);
    assert_string_equal(row.errors[0].why, "has a photo that is larger");
    drop(&s);
    /* A number that does not hold is told once, and no photo is looked for. */
    must(open_row(&s, "", NULL, true, true));
    assert_int_equal(convert(&s, &row).code, LW_E_VALUE);
    assert_int_equal(s.asked, 0);
    assert_int_equal(row.error_count, 1);
    drop(&s);
}

static void a_map_asks_for_photos_only_where_there_are_some(void **state)
{
    struct setting s;
    (void)state;
    assert_int_equal(open_row(&s, "L-1", "{\"photo\":\"NO\"}", false, false).code, LW_E_VALUE);
    assert_string_equal(s.errors[0].pointer, "/claims/portrait");
    assert_string_equal(s.errors[0].what, "needs the folder of the photos: give --photos DIR");
    drop(&s);
    assert_int_equal(open_row(&s, "L-1", "{\"photo\":\"NO\",\"more\":1}", false, true).code,
                     LW_E_VALUE);
    assert_string_equal(s.errors[0].pointer, "/claims/portrait/more");
    drop(&s);
    assert_int_equal(open_row(&s, "L-1", "{\"photo\":\"WHO\"}", false, true).code, LW_E_VALUE);
    assert_string_equal(s.errors[0].pointer, "/claims/portrait/photo");
    drop(&s);
    /* Not asked for and not there: a register without photos. */
    must(open_row(&s, "L-1", NULL, false, false));
    drop(&s);
    assert_int_equal(open_row(&s, "L-1", NULL, true, false).code, LW_E_VALUE);
    drop(&s);
}

static void a_photo_fills_image_claims_only(void **state)
{
    struct support_register r;
    LW_AUTO_BUF map = LW_BUF(DOC_MAX);
    const char *text = NULL;
    bool told = false;
    (void)state;
    support_edit(support_register_map, "/claims/country", "{\"photo\":\"NO\"}", &map);
    must(lw_buf_c(&map, &text));
    support_register_open(&r, support_register_type, text, SUPPORT_REGISTER_HEADER, 0);
    assert_int_equal(r.err.code, LW_E_VALUE);
    for (size_t i = 0; i < r.error_count; i++) {
        told = told || strcmp(r.errors[i].what,
                              "is no image claim, which the license type gives media") == 0;
    }
    assert_true(told);
    support_register_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_photo_is_found_by_number_or_by_what_the_map_says),
        cmocka_unit_test(a_photo_that_is_missing_is_a_fault_where_it_is_required),
        cmocka_unit_test(a_map_asks_for_photos_only_where_there_are_some),
        cmocka_unit_test(a_photo_fills_image_claims_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
