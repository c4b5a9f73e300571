/* The documents of docs/example-city hold, each by itself and all together. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bytes.h"
#include "wallet/csv.h"
#include "wallet/license_type.h"
#include "wallet/person.h"

#define CITY LW_SOURCE_DIR "/docs/example-city/"

enum { DOCS_MAX = 16, TEXT_MAX = 1 << 20, PATH_LEN = 512, ERRORS = 8 };

struct city {
    struct wallet_agency_doc *agencies[DOCS_MAX];
    size_t agency_count;
    struct wallet_type_doc *types[DOCS_MAX];
    size_t type_count;
};

static void read_agency(struct city *city, lw_bytes json, struct wallet_doc_error *errors,
                        size_t *count)
{
    assert_int_equal(
        wallet_agency_read(json, &city->agencies[city->agency_count++], errors, count).code, LW_OK);
}

static void read_type(struct city *city, lw_bytes json, struct wallet_doc_error *errors,
                      size_t *count)
{
    const lw_err err =
        wallet_license_type_read(json, &city->types[city->type_count++], errors, count);
    for (size_t i = 0; i < *count; i++) {
        print_error("%s %s\n", errors[i].pointer, errors[i].what);
    }
    assert_int_equal(err.code, LW_OK);
}

typedef void read_one(struct city *city, lw_bytes json, struct wallet_doc_error *errors,
                      size_t *count);

/* Reads each document of a folder; its file is named after its id. */
static void read_folder(struct city *city, const char *folder, read_one *read)
{
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        char path[PATH_LEN];
        LW_AUTO_BUF json = LW_BUF(TEXT_MAX);
        struct wallet_doc_error errors[ERRORS];
        size_t count = ERRORS;
        if (entry->d_name[0] == '.') {
            continue;
        }
        assert_true(snprintf(path, sizeof(path), "%s%s", folder, entry->d_name) <
                    (int)sizeof(path));
        support_read_file(path, &json);
        read(city, lw_buf_view(&json), errors, &count);
    }
    (void)closedir(dir);
}

static int set_up(void **state)
{
    struct city *city = calloc(1, sizeof(*city));
    assert_non_null(city);
    read_folder(city, CITY "agencies/", read_agency);
    read_folder(city, CITY "license-types/", read_type);
    *state = city;
    return 0;
}

static int tear_down(void **state)
{
    struct city *city = *state;
    for (size_t i = 0; i < city->agency_count; i++) {
        wallet_agency_free(city->agencies[i]);
    }
    for (size_t i = 0; i < city->type_count; i++) {
        wallet_license_type_free(city->types[i]);
    }
    free(city);
    return 0;
}

static const struct wallet_agency *find_agency(const struct city *city, lw_str id)
{
    for (size_t i = 0; i < city->agency_count; i++) {
        if (lw_str_eq(wallet_agency_of(city->agencies[i])->id, id)) {
            return wallet_agency_of(city->agencies[i]);
        }
    }
    return NULL;
}

static const struct wallet_license_type *find_type(const struct city *city, lw_str id)
{
    for (size_t i = 0; i < city->type_count; i++) {
        if (lw_str_eq(wallet_license_type_of(city->types[i])->id, id)) {
            return wallet_license_type_of(city->types[i]);
        }
    }
    return NULL;
}

static bool has(const lw_str *list, size_t count, lw_str one)
{
    for (size_t i = 0; i < count; i++) {
        if (lw_str_eq(list[i], one)) {
            return true;
        }
    }
    return false;
}

static void every_document_reads(void **state)
{
    const struct city *city = *state;
    assert_int_equal(city->agency_count, 6);
    assert_int_equal(city->type_count, 7);
}

static void agencies_and_types_name_each_other(void **state)
{
    const struct city *city = *state;
    size_t keepers = 0;
    for (size_t i = 0; i < city->agency_count; i++) {
        const struct wallet_agency *agency = wallet_agency_of(city->agencies[i]);
        keepers += agency->keeper ? 1 : 0;
        for (size_t k = 0; k < agency->issue_count; k++) {
            const struct wallet_license_type *type = find_type(city, agency->issues[k]);
            assert_non_null(type);
            assert_true(has(type->issuers, type->issuer_count, agency->id));
        }
    }
    assert_int_equal(keepers, 1);
    for (size_t i = 0; i < city->type_count; i++) {
        const struct wallet_license_type *type = wallet_license_type_of(city->types[i]);
        for (size_t k = 0; k < type->issuer_count; k++) {
            const struct wallet_agency *agency = find_agency(city, type->issuers[k]);
            assert_non_null(agency);
            assert_true(has(agency->issues, agency->issue_count, type->id));
        }
        assert_true(type->pass_count > 0);
        assert_int_equal(type->credential_days, 30);
    }
}

