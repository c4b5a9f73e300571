/*
 * F18: an answer is lost and the client repeats. The effect is there once: one credential with one
 * status index, one license, one change of state, one acceptance for a challenge, each with one
 * entry in the log; the client is given the same thing again, or is told that it is done.
 */
#define _GNU_SOURCE

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fault.h"
#include "http_expect.h"
#include "issue.h"
#include "service.h"
#include "shimmed.h"
#include "wallet/audit.h"
#include "wallet/cbor.h"
#include "wallet/flow_person.h"
#include "wallet/flow_status.h"
#include "wallet/json_write.h"
#include "wallet/store_status.h"

enum { REPEATS = 4, LISTS_MAX = 64, TRIES = 1200, PAUSE_NS = 10000000 };

static struct support_service s;

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s: %s", lw_code_name(err.code), err.why);
    }
}

/* Entries of a kind in the whole log; of verifications only those that accepted, when told so. */
static size_t entries(enum wallet_audit_kind kind, bool accepted)
{
    WALLET_AUTO_TXN txn = NULL;
    const uint64_t size = support_log_size(&s);
    size_t count = 0;
    must(wallet_read_begin(wallet_home_store(s.home.home), &txn));
    for (uint64_t i = 0; i < size; i++) {
        struct wallet_audit_leaf leaf;
        must(wallet_audit_get(txn, i, &leaf));
        if (leaf.event.kind != kind) {
            continue;
        }
        struct wallet_cbor result =
            wallet_cbor_reader(wallet_cbor_map_get_int(leaf.event.detail, 1));
        count += !accepted || wallet_cbor_int(&result) == WALLET_ACCEPTED ? 1 : 0;
    }
    return count;
}

static uint64_t status_indexes(void)
{
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_stored_list lists[LISTS_MAX];
    struct wallet_page page = {.len = 0};
    size_t count = LISTS_MAX;
    uint64_t given = 0;
    must(wallet_read_begin(wallet_home_store(s.home.home), &txn));
    must(wallet_store_status_list_page(txn, LW_STR(""), &page, lists, &count));
    for (size_t i = 0; i < count; i++) {
        given += lists[i].allocated;
    }
    return given;
}

/* Sends a verification and goes away before it is answered. */
static void send_and_leave(lw_str text)
{
    LW_AUTO_BUF body = LW_BUF(SUPPORT_TEXT_MAX);
    LW_AUTO_BUF request = LW_BUF(SUPPORT_TEXT_MAX);
    struct wallet_json_writer w = wallet_json_writer(&body);
    wallet_json_put_object(&w);
    wallet_json_member_text(&w, "presentation", text);
    wallet_json_put_end(&w);
    must(wallet_json_written(&w));
    must(lw_buf_put_c(&request, "POST /api/v1/verifications HTTP/1.1\r\nHost: localhost\r\n"
                                "Content-Type: application/json\r\nContent-Length: "));
    must(lw_buf_put_int(&request, (int64_t)body.len));
    must(lw_buf_put_c(&request, "\r\n\r\n"));
    must(lw_buf_put(&request, lw_buf_view(&body)));
    const int fd = support_connect(s.port);
    assert_int_equal(send(fd, request.ptr, request.len, MSG_NOSIGNAL), (ssize_t)request.len);
    (void)close(fd);
}

static void wait_for_entries(size_t want)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    for (int i = 0; i < TRIES && entries(WALLET_AUDIT_VERIFIED, false) < want; i++) {
        (void)nanosleep(&pause, NULL);
    }
    assert_int_equal(entries(WALLET_AUDIT_VERIFIED, false), want);
}

static void an_answer_to_a_challenge_is_accepted_once_though_its_reply_is_lost(void **state)
{
    (void)state;
    const size_t rounds = support_fault_rounds(5, 200);
    for (size_t i = 0; i < rounds; i++) {
        LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
        const size_t accepted = entries(WALLET_AUDIT_VERIFIED, true);
        const size_t all = entries(WALLET_AUDIT_VERIFIED, false);
        support_answer_challenge(&s, "R-1", &text);
        send_and_leave(lw_buf_text(&text));
        wait_for_entries(all + 1);
        assert_int_equal(entries(WALLET_AUDIT_VERIFIED, true), accepted + 1);
        for (unsigned k = 0; k < REPEATS; k++) {
            SUPPORT_AUTO_REPLY reply = {.status = 0};
            support_verify(&s, lw_buf_text(&text), "", &reply);
            assert_true(support_has_result(&reply, "refused"));
        }
        assert_int_equal(entries(WALLET_AUDIT_VERIFIED, true), accepted + 1);
    }
    support_fault_report("F18", "answer to a challenge sent, reply lost, sent again", rounds, 0);
}

/* What is shown without a challenge may be shown again; each is a verification of its own. */
static void a_passive_presentation_shown_again_is_told_as_seen_before(void **state)
{
    (void)state;
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    SUPPORT_AUTO_REPLY reply = {.status = 0};
    const size_t all = entries(WALLET_AUDIT_VERIFIED, false);
    support_home_lq1(&s.home, "R-1", &text);
    send_and_leave(lw_buf_text(&text));
    wait_for_entries(all + 1);
    support_verify(&s, lw_buf_text(&text), "", &reply);
    assert_true(support_has_result(&reply, "accepted"));
    assert_true(support_contains(reply.body, "replay"));
    assert_int_equal(entries(WALLET_AUDIT_VERIFIED, false), all + 2);
}

