/*
 * The set "json": JSONTestSuite. Names that begin with y_ must be accepted, n_ refused; of i_,
 * which a reader may judge as it likes, the table says how this one does, and why.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "bytes.h"
#include "vectors.h"
#include "wallet/json.h"

enum { PARSING = 159, TRANSFORM = 11, TEXT_MAX = 1024 * 1024 };

struct judgement {
    const char *name;
    lw_code code;
};

/* Numbers are handed out as text, so their size is the caller's matter. Whatever is not UTF-8,
 * or half a surrogate pair, is refused: two readers would not agree on it. */
static const struct judgement free_choice[] = {
    {"i_number_double_huge_neg_exp.json", LW_OK},
    {"i_number_neg_int_huge_exp.json", LW_OK},
    {"i_number_real_neg_overflow.json", LW_OK},
    {"i_number_real_underflow.json", LW_OK},
    {"i_number_too_big_pos_int.json", LW_OK},
    {"i_object_key_lone_2nd_surrogate.json", LW_E_SYNTAX},
    {"i_string_1st_valid_surrogate_2nd_invalid.json", LW_E_SYNTAX},
    {"i_string_UTF-8_invalid_sequence.json", LW_E_SYNTAX},
    {"i_string_incomplete_surrogate_and_escape_valid.json", LW_E_SYNTAX},
    {"i_string_incomplete_surrogates_escape_valid.json", LW_E_SYNTAX},
    {"i_string_invalid_surrogate.json", LW_E_SYNTAX},
    {"i_string_inverted_surrogates_U+1D11E.json", LW_E_SYNTAX},
    {"i_string_lone_second_surrogate.json", LW_E_SYNTAX},
    {"i_string_not_in_unicode_range.json", LW_E_SYNTAX},
    {"i_string_overlong_sequence_6_bytes.json", LW_E_SYNTAX},
    {"i_string_truncated-utf-8.json", LW_E_SYNTAX},
    {"i_string_utf16LE_no_BOM.json", LW_E_SYNTAX},
    {"i_structure_UTF-8_BOM_empty_object.json", LW_E_SYNTAX},
};

/* Inputs that readers understand differently: refused, or handed out as they stand. */
static const struct judgement transform[] = {
    {"number_-9223372036854775808.json", LW_OK},
    {"number_1.0.json", LW_OK},
    {"number_1000000000000000.json", LW_OK},
    {"number_1e-999.json", LW_OK},
    {"number_9223372036854775807.json", LW_OK},
    {"object_key_nfc_nfd.json", LW_OK},
    {"object_same_key_different_values.json", LW_E_VALUE},
    {"object_same_key_unclear_values.json", LW_E_VALUE},
    {"string_1_invalid_codepoint.json", LW_E_SYNTAX},
    {"string_2_invalid_codepoints.json", LW_E_SYNTAX},
    {"string_3_invalid_codepoints.json", LW_E_SYNTAX},
};

static lw_err judge(const char *folder, const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    LW_AUTO_BUF text = LW_BUF(TEXT_MAX);
    support_vector_file("json", path, &text);
    return wallet_json_check(lw_buf_text(&text));
}

/* A y_ case with a member name given twice is JSON (RFC 8259 section 4: names SHOULD be unique),
 * but refused here: RFC 7515 section 4 demands unique names of headers, RFC 7519 of claims. */
static bool left_out(const char *name)
{
    return strcmp(name, "y_object_duplicated_key.json") == 0 ||
           strcmp(name, "y_object_duplicated_key_and_value.json") == 0;
}

static const struct judgement *find(const char *name)
{
    for (size_t i = 0; i < sizeof(free_choice) / sizeof(free_choice[0]); i++) {
        if (strcmp(free_choice[i].name, name) == 0) {
            return &free_choice[i];
        }
    }
    return NULL;
}

static void check_parsing(const char *name)
{
    const lw_err err = judge("test_parsing", name);
    if (name[0] == 'y') {
        assert_int_equal(err.code, LW_OK);
    } else if (name[0] == 'n') {
        assert_int_not_equal(err.code, LW_OK);
    } else {
        const struct judgement *expected = find(name);
        assert_non_null(expected);
        assert_int_equal(err.code, expected->code);
    }
}

static void json_test_suite_is_judged_as_it_demands(void **state)
{
    (void)state;
    const char *set = support_vectors("json");
    if (set == NULL) {
        skip();
    }
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/test_parsing", set);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    size_t run = 0;
    size_t out = 0;
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        if (left_out(entry->d_name)) {
            assert_int_equal(judge("test_parsing", entry->d_name).code, LW_E_VALUE);
            out++;
            continue;
        }
        check_parsing(entry->d_name);
        run++;
    }
    (void)closedir(dir);
    support_vector_report("json (test_parsing)", run, out,
                          "a member name given twice, refused on purpose", PARSING);
}

static void inputs_that_readers_differ_on_are_judged_as_listed(void **state)
{
    (void)state;
    if (support_vectors("json") == NULL) {
        skip();
    }
    const size_t count = sizeof(transform) / sizeof(transform[0]);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(judge("test_transform", transform[i].name).code, transform[i].code);
    }
    support_vector_report("json (test_transform)", count, 0, "", TRANSFORM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_test_suite_is_judged_as_it_demands),
        cmocka_unit_test(inputs_that_readers_differ_on_are_judged_as_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
