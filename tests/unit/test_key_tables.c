#include "hsm/key_tables.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "hsm/key_soft.h"

enum { DIGESTS = 4, THREADS = 4, ROUNDS = 700 };

/* A key and signatures by it. */
struct subject {
    struct hsm_soft_key *soft;
    struct hsm_public_key key;
    uint8_t digest[DIGESTS][HSM_P256_LEN];
    uint8_t sig[DIGESTS][HSM_SIG_MAX];
};

static void subject_make(struct subject *s)
{
    struct hsm_signer signer;
    assert_int_equal(hsm_soft_key_generate(&s->soft).code, LW_OK);
    s->key = *hsm_soft_key_public(s->soft);
    hsm_soft_key_signer(s->soft, &signer);
    for (size_t i = 0; i < DIGESTS; i++) {
        memset(s->digest[i], (int)(i + 1), HSM_P256_LEN);
        assert_int_equal(signer.sign_digest(signer.ctx, LW_BYTES(s->digest[i]), s->sig[i]).code,
                         LW_OK);
    }
}

static lw_code ask(struct hsm_key_tables *tables, const struct subject *s, size_t i)
{
    const lw_bytes sig = {.ptr = s->sig[i % DIGESTS], .len = HSM_ES256_SIG_LEN};
    return hsm_key_tables_verify(tables, &s->key, LW_BYTES(s->digest[i % DIGESTS]), sig).code;
}

/* As ask(), of a signature over another digest. */
static lw_code ask_bent(struct hsm_key_tables *tables, const struct subject *s, size_t i)
{
    const lw_bytes sig = {.ptr = s->sig[i % DIGESTS], .len = HSM_ES256_SIG_LEN};
    return hsm_key_tables_verify(tables, &s->key, LW_BYTES(s->digest[(i + 1) % DIGESTS]), sig).code;
}

static void use(struct hsm_key_tables *tables, const struct subject *s, unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        assert_int_equal(ask(tables, s, i), LW_OK);
    }
}

static void a_key_earns_its_table_by_signatures_that_hold(void **state)
{
    (void)state;
    HSM_AUTO_KEY_TABLES tables = NULL;
    struct subject s;
    subject_make(&s);
    assert_int_equal(hsm_key_tables_new(2, &tables).code, LW_OK);
    use(tables, &s, HSM_KEY_TABLE_USES - 1);
    for (size_t i = 0; i < 2 * HSM_KEY_TABLE_USES; i++) {
        assert_int_equal(ask_bent(tables, &s, i), LW_E_SIGNATURE);
    }
    assert_false(hsm_key_tables_has(tables, &s.key));
    assert_int_equal(hsm_key_tables_count(tables), 0);
    use(tables, &s, 1);
    assert_true(hsm_key_tables_has(tables, &s.key));
    assert_int_equal(hsm_key_tables_count(tables), 1);
    hsm_soft_key_free(s.soft);
}

