/* A home of the bench's own, so that its figures are the same wherever it is run. */
#define _GNU_SOURCE

#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"
#include "wallet/flow_catalog.h"
#include "wallet/json_write.h"

enum { FOLDER_MODE = 0700, FILE_MODE = 0600, CONFIG_MAX = 64 * 1024, OPEN_FOLDERS = 16 };
enum { KEYS_MAX = 64, PASS_HOURS = 24, CREDENTIAL_DAYS = 30, RETENTION_DAYS = 3650 };

const char bench_type[] = "shop-license";
const char bench_qr_type[] = "driver-license";
const char bench_agency[] = "register-office";
const char bench_base_url[] = "http://localhost:8080";

struct claim {
    const char *name;
    int key;
    const char *kind;
};

struct type {
    const char *id;
    const char *vct;
    struct claim claims[8];     /* ends with a NULL name */
    const char *pass_claims[4]; /* of its one pass; ends with NULL */
};

static const struct type types[] = {
    {bench_type, /* as a register of businesses has them */
     "https://lic.example/bl",
     {{"legal_name", -71001, "text"},
      {"trade_name", -71002, "text"},
      {"address", -71003, "text"},
      {"category", -70004, "text"},
      {"activities", -71004, "texts"},
      {"expiry_date", -70005, "date"},
      {NULL, 0, NULL}},
     {NULL}},
    {bench_qr_type, /* specs/qr.md section 12; the sixth claim is the number */
     "https://lic.example/dl",
     {{"family_name", -70001, "text"},
      {"given_name", -70002, "text"},
      {"birth_date", -70003, "date"},
      {"category", -70004, "text"},
      {"expiry_date", -70005, "date"},
      {NULL, 0, NULL}},
     {"family_name", "category", "expiry_date", NULL}},
};

void bench_path(const struct bench *b, const char *name, char path[CLI_PATH_MAX])
{
    (void)snprintf(path, CLI_PATH_MAX, "%s/%.256s", b->dir, name);
}

static lw_err make_folder(const struct bench *b, const char *name)
{
    char path[CLI_PATH_MAX];
    bench_path(b, name, path);
    return mkdir(path, FOLDER_MODE) == 0
               ? LW_SUCCESS
               : LW_FAIL(LW_E_IO, "bench: cannot make a folder", LW_NOWHERE);
}

static void put_name(struct wallet_json_writer *w, const char *zh, const char *en)
{
    wallet_json_put_name(w, "name");
    wallet_json_put_object(w);
    wallet_json_member_c(w, "zh", zh);
    wallet_json_member_c(w, "en", en);
    wallet_json_put_end(w);
}

/* A member that is an array of texts; `items` ends with NULL. */
static void put_list(struct wallet_json_writer *w, const char *name, const char *const *items)
{
    wallet_json_put_name(w, name);
    wallet_json_put_array(w);
    for (; *items != NULL; items++) {
        wallet_json_put_c(w, *items);
    }
    wallet_json_put_end(w);
}

static void put_claim(struct wallet_json_writer *w, const struct claim *claim)
{
    const char *const path[] = {claim->name, NULL};
    wallet_json_put_object(w);
    put_list(w, "path", path);
    wallet_json_member_int(w, "cwt_key", claim->key);
    wallet_json_member_c(w, "type", claim->kind);
    put_name(w, claim->name, claim->name);
    wallet_json_member_bool(w, "required", true);
    wallet_json_member_c(w, "disclose", "choice");
    wallet_json_put_end(w);
}

static void put_passes(struct wallet_json_writer *w, const struct type *type)
{
    wallet_json_put_name(w, "passes");
    wallet_json_put_array(w);
    if (type->pass_claims[0] != NULL) {
        wallet_json_put_object(w);
        wallet_json_member_c(w, "id", "show");
        put_name(w, "出示", "Show");
        put_list(w, "claims", type->pass_claims);
        wallet_json_member_int(w, "hours", PASS_HOURS);
        wallet_json_put_end(w);
    }
    wallet_json_put_end(w);
}

