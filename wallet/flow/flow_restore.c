/*
 * Restore a backup into a home. The mark stands from the first change to the last: a home that has
 * it is refused, and the next restore begins anew. The store gets its name when all of it was
 * checked.
 */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup_set.h"
#include "lw/file.h"

enum { FILE_MODE = 0600, CONF_MAX = 64 * 1024, CONF_NEW_MAX = 128 * 1024, MARK_MAX = 1024 };

static const char mark_text[] =
    "A restore into this folder was begun and has not ended. Run `lw store restore` again.\n";
/* What was there before is the owner's, also for the run that goes on. */
static const char own_token[] = "The folder token was there before.\n";
static const char own_config[] = "The file config.json was there before.\n";
static const char data_name[] = "store/data.mdb";
static const char token_prefix[] = "token/";
static const char conf_name[] = "token/softhsm2.conf";

static bool is_there(const struct wallet_home_config *config, const char *name)
{
    char path[HOME_PATH_MAX];
    struct stat info;
    return home_path(config, name, path).code == LW_OK && lstat(path, &info) == 0;
}

bool wallet_flow_restore_unfinished(const struct wallet_home_config *config)
{
    return is_there(config, home_restore_mark);
}

static lw_err check_backup(const char *backup, struct backup_set *set)
{
    bool has_store = false;
    LW_TRY(backup_manifest_read(backup, set));
    if (set->schema > wallet_store_schema()) {
        return LW_FAIL(LW_E_UNSUPPORTED, "restore: made by a newer version of this program",
                       LW_NOWHERE);
    }
    for (size_t i = 0; i < set->count; i++) {
        LW_TRY(backup_verify(backup, &set->files[i]));
        has_store = has_store || strcmp(set->files[i].path, data_name) == 0;
    }
    return has_store ? LW_SUCCESS
                     : LW_FAIL(LW_E_VALUE, "restore: the backup has no store", LW_NOWHERE);
}

/* Makes the folders above "home/name". */
static lw_err make_above(const struct wallet_home_config *config, const char *name)
{
    char part[BACKUP_PATH_MAX];
    char path[HOME_PATH_MAX];
    for (size_t i = 0; name[i] != '\0'; i++) {
        if (name[i] == '/') {
            memcpy(part, name, i);
            part[i] = '\0';
            LW_TRY(home_path(config, part, path));
            LW_TRY(backup_make_folder(path));
        }
    }
    return LW_SUCCESS;
}

static lw_err copy_to(const struct wallet_home_config *config, const char *backup, const char *from,
                      const char *to)
{
    char source[LW_PATH_MAX];
    char target[HOME_PATH_MAX];
    LW_TRY(backup_path(backup, from, source));
    LW_TRY(home_path(config, to, target));
    LW_TRY(make_above(config, to));
    (void)unlink(target); /* of a run that was cut short: the mark says so */
    LW_TRY(backup_copy(source, target));
    return lw_folder_sync_of(target);
}

/* SoftHSM's settings name the folder by its whole path, which is another now. */
static lw_err write_conf(const struct wallet_home_config *config, const char *backup)
{
    char source[LW_PATH_MAX];
    char target[HOME_PATH_MAX];
    char tokens[HOME_PATH_MAX];
    LW_AUTO_BUF old = LW_BUF(CONF_MAX);
    LW_AUTO_BUF text = LW_BUF(CONF_NEW_MAX);
    LW_TRY(backup_path(backup, conf_name, source));
    LW_TRY(home_path(config, conf_name, target));
    LW_TRY(home_path(config, "token/tokens", tokens));
    LW_TRY(lw_file_read(source, &old));
    lw_str rest = lw_buf_text(&old);
    while (rest.len > 0) {
        lw_str line = {NULL, 0};
        lw_str after = {NULL, 0};
        (void)lw_str_split(rest, '\n', &line, &after);
        rest = after;
        if (lw_str_starts(line, LW_STR("directories.tokendir"))) {
            LW_TRY(lw_buf_put_c(&text, "directories.tokendir = "));
            LW_TRY(lw_buf_put_c(&text, tokens));
        } else {
            LW_TRY(lw_buf_put_str(&text, line));
        }
        LW_TRY(lw_buf_put_byte(&text, '\n'));
    }
    return lw_file_write(target, lw_buf_view(&text), FILE_MODE);
}

/* What is the owner's and not taken from the backup. */
struct own {
    bool token;
    bool config;
};

static bool is_line(lw_str line, const char *text)
{
    return line.len + 1 == strlen(text) && memcmp(line.ptr, text, line.len) == 0;
}

/* A mark that says nothing of it is of a run whose files are all to be replaced. */
static lw_err read_own(const struct wallet_home_config *config, const char *mark, struct own *own)
{
    LW_AUTO_BUF text = LW_BUF(MARK_MAX);
    const lw_err err = lw_file_read(mark, &text);
    if (err.code == LW_E_NOT_FOUND) {
        own->token = is_there(config, "token");
        own->config = is_there(config, "config.json");
        return LW_SUCCESS;
    }
    LW_TRY(err);
    lw_str rest = lw_buf_text(&text);
    while (rest.len > 0) {
        lw_str line = {NULL, 0};
        (void)lw_str_split(rest, '\n', &line, &rest);
        own->token = own->token || is_line(line, own_token);
        own->config = own->config || is_line(line, own_config);
    }
    return LW_SUCCESS;
}

