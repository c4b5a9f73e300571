/* Back up a home, hot: lw store backup; and write its store anew: lw store compact. */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup_set.h"
#include "lw/file.h"
#include "wallet/json_doc.h"
#include "wallet/json_write.h"
#include "wallet/store_license.h"

enum { TOKEN_DEPTH = 4, FILE_MODE = 0600, LAST_MAX = 512 };

static const char data_name[] = "store/data.mdb";
static const char last_name[] = "backup.last";
static const char mark_text[] =
    "The folder beside this file whose name ends in .new is a backup that was begun and has not "
    "ended. The same `lw store backup` again clears it away.\n";

static lw_err check_whole(struct wallet_store *store)
{
    struct wallet_store_found found;
    struct wallet_index_check check = {.fault_count = 0};
    WALLET_AUTO_TXN txn = NULL;
    LW_TRY(wallet_store_check(store, &found));
    LW_TRY(wallet_read_begin(store, &txn));
    LW_TRY(wallet_store_check_indexes(txn, &check));
    return found.whole && check.fault_count == 0
               ? LW_SUCCESS
               : LW_FAIL(LW_E_CORRUPT, "backup: its store is not whole", LW_NOWHERE);
}

static lw_err describe(struct wallet_store *store, struct backup_set *set)
{
    uint64_t counts[WALLET_SUPERSEDED + 1];
    struct wallet_audit_signed_head head = {.size = 0};
    struct wallet_signed_doc list = {.version = 0};
    WALLET_AUTO_TXN txn = NULL;
    memcpy(set->store, wallet_store_id(store), sizeof(set->store));
    set->schema = wallet_store_schema();
    set->signed_head = LW_BUF(WALLET_AUDIT_SIGNED_MAX);
    LW_TRY(wallet_read_begin(store, &txn));
    LW_TRY(wallet_audit_head(txn, &set->about.size, set->about.root));
    lw_err err = wallet_audit_last_signed(txn, &head);
    LW_TRY(err.code == LW_E_NOT_FOUND ? LW_SUCCESS : err);
    LW_TRY(lw_buf_put(&set->signed_head, head.cose));
    set->about.signed_size = head.size;
    err = wallet_store_trust_list_get(txn, 0, &list);
    LW_TRY(err.code == LW_E_NOT_FOUND ? LW_SUCCESS : err);
    set->about.trust = list.version;
    LW_TRY(wallet_store_license_count(txn, LW_STR(""), counts));
    set->about.licenses = 0;
    for (size_t i = 0; i <= WALLET_SUPERSEDED; i++) {
        set->about.licenses += counts[i];
    }
    return LW_SUCCESS;
}

lw_err backup_check_store(const char *dir, const struct wallet_env *env, struct backup_set *set)
{
    const struct wallet_store_options options = {
        .clock = env->clock, .rng = env->rng, .reads_all = true};
    char lock[LW_PATH_MAX];
    lw_err err = LW_SUCCESS;
    {
        WALLET_AUTO_STORE store = NULL;
        LW_TRY(wallet_store_open(dir, &options, &store));
        err = check_whole(store);
        err = err.code == LW_OK ? describe(store, set) : err;
    }
    LW_TRY(err);
    LW_TRY(backup_path(dir, "lock.mdb", lock));
    (void)unlink(lock); /* made by opening; nobody else knows this folder yet */
    return LW_SUCCESS;
}

static lw_err write_public(struct backup_set *set, const char *dir, const char *name,
                           lw_bytes bytes)
{
    char path[LW_PATH_MAX];
    LW_TRY(backup_path(dir, name, path));
    LW_TRY(lw_file_write(path, bytes, FILE_MODE));
    return backup_note(set, dir, name);
}

