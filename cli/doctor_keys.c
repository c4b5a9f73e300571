/* Keys and certificates: how long they are good for. */
#include "doctor.h"
#include "wallet/store_key.h"

enum { PAGE = 16, SOON_S = 30 * LW_DAY_S };

static void check_key(struct doctor *d, const struct wallet_key_record *key, size_t *good)
{
    const enum doctor_grade grade = doctor_grade_end(d->now, key->not_after, SOON_S);
    const long long days = (long long)((key->not_after - d->now) / LW_DAY_S);
    if (d->now < key->not_before) {
        doctor_say(d, DOCTOR_BAD, "Wait for its time, or set the clock.",
                   "key %s is not to sign yet", key->label);
    } else if (grade == DOCTOR_BAD) {
        doctor_say(d, grade, "Renew its certificate or rotate it: see Keys in docs/operations.md.",
                   "key %s signs no more: its time is over", key->label);
    } else if (grade == DOCTOR_SOON) {
        doctor_say(d, grade, "Renew its certificate or rotate it: see Keys in docs/operations.md.",
                   "key %s signs for %lld days more", key->label, days);
    } else {
        (*good)++;
    }
}

void doctor_keys(struct doctor *d)
{
    struct wallet_page page = {.len = 0};
    WALLET_AUTO_TXN txn = NULL;
    size_t good = 0;
    if (d->home == NULL || wallet_read_begin(wallet_home_store(d->home), &txn).code != LW_OK) {
        return;
    }
    while (!page.end) {
        struct wallet_key_record keys[PAGE];
        size_t count = PAGE;
        if (wallet_store_key_page(txn, &page, keys, &count).code != LW_OK) {
            doctor_say(d, DOCTOR_BAD, "Run `lw store check`.", "the records of keys are damaged");
            return;
        }
        for (size_t i = 0; i < count; i++) {
            if (keys[i].state == WALLET_KEY_ACTIVE) {
                check_key(d, &keys[i], &good);
            }
        }
    }
    doctor_say(d, DOCTOR_GOOD, NULL, "%zu active keys are good for more than 30 days", good);
}
