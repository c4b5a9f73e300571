#define _POSIX_C_SOURCE 200809L

#include "hsm/rng.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bytes.h"

/* Gives out the numbers of a list, one after the other. */
struct script {
    const uint64_t *numbers;
    size_t left;
};

static lw_err play(void *ctx, uint8_t *out, size_t n)
{
    struct script *script = ctx;
    assert_int_equal(n, sizeof(uint64_t));
    if (script->left == 0) {
        return LW_FAIL(LW_E_CRYPTO, "test: nothing left", LW_NOWHERE);
    }
    memcpy(out, script->numbers, n);
    script->numbers++;
    script->left--;
    return LW_SUCCESS;
}

/* 2^64 = 3 * 6148914691236517205 + 1: the last value has no partners and must be drawn again. */
static void values_that_would_favour_small_results_are_drawn_again(void **state)
{
    static const uint64_t numbers[] = {UINT64_MAX, UINT64_MAX, UINT64_MAX - 1, 0, 4};
    (void)state;
    struct script script = {.numbers = numbers, .left = 5};
    const struct lw_rng rng = {.fill = play, .ctx = &script};
    uint64_t n = 99;
    assert_int_equal(lw_rng_below(&rng, 3, &n).code, LW_OK);
    assert_int_equal(n, (UINT64_MAX - 1) % 3);
    assert_int_equal(script.left, 2);
    assert_int_equal(lw_rng_below(&rng, 3, &n).code, LW_OK);
    assert_int_equal(n, 0);
    assert_int_equal(lw_rng_below(&rng, 3, &n).code, LW_OK);
    assert_int_equal(n, 1);
    assert_int_equal(lw_rng_below(&rng, 3, &n).code, LW_E_CRYPTO);
    assert_int_equal(n, 1);
}

static void bounds_that_divide_evenly_waste_no_draw(void **state)
{
    static const uint64_t bounds[] = {1, 2, 256, UINT64_C(1) << 63};
    static const uint64_t numbers[] = {UINT64_MAX};
    (void)state;
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
        struct script script = {.numbers = numbers, .left = 1};
        const struct lw_rng rng = {.fill = play, .ctx = &script};
        uint64_t n = 0;
        assert_int_equal(lw_rng_below(&rng, bounds[i], &n).code, LW_OK);
        assert_true(n == bounds[i] - 1);
    }
    struct script script = {.numbers = numbers, .left = 1};
    const struct lw_rng rng = {.fill = play, .ctx = &script};
    uint64_t n = 0; /* the largest bound refuses the largest value */
    assert_int_equal(lw_rng_below(&rng, UINT64_MAX, &n).code, LW_E_CRYPTO);
}

static void draws_below_a_bound_reach_all_of_it_evenly(void **state)
{
    enum { BOUND = 7, DRAWS = 70000 };
    (void)state;
    struct support_rng seed;
    const struct lw_rng rng = support_rng(&seed, 3);
    size_t hits[BOUND] = {0};
    for (size_t i = 0; i < DRAWS; i++) {
        uint64_t n = 0;
        assert_int_equal(lw_rng_below(&rng, BOUND, &n).code, LW_OK);
        assert_true(n < BOUND);
        hits[n]++;
    }
    for (size_t i = 0; i < BOUND; i++) {
        assert_in_range(hits[i], 9500, 10500); /* five standard deviations */
    }
}

static void every_size_is_filled_to_its_end_and_no_further(void **state)
{
    static const size_t sizes[] = {0, 1, 2, 31, 32, 1023, 1024, 1025, 4095, 4096, 4097, 10000};
    static uint8_t out[10001];
    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t last_changed = 0;
        for (int tries = 0; tries < 4; tries++) { /* one byte can be drawn as it was */
            memset(out, 0x5a, sizeof(out));
            assert_int_equal(lw_rng_fill(hsm_rng_system(), out, sizes[i]).code, LW_OK);
            assert_int_equal(out[sizes[i]], 0x5a);
            last_changed += sizes[i] > 0 && out[sizes[i] - 1] != 0x5a ? 1 : 0;
        }
        assert_int_equal(last_changed > 0, sizes[i] > 0);
    }
}

static void more_than_the_generator_takes_is_refused(void **state)
{
    (void)state;
    uint8_t out[1]; /* nothing is written */
    assert_int_equal(lw_rng_fill(hsm_rng_system(), out, (size_t)INT_MAX + 1).code, LW_E_CRYPTO);
}

enum { DRAWN = 600 };

struct drawn {
    uint8_t bytes[16];
};

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct drawn));
}

static void assert_distinct(struct drawn *drawn, size_t count)
{
    qsort(drawn, count, sizeof(drawn[0]), compare);
    for (size_t i = 1; i < count; i++) {
        assert_int_not_equal(compare(&drawn[i - 1], &drawn[i]), 0);
    }
}

static void *draw_many(void *arg)
{
    struct drawn *drawn = arg;
    for (size_t i = 0; i < DRAWN; i++) {
        if (lw_rng_fill(hsm_rng_system(), drawn[i].bytes, sizeof(drawn[i].bytes)).code != LW_OK) {
            return NULL;
        }
    }
    return arg;
}

static void threads_draw_different_bytes(void **state)
{
    static struct drawn drawn[4 * DRAWN];
    pthread_t threads[4];
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, draw_many, drawn + i * DRAWN), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        void *result = NULL;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_non_null(result);
    }
    assert_distinct(drawn, 4 * DRAWN);
}

/* What was drawn in bulk before the fork belongs to the parent alone. */
static void parent_and_child_draw_different_bytes(void **state)
{
    static struct drawn drawn[2 * DRAWN];
    int ends[2];
    uint8_t first[1];
    (void)state;
    assert_int_equal(lw_rng_fill(hsm_rng_system(), first, 1).code, LW_OK);
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    const bool done = draw_many(drawn) != NULL;
    const size_t size = DRAWN * sizeof(drawn[0]);
    if (child == 0) {
        _exit(done && write(ends[1], drawn, size) == (ssize_t)size ? 0 : 1);
    }
    int status = 0;
    assert_true(done);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(read(ends[0], drawn + DRAWN, size), size);
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(close(ends[1]), 0);
    assert_distinct(drawn, 2 * DRAWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_that_would_favour_small_results_are_drawn_again),
        cmocka_unit_test(bounds_that_divide_evenly_waste_no_draw),
        cmocka_unit_test(draws_below_a_bound_reach_all_of_it_evenly),
        cmocka_unit_test(every_size_is_filled_to_its_end_and_no_further),
        cmocka_unit_test(more_than_the_generator_takes_is_refused),
        cmocka_unit_test(threads_draw_different_bytes),
        cmocka_unit_test(parent_and_child_draw_different_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
