#include "wallet/status_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <zlib.h>

#include "bytes.h"

/* draft-ietf-oauth-status-list-20, section 4: the two examples of the encoding. */
static const struct {
    unsigned bits;
    uint8_t values[16];
    size_t count;
    const char *array;
    const char *lst;
} examples[] = {
    {1, {1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1}, 16, "b9a3", "78dadbb918000217015d"},
    {2, {1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3}, 12, "c944f9", "78da3be9f2130003df0207"},
};

static void the_examples_of_the_draft_pack_and_inflate(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        LW_AUTO_BUF expected = LW_BUF(16);
        LW_AUTO_BUF lst = LW_BUF(64);
        LW_AUTO_BUF packed = LW_BUF(16);
        LW_AUTO_BUF inflated = LW_BUF(16);
        support_hex(examples[i].array, &expected);
        support_hex(examples[i].lst, &lst);
        assert_int_equal(
            wallet_status_pack(examples[i].bits, examples[i].values, examples[i].count, &packed)
                .code,
            LW_OK);
        assert_true(lw_bytes_eq(lw_buf_view(&packed), lw_buf_view(&expected)));
        assert_int_equal(wallet_status_inflate(lw_buf_view(&lst), &inflated).code, LW_OK);
        assert_true(lw_bytes_eq(lw_buf_view(&inflated), lw_buf_view(&expected)));
        for (size_t k = 0; k < examples[i].count; k++) {
            unsigned value = 99;
            assert_int_equal(
                wallet_status_get(examples[i].bits, lw_buf_view(&packed), k, &value).code, LW_OK);
            assert_int_equal(value, examples[i].values[k]);
        }
    }
}

/* SI-7: each size at its first, 7th, 8th and last index; the neighbours stay as they were. */
static void every_size_round_trips_at_its_edges(void **state)
{
    enum { LEN = 1024 };
    static const unsigned sizes[] = {1, 2, 4, 8};
    (void)state;
    for (size_t s = 0; s < 4; s++) {
        const unsigned bits = sizes[s];
        const unsigned largest = (1U << bits) - 1;
        const uint64_t last = LEN * 8 / bits - 1;
        const uint64_t indexes[] = {0, 7, 8, last};
        for (size_t i = 0; i < 4; i++) {
            uint8_t array[LEN];
            memset(array, 0xff, sizeof(array));
            const unsigned value = bits == 1 ? 0 : largest - 1;
            assert_int_equal(wallet_status_set(bits, array, LEN, indexes[i], value).code, LW_OK);
            LW_AUTO_BUF lst = LW_BUF(4096);
            LW_AUTO_BUF back = LW_BUF(LEN);
            assert_int_equal(wallet_status_deflate(LW_BYTES(array), &lst).code, LW_OK);
            assert_int_equal(wallet_status_inflate(lw_buf_view(&lst), &back).code, LW_OK);
            for (uint64_t k = 0; k <= last; k++) {
                unsigned got = 99;
                assert_int_equal(wallet_status_get(bits, lw_buf_view(&back), k, &got).code, LW_OK);
                assert_int_equal(got, k == indexes[i] ? value : largest);
            }
        }
    }
}

static void an_index_past_the_end_is_refused(void **state)
{
    static const unsigned sizes[] = {1, 2, 4, 8};
    (void)state;
    uint8_t array[3] = {0};
    const lw_bytes view = LW_BYTES(array);
    const lw_bytes empty = {.ptr = NULL, .len = 0};
    for (size_t s = 0; s < 4; s++) {
        const uint64_t count = 3 * 8 / sizes[s];
        const uint64_t past[] = {count, count + 1, UINT64_MAX / sizes[s], UINT64_MAX};
        unsigned value = 0;
        assert_int_equal(wallet_status_get(sizes[s], view, count - 1, &value).code, LW_OK);
        assert_int_equal(wallet_status_get(sizes[s], empty, 0, &value).code, LW_E_LIMIT);
        for (size_t i = 0; i < 4; i++) {
            assert_int_equal(wallet_status_get(sizes[s], view, past[i], &value).code, LW_E_LIMIT);
            assert_int_equal(wallet_status_set(sizes[s], array, 3, past[i], 0).code, LW_E_LIMIT);
        }
    }
}

static void other_sizes_and_values_that_do_not_fit_are_refused(void **state)
{
    static const unsigned sizes[] = {0, 3, 5, 6, 7, 9, 16, 32};
    (void)state;
    uint8_t array[4] = {0};
    unsigned value = 0;
    LW_AUTO_BUF out = LW_BUF(4);
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        assert_int_equal(wallet_status_pack(sizes[s], array, 1, &out).code, LW_E_VALUE);
        assert_int_equal(wallet_status_set(sizes[s], array, 4, 0, 0).code, LW_E_VALUE);
        assert_int_equal(wallet_status_get(sizes[s], LW_BYTES(array), 0, &value).code, LW_E_VALUE);
    }
    assert_int_equal(wallet_status_set(2, array, 4, 0, 4).code, LW_E_VALUE);
    const uint8_t values[] = {3, 4};
    const lw_err err = wallet_status_pack(2, values, 2, &out);
    assert_int_equal(err.code, LW_E_VALUE);
    assert_int_equal(err.at, 1);
    assert_int_equal(out.len, 0);
    assert_int_equal(wallet_status_pack(8, values, 0, &out).code, LW_OK);
    assert_int_equal(out.len, 0);
}

