/*
 * What a license takes on disk, with its indexes and its log entry: 20,000 licenses of ten claims,
 * stored as an import does it, in batches with the intents of the next batch ahead.
 */
#include "wallet/store_license.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "hsm/rng.h"
#include "records.h"
#include "wallet/audit.h"
#include "wallet/cbor.h"
#include "wallet/record.h"

enum { LICENSES = 20000, BATCH = 1000, CLAIMS = 10, TARGET = 1536 };

static const char *const values[CLAIMS] = {
    "RETAIL FOOD ESTABLISHMENT",
    "1010",
    "2354 N CLYBOURN AVE 1ST",
    "MARIANO'S FRESH MARKET",
    "CHICAGO",
    "IL",
    "60614",
    "ROUNDY'S INC",
    "Sale of Food Prepared Onsite",
    "N/A",
};

struct work {
    struct support_store store;
    struct wallet_license_type type;
    lw_buf items;
    uint8_t person[WALLET_UUID_LEN];
    unsigned first; /* of the batch */
    struct wallet_intent intents[2][BATCH];
    size_t record_len;
};

static void number_of(unsigned i, char text[32])
{
    (void)snprintf(text, 32, "%u", 1000000 + i);
}

static void prepare_intents(struct work *w, unsigned first, struct wallet_intent *intents)
{
    for (unsigned i = 0; i < BATCH; i++) {
        char number[32];
        number_of(first + i, number);
        const struct support_license what = {
            .number = number, .version = number, .version_is_key = true, .import = 1};
        support_intent(&w->store, &what, &intents[i]);
    }
}

static void fill(struct work *w, const struct wallet_intent *intent, struct wallet_license *l)
{
    *l = (struct wallet_license){.type = lw_str_c(intent->type),
                                 .type_version = 1,
                                 .number = lw_str_c(intent->number),
                                 .version = lw_str_c(intent->version),
                                 .issuer = lw_str_c(intent->issuer),
                                 .holder_count = 1,
                                 .claim_count = CLAIMS,
                                 .issued_at = SUPPORT_NOW,
                                 .valid_from = SUPPORT_NOW,
                                 .valid_until = SUPPORT_NOW + 730 * LW_DAY_S};
    memcpy(l->id, intent->id, WALLET_UUID_LEN);
    l->holders[0] = (struct wallet_holder){.code_type = LW_STR("999"),
                                           .code = LW_STR("123456-1"),
                                           .role = LW_STR("licensee"),
                                           .name = LW_STR("ROUNDY'S SUPERMARKETS, INC.")};
    size_t at = 0;
    for (size_t i = 0; i < CLAIMS; i++) {
        struct wallet_cbor r = wallet_cbor_reader((lw_bytes){w->items.ptr + at, w->items.len - at});
        l->claims[i] = (struct wallet_claim){.def = i, .value = wallet_cbor_item(&r)};
        at += l->claims[i].value.len;
    }
    assert_int_equal(wallet_record_draw_salts(l, hsm_rng_system()).code, LW_OK);
}

static lw_err complete(struct wallet_txn *txn, struct work *w, const struct wallet_intent *intent)
{
    static const uint8_t kid[8] = {0};
    uint8_t signature[64];
    struct wallet_license l;
    LW_AUTO_BUF payload = LW_BUF(WALLET_RECORD_MAX);
    LW_AUTO_BUF record = LW_BUF(WALLET_RECORD_MAX);
    struct wallet_license_put put = {
        .license = &l, .persons = &w->person, .state = WALLET_ACTIVE, .since = SUPPORT_NOW};
    fill(w, intent, &l);
    LW_TRY(lw_rng_fill(hsm_rng_system(), signature, sizeof(signature)));
    LW_TRY(wallet_record_payload(&w->type, &l, &payload));
    LW_TRY(wallet_record_assemble(kid, lw_buf_view(&payload), LW_BYTES(signature), &record));
    w->record_len = record.len;
    put.record = lw_buf_view(&record);
    const struct wallet_audit_event event = {.time = SUPPORT_NOW,
                                             .kind = WALLET_AUDIT_LICENSE_ISSUED,
                                             .actor = LW_STR("operator"),
                                             .subject = LW_BYTES(intent->id)};
    LW_TRY(wallet_audit_append(txn, &event, &put.audit_index));
    return wallet_store_license_complete(txn, &put);
}

/* Stores one batch, with the intents of the next. */
static lw_err store_batch(struct wallet_txn *txn, void *ctx)
{
    struct work *w = ctx;
    const unsigned odd = w->first / BATCH % 2;
    for (unsigned i = 0; w->first + BATCH < LICENSES && i < BATCH; i++) {
        LW_TRY(wallet_store_license_reserve(txn, &w->intents[1 - odd][i]));
    }
    for (unsigned i = 0; i < BATCH; i++) {
        LW_TRY(complete(txn, w, &w->intents[odd][i]));
    }
    return LW_SUCCESS;
}

static lw_err reserve_first(struct wallet_txn *txn, void *ctx)
{
    const struct work *w = ctx;
    for (unsigned i = 0; i < BATCH; i++) {
        LW_TRY(wallet_store_license_reserve(txn, &w->intents[0][i]));
    }
    return LW_SUCCESS;
}

static uint64_t used(const struct work *w)
{
    struct wallet_store_stat stat;
    assert_int_equal(wallet_store_stat(w->store.store, &stat).code, LW_OK);
    return stat.used_bytes;
}

static void a_license_of_ten_claims_takes_at_most_a_kilobyte_and_a_half(void **state)
{
    static struct work w;
    (void)state;
    support_store_make(&w.store);
    support_unlock(&w.store);
    support_person(&w.store, 1, w.person);
    w.items = LW_BUF(4096);
    for (size_t i = 0; i < CLAIMS; i++) {
        w.type.claims[i].cwt_key = -70010 - (int64_t)i;
        assert_int_equal(wallet_cbor_put_text(&w.items, lw_str_c(values[i])).code, LW_OK);
    }
    w.type.claim_count = CLAIMS;
    const uint64_t before = used(&w);
    prepare_intents(&w, 0, w.intents[0]);
    support_store_write(&w.store, reserve_first, &w);
    for (w.first = 0; w.first < LICENSES; w.first += BATCH) {
        prepare_intents(&w, w.first + BATCH, w.intents[1 - w.first / BATCH % 2]);
        support_store_write(&w.store, store_batch, &w);
    }
    const uint64_t each = (used(&w) - before) / LICENSES;
    print_message(
        "%u licenses of %u claims: %u bytes each on disk, of which the signed record %u\n",
        LICENSES, CLAIMS, (unsigned)each, (unsigned)w.record_len);
    assert_int_equal(support_count(&w.store, "license"), LICENSES);
    assert_int_equal(support_count(&w.store, "intent"), 0);
    assert_true(each <= TARGET);
    lw_buf_free(&w.items);
    support_store_drop(&w.store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_license_of_ten_claims_takes_at_most_a_kilobyte_and_a_half),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
