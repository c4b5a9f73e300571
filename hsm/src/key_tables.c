#include "hsm/key_tables.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "context.h"

enum {
    BUCKETS = 256,
    KEYS_A_TABLE = 4, /* keys that are watched, for each table */
    AGE_USES = 65536, /* uses after which all counts are halved */
};

/* In use by threads and, as one of them, by its key. */
struct table {
    atomic_uint users;
    struct hsm_ec_table *multiples;
};

/* A key that is watched. */
struct entry {
    struct hsm_public_key key; /* HSM_ALG_NONE: free */
    struct entry *next;        /* in its bucket */
    unsigned uses;             /* of late */
    bool building;             /* by a thread, which holds no lock meanwhile */
    struct table *table;       /* NULL: none */
};

struct hsm_key_tables {
    pthread_mutex_t lock; /* guards what is below */
    size_t max;
    size_t count;  /* tables made or being made */
    unsigned uses; /* since counts were halved */
    struct entry *buckets[BUCKETS];
    struct entry entries[]; /* KEYS_A_TABLE * max */
};

lw_err hsm_key_tables_new(size_t max, struct hsm_key_tables **tables)
{
    if (max < 1 || max > HSM_KEY_TABLES_MAX) {
        return LW_FAIL(LW_E_MISUSE, "key tables: no such number", LW_NOWHERE);
    }
    struct hsm_key_tables *made =
        calloc(1, sizeof(*made) + KEYS_A_TABLE * max * sizeof(struct entry));
    if (made == NULL || pthread_mutex_init(&made->lock, NULL) != 0) {
        free(made);
        return LW_FAIL(LW_E_NOMEM, "key tables: out of memory", LW_NOWHERE);
    }
    made->max = max;
    *tables = made;
    return LW_SUCCESS;
}

static void release(struct table *table)
{
    if (table != NULL && atomic_fetch_sub(&table->users, 1) == 1) {
        hsm_ec_table_free(table->multiples);
        free(table);
    }
}

void hsm_key_tables_free(struct hsm_key_tables *tables)
{
    if (tables != NULL) {
        for (size_t i = 0; i < KEYS_A_TABLE * tables->max; i++) {
            release(tables->entries[i].table);
        }
        (void)pthread_mutex_destroy(&tables->lock);
        free(tables);
    }
}

/* By a byte of x, which whoever makes a key cannot easily choose. */
static struct entry **bucket_of(struct hsm_key_tables *t, const struct hsm_public_key *key)
{
    return &t->buckets[key->point[key->point_len / 2]];
}

static struct entry *find(struct hsm_key_tables *t, const struct hsm_public_key *key)
{
    struct entry *entry = *bucket_of(t, key);
    while (entry != NULL && !hsm_public_key_eq(&entry->key, key)) {
        entry = entry->next;
    }
    return entry;
}

/* What was much used once must not stand in the way for ever. */
static void count_use(struct hsm_key_tables *t, struct entry *entry)
{
    entry->uses++;
    t->uses++;
    if (t->uses == AGE_USES) {
        t->uses = 0;
        for (size_t i = 0; i < KEYS_A_TABLE * t->max; i++) {
            t->entries[i].uses /= 2;
        }
    }
}

/* Gives the key's table into the caller's use, or NULL. */
static struct table *acquire(struct hsm_key_tables *t, const struct hsm_public_key *key)
{
    struct table *table = NULL;
    (void)pthread_mutex_lock(&t->lock);
    struct entry *entry = find(t, key);
    if (entry != NULL && entry->table != NULL) {
        table = entry->table;
        atomic_fetch_add(&table->users, 1);
        count_use(t, entry);
    }
    (void)pthread_mutex_unlock(&t->lock);
    return table;
}

static void forget(struct hsm_key_tables *t, struct entry *entry)
{
    struct entry **link = bucket_of(t, &entry->key);
    while (*link != entry) {
        link = &(*link)->next;
    }
    *link = entry->next;
    *entry = (struct entry){.uses = 0};
}

/* Watches a key from now on, in place of the least used that has no table. */
static struct entry *watch(struct hsm_key_tables *t, const struct hsm_public_key *key)
{
    struct entry *least = NULL;
    for (size_t i = 0; i < KEYS_A_TABLE * t->max; i++) {
        struct entry *entry = &t->entries[i];
        const bool bare = entry->table == NULL && !entry->building;
        if (bare && (least == NULL || entry->uses < least->uses)) {
            least = entry;
        }
    }
    assert(least != NULL); /* there are fewer tables than entries */
    if (least->key.alg != HSM_ALG_NONE) {
        forget(t, least);
    }
    struct entry **bucket = bucket_of(t, key);
    *least = (struct entry){.key = *key, .next = *bucket};
    *bucket = least;
    return least;
}

