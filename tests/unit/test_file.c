#define _GNU_SOURCE /* RTLD_NEXT */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "bytes.h"
#include "folder.h"
#include "lw/file.h"

/* Syncs come here first: what they were of is counted, and they can be made to fail. */
static int files_synced;
static int folders_synced;
static int fail_with;

int fsync(int fd)
{
    struct stat info;
    int (*real)(int) = NULL;
    void *found = dlsym(RTLD_NEXT, "fsync");
    memcpy(&real, &found, sizeof(real)); /* ISO C has no cast for it */
    assert_int_equal(fstat(fd, &info), 0);
    if (fail_with != 0) {
        errno = fail_with;
        return -1;
    }
    files_synced += S_ISREG(info.st_mode) ? 1 : 0;
    folders_synced += S_ISDIR(info.st_mode) ? 1 : 0;
    return real(fd);
}

struct place {
    char folder[SUPPORT_PATH_MAX];
    char path[SUPPORT_PATH_MAX];
};

static int make(void **state)
{
    static struct place p;
    support_folder(p.folder);
    support_path(p.folder, "file", p.path);
    files_synced = 0;
    folders_synced = 0;
    fail_with = 0;
    *state = &p;
    return 0;
}

static int drop(void **state)
{
    struct place *p = *state;
    support_remove(p->folder);
    return 0;
}

static void is_there(const char *path, const char *text)
{
    LW_AUTO_BUF data = LW_BUF(64);
    assert_int_equal(lw_file_read(path, &data).code, LW_OK);
    assert_true(lw_str_is(lw_buf_text(&data), text));
}

static lw_bytes text(const char *s)
{
    return lw_str_bytes(lw_str_c(s));
}

static void a_file_is_replaced_whole_with_its_mode_and_its_folder_is_synced(void **state)
{
    const struct place *p = *state;
    struct stat info;
    assert_int_equal(lw_file_write(p->path, text("one"), 0644).code, LW_OK);
    assert_int_equal(stat(p->path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0644);
    assert_int_equal(files_synced, 1);
    assert_int_equal(folders_synced, 1);
    assert_int_equal(lw_file_write(p->path, text("two"), 0600).code, LW_OK);
    assert_int_equal(stat(p->path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(folders_synced, 2);
    is_there(p->path, "two");
}

static void what_a_killed_run_left_is_not_in_the_way(void **state)
{
    const struct place *p = *state;
    char beside[SUPPORT_PATH_MAX];
    support_path(p->folder, "file.new", beside);
    assert_int_equal(lw_file_write(beside, text("half"), 0400).code, LW_OK);
    assert_int_equal(lw_file_write(p->path, text("whole"), 0600).code, LW_OK);
    is_there(p->path, "whole");
    assert_int_not_equal(access(beside, F_OK), 0);
}

static void a_pipe_is_written_to_and_stays_one(void **state)
{
    const struct place *p = *state;
    char got[8] = {0};
    struct stat there;
    assert_int_equal(mkfifo(p->path, 0600), 0);
    const int fd = open(p->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(lw_file_write(p->path, text("abc"), 0644).code, LW_OK);
    assert_int_equal(read(fd, got, sizeof(got)), 3);
    assert_string_equal(got, "abc");
    (void)close(fd);
    assert_int_equal(stat(p->path, &there), 0);
    assert_true(S_ISFIFO(there.st_mode));
    assert_int_equal(there.st_mode & 0777, 0600);
}

static void a_sync_that_fails_leaves_the_old_file(void **state)
{
    const struct place *p = *state;
    char beside[SUPPORT_PATH_MAX];
    support_path(p->folder, "file.new", beside);
    assert_int_equal(lw_file_write(p->path, text("old"), 0600).code, LW_OK);
    fail_with = EIO;
    assert_int_equal(lw_file_write(p->path, text("new"), 0600).code, LW_E_IO);
    fail_with = ENOSPC;
    assert_int_equal(lw_file_write(p->path, text("new"), 0600).code, LW_E_NOSPACE);
    is_there(p->path, "old");
    assert_int_not_equal(access(beside, F_OK), 0);
}

static void a_folder_that_cannot_be_synced_is_told_unless_it_never_can(void **state)
{
    const struct place *p = *state;
    fail_with = EIO;
    assert_int_equal(lw_folder_sync(p->folder).code, LW_E_IO);
    fail_with = EINVAL;
    assert_int_equal(lw_folder_sync(p->folder).code, LW_OK);
    fail_with = 0;
    assert_int_equal(lw_folder_sync(p->path).code, LW_E_IO);
    assert_int_equal(lw_folder_sync_of("name-alone").code, LW_OK);
    assert_int_equal(lw_folder_sync_of("/name-below-the-root").code, LW_OK);
}

static void a_rename_is_durable_and_one_that_fails_is_told(void **state)
{
    const struct place *p = *state;
    char to[SUPPORT_PATH_MAX];
    support_path(p->folder, "to", to);
    assert_int_equal(lw_file_write(p->path, text("x"), 0600).code, LW_OK);
    folders_synced = 0;
    assert_int_equal(lw_file_rename(p->path, to).code, LW_OK);
    assert_int_equal(folders_synced, 1);
    is_there(to, "x");
    assert_int_equal(lw_file_rename(p->path, to).code, LW_E_IO);
}

static void bounds_and_absent_files_are_told(void **state)
{
    const struct place *p = *state;
    static char name[LW_PATH_MAX + 8];
    LW_AUTO_BUF two = LW_BUF(2);
    memset(name, 'a', sizeof(name) - 1);
    name[0] = '/';
    assert_int_equal(lw_file_write(name, text("x"), 0600).code, LW_E_LIMIT);
    name[sizeof(name) - 2] = '/';
    assert_int_equal(lw_folder_sync_of(name).code, LW_E_LIMIT);
    assert_int_equal(lw_file_read(p->path, &two).code, LW_E_NOT_FOUND);
    assert_int_equal(lw_file_read(p->folder, &two).code, LW_E_IO);
    assert_int_equal(lw_file_write(p->path, text("abc"), 0600).code, LW_OK);
    assert_int_equal(lw_file_read(p->path, &two).code, LW_E_LIMIT);
    support_path(p->folder, "no/such", name);
    assert_int_equal(lw_file_write(name, text("x"), 0600).code, LW_E_IO);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, make, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_is_replaced_whole_with_its_mode_and_its_folder_is_synced),
        TEST(what_a_killed_run_left_is_not_in_the_way),
        TEST(a_pipe_is_written_to_and_stays_one),
        TEST(a_sync_that_fails_leaves_the_old_file),
        TEST(a_folder_that_cannot_be_synced_is_told_unless_it_never_can),
        TEST(a_rename_is_durable_and_one_that_fails_is_told),
        TEST(bounds_and_absent_files_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
