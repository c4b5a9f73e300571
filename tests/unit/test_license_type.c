#include "wallet/license_type.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "edit.h"

enum { ERRORS = 32, DOC_MAX = 1 << 20 };

static const char valid[] =
    "{\"id\":\"food-permit\",\"version\":2,\"name\":{\"zh\":\"\xe8\xaf\x81\",\"en\":\"Permit\"},"
    "\"number_scheme\":\"gbt36904\",\"type_code\":\"11100000000013338W011\","
    "\"issuers\":[\"health\",\"market\"],\"holder_roles\":[\"holder\",\"manager\"],"
    "\"about\":\"premises\",\"vct\":\"https://lic.example/fp\",\"doctype\":\"org.example.food\","
    "\"formats\":[\"dc+sd-jwt\",\"dc+sd-cwt\",\"mso_mdoc\"],\"validity\":{\"claim\":\"expiry_"
    "date\"},"
    "\"credential_days\":30,\"retention_days\":3650,\"claims\":["
    "{\"path\":[\"family_name\"],\"cwt_key\":-70001,\"mdoc\":[\"org.example\",\"family_name\"],"
    "\"type\":\"text\",\"name\":{\"zh\":\"\xe5\xa7\x93\",\"en\":\"Family name\"},\"required\":true,"
    "\"disclose\":\"choice\"},"
    "{\"path\":[\"expiry_date\"],\"cwt_key\":-70005,\"type\":\"date\","
    "\"name\":{\"zh\":\"\xe6\x9c\x9f\",\"en\":\"Expiry\"},\"required\":false,"
    "\"disclose\":\"always\"},"
    "{\"path\":[\"address\",\"street\"],\"cwt_key\":-71001,\"type\":\"text\","
    "\"name\":{\"zh\":\"\xe8\xa1\x97\",\"en\":\"Street\"},\"required\":false,"
    "\"disclose\":\"never\"}],"
    "\"passes\":[{\"id\":\"entry\",\"name\":{\"zh\":\"\xe8\xbf\x9b\",\"en\":\"Entry\"},"
    "\"claims\":[\"family_name\",\"expiry_date\"],\"hours\":24}],"
    "\"offline_without_status\":false}";

static lw_bytes bytes_of(const char *text)
{
    return (lw_bytes){.ptr = (const uint8_t *)text, .len = strlen(text)};
}

static void a_document_reads_into_its_struct(void **state)
{
    (void)state;
    struct wallet_type_doc *doc = NULL;
    struct wallet_doc_error errors[ERRORS];
    size_t count = ERRORS;
    assert_int_equal(wallet_license_type_read(bytes_of(valid), &doc, errors, &count).code, LW_OK);
    assert_int_equal(count, 0);
    const struct wallet_license_type *type = wallet_license_type_of(doc);
    assert_true(lw_str_is(type->id, "food-permit"));
    assert_int_equal(type->version, 2);
    assert_true(lw_str_is(type->name.en, "Permit"));
    assert_true(lw_str_is(type->name.zh, "\xe8\xaf\x81"));
    assert_int_equal(type->number_scheme, WALLET_NUMBER_GBT36904);
    assert_true(lw_str_is(type->type_code, "11100000000013338W011"));
    assert_int_equal(type->issuer_count, 2);
    assert_true(lw_str_is(type->issuers[1], "market"));
    assert_int_equal(type->holder_role_count, 2);
    assert_true(lw_str_is(type->holder_roles[0], "holder"));
    assert_true(lw_str_is(type->about, "premises"));
    assert_true(lw_str_is(type->vct, "https://lic.example/fp"));
    assert_true(lw_str_is(type->doctype, "org.example.food"));
    assert_int_equal(type->formats,
                     WALLET_FORMAT_BIT_SDJWT | WALLET_FORMAT_BIT_SDCWT | WALLET_FORMAT_BIT_MDOC);
    assert_int_equal(type->validity_days, 0);
    assert_int_equal(type->validity_claim, 1);
    assert_int_equal(type->credential_days, 30);
    assert_int_equal(type->retention_days, 3650);
    assert_int_equal(type->claim_count, 3);
    assert_int_equal(type->claims[0].cwt_key, -70001);
    assert_true(lw_str_is(type->claims[0].mdoc_namespace, "org.example"));
    assert_true(lw_str_is(type->claims[0].mdoc_element, "family_name"));
    assert_true(type->claims[0].required);
    assert_int_equal(type->claims[0].disclose, WALLET_DISCLOSE_CHOICE);
    assert_int_equal(type->claims[1].kind, WALLET_KIND_DATE);
    assert_int_equal(type->claims[1].disclose, WALLET_DISCLOSE_ALWAYS);
    assert_int_equal(type->claims[2].depth, 2);
    assert_int_equal(type->claims[2].disclose, WALLET_DISCLOSE_NEVER);
    assert_int_equal(type->claims[2].mdoc_element.len, 0);
    assert_int_equal(type->pass_count, 1);
    assert_int_equal(type->passes[0].claim_count, 2);
    assert_int_equal(type->passes[0].claims[1], 1);
    assert_int_equal(type->passes[0].hours, 24);
    assert_false(type->offline_without_status);
    wallet_license_type_free(doc);
}

