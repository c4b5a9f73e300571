/* The authority's certificate, CRLs, trust lists; catalogue documents in versions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "records.h"
#include "wallet/store_catalog.h"
#include "wallet/store_key.h"

static int make(void **state)
{
    static struct support_store f;
    support_store_make(&f);
    *state = &f;
    return 0;
}

static int drop(void **state)
{
    support_store_drop(*state);
    return 0;
}

enum { SUPPORT_BASIS = 77 };

static lw_bytes text(const char *s)
{
    return lw_str_bytes(lw_str_c(s));
}

static lw_err put_ca(struct wallet_txn *txn, void *ctx)
{
    return wallet_store_ca_put(txn, *(const lw_bytes *)ctx);
}

static lw_err put_crl(struct wallet_txn *txn, void *ctx)
{
    return wallet_store_crl_put(txn, LW_STR("ca-1"), ctx);
}

static lw_err put_list(struct wallet_txn *txn, void *ctx)
{
    return wallet_store_trust_list_put(txn, ctx);
}

static lw_code put(struct support_store *f, wallet_write_fn *fn, uint64_t version,
                   const char *bytes)
{
    struct wallet_signed_doc doc = {.version = version,
                                    .iat = SUPPORT_NOW,
                                    .exp = SUPPORT_NOW + 1,
                                    .basis = SUPPORT_BASIS,
                                    .bytes = text(bytes)};
    return wallet_store_write(f->store, fn, &doc).code;
}

static uint64_t generation(const struct support_store *f)
{
    uint64_t n = 0;
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_generation(txn, &n).code, LW_OK);
    return n;
}

static void the_authoritys_certificate_is_kept(void **state)
{
    struct support_store *f = *state;
    static uint8_t large[WALLET_CERT_STORE_MAX + 1];
    lw_bytes der = {0};
    const lw_bytes tries[] = {text("one"), text("two")};
    {
        WALLET_AUTO_TXN txn = NULL;
        assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
        assert_int_equal(wallet_store_ca_get(txn, &der).code, LW_E_NOT_FOUND);
    }
    for (size_t i = 0; i < 2; i++) {
        lw_bytes in = tries[i];
        const uint64_t before = generation(f);
        support_store_write(f, put_ca, &in);
        assert_true(generation(f) != before);
        WALLET_AUTO_TXN txn = NULL;
        assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
        assert_int_equal(wallet_store_ca_get(txn, &der).code, LW_OK);
        assert_true(lw_bytes_eq(der, in));
    }
    lw_bytes bad = {0};
    assert_int_equal(wallet_store_write(f->store, put_ca, &bad).code, LW_E_VALUE);
    bad = LW_BYTES(large);
    assert_int_equal(wallet_store_write(f->store, put_ca, &bad).code, LW_E_LIMIT);
}

static void the_number_of_a_crl_only_rises(void **state)
{
    struct support_store *f = *state;
    struct wallet_signed_doc crl;
    assert_int_equal(put(f, put_crl, 2, "two"), LW_OK);
    assert_int_equal(put(f, put_crl, 2, "two"), LW_E_CONFLICT);
    assert_int_equal(put(f, put_crl, 1, "one"), LW_E_CONFLICT);
    assert_int_equal(put(f, put_crl, 5, "five"), LW_OK);
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_crl_get(txn, LW_STR("ca-1"), &crl).code, LW_OK);
    assert_int_equal(crl.version, 5);
    assert_int_equal(crl.iat, SUPPORT_NOW);
    assert_int_equal(crl.exp, SUPPORT_NOW + 1);
    assert_int_equal(crl.basis, SUPPORT_BASIS);
    assert_true(lw_bytes_eq(crl.bytes, text("five")));
    assert_int_equal(wallet_store_crl_get(txn, LW_STR("ca-2"), &crl).code, LW_E_NOT_FOUND);
    assert_int_equal(wallet_store_crl_get(txn, LW_STR(""), &crl).code, LW_E_NOT_FOUND);
}

static const uint8_t pin[32] = {1, 2, 3};

static lw_err put_bridge(struct wallet_txn *txn, void *ctx)
{
    return wallet_store_bridge_put(txn, pin, ctx);
}

static lw_err drop_bridge(struct wallet_txn *txn, void *ctx)
{
    (void)ctx;
    return wallet_store_bridge_drop(txn, pin);
}

static void the_last_list_of_a_succeeded_key_is_found_by_its_pin_until_it_is_dropped(void **state)
{
    struct support_store *f = *state;
    struct wallet_signed_doc list;
    assert_int_equal(put(f, put_bridge, 4, "four"), LW_OK);
    assert_int_equal(put(f, put_bridge, 0, "none"), LW_E_VALUE);
    {
        const uint8_t other[32] = {1, 2, 4};
        WALLET_AUTO_TXN txn = NULL;
        assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
        assert_int_equal(wallet_store_bridge_get(txn, pin, &list).code, LW_OK);
        assert_int_equal(list.version, 4);
        assert_true(lw_bytes_eq(list.bytes, text("four")));
        assert_int_equal(wallet_store_bridge_get(txn, other, &list).code, LW_E_NOT_FOUND);
    }
    support_store_write(f, drop_bridge, NULL);
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_bridge_get(txn, pin, &list).code, LW_E_NOT_FOUND);
}

static void equal_versions_of_a_trust_list_mean_equal_bytes(void **state)
{
    struct support_store *f = *state;
    struct wallet_signed_doc list;
    assert_int_equal(put(f, put_list, 3, "three"), LW_OK);
    const uint64_t before = generation(f);
    assert_int_equal(put(f, put_list, 3, "three"), LW_OK);
    assert_int_equal(generation(f), before);
    assert_int_equal(put(f, put_list, 3, "other"), LW_E_CONFLICT);
    assert_int_equal(put(f, put_list, 2, "two"), LW_E_CONFLICT);
    assert_int_equal(put(f, put_list, 256, "many"), LW_OK);
    assert_int_equal(put(f, put_list, 3, "three"), LW_E_CONFLICT); /* no longer the newest */
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_trust_list_get(txn, 0, &list).code, LW_OK);
    assert_int_equal(list.version, 256);
    assert_int_equal(wallet_store_trust_list_get(txn, 3, &list).code, LW_OK);
    assert_true(lw_bytes_eq(list.bytes, text("three")));
    assert_int_equal(wallet_store_trust_list_get(txn, 4, &list).code, LW_E_NOT_FOUND);
}

