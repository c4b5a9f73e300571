/* Registers through the map of the example city: its own, and the real one where it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bytes.h"
#include "lw/clock.h"
#include "wallet/import_map.h"

#define CITY LW_SOURCE_DIR "/docs/example-city/"

enum { TEXT_MAX = 1 << 20, ROWS_MAX = 512, STATES = WALLET_SUPERSEDED + 1 };

static const char real_register[] = LW_SOURCE_DIR "/../shared/data/chicago-business-licenses.csv";

struct setting {
    lw_buf csv_text;
    struct wallet_type_doc *type;
    struct wallet_import_map *map;
    struct wallet_csv *csv;
    struct wallet_import_plan *plan;
};

/* What a register came to. Keys are copied out of the rows. */
struct result {
    size_t rows;
    size_t bad;
    size_t bad_line;
    char bad_column[64];
    size_t states[STATES];
    size_t started_by_issue;
    size_t issued_late;
    size_t with_activities;
    struct wallet_import_term terms[ROWS_MAX];
    char keys[ROWS_MAX][2][16];
};

static void set_up(struct setting *s, const char *csv_path)
{
    LW_AUTO_BUF type = LW_BUF(TEXT_MAX);
    LW_AUTO_BUF map = LW_BUF(TEXT_MAX);
    struct wallet_csv_fault fault;
    size_t none = 0;
    *s = (struct setting){.csv_text = LW_BUF(TEXT_MAX)};
    support_read_file(CITY "license-types/business-license.json", &type);
    support_read_file(CITY "maps/business-licenses.json", &map);
    support_read_file(csv_path, &s->csv_text);
    assert_int_equal(wallet_license_type_read(lw_buf_view(&type), &s->type, NULL, &none).code,
                     LW_OK);
    assert_int_equal(wallet_import_map_read(lw_buf_view(&map), &s->map, NULL, &none).code, LW_OK);
    const struct wallet_csv_form form = wallet_import_map_form(s->map);
    assert_int_equal(wallet_csv_open_as(&s->csv, lw_buf_view(&s->csv_text), &form, &fault).code,
                     LW_OK);
    const struct wallet_import_binding binding = {.type = wallet_license_type_of(s->type),
                                                  .csv = s->csv};
    assert_int_equal(wallet_import_plan_new(&s->plan, s->map, &binding, NULL, &none).code, LW_OK);
}

static void tear_down(struct setting *s)
{
    wallet_import_plan_free(s->plan);
    wallet_import_map_free(s->map);
    wallet_csv_free(s->csv);
    wallet_license_type_free(s->type);
    lw_buf_free(&s->csv_text);
}

static lw_str keep(char to[16], lw_str from)
{
    assert_true(from.len < 16);
    memcpy(to, from.ptr, from.len);
    return (lw_str){.ptr = to, .len = from.len};
}

static void count_row(struct result *r, const struct wallet_import_row *row)
{
    const size_t good = r->rows - r->bad;
    r->states[row->state]++;
    r->started_by_issue += (row->notes & WALLET_ROW_START_FROM_ISSUE) != 0 ? 1 : 0;
    r->issued_late += (row->notes & WALLET_ROW_ISSUED_AFTER_END) != 0 ? 1 : 0;
    for (size_t i = 0; i < row->claim_count; i++) {
        r->with_activities += row->claims[i].def == 4 ? 1 : 0;
    }
    r->terms[good] = (struct wallet_import_term){.number = keep(r->keys[good][0], row->number),
                                                 .version = keep(r->keys[good][1], row->version),
                                                 .valid_from = row->valid_from,
                                                 .row = row->line};
    assert_true(row->valid_until > row->valid_from);
}

