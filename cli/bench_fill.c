/*
 * A store filled with millions of licenses. This thread makes records; the store's writer keeps
 * the batch before, in one commit.
 */
#define _GNU_SOURCE

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench_large.h"
#include "hsm/digest.h"
#include "wallet/audit.h"
#include "wallet/record.h"
#include "wallet/store_credential.h"
#include "wallet/store_person.h"
#include "wallet/store_status.h"
#include "wallet/value.h"

enum {
    BATCH = 8000, /* a multiple of LARGE_PER_PERSON, so that a person's licenses are in one */
    SLOTS = 2,
    CLAIMS = 6,
    TEXT_MAX = 128,
    OWN_MAX = 2048,
    SIGNATURE_LEN = 64,
    CREDENTIAL_DAYS = 30,
    RANDOM_LEN = 4096,
};

struct item {
    struct wallet_license license;
    char number[LARGE_NUMBER_MAX];
    char name[TEXT_MAX];
    struct wallet_person_code who;
    uint8_t person[1][WALLET_UUID_LEN];
    size_t nth;
    lw_buf values;
    lw_buf record;
};

struct filler;
struct batch {
    struct filler *filler;
    struct item *items;
    size_t count;
    struct wallet_write write;
    bool busy; /* with the writer; guarded by the filler's lock */
};

/* Random bytes drawn in bulk. */
struct bulk_rng {
    const struct lw_rng *from;
    uint8_t bytes[RANDOM_LEN];
    size_t left;
};

struct filler {
    struct bench *b;
    const struct wallet_license_type *type;
    struct hsm_signer signer;
    int64_t now;
    struct batch slots[SLOTS];
    struct bulk_rng random;
    pthread_mutex_t lock;
    pthread_cond_t written;
};

void bench_fill_number(size_t n, char number[LARGE_NUMBER_MAX])
{
    (void)snprintf(number, LARGE_NUMBER_MAX, "L-%010zu", n);
}

void bench_fill_account(size_t n, char code[LARGE_NUMBER_MAX])
{
    (void)snprintf(code, LARGE_NUMBER_MAX, "P-%09zu", n);
}

static lw_err draw(void *ctx, uint8_t *out, size_t n)
{
    struct bulk_rng *random = ctx;
    if (n > random->left) {
        LW_TRY(lw_rng_fill(random->from, random->bytes, sizeof(random->bytes)));
        random->left = sizeof(random->bytes);
    }
    random->left -= n; /* n is a salt's or a seed's length */
    memcpy(out, random->bytes + random->left, n);
    return LW_SUCCESS;
}

/* Claims as a register of businesses has them, of the type's own order. */
static lw_err put_claims(const struct filler *f, struct item *item)
{
    char address[TEXT_MAX];
    (void)snprintf(address, sizeof(address), "%zu SALT MARKET ST 1ST LANHAI 229903",
                   item->nth % 9000);
    const lw_str texts[CLAIMS] = {
        lw_str_c(item->name),
        LW_STR("MOON LAUNDRY"),
        lw_str_c(address),
        LW_STR("Retail Food Establishment"),
        LW_STR("Sale of Food Prepared Onsite|Retail Sales of Perishable Foods"),
        LW_STR("2099-12-31"),
    };
    struct wallet_license *l = &item->license;
    uint8_t *room = NULL;
    lw_buf_truncate(&item->values, 0);
    LW_TRY(lw_buf_reserve(&item->values, OWN_MAX, &room)); /* so that slices stay in place */
    for (size_t i = 0; i < CLAIMS; i++) {
        const size_t at = item->values.len;
        LW_TRY(wallet_value_from_text(f->type->claims[i].kind, texts[i], &item->values));
        l->claims[i].def = i;
        l->claims[i].value = (lw_bytes){item->values.ptr + at, item->values.len - at};
    }
    l->claim_count = CLAIMS;
    return LW_SUCCESS;
}

