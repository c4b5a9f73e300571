#include "wallet/cbor.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "bytes.h"

enum { SPACE = 1 << 16 };

/* RFC 8949 appendix A: what an item is, read and written. */
static void integers_of_appendix_a_are_read_and_written(void **state)
{
    static const struct {
        const char *hex;
        int64_t value;
    } cases[] = {
        {"00", 0},
        {"01", 1},
        {"0a", 10},
        {"17", 23},
        {"1818", 24},
        {"1819", 25},
        {"1864", 100},
        {"18ff", 255},
        {"190100", 256},
        {"1903e8", 1000},
        {"19ffff", 65535},
        {"1a00010000", 65536},
        {"1a000f4240", 1000000},
        {"1affffffff", 4294967295},
        {"1b0000000100000000", 4294967296},
        {"1b000000e8d4a51000", 1000000000000},
        {"1b7fffffffffffffff", INT64_MAX},
        {"20", -1},
        {"29", -10},
        {"37", -24},
        {"3818", -25},
        {"3863", -100},
        {"3903e7", -1000},
        {"3a00011170", -70001},
        {"3b7fffffffffffffff", INT64_MIN},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        LW_AUTO_BUF in = LW_BUF(SPACE);
        LW_AUTO_BUF out = LW_BUF(SPACE);
        support_hex(cases[i].hex, &in);
        struct wallet_cbor r = wallet_cbor_reader(lw_buf_view(&in));
        assert_int_equal(wallet_cbor_int(&r), cases[i].value);
        assert_int_equal(wallet_cbor_finish(&r).code, LW_OK);
        assert_int_equal(wallet_cbor_put_int(&out, cases[i].value).code, LW_OK);
        assert_true(lw_bytes_eq(lw_buf_view(&in), lw_buf_view(&out)));
    }
}

static void integers_beyond_64_bits_are_out_of_range(void **state)
{
    (void)state;
    static const char *const cases[] = {"1bffffffffffffffff", "1b8000000000000000",
                                        "3bffffffffffffffff", "3b8000000000000000"};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        LW_AUTO_BUF in = LW_BUF(SPACE);
        support_hex(cases[i], &in);
        struct wallet_cbor r = wallet_cbor_reader(lw_buf_view(&in));
        assert_int_equal(wallet_cbor_int(&r), 0);
        assert_int_equal(r.err.code, LW_E_VALUE);
        assert_int_equal(r.err.at, 0);
        assert_int_equal(wallet_cbor_check(lw_buf_view(&in)).code, LW_OK);
    }
    LW_AUTO_BUF in = LW_BUF(SPACE);
    support_hex("1bffffffffffffffff", &in);
    struct wallet_cbor r = wallet_cbor_reader(lw_buf_view(&in));
    assert_true(wallet_cbor_uint(&r) == UINT64_MAX);
    assert_int_equal(wallet_cbor_finish(&r).code, LW_OK);
}

