/* What `lw doctor` says of keys and lists as time goes by: its families, with our clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../cli/doctor.h"
#include "home.h"
#include "keyring.h"
#include "txn.h"
#include "wallet/flow_key.h"
#include "wallet/flow_recovery.h"
#include "wallet/flow_status.h"
#include "wallet/status_publish.h"

static struct support_home home;
static struct doctor found;

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s: %s", lw_code_name(err.code), err.why);
    }
}

void doctor_say(struct doctor *d, enum doctor_grade grade, const char *advice, const char *format,
                ...)
{
    va_list args;
    struct doctor_line *line = &d->lines[d->count++];
    *line = (struct doctor_line){.grade = grade, .advice = advice};
    va_start(args, format);
    (void)vsnprintf(line->what, sizeof(line->what), format, args);
    va_end(args);
}

enum doctor_grade doctor_grade_end(int64_t now, int64_t end, int64_t soon_s)
{
    return now >= end ? DOCTOR_BAD : end - now < soon_s ? DOCTOR_SOON : DOCTOR_GOOD;
}

static void ask(void (*family)(struct doctor *d), int64_t now)
{
    home.clock.now = now;
    found = (struct doctor){.now = now, .home = home.home};
    family(&found);
}

static void ask_at(int64_t now)
{
    ask(doctor_keys, now);
}

/* The one line that begins so, or NULL. */
static const struct doctor_line *line_of(const char *start)
{
    const struct doctor_line *line = NULL;
    for (size_t i = 0; i < found.count; i++) {
        if (strncmp(found.lines[i].what, start, strlen(start)) == 0) {
            assert_null(line);
            line = &found.lines[i];
        }
    }
    return line;
}

static void expect(const char *start, enum doctor_grade grade, const char *more)
{
    const struct doctor_line *line = line_of(start);
    if (line == NULL) {
        fail_msg("no line: %s", start);
        return;
    }
    assert_int_equal(line->grade, grade);
    assert_non_null(strstr(line->what, more));
    assert_int_equal(line->advice == NULL, grade == DOCTOR_GOOD);
}

static char key_line[80];

static const char *of_key(enum hsm_purpose purpose)
{
    (void)snprintf(key_line, sizeof(key_line), "key %s ",
                   support_active_key(&home, purpose).record.label);
    return key_line;
}

static void each_active_key_is_told_of_in_its_time(void **state)
{
    (void)state;
    const int64_t start = home.clock.now;
    const int64_t end = support_active_key(&home, HSM_PURPOSE_CREDENTIAL).record.not_after;
    ask_at(start);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.lines[0].grade, DOCTOR_GOOD);
    assert_non_null(strstr(found.lines[0].what, "the first to stop is ds-"));
    ask_at(end - WALLET_KEY_ALARM_S - 1);
    assert_null(line_of(of_key(HSM_PURPOSE_CREDENTIAL)));
    ask_at(end - WALLET_KEY_ALARM_S);
    expect(of_key(HSM_PURPOSE_CREDENTIAL), DOCTOR_SOON, "30 days more; it has no successor");
    ask_at(end - LW_DAY_S);
    expect(of_key(HSM_PURPOSE_CREDENTIAL), DOCTOR_SOON, "1 day more");
    ask_at(end - 1);
    expect(of_key(HSM_PURPOSE_CREDENTIAL), DOCTOR_SOON, "0 days more");
    assert_null(line_of(of_key(HSM_PURPOSE_ACCESS)));
    ask_at(end);
    expect(of_key(HSM_PURPOSE_CREDENTIAL), DOCTOR_BAD, "signs no more");
    ask_at(start - 2 * LW_DAY_S);
    expect(of_key(HSM_PURPOSE_ACCESS), DOCTOR_BAD, "not to sign yet");
    home.clock.now = start;
}

