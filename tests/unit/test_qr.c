#include "wallet/qr_write.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "wallet/flow_verify.h"

enum { IMAGE_MAX = 4 * 1024 * 1024 };

static const char scan_program[] = LW_BIN_DIR "/lw-scan";

/* A text of `len` characters of the alphanumeric alphabet. */
static void fill(lw_buf *text, const char *prefix, size_t len)
{
    static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
    assert_int_equal(lw_buf_put_c(text, prefix).code, LW_OK);
    for (size_t i = text->len; i < len; i++) {
        assert_int_equal(lw_buf_put_byte(text, (uint8_t)alphabet[(i * 7 + i / 45) % 45]).code,
                         LW_OK);
    }
}

static void a_code_reads_back_in_every_size(void **state)
{
    static const size_t lens[] = {4, 50, 300, 619, 700, 938, 1100, 1249, 1500, 1853};
    (void)state;
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        for (unsigned module = 2; module <= 6; module += 2) {
            LW_AUTO_BUF text = LW_BUF(4296);
            LW_AUTO_BUF png = LW_BUF(IMAGE_MAX);
            LW_AUTO_BUF back = LW_BUF(8192);
            struct wallet_qr_info info;
            fill(&text, "LQ1:", lens[i]);
            assert_int_equal(
                wallet_qr_write(lw_buf_text(&text), WALLET_QR_PNG, module, &png, &info).code,
                LW_OK);
            assert_true(info.version <= WALLET_QR_VERSION_MAX);
            assert_true(info.level == 'M' ? info.version <= 20 : true);
            assert_int_equal(wallet_scan_image(scan_program, lw_buf_view(&png), &back).code, LW_OK);
            assert_true(lw_str_eq(lw_buf_text(&text), lw_buf_text(&back)));
        }
    }
}

/* Capacities of ISO/IEC 18004 in alphanumeric mode, level M and L. */
static void the_level_falls_before_the_version_grows_past_20(void **state)
{
    static const struct {
        size_t len;
        unsigned version;
        char level;
    } cases[] = {{970, 20, 'M'}, {971, 18, 'L'}, {1853, 25, 'L'}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        LW_AUTO_BUF text = LW_BUF(4296);
        LW_AUTO_BUF svg = LW_BUF(IMAGE_MAX);
        struct wallet_qr_info info;
        fill(&text, "LQ1:", cases[i].len);
        assert_int_equal(wallet_qr_write(lw_buf_text(&text), WALLET_QR_SVG, 4, &svg, &info).code,
                         LW_OK);
        assert_int_equal(info.version, cases[i].version);
        assert_int_equal(info.level, cases[i].level);
        assert_int_equal(info.modules, 17 + 4 * cases[i].version);
    }
}

static void what_no_phone_reads_is_refused(void **state)
{
    LW_AUTO_BUF text = LW_BUF(8192);
    LW_AUTO_BUF out = LW_BUF(IMAGE_MAX);
    (void)state;
    fill(&text, "LQ1:", 1854);
    assert_int_equal(wallet_qr_write(lw_buf_text(&text), WALLET_QR_PNG, 4, &out, NULL).code,
                     LW_E_LIMIT);
    fill(&text, "", 4297);
    assert_int_equal(wallet_qr_write(lw_buf_text(&text), WALLET_QR_PNG, 4, &out, NULL).code,
                     LW_E_LIMIT);
    assert_int_equal(wallet_qr_write(LW_STR(""), WALLET_QR_PNG, 4, &out, NULL).code, LW_E_VALUE);
    assert_int_equal(wallet_qr_write(LW_STR("A"), WALLET_QR_PNG, 0, &out, NULL).code, LW_E_MISUSE);
    assert_int_equal(wallet_qr_write(LW_STR("A"), WALLET_QR_PNG, 33, &out, NULL).code, LW_E_MISUSE);
    assert_int_equal(out.len, 0);
}

static void an_output_too_small_keeps_what_it_held(void **state)
{
    (void)state;
    for (enum wallet_qr_form form = WALLET_QR_PNG; form <= WALLET_QR_TERMINAL; form++) {
        LW_AUTO_BUF out = LW_BUF(100);
        assert_int_equal(lw_buf_put_c(&out, "kept").code, LW_OK);
        assert_int_not_equal(wallet_qr_write(LW_STR("LQ1:ABC"), form, 4, &out, NULL).code, LW_OK);
        assert_true(lw_str_is(lw_buf_text(&out), "kept"));
    }
}