static void no_key_has_two_meanings(void **state)
{
    const struct city *city = *state;
    for (size_t i = 0; i < city->type_count; i++) {
        for (size_t k = 0; k < city->type_count; k++) {
            struct wallet_doc_error error;
            assert_false(wallet_license_type_clashes(wallet_license_type_of(city->types[i]),
                                                     wallet_license_type_of(city->types[k]),
                                                     &error));
        }
    }
}

static void types_that_contradict_each_other_are_told_apart(void **state)
{
    const struct city *city = *state;
    const struct wallet_license_type *given = find_type(city, LW_STR("business-license"));
    struct wallet_license_type *bent = malloc(sizeof(*bent));
    struct wallet_doc_error error;
    assert_non_null(bent);
    *bent = *given;
    assert_false(wallet_license_type_clashes(bent, given, &error));
    bent->vct = LW_STR("urn:other");
    assert_true(wallet_license_type_clashes(bent, given, &error)); /* a version of the same */
    assert_string_equal(error.pointer, "/vct");
    bent->vct = given->vct;
    bent->id = LW_STR("other");
    assert_true(wallet_license_type_clashes(bent, given, &error));
    assert_string_equal(error.pointer, "/vct");
    bent->vct = LW_STR("urn:other");
    assert_false(wallet_license_type_clashes(bent, given, &error));
    bent->claims[2].kind = WALLET_KIND_DATE;
    assert_true(wallet_license_type_clashes(bent, given, &error));
    assert_string_equal(error.pointer, "/claims/2/cwt_key");
    bent->claims[2] = given->claims[2];
    bent->claims[3].path[0] = LW_STR("kind");
    assert_true(wallet_license_type_clashes(bent, given, &error));
    assert_string_equal(error.pointer, "/claims/3/cwt_key");
    bent->claims[3] = given->claims[3];
    bent->claims[1].depth = 2;
    bent->claims[1].path[1] = LW_STR("more");
    assert_true(wallet_license_type_clashes(bent, given, &error));
    assert_string_equal(error.pointer, "/claims/1/cwt_key");
    free(bent);
}

/* ISO/IEC 18013-5 table 5, the elements that are mandatory (specs list them). */
static void the_driving_license_has_the_elements_of_an_mdl(void **state)
{
    static const char *const elements[] = {"family_name",
                                           "given_name",
                                           "birth_date",
                                           "issue_date",
                                           "expiry_date",
                                           "issuing_country",
                                           "issuing_authority",
                                           "document_number",
                                           "portrait",
                                           "driving_privileges",
                                           "un_distinguishing_sign"};
    const struct wallet_license_type *type = find_type(*state, LW_STR("driving-license"));
    assert_non_null(type);
    assert_true(lw_str_is(type->doctype, "org.iso.18013.5.1.mDL"));
    for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++) {
        size_t found = 0;
        for (size_t k = 0; k < type->claim_count; k++) {
            found += lw_str_is(type->claims[k].mdoc_element, elements[i]) &&
                             lw_str_is(type->claims[k].mdoc_namespace, "org.iso.18013.5.1")
                         ? 1
                         : 0;
        }
        assert_int_equal(found, 1);
    }
}

static void the_citys_people_have_codes_that_hold(void **state)
{
    (void)state;
    LW_AUTO_BUF text = LW_BUF(TEXT_MAX);
    struct wallet_csv *csv = NULL;
    struct wallet_csv_row row;
    size_t line = 0;
    size_t people = 0;
    support_read_file(CITY "people.csv", &text);
    assert_int_equal(wallet_csv_open(&csv, lw_buf_view(&text), WALLET_CSV_UTF8, &line).code, LW_OK);
    const size_t holder = wallet_csv_column(csv, LW_STR("holder"));
    assert_int_equal(holder, 0);
    assert_int_equal(wallet_csv_column(csv, LW_STR("name")), 1);
    while (wallet_csv_next(csv, &row).code == LW_OK) {
        struct wallet_person_code code;
        assert_int_equal(wallet_person_parse(row.cells[holder], &code).code, LW_OK);
        people++;
    }
    assert_int_equal(people, 13);
    wallet_csv_free(csv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_document_reads),
        cmocka_unit_test(agencies_and_types_name_each_other),
        cmocka_unit_test(no_key_has_two_meanings),
        cmocka_unit_test(types_that_contradict_each_other_are_told_apart),
        cmocka_unit_test(the_driving_license_has_the_elements_of_an_mdl),
        cmocka_unit_test(the_citys_people_have_codes_that_hold),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
