/* What is published lies in a backup, too, whatever has become of the keys; and what is restored.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "keyring.h"
#include "wallet/audit.h"
#include "wallet/flow_store.h"
#include "wallet/store_adopt.h"

static struct support_home home;

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s: %s", lw_code_name(err.code), err.why);
    }
}

static void the_list_of_a_ca_that_was_certified_anew_is_in_a_backup(void **state)
{
    (void)state;
    char backup[SUPPORT_PATH_MAX];
    char crl[SUPPORT_PATH_MAX];
    struct wallet_backup made;
    struct wallet_key_result result;
    const struct wallet_key_order anew = {.purpose = HSM_PURPOSE_CA, .same_key = true};
    must(support_rotate(&home, anew, &result));
    home.clock.now = result.ready_at;
    (void)support_advance(&home);
    assert_string_equal(support_active_key(&home, HSM_PURPOSE_CA).record.label, result.label);
    support_path(home.folder, "backup", backup);
    must(wallet_flow_store_backup(home.home, backup, false, &made));
    support_path(backup, "public/ca.crl", crl);
    assert_int_equal(access(crl, F_OK), 0);
}

static lw_err forget_place(struct wallet_txn *txn, void *ctx)
{
    const struct wallet_store_place nowhere = {.file = 0};
    (void)ctx;
    return wallet_store_place_put(txn, &nowhere);
}

/* Neither its file nor a head that was seen tells that it is an older state. */
static void what_is_restored_is_adopted_although_nothing_tells(void **state)
{
    (void)state;
    char backup[SUPPORT_PATH_MAX];
    char dir[SUPPORT_PATH_MAX];
    struct wallet_backup made;
    struct wallet_backup restored;
    struct wallet_store_floors floors;
    struct wallet_home *again = NULL;
    struct wallet_home_config config = home.config;
    must(wallet_store_write(wallet_home_store(home.home), forget_place, NULL));
    support_path(home.folder, "unplaced", backup);
    support_path(home.folder, "restored", dir);
    must(wallet_flow_store_backup(home.home, backup, false, &made));
    config.dir = dir;
    must(wallet_flow_store_restore(&config, &home.env, backup, &restored));
    must(wallet_home_open(&config, &home.env, WALLET_HOME_READ, &again));
    {
        WALLET_AUTO_TXN txn = NULL;
        uint64_t size = 0;
        uint8_t root[WALLET_HASH_LEN];
        must(wallet_read_begin(wallet_home_store(again), &txn));
        must(wallet_store_floors_get(txn, &floors));
        must(wallet_audit_head(txn, &size, root));
        assert_int_equal(size, made.size + 1); /* its log says so */
    }
    assert_int_equal(floors.adoptions, 1);
    assert_true(floors.trust > made.trust);
    wallet_home_close(again);
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
        cmocka_unit_test(the_list_of_a_ca_that_was_certified_anew_is_in_a_backup),
        cmocka_unit_test(what_is_restored_is_adopted_although_nothing_tells),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
