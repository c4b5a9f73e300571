/* The offline folder: what a gate needs to verify with no network, never older than it was. */
#define _GNU_SOURCE

#include "wallet/flow_sync.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "lw/file.h"
#include "offline_folder.h"
#include "wallet/json_doc.h"
#include "wallet/json_write.h"
#include "wallet/license_type.h"
#include "wallet/status_check.h"
#include "wallet/trust_list.h"

enum {
    DIR_MODE = 0700,
    FILE_MODE = 0600,
    DOC_MAX = 8 * 1024 * 1024,
    URI_MAX = 1024,
    SKEW_S = 60,
    HOPS_MAX = 16
};

/* One run. */
struct sync {
    const struct wallet_sync_order *order;
    const struct wallet_env *env;
    struct wallet_sync_result *result;
    uint8_t pins[WALLET_PINS_MAX][WALLET_PIN_LEN];
    size_t pin_count;
    uint8_t first[WALLET_PIN_LEN]; /* the pin given by hand, whatever has become of its key */
    lw_buf list;                   /* the trust list as fetched */
    struct wallet_trust_list read;
    struct wallet_trust *trust;
};

static void free_sync(struct sync *s)
{
    wallet_trust_free(s->trust);
    lw_buf_free(&s->list);
}
#define AUTO_SYNC __attribute__((cleanup(free_sync))) struct sync

static lw_err make_dir(const char *path)
{
    return mkdir(path, DIR_MODE) == 0 || errno == EEXIST
               ? LW_SUCCESS
               : LW_FAIL(LW_E_IO, "sync: cannot make the folder", LW_NOWHERE);
}

/* Written beside and renamed: a crash leaves the old file or the new one. */
static lw_err write_file(const struct sync *s, const char *name, lw_bytes data)
{
    char path[OFFLINE_PATH_MAX];
    LW_TRY(offline_path(s->order->dir, name, "", path));
    return lw_file_write(path, data, FILE_MODE);
}

static lw_err fetch(const struct sync *s, const char *path, const char *accept, lw_buf *body)
{
    LW_AUTO_BUF uri = LW_BUF(URI_MAX);
    LW_TRY(lw_buf_put_str(&uri, s->order->server));
    LW_TRY(lw_buf_put_c(&uri, path));
    return s->order->fetch(s->order->fetch_ctx, lw_buf_text(&uri), accept, body);
}

static bool is_pinned(const struct sync *s, const uint8_t pin[WALLET_PIN_LEN])
{
    for (size_t i = 0; i < s->pin_count; i++) {
        if (memcmp(s->pins[i], pin, WALLET_PIN_LEN) == 0) {
            return true;
        }
    }
    return false;
}

static void add_pin(struct sync *s, const uint8_t pin[WALLET_PIN_LEN])
{
    if (!is_pinned(s, pin) && s->pin_count < WALLET_PINS_MAX) {
        memcpy(s->pins[s->pin_count++], pin, WALLET_PIN_LEN);
    }
}

/* A folder of before first pins were kept has the one that its oldest pin is. */
static lw_err load_kept(struct sync *s)
{
    const lw_err err = offline_pins_read(s->order->dir, s->pins, &s->pin_count);
    if (err.code == LW_E_NOT_FOUND) {
        return LW_SUCCESS;
    }
    LW_TRY(err);
    const lw_err first = offline_first_pin_read(s->order->dir, s->first);
    if (first.code == LW_E_NOT_FOUND) {
        memcpy(s->first, s->pins[0], WALLET_PIN_LEN);
        return LW_SUCCESS;
    }
    return first;
}

/* The pins that are kept, or the one that is given the first time. */
static lw_err load_pins(struct sync *s)
{
    uint8_t given[WALLET_PIN_LEN];
    LW_TRY(load_kept(s));
    if (s->order->pin.len == 0) {
        return s->pin_count > 0
                   ? LW_SUCCESS
                   : LW_FAIL(LW_E_VALUE, "sync: the first time needs the pin of the list key",
                             LW_NOWHERE);
    }
    LW_TRY(offline_pin_parse(s->order->pin, given));
    if (s->pin_count == 0) {
        memcpy(s->first, given, WALLET_PIN_LEN);
        add_pin(s, given);
        return LW_SUCCESS;
    }
    return is_pinned(s, given) || memcmp(s->first, given, WALLET_PIN_LEN) == 0
               ? LW_SUCCESS
               : LW_FAIL(LW_E_CONFLICT,
                         "sync: the folder is pinned to another key; use another folder for it",
                         LW_NOWHERE);
}