static void an_odd_count_fills_its_last_byte_with_zeros(void **state)
{
    (void)state;
    const uint8_t ones[] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    for (size_t count = 1; count <= sizeof(ones); count++) {
        LW_AUTO_BUF out = LW_BUF(2);
        assert_int_equal(wallet_status_pack(1, ones, count, &out).code, LW_OK);
        assert_int_equal(out.len, count > 8 ? 2 : 1);
        assert_int_equal(out.ptr[out.len - 1], count > 8 ? 1 : (1U << count) - 1);
    }
}

static void a_stream_cut_short_anywhere_is_refused(void **state)
{
    (void)state;
    LW_AUTO_BUF lst = LW_BUF(64);
    support_hex(examples[0].lst, &lst);
    for (size_t len = 0; len < lst.len; len++) {
        LW_AUTO_BUF out = LW_BUF(64);
        const lw_bytes cut = {.ptr = lst.ptr, .len = len};
        assert_int_equal(wallet_status_inflate(cut, &out).code, LW_E_SYNTAX);
        assert_int_equal(out.len, 0);
    }
}

static void a_false_stream_is_refused(void **state)
{
    static const char *const streams[] = {
        "78dadbb918000217015e",                         /* Adler-32 */
        "78dadbb918000217015d00",                       /* a byte follows */
        "dbb918000217015d",                             /* raw deflate */
        "1f8b0800000000000203dbb918005cf5013b02000000", /* gzip */
        "78f903d8018bdbb918000217015d",                 /* preset dictionary */
        "ffffffffffffffffffff",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
        LW_AUTO_BUF lst = LW_BUF(64);
        LW_AUTO_BUF out = LW_BUF(64);
        support_hex(streams[i], &lst);
        assert_int_equal(lw_buf_put_c(&out, "x").code, LW_OK);
        assert_int_equal(wallet_status_inflate(lw_buf_view(&lst), &out).code, LW_E_SYNTAX);
        assert_true(lw_str_is(lw_buf_text(&out), "x"));
    }
}

/* The bound is exact: a list of its very length passes, one byte more does not (SL-9). */
static void output_stops_at_the_bound(void **state)
{
    static const size_t bounds[] = {1, 2, 16 * 1024 - 1, 16 * 1024, 16 * 1024 + 1, 100000};
    (void)state;
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
        for (size_t more = 0; more < 2; more++) {
            const size_t len = bounds[i] + more;
            uint8_t *zeros = calloc(1, len);
            LW_AUTO_BUF lst = LW_BUF(4096);
            LW_AUTO_BUF out = LW_BUF(bounds[i]);
            assert_non_null(zeros);
            assert_int_equal(wallet_status_deflate((lw_bytes){zeros, len}, &lst).code, LW_OK);
            const lw_err err = wallet_status_inflate(lw_buf_view(&lst), &out);
            assert_int_equal(err.code, more == 0 ? LW_OK : LW_E_LIMIT);
            assert_int_equal(out.len, more == 0 ? len : 0);
            free(zeros);
        }
    }
}

/* A6: what 1 kB inflates to stays far under 4 MiB, and a larger bomb stops at the bound. */
static void a_bomb_stays_within_its_bound(void **state)
{
    enum { MIB = 1 << 20 };
    (void)state;
    uint8_t *zeros = calloc(1, 64 * MIB);
    assert_non_null(zeros);
    for (size_t mib = 1; mib <= 64; mib *= 64) {
        uLongf len = compressBound(mib * MIB);
        uint8_t *bomb = malloc(len);
        assert_non_null(bomb);
        assert_int_equal(compress2(bomb, &len, zeros, mib * MIB, Z_BEST_COMPRESSION), Z_OK);
        LW_AUTO_BUF out = LW_BUF(WALLET_STATUS_ARRAY_MAX);
        const lw_err err = wallet_status_inflate((lw_bytes){.ptr = bomb, .len = len}, &out);
        assert_true(out.cap <= WALLET_STATUS_ARRAY_MAX);
        if (mib == 1) {
            assert_true(len < 1100);
            assert_int_equal(err.code, LW_OK);
            assert_true(out.cap < 3 * MIB);
        } else {
            assert_int_equal(err.code, LW_E_LIMIT);
        }
        free(bomb);
    }
    free(zeros);
}

static void an_array_beyond_the_bound_is_not_published(void **state)
{
    (void)state;
    uint8_t *zeros = calloc(1, WALLET_STATUS_ARRAY_MAX + 1);
    assert_non_null(zeros);
    LW_AUTO_BUF lst = LW_BUF(1 << 16);
    const lw_bytes most = {.ptr = zeros, .len = WALLET_STATUS_ARRAY_MAX};
    const lw_bytes more = {.ptr = zeros, .len = WALLET_STATUS_ARRAY_MAX + 1};
    assert_int_equal(wallet_status_deflate(most, &lst).code, LW_OK);
    assert_int_equal(wallet_status_deflate(more, &lst).code, LW_E_LIMIT);
    free(zeros);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_draft_pack_and_inflate),
        cmocka_unit_test(every_size_round_trips_at_its_edges),
        cmocka_unit_test(an_index_past_the_end_is_refused),
        cmocka_unit_test(other_sizes_and_values_that_do_not_fit_are_refused),
        cmocka_unit_test(an_odd_count_fills_its_last_byte_with_zeros),
        cmocka_unit_test(a_stream_cut_short_anywhere_is_refused),
        cmocka_unit_test(a_false_stream_is_refused),
        cmocka_unit_test(output_stops_at_the_bound),
        cmocka_unit_test(a_bomb_stays_within_its_bound),
        cmocka_unit_test(an_array_beyond_the_bound_is_not_published),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
