#include "wallet/policy_issue.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lw/clock.h"
#include "wallet/image.h"

enum { NOW = 1795086400, FAULTS = 8 };

/* Claims of the type, by index. */
enum claim { NAME, UNTIL, COUNT, CLAIMS };

/* An order that may be issued; each test bends one thing of it. */
struct order {
    struct wallet_license_type type;
    struct wallet_agency agency;
    struct wallet_license license;
};

static lw_bytes item(const char *bytes, size_t len)
{
    return (lw_bytes){.ptr = (const uint8_t *)bytes, .len = len};
}

static void init_type(struct wallet_license_type *type)
{
    type->id = LW_STR("business");
    type->version = 3;
    type->number_scheme = WALLET_NUMBER_REGISTER;
    type->type_code = LW_STR("11100000000013338W011");
    type->issuers[0] = LW_STR("market");
    type->issuer_count = 1;
    type->holder_roles[0] = LW_STR("owner");
    type->holder_roles[1] = LW_STR("operator");
    type->holder_role_count = 2;
    type->formats = WALLET_FORMAT_BIT_SDCWT;
    type->credential_days = 30;
    type->validity_claim = UNTIL;
    type->claim_count = CLAIMS;
    type->claims[NAME] = (struct wallet_claim_def){
        .path = {LW_STR("legal"), LW_STR("name")}, .depth = 2, .required = true};
    type->claims[UNTIL] =
        (struct wallet_claim_def){.path = {LW_STR("until")}, .depth = 1, .kind = WALLET_KIND_DATE};
    type->claims[COUNT] = (struct wallet_claim_def){
        .path = {LW_STR("count")}, .depth = 1, .kind = WALLET_KIND_INTEGER};
    type->passes[0].hours = 4;
    type->passes[1].hours = 25;
    type->pass_count = 2;
}

static void init(struct order *o)
{
    *o = (struct order){.type = {.id = {.len = 0}}};
    init_type(&o->type);
    o->agency.id = LW_STR("market");
    o->agency.credit_code = LW_STR("11430000006122244L");
    o->agency.issues[0] = LW_STR("business");
    o->agency.issue_count = 1;
    o->license.type = LW_STR("business");
    o->license.type_version = 3;
    o->license.number = LW_STR("B-2026/1");
    o->license.version = LW_STR("1");
    o->license.issuer = LW_STR("market");
    o->license.holder_count = 2;
    o->license.holders[0] = (struct wallet_holder){
        .code_type = LW_STR("999"), .code = LW_STR("12-1"), .role = LW_STR("owner")};
    o->license.holders[1] = (struct wallet_holder){
        .code_type = LW_STR("999"), .code = LW_STR("12-1"), .role = LW_STR("operator")};
    o->license.claim_count = 2;
    o->license.claims[0] = (struct wallet_claim){.def = NAME, .value = item("\x62hi", 3)};
    o->license.claims[1] =
        (struct wallet_claim){.def = UNTIL, .value = item("\xd8\x64\x19\x51\x28", 5)};
    o->license.issued_at = NOW;
    o->license.valid_from = NOW - LW_DAY_S;
    o->license.valid_until = (int64_t)(20776 + 1) * LW_DAY_S; /* the end of that day */
}

static lw_err issue(const struct order *o, struct wallet_issue_fault *faults, size_t *count)
{
    *count = FAULTS;
    return wallet_policy_issue(&o->type, &o->agency, &o->license, NOW, faults, count);
}

static void expect_fault(const struct order *o, lw_code code, const char *field, const char *why)
{
    struct wallet_issue_fault faults[FAULTS];
    size_t count = 0;
    assert_int_equal(issue(o, faults, &count).code, code);
    if (count != 1 || strcmp(faults[0].field, field) != 0) {
        print_error("expected %s (%s), got %zu: %s (%s)\n", field, why, count,
                    count > 0 ? faults[0].field : "", count > 0 ? faults[0].why : "");
    }
    assert_int_equal(count, 1); /* the bend breaks this rule and no other */
    assert_string_equal(faults[0].field, field);
    assert_non_null(strstr(faults[0].why, why));
}

static void a_whole_order_may_be_issued(void **state)
{
    (void)state;
    struct order o;
    struct wallet_issue_fault faults[FAULTS];
    size_t count = 0;
    init(&o);
    assert_int_equal(issue(&o, faults, &count).code, LW_OK);
    assert_int_equal(count, 0);
}

