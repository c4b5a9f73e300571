/* The table of settings: parser, printed form and manual come from it. */
#include "idp/config.h"

#include <stdio.h>

#include "wallet/json_doc.h"
#include "wallet/json_write.h"
#include "wallet/shortcuts.h"

enum { CONFIG_MAX = 256 * 1024, NAMES_MAX = 32, FAULTS_MAX = 1 };
enum kind { TEXT, NUMBER, FLAG };

struct setting {
    const char *name;
    enum kind kind;
    size_t offset;    /* in struct idp_config */
    const char *text; /* default of a TEXT */
    int64_t number;   /* default of a NUMBER */
    int64_t min;
    int64_t max;
    const char *help;
};

#define AT(member_) offsetof(struct idp_config, member_)

static const struct setting settings[] = {
    {"base_url", TEXT, AT(base_url), "http://localhost:8080", 0, 0, 0,
     "Address that credentials and status lists name; no slash at the end."},
    {"listen", TEXT, AT(listen), "127.0.0.1:8080", 0, 0, 0,
     "Where the service listens: ADDRESS:PORT, or unix:/PATH. TLS is the reverse proxy's."},
    {"development", FLAG, AT(development), NULL, 0, 0, 0,
     "Allow http on loopback in issuer and status URIs. Nothing else differs."},
    {"country", TEXT, AT(country), "CN", 0, 0, 0, "Country in certificates, two capitals."},
    {"authority", TEXT, AT(authority), "License Wallet Issuing Authority", 0, 0, 0,
     "Name of the issuing authority in certificates."},
    {"module", TEXT, AT(module), "", 0, 0, 0,
     "PKCS#11 module of the HSM; empty: SoftHSM 2 where it is found."},
    {"token_label", TEXT, AT(token_label), "license-wallet", 0, 0, 0, "Label of the token."},
    {"pin_file", TEXT, AT(pin_file), "", 0, 0, 0,
     "File with the token's PIN, mode 0600; empty: pin in the home folder."},
    {"softhsm_conf", TEXT, AT(softhsm_conf), "", 0, 0, 0,
     "Configuration of a SoftHSM token elsewhere; empty: token/softhsm2.conf in the home folder."},
    {"signers", NUMBER, AT(signers), NULL, 0, 0, 64, "Signer processes; 0: one a core."},
    {"token_deadline_ms", NUMBER, AT(token_deadline_ms), NULL, 5000, 100, 120000,
     "How long one call of the token may take before its signer is started again; making the key "
     "id-rsa takes up to a second."},
    {"key_tables", NUMBER, AT(key_tables), NULL, WALLET_TABLES_DEFAULT, 0, HSM_KEY_TABLES_MAX,
     "Issuers' keys whose signatures are checked three times as fast, for 150 KB each; 0: none."},
    {"seen_credentials", NUMBER, AT(seen_credentials), NULL, WALLET_SEEN_DEFAULT, 0,
     WALLET_SEEN_MAX,
     "Credentials whose issuer's signature is not checked again when they are shown again, for "
     "64 bytes each; 0: none. All else is checked each time."},
    {"http_threads", NUMBER, AT(http_threads), NULL, 0, 0, 64,
     "Threads that read requests and write replies; 0: one a core."},
    {"http_connections", NUMBER, AT(http_connections), NULL, 4096, 16, 100000,
     "Connections at once; past it new ones are closed."},
    {"http_body_max", NUMBER, AT(http_body_max), NULL, 16777216, 4096, 67108864,
     "Largest body that any address takes, in bytes; most take far less."},
    {"http_deadline_ms", NUMBER, AT(http_deadline_ms), NULL, 30000, 100, 600000,
     "How long one request may take, from its first byte."},
    {"workers", NUMBER, AT(workers), NULL, 64, 1, 1024,
     "Threads for requests that wait for the token or an image."},
    {"status_cadence_s", NUMBER, AT(status_cadence_s), NULL, 150, 5, 300,
     "How often status lists are signed again without a change: at most the 300 s for which a "
     "verifier may keep one."},
    {"approval_days", NUMBER, AT(approval_days), NULL, 30, 1, 365,
     "How long an import of a type that needs two people waits for the second one."},
    {"log_level", TEXT, AT(log_level), "info", 0, 0, 0, "debug, info, warn or error."},
};

#define SETTING_COUNT (sizeof(settings) / sizeof(settings[0]))

/* What a running service takes over. */
static const char *const live_settings[] = {"http_body_max", "http_deadline_ms", "status_cadence_s",
                                            "log_level"};

