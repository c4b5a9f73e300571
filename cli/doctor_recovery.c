/* What is left when the token is lost: the custodians' shares, and a second token. */
#include "doctor.h"
#include "wallet/store_key.h"
#include "wallet/store_recovery.h"

enum { PAGE = 16, KEYS_MAX = 1024 };

static const char see_check[] = "Run `lw store check`.";

/* What says whether something is kept for an epoch. */
typedef lw_err kept_for(const struct wallet_txn *txn, uint32_t number);

static lw_err sealed_for(const struct wallet_txn *txn, uint32_t number)
{
    lw_bytes sealed = {0};
    return wallet_store_recovery_epoch_get(txn, number, &sealed);
}

static lw_err wrapped_for(const struct wallet_txn *txn, uint32_t number)
{
    struct wallet_standby_wrap wrap;
    return wallet_store_standby_get(txn, number, &wrap);
}

static unsigned missing_of(const struct wallet_txn *txn, uint32_t newest, kept_for *kept)
{
    unsigned missing = 0;
    for (uint32_t number = 1; number <= newest; number++) {
        missing += kept(txn, number).code == LW_OK ? 0 : 1;
    }
    return missing;
}

static void check_custodians(struct doctor *d, const struct wallet_txn *txn, uint32_t newest)
{
    struct wallet_recovery recovery;
    const lw_err err = wallet_store_recovery_get(txn, &recovery);
    if (err.code == LW_E_NOT_FOUND) {
        doctor_say(d, DOCTOR_SOON,
                   "Name custodians: `lw key recovery init`, see Lost token in docs/operations.md.",
                   "there are no custodians: personal data is lost with the token");
        return;
    }
    if (err.code != LW_OK) {
        doctor_say(d, DOCTOR_BAD, see_check, "the record of the custodians is damaged");
        return;
    }
    const unsigned missing = missing_of(txn, newest, sealed_for);
    const long long days = (long long)((d->now - recovery.made) / LW_DAY_S);
    if (missing > 0) {
        doctor_say(d, DOCTOR_BAD, "Make shares anew: `lw key recovery init`.",
                   "the custodians' shares, %lld days old, do not open %u of %u epochs", days,
                   missing, (unsigned)newest);
        return;
    }
    doctor_say(d, DOCTOR_GOOD, NULL,
               "any %zu of %zu custodians open all %u epochs; their shares are %lld days old",
               recovery.threshold, recovery.count, (unsigned)newest, days);
}

/* The keys that matter here, active or standing by. */
struct pairs {
    struct wallet_key_record keys[KEYS_MAX];
    size_t count;
    size_t standing_by;
};

static bool matters(const struct wallet_key_record *key)
{
    const bool stands_by = key->standby && key->state == WALLET_KEY_PUBLISHED;
    return stands_by || (key->state == WALLET_KEY_ACTIVE && key->purpose != HSM_PURPOSE_CUSTODY);
}

static lw_err read_pairs(const struct wallet_txn *txn, struct pairs *pairs)
{
    struct wallet_page page = {.len = 0};
    while (!page.end) {
        struct wallet_key_record keys[PAGE];
        size_t count = PAGE;
        LW_TRY(wallet_store_key_page(txn, &page, keys, &count));
        for (size_t i = 0; i < count && pairs->count < KEYS_MAX; i++) {
            if (matters(&keys[i])) {
                pairs->standing_by += keys[i].standby ? 1 : 0;
                pairs->keys[pairs->count++] = keys[i];
            }
        }
    }
    return LW_SUCCESS;
}

static bool has_standby(const struct pairs *pairs, const struct wallet_key_record *active)
{
    for (size_t i = 0; i < pairs->count; i++) {
        const struct wallet_key_record *key = &pairs->keys[i];
        if (key->standby && key->purpose == active->purpose &&
            strcmp(key->agency, active->agency) == 0) {
            return true;
        }
    }
    return false;
}

static size_t count_alone(const struct pairs *pairs)
{
    size_t alone = 0;
    for (size_t i = 0; i < pairs->count; i++) {
        alone += !pairs->keys[i].standby && !has_standby(pairs, &pairs->keys[i]) ? 1 : 0;
    }
    return alone;
}

static void check_second(struct doctor *d, const struct wallet_txn *txn, uint32_t newest)
{
    static const char again[] = "Call `lw key standby` again, with the second token at hand.";
    static struct pairs pairs; /* large, and one for each run of the program */
    pairs = (struct pairs){.count = 0};
    if (read_pairs(txn, &pairs).code != LW_OK || pairs.standing_by == 0) {
        return; /* the keys' family tells; a second token is not for everybody */
    }
    const unsigned missing = missing_of(txn, newest, wrapped_for);
    const size_t alone = count_alone(&pairs);
    if (missing > 0) {
        doctor_say(d, DOCTOR_SOON, again, "the second token does not open %u of %u epochs", missing,
                   (unsigned)newest);
    }
    if (alone > 0) {
        doctor_say(d, DOCTOR_SOON, again, "%zu active keys have none that stands by for them",
                   alone);
    }
    if (missing == 0 && alone == 0) {
        doctor_say(d, DOCTOR_GOOD, NULL,
                   "%zu keys stand by in the second token, with all %u epochs", pairs.standing_by,
                   (unsigned)newest);
    }
}

void doctor_recovery(struct doctor *d)
{
    struct wallet_epoch epoch;
    WALLET_AUTO_TXN txn = NULL;
    if (d->home == NULL || wallet_read_begin(wallet_home_store(d->home), &txn).code != LW_OK ||
        wallet_store_epoch_get(txn, 0, &epoch).code != LW_OK) {
        return; /* the store's family tells */
    }
    check_custodians(d, txn, epoch.number);
    check_second(d, txn, epoch.number);
}
