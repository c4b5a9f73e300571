#include "lw/buf.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void assert_text(const lw_buf *b, const char *want)
{
    assert_true(lw_str_is(lw_buf_text(b), want));
}

static void pieces_are_appended_in_order(void **state)
{
    (void)state;
    LW_AUTO_BUF b = LW_BUF(100);
    static const uint8_t bytes[] = {0x00, 0x9f, 0xff};
    assert_int_equal(lw_buf_put_c(&b, "a").code, LW_OK);
    assert_int_equal(lw_buf_put_str(&b, LW_STR("bc")).code, LW_OK);
    assert_int_equal(lw_buf_put_byte(&b, '-').code, LW_OK);
    assert_int_equal(lw_buf_put_hex(&b, LW_BYTES(bytes)).code, LW_OK);
    assert_int_equal(lw_buf_put_int(&b, -5).code, LW_OK);
    assert_int_equal(lw_buf_put(&b, (lw_bytes){.ptr = NULL, .len = 0}).code, LW_OK);
    assert_int_equal(lw_buf_put_c(&b, "").code, LW_OK);
    assert_text(&b, "abc-009fff-5");
}

static void the_limit_is_reached_and_never_passed(void **state)
{
    static const char text[200] = {0};
    (void)state;
    for (size_t max = 0; max <= 130; max++) {
        LW_AUTO_BUF b = LW_BUF(max);
        assert_int_equal(lw_buf_put_str(&b, (lw_str){.ptr = text, .len = max + 1}).code,
                         LW_E_LIMIT);
        assert_int_equal(b.len, 0);
        for (size_t i = 0; i < max; i++) {
            assert_int_equal(lw_buf_put_byte(&b, (uint8_t)i).code, LW_OK);
        }
        assert_int_equal(lw_buf_put_byte(&b, 0).code, LW_E_LIMIT);
        assert_int_equal(b.len, max);
        assert_true(b.cap <= max);
        for (size_t i = 0; i < max; i++) {
            assert_int_equal(b.ptr[i], i); /* growing kept what was there */
        }
    }
}

static void what_does_not_fit_changes_nothing(void **state)
{
    static const uint8_t bytes[] = {1, 2};
    (void)state;
    LW_AUTO_BUF b = LW_BUF(3);
    const char *c = NULL;
    assert_int_equal(lw_buf_put_hex(&b, LW_BYTES(bytes)).code, LW_E_LIMIT);
    const lw_bytes most = {.ptr = bytes, .len = SIZE_MAX / 2 + 1}; /* never looked at */
    assert_int_equal(lw_buf_put_hex(&b, most).code, LW_E_LIMIT);
    assert_int_equal(lw_buf_put_int(&b, 1234).code, LW_E_LIMIT);
    assert_int_equal(lw_buf_put_c(&b, "abcd").code, LW_E_LIMIT);
    assert_int_equal(b.len, 0);
    assert_int_equal(lw_buf_put_c(&b, "abc").code, LW_OK);
    assert_int_equal(lw_buf_c(&b, &c).code, LW_E_LIMIT); /* no room for the NUL */
    assert_text(&b, "abc");
}

static void memory_that_is_not_there_is_an_error(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* they end the program instead */
#endif
    LW_AUTO_BUF b = LW_BUF(SIZE_MAX);
    uint8_t *room = NULL;
    assert_int_equal(lw_buf_put_byte(&b, 'x').code, LW_OK);
    assert_int_equal(lw_buf_reserve(&b, SIZE_MAX / 2 + 1, &room).code, LW_E_NOMEM);
    assert_text(&b, "x");
    assert_int_equal(lw_buf_reserve(&b, SIZE_MAX, &room).code, LW_E_LIMIT);
}

static void reserved_room_counts_when_committed(void **state)
{
    (void)state;
    LW_AUTO_BUF b = LW_BUF(10);
    uint8_t *room = NULL;
    assert_int_equal(lw_buf_reserve(&b, 10, &room).code, LW_OK);
    assert_int_equal(b.len, 0);
    memcpy(room, "abc", 3);
    lw_buf_commit(&b, 2);
    assert_text(&b, "ab");
    assert_int_equal(lw_buf_reserve(&b, 9, &room).code, LW_E_LIMIT);
    assert_int_equal(lw_buf_reserve(&b, 8, &room).code, LW_OK);
    assert_ptr_equal(room, b.ptr + 2);
}