/* A signature is bytes that nobody can foretell, as the payload's hash is. */
static lw_err put_record(struct filler *f, struct item *item)
{
    uint8_t signature[SIGNATURE_LEN];
    LW_AUTO_BUF payload = LW_BUF(WALLET_RECORD_MAX);
    const struct lw_rng rng = {.fill = draw, .ctx = &f->random};
    LW_TRY(wallet_record_draw_salts(&item->license, &rng));
    LW_TRY(wallet_record_payload(f->type, &item->license, &payload));
    LW_TRY(wallet_record_digest(f->signer.kid, lw_buf_view(&payload), signature));
    memcpy(signature + SIGNATURE_LEN / 2, signature, SIGNATURE_LEN / 2);
    lw_buf_truncate(&item->record, 0);
    return wallet_record_assemble(f->signer.kid, lw_buf_view(&payload), LW_BYTES(signature),
                                  &item->record);
}

static lw_err make_item(struct filler *f, size_t nth, struct item *item)
{
    char account[LARGE_NUMBER_MAX];
    struct wallet_license *l = &item->license;
    const size_t person = nth / LARGE_PER_PERSON;
    item->nth = nth;
    bench_fill_number(nth, item->number);
    bench_fill_account(person, account);
    (void)snprintf(item->name, sizeof(item->name), "MOON GREEN LAUNDRY %zu, INC.", person);
    LW_TRY(wallet_person_code(LW_STR("999"), lw_str_c(account), &item->who));
    LW_TRY(wallet_store_new_id(wallet_home_store(f->b->home), l->id));
    l->type = f->type->id;
    l->type_version = f->type->version;
    l->number = lw_str_c(item->number);
    l->version = LW_STR("1");
    l->issuer = lw_str_c(bench_agency);
    l->issued_at = f->now;
    l->valid_from = f->now - LW_DAY_S;
    l->valid_until = INT64_MAX;
    l->holders[0] = (struct wallet_holder){.code_type = wallet_person_code_type(&item->who),
                                           .code = wallet_person_code_value(&item->who),
                                           .role = LW_STR("holder"),
                                           .name = lw_str_c(item->name)};
    l->holder_count = 1;
    LW_TRY(put_claims(f, item));
    return put_record(f, item);
}

static lw_err log_event(struct wallet_txn *txn, const struct filler *f, enum wallet_audit_kind kind,
                        const uint8_t id[WALLET_UUID_LEN], uint64_t *index)
{
    const struct wallet_audit_event event = {.time = f->now,
                                             .kind = kind,
                                             .actor = LW_STR("bench"),
                                             .subject = {.ptr = id, .len = WALLET_UUID_LEN}};
    return wallet_audit_append(txn, &event, index);
}

static lw_err add_person(struct wallet_txn *txn, const struct filler *f, struct item *item)
{
    bool added = false;
    if (item->nth % LARGE_PER_PERSON != 0) {
        memcpy(item->person[0], (item - 1)->person[0], WALLET_UUID_LEN);
        return LW_SUCCESS;
    }
    LW_TRY(wallet_store_person_add(txn, &item->who, lw_str_c(item->name), f->now, item->person[0],
                                   &added));
    return log_event(txn, f, WALLET_AUDIT_PERSON_ADDED, item->person[0], NULL);
}

static lw_err add_license(struct wallet_txn *txn, const struct filler *f, struct item *item)
{
    const struct wallet_license *l = &item->license;
    struct wallet_intent intent = {.created = f->now};
    uint64_t index = 0;
    memcpy(intent.id, l->id, sizeof(intent.id));
    LW_TRY(wallet_intent_fill(&intent, l->type, l->number, l->version, l->issuer));
    LW_TRY(wallet_store_license_reserve(txn, &intent));
    LW_TRY(log_event(txn, f, WALLET_AUDIT_LICENSE_ISSUED, l->id, &index));
    const struct wallet_license_put put = {
        .license = l,
        .persons = item->person,
        .state = bench_fill_active(item->nth) ? WALLET_ACTIVE : WALLET_REVOKED,
        .since = f->now,
        .record = lw_buf_view(&item->record),
        .audit_index = index,
    };
    return wallet_store_license_complete(txn, &put);
}

