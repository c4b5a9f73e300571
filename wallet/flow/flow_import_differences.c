/* What an import would do, as two people look at it: a digest of all of it, and a sample. */
#include "flow_import_internal.h"

#include "hsm/digest.h"
#include "wallet/cbor.h"
#include "wallet/value.h"

enum {
    ROW_MAX = 256 * 1024,
    VALUE_TEXT_MAX = 128 * 1024,
    NAME_MAX = 512,
    SHOWN_EACH = 5, /* rows of each kind in the sample */
};

static bool is_issued(const struct import_row *row)
{
    return !row->there && !row->clash;
}

static bool is_work(const struct import_row *row)
{
    return is_issued(row) || (!row->clash && row->state_to != 0);
}

/* The id that a row of this file would get is drawn anew each time: it says nothing. */
static bool follows_the_store(const struct import_run *run, size_t i)
{
    const struct import_row *row = &run->rows[i];
    if (!row->has_predecessor) {
        return false;
    }
    for (size_t k = i; k-- > 0;) {
        if (!lw_str_eq(import_number(run, &run->rows[k]), import_number(run, row))) {
            break;
        }
        if (is_issued(&run->rows[k]) &&
            memcmp(run->rows[k].id, row->predecessor, WALLET_UUID_LEN) == 0) {
            return false;
        }
    }
    return true;
}

static lw_err put_flags(const struct import_run *run, size_t i, lw_buf *out)
{
    const struct import_row *row = &run->rows[i];
    const lw_bytes none = {NULL, 0};
    LW_TRY(wallet_cbor_put_bool(out, is_issued(row)));
    LW_TRY(wallet_cbor_put_bool(out, row->changed));
    LW_TRY(wallet_cbor_put_bool(out, row->supersedes));
    LW_TRY(wallet_cbor_put_bool(out, row->mends));
    LW_TRY(wallet_cbor_put_uint(out, row->state));
    LW_TRY(wallet_cbor_put_uint(out, row->state_to));
    return wallet_cbor_put_bytes(out,
                                 follows_the_store(run, i) ? LW_BYTES(row->predecessor) : none);
}

static lw_err put_content(struct import_run *run, const struct import_row *row, lw_buf *out)
{
    LW_TRY(import_convert(run, row));
    const struct wallet_import_row *r = &run->scratch;
    LW_TRY(wallet_cbor_put_int(out, r->valid_from));
    LW_TRY(wallet_cbor_put_int(out, r->valid_until));
    LW_TRY(wallet_cbor_put_int(out, r->issued_at));
    LW_TRY(wallet_cbor_put_text(out, wallet_person_code_type(&r->who)));
    LW_TRY(wallet_cbor_put_text(out, wallet_person_code_value(&r->who)));
    LW_TRY(wallet_cbor_put_text(out, r->holder.role));
    LW_TRY(wallet_cbor_put_text(out, r->holder.name));
    for (size_t i = 0; i < r->claim_count; i++) {
        LW_TRY(wallet_cbor_put_uint(out, r->claims[i].def));
        LW_TRY(wallet_cbor_put_bytes(out, r->claims[i].value));
    }
    return LW_SUCCESS;
}

/* Each row is hashed with what came before, so that as few bytes are held as one row has. */
static lw_err hash_row(struct import_run *run, size_t i, uint8_t digest[WALLET_IMPORT_HASH_LEN])
{
    char digits[IMPORT_VERSION_TEXT];
    struct import_row *row = &run->rows[i];
    LW_AUTO_BUF text = LW_BUF(ROW_MAX);
    LW_TRY(wallet_cbor_put_text(&text, import_number(run, row)));
    LW_TRY(wallet_cbor_put_text(&text, import_version(run, row, digits)));
    LW_TRY(put_flags(run, i, &text));
    if (is_issued(row)) {
        LW_TRY(put_content(run, row, &text));
    }
    const lw_bytes parts[] = {{digest, WALLET_IMPORT_HASH_LEN}, lw_buf_view(&text)};
    return hsm_sha256_parts(parts, 2, digest);
}

