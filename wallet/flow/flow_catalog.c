/* Catalogue documents from a folder: checked with each other, then loaded in one transaction. */
#define _GNU_SOURCE

#include "wallet/flow_catalog.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "home_key.h"
#include "trust_publish.h"
#include "wallet/store_catalog.h"
#include "wallet/store_status.h"

enum { DOCS_MAX = 512, FAULTS_MAX = 32 };

/* One document of the folder while it is worked on. */
struct doc {
    char path[HOME_PATH_MAX];
    enum wallet_doc_kind kind;
    lw_buf json;
    struct wallet_agency_doc *agency;
    struct wallet_type_doc *type;
    struct wallet_catalog_result result;
};

struct folder {
    struct doc *docs;
    size_t count;
    bool holds;
};

static void free_folder(struct folder *folder)
{
    for (size_t i = 0; i < folder->count; i++) {
        lw_buf_free(&folder->docs[i].json);
        wallet_agency_free(folder->docs[i].agency);
        wallet_license_type_free(folder->docs[i].type);
    }
    free(folder->docs);
}

static lw_err read_file(const char *path, lw_buf *out)
{
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        return LW_FAIL(LW_E_IO, "catalog: cannot open a document", LW_NOWHERE);
    }
    uint8_t chunk[16384];
    size_t got = 0;
    lw_err err = LW_SUCCESS;
    while (err.code == LW_OK && (got = fread(chunk, 1, sizeof(chunk), file)) > 0) {
        err = lw_buf_put(out, (lw_bytes){.ptr = chunk, .len = got});
    }
    if (err.code == LW_OK && ferror(file) != 0) {
        err = LW_FAIL(LW_E_IO, "catalog: cannot read a document", LW_NOWHERE);
    }
    (void)fclose(file);
    return err;
}

static void add_fault(struct doc *doc, const char *pointer, const char *what)
{
    struct wallet_catalog_result *r = &doc->result;
    if (r->error_count < FAULTS_MAX) {
        struct wallet_doc_error *e = &r->errors[r->error_count];
        (void)snprintf(e->pointer, sizeof(e->pointer), "%s", pointer);
        e->what = what;
    }
    r->error_count++;
}

