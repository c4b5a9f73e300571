/*
 * Publishing: the lists that are due are read, packed and handed to the signers together, by
 * completion, and what was signed is kept in one transaction, or, when that cannot be, each by
 * itself. A list costs its own size, and what is not due costs nothing (decision 0029).
 */
#include "flow_publish.h"

#include <stdlib.h>

#include "wallet/flow_status.h"
#include "wallet/status_publish.h"
#include "wallet/store_status.h"

enum {
    TOGETHER = 16,    /* lists signed at the same time */
    FAILING_MAX = 64, /* agencies that are known to fail; of more, each list is tried */
    URI_MAX = 512,
    ARRAY_MAX = WALLET_STATUS_SIZE_MAX * WALLET_STATUS_STORE_BITS / 8,
    /* A list is kept a day past the end of its last credential, as its tokens live. */
    KEPT_S = WALLET_STATUS_LIFE_S,
};

/* A list on its way. */
struct entry {
    struct wallet_stored_list list;
    bool retires;
    struct hsm_signer signer;
    lw_buf array;
    struct wallet_status_draft drafts[WALLET_STATUS_FORMS];
    struct hsm_job *jobs; /* of its drafts, in the order of the forms */
    lw_buf tokens[WALLET_STATUS_FORMS];
    lw_err err; /* why it is not published */
};

/* An agency whose lists cannot be signed: in this call no further one is tried. */
struct failing {
    char agency[sizeof(((struct wallet_stored_list *)0)->agency)];
    lw_err err;
};

struct publishing {
    struct wallet_home *home;
    int64_t now;
    struct entry entries[TOGETHER];
    size_t count;
    struct hsm_job jobs[TOGETHER * WALLET_STATUS_FORMS];
    size_t job_count;
    pthread_mutex_t lock;
    pthread_cond_t signed_all;
    size_t waiting; /* jobs with the signers; guarded by `lock` */
    struct failing failing[FAILING_MAX];
    size_t failing_count;
};

lw_err flow_status_uri(const struct wallet_home *home, uint64_t number, lw_buf *uri)
{
    LW_TRY(lw_buf_put_c(uri, home->config->base_url));
    LW_TRY(lw_buf_put_c(uri, "/status/"));
    return lw_buf_put_int(uri, (int64_t)number);
}

static void free_entry(struct entry *e)
{
    lw_buf_free(&e->array);
    for (size_t form = 0; form < WALLET_STATUS_FORMS; form++) {
        wallet_status_draft_free(&e->drafts[form]);
        lw_buf_free(&e->tokens[form]);
    }
}

static void clear(struct publishing *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free_entry(&p->entries[i]);
    }
    p->count = 0;
    p->job_count = 0;
}

static void publishing_free(struct publishing *p)
{
    clear(p);
    (void)pthread_cond_destroy(&p->signed_all);
    (void)pthread_mutex_destroy(&p->lock);
    free(p);
}

static lw_err publishing_new(struct wallet_home *home, struct publishing **p)
{
    struct publishing *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return LW_FAIL(LW_E_NOMEM, "status: out of memory", LW_NOWHERE);
    }
    (void)pthread_mutex_init(&made->lock, NULL);
    (void)pthread_cond_init(&made->signed_all, NULL);
    made->home = home;
    made->now = lw_now(home->env->clock);
    *p = made;
    return LW_SUCCESS;
}

static lw_err failing_of(const struct publishing *p, const char *agency)
{
    for (size_t i = 0; i < p->failing_count; i++) {
        if (strcmp(p->failing[i].agency, agency) == 0) {
            return p->failing[i].err;
        }
    }
    return LW_SUCCESS;
}

/* Told once a call for each agency, whose id is in every list's record. */
static void note_failing(struct publishing *p, const char *agency, lw_err err)
{
    if (err.code == LW_OK || p->failing_count == FAILING_MAX ||
        failing_of(p, agency).code != LW_OK) {
        return;
    }
    struct failing *f = &p->failing[p->failing_count++];
    memcpy(f->agency, agency, sizeof(f->agency));
    f->err = err;
    lw_log_err(p->home->env->log, LW_WARN, "status_lists_not_signed", err,
               (struct lw_field){.key = "agency", .value = lw_str_c(f->agency)});
}

static void read_entry(const struct publishing *p, const struct wallet_txn *txn, uint64_t number,
                       struct entry *e)
{
    *e = (struct entry){.array = LW_BUF(ARRAY_MAX)};
    for (size_t form = 0; form < WALLET_STATUS_FORMS; form++) {
        e->tokens[form] = LW_BUF(WALLET_STATUS_TOKEN_STORE_MAX);
    }
    e->err = wallet_store_status_list_get(txn, number, &e->list);
    if (e->err.code != LW_OK) {
        return;
    }
    /* Its entries are deleted with it: a clock that is in doubt retires none, it is signed on. */
    e->retires = wallet_status_list_ended(&e->list, p->now - KEPT_S) &&
                 wallet_home_clock_holds(p->home, p->now);
    if (e->retires) {
        return;
    }
    e->err = failing_of(p, e->list.agency);
    if (e->err.code == LW_OK) {
        e->err = wallet_store_status_array(txn, number, &e->list, &e->array);
    }
}