static char *text_of(struct idp_config *config, const struct setting *s)
{
    return (char *)config + s->offset;
}

static const char *text_in(const struct idp_config *config, const struct setting *s)
{
    return (const char *)config + s->offset;
}

static void set_number(struct idp_config *config, const struct setting *s, int64_t n)
{
    memcpy((char *)config + s->offset, &n, sizeof(n));
}

static int64_t number_in(const struct idp_config *config, const struct setting *s)
{
    int64_t n = 0;
    memcpy(&n, (const char *)config + s->offset, sizeof(n));
    return n;
}

static void set_flag(struct idp_config *config, const struct setting *s, bool value)
{
    memcpy((char *)config + s->offset, &value, sizeof(value));
}

static bool flag_in(const struct idp_config *config, const struct setting *s)
{
    bool value = false;
    memcpy(&value, (const char *)config + s->offset, sizeof(value));
    return value;
}

static void set_text(struct idp_config *config, const struct setting *s, lw_str value)
{
    char *text = text_of(config, s);
    memset(text, 0, IDP_TEXT_MAX);
    if (value.len > 0) {
        memcpy(text, value.ptr, value.len < IDP_TEXT_MAX ? value.len : IDP_TEXT_MAX - 1);
    }
}

void idp_config_defaults(struct idp_config *config)
{
    memset(config, 0, sizeof(*config));
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        switch (settings[i].kind) {
        case TEXT:
            set_text(config, &settings[i], lw_str_c(settings[i].text));
            break;
        case NUMBER:
            set_number(config, &settings[i], settings[i].number);
            break;
        case FLAG:
            set_flag(config, &settings[i], false);
            break;
        }
    }
}

static void read_setting(const struct wallet_json_at *root, const struct setting *s,
                         struct idp_config *config)
{
    const struct wallet_json_at at = wallet_json_at_member(root, s->name);
    if (!wallet_json_at_present(&at)) {
        return;
    }
    switch (s->kind) {
    case TEXT:
        set_text(config, s, wallet_json_at_text(&at, 0, IDP_TEXT_MAX - 1));
        break;
    case NUMBER:
        set_number(config, s, wallet_json_at_int(&at, s->min, s->max));
        break;
    case FLAG:
        set_flag(config, s, wallet_json_at_bool(&at));
        break;
    }
}