static void documents_that_make_no_sense_are_refused(void **state)
{
    struct support_store *f = *state;
    static uint8_t large[WALLET_CRL_MAX + 1];
    wallet_write_fn *const puts[] = {put_crl, put_list};
    for (size_t i = 0; i < 2; i++) {
        struct wallet_signed_doc doc = {.version = 1, .iat = 2, .exp = 1, .bytes = text("x")};
        assert_int_equal(wallet_store_write(f->store, puts[i], &doc).code, LW_E_VALUE);
        doc.exp = 2;
        doc.version = 0;
        assert_int_equal(wallet_store_write(f->store, puts[i], &doc).code, LW_E_VALUE);
        doc.version = 1;
        doc.bytes = (lw_bytes){0};
        assert_int_equal(wallet_store_write(f->store, puts[i], &doc).code, LW_E_VALUE);
        doc.bytes = LW_BYTES(large);
        assert_int_equal(wallet_store_write(f->store, puts[i], &doc).code, LW_E_LIMIT);
    }
    struct wallet_signed_doc none;
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_crl_get(txn, LW_STR("ca-1"), &none).code, LW_E_NOT_FOUND);
    assert_int_equal(wallet_store_trust_list_get(txn, 0, &none).code, LW_E_NOT_FOUND);
}

struct load {
    enum wallet_doc_kind kind;
    struct wallet_doc doc;
    uint64_t stored;
    bool changed;
};