/* RFC 8949 appendix A; subnormal, largest and smallest values of each width among them. */
static void floats_of_every_width_are_read(void **state)
{
    static const struct {
        const char *hex;
        double value;
    } cases[] = {
        {"f90000", 0.0},
        {"f93c00", 1.0},
        {"f93e00", 1.5},
        {"f97bff", 65504.0},
        {"f90001", 5.960464477539063e-8},
        {"f90400", 0.00006103515625},
        {"f9c400", -4.0},
        {"fa47c35000", 100000.0},
        {"fa7f7fffff", 3.4028234663852886e+38},
        {"fb3ff199999999999a", 1.1},
        {"fb7e37e43c8800759c", 1.0e+300},
        {"fbc010666666666666", -4.1},
        {"f97c00", HUGE_VAL},
        {"f9fc00", -HUGE_VAL},
        {"fa7f800000", HUGE_VAL},
        {"fb7ff0000000000000", HUGE_VAL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        LW_AUTO_BUF in = LW_BUF(SPACE);
        support_hex(cases[i].hex, &in);
        struct wallet_cbor r = wallet_cbor_reader(lw_buf_view(&in));
        assert_int_equal(wallet_cbor_peek(&r), WALLET_CBOR_FLOAT);
        const double value = wallet_cbor_float(&r);
        assert_memory_equal(&value, &cases[i].value, sizeof(value));
        assert_int_equal(wallet_cbor_finish(&r).code, LW_OK);
    }
    static const char *const nans[] = {"f97e00", "fa7fc00000", "fb7ff8000000000000"};
    for (size_t i = 0; i < sizeof(nans) / sizeof(nans[0]); i++) {
        LW_AUTO_BUF in = LW_BUF(SPACE);
        support_hex(nans[i], &in);
        struct wallet_cbor r = wallet_cbor_reader(lw_buf_view(&in));
        assert_true(isnan(wallet_cbor_float(&r)));
    }
}

static void simple_values_are_read_and_written(void **state)
{
    (void)state;
    LW_AUTO_BUF in = LW_BUF(SPACE);
    LW_AUTO_BUF out = LW_BUF(SPACE);
    support_hex("f4 f5 f6 f7 f0 f83b f8ff", &in);
    struct wallet_cbor r = wallet_cbor_reader(lw_buf_view(&in));
    assert_int_equal(wallet_cbor_peek(&r), WALLET_CBOR_BOOL);
    assert_false(wallet_cbor_bool(&r));
    assert_true(wallet_cbor_bool(&r));
    assert_int_equal(wallet_cbor_peek(&r), WALLET_CBOR_NULL);
    wallet_cbor_null(&r);
    assert_int_equal(wallet_cbor_peek(&r), WALLET_CBOR_SIMPLE);
    assert_int_equal(wallet_cbor_simple(&r), 23);
    assert_int_equal(wallet_cbor_simple(&r), 16);
    assert_int_equal(wallet_cbor_simple(&r), 59);
    assert_int_equal(wallet_cbor_simple(&r), 255);
    assert_int_equal(wallet_cbor_peek(&r), WALLET_CBOR_END);
    assert_int_equal(wallet_cbor_finish(&r).code, LW_OK);

    assert_int_equal(wallet_cbor_put_bool(&out, false).code, LW_OK);
    assert_int_equal(wallet_cbor_put_bool(&out, true).code, LW_OK);
    assert_int_equal(wallet_cbor_put_null(&out).code, LW_OK);
    assert_int_equal(wallet_cbor_put_simple(&out, 23).code, LW_OK);
    assert_int_equal(wallet_cbor_put_simple(&out, 16).code, LW_OK);
    assert_int_equal(wallet_cbor_put_simple(&out, 59).code, LW_OK);
    assert_int_equal(wallet_cbor_put_simple(&out, 255).code, LW_OK);
    assert_true(lw_bytes_eq(lw_buf_view(&in), lw_buf_view(&out)));
    assert_int_equal(wallet_cbor_put_simple(&out, 24).code, LW_E_MISUSE);
    assert_int_equal(wallet_cbor_put_simple(&out, 31).code, LW_E_MISUSE);
}

/* RFC 8949 appendix A: {"a": 1, "b": [2, 3]} within an array, behind a tag. */
static void nested_items_are_read_and_written(void **state)
{
    (void)state;
    LW_AUTO_BUF in = LW_BUF(SPACE);
    LW_AUTO_BUF out = LW_BUF(SPACE);
    support_hex("c1 82 a2616101616282020344010203 04", &in);
    struct wallet_cbor r = wallet_cbor_reader(lw_buf_view(&in));
    assert_int_equal(wallet_cbor_peek(&r), WALLET_CBOR_TAG);
    assert_int_equal(wallet_cbor_tag(&r), 1);
    assert_int_equal(wallet_cbor_array(&r), 2);
    assert_int_equal(wallet_cbor_peek(&r), WALLET_CBOR_MAP);
    assert_int_equal(wallet_cbor_map(&r), 2);
    assert_true(lw_str_is(wallet_cbor_text(&r), "a"));
    assert_int_equal(wallet_cbor_uint(&r), 1);
    assert_true(lw_str_is(wallet_cbor_text(&r), "b"));
    const lw_bytes item = wallet_cbor_item(&r);
    assert_true(lw_bytes_eq(item, LW_BYTES(((uint8_t[]){0x82, 2, 3}))));
    assert_true(lw_bytes_eq(wallet_cbor_bytes(&r), LW_BYTES(((uint8_t[]){1, 2, 3, 4}))));
    assert_int_equal(wallet_cbor_finish(&r).code, LW_OK);

    assert_int_equal(wallet_cbor_put_tag(&out, 1).code, LW_OK);
    assert_int_equal(wallet_cbor_put_array(&out, 2).code, LW_OK);
    struct wallet_cbor_pair pairs[] = {
        {LW_BYTES(((uint8_t[]){0x61, 'b'})), item},
        {LW_BYTES(((uint8_t[]){0x61, 'a'})), LW_BYTES(((uint8_t[]){1}))},
    };
    assert_int_equal(wallet_cbor_put_map_sorted(&out, pairs, 2).code, LW_OK);
    assert_int_equal(wallet_cbor_put_bytes_head(&out, 4).code, LW_OK);
    assert_int_equal(wallet_cbor_put_raw(&out, LW_BYTES(((uint8_t[]){1, 2, 3, 4}))).code, LW_OK);
    assert_true(lw_bytes_eq(lw_buf_view(&in), lw_buf_view(&out)));
}

static void a_map_with_a_key_twice_is_not_written(void **state)
{
    (void)state;
    LW_AUTO_BUF out = LW_BUF(SPACE);
    const lw_bytes one = LW_BYTES(((uint8_t[]){1}));
    struct wallet_cbor_pair pairs[] = {{one, one}, {one, one}};
    assert_int_equal(wallet_cbor_put_uint(&out, 7).code, LW_OK);
    assert_int_equal(wallet_cbor_put_map_sorted(&out, pairs, 2).code, LW_E_CONFLICT);
    assert_int_equal(out.len, 1);
}

static void strings_round_trip_at_every_length_around_a_wider_head(void **state)
{
    static const size_t lens[] = {0, 1, 2, 22, 23, 24, 25, 254, 255, 256, 257, 65535, 65536, 65537};
    (void)state;
    LW_AUTO_BUF text = LW_BUF(1 << 17);
    uint8_t *room = NULL;
    assert_int_equal(lw_buf_reserve(&text, 65537, &room).code, LW_OK);
    memset(room, 'x', 65537);
    lw_buf_commit(&text, 65537);
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        LW_AUTO_BUF out = LW_BUF(1 << 18);
        const lw_bytes part = {text.ptr, lens[i]};
        assert_int_equal(wallet_cbor_put_text(&out, lw_bytes_str(part)).code, LW_OK);
        assert_int_equal(wallet_cbor_put_bytes(&out, part).code, LW_OK);
        struct wallet_cbor r = wallet_cbor_reader(lw_buf_view(&out));
        assert_true(lw_bytes_eq(lw_str_bytes(wallet_cbor_text(&r)), part));
        assert_true(lw_bytes_eq(wallet_cbor_bytes(&r), part));
        assert_int_equal(wallet_cbor_finish(&r).code, LW_OK);
        for (size_t cut = 1; cut <= 10 && cut <= part.len; cut++) {
            const lw_bytes half = {out.ptr, out.len / 2 - cut};
            assert_int_equal(wallet_cbor_check(half).code, LW_E_SYNTAX);
        }
    }
}

