/* Maps proposed from names and values, in Chinese and English; what is missing is told. */
#include "wallet/map_propose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bytes.h"

#define CITY LW_SOURCE_DIR "/docs/example-city/"

enum { TEXT_MAX = 1 << 20 };

struct proposed {
    lw_buf type_text;
    lw_buf csv_text;
    struct wallet_type_doc *type;
    struct wallet_csv *csv;
    struct wallet_map_proposal *p;
    lw_buf map;
    bool binds; /* the map is one that an import takes */
};

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s", err.why);
    }
}

static void bind(struct proposed *s)
{
    struct wallet_import_map *map = NULL;
    struct wallet_import_plan *plan = NULL;
    size_t none = 0;
    must(wallet_import_map_read(lw_buf_view(&s->map), &map, NULL, &none).code == LW_E_SYNTAX
             ? LW_FAIL(LW_E_SYNTAX, "no JSON", LW_NOWHERE)
             : LW_SUCCESS);
    if (map != NULL) {
        const struct wallet_import_binding binding = {.type = wallet_license_type_of(s->type),
                                                      .csv = s->csv};
        none = 0;
        s->binds = wallet_import_plan_new(&plan, map, &binding, NULL, &none).code == LW_OK;
    }
    wallet_import_plan_free(plan);
    wallet_import_map_free(map);
}

/* Proposes for a license type of the example city. */
static void propose(struct proposed *s, const char *type, const char *csv)
{
    const struct wallet_csv_form said = {.encoding = WALLET_CSV_AUTO};
    struct wallet_csv_fault fault;
    LW_AUTO_BUF path = LW_BUF(1024);
    const char *text = NULL;
    size_t none = 0;
    *s = (struct proposed){
        .type_text = LW_BUF(TEXT_MAX), .csv_text = LW_BUF(TEXT_MAX), .map = LW_BUF(TEXT_MAX)};
    must(lw_buf_put_c(&path, CITY "license-types/"));
    must(lw_buf_put_c(&path, type));
    must(lw_buf_put_c(&path, ".json"));
    must(lw_buf_c(&path, &text));
    support_read_file(text, &s->type_text);
    must(wallet_license_type_read(lw_buf_view(&s->type_text), &s->type, NULL, &none));
    must(lw_buf_put_c(&s->csv_text, csv));
    must(wallet_csv_open_as(&s->csv, lw_buf_view(&s->csv_text), &said, &fault));
    s->p = calloc(1, sizeof(*s->p));
    assert_non_null(s->p);
    must(wallet_map_propose(s->p, &s->map, s->csv, wallet_license_type_of(s->type), &said));
    bind(s);
}

static void drop(struct proposed *s)
{
    free(s->p);
    wallet_csv_free(s->csv);
    wallet_license_type_free(s->type);
    lw_buf_free(&s->type_text);
    lw_buf_free(&s->csv_text);
    lw_buf_free(&s->map);
}

static void expect_part(const struct proposed *s, enum wallet_map_part part, const char *column,
                        enum wallet_map_confidence confidence)
{
    const struct wallet_map_match *m = &s->p->parts[part];
    const lw_str name =
        m->column == SIZE_MAX ? LW_STR("") : wallet_csv_column_name(s->csv, m->column);
    if (!lw_str_is(name, column) || m->confidence != confidence) {
        fail_msg("%s: %.*s, %s", wallet_map_part_name(part), (int)name.len, name.ptr,
                 wallet_map_confidence_name(m->confidence));
    }
}

static void expect_claim(const struct proposed *s, const char *path, const char *column)
{
    const size_t claim = wallet_license_type_claim(wallet_license_type_of(s->type), lw_str_c(path));
    const struct wallet_map_match *m = &s->p->parts[WALLET_MAP_CLAIM + claim];
    const lw_str name =
        m->column == SIZE_MAX ? LW_STR("") : wallet_csv_column_name(s->csv, m->column);
    if (!lw_str_is(name, column)) {
        fail_msg("claim %s: %.*s", path, (int)name.len, name.ptr);
    }
}

static bool text_holds(lw_str text, const char *part)
{
    const size_t len = strlen(part);
    for (size_t i = 0; i + len <= text.len; i++) {
        if (memcmp(text.ptr + i, part, len) == 0) {
            return true;
        }
    }
    return false;
}

static void expect_map(const struct proposed *s, const char *part)
{
    if (!text_holds(lw_buf_text(&s->map), part)) {
        fail_msg("not in the map: %s\n%.*s", part, (int)s->map.len, (const char *)s->map.ptr);
    }
}

static bool is_missing(const struct proposed *s, const char *what, const char *says, bool fatal)
{
    for (size_t i = 0; i < s->p->missing_count; i++) {
        const struct wallet_map_missing *m = &s->p->missing[i];
        if (strcmp(m->what, what) == 0 && strstr(m->why, says) != NULL && m->fatal == fatal) {
            return true;
        }
    }
    return false;
}