/* What is published, for whoever has no lw at hand. */
static lw_err put_public(struct wallet_home *home, struct backup_set *set, const char *dir)
{
    char path[LW_PATH_MAX];
    lw_bytes ca = {NULL, 0};
    struct wallet_signed_doc doc;
    struct wallet_key_record key;
    WALLET_AUTO_TXN txn = NULL;
    LW_TRY(backup_path(dir, "public", path));
    LW_TRY(backup_make_folder(path));
    LW_TRY(wallet_read_begin(home->store, &txn));
    if (wallet_store_ca_get(txn, &ca).code == LW_OK) {
        LW_TRY(write_public(set, dir, "public/ca.der", ca));
    }
    if (wallet_store_key_active(txn, HSM_PURPOSE_CA, LW_STR(""), &key).code == LW_OK &&
        wallet_store_crl_get(txn, lw_str_c(key.token), &doc).code == LW_OK) {
        LW_TRY(write_public(set, dir, "public/ca.crl", doc.bytes));
    }
    if (wallet_store_trust_list_get(txn, 0, &doc).code == LW_OK) {
        LW_TRY(write_public(set, dir, "public/trust-list.cwt", doc.bytes));
    }
    return LW_SUCCESS;
}

static lw_err put_config(const struct wallet_home *home, struct backup_set *set, const char *dir)
{
    char from[HOME_PATH_MAX];
    char to[LW_PATH_MAX];
    LW_TRY(home_path(home->config, "config.json", from));
    LW_TRY(backup_path(dir, "config.json", to));
    const lw_err err = backup_copy(from, to);
    if (err.code == LW_E_NOT_FOUND) {
        return LW_SUCCESS; /* a home that was made without one */
    }
    LW_TRY(err);
    return backup_note(set, dir, "config.json");
}

static lw_err put_token(const struct wallet_home *home, struct backup_set *set, const char *dir)
{
    char from[HOME_PATH_MAX];
    if (home->config->module != NULL) {
        return LW_FAIL(LW_E_NOT_FOUND, "backup: the token is a device: its own tools back it up",
                       LW_NOWHERE);
    }
    LW_TRY(home_path(home->config, "token", from));
    set->about.token = true;
    return backup_copy_folder(set, from, dir, "token", TOKEN_DEPTH);
}

static lw_err fill(struct wallet_home *home, const char *dir, bool with_token,
                   struct backup_set *set)
{
    char store[LW_PATH_MAX];
    LW_TRY(backup_path(dir, "store", store));
    LW_TRY(wallet_store_backup(home->store, store));
    set->about.made = lw_now(home->env->clock);
    LW_TRY(backup_check_store(store, home->env, set));
    LW_TRY(backup_note(set, dir, data_name));
    LW_TRY(put_config(home, set, dir));
    LW_TRY(put_public(home, set, dir));
    if (with_token) {
        LW_TRY(put_token(home, set, dir));
    }
    LW_TRY(lw_folder_sync(store));
    return backup_manifest_write(dir, set);
}

/* Where a backup is put together before it gets its name. */
struct making {
    char folder[LW_PATH_MAX]; /* DIR.new */
    /* DIR.unfinished: stands from before the folder is made until after it has its name, so that
       only a folder of ours is ever cleared away, whenever its run was killed. */
    char mark[LW_PATH_MAX];
};

static lw_err name_beside(const char *dir, const char *end, char path[LW_PATH_MAX])
{
    const int n = snprintf(path, LW_PATH_MAX, "%s%s", dir, end);
    return n > 0 && n < LW_PATH_MAX ? LW_SUCCESS
                                    : LW_FAIL(LW_E_LIMIT, "backup: a path is too long", LW_NOWHERE);
}

static bool is_there(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}

/* Makes the folder, in place of one that a killed run left. */
static lw_err begin(const char *dir, struct making *m)
{
    const lw_err taken =
        LW_FAIL(LW_E_CONFLICT, "backup: there is something of that name", LW_NOWHERE);
    LW_TRY(name_beside(dir, ".new", m->folder));
    LW_TRY(name_beside(dir, ".unfinished", m->mark));
    if (is_there(dir)) {
        if (is_there(m->mark) && !is_there(m->folder)) {
            (void)unlink(m->mark); /* all else of that run was done */
        }
        return taken;
    }
    if (is_there(m->folder)) {
        if (!is_there(m->mark)) {
            return taken;
        }
        backup_remove(m->folder);
    }
    LW_TRY(lw_file_write(m->mark, lw_str_bytes(lw_str_c(mark_text)), FILE_MODE));
    return backup_make_folder(m->folder);
}

