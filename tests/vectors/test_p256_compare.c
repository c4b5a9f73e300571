/*
 * Our check of P-256 signatures, with and without a table, against OpenSSL's: on the vectors of
 * Wycheproof, and on cases made at random. Arguments: how many cases, and their seed. ./dev p256
 * runs ten million.
 */
#include "p256.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "bytes.h"
#include "hsm/digest.h"
#include "p256_cases.h"
#include "p256_scalar.h"
#include "vectors.h"

static const char set[] = "wycheproof";

enum { CASES = 8192, CASES_A_KEY = 1024, POINTS = 8192, FIELD_MAX = 1 << 17, BENT_KEYS = 8 };

struct work {
    uint64_t cases;
    uint64_t seed;
};

/* A key with its table, and what is asked of it. */
struct subject {
    struct hsm_ec *ec;
    struct p256_maker *maker;
    struct hsm_ec_table *table;
    uint8_t point[P256_POINT_LEN];
};

static struct subject subject_new(uint64_t seed)
{
    const struct subject made = {.ec = hsm_ec_new(hsm_algorithm(HSM_ES256)),
                                 .maker = p256_maker_new(seed)};
    assert_non_null(made.ec);
    return made;
}

static void subject_free(struct subject *s)
{
    hsm_ec_table_free(s->table);
    p256_maker_free(s->maker);
    hsm_ec_free(s->ec);
}

static void take_point(struct subject *s, const uint8_t point[P256_POINT_LEN])
{
    hsm_ec_table_free(s->table);
    s->table = NULL;
    memcpy(s->point, point, P256_POINT_LEN);
    assert_int_equal(hsm_ec_table_new(s->ec, LW_BYTES(s->point), &s->table).code, LW_OK);
}

static void print_hex(const char *name, const uint8_t *bytes, size_t len)
{
    print_error("%s ", name);
    for (size_t i = 0; i < len; i++) {
        print_error("%02x", bytes[i]);
    }
    print_error("\n");
}

/* What all three say of it; fails when one says otherwise. */
static lw_code verdict(struct subject *s, const uint8_t *digest, const uint8_t *sig)
{
    const lw_bytes d = {.ptr = digest, .len = P256_LEN};
    const lw_bytes pair = {.ptr = sig, .len = HSM_ES256_SIG_LEN};
    const lw_code theirs = p256_openssl_says(s->maker, s->point, digest, sig);
    const lw_code plain = hsm_ec_verify(s->ec, LW_BYTES(s->point), d, pair).code;
    const lw_code table = hsm_ec_table_verify(s->ec, s->table, d, pair).code;
    if (plain != theirs || table != theirs) {
        print_hex("key", s->point, sizeof(s->point));
        print_hex("digest", digest, P256_LEN);
        print_hex("signature", sig, HSM_ES256_SIG_LEN);
        fail_msg("OpenSSL says %s, we say %s, with a table %s", lw_code_name(theirs),
                 lw_code_name(plain), lw_code_name(table));
    }
    return theirs;
}

struct tally {
    uint64_t held;
    uint64_t refused;
    uint64_t off_curve;  /* of bent keys */
    uint64_t of_another; /* of bent keys */
    uint64_t of_kind[P256_CASE_KINDS];
};

/* Signatures by the key, said to be another's: no table, for who is not trusted has none. */
static void ask_of_bent_key(struct subject *s, const struct p256_case *c, struct tally *tally)
{
    uint8_t bent[P256_POINT_LEN];
    memcpy(bent, s->point, sizeof(bent));
    p256_bend_point(s->maker, bent);
    const lw_code theirs = p256_openssl_says(s->maker, bent, c->digest, c->sig);
    const lw_code ours =
        hsm_ec_verify(s->ec, LW_BYTES(bent), LW_BYTES(c->digest), LW_BYTES(c->sig)).code;
    assert_int_equal(ours, theirs);
    tally->off_curve += ours == LW_E_VALUE ? 1 : 0;
    tally->of_another += ours == LW_E_SIGNATURE ? 1 : 0;
}