static void claims_and_passes_are_found(void **state)
{
    (void)state;
    struct wallet_type_doc *doc = NULL;
    size_t count = 0;
    assert_int_equal(wallet_license_type_read(bytes_of(valid), &doc, NULL, &count).code, LW_OK);
    const struct wallet_license_type *type = wallet_license_type_of(doc);
    assert_int_equal(wallet_license_type_claim(type, LW_STR("family_name")), 0);
    assert_int_equal(wallet_license_type_claim(type, LW_STR("address.street")), 2);
    assert_true(wallet_license_type_claim(type, LW_STR("address")) == SIZE_MAX);
    assert_true(wallet_license_type_claim(type, LW_STR("address.street.no")) == SIZE_MAX);
    assert_true(wallet_license_type_claim(type, LW_STR("family_name.")) == SIZE_MAX);
    assert_true(wallet_license_type_claim(type, LW_STR("")) == SIZE_MAX);
    assert_int_equal(wallet_license_type_claim_by_key(type, -71001), 2);
    assert_true(wallet_license_type_claim_by_key(type, -71002) == SIZE_MAX);
    assert_ptr_equal(wallet_license_type_pass(type, LW_STR("entry")), &type->passes[0]);
    assert_null(wallet_license_type_pass(type, LW_STR("exit")));
    wallet_license_type_free(doc);
}

static void approval_is_asked_for_or_absent(void **state)
{
    (void)state;
    LW_AUTO_BUF asked = LW_BUF(DOC_MAX);
    struct wallet_type_doc *doc = NULL;
    size_t count = 0;
    assert_int_equal(wallet_license_type_read(bytes_of(valid), &doc, NULL, &count).code, LW_OK);
    assert_false(wallet_license_type_of(doc)->two_people);
    wallet_license_type_free(doc);
    support_edit(valid, "/approval", "{\"import\":true}", &asked);
    assert_int_equal(wallet_license_type_read(lw_buf_view(&asked), &doc, NULL, &count).code, LW_OK);
    assert_true(wallet_license_type_of(doc)->two_people);
    wallet_license_type_free(doc);
}

#define NAME "{\"zh\":\"a\",\"en\":\"a\"}"
#define CLAIM(path_, key_, more_)                                                                  \
    "{\"path\":" path_ ",\"cwt_key\":" key_ ",\"type\":\"text\",\"name\":" NAME                    \
    ",\"required\":false,\"disclose\":\"choice\"" more_ "}"