/* What is held is read without a time, so that a list past its end still forbids an older one. */
static lw_err held_list(const struct sync *s, struct wallet_trust_list *held, bool *has)
{
    LW_AUTO_BUF bytes = LW_BUF(WALLET_TRUST_LIST_MAX);
    struct wallet_trust *trust = NULL;
    const lw_err found = offline_read(s->order->dir, OFFLINE_TRUST_LIST, &bytes);
    *has = found.code == LW_OK;
    if (found.code != LW_OK) {
        return found.code == LW_E_NOT_FOUND ? LW_SUCCESS : found;
    }
    const struct wallet_trust_list_expect expect = {
        .pins = (const uint8_t(*)[WALLET_PIN_LEN])s->pins,
        .pin_count = s->pin_count,
        .now = lw_now(s->env->clock),
        .skew_s = SKEW_S,
        .grace_s = INT64_MAX / 4,
    };
    const lw_err err = wallet_trust_list_read(lw_buf_view(&bytes), &expect, held, &trust);
    wallet_trust_free(trust);
    return err;
}

static lw_err read_list(struct sync *s, const struct wallet_trust_list *held)
{
    const struct wallet_trust_list_expect expect = {
        .pins = (const uint8_t(*)[WALLET_PIN_LEN])s->pins,
        .pin_count = s->pin_count,
        .now = lw_now(s->env->clock),
        .skew_s = SKEW_S,
        .held_version = held->version,
        .held_id = held->version > 0 ? held->id : NULL,
    };
    return wallet_trust_list_read(lw_buf_view(&s->list), &expect, &s->read, &s->trust);
}

static lw_err fetch_bridge(const struct sync *s, const uint8_t pin[WALLET_PIN_LEN], lw_buf *list)
{
    LW_AUTO_BUF path = LW_BUF(URI_MAX);
    const char *text = NULL;
    LW_TRY(lw_buf_put_c(&path, "/trust-list?pin="));
    LW_TRY(lw_buf_put_hex(&path, (lw_bytes){.ptr = pin, .len = WALLET_PIN_LEN}));
    LW_TRY(lw_buf_c(&path, &text));
    return fetch(s, text, "application/ltl+cwt", list);
}

/*
 * The last list of a pinned key that was succeeded names its successor. Only the pins are taken
 * from it, so it may be past its end: who was away for a year finds the way back.
 */
static lw_err cross_bridge(struct sync *s, const uint8_t pin[WALLET_PIN_LEN],
                           struct wallet_trust_list *held)
{
    LW_AUTO_BUF bytes = LW_BUF(WALLET_TRUST_LIST_MAX);
    WALLET_AUTO_TRUST trust = NULL;
    struct wallet_trust_list bridge;
    const struct wallet_trust_list_expect expect = {
        .pins = (const uint8_t(*)[WALLET_PIN_LEN])s->pins,
        .pin_count = s->pin_count,
        .now = lw_now(s->env->clock),
        .skew_s = SKEW_S,
        .grace_s = INT64_MAX / 4,
        .held_version = held->version,
        .held_id = held->version > 0 ? held->id : NULL,
    };
    LW_TRY(fetch_bridge(s, pin, &bytes));
    LW_TRY(wallet_trust_list_read(lw_buf_view(&bytes), &expect, &bridge, &trust));
    *held = bridge;
    s->pin_count = 0; /* what the key that was succeeded may sign from now on, is nothing */
    for (size_t i = 0; i < bridge.next_pin_count; i++) {
        add_pin(s, bridge.next_pins[i]);
    }
    return s->pin_count > 0 ? LW_SUCCESS
                            : LW_FAIL(LW_E_UNTRUSTED,
                                      "sync: the list names no successor of its key", LW_NOWHERE);
}

/* From pin to pin, until the list that was fetched is signed by one of them. */
static lw_err follow_pins(struct sync *s, struct wallet_trust_list *held)
{
    lw_err err = LW_FAIL(LW_E_UNTRUSTED, "trust list: its key is not pinned", LW_NOWHERE);
    for (size_t hop = 0; hop < HOPS_MAX && err.code == LW_E_UNTRUSTED; hop++) {
        bool crossed = false;
        uint8_t pins[WALLET_PINS_MAX][WALLET_PIN_LEN];
        const size_t count = s->pin_count;
        memcpy(pins, s->pins, sizeof(pins));
        for (size_t i = 0; i < count && !crossed; i++) {
            crossed = cross_bridge(s, pins[count - 1 - i], held).code == LW_OK;
        }
        if (!crossed) {
            return err;
        }
        err = read_list(s, held);
    }
    return err;
}