/* Flips each bit of `bytes` in turn and asks; both ways must refuse. */
static void refuse_each_bit(struct hsm_key_tables *tables, const struct subject *s, uint8_t *bytes,
                            size_t len, lw_bytes digest, lw_bytes sig)
{
    for (size_t bit = 0; bit < 8 * len; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(hsm_key_tables_verify(tables, &s->key, digest, sig).code, LW_E_SIGNATURE);
        assert_int_equal(hsm_key_tables_verify(NULL, &s->key, digest, sig).code, LW_E_SIGNATURE);
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    assert_int_equal(hsm_key_tables_verify(tables, &s->key, digest, sig).code, LW_OK);
}

static void a_bent_signature_is_refused_with_a_table_and_without(void **state)
{
    (void)state;
    HSM_AUTO_KEY_TABLES tables = NULL;
    struct subject s;
    uint8_t digest[HSM_P256_LEN];
    uint8_t sig[HSM_ES256_SIG_LEN];
    subject_make(&s);
    assert_int_equal(hsm_key_tables_new(1, &tables).code, LW_OK);
    use(tables, &s, HSM_KEY_TABLE_USES);
    assert_true(hsm_key_tables_has(tables, &s.key));
    memcpy(digest, s.digest[0], sizeof(digest));
    memcpy(sig, s.sig[0], sizeof(sig));
    refuse_each_bit(tables, &s, digest, sizeof(digest), LW_BYTES(digest), LW_BYTES(sig));
    refuse_each_bit(tables, &s, sig, sizeof(sig), LW_BYTES(digest), LW_BYTES(sig));
    const lw_bytes cut = {.ptr = sig, .len = sizeof(sig) - 1};
    const lw_bytes cut_digest = {.ptr = digest, .len = sizeof(digest) - 1};
    assert_int_equal(hsm_key_tables_verify(tables, &s.key, LW_BYTES(digest), cut).code,
                     LW_E_SIGNATURE);
    assert_int_equal(hsm_key_tables_verify(tables, &s.key, cut_digest, LW_BYTES(sig)).code,
                     LW_E_MISUSE);
    hsm_soft_key_free(s.soft);
}

static void a_table_is_of_its_own_key_only(void **state)
{
    (void)state;
    HSM_AUTO_KEY_TABLES tables = NULL;
    struct subject one;
    struct subject two;
    subject_make(&one);
    subject_make(&two);
    assert_int_equal(hsm_key_tables_new(2, &tables).code, LW_OK);
    use(tables, &one, HSM_KEY_TABLE_USES);
    use(tables, &two, HSM_KEY_TABLE_USES);
    assert_int_equal(hsm_key_tables_count(tables), 2);
    const lw_bytes sig = {.ptr = one.sig[0], .len = HSM_ES256_SIG_LEN};
    assert_int_equal(hsm_key_tables_verify(tables, &one.key, LW_BYTES(one.digest[0]), sig).code,
                     LW_OK);
    assert_int_equal(hsm_key_tables_verify(tables, &two.key, LW_BYTES(one.digest[0]), sig).code,
                     LW_E_SIGNATURE);
    hsm_soft_key_free(one.soft);
    hsm_soft_key_free(two.soft);
}

static void a_table_gives_way_only_to_a_key_used_more_than_twice_as_much(void **state)
{
    (void)state;
    HSM_AUTO_KEY_TABLES tables = NULL;
    struct subject old;
    struct subject young;
    subject_make(&old);
    subject_make(&young);
    assert_int_equal(hsm_key_tables_new(1, &tables).code, LW_OK);
    use(tables, &old, HSM_KEY_TABLE_USES);
    use(tables, &young, 2 * HSM_KEY_TABLE_USES + 1);
    assert_true(hsm_key_tables_has(tables, &old.key));
    use(tables, &young, 1);
    assert_false(hsm_key_tables_has(tables, &old.key));
    assert_true(hsm_key_tables_has(tables, &young.key));
    assert_int_equal(hsm_key_tables_count(tables), 1);
    use(tables, &old, HSM_KEY_TABLE_USES); /* earned anew, but the other is used as much */
    assert_false(hsm_key_tables_has(tables, &old.key));
    assert_int_equal(ask(tables, &young, 0), LW_OK);
    assert_int_equal(ask_bent(tables, &young, 0), LW_E_SIGNATURE);
    hsm_soft_key_free(old.soft);
    hsm_soft_key_free(young.soft);
}

static void many_keys_of_little_use_take_no_place(void **state)
{
    (void)state;
    HSM_AUTO_KEY_TABLES tables = NULL;
    struct subject busy;
    subject_make(&busy);
    assert_int_equal(hsm_key_tables_new(1, &tables).code, LW_OK);
    use(tables, &busy, HSM_KEY_TABLE_USES - 1);
    for (size_t i = 0; i < 16; i++) { /* more than are watched at once */
        struct subject rare;
        subject_make(&rare);
        use(tables, &rare, 2);
        hsm_soft_key_free(rare.soft);
    }
    use(tables, &busy, 1);
    assert_true(hsm_key_tables_has(tables, &busy.key));
    hsm_soft_key_free(busy.soft);
}

static void keys_of_other_curves_have_no_table(void **state)
{
    (void)state;
    /* The generator of P-384 (SEC 2 section 2.5.1), with a signature that does not hold. */
    static const uint8_t x[] = {0xaa, 0x87, 0xca, 0x22, 0xbe, 0x8b, 0x05, 0x37, 0x8e, 0xb1,
                                0xc7, 0x1e, 0xf3, 0x20, 0xad, 0x74, 0x6e, 0x1d, 0x3b, 0x62,
                                0x8b, 0xa7, 0x9b, 0x98, 0x59, 0xf7, 0x41, 0xe0, 0x82, 0x54,
                                0x2a, 0x38, 0x55, 0x02, 0xf2, 0x5d, 0xbf, 0x55, 0x29, 0x6c,
                                0x3a, 0x54, 0x5e, 0x38, 0x72, 0x76, 0x0a, 0xb7};
    uint8_t point[49] = {3};
    struct hsm_public_key key;
    const uint8_t digest[48] = {1};
    const uint8_t sig[HSM_SIG_MAX] = {1};
    HSM_AUTO_KEY_TABLES tables = NULL;
    memcpy(point + 1, x, sizeof(x));
    assert_int_equal(hsm_public_key_from_point(&key, HSM_ES384, LW_BYTES(point)).code, LW_OK);
    assert_int_equal(hsm_key_tables_new(1, &tables).code, LW_OK);
    assert_int_equal(hsm_key_tables_verify(tables, &key, LW_BYTES(digest), LW_BYTES(sig)).code,
                     LW_E_SIGNATURE);
    assert_false(hsm_key_tables_has(tables, &key));
}

static void their_number_is_bounded(void **state)
{
    (void)state;
    HSM_AUTO_KEY_TABLES tables = NULL;
    assert_int_equal(hsm_key_tables_new(0, &tables).code, LW_E_MISUSE);
    assert_int_equal(hsm_key_tables_new(HSM_KEY_TABLES_MAX + 1, &tables).code, LW_E_MISUSE);
    assert_null(tables);
    assert_int_equal(hsm_key_tables_new(HSM_KEY_TABLES_MAX, &tables).code, LW_OK);
}

/* What the threads share: three keys for two places. */
struct shared {
    struct hsm_key_tables *tables;
    struct subject subjects[3];
    atomic_uint wrong;
};

static void *check_all(void *arg)
{
    struct shared *shared = arg;
    for (size_t i = 0; i < 2 * ROUNDS; i++) {
        /* Later on mostly the third, so that it takes the place of one that is still in use. */
        const size_t late = i % 8 == 0 ? i / 8 % 2 : 2;
        const struct subject *s = &shared->subjects[i < ROUNDS ? i % 3 : late];
        const bool right =
            ask(shared->tables, s, i) == LW_OK && ask_bent(shared->tables, s, i) == LW_E_SIGNATURE;
        atomic_fetch_add(&shared->wrong, right ? 0 : 1);
    }
    return NULL;
}

static void threads_share_tables_that_come_and_go(void **state)
{
    (void)state;
    struct shared shared = {.tables = NULL};
    pthread_t threads[THREADS];
    atomic_init(&shared.wrong, 0);
    for (size_t i = 0; i < 3; i++) {
        subject_make(&shared.subjects[i]);
    }
    assert_int_equal(hsm_key_tables_new(2, &shared.tables).code, LW_OK);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, check_all, &shared), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(atomic_load(&shared.wrong), 0);
    assert_int_equal(hsm_key_tables_count(shared.tables), 2);
    assert_true(hsm_key_tables_has(shared.tables, &shared.subjects[2].key));
    hsm_key_tables_free(shared.tables);
    for (size_t i = 0; i < 3; i++) {
        hsm_soft_key_free(shared.subjects[i].soft);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_earns_its_table_by_signatures_that_hold),
        cmocka_unit_test(a_bent_signature_is_refused_with_a_table_and_without),
        cmocka_unit_test(a_table_is_of_its_own_key_only),
        cmocka_unit_test(a_table_gives_way_only_to_a_key_used_more_than_twice_as_much),
        cmocka_unit_test(many_keys_of_little_use_take_no_place),
        cmocka_unit_test(keys_of_other_curves_have_no_table),
        cmocka_unit_test(their_number_is_bounded),
        cmocka_unit_test(threads_share_tables_that_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
