/*
 * F4: the disk is full, or the map is. Writing is refused, over HTTP with 503 and Retry-After;
 * reading and verifying go on; and when there is room again so does writing, without a restart.
 * The disk is a small one where we may mount it, and else one whose writes are made to fail.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fault.h"
#include "http_expect.h"
#include "io_fault.h"
#include "issue.h"
#include "service.h"
#include "store_fixture.h"
#include "wallet/flow_status.h"
#include "wallet/store_grant.h"
#include "wallet/store_license.h"

enum { ROUNDS_SHORT = 2, ROUNDS_FULL = 25, BLOCK = 64 * 1024, SMALL_MAP = 256 * 1024 };

struct disk {
    bool mounted;
    char folder[SUPPORT_PATH_MAX];
    char filler[SUPPORT_PATH_MAX];
};

/* A small disk that only this process and its children see. */
static void make_disk(struct disk *disk)
{
    support_folder(disk->folder);
    support_path(disk->folder, "filler", disk->filler);
    disk->mounted = unshare(CLONE_NEWNS) == 0 &&
                    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
                    mount("none", disk->folder, "tmpfs", 0, "size=24m,mode=0700") == 0;
    if (disk->mounted) {
        (void)setenv("TMPDIR", disk->folder, 1);
    }
}

static void drop_disk(struct disk *disk)
{
    if (disk->mounted) {
        (void)umount(disk->folder);
    }
    (void)unsetenv("TMPDIR");
    support_remove(disk->folder);
}

static void fill_disk(const struct disk *disk)
{
    static const char block[BLOCK];
    if (!disk->mounted) {
        support_io_fail("/store/data.mdb", SUPPORT_IO_WRITE | SUPPORT_IO_ROOM, 1, UINT32_MAX,
                        ENOSPC);
        return;
    }
    const int fd = open(disk->filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    for (size_t size = sizeof(block); size > 0; size /= 2) {
        while (write(fd, block, size) == (ssize_t)size) {
        }
    }
    assert_int_equal(errno, ENOSPC);
    (void)close(fd);
}

static void empty_disk(const struct disk *disk)
{
    support_io_pass();
    if (disk->mounted) {
        assert_int_equal(unlink(disk->filler), 0);
    }
}

static lw_err change(struct support_service *s, enum wallet_state to)
{
    enum wallet_state from = WALLET_ACTIVE;
    return wallet_flow_change_state(s->home.home, wallet_license_ref_parse(LW_STR("D-1")), to,
                                    LW_STR("a test"), LW_STR("test"), &from);
}

/* Writes until the room that the store had reserved is used up; of what was answered with success
 * nothing may be lost. returns how many were issued */
static size_t issue_until_refused(struct support_service *s, size_t from)
{
    size_t n = 0;
    lw_err err = LW_SUCCESS;
    while (err.code == LW_OK) {
        char number[32];
        (void)snprintf(number, sizeof(number), "D-%zu", from + n);
        err = support_issue_number(s->home.home, number);
        n += err.code == LW_OK ? 1 : 0;
        assert_true(n < 100000);
    }
    assert_int_equal(err.code, LW_E_NOSPACE);
    return n;
}

static void expect_result(const struct support_service *s, lw_str text, const char *members)
{
    SUPPORT_AUTO_REPLY reply = {.status = 0};
    support_verify(s, text, members, &reply);
    assert_true(support_has_result(&reply, "accepted"));
}

static void expect_read(const struct support_service *s, const char *path)
{
    SUPPORT_AUTO_REPLY reply = {.status = 0};
    support_http_get(s->port, path, "", &reply);
    assert_int_equal(reply.status, 200);
}

/* What needs a write is refused in the form that tells a client to come back. */
static void expect_refused(const struct support_service *s, lw_str text)
{
    SUPPORT_AUTO_REPLY reply = {.status = 0};
    SUPPORT_AUTO_REPLY challenge = {.status = 0};
    support_verify(s, text, "", &reply);
    support_expect_problem(&reply, 503, "unavailable");
    support_expect_header(&reply, "Retry-After", "1");
    support_http_post(s->port, "/api/v1/challenges", "application/json", (lw_bytes){NULL, 0},
                      &challenge);
    support_expect_problem(&challenge, 503, "unavailable");
    support_expect_header(&challenge, "Retry-After", "1");
}

static void expect_issued(struct support_service *s, size_t count)
{
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(wallet_home_store(s->home.home), &txn).code, LW_OK);
    for (size_t i = 1; i <= count; i++) {
        char number[32];
        uint8_t id[WALLET_UUID_LEN];
        (void)snprintf(number, sizeof(number), "D-%zu", i);
        assert_int_equal(
            wallet_store_license_find(txn, LW_STR("business-license"), lw_str_c(number), id).code,
            LW_OK);
    }
}