lw_err import_digest_differences(struct import_run *run, uint8_t digest[WALLET_IMPORT_HASH_LEN])
{
    memset(digest, 0, WALLET_IMPORT_HASH_LEN);
    for (size_t i = 0; i < run->count; i++) {
        if (is_work(&run->rows[i])) {
            LW_TRY(hash_row(run, i, digest));
        }
    }
    for (size_t i = 0; run->revoke && i < run->gone_count; i++) {
        const lw_bytes parts[] = {{digest, WALLET_IMPORT_HASH_LEN}, LW_BYTES(run->gone[i].id)};
        LW_TRY(hsm_sha256_parts(parts, 2, digest));
    }
    return LW_SUCCESS;
}

/* One row shown, beside what the store has of it. */
struct shown {
    struct import_run *run;
    struct wallet_import_sample sample;  /* number, version and kind are set */
    const struct wallet_license *before; /* NULL: none */
};

static void tell(struct shown *s, lw_str field, lw_str before, lw_str after)
{
    if (!lw_str_eq(before, after)) {
        s->sample.field = field;
        s->sample.before = before;
        s->sample.after = after;
        s->run->watch->sample(s->run->watch->ctx, &s->sample);
    }
}

static lw_err put_date(int64_t t, lw_buf *out)
{
    if (t == INT64_MAX) {
        return lw_buf_put_c(out, "null");
    }
    LW_TRY(lw_buf_put_byte(out, '"'));
    LW_TRY(lw_date_put(out, lw_days_of(t)));
    return lw_buf_put_byte(out, '"');
}

static lw_err tell_date(struct shown *s, lw_str field, int64_t before, int64_t after)
{
    LW_AUTO_BUF was = LW_BUF(64);
    LW_AUTO_BUF is = LW_BUF(64);
    LW_TRY(s->before == NULL ? LW_SUCCESS : put_date(before, &was));
    LW_TRY(put_date(after, &is));
    tell(s, field, lw_buf_text(&was), lw_buf_text(&is));
    return LW_SUCCESS;
}

static lw_err put_holder(lw_str type, lw_str code, lw_str name, lw_buf *out)
{
    LW_AUTO_BUF item = LW_BUF(VALUE_TEXT_MAX);
    LW_AUTO_BUF text = LW_BUF(VALUE_TEXT_MAX);
    LW_TRY(lw_buf_put_str(&text, type));
    LW_TRY(lw_buf_put_byte(&text, ':'));
    LW_TRY(lw_buf_put_str(&text, code));
    LW_TRY(name.len > 0 ? lw_buf_put_byte(&text, ' ') : LW_SUCCESS);
    LW_TRY(lw_buf_put_str(&text, name));
    LW_TRY(wallet_cbor_put_text(&item, lw_buf_text(&text)));
    return wallet_value_to_json(lw_buf_view(&item), out);
}

static lw_err tell_holder(struct shown *s, const struct wallet_import_row *r)
{
    LW_AUTO_BUF was = LW_BUF(VALUE_TEXT_MAX);
    LW_AUTO_BUF is = LW_BUF(VALUE_TEXT_MAX);
    if (s->before != NULL) {
        const struct wallet_holder *h = &s->before->holders[0];
        LW_TRY(put_holder(h->code_type, h->code, h->name, &was));
    }
    LW_TRY(put_holder(wallet_person_code_type(&r->who), wallet_person_code_value(&r->who),
                      r->holder.name, &is));
    tell(s, LW_STR("holder"), lw_buf_text(&was), lw_buf_text(&is));
    return LW_SUCCESS;
}

static lw_bytes claim_of(const struct wallet_claim *claims, size_t count, size_t def)
{
    for (size_t i = 0; i < count; i++) {
        if (claims[i].def == def) {
            return claims[i].value;
        }
    }
    return (lw_bytes){NULL, 0};
}

static lw_err tell_claim(struct shown *s, const struct wallet_import_row *r, size_t def)
{
    LW_AUTO_BUF name = LW_BUF(NAME_MAX);
    LW_AUTO_BUF was = LW_BUF(VALUE_TEXT_MAX);
    LW_AUTO_BUF is = LW_BUF(VALUE_TEXT_MAX);
    const struct wallet_claim_def *d = &s->run->type->claims[def];
    const lw_bytes after = claim_of(r->claims, r->claim_count, def);
    const lw_bytes before = s->before == NULL
                                ? (lw_bytes){NULL, 0}
                                : claim_of(s->before->claims, s->before->claim_count, def);
    for (size_t i = 0; i < d->depth; i++) {
        LW_TRY(i > 0 ? lw_buf_put_byte(&name, '.') : LW_SUCCESS);
        LW_TRY(lw_buf_put_str(&name, d->path[i]));
    }
    LW_TRY(before.len > 0 ? wallet_value_to_json(before, &was) : LW_SUCCESS);
    LW_TRY(after.len > 0 ? wallet_value_to_json(after, &is) : LW_SUCCESS);
    tell(s, lw_buf_text(&name), lw_buf_text(&was), lw_buf_text(&is));
    return LW_SUCCESS;
}