static lw_err parse_doc(struct doc *doc)
{
    struct wallet_catalog_result *r = &doc->result;
    size_t faults = FAULTS_MAX;
    lw_err err = LW_SUCCESS;
    r->path = doc->path;
    if (doc->kind == WALLET_DOC_AGENCY) {
        r->kind = "agency";
        err = wallet_agency_read(lw_buf_view(&doc->json), &doc->agency, r->errors, &faults);
        r->id = err.code == LW_OK ? wallet_agency_of(doc->agency)->id : r->id;
    } else {
        r->kind = "license type";
        err = wallet_license_type_read(lw_buf_view(&doc->json), &doc->type, r->errors, &faults);
        if (err.code == LW_OK) {
            r->id = wallet_license_type_of(doc->type)->id;
            r->version = wallet_license_type_of(doc->type)->version;
        }
    }
    r->error_count = err.code == LW_OK ? 0 : faults;
    if (err.code != LW_OK && err.code != LW_E_VALUE) {
        if (lw_err_class(err.code) == LW_CLASS_ENVIRONMENT) {
            return err;
        }
        r->error_count = 0;
        add_fault(doc, "", err.why);
    }
    return LW_SUCCESS;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_json(const struct dirent *entry)
{
    const size_t len = strlen(entry->d_name);
    return len > 5 && strcmp(entry->d_name + len - 5, ".json") == 0;
}

static lw_err read_one(struct folder *folder, const char *dir, const char *name,
                       enum wallet_doc_kind kind)
{
    if (folder->count == DOCS_MAX) {
        return LW_FAIL(LW_E_LIMIT, "catalog: more than 512 documents", LW_NOWHERE);
    }
    struct doc *doc = &folder->docs[folder->count];
    *doc = (struct doc){.kind = kind, .json = LW_BUF(WALLET_DOC_MAX)};
    const int n = snprintf(doc->path, sizeof(doc->path), "%s/%s", dir, name);
    if (n < 0 || (size_t)n >= sizeof(doc->path)) {
        return LW_FAIL(LW_E_LIMIT, "catalog: a path is too long", LW_NOWHERE);
    }
    folder->count++;
    LW_TRY(read_file(doc->path, &doc->json));
    return parse_doc(doc);
}

static lw_err read_kind(struct folder *folder, const char *dir, const char *sub,
                        enum wallet_doc_kind kind)
{
    char path[HOME_PATH_MAX];
    struct dirent **entries = NULL;
    const int n = snprintf(path, sizeof(path), "%s/%s", dir, sub);
    if (n < 0 || (size_t)n >= sizeof(path)) {
        return LW_FAIL(LW_E_LIMIT, "catalog: a path is too long", LW_NOWHERE);
    }
    const int count = scandir(path, &entries, is_json, by_name);
    if (count < 0) {
        return errno == ENOENT ? LW_SUCCESS
                               : LW_FAIL(LW_E_IO, "catalog: cannot read the folder", LW_NOWHERE);
    }
    lw_err err = LW_SUCCESS;
    for (int i = 0; i < count; i++) {
        err = err.code == LW_OK ? read_one(folder, path, entries[i]->d_name, kind) : err;
        free(entries[i]);
    }
    free(entries);
    return err;
}

static const struct doc *find_doc(const struct folder *folder, enum wallet_doc_kind kind, lw_str id)
{
    for (size_t i = 0; i < folder->count; i++) {
        const struct doc *doc = &folder->docs[i];
        if (doc->kind == kind && doc->result.error_count == 0 && lw_str_eq(doc->result.id, id)) {
            return doc;
        }
    }
    return NULL;
}

static bool lists(const lw_str *ids, size_t count, lw_str id)
{
    for (size_t i = 0; i < count; i++) {
        if (lw_str_eq(ids[i], id)) {
            return true;
        }
    }
    return false;
}

/* A type's issuers are agencies that say they issue it. */
static void check_type(const struct folder *folder, struct doc *doc)
{
    const struct wallet_license_type *type = wallet_license_type_of(doc->type);
    for (size_t i = 0; i < type->issuer_count; i++) {
        char pointer[64];
        (void)snprintf(pointer, sizeof(pointer), "/issuers/%zu", i);
        const struct doc *found = find_doc(folder, WALLET_DOC_AGENCY, type->issuers[i]);
        if (found == NULL) {
            add_fault(doc, pointer, "no agency of this id is in the folder");
            continue;
        }
        const struct wallet_agency *agency = wallet_agency_of(found->agency);
        if (!lists(agency->issues, agency->issue_count, type->id)) {
            add_fault(doc, pointer, "the agency does not list this type among those it issues");
        }
    }
}

static void check_agency(const struct folder *folder, struct doc *doc)
{
    const struct wallet_agency *agency = wallet_agency_of(doc->agency);
    for (size_t i = 0; i < agency->issue_count; i++) {
        char pointer[64];
        (void)snprintf(pointer, sizeof(pointer), "/issues/%zu", i);
        const struct doc *found = find_doc(folder, WALLET_DOC_LICENSE_TYPE, agency->issues[i]);
        if (found == NULL) {
            add_fault(doc, pointer, "no license type of this id is in the folder");
            continue;
        }
        const struct wallet_license_type *type = wallet_license_type_of(found->type);
        if (!lists(type->issuers, type->issuer_count, agency->id)) {
            add_fault(doc, pointer, "the license type does not list this agency as an issuer");
        }
    }
}

/* Of two types of the folder that contradict each other, the second is told of. */
static void check_types(struct folder *folder)
{
    for (size_t i = 0; i < folder->count; i++) {
        struct doc *doc = &folder->docs[i];
        struct wallet_doc_error error;
        for (size_t k = 0; k < i && doc->type != NULL; k++) {
            const struct doc *other = &folder->docs[k];
            if (other->type != NULL && !lw_str_eq(doc->result.id, other->result.id) &&
                wallet_license_type_clashes(wallet_license_type_of(doc->type),
                                            wallet_license_type_of(other->type), &error)) {
                add_fault(doc, error.pointer, error.what);
            }
        }
    }
}

static void check_each(struct folder *folder)
{
    for (size_t i = 0; i < folder->count; i++) {
        struct doc *doc = &folder->docs[i];
        if (doc->result.error_count > 0) {
            continue;
        }
        const struct doc *first = find_doc(folder, doc->kind, doc->result.id);
        if (first != doc) {
            add_fault(doc, "/id", "another document of the folder has this id");
        } else if (doc->kind == WALLET_DOC_AGENCY) {
            check_agency(folder, doc);
        } else {
            check_type(folder, doc);
        }
    }
    check_types(folder);
    folder->holds = folder->count > 0;
    for (size_t i = 0; i < folder->count; i++) {
        folder->holds = folder->holds && folder->docs[i].result.error_count == 0;
    }
}

static lw_err read_folder(const char *dir, struct folder *folder)
{
    struct stat info;
    if (stat(dir, &info) != 0 || !S_ISDIR(info.st_mode)) {
        return LW_FAIL(LW_E_NOT_FOUND, "catalog: there is no such folder", LW_NOWHERE);
    }
    folder->docs = calloc(DOCS_MAX, sizeof(*folder->docs));
    if (folder->docs == NULL) {
        return LW_FAIL(LW_E_NOMEM, "catalog: out of memory", LW_NOWHERE);
    }
    LW_TRY(read_kind(folder, dir, "agencies", WALLET_DOC_AGENCY));
    LW_TRY(read_kind(folder, dir, "license-types", WALLET_DOC_LICENSE_TYPE));
    if (folder->count == 0) {
        return LW_FAIL(LW_E_NOT_FOUND,
                       "catalog: the folder has no agencies/*.json or license-types/*.json",
                       LW_NOWHERE);
    }
    check_each(folder);
    return LW_SUCCESS;
}

static void report_all(const struct folder *folder, wallet_catalog_report *report, void *ctx)
{
    for (size_t i = 0; i < folder->count; i++) {
        report(ctx, &folder->docs[i].result);
    }
}

lw_err wallet_flow_catalog_check(const char *dir, wallet_catalog_report *report, void *ctx)
{
    struct folder folder = {.docs = NULL};
    lw_err err = read_folder(dir, &folder);
    if (err.code == LW_OK) {
        report_all(&folder, report, ctx);
        err = folder.holds ? LW_SUCCESS
                           : LW_FAIL(LW_E_VALUE, "catalog: a document does not hold", LW_NOWHERE);
    }
    free_folder(&folder);
    return err;
}

struct load {
    struct folder *folder;
    int64_t now;
};

static lw_err write_docs(struct wallet_txn *txn, void *ctx)
{
    const struct load *load = ctx;
    bool any = false;
    for (size_t i = 0; i < load->folder->count; i++) {
        struct doc *doc = &load->folder->docs[i];
        struct wallet_doc stored = {
            .version = doc->result.version, .loaded = load->now, .json = lw_buf_view(&doc->json)};
        uint64_t version = 0;
        if (doc->result.id.len > WALLET_DOC_ID_MAX) {
            return LW_FAIL(LW_E_LIMIT, "catalog: an id is too long", LW_NOWHERE);
        }
        memcpy(stored.id, doc->result.id.ptr, doc->result.id.len);
        LW_TRY(wallet_store_doc_put(txn, doc->kind, &stored, &version, &doc->result.changed));
        doc->result.version = (unsigned)version;
        any = any || doc->result.changed;
    }
    return any ? home_audit(txn, load->now, WALLET_AUDIT_CATALOG_LOADED, LW_STR("operator"),
                            (lw_bytes){NULL, 0})
               : LW_SUCCESS;
}

static lw_err has_key(struct wallet_home *home, enum hsm_purpose purpose, lw_str agency, bool *has)
{
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_key_record record;
    LW_TRY(wallet_read_begin(home->store, &txn));
    const lw_err err = wallet_store_key_active(txn, purpose, agency, &record);
    *has = err.code == LW_OK;
    return err.code == LW_E_NOT_FOUND ? LW_SUCCESS : err;
}

/* One key, one purpose; the two document signers only for agencies with types that need them. */
static lw_err make_keys(struct wallet_home *home, const struct wallet_agency *agency)
{
    static const enum hsm_purpose purposes[] = {HSM_PURPOSE_CREDENTIAL, HSM_PURPOSE_STATUS,
                                                HSM_PURPOSE_MDOC};
    for (size_t i = 0; i < sizeof(purposes) / sizeof(purposes[0]); i++) {
        bool has = false;
        LW_TRY(has_key(home, purposes[i], agency->id, &has));
        const struct home_key_order order = {.purpose = purposes[i],
                                             .agency = agency->id,
                                             .common_name = agency->name.en,
                                             .organization_id = agency->id,
                                             .state = WALLET_KEY_ACTIVE};
        if (!has) {
            LW_TRY(home_key_make(home, &order, NULL));
        }
    }
    return LW_SUCCESS;
}

struct open_lists {
    lw_str agency;
    int64_t now;
};

static lw_err write_lists(struct wallet_txn *txn, void *ctx)
{
    const struct open_lists *w = ctx;
    struct wallet_page page = {.len = 0};
    struct wallet_stored_list lists_open[WALLET_STATUS_OPEN];
    size_t count = WALLET_STATUS_OPEN;
    LW_TRY(wallet_store_status_list_page(txn, w->agency, &page, lists_open, &count));
    for (; count < WALLET_STATUS_OPEN; count++) {
        uint64_t number = 0;
        LW_TRY(wallet_store_status_open(txn, w->agency, WALLET_STATUS_SIZE_MIN, w->now, &number));
    }
    return LW_SUCCESS;
}

/* What needs two people stays so: else one person could load a version that does not. */
static lw_err check_approval(struct wallet_home *home, struct folder *folder)
{
    const struct wallet_snapshot *snapshot = NULL;
    LW_TRY(wallet_home_snapshot(home, &snapshot));
    for (size_t i = 0; i < folder->count; i++) {
        struct doc *doc = &folder->docs[i];
        const struct wallet_license_type *kept =
            doc->kind == WALLET_DOC_LICENSE_TYPE ? wallet_snapshot_type(snapshot, doc->result.id)
                                                 : NULL;
        if (kept != NULL && kept->two_people && !wallet_license_type_of(doc->type)->two_people) {
            add_fault(doc, "/approval", "the type needs two people, and no later version may not");
            folder->holds = false;
        }
    }
    wallet_snapshot_release(snapshot);
    return folder->holds ? LW_SUCCESS
                         : LW_FAIL(LW_E_VALUE, "catalog: a document does not hold", LW_NOWHERE);
}

static void check_stored(struct folder *folder, const struct home_catalog *stored)
{
    for (size_t i = 0; i < folder->count; i++) {
        struct doc *doc = &folder->docs[i];
        struct wallet_doc_error error;
        for (size_t k = 0; k < stored->type_count && doc->type != NULL; k++) {
            if (wallet_license_type_clashes(wallet_license_type_of(doc->type),
                                            wallet_license_type_of(stored->types[k]), &error)) {
                add_fault(doc, error.pointer, error.what);
                folder->holds = false;
            }
        }
    }
}

/* What was issued is read by what was loaded before: a vct and a key keep their meaning. */
static lw_err check_meanings(struct wallet_home *home, struct folder *folder)
{
    struct home_catalog stored = {.types = NULL};
    {
        WALLET_AUTO_TXN txn = NULL;
        LW_TRY(wallet_read_begin(home->store, &txn));
        const lw_err err = home_catalog_read(txn, &stored);
        if (err.code == LW_OK) {
            check_stored(folder, &stored);
        }
        home_catalog_free(&stored);
        LW_TRY(err);
    }
    return folder->holds ? LW_SUCCESS
                         : LW_FAIL(LW_E_VALUE, "catalog: a document does not hold", LW_NOWHERE);
}

static lw_err load_folder(struct wallet_home *home, struct folder *folder)
{
    LW_TRY(check_approval(home, folder));
    LW_TRY(check_meanings(home, folder));
    struct load load = {.folder = folder, .now = lw_now(home->env->clock)};
    LW_TRY(wallet_store_write(home->store, write_docs, &load));
    for (size_t i = 0; i < folder->count; i++) {
        if (folder->docs[i].kind == WALLET_DOC_AGENCY) {
            const struct wallet_agency *agency = wallet_agency_of(folder->docs[i].agency);
            struct open_lists open = {.agency = agency->id, .now = load.now};
            LW_TRY(make_keys(home, agency));
            LW_TRY(wallet_store_write(home->store, write_lists, &open));
        }
    }
    return home_trust_list_sign(home);
}

lw_err wallet_flow_catalog_load(struct wallet_home *home, const char *dir,
                                wallet_catalog_report *report, void *ctx)
{
    struct folder folder = {.docs = NULL};
    lw_err err = read_folder(dir, &folder);
    if (err.code == LW_OK && folder.holds) {
        err = load_folder(home, &folder);
    } else if (err.code == LW_OK) {
        err = LW_FAIL(LW_E_VALUE, "catalog: a document does not hold", LW_NOWHERE);
    }
    report_all(&folder, report, ctx);
    free_folder(&folder);
    return err;
}
