/* Keys and certificates: how long they sign, and the steps of their rotation that are due. */
#include "doctor.h"
#include "count.h"
#include "wallet/flow_key.h"

enum { DATE_MAX = 32, DATE_LEN = 10, LATE_S = LW_HOUR_S };

struct keys_seen {
    struct doctor *d;
    size_t good;
    char first[WALLET_KEY_LABEL_MAX + 1]; /* of the good ones, the first to stop */
    int64_t first_end;
};

static const char *date_of(int64_t t, char date[DATE_MAX])
{
    LW_AUTO_BUF text = LW_BUF(DATE_MAX);
    if (lw_time_put(&text, t).code != LW_OK || text.len < DATE_LEN) {
        return "-";
    }
    memcpy(date, text.ptr, DATE_LEN);
    date[DATE_LEN] = '\0';
    return date;
}

static void check_active(struct keys_seen *seen, const struct wallet_key_info *info)
{
    const struct wallet_key_record *key = &info->record;
    char date[DATE_MAX];
    if (seen->d->now < key->not_before) {
        doctor_say(seen->d, DOCTOR_BAD, "Wait for its time, or set the clock.",
                   "key %s is not to sign yet", key->label);
    } else if (seen->d->now >= key->not_after) {
        doctor_say(seen->d, DOCTOR_BAD, "Rotate it: see Keys in docs/operations.md.",
                   "key %s signs no more: its time ended on %s", key->label,
                   date_of(key->not_after, date));
    } else if (info->alarm) {
        doctor_say(seen->d, DOCTOR_SOON,
                   info->succeeded ? "Nothing: `lw serve` lets its successor sign in time."
                                   : "Rotate it: see Keys in docs/operations.md.",
                   "key %s signs until %s, %s more; %s", key->label, date_of(key->not_after, date),
                   CLI_COUNT((uint64_t)info->days_left, "day"),
                   info->succeeded ? "its successor is published" : "it has no successor");
    } else {
        seen->good++;
        if (seen->first[0] == '\0' || key->not_after < seen->first_end) {
            memcpy(seen->first, key->label, sizeof(seen->first));
            seen->first_end = key->not_after;
        }
    }
}

/* What the service does every minute and is not done after an hour, nobody does. */
static void check_step(struct keys_seen *seen, const struct wallet_key_info *info)
{
    static const char advice[] = "Start the service (`lw serve`), or call `lw key advance`.";
    const char *label = info->record.label;
    const int64_t late = seen->d->now - LATE_S;
    char date[DATE_MAX];
    switch (info->next) {
    case WALLET_KEY_STEP_LIST:
        if (info->record.created < late) {
            doctor_say(seen->d, DOCTOR_SOON, advice,
                       "key %s is published and no trust list names it yet", label);
        }
        break;
    case WALLET_KEY_STEP_ACTIVATE:
    case WALLET_KEY_STEP_DESTROY:
        if (info->next_at < late) {
            doctor_say(seen->d, DOCTOR_SOON, advice, "key %s was to be %s on %s", label,
                       info->next == WALLET_KEY_STEP_ACTIVATE ? "activated" : "destroyed",
                       date_of(info->next_at, date));
        }
        break;
    case WALLET_KEY_STEP_ROTATE: /* an alarm is told before */
    case WALLET_KEY_STEP_NONE:
        break;
    }
}

static lw_err see_key(void *ctx, const struct wallet_key_info *info)
{
    if (info->record.state == WALLET_KEY_ACTIVE) {
        check_active(ctx, info);
    }
    check_step(ctx, info);
    return LW_SUCCESS;
}

/* Each rotation of `seal` takes one, and none comes back. */
static void check_epochs(struct doctor *d)
{
    uint32_t left = 0;
    if (wallet_flow_epochs_left(d->home, &left).code != LW_OK || left > WALLET_EPOCHS_WARN) {
        return; /* what cannot be read, the store's family tells */
    }
    doctor_say(d, left == 0 ? DOCTOR_BAD : DOCTOR_SOON,
               "Rotate seal only when it was stolen: see Epochs in docs/operations.md.",
               "%u of the store's %u epochs are left, %u of them for a stolen seal key",
               (unsigned)left, (unsigned)WALLET_STORE_EPOCHS,
               (unsigned)(left < WALLET_EPOCHS_RESERVE ? left : WALLET_EPOCHS_RESERVE));
}

void doctor_keys(struct doctor *d)
{
    struct keys_seen seen = {.d = d};
    char date[DATE_MAX];
    if (d->home == NULL) {
        return;
    }
    if (wallet_flow_key_each(d->home, see_key, &seen).code != LW_OK) {
        doctor_say(d, DOCTOR_BAD, "Run `lw store check`.", "the records of keys are damaged");
    } else if (seen.good > 0) {
        doctor_say(d, DOCTOR_GOOD, NULL,
                   "%s good for more than 30 days; the first to stop is %s, on %s",
                   CLI_COUNT_OF(seen.good, "active key is", "active keys are"), seen.first,
                   date_of(seen.first_end, date));
    }
    check_epochs(d);
}
