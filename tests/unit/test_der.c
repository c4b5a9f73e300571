/* Strict DER, inside hsm: what certificates are checked with before OpenSSL sees them. */
#include "../../hsm/src/der.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "bytes.h"

static const struct {
    const char *hex;
    lw_code code;
    size_t at;
} cases[] = {
    {"0500", LW_OK, LW_NOWHERE},
    {"3000", LW_OK, LW_NOWHERE},
    {"30020500", LW_OK, LW_NOWHERE},
    {"30040500 0500", LW_OK, LW_NOWHERE},
    /* Cut off, or with more behind. */
    {"", LW_E_SYNTAX, 0},
    {"05", LW_E_SYNTAX, 1},
    {"0401", LW_E_SYNTAX, 2},
    {"040201", LW_E_SYNTAX, 3},
    {"050000", LW_E_SYNTAX, 2},
    {"30030500 05", LW_E_SYNTAX, 5},
    {"30030402 00", LW_E_SYNTAX, 5},
    /* Lengths: X.690 sections 10.1 and 8.1.3. */
    {"30800000", LW_E_SYNTAX, 1},
    {"0481", LW_E_SYNTAX, 2},
    {"048200", LW_E_SYNTAX, 3},
    {"048100", LW_E_SYNTAX, 1},
    {"04817f", LW_E_SYNTAX, 1},
    {"0482007f", LW_E_SYNTAX, 1},
    {"04820080", LW_E_SYNTAX, 1},
    {"0483000100", LW_E_SYNTAX, 1},
    {"048400000001 00", LW_E_SYNTAX, 1},
    {"04850000000001 00", LW_E_SYNTAX, 1},
    {"04ff", LW_E_SYNTAX, 1},
    {"0481ff", LW_E_SYNTAX, 3},
    {"3003 048101", LW_E_SYNTAX, 3},
    /* Tags of several bytes. */
    {"1f0100", LW_E_SYNTAX, 0},
    {"bf2500", LW_E_SYNTAX, 0},
    {"0000", LW_E_SYNTAX, 0},
    /* BOOLEAN: TRUE alone. */
    {"0101ff", LW_OK, LW_NOWHERE},
    {"010100", LW_E_SYNTAX, 0},
    {"010101", LW_E_SYNTAX, 0},
    {"0100", LW_E_SYNTAX, 0},
    {"0102ffff", LW_E_SYNTAX, 0},
    /* INTEGER and ENUMERATED: section 8.3.2. */
    {"020100", LW_OK, LW_NOWHERE},
    {"0201ff", LW_OK, LW_NOWHERE},
    {"02020080", LW_OK, LW_NOWHERE},
    {"0202ff7f", LW_OK, LW_NOWHERE},
    {"0a0101", LW_OK, LW_NOWHERE},
    {"0200", LW_E_SYNTAX, 0},
    {"0202007f", LW_E_SYNTAX, 0},
    {"02020000", LW_E_SYNTAX, 0},
    {"0202ff80", LW_E_SYNTAX, 0},
    {"0202ffff", LW_E_SYNTAX, 0},
    {"0a020001", LW_E_SYNTAX, 0},
    /* BIT STRING: section 11.2. */
    {"030100", LW_OK, LW_NOWHERE},
    {"03020780", LW_OK, LW_NOWHERE},
    {"03020001", LW_OK, LW_NOWHERE},
    {"0300", LW_E_SYNTAX, 0},
    {"030101", LW_E_SYNTAX, 0},
    {"03020800", LW_E_SYNTAX, 0},
    {"03020101", LW_E_SYNTAX, 0},
    {"030207c0", LW_E_SYNTAX, 0},
    /* NULL and OBJECT IDENTIFIER: section 8.19. */
    {"050100", LW_E_SYNTAX, 0},
    {"0603551d0f", LW_OK, LW_NOWHERE},
    {"06022a8648", LW_E_SYNTAX, 4},
    {"06032a8648", LW_OK, LW_NOWHERE},
    {"0600", LW_E_SYNTAX, 0},
    {"060155", LW_OK, LW_NOWHERE},
    {"060180", LW_E_SYNTAX, 0},
    {"06028001", LW_E_SYNTAX, 0},
    {"0603558001", LW_E_SYNTAX, 0},
    {"06025581", LW_E_SYNTAX, 0},
    {"0603558100", LW_OK, LW_NOWHERE},
    /* Times: RFC 5280 section 4.1.2.5. */
    {"170d3236313132343038333030305a", LW_OK, LW_NOWHERE},
    {"180f32303530313132343038333030305a", LW_OK, LW_NOWHERE},
    {"170b323631313234303833305a", LW_E_SYNTAX, 0},
    {"170d32363131323430383330303030", LW_E_SYNTAX, 0},
    {"170d3236313132343038333030415a", LW_E_SYNTAX, 0},
    {"170d3236313132343038333030305b", LW_E_SYNTAX, 0},
    {"170d2f36313132343038333030305a", LW_E_SYNTAX, 0},
    {"180d3236313132343038333030305a", LW_E_SYNTAX, 0},
    {"170f32303530313132343038333030305a", LW_E_SYNTAX, 0},
    {"1700", LW_E_SYNTAX, 0},
    /* Constructed or not: sections 8.9 to 8.12 and 10.2. */
    {"1000", LW_E_SYNTAX, 0},
    {"1100", LW_E_SYNTAX, 0},
    {"2400", LW_E_SYNTAX, 0},
    {"2c00", LW_E_SYNTAX, 0},
    {"2100", LW_E_SYNTAX, 0},
    {"2000", LW_E_SYNTAX, 0},
    {"8000", LW_OK, LW_NOWHERE},
    {"a000", LW_OK, LW_NOWHERE},
    {"a0020100", LW_E_SYNTAX, 2},
    {"80020100", LW_OK, LW_NOWHERE}, /* an implicit type cannot be known */
    {"0c0141", LW_OK, LW_NOWHERE},
    /* SET in order: section 11.6. */
    {"3106 020101 020102", LW_OK, LW_NOWHERE},
    {"3106 020101 020101", LW_OK, LW_NOWHERE},
    {"3106 020102 020101", LW_E_SYNTAX, 5},
    {"3006 020102 020101", LW_OK, LW_NOWHERE},
    {"3107 02020080 020101", LW_E_SYNTAX, 6},
};

