/*
 * A24 and A29: a status list bent in one place and signed again, so that only the rule it breaks
 * can refuse it (specs/status-list.md section 5).
 */
#include "wallet/status_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <zlib.h>

#include "edit.h"
#include "lw/clock.h"
#include "signed.h"
#include "status_bend.h"
#include "wallet/base64.h"
#include "wallet/cbor.h"

static struct status_place place;
static const lw_bytes nothing = {.ptr = NULL, .len = 0};

static int set_up(void **state)
{
    (void)state;
    status_place_init(&place);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    status_place_free(&place);
    return 0;
}

static lw_err read_with(lw_bytes token, const struct wallet_status_expect *expect)
{
    WALLET_AUTO_STATUS_LIST list = {.bits = 0};
    const lw_err err = wallet_status_read(token, expect, &list);
    if (err.code != LW_OK) { /* nothing of a refused list is left */
        assert_null(list.array.ptr);
        assert_null(list.uri.ptr);
        assert_int_equal(list.bits, 0);
    }
    return err;
}

static lw_err read_token(lw_bytes token)
{
    const struct wallet_status_expect expect = status_expectation(&place);
    return read_with(token, &expect);
}

/* The reason is compared too: the code alone could come from another rule. */
static void assert_refused(lw_err err, lw_code code, const char *why)
{
    if (err.code != code || err.why == NULL || strstr(err.why, why) == NULL) {
        print_error("expected %s (%s), got %s (%s)\n", lw_code_name(code), why,
                    lw_code_name(err.code), err.why == NULL ? "" : err.why);
    }
    assert_int_equal(err.code, code);
    assert_non_null(strstr(err.why, why));
}

static lw_err read_bent_jwt(bool in_header, const char *pointer, const char *value)
{
    const lw_bytes chain = lw_buf_view(&place.authority.status.cert);
    LW_AUTO_BUF header = LW_BUF(STATUS_TOKEN_MAX);
    LW_AUTO_BUF payload = LW_BUF(STATUS_TOKEN_MAX);
    LW_AUTO_BUF bent = LW_BUF(STATUS_TOKEN_MAX);
    LW_AUTO_BUF token = LW_BUF(STATUS_TOKEN_MAX);
    const char *text = NULL;
    status_jwt_header(&chain, 1, &header);
    assert_int_equal(lw_buf_put_c(&payload, status_jwt_payload).code, LW_OK);
    assert_int_equal(lw_buf_c(in_header ? &header : &payload, &text).code, LW_OK);
    if (pointer != NULL) {
        support_edit(text, pointer, value, &bent);
    } else {
        assert_int_equal(lw_buf_put_c(&bent, value).code, LW_OK);
    }
    support_jws(lw_buf_text(in_header ? &bent : &header), lw_buf_text(in_header ? &payload : &bent),
                &place.authority.status.signer, &token);
    return read_token(lw_buf_view(&token));
}

static void a_whole_jwt_is_read(void **state)
{
    (void)state;
    assert_int_equal(read_bent_jwt(false, "/other", "\"claims are passed over\"").code, LW_OK);
    assert_int_equal(read_bent_jwt(false, "/exp", NULL).code, LW_OK);
    assert_int_equal(read_bent_jwt(false, "/ttl", NULL).code, LW_OK);
    assert_int_equal(read_bent_jwt(false, "/iss", "\"https://whoever.example\"").code, LW_OK);
    assert_int_equal(read_bent_jwt(false, "/nbf", "1795086400").code, LW_OK);
    assert_int_equal(read_bent_jwt(true, "/kid", "\"chooses nothing\"").code, LW_OK);
    assert_int_equal(read_bent_jwt(false, "/sub", "\"https:\\/\\/status.example\\/7\"").code,
                     LW_OK);
}

