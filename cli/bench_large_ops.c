/* What is done with a store of many licenses: each a CPU time, of licenses drawn at random. */
#define _GNU_SOURCE

#include <unistd.h>

#include "bench_large.h"
#include "wallet/audit.h"
#include "wallet/flow_status.h"
#include "wallet/merkle.h"
#include "wallet/store_credential.h"
#include "wallet/store_person.h"

enum { PAGE = 100, WALLET_ROOM = 2 * LARGE_PER_PERSON, HUNDRED = 100, PUBLISHED = 8 };

static double rate(size_t count, int64_t used_ns)
{
    return used_ns > 0 ? (double)count * bench_ns_per_s / (double)used_ns : 0;
}

static lw_err draw(const struct bench_large *l, uint64_t below, uint64_t *n)
{
    return lw_rng_below(l->b->cli->env.rng, below, n);
}

static struct wallet_store *store_of(const struct bench_large *l)
{
    return wallet_home_store(l->b->home);
}

/* Does something `count` times, each in a read transaction of its own. */
typedef lw_err reading(const struct bench_large *l, const struct wallet_txn *txn);

static lw_err read_many(struct bench_large *l, reading *one, size_t count, double *per_s)
{
    const int64_t begin = bench_cpu_thread();
    for (size_t i = 0; i < count; i++) {
        WALLET_AUTO_TXN txn = NULL;
        LW_TRY(wallet_read_begin(store_of(l), &txn));
        LW_TRY(one(l, txn));
    }
    *per_s = rate(count, bench_cpu_thread() - begin);
    return LW_SUCCESS;
}

static lw_err find_random(const struct bench_large *l, const struct wallet_txn *txn,
                          uint8_t id[WALLET_UUID_LEN])
{
    char number[LARGE_NUMBER_MAX];
    uint64_t n = 0;
    LW_TRY(draw(l, l->b->filled, &n));
    bench_fill_number((size_t)n, number);
    return wallet_store_license_find(txn, (lw_str){.ptr = NULL, .len = 0}, lw_str_c(number), id);
}

static lw_err load(const struct wallet_txn *txn, const uint8_t id[WALLET_UUID_LEN],
                   enum wallet_load what)
{
    WALLET_AUTO_LICENSE license = {.state = 0};
    return wallet_store_license_load(txn, id, what, &license);
}

static lw_err one_by_number(const struct bench_large *l, const struct wallet_txn *txn)
{
    uint8_t id[WALLET_UUID_LEN];
    LW_TRY(find_random(l, txn, id));
    return load(txn, id, WALLET_LOAD_ALL);
}

static lw_err by_number(struct bench_large *l, double *per_s)
{
    return read_many(l, one_by_number, l->count, per_s);
}

static lw_err one_by_holder(const struct bench_large *l, const struct wallet_txn *txn)
{
    char account[LARGE_NUMBER_MAX];
    struct wallet_person_code code;
    struct wallet_page page = {.len = 0};
    uint8_t person[WALLET_PERSON_ID_LEN];
    uint8_t ids[WALLET_ROOM][WALLET_UUID_LEN];
    size_t count = WALLET_ROOM;
    uint64_t n = 0;
    LW_TRY(draw(l, l->b->filled / LARGE_PER_PERSON, &n));
    bench_fill_account((size_t)n, account);
    LW_TRY(wallet_person_code(LW_STR("999"), lw_str_c(account), &code));
    LW_TRY(wallet_store_person_find(txn, &code, person));
    LW_TRY(wallet_store_wallet_page(txn, person, &page, ids, &count));
    if (count != LARGE_PER_PERSON) {
        return LW_FAIL(LW_E_CORRUPT, "bench: a person has not its licenses", LW_NOWHERE);
    }
    for (size_t i = 0; i < count; i++) {
        LW_TRY(load(txn, ids[i], WALLET_LOAD_PUBLIC));
    }
    return LW_SUCCESS;
}

static lw_err by_holder(struct bench_large *l, double *per_s)
{
    return read_many(l, one_by_holder, l->count / LARGE_PER_PERSON, per_s);
}