static void run(struct setting *s, struct result *r)
{
    struct wallet_csv_row cells;
    struct wallet_import_row row;
    for (;;) {
        const lw_err read = wallet_csv_next(s->csv, &cells);
        if (read.code == LW_E_NOT_FOUND) {
            return;
        }
        assert_int_equal(read.code, LW_OK);
        assert_true(r->rows < ROWS_MAX);
        if (wallet_import_row(s->plan, &cells, &row).code == LW_OK) {
            count_row(r, &row);
        } else {
            r->bad++;
            r->bad_line = row.line;
            assert_int_equal(row.error_count, 1);
            (void)snprintf(r->bad_column, sizeof(r->bad_column), "%.*s",
                           (int)row.errors[0].column.len, row.errors[0].column.ptr);
            assert_string_equal(row.errors[0].why,
                                "is empty, and the issue date does not lie before the end");
        }
        r->rows++;
    }
}

static size_t count_chains(struct result *r)
{
    const size_t good = r->rows - r->bad;
    size_t chains = 0;
    wallet_import_terms_sort(r->terms, good);
    for (size_t i = 0; i < good; i++) {
        chains += wallet_import_term_current(r->terms, good, i) ? 1 : 0;
    }
    return chains;
}

static bool is_there(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file != NULL) {
        (void)fclose(file);
    }
    return file != NULL;
}

static void the_real_register_converts_but_for_its_one_bad_row(void **state)
{
    (void)state;
    if (!is_there(real_register)) {
        skip();
    }
    struct setting s;
    struct result *r = calloc(1, sizeof(*r));
    assert_non_null(r);
    set_up(&s, real_register);
    run(&s, r);
    assert_int_equal(r->rows, 374);
    assert_int_equal(r->bad, 1);
    assert_int_equal(r->bad_line, 2);
    assert_string_equal(r->bad_column, "LICENSE TERM START DATE");
    assert_int_equal(r->states[WALLET_ACTIVE], 340); /* 341 of AAI, one of them bad */
    assert_int_equal(r->states[WALLET_CANCELLED], 29);
    assert_int_equal(r->states[WALLET_REVOKED], 4);
    assert_int_equal(r->started_by_issue, 1);
    assert_int_equal(r->issued_late, 7); /* 8 in the file, one of them bad */
    assert_int_equal(r->with_activities, 374 - 226);
    assert_int_equal(count_chains(r), 160); /* that of the bad row has good ones too */
    tear_down(&s);
    free(r);
}

static void the_citys_own_register_is_as_untidy(void **state)
{
    (void)state;
    struct setting s;
    struct result *r = calloc(1, sizeof(*r));
    assert_non_null(r);
    set_up(&s, CITY "registers/business-licenses.csv");
    run(&s, r);
    assert_int_equal(r->rows, 200);
    assert_int_equal(r->bad, 1);
    assert_int_equal(r->bad_line, 2);
    assert_int_equal(r->states[WALLET_ACTIVE], 178);
    assert_int_equal(r->states[WALLET_CANCELLED], 18);
    assert_int_equal(r->states[WALLET_REVOKED], 3);
    assert_int_equal(r->started_by_issue, 1);
    assert_int_equal(r->issued_late, 5);
    assert_true(r->with_activities > 50 && r->with_activities < 199);
    assert_int_equal(count_chains(r), 96);
    tear_down(&s);
    free(r);
}

/* The columns of the real register, by its README; checked on the file itself where it is. */
static void both_registers_have_the_same_columns(void **state)
{
    (void)state;
    struct setting own;
    set_up(&own, CITY "registers/business-licenses.csv");
    assert_int_equal(wallet_csv_columns(own.csv), 34);
    if (!is_there(real_register)) {
        tear_down(&own);
        skip();
    }
    struct setting real;
    set_up(&real, real_register);
    for (size_t i = 0; i < 34; i++) {
        assert_true(
            lw_str_eq(wallet_csv_column_name(own.csv, i), wallet_csv_column_name(real.csv, i)));
    }
    tear_down(&real);
    tear_down(&own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_real_register_converts_but_for_its_one_bad_row),
        cmocka_unit_test(the_citys_own_register_is_as_untidy),
        cmocka_unit_test(both_registers_have_the_same_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