/* Reads some of the lists that are due; nothing is signed while the transaction is open. */
static lw_err read_some(struct publishing *p, int64_t signed_until, struct wallet_page *page,
                        size_t max)
{
    WALLET_AUTO_TXN txn = NULL;
    uint64_t numbers[TOGETHER];
    size_t count = max < TOGETHER ? max : TOGETHER;
    LW_TRY(wallet_read_begin(p->home->store, &txn));
    LW_TRY(wallet_store_status_due(txn, signed_until, page, numbers, &count));
    for (; p->count < count; p->count++) {
        read_entry(p, txn, numbers[p->count], &p->entries[p->count]);
    }
    return LW_SUCCESS;
}

static lw_err find_signer(struct publishing *p, struct entry *e)
{
    const lw_err err =
        wallet_home_signer(p->home, HSM_PURPOSE_STATUS, lw_str_c(e->list.agency), &e->signer);
    note_failing(p, e->list.agency, err);
    return err;
}

static lw_err draft(struct publishing *p, struct entry *e)
{
    LW_AUTO_BUF uri = LW_BUF(URI_MAX);
    LW_AUTO_BUF aggregation = LW_BUF(URI_MAX);
    LW_AUTO_BUF lst = LW_BUF(WALLET_STATUS_TOKEN_STORE_MAX);
    LW_TRY(find_signer(p, e));
    LW_TRY(flow_status_uri(p->home, e->list.number, &uri));
    LW_TRY(lw_buf_put_c(&aggregation, p->home->config->base_url));
    LW_TRY(lw_buf_put_c(&aggregation, "/status"));
    LW_TRY(wallet_status_deflate(lw_buf_view(&e->array), &lst));
    const struct wallet_status_parts parts = {
        .uri = lw_buf_text(&uri),
        .iat = p->now,
        .exp = p->now + WALLET_STATUS_LIFE_S,
        .ttl_s = WALLET_STATUS_TTL_S,
        .bits = WALLET_STATUS_STORE_BITS,
        .lst = lw_buf_view(&lst),
        .aggregation_uri = lw_buf_text(&aggregation),
    };
    for (unsigned form = 0; form < WALLET_STATUS_FORMS; form++) {
        LW_TRY(wallet_status_draft(&parts, (enum wallet_status_form)form, &e->signer, p->now,
                                   &e->drafts[form]));
    }
    return LW_SUCCESS;
}

static void on_signed(struct hsm_job *job)
{
    struct publishing *p = job->ctx;
    (void)pthread_mutex_lock(&p->lock);
    if (--p->waiting == 0) {
        (void)pthread_cond_signal(&p->signed_all);
    }
    (void)pthread_mutex_unlock(&p->lock);
}

static void add_jobs(struct publishing *p, struct entry *e)
{
    e->jobs = &p->jobs[p->job_count];
    for (size_t form = 0; form < WALLET_STATUS_FORMS; form++) {
        struct hsm_job *job = &p->jobs[p->job_count++];
        hsm_pool_job(&e->signer, &e->drafts[form].digest, job);
        job->done = on_signed;
        job->ctx = p;
    }
}

static lw_err sign_jobs(struct publishing *p)
{
    if (p->job_count == 0) {
        return LW_SUCCESS;
    }
    p->waiting = p->job_count;
    LW_TRY(hsm_pool_submit(p->home->pool, p->jobs, p->job_count));
    (void)pthread_mutex_lock(&p->lock);
    while (p->waiting > 0) {
        (void)pthread_cond_wait(&p->signed_all, &p->lock);
    }
    (void)pthread_mutex_unlock(&p->lock);
    return LW_SUCCESS;
}

static lw_err finish(struct publishing *p, struct entry *e)
{
    for (size_t form = 0; form < WALLET_STATUS_FORMS; form++) {
        const struct hsm_job *job = &e->jobs[form];
        note_failing(p, e->list.agency, job->err);
        LW_TRY(job->err);
        LW_TRY(wallet_status_finish(&e->drafts[form], &e->signer,
                                    (lw_bytes){.ptr = job->sig, .len = job->sig_len},
                                    &e->tokens[form]));
    }
    return LW_SUCCESS;
}

/* One list that cannot be signed does not hold up the others. */
static void sign_some(struct publishing *p)
{
    for (size_t i = 0; i < p->count; i++) {
        struct entry *e = &p->entries[i];
        if (e->err.code == LW_OK && !e->retires) {
            e->err = draft(p, e);
        }
        if (e->err.code == LW_OK && !e->retires) {
            add_jobs(p, e);
        }
    }
    const lw_err err = sign_jobs(p);
    for (size_t i = 0; i < p->count; i++) {
        struct entry *e = &p->entries[i];
        if (e->jobs != NULL) {
            note_failing(p, e->list.agency, err);
            e->err = err.code == LW_OK ? finish(p, e) : err;
        }
    }
}