/* Of a credential handed to another wallet the store keeps what its revocation needs. */
static lw_err add_credential(struct wallet_txn *txn, const struct filler *f,
                             const struct item *item)
{
    const struct wallet_license *l = &item->license;
    struct wallet_credential_info info = {.format = "dc+sd-jwt",
                                          .iat = f->now,
                                          .exp = f->now + (int64_t)CREDENTIAL_DAYS * LW_DAY_S,
                                          .has_status = true};
    struct wallet_status_owner owner = {.exp = info.exp};
    bool is_new = false;
    LW_TRY(hsm_sha256(LW_BYTES(l->id), info.holder)); /* stands for a key's thumbprint */
    memcpy(info.license, l->id, sizeof(info.license));
    memcpy(owner.license, l->id, sizeof(owner.license));
    owner.credential = LW_BYTES(info.holder);
    LW_TRY(wallet_store_status_allocate(txn, l->issuer, &owner, f->now, &info.status));
    LW_TRY(wallet_store_holder_key_bind(txn, l->id, info.holder, f->now, &is_new));
    LW_TRY(log_event(txn, f, WALLET_AUDIT_HOLDER_KEY_BOUND, l->id, NULL));
    LW_TRY(wallet_store_credential_put(txn, &info, (lw_bytes){.ptr = NULL, .len = 0}));
    LW_TRY(log_event(txn, f, WALLET_AUDIT_CREDENTIAL_ISSUED, l->id, NULL));
    return bench_fill_active(item->nth)
               ? LW_SUCCESS
               : wallet_store_credential_set_status(txn, l->id, WALLET_ENTRY_INVALID, NULL);
}

static lw_err write_batch(struct wallet_txn *txn, void *ctx)
{
    struct batch *batch = ctx;
    const struct filler *f = batch->filler;
    for (size_t i = 0; i < batch->count; i++) {
        struct item *item = &batch->items[i];
        LW_TRY(add_person(txn, f, item));
        LW_TRY(add_license(txn, f, item));
        if (bench_fill_shown(item->nth)) {
            LW_TRY(add_credential(txn, f, item));
        }
    }
    return LW_SUCCESS;
}

static void on_written(struct wallet_write *write)
{
    struct batch *batch = write->ctx;
    struct filler *f = batch->filler;
    (void)pthread_mutex_lock(&f->lock);
    batch->busy = false;
    (void)pthread_cond_signal(&f->written);
    (void)pthread_mutex_unlock(&f->lock);
}

/* Waits until a slot is free again, and gives what became of its batch. */
static lw_err settle(struct filler *f, struct batch *batch)
{
    (void)pthread_mutex_lock(&f->lock);
    while (batch->busy) {
        (void)pthread_cond_wait(&f->written, &f->lock);
    }
    (void)pthread_mutex_unlock(&f->lock);
    return batch->write.err;
}

static lw_err fill_batch(struct filler *f, struct batch *batch, size_t first, size_t total)
{
    LW_TRY(settle(f, batch));
    LW_TRY(bench_go_on());
    batch->count = total - first < BATCH ? total - first : BATCH;
    for (size_t i = 0; i < batch->count; i++) {
        LW_TRY(make_item(f, first + i, &batch->items[i]));
    }
    batch->write = (struct wallet_write){
        .fn = write_batch, .ctx = batch, .done = on_written, .err = LW_SUCCESS};
    batch->busy = true;
    const lw_err err = wallet_store_submit(wallet_home_store(f->b->home), &batch->write);
    batch->busy = batch->busy && err.code == LW_OK;
    return err;
}