static void cutting_wipes_what_is_cut(void **state)
{
    (void)state;
    LW_AUTO_BUF b = LW_BUF(10);
    assert_int_equal(lw_buf_put_c(&b, "secret").code, LW_OK);
    lw_buf_truncate(&b, 2);
    assert_text(&b, "se");
    assert_memory_equal(b.ptr + 2, "\0\0\0\0", 4);
    lw_buf_truncate(&b, 2);
    lw_buf_truncate(&b, 0);
    assert_int_equal(b.len, 0);
}

static void a_freed_buffer_can_be_filled_again(void **state)
{
    (void)state;
    LW_AUTO_BUF b = LW_BUF(3);
    lw_buf_free(&b);
    assert_int_equal(lw_buf_put_c(&b, "abc").code, LW_OK);
    lw_buf_free(&b);
    lw_buf_free(&b);
    assert_null(b.ptr);
    assert_int_equal(lw_buf_put_c(&b, "abcd").code, LW_E_LIMIT); /* the limit stays */
    assert_int_equal(lw_buf_put_c(&b, "abc").code, LW_OK);
}

static void taking_moves_the_contents(void **state)
{
    (void)state;
    LW_AUTO_BUF b = LW_BUF(3);
    assert_int_equal(lw_buf_put_c(&b, "abc").code, LW_OK);
    LW_AUTO_BUF taken = lw_buf_take(&b);
    assert_text(&taken, "abc");
    assert_int_equal(b.len, 0);
    assert_null(b.ptr);
    assert_int_equal(lw_buf_put_c(&b, "xyz").code, LW_OK);
    assert_text(&taken, "abc");
}

static void text_for_a_c_library_ends_in_a_nul_that_does_not_count(void **state)
{
    (void)state;
    LW_AUTO_BUF b = LW_BUF(10);
    const char *c = NULL;
    assert_int_equal(lw_buf_c(&b, &c).code, LW_OK);
    assert_string_equal(c, "");
    assert_int_equal(lw_buf_put_c(&b, "abc").code, LW_OK);
    assert_int_equal(lw_buf_c(&b, &c).code, LW_OK);
    assert_string_equal(c, "abc");
    assert_int_equal(b.len, 3);
    assert_int_equal(lw_buf_put_byte(&b, 0).code, LW_OK);
    assert_int_equal(lw_buf_c(&b, &c).code, LW_E_VALUE);
}

static void numbers_are_written_and_read_back(void **state)
{
    static const struct {
        int64_t n;
        const char *text;
    } cases[] = {{0, "0"},
                 {7, "7"},
                 {-7, "-7"},
                 {1000000, "1000000"},
                 {INT64_MAX, "9223372036854775807"},
                 {INT64_MIN, "-9223372036854775808"}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        LW_AUTO_BUF b = LW_BUF(20);
        int64_t n = 99;
        assert_int_equal(lw_buf_put_int(&b, cases[i].n).code, LW_OK);
        assert_text(&b, cases[i].text);
        assert_int_equal(lw_str_int(lw_buf_text(&b), &n).code, LW_OK);
        assert_true(n == cases[i].n);
    }
}

static void what_is_no_number_is_refused_at_its_place(void **state)
{
    static const struct {
        const char *text;
        lw_code code;
        size_t at;
    } cases[] = {{"", LW_E_SYNTAX, 0},
                 {"-", LW_E_SYNTAX, 1},
                 {"+1", LW_E_SYNTAX, 0},
                 {" 1", LW_E_SYNTAX, 0},
                 {"1 ", LW_E_SYNTAX, 1},
                 {"--1", LW_E_SYNTAX, 1},
                 {"1.0", LW_E_SYNTAX, 1},
                 {"0x1", LW_E_SYNTAX, 1},
                 {"12:", LW_E_SYNTAX, 2},
                 {"12/", LW_E_SYNTAX, 2},
                 {"9223372036854775808", LW_E_VALUE, LW_NOWHERE},
                 {"9223372036854775809", LW_E_VALUE, 18},
                 {"-9223372036854775809", LW_E_VALUE, 19},
                 {"99999999999999999999", LW_E_VALUE, 18}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t n = 99;
        const lw_err err = lw_str_int(lw_str_c(cases[i].text), &n);
        assert_int_equal(err.code, cases[i].code);
        assert_int_equal(err.at, cases[i].at);
        assert_int_equal(n, 99);
    }
}