static void get_credential(const char *format, lw_buf *out)
{
    must(wallet_flow_credential(s.home.home, wallet_license_ref_parse(LW_STR("C-1")),
                                lw_str_c(format), &s.home.holder.key, out));
}

static void a_credential_asked_for_again_is_the_same_with_one_index_and_one_entry(void **state)
{
    static const char *const formats[] = {"dc+sd-jwt", "dc+sd-cwt"};
    (void)state;
    const size_t made = entries(WALLET_AUDIT_CREDENTIAL_ISSUED, false);
    const size_t bound = entries(WALLET_AUDIT_HOLDER_KEY_BOUND, false);
    const uint64_t indexes = status_indexes();
    support_home_issue(&s.home, "C-1");
    for (size_t i = 0; i < 2; i++) {
        LW_AUTO_BUF first = LW_BUF(SUPPORT_TEXT_MAX);
        get_credential(formats[i], &first); /* and the wallet never hears of it */
        for (unsigned k = 0; k < REPEATS; k++) {
            LW_AUTO_BUF again = LW_BUF(SUPPORT_TEXT_MAX);
            s.home.clock.now += LW_HOUR_S;
            get_credential(formats[i], &again);
            assert_true(lw_bytes_eq(lw_buf_view(&first), lw_buf_view(&again)));
        }
        assert_int_equal(entries(WALLET_AUDIT_CREDENTIAL_ISSUED, false), made + i + 1);
        assert_int_equal(status_indexes(), indexes + i + 1);
    }
    assert_int_equal(entries(WALLET_AUDIT_HOLDER_KEY_BOUND, false), bound + 1);
    support_fault_report("F18", "credential asked for again", 2 * REPEATS, 0);
}

static lw_err issue_version(const char *number, const char *version)
{
    const struct support_order order = {.number = number, .version = version};
    return support_issue(s.home.home, &order);
}

/* An order that names its version, the register's own key, can be repeated. */
static void an_order_that_names_its_version_is_carried_out_once(void **state)
{
    (void)state;
    const size_t before = entries(WALLET_AUDIT_LICENSE_ISSUED, false);
    must(issue_version("O-1", "T-O-1-2027"));
    for (unsigned k = 0; k < REPEATS; k++) {
        s.home.clock.now += LW_HOUR_S;
        assert_int_equal(issue_version("O-1", "T-O-1-2027").code, LW_E_CONFLICT);
    }
    assert_int_equal(entries(WALLET_AUDIT_LICENSE_ISSUED, false), before + 1);
    assert_int_equal(entries(WALLET_AUDIT_LICENSE_SUPERSEDED, false), 0);
    support_fault_report("F18", "order that names its version given again", REPEATS, 0);
}

static void a_change_of_state_asked_for_again_is_made_once(void **state)
{
    static const struct {
        enum wallet_state to;
        enum wallet_audit_kind kind;
    } changes[] = {{WALLET_SUSPENDED, WALLET_AUDIT_LICENSE_SUSPENDED},
                   {WALLET_ACTIVE, WALLET_AUDIT_LICENSE_RESUMED},
                   {WALLET_REVOKED, WALLET_AUDIT_LICENSE_REVOKED}};
    (void)state;
    support_home_issue(&s.home, "S-1");
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        const size_t before = entries(changes[i].kind, false);
        for (unsigned k = 0; k <= REPEATS; k++) {
            enum wallet_state from = WALLET_CANCELLED;
            const lw_err err =
                wallet_flow_change_state(s.home.home, wallet_license_ref_parse(LW_STR("S-1")),
                                         changes[i].to, LW_STR("a test"), LW_STR("test"), &from);
            assert_int_equal(err.code, k == 0 ? LW_OK : LW_E_CONFLICT);
            assert_true(k == 0 || from == changes[i].to); /* it is told that it is done */
        }
        assert_int_equal(entries(changes[i].kind, false), before + 1);
    }
    support_fault_report("F18", "change of state asked for again", 3 * REPEATS, 0);
}

static void a_person_added_again_is_one(void **state)
{
    struct wallet_person_code code;
    (void)state;
    const size_t before = entries(WALLET_AUDIT_PERSON_ADDED, false);
    must(wallet_person_code(LW_STR("999"), LW_STR("Q-1"), &code));
    for (unsigned k = 0; k <= REPEATS; k++) {
        bool added = false;
        must(
            wallet_flow_person_add(s.home.home, &code, LW_STR("Somebody"), LW_STR("test"), &added));
        assert_int_equal(added, k == 0);
    }
    assert_int_equal(entries(WALLET_AUDIT_PERSON_ADDED, false), before + 1);
    support_fault_report("F18", "person added again", REPEATS, 0);
}

static int make(void **state)
{
    (void)state;
    support_service_start(&s);
    support_home_issue(&s.home, "R-1");
    return 0;
}

static int drop(void **state)
{
    (void)state;
    support_service_stop(&s);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_to_a_challenge_is_accepted_once_though_its_reply_is_lost),
        cmocka_unit_test(a_passive_presentation_shown_again_is_told_as_seen_before),
        cmocka_unit_test(a_credential_asked_for_again_is_the_same_with_one_index_and_one_entry),
        cmocka_unit_test(an_order_that_names_its_version_is_carried_out_once),
        cmocka_unit_test(a_change_of_state_asked_for_again_is_made_once),
        cmocka_unit_test(a_person_added_again_is_one),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
