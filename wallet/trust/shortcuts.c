#include "wallet/shortcuts.h"

#include <pthread.h>
#include <stdlib.h>

enum { WAYS = 8, LOCKS = 64, LEN_MAX = 256 };

struct part {
    uint8_t name[HSM_SHA256_LEN]; /* zeros: free */
    uint8_t hint[WALLET_SEEN_HINT_LEN];
};

/* A part can lie only in the set that its name says; there the oldest gives way. */
struct set {
    struct part part[WAYS];
};

struct wallet_seen_parts {
    pthread_mutex_t lock[LOCKS]; /* of the sets with that number modulo LOCKS */
    size_t count;                /* of sets, at least 1 */
    uint8_t *next;               /* of each set: the place that is filled next */
    struct set *sets;
};

static const uint8_t no_name[HSM_SHA256_LEN];

static lw_err no_memory(void)
{
    return LW_FAIL(LW_E_NOMEM, "shortcuts: out of memory", LW_NOWHERE);
}

static void free_parts(struct wallet_seen_parts *parts)
{
    if (parts != NULL) {
        for (size_t i = 0; i < LOCKS; i++) {
            (void)pthread_mutex_destroy(&parts->lock[i]);
        }
        free(parts->next);
        free(parts->sets);
        free(parts);
    }
}

static lw_err make_parts(size_t count, struct wallet_seen_parts **out)
{
    struct wallet_seen_parts *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return no_memory();
    }
    for (size_t i = 0; i < LOCKS; i++) {
        (void)pthread_mutex_init(&made->lock[i], NULL);
    }
    made->count = count < WAYS ? 1 : count / WAYS;
    made->next = calloc(made->count, sizeof(*made->next));
    made->sets = calloc(made->count, sizeof(*made->sets));
    if (made->next == NULL || made->sets == NULL) {
        free_parts(made);
        return no_memory();
    }
    *out = made;
    return LW_SUCCESS;
}

lw_err wallet_shortcuts_make(size_t tables, size_t parts, struct wallet_shortcuts *out)
{
    *out = (struct wallet_shortcuts){.tables = NULL};
    if (parts > WALLET_SEEN_MAX) {
        return LW_FAIL(LW_E_MISUSE, "shortcuts: too many parts", LW_NOWHERE);
    }
    struct wallet_shortcuts made = {.tables = NULL};
    lw_err err = tables > 0 ? hsm_key_tables_new(tables, &made.tables) : LW_SUCCESS;
    if (err.code == LW_OK && parts > 0) {
        err = make_parts(parts, &made.seen);
    }
    if (err.code != LW_OK) {
        wallet_shortcuts_end(&made);
        return err;
    }
    *out = made;
    return LW_SUCCESS;
}

void wallet_shortcuts_end(struct wallet_shortcuts *shortcuts)
{
    hsm_key_tables_free(shortcuts->tables);
    free_parts(shortcuts->seen);
    *shortcuts = (struct wallet_shortcuts){.tables = NULL};
}

/* Every field has a length of its own or says it, so that no two parts make the same name. */
static lw_err make_name(const struct wallet_issued_part *issued, uint8_t name[HSM_SHA256_LEN])
{
    static const char what[] = "license wallet: issuer-signed part";
    const struct hsm_public_key *key = &issued->issuer->cert.key;
    const uint8_t lens[] = {(uint8_t)key->alg, (uint8_t)(key->point_len >> 8),
                            (uint8_t)key->point_len, (uint8_t)issued->digest.len,
                            (uint8_t)issued->sig.len};
    const lw_bytes parts[] = {
        {.ptr = (const uint8_t *)what, .len = sizeof(what)},
        {.ptr = wallet_trust_digest(issued->trust), .len = HSM_SHA256_LEN},
        LW_BYTES(issued->issuer->cert.sha256),
        LW_BYTES(lens),
        {.ptr = key->point, .len = key->point_len},
        issued->digest,
        issued->sig,
    };
    return hsm_sha256_parts(parts, sizeof(parts) / sizeof(parts[0]), name);
}

static size_t set_of(const struct wallet_seen_parts *parts, const uint8_t name[HSM_SHA256_LEN])
{
    uint64_t number = 0;
    memcpy(&number, name, sizeof(number)); /* of a hash: any eight bytes do */
    return (size_t)(number % parts->count);
}

static struct part *find_in(struct set *set, const uint8_t name[HSM_SHA256_LEN])
{
    for (size_t i = 0; i < WAYS; i++) {
        if (memcmp(set->part[i].name, name, HSM_SHA256_LEN) == 0) {
            return &set->part[i];
        }
    }
    return NULL;
}

static void look_up(struct wallet_seen_parts *parts, struct wallet_seen *seen)
{
    const size_t number = set_of(parts, seen->name);
    (void)pthread_mutex_lock(&parts->lock[number % LOCKS]);
    const struct part *found = find_in(&parts->sets[number], seen->name);
    if (found != NULL) {
        seen->before = true;
        memcpy(seen->hint, found->hint, sizeof(seen->hint));
    }
    (void)pthread_mutex_unlock(&parts->lock[number % LOCKS]);
}

lw_err wallet_issued_verify(const struct wallet_shortcuts *shortcuts,
                            const struct wallet_issued_part *issued, struct wallet_seen *seen)
{
    const struct hsm_public_key *key = &issued->issuer->cert.key;
    *seen = (struct wallet_seen){.before = false};
    if (issued->digest.len >= LEN_MAX || issued->sig.len >= LEN_MAX) {
        return LW_FAIL(LW_E_SIGNATURE, "signature: wrong length", LW_NOWHERE);
    }
    if (shortcuts != NULL && shortcuts->seen != NULL) {
        LW_TRY(make_name(issued, seen->name));
        look_up(shortcuts->seen, seen);
    }
    return seen->before ? LW_SUCCESS
                        : hsm_key_tables_verify(shortcuts == NULL ? NULL : shortcuts->tables, key,
                                                issued->digest, issued->sig);
}

void wallet_issued_remember(const struct wallet_shortcuts *shortcuts,
                            const struct wallet_seen *seen)
{
    if (shortcuts == NULL || shortcuts->seen == NULL || seen->before) {
        return;
    }
    struct wallet_seen_parts *parts = shortcuts->seen;
    const size_t number = set_of(parts, seen->name);
    struct set *set = &parts->sets[number];
    (void)pthread_mutex_lock(&parts->lock[number % LOCKS]);
    if (find_in(set, seen->name) == NULL) { /* another thread may have been first */
        struct part *part = &set->part[parts->next[number]];
        memcpy(part->name, seen->name, sizeof(part->name));
        memcpy(part->hint, seen->hint, sizeof(part->hint));
        parts->next[number] = (uint8_t)((parts->next[number] + 1) % WAYS);
    }
    (void)pthread_mutex_unlock(&parts->lock[number % LOCKS]);
}

size_t wallet_seen_count(struct wallet_seen_parts *parts)
{
    size_t count = 0;
    for (size_t i = 0; i < parts->count; i++) {
        (void)pthread_mutex_lock(&parts->lock[i % LOCKS]);
        for (size_t k = 0; k < WAYS; k++) {
            count += memcmp(parts->sets[i].part[k].name, no_name, sizeof(no_name)) != 0 ? 1 : 0;
        }
        (void)pthread_mutex_unlock(&parts->lock[i % LOCKS]);
    }
    return count;
}