static void ask(struct subject *s, struct tally *tally, bool bend_key)
{
    struct p256_case c;
    p256_next_case(s->maker, &c);
    const lw_code said = verdict(s, c.digest, c.sig);
    assert_true(said == LW_OK || said == LW_E_SIGNATURE);
    if (c.valid) {
        assert_int_equal(said, LW_OK);
    }
    if (c.kind == P256_INFINITY || c.kind == P256_FALSE_R || c.kind == P256_FLIP_R ||
        c.kind == P256_FLIP_S) {
        assert_int_equal(said, LW_E_SIGNATURE);
    }
    tally->held += said == LW_OK ? 1 : 0;
    tally->refused += said == LW_OK ? 0 : 1;
    tally->of_kind[c.kind]++;
    if (bend_key) {
        ask_of_bent_key(s, &c, tally);
    }
}

static enum p256_key_kind kind_of_round(uint64_t round)
{
    return round % 8 < P256_KEY_KINDS ? (enum p256_key_kind)(round % 8) : P256_KEY_RANDOM;
}

static void random_cases_are_judged_as_openssl_judges_them(void **state)
{
    const struct work *work = *state;
    struct subject s = subject_new(work->seed);
    struct tally tally = {.held = 0};
    uint8_t point[P256_POINT_LEN];
    for (uint64_t i = 0; i < work->cases; i++) {
        if (i % CASES_A_KEY == 0) {
            p256_next_key(s.maker, kind_of_round(i / CASES_A_KEY));
            p256_point(s.maker, point);
            take_point(&s, point);
        }
        ask(&s, &tally, i % BENT_KEYS == 0);
    }
    subject_free(&s);
    print_message("P-256 compared: %llu cases, seed %llu: %llu hold, %llu do not\n",
                  (unsigned long long)work->cases, (unsigned long long)work->seed,
                  (unsigned long long)tally.held, (unsigned long long)tally.refused);
    assert_true(tally.off_curve > 0 && tally.of_another > 0);
    for (size_t i = 0; i < P256_CASE_KINDS; i++) {
        assert_true(tally.of_kind[i] > 0);
    }
}

static void compressed_points_are_read_as_openssl_reads_them(void **state)
{
    (void)state;
    struct subject s = subject_new(3);
    size_t on_curve = 0;
    for (size_t i = 0; i < POINTS; i++) {
        uint8_t in[1 + P256_LEN];
        uint8_t theirs[P256_POINT_LEN];
        uint8_t ours[HSM_POINT_MAX];
        p256_compressed(s.maker, in);
        const lw_code said = p256_openssl_reads(s.maker, in, theirs);
        assert_int_equal(hsm_ec_point(s.ec, LW_BYTES(in), ours).code, said);
        if (said == LW_OK) {
            assert_memory_equal(ours, theirs, sizeof(theirs));
            on_curve++;
        }
    }
    assert_true(on_curve > POINTS / 4 && on_curve < POINTS - POINTS / 4);
    subject_free(&s);
}

static void hex_into(const json_t *object, const char *name, lw_buf *out)
{
    const char *hex = json_string_value(json_object_get(object, name));
    assert_non_null(hex);
    lw_buf_truncate(out, 0);
    support_hex(hex, out);
}

/* The pair as 64 bytes; false when it is none: of another length, or DER that is not strict. */
static bool pair_of(const json_t *test, bool der, uint8_t sig[HSM_SIG_MAX])
{
    LW_AUTO_BUF bytes = LW_BUF(FIELD_MAX);
    size_t len = 0;
    hex_into(test, "sig", &bytes);
    if (der) {
        return hsm_sig_from_der(HSM_ES256, lw_buf_view(&bytes), sig, &len).code == LW_OK;
    }
    if (bytes.len != HSM_ES256_SIG_LEN) {
        return false;
    }
    memcpy(sig, bytes.ptr, bytes.len);
    return true;
}

static bool run_vector(struct subject *s, const json_t *test, bool der)
{
    uint8_t digest[HSM_SHA256_LEN];
    uint8_t sig[HSM_SIG_MAX];
    LW_AUTO_BUF message = LW_BUF(FIELD_MAX);
    const char *result = json_string_value(json_object_get(test, "result"));
    if (!pair_of(test, der, sig)) {
        assert_string_equal(result, "invalid");
        return false;
    }
    hex_into(test, "msg", &message);
    assert_int_equal(hsm_sha256(lw_buf_view(&message), digest).code, LW_OK);
    assert_int_equal(verdict(s, digest, sig) == LW_OK, strcmp(result, "valid") == 0);
    return true;
}