static lw_err tell_fields(struct shown *s)
{
    const struct wallet_import_row *r = &s->run->scratch;
    const struct wallet_license *b = s->before;
    LW_TRY(tell_holder(s, r));
    LW_TRY(tell_date(s, LW_STR("valid_from"), b == NULL ? 0 : b->valid_from, r->valid_from));
    LW_TRY(tell_date(s, LW_STR("valid_until"),
                     b == NULL                     ? 0
                     : b->valid_until == INT64_MAX ? INT64_MAX
                                                   : b->valid_until - 1,
                     r->valid_until == INT64_MAX ? INT64_MAX : r->valid_until - 1));
    LW_TRY(tell_date(s, LW_STR("issued"), b == NULL ? 0 : b->issued_at, r->issued_at));
    for (size_t i = 0; i < s->run->type->claim_count; i++) {
        LW_TRY(tell_claim(s, r, i));
    }
    return LW_SUCCESS;
}

/* What a changed row is compared with: the version that it comes after. */
static lw_err load_before(struct import_run *run, const struct import_row *row,
                          struct wallet_stored_license *before, bool *has)
{
    *has = false;
    if (!row->changed || !row->has_predecessor) {
        return LW_SUCCESS;
    }
    {
        WALLET_AUTO_TXN txn = NULL;
        LW_TRY(wallet_read_begin(run->home->store, &txn));
        const lw_err err =
            wallet_store_license_load(txn, row->predecessor, WALLET_LOAD_ALL, before);
        if (err.code == LW_E_NOT_FOUND) {
            return LW_SUCCESS;
        }
        LW_TRY(err);
    }
    *has = true;
    return before->license.type_version == run->type->version
               ? LW_SUCCESS
               : wallet_flow_claims_now(run->home, run->type, &before->license);
}

static lw_err show_issued(struct shown *s, const struct import_row *row)
{
    WALLET_AUTO_LICENSE before = {.state = 0};
    bool has = false;
    s->sample.what = row->changed ? "changed" : "new";
    LW_TRY(load_before(s->run, row, &before, &has));
    LW_TRY(import_convert(s->run, row));
    s->before = has ? &before.license : NULL;
    const lw_err err = tell_fields(s);
    s->before = NULL;
    return err;
}

static lw_err show_row(struct import_run *run, const struct import_row *row)
{
    char digits[IMPORT_VERSION_TEXT];
    struct shown s = {
        .run = run,
        .sample = {.number = import_number(run, row), .version = import_version(run, row, digits)}};
    if (is_issued(row)) {
        return show_issued(&s, row);
    }
    s.sample.what = "state";
    tell(&s, LW_STR("state"), (lw_str){NULL, 0},
         lw_str_c(wallet_state_name((enum wallet_state)row->state_to)));
    return LW_SUCCESS;
}

/* New, changed, state: of each kind some, from all over the file. */
static size_t kind_of(const struct import_row *row)
{
    return !is_issued(row) ? 2 : row->changed ? 1 : 0;
}

lw_err import_show_sample(struct import_run *run)
{
    size_t all[3] = {0};
    size_t passed[3] = {0};
    if (run->watch->sample == NULL) {
        return LW_SUCCESS;
    }
    for (size_t i = 0; i < run->count; i++) {
        all[kind_of(&run->rows[i])] += is_work(&run->rows[i]) ? 1 : 0;
    }
    for (size_t i = 0; i < run->count; i++) {
        const struct import_row *row = &run->rows[i];
        if (!is_work(row)) {
            continue;
        }
        const size_t kind = kind_of(row);
        const size_t step = 1 + all[kind] / SHOWN_EACH;
        if (passed[kind]++ % step == 0) {
            LW_TRY(show_row(run, row));
        }
    }
    return LW_SUCCESS;
}
