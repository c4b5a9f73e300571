/* The keys while the service runs: steps of rotations, and alarms before one ends. */
#include <inttypes.h>
#include <stdio.h>

#include "service_internal.h"
#include "wallet/flow_key.h"

enum { MINUTE_MS = 60000, METRICS_MAX = 4 * 1024 * 1024, ROW_MAX = 512 };

struct look {
    struct idp_keys *keys;
    const struct wallet_env *env;
    bool log;
    bool told;       /* of epochs, in the log */
    int64_t soonest; /* days left of the key that ends first */
};

static lw_err put_row(lw_buf *metrics, const struct wallet_key_info *info)
{
    char row[ROW_MAX];
    const struct wallet_key_record *key = &info->record;
    (void)snprintf(
        row, sizeof(row),
        "lw_key_days_left{label=\"%s\",purpose=\"%s\",agency=\"%s\",state=\"%s\"} %" PRId64 "\n",
        key->label, hsm_purpose_name(key->purpose), key->agency, wallet_key_state_name(key->state),
        info->days_left);
    return lw_buf_put_c(metrics, row);
}

static void alarm(struct look *look, const struct wallet_key_info *info)
{
    char days[24];
    (void)snprintf(days, sizeof(days), "%" PRId64, info->days_left);
    if (look->keys->alarms == 0 || info->days_left < look->soonest) {
        look->soonest = info->days_left;
        (void)snprintf(look->keys->line, sizeof(look->keys->line),
                       "ALARM: %s signs %s more days: rotate it", info->record.label, days);
    }
    look->keys->alarms++;
    if (look->log) {
        const struct lw_field fields[] = {
            {"label", lw_str_c(info->record.label)},
            {"days_left", lw_str_c(days)},
            {"successor", lw_str_c(info->succeeded ? "published" : "none")},
        };
        lw_log_line(look->env->log, LW_WARN, "key_ends_soon", fields,
                    sizeof(fields) / sizeof(fields[0]));
    }
}

static lw_err see(void *ctx, const struct wallet_key_info *info)
{
    struct look *look = ctx;
    if (info->record.state == WALLET_KEY_ACTIVE || info->record.state == WALLET_KEY_PUBLISHED) {
        LW_TRY(put_row(&look->keys->metrics, info));
    }
    if (info->alarm) {
        alarm(look, info);
    }
    return LW_SUCCESS;
}

/* When the documents that others wait for were signed: their ages are the reader's to compute. */
static lw_err put_documents(struct idp_service *service, lw_buf *metrics)
{
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_signed_doc doc;
    struct wallet_key_record ca;
    char row[ROW_MAX];
    LW_TRY(wallet_read_begin(wallet_home_store(service->home), &txn));
    if (wallet_store_trust_list_get(txn, 0, &doc).code == LW_OK) {
        (void)snprintf(row, sizeof(row),
                       "# TYPE lw_trust_list_signed_timestamp_seconds gauge\n"
                       "lw_trust_list_signed_timestamp_seconds %" PRId64 "\n",
                       doc.iat);
        LW_TRY(lw_buf_put_c(metrics, row));
    }
    if (wallet_store_key_active(txn, HSM_PURPOSE_CA, LW_STR(""), &ca).code == LW_OK &&
        wallet_store_crl_get(txn, lw_str_c(ca.token), &doc).code == LW_OK) {
        (void)snprintf(row, sizeof(row),
                       "# TYPE lw_crl_signed_timestamp_seconds gauge\n"
                       "lw_crl_signed_timestamp_seconds %" PRId64 "\n",
                       doc.iat);
        LW_TRY(lw_buf_put_c(metrics, row));
    }
    return LW_SUCCESS;
}