static void lower_case_is_written_in_byte_mode_and_reads_back(void **state)
{
    LW_AUTO_BUF png = LW_BUF(IMAGE_MAX);
    LW_AUTO_BUF back = LW_BUF(8192);
    const lw_str text = LW_STR("openid4vp://?client_id=x&state=\xe8\xaf\x81");
    (void)state;
    assert_int_equal(wallet_qr_write(text, WALLET_QR_PNG, 4, &png, NULL).code, LW_OK);
    assert_int_equal(wallet_scan_image(scan_program, lw_buf_view(&png), &back).code, LW_OK);
    assert_true(lw_str_eq(text, lw_buf_text(&back)));
}

static void images_that_cannot_be_read_say_why(void **state)
{
    /* A PNG of one white pixel, and one that claims 65,536 by 65,536. */
    static const uint8_t white[] = {
        0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48,
        0x44, 0x52, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x00, 0x00, 0x00,
        0x00, 0x3a, 0x7e, 0x9b, 0x55, 0x00, 0x00, 0x00, 0x0a, 0x49, 0x44, 0x41, 0x54, 0x78,
        0x9c, 0x63, 0xf8, 0x0f, 0x00, 0x01, 0x01, 0x01, 0x00, 0xb1, 0x38, 0xf6, 0x14, 0x00,
        0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82};
    static const uint8_t huge[] = {
        0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48,
        0x44, 0x52, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x08, 0x00, 0x00, 0x00,
        0x00, 0x49, 0xef, 0x6f, 0x3f, 0x00, 0x00, 0x00, 0x0a, 0x49, 0x44, 0x41, 0x54, 0x78,
        0x9c, 0x63, 0xf8, 0x0f, 0x00, 0x01, 0x01, 0x01, 0x00, 0xb1, 0x38, 0xf6, 0x14, 0x00,
        0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82};
    LW_AUTO_BUF back = LW_BUF(8192);
    (void)state;
    assert_int_equal(wallet_scan_image(scan_program, LW_BYTES(white), &back).code, LW_E_NOT_FOUND);
    assert_int_equal(
        wallet_scan_image(scan_program, (lw_bytes){.ptr = white, .len = 40}, &back).code,
        LW_E_SYNTAX);
    assert_int_equal(wallet_scan_image(scan_program, lw_str_bytes(LW_STR("no image")), &back).code,
                     LW_E_SYNTAX);
    assert_int_equal(wallet_scan_image(scan_program, (lw_bytes){NULL, 0}, &back).code, LW_E_SYNTAX);
    assert_int_equal(wallet_scan_image(scan_program, LW_BYTES(huge), &back).code, LW_E_LIMIT);
    assert_int_equal(wallet_scan_image("/nonexistent/lw-scan", LW_BYTES(white), &back).code,
                     LW_E_IO);
    assert_int_equal(back.len, 0);
}

static void an_image_past_the_limit_is_not_sent(void **state)
{
    LW_AUTO_BUF image = LW_BUF(32 * 1024 * 1024);
    LW_AUTO_BUF back = LW_BUF(8192);
    uint8_t *room = NULL;
    (void)state;
    assert_int_equal(lw_buf_reserve(&image, 16 * 1024 * 1024 + 1, &room).code, LW_OK);
    memset(room, 0, 16 * 1024 * 1024 + 1);
    lw_buf_commit(&image, 16 * 1024 * 1024 + 1);
    assert_int_equal(wallet_scan_image(scan_program, lw_buf_view(&image), &back).code, LW_E_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_code_reads_back_in_every_size),
        cmocka_unit_test(the_level_falls_before_the_version_grows_past_20),
        cmocka_unit_test(what_no_phone_reads_is_refused),
        cmocka_unit_test(an_output_too_small_keeps_what_it_held),
        cmocka_unit_test(lower_case_is_written_in_byte_mode_and_reads_back),
        cmocka_unit_test(images_that_cannot_be_read_say_why),
        cmocka_unit_test(an_image_past_the_limit_is_not_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
