/* A clock that jumps ends nothing for good: lists, keys and what is purged wait until it holds. */
#define _GNU_SOURCE

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "keyring.h"
#include "lw/file.h"
#include "service.h"
#include "wallet/audit.h"
#include "wallet/flow_status.h"
#include "wallet/jwk.h"
#include "wallet/store_credential.h"
#include "wallet/store_grant.h"
#include "wallet/store_license.h"

enum { TOKEN_MAX = 4 * 1024 * 1024, LOG_MAX = 1024 * 1024, WAIT_STEPS = 600, STEP_MS = 100 };

static const int64_t year_2038 = 2145916800;

static struct support_service s;
static _Atomic int64_t passed_s; /* what the monotonic clock is ahead of the system's */

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s: %s", lw_code_name(err.code), err.why);
    }
}

static int64_t shifted_mono(void *ctx)
{
    (void)ctx;
    return lw_mono_ns(lw_clock_system()) + atomic_load(&passed_s) * 1000000000;
}

/* Time as it should be: both clocks go on. */
static void pass(int64_t seconds)
{
    s.home.clock.now += seconds;
    atomic_fetch_add(&passed_s, seconds);
}

static void open_watched(void)
{
    s.home.config.watch_clock = true;
    support_home_reopen(&s.home, WALLET_HOME_SIGN);
}

static enum wallet_key_state state_of(const char *label)
{
    return support_key(&s.home, label).record.state;
}

/* Takes the steps that are due; at a false time some of them fail, and are not what is tested. */
static void advance(void)
{
    size_t steps = 0;
    const lw_err err = wallet_flow_key_advance(s.home.home, LW_STR("test"), NULL, NULL, &steps);
    (void)err;
}

/* A key that has retired, in a home that is watched and whose clock is believed. */
static struct wallet_key_info retired_key(void)
{
    const struct wallet_key_info old = support_active_key(&s.home, HSM_PURPOSE_STATUS);
    support_rotate_whole(&s.home, HSM_PURPOSE_STATUS);
    const struct wallet_key_info retired = support_key(&s.home, old.record.label);
    assert_int_equal(retired.record.state, WALLET_KEY_RETIRED);
    open_watched();
    pass(LW_HOUR_S); /* the rotation has moved the clock by days */
    assert_true(wallet_home_clock_holds(s.home.home, s.home.clock.now));
    return retired;
}

static void expect_kept(const struct wallet_key_info *key)
{
    advance();
    assert_int_equal(state_of(key->record.label), WALLET_KEY_RETIRED);
    assert_true(support_key_in_token(&s.home, key->record.token));
}

static void expect_destroyed(const struct wallet_key_info *key)
{
    advance();
    assert_int_equal(state_of(key->record.label), WALLET_KEY_DESTROYED);
    assert_false(support_key_in_token(&s.home, key->record.token));
}

static void a_jump_to_2038_destroys_no_key_and_back_again_all_goes_on(void **state)
{
    (void)state;
    const struct wallet_key_info key = retired_key();
    const int64_t start = s.home.clock.now;
    s.home.clock.now = year_2038;
    expect_kept(&key);
    s.home.clock.now = start;
    expect_kept(&key);
    pass(key.next_at - start);
    expect_destroyed(&key);
}

static void a_clock_that_was_set_is_believed_after_an_hour(void **state)
{
    (void)state;
    const struct wallet_key_info key = retired_key();
    s.home.clock.now = key.next_at;
    expect_kept(&key);
    pass(LW_HOUR_S - 60);
    expect_kept(&key);
    pass(60);
    expect_destroyed(&key);
}

static void each_jump_begins_its_own_hour(void **state)
{
    (void)state;
    const struct wallet_key_info key = retired_key();
    const int64_t start = s.home.clock.now;
    s.home.clock.now = key.next_at;
    expect_kept(&key);
    pass(LW_HOUR_S - 60);
    expect_kept(&key);
    s.home.clock.now += LW_DAY_S; /* elsewhere */
    expect_kept(&key);
    pass(LW_HOUR_S - 60);
    expect_kept(&key);
    s.home.clock.now = start + 2 * (LW_HOUR_S - 60); /* back where it was believed */
    assert_true(wallet_home_clock_holds(s.home.home, s.home.clock.now));
    s.home.clock.now = key.next_at + LW_DAY_S + 2 * (LW_HOUR_S - 60); /* there again */
    expect_kept(&key);
    pass(LW_HOUR_S - 60);
    expect_kept(&key);
    pass(60);
    expect_destroyed(&key);
}