/* One place bent: where, to what, and what must be said about which place. */
static const struct {
    const char *at;
    const char *value;
    const char *pointer;
    const char *what;
} refusals[] = {
    {"/id", NULL, "/id", "is missing"},
    {"/id", "7", "/id", "must be text"},
    {"/id", "\"\"", "/id", "is too short"},
    {"/id", "\"Food\"", "/id", "must be lower-case letters, digits and '-' between them"},
    {"/id", "\"-food\"", "/id", "must be lower-case letters, digits and '-' between them"},
    {"/id", "\"food-\"", "/id", "must be lower-case letters, digits and '-' between them"},
    {"/id", "\"fo/od\"", "/id", "must be lower-case letters, digits and '-' between them"},
    {"/id", "\"a1234567890123456789012345678901234567890123456789012345678901234\"", "/id",
     "is too long"},
    {"/unknown", "1", "/unknown", "is not known here"},
    {"/version", "0", "/version", "is too small"},
    {"/version", "1000001", "/version", "is too large"},
    {"/version", "1.5", "/version", "must be a whole number"},
    {"/name/zh", NULL, "/name/zh", "is missing"},
    {"/name/en", NULL, "/name/en", "is missing"},
    {"/name/en", "\"\"", "/name/en", "is too short"},
    {"/name/en", "\"a\\tb\"", "/name/en", "must hold no control characters"},
    {"/name/fr", "\"Permis\"", "/name/fr", "is not known here"},
    {"/name", "\"Permit\"", "/name", "must be an object"},
    {"/number_scheme", "\"serial\"", "/number_scheme", "is none of the words allowed here"},
    {"/number_scheme", "\"register\"", "/type_code", "belongs to the number scheme gbt36904 only"},
    {"/type_code", NULL, "/type_code", "is missing"},
    {"/type_code", "\"11100000000013338W01\"", "/type_code",
     "must be a credit code and three digits (GB/T 36904)"},
    {"/type_code", "\"11100000000013338W01A\"", "/type_code",
     "must be a credit code and three digits (GB/T 36904)"},
    {"/type_code", "\"11100000000013339W011\"", "/type_code",
     "must be a credit code and three digits (GB/T 36904)"},
    {"/issuers", "[]", "/issuers", "has too few elements"},
    {"/issuers/1", "\"health\"", "/issuers/1", "is given twice"},
    {"/issuers/1", "\"Market\"", "/issuers/1",
     "must be lower-case letters, digits and '-' between them"},
    {"/issuers", NULL, "/issuers", "is missing"},
    {"/holder_roles", "[]", "/holder_roles", "has too few elements"},
    {"/holder_roles/1", "\"holder\"", "/holder_roles/1", "is given twice"},
    {"/about", "\"ship\"", "/about", "is none of the words allowed here"},
    {"/vct", NULL, "/vct", "is missing"},
    {"/vct", "\"food\"", "/vct", "must be an https URL or a URN, without fragment"},
    {"/vct", "\"http://lic.example/fp\"", "/vct",
     "must be an https URL or a URN, without fragment"},
    {"/vct", "\"https:///fp\"", "/vct", "must be an https URL or a URN, without fragment"},
    {"/vct", "\"https://\"", "/vct", "must be an https URL or a URN, without fragment"},
    {"/vct", "\"urn:\"", "/vct", "must be an https URL or a URN, without fragment"},
    {"/vct", "\"https://lic.example/f p\"", "/vct",
     "must be an https URL or a URN, without fragment"},
    {"/vct", "\"https://lic.example/fp#x\"", "/vct",
     "must be an https URL or a URN, without fragment"},
    {"/vct", "\"https://lic.example/\xe8\xaf\x81\"", "/vct",
     "must be an https URL or a URN, without fragment"},
    {"/formats", "[]", "/formats", "has too few elements"},
    {"/formats/1", "\"dc+sd-jwt\"", "/formats/1", "is given twice"},
    {"/formats/1", "\"jwt_vc\"", "/formats/1", "is none of the words allowed here"},
    {"/formats/2", NULL, "/doctype", "belongs to the format mso_mdoc only"},
    {"/formats/2", NULL, "/claims/0/mdoc", "belongs to the format mso_mdoc only"},
    {"/formats/1", NULL, "/passes", "need the format dc+sd-cwt"},
    {"/doctype", NULL, "/doctype", "is missing"},
    {"/claims/0/mdoc", NULL, "/claims", "need mdoc names for the format mso_mdoc"},
    {"/validity", NULL, "/validity", "is missing"},
    {"/validity/days", "365", "/validity", "has days and a claim: one of them ends a license"},
    {"/validity", "{\"days\":0}", "/validity/days", "is too small"},
    {"/validity", "{\"days\":73051}", "/validity/days", "is too large"},
    {"/validity", "{\"years\":1}", "/validity/years", "is not known here"},
    {"/validity/claim", "\"end\"", "/validity/claim", "names no claim of this type"},
    {"/validity/claim", "\"family_name\"", "/validity/claim", "must name a claim that is a date"},
    {"/credential_days", "0", "/credential_days", "is too small"},
    {"/credential_days", "367", "/credential_days", "is too large"},
    {"/retention_days", "0", "/retention_days", "is too small"},
    {"/retention_days", NULL, "/retention_days", "is missing"},
    {"/claims", "[]", "/claims", "has too few elements"},
    {"/claims/1", "7", "/claims/1", "must be an object"},
    {"/claims/1/more", "7", "/claims/1/more", "is not known here"},
    {"/claims/0/path", "[]", "/claims/0/path", "has too few elements"},
    {"/claims/0/path", "[\"a\",\"b\",\"c\",\"d\",\"e\"]", "/claims/0/path",
     "has too many elements"},
    {"/claims/2/path/1", "\"a.b\"", "/claims/2/path/1",
     "must be letters, digits and '_', a letter first"},
    {"/claims/2/path/1", "\"_sd\"", "/claims/2/path/1",
     "must be letters, digits and '_', a letter first"},
    {"/claims/2/path/1", "\"...\"", "/claims/2/path/1",
     "must be letters, digits and '_', a letter first"},
    {"/claims/2/path/1", "\"1a\"", "/claims/2/path/1",
     "must be letters, digits and '_', a letter first"},
    {"/claims/2/path/0", "\"exp\"", "/claims/2/path/0",
     "is a name that credentials use themselves"},
    {"/claims/2/path/0", "\"status\"", "/claims/2/path/0",
     "is a name that credentials use themselves"},
    {"/claims/-", CLAIM("[\"family_name\"]", "-71002", ""), "/claims/3/path",
     "is another claim's, or leads into it"},
    {"/claims/-", CLAIM("[\"address\"]", "-71002", ""), "/claims/3/path",
     "is another claim's, or leads into it"},
    {"/claims/-", CLAIM("[\"address\",\"street\",\"no\"]", "-71002", ""), "/claims/3/path",
     "is another claim's, or leads into it"},
    {"/claims/-", CLAIM("[\"other\"]", "-71001", ""), "/claims/3/cwt_key", "is another claim's"},
    {"/claims/-", CLAIM("[\"other\"]", "-71002", ",\"mdoc\":[\"org.example\",\"family_name\"]"),
     "/claims/3/mdoc", "is another claim's"},
    {"/claims/2/cwt_key", NULL, "/claims/2/cwt_key", "is missing"},
    {"/claims/2/cwt_key", "1", "/claims/2/cwt_key",
     "must lie in -70099 to -70001, or below -71000"},
    {"/claims/2/cwt_key", "0", "/claims/2/cwt_key",
     "must lie in -70099 to -70001, or below -71000"},
    {"/claims/2/cwt_key", "-70000", "/claims/2/cwt_key",
     "must lie in -70099 to -70001, or below -71000"},
    {"/claims/2/cwt_key", "-70100", "/claims/2/cwt_key",
     "must lie in -70099 to -70001, or below -71000"},
    {"/claims/2/cwt_key", "-71000", "/claims/2/cwt_key",
     "must lie in -70099 to -70001, or below -71000"},
    {"/claims/2/cwt_key", "-2147483649", "/claims/2/cwt_key",
     "must lie in -70099 to -70001, or below -71000"},
    {"/claims/2/cwt_key", "-70003", "/claims/2/cwt_key", "is the key of another shared claim"},
    {"/claims/0/type", "\"texts\"", "/claims/0/cwt_key", "is the key of another shared claim"},
    {"/claims/0/mdoc", "[\"org.example\"]", "/claims/0/mdoc", "has too few elements"},
    {"/claims/0/mdoc/1", "\"\"", "/claims/0/mdoc/1", "is too short"},
    {"/claims/0/media", "[\"image/jpeg\"]", "/claims/0/media", "belongs to claims of bytes only"},
    {"/claims/0/media", "[\"image/gif\"]", "/claims/0/media/0",
     "is none of the words allowed here"},
    {"/claims/0/media", "[]", "/claims/0/media", "has too few elements"},
    {"/claims/0/media", "[\"image/png\",\"image/png\",\"image/png\"]", "/claims/0/media",
     "has too many elements"},
    {"/claims/0/max_bytes", "2048", "/claims/0/max_bytes", "belongs to claims with media only"},
    {"/claims/0/type", "\"string\"", "/claims/0/type", "is none of the words allowed here"},
    {"/claims/0/type", NULL, "/claims/0/type", "is missing"},
    {"/claims/0/name/zh", NULL, "/claims/0/name/zh", "is missing"},
    {"/claims/0/required", NULL, "/claims/0/required", "is missing"},
    {"/claims/0/required", "1", "/claims/0/required", "must be true or false"},
    {"/claims/0/disclose", "\"sometimes\"", "/claims/0/disclose",
     "is none of the words allowed here"},
    {"/passes", NULL, "/passes", "is missing"},
    {"/passes/0", "1", "/passes/0", "must be an object"},
    {"/passes/0/more", "1", "/passes/0/more", "is not known here"},
    {"/passes/0/id", "\"A\"", "/passes/0/id",
     "must be lower-case letters, digits and '-' between them"},
    {"/passes/-", "{\"id\":\"entry\",\"name\":" NAME ",\"claims\":[\"family_name\"],\"hours\":1}",
     "/passes/1/id", "is given twice"},
    {"/passes/0/name/zh", NULL, "/passes/0/name/zh", "is missing"},
    {"/passes/0/claims", "[]", "/passes/0/claims", "has too few elements"},
    {"/passes/0/claims/0", "\"nobody\"", "/passes/0/claims/0", "names no claim of this type"},
    {"/passes/0/claims/0", "\"address.street\"", "/passes/0/claims/0",
     "is a claim that is never disclosed"},
    {"/passes/0/claims/1", "\"family_name\"", "/passes/0/claims/1", "is given twice"},
    {"/passes/0/hours", "0", "/passes/0/hours", "is too small"},
    {"/passes/0/hours", "25", "/passes/0/hours", "is too large"},
    {"/approval", "true", "/approval", "must be an object"},
    {"/approval", "{}", "/approval/import", "is missing"},
    {"/approval", "{\"import\":1}", "/approval/import", "must be true or false"},
    {"/approval", "{\"import\":false}", "/approval/import",
     "must be true: a type without approval has no such member"},
    {"/approval", "{\"import\":true,\"issue\":true}", "/approval/issue", "is not known here"},
    {"/offline_without_status", NULL, "/offline_without_status", "is missing"},
    {"/offline_without_status", "\"no\"", "/offline_without_status", "must be true or false"},
};

