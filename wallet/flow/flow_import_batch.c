/* A batch of an import: its licenses made ready to sign, their signatures checked. */
#include <stdio.h>
#include <stdlib.h>

#include "flow_import_internal.h"
#include "wallet/record.h"

enum { OWN_MAX = 512 * 1024 };

lw_err import_batch_make(struct import_batch *batch, size_t rows)
{
    batch->items = calloc(rows, sizeof(*batch->items));
    batch->jobs = calloc(rows, sizeof(*batch->jobs));
    if (batch->items == NULL || batch->jobs == NULL) {
        return LW_FAIL(LW_E_NOMEM, "import: out of memory", LW_NOWHERE);
    }
    for (size_t i = 0; i < rows; i++) {
        batch->items[i].own = LW_BUF(OWN_MAX);
        batch->items[i].payload = LW_BUF(WALLET_RECORD_MAX);
        batch->items[i].record = LW_BUF(WALLET_RECORD_MAX);
    }
    return LW_SUCCESS;
}

void import_batch_free(struct import_batch *batch, size_t rows)
{
    for (size_t i = 0; batch->items != NULL && i < rows; i++) {
        lw_buf_free(&batch->items[i].own);
        lw_buf_free(&batch->items[i].payload);
        lw_buf_free(&batch->items[i].record);
    }
    free(batch->items);
    free(batch->jobs);
}

static lw_err refill(struct import_salts *salts)
{
    LW_TRY(lw_rng_fill(salts->from, salts->bytes, sizeof(salts->bytes)));
    salts->left = sizeof(salts->bytes);
    return LW_SUCCESS;
}

/* Each byte is handed out once and not kept. */
static lw_err draw(void *ctx, uint8_t *out, size_t n)
{
    struct import_salts *salts = ctx;
    if (n > sizeof(salts->bytes)) {
        return lw_rng_fill(salts->from, out, n);
    }
    if (n > salts->left) {
        LW_TRY(refill(salts));
    }
    uint8_t *from = salts->bytes + (sizeof(salts->bytes) - salts->left);
    memcpy(out, from, n);
    memset(from, 0, n);
    salts->left -= n;
    return LW_SUCCESS;
}

static uint8_t *copy(uint8_t *at, lw_bytes from, lw_bytes *to)
{
    if (from.len > 0) {
        memcpy(at, from.ptr, from.len);
    }
    *to = (lw_bytes){at, from.len};
    return at + from.len;
}

/* Copies what the license borrows from the conversion, which the next one overwrites. */
static lw_err own(struct import_item *item)
{
    struct wallet_license *l = &item->license;
    struct wallet_holder *holder = &l->holders[0];
    size_t len = holder->name.len + holder->role.len;
    uint8_t *at = NULL;
    lw_bytes to;
    for (size_t i = 0; i < l->claim_count; i++) {
        len += l->claims[i].value.len;
    }
    lw_buf_truncate(&item->own, 0);
    LW_TRY(lw_buf_reserve(&item->own, len, &at));
    lw_buf_commit(&item->own, len);
    for (size_t i = 0; i < l->claim_count; i++) {
        at = copy(at, l->claims[i].value, &l->claims[i].value);
    }
    at = copy(at, lw_str_bytes(holder->name), &to);
    holder->name = lw_bytes_str(to);
    (void)copy(at, lw_str_bytes(holder->role), &to);
    holder->role = lw_bytes_str(to);
    return LW_SUCCESS;
}

static lw_err fill_item(struct import_run *run, struct import_item *item, struct import_row *row)
{
    struct wallet_license *l = &item->license;
    LW_TRY(import_convert(run, row));
    import_license(run, &run->scratch, l);
    item->row = row;
    item->who = run->scratch.who;
    l->holders[0].code_type = wallet_person_code_type(&item->who);
    l->holders[0].code = wallet_person_code_value(&item->who);
    LW_TRY(own(item));
    l->number = import_number(run, row);
    l->version = import_version(run, row, item->version);
    memcpy(l->id, row->id, sizeof(l->id));
    const struct lw_rng rng = {.fill = draw, .ctx = &run->salts};
    LW_TRY(wallet_record_draw_salts(l, &rng));
    lw_buf_truncate(&item->payload, 0);
    return wallet_record_payload(run->type, l, &item->payload);
}

/* The signers of a home are token keys (hsm_pool_signer()). */
static void fill_job(const struct import_batch *batch, struct hsm_job *job)
{
    const struct hsm_pool_key *key = batch->signer.ctx;
    *job = (struct hsm_job){.purpose = HSM_PURPOSE_CREDENTIAL, .digest_len = HSM_P256_LEN};
    memcpy(job->label, key->label, sizeof(job->label));
}

lw_err import_batch_prepare(struct import_batch *batch, struct import_row *const *rows,
                            size_t count)
{
    struct import_run *run = batch->run;
    batch->count = 0;
    batch->next = NULL;
    LW_TRY(wallet_home_signer(run->home, HSM_PURPOSE_CREDENTIAL, run->agency->id, &batch->signer));
    for (size_t i = 0; i < count; i++) {
        struct import_item *item = &batch->items[i];
        struct hsm_job *job = &batch->jobs[i];
        LW_TRY(fill_item(run, item, rows[i]));
        fill_job(batch, job);
        LW_TRY(wallet_record_digest(batch->signer.kid, lw_buf_view(&item->payload), job->digest));
        batch->count++;
    }
    return LW_SUCCESS;
}

lw_err import_batch_check(struct import_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct hsm_job *job = &batch->jobs[i];
        struct import_item *item = &batch->items[i];
        const lw_bytes signature = {job->sig, job->sig_len};
        LW_TRY(job->err);
        const lw_err err =
            hsm_key_tables_verify(batch->run->home->shortcuts.tables, &batch->signer.key,
                                  (lw_bytes){job->digest, job->digest_len}, signature);
        if (err.code == LW_E_SIGNATURE) {
            return LW_FAIL(LW_E_TOKEN, "import: a signature of the token does not verify",
                           LW_NOWHERE);
        }
        LW_TRY(err);
        lw_buf_truncate(&item->record, 0);
        LW_TRY(wallet_record_assemble(batch->signer.kid, lw_buf_view(&item->payload), signature,
                                      &item->record));
    }
    return LW_SUCCESS;
}