static void only_an_agency_of_the_type_issues_it(void **state)
{
    (void)state;
    struct order o;
    init(&o);
    o.type.issuers[0] = LW_STR("other");
    expect_fault(&o, LW_E_DENIED, "issuer", "may not issue");
    init(&o);
    o.agency.issue_count = 0;
    expect_fault(&o, LW_E_DENIED, "issuer", "may not issue");
    init(&o);
    o.license.issuer = LW_STR("other");
    expect_fault(&o, LW_E_VALUE, "issuer", "another agency");
    init(&o);
    o.license.type = LW_STR("other");
    expect_fault(&o, LW_E_VALUE, "type", "version");
    init(&o);
    o.license.type_version = 2;
    expect_fault(&o, LW_E_VALUE, "type", "version");
}

/* The smallest JPEG whose parts hold (wallet/image.h), as one item of bytes. */
static void an_image_is_of_its_media_and_size(void **state)
{
    static const char jpeg[] = "\x53\xff\xd8\xff\xc0\x00\x08\x08\x00\x05\x00\x03\x01\xff\xda"
                               "\x00\x02\x00\xff\xd9";
    struct order o;
    struct wallet_issue_fault faults[FAULTS];
    size_t count = 0;
    (void)state;
    init(&o);
    o.type.claims[COUNT].kind = WALLET_KIND_BYTES;
    o.type.claims[COUNT].media = WALLET_IMAGE_JPEG;
    o.type.claims[COUNT].max_bytes = sizeof(jpeg) - 2;
    o.license.claims[2] =
        (struct wallet_claim){.def = COUNT, .value = item(jpeg, sizeof(jpeg) - 1)};
    o.license.claim_count = 3;
    assert_int_equal(issue(&o, faults, &count).code, LW_OK);
    o.type.claims[COUNT].max_bytes--;
    expect_fault(&o, LW_E_VALUE, "claims.count", "larger than the type allows");
    o.type.claims[COUNT].max_bytes++;
    o.type.claims[COUNT].media = WALLET_IMAGE_PNG;
    expect_fault(&o, LW_E_VALUE, "claims.count", "no whole image");
    o.type.claims[COUNT].media = WALLET_IMAGE_JPEG;
    o.license.claims[2].value = item("\x42hi", 3);
    expect_fault(&o, LW_E_VALUE, "claims.count", "no whole image");
    o.type.claims[COUNT].media = 0;
    assert_int_equal(issue(&o, faults, &count).code, LW_OK);
}

static void a_number_is_plain_and_not_empty(void **state)
{
    static char longest[WALLET_NUMBER_MAX + 1];
    (void)state;
    memset(longest, '7', sizeof(longest));
    const lw_str bad[] = {LW_STR(""),    LW_STR(" 1"),    LW_STR("1 "),
                          LW_STR("1\n"), LW_STR("1\x7f"), {longest, sizeof(longest)}};
    const lw_str good[] = {LW_STR("1"), LW_STR("京 A-1"), {longest, WALLET_NUMBER_MAX}};
    struct order o;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        init(&o);
        o.license.number = bad[i];
        expect_fault(&o, LW_E_VALUE, "number", "number is");
        init(&o);
        o.license.version = bad[i];
        expect_fault(&o, LW_E_VALUE, "version", "version is");
    }
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct wallet_issue_fault faults[FAULTS];
        size_t count = 0;
        init(&o);
        o.license.number = good[i];
        o.license.version = good[i];
        assert_int_equal(issue(&o, faults, &count).code, LW_OK);
    }
}

/* The first number of DESIGN section 7 belongs to this type and agency. */
static void a_gbt36904_number_fits_type_and_agency(void **state)
{
    (void)state;
    struct order o;
    struct wallet_issue_fault faults[FAULTS];
    size_t count = 0;
    const lw_str number =
        LW_STR("1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U");
    init(&o);
    o.type.number_scheme = WALLET_NUMBER_GBT36904;
    o.license.number = number;
    assert_int_equal(issue(&o, faults, &count).code, LW_OK);
    o.license.number =
        LW_STR("1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.V");
    expect_fault(&o, LW_E_VALUE, "number", "check character");
    o.license.number = LW_STR("B-1");
    expect_fault(&o, LW_E_VALUE, "number", "no GB/T 36904");
    o.license.number = number;
    o.type.type_code = LW_STR("11100000000013338W012");
    expect_fault(&o, LW_E_VALUE, "number", "another type");
    o.type.type_code = LW_STR("11100000000013338W011");
    o.agency.credit_code = LW_STR("11330105002500287C");
    expect_fault(&o, LW_E_VALUE, "number", "another agency");
}

