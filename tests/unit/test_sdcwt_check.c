/* A credential as issued, checked before it is released. */
#include "wallet/sdcwt.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "sdcwt_bend.h"

#define X "11d6bf7f71e9b445e41d1c4c44a0fb730a39f3bd23464d2f40388abe95220eac"

/* Checks the credential of `b`; frees `b`. */
static void check(struct bend *b, enum wallet_check failing, lw_code code, const char *detail)
{
    LW_AUTO_BUF credential = LW_BUF(BEND_BYTES_MAX);
    LW_AUTO_BUF arena = LW_BUF(BEND_BYTES_MAX);
    struct wallet_checks checks = {.line[0].result = WALLET_CHECK_SKIPPED};
    struct wallet_verified out;
    bend_build_cwt(b, &credential);
    const lw_err err =
        wallet_sdcwt_check(lw_buf_view(&credential), &b->expect, &arena, &checks, &out);
    assert_int_equal(err.code, code);
    for (size_t i = 0; i < WALLET_CHECK_COUNT; i++) {
        const struct wallet_check_line *line = &checks.line[i];
        if (i == (size_t)failing) {
            assert_int_equal(line->result, WALLET_CHECK_FAILED);
            assert_string_equal(line->detail, detail);
        } else {
            assert_true(line->result == WALLET_CHECK_OK || line->result == WALLET_CHECK_SKIPPED);
        }
    }
    if (code == LW_OK) {
        assert_int_equal(checks.line[WALLET_CHECK_HOLDER_SIGNATURE].result, WALLET_CHECK_SKIPPED);
        assert_int_equal(checks.line[WALLET_CHECK_VALIDITY].result, WALLET_CHECK_OK);
        assert_false(out.holder_proven);
        assert_int_equal(out.kb_iat, INT64_MIN);
        assert_int_equal(out.claim_count, 2);
        assert_string_equal(out.format, "dc+sd-cwt");
    }
    bend_free(b);
}

static void a_credential_as_it_should_be_is_accepted(void **state)
{
    (void)state;
    struct bend b;
    bend_init(&b);
    check(&b, WALLET_CHECK_COUNT, LW_OK, NULL);
}

static void each_part_of_it_is_checked(void **state)
{
    (void)state;
    struct bend b;
    bend_init(&b);
    bend_bytes(&b.cwt.tail, "00");
    check(&b, WALLET_CHECK_PARSE, LW_E_SYNTAX, "cbor: bytes after the item");

    bend_init(&b);
    b.trust.issuers[0].kid[0] ^= 1;
    check(&b, WALLET_CHECK_TRUST, LW_E_UNTRUSTED, "no issuer of this key is trusted");

    bend_init(&b);
    hsm_soft_key_free(b.cwt.key);
    bend_other_key(1, &b.cwt.key);
    check(&b, WALLET_CHECK_ISSUER_SIGNATURE, LW_E_SIGNATURE, "signature: does not hold");

    bend_init(&b);
    bend_set(&b.cwt.claims, "08", "a101a401022001215820" X "225820" X);
    check(&b, WALLET_CHECK_HOLDER_SIGNATURE, LW_E_VALUE, "cnf is no key on P-256");

    bend_init(&b);
    b.disclosed.ptr[5] ^= 1;
    check(&b, WALLET_CHECK_DISCLOSURES, LW_E_SIGNATURE, "disclosure matches no digest");

    bend_init(&b);
    bend_set_int(&b.cwt.claims, "04", BEND_NOW);
    check(&b, WALLET_CHECK_VALIDITY, LW_E_EXPIRED, "credential has expired");

    bend_init(&b);
    bend_set_int(&b.cwt.claims, "06", BEND_NOW + 5);
    bend_set_int(&b.cwt.claims, "04", BEND_NOW + 5);
    check(&b, WALLET_CHECK_VALIDITY, LW_E_VALUE, "iat is not before exp");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_credential_as_it_should_be_is_accepted),
        cmocka_unit_test(each_part_of_it_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
