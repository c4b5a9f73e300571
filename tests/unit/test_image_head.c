/* Images known by their headers and the bounds of their parts; refused when cut anywhere. */
#include "wallet/image.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* T.81 annex B: SOI, APP0, SOF0 of 3 by 5 pixels, SOS, two bytes of data, EOI. */
static const uint8_t jpeg[] = {0xff, 0xd8, 0xff, 0xe0, 0, 4, 'J',  'F', 0xff, 0xff, 0xc0, 0,
                               11,   8,    0,    5,    0, 3, 1,    1,   0x11, 0,    0xff, 0xda,
                               0,    8,    1,    1,    0, 0, 0x3f, 0,   0x12, 0x34, 0xff, 0xd9};

/* PNG sections 11.2.1 to 11.2.4: IHDR of 3 by 5 pixels, IDAT with one byte, IEND. */
static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13,
                              'I',  'H', 'D', 'R', 0,    0,    0,    3,    0, 0, 0, 5,
                              8,    0,   0,   0,   0,    1,    2,    3,    4, 0, 0, 0,
                              1,    'I', 'D', 'A', 'T',  9,    1,    2,    3, 4, 0, 0,
                              0,    0,   'I', 'E', 'N',  'D',  1,    2,    3, 4};

static lw_code check(const uint8_t *bytes, size_t len)
{
    struct wallet_image image;
    return wallet_image_check((lw_bytes){bytes, len}, &image).code;
}

/* Checks a copy with one byte changed. */
static lw_code with(const uint8_t *bytes, size_t len, size_t at, uint8_t byte)
{
    uint8_t changed[sizeof(png)];
    assert_true(len <= sizeof(changed) && at < len);
    memcpy(changed, bytes, len);
    changed[at] = byte;
    return check(changed, len);
}

static void an_image_tells_its_kind_and_size(void **state)
{
    struct wallet_image image;
    (void)state;
    assert_int_equal(wallet_image_check(LW_BYTES(jpeg), &image).code, LW_OK);
    assert_int_equal(image.media, WALLET_IMAGE_JPEG);
    assert_int_equal(image.width, 3);
    assert_int_equal(image.height, 5);
    assert_int_equal(wallet_image_check(LW_BYTES(png), &image).code, LW_OK);
    assert_int_equal(image.media, WALLET_IMAGE_PNG);
    assert_int_equal(image.width, 3);
    assert_int_equal(image.height, 5);
}

static void an_image_cut_anywhere_is_refused(void **state)
{
    (void)state;
    for (size_t len = 0; len < sizeof(jpeg); len++) {
        assert_true(check(jpeg, len) != LW_OK);
    }
    for (size_t len = 0; len < sizeof(png); len++) {
        assert_true(check(png, len) != LW_OK);
    }
}

static void what_is_no_image_is_told_from_what_is_damaged(void **state)
{
    (void)state;
    assert_int_equal(check((const uint8_t *)"GIF89a", 6), LW_E_UNSUPPORTED);
    assert_int_equal(check((const uint8_t *)"", 0), LW_E_UNSUPPORTED);
    assert_int_equal(check(jpeg, 20), LW_E_SYNTAX);
    assert_int_equal(check(png, 40), LW_E_SYNTAX);
}