/* The keys that seal personal data: a store takes so many, and no more. */
static lw_err see_epochs(struct idp_service *service, struct look *look)
{
    char row[ROW_MAX];
    uint32_t left = 0;
    LW_TRY(wallet_flow_epochs_left(service->home, &left));
    if (look->log && left <= WALLET_EPOCHS_WARN) {
        char count[24];
        (void)snprintf(count, sizeof(count), "%" PRIu32, left);
        lw_log_line(look->env->log, LW_WARN, "epochs_run_out",
                    &(struct lw_field){"left", lw_str_c(count)}, 1);
        look->told = true;
    }
    (void)snprintf(row, sizeof(row), "# TYPE lw_epochs_left gauge\nlw_epochs_left %" PRIu32 "\n",
                   left);
    return lw_buf_put_c(&look->keys->metrics, row);
}

static lw_err fill(struct idp_service *service, struct look *look)
{
    struct idp_keys *keys = look->keys;
    char row[ROW_MAX];
    lw_buf_truncate(&keys->metrics, 0);
    (void)snprintf(keys->line, sizeof(keys->line), "ok");
    keys->alarms = 0;
    LW_TRY(put_documents(service, &keys->metrics));
    LW_TRY(see_epochs(service, look));
    LW_TRY(lw_buf_put_c(&keys->metrics, "# TYPE lw_key_days_left gauge\n"));
    LW_TRY(wallet_flow_key_each(service->home, see, look));
    (void)snprintf(row, sizeof(row), "# TYPE lw_key_alarms gauge\nlw_key_alarms %u\n",
                   keys->alarms);
    return lw_buf_put_c(&keys->metrics, row);
}

/* Alarms go to the log once a day. */
static lw_err look(struct idp_service *service)
{
    struct idp_keys *keys = &service->keys;
    const struct wallet_env *env = wallet_home_env(service->home);
    const int64_t now = lw_now(env->clock);
    (void)pthread_mutex_lock(&keys->lock);
    struct look l = {.keys = keys, .env = env, .log = now - keys->logged_at >= LW_DAY_S};
    const lw_err err = fill(service, &l);
    if (l.log && (keys->alarms > 0 || l.told)) {
        keys->logged_at = now;
    }
    (void)pthread_mutex_unlock(&keys->lock);
    return err;
}

void idp_keys_start(struct idp_service *service)
{
    (void)pthread_mutex_init(&service->keys.lock, NULL);
    service->keys.metrics = LW_BUF(METRICS_MAX);
    service->keys.logged_at = INT64_MIN / 2;
    const lw_err err = look(service);
    if (err.code != LW_OK) {
        lw_log_err(wallet_home_env(service->home)->log, LW_WARN, "keys_unknown", err,
                   (struct lw_field){.key = NULL});
    }
    service->keys.runs = true;
}

void idp_keys_stop(struct idp_service *service)
{
    if (service->keys.runs) {
        lw_buf_free(&service->keys.metrics);
        (void)pthread_mutex_destroy(&service->keys.lock);
    }
}

lw_err idp_keys_step(struct idp_service *service)
{
    const struct wallet_env *env = wallet_home_env(service->home);
    const int64_t now_ms = lw_mono_ms(env->clock);
    size_t steps = 0;
    LW_TRY(wallet_home_unlock(service->home));
    if (now_ms < service->keys.next_ms) {
        return LW_SUCCESS;
    }
    service->keys.next_ms = now_ms + MINUTE_MS;
    const lw_err err = wallet_flow_key_advance(service->home, LW_STR("system"), NULL, NULL, &steps);
    const lw_err looked = look(service);
    return err.code == LW_OK ? looked : err;
}

void idp_keys_line(struct idp_service *service, char line[256])
{
    (void)pthread_mutex_lock(&service->keys.lock);
    memcpy(line, service->keys.line, sizeof(service->keys.line));
    (void)pthread_mutex_unlock(&service->keys.lock);
}

lw_err idp_keys_metrics(struct idp_service *service, lw_buf *text)
{
    (void)pthread_mutex_lock(&service->keys.lock);
    const lw_err err = lw_buf_put(text, lw_buf_view(&service->keys.metrics));
    (void)pthread_mutex_unlock(&service->keys.lock);
    return err;
}
