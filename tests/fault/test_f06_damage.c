/*
 * F6: one byte flipped in each page of the data file; the file cut short; the lock file gone; heads
 * gone. Whatever the program then does, it never gives a record that is not what was written: it
 * refuses, names the damage, or ends. Each try is a process of its own, which may end by a signal:
 * what a damaged page does inside LMDB 0.9.24 is not in our hands, and `lw` makes that an exit.
 */
#define _POSIX_C_SOURCE 200809L

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "bytes.h"
#include "fault.h"
#include "lw/file.h"
#include "records.h"
#include "wallet/audit.h"
#include "wallet/store_check.h"

enum {
    LICENSES = 24,
    PAGE = 4096,
    FILE_MOST = 16 << 20,
    FEW_PAGES = 60,
    WAIT_S = 120,
    FREE_ROOT_AT = 80, /* in a head */
    MAIN_ROOT_AT = 128,
    LAST_PAGE_AT = 136,
    COMMIT_AT = 144,
};

/* How a try ended. */
enum end { RIGHT = 0, REFUSED = 10, NAMED = 11, WRONG = 12 };

struct setting {
    struct support_store store;
    uint8_t ids[LICENSES][WALLET_UUID_LEN];
    uint8_t person[1][WALLET_UUID_LEN];
    lw_buf file; /* the data file as it was */
    char dir[SUPPORT_PATH_MAX];
    char data[SUPPORT_PATH_MAX];
    char lock[SUPPORT_PATH_MAX];
};

static int make(void **state)
{
    static struct setting s;
    char data[SUPPORT_PATH_MAX];
    s.file = LW_BUF(FILE_MOST);
    support_store_make(&s.store);
    support_unlock(&s.store);
    support_person(&s.store, 1, s.person[0]);
    for (unsigned i = 0; i < LICENSES; i++) {
        char number[16];
        (void)snprintf(number, sizeof(number), "N-%u", i);
        const struct support_license what = {
            .number = number, .persons = s.person, .person_count = 1};
        assert_int_equal(support_license(&s.store, &what, s.ids[i]).code, LW_OK);
    }
    for (unsigned i = 0; i < LICENSES; i += 3) {
        assert_int_equal(support_state(&s.store, s.ids[i], WALLET_REVOKED, "why").code, LW_OK);
    }
    wallet_store_close(s.store.store);
    s.store.store = NULL;
    support_path(s.store.dir, "data.mdb", data);
    support_read_file(data, &s.file);
    /* What follows the last page, which the newer head tells, is room set aside. */
    uint64_t last[2] = {0};
    memcpy(&last[0], s.file.ptr + LAST_PAGE_AT, sizeof(last[0]));
    memcpy(&last[1], s.file.ptr + PAGE + LAST_PAGE_AT, sizeof(last[1]));
    lw_buf_truncate(&s.file, ((last[0] > last[1] ? last[0] : last[1]) + 1) * PAGE);
    support_path(s.store.folder, "damaged", s.dir);
    support_path(s.dir, "data.mdb", s.data);
    support_path(s.dir, "lock.mdb", s.lock);
    assert_int_equal(mkdir(s.dir, 0700), 0);
    *state = &s;
    return 0;
}

static int drop(void **state)
{
    struct setting *s = *state;
    support_remove(s->store.folder);
    lw_buf_free(&s->file);
    return 0;
}

/* Whether what is read of license `i` is what was written, or an error that says no. */
static bool right(const struct setting *s, const struct wallet_txn *txn, unsigned i, bool *refused)
{
    WALLET_AUTO_LICENSE row = {.state = 0};
    uint8_t id[WALLET_UUID_LEN];
    char number[16];
    (void)snprintf(number, sizeof(number), "N-%u", i);
    lw_err err = wallet_store_license_find(txn, LW_STR("business-license"), lw_str_c(number), id);
    if (err.code == LW_OK && memcmp(id, s->ids[i], sizeof(id)) != 0) {
        return false;
    }
    err = wallet_store_license_load(txn, s->ids[i], WALLET_LOAD_PUBLIC, &row);
    *refused = *refused || err.code != LW_OK;
    return err.code != LW_OK || (row.state == (i % 3 == 0 ? WALLET_REVOKED : WALLET_ACTIVE) &&
                                 lw_str_is(row.license.number, number));
}