static void the_example_citys_register_is_understood(void **state)
{
    (void)state;
    LW_AUTO_BUF csv = LW_BUF(TEXT_MAX);
    const char *text = NULL;
    struct proposed s;
    support_read_file(CITY "registers/business-licenses.csv", &csv);
    must(lw_buf_c(&csv, &text));
    propose(&s, "business-license", text);
    assert_int_equal(s.p->rows, 200);
    expect_part(&s, WALLET_MAP_NUMBER, "LICENSE NUMBER", WALLET_MAP_CERTAIN);
    expect_part(&s, WALLET_MAP_VERSION, "LICENSE ID", WALLET_MAP_CERTAIN);
    expect_part(&s, WALLET_MAP_HOLDER_NAME, "LEGAL NAME", WALLET_MAP_CERTAIN);
    expect_part(&s, WALLET_MAP_VALID_FROM, "LICENSE TERM START DATE", WALLET_MAP_LIKELY);
    expect_part(&s, WALLET_MAP_VALID_UNTIL, "LICENSE TERM EXPIRATION DATE", WALLET_MAP_LIKELY);
    expect_part(&s, WALLET_MAP_ISSUED, "DATE ISSUED", WALLET_MAP_CERTAIN);
    expect_part(&s, WALLET_MAP_STATE, "LICENSE STATUS", WALLET_MAP_CERTAIN);
    expect_claim(&s, "legal_name", "LEGAL NAME");
    expect_claim(&s, "trade_name", "DOING BUSINESS AS NAME");
    expect_claim(&s, "category", "LICENSE DESCRIPTION");
    expect_claim(&s, "expiry_date", "LICENSE TERM EXPIRATION DATE");
    expect_map(&s, "\"%m/%d/%Y\"");
    expect_map(&s, "\"REV\": \"revoked\"");
    assert_true(is_missing(&s, "holder.type", "999", false));
    assert_true(s.binds);
    assert_true(s.p->used[wallet_csv_column(s.csv, LW_STR("LICENSE STATUS"))]);
    assert_false(s.p->used[wallet_csv_column(s.csv, LW_STR("WARD"))]);
    drop(&s);
}

#define COMPANIES                                                                                  \
    "证照编号（必填）,主体代码,企业名称,经营场所,执照类别,有效期起,有效期至,核发日期,证照状态\n"

static void a_register_in_chinese_is_understood_by_names_and_check_digits(void **state)
{
    (void)state;
    struct proposed s;
    propose(&s, "business-license",
            COMPANIES "000123,91320600MA1MABCD0W,甲店,长码头路1号,餐饮,2024年1月5日,2029/1/4,"
                      "45296,有效\n"
                      "000124,91320600MA1MABCD0W,乙店,长码头路2号,零售,2024-01-05,2029/1/4,"
                      "45296,已冻结\n");
    expect_part(&s, WALLET_MAP_NUMBER, "证照编号（必填）", WALLET_MAP_CERTAIN);
    expect_part(&s, WALLET_MAP_HOLDER_CODE, "主体代码", WALLET_MAP_LIKELY);
    expect_part(&s, WALLET_MAP_VALID_FROM, "有效期起", WALLET_MAP_CERTAIN);
    expect_part(&s, WALLET_MAP_STATE, "证照状态", WALLET_MAP_CERTAIN);
    expect_claim(&s, "address", "经营场所");
    expect_map(&s, "\"type\": \"001\"");
    expect_map(&s, "\"date_format\": \"year-first\"");
    expect_map(&s, "\"证照编号（必填）\": 6");
    expect_map(&s, "\"有效\": \"active\"");
    assert_true(is_missing(&s, "已冻结", "give it a state", false));
    assert_true(is_missing(&s, "核发日期", "numbers of days", true));
    /* Of a credit code, which is public, everything is shown. */
    assert_string_equal(s.p->samples[1], "91320600MA1MABCD0W");
    drop(&s);
}

static void people_are_shown_masked(void **state)
{
    (void)state;
    struct proposed s;
    propose(&s, "disability-certificate",
            "证号,身份证号,姓名,电话,残疾类别,残疾等级,发证日期,有效期至\n"
            "D-1,329901198804120038,沈澜舟,+8613900001111,视力,一级,2024-01-05,2034-01-04\n");
    expect_part(&s, WALLET_MAP_HOLDER_CODE, "身份证号", WALLET_MAP_CERTAIN);
    expect_map(&s, "\"type\": \"111\"");
    assert_string_equal(s.p->samples[1], "32**************38");
    assert_string_equal(s.p->samples[2], "沈**");
    assert_string_equal(s.p->samples[3], "+86*********11");
    /* No start: the date of issue stands in, as a guess. */
    expect_part(&s, WALLET_MAP_VALID_FROM, "发证日期", WALLET_MAP_GUESS);
    assert_true(is_missing(&s, "state", "taken as active", false));
    drop(&s);
}