/* A page from a place at random. */
static lw_err list(const struct bench_large *l, const struct wallet_txn *txn,
                   const struct wallet_license_filter *filter)
{
    struct wallet_page page = {.len = WALLET_UUID_LEN};
    uint8_t ids[PAGE][WALLET_UUID_LEN];
    size_t count = PAGE;
    LW_TRY(find_random(l, txn, page.at));
    LW_TRY(wallet_store_license_page(txn, filter, &page, ids, &count));
    for (size_t i = 0; i < count; i++) {
        LW_TRY(load(txn, ids[i], WALLET_LOAD_PUBLIC));
    }
    return LW_SUCCESS;
}

static lw_err one_page(const struct bench_large *l, const struct wallet_txn *txn)
{
    const struct wallet_license_filter filter = {.type = lw_str_c(bench_type),
                                                 .state = WALLET_ACTIVE};
    return list(l, txn, &filter);
}

static lw_err list_page(struct bench_large *l, double *per_s)
{
    return read_many(l, one_page, l->count / HUNDRED, per_s);
}

/* One in 97: where a list is looked through for its state, a page costs a hundred times as much. */
static lw_err one_page_of_state(const struct bench_large *l, const struct wallet_txn *txn)
{
    const struct wallet_license_filter filter = {.state = WALLET_REVOKED, .newest_first = true};
    struct wallet_page page = {.len = 0};
    uint8_t ids[PAGE][WALLET_UUID_LEN];
    size_t count = PAGE;
    (void)l;
    LW_TRY(wallet_store_license_page(txn, &filter, &page, ids, &count));
    for (size_t i = 0; i < count; i++) {
        LW_TRY(load(txn, ids[i], WALLET_LOAD_PUBLIC));
    }
    return LW_SUCCESS;
}

static lw_err list_state(struct bench_large *l, double *per_s)
{
    return read_many(l, one_page_of_state, l->count / HUNDRED, per_s);
}

static lw_err one_inclusion(const struct bench_large *l, const struct wallet_txn *txn)
{
    struct wallet_merkle_path path;
    uint64_t index = 0;
    LW_TRY(draw(l, l->leaves, &index));
    return wallet_audit_inclusion(txn, index, l->leaves, &path);
}

static lw_err inclusion(struct bench_large *l, double *per_s)
{
    return read_many(l, one_inclusion, l->count, per_s);
}

static lw_err one_consistency(const struct bench_large *l, const struct wallet_txn *txn)
{
    struct wallet_merkle_path path;
    uint64_t size = 0;
    LW_TRY(draw(l, l->leaves, &size));
    return wallet_audit_consistency(txn, size + 1, l->leaves, &path);
}

static lw_err consistency(struct bench_large *l, double *per_s)
{
    return read_many(l, one_consistency, l->count, per_s);
}

static lw_err one_stat(const struct bench_large *l, const struct wallet_txn *txn)
{
    struct wallet_store_stat stat;
    (void)txn;
    return wallet_store_stat(store_of(l), &stat);
}

static lw_err stat_many(struct bench_large *l, double *per_s)
{
    return read_many(l, one_stat, l->count, per_s);
}

static lw_err verify(struct bench_large *l, enum bench_format format, double *per_s)
{
    BENCH_AUTO_SHOWN shown = {.count = 0};
    LW_TRY(bench_show(l->holder, format, l->count, &shown));
    const int64_t begin = bench_cpu_thread();
    LW_TRY(bench_verify_all(l->verifier, shown.items, shown.count));
    *per_s = rate(shown.count, bench_cpu_thread() - begin);
    return LW_SUCCESS;
}

static lw_err verify_sdjwt(struct bench_large *l, double *per_s)
{
    return verify(l, BENCH_SDJWT, per_s);
}

static lw_err verify_lq1(struct bench_large *l, double *per_s)
{
    return verify(l, BENCH_LQ1, per_s);
}

static lw_err over_http(struct bench_large *l, bool record, double *per_s)
{
    BENCH_AUTO_SHOWN requests = {.count = 0};
    LW_TRY(bench_show_requests(l->holder, BENCH_SDJWT, record, l->count, &requests));
    const int64_t begin = bench_cpu_family(l->server.pid);
    LW_TRY(bench_client_run(l->client, requests.items, requests.count, NULL));
    *per_s = rate(requests.count, bench_cpu_family(l->server.pid) - begin);
    return LW_SUCCESS;
}

