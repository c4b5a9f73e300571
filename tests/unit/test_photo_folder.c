/* Photos out of a folder: by name, bounded, real images, and never from outside of it. */
#define _GNU_SOURCE

#include "wallet/photo_folder.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { MAX = 4096, PATH_LEN = 256 };

static const char jpeg[] = "\xff\xd8\xff\xc0\x00\x08\x08\x00\x05\x00\x03\x01\xff\xda\x00\x02\x00"
                           "\xff\xd9";
static const size_t jpeg_len = sizeof(jpeg) - 1;

static char dir[PATH_LEN];

static void put(const char *name, const char *data, size_t len)
{
    char path[2 * PATH_LEN];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static int make(void **state)
{
    char path[2 * PATH_LEN];
    static char large[MAX + 1];
    (void)state;
    (void)snprintf(dir, sizeof(dir), "%s/lw-photos.XXXXXX",
                   getenv("TMPDIR") == NULL ? "/tmp" : getenv("TMPDIR"));
    assert_non_null(mkdtemp(dir));
    put("A-1.jpg", jpeg, jpeg_len);
    put("A-2.JPEG", jpeg, jpeg_len);
    put("A-3.jpg", jpeg, jpeg_len);
    put("A-3.PNG", jpeg, jpeg_len);
    put("A-4.jpg", "GIF89a", 6);
    put("A-5.jpg", jpeg, jpeg_len - 1);
    put("A-6.png", large, sizeof(large));
    put("A-7.jpg", "\xff\xd8\xff\xc0\x00\x08\x08\x20\x05\x00\x03\x01\xff\xda\x00\x02\x00\xff\xd9",
        jpeg_len);
    put("A-8.jpg", "", 0);
    put(".hidden.jpg", jpeg, jpeg_len);
    (void)snprintf(path, sizeof(path), "%s/A-9.jpg", dir);
    assert_int_equal(symlink("A-1.jpg", path), 0);
    (void)snprintf(path, sizeof(path), "%s/B-1.jpg", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof(path), "%s/B-2.jpg", dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    return 0;
}

static int drop(void **state)
{
    static const char *const names[] = {"A-1.jpg", "A-2.JPEG",    "A-3.jpg", "A-3.PNG",
                                        "A-4.jpg", "A-5.jpg",     "A-6.png", "A-7.jpg",
                                        "A-8.jpg", ".hidden.jpg", "A-9.jpg", "B-2.jpg"};
    char path[2 * PATH_LEN];
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        (void)unlink(path);
    }
    (void)snprintf(path, sizeof(path), "%s/B-1.jpg", dir);
    (void)rmdir(path);
    return rmdir(dir);
}

static void each_photo_is_read_or_told_why_not(void **state)
{
    static const struct {
        const char *name;
        lw_code code;
        const char *says;
    } cases[] = {
        {"A-1", LW_OK, NULL},
        {"A-2", LW_OK, NULL},
        {"A-3", LW_E_CONFLICT, "several photos"},
        {"A-4", LW_E_UNSUPPORTED, "no JPEG or PNG"},
        {"A-5", LW_E_SYNTAX, "damaged"},
        {"A-6", LW_E_LIMIT, "larger than the license type allows"},
        {"A-7", LW_E_LIMIT, "4096 pixels"},
        {"A-8", LW_E_UNSUPPORTED, "no JPEG or PNG"},
        {"A-9", LW_E_IO, "is a link"},
        {"B-1", LW_E_IO, "no ordinary file"},
        {"B-2", LW_E_IO, "no ordinary file"},
        {"C-1", LW_E_NOT_FOUND, "no photo in the folder"},
        {"a-1", LW_E_NOT_FOUND, "no photo in the folder"},
        {"../A-1", LW_E_VALUE, "cannot name a photo"},
        {"x/../A-1", LW_E_VALUE, "cannot name a photo"},
        {"x\\A-1", LW_E_VALUE, "cannot name a photo"},
        {".hidden", LW_E_VALUE, "cannot name a photo"},
        {"", LW_E_VALUE, "cannot name a photo"},
        {"A\x01", LW_E_VALUE, "cannot name a photo"},
        {"A\x7f", LW_E_VALUE, "cannot name a photo"},
    };
    struct wallet_photo_folder *folder = NULL;
    (void)state;
    assert_int_equal(wallet_photo_folder_open(&folder, dir).code, LW_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        lw_bytes bytes = {0};
        const lw_err err = wallet_photo_folder_read(folder, lw_str_c(cases[i].name), MAX, &bytes);
        if (err.code != cases[i].code ||
            (cases[i].says != NULL && strstr(err.why, cases[i].says) == NULL)) {
            fail_msg("%s: %s", cases[i].name, err.code == LW_OK ? "read" : err.why);
        }
        if (err.code == LW_OK) {
            assert_int_equal(bytes.len, jpeg_len);
            assert_memory_equal(bytes.ptr, jpeg, jpeg_len);
        }
    }
    wallet_photo_folder_free(folder);
}

static void a_name_longer_than_files_have_finds_nothing(void **state)
{
    struct wallet_photo_folder *folder = NULL;
    char name[300];
    lw_bytes bytes = {0};
    (void)state;
    memset(name, 'x', sizeof(name));
    assert_int_equal(wallet_photo_folder_open(&folder, dir).code, LW_OK);
    for (size_t len = 245; len <= sizeof(name); len++) {
        assert_int_equal(wallet_photo_folder_read(folder, (lw_str){name, len}, MAX, &bytes).code,
                         LW_E_NOT_FOUND);
    }
    wallet_photo_folder_free(folder);
}

static void the_files_that_were_not_used_are_listed(void **state)
{
    struct wallet_photo_folder *folder = NULL;
    const char *names[3] = {NULL, NULL, NULL};
    lw_bytes bytes = {0};
    (void)state;
    assert_int_equal(wallet_photo_folder_open(&folder, dir).code, LW_OK);
    assert_int_equal(wallet_photo_folder_files(folder), 12);
    assert_int_equal(wallet_photo_folder_unused(folder, names, 3), 12);
    assert_int_equal(wallet_photo_folder_read(folder, LW_STR("A-2"), MAX, &bytes).code, LW_OK);
    assert_int_equal(wallet_photo_folder_unused(folder, names, 2), 11);
    assert_string_equal(names[0], "A-1.jpg");
    assert_string_equal(names[1], "A-3.PNG");
    assert_string_equal(names[2], "A-3.PNG");
    wallet_photo_folder_free(folder);
}

static void a_folder_that_is_none_is_refused(void **state)
{
    struct wallet_photo_folder *folder = NULL;
    char path[2 * PATH_LEN];
    (void)state;
    (void)snprintf(path, sizeof(path), "%s/A-1.jpg", dir);
    assert_int_equal(wallet_photo_folder_open(&folder, path).code, LW_E_NOT_FOUND);
    (void)snprintf(path, sizeof(path), "%s/none", dir);
    assert_int_equal(wallet_photo_folder_open(&folder, path).code, LW_E_NOT_FOUND);
    assert_null(folder);
    wallet_photo_folder_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_photo_is_read_or_told_why_not),
        cmocka_unit_test(a_name_longer_than_files_have_finds_nothing),
        cmocka_unit_test(the_files_that_were_not_used_are_listed),
        cmocka_unit_test(a_folder_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
