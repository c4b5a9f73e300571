#define _GNU_SOURCE

#include "hsm/pool.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "hsm/rng.h"
#include "token.h"

static int make_token(void **state)
{
    struct support_token *t = calloc(1, sizeof(*t));
    support_token_make(t, false);
    *state = t;
    return 0;
}

static int free_token(void **state)
{
    support_token_free(*state);
    free(*state);
    return 0;
}

static lw_code code_of_open(const struct hsm_pool_config *config)
{
    HSM_AUTO_POOL pool = NULL;
    return hsm_pool_open(config, &pool).code;
}

static void a_pool_without_its_parts_does_not_open(void **state)
{
    struct support_token *t = *state;
    struct hsm_pool_config config = t->config;
    config.token_label = "another";
    assert_int_equal(code_of_open(&config), LW_E_TOKEN);
    config = t->config;
    config.module = "/nowhere/module.so";
    assert_int_equal(code_of_open(&config), LW_E_TOKEN);
    config.module = "/etc/hostname";
    assert_int_equal(code_of_open(&config), LW_E_TOKEN);
    config = t->config;
    config.program = "/nowhere/lw-signer";
    assert_int_equal(code_of_open(&config), LW_E_IO);
    config.program = "/bin/true";
    assert_int_equal(code_of_open(&config), LW_E_TOKEN);
    config = t->config;
    config.processes = 0;
    assert_int_equal(code_of_open(&config), LW_E_VALUE);
    config.processes = HSM_PROCESSES_MAX + 1;
    assert_int_equal(code_of_open(&config), LW_E_VALUE);
    config = t->config;
    config.deadline_ms = 99;
    assert_int_equal(code_of_open(&config), LW_E_VALUE);
    assert_int_equal(code_of_open(&t->config), LW_OK);
}

static void write_pin(const char *path, const char *text, mode_t mode)
{
    (void)unlink(path);
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    (void)close(fd);
}

static void a_pin_file_that_others_can_read_is_refused(void **state)
{
    static const mode_t modes[] = {0640, 0604, 0644, 0620, 0602, 0610, 0601, 0660, 0666};
    struct support_token *t = *state;
    const char *path = t->pin_file;
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        assert_int_equal(chmod(path, modes[i]), 0);
        assert_int_equal(code_of_open(&t->config), LW_E_DENIED);
    }
    if (geteuid() == 0) { /* only root can give a file away */
        enum { SOMEBODY = 12345 };
        assert_int_equal(chmod(path, 0600), 0);
        assert_int_equal(chown(path, SOMEBODY, SOMEBODY), 0);
        assert_int_equal(code_of_open(&t->config), LW_E_DENIED);
        assert_int_equal(chown(path, 0, 0), 0);
    }
    assert_int_equal(chmod(path, 0400), 0);
    assert_int_equal(code_of_open(&t->config), LW_OK);
}

