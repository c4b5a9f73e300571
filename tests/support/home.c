#include "home.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "hsm/digest.h"
#include "hsm/rng.h"
#include "issue.h"
#include "wallet/flow_catalog.h"
#include "wallet/flow_status.h"
#include "wallet/format.h"
#include "wallet/lq1.h"
#include "wallet/shortcuts.h"
#include "wallet/store_catalog.h"
#include "wallet/store_key.h"
#include "wallet/store_status.h"
#include "wallet/trust_list.h"

enum { SIGNERS = 2, DEADLINE_MS = 20000, FILE_MAX = 4 * 1024 * 1024, DIR_MODE = 0700 };

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fprintf(stderr, "test support: %s: %s\n", lw_code_name(err.code), err.why);
        abort();
    }
}

static void report(void *ctx, const struct wallet_catalog_result *result)
{
    (void)ctx;
    for (size_t i = 0; i < result->error_count && i < 32; i++) {
        fprintf(stderr, "test support: %s: %s %s\n", result->path, result->errors[i].pointer,
                result->errors[i].what);
    }
}

void support_home_make(struct support_home *h)
{
    support_home_make_at(h, SUPPORT_HOME_NOW);
}

void support_home_make_at(struct support_home *h, int64_t now)
{
    *h = (struct support_home){.home = NULL};
    support_folder(h->folder);
    support_path(h->folder, "home", h->dir);
    (void)snprintf(h->program, sizeof(h->program), "%s/lw-signer", LW_BIN_DIR);
    lw_clock_fixed_init(&h->clock, now);
    h->env = (struct wallet_env){.clock = &h->clock.clock, .rng = hsm_rng_system()};
    h->config = (struct wallet_home_config){
        .dir = h->dir,
        .base_url = SUPPORT_BASE_URL,
        .country = "CN",
        .authority = "Example City",
        .token_label = "test",
        .signer_program = h->program,
        .signers = SIGNERS,
        .token_deadline_ms = DEADLINE_MS,
        .key_tables = WALLET_TABLES_DEFAULT,
        .seen_parts = WALLET_SEEN_DEFAULT,
        .development = true,
    };
    must(wallet_home_init(&h->config, &h->env));
    must(wallet_home_open(&h->config, &h->env, WALLET_HOME_SIGN, &h->home));
    must(wallet_flow_catalog_load(h->home, LW_SOURCE_DIR "/docs/example-city", report, NULL));
    must(wallet_verifier_online(h->home, &h->verifier));
    must(hsm_soft_key_generate(&h->key));
    hsm_soft_key_signer(h->key, &h->holder);
}

void support_home_reopen(struct support_home *h, enum wallet_home_need need)
{
    wallet_verifier_free(h->verifier);
    wallet_home_close(h->home);
    h->home = NULL;
    h->verifier = NULL;
    must(wallet_home_open(&h->config, &h->env, need, &h->home));
    must(wallet_verifier_online(h->home, &h->verifier));
}

void support_home_drop(struct support_home *h)
{
    wallet_verifier_free(h->verifier);
    wallet_home_close(h->home);
    hsm_soft_key_free(h->key);
    support_remove(h->folder);
}

void support_home_issue(struct support_home *h, const char *number)
{
    must(support_issue_number(h->home, number));
}

static size_t find_claims(const struct wallet_license_type *type, const char *names,
                          size_t indexes[WALLET_CLAIMS_MAX])
{
    lw_str rest = lw_str_c(names);
    size_t count = 0;
    while (rest.len > 0) {
        lw_str name;
        (void)lw_str_split(rest, ',', &name, &rest);
        indexes[count] = wallet_license_type_claim(type, name);
        if (indexes[count++] == SIZE_MAX) {
            abort();
        }
    }
    return count;
}

static lw_err get_credential(struct support_home *h, const struct support_show *show, lw_buf *out)
{
    const struct wallet_license_ref ref = wallet_license_ref_parse(lw_str_c(show->number));
    if (show->pass != NULL) {
        return wallet_flow_pass(h->home, ref, lw_str_c(show->pass), &h->holder.key, out);
    }
    return wallet_flow_credential(h->home, ref, lw_str_c(show->format), &h->holder.key, out);
}

