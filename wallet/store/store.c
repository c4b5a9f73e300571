#define _POSIX_C_SOURCE 200809L

#include "wallet/store.h"

#include <stdlib.h>

#include "store_internal.h"
#include "wallet/audit.h"

enum { RECORD_VERSION = 1, VALUE_MAX = 1024 };

static const char record_key[] = "store";
static const char generation_key[] = "generation";

static lw_bytes key_of(const char *name)
{
    return lw_str_bytes(lw_str_c(name));
}

static lw_err read_record(const struct wallet_txn *txn, uint8_t id[WALLET_STORE_ID_LEN])
{
    lw_bytes value = {0};
    struct wallet_cbor r;
    LW_TRY(wallet_txn_get(txn, WALLET_KS_META, key_of(record_key), &value));
    const lw_err newer =
        LW_FAIL(LW_E_UNSUPPORTED, "store: made by a newer version of this program", LW_NOWHERE);
    const lw_err err = wallet_stored_open(value, RECORD_VERSION, &r, NULL, NULL);
    if (err.code == LW_E_UNSUPPORTED) {
        return newer;
    }
    LW_TRY(err);
    const uint64_t schema = wallet_cbor_uint(&r);
    const lw_bytes stored_id = wallet_cbor_bytes(&r);
    (void)wallet_cbor_int(&r); /* when it was made */
    if (wallet_cbor_ok(&r) && schema > WALLET_SCHEMA) {
        return newer;
    }
    LW_TRY(wallet_stored_end(&r));
    if (schema == 0 || stored_id.len != WALLET_STORE_ID_LEN) {
        return LW_FAIL(LW_E_CORRUPT, "store: its own record makes no sense", LW_NOWHERE);
    }
    memcpy(id, stored_id.ptr, WALLET_STORE_ID_LEN);
    return LW_SUCCESS;
}

static lw_err find_record(struct wallet_store *store)
{
    WALLET_AUTO_TXN txn = NULL;
    LW_TRY(wallet_read_begin(store, &txn));
    return read_record(txn, store->id);
}

static lw_err write_record(struct wallet_txn *txn, void *ctx)
{
    struct wallet_store *store = ctx;
    const int64_t now = lw_now(store->clock);
    LW_AUTO_BUF value = LW_BUF(VALUE_MAX);
    LW_TRY(lw_rng_fill(store->rng, store->id, sizeof(store->id)));
    LW_TRY(wallet_stored_begin(&value, RECORD_VERSION, 3));
    LW_TRY(wallet_cbor_put_uint(&value, WALLET_SCHEMA));
    LW_TRY(wallet_cbor_put_bytes(&value, LW_BYTES(store->id)));
    LW_TRY(wallet_cbor_put_int(&value, now));
    LW_TRY(wallet_txn_insert(txn, WALLET_KS_META, key_of(record_key), lw_buf_view(&value)));
    /* The id is no subject: a random key among those in order of time leaves their pages half full.
     */
    LW_AUTO_BUF detail = LW_BUF(VALUE_MAX);
    LW_TRY(wallet_cbor_put_bytes(&detail, LW_BYTES(store->id)));
    const struct wallet_audit_event event = {
        .time = now, .kind = WALLET_AUDIT_STORE_CREATED, .detail = lw_buf_view(&detail)};
    return wallet_audit_append(txn, &event, NULL);
}

static lw_err make_record(struct wallet_store *store)
{
    const lw_err exists = LW_FAIL(LW_E_CONFLICT, "store: there is one already", LW_NOWHERE);
    const lw_err found = find_record(store);
    if (found.code != LW_E_NOT_FOUND) {
        return found.code == LW_OK || found.code == LW_E_UNSUPPORTED ? exists : found;
    }
    LW_TRY(store->ops->prepare(store->engine));
    const lw_err err = wallet_store_write(store, write_record, store);
    return err.code == LW_E_CONFLICT ? exists : err; /* another process was faster */
}

