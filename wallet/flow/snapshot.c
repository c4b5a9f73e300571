/* The catalogue and trust as they stand, read once and shared until the store's generation moves.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "home_internal.h"
#include "trust_publish.h"

struct wallet_snapshot {
    atomic_uint users;
    uint64_t generation;
    struct home_catalog catalog;
    struct wallet_trust *trust;
};

static void free_snapshot(struct wallet_snapshot *snapshot)
{
    wallet_trust_free(snapshot->trust);
    home_catalog_free(&snapshot->catalog);
    free(snapshot);
}

static lw_err build_trust(const struct home_trust_parts *parts, struct wallet_trust *trust)
{
    for (size_t i = 0; i < parts->anchor_count; i++) {
        LW_TRY(i == 0 ? wallet_trust_add_anchor(trust, parts->anchors[i])
                      : wallet_trust_join_anchor(trust, parts->anchors[i]));
    }
    for (size_t i = 0; i < parts->issuer_count; i++) {
        LW_TRY(wallet_trust_add(trust, &parts->issuers[i].entry));
    }
    return LW_SUCCESS;
}

static lw_err fill(struct wallet_home *home, const struct wallet_txn *txn,
                   struct wallet_snapshot *snapshot)
{
    struct home_trust_parts parts;
    LW_TRY(wallet_store_generation(txn, &snapshot->generation));
    LW_TRY(home_catalog_read(txn, &snapshot->catalog));
    LW_TRY(wallet_trust_new(&snapshot->trust));
    LW_TRY(home_trust_gather(home, txn, &snapshot->catalog, &parts));
    const lw_err err = build_trust(&parts, snapshot->trust);
    home_trust_parts_free(&parts);
    return err;
}

static lw_err make(struct wallet_home *home, const struct wallet_txn *txn,
                   struct wallet_snapshot **out)
{
    struct wallet_snapshot *snapshot = calloc(1, sizeof(*snapshot));
    if (snapshot == NULL) {
        return LW_FAIL(LW_E_NOMEM, "home: out of memory", LW_NOWHERE);
    }
    atomic_init(&snapshot->users, 1); /* the home itself */
    const lw_err err = fill(home, txn, snapshot);
    if (err.code != LW_OK) {
        free_snapshot(snapshot);
        return err;
    }
    *out = snapshot;
    return LW_SUCCESS;
}

/* With the lock held: the present snapshot, made anew when the store has moved on. */
static lw_err refresh(struct wallet_home *home)
{
    WALLET_AUTO_TXN txn = NULL;
    uint64_t generation = 0;
    struct wallet_snapshot *made = NULL;
    LW_TRY(wallet_read_begin(home->store, &txn));
    LW_TRY(wallet_store_generation(txn, &generation));
    if (home->snapshot != NULL && home->snapshot->generation == generation) {
        return LW_SUCCESS;
    }
    LW_TRY(make(home, txn, &made));
    wallet_snapshot_release(home->snapshot);
    home->snapshot = made;
    return LW_SUCCESS;
}

lw_err wallet_home_snapshot(struct wallet_home *home, const struct wallet_snapshot **snapshot)
{
    (void)pthread_mutex_lock(&home->lock);
    const lw_err err = refresh(home);
    if (err.code == LW_OK) {
        atomic_fetch_add(&home->snapshot->users, 1);
        *snapshot = home->snapshot;
    }
    (void)pthread_mutex_unlock(&home->lock);
    return err;
}

void wallet_snapshot_release(const struct wallet_snapshot *snapshot)
{
    /* Users see it as constant; only the count of them, and its end, are not. */
    union {
        const struct wallet_snapshot *as_given;
        struct wallet_snapshot *own;
    } s = {.as_given = snapshot};
    if (s.own != NULL && atomic_fetch_sub(&s.own->users, 1) == 1) {
        free_snapshot(s.own);
    }
}

const struct wallet_trust *wallet_snapshot_trust(const struct wallet_snapshot *snapshot)
{
    return snapshot->trust;
}

const struct wallet_license_type *wallet_snapshot_type(const struct wallet_snapshot *snapshot,
                                                       lw_str id)
{
    for (size_t i = 0; i < snapshot->catalog.type_count; i++) {
        const struct wallet_license_type *type = wallet_license_type_of(snapshot->catalog.types[i]);
        if (lw_str_eq(type->id, id)) {
            return type;
        }
    }
    return NULL;
}

const struct wallet_license_type *
wallet_snapshot_type_by_vct(const struct wallet_snapshot *snapshot, lw_str vct)
{
    for (size_t i = 0; i < snapshot->catalog.type_count; i++) {
        const struct wallet_license_type *type = wallet_license_type_of(snapshot->catalog.types[i]);
        if (lw_str_eq(type->vct, vct)) {
            return type;
        }
    }
    return NULL;
}

const struct wallet_agency *wallet_snapshot_agency(const struct wallet_snapshot *snapshot,
                                                   lw_str id)
{
    for (size_t i = 0; i < snapshot->catalog.agency_count; i++) {
        const struct wallet_agency *agency = wallet_agency_of(snapshot->catalog.agencies[i]);
        if (lw_str_eq(agency->id, id)) {
            return agency;
        }
    }
    return NULL;
}