static void holders_have_codes_and_roles_and_are_there_once(void **state)
{
    (void)state;
    struct order o;
    init(&o);
    o.license.holder_count = 0;
    expect_fault(&o, LW_E_VALUE, "holders", "1 to 16");
    o.license.holder_count = WALLET_HOLDERS_MAX + 1;
    expect_fault(&o, LW_E_VALUE, "holders", "1 to 16");
    init(&o);
    o.license.holders[1].role = LW_STR("guest");
    expect_fault(&o, LW_E_VALUE, "holders[1].role", "no such role");
    init(&o);
    o.license.holders[0].code = LW_STR("");
    expect_fault(&o, LW_E_VALUE, "holders[0].code", "not a valid");
    init(&o);
    o.license.holders[1].code_type = LW_STR("001"); /* its check character would be wrong */
    expect_fault(&o, LW_E_VALUE, "holders[1].code", "not a valid");
    init(&o);
    o.license.holders[1].role = LW_STR("owner");
    expect_fault(&o, LW_E_VALUE, "holders[1]", "twice");
}

static void claims_are_of_the_type_once_and_whole(void **state)
{
    (void)state;
    struct order o;
    init(&o);
    o.license.claims[0] = o.license.claims[1];
    o.license.claim_count = 1;
    expect_fault(&o, LW_E_VALUE, "claims.legal.name", "required");
    init(&o);
    o.license.claims[2] = o.license.claims[0];
    o.license.claim_count = 3;
    expect_fault(&o, LW_E_VALUE, "claims.legal.name", "twice");
    init(&o);
    o.license.claims[2] = (struct wallet_claim){.def = COUNT, .value = item("\x61x", 2)};
    o.license.claim_count = 3;
    expect_fault(&o, LW_E_VALUE, "claims.count", "kind");
    init(&o);
    o.license.claims[2] = (struct wallet_claim){.def = CLAIMS, .value = item("\x01", 1)};
    o.license.claim_count = 3;
    expect_fault(&o, LW_E_VALUE, "claims[2]", "no such claim");
    init(&o);
    o.license.claim_count = WALLET_CLAIMS_MAX + 1;
    struct wallet_issue_fault faults[FAULTS];
    size_t count = 0;
    assert_int_equal(issue(&o, faults, &count).code, LW_E_VALUE);
    assert_string_equal(faults[0].field, "claims");
}

static void times_are_in_order_and_sane(void **state)
{
    static const int64_t from_1900 = -2208988800;
    static const int64_t to_9999 = 253402300799;
    (void)state;
    struct order o;
    init(&o);
    o.license.claim_count = 1; /* no claim to compare with */
    o.license.valid_until = o.license.valid_from;
    expect_fault(&o, LW_E_VALUE, "valid_until", "before it begins");
    o.license.valid_from = from_1900 - 1;
    o.license.valid_until = NOW;
    expect_fault(&o, LW_E_VALUE, "valid_from", "outside");
    o.license.valid_from = NOW + 3653 * (int64_t)LW_DAY_S + 1;
    o.license.valid_until = INT64_MAX;
    expect_fault(&o, LW_E_VALUE, "valid_from", "ten years");
    o.license.valid_from = NOW;
    o.license.valid_until = to_9999 + 1;
    expect_fault(&o, LW_E_VALUE, "valid_until", "outside");
    o.license.valid_until = INT64_MIN;
    expect_fault(&o, LW_E_VALUE, "valid_until", "outside");
    o.license.valid_until = INT64_MAX;
    o.license.issued_at = INT64_MIN;
    expect_fault(&o, LW_E_VALUE, "issued", "outside");
    struct wallet_issue_fault faults[FAULTS];
    size_t count = 0;
    o.license.issued_at = to_9999;
    o.license.valid_from = from_1900;
    o.license.valid_until = to_9999;
    assert_int_equal(issue(&o, faults, &count).code, LW_OK);
    o.license.valid_from = NOW + 3653 * (int64_t)LW_DAY_S;
    o.license.valid_until = INT64_MAX;
    assert_int_equal(issue(&o, faults, &count).code, LW_OK);
}

