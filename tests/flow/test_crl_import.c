/* Revocation lists that were signed elsewhere, where the CA key is kept offline. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "issuing_ca.h"
#include "keyring.h"
#include "wallet/flow_key.h"

enum { DER_MAX = 8192 };

static struct support_home home;

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s: %s", lw_code_name(err.code), err.why);
    }
}

static struct wallet_signed_doc held(lw_buf *bytes)
{
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_signed_doc crl;
    must(wallet_read_begin(wallet_home_store(home.home), &txn));
    must(wallet_store_crl_get(txn, LW_STR("ca-1"), &crl));
    if (bytes != NULL) {
        must(lw_buf_put(bytes, crl.bytes));
    }
    crl.bytes = (lw_bytes){NULL, 0};
    return crl;
}

/* What is signed with the CA's key by other means. */
struct elsewhere {
    uint64_t number;
    int64_t from; /* relative to now */
    int64_t until;
    const struct hsm_revoked *revoked; /* one or none */
};

static void sign_elsewhere(const struct elsewhere *e, lw_buf *der)
{
    struct hsm_signer ca;
    const int64_t now = home.clock.now;
    must(wallet_home_signer(home.home, HSM_PURPOSE_CA, LW_STR(""), &ca));
    ca.not_before = INT64_MIN;
    must(hsm_crl_issue(&ca, e->revoked, e->revoked == NULL ? 0 : 1, e->number, now + e->from,
                       now + e->until, der));
}

static lw_code import(const struct elsewhere *e)
{
    LW_AUTO_BUF der = LW_BUF(DER_MAX);
    char label[WALLET_KEY_LABEL_MAX + 1] = "";
    sign_elsewhere(e, &der);
    return wallet_flow_crl_import(home.home, lw_buf_view(&der), LW_STR("test"), label).code;
}

static void a_newer_list_takes_the_place_of_the_one_held(void **state)
{
    (void)state;
    LW_AUTO_BUF der = LW_BUF(DER_MAX);
    LW_AUTO_BUF kept = LW_BUF(DER_MAX);
    char label[WALLET_KEY_LABEL_MAX + 1] = "";
    const uint64_t number = held(NULL).version;
    home.clock.now += LW_HOUR_S;
    const struct elsewhere good = {.number = number + 10, .from = 0, .until = LW_DAY_S};
    sign_elsewhere(&good, &der);
    must(wallet_flow_crl_import(home.home, lw_buf_view(&der), LW_STR("test"), label));
    assert_string_equal(label, "ca-1");
    const struct wallet_signed_doc now = held(&kept);
    assert_int_equal(now.version, number + 10);
    assert_int_equal(now.iat, home.clock.now);
    assert_int_equal(now.exp, home.clock.now + LW_DAY_S);
    assert_true(lw_bytes_eq(lw_buf_view(&kept), lw_buf_view(&der)));
    size_t count = 0;
    must(wallet_flow_crl_sign(home.home, &count)); /* the key is here after all: it goes on */
    assert_int_equal(held(NULL).version, number + 11);
}

static void a_list_that_is_not_newer_or_not_of_now_is_refused(void **state)
{
    (void)state;
    const uint64_t number = held(NULL).version;
    const struct {
        struct elsewhere list;
        lw_code code;
    } cases[] = {
        {{.number = number, .until = 100}, LW_E_CONFLICT},
        {{.number = number - 1, .until = 100}, LW_E_CONFLICT},
        {{.number = number + 1, .from = -1, .until = 100}, LW_E_CONFLICT}, /* older by its date */
        {{.number = number + 1, .from = 61, .until = 100}, LW_E_VALUE},
        {{.number = number + 1, .from = -100, .until = 0}, LW_E_EXPIRED},
        {{.number = number + 1, .from = 60, .until = 100}, LW_OK},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(import(&cases[i].list), cases[i].code);
    }
    home.clock.now += 60;
}

static void a_list_of_an_authority_that_is_not_ours_is_refused(void **state)
{
    (void)state;
    LW_AUTO_BUF der = LW_BUF(DER_MAX);
    char label[WALLET_KEY_LABEL_MAX + 1];
    struct support_issuing_ca other;
    const int64_t now = home.clock.now;
    support_issuing_ca_new(&other, now);
    must(hsm_crl_issue(&other.signer, NULL, 0, 1000, now, now + 100, &der));
    assert_int_equal(
        wallet_flow_crl_import(home.home, lw_buf_view(&der), LW_STR("test"), label).code,
        LW_E_UNTRUSTED);
    assert_int_equal(
        wallet_flow_crl_import(home.home, (lw_bytes){der.ptr, 5}, LW_STR("test"), label).code,
        LW_E_SYNTAX);
    support_issuing_ca_free(&other);
}

struct serial {
    const char *label;
    lw_buf bytes;
};

static lw_err take_serial(void *ctx, const struct wallet_key_info *info)
{
    struct serial *serial = ctx;
    struct hsm_cert cert;
    if (strcmp(info->record.label, serial->label) != 0) {
        return LW_SUCCESS;
    }
    LW_TRY(hsm_cert_parse(info->record.cert, &cert));
    return lw_buf_put(&serial->bytes, cert.serial);
}

static void a_list_revokes_what_is_revoked_here(void **state)
{
    (void)state;
    struct wallet_key_result result;
    const struct wallet_key_info stolen = support_active_key(&home, HSM_PURPOSE_ACCESS);
    struct serial serial = {.label = stolen.record.label, .bytes = LW_BUF(64)};
    must(wallet_flow_key_each(home.home, take_serial, &serial));
    must(support_rotate(
        &home, (struct wallet_key_order){.purpose = HSM_PURPOSE_ACCESS, .compromised = true},
        &result));
    home.clock.now += LW_HOUR_S;
    struct elsewhere list = {.number = held(NULL).version + 1, .until = LW_DAY_S};
    assert_int_equal(import(&list), LW_E_CONFLICT);
    const struct hsm_revoked revoked = {.serial = lw_buf_view(&serial.bytes),
                                        .revoked_at = home.clock.now};
    list.revoked = &revoked;
    assert_int_equal(import(&list), LW_OK);
    lw_buf_free(&serial.bytes);
}

static int make(void **state)
{
    (void)state;
    support_home_make(&home);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    support_home_drop(&home);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_newer_list_takes_the_place_of_the_one_held),
        cmocka_unit_test(a_list_that_is_not_newer_or_not_of_now_is_refused),
        cmocka_unit_test(a_list_of_an_authority_that_is_not_ours_is_refused),
        cmocka_unit_test(a_list_revokes_what_is_revoked_here),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