lw_err idp_config_read(lw_bytes json, struct idp_config *config, struct idp_config_error *error)
{
    WALLET_AUTO_JSON doc = NULL;
    const char *names[NAMES_MAX] = {NULL};
    struct wallet_doc_error first[FAULTS_MAX] = {{.what = NULL}};
    struct wallet_json_faults faults = {.list = first, .max = FAULTS_MAX, .count = 0};
    _Static_assert(SETTING_COUNT < NAMES_MAX, "room for every name and the end");

    LW_TRY(wallet_json_doc_parse(json, CONFIG_MAX, &doc));
    const struct wallet_json_at root = wallet_json_at_root(doc, &faults);
    if (wallet_json_at_object(&root)) {
        for (size_t i = 0; i < SETTING_COUNT; i++) {
            names[i] = settings[i].name;
            read_setting(&root, &settings[i], config);
        }
        wallet_json_at_only(&root, names);
    }
    if (faults.count > 0) {
        (void)snprintf(error->pointer, sizeof(error->pointer), "%.63s", first[0].pointer);
        error->what = first[0].what;
        return LW_FAIL(LW_E_VALUE, "config: a setting does not hold", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

lw_err idp_config_print(const struct idp_config *config, lw_buf *json)
{
    struct wallet_json_writer w = wallet_json_writer(json);
    wallet_json_put_object(&w);
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        switch (settings[i].kind) {
        case TEXT:
            wallet_json_member_c(&w, settings[i].name, text_in(config, &settings[i]));
            break;
        case NUMBER:
            wallet_json_member_int(&w, settings[i].name, number_in(config, &settings[i]));
            break;
        case FLAG:
            wallet_json_member_bool(&w, settings[i].name, flag_in(config, &settings[i]));
            break;
        }
    }
    wallet_json_put_end(&w);
    return wallet_json_written(&w);
}

static bool same(const struct setting *s, const struct idp_config *a, const struct idp_config *b)
{
    switch (s->kind) {
    case TEXT:
        return strcmp(text_in(a, s), text_in(b, s)) == 0;
    case NUMBER:
        return number_in(a, s) == number_in(b, s);
    case FLAG:
        return flag_in(a, s) == flag_in(b, s);
    }
    return false;
}

static bool is_live(const char *name)
{
    for (size_t i = 0; i < sizeof(live_settings) / sizeof(live_settings[0]); i++) {
        if (strcmp(name, live_settings[i]) == 0) {
            return true;
        }
    }
    return false;
}

const char *idp_config_change(const struct idp_config *was, const struct idp_config *is, size_t *at,
                              bool *live)
{
    while (*at < SETTING_COUNT) {
        const struct setting *s = &settings[(*at)++];
        if (!same(s, was, is)) {
            *live = is_live(s->name);
            return s->name;
        }
    }
    return NULL;
}

static lw_err put_default(const struct setting *s, lw_buf *roff)
{
    switch (s->kind) {
    case TEXT:
        LW_TRY(lw_buf_put_c(roff, "Text; default \""));
        LW_TRY(lw_buf_put_c(roff, s->text));
        return lw_buf_put_c(roff, "\".\n");
    case NUMBER:
        LW_TRY(lw_buf_put_c(roff, "Number from "));
        LW_TRY(lw_buf_put_int(roff, s->min));
        LW_TRY(lw_buf_put_c(roff, " to "));
        LW_TRY(lw_buf_put_int(roff, s->max));
        LW_TRY(lw_buf_put_c(roff, "; default "));
        LW_TRY(lw_buf_put_int(roff, s->number));
        return lw_buf_put_c(roff, ".\n");
    case FLAG:
        return lw_buf_put_c(roff, "true or false; default false.\n");
    }
    return LW_SUCCESS;
}

lw_err idp_config_manual(lw_buf *roff)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        LW_TRY(lw_buf_put_c(roff, ".TP\n.B "));
        LW_TRY(lw_buf_put_c(roff, settings[i].name));
        LW_TRY(lw_buf_put_c(roff, "\n"));
        LW_TRY(lw_buf_put_c(roff, settings[i].help));
        LW_TRY(lw_buf_put_c(roff, "\n"));
        LW_TRY(put_default(&settings[i], roff));
        if (is_live(settings[i].name)) {
            LW_TRY(lw_buf_put_c(roff, "A running service takes it over on SIGHUP.\n"));
        }
    }
    return LW_SUCCESS;
}

static bool on_loopback(lw_str listen)
{
    return lw_str_starts(listen, LW_STR("127.")) || lw_str_starts(listen, LW_STR("[::1]:")) ||
           lw_str_starts(listen, LW_STR("unix:"));
}

static bool loopback_host(lw_str host)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const lw_str name = lw_str_c(names[i]);
        if (lw_str_starts(host, name) &&
            (host.len == name.len || host.ptr[name.len] == ':' || host.ptr[name.len] == '/')) {
            return true;
        }
    }
    return false;
}

static lw_err refuse(struct idp_config_error *error, lw_code code, const char *pointer,
                     const char *what)
{
    (void)snprintf(error->pointer, sizeof(error->pointer), "%s", pointer);
    error->what = what;
    return LW_FAIL(code, "config: a setting does not hold", LW_NOWHERE);
}

lw_err idp_config_check(const struct idp_config *config, struct idp_config_error *error)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    const lw_str url = lw_str_c(config->base_url);
    const bool http = lw_str_starts(url, LW_STR("http://"));
    const bool https = lw_str_starts(url, LW_STR("https://"));
    if ((!http && !https) || url.ptr[url.len - 1] == '/') {
        return refuse(error, LW_E_VALUE, "/base_url",
                      "must begin with https:// and must not end with a slash");
    }
    if (http && (!config->development || !loopback_host(lw_str_from(url, 7)))) {
        return refuse(error, LW_E_DENIED, "/base_url",
                      "http is allowed only on loopback with \"development\": true; use https");
    }
    if (!on_loopback(lw_str_c(config->listen))) {
        return refuse(error, LW_E_DENIED, "/listen",
                      "the API has no access tokens yet, so it answers on loopback only");
    }
    const lw_str country = lw_str_c(config->country);
    if (country.len != 2 || country.ptr[0] < 'A' || country.ptr[0] > 'Z' || country.ptr[1] < 'A' ||
        country.ptr[1] > 'Z') {
        return refuse(error, LW_E_VALUE, "/country", "must be two capitals, such as CN");
    }
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (lw_str_is(lw_str_c(config->log_level), levels[i])) {
            return LW_SUCCESS;
        }
    }
    return refuse(error, LW_E_VALUE, "/log_level", "must be debug, info, warn or error");
}