/* The claim says 2026-11-19: the license may end as that day begins or as it ends. */
static void the_claim_that_ends_it_and_its_end_agree(void **state)
{
    static const int64_t day = 20776;
    static const struct {
        int64_t until;
        bool good;
    } cases[] = {
        {day * LW_DAY_S - 1, false},   {day * LW_DAY_S, true},
        {(day + 1) * LW_DAY_S, true},  {(day + 2) * LW_DAY_S - 1, true},
        {(day + 2) * LW_DAY_S, false}, {INT64_MAX, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct order o;
        struct wallet_issue_fault faults[FAULTS];
        size_t count = 0;
        init(&o);
        o.license.valid_until = cases[i].until;
        assert_int_equal(issue(&o, faults, &count).code, cases[i].good ? LW_OK : LW_E_VALUE);
        if (!cases[i].good) {
            assert_string_equal(faults[0].field, "claims.until");
        }
    }
}

static void only_the_claim_that_ends_it_is_compared(void **state)
{
    (void)state;
    struct order o;
    struct wallet_issue_fault faults[FAULTS];
    size_t count = 0;
    init(&o);
    o.type.claims[COUNT].kind = WALLET_KIND_DATE; /* another date, long past */
    o.license.claims[2] = (struct wallet_claim){.def = COUNT, .value = item("\xd8\x64\x01", 3)};
    o.license.claim_count = 3;
    assert_int_equal(issue(&o, faults, &count).code, LW_OK);
    init(&o);
    o.type.validity_claim = COUNT; /* a number ends nothing */
    o.license.claims[2] = (struct wallet_claim){.def = COUNT, .value = item("\x01", 1)};
    o.license.claim_count = 3;
    assert_int_equal(issue(&o, faults, &count).code, LW_OK);
    init(&o);
    o.type.validity_claim = SIZE_MAX; /* and no claim is not a claim of no definition */
    o.license.claims[2] = (struct wallet_claim){.def = SIZE_MAX, .value = item("\x01", 1)};
    o.license.claim_count = 3;
    expect_fault(&o, LW_E_VALUE, "claims[2]", "no such claim");
}

static void all_faults_are_found_as_far_as_there_is_room(void **state)
{
    (void)state;
    struct order o;
    struct wallet_issue_fault faults[FAULTS];
    init(&o);
    o.license.number = LW_STR("");
    o.license.holder_count = 0;
    o.license.claim_count = 0;
    for (size_t room = 0; room <= FAULTS; room++) {
        size_t count = room;
        assert_int_equal(
            wallet_policy_issue(&o.type, &o.agency, &o.license, NOW, faults, &count).code,
            LW_E_VALUE);
        assert_int_equal(count, room < 3 ? room : 3);
    }
    assert_string_equal(faults[0].field, "number");
    assert_string_equal(faults[1].field, "holders");
    assert_string_equal(faults[2].field, "claims.legal.name");
}

static lw_err credential(const struct order *o, enum wallet_state state,
                         enum wallet_format_bit format, const struct wallet_pass_def *pass,
                         struct wallet_credential_times *times)
{
    return wallet_policy_credential(&o->type, &o->license, state, format, pass, NOW, times);
}

/* NOW is 2026-11-19 11:06:40. */
static void a_credential_lives_its_days_or_to_the_licenses_end(void **state)
{
    static const int64_t midnight = (int64_t)20776 * LW_DAY_S;
    (void)state;
    struct order o;
    struct wallet_credential_times times;
    init(&o);
    o.license.valid_until = INT64_MAX;
    assert_int_equal(credential(&o, WALLET_ACTIVE, WALLET_FORMAT_BIT_SDCWT, NULL, &times).code,
                     LW_OK);
    assert_int_equal(times.iat, midnight);
    assert_int_equal(times.exp, midnight + 30 * LW_DAY_S);
    o.license.valid_until = NOW + 1;
    assert_int_equal(credential(&o, WALLET_ACTIVE, WALLET_FORMAT_BIT_SDCWT, NULL, &times).code,
                     LW_OK);
    assert_int_equal(times.exp, NOW + 1);
    o.license.valid_until = INT64_MAX;
    assert_int_equal(
        credential(&o, WALLET_ACTIVE, WALLET_FORMAT_BIT_SDCWT, &o.type.passes[0], &times).code,
        LW_OK);
    assert_int_equal(times.iat, midnight + 11 * LW_HOUR_S);
    assert_int_equal(times.exp, midnight + 15 * LW_HOUR_S);
}

static void a_credential_is_made_of_an_active_license_only(void **state)
{
    static const struct {
        enum wallet_state state;
        const char *why;
    } cases[] = {
        {WALLET_SUSPENDED, "suspended"},    {WALLET_REVOKED, "revoked"},
        {WALLET_CANCELLED, "cancelled"},    {WALLET_SUPERSEDED, "superseded"},
        {(enum wallet_state)0, "no known"},
    };
    (void)state;
    struct order o;
    struct wallet_credential_times times;
    init(&o);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const lw_err err = credential(&o, cases[i].state, WALLET_FORMAT_BIT_SDCWT, NULL, &times);
        assert_int_equal(err.code, LW_E_DENIED);
        assert_non_null(strstr(err.why, cases[i].why));
    }
    o.license.valid_until = NOW;
    lw_err err = credential(&o, WALLET_ACTIVE, WALLET_FORMAT_BIT_SDCWT, NULL, &times);
    assert_int_equal(err.code, LW_E_EXPIRED);
    assert_non_null(strstr(err.why, "expired"));
    init(&o);
    o.license.valid_from = NOW + 1;
    err = credential(&o, WALLET_ACTIVE, WALLET_FORMAT_BIT_SDCWT, NULL, &times);
    assert_int_equal(err.code, LW_E_EXPIRED);
    assert_non_null(strstr(err.why, "not begun"));
    o.license.valid_from = NOW;
    assert_int_equal(credential(&o, WALLET_ACTIVE, WALLET_FORMAT_BIT_SDCWT, NULL, &times).code,
                     LW_OK);
}

