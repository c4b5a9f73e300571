/*
 * Is this the store, and its newest state? Two things outside it tell:
 *
 *   HOME/head.seen   the size and root of its log as last seen, written durably after each signed
 *                    head and when a home is closed: a store whose log is shorter, or has another
 *                    root there, is an older one put back (F7)
 *   its data file    number and time of making, and the machine, are recorded in the store itself:
 *                    a copy lies in another file (F23). Moving a home within its file system
 *                    changes neither, nor does restarting the machine.
 */
#define _GNU_SOURCE /* statx */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flow_hex.h"
#include "home_internal.h"
#include "hsm/digest.h"
#include "lw/file.h"
#include "wallet/flow_store.h"
#include "wallet/store_adopt.h"

enum { SEEN_MAX = 4096, FILE_MODE = 0600, MACHINE_MAX = 128 };

static const char seen_name[] = "head.seen";

static lw_err parse_seen(lw_bytes text, struct home_seen *seen)
{
    WALLET_AUTO_JSON doc = NULL;
    struct wallet_doc_error list[1] = {{.what = NULL}};
    struct wallet_json_faults faults = {.list = list, .max = 1};
    LW_TRY(wallet_json_doc_parse(text, SEEN_MAX, &doc));
    const struct wallet_json_at root = wallet_json_at_root(doc, &faults);
    const struct wallet_json_at size = wallet_json_at_member(&root, "size");
    const struct wallet_json_at trust = wallet_json_at_member(&root, "trust_list");
    const struct wallet_json_at time = wallet_json_at_member(&root, "time");
    seen->size = (uint64_t)wallet_json_at_int(&size, 0, INT64_MAX);
    seen->trust = (uint64_t)wallet_json_at_int(&trust, 0, INT64_MAX);
    seen->time = wallet_json_at_int(&time, INT64_MIN, INT64_MAX);
    LW_TRY(flow_read_hex(&root, "store", seen->store, sizeof(seen->store)));
    LW_TRY(flow_read_hex(&root, "root", seen->root, sizeof(seen->root)));
    seen->there = faults.count == 0;
    return seen->there ? LW_SUCCESS : LW_FAIL(LW_E_VALUE, "home: head.seen", LW_NOWHERE);
}

lw_err home_seen_read(const struct wallet_home_config *config, struct home_seen *seen)
{
    char path[HOME_PATH_MAX];
    LW_AUTO_BUF text = LW_BUF(SEEN_MAX);
    *seen = (struct home_seen){.there = false};
    LW_TRY(home_path(config, seen_name, path));
    const lw_err err = lw_file_read(path, &text);
    if (err.code == LW_E_NOT_FOUND) {
        return LW_SUCCESS;
    }
    LW_TRY(err);
    return parse_seen(lw_buf_view(&text), seen).code == LW_OK
               ? LW_SUCCESS
               : LW_FAIL(LW_E_CONFLICT, "home: the file head.seen is not of its form", LW_NOWHERE);
}

static lw_err write_seen(const struct wallet_home_config *config, const struct home_seen *seen)
{
    char path[HOME_PATH_MAX];
    LW_AUTO_BUF json = LW_BUF(SEEN_MAX);
    struct wallet_json_writer w = wallet_json_writer(&json);
    wallet_json_put_object(&w);
    flow_member_hex(&w, "store", LW_BYTES(seen->store));
    wallet_json_member_int(&w, "size", (int64_t)seen->size);
    flow_member_hex(&w, "root", LW_BYTES(seen->root));
    wallet_json_member_int(&w, "trust_list", (int64_t)seen->trust);
    wallet_json_member_int(&w, "time", seen->time);
    wallet_json_put_end(&w);
    LW_TRY(wallet_json_written(&w));
    LW_TRY(home_path(config, seen_name, path));
    return lw_file_write(path, lw_buf_view(&json), FILE_MODE);
}

/* What the store is now, as it would be noted. */
static lw_err seen_of(struct wallet_home *home, struct home_seen *now)
{
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_signed_doc list = {.version = 0};
    *now = (struct home_seen){.there = true, .time = lw_now(home->env->clock)};
    memcpy(now->store, wallet_store_id(home->store), sizeof(now->store));
    LW_TRY(wallet_read_begin(home->store, &txn));
    LW_TRY(wallet_audit_head(txn, &now->size, now->root));
    const lw_err err = wallet_store_trust_list_get(txn, 0, &list);
    now->trust = list.version;
    return err.code == LW_E_NOT_FOUND ? LW_SUCCESS : err;
}

/* Other threads and processes note what they have seen, too: under a lock, the longest stays. */
static lw_err note_locked(struct wallet_home *home, bool replace)
{
    struct home_seen before;
    struct home_seen now;
    LW_TRY(seen_of(home, &now));
    const lw_err err = home_seen_read(home->config, &before);
    if (!replace) {
        LW_TRY(err);
    }
    if (replace || !before.there || before.size < now.size) {
        LW_TRY(write_seen(home->config, &now));
    }
    atomic_store(&home->seen, now.size); /* last: who sees it may rely on the file */
    return LW_SUCCESS;
}

lw_err home_seen_note(struct wallet_home *home, bool replace)
{
    uint64_t size = 0;
    uint8_t root[WALLET_HASH_LEN];
    {
        WALLET_AUTO_TXN txn = NULL;
        LW_TRY(wallet_read_begin(home->store, &txn));
        LW_TRY(wallet_audit_head(txn, &size, root));
    }
    if (size == atomic_load(&home->seen) && !replace) {
        return LW_SUCCESS;
    }
    const int fd = open(home->config->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX) != 0) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return LW_FAIL(LW_E_IO, "home: cannot lock its folder", LW_NOWHERE);
    }
    const lw_err err = note_locked(home, replace);
    (void)close(fd);
    return err;
}