lw_err support_home_show(struct support_home *h, const struct support_show *show, lw_buf *text)
{
    LW_AUTO_BUF credential = LW_BUF(WALLET_CREDENTIAL_MAX);
    LW_AUTO_BUF token = LW_BUF(WALLET_CREDENTIAL_MAX);
    const struct wallet_snapshot *snapshot = NULL;
    size_t disclose[WALLET_CLAIMS_MAX];
    LW_TRY(get_credential(h, show, &credential));
    must(wallet_home_snapshot(h->home, &snapshot));
    const struct wallet_license_type *type =
        wallet_snapshot_type(snapshot, LW_STR("business-license"));
    const struct wallet_show how = {
        .disclose = disclose,
        .disclose_count = find_claims(type, show->claims, disclose),
        .aud = lw_str_c(show->aud == NULL ? "qr:any" : show->aud),
        .nonce = show->nonce,
        .iat = lw_now(h->env.clock),
        .holder = &h->holder,
    };
    const struct wallet_format *format =
        wallet_format_by_name(lw_str_c(show->pass == NULL ? show->format : "pass"));
    lw_err err = format->present(type, lw_buf_view(&credential), &how, &token);
    wallet_snapshot_release(snapshot);
    LW_TRY(err);
    return strcmp(show->format, "dc+sd-jwt") == 0 ? lw_buf_put(text, lw_buf_view(&token))
                                                  : wallet_lq1_put(lw_buf_view(&token), text);
}

void support_home_lq1(struct support_home *h, const char *number, lw_buf *text)
{
    const struct support_show show = {
        .number = number, .format = "dc+sd-cwt", .claims = "legal_name,category"};
    must(support_home_show(h, &show, text));
}

static void put_file(const char *dir, const char *name, lw_bytes bytes)
{
    char path[SUPPORT_PATH_MAX];
    support_path(dir, name, path);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(bytes.ptr, 1, bytes.len, file) != bytes.len || fclose(file) != 0) {
        abort();
    }
}

static void put_pins(struct support_home *h, const char *dir)
{
    LW_AUTO_BUF json = LW_BUF(FILE_MAX);
    struct hsm_signer signer;
    uint8_t pin[WALLET_PIN_LEN];
    must(wallet_home_signer(h->home, HSM_PURPOSE_TRUST_LIST, LW_STR(""), &signer));
    must(wallet_trust_pin(&signer.key, pin));
    must(lw_buf_put_c(&json, "{\"pins\":[\""));
    must(lw_buf_put_hex(&json, LW_BYTES(pin)));
    must(lw_buf_put_c(&json, "\"]}"));
    put_file(dir, "pins.json", lw_buf_view(&json));
}

static void put_types(struct support_home *h, const char *dir)
{
    struct wallet_doc doc;
    WALLET_AUTO_TXN txn = NULL;
    must(wallet_read_begin(wallet_home_store(h->home), &txn));
    must(wallet_store_doc_get(txn, WALLET_DOC_LICENSE_TYPE, LW_STR("business-license"), 0, &doc));
    put_file(dir, "types/business-license.json", doc.json);
}

static void put_list(struct support_home *h, const char *dir, uint64_t number)
{
    LW_AUTO_BUF token = LW_BUF(FILE_MAX);
    LW_AUTO_BUF name = LW_BUF(FILE_MAX);
    char uri[SUPPORT_PATH_MAX];
    uint8_t hash[HSM_SHA256_LEN];
    const char *text = NULL;
    int64_t iat = 0;
    int64_t exp = 0;
    must(wallet_flow_status_token(h->home, number, true, &token, &iat, &exp));
    (void)snprintf(uri, sizeof(uri), SUPPORT_BASE_URL "/status/%llu", (unsigned long long)number);
    must(hsm_sha256(lw_str_bytes(lw_str_c(uri)), hash));
    must(lw_buf_put_c(&name, "status/"));
    must(lw_buf_put_hex(&name, LW_BYTES(hash)));
    must(lw_buf_put_c(&name, ".cwt"));
    must(lw_buf_c(&name, &text));
    put_file(dir, text, lw_buf_view(&token));
}

static size_t list_count(struct support_home *h)
{
    struct wallet_stored_list lists[64];
    struct wallet_page page = {.len = 0};
    size_t count = 64;
    WALLET_AUTO_TXN txn = NULL;
    must(wallet_read_begin(wallet_home_store(h->home), &txn));
    must(wallet_store_status_list_page(txn, LW_STR(""), &page, lists, &count));
    return count;
}

void support_home_offline(struct support_home *h, const char *dir)
{
    LW_AUTO_BUF list = LW_BUF(FILE_MAX);
    char path[SUPPORT_PATH_MAX];
    size_t published = 0;
    (void)mkdir(dir, DIR_MODE);
    support_path(dir, "status", path);
    (void)mkdir(path, DIR_MODE);
    support_path(dir, "types", path);
    (void)mkdir(path, DIR_MODE);
    must(wallet_flow_publish_status(h->home, &published));
    must(wallet_flow_trust_list(h->home, &list));
    put_file(dir, "trust-list.cwt", lw_buf_view(&list));
    put_pins(h, dir);
    put_types(h, dir);
    const size_t count = list_count(h);
    for (size_t number = 1; number <= count; number++) {
        put_list(h, dir, number);
    }
}