static lw_err fetch_trust_list(struct sync *s)
{
    struct wallet_trust_list held = {.version = 0};
    bool has = false;
    LW_TRY(held_list(s, &held, &has));
    if (!has) {
        held = (struct wallet_trust_list){.version = 0};
    }
    LW_TRY(fetch(s, "/trust-list", "application/ltl+cwt", &s->list));
    lw_err err = read_list(s, &held);
    if (err.code == LW_E_UNTRUSTED) {
        err = follow_pins(s, &held);
    }
    LW_TRY(err);
    s->result->trust_list_version = s->read.version;
    return LW_SUCCESS;
}

static void put_hex(struct wallet_json_writer *w, const uint8_t pin[WALLET_PIN_LEN])
{
    LW_AUTO_BUF hex = LW_BUF((size_t)2 * WALLET_PIN_LEN);
    wallet_json_put_fail(w, lw_buf_put_hex(&hex, (lw_bytes){.ptr = pin, .len = WALLET_PIN_LEN}));
    wallet_json_put_text(w, lw_buf_text(&hex));
}

static lw_err write_pins(const struct sync *s)
{
    LW_AUTO_BUF json = LW_BUF(DOC_MAX);
    struct wallet_json_writer w = wallet_json_writer(&json);
    wallet_json_put_object(&w);
    wallet_json_put_name(&w, "first");
    put_hex(&w, s->first);
    wallet_json_put_name(&w, "pins");
    wallet_json_put_array(&w);
    for (size_t i = 0; i < s->pin_count; i++) {
        put_hex(&w, s->pins[i]);
    }
    wallet_json_put_end(&w);
    wallet_json_put_end(&w);
    LW_TRY(wallet_json_written(&w));
    return write_file(s, OFFLINE_PINS, lw_buf_view(&json));
}

/*
 * What the list says of its keys holds from now on: its own and those to come. An older one stays
 * until the list is in the folder, since the one that is there may be signed by it.
 */
static lw_err keep_list(struct sync *s)
{
    uint8_t held[WALLET_PINS_MAX][WALLET_PIN_LEN];
    size_t count = 0;
    const lw_err found = offline_pins_read(s->order->dir, held, &count);
    s->pin_count = 0;
    add_pin(s, s->read.pin);
    for (size_t i = 0; i < s->read.next_pin_count; i++) {
        add_pin(s, s->read.next_pins[i]);
    }
    const size_t fresh = s->pin_count;
    for (size_t i = 0; found.code == LW_OK && i < count; i++) {
        add_pin(s, held[i]);
    }
    LW_TRY(write_pins(s));
    LW_TRY(write_file(s, OFFLINE_TRUST_LIST, lw_buf_view(&s->list)));
    const bool more = s->pin_count > fresh;
    s->pin_count = fresh;
    return more ? write_pins(s) : LW_SUCCESS;
}

/* What the server says beside the signed list is bounded before anything of it is fetched. */
static lw_err check_count(const json_t *array, size_t max)
{
    return json_array_size(array) <= max
               ? LW_SUCCESS
               : LW_FAIL(LW_E_LIMIT, "sync: the server names too many types or lists", LW_NOWHERE);
}

static lw_err fetch_types(struct sync *s)
{
    LW_AUTO_BUF json = LW_BUF(DOC_MAX);
    WALLET_AUTO_JSON doc = NULL;
    LW_TRY(fetch(s, "/api/v1/catalog/types", "application/json", &json));
    LW_TRY(wallet_json_doc_parse(lw_buf_view(&json), DOC_MAX, &doc));
    const json_t *types = json_object_get(doc, "types");
    LW_TRY(check_count(types, WALLET_SYNC_TYPES_MAX));
    size_t i = 0;
    const json_t *entry = NULL;
    json_array_foreach(types, i, entry)
    {
        LW_AUTO_BUF type = LW_BUF(DOC_MAX);
        struct wallet_type_doc *read = NULL;
        struct wallet_doc_error faults[1];
        size_t fault_count = 1;
        char path[OFFLINE_PATH_MAX];
        char name[OFFLINE_PATH_MAX];
        const char *id = json_string_value(json_object_get(entry, "id"));
        if (id == NULL || !offline_id_plain(lw_str_c(id))) {
            return LW_FAIL(LW_E_NETWORK, "sync: the server names a type oddly", LW_NOWHERE);
        }
        (void)snprintf(path, sizeof(path), "/api/v1/catalog/types/%.64s", id);
        (void)snprintf(name, sizeof(name), "types/%.64s.json", id);
        LW_TRY(fetch(s, path, "application/json", &type));
        LW_TRY(wallet_license_type_read(lw_buf_view(&type), &read, faults, &fault_count));
        wallet_license_type_free(read);
        LW_TRY(write_file(s, name, lw_buf_view(&type)));
        s->result->types++;
    }
    return LW_SUCCESS;
}