struct refusal {
    const char *hex;
    lw_code code;
    size_t at;
};

static void check_refusals(const struct refusal *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        LW_AUTO_BUF in = LW_BUF(SPACE);
        support_hex(cases[i].hex, &in);
        const lw_err err = wallet_cbor_check(lw_buf_view(&in));
        if (err.code != cases[i].code || err.at != cases[i].at) {
            print_error("%s: %s at %zu\n", cases[i].hex, lw_code_name(err.code), err.at);
        }
        assert_int_equal(err.code, cases[i].code);
        assert_int_equal(err.at, cases[i].at);
        assert_non_null(err.why);
    }
}

static void items_are_refused_where_they_break(void **state)
{
    static const struct refusal cases[] = {
        {"", LW_E_SYNTAX, 0},
        {"0000", LW_E_SYNTAX, 1}, /* bytes after the item */
        {"18", LW_E_SYNTAX, 0},   /* head cut off */
        {"19 01", LW_E_SYNTAX, 0},
        {"82 00 1b 00000000000000", LW_E_SYNTAX, 2},
        {"1c", LW_E_SYNTAX, 0}, /* reserved bits */
        {"81 5d", LW_E_SYNTAX, 1},
        {"fe", LW_E_SYNTAX, 0},
        {"1f", LW_E_SYNTAX, 0}, /* indefinite lengths */
        {"5f 41 00 ff", LW_E_SYNTAX, 0},
        {"7f ff", LW_E_SYNTAX, 0},
        {"81 9f ff", LW_E_SYNTAX, 1},
        {"bf ff", LW_E_SYNTAX, 0},
        {"ff", LW_E_SYNTAX, 0},    /* break alone */
        {"18 17", LW_E_SYNTAX, 0}, /* not the shortest head */
        {"19 00ff", LW_E_SYNTAX, 0},
        {"1a 0000ffff", LW_E_SYNTAX, 0},
        {"1b 00000000ffffffff", LW_E_SYNTAX, 0},
        {"38 17", LW_E_SYNTAX, 0},
        {"58 01 00", LW_E_SYNTAX, 0},
        {"98 01 00", LW_E_SYNTAX, 0},
        {"b8 01 00 00", LW_E_SYNTAX, 0},
        {"d8 17 00", LW_E_SYNTAX, 0},
        {"f8 1f", LW_E_SYNTAX, 0}, /* simple value in two bytes */
        {"f8 14", LW_E_SYNTAX, 0},
        {"82 00 42 00", LW_E_SYNTAX, 2}, /* string longer than the input */
        {"62 61", LW_E_SYNTAX, 0},
        {"83 00 00", LW_E_SYNTAX, 0}, /* too few elements */
        {"82 00", LW_E_SYNTAX, 0},
        {"81 c1", LW_E_SYNTAX, 2},       /* tag of nothing */
        {"a2 00 00 01", LW_E_SYNTAX, 0}, /* pair cut off */
        {"9b ffffffffffffffff", LW_E_SYNTAX, 0},
        {"bb 8000000000000001 00 00", LW_E_SYNTAX, 0},
        {"a2 01 00 01 00", LW_E_SYNTAX, 3}, /* duplicate keys */
        {"a3 02 00 01 00 02 00", LW_E_SYNTAX, 5},
        {"81 a1 00 a2 6161 00 6161 01", LW_E_SYNTAX, 7},
        {"61 ff", LW_E_SYNTAX, 1},        /* text that is not UTF-8 */
        {"62 c080", LW_E_SYNTAX, 1},      /* overlong */
        {"64 61 eda080", LW_E_SYNTAX, 2}, /* surrogate */
        {"64 f4908080", LW_E_SYNTAX, 1},  /* above U+10FFFF */
        {"63 e08080", LW_E_SYNTAX, 1},    /* overlong */
        {"64 f0808080", LW_E_SYNTAX, 1},  /* overlong */
        {"62 e282", LW_E_SYNTAX, 1},      /* cut off */
        {"63 e28241", LW_E_SYNTAX, 1},
        {"62 c341", LW_E_SYNTAX, 1},
        {"61 80", LW_E_SYNTAX, 1}, /* continuation alone */
    };
    (void)state;
    check_refusals(cases, sizeof(cases) / sizeof(cases[0]));
}