static void a_format_or_pass_that_the_type_has_not_is_refused(void **state)
{
    (void)state;
    struct order o;
    struct order other;
    struct wallet_credential_times times;
    init(&o);
    init(&other);
    assert_int_equal(credential(&o, WALLET_ACTIVE, WALLET_FORMAT_BIT_SDJWT, NULL, &times).code,
                     LW_E_UNSUPPORTED);
    assert_int_equal(
        credential(&o, WALLET_ACTIVE, WALLET_FORMAT_BIT_SDCWT, &other.type.passes[0], &times).code,
        LW_E_UNSUPPORTED);
    assert_int_equal(
        credential(&o, WALLET_ACTIVE, WALLET_FORMAT_BIT_SDCWT, &o.type.passes[1], &times).code,
        LW_E_UNSUPPORTED); /* 25 hours */
    o.type.passes[0].hours = 0;
    assert_int_equal(
        credential(&o, WALLET_ACTIVE, WALLET_FORMAT_BIT_SDCWT, &o.type.passes[0], &times).code,
        LW_E_UNSUPPORTED);
    o.type.passes[0].hours = 1;
    o.type.formats |= WALLET_FORMAT_BIT_SDJWT;
    assert_int_equal(
        credential(&o, WALLET_ACTIVE, WALLET_FORMAT_BIT_SDJWT, &o.type.passes[0], &times).code,
        LW_E_UNSUPPORTED); /* passes are SD-CWT */
    assert_int_equal(
        credential(&o, WALLET_ACTIVE, WALLET_FORMAT_BIT_SDCWT, &o.type.passes[0], &times).code,
        LW_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_order_may_be_issued),
        cmocka_unit_test(only_an_agency_of_the_type_issues_it),
        cmocka_unit_test(an_image_is_of_its_media_and_size),
        cmocka_unit_test(a_number_is_plain_and_not_empty),
        cmocka_unit_test(a_gbt36904_number_fits_type_and_agency),
        cmocka_unit_test(holders_have_codes_and_roles_and_are_there_once),
        cmocka_unit_test(claims_are_of_the_type_once_and_whole),
        cmocka_unit_test(times_are_in_order_and_sane),
        cmocka_unit_test(the_claim_that_ends_it_and_its_end_agree),
        cmocka_unit_test(only_the_claim_that_ends_it_is_compared),
        cmocka_unit_test(all_faults_are_found_as_far_as_there_is_room),
        cmocka_unit_test(a_credential_is_made_of_an_active_license_only),
        cmocka_unit_test(a_credential_lives_its_days_or_to_the_licenses_end),
        cmocka_unit_test(a_format_or_pass_that_the_type_has_not_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