static lw_err finish(const struct making *m, const char *dir)
{
    LW_TRY(lw_folder_sync(m->folder));
    LW_TRY(lw_file_rename(m->folder, dir));
    if (unlink(m->mark) != 0) {
        return LW_FAIL(LW_E_IO, "backup: cannot finish it", LW_NOWHERE);
    }
    return lw_folder_sync_of(dir);
}

static lw_err note_last(const struct wallet_home *home, const struct wallet_backup *made)
{
    char path[HOME_PATH_MAX];
    LW_AUTO_BUF json = LW_BUF(LAST_MAX);
    struct wallet_json_writer w = wallet_json_writer(&json);
    wallet_json_put_object(&w);
    wallet_json_member_int(&w, "made", made->made);
    wallet_json_member_int(&w, "size", (int64_t)made->size);
    wallet_json_put_end(&w);
    LW_TRY(wallet_json_written(&w));
    LW_TRY(home_path(home->config, last_name, path));
    return lw_file_write(path, lw_buf_view(&json), FILE_MODE);
}

int64_t wallet_flow_last_backup(const struct wallet_home_config *config)
{
    char path[HOME_PATH_MAX];
    WALLET_AUTO_JSON doc = NULL;
    LW_AUTO_BUF json = LW_BUF(LAST_MAX);
    if (home_path(config, last_name, path).code != LW_OK ||
        lw_file_read(path, &json).code != LW_OK ||
        wallet_json_doc_parse(lw_buf_view(&json), LAST_MAX, &doc).code != LW_OK) {
        return 0;
    }
    struct wallet_json_faults faults = {.max = 0};
    const struct wallet_json_at root = wallet_json_at_root(doc, &faults);
    const struct wallet_json_at made = wallet_json_at_member(&root, "made");
    return wallet_json_at_int(&made, 0, INT64_MAX);
}

lw_err wallet_flow_store_backup(struct wallet_home *home, const char *dir, bool with_token,
                                struct wallet_backup *made)
{
    struct making m;
    AUTO_BACKUP_SET set = {.files = NULL};
    LW_TRY(begin(dir, &m));
    lw_err err = fill(home, m.folder, with_token, &set);
    err = err.code == LW_OK ? finish(&m, dir) : err;
    if (err.code != LW_OK) {
        backup_remove(m.folder);
        (void)unlink(m.mark);
        return err;
    }
    *made = set.about;
    return note_last(home, made);
}

/* The copy has the id that its new place gives it, before it takes the old file's name. */
static lw_err record_place(struct wallet_home *home, const char *dir_name)
{
    struct wallet_home copy = {.config = home->config, .env = home->env, .store_dir = dir_name};
    LW_TRY(home_open_store(&copy));
    const lw_err err = home_place_record(&copy);
    wallet_store_close(copy.store);
    return err;
}

static uint64_t file_size(const char *path)
{
    struct stat info = {0};
    return stat(path, &info) == 0 ? (uint64_t)info.st_size : 0;
}

static lw_err compact_into(struct wallet_home *home, const char *dir)
{
    char old_data[HOME_PATH_MAX];
    char old_lock[HOME_PATH_MAX];
    char data[LW_PATH_MAX];
    LW_TRY(home_path(home->config, "store/data.mdb", old_data));
    LW_TRY(home_path(home->config, "store/lock.mdb", old_lock));
    LW_TRY(backup_path(dir, "data.mdb", data));
    LW_TRY(wallet_store_copy_compact(home->store, dir));
    LW_TRY(record_place(home, "store.compact"));
    /* Its table of readers tells of commits that the new file begins to count anew. */
    (void)unlink(old_lock);
    if (rename(data, old_data) != 0) {
        return LW_FAIL(LW_E_IO, "compact: cannot name the new file", LW_NOWHERE);
    }
    return lw_folder_sync_of(old_data);
}

lw_err wallet_flow_store_compact(struct wallet_home *home, uint64_t *before, uint64_t *after)
{
    char dir[HOME_PATH_MAX];
    char data[HOME_PATH_MAX];
    LW_TRY(home_path(home->config, "store.compact", dir));
    LW_TRY(home_path(home->config, "store/data.mdb", data));
    LW_TRY(wallet_store_own(home->store));
    *before = file_size(data);
    backup_remove(dir); /* of a run that was killed */
    const lw_err err = compact_into(home, dir);
    backup_remove(dir);
    *after = file_size(data);
    return err;
}