static lw_err take_record(struct wallet_store *store)
{
    const lw_err err = find_record(store);
    if (err.code == LW_E_NOT_FOUND) {
        return LW_FAIL(LW_E_NOT_FOUND, "store: its creation was not finished", LW_NOWHERE);
    }
    LW_TRY(err);
    return store->ops->prepare(store->engine);
}

static lw_err start(const char *dir, const struct wallet_store_options *options, bool create,
                    struct wallet_store *store)
{
    const struct wallet_engine_config config = {
        .dir = dir,
        .map_size = options->map_size,
        .reads_all = options->reads_all,
        .create = create,
        .fatal = options->fatal,
        .fatal_ctx = options->fatal_ctx,
    };
    LW_TRY(wallet_seal_init(&store->seal, options->rng));
    LW_TRY(wallet_writer_new(store, options->queue_max, options->batch_max, &store->writer));
    /* cppcheck-suppress returnDanglingLifetime ; an error holds no address of the call's */
    LW_TRY(store->ops->open(&config, &store->engine));
    return create ? make_record(store) : take_record(store);
}

static lw_err open_store(const char *dir, const struct wallet_store_options *options, bool create,
                         struct wallet_store **store)
{
    struct wallet_store *s = calloc(1, sizeof(*s));
    if (s == NULL || pthread_mutex_init(&s->id_lock, NULL) != 0) {
        free(s);
        return LW_FAIL(LW_E_NOMEM, "store: out of memory", LW_NOWHERE);
    }
    s->ops = &wallet_engine_lmdb;
    s->clock = options->clock;
    s->rng = options->rng;
    const lw_err err = start(dir, options, create, s);
    if (err.code != LW_OK) {
        wallet_store_close(s);
        return err;
    }
    *store = s;
    return LW_SUCCESS;
}

lw_err wallet_store_create(const char *dir, const struct wallet_store_options *options,
                           struct wallet_store **store)
{
    return open_store(dir, options, true, store);
}

lw_err wallet_store_open(const char *dir, const struct wallet_store_options *options,
                         struct wallet_store **store)
{
    return open_store(dir, options, false, store);
}

void wallet_store_close(struct wallet_store *store)
{
    if (store == NULL) {
        return;
    }
    wallet_writer_free(store->writer);
    if (store->engine != NULL) {
        store->ops->close(store->engine);
    }
    wallet_seal_free(&store->seal);
    (void)pthread_mutex_destroy(&store->id_lock);
    free(store);
}

unsigned wallet_store_schema(void)
{
    return WALLET_SCHEMA;
}

const uint8_t *wallet_store_id(const struct wallet_store *store)
{
    return store->id;
}

lw_err wallet_store_health(const struct wallet_store *store)
{
    return store->ops->health(store->engine);
}

const struct wallet_seal_ctx *wallet_store_seal_ctx(const struct wallet_store *store)
{
    return &store->seal;
}

lw_err wallet_store_stat(struct wallet_store *store, struct wallet_store_stat *stat)
{
    struct wallet_engine_stat s = {0};
    /* cppcheck-suppress returnDanglingLifetime ; likewise */
    LW_TRY(store->ops->stat(store->engine, &s));
    *stat = (struct wallet_store_stat){.entries = s.entries,
                                       .used_bytes = s.used_bytes,
                                       .free_bytes = s.free_bytes,
                                       .map_bytes = s.map_bytes,
                                       .readers = s.readers,
                                       .commit = s.commit,
                                       .oldest_reader_pid = s.oldest_reader_pid};
    if (s.oldest_reader_pid != 0 && s.commit > s.oldest_reader) {
        stat->oldest_reader_lag = s.commit - s.oldest_reader;
    }
    _Static_assert((int)WALLET_KS_COUNT <= (int)WALLET_SPACES_MAX, "room for every keyspace");
    for (size_t i = 0; i < WALLET_KS_COUNT; i++) {
        stat->spaces[stat->space_count++] =
            (struct wallet_store_space){.name = wallet_ks((enum wallet_keyspace)i)->name,
                                        .entries = s.keyspace[i].entries,
                                        .bytes = s.keyspace[i].bytes};
    }
    return LW_SUCCESS;
}