static void a_step_that_nobody_takes_is_told_of_after_an_hour(void **state)
{
    (void)state;
    const int64_t start = home.clock.now;
    struct wallet_key_result result;
    char line[160];
    const struct wallet_key_info old = support_active_key(&home, HSM_PURPOSE_ACCESS);
    must(wallet_flow_key_rotate(
        home.home, &(struct wallet_key_order){.purpose = HSM_PURPOSE_ACCESS, .actor = LW_STR("t")},
        &result));
    (void)snprintf(line, sizeof(line), "key %s was to be activated", result.label);
    ask_at(result.ready_at + LW_HOUR_S);
    assert_null(line_of(line));
    ask_at(result.ready_at + LW_HOUR_S + 1);
    expect(line, DOCTOR_SOON, " on ");
    const int64_t end = old.record.not_after;
    ask_at(end - LW_DAY_S);
    expect(of_key(HSM_PURPOSE_ACCESS), DOCTOR_SOON, "its successor is published");
    size_t steps = 0;
    home.clock.now = result.ready_at;
    must(wallet_flow_key_advance(home.home, LW_STR("t"), NULL, NULL, &steps));
    ask_at(result.ready_at + LW_HOUR_S + 1);
    assert_null(line_of(line));
    (void)snprintf(line, sizeof(line), "key %s was to be destroyed", old.record.label);
    ask_at(result.ready_at + 7 * LW_DAY_S + LW_HOUR_S);
    assert_null(line_of(line));
    ask_at(result.ready_at + 7 * LW_DAY_S + LW_HOUR_S + 1);
    expect(line, DOCTOR_SOON, " on ");
    home.clock.now = start;
}

static void a_list_that_nobody_signs_is_told_of_before_it_ends(void **state)
{
    (void)state;
    const int64_t start = home.clock.now;
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    size_t published = 0;
    support_home_issue(&home, "LATE-1");
    support_home_lq1(&home, "LATE-1", &text);
    must(wallet_flow_publish_status(home.home, &published));
    ask(doctor_lists, start + 2 * WALLET_STATUS_TTL_S);
    assert_null(line_of("status list "));
    ask(doctor_lists, start + 2 * WALLET_STATUS_TTL_S + 1);
    expect("status list ", DOCTOR_SOON, " of market-regulation, and perhaps others, waits");
    home.clock.now = start;
}

static lw_err drop_sealed_epoch(struct wallet_txn *txn, void *ctx)
{
    static const lw_str first = {.ptr = "recoverable\0\0\0\1", .len = 15};
    (void)ctx;
    return wallet_txn_delete(txn, WALLET_KS_META, lw_str_bytes(first));
}

static lw_err wrap_epochs(struct wallet_txn *txn, void *ctx)
{
    const struct wallet_standby_wrap wrap = {.seal = "seal-s",
                                             .wrapped = lw_str_bytes(LW_STR("w"))};
    struct wallet_epoch newest;
    (void)ctx;
    LW_TRY(wallet_store_epoch_get(txn, 0, &newest));
    for (uint32_t number = 1; number <= newest.number; number++) {
        LW_TRY(wallet_store_standby_put(txn, number, &wrap));
    }
    return LW_SUCCESS;
}

static struct wallet_key_result begun;

static lw_err rotate_seal(bool compromised)
{
    return support_rotate(
        &home, (struct wallet_key_order){.purpose = HSM_PURPOSE_SEAL, .compromised = compromised},
        &begun);
}

static bool is_sealed_by_begun(void)
{
    struct wallet_epoch epoch;
    WALLET_AUTO_TXN txn = NULL;
    must(wallet_read_begin(wallet_home_store(home.home), &txn));
    must(wallet_store_epoch_get(txn, 0, &epoch));
    return strcmp(epoch.seal, begun.label) == 0;
}

static void a_store_has_sixteen_epochs_and_the_last_is_for_a_theft(void **state)
{
    (void)state;
    const int64_t start = home.clock.now;
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    char first[WALLET_KEY_LABEL_MAX + 1];
    uint32_t left = 0;
    must(wallet_flow_epochs_left(home.home, &left));
    assert_int_equal(left, WALLET_STORE_EPOCHS - 1);
    for (; left > WALLET_EPOCHS_RESERVE; left--) {
        ask_at(home.clock.now);
        if (left > WALLET_EPOCHS_WARN) {
            assert_null(line_of("4 of the store's"));
        }
        must(rotate_seal(true));
    }
    ask_at(home.clock.now);
    expect("1 of the store's 16 epochs are left", DOCTOR_SOON, ", 1 of them for a stolen");
    memcpy(first, begun.label, sizeof(first));
    assert_int_equal(rotate_seal(false).code, LW_E_LIMIT);
    assert_string_equal(support_active_key(&home, HSM_PURPOSE_SEAL).record.label, first);
    must(rotate_seal(true));
    assert_true(is_sealed_by_begun());
    ask_at(home.clock.now);
    expect("0 of the store's 16 epochs are left", DOCTOR_BAD, ", 0 of them");
    assert_int_equal(rotate_seal(false).code, LW_E_LIMIT);
    must(rotate_seal(true)); /* without a new epoch: those that there are, wrapped anew */
    assert_true(is_sealed_by_begun());
    must(wallet_flow_epochs_left(home.home, &left));
    assert_int_equal(left, 0);
    support_home_issue(&home, "EPOCH-1");
    support_home_reopen(&home, WALLET_HOME_SIGN);
    support_home_lq1(&home, "EPOCH-1", &text); /* its claims are opened for it */
    home.clock.now = start;
}

