#include "wallet/audit.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "bytes.h"

static const uint8_t big[WALLET_AUDIT_DETAIL_MAX + 8] = {0};

static struct wallet_audit_event example(void)
{
    static const uint8_t subject[] = {1, 2, 3};
    static const uint8_t detail[] = {0xa1, 0x01, 0x61, 'x'};
    return (struct wallet_audit_event){.time = 1800000000,
                                       .kind = WALLET_AUDIT_LICENSE_ISSUED,
                                       .actor = LW_STR("op"),
                                       .subject = LW_BYTES(subject),
                                       .detail = LW_BYTES(detail)};
}

/* Written out by hand: the form on disk must not change unnoticed, its hashes are in the log. */
static void an_event_has_this_form(void **state)
{
    (void)state;
    LW_AUTO_BUF got = LW_BUF(256);
    LW_AUTO_BUF expected = LW_BUF(256);
    const struct wallet_audit_event event = example();
    support_hex("87 01 1a6b49d200 0d 626f70 43010203 a1016178 40", &expected);
    assert_int_equal(wallet_audit_event_encode(&event, &got).code, LW_OK);
    assert_true(lw_bytes_eq(lw_buf_view(&got), lw_buf_view(&expected)));
}

static void events_read_back_as_written(void **state)
{
    (void)state;
    static const uint8_t receipt[WALLET_AUDIT_RECEIPT_LEN] = {5};
    for (int kind = WALLET_AUDIT_STORE_CREATED; kind < WALLET_AUDIT_KIND_END; kind++) {
        LW_AUTO_BUF encoded = LW_BUF(256);
        struct wallet_audit_event event = example();
        struct wallet_audit_event got = {0};
        event.kind = (enum wallet_audit_kind)kind;
        event.time = -kind;
        event.receipt = kind % 2 == 0 ? LW_BYTES(receipt) : (lw_bytes){0};
        event.detail = kind % 3 == 0 ? (lw_bytes){0} : event.detail;
        assert_int_equal(wallet_audit_event_encode(&event, &encoded).code, LW_OK);
        assert_int_equal(wallet_audit_event_parse(lw_buf_view(&encoded), &got).code, LW_OK);
        assert_int_equal(got.kind, event.kind);
        assert_int_equal(got.time, event.time);
        assert_true(lw_str_eq(got.actor, event.actor));
        assert_true(lw_bytes_eq(got.subject, event.subject));
        assert_true(lw_bytes_eq(got.detail, event.detail));
        assert_true(lw_bytes_eq(got.receipt, event.receipt));
        assert_string_not_equal(wallet_audit_kind_name(event.kind), "unknown");
    }
    assert_string_equal(wallet_audit_kind_name(WALLET_AUDIT_LICENSE_ISSUED), "license.issued");
    assert_string_equal(wallet_audit_kind_name((enum wallet_audit_kind)0), "unknown");
    assert_string_equal(wallet_audit_kind_name(WALLET_AUDIT_KIND_END), "unknown");
}

static lw_code encode(struct wallet_audit_event event)
{
    LW_AUTO_BUF out = LW_BUF(64 * 1024);
    const lw_err err = wallet_audit_event_encode(&event, &out);
    assert_true(err.code == LW_OK || out.len == 0);
    return err.code;
}

static void every_bound_of_an_event_is_held(void **state)
{
    (void)state;
    struct wallet_audit_event event = example();
    event.actor = (lw_str){.ptr = (const char *)big, .len = WALLET_AUDIT_ACTOR_MAX};
    assert_int_equal(encode(event), LW_OK);
    event.actor.len++;
    assert_int_equal(encode(event), LW_E_VALUE);
    event = example();
    event.subject = (lw_bytes){.ptr = big, .len = WALLET_AUDIT_SUBJECT_MAX};
    assert_int_equal(encode(event), LW_OK);
    event.subject.len++;
    assert_int_equal(encode(event), LW_E_VALUE);
    event = example();
    for (size_t len = 1; len <= WALLET_AUDIT_RECEIPT_LEN + 1; len++) {
        event.receipt = (lw_bytes){.ptr = big, .len = len};
        assert_int_equal(encode(event), len == WALLET_AUDIT_RECEIPT_LEN ? LW_OK : LW_E_VALUE);
    }
    event = example();
    event.kind = (enum wallet_audit_kind)0;
    assert_int_equal(encode(event), LW_E_VALUE);
    event.kind = WALLET_AUDIT_KIND_END;
    assert_int_equal(encode(event), LW_E_VALUE);
}

static void the_detail_is_one_item_of_bounded_length(void **state)
{
    (void)state;
    struct wallet_audit_event event = example();
    LW_AUTO_BUF detail = LW_BUF(sizeof(big));
    support_hex("59 3ffd", &detail); /* a byte string of 16 KiB less its own head */
    assert_int_equal(lw_buf_put(&detail, (lw_bytes){.ptr = big, .len = 0x3ffd}).code, LW_OK);
    event.detail = lw_buf_view(&detail);
    assert_int_equal(event.detail.len, WALLET_AUDIT_DETAIL_MAX);
    assert_int_equal(encode(event), LW_OK);
    detail.ptr[2]++;
    assert_int_equal(lw_buf_put_byte(&detail, 0).code, LW_OK);
    event.detail = lw_buf_view(&detail);
    assert_int_equal(encode(event), LW_E_VALUE);
    static const uint8_t two[] = {0x01, 0x02};
    static const uint8_t open[] = {0x82, 0x01};
    event.detail = LW_BYTES(two);
    assert_int_equal(encode(event), LW_E_VALUE);
    event.detail = LW_BYTES(open);
    assert_int_equal(encode(event), LW_E_VALUE);
}

static void what_is_no_event_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        lw_code code;
    } cases[] = {
        {"", LW_E_SYNTAX},
        {"80", LW_E_SYNTAX},
        {"86 01 00 0d 60 40 f6 40", LW_E_SYNTAX},                /* one part too few in the head */
        {"87 02 00 0d 60 40 f6 40", LW_E_SYNTAX},                /* a newer version */
        {"87 01 00 0d 60 40 f6", LW_E_SYNTAX},                   /* ends early */
        {"87 01 00 0d 60 40 f6 40 00", LW_E_SYNTAX},             /* goes on */
        {"87 01 00 0d 40 40 f6 40", LW_E_SYNTAX},                /* actor is no text */
        {"87 01 00 00 60 40 f6 40", LW_E_VALUE},                 /* no such kind */
        {"87 01 00 18ff 60 40 f6 40", LW_E_VALUE},               /* nor such */
        {"87 01 00 1b0000000100000001 60 40 f6 40", LW_E_VALUE}, /* nor 1 modulo 2^32 */
        {"87 01 00 0d 60 40 f6 4101", LW_E_VALUE},               /* a receipt id of one byte */
    };
    struct wallet_audit_event event;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        LW_AUTO_BUF in = LW_BUF(64);
        support_hex(cases[i].hex, &in);
        assert_int_equal(wallet_audit_event_parse(lw_buf_view(&in), &event).code, cases[i].code);
    }
    LW_AUTO_BUF good = LW_BUF(64);
    support_hex("87 01 00 0d 60 40 f6 40", &good);
    assert_int_equal(wallet_audit_event_parse(lw_buf_view(&good), &event).code, LW_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_has_this_form),
        cmocka_unit_test(events_read_back_as_written),
        cmocka_unit_test(every_bound_of_an_event_is_held),
        cmocka_unit_test(the_detail_is_one_item_of_bounded_length),
        cmocka_unit_test(what_is_no_event_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