static void depth_is_bounded_for_arrays_maps_and_tags(void **state)
{
    static const uint8_t heads[] = {0x81, 0xc1, 0xa1};
    (void)state;
    for (size_t k = 0; k < sizeof(heads); k++) {
        for (size_t depth = WALLET_CBOR_DEPTH_MAX - 1; depth <= WALLET_CBOR_DEPTH_MAX + 1;
             depth++) {
            LW_AUTO_BUF in = LW_BUF(SPACE);
            for (size_t i = 0; i < depth; i++) {
                assert_int_equal(lw_buf_put_byte(&in, heads[k]).code, LW_OK);
                if (heads[k] == 0xa1) {
                    assert_int_equal(lw_buf_put_byte(&in, 0).code, LW_OK);
                }
            }
            assert_int_equal(lw_buf_put_byte(&in, 0).code, LW_OK);
            const lw_err err = wallet_cbor_check(lw_buf_view(&in));
            assert_int_equal(err.code, depth <= WALLET_CBOR_DEPTH_MAX ? LW_OK : LW_E_LIMIT);
        }
    }
    LW_AUTO_BUF deep = LW_BUF(SPACE);
    for (size_t i = 0; i < SPACE; i++) {
        assert_int_equal(lw_buf_put_byte(&deep, 0x81).code, LW_OK);
    }
    assert_int_equal(wallet_cbor_check(lw_buf_view(&deep)).code, LW_E_LIMIT);
}

/* Appends a map of `pairs` pairs; the last key is `last`. */
static void put_map_ending_in(lw_buf *out, size_t pairs, uint64_t last)
{
    assert_int_equal(wallet_cbor_put_map(out, pairs).code, LW_OK);
    for (size_t i = 0; i < pairs; i++) {
        assert_int_equal(wallet_cbor_put_uint(out, i + 1 == pairs ? last : i + 1).code, LW_OK);
        assert_int_equal(wallet_cbor_put_uint(out, 0).code, LW_OK);
    }
}