static void each_fault_is_told_with_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        LW_AUTO_BUF bent = LW_BUF(DOC_MAX);
        struct wallet_type_doc *doc = NULL;
        struct wallet_doc_error errors[ERRORS];
        size_t count = ERRORS;
        support_edit(valid, refusals[i].at, refusals[i].value, &bent);
        const lw_err err = wallet_license_type_read(lw_buf_view(&bent), &doc, errors, &count);
        bool told = false;
        for (size_t k = 0; k < count; k++) {
            told = told || (strcmp(errors[k].pointer, refusals[i].pointer) == 0 &&
                            strcmp(errors[k].what, refusals[i].what) == 0);
        }
        if (!told) {
            print_error("case %zu: %s %s, told %s %s\n", i, refusals[i].pointer, refusals[i].what,
                        count > 0 ? errors[0].pointer : "-", count > 0 ? errors[0].what : "-");
        }
        assert_int_equal(err.code, LW_E_VALUE);
        assert_null(doc);
        assert_true(told);
    }
}

static void values_at_the_bounds_are_taken(void **state)
{
    static const char *const cases[][2] = {
        {"/version", "1000000"},
        {"/claims/2/cwt_key", "-70099"},
        {"/claims/2/cwt_key", "-2147483648"},
        {"/passes/0/hours", "1"},
        {"/passes", "[]"},
        {"/credential_days", "366"},
        {"/validity", "{}"},
        {"/validity", "{\"days\":73050}"},
        {"/about", NULL},
        {"/vct", "\"urn:example:fp\""},
        {"/claims/-", CLAIM("[\"address\",\"city\"]", "-71002", "")},
        {"/claims/-", CLAIM("[\"other\"]", "-71002", ",\"mdoc\":[\"org.other\",\"family_name\"]")},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        LW_AUTO_BUF bent = LW_BUF(DOC_MAX);
        struct wallet_type_doc *doc = NULL;
        size_t count = 0;
        support_edit(valid, cases[i][0], cases[i][1], &bent);
        assert_int_equal(wallet_license_type_read(lw_buf_view(&bent), &doc, NULL, &count).code,
                         LW_OK);
        wallet_license_type_free(doc);
    }
}