static lw_err write_document(const struct bench *b, const char *folder, const char *id,
                             lw_bytes json)
{
    char path[CLI_PATH_MAX];
    char name[CLI_PATH_MAX / 4];
    (void)snprintf(name, sizeof(name), "catalogue/%.32s/%.64s.json", folder, id);
    bench_path(b, name, path);
    return cli_write(path, json, FILE_MODE);
}

static lw_err write_type(const struct bench *b, const struct type *type)
{
    static const char *const issuers[] = {bench_agency, NULL};
    static const char *const roles[] = {"holder", NULL};
    static const char *const formats[] = {"dc+sd-jwt", "dc+sd-cwt", NULL};
    LW_AUTO_BUF json = LW_BUF(CONFIG_MAX);
    struct wallet_json_writer w = wallet_json_writer(&json);
    wallet_json_put_object(&w);
    wallet_json_member_c(&w, "id", type->id);
    wallet_json_member_int(&w, "version", 1);
    put_name(&w, "执照", "License");
    wallet_json_member_c(&w, "number_scheme", "register");
    put_list(&w, "issuers", issuers);
    put_list(&w, "holder_roles", roles);
    wallet_json_member_c(&w, "vct", type->vct);
    put_list(&w, "formats", formats);
    wallet_json_put_name(&w, "validity");
    wallet_json_put_object(&w);
    wallet_json_member_c(&w, "claim", "expiry_date");
    wallet_json_put_end(&w);
    wallet_json_member_int(&w, "credential_days", CREDENTIAL_DAYS);
    wallet_json_member_int(&w, "retention_days", RETENTION_DAYS);
    wallet_json_put_name(&w, "claims");
    wallet_json_put_array(&w);
    for (const struct claim *claim = type->claims; claim->name != NULL; claim++) {
        put_claim(&w, claim);
    }
    wallet_json_put_end(&w);
    put_passes(&w, type);
    wallet_json_member_bool(&w, "offline_without_status", true);
    wallet_json_put_end(&w);
    LW_TRY(wallet_json_written(&w));
    return write_document(b, "license-types", type->id, lw_buf_view(&json));
}

static lw_err write_agency(const struct bench *b)
{
    static const char *const issues[] = {bench_type, bench_qr_type, NULL};
    LW_AUTO_BUF json = LW_BUF(CONFIG_MAX);
    struct wallet_json_writer w = wallet_json_writer(&json);
    wallet_json_put_object(&w);
    wallet_json_member_c(&w, "id", bench_agency);
    put_name(&w, "登记局", "Register Office");
    wallet_json_member_c(&w, "credit_code", "1132990001402058XY");
    wallet_json_member_c(&w, "contact", "office@register.example");
    put_list(&w, "issues", issues);
    wallet_json_member_bool(&w, "keeper", false);
    wallet_json_put_end(&w);
    LW_TRY(wallet_json_written(&w));
    return write_document(b, "agencies", bench_agency, lw_buf_view(&json));
}

static lw_err write_catalogue(const struct bench *b)
{
    LW_TRY(make_folder(b, "catalogue"));
    LW_TRY(make_folder(b, "catalogue/agencies"));
    LW_TRY(make_folder(b, "catalogue/license-types"));
    LW_TRY(write_agency(b));
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        LW_TRY(write_type(b, &types[i]));
    }
    return LW_SUCCESS;
}

static lw_err write_config(struct bench *b)
{
    char path[CLI_PATH_MAX];
    struct cli *cli = b->cli;
    LW_AUTO_BUF json = LW_BUF(CONFIG_MAX);
    idp_config_defaults(&cli->config);
    (void)snprintf(cli->config.base_url, IDP_TEXT_MAX, "%s", bench_base_url);
    (void)snprintf(cli->config.listen, IDP_TEXT_MAX, "127.0.0.1:0");
    (void)snprintf(cli->config.log_level, IDP_TEXT_MAX, "info");
    cli->config.development = true;
    LW_TRY(idp_config_print(&cli->config, &json));
    (void)snprintf(cli->home_dir, CLI_PATH_MAX, "%s", b->dir);
    bench_path(b, "config.json", path);
    LW_TRY(cli_write(path, lw_buf_view(&json), FILE_MODE));
    return cli_config(cli);
}