static void large_maps_must_be_sorted(void **state)
{
    static const struct {
        size_t pairs;
        uint64_t last;
        lw_code code;
    } cases[] = {
        {128, 128, LW_OK}, {128, 0, LW_OK},      {128, 1, LW_E_SYNTAX},   {128, 127, LW_E_SYNTAX},
        {129, 129, LW_OK}, {129, 0, LW_E_LIMIT}, {129, 128, LW_E_SYNTAX}, {5000, 5000, LW_OK},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        LW_AUTO_BUF in = LW_BUF(SPACE);
        put_map_ending_in(&in, cases[i].pairs, cases[i].last);
        assert_int_equal(wallet_cbor_check(lw_buf_view(&in)).code, cases[i].code);
    }
}

/* Each reader function against each type of item: only the pairs named agree. */
static void a_read_of_another_type_is_refused(void **state)
{
    static const char *const items[] = {"00",   "20", "40", "60", "80",    "a0",
                                        "c100", "f4", "f6", "f7", "f90000"};
    (void)state;
    for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
        LW_AUTO_BUF in = LW_BUF(SPACE);
        support_hex(items[i], &in);
        const struct wallet_cbor fresh = wallet_cbor_reader(lw_buf_view(&in));
        struct wallet_cbor r[11];
        for (size_t k = 0; k < 11; k++) {
            r[k] = fresh;
        }
        (void)wallet_cbor_uint(&r[0]);
        (void)wallet_cbor_int(&r[1]);
        (void)wallet_cbor_bytes(&r[2]);
        (void)wallet_cbor_text(&r[3]);
        (void)wallet_cbor_array(&r[4]);
        (void)wallet_cbor_map(&r[5]);
        (void)wallet_cbor_tag(&r[6]);
        (void)wallet_cbor_bool(&r[7]);
        wallet_cbor_null(&r[8]);
        (void)wallet_cbor_simple(&r[9]);
        (void)wallet_cbor_float(&r[10]);
        for (size_t k = 0; k < 11; k++) {
            const bool agrees = k == i || (k == 1 && i == 0);
            assert_int_equal(r[k].err.code, agrees ? LW_OK : LW_E_SYNTAX);
            if (!agrees) {
                assert_int_equal(r[k].err.at, 0);
                assert_true(r[k].at == r[k].start);
            }
        }
    }
}

static void the_first_error_is_kept_and_later_reads_give_zero(void **state)
{
    (void)state;
    LW_AUTO_BUF in = LW_BUF(SPACE);
    support_hex("82 01 6161 02", &in);
    struct wallet_cbor r = wallet_cbor_reader(lw_buf_view(&in));
    assert_int_equal(wallet_cbor_array(&r), 2);
    assert_int_equal(wallet_cbor_uint(&r), 1);
    assert_int_equal(wallet_cbor_uint(&r), 0);
    assert_int_equal(wallet_cbor_bytes(&r).len, 0);
    assert_int_equal(wallet_cbor_text(&r).len, 0);
    assert_int_equal(wallet_cbor_item(&r).len, 0);
    assert_int_equal(wallet_cbor_peek(&r), WALLET_CBOR_END);
    wallet_cbor_fail(&r, LW_FAIL(LW_E_VALUE, "test: later", LW_NOWHERE));
    assert_int_equal(r.err.code, LW_E_SYNTAX);
    assert_int_equal(wallet_cbor_finish(&r).at, 2);

    r = wallet_cbor_reader(lw_buf_view(&in));
    (void)wallet_cbor_array(&r);
    wallet_cbor_fail(&r, LW_FAIL(LW_E_VALUE, "test: a rule", LW_NOWHERE));
    assert_int_equal(r.err.code, LW_E_VALUE);
    assert_int_equal(r.err.at, 1);
    assert_int_equal(wallet_cbor_finish(&r).code, LW_E_VALUE);
}

static void an_empty_slice_can_be_read(void **state)
{
    (void)state;
    struct wallet_cbor r = wallet_cbor_reader((lw_bytes){.ptr = NULL, .len = 0});
    assert_int_equal(wallet_cbor_peek(&r), WALLET_CBOR_END);
    assert_int_equal(wallet_cbor_finish(&r).code, LW_OK);
    assert_int_equal(wallet_cbor_uint(&r), 0);
    assert_int_equal(r.err.code, LW_E_SYNTAX);
}

