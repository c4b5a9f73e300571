#include "hsm/key_pem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "hsm/key_soft.h"

enum { PEM_MAX = 4096 };

static lw_bytes text(const char *pem)
{
    return lw_str_bytes(lw_str_c(pem));
}

static void a_key_that_was_written_reads_the_same(void **state)
{
    (void)state;
    HSM_AUTO_SOFT_KEY key = NULL;
    LW_AUTO_BUF pem = LW_BUF(PEM_MAX);
    struct hsm_public_key read;
    assert_int_equal(hsm_soft_key_generate(&key).code, LW_OK);
    assert_int_equal(hsm_public_key_to_pem(hsm_soft_key_public(key), &pem).code, LW_OK);
    assert_memory_equal(pem.ptr, "-----BEGIN PUBLIC KEY-----\n", 27);
    assert_int_equal(hsm_public_key_from_pem(&read, lw_buf_view(&pem)).code, LW_OK);
    assert_true(hsm_public_key_eq(&read, hsm_soft_key_public(key)));
}

/* Made with `openssl genpkey` and `openssl pkey -pubout`. */
static const char p384[] = "-----BEGIN PUBLIC KEY-----\n"
                           "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE6238Pbbn0MbcI9ppyzhtt+XFiHf7ttv9\n"
                           "DjEFkKtbMRBFhgJaqHFwCvsYvuQSDoBnxCScDJugmt/+9an4i9M9AIHRi29OiOil\n"
                           "S0rBYDaM9E+9Cs5YfSuB6voYFJfCOmjn\n"
                           "-----END PUBLIC KEY-----\n";

static const char empty[] = "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n";

/* RFC 8410 sections 10.1 and 10.3. */
static const char ed25519[] = "-----BEGIN PUBLIC KEY-----\n"
                              "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
                              "-----END PUBLIC KEY-----\n";
static const char private[] = "-----BEGIN PRIVATE KEY-----\n"
                              "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
                              "-----END PRIVATE KEY-----\n";

static lw_code read_joined(const char *before, const lw_buf *pem, const char *after)
{
    struct hsm_public_key key;
    LW_AUTO_BUF all = LW_BUF(PEM_MAX);
    assert_int_equal(lw_buf_put_c(&all, before).code, LW_OK);
    assert_int_equal(lw_buf_put(&all, lw_buf_view(pem)).code, LW_OK);
    assert_int_equal(lw_buf_put_c(&all, after).code, LW_OK);
    return hsm_public_key_from_pem(&key, lw_buf_view(&all)).code;
}

static void nothing_stands_around_the_key(void **state)
{
    (void)state;
    HSM_AUTO_SOFT_KEY key = NULL;
    LW_AUTO_BUF pem = LW_BUF(PEM_MAX);
    assert_int_equal(hsm_soft_key_generate(&key).code, LW_OK);
    assert_int_equal(hsm_public_key_to_pem(hsm_soft_key_public(key), &pem).code, LW_OK);
    assert_int_equal(read_joined("", &pem, ""), LW_OK);
    assert_int_equal(read_joined(ed25519, &pem, ""), LW_E_SYNTAX); /* two of them */
    assert_int_equal(read_joined("", &pem, ed25519), LW_E_SYNTAX);
    assert_int_equal(read_joined("a key:\n", &pem, ""), LW_E_SYNTAX);
    assert_int_equal(read_joined("", &pem, "more"), LW_E_SYNTAX);
}

static void a_point_off_the_curve_is_refused(void **state)
{
    (void)state;
    HSM_AUTO_SOFT_KEY key = NULL;
    LW_AUTO_BUF pem = LW_BUF(PEM_MAX);
    struct hsm_public_key read;
    assert_int_equal(hsm_soft_key_generate(&key).code, LW_OK);
    assert_int_equal(hsm_public_key_to_pem(hsm_soft_key_public(key), &pem).code, LW_OK);
    pem.ptr[pem.len - 30] = pem.ptr[pem.len - 30] == 'A' ? 'B' : 'A'; /* of its last coordinate */
    assert_int_equal(hsm_public_key_from_pem(&read, lw_buf_view(&pem)).code, LW_E_SYNTAX);
}

static void what_is_no_public_key_of_p256_is_refused(void **state)
{
    (void)state;
    struct hsm_public_key key;
    struct hsm_public_key other = {.alg = HSM_ES384};
    LW_AUTO_BUF pem = LW_BUF(PEM_MAX);
    LW_AUTO_BUF large = LW_BUF(1 << 20);
    uint8_t *at = NULL;
    assert_int_equal(hsm_public_key_from_pem(&key, text("")).code, LW_E_LIMIT);
    assert_int_equal(lw_buf_reserve(&large, HSM_KEY_PEM_MAX + 1, &at).code, LW_OK);
    memset(at, 'x', HSM_KEY_PEM_MAX + 1);
    lw_buf_commit(&large, HSM_KEY_PEM_MAX + 1);
    assert_int_equal(hsm_public_key_from_pem(&key, lw_buf_view(&large)).code, LW_E_LIMIT);
    assert_int_equal(hsm_public_key_from_pem(&key, text("no key")).code, LW_E_SYNTAX);
    assert_int_equal(hsm_public_key_from_pem(&key, text(empty)).code, LW_E_SYNTAX);
    assert_int_equal(hsm_public_key_from_pem(&key, text(private)).code, LW_E_SYNTAX);
    assert_int_equal(hsm_public_key_from_pem(&key, text(ed25519)).code, LW_E_UNSUPPORTED);
    assert_int_equal(hsm_public_key_from_pem(&key, text(p384)).code, LW_E_UNSUPPORTED);
    assert_int_equal(hsm_public_key_to_pem(&other, &pem).code, LW_E_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_that_was_written_reads_the_same),
        cmocka_unit_test(nothing_stands_around_the_key),
        cmocka_unit_test(a_point_off_the_curve_is_refused),
        cmocka_unit_test(what_is_no_public_key_of_p256_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
