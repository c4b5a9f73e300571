/* `lw bench` runs and prints its rows; how fast, no test says. */
#define _GNU_SOURCE

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "folder.h"

enum { OUTPUT_MODE = 0600 };

static const char *const names[] = {
    "L",
    "H",
    "sign_by_completion",
    "sign_by_blocking_callers",
    "import",
    "import_again",
    "bytes_per_license",
    "bytes_with_holders",
    "idle_memory",
    "http_sd_jwt",
    "http_lq1",
    "http_sd_jwt_table",
    "http_lq1_table",
    "http_sd_jwt_seen",
    "http_lq1_seen",
    "http_sd_jwt_recorded",
    "http_sd_jwt_recorded_p99",
    "http_lq1_recorded",
    "http_lq1_recorded_p99",
    "in_process_sd_jwt",
    "in_process_lq1",
    "two_threads",
    "durable_writes",
    "durable_writes_p99",
    "qr_license_two_of_six",
    "qr_pass_three_claims",
};
enum { NAMES = sizeof(names) / sizeof(names[0]) };

static const char *const large_names[] = {
    "L",
    "H",
    "lookup_number",
    "lookup_holder",
    "verify_sd_jwt",
    "verify_lq1",
    "http_sd_jwt",
    "http_sd_jwt_recorded",
    "list_page",
    "list_state",
    "publish_one",
    "publish_hundred",
    "audit_inclusion",
    "audit_consistency",
    "store_stat",
    "start_to_first_answer",
    "large_bytes",
    "large_fill",
};
enum { LARGE_NAMES = sizeof(large_names) / sizeof(large_names[0]) };

/* Runs `lw bench` with up to three options and its standard output in a file; returns the exit
 * code. */
static int run_bench(const char *first, const char *second, const char *third, const char *output)
{
    char program[] = LW_BIN_DIR "/lw";
    char bench[] = "bench";
    char *options[3] = {strdup(first), strdup(second), third == NULL ? NULL : strdup(third)};
    char *const argv[] = {program, bench, options[0], options[1], options[2], NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid = 0;
    int status = 0;
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output,
                                                      O_WRONLY | O_CREAT | O_TRUNC, OUTPUT_MODE),
                     0);
    assert_int_equal(posix_spawn(&pid, program, &actions, NULL, argv, environ), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    (void)posix_spawn_file_actions_destroy(&actions);
    free(options[0]);
    free(options[1]);
    free(options[2]);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static size_t entries_of(const char *folder)
{
    size_t count = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    while (readdir(dir) != NULL) {
        count++;
    }
    (void)closedir(dir);
    return count - 2; /* "." and ".." */
}

static void row_is_whole(const json_t *row, const char *name)
{
    const json_t *target = json_object_get(row, "target");
    const json_t *reached = json_object_get(row, "reached");
    assert_string_equal(json_string_value(json_object_get(row, "name")), name);
    assert_true(json_is_number(json_object_get(row, "value")));
    assert_true(json_number_value(json_object_get(row, "value")) > 0);
    if (strncmp(name, "qr_", 3) == 0) {
        assert_true(json_is_true(reached)); /* the one figure that does not depend on the machine */
    }
    if (strcmp(name, "L") == 0 || strcmp(name, "H") == 0 || strncmp(name, "large_", 6) == 0 ||
        strcmp(name, "import_again") == 0 || strcmp(name, "bytes_with_holders") == 0) {
        assert_true(json_is_null(target) && json_is_null(reached));
    } else {
        assert_true(json_number_value(target) > 0);
        assert_true(json_is_boolean(reached));
    }
}

static void expect_rows(const char *large, const char *const *want, size_t count)
{
    char folder[SUPPORT_PATH_MAX];
    char temporary[SUPPORT_PATH_MAX];
    char output[SUPPORT_PATH_MAX];
    json_error_t error;
    support_folder(folder);
    support_folder(temporary);
    support_path(folder, "rows.json", output);
    assert_int_equal(setenv("TMPDIR", temporary, 1), 0);
    assert_int_equal(run_bench("--quick", "--json", large, output), 0);
    assert_int_equal(entries_of(temporary), 0);
    json_t *printed = json_load_file(output, JSON_REJECT_DUPLICATES, &error);
    const json_t *rows = json_object_get(printed, "rows");
    assert_int_equal(json_array_size(rows), count);
    for (size_t i = 0; i < count; i++) {
        row_is_whole(json_array_get(rows, i), want[i]);
    }
    json_decref(printed);
    assert_int_equal(unsetenv("TMPDIR"), 0);
    support_remove(folder);
    support_remove(temporary);
}

static void it_prints_every_row_and_leaves_nothing_behind(void **state)
{
    (void)state;
    expect_rows(NULL, names, NAMES);
}

static void with_many_licenses_it_prints_every_row_and_leaves_nothing_behind(void **state)
{
    (void)state;
    expect_rows("--large", large_names, LARGE_NAMES);
}

static void it_refuses_a_number_of_licenses_that_makes_no_sense(void **state)
{
    (void)state;
    assert_int_equal(run_bench("--large", "--licenses=19999", NULL, "/dev/null"), 2);
    assert_int_equal(run_bench("--large", "--licenses=many", NULL, "/dev/null"), 2);
    assert_int_equal(run_bench("--quick", "--licenses=20000", NULL, "/dev/null"), 2);
}

static void it_refuses_a_register_that_is_too_small(void **state)
{
    (void)state;
    assert_int_equal(run_bench("--quick", "--rows=99", NULL, "/dev/null"), 2);
    assert_int_equal(run_bench("--quick", "--rows=many", NULL, "/dev/null"), 2);
}

static void it_says_when_there_is_no_room_for_its_folder(void **state)
{
    char folder[SUPPORT_PATH_MAX];
    char missing[SUPPORT_PATH_MAX];
    (void)state;
    support_folder(folder);
    support_path(folder, "missing", missing);
    assert_int_equal(setenv("TMPDIR", missing, 1), 0);
    assert_int_equal(run_bench("--quick", "--json", NULL, "/dev/null"), 3);
    assert_int_equal(unsetenv("TMPDIR"), 0);
    assert_int_equal(entries_of(folder), 0);
    support_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_prints_every_row_and_leaves_nothing_behind),
        cmocka_unit_test(with_many_licenses_it_prints_every_row_and_leaves_nothing_behind),
        cmocka_unit_test(it_refuses_a_number_of_licenses_that_makes_no_sense),
        cmocka_unit_test(it_refuses_a_register_that_is_too_small),
        cmocka_unit_test(it_says_when_there_is_no_room_for_its_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
