#define _GNU_SOURCE

#include "kill_home.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "keyring.h"
#include "wallet/audit.h"
#include "wallet/base64.h"
#include "wallet/flow_status.h"
#include "wallet/flow_store.h"
#include "wallet/status_check.h"
#include "wallet/store_status.h"

enum {
    ROTATIONS_MAX = 24, /* as certificates and licenses of the test end */
    PAGE = 8,
    SLOTS = 128, /* purposes of agencies */
    TOKEN_MAX = 1 << 20,
};

struct kill_home *kill_home_new(void)
{
    void *at = mmap(NULL, sizeof(struct kill_home), PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) {
        abort();
    }
    return at;
}

static void hold(struct kill_ledger *ledger, const char *what, lw_err err)
{
    if (err.code != LW_OK) {
        kill_violation(ledger, what, err);
    }
}

/* --- keys --------------------------------------------------------------------------------------
 */

struct signing {
    enum hsm_purpose purpose;
    char agency[64 + 1];
    size_t active;
};

struct keys {
    struct support_home *h;
    struct kill_home *home;
    struct signing signing[SLOTS];
    size_t count;
    bool found[KILL_KEYS_MAX]; /* again, of those seen before */
    bool all;
    const char *wrong;
};

static struct kill_key *place_of(struct keys *k, const char *label)
{
    const unsigned count = atomic_load(&k->home->key_count);
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(k->home->keys[i].label, label) == 0) {
            k->found[i] = true;
            return &k->home->keys[i];
        }
    }
    if (count == KILL_KEYS_MAX) {
        abort();
    }
    (void)snprintf(k->home->keys[count].label, sizeof(k->home->keys[count].label), "%s", label);
    k->found[count] = true;
    atomic_store(&k->home->key_count, count + 1);
    return &k->home->keys[count];
}

static struct signing *signing_of(struct keys *k, const struct wallet_key_record *record)
{
    for (size_t i = 0; i < k->count; i++) {
        if (k->signing[i].purpose == record->purpose &&
            strcmp(k->signing[i].agency, record->agency) == 0) {
            return &k->signing[i];
        }
    }
    if (k->count == SLOTS) {
        abort();
    }
    struct signing *made = &k->signing[k->count++];
    *made = (struct signing){.purpose = record->purpose};
    (void)snprintf(made->agency, sizeof(made->agency), "%s", record->agency);
    return made;
}

static lw_err see(void *ctx, const struct wallet_key_info *info)
{
    struct keys *k = ctx;
    const struct wallet_key_record *record = &info->record;
    struct kill_key *before = place_of(k, record->label);
    const unsigned state = atomic_load(&before->state);
    const bool signs = record->state == WALLET_KEY_ACTIVE || record->state == WALLET_KEY_PUBLISHED;
    k->wrong = (unsigned)record->state < state ? "a key went back to an earlier state" : k->wrong;
    signing_of(k, record)->active += record->state == WALLET_KEY_ACTIVE ? 1 : 0;
    if (signs && record->key.alg != HSM_ALG_NONE && (k->all || state != (unsigned)record->state)) {
        struct hsm_public_key key;
        LW_TRY(hsm_pool_find(wallet_home_pool(k->h->home), record->token, &key));
        k->wrong = hsm_public_key_eq(&key, &record->key) ? k->wrong : "the token has another key";
    }
    atomic_store(&before->state, (unsigned)record->state);
    return LW_SUCCESS;
}

static void check_keys(struct support_home *h, struct kill_ledger *ledger, struct kill_home *home,
                       bool all)
{
    static _Thread_local struct keys k;
    k = (struct keys){.h = h, .home = home, .all = all};
    const unsigned before = atomic_load(&home->key_count);
    hold(ledger, "keys", wallet_flow_key_each(h->home, see, &k));
    for (unsigned i = 0; i < before; i++) {
        k.wrong = k.found[i] ? k.wrong : "a key is lost";
    }
    for (size_t i = 0; i < k.count; i++) {
        k.wrong = k.signing[i].active == 1 ? k.wrong : "a purpose without its one key that signs";
    }
    if (k.wrong != NULL) {
        kill_violation(ledger, k.wrong, LW_SUCCESS);
    }
}