static lw_err write_entry(struct wallet_txn *txn, const struct publishing *p, const struct entry *e)
{
    const struct wallet_status_tokens tokens = {
        .version = e->list.version,
        .iat = p->now,
        .exp = p->now + WALLET_STATUS_LIFE_S,
        .jwt = lw_buf_view(&e->tokens[WALLET_STATUS_JWT]),
        .cwt = lw_buf_view(&e->tokens[WALLET_STATUS_CWT]),
    };
    return e->retires ? wallet_store_status_retire(txn, e->list.number, p->now - KEPT_S)
                      : wallet_store_status_publish(txn, e->list.number, &tokens);
}

/* Some of those that were signed, to be kept in one transaction. */
struct keeping {
    const struct publishing *p;
    size_t from;
    size_t to;
    size_t published;
};

/*
 * One that another process has published meanwhile, of a later version, is as good. That lists say
 * something new is logged, once for those that are kept together; that one is signed again for its
 * age is not.
 */
static lw_err write_some(struct wallet_txn *txn, void *ctx)
{
    struct keeping *k = ctx;
    bool news = false;
    k->published = 0;
    for (size_t i = k->from; i < k->to; i++) {
        const struct entry *e = &k->p->entries[i];
        if (e->err.code != LW_OK) {
            continue;
        }
        const lw_err err = write_entry(txn, k->p, e);
        if (err.code == LW_E_CONFLICT) {
            continue;
        }
        LW_TRY(err);
        news = news || e->retires || wallet_status_list_dirty(&e->list);
        k->published += e->retires ? 0 : 1;
    }
    return news ? home_audit(txn, k->p->now, WALLET_AUDIT_STATUS_LIST_SIGNED, LW_STR("system"),
                             (lw_bytes){NULL, 0})
                : LW_SUCCESS;
}

/* Each by itself: what cannot be kept is that list's fault alone. */
static void keep_each(struct publishing *p, size_t *published)
{
    for (size_t i = 0; i < p->count; i++) {
        struct keeping one = {.p = p, .from = i, .to = i + 1};
        if (p->entries[i].err.code == LW_OK) {
            p->entries[i].err = wallet_store_write(p->home->store, write_some, &one);
            *published += p->entries[i].err.code == LW_OK ? one.published : 0;
        }
    }
}

/* What failed is not counted: it would keep the others from their turn each time. */
static size_t count_good(const struct publishing *p)
{
    size_t good = 0;
    for (size_t i = 0; i < p->count; i++) {
        good += p->entries[i].err.code == LW_OK ? 1 : 0;
    }
    return good;
}

/* Then further ones would be signed for nothing. */
static bool is_of_store(lw_err err)
{
    const lw_class class = lw_err_class(err.code);
    return (class == LW_CLASS_ENVIRONMENT && err.code != LW_E_CORRUPT) || class == LW_CLASS_BUSY;
}

/* Keeps what was signed. errors  of the store as a whole; a list's own stand with it */
static lw_err keep(struct publishing *p, size_t *published)
{
    struct keeping all = {.p = p, .to = p->count};
    if (count_good(p) == 0) {
        return LW_SUCCESS;
    }
    const lw_err err = wallet_store_write(p->home->store, write_some, &all);
    if (err.code == LW_OK) {
        *published += all.published;
        return LW_SUCCESS;
    }
    keep_each(p, published);
    return count_good(p) == 0 && is_of_store(err) ? err : LW_SUCCESS;
}

static lw_err first_error(const struct publishing *p)
{
    for (size_t i = 0; i < p->count; i++) {
        LW_TRY(p->entries[i].err);
    }
    return LW_SUCCESS;
}

lw_err wallet_flow_publish(struct wallet_home *home, const struct wallet_publish_order *order,
                           size_t *published)
{
    struct publishing *p = NULL;
    struct wallet_page page = {.len = 0};
    size_t left = order->max == 0 ? SIZE_MAX : order->max;
    lw_err first = LW_SUCCESS;
    lw_err err = LW_SUCCESS;
    *published = 0;
    LW_TRY(publishing_new(home, &p));
    while (err.code == LW_OK && !page.end && left > 0) {
        err = read_some(p, p->now - order->cadence_s, &page, left);
        if (err.code == LW_OK && p->count > 0) {
            sign_some(p);
            err = keep(p, published);
            first = first.code == LW_OK ? first_error(p) : first;
            left -= count_good(p);
        }
        clear(p);
    }
    publishing_free(p);
    return err.code == LW_OK ? first : err;
}

lw_err wallet_flow_publish_status(struct wallet_home *home, size_t *published)
{
    const struct wallet_publish_order order = {.cadence_s = WALLET_STATUS_TTL_S / 2};
    return wallet_flow_publish(home, &order, published);
}
