#define _POSIX_C_SOURCE 200809L

#include "wallet/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "bytes.h"
#include "folder.h"
#include "txn.h"
#include "wallet/audit.h"

enum { NOW = 1800000000 };

struct fixture {
    char folder[SUPPORT_PATH_MAX];
    char dir[SUPPORT_PATH_MAX];
    struct lw_clock_fixed clock;
    struct support_rng seed;
    struct lw_rng rng;
    struct wallet_store_options options;
};

static int make(void **state)
{
    static struct fixture f;
    support_folder(f.folder);
    support_path(f.folder, "store", f.dir);
    lw_clock_fixed_init(&f.clock, NOW);
    f.rng = support_rng(&f.seed, 1);
    f.options = (struct wallet_store_options){.clock = &f.clock.clock, .rng = &f.rng};
    *state = &f;
    return 0;
}

static int drop(void **state)
{
    support_remove(((struct fixture *)*state)->folder);
    return 0;
}

static lw_bytes text(const char *s)
{
    return lw_str_bytes(lw_str_c(s));
}

static void a_new_store_is_found_again_by_its_id(void **state)
{
    const struct fixture *f = *state;
    uint8_t id[WALLET_STORE_ID_LEN];
    struct stat info;
    {
        WALLET_AUTO_STORE store = NULL;
        assert_int_equal(wallet_store_create(f->dir, &f->options, &store).code, LW_OK);
        memcpy(id, wallet_store_id(store), sizeof(id));
    }
    assert_int_equal(stat(f->dir, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    char data[SUPPORT_PATH_MAX];
    support_path(f->dir, "data.mdb", data);
    assert_int_equal(stat(data, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    WALLET_AUTO_STORE store = NULL;
    assert_int_equal(wallet_store_open(f->dir, &f->options, &store).code, LW_OK);
    assert_memory_equal(id, wallet_store_id(store), sizeof(id));
    assert_int_equal(wallet_store_health(store).code, LW_OK);
}

static void a_store_is_not_made_over_another(void **state)
{
    const struct fixture *f = *state;
    uint8_t id[WALLET_STORE_ID_LEN];
    WALLET_AUTO_STORE store = NULL;
    WALLET_AUTO_STORE second = NULL;
    assert_int_equal(wallet_store_create(f->dir, &f->options, &store).code, LW_OK);
    memcpy(id, wallet_store_id(store), sizeof(id));
    wallet_store_close(store);
    store = NULL;
    assert_int_equal(wallet_store_create(f->dir, &f->options, &second).code, LW_E_CONFLICT);
    assert_int_equal(wallet_store_open(f->dir, &f->options, &store).code, LW_OK);
    assert_memory_equal(id, wallet_store_id(store), sizeof(id));
}

static void a_folder_without_a_store_is_not_found_and_stays_empty(void **state)
{
    const struct fixture *f = *state;
    char data[SUPPORT_PATH_MAX];
    struct stat info;
    WALLET_AUTO_STORE store = NULL;
    assert_int_equal(wallet_store_open(f->dir, &f->options, &store).code, LW_E_NOT_FOUND);
    assert_int_not_equal(stat(f->dir, &info), 0);
    assert_int_equal(wallet_store_open(f->folder, &f->options, &store).code, LW_E_NOT_FOUND);
    support_path(f->folder, "data.mdb", data);
    assert_int_not_equal(stat(data, &info), 0);
    assert_null(store);
}

static lw_err put_record(struct wallet_txn *txn, void *ctx)
{
    const lw_buf *value = ctx;
    return wallet_txn_put(txn, WALLET_KS_META, text("store"), lw_buf_view(value));
}

/* Gives the store a record of `version` and `schema`, and returns what opening it then says. */
static lw_code open_with_record(const struct fixture *f, unsigned version, uint64_t schema)
{
    const uint8_t id[WALLET_STORE_ID_LEN] = {0};
    LW_AUTO_BUF value = LW_BUF(64);
    WALLET_AUTO_STORE store = NULL;
    lw_err err = wallet_store_open(f->dir, &f->options, &store);
    if (err.code != LW_OK) {
        return err.code;
    }
    assert_int_equal(wallet_stored_begin(&value, version, 3).code, LW_OK);
    assert_int_equal(wallet_cbor_put_uint(&value, schema).code, LW_OK);
    assert_int_equal(wallet_cbor_put_bytes(&value, LW_BYTES(id)).code, LW_OK);
    assert_int_equal(wallet_cbor_put_int(&value, NOW).code, LW_OK);
    assert_int_equal(wallet_store_write(store, put_record, &value).code, LW_OK);
    wallet_store_close(store);
    store = NULL;
    err = wallet_store_open(f->dir, &f->options, &store);
    return err.code;
}

static void a_store_of_a_newer_schema_is_refused(void **state)
{
    const struct fixture *f = *state;
    WALLET_AUTO_STORE store = NULL;
    assert_int_equal(wallet_store_create(f->dir, &f->options, &store).code, LW_OK);
    wallet_store_close(store);
    store = NULL;
    assert_int_equal(open_with_record(f, 1, 1), LW_OK);
    assert_int_equal(open_with_record(f, 1, 2), LW_E_UNSUPPORTED);
    assert_int_equal(wallet_store_create(f->dir, &f->options, &store).code, LW_E_CONFLICT);
}

static void a_store_whose_record_has_a_newer_form_is_refused(void **state)
{
    const struct fixture *f = *state;
    WALLET_AUTO_STORE store = NULL;
    assert_int_equal(wallet_store_create(f->dir, &f->options, &store).code, LW_OK);
    wallet_store_close(store);
    store = NULL;
    assert_int_equal(open_with_record(f, 2, 1), LW_E_UNSUPPORTED);
}

static void a_store_whose_record_makes_no_sense_is_corrupt(void **state)
{
    const struct fixture *f = *state;
    WALLET_AUTO_STORE store = NULL;
    assert_int_equal(wallet_store_create(f->dir, &f->options, &store).code, LW_OK);
    wallet_store_close(store);
    store = NULL;
    assert_int_equal(open_with_record(f, 1, 0), LW_E_CORRUPT);
}

static lw_err touch(struct wallet_txn *txn, void *ctx)
{
    (void)ctx;
    return wallet_store_touch(txn);
}

static uint64_t generation_of(struct wallet_store *store)
{
    uint64_t n = 0;
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_generation(txn, &n).code, LW_OK);
    return n;
}

static lw_err touch_nothing(struct wallet_txn *txn, void *ctx)
{
    (void)ctx;
    return wallet_txn_put(txn, WALLET_KS_AGENCY, text("a"), text("\x81\x01"));
}

static void the_generation_moves_only_when_told(void **state)
{
    const struct fixture *f = *state;
    WALLET_AUTO_STORE store = NULL;
    WALLET_AUTO_STORE beside = NULL;
    assert_int_equal(wallet_store_create(f->dir, &f->options, &store).code, LW_OK);
    const uint64_t before = generation_of(store);
    assert_int_equal(wallet_store_write(store, touch_nothing, NULL).code, LW_OK);
    assert_int_equal(generation_of(store), before);
    assert_int_equal(wallet_store_write(store, touch, NULL).code, LW_OK);
    assert_int_equal(generation_of(store), before + 1);
}

static void identifiers_are_of_version_7_and_only_grow(void **state)
{
    struct fixture *f = *state;
    uint8_t last[16] = {0};
    uint8_t id[16];
    WALLET_AUTO_STORE store = NULL;
    assert_int_equal(wallet_store_create(f->dir, &f->options, &store).code, LW_OK);
    for (int i = 0; i < 20000; i++) {
        f->clock.now = NOW + (i == 7000 ? -100 : i / 5000); /* the clock may go back */
        assert_int_equal(wallet_store_new_id(store, id).code, LW_OK);
        assert_true(memcmp(last, id, sizeof(id)) < 0);
        assert_int_equal(id[6] & 0xf0, 0x70);
        assert_int_equal(id[8] & 0xc0, 0x80);
        memcpy(last, id, sizeof(id));
    }
    /* RFC 9562 section 5.7: the first 48 bits are the time in milliseconds. */
    int64_t ms = 0;
    for (int i = 0; i < 6; i++) {
        ms = ms << 8 | id[i];
    }
    assert_int_equal(ms, ((int64_t)NOW + 3) * 1000);
}

static lw_err no_chance(void *ctx, uint8_t *out, size_t n)
{
    (void)ctx;
    (void)out;
    (void)n;
    return LW_FAIL(LW_E_CRYPTO, "test: no random bytes", LW_NOWHERE);
}

static void without_random_bytes_no_store_is_made(void **state)
{
    struct fixture *f = *state;
    const struct lw_rng none = {.fill = no_chance, .ctx = NULL};
    const struct wallet_store_options options = {.clock = &f->clock.clock, .rng = &none};
    WALLET_AUTO_STORE store = NULL;
    assert_int_equal(wallet_store_create(f->dir, &options, &store).code, LW_E_CRYPTO);
    const lw_err err = wallet_store_open(f->dir, &f->options, &store);
    assert_int_equal(err.code, LW_E_NOT_FOUND);
    assert_string_equal(err.why, "store: its creation was not finished");
    assert_int_equal(wallet_store_create(f->dir, &f->options, &store).code, LW_OK);
}

static lw_err put_epoch(struct wallet_txn *txn, uint32_t number, const char *wrapped)
{
    const struct wallet_epoch epoch = {
        .number = number, .seal = "seal-1", .made = 5, .in_use = true, .wrapped = text(wrapped)};
    return wallet_store_epoch_put(txn, &epoch);
}

static lw_err rewrap(struct wallet_txn *txn, void *ctx)
{
    struct wallet_epoch epoch;
    (void)ctx;
    LW_TRY(wallet_store_epoch_get(txn, 2, &epoch));
    memcpy(epoch.seal, "seal-2", sizeof("seal-2"));
    epoch.in_use = false;
    epoch.wrapped = text("wrapped anew");
    LW_TRY(wallet_store_epoch_change(txn, &epoch));
    epoch.number = 7;
    assert_int_equal(wallet_store_epoch_change(txn, &epoch).code, LW_E_NOT_FOUND);
    return LW_SUCCESS;
}

static lw_err epochs(struct wallet_txn *txn, void *ctx)
{
    (void)ctx;
    assert_int_equal(put_epoch(txn, 0, "w").code, LW_E_MISUSE);
    LW_TRY(put_epoch(txn, 1, "wrapped one"));
    assert_int_equal(put_epoch(txn, 1, "again").code, LW_E_CONFLICT);
    LW_TRY(put_epoch(txn, 256, "wrapped 256"));
    const struct wallet_epoch nameless = {.number = 3, .wrapped = text("w")};
    assert_int_equal(wallet_store_epoch_put(txn, &nameless).code, LW_E_VALUE);
    return put_epoch(txn, 2, "wrapped two");
}

static void wrapped_epoch_keys_are_found_by_number_and_the_newest(void **state)
{
    const struct fixture *f = *state;
    struct wallet_epoch epoch;
    WALLET_AUTO_STORE store = NULL;
    WALLET_AUTO_TXN before = NULL;
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_store_create(f->dir, &f->options, &store).code, LW_OK);
    assert_int_equal(wallet_read_begin(store, &before).code, LW_OK);
    assert_int_equal(wallet_store_epoch_get(before, 0, &epoch).code, LW_E_NOT_FOUND);
    wallet_txn_end(before);
    before = NULL;
    assert_int_equal(wallet_store_write(store, epochs, NULL).code, LW_OK);
    assert_int_equal(wallet_read_begin(store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_epoch_get(txn, 0, &epoch).code, LW_OK);
    assert_int_equal(epoch.number, 256);
    assert_true(lw_bytes_eq(epoch.wrapped, text("wrapped 256")));
    assert_int_equal(wallet_store_epoch_get(txn, 1, &epoch).code, LW_OK);
    assert_true(lw_bytes_eq(epoch.wrapped, text("wrapped one")));
    assert_string_equal(epoch.seal, "seal-1");
    assert_int_equal(epoch.made, 5);
    assert_true(epoch.in_use);
    assert_int_equal(wallet_store_epoch_get(txn, 3, &epoch).code, LW_E_NOT_FOUND);
    wallet_txn_end(txn);
    txn = NULL;
    assert_int_equal(wallet_store_write(store, rewrap, NULL).code, LW_OK);
    assert_int_equal(wallet_read_begin(store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_epoch_get(txn, 2, &epoch).code, LW_OK);
    assert_true(lw_bytes_eq(epoch.wrapped, text("wrapped anew")));
    assert_string_equal(epoch.seal, "seal-2");
    assert_int_equal(epoch.made, 5);
    assert_false(epoch.in_use);
    wallet_txn_end(txn);
    txn = NULL;
}

static lw_err put_pair(struct wallet_txn *txn, void *ctx)
{
    const lw_bytes *pair = ctx;
    return wallet_txn_put(txn, WALLET_KS_AGENCY, pair[0], pair[1]);
}

static void the_check_reads_all_and_names_what_is_not_of_its_form(void **state)
{
    const struct fixture *f = *state;
    struct wallet_store_found found;
    struct wallet_store_stat stat;
    WALLET_AUTO_STORE store = NULL;
    assert_int_equal(wallet_store_create(f->dir, &f->options, &store).code, LW_OK);
    const lw_bytes good[] = {text("b"), text("\x81\x01")};
    assert_int_equal(wallet_store_write(store, put_pair, (void *)(uintptr_t)good).code, LW_OK);
    assert_int_equal(wallet_store_check(store, &found).code, LW_OK);
    assert_true(found.whole);
    assert_int_equal(found.leaves, 1);
    assert_int_equal(wallet_store_stat(store, &stat).code, LW_OK);
    assert_int_equal(found.entries, stat.entries);
    static const char *const bad[] = {"\x81\x01\x01", "\x01", "\x80", "\x81\x60", "\x81"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const lw_bytes pair[] = {text("c"), text(bad[i])};
        assert_int_equal(wallet_store_write(store, put_pair, (void *)(uintptr_t)pair).code, LW_OK);
        assert_int_equal(wallet_store_check(store, &found).code, LW_OK);
        assert_false(found.whole);
        assert_string_equal(found.where, "agency");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_store_is_found_again_by_its_id, make, drop),
        cmocka_unit_test_setup_teardown(a_store_is_not_made_over_another, make, drop),
        cmocka_unit_test_setup_teardown(a_folder_without_a_store_is_not_found_and_stays_empty, make,
                                        drop),
        cmocka_unit_test_setup_teardown(a_store_of_a_newer_schema_is_refused, make, drop),
        cmocka_unit_test_setup_teardown(a_store_whose_record_has_a_newer_form_is_refused, make,
                                        drop),
        cmocka_unit_test_setup_teardown(a_store_whose_record_makes_no_sense_is_corrupt, make, drop),
        cmocka_unit_test_setup_teardown(the_generation_moves_only_when_told, make, drop),
        cmocka_unit_test_setup_teardown(identifiers_are_of_version_7_and_only_grow, make, drop),
        cmocka_unit_test_setup_teardown(without_random_bytes_no_store_is_made, make, drop),
        cmocka_unit_test_setup_teardown(wrapped_epoch_keys_are_found_by_number_and_the_newest, make,
                                        drop),
        cmocka_unit_test_setup_teardown(the_check_reads_all_and_names_what_is_not_of_its_form, make,
                                        drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