static void up_to_an_hour_is_no_jump(void **state)
{
    (void)state;
    open_watched();
    struct wallet_home *home = s.home.home;
    const int64_t start = s.home.clock.now;
    assert_true(wallet_home_clock_holds(home, start + LW_HOUR_S - 60));
    assert_false(wallet_home_clock_holds(home, start + LW_HOUR_S + 60));
    assert_true(wallet_home_clock_holds(home, start - LW_HOUR_S + 60));
    assert_false(wallet_home_clock_holds(home, start - LW_HOUR_S - 60));
    s.home.config.watch_clock = false;
    assert_true(wallet_home_clock_holds(home, year_2038));
}

static void a_stolen_key_is_destroyed_whatever_the_clock_shows(void **state)
{
    (void)state;
    open_watched();
    const struct wallet_key_info old = support_active_key(&s.home, HSM_PURPOSE_STATUS);
    struct wallet_key_result result;
    s.home.clock.now += 3 * LW_DAY_S;
    must(support_rotate(
        &s.home, (struct wallet_key_order){.purpose = HSM_PURPOSE_STATUS, .compromised = true},
        &result));
    assert_false(wallet_home_clock_holds(s.home.home, s.home.clock.now));
    expect_destroyed(&old);
}

/* --- at the opening -----------------------------------------------------------------------------
 */

static lw_err write_event(struct wallet_txn *txn, void *ctx)
{
    const struct wallet_audit_event event = {
        .time = *(const int64_t *)ctx, .kind = WALLET_AUDIT_BACKUP, .actor = LW_STR("test")};
    return wallet_audit_append(txn, &event, NULL);
}

/* The log's newest entry is of now; then the home is closed for so long, and opened again. */
static bool holds_after(int64_t away_s)
{
    must(wallet_store_write(wallet_home_store(s.home.home), write_event, &s.home.clock.now));
    s.home.clock.now += away_s;
    open_watched();
    return wallet_home_clock_holds(s.home.home, s.home.clock.now);
}

static void a_home_that_was_used_within_48_hours_is_believed_when_it_is_opened(void **state)
{
    (void)state;
    assert_true(holds_after(0));
    assert_true(holds_after(LW_HOUR_S));
    assert_true(holds_after(LW_HOUR_S + 1));
    assert_true(holds_after(48 * LW_HOUR_S));
    assert_false(holds_after(48 * LW_HOUR_S + 1));
}

static void a_home_that_was_closed_for_a_week_is_believed_after_an_hour(void **state)
{
    (void)state;
    assert_false(holds_after(7 * LW_DAY_S));
    pass(LW_HOUR_S - 60);
    assert_false(wallet_home_clock_holds(s.home.home, s.home.clock.now));
    pass(60);
    assert_true(wallet_home_clock_holds(s.home.home, s.home.clock.now));
}

static void starting_again_and_again_in_2038_bears_nothing_out(void **state)
{
    (void)state;
    const struct wallet_key_info key = retired_key();
    const int64_t start = s.home.clock.now;
    s.home.clock.now = year_2038;
    for (int i = 0; i < 3; i++) {
        open_watched(); /* each writes to the log that data keys were opened, in 2038 */
        must(wallet_store_write(wallet_home_store(s.home.home), write_event, &s.home.clock.now));
        expect_kept(&key);
        s.home.clock.now += 60;
    }
    s.home.clock.now = start;
    open_watched();
    expect_kept(&key);
    pass(key.next_at - start);
    expect_destroyed(&key);
}

/* --- lists --------------------------------------------------------------------------------------
 */

static struct wallet_stored_list list_of(const char *number)
{
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_stored_list list;
    struct wallet_credential_info info = {.format = "dc+sd-cwt"};
    must(wallet_read_begin(wallet_home_store(s.home.home), &txn));
    must(wallet_store_license_find(txn, LW_STR(""), lw_str_c(number), info.license));
    must(wallet_jwk_thumbprint(&s.home.holder.key, info.holder));
    must(wallet_store_credential_get(txn, &info, NULL));
    must(wallet_store_status_list_get(txn, info.status.list, &list));
    return list;
}

static lw_code token_code(uint64_t list)
{
    LW_AUTO_BUF token = LW_BUF(TOKEN_MAX);
    int64_t iat = 0;
    int64_t exp = 0;
    return wallet_flow_status_token(s.home.home, list, true, &token, &iat, &exp).code;
}

