/*
 * The journal of imports.
 *
 *   import         id
 *       ->  [1, number, type, issuer, register, actor, state, part, file hash, map hash,
 *            [9 counts], batches, issued, first id, last id, begun, updated, shift days,
 *            voided by, why, when]
 *
 *   import-number  number     ->  [1, id]
 *
 *   import-batch   id, batch  ->  [1, issued, at, first id, last id]
 */
#include "wallet/store_journal.h"

#include "hsm/digest.h"
#include "row.h"

enum {
    FIELDS = 20,
    COUNTS = 9,
    BATCH_FIELDS = 4,
    VALUE_MAX = 4096,
    ID_TEXT_MAX = 64,
    PARTS_MAX = 8,
};

const char *wallet_import_state_name(enum wallet_import_state state)
{
    static const char *const names[] = {"",       "running", "done",     "voiding",
                                        "voided", "waiting", "rejected", "expired"};
    return names[state];
}

lw_err wallet_import_id(const lw_bytes *parts, size_t count, uint8_t id[WALLET_IMPORT_ID_LEN])
{
    uint8_t lengths[PARTS_MAX][8];
    lw_bytes framed[2 * PARTS_MAX];
    if (count == 0 || count > PARTS_MAX) {
        return LW_FAIL(LW_E_MISUSE, "journal: an import of no or too many parts", LW_NOWHERE);
    }
    for (size_t i = 0; i < count; i++) { /* framed, so that "ab","c" is not "a","bc" */
        wallet_key_put_u64(lengths[i], parts[i].len);
        framed[2 * i] = LW_BYTES(lengths[i]);
        framed[2 * i + 1] = parts[i];
    }
    return hsm_sha256_parts(framed, 2 * count, id);
}

static lw_bytes id_key(const uint8_t id[WALLET_IMPORT_ID_LEN])
{
    return (lw_bytes){.ptr = id, .len = WALLET_IMPORT_ID_LEN};
}

/* The counts in the order in which they are kept. */
static void list_counts(struct wallet_import_counts *c, uint64_t *list[COUNTS])
{
    uint64_t *const all[COUNTS] = {&c->rows, &c->good,   &c->bad,  &c->fresh,  &c->changed,
                                   &c->same, &c->states, &c->gone, &c->revoked};
    memcpy(list, all, sizeof(all));
}

static lw_err encode_counts(const struct wallet_import_record *record, lw_buf *out)
{
    struct wallet_import_counts counts = record->counts;
    uint64_t *list[COUNTS];
    list_counts(&counts, list);
    LW_TRY(wallet_cbor_put_array(out, COUNTS));
    for (size_t i = 0; i < COUNTS; i++) {
        LW_TRY(wallet_cbor_put_uint(out, *list[i]));
    }
    return LW_SUCCESS;
}

static lw_err encode_what(const struct wallet_import_record *record, lw_buf *out)
{
    LW_TRY(wallet_stored_begin(out, 1, FIELDS));
    LW_TRY(wallet_cbor_put_uint(out, record->number));
    LW_TRY(wallet_cbor_put_text(out, lw_str_c(record->type)));
    LW_TRY(wallet_cbor_put_text(out, lw_str_c(record->issuer)));
    LW_TRY(wallet_cbor_put_text(out, lw_str_c(record->register_name)));
    LW_TRY(wallet_cbor_put_text(out, lw_str_c(record->actor)));
    LW_TRY(wallet_cbor_put_uint(out, (uint64_t)record->state));
    LW_TRY(wallet_cbor_put_uint(out, record->part ? 1 : 0));
    LW_TRY(wallet_cbor_put_bytes(out, LW_BYTES(record->file_hash)));
    return wallet_cbor_put_bytes(out, LW_BYTES(record->map_hash));
}

static lw_err encode(const struct wallet_import_record *record, lw_buf *out)
{
    LW_TRY(encode_what(record, out));
    LW_TRY(encode_counts(record, out));
    LW_TRY(wallet_cbor_put_uint(out, record->batches));
    LW_TRY(wallet_cbor_put_uint(out, record->issued));
    LW_TRY(wallet_cbor_put_bytes(out, LW_BYTES(record->first)));
    LW_TRY(wallet_cbor_put_bytes(out, LW_BYTES(record->last)));
    LW_TRY(wallet_cbor_put_int(out, record->begun));
    LW_TRY(wallet_cbor_put_int(out, record->updated));
    LW_TRY(wallet_cbor_put_int(out, record->shift_days));
    LW_TRY(wallet_cbor_put_text(out, lw_str_c(record->voided_by)));
    LW_TRY(wallet_cbor_put_text(out, lw_str_c(record->void_reason)));
    return wallet_cbor_put_int(out, record->voided);
}