static void a_pin_file_that_is_no_pin_file_is_refused(void **state)
{
    struct support_token *t = *state;
    struct hsm_pool_config config = t->config;
    char other[SUPPORT_PATH_MAX + 8];
    (void)snprintf(other, sizeof(other), "%s-link", t->pin_file);
    assert_int_equal(symlink(t->pin_file, other), 0);
    config.pin_file = other;
    assert_int_equal(code_of_open(&config), LW_E_DENIED);
    config.pin_file = t->folder;
    assert_int_equal(code_of_open(&config), LW_E_DENIED);
    config.pin_file = "/nowhere/pin";
    assert_int_equal(code_of_open(&config), LW_E_NOT_FOUND);
    config.pin_file = other;
    (void)unlink(other);
    write_pin(other, "", 0600);
    assert_int_equal(code_of_open(&config), LW_E_VALUE);
    write_pin(other, "\n", 0600);
    assert_int_equal(code_of_open(&config), LW_E_VALUE);
    write_pin(other, "1234\n5678\n", 0600);
    assert_int_equal(code_of_open(&config), LW_E_VALUE);
    char large[300];
    memset(large, '1', sizeof(large));
    large[sizeof(large) - 1] = 0;
    write_pin(other, large, 0600);
    assert_int_equal(code_of_open(&config), LW_E_VALUE);
    assert_int_equal(mkfifo(t->shim, 0600), 0);
    config.pin_file = t->shim;
    assert_int_equal(code_of_open(&config), LW_E_DENIED);
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static mode_t mode_of(const char *path)
{
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    return info.st_mode & 07777;
}

static void a_token_is_made_once_and_privately(void **state)
{
    struct support_token t;
    char dir[SUPPORT_PATH_MAX + 8];
    (void)state;
    support_token_folder(&t);
    (void)snprintf(dir, sizeof(dir), "%s/hsm", t.folder);
    struct hsm_softhsm_paths paths = {.dir = dir,
                                      .pin_file = t.pin_file,
                                      .so_pin_file = t.so_pin_file,
                                      .module = t.config.module,
                                      .token_label = "test",
                                      .program = t.program};
    assert_int_equal(hsm_softhsm_init(&paths, hsm_rng_system()).code, LW_OK);
    assert_int_equal(mode_of(dir), 0700);
    assert_int_equal(mode_of(t.pin_file), 0600);
    assert_int_equal(mode_of(t.so_pin_file), 0600);
    assert_int_equal(mode_of(t.conf), 0600);
    assert_int_equal(hsm_softhsm_init(&paths, hsm_rng_system()).code, LW_E_CONFLICT);
    assert_int_equal(code_of_open(&t.config), LW_OK); /* the refusal has harmed nothing */
    support_token_free(&t);
}

static void a_token_that_cannot_be_made_leaves_nothing(void **state)
{
    struct support_token t;
    char dir[SUPPORT_PATH_MAX + 8];
    (void)state;
    support_token_folder(&t);
    (void)snprintf(dir, sizeof(dir), "%s/hsm", t.folder);
    struct hsm_softhsm_paths paths = {.dir = dir,
                                      .pin_file = t.pin_file,
                                      .so_pin_file = t.so_pin_file,
                                      .module = "/nowhere/m.so",
                                      .token_label = "test",
                                      .program = t.program};
    assert_int_equal(hsm_softhsm_init(&paths, hsm_rng_system()).code, LW_E_TOKEN);
    assert_false(exists(dir) || exists(t.pin_file) || exists(t.so_pin_file));
    paths.module = t.config.module;
    paths.token_label = "";
    assert_int_equal(hsm_softhsm_init(&paths, hsm_rng_system()).code, LW_E_VALUE);
    paths.token_label = "a label of thirty-three bytes....";
    assert_int_equal(hsm_softhsm_init(&paths, hsm_rng_system()).code, LW_E_VALUE);
    paths.token_label = "a label of thirty-two bytes.....";
    write_pin(t.so_pin_file, "1234\n", 0600);
    assert_int_equal(hsm_softhsm_init(&paths, hsm_rng_system()).code, LW_E_CONFLICT);
    assert_true(exists(t.so_pin_file)); /* not ours to take away */
    assert_false(exists(dir) || exists(t.pin_file));
    (void)unlink(t.so_pin_file);
    assert_int_equal(hsm_softhsm_init(&paths, hsm_rng_system()).code, LW_OK);
    t.config.token_label = paths.token_label;
    assert_int_equal(code_of_open(&t.config), LW_OK);
    support_token_free(&t);
}

#define WITH_TOKEN(test_) cmocka_unit_test_setup_teardown(test_, make_token, free_token)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_TOKEN(a_pool_without_its_parts_does_not_open),
        WITH_TOKEN(a_pin_file_that_others_can_read_is_refused),
        WITH_TOKEN(a_pin_file_that_is_no_pin_file_is_refused),
        cmocka_unit_test(a_token_is_made_once_and_privately),
        cmocka_unit_test(a_token_that_cannot_be_made_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