/* Makes room for one more table: where there is none, that of the least used key may go. */
static bool make_room(struct hsm_key_tables *t, const struct entry *wanting)
{
    struct entry *least = NULL;
    if (t->count < t->max) {
        return true;
    }
    for (size_t i = 0; i < KEYS_A_TABLE * t->max; i++) {
        struct entry *entry = &t->entries[i];
        if (entry->table != NULL && (least == NULL || entry->uses < least->uses)) {
            least = entry;
        }
    }
    if (least == NULL || least->uses >= wanting->uses / 2) {
        return false;
    }
    release(least->table);
    least->table = NULL;
    least->uses = 0; /* a table is earned anew */
    t->count--;
    return true;
}

/* Counts a signature that held; sets `*wanting` to the entry when the caller is to make its table.
 */
static void note_held(struct hsm_key_tables *t, const struct hsm_public_key *key,
                      struct entry **wanting)
{
    *wanting = NULL;
    (void)pthread_mutex_lock(&t->lock);
    struct entry *entry = find(t, key);
    entry = entry == NULL ? watch(t, key) : entry;
    count_use(t, entry);
    if (entry->table == NULL && !entry->building && entry->uses >= HSM_KEY_TABLE_USES &&
        make_room(t, entry)) {
        entry->building = true;
        t->count++;
        *wanting = entry;
    }
    (void)pthread_mutex_unlock(&t->lock);
}

static struct table *make_table(const struct hsm_public_key *key)
{
    struct hsm_context *ctx = NULL;
    struct table *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return NULL;
    }
    atomic_init(&made->users, 1);
    const lw_bytes point = {.ptr = key->point, .len = key->point_len};
    if (hsm_context(&ctx).code != LW_OK ||
        hsm_ec_table_new(ctx->ec[HSM_ES256], point, &made->multiples).code != LW_OK) {
        free(made);
        return NULL;
    }
    return made;
}

/* Without the lock, for others check on meanwhile. A table that cannot be made is done without. */
static void build(struct hsm_key_tables *t, const struct hsm_public_key *key, struct entry *entry)
{
    struct table *made = make_table(key);
    (void)pthread_mutex_lock(&t->lock);
    entry->table = made;
    entry->building = false;
    if (made == NULL) {
        entry->uses = 0;
        t->count--;
    }
    (void)pthread_mutex_unlock(&t->lock);
}

static lw_err verify_by_table(const struct table *table, lw_bytes digest, lw_bytes sig)
{
    struct hsm_context *ctx = NULL;
    LW_TRY(hsm_context(&ctx));
    return hsm_ec_table_verify(ctx->ec[HSM_ES256], table->multiples, digest, sig);
}

lw_err hsm_key_tables_verify(struct hsm_key_tables *tables, const struct hsm_public_key *key,
                             lw_bytes digest, lw_bytes sig)
{
    struct entry *wanting = NULL;
    if (tables == NULL || key->alg != HSM_ES256 || digest.len != HSM_P256_LEN ||
        sig.len != HSM_ES256_SIG_LEN) {
        return hsm_verify_digest(key, digest, sig); /* which says what is wrong */
    }
    struct table *table = acquire(tables, key);
    if (table != NULL) {
        const lw_err err = verify_by_table(table, digest, sig);
        release(table);
        return err;
    }
    LW_TRY(hsm_verify_digest(key, digest, sig));
    note_held(tables, key, &wanting);
    if (wanting != NULL) {
        build(tables, key, wanting);
    }
    return LW_SUCCESS;
}

size_t hsm_key_tables_count(struct hsm_key_tables *tables)
{
    (void)pthread_mutex_lock(&tables->lock);
    size_t count = 0;
    for (size_t i = 0; i < KEYS_A_TABLE * tables->max; i++) {
        count += tables->entries[i].table != NULL ? 1 : 0;
    }
    (void)pthread_mutex_unlock(&tables->lock);
    return count;
}

bool hsm_key_tables_has(struct hsm_key_tables *tables, const struct hsm_public_key *key)
{
    (void)pthread_mutex_lock(&tables->lock);
    const struct entry *entry = find(tables, key);
    const bool has = entry != NULL && entry->table != NULL;
    (void)pthread_mutex_unlock(&tables->lock);
    return has;
}