static void values_of_a_map_are_found_by_key(void **state)
{
    (void)state;
    LW_AUTO_BUF in = LW_BUF(SPACE);
    /* {1: [{"z": 0}], 24: c1(5), -1: "x", "abc": h'00', "ab": 7} */
    support_hex("a5 01 81a1617a00 1818 c105 20 6178 63616263 4100 626162 07", &in);
    const lw_bytes map = lw_buf_view(&in);
    assert_int_equal(wallet_cbor_check(map).code, LW_OK);
    assert_int_equal(wallet_cbor_map_get_int(map, 1).len, 5);
    assert_int_equal(wallet_cbor_map_get_int(map, 24).len, 2);
    assert_true(lw_bytes_eq(wallet_cbor_map_get_int(map, -1), LW_BYTES(((uint8_t[]){0x61, 'x'}))));
    assert_int_equal(wallet_cbor_map_get_int(map, 2).len, 0);
    assert_int_equal(wallet_cbor_map_get_int(map, 0x7a).len, 0);
    assert_true(
        lw_bytes_eq(wallet_cbor_map_get_text(map, LW_STR("ab")), LW_BYTES(((uint8_t[]){7}))));
    assert_int_equal(wallet_cbor_map_get_text(map, LW_STR("abc")).len, 2);
    assert_int_equal(wallet_cbor_map_get_text(map, LW_STR("z")).len, 0);
    assert_int_equal(wallet_cbor_map_get_text(map, LW_STR("")).len, 0);
    const lw_bytes no_map = LW_BYTES(((uint8_t[]){0x81, 1}));
    assert_int_equal(wallet_cbor_map_get_int(no_map, 1).len, 0);
    assert_int_equal(wallet_cbor_map_get_int((lw_bytes){NULL, 0}, 1).len, 0);
    struct wallet_cbor_pick picks[] = {{.key = 24}, {.key = 2, .value = map}, {.key = -1}};
    wallet_cbor_map_pick(map, picks, 3);
    assert_ptr_equal(picks[0].value.ptr, wallet_cbor_map_get_int(map, 24).ptr);
    assert_int_equal(picks[0].value.len, 2);
    assert_int_equal(picks[1].value.len, 0);
    assert_ptr_equal(picks[2].value.ptr, wallet_cbor_map_get_int(map, -1).ptr);
    wallet_cbor_map_pick(no_map, picks, 3);
    assert_int_equal(picks[0].value.len, 0);
    /* Unchecked input ends the search and nothing else. */
    const lw_bytes cut = {map.ptr, map.len - 9};
    assert_int_equal(wallet_cbor_map_get_text(cut, LW_STR("ab")).len, 0);
}

static void a_full_buffer_stays_as_it_was(void **state)
{
    (void)state;
    LW_AUTO_BUF out = LW_BUF(4);
    assert_int_equal(wallet_cbor_put_uint(&out, 500).code, LW_OK);
    assert_int_equal(wallet_cbor_put_text(&out, LW_STR("a")).code, LW_E_LIMIT);
    assert_int_equal(wallet_cbor_put_uint(&out, 24).code, LW_E_LIMIT);
    struct wallet_cbor_pair pair = {LW_BYTES(((uint8_t[]){1})), LW_BYTES(((uint8_t[]){1}))};
    assert_int_equal(wallet_cbor_put_map_sorted(&out, &pair, 1).code, LW_E_LIMIT);
    assert_int_equal(out.len, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_of_appendix_a_are_read_and_written),
        cmocka_unit_test(integers_beyond_64_bits_are_out_of_range),
        cmocka_unit_test(floats_of_every_width_are_read),
        cmocka_unit_test(simple_values_are_read_and_written),
        cmocka_unit_test(nested_items_are_read_and_written),
        cmocka_unit_test(a_map_with_a_key_twice_is_not_written),
        cmocka_unit_test(strings_round_trip_at_every_length_around_a_wider_head),
        cmocka_unit_test(items_are_refused_where_they_break),
        cmocka_unit_test(depth_is_bounded_for_arrays_maps_and_tags),
        cmocka_unit_test(large_maps_must_be_sorted),
        cmocka_unit_test(a_read_of_another_type_is_refused),
        cmocka_unit_test(the_first_error_is_kept_and_later_reads_give_zero),
        cmocka_unit_test(an_empty_slice_can_be_read),
        cmocka_unit_test(values_of_a_map_are_found_by_key),
        cmocka_unit_test(a_full_buffer_stays_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