static void custodians_are_asked_for_and_known_by_what_they_open(void **state)
{
    (void)state;
    struct hsm_soft_key *keys[2] = {NULL, NULL};
    struct wallet_recovery_order order = {.threshold = 2, .count = 2, .actor = LW_STR("t")};
    ask(doctor_recovery, home.clock.now);
    expect("there are no custodians", DOCTOR_SOON, "lost with the token");
    assert_int_equal(found.count, 1); /* a second token is not asked for */
    for (size_t i = 0; i < 2; i++) {
        must(hsm_soft_key_generate(&keys[i]));
        order.custodians[i] = (struct wallet_recovery_custodian){
            .name = i == 0 ? LW_STR("ann") : LW_STR("ben"), .key = *hsm_soft_key_public(keys[i])};
    }
    must(wallet_flow_recovery_init(home.home, &order));
    ask(doctor_recovery, home.clock.now + 3 * LW_DAY_S);
    home.clock.now -= 3 * LW_DAY_S;
    expect("any 2 of 2 custodians open all", DOCTOR_GOOD, "shares are 3 days old");
    must(wallet_store_write(wallet_home_store(home.home), drop_sealed_epoch, NULL));
    ask(doctor_recovery, home.clock.now);
    expect("the custodians' shares, 0 days old, do not open 1 of ", DOCTOR_BAD, " epochs");
    hsm_soft_key_free(keys[0]);
    hsm_soft_key_free(keys[1]);
}

/* Records as `lw key standby` makes them, of all active keys but the first `skip`. */
static lw_err write_standbys(struct wallet_txn *txn, void *ctx)
{
    const size_t *skip = ctx;
    struct support_keys seen;
    size_t active = 0;
    support_keys(&home, &seen);
    for (size_t i = 0; i < seen.count; i++) {
        struct wallet_key_record key = seen.list[i].record;
        if (key.state != WALLET_KEY_ACTIVE || key.purpose == HSM_PURPOSE_CUSTODY ||
            active++ < *skip) {
            continue;
        }
        (void)snprintf(key.label, sizeof(key.label), "standby-%zu", i);
        key.cert = (lw_bytes){NULL, 0};
        key.state = WALLET_KEY_PUBLISHED;
        key.standby = true;
        const lw_err err = wallet_store_key_add(txn, &key);
        if (err.code != LW_E_CONFLICT) {
            LW_TRY(err);
        }
    }
    return LW_SUCCESS;
}

static void a_second_token_is_known_by_what_it_lacks(void **state)
{
    (void)state;
    size_t skip = 2;
    must(wallet_store_write(wallet_home_store(home.home), write_standbys, &skip));
    ask(doctor_recovery, home.clock.now);
    expect("2 active keys have none that stands by", DOCTOR_SOON, "for them");
    expect("the second token does not open ", DOCTOR_SOON, " epochs");
    skip = 0;
    must(wallet_store_write(wallet_home_store(home.home), write_standbys, &skip));
    ask(doctor_recovery, home.clock.now);
    assert_null(line_of("2 active keys"));
    must(wallet_store_write(wallet_home_store(home.home), wrap_epochs, NULL));
    ask(doctor_recovery, home.clock.now);
    assert_null(line_of("the second token"));
    assert_int_equal(found.lines[found.count - 1].grade, DOCTOR_GOOD);
    assert_non_null(strstr(found.lines[found.count - 1].what, "stand by in the second token"));
}

static void without_a_home_nothing_is_said(void **state)
{
    (void)state;
    found = (struct doctor){.home = NULL};
    doctor_keys(&found);
    doctor_recovery(&found);
    assert_int_equal(found.count, 0);
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
        cmocka_unit_test(each_active_key_is_told_of_in_its_time),
        cmocka_unit_test(a_step_that_nobody_takes_is_told_of_after_an_hour),
        cmocka_unit_test(a_list_that_nobody_signs_is_told_of_before_it_ends),
        cmocka_unit_test(a_store_has_sixteen_epochs_and_the_last_is_for_a_theft),
        cmocka_unit_test(custodians_are_asked_for_and_known_by_what_they_open),
        cmocka_unit_test(a_second_token_is_known_by_what_it_lacks),
        cmocka_unit_test(without_a_home_nothing_is_said),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