/* A value that stands behind spaces and is too long to show is cut between characters. */
static void a_long_value_behind_spaces_is_cut_between_characters(void **state)
{
    (void)state;
    struct proposed s;
    propose(&s, "business-license",
            COMPANIES
            "000123,91320600MA1MABCD0W,甲店, 长码头路一号长码头路一号长码头路一号长码头路一"
            "号长码头路一号长码头路一号,餐饮,2024-01-05,2029-01-04,2024-01-05,有效\n");
    const struct wallet_map_match *address = NULL;
    for (size_t i = 0; i < s.p->part_count; i++) {
        address = s.p->parts[i].column == 3 ? &s.p->parts[i] : address;
    }
    assert_non_null(address);
    assert_string_equal(s.p->samples[3], "长码头路一号长码头路一号长码头路一号长码头");
    drop(&s);
}

static void what_is_missing_is_told_and_the_map_is_not_taken(void **state)
{
    (void)state;
    struct proposed s;
    propose(&s, "business-license", "甲,乙\n1,2\n");
    assert_false(s.binds);
    assert_true(is_missing(&s, "number", "write its name", true));
    assert_true(is_missing(&s, "holder.code", "write its name", true));
    assert_true(is_missing(&s, "valid_from", "write its name", true));
    assert_true(is_missing(&s, "valid_until", "write its name", true));
    assert_true(is_missing(&s, "legal_name", "requires", true));
    expect_part(&s, WALLET_MAP_NUMBER, "", WALLET_MAP_NOTHING);
    drop(&s);
}

static void dates_that_can_be_read_two_ways_are_not_guessed(void **state)
{
    static const struct {
        const char *dates; /* start, end */
        const char *form;  /* NULL: told as missing */
    } cases[] = {
        {"01/05/2024,02/06/2029", NULL},          {"25/12/2024,01/05/2029", "\"%d/%m/%Y\""},
        {"25.12.2024,25.1.2029", "\"%d.%m.%Y\""}, {"12-25-2024,1-25-2029", "\"%m-%d-%Y\""},
        {"2024.1.5,20290104", "\"year-first\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        LW_AUTO_BUF csv = LW_BUF(4096);
        const char *text = NULL;
        struct proposed s;
        must(lw_buf_put_c(&csv, "编号,信用代码,名称,经营场所,执照类别,有效期起,有效期至\n"
                                "1,91320600MA1MABCD0W,甲,长码头,餐饮,"));
        must(lw_buf_put_c(&csv, cases[i].dates));
        must(lw_buf_put_c(&csv, "\n"));
        must(lw_buf_c(&csv, &text));
        propose(&s, "business-license", text);
        if (cases[i].form == NULL) {
            assert_true(is_missing(&s, "有效期起", "not certain", true));
        } else {
            expect_map(&s, cases[i].form);
            assert_true(s.binds);
        }
        drop(&s);
    }
}

static void a_column_with_another_form_of_dates_has_its_own(void **state)
{
    (void)state;
    struct proposed s;
    propose(&s, "business-license",
            "编号,信用代码,名称,经营场所,执照类别,有效期起,有效期至\n"
            "1,91320600MA1MABCD0W,甲,长码头,餐饮,2024-01-05,25/12/2029\n");
    expect_map(&s, "\"date_format\": \"year-first\"");
    expect_map(&s, "\"有效期至\": \"%d/%m/%Y\"");
    assert_true(s.binds);
    drop(&s);
}

static void codes_of_two_kinds_and_damaged_codes_are_told(void **state)
{
    (void)state;
    struct proposed s;
    propose(&s, "business-license",
            COMPANIES
            "1,91320600MA1MABCD0W,甲,长码头,餐饮,2024-01-05,2029-01-04,2024-01-05,有效\n"
            "2,329901198804120038,乙,长码头,餐饮,2024-01-05,2029-01-04,2024-01-05,有效\n");
    assert_true(is_missing(&s, "holder.type", "one kind", false));
    drop(&s);
    propose(&s, "business-license",
            "编号,身份证号码\n1,329901198804120000\n2,329901198805120000\n");
    expect_map(&s, "\"type\": \"111\"");
    assert_true(is_missing(&s, "holder.type", "may have damaged", false));
    assert_string_equal(s.p->samples[1], "32**************00");
    drop(&s);
}

static void a_column_that_no_map_can_name_is_passed_over(void **state)
{
    (void)state;
    struct proposed s;
    propose(&s, "business-license", "编号{旧},信用代码\n1,91320600MA1MABCD0W\n");
    assert_true(is_missing(&s, "number", "write its name", true));
    assert_false(text_holds(lw_buf_text(&s.map), "{旧}"));
    drop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_citys_register_is_understood),
        cmocka_unit_test(a_register_in_chinese_is_understood_by_names_and_check_digits),
        cmocka_unit_test(people_are_shown_masked),
        cmocka_unit_test(a_long_value_behind_spaces_is_cut_between_characters),
        cmocka_unit_test(what_is_missing_is_told_and_the_map_is_not_taken),
        cmocka_unit_test(dates_that_can_be_read_two_ways_are_not_guessed),
        cmocka_unit_test(a_column_with_another_form_of_dates_has_its_own),
        cmocka_unit_test(codes_of_two_kinds_and_damaged_codes_are_told),
        cmocka_unit_test(a_column_that_no_map_can_name_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