static void no_list_retires_by_a_jump_and_it_does_when_its_time_has_come(void **state)
{
    (void)state;
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    size_t count = 0;
    support_home_issue(&s.home, "C-1");
    support_home_lq1(&s.home, "C-1", &text);
    must(wallet_flow_publish_status(s.home.home, &count));
    const struct wallet_stored_list list = list_of("C-1");
    const int64_t start = s.home.clock.now;
    const int64_t over = list.last_exp + LW_DAY_S + WALLET_STATUS_TTL_S;
    open_watched();
    s.home.clock.now = year_2038;
    const lw_err err = wallet_flow_publish_status(s.home.home, &count);
    assert_int_equal(err.code, LW_E_EXPIRED); /* no key signs by then */
    assert_int_equal(token_code(list.number), LW_OK);
    s.home.clock.now = over;
    must(wallet_flow_publish_status(s.home.home, &count));
    assert_true(count > 0); /* signed on */
    assert_int_equal(token_code(list.number), LW_OK);
    s.home.clock.now = start;
    pass(over + WALLET_STATUS_TTL_S - start);
    must(wallet_flow_publish_status(s.home.home, &count));
    assert_int_equal(token_code(list.number), LW_E_EXPIRED);
}

/* --- the service --------------------------------------------------------------------------------
 */

static const uint8_t handle[16] = {1};
static const struct wallet_grant_name grant = {.kind = WALLET_GRANT_CHALLENGE,
                                               .handle = {.ptr = handle, .len = sizeof(handle)}};

static lw_err write_grant(struct wallet_txn *txn, void *ctx)
{
    const int64_t now = *(const int64_t *)ctx;
    return wallet_store_grant_put(txn, grant, (lw_bytes){NULL, 0}, now, now + LW_DAY_S);
}

/* Is it in the store, at a time when it had not expired? */
static bool grant_is_there(int64_t at)
{
    WALLET_AUTO_TXN txn = NULL;
    must(wallet_read_begin(wallet_home_store(s.home.home), &txn));
    return wallet_store_grant_peek(txn, grant, at, NULL).code == LW_OK;
}

static bool wait_for_line(const char *path, const char *event)
{
    for (unsigned i = 0; i < WAIT_STEPS; i++) {
        LW_AUTO_BUF text = LW_BUF(LOG_MAX);
        const char *c = NULL;
        must(lw_file_read(path, &text));
        must(lw_buf_c(&text, &c));
        if (strstr(c, event) != NULL) {
            return true;
        }
        (void)poll(NULL, 0, STEP_MS);
    }
    return false;
}

static void the_service_purges_nothing_by_a_jump_and_says_so(void **state)
{
    (void)state;
    char path[SUPPORT_PATH_MAX];
    const int64_t start = SUPPORT_HOME_NOW;
    int64_t now = start;
    support_path(s.home.folder, "log", path);
    const int fd = open(path, O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    const struct lw_log log = {.least = LW_WARN, .clock = &s.home.clock.clock, .fd = fd};
    s.home.env.log = &log;
    open_watched();
    must(wallet_store_write(wallet_home_store(s.home.home), write_grant, &now));
    s.home.clock.now = year_2038;
    support_service_run(&s);
    assert_true(wait_for_line(path, "event=clock_doubted"));
    (void)poll(NULL, 0, 2000); /* a purge that follows the line would be seen */
    assert_true(grant_is_there(now));
    s.home.clock.now = start;
    pass(2 * LW_DAY_S);
    for (unsigned i = 0; i < WAIT_STEPS && grant_is_there(now); i++) {
        (void)poll(NULL, 0, STEP_MS);
    }
    assert_false(grant_is_there(now));
    support_service_stop(&s);
    (void)close(fd);
}

static int start(void **state)
{
    (void)state;
    support_service_make(&s);
    s.home.clock.clock.mono_ns = shifted_mono;
    return 0;
}

static int stop(void **state)
{
    (void)state;
    support_home_drop(&s.home);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_jump_to_2038_destroys_no_key_and_back_again_all_goes_on,
                                        start, stop),
        cmocka_unit_test_setup_teardown(a_clock_that_was_set_is_believed_after_an_hour, start,
                                        stop),
        cmocka_unit_test_setup_teardown(each_jump_begins_its_own_hour, start, stop),
        cmocka_unit_test_setup_teardown(up_to_an_hour_is_no_jump, start, stop),
        cmocka_unit_test_setup_teardown(a_stolen_key_is_destroyed_whatever_the_clock_shows, start,
                                        stop),
        cmocka_unit_test_setup_teardown(
            a_home_that_was_used_within_48_hours_is_believed_when_it_is_opened, start, stop),
        cmocka_unit_test_setup_teardown(a_home_that_was_closed_for_a_week_is_believed_after_an_hour,
                                        start, stop),
        cmocka_unit_test_setup_teardown(starting_again_and_again_in_2038_bears_nothing_out, start,
                                        stop),
        cmocka_unit_test_setup_teardown(
            no_list_retires_by_a_jump_and_it_does_when_its_time_has_come, start, stop),
        cmocka_unit_test_setup(the_service_purges_nothing_by_a_jump_and_says_so, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
