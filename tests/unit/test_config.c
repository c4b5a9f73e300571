#include "idp/config.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static lw_err read_json(const char *json, struct idp_config *config, struct idp_config_error *error)
{
    *error = (struct idp_config_error){.what = NULL};
    idp_config_defaults(config);
    return idp_config_read(lw_str_bytes(lw_str_c(json)), config, error);
}

static void what_is_printed_reads_back_the_same(void **state)
{
    struct idp_config config;
    struct idp_config back;
    struct idp_config_error error = {.what = NULL};
    LW_AUTO_BUF json = LW_BUF(8192);
    (void)state;
    assert_int_equal(read_json("{\"base_url\":\"https://wallet.example.org\",\"workers\":7,"
                               "\"development\":true}",
                               &config, &error)
                         .code,
                     LW_OK);
    assert_int_equal(idp_config_print(&config, &json).code, LW_OK);
    idp_config_defaults(&back);
    assert_int_equal(idp_config_read(lw_buf_view(&json), &back, &error).code, LW_OK);
    assert_memory_equal(&config, &back, sizeof(config));
    assert_int_equal(back.workers, 7);
    assert_true(back.development);
}

static void settings_that_do_not_hold_are_named(void **state)
{
    static const struct {
        const char *json;
        lw_code code;
        const char *pointer;
    } cases[] = {
        {"{\"workers\":0}", LW_E_VALUE, "/workers"},
        {"{\"workers\":1025}", LW_E_VALUE, "/workers"},
        {"{\"workers\":\"1\"}", LW_E_VALUE, "/workers"},
        {"{\"development\":1}", LW_E_VALUE, "/development"},
        {"{\"status_cadence_s\":4}", LW_E_VALUE, "/status_cadence_s"},
        {"{\"status_cadence_s\":301}", LW_E_VALUE, "/status_cadence_s"},
        {"{\"listen\":8080}", LW_E_VALUE, "/listen"},
        {"{\"lisen\":\"127.0.0.1:1\"}", LW_E_VALUE, "/lisen"},
        {"{\"module\":\"a\\u0000b\"}", LW_E_SYNTAX, NULL},
        {"[]", LW_E_VALUE, ""},
        {"{\"workers\":1,\"workers\":2}", LW_E_SYNTAX, NULL},
        {"{", LW_E_SYNTAX, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct idp_config config;
        struct idp_config_error error;
        assert_int_equal(read_json(cases[i].json, &config, &error).code, cases[i].code);
        if (cases[i].pointer != NULL) {
            assert_string_equal(error.pointer, cases[i].pointer);
            assert_non_null(error.what);
        }
    }
}

static void bounds_are_inclusive(void **state)
{
    struct idp_config config;
    struct idp_config_error error;
    (void)state;
    assert_int_equal(read_json("{\"workers\":1}", &config, &error).code, LW_OK);
    assert_int_equal(read_json("{\"workers\":1024}", &config, &error).code, LW_OK);
}

static void a_configuration_that_is_unsafe_is_refused(void **state)
{
    static const struct {
        const char *json;
        lw_code code;
        const char *pointer;
    } cases[] = {
        {"{\"base_url\":\"http://localhost:8080\"}", LW_E_DENIED, "/base_url"},
        {"{\"base_url\":\"http://wallet.example.org\",\"development\":true}", LW_E_DENIED,
         "/base_url"},
        {"{\"base_url\":\"http://localhost.example.org\",\"development\":true}", LW_E_DENIED,
         "/base_url"},
        {"{\"base_url\":\"ftp://wallet.example.org\"}", LW_E_VALUE, "/base_url"},
        {"{\"base_url\":\"\"}", LW_E_VALUE, "/base_url"},
        {"{\"base_url\":\"https://wallet.example.org/\"}", LW_E_VALUE, "/base_url"},
        {"{\"base_url\":\"https://a.example\",\"listen\":\"0.0.0.0:8080\"}", LW_E_DENIED,
         "/listen"},
        {"{\"base_url\":\"https://a.example\",\"listen\":\"[::]:8080\"}", LW_E_DENIED, "/listen"},
        {"{\"base_url\":\"https://a.example\",\"country\":\"cn\"}", LW_E_VALUE, "/country"},
        {"{\"base_url\":\"https://a.example\",\"country\":\"CHN\"}", LW_E_VALUE, "/country"},
        {"{\"base_url\":\"https://a.example\",\"log_level\":\"loud\"}", LW_E_VALUE, "/log_level"},
        {"{\"base_url\":\"https://a.example\"}", LW_OK, NULL},
        {"{\"base_url\":\"http://localhost:8080\",\"development\":true}", LW_OK, NULL},
        {"{\"base_url\":\"https://a.example\",\"listen\":\"unix:/run/lw.sock\"}", LW_OK, NULL},
        {"{\"base_url\":\"https://a.example\",\"listen\":\"[::1]:8080\"}", LW_OK, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct idp_config config;
        struct idp_config_error error;
        assert_int_equal(read_json(cases[i].json, &config, &error).code, LW_OK);
        assert_int_equal(idp_config_check(&config, &error).code, cases[i].code);
        if (cases[i].pointer != NULL) {
            assert_string_equal(error.pointer, cases[i].pointer);
        }
    }
}

static void the_manual_names_every_setting(void **state)
{
    LW_AUTO_BUF roff = LW_BUF(16384);
    const char *text = NULL;
    (void)state;
    assert_int_equal(idp_config_manual(&roff).code, LW_OK);
    assert_int_equal(lw_buf_c(&roff, &text).code, LW_OK);
    assert_non_null(strstr(text, ".B base_url\n"));
    assert_non_null(strstr(text, ".B log_level\n"));
    assert_non_null(strstr(text, "Number from 1 to 1024; default 64."));
}

static void changes_are_told_with_whether_a_restart_is_needed(void **state)
{
    static const struct {
        const char *name;
        bool live;
    } expected[] = {{"base_url", false},
                    {"development", false},
                    {"http_deadline_ms", true},
                    {"status_cadence_s", true},
                    {"log_level", true}};
    struct idp_config was;
    struct idp_config is;
    struct idp_config_error error;
    size_t at = 0;
    bool live = false;
    (void)state;
    idp_config_defaults(&was);
    assert_null(idp_config_change(&was, &was, &at, &live));
    assert_int_equal(read_json("{\"base_url\":\"https://a\",\"development\":true,"
                               "\"http_deadline_ms\":1000,\"status_cadence_s\":60,"
                               "\"log_level\":\"debug\",\"workers\":64}",
                               &is, &error)
                         .code,
                     LW_OK);
    at = 0;
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        const char *name = idp_config_change(&was, &is, &at, &live);
        assert_non_null(name);
        assert_string_equal(name, expected[i].name);
        assert_int_equal(live, expected[i].live);
    }
    assert_null(idp_config_change(&was, &is, &at, &live));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_printed_reads_back_the_same),
        cmocka_unit_test(settings_that_do_not_hold_are_named),
        cmocka_unit_test(changes_are_told_with_whether_a_restart_is_needed),
        cmocka_unit_test(bounds_are_inclusive),
        cmocka_unit_test(a_configuration_that_is_unsafe_is_refused),
        cmocka_unit_test(the_manual_names_every_setting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