static void a_round(struct support_service *s, const struct disk *disk, lw_str text, size_t *issued)
{
    fill_disk(disk);
    *issued += issue_until_refused(s, *issued + 1);
    assert_int_equal(change(s, WALLET_SUSPENDED).code, LW_E_NOSPACE);
    expect_refused(s, text);
    expect_result(s, text, ",\"record\":false");
    expect_read(s, "/status/1");
    expect_read(s, "/trust-list");
    expect_read(s, "/healthz");
    expect_issued(s, *issued);
    empty_disk(disk);
    s->home.clock.now += 61; /* what the refused order had set aside is stale by then */
    char number[32];
    (void)snprintf(number, sizeof(number), "D-%zu", *issued + 1);
    assert_int_equal(support_issue_number(s->home.home, number).code, LW_OK);
    (*issued)++;
    assert_int_equal(change(s, WALLET_SUSPENDED).code, LW_OK);
    assert_int_equal(change(s, WALLET_ACTIVE).code, LW_OK);
    SUPPORT_AUTO_REPLY challenge = {.status = 0};
    support_http_post(s->port, "/api/v1/challenges", "application/json", (lw_bytes){NULL, 0},
                      &challenge);
    assert_int_equal(challenge.status, 201);
}

static void a_full_disk_refuses_writes_and_no_more(void **state)
{
    (void)state;
    static struct support_service s;
    struct wallet_store_found found;
    struct disk disk;
    size_t issued = 0;
    const size_t rounds = support_fault_rounds(ROUNDS_SHORT, ROUNDS_FULL);
    make_disk(&disk);
    support_service_start(&s);
    assert_int_equal(support_issue_number(s.home.home, "D-1").code, LW_OK);
    issued++;
    for (size_t i = 0; i < rounds; i++) {
        LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
        support_home_lq1(&s.home, "D-1", &text);
        a_round(&s, &disk, lw_buf_text(&text), &issued);
    }
    assert_int_equal(wallet_store_check(wallet_home_store(s.home.home), &found).code, LW_OK);
    assert_true(found.whole);
    support_fault_report("F4",
                         disk.mounted ? "a small disk full under a running service, and emptied"
                                      : "writes that find no room under a running service",
                         rounds, 0);
    support_service_stop(&s);
    drop_disk(&disk);
}

enum { GRANTS = 64, GRANT_BYTES = 4096 };

static lw_err write_grants(struct wallet_txn *txn, void *ctx)
{
    static const uint8_t payload[GRANT_BYTES];
    const unsigned *batch = ctx;
    for (unsigned i = 0; i < GRANTS; i++) {
        char handle[32];
        const int len = snprintf(handle, sizeof(handle), "grant-%u-%u", *batch, i);
        const struct wallet_grant_name name = {
            .kind = WALLET_GRANT_CHALLENGE,
            .handle = {.ptr = (const uint8_t *)handle, .len = (size_t)len}};
        LW_TRY(wallet_store_grant_put(txn, name, LW_BYTES(payload), SUPPORT_NOW, INT64_MAX));
    }
    return LW_SUCCESS;
}

/* A reader that does not end keeps the map from growing: the write is told to come again. */
static void a_full_map_is_busy_while_readers_hold_it_and_grows_after(void **state)
{
    (void)state;
    struct support_store f;
    unsigned batch = 0;
    size_t refused = 0;
    lw_err err = LW_SUCCESS;
    WALLET_AUTO_TXN reader = NULL;
    support_store_make(&f);
    wallet_store_close(f.store);
    f.store = NULL;
    support_remove(f.dir);
    f.options.map_size = SMALL_MAP;
    assert_int_equal(wallet_store_create(f.dir, &f.options, &f.store).code, LW_OK);
    assert_int_equal(wallet_read_begin(f.store, &reader).code, LW_OK);
    while (err.code == LW_OK && batch < 64) {
        err = wallet_store_write(f.store, write_grants, &batch);
        batch += err.code == LW_OK ? 1 : 0;
    }
    assert_int_equal(err.code, LW_E_BUSY);
    refused++;
    WALLET_AUTO_TXN other = NULL;
    assert_int_equal(wallet_read_begin(f.store, &other).code, LW_OK); /* reading goes on */
    wallet_txn_end(other);
    other = NULL;
    wallet_txn_end(reader);
    reader = NULL;
    for (unsigned i = 0; i < 16; i++, batch++) { /* and writing, when the reader has ended */
        assert_int_equal(wallet_store_write(f.store, write_grants, &batch).code, LW_OK);
    }
    struct wallet_store_found found;
    assert_int_equal(wallet_store_check(f.store, &found).code, LW_OK);
    assert_true(found.whole);
    support_fault_report("F4", "a map that is full while a reader holds it", refused, 0);
    support_store_drop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_disk_refuses_writes_and_no_more),
        cmocka_unit_test(a_full_map_is_busy_while_readers_hold_it_and_grows_after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