static lw_err put_doc(struct wallet_txn *txn, void *ctx)
{
    struct load *l = ctx;
    return wallet_store_doc_put(txn, l->kind, &l->doc, &l->stored, &l->changed);
}

static struct load load(struct support_store *f, enum wallet_doc_kind kind, const char *id,
                        uint64_t version, const char *json, lw_code expected)
{
    struct load l = {.kind = kind,
                     .doc = {.version = version, .loaded = SUPPORT_NOW, .json = text(json)}};
    (void)snprintf(l.doc.id, sizeof(l.doc.id), "%s", id);
    assert_int_equal(wallet_store_write(f->store, put_doc, &l).code, expected);
    return l;
}

static void assert_doc(const struct support_store *f, enum wallet_doc_kind kind, const char *id,
                       uint64_t asked, uint64_t version, const char *json)
{
    struct wallet_doc doc;
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_doc_get(txn, kind, lw_str_c(id), asked, &doc).code, LW_OK);
    assert_string_equal(doc.id, id);
    assert_int_equal(doc.version, version);
    assert_int_equal(doc.loaded, SUPPORT_NOW);
    assert_true(lw_bytes_eq(doc.json, text(json)));
}

static void a_document_counts_up_and_equal_bytes_change_nothing(void **state)
{
    struct support_store *f = *state;
    const enum wallet_doc_kind kind = WALLET_DOC_LICENSE_TYPE;
    uint64_t before = generation(f);
    assert_true(load(f, kind, "food", 4, "{4}", LW_OK).changed); /* the first may be any */
    assert_true(generation(f) != before);
    before = generation(f);
    const struct load same = load(f, kind, "food", 4, "{4}", LW_OK);
    assert_false(same.changed);
    assert_int_equal(same.stored, 4);
    assert_int_equal(generation(f), before);
    (void)load(f, kind, "food", 4, "{other}", LW_E_CONFLICT);
    (void)load(f, kind, "food", 3, "{3}", LW_E_CONFLICT);
    (void)load(f, kind, "food", 6, "{6}", LW_E_CONFLICT);
    (void)load(f, kind, "food", 5, "{4}", LW_OK); /* the same bytes under the next number */
    assert_doc(f, kind, "food", 0, 5, "{4}");
    assert_true(load(f, kind, "food", 6, "{6}", LW_OK).changed);
    assert_doc(f, kind, "food", 0, 6, "{6}");
    assert_doc(f, kind, "food", 4, 4, "{4}");
}

static void documents_without_versions_are_counted_by_the_store(void **state)
{
    struct support_store *f = *state;
    assert_int_equal(load(f, WALLET_DOC_AGENCY, "city", 0, "{a}", LW_OK).stored, 1);
    assert_int_equal(load(f, WALLET_DOC_AGENCY, "city", 0, "{b}", LW_OK).stored, 2);
    const struct load same = load(f, WALLET_DOC_AGENCY, "city", 0, "{b}", LW_OK);
    assert_int_equal(same.stored, 2);
    assert_false(same.changed);
    assert_doc(f, WALLET_DOC_AGENCY, "city", 0, 2, "{b}");
}

static void kinds_and_ids_that_begin_alike_are_kept_apart(void **state)
{
    struct support_store *f = *state;
    struct wallet_doc doc;
    (void)load(f, WALLET_DOC_AGENCY, "a", 0, "{agency a}", LW_OK);
    (void)load(f, WALLET_DOC_AGENCY, "ab", 0, "{agency ab}", LW_OK);
    (void)load(f, WALLET_DOC_SERVICE_ITEM, "a", 0, "{item a}", LW_OK);
    assert_doc(f, WALLET_DOC_AGENCY, "a", 0, 1, "{agency a}");
    assert_doc(f, WALLET_DOC_SERVICE_ITEM, "a", 0, 1, "{item a}");
    char over[WALLET_DOC_ID_MAX + 1];
    memset(over, 'a', sizeof(over));
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_doc_get(txn, WALLET_DOC_LICENSE_TYPE, LW_STR("a"), 0, &doc).code,
                     LW_E_NOT_FOUND);
    assert_int_equal(wallet_store_doc_get(txn, WALLET_DOC_AGENCY, LW_STR("a"), 2, &doc).code,
                     LW_E_NOT_FOUND);
    assert_int_equal(wallet_store_doc_get(txn, WALLET_DOC_AGENCY, (lw_str){0}, 0, &doc).code,
                     LW_E_NOT_FOUND);
    assert_int_equal(
        wallet_store_doc_get(txn, WALLET_DOC_AGENCY, (lw_str){over, sizeof(over)}, 0, &doc).code,
        LW_E_NOT_FOUND);
}

