/* Verifying with nothing but the offline folder of SHAPES. */
#define _GNU_SOURCE

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

#include "offline_folder.h"
#include "verify_source.h"
#include "wallet/cbor.h"
#include "wallet/cose.h"

enum { TYPE_FILE_MAX = 256 * 1024, TYPES_MAX = 1024, KEY_IAT = 6 };

/* A status list that was read, for one issuer's credentials. */
struct held_list {
    struct wallet_status_list list;
    struct held_list *next;
};

struct verify_offline {
    const struct wallet_env *env;
    lw_buf dir;
    const char *dir_text; /* of `dir` */
    struct wallet_trust *trust;
    struct wallet_trust_list list;
    struct wallet_type_doc **types;
    size_t type_count;
    pthread_mutex_t lock; /* guards what is below */
    struct held_list *lists;
    int64_t newest; /* iat of the newest thing that was read */
};

/* The list's own time, by which it is read: whether it holds at another is asked each time. */
static lw_err list_time(lw_bytes cwt, int64_t *iat)
{
    struct wallet_cose_sign1 cose;
    LW_TRY(wallet_cose_sign1_parse(cwt, &cose));
    LW_TRY(wallet_cbor_check(cose.payload));
    struct wallet_cbor r = wallet_cbor_reader(wallet_cbor_map_get_int(cose.payload, KEY_IAT));
    *iat = wallet_cbor_int(&r);
    return wallet_cbor_finish(&r);
}

static lw_err read_trust(struct verify_offline *o)
{
    LW_AUTO_BUF cwt = LW_BUF(WALLET_TRUST_LIST_MAX);
    uint8_t pins[WALLET_PINS_MAX][WALLET_PIN_LEN];
    struct wallet_trust_list_expect expect = {.pins = (const uint8_t(*)[WALLET_PIN_LEN])pins,
                                              .skew_s = FLOW_SKEW_S,
                                              .grace_s = WALLET_TRUST_LIST_GRACE_S};
    LW_TRY(offline_read(o->dir_text, OFFLINE_TRUST_LIST, &cwt));
    LW_TRY(offline_pins_read(o->dir_text, pins, &expect.pin_count));
    LW_TRY(list_time(lw_buf_view(&cwt), &expect.now));
    LW_TRY(wallet_trust_list_read(lw_buf_view(&cwt), &expect, &o->list, &o->trust));
    o->newest = o->list.iat;
    return LW_SUCCESS;
}

static bool is_type_file(const char *name)
{
    static const char end[] = ".json";
    const size_t len = strlen(name);
    const size_t end_len = sizeof(end) - 1;
    return len > end_len && strcmp(name + len - end_len, end) == 0 &&
           offline_id_plain((lw_str){.ptr = name, .len = len - end_len});
}

/* A document that does not hold leaves its type unknown; others are not harmed by it. */
static lw_err read_type(struct verify_offline *o, const char *name)
{
    LW_AUTO_BUF json = LW_BUF(TYPE_FILE_MAX);
    char path[OFFLINE_PATH_MAX];
    struct wallet_doc_error faults[1];
    size_t fault_count = 1;
    LW_TRY(offline_path("types", name, "", path));
    LW_TRY(offline_read(o->dir_text, path, &json));
    void *grown = realloc(o->types, (o->type_count + 1) * sizeof(*o->types));
    if (grown == NULL) {
        return LW_FAIL(LW_E_NOMEM, "verify: out of memory", LW_NOWHERE);
    }
    o->types = grown;
    const lw_err err = wallet_license_type_read(lw_buf_view(&json), &o->types[o->type_count],
                                                faults, &fault_count);
    o->type_count += err.code == LW_OK ? 1 : 0;
    if (err.code != LW_OK && err.code != LW_E_NOMEM) {
        lw_log_err(o->env->log, LW_WARN, "type_unreadable", err, (struct lw_field){.key = NULL});
        return LW_SUCCESS;
    }
    return err;
}

static lw_err read_types(struct verify_offline *o)
{
    char path[OFFLINE_PATH_MAX];
    LW_TRY(offline_path(o->dir_text, "types", "", path));
    DIR *dir = opendir(path);
    if (dir == NULL) {
        return errno == ENOENT ? LW_SUCCESS
                               : LW_FAIL(LW_E_IO, "verify: cannot read the types", LW_NOWHERE);
    }
    lw_err err = LW_SUCCESS;
    const struct dirent *entry = NULL;
    while (err.code == LW_OK && o->type_count < TYPES_MAX && (entry = readdir(dir)) != NULL) {
        if (is_type_file(entry->d_name)) {
            err = read_type(o, entry->d_name);
        }
    }
    (void)closedir(dir);
    return err;
}