static lw_err http_plain(struct bench_large *l, double *per_s)
{
    return over_http(l, false, per_s);
}

static lw_err http_recorded(struct bench_large *l, double *per_s)
{
    return over_http(l, true, per_s);
}

/* Changes of entries at random, as changes of licenses make them. */
struct changes {
    const struct bench_large *l;
    size_t count;
};

static lw_err toggle(const struct wallet_txn *txn, const uint8_t id[WALLET_UUID_LEN],
                     enum wallet_entry_status *to)
{
    struct wallet_page page = {.len = 0};
    struct wallet_credential_info info;
    size_t count = 1;
    enum wallet_entry_status is = WALLET_ENTRY_VALID;
    LW_TRY(wallet_store_credential_page(txn, id, &page, &info, &count));
    LW_TRY(wallet_store_status_get(txn, info.status, &is));
    *to = is == WALLET_ENTRY_VALID ? WALLET_ENTRY_SUSPENDED : WALLET_ENTRY_VALID;
    return LW_SUCCESS;
}

static lw_err write_changes(struct wallet_txn *txn, void *ctx)
{
    const struct changes *c = ctx;
    for (size_t done = 0; done < c->count;) {
        char number[LARGE_NUMBER_MAX];
        uint8_t id[WALLET_UUID_LEN];
        enum wallet_entry_status to = WALLET_ENTRY_VALID;
        uint64_t n = 0;
        LW_TRY(draw(c->l, c->l->b->filled, &n));
        if (!bench_fill_shown((size_t)n) || !bench_fill_active((size_t)n)) {
            continue;
        }
        bench_fill_number((size_t)n, number);
        LW_TRY(wallet_store_license_find(txn, lw_str_c(bench_type), lw_str_c(number), id));
        LW_TRY(toggle(txn, id, &to));
        LW_TRY(wallet_store_credential_set_status(txn, id, to, NULL));
        done++;
    }
    return LW_SUCCESS;
}

/* Lists that are signed a CPU second, of this process and its signers. */
static lw_err publish(struct bench_large *l, size_t changed, double *per_s)
{
    const struct wallet_publish_order order = {.cadence_s = LW_DAY_S};
    size_t lists = 0;
    int64_t used = 0;
    for (size_t i = 0; i < PUBLISHED; i++) {
        struct changes changes = {.l = l, .count = changed};
        size_t published = 0;
        LW_TRY(wallet_store_write(store_of(l), write_changes, &changes));
        const int64_t begin = bench_cpu_family(getpid());
        LW_TRY(wallet_flow_publish(l->b->home, &order, &published));
        used += bench_cpu_family(getpid()) - begin;
        lists += published;
    }
    *per_s = rate(lists, used);
    return LW_SUCCESS;
}

static lw_err publish_one(struct bench_large *l, double *per_s)
{
    return publish(l, 1, per_s);
}

static lw_err publish_hundred(struct bench_large *l, double *per_s)
{
    return publish(l, HUNDRED, per_s);
}

/* A proof has a hash for each doubling of the log. */
static const struct bench_large_op ops[] = {
    {"lookup_number", "licenses found by number and opened", 0.8, by_number},
    {"lookup_holder", "people found by code, with their ten licenses", 0.8, by_holder},
    {"verify_sd_jwt", "verifications in process", 0.8, verify_sdjwt},
    {"verify_lq1", "verifications in process", 0.8, verify_lq1},
    {"http_sd_jwt", "verifications over HTTP", 0.8, http_plain},
    {"http_sd_jwt_recorded", "verifications over HTTP, recorded", 0.8, http_recorded},
    {"list_page", "pages of 100 active ones of a type", 0.8, list_page},
    {"list_state", "pages of 100 revoked ones of any type", 0.8, list_state},
    {"publish_one", "lists signed, one change at a time", 0.8, publish_one},
    {"publish_hundred", "lists signed, a hundred changes at a time", 0.8, publish_hundred},
    {"audit_inclusion", "inclusion proofs", 0.5, inclusion},
    {"audit_consistency", "consistency proofs", 0.5, consistency},
    {"store_stat", "figures of the store", 0.5, stat_many},
};

const struct bench_large_op *bench_large_ops(size_t *count)
{
    *count = sizeof(ops) / sizeof(ops[0]);
    return ops;
}
