/* How the store's file is mapped, as the system tells it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine.h"
#include "folder.h"

enum { SMALL_MAP = 512 * 1024, VALUE = 1024, ENTRIES = 2000 };

static const struct wallet_engine_ops *const ops = &wallet_engine_lmdb;

/* Whether the data file is mapped with the advice that it is read at random ("rr"). */
static bool mapped_for_random_reads(const char *folder)
{
    char line[1024];
    char path[SUPPORT_PATH_MAX + 16];
    bool ours = false;
    bool seen = false;
    bool random = false;
    FILE *maps = fopen("/proc/self/smaps", "r");
    assert_non_null(maps);
    (void)snprintf(path, sizeof(path), "%s/data.mdb", folder);
    while (fgets(line, sizeof(line), maps) != NULL) {
        if (strstr(line, ".mdb") != NULL) {
            ours = strstr(line, path) != NULL;
        } else if (strncmp(line, "VmFlags:", 8) == 0 && ours) {
            random = strstr(line, " rr") != NULL;
            seen = true;
            ours = false;
        }
    }
    (void)fclose(maps);
    assert_true(seen);
    return random;
}

static struct wallet_engine *open_in(const char *folder, bool reads_all)
{
    struct wallet_engine *engine = NULL;
    const struct wallet_engine_config config = {
        .dir = folder, .map_size = SMALL_MAP, .create = true, .reads_all = reads_all};
    assert_int_equal(ops->open(&config, &engine).code, LW_OK);
    assert_int_equal(ops->prepare(engine).code, LW_OK);
    return engine;
}

/* Returns how many entries fitted. */
static unsigned fill_some(struct wallet_engine *engine, unsigned from)
{
    static const uint8_t value[VALUE];
    struct wallet_engine_txn *txn = NULL;
    unsigned i = from;
    assert_int_equal(ops->begin(engine, WALLET_ENGINE_WRITE, NULL, &txn).code, LW_OK);
    for (; i < from + 100; i++) {
        const uint8_t key[2] = {(uint8_t)(i >> 8), (uint8_t)i};
        const lw_err err = ops->put(txn, WALLET_KS_AGENCY, (lw_bytes){.ptr = key, .len = 2},
                                    (lw_bytes){.ptr = value, .len = VALUE}, WALLET_PUT);
        if (err.code != LW_OK) {
            ops->abort(txn);
            return 0;
        }
    }
    return ops->commit(txn).code == LW_OK ? i - from : 0;
}

static void only_who_reads_all_of_it_reads_ahead(void **state)
{
    char folder[SUPPORT_PATH_MAX];
    struct wallet_engine_stat stat = {0};
    (void)state;
    support_folder(folder);
    struct wallet_engine *engine = open_in(folder, false);
    assert_true(mapped_for_random_reads(folder));
    for (unsigned done = 0; done < ENTRIES; done += fill_some(engine, done)) {
    }
    assert_int_equal(ops->stat(engine, &stat).code, LW_OK);
    assert_true(stat.map_bytes > SMALL_MAP);
    assert_true(mapped_for_random_reads(folder)); /* a map that has grown is advised anew */
    ops->close(engine);
    engine = open_in(folder, true);
    assert_false(mapped_for_random_reads(folder));
    ops->close(engine);
    support_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(only_who_reads_all_of_it_reads_ahead)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