static enum end try_store(const struct setting *s)
{
    static struct wallet_index_check check;
    struct wallet_store_found found;
    bool refused = false;
    WALLET_AUTO_STORE store = NULL;
    WALLET_AUTO_TXN txn = NULL;
    if (wallet_store_open(s->dir, &s->store.options, &store).code != LW_OK ||
        wallet_read_begin(store, &txn).code != LW_OK) {
        return REFUSED;
    }
    for (unsigned i = 0; i < LICENSES; i++) {
        if (!right(s, txn, i, &refused)) {
            return WRONG;
        }
    }
    if (wallet_store_check(store, &found).code != LW_OK || !found.whole ||
        wallet_store_check_indexes(txn, &check).code != LW_OK || check.fault_count > 0) {
        return NAMED;
    }
    return refused ? REFUSED : RIGHT;
}

/* Runs a try in a process of its own; a signal, also that of a sanitizer, is no exit of ours. */
static int run(const struct setting *s)
{
    int status = 0;
    const pid_t child = support_fault_fork();
    assert_true(child >= 0);
    if (child == 0) {
        const int null = open("/dev/null", O_WRONLY);
        (void)dup2(null, STDERR_FILENO);
        (void)alarm(WAIT_S);
        _exit((int)try_store(s));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void put_file(const struct setting *s, lw_bytes data)
{
    (void)unlink(s->lock);
    assert_int_equal(lw_file_write(s->data, data, 0600).code, LW_OK);
}

static void a_flipped_byte_never_gives_a_wrong_record(void **state)
{
    const struct setting *s = *state;
    const size_t pages = s->file.len / PAGE;
    const size_t rounds = support_fault_rounds(FEW_PAGES, pages * 8);
    size_t ended[4] = {0}; /* right, refused or named, by a signal, wrong */
    srand(6);              /* NOLINT(cert-msc32-c,cert-msc51-cpp): the same bytes each time */
    for (size_t round = 0; round < rounds; round++) {
        const size_t page = rounds < pages ? round * pages / rounds : round % pages;
        const size_t at = page * PAGE + (size_t)rand() % PAGE;
        const uint8_t bit = (uint8_t)(1U << (unsigned)rand() % 8);
        s->file.ptr[at] ^= bit;
        put_file(s, lw_buf_view(&s->file));
        s->file.ptr[at] ^= bit;
        const int end = run(s);
        if (end == WRONG || end == -SIGALRM) {
            print_error("byte %zu of page %zu, bit %u: ended with %d\n", at % PAGE, page, bit, end);
        }
        ended[end == WRONG || end == -SIGALRM  ? 3
              : end == RIGHT                   ? 0
              : end == REFUSED || end == NAMED ? 1
                                               : 2]++;
    }
    print_message("%zu right, %zu refused or named, %zu ended by a signal, %zu wrong\n", ended[0],
                  ended[1], ended[2], ended[3]);
    support_fault_report("F6", "one bit flipped in a page", rounds, ended[3]);
    assert_int_equal(ended[3], 0);
    assert_true(ended[1] > 0);
}

static void every_bit_of_both_heads_is_looked_at(void **state)
{
    const struct setting *s = *state;
    /* What tells a head. Trees and the last page are looked at below; LMDB uses the address with a
     * flag that is not set here, and does not follow the counts of pages and entries. */
    static const struct {
        size_t from;
        size_t to;
    } parts[] = {{0, 8}, {10, 12}, {16, 24}, {40, 44}, {144, 152}};
    size_t rounds = 0;
    size_t missed = 0;
    for (size_t head = 0; head < 2; head++) {
        for (size_t p = 0; p < sizeof(parts) / sizeof(parts[0]); p++) {
            for (size_t at = parts[p].from; at < parts[p].to; at++) {
                s->file.ptr[head * PAGE + at] ^= 0x41;
                put_file(s, lw_buf_view(&s->file));
                s->file.ptr[head * PAGE + at] ^= 0x41;
                missed += run(s) == REFUSED ? 0 : 1;
                rounds++;
            }
        }
    }
    support_fault_report("F6", "a byte of a head changed", rounds, missed);
    assert_int_equal(missed, 0);
}

static uint64_t commit_of(const struct setting *s, size_t head)
{
    uint64_t commit = 0;
    memcpy(&commit, s->file.ptr + head * PAGE + COMMIT_AT, sizeof(commit));
    return commit;
}

/* The trees of the other may be those of a commit that failed; nothing reads them. */
static void trees_and_last_page_of_the_head_that_counts_are_looked_at(void **state)
{
    const struct setting *s = *state;
    static const size_t ends[] = {FREE_ROOT_AT + 7, MAIN_ROOT_AT + 7, LAST_PAGE_AT + 7};
    const size_t newer = commit_of(s, 1) > commit_of(s, 0) ? 1 : 0;
    size_t rounds = 0;
    size_t missed = 0;
    for (size_t head = 0; head < 2; head++) {
        for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
            s->file.ptr[head * PAGE + ends[i]] ^= 0x41;
            put_file(s, lw_buf_view(&s->file));
            s->file.ptr[head * PAGE + ends[i]] ^= 0x41;
            missed += run(s) == (head == newer ? REFUSED : RIGHT) ? 0 : 1;
            rounds++;
        }
    }
    support_fault_report("F6", "a tree or last page of a head changed", rounds, missed);
    assert_int_equal(missed, 0);
}

static lw_code open_code(const struct setting *s)
{
    WALLET_AUTO_STORE store = NULL;
    return wallet_store_open(s->dir, &s->store.options, &store).code;
}

static void a_file_cut_short_or_without_heads_is_refused(void **state)
{
    const struct setting *s = *state;
    static uint8_t zeros[2 * PAGE];
    const lw_bytes whole = lw_buf_view(&s->file);
    const size_t lengths[] = {1, PAGE - 1, PAGE, 2 * PAGE, 3 * PAGE, 10 * PAGE};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        put_file(s, (lw_bytes){.ptr = whole.ptr, .len = lengths[i]});
        assert_int_equal(open_code(s), LW_E_CORRUPT);
    }
    LW_AUTO_BUF headless = LW_BUF(FILE_MOST);
    assert_int_equal(lw_buf_put(&headless, LW_BYTES(zeros)).code, LW_OK);
    assert_int_equal(
        lw_buf_put(&headless, (lw_bytes){whole.ptr + sizeof(zeros), whole.len - sizeof(zeros)})
            .code,
        LW_OK);
    put_file(s, lw_buf_view(&headless));
    assert_int_equal(open_code(s), LW_E_CORRUPT);
    put_file(s, whole);
    assert_int_equal(open_code(s), LW_OK);
    support_fault_report("F6", "the file cut short, heads gone",
                         sizeof(lengths) / sizeof(lengths[0]) + 1, 0);
}

static void a_lock_file_that_is_gone_is_made_again_unless_somebody_holds_it(void **state)
{
    const struct setting *s = *state;
    put_file(s, lw_buf_view(&s->file));
    assert_int_equal(open_code(s), LW_OK);
    assert_int_equal(unlink(s->lock), 0);
    assert_int_equal(run(s), RIGHT);
    WALLET_AUTO_STORE held = NULL;
    assert_int_equal(wallet_store_open(s->dir, &s->store.options, &held).code, LW_OK);
    assert_int_equal(run(s), RIGHT); /* two at a time, as ever */
    assert_int_equal(unlink(s->lock), 0);
    assert_int_equal(run(s), REFUSED); /* its writers and ours would not see each other */
    support_fault_report("F6", "the lock file gone", 3, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flipped_byte_never_gives_a_wrong_record),
        cmocka_unit_test(every_bit_of_both_heads_is_looked_at),
        cmocka_unit_test(trees_and_last_page_of_the_head_that_counts_are_looked_at),
        cmocka_unit_test(a_file_cut_short_or_without_heads_is_refused),
        cmocka_unit_test(a_lock_file_that_is_gone_is_made_again_unless_somebody_holds_it),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