/* The machine's id is for its owner only: what is kept is keyed by the store. */
static lw_err machine_of(const struct wallet_home *home, uint8_t machine[WALLET_MACHINE_LEN])
{
    static const char *const names[] = {"/etc/machine-id", "/var/lib/dbus/machine-id"};
    uint8_t hash[HSM_SHA256_LEN];
    LW_AUTO_BUF id = LW_BUF(MACHINE_MAX);
    memset(machine, 0, WALLET_MACHINE_LEN);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && id.len == 0; i++) {
        if (lw_file_read(names[i], &id).code != LW_OK) {
            lw_buf_truncate(&id, 0);
        }
    }
    if (id.len == 0) {
        return LW_SUCCESS;
    }
    const lw_bytes parts[] = {lw_str_bytes(LW_STR("license-wallet machine")),
                              {.ptr = wallet_store_id(home->store), .len = WALLET_STORE_ID_LEN},
                              lw_buf_view(&id)};
    LW_TRY(hsm_sha256_parts(parts, sizeof(parts) / sizeof(parts[0]), hash));
    memcpy(machine, hash, WALLET_MACHINE_LEN);
    return LW_SUCCESS;
}

static lw_err place_of(const struct wallet_home *home, struct wallet_store_place *place)
{
    char path[HOME_PATH_MAX];
    struct statx info = {0};
    *place = (struct wallet_store_place){.file = 0};
    char name[HOME_PATH_MAX];
    (void)snprintf(name, sizeof(name), "%s/data.mdb", home->store_dir); /* both are our own */
    LW_TRY(home_path(home->config, name, path));
    if (statx(AT_FDCWD, path, 0, STATX_INO | STATX_BTIME, &info) != 0) {
        return LW_FAIL(LW_E_IO, "home: cannot look at the data file", LW_NOWHERE);
    }
    place->file = info.stx_ino;
    if ((info.stx_mask & STATX_BTIME) != 0) {
        place->made_s = info.stx_btime.tv_sec;
        place->made_ns = info.stx_btime.tv_nsec;
    }
    return machine_of(home, place->machine);
}

static lw_err write_place(struct wallet_txn *txn, void *ctx)
{
    return wallet_store_place_put(txn, ctx);
}

lw_err home_place_record(struct wallet_home *home)
{
    struct wallet_store_place place;
    LW_TRY(place_of(home, &place));
    return wallet_store_write(home->store, write_place, &place);
}

/* A machine that does not tell its id is taken for the same. */
static bool same_place(const struct wallet_store_place *a, const struct wallet_store_place *b)
{
    static const uint8_t untold[WALLET_MACHINE_LEN] = {0};
    const bool told = memcmp(a->machine, untold, sizeof(untold)) != 0 &&
                      memcmp(b->machine, untold, sizeof(untold)) != 0;
    return a->file == b->file && a->made_s == b->made_s && a->made_ns == b->made_ns &&
           (!told || memcmp(a->machine, b->machine, sizeof(untold)) == 0);
}

static lw_err compare_seen(const struct wallet_txn *txn, const struct home_seen *seen,
                           struct wallet_store_standing *standing)
{
    uint8_t root[WALLET_HASH_LEN];
    standing->seen_size = seen->size;
    standing->seen_time = seen->time;
    standing->seen_trust = seen->trust;
    memcpy(standing->seen_root, seen->root, sizeof(standing->seen_root));
    standing->other =
        memcmp(seen->store, wallet_store_id(wallet_txn_store(txn)), sizeof(seen->store)) != 0;
    if (standing->other || standing->size < seen->size) {
        standing->older = true;
        return LW_SUCCESS;
    }
    LW_TRY(wallet_audit_root_at(txn, seen->size, root));
    standing->older = memcmp(root, seen->root, sizeof(root)) != 0;
    return LW_SUCCESS;
}

lw_err wallet_flow_store_standing(struct wallet_home *home, struct wallet_store_standing *standing)
{
    struct home_seen seen;
    struct wallet_store_place recorded;
    struct wallet_store_place here;
    uint8_t root[WALLET_HASH_LEN];
    WALLET_AUTO_TXN txn = NULL;
    *standing = (struct wallet_store_standing){.recorded = false};
    LW_TRY(place_of(home, &here));
    const lw_err unread = home_seen_read(home->config, &seen);
    if (unread.code != LW_OK && unread.code != LW_E_CONFLICT) {
        return unread;
    }
    LW_TRY(wallet_read_begin(home->store, &txn));
    LW_TRY(wallet_audit_head(txn, &standing->size, root));
    LW_TRY(wallet_store_place_get(txn, &recorded));
    standing->recorded = recorded.file != 0;
    standing->copied = standing->recorded && !same_place(&recorded, &here);
    if (unread.code != LW_OK) {
        standing->older = true;
        return LW_SUCCESS;
    }
    return seen.there ? compare_seen(txn, &seen, standing) : LW_SUCCESS;
}

lw_err home_guard(struct wallet_home *home)
{
    struct wallet_store_standing s;
    LW_TRY(wallet_flow_store_standing(home, &s));
    if (s.other) {
        return LW_FAIL(LW_E_CONFLICT, "home: this is the store of another home", LW_NOWHERE);
    }
    if (s.older) {
        return LW_FAIL(
            LW_E_CONFLICT,
            "home: the store is older than what this home has seen of it, or its log was altered",
            LW_NOWHERE);
    }
    if (s.copied) {
        return LW_FAIL(LW_E_CONFLICT, "home: the store is a copy: its original may be in use",
                       LW_NOWHERE);
    }
    atomic_store(&home->seen, s.seen_size);
    home->guarded = true;
    return s.recorded ? LW_SUCCESS : home_place_record(home);
}