/* A list goes into the folder only when it holds for an issuer of the trust list. */
static lw_err check_list(const struct sync *s, lw_str uri, lw_bytes token)
{
    lw_err last = LW_FAIL(LW_E_UNTRUSTED, "sync: a status list of nobody we trust", LW_NOWHERE);
    for (size_t i = 0; i < wallet_trust_count(s->trust); i++) {
        WALLET_AUTO_STATUS_LIST list = {.bits = 0};
        const struct wallet_status_expect expect = {.uri = uri,
                                                    .trust = s->trust,
                                                    .issuer = wallet_trust_at(s->trust, i),
                                                    .now = lw_now(s->env->clock),
                                                    .skew_s = SKEW_S,
                                                    .held_iat =
                                                        offline_list_iat(s->order->dir, uri)};
        last = wallet_status_read(token, &expect, &list);
        if (last.code == LW_OK) {
            return LW_SUCCESS;
        }
    }
    return last;
}

/* The server's answer is not signed: it must not send us to an address of its choice. */
static bool is_named_by_an_issuer(const struct sync *s, lw_str uri)
{
    for (size_t i = 0; i < wallet_trust_count(s->trust); i++) {
        if (wallet_trust_status_uri(wallet_trust_at(s->trust, i), uri)) {
            return true;
        }
    }
    return false;
}

static lw_err fetch_list(struct sync *s, lw_str uri)
{
    LW_AUTO_BUF token = LW_BUF(DOC_MAX);
    char name[OFFLINE_PATH_MAX];
    if (!is_named_by_an_issuer(s, uri)) {
        return LW_FAIL(LW_E_UNTRUSTED, "sync: a status list of nobody we trust", LW_NOWHERE);
    }
    LW_TRY(offline_list_name(uri, name));
    LW_TRY(s->order->fetch(s->order->fetch_ctx, uri, "application/statuslist+cwt", &token));
    LW_TRY(check_list(s, uri, lw_buf_view(&token)));
    return write_file(s, name, lw_buf_view(&token));
}

/* One list that cannot be had does not stop the others: its older copy stays, and is counted. */
static lw_err fetch_lists(struct sync *s)
{
    LW_AUTO_BUF json = LW_BUF(DOC_MAX);
    WALLET_AUTO_JSON doc = NULL;
    LW_TRY(fetch(s, "/status", "application/json", &json));
    LW_TRY(wallet_json_doc_parse(lw_buf_view(&json), DOC_MAX, &doc));
    const json_t *uris = json_object_get(doc, "status_lists");
    LW_TRY(check_count(uris, WALLET_SYNC_LISTS_MAX));
    size_t i = 0;
    const json_t *entry = NULL;
    json_array_foreach(uris, i, entry)
    {
        const char *uri = json_string_value(entry);
        const lw_err err = uri == NULL
                               ? LW_FAIL(LW_E_NETWORK, "sync: a list without URI", LW_NOWHERE)
                               : fetch_list(s, lw_str_c(uri));
        if (err.code == LW_OK) {
            s->result->lists_fetched++;
        } else if (lw_err_class(err.code) == LW_CLASS_ENVIRONMENT && err.code != LW_E_NETWORK) {
            return err;
        } else {
            lw_log_err(s->env->log, LW_WARN, "list_not_fetched", err,
                       (struct lw_field){.key = NULL});
            s->result->lists_kept++;
        }
    }
    return LW_SUCCESS;
}

lw_err wallet_flow_sync(const struct wallet_sync_order *order, const struct wallet_env *env,
                        struct wallet_sync_result *result)
{
    AUTO_SYNC s = {
        .order = order, .env = env, .result = result, .list = LW_BUF(WALLET_TRUST_LIST_MAX)};
    char path[OFFLINE_PATH_MAX];
    *result = (struct wallet_sync_result){.types = 0};
    LW_TRY(load_pins(&s));
    LW_TRY(fetch_trust_list(&s)); /* before the folder is touched: a stranger's leaves nothing */
    LW_TRY(make_dir(order->dir));
    LW_TRY(offline_path(order->dir, "status", "", path));
    LW_TRY(make_dir(path));
    LW_TRY(offline_path(order->dir, "types", "", path));
    LW_TRY(make_dir(path));
    LW_TRY(keep_list(&s));
    LW_TRY(fetch_types(&s));
    return fetch_lists(&s);
}