static void what_is_not_the_one_form_is_refused_at_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        LW_AUTO_BUF in = LW_BUF(64);
        support_hex(cases[i].hex, &in);
        const lw_err err = hsm_der_check(lw_buf_view(&in));
        if (err.code != cases[i].code || err.at != cases[i].at) {
            fail_msg("%s: %s at %zu", cases[i].hex, lw_code_name(err.code), err.at);
        }
    }
}

static void lengths_of_each_form_are_read(void **state)
{
    static uint8_t in[70000];
    static const size_t lengths[] = {0, 1, 127, 128, 255, 256, 65535, 65536};
    (void)state;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        const size_t len = lengths[i];
        size_t head = 2;
        in[0] = 0x04;
        in[1] = (uint8_t)len;
        if (len > 65535) {
            memcpy(in + 1, (uint8_t[]){0x83, 1, 0, 0}, 4);
            head = 5;
        } else if (len > 255) {
            memcpy(in + 1, (uint8_t[]){0x82, (uint8_t)(len >> 8), (uint8_t)len}, 3);
            head = 4;
        } else if (len > 127) {
            memcpy(in + 1, (uint8_t[]){0x81, (uint8_t)len}, 2);
            head = 3;
        }
        struct hsm_der e;
        lw_bytes rest = {.ptr = in, .len = head + len + 1};
        assert_int_equal(hsm_der_next(&rest, 0x04, &e).code, LW_OK);
        assert_int_equal(e.content.len, len);
        assert_int_equal(e.whole.len, head + len);
        assert_int_equal(rest.len, 1);
        const lw_bytes cut = {.ptr = in, .len = head + len - (len > 0 ? 1 : 0)};
        assert_int_equal(hsm_der_first(cut, &e).code, len > 0 ? LW_E_SYNTAX : LW_OK);
    }
}

static void another_tag_is_refused_and_nothing_passed_over(void **state)
{
    static const uint8_t in[] = {0x02, 0x01, 0x05, 0x05, 0x00};
    struct hsm_der e;
    lw_bytes rest = LW_BYTES(in);
    (void)state;
    assert_int_equal(hsm_der_next(&rest, HSM_DER_NULL, &e).code, LW_E_SYNTAX);
    assert_ptr_equal(rest.ptr, in);
    assert_int_equal(hsm_der_next(&rest, HSM_DER_INTEGER, &e).code, LW_OK);
    assert_int_equal(e.content.ptr[0], 5);
    assert_int_equal(hsm_der_next(&rest, HSM_DER_NULL, &e).code, LW_OK);
    assert_int_equal(rest.len, 0);
    assert_int_equal(hsm_der_next(&rest, HSM_DER_NULL, &e).code, LW_E_SYNTAX);
}

static void nesting_ends_at_16(void **state)
{
    (void)state;
    for (size_t depth = 1; depth <= 40; depth++) {
        uint8_t in[80];
        for (size_t i = 0; i < depth; i++) {
            in[2 * i] = HSM_DER_SEQUENCE;
            in[2 * i + 1] = (uint8_t)(2 * (depth - 1 - i));
        }
        const lw_err err = hsm_der_check((lw_bytes){.ptr = in, .len = 2 * depth});
        assert_int_equal(err.code, depth <= 16 ? LW_OK : LW_E_SYNTAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_the_one_form_is_refused_at_its_place),
        cmocka_unit_test(lengths_of_each_form_are_read),
        cmocka_unit_test(another_tag_is_refused_and_nothing_passed_over),
        cmocka_unit_test(nesting_ends_at_16),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