lw_err verify_offline_open(const char *dir, const struct wallet_env *env,
                           struct verify_offline **offline)
{
    struct verify_offline *o = calloc(1, sizeof(*o));
    if (o == NULL) {
        return LW_FAIL(LW_E_NOMEM, "verify: out of memory", LW_NOWHERE);
    }
    o->env = env;
    o->dir = LW_BUF(OFFLINE_PATH_MAX);
    (void)pthread_mutex_init(&o->lock, NULL);
    lw_err err = lw_buf_put_c(&o->dir, dir);
    err = err.code == LW_OK ? lw_buf_c(&o->dir, &o->dir_text) : err;
    err = err.code == LW_OK ? read_trust(o) : err;
    err = err.code == LW_OK ? read_types(o) : err;
    if (err.code != LW_OK) {
        verify_offline_free(o);
        return err;
    }
    *offline = o;
    return LW_SUCCESS;
}

void verify_offline_free(struct verify_offline *offline)
{
    if (offline == NULL) {
        return;
    }
    while (offline->lists != NULL) {
        struct held_list *next = offline->lists->next;
        wallet_status_list_free(&offline->lists->list);
        free(offline->lists);
        offline->lists = next;
    }
    for (size_t i = 0; i < offline->type_count; i++) {
        wallet_license_type_free(offline->types[i]);
    }
    free(offline->types);
    wallet_trust_free(offline->trust);
    lw_buf_free(&offline->dir);
    (void)pthread_mutex_destroy(&offline->lock);
    free(offline);
}

void verify_offline_view(struct verify_offline *offline, struct verify_view *view)
{
    const int64_t exp = offline->list.exp;
    view->trust = offline->trust;
    view->trust_over = view->now - WALLET_TRUST_LIST_GRACE_S >= exp;
    view->trust_grace = view->now >= exp && !view->trust_over;
    (void)pthread_mutex_lock(&offline->lock);
    view->clock_trusted = view->now >= offline->newest - FLOW_SKEW_S;
    (void)pthread_mutex_unlock(&offline->lock);
}

const struct wallet_license_type *verify_offline_type(const struct verify_offline *offline,
                                                      lw_str vct)
{
    for (size_t i = 0; i < offline->type_count; i++) {
        const struct wallet_license_type *type = wallet_license_type_of(offline->types[i]);
        if (lw_str_eq(type->vct, vct)) {
            return type;
        }
    }
    return NULL;
}

static lw_err read_list(const struct verify_view *view, const struct wallet_verified *verified,
                        struct wallet_status_list *list)
{
    const struct verify_offline *o = view->verifier->offline;
    LW_AUTO_BUF token = LW_BUF(WALLET_STATUS_TOKEN_MAX);
    char name[OFFLINE_PATH_MAX];
    const struct wallet_status_expect expect = {
        .uri = verified->status.uri,
        .trust = o->trust,
        .issuer = verified->issuer,
        .now = view->now,
        .skew_s = FLOW_SKEW_S,
        .held_iat = INT64_MIN,
    };
    LW_TRY(offline_list_name(verified->status.uri, name));
    LW_TRY(offline_read(o->dir_text, name, &token));
    return wallet_status_read(lw_buf_view(&token), &expect, list);
}

/* With the lock held: the list of that URI, read the first time it is asked for, or NULL. */
static const struct wallet_status_list *hold_list(const struct verify_view *view,
                                                  const struct wallet_verified *verified)
{
    struct verify_offline *o = view->verifier->offline;
    for (const struct held_list *held = o->lists; held != NULL; held = held->next) {
        if (lw_str_eq(lw_buf_text(&held->list.uri), verified->status.uri)) {
            return &held->list;
        }
    }
    struct held_list *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return NULL;
    }
    const lw_err err = read_list(view, verified, &made->list);
    if (err.code != LW_OK) {
        lw_log_err(o->env->log, LW_WARN, "status_list_unreadable", err,
                   (struct lw_field){.key = NULL});
        free(made);
        return NULL;
    }
    made->next = o->lists;
    o->lists = made;
    o->newest = made->list.iat > o->newest ? made->list.iat : o->newest;
    return &made->list;
}

struct wallet_status verify_offline_status(const struct verify_view *view,
                                           const struct wallet_verified *verified)
{
    struct verify_offline *o = view->verifier->offline;
    struct wallet_status status = wallet_status_none();
    if (!verified->status.present) {
        return status;
    }
    (void)pthread_mutex_lock(&o->lock);
    const struct wallet_status_list *list = hold_list(view, verified);
    if (list != NULL) {
        status = wallet_status_lookup(list, verified->issuer, &verified->status, view->now);
    }
    (void)pthread_mutex_unlock(&o->lock);
    return status;
}