static void slices_compare_by_bytes_then_length(void **state)
{
    static const char *const sorted[] = {"", "a", "aa", "ab", "b", "\x7f", "\x80", "\xff"};
    const size_t count = sizeof(sorted) / sizeof(sorted[0]);
    (void)state;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            const lw_str a = lw_str_c(sorted[i]);
            const lw_str b = lw_str_c(sorted[j]);
            const int order = lw_bytes_cmp(lw_str_bytes(a), lw_str_bytes(b));
            assert_true(i < j ? order < 0 : (i == j ? order == 0 : order > 0));
            assert_int_equal(lw_str_eq(a, b), i == j);
        }
    }
    const lw_bytes none = {.ptr = NULL, .len = 0};
    assert_int_equal(lw_bytes_cmp(none, none), 0);
    assert_true(lw_bytes_eq(none, lw_str_bytes(LW_STR(""))));
}

static void texts_are_split_at_the_first_mark(void **state)
{
    static const struct {
        const char *text;
        const char *head;
        const char *tail;
        bool found;
    } cases[] = {{"a.b.c", "a", "b.c", true}, {".b", "", "b", true},     {"a.", "a", "", true},
                 {".", "", "", true},         {"abc", "abc", "", false}, {"", "", "", false}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        lw_str head = {0};
        lw_str tail = {0};
        assert_int_equal(lw_str_split(lw_str_c(cases[i].text), '.', &head, &tail), cases[i].found);
        assert_true(lw_str_is(head, cases[i].head));
        assert_true(lw_str_is(tail, cases[i].tail));
    }
    lw_str head = {0};
    lw_str tail = {0};
    assert_false(lw_str_split((lw_str){.ptr = NULL, .len = 0}, '.', &head, &tail));
}

static void beginnings_are_found(void **state)
{
    (void)state;
    assert_true(lw_str_starts(LW_STR("LQ1:x"), LW_STR("LQ1:")));
    assert_true(lw_str_starts(LW_STR("LQ1:"), LW_STR("LQ1:")));
    assert_false(lw_str_starts(LW_STR("LQ1"), LW_STR("LQ1:")));
    assert_false(lw_str_starts(LW_STR("LQ2:"), LW_STR("LQ1:")));
    assert_true(lw_str_starts(LW_STR(""), LW_STR("")));
    assert_true(lw_str_is(lw_str_from(LW_STR("abc"), 1), "bc"));
    assert_true(lw_str_is(lw_str_from(LW_STR("abc"), 3), ""));
    assert_null(lw_str_from((lw_str){.ptr = NULL, .len = 0}, 0).ptr);
}

static void every_code_has_a_name_and_a_class(void **state)
{
    (void)state;
    for (int a = LW_OK; a <= LW_E_NETWORK; a++) {
        const char *name = lw_code_name((lw_code)a);
        assert_string_not_equal(name, "unknown");
        assert_int_equal(lw_err_class((lw_code)a) == LW_CLASS_OK, a == LW_OK);
        for (int b = LW_OK; b < a; b++) {
            assert_string_not_equal(name, lw_code_name((lw_code)b));
        }
    }
    assert_string_equal(lw_code_name((lw_code)(LW_E_NETWORK + 1)), "unknown");
    assert_int_equal(lw_err_class((lw_code)(LW_E_NETWORK + 1)), LW_CLASS_MISUSE);
    assert_int_equal(lw_err_class(LW_E_SYNTAX), LW_CLASS_INPUT);
    assert_int_equal(lw_err_class(LW_E_SIGNATURE), LW_CLASS_REFUSED);
    assert_int_equal(lw_err_class(LW_E_NOT_FOUND), LW_CLASS_NOT_FOUND);
    assert_int_equal(lw_err_class(LW_E_LIMIT), LW_CLASS_LIMIT);
    assert_int_equal(lw_err_class(LW_E_TIMEOUT), LW_CLASS_BUSY);
    assert_int_equal(lw_err_class(LW_E_NOSPACE), LW_CLASS_ENVIRONMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_appended_in_order),
        cmocka_unit_test(the_limit_is_reached_and_never_passed),
        cmocka_unit_test(what_does_not_fit_changes_nothing),
        cmocka_unit_test(memory_that_is_not_there_is_an_error),
        cmocka_unit_test(reserved_room_counts_when_committed),
        cmocka_unit_test(cutting_wipes_what_is_cut),
        cmocka_unit_test(a_freed_buffer_can_be_filled_again),
        cmocka_unit_test(taking_moves_the_contents),
        cmocka_unit_test(text_for_a_c_library_ends_in_a_nul_that_does_not_count),
        cmocka_unit_test(numbers_are_written_and_read_back),
        cmocka_unit_test(what_is_no_number_is_refused_at_its_place),
        cmocka_unit_test(slices_compare_by_bytes_then_length),
        cmocka_unit_test(texts_are_split_at_the_first_mark),
        cmocka_unit_test(beginnings_are_found),
        cmocka_unit_test(every_code_has_a_name_and_a_class),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