static void a_jpeg_has_one_frame_before_its_scan(void **state)
{
    static const uint8_t twice[] = {0xff, 0xd8, 0xff, 0xc0, 0, 8, 8,    0,   5, 0,
                                    3,    1,    0xff, 0xc0, 0, 8, 8,    0,   5, 0,
                                    3,    1,    0xff, 0xda, 0, 2, 0xff, 0xd9};
    static const uint8_t none[] = {0xff, 0xd8, 0xff, 0xda, 0, 2, 0xff, 0xd9};
    (void)state;
    assert_int_equal(check(twice, sizeof(twice)), LW_E_SYNTAX);
    assert_int_equal(check(none, sizeof(none)), LW_E_SYNTAX);
    /* A table in place of the frame; a frame too short; markers that have no segment. */
    assert_int_equal(with(jpeg, sizeof(jpeg), 10, 0xc4), LW_E_SYNTAX);
    assert_int_equal(with(jpeg, sizeof(jpeg), 10, 0xc8), LW_E_SYNTAX);
    assert_int_equal(with(jpeg, sizeof(jpeg), 10, 0xcc), LW_E_SYNTAX);
    assert_int_equal(with(jpeg, sizeof(jpeg), 12, 7), LW_E_SYNTAX);
    assert_int_equal(with(jpeg, sizeof(jpeg), 3, 0xd8), LW_E_SYNTAX);
    assert_int_equal(with(jpeg, sizeof(jpeg), 3, 0x01), LW_E_SYNTAX);
    assert_int_equal(with(jpeg, sizeof(jpeg), 5, 1), LW_E_SYNTAX);
    assert_int_equal(with(jpeg, sizeof(jpeg), 4, 1), LW_E_SYNTAX);
    assert_int_equal(with(jpeg, sizeof(jpeg), 8, 0), LW_E_SYNTAX);
    assert_int_equal(with(jpeg, sizeof(jpeg), sizeof(jpeg) - 1, 0xd8), LW_E_SYNTAX);
    assert_int_equal(with(jpeg, sizeof(jpeg), sizeof(jpeg) - 2, 0), LW_E_SYNTAX);
    assert_int_equal(with(jpeg, sizeof(jpeg), 10, 0xc2), LW_OK);
}

static void a_png_has_header_data_and_end_in_order(void **state)
{
    (void)state;
    assert_int_equal(with(png, sizeof(png), 12, 'J'), LW_E_SYNTAX);
    assert_int_equal(with(png, sizeof(png), 11, 14), LW_E_SYNTAX);
    assert_int_equal(with(png, sizeof(png), 8, 0xff), LW_E_SYNTAX);
    assert_int_equal(with(png, sizeof(png), 37, 'i'), LW_E_SYNTAX);
    assert_int_equal(with(png, sizeof(png), 50, 'i'), LW_E_SYNTAX);
    uint8_t longer[sizeof(png) + 1] = {0};
    memcpy(longer, png, sizeof(png));
    assert_int_equal(check(longer, sizeof(longer)), LW_E_SYNTAX);
}

static void sides_are_1_to_4096_pixels(void **state)
{
    (void)state;
    assert_int_equal(with(jpeg, sizeof(jpeg), 15, 0), LW_E_SYNTAX);
    assert_int_equal(with(jpeg, sizeof(jpeg), 17, 0), LW_E_SYNTAX);
    assert_int_equal(with(jpeg, sizeof(jpeg), 14, 0x10), LW_E_LIMIT); /* 4101 */
    assert_int_equal(with(jpeg, sizeof(jpeg), 16, 0x0f), LW_OK);      /* 3843 */
    assert_int_equal(with(png, sizeof(png), 19, 0), LW_E_SYNTAX);
    assert_int_equal(with(png, sizeof(png), 23, 0), LW_E_SYNTAX);
    assert_int_equal(with(png, sizeof(png), 18, 0x10), LW_E_LIMIT);
    assert_int_equal(with(png, sizeof(png), 16, 0x80), LW_E_LIMIT);
    uint8_t largest[sizeof(png)];
    memcpy(largest, png, sizeof(png));
    largest[18] = 0x10;
    largest[19] = 0;
    assert_int_equal(check(largest, sizeof(largest)), LW_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_tells_its_kind_and_size),
        cmocka_unit_test(an_image_cut_anywhere_is_refused),
        cmocka_unit_test(what_is_no_image_is_told_from_what_is_damaged),
        cmocka_unit_test(a_jpeg_has_one_frame_before_its_scan),
        cmocka_unit_test(a_png_has_header_data_and_end_in_order),
        cmocka_unit_test(sides_are_1_to_4096_pixels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
