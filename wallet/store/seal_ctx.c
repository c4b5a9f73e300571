#define _DEFAULT_SOURCE /* explicit_bzero */

#include "wallet/seal_ctx.h"

#include <stdlib.h>

#include "hsm/digest.h"
#include "hsm/seal.h"
#include "seal_internal.h"
#include "txn.h"

enum {
    NAME_MAX_BYTES = 1024, /* encodings of what a key or seal is for */
    KEYSPACE_MAX = 64,
    LOOKUP_PARTS_MAX = 8,
    WRAPPED_VERSION = 1,
};

static lw_err locked(void)
{
    return LW_FAIL(LW_E_DENIED, "seal: the store is locked: no epoch key was released", LW_NOWHERE);
}

lw_err wallet_seal_init(struct wallet_seal_ctx *ctx, const struct lw_rng *rng)
{
    *ctx = (struct wallet_seal_ctx){.rng = rng};
    ctx->lock = calloc(1, sizeof(*ctx->lock));
    if (ctx->lock == NULL || pthread_rwlock_init(ctx->lock, NULL) != 0) {
        free(ctx->lock);
        ctx->lock = NULL;
        return LW_FAIL(LW_E_NOMEM, "seal: out of memory", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

void wallet_seal_lock(struct wallet_seal_ctx *ctx)
{
    pthread_rwlock_wrlock(ctx->lock);
    explicit_bzero(ctx->epochs, sizeof(ctx->epochs));
    explicit_bzero(ctx->root, sizeof(ctx->root));
    ctx->epoch_count = 0;
    ctx->in_use = 0;
    ctx->unlocked = false;
    pthread_rwlock_unlock(ctx->lock);
}

void wallet_seal_free(struct wallet_seal_ctx *ctx)
{
    if (ctx->lock == NULL) {
        return;
    }
    wallet_seal_lock(ctx);
    (void)pthread_rwlock_destroy(ctx->lock);
    free(ctx->lock);
    ctx->lock = NULL;
}

bool wallet_seal_unlocked(const struct wallet_seal_ctx *ctx)
{
    pthread_rwlock_rdlock(ctx->lock);
    const bool unlocked = ctx->unlocked;
    pthread_rwlock_unlock(ctx->lock);
    return unlocked;
}

bool wallet_seal_root(const struct wallet_seal_ctx *ctx, uint8_t root[WALLET_DATA_KEY_LEN])
{
    pthread_rwlock_rdlock(ctx->lock);
    const bool known = ctx->unlocked;
    if (known) {
        memcpy(root, ctx->root, WALLET_DATA_KEY_LEN);
    }
    pthread_rwlock_unlock(ctx->lock);
    return known;
}

void wallet_seal_set_root(struct wallet_seal_ctx *ctx, const uint8_t root[WALLET_DATA_KEY_LEN])
{
    pthread_rwlock_wrlock(ctx->lock);
    memcpy(ctx->root, root, WALLET_DATA_KEY_LEN);
    ctx->unlocked = true;
    pthread_rwlock_unlock(ctx->lock);
}

lw_err wallet_seal_add_epoch(struct wallet_seal_ctx *ctx, const struct wallet_epoch_key *epoch)
{
    lw_err err = LW_SUCCESS;
    size_t at = 0;
    pthread_rwlock_wrlock(ctx->lock);
    while (at < ctx->epoch_count && ctx->epochs[at].number < epoch->number) {
        at++;
    }
    const bool there = at < ctx->epoch_count && ctx->epochs[at].number == epoch->number;
    if (!there && ctx->epoch_count == WALLET_EPOCHS_MAX) {
        err = LW_FAIL(LW_E_LIMIT, "seal: too many epochs unlocked", LW_NOWHERE);
    } else {
        if (!there) {
            memmove(&ctx->epochs[at + 1], &ctx->epochs[at],
                    (ctx->epoch_count - at) * sizeof(ctx->epochs[0]));
            ctx->epoch_count++;
        }
        ctx->epochs[at] = *epoch;
    }
    pthread_rwlock_unlock(ctx->lock);
    return err;
}

void wallet_seal_use(struct wallet_seal_ctx *ctx, uint32_t number)
{
    pthread_rwlock_wrlock(ctx->lock);
    ctx->in_use = number;
    pthread_rwlock_unlock(ctx->lock);
}

lw_err wallet_seal_epoch(const struct wallet_seal_ctx *ctx, uint32_t number,
                         struct wallet_epoch_key *epoch)
{
    lw_err err = LW_FAIL(LW_E_NOT_FOUND, "seal: the key's epoch is not unlocked", LW_NOWHERE);
    pthread_rwlock_rdlock(ctx->lock);
    if (ctx->epoch_count == 0) {
        err = locked();
    }
    number = number == 0 ? ctx->in_use : number;
    for (size_t i = ctx->epoch_count; i > 0; i--) {
        if (number == 0 || ctx->epochs[i - 1].number == number) {
            *epoch = ctx->epochs[i - 1];
            err = LW_SUCCESS;
            break;
        }
    }
    pthread_rwlock_unlock(ctx->lock);
    return err;
}

/* What a wrapped key is for: its use, its epoch, whose it is. Serves as info and as aad. */
static lw_err wrap_name(const char *use, uint32_t epoch, lw_bytes owner, lw_buf *out)
{
    if (owner.len == 0 || owner.len > WALLET_SEAL_ID_MAX) {
        return LW_FAIL(LW_E_LIMIT, "seal: an id of no or too many bytes", LW_NOWHERE);
    }
    LW_TRY(wallet_cbor_put_array(out, 3));
    LW_TRY(wallet_cbor_put_text(out, lw_str_c(use)));
    LW_TRY(wallet_cbor_put_uint(out, epoch));
    return wallet_cbor_put_bytes(out, owner);
}

/* The wrapping key is derived for the one key that it wraps. */
static lw_err wrap_key(const struct wallet_epoch_key *epoch, const char *use, lw_bytes owner,
                       lw_buf *name, uint8_t key[HSM_SEAL_KEY_LEN])
{
    LW_TRY(wrap_name(use, epoch->number, owner, name));
    return hsm_derive(LW_BYTES(epoch->key), lw_buf_view(name), key, HSM_SEAL_KEY_LEN);
}

static lw_err wrap(const struct lw_rng *rng, const struct wallet_epoch_key *epoch, const char *use,
                   lw_bytes owner, const uint8_t secret[WALLET_DATA_KEY_LEN], lw_buf *wrapped)
{
    LW_AUTO_BUF name = LW_BUF(NAME_MAX_BYTES);
    LW_AUTO_BUF sealed = LW_BUF(WALLET_DATA_KEY_LEN + HSM_SEAL_OVERHEAD);
    uint8_t key[HSM_SEAL_KEY_LEN];
    lw_err err = wrap_key(epoch, use, owner, &name, key);
    if (err.code == LW_OK) {
        const lw_bytes plain = {.ptr = secret, .len = WALLET_DATA_KEY_LEN};
        err = hsm_seal(key, lw_buf_view(&name), plain, rng, &sealed);
    }
    explicit_bzero(key, sizeof(key));
    LW_TRY(err);
    LW_AUTO_BUF value = LW_BUF(NAME_MAX_BYTES);
    LW_TRY(wallet_stored_begin(&value, WRAPPED_VERSION, 2));
    LW_TRY(wallet_cbor_put_uint(&value, epoch->number));
    LW_TRY(wallet_cbor_put_bytes(&value, lw_buf_view(&sealed)));
    return lw_buf_put(wrapped, lw_buf_view(&value));
}

static lw_err parse_wrapped(lw_bytes wrapped, uint32_t *epoch, lw_bytes *sealed)
{
    struct wallet_cbor r;
    size_t fields = 0;
    LW_TRY(wallet_stored_open(wrapped, WRAPPED_VERSION, &r, NULL, &fields));
    const uint64_t number = wallet_cbor_uint(&r);
    *sealed = wallet_cbor_bytes(&r);
    LW_TRY(wallet_stored_end(&r));
    if (fields != 2 || number == 0 || number > UINT32_MAX) {
        return LW_FAIL(LW_E_CORRUPT, "seal: a wrapped key is not of its form", LW_NOWHERE);
    }
    *epoch = (uint32_t)number;
    return LW_SUCCESS;
}

static lw_err unwrap(const struct wallet_epoch_key *epoch, const char *use, lw_bytes owner,
                     lw_bytes sealed, uint8_t secret[WALLET_DATA_KEY_LEN])
{
    LW_AUTO_BUF name = LW_BUF(NAME_MAX_BYTES);
    LW_AUTO_BUF plain = LW_BUF(WALLET_DATA_KEY_LEN);
    uint8_t key[HSM_SEAL_KEY_LEN];
    lw_err err = wrap_key(epoch, use, owner, &name, key);
    if (err.code == LW_OK) {
        err = hsm_open(key, lw_buf_view(&name), sealed, &plain);
    }
    explicit_bzero(key, sizeof(key));
    LW_TRY(err);
    if (plain.len != WALLET_DATA_KEY_LEN) {
        return LW_FAIL(LW_E_CORRUPT, "seal: a wrapped key of another length", LW_NOWHERE);
    }
    memcpy(secret, plain.ptr, WALLET_DATA_KEY_LEN);
    return LW_SUCCESS;
}

static const char person_use[] = "person data key";
static const char root_use[] = "look-up root";

lw_err wallet_seal_wrap_root(const struct lw_rng *rng, const struct wallet_epoch_key *epoch,
                             const uint8_t root[WALLET_DATA_KEY_LEN], lw_buf *wrapped)
{
    return wrap(rng, epoch, root_use, lw_str_bytes(LW_STR("store")), root, wrapped);
}

lw_err wallet_seal_open_root(const struct wallet_epoch_key *epoch, lw_bytes wrapped,
                             uint8_t root[WALLET_DATA_KEY_LEN])
{
    uint32_t number = 0;
    lw_bytes sealed = {0};
    LW_TRY(parse_wrapped(wrapped, &number, &sealed));
    /* `number` is what the caller found it by; the seal holds under its own epoch's key only. */
    return unwrap(epoch, root_use, lw_str_bytes(LW_STR("store")), sealed, root);
}

lw_err wallet_data_key_make(const struct wallet_seal_ctx *ctx, lw_bytes person,
                            uint8_t key[WALLET_DATA_KEY_LEN], lw_buf *wrapped)
{
    struct wallet_epoch_key epoch;
    LW_TRY(wallet_seal_epoch(ctx, 0, &epoch));
    lw_err err = lw_rng_fill(ctx->rng, key, WALLET_DATA_KEY_LEN);
    if (err.code == LW_OK) {
        err = wrap(ctx->rng, &epoch, person_use, person, key, wrapped);
    }
    explicit_bzero(&epoch, sizeof(epoch));
    return err;
}

lw_err wallet_data_key_open(const struct wallet_seal_ctx *ctx, lw_bytes person, lw_bytes wrapped,
                            uint8_t key[WALLET_DATA_KEY_LEN])
{
    struct wallet_epoch_key epoch;
    uint32_t number = 0;
    lw_bytes sealed = {0};
    LW_TRY(parse_wrapped(wrapped, &number, &sealed));
    LW_TRY(wallet_seal_epoch(ctx, number, &epoch));
    const lw_err err = unwrap(&epoch, person_use, person, sealed, key);
    explicit_bzero(&epoch, sizeof(epoch));
    return err;
}

/* Names the record, for the derivation of its key and as associated data. */
static lw_err record_name(const struct wallet_seal_name *name, lw_buf *out)
{
    if (name->keyspace.len == 0 || name->keyspace.len > KEYSPACE_MAX ||
        name->record.len > WALLET_SEAL_ID_MAX || name->person.len > WALLET_SEAL_ID_MAX) {
        return LW_FAIL(LW_E_LIMIT, "seal: a record's name is too long", LW_NOWHERE);
    }
    LW_TRY(wallet_cbor_put_array(out, 5));
    LW_TRY(wallet_cbor_put_text(out, LW_STR("record")));
    LW_TRY(wallet_cbor_put_text(out, name->keyspace));
    LW_TRY(wallet_cbor_put_bytes(out, name->record));
    LW_TRY(wallet_cbor_put_uint(out, name->version));
    return wallet_cbor_put_bytes(out, name->person);
}

static lw_err record_key(const struct wallet_seal_ctx *ctx, const uint8_t data_key[],
                         const struct wallet_seal_name *name, lw_buf *aad,
                         uint8_t key[HSM_SEAL_KEY_LEN])
{
    if (!wallet_seal_unlocked(ctx)) {
        return locked();
    }
    LW_TRY(record_name(name, aad));
    const lw_bytes from = {.ptr = data_key, .len = WALLET_DATA_KEY_LEN};
    return hsm_derive(from, lw_buf_view(aad), key, HSM_SEAL_KEY_LEN);
}

lw_err wallet_seal_record(const struct wallet_seal_ctx *ctx, const uint8_t key[WALLET_DATA_KEY_LEN],
                          const struct wallet_seal_name *name, lw_bytes plain, lw_buf *out)
{
    LW_AUTO_BUF aad = LW_BUF(NAME_MAX_BYTES);
    uint8_t derived[HSM_SEAL_KEY_LEN];
    LW_TRY(record_key(ctx, key, name, &aad, derived));
    const lw_err err = hsm_seal(derived, lw_buf_view(&aad), plain, ctx->rng, out);
    explicit_bzero(derived, sizeof(derived));
    return err;
}

lw_err wallet_open_record(const struct wallet_seal_ctx *ctx, const uint8_t key[WALLET_DATA_KEY_LEN],
                          const struct wallet_seal_name *name, lw_bytes sealed, lw_buf *out)
{
    LW_AUTO_BUF aad = LW_BUF(NAME_MAX_BYTES);
    uint8_t derived[HSM_SEAL_KEY_LEN];
    LW_TRY(record_key(ctx, key, name, &aad, derived));
    const lw_err err = hsm_open(derived, lw_buf_view(&aad), sealed, out);
    explicit_bzero(derived, sizeof(derived));
    return err;
}

static lw_err lookup_key(const struct wallet_seal_ctx *ctx, enum wallet_lookup purpose,
                         uint8_t key[WALLET_LOOKUP_LEN])
{
    LW_AUTO_BUF info = LW_BUF(NAME_MAX_BYTES);
    LW_TRY(wallet_cbor_put_array(&info, 2));
    LW_TRY(wallet_cbor_put_text(&info, LW_STR("look-up")));
    LW_TRY(wallet_cbor_put_uint(&info, (uint64_t)purpose));
    pthread_rwlock_rdlock(ctx->lock);
    const lw_err err =
        ctx->unlocked ? hsm_derive(LW_BYTES(ctx->root), lw_buf_view(&info), key, WALLET_LOOKUP_LEN)
                      : locked();
    pthread_rwlock_unlock(ctx->lock);
    return err;
}

lw_err wallet_lookup(const struct wallet_seal_ctx *ctx, enum wallet_lookup purpose,
                     const lw_bytes *parts, size_t count, uint8_t mac[WALLET_LOOKUP_LEN])
{
    uint8_t lengths[LOOKUP_PARTS_MAX][8];
    lw_bytes framed[2 * LOOKUP_PARTS_MAX];
    uint8_t key[WALLET_LOOKUP_LEN];
    if (count == 0 || count > LOOKUP_PARTS_MAX) {
        return LW_FAIL(LW_E_MISUSE, "seal: a look-up of no or too many parts", LW_NOWHERE);
    }
    for (size_t i = 0; i < count; i++) { /* framed, so that "ab","c" is not "a","bc" */
        wallet_key_put_u64(lengths[i], parts[i].len);
        framed[2 * i] = LW_BYTES(lengths[i]);
        framed[2 * i + 1] = parts[i];
    }
    LW_TRY(lookup_key(ctx, purpose, key));
    const lw_err err = hsm_hmac_sha256(LW_BYTES(key), framed, 2 * count, mac);
    explicit_bzero(key, sizeof(key));
    return err;
}
