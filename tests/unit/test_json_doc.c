#include "wallet/json_doc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static lw_bytes bytes_of(const char *text)
{
    return lw_str_bytes(lw_str_c(text));
}

static json_t *parse(const char *text)
{
    json_t *doc = NULL;
    assert_int_equal(wallet_json_doc_parse(bytes_of(text), 4096, &doc).code, LW_OK);
    return doc;
}

static void a_document_reads_and_writes_in_its_order(void **state)
{
    (void)state;
    WALLET_AUTO_JSON doc = parse(" {\"z\": [1, true, null, \"\\u8bc1\"], \"a\": {\"b\": -2}} ");
    LW_AUTO_BUF out = LW_BUF(256);
    assert_int_equal(wallet_json_doc_write(doc, &out).code, LW_OK);
    assert_true(
        lw_str_is(lw_buf_text(&out), "{\"z\":[1,true,null,\"\xe8\xaf\x81\"],\"a\":{\"b\":-2}}"));
    LW_AUTO_BUF small = LW_BUF(8);
    assert_int_equal(lw_buf_put_c(&small, "x").code, LW_OK);
    assert_int_equal(wallet_json_doc_write(doc, &small).code, LW_E_LIMIT);
    assert_int_equal(small.len, 1);
}

static void bad_documents_are_refused_with_code_and_offset(void **state)
{
    static const struct {
        const char *text;
        lw_code code;
        size_t at;
    } cases[] = {
        {"", LW_E_SYNTAX, 0},
        {"{\"a\":1,}", LW_E_SYNTAX, 8},
        {"{\"a\":1,\"a\":2}", LW_E_SYNTAX, 10},
        {"{\"b\":{\"a\":1,\"a\":2}}", LW_E_SYNTAX, 15},
        {"{} {}", LW_E_SYNTAX, 4},
        {"\"text\"", LW_E_SYNTAX, 6},
        {"\xef\xbb\xbf{}", LW_E_SYNTAX, 3},
        {"{\"a\":\"\xff\"}", LW_E_SYNTAX, LW_NOWHERE},
        {"{\"a\":\"\\u0000\"}", LW_E_SYNTAX, LW_NOWHERE},
        {"{\"a\":\"\\ud800\"}", LW_E_SYNTAX, LW_NOWHERE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_t *doc = NULL;
        const lw_err err = wallet_json_doc_parse(bytes_of(cases[i].text), 4096, &doc);
        assert_int_equal(err.code, cases[i].code);
        assert_null(doc);
        if (cases[i].at != LW_NOWHERE) {
            assert_int_equal(err.at, cases[i].at);
        }
    }
}

static void a_name_given_twice_is_said_to_be(void **state)
{
    (void)state;
    json_t *doc = NULL;
    const lw_err err = wallet_json_doc_parse(bytes_of("{\"a\":1,\"a\":2}"), 4096, &doc);
    assert_string_equal(err.why, "json: member name given twice");
}

static void *no_memory(size_t size)
{
    (void)size;
    return NULL;
}

static void memory_that_is_not_there_is_no_fault_of_the_document(void **state)
{
    (void)state;
    json_malloc_t take = NULL;
    json_free_t give = NULL;
    json_t *doc = NULL;
    json_get_alloc_funcs(&take, &give);
    json_set_alloc_funcs(no_memory, give);
    const lw_err err = wallet_json_doc_parse(bytes_of("[]"), 4096, &doc);
    json_set_alloc_funcs(take, give);
    assert_int_equal(err.code, LW_E_NOMEM);
    assert_null(doc);
}

static void size_and_depth_are_bounded(void **state)
{
    (void)state;
    WALLET_AUTO_JSON doc = NULL;
    assert_int_equal(wallet_json_doc_parse(bytes_of("[\"ab\"]"), 6, &doc).code, LW_OK);
    json_t *none = NULL;
    assert_int_equal(wallet_json_doc_parse(bytes_of("[\"abc\"]"), 6, &none).code, LW_E_LIMIT);

    char text[2 * (WALLET_JSON_DOC_DEPTH_MAX + 1)];
    memset(text, '[', WALLET_JSON_DOC_DEPTH_MAX);
    memset(text + WALLET_JSON_DOC_DEPTH_MAX, ']', WALLET_JSON_DOC_DEPTH_MAX);
    WALLET_AUTO_JSON deep = NULL;
    const lw_bytes fits = {(const uint8_t *)text, 2 * WALLET_JSON_DOC_DEPTH_MAX};
    assert_int_equal(wallet_json_doc_parse(fits, 4096, &deep).code, LW_OK);
    memset(text, '[', WALLET_JSON_DOC_DEPTH_MAX + 1);
    memset(text + WALLET_JSON_DOC_DEPTH_MAX + 1, ']', WALLET_JSON_DOC_DEPTH_MAX + 1);
    const lw_err err =
        wallet_json_doc_parse((lw_bytes){(const uint8_t *)text, sizeof(text)}, 4096, &none);
    assert_int_equal(err.code, LW_E_LIMIT);
    assert_int_equal(err.at, WALLET_JSON_DOC_DEPTH_MAX);
    assert_null(none);
}

static void brackets_inside_text_are_not_depth(void **state)
{
    (void)state;
    char text[256] = "[\"\\\"";
    const size_t head = strlen(text);
    memset(text + head, '[', 200);
    memcpy(text + head + 200, "\"]", 3);
    WALLET_AUTO_JSON doc = parse(text);
    assert_int_equal(json_string_length(json_array_get(doc, 0)), 201);
}

static void every_fault_is_reported_with_its_pointer(void **state)
{
    (void)state;
    WALLET_AUTO_JSON doc =
        parse("{\"id\":7,\"n\":12,\"a/b~c\":[\"x\",true,\"\"],\"f\":1,\"w\":\"no\","
              "\"t\":\"abc\",\"extra\":{},\"o\":[]}");
    struct wallet_doc_error list[16];
    struct wallet_json_faults faults = {.list = list, .max = 16};
    const struct wallet_json_at root = wallet_json_at_root(doc, &faults);
    const struct wallet_json_at id = wallet_json_at_member(&root, "id");
    const struct wallet_json_at n = wallet_json_at_member(&root, "n");
    const struct wallet_json_at odd = wallet_json_at_member(&root, "a/b~c");
    const struct wallet_json_at f = wallet_json_at_member(&root, "f");
    const struct wallet_json_at w = wallet_json_at_member(&root, "w");
    const struct wallet_json_at t = wallet_json_at_member(&root, "t");
    const struct wallet_json_at o = wallet_json_at_member(&root, "o");
    const struct wallet_json_at gone = wallet_json_at_member(&root, "gone");
    lw_str texts[8];
    assert_int_equal(wallet_json_at_text(&id, 1, 9).len, 0);
    assert_int_equal(wallet_json_at_int(&n, 0, 11), 0);
    assert_int_equal(wallet_json_at_int(&n, 13, 99), 0);
    assert_int_equal(wallet_json_at_texts(&odd, 1, 8, texts), 3);
    assert_false(wallet_json_at_bool(&f));
    assert_int_equal(wallet_json_at_word(&w, (const char *const[]){"yes", NULL}), SIZE_MAX);
    assert_int_equal(wallet_json_at_text(&t, 4, 9).len, 0);
    assert_int_equal(wallet_json_at_text(&t, 1, 2).len, 0);
    assert_false(wallet_json_at_object(&o));
    assert_int_equal(wallet_json_at_array(&o, 1, 2), 0);
    assert_int_equal(wallet_json_at_array(&odd, 1, 2), 0);
    assert_int_equal(wallet_json_at_int(&gone, 0, 9), 0);
    wallet_json_at_only(&root, (const char *const[]){"id", "n", "a/b~c", "f", "w", "t", "o", NULL});

    static const char *const expected[][2] = {
        {"/id", "must be text"},
        {"/n", "is too large"},
        {"/n", "is too small"},
        {"/a~1b~0c/1", "must be text"},
        {"/a~1b~0c/2", "is too short"},
        {"/f", "must be true or false"},
        {"/w", "is none of the words allowed here"},
        {"/t", "is too short"},
        {"/t", "is too long"},
        {"/o", "must be an object"},
        {"/o", "has too few elements"},
        {"/a~1b~0c", "has too many elements"},
        {"/gone", "is missing"},
        {"/extra", "is not known here"},
    };
    assert_int_equal(faults.count, sizeof(expected) / sizeof(expected[0]));
    for (size_t i = 0; i < faults.count; i++) {
        assert_string_equal(list[i].pointer, expected[i][0]);
        assert_string_equal(list[i].what, expected[i][1]);
    }
}

static void values_within_bounds_are_read_without_fault(void **state)
{
    (void)state;
    WALLET_AUTO_JSON doc =
        parse("{\"t\":\"abc\",\"n\":5,\"b\":true,\"w\":\"two\",\"l\":[\"p\",\"q\"]}");
    struct wallet_json_faults faults = {.list = NULL, .max = 0};
    const struct wallet_json_at root = wallet_json_at_root(doc, &faults);
    const struct wallet_json_at t = wallet_json_at_member(&root, "t");
    const struct wallet_json_at n = wallet_json_at_member(&root, "n");
    const struct wallet_json_at b = wallet_json_at_member(&root, "b");
    const struct wallet_json_at w = wallet_json_at_member(&root, "w");
    const struct wallet_json_at l = wallet_json_at_member(&root, "l");
    const struct wallet_json_at gone = wallet_json_at_member(&root, "gone");
    lw_str texts[2];
    assert_true(lw_str_is(wallet_json_at_text(&t, 3, 3), "abc"));
    assert_int_equal(wallet_json_at_int(&n, 5, 5), 5);
    assert_true(wallet_json_at_bool(&b));
    assert_int_equal(wallet_json_at_word(&w, (const char *const[]){"one", "two", NULL}), 1);
    assert_int_equal(wallet_json_at_texts(&l, 2, 2, texts), 2);
    assert_true(lw_str_is(texts[1], "q"));
    assert_true(lw_str_is(wallet_json_at_text_or(&gone, 9, LW_STR("d")), "d"));
    assert_int_equal(wallet_json_at_int_or(&gone, 0, 9, 4), 4);
    assert_int_equal(wallet_json_at_int_or(&n, 0, 9, 4), 5);
    assert_true(wallet_json_at_bool_or(&gone, true));
    assert_int_equal(wallet_json_at_texts(&gone, 0, 2, texts), 0);
    assert_false(wallet_json_at_present(&gone));
    assert_true(wallet_json_at_present(&t));
    assert_int_equal(faults.count, 0);
    wallet_json_at_fault(&t, "counted though there is no room to keep it");
    assert_int_equal(faults.count, 1);
}

static void a_long_pointer_is_cut_short(void **state)
{
    (void)state;
    struct wallet_json_faults faults = {.list = NULL, .max = 0};
    const struct wallet_json_at root = wallet_json_at_root(NULL, &faults);
    char name[200];
    char pointer[WALLET_POINTER_MAX];
    for (size_t len = 100; len < 140; len++) {
        memset(name, 'n', len);
        name[len] = '\0';
        const struct wallet_json_at member = wallet_json_at_member(&root, name);
        wallet_json_at_pointer(&member, pointer);
        assert_int_equal(pointer[0], '/');
        if (len + 1 < WALLET_POINTER_MAX) {
            assert_int_equal(strlen(pointer), len + 1);
        } else {
            assert_string_equal(pointer + strlen(pointer) - 3, "...");
        }
    }
    wallet_json_at_pointer(&root, pointer);
    assert_string_equal(pointer, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_reads_and_writes_in_its_order),
        cmocka_unit_test(bad_documents_are_refused_with_code_and_offset),
        cmocka_unit_test(a_name_given_twice_is_said_to_be),
        cmocka_unit_test(memory_that_is_not_there_is_no_fault_of_the_document),
        cmocka_unit_test(size_and_depth_are_bounded),
        cmocka_unit_test(brackets_inside_text_are_not_depth),
        cmocka_unit_test(every_fault_is_reported_with_its_pointer),
        cmocka_unit_test(values_within_bounds_are_read_without_fault),
        cmocka_unit_test(a_long_pointer_is_cut_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