static void all_faults_are_told_at_once_up_to_the_room_there_is(void **state)
{
    (void)state;
    struct wallet_type_doc *doc = NULL;
    struct wallet_doc_error errors[ERRORS];
    size_t count = ERRORS;
    assert_int_equal(wallet_license_type_read(bytes_of("{}"), &doc, errors, &count).code,
                     LW_E_VALUE);
    assert_int_equal(count, 14); /* every member that is required */
    count = 2;
    assert_int_equal(wallet_license_type_read(bytes_of("{}"), &doc, errors, &count).code,
                     LW_E_VALUE);
    assert_int_equal(count, 2);
}

static void what_is_no_json_object_is_refused(void **state)
{
    static const struct {
        const char *text;
        lw_code code;
    } cases[] = {{"", LW_E_SYNTAX},
                 {"{", LW_E_SYNTAX},
                 {"{\"id\":\"a\",\"id\":\"a\"}", LW_E_SYNTAX},
                 {"{} x", LW_E_SYNTAX},
                 {"[]", LW_E_VALUE}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wallet_type_doc *doc = NULL;
        struct wallet_doc_error errors[ERRORS];
        size_t count = ERRORS;
        assert_int_equal(
            wallet_license_type_read(bytes_of(cases[i].text), &doc, errors, &count).code,
            cases[i].code);
        assert_null(doc);
    }
}

