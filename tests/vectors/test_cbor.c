/*
 * The set "cbor": RFC 8949 appendix A (values, read and written again) and appendix F (bytes that
 * are not well formed). Indefinite lengths are well formed but refused here: left out, and the
 * refusal is checked. Floats are read at any width; no writer makes them.
 */
#include "wallet/cbor.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "bytes.h"
#include "cbor_rewrite.h"
#include "vectors.h"

enum { SPACE = 4096, APPENDIX_A = 41, APPENDIX_F = 94 };

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    assert_non_null(text);
    return text;
}

static bool is_indefinite(lw_bytes in)
{
    const lw_err err = wallet_cbor_check(in);
    return err.code == LW_E_SYNTAX && strcmp(err.why, "cbor: indefinite length") == 0;
}

/* Compares an item with what it decodes to, as far as JSON can say it. */
static void check_value(struct wallet_cbor *r, const json_t *value);

static void check_map(struct wallet_cbor *r, const json_t *object)
{
    const size_t pairs = wallet_cbor_map(r);
    assert_int_equal(pairs, json_object_size(object));
    for (size_t i = 0; i < pairs; i++) {
        const lw_str key = wallet_cbor_text(r);
        char name[16] = "";
        assert_true(key.len < sizeof(name));
        memcpy(name, key.ptr, key.len);
        check_value(r, json_object_get(object, name));
    }
}

static void check_number(struct wallet_cbor *r, const json_t *value)
{
    if (wallet_cbor_peek(r) == WALLET_CBOR_FLOAT) {
        assert_true(wallet_cbor_float(r) == json_number_value(value));
    } else {
        assert_true((double)wallet_cbor_int(r) == json_number_value(value));
    }
}

static void check_value(struct wallet_cbor *r, const json_t *value)
{
    if (json_is_object(value)) {
        check_map(r, value);
    } else if (json_is_array(value)) {
        assert_int_equal(wallet_cbor_array(r), json_array_size(value));
        for (size_t i = 0; i < json_array_size(value); i++) {
            check_value(r, json_array_get(value, i));
        }
    } else if (json_is_string(value)) {
        const lw_str text = {json_string_value(value), json_string_length(value)};
        assert_true(lw_str_eq(wallet_cbor_text(r), text));
    } else if (json_is_boolean(value)) {
        assert_int_equal(wallet_cbor_bool(r), json_is_true(value));
    } else if (json_is_null(value)) {
        wallet_cbor_null(r);
    } else {
        check_number(r, value);
    }
}

/* The values that JSON cannot say: the largest integers, floats, simple values, tags, bytes. */
static void check_diagnostic(struct wallet_cbor *r, const char *diagnostic)
{
    if (strcmp(diagnostic, "NaN") == 0) {
        assert_true(isnan(wallet_cbor_float(r)));
    } else if (strcmp(diagnostic, "Infinity") == 0) {
        assert_true(wallet_cbor_float(r) == HUGE_VAL);
    } else if (strcmp(diagnostic, "-Infinity") == 0) {
        assert_true(wallet_cbor_float(r) == -HUGE_VAL);
    } else if (strcmp(diagnostic, "simple(16)") == 0) {
        assert_int_equal(wallet_cbor_simple(r), 16);
    } else if (strcmp(diagnostic, "simple(255)") == 0) {
        assert_int_equal(wallet_cbor_simple(r), 255);
    } else if (strcmp(diagnostic, "1(1363896240)") == 0) {
        assert_int_equal(wallet_cbor_tag(r), 1);
        assert_int_equal(wallet_cbor_int(r), 1363896240);
    } else if (strcmp(diagnostic, "32(\"http://www.example.com\")") == 0) {
        assert_int_equal(wallet_cbor_tag(r), 32);
        assert_true(lw_str_is(wallet_cbor_text(r), "http://www.example.com"));
    } else {
        const uint8_t bytes[] = {1, 2, 3, 4};
        if (wallet_cbor_peek(r) == WALLET_CBOR_TAG) {
            assert_string_equal(diagnostic, "23(h'01020304')");
            assert_int_equal(wallet_cbor_tag(r), 23);
        } else {
            assert_string_equal(diagnostic, "h'01020304'");
        }
        assert_true(lw_bytes_eq(wallet_cbor_bytes(r), LW_BYTES(bytes)));
    }
}

/* -2^64 is well formed and has no place in an int64_t. */
static bool is_beyond_int64(lw_bytes in)
{
    return in.len == 9 && in.ptr[0] == 0x3b && in.ptr[1] >= 0x80;
}

static void check_appendix_a(const json_t *item, lw_bytes in)
{
    struct wallet_cbor r = wallet_cbor_reader(in);
    const json_t *decoded = json_object_get(item, "decoded");
    if (is_beyond_int64(in)) {
        (void)wallet_cbor_int(&r);
        assert_int_equal(r.err.code, LW_E_VALUE);
        return;
    }
    if (decoded == NULL) {
        check_diagnostic(&r, text_of(item, "diagnostic"));
    } else if (in.ptr[0] == 0x1b) {
        assert_true(wallet_cbor_uint(&r) == UINT64_MAX);
    } else {
        check_value(&r, decoded);
    }
    assert_int_equal(wallet_cbor_finish(&r).code, LW_OK);
    LW_AUTO_BUF out = LW_BUF(SPACE);
    r = wallet_cbor_reader(in);
    support_cbor_rewrite(&r, &out);
    assert_true(lw_bytes_eq(lw_buf_view(&out), in));
}

/* Appendix A holds integers beyond jansson's: all numbers are read as reals. */
static json_t *load(const char *path)
{
    LW_AUTO_BUF text = LW_BUF(1 << 16);
    support_vector_file("cbor", path, &text);
    json_t *json = json_loadb((const char *)text.ptr, text.len,
                              JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
    assert_non_null(json);
    return json;
}

static void vectors_of_rfc_8949_hold(void **state)
{
    (void)state;
    if (support_vectors("cbor") == NULL) {
        skip();
    }
    size_t run = 0;
    size_t left_out = 0;
    json_t *a = load("appendix_a.json");
    for (size_t i = 0; i < json_array_size(a); i++) {
        LW_AUTO_BUF in = LW_BUF(SPACE);
        support_hex(text_of(json_array_get(a, i), "hex"), &in);
        if (is_indefinite(lw_buf_view(&in))) {
            left_out++;
            continue;
        }
        assert_int_equal(wallet_cbor_check(lw_buf_view(&in)).code, LW_OK);
        check_appendix_a(json_array_get(a, i), lw_buf_view(&in));
        run++;
    }
    assert_int_equal(json_array_size(a), APPENDIX_A);
    assert_int_equal(left_out, 5);
    json_decref(a);
    json_t *f = load("not_well_formed.json");
    for (size_t i = 0; i < json_array_size(f); i++) {
        LW_AUTO_BUF in = LW_BUF(SPACE);
        support_hex(text_of(json_array_get(f, i), "hex"), &in);
        assert_int_equal(wallet_cbor_check(lw_buf_view(&in)).code, LW_E_SYNTAX);
        run++;
    }
    json_decref(f);
    support_vector_report("cbor", run, left_out,
                          "indefinite lengths: well formed, but refused here, which is checked",
                          APPENDIX_A + APPENDIX_F);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(vectors_of_rfc_8949_hold)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
