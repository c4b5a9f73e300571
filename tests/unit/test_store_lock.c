/* Who waits for a compaction holds the file that it leaves, not the one that is gone. */
#define _GNU_SOURCE /* flock, O_CLOEXEC */

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include <cmocka.h>

#include "lw/file.h"
#include "store_fixture.h"

enum { FILE_MOST = 16 * 1024 * 1024, PAUSE_MS = 100 };

static void *open_store(void *arg)
{
    struct support_store *f = arg;
    lw_err err = wallet_store_open(f->dir, &f->options, &f->store);
    while (err.code == LW_E_BUSY) {
        err = wallet_store_open(f->dir, &f->options, &f->store);
    }
    assert_int_equal(err.code, LW_OK);
    return NULL;
}

static int hold(const char *data)
{
    const int fd = open(data, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void who_waits_for_a_compaction_holds_the_file_that_it_leaves(void **state)
{
    (void)state;
    struct support_store f;
    char data[SUPPORT_PATH_MAX];
    pthread_t opener;
    LW_AUTO_BUF bytes = LW_BUF(FILE_MOST);
    support_store_make(&f);
    wallet_store_close(f.store);
    f.store = NULL;
    support_path(f.dir, "data.mdb", data);
    const int old = hold(data);
    assert_int_equal(flock(old, LOCK_EX | LOCK_NB), 0);
    assert_int_equal(pthread_create(&opener, NULL, open_store, &f), 0);
    (void)poll(NULL, 0, PAUSE_MS); /* it has opened the old file by now, and waits */
    assert_int_equal(lw_file_read(data, &bytes).code, LW_OK);
    assert_int_equal(lw_file_write(data, lw_buf_view(&bytes), 0600).code, LW_OK);
    (void)close(old);
    assert_int_equal(pthread_join(opener, NULL), 0);
    const int now = hold(data);
    assert_int_not_equal(flock(now, LOCK_EX | LOCK_NB), 0); /* a compaction would be refused */
    (void)close(now);
    support_store_drop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_waits_for_a_compaction_holds_the_file_that_it_leaves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