static void run_file(const char *file, bool der)
{
    if (support_vectors(set) == NULL) {
        skip();
    }
    json_t *whole = support_vector_json(set, file);
    struct subject s = subject_new(1);
    size_t run = 0;
    size_t left_out = 0;
    size_t i = 0;
    json_t *group = NULL;
    json_array_foreach(json_object_get(whole, "testGroups"), i, group)
    {
        LW_AUTO_BUF point = LW_BUF(P256_POINT_LEN);
        size_t j = 0;
        json_t *test = NULL;
        hex_into(json_object_get(group, "publicKey"), "uncompressed", &point);
        assert_int_equal(point.len, P256_POINT_LEN);
        take_point(&s, point.ptr);
        json_array_foreach(json_object_get(group, "tests"), j, test)
        {
            const bool ran = run_vector(&s, test, der);
            run += ran ? 1 : 0;
            left_out += ran ? 0 : 1;
        }
    }
    char name[128];
    (void)snprintf(name, sizeof(name), "%s %s, with a table", set, file);
    support_vector_report(name, run, left_out, "no pair of 32 bytes each; the other test has them",
                          (size_t)json_integer_value(json_object_get(whole, "numberOfTests")));
    subject_free(&s);
    json_decref(whole);
}

static void wycheproof_pairs(void **state)
{
    (void)state;
    run_file("ecdsa_secp256r1_sha256_p1363_test.json", false);
}

static void wycheproof_der(void **state)
{
    (void)state;
    run_file("ecdsa_secp256r1_sha256_test.json", true);
}

static void r_and_s_lie_between_0_and_n(void **state)
{
    (void)state;
    static const char *const outside[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551",
        "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632552",
        "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
    };
    const uint8_t digest[HSM_SCALAR_LEN] = {1};
    struct hsm_p256_scalars u;
    for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        LW_AUTO_BUF number = LW_BUF(HSM_SCALAR_LEN);
        uint8_t sig[HSM_ES256_SIG_LEN];
        support_hex(outside[i], &number);
        memset(sig, 7, sizeof(sig));
        assert_true(hsm_p256_scalars(digest, sig, &u));
        memcpy(sig, number.ptr, number.len);
        assert_false(hsm_p256_scalars(digest, sig, &u));
        memset(sig, 7, sizeof(sig));
        memcpy(sig + HSM_SCALAR_LEN, number.ptr, number.len);
        assert_false(hsm_p256_scalars(digest, sig, &u));
    }
}

static void the_point_at_infinity_has_no_x(void **state)
{
    (void)state;
    const uint8_t zero[HSM_SCALAR_LEN] = {0};
    const uint8_t one[HSM_SCALAR_LEN] = {[HSM_SCALAR_LEN - 1] = 1};
    assert_true(hsm_p256_x_is(one, one, one));
    assert_true(hsm_p256_x_is(zero, one, zero));
    assert_false(hsm_p256_x_is(zero, zero, one));
    assert_false(hsm_p256_x_is(zero, zero, zero));
}

static void a_table_is_of_a_point_on_p_256_only(void **state)
{
    (void)state;
    struct subject s = subject_new(2);
    struct hsm_ec *other = hsm_ec_new(hsm_algorithm(HSM_ES384));
    assert_non_null(other);
    p256_point(s.maker, s.point);
    assert_int_equal(hsm_ec_table_new(other, LW_BYTES(s.point), &s.table).code, LW_E_UNSUPPORTED);
    s.point[1] ^= 1;
    assert_int_equal(hsm_ec_table_new(s.ec, LW_BYTES(s.point), &s.table).code, LW_E_VALUE);
    const uint8_t infinity[] = {0};
    assert_int_equal(hsm_ec_table_new(s.ec, LW_BYTES(infinity), &s.table).code, LW_E_VALUE);
    assert_null(s.table);
    hsm_ec_free(other);
    subject_free(&s);
}

int main(int argc, char **argv)
{
    struct work work = {.cases = CASES, .seed = 20240229};
    if (argc > 1) {
        work.cases = strtoull(argv[1], NULL, 10);
    }
    if (argc > 2) {
        work.seed = strtoull(argv[2], NULL, 10);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wycheproof_pairs),
        cmocka_unit_test(wycheproof_der),
        cmocka_unit_test(r_and_s_lie_between_0_and_n),
        cmocka_unit_test(the_point_at_infinity_has_no_x),
        cmocka_unit_test(a_table_is_of_a_point_on_p_256_only),
        cmocka_unit_test(compressed_points_are_read_as_openssl_reads_them),
        cmocka_unit_test_prestate(random_cases_are_judged_as_openssl_judges_them, &work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