/* The one after the other, so that none comes near its end. */
static void begin_rotation(struct support_home *h, struct kill_ledger *ledger,
                           struct kill_home *home)
{
    static const enum hsm_purpose purposes[] = {
        HSM_PURPOSE_CREDENTIAL, HSM_PURPOSE_STATUS, HSM_PURPOSE_TRUST_LIST, HSM_PURPOSE_CA,
        HSM_PURPOSE_LOG,        HSM_PURPOSE_ACCESS, HSM_PURPOSE_ID_TOKEN,   HSM_PURPOSE_SEAL};
    struct wallet_key_result result = {.ready_at = WALLET_KEY_NEVER};
    const unsigned n = atomic_load(&home->rotations);
    const struct wallet_key_order order = {
        .purpose = purposes[n % (sizeof(purposes) / sizeof(purposes[0]))], .same_key = n % 5 == 4};
    const bool wraps = order.purpose == HSM_PURPOSE_SEAL;
    struct wallet_key_order asked = order;
    asked.same_key = order.same_key && !wraps && order.purpose != HSM_PURPOSE_TRUST_LIST &&
                     order.purpose != HSM_PURPOSE_ID_TOKEN;
    const lw_err err = support_rotate(h, asked, &result);
    if (err.code != LW_OK && err.code != LW_E_CONFLICT) {
        kill_violation(ledger, "a rotation", err);
        return;
    }
    atomic_store(&home->rotations, n + 1);
    (void)atomic_fetch_add(&ledger->acked, 1);
    if (result.ready_at != WALLET_KEY_NEVER) {
        const int64_t ahead = result.ready_at - h->clock.now;
        atomic_store(&home->skipped_s, atomic_load(&home->skipped_s) + (ahead > 0 ? ahead : 0));
    }
}

void kill_home_rotate(struct support_home *h, struct kill_ledger *ledger, struct kill_home *home,
                      uint64_t random)
{
    size_t steps = 0;
    if (random % 2 == 0 && atomic_load(&home->rotations) < ROTATIONS_MAX) {
        begin_rotation(h, ledger, home);
    } else {
        hold(ledger, "a step of keys",
             wallet_flow_key_advance(h->home, LW_STR("test"), NULL, NULL, &steps));
        (void)atomic_fetch_add(&home->steps, (unsigned)steps);
    }
    check_keys(h, ledger, home, false);
}

/* --- lists -------------------------------------------------------------------------------------
 */

void kill_home_publish(struct support_home *h, struct kill_ledger *ledger, struct kill_home *home)
{
    size_t published = 0;
    hold(ledger, "publishing", wallet_flow_publish_status(h->home, &published));
    (void)atomic_fetch_add(&home->published, 1);
}

/* The bytes of the list in a published JWT. */
static lw_err read_lst(lw_bytes jwt, lw_buf *array)
{
    static const char member[] = "\"lst\":\"";
    LW_AUTO_BUF payload = LW_BUF(TOKEN_MAX);
    LW_AUTO_BUF packed = LW_BUF(TOKEN_MAX);
    lw_str rest = {.ptr = (const char *)jwt.ptr, .len = jwt.len};
    lw_str part;
    (void)lw_str_split(rest, '.', &part, &rest);
    (void)lw_str_split(rest, '.', &part, &rest);
    LW_TRY(wallet_base64url_decode(part, &payload));
    LW_TRY(lw_buf_put_byte(&payload, '\0'));
    const char *at = strstr((const char *)payload.ptr, member);
    if (at == NULL) {
        return LW_FAIL(LW_E_CORRUPT, "a published list without its list", LW_NOWHERE);
    }
    lw_str text = lw_str_c(at + sizeof(member) - 1);
    (void)lw_str_split(text, '"', &part, &rest);
    LW_TRY(wallet_base64url_decode(part, &packed));
    return wallet_status_inflate(lw_buf_view(&packed), array);
}

static lw_err check_list(const struct wallet_txn *txn, uint64_t number)
{
    struct wallet_stored_list list;
    struct wallet_status_tokens tokens;
    LW_AUTO_BUF kept = LW_BUF(TOKEN_MAX);
    LW_AUTO_BUF told = LW_BUF(TOKEN_MAX);
    LW_TRY(wallet_store_status_array(txn, number, &list, &kept));
    if (wallet_status_list_dirty(&list)) {
        return LW_FAIL(LW_E_CORRUPT, "a list was not published", LW_NOWHERE);
    }
    LW_TRY(wallet_store_status_tokens(txn, number, &tokens));
    LW_TRY(read_lst(tokens.jwt, &told));
    return told.len == kept.len && memcmp(told.ptr, kept.ptr, kept.len) == 0
               ? LW_SUCCESS
               : LW_FAIL(LW_E_CORRUPT, "a published list says otherwise than the store",
                         LW_NOWHERE);
}

