/* What is published lies in a backup, too, whatever has become of the keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "keyring.h"
#include "wallet/flow_store.h"

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
    };
    return cmocka_run_group_tests(tests, make, drop);
}
