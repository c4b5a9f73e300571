#include "verify_source.h"

#include <stdlib.h>

#include "wallet/store_credential.h"
#include "wallet/store_status.h"

enum { OFFLINE_TABLES = 8, OFFLINE_PARTS = 4096 }; /* for one kiosk */

static lw_err no_memory(void)
{
    return LW_FAIL(LW_E_NOMEM, "verify: out of memory", LW_NOWHERE);
}

static struct wallet_verifier *new_verifier(const struct wallet_env *env)
{
    struct wallet_verifier *made = calloc(1, sizeof(*made));
    if (made != NULL) {
        made->env = env;
        made->status_prefix = LW_BUF(VERIFY_AUD_MAX);
        made->qr_aud = LW_BUF(VERIFY_AUD_MAX);
    }
    return made;
}

static lw_err name_online(struct wallet_verifier *verifier)
{
    const char *base = verifier->home->config->base_url;
    LW_TRY(lw_buf_put_c(&verifier->status_prefix, base));
    LW_TRY(lw_buf_put_c(&verifier->status_prefix, "/status/"));
    LW_TRY(lw_buf_put_c(&verifier->qr_aud, "qr:"));
    return lw_buf_put_c(&verifier->qr_aud, base);
}

lw_err wallet_verifier_online(struct wallet_home *home, struct wallet_verifier **verifier)
{
    struct wallet_verifier *made = new_verifier(home->env);
    if (made == NULL) {
        return no_memory();
    }
    made->home = home;
    made->shortcuts = home->shortcuts;
    const lw_err err = name_online(made);
    if (err.code != LW_OK) {
        wallet_verifier_free(made);
        return err;
    }
    *verifier = made;
    return LW_SUCCESS;
}

lw_err wallet_verifier_offline(const char *dir, const struct wallet_env *env,
                               struct wallet_verifier **verifier)
{
    struct wallet_verifier *made = new_verifier(env);
    if (made == NULL) {
        return no_memory();
    }
    lw_err err = wallet_shortcuts_make(OFFLINE_TABLES, OFFLINE_PARTS, &made->own);
    made->shortcuts = made->own;
    err = err.code == LW_OK ? verify_offline_open(dir, env, &made->offline) : err;
    if (err.code != LW_OK) {
        wallet_verifier_free(made);
        return err;
    }
    *verifier = made;
    return LW_SUCCESS;
}

void wallet_verifier_free(struct wallet_verifier *verifier)
{
    if (verifier != NULL) {
        verify_offline_free(verifier->offline);
        wallet_shortcuts_end(&verifier->own);
        lw_buf_free(&verifier->status_prefix);
        lw_buf_free(&verifier->qr_aud);
        free(verifier);
    }
}

void wallet_verifier_limit(struct wallet_verifier *verifier, bool tables, bool seen)
{
    const struct wallet_shortcuts all =
        verifier->home == NULL ? verifier->own : verifier->home->shortcuts;
    verifier->shortcuts = (struct wallet_shortcuts){.tables = tables ? all.tables : NULL,
                                                    .seen = seen ? all.seen : NULL};
}

/* Threads and processes note times a moment apart: a clock so little behind is not wrong. */
static lw_err open_online(struct verify_view *view)
{
    int64_t newest = INT64_MIN;
    LW_TRY(wallet_home_snapshot(view->verifier->home, &view->snapshot));
    view->trust = wallet_snapshot_trust(view->snapshot);
    LW_TRY(wallet_read_begin(view->verifier->home->store, &view->txn));
    LW_TRY(wallet_store_time_newest(view->txn, &newest));
    view->clock_trusted = newest == INT64_MIN || view->now >= newest - FLOW_SKEW_S;
    return LW_SUCCESS;
}

lw_err verify_view_open(struct wallet_verifier *verifier, int64_t now, struct verify_view *view)
{
    *view = (struct verify_view){.verifier = verifier, .now = now};
    if (verifier->offline != NULL) {
        verify_offline_view(verifier->offline, view);
        return LW_SUCCESS;
    }
    return open_online(view);
}

void verify_view_end_reading(struct verify_view *view)
{
    wallet_txn_end(view->txn);
    view->txn = NULL;
}

