/* A license shows what it was issued with, whatever its type has become since. */
#define _GNU_SOURCE

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "home.h"
#include "wallet/json_doc.h"
#include "wallet/flow_catalog.h"

static struct support_home home;

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s: %s", lw_code_name(err.code), err.why);
    }
}

static void ignore(void *ctx, const struct wallet_catalog_result *result)
{
    (void)ctx;
    for (size_t i = 0; i < result->error_count; i++) {
        fail_msg("%s: %s: %s", result->path, result->errors[i].pointer, result->errors[i].what);
    }
}

static const char city_dir[] = LW_SOURCE_DIR "/docs/example-city";

/* The business license, version 2: a claim less, and the others in the opposite order. */
static void write_changed(const char *from, const char *to)
{
    json_t *type = json_load_file(from, 0, NULL);
    assert_non_null(type);
    json_t *claims = json_object_get(type, "claims");
    json_t *turned = json_array();
    for (size_t i = json_array_size(claims); i-- > 0;) {
        json_t *claim = json_array_get(claims, i);
        const json_t *name = json_array_get(json_object_get(claim, "path"), 0);
        if (strcmp(json_string_value(name), "activities") != 0) {
            assert_int_equal(json_array_append(turned, claim), 0);
        }
    }
    assert_int_equal(json_object_set_new(type, "claims", turned), 0);
    assert_int_equal(json_object_set_new(type, "version", json_integer(2)), 0);
    assert_int_equal(json_dump_file(type, to, 0), 0);
    json_decref(type);
}

/* The example city anew, all of it borrowed but that one type. */
static void load_changed(void)
{
    char dir[SUPPORT_PATH_MAX];
    char from[SUPPORT_PATH_MAX];
    char to[SUPPORT_PATH_MAX];
    const struct dirent *entry = NULL;
    support_path(home.folder, "city", dir);
    assert_int_equal(mkdir(dir, 0700), 0);
    support_path(city_dir, "agencies", from);
    support_path(dir, "agencies", to);
    assert_int_equal(symlink(from, to), 0);
    support_path(dir, "license-types", to);
    assert_int_equal(mkdir(to, 0700), 0);
    support_path(city_dir, "license-types", from);
    DIR *types = opendir(from);
    assert_non_null(types);
    while ((entry = readdir(types)) != NULL) {
        char path[SUPPORT_PATH_MAX];
        char copy[SUPPORT_PATH_MAX];
        support_path(from, entry->d_name, path);
        support_path(to, entry->d_name, copy);
        if (strcmp(entry->d_name, "business-license.json") == 0) {
            write_changed(path, copy);
        } else if (entry->d_name[0] != '.') {
            assert_int_equal(symlink(path, copy), 0);
        }
    }
    (void)closedir(types);
    must(wallet_flow_catalog_load(home.home, dir, ignore, NULL));
}

static void claims_keep_their_names_when_the_type_gets_a_new_version(void **state)
{
    (void)state;
    static const char *const formats[] = {"dc+sd-cwt", "dc+sd-jwt"};
    support_home_issue(&home, "T-1");
    load_changed();
    for (size_t i = 0; i < 2; i++) {
        WALLET_AUTO_ANSWER answer = {.result = WALLET_REFUSED};
        LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
        const char *claims = NULL;
        const struct support_show show = {.number = "T-1",
                                          .format = formats[i],
                                          .claims = "legal_name,category,expiry_date",
                                          .aud = i == 0 ? NULL : SUPPORT_BASE_URL,
                                          .nonce = i == 0 ? (lw_bytes){NULL, 0}
                                                          : lw_str_bytes(LW_STR("once"))};
        must(support_home_show(&home, &show, &text));
        const struct wallet_verification request = {.text = lw_buf_text(&text),
                                                    .at = INT64_MIN,
                                                    .nonce = i == 0 ? LW_STR("") : LW_STR("once"),
                                                    .locale = LW_STR("en")};
        must(wallet_flow_verify(home.verifier, &request, &answer));
        assert_int_equal(answer.result, WALLET_ACCEPTED);
        must(lw_buf_c(&answer.claims, &claims));
        assert_non_null(strstr(claims, "\"legal_name\":\"Corner Bakery Ltd.\""));
        assert_non_null(strstr(claims, "\"category\":\"Retail Food\""));
        assert_non_null(strstr(claims, "\"expiry_date\":\"2028-01-15\""));
    }
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
        cmocka_unit_test(claims_keep_their_names_when_the_type_gets_a_new_version),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
