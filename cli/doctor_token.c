/* The token: reached with one try of its PIN; each active key signs a test. */
#include "doctor.h"
#include "count.h"
#include "wallet/store_key.h"

enum { PAGE = 16 };

/* What is signed is no document of any kind, and the signature is thrown away. */
static const char test_text[] = "license-wallet: lw doctor tries a key";

static bool signs(enum hsm_purpose purpose)
{
    switch (purpose) {
    case HSM_PURPOSE_SEAL:
    case HSM_PURPOSE_CUSTODY:
    case HSM_PURPOSE_HOLDER:
    case HSM_PURPOSE_NONE:
        return false;
    case HSM_PURPOSE_CA:
    case HSM_PURPOSE_CREDENTIAL:
    case HSM_PURPOSE_MDOC:
    case HSM_PURPOSE_STATUS:
    case HSM_PURPOSE_ACCESS:
    case HSM_PURPOSE_ID_TOKEN:
    case HSM_PURPOSE_ID_TOKEN_RSA:
    case HSM_PURPOSE_LOG:
    case HSM_PURPOSE_TRUST_LIST:
        break;
    }
    return true;
}

static bool try_key(struct doctor *d, struct wallet_home *home, const struct wallet_key_record *key)
{
    struct hsm_signer signer;
    uint8_t sig[HSM_SIG_MAX];
    lw_err err = wallet_home_signer(home, key->purpose, lw_str_c(key->agency), &signer);
    if (err.code == LW_E_EXPIRED) {
        return true; /* the keys' family tells */
    }
    if (err.code == LW_OK) {
        err = hsm_sign(&signer, key->purpose, d->now, lw_str_bytes(lw_str_c(test_text)), sig);
    }
    if (err.code != LW_OK) {
        doctor_say(d, DOCTOR_BAD,
                   "See that the token is whole; without that key its agency cannot sign.",
                   "key %s does not sign: %s", key->label, err.why);
    }
    return err.code == LW_OK;
}

static void try_keys(struct doctor *d, struct wallet_home *home)
{
    struct wallet_page page = {.len = 0};
    size_t tried = 0;
    size_t failed = 0;
    while (!page.end) {
        struct wallet_key_record keys[PAGE];
        size_t count = PAGE;
        WALLET_AUTO_TXN txn = NULL;
        if (wallet_read_begin(wallet_home_store(home), &txn).code != LW_OK ||
            wallet_store_key_page(txn, &page, keys, &count).code != LW_OK) {
            return; /* the store's family tells */
        }
        for (size_t i = 0; i < count; i++) {
            if (keys[i].state == WALLET_KEY_ACTIVE && signs(keys[i].purpose)) {
                tried++;
                failed += try_key(d, home, &keys[i]) ? 0 : 1;
            }
        }
    }
    if (failed == 0) {
        doctor_say(d, DOCTOR_GOOD, NULL, "%s",
                   CLI_COUNT_OF(tried, "active key signs", "active keys sign"));
    }
}

static const char *advice_of(lw_err err)
{
    switch (err.code) {
    case LW_E_DENIED:
    case LW_E_TOKEN:
        return "See that the token is there (the folder token, or `module` and `token_label` in "
               "config.json) and the PIN file right, mode 600. The PIN was tried once.";
    case LW_E_SIGNATURE:
        return "This token is not the one that sealed the store: put the right one back.";
    default:
        return "See docs/operations.md on a lost token.";
    }
}

/* A process may have one store open once only: the home takes turns. */
static lw_err open_again(struct doctor *d, enum wallet_home_need need)
{
    wallet_home_close(d->home);
    d->home = NULL;
    return wallet_home_open(&d->cli->home_config, &d->cli->env, need, &d->home);
}

void doctor_token(struct doctor *d)
{
    if (d->home == NULL) {
        return;
    }
    lw_err err = open_again(d, WALLET_HOME_SIGN);
    if (err.code == LW_OK) {
        doctor_say(d, DOCTOR_GOOD, NULL,
                   "it is there, its PIN is right, personal data can be opened");
        try_keys(d, d->home);
        return;
    }
    doctor_say(d, DOCTOR_BAD, advice_of(err), "the token cannot be used: %s", err.why);
    err = open_again(d, WALLET_HOME_READ);
    if (err.code != LW_OK) {
        doctor_say(d, DOCTOR_BAD, "Run `lw store check`.", "the store cannot be opened: %s",
                   err.why);
    }
}