void verify_view_close(struct verify_view *view)
{
    verify_view_end_reading(view);
    wallet_snapshot_release(view->snapshot);
    view->snapshot = NULL;
}

const struct wallet_license_type *verify_view_type(const struct verify_view *view, lw_str vct)
{
    return view->snapshot == NULL ? verify_offline_type(view->verifier->offline, vct)
                                  : wallet_snapshot_type_by_vct(view->snapshot, vct);
}

static lw_err status_of_license(const struct verify_view *view, const uint8_t id[WALLET_UUID_LEN],
                                struct wallet_status *status)
{
    WALLET_AUTO_LICENSE stored = {.state = 0};
    const lw_err err = wallet_store_license_load(view->txn, id, WALLET_LOAD_PUBLIC, &stored);
    if (err.code == LW_E_NOT_FOUND) {
        return LW_SUCCESS; /* nothing is known of it */
    }
    LW_TRY(err);
    *status = wallet_status_of_state(stored.state, view->now);
    return LW_SUCCESS;
}

static lw_err status_of_pass(const struct verify_view *view, lw_bytes cti,
                             struct wallet_status *status)
{
    struct wallet_stored_pass pass;
    if (cti.len != WALLET_CTI_LEN) {
        return LW_SUCCESS;
    }
    const lw_err err = wallet_store_pass_get(view->txn, cti.ptr, &pass);
    if (err.code == LW_E_NOT_FOUND) {
        return LW_SUCCESS;
    }
    LW_TRY(err);
    return status_of_license(view, pass.license, status);
}

/* The number of one of our own lists, in the one way that we write it; 0: it is none. */
static uint64_t list_number(const struct verify_view *view, lw_str uri)
{
    const lw_str prefix = lw_buf_text(&view->verifier->status_prefix);
    int64_t number = 0;
    if (!lw_str_starts(uri, prefix)) {
        return 0;
    }
    const lw_str digits = lw_str_from(uri, prefix.len);
    if (digits.len == 0 || digits.ptr == NULL || digits.ptr[0] == '0' ||
        lw_str_int(digits, &number).code != LW_OK || number < 1) {
        return 0;
    }
    return (uint64_t)number;
}

/* The license says why; an entry that was set by itself counts as well. */
static lw_err status_of_entry(const struct verify_view *view, struct wallet_status_place place,
                              struct wallet_status *status)
{
    enum wallet_entry_status entry = WALLET_ENTRY_VALID;
    struct wallet_status_owner owner;
    lw_err err = wallet_store_status_get(view->txn, place, &entry);
    if (err.code == LW_E_NOT_FOUND) {
        status->outcome = WALLET_STATUS_NO_ENTRY;
        status->as_of = view->now;
        return LW_SUCCESS;
    }
    LW_TRY(err);
    err = wallet_store_status_owner(view->txn, place, &owner);
    if (err.code == LW_E_NOT_FOUND) {
        return LW_SUCCESS; /* never given out: nothing is known */
    }
    LW_TRY(err);
    LW_TRY(status_of_license(view, owner.license, status));
    if (status->outcome == WALLET_STATUS_VALID && entry != WALLET_ENTRY_VALID) {
        *status = (struct wallet_status){
            .outcome = WALLET_STATUS_NOT_VALID, .code = (unsigned)entry, .as_of = view->now};
    }
    return LW_SUCCESS;
}

lw_err verify_view_status(const struct verify_view *view, const struct wallet_verified *verified,
                          struct wallet_status *status)
{
    *status = wallet_status_none();
    if (view->snapshot == NULL) {
        *status = verify_offline_status(view, verified);
        return LW_SUCCESS;
    }
    if (!verified->status.present) {
        return status_of_pass(view, verified->cti, status);
    }
    const lw_str uri = verified->status.uri;
    if (!wallet_trust_status_uri(verified->issuer, uri)) {
        return LW_SUCCESS; /* no list of this issuer's */
    }
    const struct wallet_status_place place = {.list = list_number(view, uri),
                                              .idx = verified->status.idx};
    return status_of_entry(view, place, status);
}
