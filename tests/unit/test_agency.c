#include "wallet/license_type.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "edit.h"

enum { ERRORS = 32, DOC_MAX = 1 << 16 };

static const char valid[] =
    "{\"id\":\"market\",\"name\":{\"zh\":\"\xe5\xb8\x82\xe5\x9c\xba\",\"en\":\"Market Office\"},"
    "\"credit_code\":\"11430000006122244L\",\"contact\":\"office@market.example\","
    "\"issues\":[\"business-license\",\"food-permit\"],\"keeper\":true}";

static lw_bytes bytes_of(const char *text)
{
    return (lw_bytes){.ptr = (const uint8_t *)text, .len = strlen(text)};
}

static void a_document_reads_into_its_struct(void **state)
{
    (void)state;
    struct wallet_agency_doc *doc = NULL;
    size_t count = 0;
    assert_int_equal(wallet_agency_read(bytes_of(valid), &doc, NULL, &count).code, LW_OK);
    const struct wallet_agency *agency = wallet_agency_of(doc);
    assert_true(lw_str_is(agency->id, "market"));
    assert_true(lw_str_is(agency->name.zh, "\xe5\xb8\x82\xe5\x9c\xba"));
    assert_true(lw_str_is(agency->name.en, "Market Office"));
    assert_true(lw_str_is(agency->credit_code, "11430000006122244L"));
    assert_true(lw_str_is(agency->contact, "office@market.example"));
    assert_int_equal(agency->issue_count, 2);
    assert_true(lw_str_is(agency->issues[1], "food-permit"));
    assert_true(agency->keeper);
    wallet_agency_free(doc);
    wallet_agency_free(NULL);
}

static void each_fault_is_told_with_its_place(void **state)
{
    static const struct {
        const char *at;
        const char *value;
        const char *pointer;
        const char *what;
    } cases[] = {
        {"/id", NULL, "/id", "is missing"},
        {"/id", "\"a b\"", "/id", "must be lower-case letters, digits and '-' between them"},
        {"/name/zh", NULL, "/name/zh", "is missing"},
        {"/name/en", NULL, "/name/en", "is missing"},
        {"/credit_code", NULL, "/credit_code", "is missing"},
        {"/credit_code", "\"11430000006122244M\"", "/credit_code",
         "is no unified social credit code (GB 32100)"},
        {"/credit_code", "\"1143\"", "/credit_code", "is no unified social credit code (GB 32100)"},
        {"/contact", "\"\"", "/contact", "is too short"},
        {"/contact", NULL, "/contact", "is missing"},
        {"/issues", NULL, "/issues", "is missing"},
        {"/issues/0", "\"food-permit\"", "/issues/1", "is given twice"},
        {"/issues/0", "1", "/issues/0", "must be text"},
        {"/keeper", NULL, "/keeper", "is missing"},
        {"/keeper", "0", "/keeper", "must be true or false"},
        {"/phone", "\"1\"", "/phone", "is not known here"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        LW_AUTO_BUF bent = LW_BUF(DOC_MAX);
        struct wallet_agency_doc *doc = NULL;
        struct wallet_doc_error errors[ERRORS];
        size_t count = ERRORS;
        support_edit(valid, cases[i].at, cases[i].value, &bent);
        assert_int_equal(wallet_agency_read(lw_buf_view(&bent), &doc, errors, &count).code,
                         LW_E_VALUE);
        assert_null(doc);
        assert_int_equal(count, 1);
        assert_string_equal(errors[0].pointer, cases[i].pointer);
        assert_string_equal(errors[0].what, cases[i].what);
    }
}

static void an_agency_may_issue_nothing_but_not_more_than_32_types(void **state)
{
    (void)state;
    for (size_t types = 0; types <= WALLET_LIST_MAX + 1; types += types == 0 ? 32 : 1) {
        LW_AUTO_BUF list = LW_BUF(DOC_MAX);
        LW_AUTO_BUF bent = LW_BUF(DOC_MAX);
        const char *value = NULL;
        assert_int_equal(lw_buf_put_byte(&list, '[').code, LW_OK);
        for (size_t i = 0; i < types; i++) {
            assert_int_equal(lw_buf_put_c(&list, i == 0 ? "\"t" : ",\"t").code, LW_OK);
            assert_int_equal(lw_buf_put_int(&list, (int64_t)i).code, LW_OK);
            assert_int_equal(lw_buf_put_byte(&list, '"').code, LW_OK);
        }
        assert_int_equal(lw_buf_put_byte(&list, ']').code, LW_OK);
        assert_int_equal(lw_buf_c(&list, &value).code, LW_OK);
        support_edit(valid, "/issues", value, &bent);
        struct wallet_agency_doc *doc = NULL;
        size_t count = 0;
        assert_int_equal(wallet_agency_read(lw_buf_view(&bent), &doc, NULL, &count).code,
                         types <= WALLET_LIST_MAX ? LW_OK : LW_E_VALUE);
        wallet_agency_free(doc);
    }
}

static void what_is_no_json_object_is_refused(void **state)
{
    (void)state;
    struct wallet_agency_doc *doc = NULL;
    size_t count = 0;
    assert_int_equal(wallet_agency_read(bytes_of("{"), &doc, NULL, &count).code, LW_E_SYNTAX);
    assert_int_equal(wallet_agency_read(bytes_of("{\"id\":1,\"id\":1}"), &doc, NULL, &count).code,
                     LW_E_SYNTAX);
    assert_int_equal(wallet_agency_read(bytes_of("[]"), &doc, NULL, &count).code, LW_E_VALUE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_reads_into_its_struct),
        cmocka_unit_test(each_fault_is_told_with_its_place),
        cmocka_unit_test(an_agency_may_issue_nothing_but_not_more_than_32_types),
        cmocka_unit_test(what_is_no_json_object_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