static lw_err write_mark(const char *mark, const struct own *own)
{
    LW_AUTO_BUF text = LW_BUF(MARK_MAX);
    LW_TRY(lw_buf_put_c(&text, mark_text));
    LW_TRY(own->token ? lw_buf_put_c(&text, own_token) : LW_SUCCESS);
    LW_TRY(own->config ? lw_buf_put_c(&text, own_config) : LW_SUCCESS);
    return lw_file_write(mark, lw_buf_view(&text), FILE_MODE);
}

static lw_err copy_rest(const struct wallet_home_config *config, const char *backup,
                        const struct backup_set *set, const struct own *own)
{
    const bool config_too = !own->config;
    const bool token = !own->token && set->about.token;
    for (size_t i = 0; i < set->count; i++) {
        const char *name = set->files[i].path;
        const bool of_token = lw_str_starts(lw_str_c(name), lw_str_c(token_prefix));
        if ((of_token && token) || (config_too && strcmp(name, "config.json") == 0)) {
            LW_TRY(copy_to(config, backup, name, name));
        }
        if (token && strcmp(name, conf_name) == 0) {
            LW_TRY(write_conf(config, backup));
        }
    }
    return LW_SUCCESS;
}

static lw_err same_head(const struct backup_set *told, const struct backup_set *found)
{
    return told->about.size == found->about.size &&
                   memcmp(told->about.root, found->about.root, sizeof(told->about.root)) == 0 &&
                   memcmp(told->store, found->store, sizeof(told->store)) == 0
               ? LW_SUCCESS
               : LW_FAIL(LW_E_CORRUPT, "restore: the store is not the one that was backed up",
                         LW_NOWHERE);
}

/* Always: a backup is an older state, even where nothing here tells, as in a home that has seen
   none and a file system that gives the number of a file that is gone to the next and no time. */
static lw_err adopt(const struct wallet_home_config *config, const struct wallet_env *env)
{
    struct wallet_home home = {.config = config, .env = env, .store_dir = "store.new"};
    struct wallet_store_standing standing;
    LW_TRY(home_open_store(&home));
    lw_err err = wallet_flow_store_standing(&home, &standing);
    err = err.code == LW_OK ? home_store_adopt(&home, &standing) : err;
    wallet_store_close(home.store);
    return err;
}

static lw_err put_store(const struct wallet_home_config *config, const struct wallet_env *env,
                        const char *backup, const struct backup_set *told)
{
    char dir[HOME_PATH_MAX];
    char named[HOME_PATH_MAX];
    AUTO_BACKUP_SET found = {.files = NULL};
    LW_TRY(home_path(config, "store.new", dir));
    LW_TRY(home_path(config, "store", named));
    backup_remove(dir);
    LW_TRY(copy_to(config, backup, data_name, "store.new/data.mdb"));
    LW_TRY(backup_check_store(dir, env, &found));
    LW_TRY(same_head(told, &found));
    LW_TRY(adopt(config, env));
    return lw_file_rename(dir, named);
}

static lw_err remove_mark(const struct wallet_home_config *config)
{
    char mark[HOME_PATH_MAX];
    LW_TRY(home_path(config, home_restore_mark, mark));
    if (unlink(mark) != 0) {
        return LW_FAIL(LW_E_IO, "restore: cannot remove its mark", LW_NOWHERE);
    }
    return lw_folder_sync(config->dir);
}

static lw_err restore_into(const struct wallet_home_config *config, const struct wallet_env *env,
                           const char *backup, const struct backup_set *set)
{
    char mark[HOME_PATH_MAX];
    LW_TRY(home_path(config, home_restore_mark, mark));
    struct own own = {.token = false};
    LW_TRY(read_own(config, mark, &own));
    LW_TRY(write_mark(mark, &own));
    LW_TRY(copy_rest(config, backup, set, &own));
    LW_TRY(put_store(config, env, backup, set));
    return remove_mark(config);
}

lw_err wallet_flow_store_restore(const struct wallet_home_config *config,
                                 const struct wallet_env *env, const char *backup,
                                 struct wallet_backup *restored)
{
    AUTO_BACKUP_SET set = {.files = NULL};
    const bool half = is_there(config, home_restore_mark);
    if (is_there(config, "store") && !half) {
        return LW_FAIL(LW_E_CONFLICT, "restore: the home has a store", LW_NOWHERE);
    }
    LW_TRY(check_backup(backup, &set));
    *restored = set.about;
    if (is_there(config, "store")) { /* only the mark was left to be removed */
        return remove_mark(config);
    }
    LW_TRY(backup_make_folder(config->dir));
    return restore_into(config, env, backup, &set);
}