static void a_document_without_id_or_bytes_or_too_large_is_refused(void **state)
{
    struct support_store *f = *state;
    static uint8_t large[WALLET_DOC_MAX + 1];
    struct load l = {.kind = WALLET_DOC_AGENCY, .doc = {.id = "a", .json = LW_BYTES(large)}};
    (void)load(f, WALLET_DOC_AGENCY, "", 0, "{}", LW_E_VALUE);
    (void)load(f, WALLET_DOC_AGENCY, "a\x01", 0, "{}", LW_E_VALUE);
    (void)load(f, WALLET_DOC_AGENCY, "a", 0, "", LW_E_VALUE);
    assert_int_equal(wallet_store_write(f->store, put_doc, &l).code, LW_E_LIMIT);
    l.doc.json.len--;
    assert_int_equal(wallet_store_write(f->store, put_doc, &l).code, LW_OK);
}

static void the_current_documents_are_listed_page_by_page(void **state)
{
    struct support_store *f = *state;
    static const char *const ids[] = {"a", "ab", "b", "b-c", "c"};
    for (size_t i = 0; i < 5; i++) {
        for (uint64_t v = 1; v <= 1 + i % 3; v++) {
            char json[48];
            (void)snprintf(json, sizeof(json), "{%zu.%u}", i, (unsigned)v);
            (void)load(f, WALLET_DOC_LICENSE_TYPE, ids[i], v, json, LW_OK);
        }
    }
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    for (size_t room = 1; room <= 6; room++) {
        struct wallet_doc docs[6];
        struct wallet_page page = {.len = 0};
        size_t total = 0;
        while (!page.end) {
            size_t count = room;
            assert_int_equal(
                wallet_store_doc_page(txn, WALLET_DOC_LICENSE_TYPE, &page, docs, &count).code,
                LW_OK);
            assert_true(count == room || page.end);
            for (size_t i = 0; i < count; i++, total++) {
                assert_string_equal(docs[i].id, ids[total]);
                assert_int_equal(docs[i].version, 1 + total % 3);
            }
        }
        assert_int_equal(total, 5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_authoritys_certificate_is_kept, make, drop),
        cmocka_unit_test_setup_teardown(the_number_of_a_crl_only_rises, make, drop),
        cmocka_unit_test_setup_teardown(
            the_last_list_of_a_succeeded_key_is_found_by_its_pin_until_it_is_dropped, make, drop),
        cmocka_unit_test_setup_teardown(equal_versions_of_a_trust_list_mean_equal_bytes, make,
                                        drop),
        cmocka_unit_test_setup_teardown(documents_that_make_no_sense_are_refused, make, drop),
        cmocka_unit_test_setup_teardown(a_document_counts_up_and_equal_bytes_change_nothing, make,
                                        drop),
        cmocka_unit_test_setup_teardown(documents_without_versions_are_counted_by_the_store, make,
                                        drop),
        cmocka_unit_test_setup_teardown(kinds_and_ids_that_begin_alike_are_kept_apart, make, drop),
        cmocka_unit_test_setup_teardown(a_document_without_id_or_bytes_or_too_large_is_refused,
                                        make, drop),
        cmocka_unit_test_setup_teardown(the_current_documents_are_listed_page_by_page, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