static void parse_counts(struct wallet_cbor *r, struct wallet_import_record *record)
{
    uint64_t *list[COUNTS];
    list_counts(&record->counts, list);
    const size_t count = wallet_cbor_array(r);
    for (size_t i = 0; i < COUNTS && i < count; i++) {
        *list[i] = wallet_cbor_uint(r);
    }
}

static lw_err parse(const uint8_t id[WALLET_IMPORT_ID_LEN], lw_bytes value,
                    struct wallet_import_record *record)
{
    struct wallet_cbor r;
    LW_TRY(wallet_row_open(value, FIELDS, &r));
    memmove(record->id, id, WALLET_IMPORT_ID_LEN);
    record->number = wallet_cbor_uint(&r);
    wallet_row_read_text(&r, ID_TEXT_MAX, record->type);
    wallet_row_read_text(&r, ID_TEXT_MAX, record->issuer);
    wallet_row_read_text(&r, ID_TEXT_MAX, record->register_name);
    wallet_row_read_text(&r, WALLET_IMPORT_ACTOR_MAX, record->actor);
    record->state = (enum wallet_import_state)wallet_row_read_uint(&r, WALLET_IMPORT_EXPIRED);
    record->part = wallet_row_read_uint(&r, 1) == 1;
    wallet_row_read_fixed(&r, record->file_hash, sizeof(record->file_hash));
    wallet_row_read_fixed(&r, record->map_hash, sizeof(record->map_hash));
    parse_counts(&r, record);
    record->batches = wallet_cbor_uint(&r);
    record->issued = wallet_cbor_uint(&r);
    wallet_row_read_fixed(&r, record->first, sizeof(record->first));
    wallet_row_read_fixed(&r, record->last, sizeof(record->last));
    record->begun = wallet_cbor_int(&r);
    record->updated = wallet_cbor_int(&r);
    record->shift_days = wallet_cbor_int(&r);
    wallet_row_read_text(&r, WALLET_IMPORT_ACTOR_MAX, record->voided_by);
    wallet_row_read_text(&r, WALLET_IMPORT_REASON_MAX, record->void_reason);
    record->voided = wallet_cbor_int(&r);
    LW_TRY(wallet_stored_end(&r));
    if (record->state == 0) {
        return LW_FAIL(LW_E_CORRUPT, "journal: an import without a state", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

lw_err wallet_store_import_get(const struct wallet_txn *txn, const uint8_t id[WALLET_IMPORT_ID_LEN],
                               struct wallet_import_record *record)
{
    lw_bytes value = {0};
    LW_TRY(wallet_txn_get(txn, WALLET_KS_IMPORT, id_key(id), &value));
    return parse(id, value, record);
}

static lw_err write_record(struct wallet_txn *txn, const struct wallet_import_record *record)
{
    LW_AUTO_BUF value = LW_BUF(VALUE_MAX);
    LW_TRY(encode(record, &value));
    return wallet_txn_put(txn, WALLET_KS_IMPORT, id_key(record->id), lw_buf_view(&value));
}

static bool counts_fit(const struct wallet_import_counts *c)
{
    return c->good <= c->rows && c->bad <= c->rows - c->good && c->fresh <= c->good &&
           c->changed <= c->good - c->fresh && c->same <= c->good - c->fresh - c->changed &&
           c->states <= c->same && c->revoked <= c->gone;
}

static lw_err check(const struct wallet_import_record *record)
{
    const lw_str actor = lw_str_c(record->actor);
    const lw_str name = lw_str_c(record->register_name);
    if (!wallet_row_text_ok(lw_str_c(record->type), ID_TEXT_MAX) ||
        !wallet_row_text_ok(lw_str_c(record->issuer), ID_TEXT_MAX) ||
        (name.len > 0 && !wallet_row_text_ok(name, ID_TEXT_MAX)) ||
        (actor.len > 0 && !wallet_row_text_ok(actor, WALLET_IMPORT_ACTOR_MAX))) {
        return LW_FAIL(LW_E_VALUE, "journal: type, issuer, register or actor is no plain text",
                       LW_NOWHERE);
    }
    if (!counts_fit(&record->counts)) {
        return LW_FAIL(LW_E_VALUE, "journal: counts of rows that do not fit", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

static lw_err next_number(const struct wallet_txn *txn, uint64_t *number)
{
    lw_bytes key = {0};
    lw_bytes value = {0};
    WALLET_AUTO_SCAN scan = wallet_scan_back(txn, WALLET_KS_IMPORT_NUMBER, (lw_bytes){0});
    *number = 1;
    if (wallet_scan_next(&scan, &key, &value)) {
        if (key.len != sizeof(uint64_t)) {
            return LW_FAIL(LW_E_CORRUPT, "journal: a key is not a number", LW_NOWHERE);
        }
        *number = wallet_key_u64(key.ptr) + 1;
    }
    return scan.err;
}

static lw_err insert(struct wallet_txn *txn, struct wallet_import_record *record,
                     enum wallet_import_state state)
{
    struct wallet_row_key key = {0};
    LW_AUTO_BUF ref = LW_BUF(VALUE_MAX);
    LW_TRY(next_number(txn, &record->number));
    record->state = state;
    record->batches = 0;
    record->issued = 0;
    memset(record->first, 0, sizeof(record->first));
    memset(record->last, 0, sizeof(record->last));
    record->updated = record->begun;
    record->voided_by[0] = '\0';
    record->void_reason[0] = '\0';
    record->voided = 0;
    wallet_row_key_u64(&key, record->number);
    LW_TRY(wallet_stored_begin(&ref, 1, 1));
    LW_TRY(wallet_cbor_put_bytes(&ref, id_key(record->id)));
    LW_TRY(wallet_txn_append(txn, WALLET_KS_IMPORT_NUMBER, wallet_row_key_view(&key),
                             lw_buf_view(&ref)));
    return write_record(txn, record);
}

lw_err wallet_store_import_begin(struct wallet_txn *txn, struct wallet_import_record *record,
                                 bool *resumed)
{
    struct wallet_import_record kept;
    LW_TRY(check(record));
    const lw_err err = wallet_store_import_get(txn, record->id, &kept);
    *resumed = err.code == LW_OK;
    if (err.code == LW_E_NOT_FOUND) {
        return insert(txn, record, WALLET_IMPORT_RUNNING);
    }
    LW_TRY(err);
    if (kept.state != WALLET_IMPORT_RUNNING || strcmp(kept.type, record->type) != 0 ||
        strcmp(kept.issuer, record->issuer) != 0 ||
        strcmp(kept.register_name, record->register_name) != 0) {
        return LW_FAIL(LW_E_CONFLICT, "journal: another import under the same id", LW_NOWHERE);
    }
    *record = kept;
    return LW_SUCCESS;
}

lw_err wallet_store_import_wait(struct wallet_txn *txn, struct wallet_import_record *record)
{
    struct wallet_import_record kept;
    LW_TRY(check(record));
    const lw_err err = wallet_store_import_get(txn, record->id, &kept);
    if (err.code == LW_E_NOT_FOUND) {
        return insert(txn, record, WALLET_IMPORT_WAITING);
    }
    LW_TRY(err);
    if (kept.state != WALLET_IMPORT_WAITING) {
        return LW_FAIL(LW_E_CONFLICT, "journal: the import does not wait any more", LW_NOWHERE);
    }
    record->number = kept.number;
    record->begun = kept.begun;
    record->state = WALLET_IMPORT_WAITING;
    return write_record(txn, record);
}

lw_err wallet_store_import_decide(struct wallet_txn *txn, const uint8_t id[WALLET_IMPORT_ID_LEN],
                                  enum wallet_import_state to, int64_t now)
{
    struct wallet_import_record record;
    LW_TRY(wallet_store_import_get(txn, id, &record));
    if (record.state != WALLET_IMPORT_WAITING) {
        return LW_FAIL(LW_E_CONFLICT, "journal: the import does not wait (any more)", LW_NOWHERE);
    }
    record.state = to;
    record.updated = now;
    return write_record(txn, &record);
}

static lw_err read_ref(lw_bytes value, uint8_t id[WALLET_IMPORT_ID_LEN])
{
    struct wallet_cbor r;
    LW_TRY(wallet_row_open(value, 1, &r));
    wallet_row_read_fixed(&r, id, WALLET_IMPORT_ID_LEN);
    return wallet_stored_end(&r);
}

lw_err wallet_store_import_find(const struct wallet_txn *txn, uint64_t number,
                                struct wallet_import_record *record)
{
    struct wallet_row_key key = {0};
    uint8_t id[WALLET_IMPORT_ID_LEN];
    lw_bytes value = {0};
    wallet_row_key_u64(&key, number);
    LW_TRY(wallet_txn_get(txn, WALLET_KS_IMPORT_NUMBER, wallet_row_key_view(&key), &value));
    LW_TRY(read_ref(value, id));
    return wallet_store_import_get(txn, id, record);
}

struct import_page {
    const struct wallet_txn *txn;
    struct wallet_import_record *records;
};

static lw_err take_import(void *ctx, size_t i, lw_bytes key, lw_bytes value, bool *take)
{
    const struct import_page *page = ctx;
    uint8_t id[WALLET_IMPORT_ID_LEN];
    (void)key;
    (void)take;
    LW_TRY(read_ref(value, id));
    return wallet_store_import_get(page->txn, id, &page->records[i]);
}

static lw_err import_page(struct import_page *to, bool back, struct wallet_page *page,
                          size_t *count)
{
    const struct wallet_row_list list = {.txn = to->txn,
                                         .ks = WALLET_KS_IMPORT_NUMBER,
                                         .back = back,
                                         .entry = take_import,
                                         .ctx = to};
    return wallet_row_page(&list, page, count);
}

lw_err wallet_store_import_page(const struct wallet_txn *txn, struct wallet_page *page,
                                struct wallet_import_record *records, size_t *count)
{
    struct import_page to = {.txn = txn, .records = records};
    return import_page(&to, false, page, count);
}

lw_err wallet_store_import_newest(const struct wallet_txn *txn, struct wallet_page *page,
                                  struct wallet_import_record *records, size_t *count)
{
    struct import_page to = {.txn = txn, .records = records};
    return import_page(&to, true, page, count);
}

static struct wallet_row_key batch_key(const uint8_t id[WALLET_IMPORT_ID_LEN], uint64_t batch)
{
    struct wallet_row_key key = {0};
    wallet_row_key_put(&key, id_key(id));
    wallet_row_key_u64(&key, batch);
    return key;
}

static lw_err insert_batch(struct wallet_txn *txn, const uint8_t id[WALLET_IMPORT_ID_LEN],
                           const struct wallet_import_batch *batch)
{
    const struct wallet_row_key key = batch_key(id, batch->batch);
    LW_AUTO_BUF value = LW_BUF(VALUE_MAX);
    LW_TRY(wallet_stored_begin(&value, 1, BATCH_FIELDS));
    LW_TRY(wallet_cbor_put_uint(&value, batch->issued));
    LW_TRY(wallet_cbor_put_int(&value, batch->at));
    LW_TRY(wallet_cbor_put_bytes(&value, LW_BYTES(batch->first)));
    LW_TRY(wallet_cbor_put_bytes(&value, LW_BYTES(batch->last)));
    return wallet_txn_insert(txn, WALLET_KS_IMPORT_BATCH, wallet_row_key_view(&key),
                             lw_buf_view(&value));
}

/* Widens the bounds between which the import's licenses lie. */
static void include(struct wallet_import_record *record, const uint8_t first[16],
                    const uint8_t last[16])
{
    if (record->issued == 0 || memcmp(first, record->first, sizeof(record->first)) < 0) {
        memcpy(record->first, first, sizeof(record->first));
    }
    if (record->issued == 0 || memcmp(last, record->last, sizeof(record->last)) > 0) {
        memcpy(record->last, last, sizeof(record->last));
    }
}

lw_err wallet_store_import_batch_put(struct wallet_txn *txn, const uint8_t id[WALLET_IMPORT_ID_LEN],
                                     const struct wallet_import_batch *batch)
{
    struct wallet_import_record record;
    LW_TRY(wallet_store_import_get(txn, id, &record));
    if (batch->issued == 0 || record.state != WALLET_IMPORT_RUNNING) {
        return LW_FAIL(LW_E_VALUE, "journal: an empty batch, or of an import that is not running",
                       LW_NOWHERE);
    }
    if (batch->batch != record.batches) {
        return LW_FAIL(LW_E_CONFLICT, "journal: another batch is to come now", LW_NOWHERE);
    }
    LW_TRY(insert_batch(txn, id, batch));
    include(&record, batch->first, batch->last);
    record.batches++;
    record.issued += batch->issued;
    record.updated = batch->at;
    return write_record(txn, &record);
}

lw_err wallet_store_import_adopt(struct wallet_txn *txn, uint64_t number, const uint8_t license[16])
{
    struct wallet_import_record record;
    LW_TRY(wallet_store_import_find(txn, number, &record));
    include(&record, license, license);
    record.issued++;
    return write_record(txn, &record);
}

lw_err wallet_store_import_end(struct wallet_txn *txn, const uint8_t id[WALLET_IMPORT_ID_LEN],
                               int64_t now)
{
    struct wallet_import_record record;
    LW_TRY(wallet_store_import_get(txn, id, &record));
    if (record.state != WALLET_IMPORT_RUNNING) {
        return LW_FAIL(LW_E_CONFLICT, "journal: the import is not running", LW_NOWHERE);
    }
    record.state = WALLET_IMPORT_DONE;
    record.updated = now;
    return write_record(txn, &record);
}

static const char *void_text_fault(const struct wallet_import_void *by)
{
    if (by->actor.len > 0 && !wallet_row_text_ok(by->actor, WALLET_IMPORT_ACTOR_MAX)) {
        return "journal: the actor is no plain text";
    }
    return wallet_row_text_ok(by->reason, WALLET_IMPORT_REASON_MAX)
               ? NULL
               : "journal: the reason is missing, too long or no plain text";
}

lw_err wallet_store_import_void(struct wallet_txn *txn, uint64_t number,
                                const struct wallet_import_void *by,
                                struct wallet_import_record *record)
{
    const char *fault = void_text_fault(by);
    LW_TRY(wallet_store_import_find(txn, number, record));
    if (fault != NULL) {
        return LW_FAIL(LW_E_VALUE, fault, LW_NOWHERE);
    }
    switch (record->state) {
    case WALLET_IMPORT_VOIDED:
        return LW_FAIL(LW_E_CONFLICT, "journal: the import is voided already", LW_NOWHERE);
    case WALLET_IMPORT_VOIDING:
        return LW_SUCCESS;
    case WALLET_IMPORT_WAITING:
    case WALLET_IMPORT_REJECTED:
    case WALLET_IMPORT_EXPIRED:
        return LW_FAIL(LW_E_CONFLICT, "journal: the import was never carried out", LW_NOWHERE);
    case WALLET_IMPORT_RUNNING:
    case WALLET_IMPORT_DONE:
        break;
    }
    record->state = WALLET_IMPORT_VOIDING;
    record->voided = by->now;
    record->updated = by->now;
    memcpy(record->voided_by, by->actor.ptr, by->actor.len);
    record->voided_by[by->actor.len] = '\0';
    memcpy(record->void_reason, by->reason.ptr, by->reason.len);
    record->void_reason[by->reason.len] = '\0';
    return write_record(txn, record);
}

lw_err wallet_store_import_void_end(struct wallet_txn *txn, uint64_t number, int64_t now)
{
    struct wallet_import_record record;
    LW_TRY(wallet_store_import_find(txn, number, &record));
    if (record.state != WALLET_IMPORT_VOIDING) {
        return LW_FAIL(LW_E_CONFLICT, "journal: the import is not being voided", LW_NOWHERE);
    }
    record.state = WALLET_IMPORT_VOIDED;
    record.updated = now;
    return write_record(txn, &record);
}

static lw_err take_batch(void *ctx, size_t i, lw_bytes key, lw_bytes value, bool *take)
{
    struct wallet_import_batch *batches = ctx;
    struct wallet_cbor r;
    (void)take;
    if (key.len != WALLET_IMPORT_ID_LEN + sizeof(uint64_t)) {
        return LW_FAIL(LW_E_CORRUPT, "journal: a batch's key is not of its form", LW_NOWHERE);
    }
    LW_TRY(wallet_row_open(value, BATCH_FIELDS, &r));
    batches[i].batch = wallet_key_u64(key.ptr + WALLET_IMPORT_ID_LEN);
    batches[i].issued = wallet_cbor_uint(&r);
    batches[i].at = wallet_cbor_int(&r);
    wallet_row_read_fixed(&r, batches[i].first, sizeof(batches[i].first));
    wallet_row_read_fixed(&r, batches[i].last, sizeof(batches[i].last));
    return wallet_stored_end(&r);
}

lw_err wallet_store_import_batch_page(const struct wallet_txn *txn,
                                      const uint8_t id[WALLET_IMPORT_ID_LEN],
                                      struct wallet_page *page, struct wallet_import_batch *batches,
                                      size_t *count)
{
    const struct wallet_row_list list = {.txn = txn,
                                         .ks = WALLET_KS_IMPORT_BATCH,
                                         .prefix = id_key(id),
                                         .entry = take_batch,
                                         .ctx = batches};
    return wallet_row_page(&list, page, count);
}