lw_err wallet_store_defer_sync(struct wallet_store *store, bool yes)
{
    return store->ops->defer(store->engine, yes);
}

lw_err wallet_store_tend(struct wallet_store *store, unsigned *cleared)
{
    return store->ops->tend(store->engine, cleared);
}

lw_err wallet_store_own(struct wallet_store *store)
{
    return store->ops->own(store->engine);
}

lw_err wallet_store_generation(const struct wallet_txn *txn, uint64_t *generation)
{
    lw_bytes value = {0};
    struct wallet_cbor r;
    const lw_err err = wallet_txn_get(txn, WALLET_KS_META, key_of(generation_key), &value);
    if (err.code == LW_E_NOT_FOUND) {
        *generation = 0;
        return LW_SUCCESS;
    }
    LW_TRY(err);
    LW_TRY(wallet_stored_open(value, RECORD_VERSION, &r, NULL, NULL));
    *generation = wallet_cbor_uint(&r);
    return wallet_stored_end(&r);
}

lw_err wallet_store_touch(struct wallet_txn *txn)
{
    uint64_t generation = 0;
    LW_AUTO_BUF value = LW_BUF(VALUE_MAX);
    LW_TRY(wallet_store_generation(txn, &generation));
    LW_TRY(wallet_stored_begin(&value, RECORD_VERSION, 1));
    LW_TRY(wallet_cbor_put_uint(&value, generation + 1));
    return wallet_txn_put(txn, WALLET_KS_META, key_of(generation_key), lw_buf_view(&value));
}

/* 48 bits of milliseconds, a counter of 26 bits, 48 random bits; version and variant between. */
enum { COUNTER_BITS = 26, COUNTER_LOW_BITS = 14, UUID_LEN = 16, UUID_RANDOM_AT = 10 };

static lw_err next_tick(struct wallet_store *store, int64_t *ms, uint32_t *counter)
{
    const int64_t now_ms = lw_now(store->clock) * 1000;
    uint8_t seed[4];
    LW_TRY(lw_rng_fill(store->rng, seed, sizeof(seed)));
    if (now_ms <= store->id_ms && store->id_counter + 1 < 1u << COUNTER_BITS) {
        store->id_counter++;
    } else {
        /* The highest bit is left to count into. */
        store->id_ms = now_ms > store->id_ms ? now_ms : store->id_ms + 1;
        store->id_counter = ((uint32_t)seed[0] << 24 | (uint32_t)seed[1] << 16 |
                             (uint32_t)seed[2] << 8 | seed[3]) >>
                            (32 - COUNTER_BITS + 1);
    }
    *ms = store->id_ms;
    *counter = store->id_counter;
    return LW_SUCCESS;
}

lw_err wallet_store_new_id(struct wallet_store *store, uint8_t id[16])
{
    int64_t ms = 0;
    uint32_t counter = 0;
    uint8_t u[UUID_LEN];
    LW_TRY(lw_rng_fill(store->rng, u + UUID_RANDOM_AT, UUID_LEN - UUID_RANDOM_AT));
    pthread_mutex_lock(&store->id_lock);
    const lw_err err = next_tick(store, &ms, &counter);
    pthread_mutex_unlock(&store->id_lock);
    LW_TRY(err);
    for (unsigned i = 0; i < 6; i++) {
        u[i] = (uint8_t)((uint64_t)ms >> (40 - 8 * i));
    }
    const uint32_t high = counter >> COUNTER_LOW_BITS;
    const uint32_t low = counter & ((1u << COUNTER_LOW_BITS) - 1);
    u[6] = (uint8_t)(0x70 | high >> 8);
    u[7] = (uint8_t)high;
    u[8] = (uint8_t)(0x80 | low >> 8);
    u[9] = (uint8_t)low;
    memcpy(id, u, UUID_LEN);
    return LW_SUCCESS;
}