static lw_err check_lists(struct support_home *h)
{
    struct wallet_page page = {.len = 0};
    size_t published = 0;
    LW_TRY(wallet_flow_publish_status(h->home, &published));
    WALLET_AUTO_TXN txn = NULL;
    LW_TRY(wallet_read_begin(wallet_home_store(h->home), &txn));
    while (!page.end) {
        struct wallet_stored_list lists[PAGE];
        size_t count = PAGE;
        LW_TRY(wallet_store_status_list_page(txn, LW_STR(""), &page, lists, &count));
        for (size_t i = 0; i < count; i++) {
            LW_TRY(lists[i].retired ? LW_SUCCESS : check_list(txn, lists[i].number));
        }
    }
    return LW_SUCCESS;
}

/* --- backups -----------------------------------------------------------------------------------
 */

static void backup_path(const struct support_home *h, unsigned n, char path[SUPPORT_PATH_MAX])
{
    char name[32];
    (void)snprintf(name, sizeof(name), "backup-%u", n);
    support_path(h->folder, name, path);
}

static lw_err log_size(struct support_home *h, uint64_t *size)
{
    uint8_t root[WALLET_HASH_LEN];
    WALLET_AUTO_TXN txn = NULL;
    LW_TRY(wallet_read_begin(wallet_home_store(h->home), &txn));
    return wallet_audit_head(txn, size, root);
}

/* One that is there although nobody was told of it is whole. */
static lw_err back_up(struct support_home *h, const char *path, bool token,
                      struct wallet_backup *made)
{
    const lw_err err = wallet_flow_store_backup(h->home, path, token, made);
    return err.code == LW_E_CONFLICT ? wallet_flow_backup_read(path, made) : err;
}

void kill_home_backup(struct support_home *h, struct kill_ledger *ledger, struct kill_home *home)
{
    char path[SUPPORT_PATH_MAX];
    struct wallet_backup made;
    uint64_t size = 0;
    const unsigned done = atomic_load(&home->backup_done);
    unsigned n = atomic_load(&home->backup_begun);
    if (n == done) {
        hold(ledger, "the log", log_size(h, &size));
        atomic_store(&home->backup_size, size);
        atomic_store(&home->backup_begun, ++n);
    }
    backup_path(h, n, path);
    const lw_err err = back_up(h, path, n % 3 == 0, &made);
    if (err.code == LW_E_BUSY) { /* keys are made all the while */
        return;
    }
    if (err.code != LW_OK) {
        kill_violation(ledger, "a backup", err);
        return;
    }
    if (made.size < atomic_load(&home->backup_size)) {
        kill_violation(ledger, "a backup without what was acknowledged before it", LW_SUCCESS);
    }
    backup_path(h, done, path);
    support_remove(path);
    atomic_store(&home->backup_done, n);
    (void)atomic_fetch_add(&home->backups, 1);
    (void)atomic_fetch_add(&ledger->acked, 1);
}

static lw_err compare(struct support_home *h, struct wallet_home *restored,
                      const struct wallet_backup *made)
{
    struct wallet_store_report report = {.whole = false};
    uint8_t root[WALLET_HASH_LEN];
    LW_TRY(wallet_flow_store_check(restored, &report));
    if (!report.whole || !report.log.whole) {
        return LW_FAIL(LW_E_CORRUPT, "a restored store is not whole", LW_NOWHERE);
    }
    WALLET_AUTO_TXN txn = NULL;
    LW_TRY(wallet_read_begin(wallet_home_store(h->home), &txn));
    LW_TRY(wallet_audit_root_at(txn, made->size, root));
    return memcmp(root, made->root, sizeof(root)) == 0
               ? LW_SUCCESS
               : LW_FAIL(LW_E_CORRUPT, "a backup's log is not of this store", LW_NOWHERE);
}

static lw_err restore(struct support_home *h, const char *from, const char *to)
{
    struct wallet_home_config config = h->config;
    struct wallet_backup made;
    struct wallet_home *restored = NULL;
    config.dir = to;
    LW_TRY(wallet_flow_store_restore(&config, &h->env, from, &made));
    LW_TRY(wallet_home_open(&config, &h->env, WALLET_HOME_READ, &restored));
    const lw_err err = compare(h, restored, &made);
    wallet_home_close(restored);
    return err;
}

void kill_home_restore(struct support_home *h, struct kill_ledger *ledger, struct kill_home *home)
{
    char from[SUPPORT_PATH_MAX];
    char to[SUPPORT_PATH_MAX];
    const unsigned done = atomic_load(&home->backup_done);
    if (done == 0) {
        return;
    }
    backup_path(h, done, from);
    support_path(h->folder, "restored", to);
    support_remove(to);
    hold(ledger, "a restored backup", restore(h, from, to));
    support_remove(to);
    (void)atomic_fetch_add(&home->restored, 1);
}

void kill_home_check(struct support_home *h, struct kill_ledger *ledger, struct kill_home *home,
                     bool all)
{
    check_keys(h, ledger, home, all);
    hold(ledger, "lists", check_lists(h));
}