static void each_bent_claim_of_a_jwt_is_refused(void **state)
{
    static const struct {
        const char *pointer;
        const char *value; /* NULL: removed */
        lw_code code;
        const char *why;
    } cases[] = {
        {"/sub", NULL, LW_E_VALUE, "claim is missing"},
        {"/sub", "7", LW_E_VALUE, "json"},
        {"/sub", "\"https://status.example/8\"", LW_E_DENIED, "sub is not"},
        {"/sub", "\"https://status.example/7/\"", LW_E_DENIED, "sub is not"},
        {"/sub", "\"https://status.example/\"", LW_E_DENIED, "sub is not"},
        {"/sub", "\"HTTPS://status.example/7\"", LW_E_DENIED, "sub is not"},
        {"/sub", "\"\"", LW_E_DENIED, "sub is not"},
        {"/iat", NULL, LW_E_VALUE, "claim is missing"},
        {"/iat", "\"1795086300\"", LW_E_VALUE, "json"},
        {"/iat", "-1", LW_E_VALUE, "not in order"},
        {"/iat", "1795086461", LW_E_EXPIRED, "dated ahead"},
        {"/nbf", "1795086461", LW_E_EXPIRED, "dated ahead"},
        {"/nbf", "\"now\"", LW_E_VALUE, "json"},
        {"/exp", "1795086300", LW_E_VALUE, "not in order"},
        {"/exp", "\"never\"", LW_E_VALUE, "json"},
        {"/exp", "null", LW_E_VALUE, "json"},
        {"/ttl", "0", LW_E_VALUE, "ttl"},
        {"/ttl", "-300", LW_E_VALUE, "ttl"},
        {"/ttl", "\"300\"", LW_E_VALUE, "json"},
        {"/status_list", NULL, LW_E_VALUE, "claim is missing"},
        {"/status_list", "[]", LW_E_VALUE, "json"},
        {"/status_list/bits", NULL, LW_E_VALUE, "claim is missing"},
        {"/status_list/bits", "3", LW_E_VALUE, "bits"},
        {"/status_list/bits", "0", LW_E_VALUE, "bits"},
        {"/status_list/bits", "16", LW_E_VALUE, "bits"},
        {"/status_list/bits", "-1", LW_E_VALUE, "bits"},
        {"/status_list/bits", "4294967297", LW_E_VALUE, "bits"},
        {"/status_list/bits", "\"1\"", LW_E_VALUE, "json"},
        {"/status_list/lst", NULL, LW_E_VALUE, "claim is missing"},
        {"/status_list/lst", "1", LW_E_VALUE, "json"},
        {"/status_list/lst", "\"eNrbuRgAAhcBXQ==\"", LW_E_SYNTAX, "base64url"},
        {"/status_list/lst", "\"eNrbuRgAAhcBX\"", LW_E_SYNTAX, "base64url"},
        {"/status_list/lst", "\"eNrbuRgAAhcB\"", LW_E_SYNTAX, "cut short"},
        {"/status_list/lst", "\"eNrbuRgAAhcBXQA\"", LW_E_SYNTAX, "follow"},
        {"/status_list/lst", "\"eNrbuRgAAhcBXg\"", LW_E_SYNTAX, "false"},
        {"/status_list/lst", "\"\"", LW_E_SYNTAX, "cut short"},
        {NULL, "[1]", LW_E_VALUE, "json"},
        {NULL, "{}", LW_E_VALUE, "claim is missing"},
        {NULL, "", LW_E_SYNTAX, "json"},
        {NULL, "{\"sub\":\"" STATUS_URI "\",\"sub\":\"" STATUS_URI "\"}", LW_E_VALUE, "json"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_refused(read_bent_jwt(false, cases[i].pointer, cases[i].value), cases[i].code,
                       cases[i].why);
    }
}

static void each_bent_header_of_a_jwt_is_refused(void **state)
{
    static const struct {
        const char *pointer;
        const char *value;
        lw_code code;
        const char *why;
    } cases[] = {
        {"/typ", NULL, LW_E_UNSUPPORTED, "typ"},
        {"/typ", "\"JWT\"", LW_E_UNSUPPORTED, "typ"},
        {"/typ", "\"statuslist+cwt\"", LW_E_UNSUPPORTED, "typ"},
        {"/typ", "\"STATUSLIST+JWT\"", LW_E_UNSUPPORTED, "typ"},
        {"/typ", "\"application/statuslist+jwt\"", LW_E_UNSUPPORTED, "typ"},
        {"/alg", NULL, LW_E_UNSUPPORTED, "jws"},
        {"/alg", "\"none\"", LW_E_UNSUPPORTED, "jws"},
        {"/alg", "\"HS256\"", LW_E_UNSUPPORTED, "jws"},
        {"/alg", "\"ES384\"", LW_E_SIGNATURE, "jws"}, /* the key decides */
        {"/crit", "[\"b64\"]", LW_E_UNSUPPORTED, "jws"},
        {"/x5c", NULL, LW_E_SIGNATURE, "signature"}, /* then it can only be the issuer's own */
        {"/x5c", "[]", LW_E_SYNTAX, "x5c"},
        {"/x5c", "[\"!\"]", LW_E_SYNTAX, "base64"},
        {"/x5c", "[\"AAAA\"]", LW_E_SYNTAX, "der"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_refused(read_bent_jwt(true, cases[i].pointer, cases[i].value), cases[i].code,
                       cases[i].why);
    }
}

static lw_err read_bent_cwt(enum status_item item, const char *hex)
{
    struct status_cwt cwt;
    LW_AUTO_BUF token = LW_BUF(STATUS_TOKEN_MAX);
    status_cwt_init(&cwt, &place.authority.status);
    status_cwt_set(&cwt, item, hex);
    status_cwt_build(&cwt, &place.authority.status, &token);
    status_cwt_free(&cwt);
    return read_token(lw_buf_view(&token));
}

static void a_whole_cwt_is_read(void **state)
{
    (void)state;
    assert_int_equal(read_bent_cwt(ITEM_SHELL, "d2").code, LW_OK);
    assert_int_equal(read_bent_cwt(ITEM_ALG, "26").code, LW_OK); /* -7, as others write it */
    assert_int_equal(read_bent_cwt(ITEM_EXP, "").code, LW_OK);
    assert_int_equal(read_bent_cwt(ITEM_TTL, "").code, LW_OK);
    assert_int_equal(read_bent_cwt(ITEM_NBF, "1a 6afed840").code, LW_OK);
    assert_int_equal(read_bent_cwt(ITEM_UNPROTECTED, "a1 04 42 3132").code, LW_OK); /* kid */
}

static void each_bent_item_of_a_cwt_is_refused(void **state)
{
    static const struct {
        enum status_item item;
        const char *hex;
        lw_code code;
        const char *why;
    } cases[] = {
        {ITEM_SHELL, "d83d d2", LW_E_SYNTAX, ""}, /* CWT tag 61 */
        {ITEM_SHELL, "", LW_E_SYNTAX, ""},        /* no tag */
        {ITEM_SHELL, "d1", LW_E_SYNTAX, ""},      /* COSE_Mac0 */
        {ITEM_SHELL, "d2 d2", LW_E_SYNTAX, "cose"},
        {ITEM_TAIL, "00", LW_E_SYNTAX, ""},
        {ITEM_ALG, "", LW_E_UNSUPPORTED, "cose"},
        {ITEM_ALG, "05", LW_E_UNSUPPORTED, "cose"},   /* HMAC 256/256 */
        {ITEM_ALG, "3822", LW_E_UNSUPPORTED, "cose"}, /* ES384: the key decides */
        {ITEM_TYP, "", LW_E_UNSUPPORTED, "typ"},
        {ITEM_TYP, "190125", LW_E_UNSUPPORTED, "typ"},                          /* 293, an SD-CWT */
        {ITEM_TYP, "6e 7374617475736c6973742b637774", LW_E_UNSUPPORTED, "typ"}, /* short form */
        {ITEM_TYP, "781a 6170706c69636174696f6e2f7374617475736c6973742b6a7774", LW_E_UNSUPPORTED,
         "typ"},
        {ITEM_CHAIN, "", LW_E_SIGNATURE, ""}, /* then it can only be the issuer's own */
        {ITEM_CHAIN, "80", LW_E_VALUE, "x5chain"},
        {ITEM_CHAIN, "85 41 00 41 00 41 00 41 00 41 00", LW_E_VALUE, "x5chain"},
        {ITEM_CHAIN, "82 41 00 01", LW_E_VALUE, "x5chain"},
        {ITEM_CHAIN, "01", LW_E_VALUE, "x5chain"},
        {ITEM_CHAIN, "41 00", LW_E_SYNTAX, "der"},
        {ITEM_SUB, "", LW_E_VALUE, "sub"},
        {ITEM_SUB, "07", LW_E_VALUE, "sub"},
        {ITEM_SUB, "7818 68747470733a2f2f7374617475732e6578616d706c652f38", LW_E_DENIED,
         "sub is not"},
        {ITEM_IAT, "", LW_E_VALUE, "claim is missing"},
        {ITEM_IAT, "f9 0000", LW_E_VALUE, "no integer"},
        {ITEM_IAT, "60", LW_E_VALUE, "no integer"},
        {ITEM_IAT, "20", LW_E_VALUE, "not in order"},
        {ITEM_IAT, "1a 6afed87d", LW_E_EXPIRED, "dated ahead"}, /* 61 s */
        {ITEM_NBF, "1a 6afed87d", LW_E_EXPIRED, "dated ahead"},
        {ITEM_EXP, "1a 6afed7dc", LW_E_VALUE, "not in order"},
        {ITEM_EXP, "f6", LW_E_VALUE, "no integer"},
        {ITEM_TTL, "00", LW_E_VALUE, "ttl"},
        {ITEM_TTL, "20", LW_E_VALUE, "ttl"},
        {ITEM_TTL, "63 333030", LW_E_VALUE, "no integer"},
        {ITEM_LIST, "80", LW_E_VALUE, "bits"},
        {ITEM_BITS, "", LW_E_VALUE, "bits"},
        {ITEM_BITS, "03", LW_E_VALUE, "bits"},
        {ITEM_BITS, "00", LW_E_VALUE, "bits"},
        {ITEM_BITS, "20", LW_E_VALUE, "bits"},
        {ITEM_BITS, "1b 0000000100000001", LW_E_VALUE, "bits"},
        {ITEM_LST, "", LW_E_VALUE, "lst"},
        {ITEM_LST, "6e 654e7262755267414168634258510a", LW_E_SYNTAX,
         ""}, /* text, and one byte over */
        {ITEM_LST, "6e 654e726275526741416863425851", LW_E_VALUE, "lst"}, /* text */
        {ITEM_LST, "49 78dadbb91800021701", LW_E_SYNTAX, "cut short"},
        {ITEM_LST, "4b 78dadbb918000217015d00", LW_E_SYNTAX, "follow"},
        {ITEM_LST, "4a 78dadbb918000217015e", LW_E_SYNTAX, "false"},
        {ITEM_PAYLOAD, "a2 02 60 02 60", LW_E_SYNTAX, ""}, /* a key twice */
        {ITEM_PAYLOAD, "80", LW_E_VALUE, "sub"},
        {ITEM_PAYLOAD, "a0 00", LW_E_SYNTAX, ""},
        {ITEM_PAYLOAD, "bf ff", LW_E_SYNTAX, ""}, /* indefinite length */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_refused(read_bent_cwt(cases[i].item, cases[i].hex), cases[i].code, cases[i].why);
    }
}

/* The type header counts only where it is signed. */
static void a_type_beside_the_signature_is_refused(void **state)
{
    (void)state;
    struct status_cwt cwt;
    LW_AUTO_BUF token = LW_BUF(STATUS_TOKEN_MAX);
    status_cwt_init(&cwt, &place.authority.status);
    status_cwt_set(&cwt, ITEM_UNPROTECTED, "a1 10");
    assert_int_equal(lw_buf_put(&cwt.item[ITEM_UNPROTECTED], lw_buf_view(&cwt.item[ITEM_TYP])).code,
                     LW_OK);
    lw_buf_truncate(&cwt.item[ITEM_TYP], 0);
    status_cwt_build(&cwt, &place.authority.status, &token);
    assert_refused(read_token(lw_buf_view(&token)), LW_E_UNSUPPORTED, "typ");
    status_cwt_free(&cwt);
}

/* x5chain may stand beside the signature: it is checked by its own path (RFC 9360). */
static void a_chain_beside_the_signature_is_read(void **state)
{
    (void)state;
    struct status_cwt cwt;
    LW_AUTO_BUF token = LW_BUF(STATUS_TOKEN_MAX);
    status_cwt_init(&cwt, &place.authority.status);
    status_cwt_set(&cwt, ITEM_UNPROTECTED, "a1 1821");
    assert_int_equal(
        lw_buf_put(&cwt.item[ITEM_UNPROTECTED], lw_buf_view(&cwt.item[ITEM_CHAIN])).code, LW_OK);
    lw_buf_truncate(&cwt.item[ITEM_CHAIN], 0);
    status_cwt_build(&cwt, &place.authority.status, &token);
    assert_int_equal(read_token(lw_buf_view(&token)).code, LW_OK);
    status_cwt_free(&cwt);
}

/* F7, A27: an older list put back. */
static void a_list_older_than_the_one_held_is_refused(void **state)
{
    (void)state;
    const lw_bytes chain = lw_buf_view(&place.authority.status.cert);
    LW_AUTO_BUF token = LW_BUF(STATUS_TOKEN_MAX);
    status_make_cwt(&place.authority.status, &chain, 1, &token);
    struct wallet_status_expect expect = status_expectation(&place);
    expect.held_iat = STATUS_NOW - 100;
    assert_int_equal(read_with(lw_buf_view(&token), &expect).code, LW_OK);
    expect.held_iat = STATUS_NOW - 99;
    assert_refused(read_with(lw_buf_view(&token), &expect), LW_E_CONFLICT, "older");
}

/* SL-3: before anything is looked at. */
static void a_uri_that_is_not_the_issuers_is_refused(void **state)
{
    (void)state;
    struct wallet_status_expect expect = status_expectation(&place);
    expect.uri = LW_STR("https://status.example.evil/7");
    assert_refused(read_with(nothing, &expect), LW_E_DENIED, "URI is not");
}

static void bodies_of_no_known_form_are_refused(void **state)
{
    (void)state;
    LW_AUTO_BUF cwt = LW_BUF(STATUS_TOKEN_MAX);
    LW_AUTO_BUF hex = LW_BUF(STATUS_TOKEN_MAX);
    LW_AUTO_BUF base64 = LW_BUF(STATUS_TOKEN_MAX);
    const lw_bytes chain = lw_buf_view(&place.authority.status.cert);
    status_make_cwt(&place.authority.status, &chain, 1, &cwt);
    assert_int_equal(lw_buf_put_hex(&hex, lw_buf_view(&cwt)).code, LW_OK);
    assert_int_equal(wallet_base64url_encode(lw_buf_view(&cwt), &base64).code, LW_OK);
    assert_refused(read_token(nothing), LW_E_SYNTAX, "empty");
    assert_refused(read_token(lw_buf_view(&hex)), LW_E_SYNTAX, "jws");
    assert_refused(read_token(lw_buf_view(&base64)), LW_E_SYNTAX, "jws");
    uint8_t *large = calloc(1, WALLET_STATUS_TOKEN_MAX + 1);
    assert_non_null(large);
    const lw_bytes body = {.ptr = large, .len = WALLET_STATUS_TOKEN_MAX + 1};
    assert_refused(read_token(body), LW_E_LIMIT, "too large");
    free(large);
}

/* Every byte of both forms is covered: by the signature, or by the shape around it. */
static void any_byte_changed_is_refused(void **state)
{
    (void)state;
    const lw_bytes chain = lw_buf_view(&place.authority.status.cert);
    LW_AUTO_BUF jwt = LW_BUF(STATUS_TOKEN_MAX);
    LW_AUTO_BUF cwt = LW_BUF(STATUS_TOKEN_MAX);
    status_make_jwt(&place.authority.status, &chain, 1, &jwt);
    status_make_cwt(&place.authority.status, &chain, 1, &cwt);
    lw_buf *const tokens[] = {&jwt, &cwt};
    for (size_t t = 0; t < 2; t++) {
        assert_int_equal(read_token(lw_buf_view(tokens[t])).code, LW_OK);
        for (size_t i = 0; i < tokens[t]->len; i++) {
            tokens[t]->ptr[i] ^= 1;
            assert_int_not_equal(read_token(lw_buf_view(tokens[t])).code, LW_OK);
            tokens[t]->ptr[i] ^= 1;
        }
    }
}

/* A `sub` longer than any URI that is looked for ends the reading, whatever follows it. */
static void a_subject_without_end_is_refused(void **state)
{
    (void)state;
    LW_AUTO_BUF payload = LW_BUF(STATUS_TOKEN_MAX);
    const char *text = NULL;
    assert_int_equal(lw_buf_put_c(&payload, "{\"sub\":\"" STATUS_URI).code, LW_OK);
    for (int i = 0; i < WALLET_TRUST_TEXT_MAX; i++) {
        assert_int_equal(lw_buf_put_byte(&payload, 'x').code, LW_OK);
    }
    assert_int_equal(lw_buf_put_c(&payload, "\"}").code, LW_OK);
    assert_int_equal(lw_buf_c(&payload, &text).code, LW_OK);
    assert_refused(read_bent_jwt(false, NULL, text), LW_E_LIMIT, "limit");
}

/* SL-9: a list that inflates beyond the bound, signed by the right key. */
static void a_bomb_is_refused(void **state)
{
    (void)state;
    uint8_t *zeros = calloc(2, WALLET_STATUS_ARRAY_MAX);
    assert_non_null(zeros);
    LW_AUTO_BUF raw = LW_BUF(STATUS_TOKEN_MAX);
    LW_AUTO_BUF token = LW_BUF(STATUS_TOKEN_MAX);
    struct status_cwt cwt;
    uLongf len = STATUS_TOKEN_MAX;
    uint8_t *room = NULL;
    assert_int_equal(lw_buf_reserve(&raw, len, &room).code, LW_OK);
    assert_int_equal(compress(room, &len, zeros, 2 * WALLET_STATUS_ARRAY_MAX), Z_OK);
    lw_buf_commit(&raw, len);
    status_cwt_init(&cwt, &place.authority.status);
    lw_buf_truncate(&cwt.item[ITEM_LST], 0);
    assert_int_equal(wallet_cbor_put_bytes(&cwt.item[ITEM_LST], lw_buf_view(&raw)).code, LW_OK);
    status_cwt_build(&cwt, &place.authority.status, &token);
    assert_true(token.len < 12 * 1024);
    assert_refused(read_token(lw_buf_view(&token)), LW_E_LIMIT, "beyond the bound");
    status_cwt_free(&cwt);
    free(zeros);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_jwt_is_read),
        cmocka_unit_test(each_bent_claim_of_a_jwt_is_refused),
        cmocka_unit_test(each_bent_header_of_a_jwt_is_refused),
        cmocka_unit_test(a_whole_cwt_is_read),
        cmocka_unit_test(each_bent_item_of_a_cwt_is_refused),
        cmocka_unit_test(a_type_beside_the_signature_is_refused),
        cmocka_unit_test(a_chain_beside_the_signature_is_read),
        cmocka_unit_test(a_list_older_than_the_one_held_is_refused),
        cmocka_unit_test(a_uri_that_is_not_the_issuers_is_refused),
        cmocka_unit_test(bodies_of_no_known_form_are_refused),
        cmocka_unit_test(any_byte_changed_is_refused),
        cmocka_unit_test(a_subject_without_end_is_refused),
        cmocka_unit_test(a_bomb_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
