/* The manifest of a backup as JSON. */
#include <string.h>

#include "backup_set.h"
#include "flow_hex.h"
#include "lw/file.h"
#include "wallet/json_doc.h"
#include "wallet/json_write.h"

enum { MANIFEST_MAX = 4 * 1024 * 1024, FILE_MODE = 0600, HEX_MAX = 2 * WALLET_AUDIT_SIGNED_MAX };

static const char format_name[] = "license-wallet backup 1";
static const char manifest_name[] = "manifest.json";

static void put_log(const struct backup_set *set, struct wallet_json_writer *w)
{
    wallet_json_put_name(w, "log");
    wallet_json_put_object(w);
    wallet_json_member_int(w, "size", (int64_t)set->about.size);
    flow_member_hex(w, "root", LW_BYTES(set->about.root));
    wallet_json_member_int(w, "signed_size", (int64_t)set->about.signed_size);
    flow_member_hex(w, "signed_head", lw_buf_view(&set->signed_head));
    wallet_json_put_end(w);
}

static void put_files(const struct backup_set *set, struct wallet_json_writer *w)
{
    wallet_json_put_name(w, "files");
    wallet_json_put_array(w);
    for (size_t i = 0; i < set->count; i++) {
        wallet_json_put_object(w);
        wallet_json_member_text(w, "path", lw_str_c(set->files[i].path));
        wallet_json_member_int(w, "size", (int64_t)set->files[i].size);
        flow_member_hex(w, "sha256", LW_BYTES(set->files[i].hash));
        wallet_json_put_end(w);
    }
    wallet_json_put_end(w);
}

lw_err backup_manifest_write(const char *dir, const struct backup_set *set)
{
    char path[LW_PATH_MAX];
    LW_AUTO_BUF json = LW_BUF(MANIFEST_MAX);
    struct wallet_json_writer w = wallet_json_writer(&json);
    wallet_json_put_object(&w);
    wallet_json_member_text(&w, "format", lw_str_c(format_name));
    wallet_json_member_int(&w, "made", set->about.made);
    wallet_json_member_int(&w, "schema", (int64_t)set->schema);
    flow_member_hex(&w, "store", LW_BYTES(set->store));
    put_log(set, &w);
    wallet_json_member_int(&w, "licenses", (int64_t)set->about.licenses);
    wallet_json_member_int(&w, "trust_list", (int64_t)set->about.trust);
    wallet_json_member_bool(&w, "token", set->about.token);
    put_files(set, &w);
    wallet_json_put_end(&w);
    LW_TRY(wallet_json_written(&w));
    LW_TRY(backup_path(dir, manifest_name, path));
    return lw_file_write(path, lw_buf_view(&json), FILE_MODE);
}

/* A name that stays within the backup: parts of letters, digits, ".", "-" and "_". */
static bool name_ok(lw_str name)
{
    bool part_begins = true;
    for (size_t i = 0; i < name.len; i++) {
        const char c = name.ptr[i];
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (!plain && (part_begins || (c != '.' && c != '/'))) {
            return false;
        }
        part_begins = c == '/';
    }
    return name.len > 0 && name.len < BACKUP_PATH_MAX && !part_begins;
}

static lw_err read_file(const struct wallet_json_at *at, struct backup_file *file)
{
    const struct wallet_json_at path = wallet_json_at_member(at, "path");
    const struct wallet_json_at size = wallet_json_at_member(at, "size");
    const lw_str name = wallet_json_at_text(&path, 1, BACKUP_PATH_MAX - 1);
    if (!name_ok(name)) {
        return LW_FAIL(LW_E_VALUE, "backup: its manifest names a file outside it", LW_NOWHERE);
    }
    memcpy(file->path, name.ptr, name.len);
    file->path[name.len] = '\0';
    file->size = (uint64_t)wallet_json_at_int(&size, 0, INT64_MAX);
    return flow_read_hex(at, "sha256", file->hash, sizeof(file->hash));
}

static lw_err read_files(const struct wallet_json_at *root, struct backup_set *set)
{
    const struct wallet_json_at list = wallet_json_at_member(root, "files");
    LW_TRY(backup_set_room(set));
    for (size_t i = 0; i < BACKUP_FILES_MAX; i++) {
        const struct wallet_json_at at = wallet_json_at_element(&list, i);
        if (!wallet_json_at_present(&at)) {
            break;
        }
        LW_TRY(read_file(&at, &set->files[set->count]));
        set->count++;
    }
    return set->count > 0 ? LW_SUCCESS
                          : LW_FAIL(LW_E_VALUE, "backup: its manifest lists no files", LW_NOWHERE);
}

static uint64_t number(const struct wallet_json_at *root, const char *name)
{
    const struct wallet_json_at at = wallet_json_at_member(root, name);
    return (uint64_t)wallet_json_at_int(&at, 0, INT64_MAX);
}

static lw_err read_about(const struct wallet_json_at *root, struct backup_set *set)
{
    const struct wallet_json_at format = wallet_json_at_member(root, "format");
    const struct wallet_json_at log = wallet_json_at_member(root, "log");
    const struct wallet_json_at token = wallet_json_at_member(root, "token");
    if (!lw_str_is(wallet_json_at_text(&format, 1, 64), format_name)) {
        return LW_FAIL(LW_E_VALUE, "backup: its manifest is of no form that is known", LW_NOWHERE);
    }
    set->about.made = (int64_t)number(root, "made");
    set->schema = number(root, "schema");
    set->about.size = number(&log, "size");
    set->about.signed_size = number(&log, "signed_size");
    set->about.licenses = number(root, "licenses");
    set->about.trust = number(root, "trust_list");
    set->about.token = wallet_json_at_bool(&token);
    LW_TRY(flow_read_hex(root, "store", set->store, sizeof(set->store)));
    return flow_read_hex(&log, "root", set->about.root, sizeof(set->about.root));
}

lw_err backup_manifest_read(const char *dir, struct backup_set *set)
{
    char path[LW_PATH_MAX];
    WALLET_AUTO_JSON doc = NULL;
    struct wallet_doc_error first[1] = {{.what = NULL}};
    struct wallet_json_faults faults = {.list = first, .max = 1};
    LW_AUTO_BUF json = LW_BUF(MANIFEST_MAX);
    LW_TRY(backup_path(dir, manifest_name, path));
    const lw_err err = lw_file_read(path, &json);
    if (err.code == LW_E_NOT_FOUND) {
        return LW_FAIL(LW_E_NOT_FOUND, "backup: there is no manifest.json", LW_NOWHERE);
    }
    LW_TRY(err);
    LW_TRY(wallet_json_doc_parse(lw_buf_view(&json), MANIFEST_MAX, &doc));
    const struct wallet_json_at root = wallet_json_at_root(doc, &faults);
    LW_TRY(read_about(&root, set));
    LW_TRY(read_files(&root, set));
    return faults.count == 0
               ? LW_SUCCESS
               : LW_FAIL(LW_E_VALUE, "backup: its manifest is not of its form", LW_NOWHERE);
}

lw_err wallet_flow_backup_read(const char *dir, struct wallet_backup *backup)
{
    AUTO_BACKUP_SET set = {.files = NULL};
    LW_TRY(backup_manifest_read(dir, &set));
    *backup = set.about;
    return LW_SUCCESS;
}