static void put(lw_buf *out, const char *text)
{
    assert_int_equal(lw_buf_put_c(out, text).code, LW_OK);
}

/* A list of `count` claims of keys -71001, -71002, ... */
static void put_claims(lw_buf *out, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        put(out, i == 0 ? "[{\"path\":[\"c" : ",{\"path\":[\"c");
        assert_int_equal(lw_buf_put_int(out, (int64_t)i).code, LW_OK);
        put(out, "\"],\"type\":\"text\",\"name\":" NAME
                 ",\"required\":true,\"disclose\":\"choice\",\"cwt_key\":");
        assert_int_equal(lw_buf_put_int(out, -71001 - (int64_t)i).code, LW_OK);
        put(out, "}");
    }
    put(out, "]");
}

static void more_claims_than_the_limit_are_refused(void **state)
{
    static const char no_mdoc[] =
        "{\"id\":\"a\",\"version\":1,\"name\":" NAME ",\"number_scheme\":\"register\","
        "\"issuers\":[\"a\"],\"holder_roles\":[\"a\"],\"vct\":\"urn:a\","
        "\"formats\":[\"dc+sd-jwt\"],\"validity\":{},\"credential_days\":1,"
        "\"retention_days\":1,\"claims\":[],\"passes\":[],\"offline_without_status\":true}";
    (void)state;
    for (size_t claims = WALLET_CLAIMS_MAX; claims <= WALLET_CLAIMS_MAX + 1; claims++) {
        LW_AUTO_BUF list = LW_BUF(DOC_MAX);
        LW_AUTO_BUF bent = LW_BUF(DOC_MAX);
        const char *value = NULL;
        put_claims(&list, claims);
        assert_int_equal(lw_buf_c(&list, &value).code, LW_OK);
        support_edit(no_mdoc, "/claims", value, &bent);
        struct wallet_type_doc *doc = NULL;
        struct wallet_doc_error errors[ERRORS];
        size_t count = ERRORS;
        const lw_err err = wallet_license_type_read(lw_buf_view(&bent), &doc, errors, &count);
        assert_int_equal(err.code, claims <= WALLET_CLAIMS_MAX ? LW_OK : LW_E_VALUE);
        assert_string_equal(claims <= WALLET_CLAIMS_MAX ? "/claims" : errors[0].pointer, "/claims");
        wallet_license_type_free(doc);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_reads_into_its_struct),
        cmocka_unit_test(claims_and_passes_are_found),
        cmocka_unit_test(approval_is_asked_for_or_absent),
        cmocka_unit_test(each_fault_is_told_with_its_place),
        cmocka_unit_test(values_at_the_bounds_are_taken),
        cmocka_unit_test(all_faults_are_told_at_once_up_to_the_room_there_is),
        cmocka_unit_test(what_is_no_json_object_is_refused),
        cmocka_unit_test(more_claims_than_the_limit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
