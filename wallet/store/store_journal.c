/*
 * The journal of imports.
 *
 *   import         id         ->  the record
 *   import-number  number     ->  [1, id]
 *   import-batch   id, batch  ->  [1, rows, issued, at]
 */
#include "wallet/store_journal.h"

#include "hsm/digest.h"
#include "row.h"

enum {
    FIELDS = 15,
    BATCH_FIELDS = 3,
    VALUE_MAX = 1024,
    ID_TEXT_MAX = 64,
    PARTS_MAX = 8,
};

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

static lw_err encode(const struct wallet_import_record *record, lw_buf *out)
{
    LW_TRY(wallet_stored_begin(out, 1, FIELDS));
    LW_TRY(wallet_cbor_put_uint(out, record->number));
    LW_TRY(wallet_cbor_put_text(out, lw_str_c(record->type)));
    LW_TRY(wallet_cbor_put_text(out, lw_str_c(record->issuer)));
    LW_TRY(wallet_cbor_put_text(out, lw_str_c(record->actor)));
    LW_TRY(wallet_cbor_put_uint(out, (uint64_t)record->state));
    LW_TRY(wallet_cbor_put_uint(out, record->rows));
    LW_TRY(wallet_cbor_put_uint(out, record->good));
    LW_TRY(wallet_cbor_put_uint(out, record->bad));
    LW_TRY(wallet_cbor_put_uint(out, record->batch_size));
    LW_TRY(wallet_cbor_put_uint(out, record->batches));
    LW_TRY(wallet_cbor_put_uint(out, record->done));
    LW_TRY(wallet_cbor_put_uint(out, record->issued));
    LW_TRY(wallet_cbor_put_int(out, record->begun));
    LW_TRY(wallet_cbor_put_int(out, record->updated));
    return wallet_cbor_put_int(out, record->shift_days);
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
    wallet_row_read_text(&r, WALLET_IMPORT_ACTOR_MAX, record->actor);
    record->state = (enum wallet_import_state)wallet_row_read_uint(&r, WALLET_IMPORT_DONE);
    record->rows = wallet_cbor_uint(&r);
    record->good = wallet_cbor_uint(&r);
    record->bad = wallet_cbor_uint(&r);
    record->batch_size = (uint32_t)wallet_row_read_uint(&r, UINT32_MAX);
    record->batches = wallet_cbor_uint(&r);
    record->done = wallet_cbor_uint(&r);
    record->issued = wallet_cbor_uint(&r);
    record->begun = wallet_cbor_int(&r);
    record->updated = wallet_cbor_int(&r);
    record->shift_days = wallet_cbor_int(&r);
    LW_TRY(wallet_stored_end(&r));
    if (record->state == 0 || record->batch_size == 0) {
        return LW_FAIL(LW_E_CORRUPT, "journal: an import without state or batches", LW_NOWHERE);
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

static lw_err check(const struct wallet_import_record *record)
{
    const lw_str actor = lw_str_c(record->actor);
    if (!wallet_row_text_ok(lw_str_c(record->type), ID_TEXT_MAX) ||
        !wallet_row_text_ok(lw_str_c(record->issuer), ID_TEXT_MAX) ||
        (actor.len > 0 && !wallet_row_text_ok(actor, WALLET_IMPORT_ACTOR_MAX))) {
        return LW_FAIL(LW_E_VALUE, "journal: type, issuer or actor is no plain text", LW_NOWHERE);
    }
    if (record->batch_size == 0 || record->good > record->rows ||
        record->bad > record->rows - record->good) {
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

static lw_err insert(struct wallet_txn *txn, struct wallet_import_record *record)
{
    struct wallet_row_key key = {0};
    LW_AUTO_BUF ref = LW_BUF(VALUE_MAX);
    LW_TRY(next_number(txn, &record->number));
    record->state = record->good == 0 ? WALLET_IMPORT_DONE : WALLET_IMPORT_RUNNING;
    record->batches = 0;
    record->done = 0;
    record->issued = 0;
    record->updated = record->begun;
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
        return insert(txn, record);
    }
    LW_TRY(err);
    if (kept.rows != record->rows || kept.good != record->good || kept.bad != record->bad ||
        kept.batch_size != record->batch_size || strcmp(kept.type, record->type) != 0 ||
        strcmp(kept.issuer, record->issuer) != 0) {
        return LW_FAIL(LW_E_CONFLICT, "journal: another import under the same id", LW_NOWHERE);
    }
    *record = kept;
    return LW_SUCCESS;
}

struct import_page {
    const struct wallet_txn *txn;
    struct wallet_import_record *records;
};

static lw_err take_import(void *ctx, size_t i, lw_bytes key, lw_bytes value, bool *take)
{
    const struct import_page *page = ctx;
    uint8_t id[WALLET_IMPORT_ID_LEN];
    struct wallet_cbor r;
    (void)key;
    (void)take;
    LW_TRY(wallet_row_open(value, 1, &r));
    wallet_row_read_fixed(&r, id, sizeof(id));
    LW_TRY(wallet_stored_end(&r));
    return wallet_store_import_get(page->txn, id, &page->records[i]);
}

lw_err wallet_store_import_page(const struct wallet_txn *txn, struct wallet_page *page,
                                struct wallet_import_record *records, size_t *count)
{
    struct import_page to = {.txn = txn, .records = records};
    const struct wallet_row_list list = {
        .txn = txn, .ks = WALLET_KS_IMPORT_NUMBER, .entry = take_import, .ctx = &to};
    return wallet_row_page(&list, page, count);
}

static struct wallet_row_key batch_key(const uint8_t id[WALLET_IMPORT_ID_LEN], uint64_t batch)
{
    struct wallet_row_key key = {0};
    wallet_row_key_put(&key, id_key(id));
    wallet_row_key_u64(&key, batch);
    return key;
}

lw_err wallet_store_import_batch_done(const struct wallet_txn *txn,
                                      const uint8_t id[WALLET_IMPORT_ID_LEN], uint64_t batch,
                                      bool *done)
{
    const struct wallet_row_key key = batch_key(id, batch);
    return wallet_txn_has(txn, WALLET_KS_IMPORT_BATCH, wallet_row_key_view(&key), done);
}

/* How many good rows are in a batch; 0: there is no such batch. */
static uint64_t rows_of(const struct wallet_import_record *record, uint64_t batch)
{
    if (batch > record->good / record->batch_size) {
        return 0;
    }
    const uint64_t left = record->good - batch * record->batch_size;
    return left < record->batch_size ? left : record->batch_size;
}

static lw_err insert_batch(struct wallet_txn *txn, const uint8_t id[WALLET_IMPORT_ID_LEN],
                           const struct wallet_import_batch *batch)
{
    const struct wallet_row_key key = batch_key(id, batch->batch);
    LW_AUTO_BUF value = LW_BUF(VALUE_MAX);
    LW_TRY(wallet_stored_begin(&value, 1, BATCH_FIELDS));
    LW_TRY(wallet_cbor_put_uint(&value, batch->rows));
    LW_TRY(wallet_cbor_put_uint(&value, batch->issued));
    LW_TRY(wallet_cbor_put_int(&value, batch->at));
    return wallet_txn_insert(txn, WALLET_KS_IMPORT_BATCH, wallet_row_key_view(&key),
                             lw_buf_view(&value));
}

lw_err wallet_store_import_batch_put(struct wallet_txn *txn, const uint8_t id[WALLET_IMPORT_ID_LEN],
                                     uint64_t batch, uint64_t issued, int64_t now)
{
    struct wallet_import_record record;
    LW_TRY(wallet_store_import_get(txn, id, &record));
    const uint64_t rows = rows_of(&record, batch);
    if (rows == 0 || issued > rows) {
        return LW_FAIL(LW_E_VALUE, "journal: no such batch, or more issued than its rows",
                       LW_NOWHERE);
    }
    const struct wallet_import_batch entry = {
        .batch = batch, .rows = rows, .issued = issued, .at = now};
    LW_TRY(insert_batch(txn, id, &entry));
    record.batches++;
    record.done += rows;
    record.issued += issued;
    record.updated = now;
    record.state = record.done == record.good ? WALLET_IMPORT_DONE : WALLET_IMPORT_RUNNING;
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
    batches[i].rows = wallet_cbor_uint(&r);
    batches[i].issued = wallet_cbor_uint(&r);
    batches[i].at = wallet_cbor_int(&r);
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