static lw_err fill_all(struct filler *f, size_t first, size_t total)
{
    struct cli_progress progress = {.what = "licenses"};
    const struct lw_clock *clock = f->b->cli->env.clock;
    const int64_t begin = lw_mono_ms(clock);
    lw_err err = LW_SUCCESS;
    size_t slot = 0;
    for (size_t n = first; n < total && err.code == LW_OK; n += BATCH, slot++) {
        err = fill_batch(f, &f->slots[slot % SLOTS], n, total);
        cli_progress_show(&progress, n - first, total - first, lw_mono_ms(clock) - begin);
    }
    cli_progress_end(&progress);
    for (size_t i = 0; i < SLOTS; i++) {
        const lw_err last = settle(f, &f->slots[i]);
        err = err.code == LW_OK ? last : err;
    }
    return err;
}

/* A store that is thrown away need not be durable meanwhile: with a sync for each batch a disk of
 * 90 MB/s writes what is written again and again for half an hour. */
static lw_err fill_synced(struct filler *f, size_t total)
{
    struct wallet_store *store = wallet_home_store(f->b->home);
    LW_TRY(wallet_store_defer_sync(store, true));
    const lw_err err = fill_all(f, f->b->filled, total);
    LW_TRY(err);
    return wallet_store_defer_sync(store, false);
}

static lw_err make_slots(struct filler *f)
{
    for (size_t i = 0; i < SLOTS; i++) {
        struct batch *batch = &f->slots[i];
        batch->filler = f;
        batch->items = calloc(BATCH, sizeof(*batch->items));
        if (batch->items == NULL) {
            return LW_FAIL(LW_E_NOMEM, "bench: out of memory", LW_NOWHERE);
        }
        for (size_t k = 0; k < BATCH; k++) {
            batch->items[k].values = LW_BUF(OWN_MAX);
            batch->items[k].record = LW_BUF(WALLET_RECORD_MAX);
        }
    }
    return LW_SUCCESS;
}

static void free_slots(struct filler *f)
{
    for (size_t i = 0; i < SLOTS; i++) {
        for (size_t k = 0; f->slots[i].items != NULL && k < BATCH; k++) {
            lw_buf_free(&f->slots[i].items[k].values);
            lw_buf_free(&f->slots[i].items[k].record);
        }
        free(f->slots[i].items);
    }
}

static lw_err fill(struct filler *f, size_t total, struct bench_filling *filling)
{
    const struct wallet_snapshot *snapshot = NULL;
    const struct lw_clock *clock = f->b->cli->env.clock;
    LW_TRY(make_slots(f));
    LW_TRY(
        wallet_home_signer(f->b->home, HSM_PURPOSE_CREDENTIAL, lw_str_c(bench_agency), &f->signer));
    LW_TRY(wallet_home_snapshot(f->b->home, &snapshot));
    f->type = wallet_snapshot_type(snapshot, lw_str_c(bench_type));
    const int64_t wall = lw_mono_ns(clock);
    const int64_t cpu = bench_cpu_self();
    const lw_err err = f->type == NULL ? LW_FAIL(LW_E_NOT_FOUND,
                                                 "bench: its license type is not there", LW_NOWHERE)
                                       : fill_synced(f, total);
    *filling = (struct bench_filling){
        .count = total - f->b->filled,
        .wall_s = (double)(lw_mono_ns(clock) - wall) / bench_ns_per_s,
        .cpu_s = (double)(bench_cpu_self() - cpu) / bench_ns_per_s,
    };
    wallet_snapshot_release(snapshot);
    return err;
}

lw_err bench_fill(struct bench *b, size_t total, struct bench_filling *filling)
{
    struct filler *f = calloc(1, sizeof(*f));
    if (f == NULL) {
        return LW_FAIL(LW_E_NOMEM, "bench: out of memory", LW_NOWHERE);
    }
    f->b = b;
    f->now = lw_now(b->cli->env.clock);
    f->random.from = b->cli->env.rng;
    (void)pthread_mutex_init(&f->lock, NULL);
    (void)pthread_cond_init(&f->written, NULL);
    const lw_err err = fill(f, total, filling);
    b->filled = err.code == LW_OK ? total : b->filled;
    free_slots(f);
    (void)pthread_cond_destroy(&f->written);
    (void)pthread_mutex_destroy(&f->lock);
    free(f);
    return err;
}
