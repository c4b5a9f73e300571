/* The set "base-encodings": RFC 4648 and RFC 9285 values, and texts a strict decoder refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "bytes.h"
#include "vectors.h"
#include "wallet/base45.h"
#include "wallet/base64.h"

static lw_str text_of(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    assert_true(json_is_string(value));
    return (lw_str){.ptr = json_string_value(value), .len = json_string_length(value)};
}

/* The bytes a case is about: "text" as it stands, or "hex". */
static void bytes_of(const json_t *object, lw_buf *out)
{
    if (json_object_get(object, "text") != NULL) {
        assert_int_equal(lw_buf_put_str(out, text_of(object, "text")).code, LW_OK);
        return;
    }
    support_hex(text_of(object, "hex").ptr, out);
}

typedef lw_err encoder(lw_bytes in, lw_buf *out);
typedef lw_err decoder(lw_str in, lw_buf *out);

static void check_pair(const json_t *object, const char *name, encoder *encode, decoder *decode)
{
    LW_AUTO_BUF bytes = LW_BUF(1024);
    LW_AUTO_BUF text = LW_BUF(1024);
    LW_AUTO_BUF back = LW_BUF(1024);
    bytes_of(object, &bytes);
    assert_int_equal(encode(lw_buf_view(&bytes), &text).code, LW_OK);
    assert_true(lw_str_eq(lw_buf_text(&text), text_of(object, name)));
    assert_int_equal(decode(text_of(object, name), &back).code, LW_OK);
    assert_true(lw_bytes_eq(lw_buf_view(&back), lw_buf_view(&bytes)));
}

static size_t check_refused(const json_t *list, const char *name, decoder *decode)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        LW_AUTO_BUF out = LW_BUF(1024);
        const lw_str text = text_of(json_array_get(list, i), name);
        assert_int_equal(decode(text, &out).code, LW_E_SYNTAX);
        assert_int_equal(out.len, 0);
    }
    return json_array_size(list);
}

static void base64_vectors_hold(void **state)
{
    (void)state;
    if (support_vectors("base-encodings") == NULL) {
        skip();
    }
    json_t *file = support_vector_json("base-encodings", "base64-rfc4648.json");
    const json_t *valid = json_object_get(file, "valid");
    size_t run = json_array_size(valid);
    for (size_t i = 0; i < json_array_size(valid); i++) {
        const json_t *one = json_array_get(valid, i);
        check_pair(one, "base64url_nopad", wallet_base64url_encode, wallet_base64url_decode);
        check_pair(one, "base64", wallet_base64_encode, wallet_base64_decode);
    }
    run += check_refused(json_object_get(file, "invalid_base64url_nopad"), "value",
                         wallet_base64url_decode);
    support_vector_report("base-encodings (base64)", run, 0, "", 20);
    json_decref(file);
}

static void base45_vectors_hold(void **state)
{
    (void)state;
    if (support_vectors("base-encodings") == NULL) {
        skip();
    }
    json_t *file = support_vector_json("base-encodings", "base45-rfc9285.json");
    const json_t *valid = json_object_get(file, "valid");
    size_t run = json_array_size(valid);
    for (size_t i = 0; i < json_array_size(valid); i++) {
        check_pair(json_array_get(valid, i), "base45", wallet_base45_encode, wallet_base45_decode);
    }
    run += check_refused(json_object_get(file, "invalid"), "base45", wallet_base45_decode);
    support_vector_report("base-encodings (base45)", run, 0, "", 16);
    json_decref(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_vectors_hold),
        cmocka_unit_test(base45_vectors_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