lw_err bench_home_shortcuts(const struct bench *b, int64_t key_tables, int64_t seen)
{
    char path[CLI_PATH_MAX];
    LW_AUTO_BUF json = LW_BUF(CONFIG_MAX);
    struct idp_config config = b->cli->config;
    config.key_tables = key_tables;
    config.seen_credentials = seen;
    LW_TRY(idp_config_print(&config, &json));
    bench_path(b, "config.json", path);
    return cli_write(path, lw_buf_view(&json), FILE_MODE);
}

static void say_fault(void *ctx, const struct wallet_catalog_result *result)
{
    const struct bench *b = ctx;
    for (size_t i = 0; i < result->error_count; i++) {
        fprintf(stderr, "lw %s: %s: %s: %s\n", b->cli->command->name, result->path,
                result->errors[i].pointer, result->errors[i].what);
    }
}

/* The same token, for H, which is measured in a signer of its own. */
static void describe_token(struct bench *b)
{
    const struct wallet_home_config *config = &b->cli->home_config;
    bench_path(b, "pin", b->pin_file);
    bench_path(b, "token/softhsm2.conf", b->softhsm_conf);
    b->pool = (struct hsm_pool_config){
        .program = config->signer_program,
        .module = hsm_softhsm_module(),
        .token_label = config->token_label,
        .pin_file = b->pin_file,
        .softhsm_conf = b->softhsm_conf,
        .processes = 1,
        .deadline_ms = config->token_deadline_ms,
        .clock = b->cli->env.clock,
        .log = b->cli->env.log,
    };
}

static lw_err find_key(struct bench *b)
{
    static const struct hsm_token_key none;
    struct hsm_token_key keys[KEYS_MAX] = {none};
    size_t count = 0;
    LW_TRY(hsm_pool_list(wallet_home_pool(b->home), keys, KEYS_MAX, &count));
    for (size_t i = 0; i < count && i < KEYS_MAX; i++) {
        if (keys[i].purpose == HSM_PURPOSE_CREDENTIAL) {
            memcpy(b->label, keys[i].label, sizeof(b->label));
            b->key = keys[i].key;
            return LW_SUCCESS;
        }
    }
    return LW_FAIL(LW_E_NOT_FOUND, "bench: the token has no key for credentials", LW_NOWHERE);
}

lw_err bench_home_make(struct bench *b)
{
    char path[CLI_PATH_MAX];
    const char *place = getenv("TMPDIR");
    const int len = snprintf(b->dir, sizeof(b->dir), "%s/lw-bench.XXXXXX",
                             place == NULL || place[0] == 0 ? "/tmp" : place);
    if (len < 0 || (size_t)len >= sizeof(b->dir) || mkdtemp(b->dir) == NULL) {
        b->dir[0] = 0;
        return LW_FAIL(LW_E_IO, "bench: cannot make a folder in $TMPDIR", LW_NOWHERE);
    }
    LW_TRY(write_catalogue(b));
    LW_TRY(write_config(b));
    LW_TRY(wallet_home_init(&b->cli->home_config, &b->cli->env));
    LW_TRY(wallet_home_open(&b->cli->home_config, &b->cli->env, WALLET_HOME_SIGN, &b->home));
    bench_path(b, "catalogue", path);
    LW_TRY(wallet_flow_catalog_load(b->home, path, say_fault, b));
    describe_token(b);
    LW_TRY(find_key(b));
    return hsm_bench_new(&b->yardstick);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

void bench_home_remove(struct bench *b)
{
    hsm_bench_free(b->yardstick);
    b->yardstick = NULL;
    wallet_home_close(b->home);
    b->home = NULL;
    if (b->dir[0] != 0 && nftw(b->dir, remove_one, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS) != 0) {
        fprintf(stderr, "lw %s: cannot remove %s; remove it by hand\n", b->cli->command->name,
                b->dir);
    }
    b->dir[0] = 0;
}
