#include "service.h"

#include <stdio.h>
#include <stdlib.h>

#include "wallet/audit.h"
#include "wallet/json_write.h"
#include "wallet/lq1.h"

enum { BODY_MAX = 1024 * 1024, DRAIN_MS = 5000 };

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fprintf(stderr, "test support: %s: %s\n", lw_code_name(err.code), err.why);
        abort();
    }
}

void support_service_make(struct support_service *s)
{
    *s = (struct support_service){.service = NULL};
    support_home_make(&s->home);
    idp_config_defaults(&s->config);
    (void)snprintf(s->config.base_url, sizeof(s->config.base_url), "%s", SUPPORT_BASE_URL);
    (void)snprintf(s->config.listen, sizeof(s->config.listen), "127.0.0.1:0");
}

void support_service_run(struct support_service *s)
{
    must(idp_service_start(&s->config, s->home.home, LW_BIN_DIR "/lw-scan", &s->service));
    s->port = idp_service_port(s->service);
}

void support_service_start(struct support_service *s)
{
    support_service_make(s);
    support_service_run(s);
}

void support_service_stop(struct support_service *s)
{
    idp_service_stop(s->service, DRAIN_MS);
    support_home_drop(&s->home);
}

uint64_t support_log_size(struct support_service *s)
{
    WALLET_AUTO_TXN txn = NULL;
    uint64_t size = 0;
    uint8_t root[WALLET_HASH_LEN];
    must(wallet_read_begin(wallet_home_store(s->home.home), &txn));
    must(wallet_audit_head(txn, &size, root));
    return size;
}

void support_verify(const struct support_service *s, lw_str text, const char *members,
                    struct support_reply *reply)
{
    LW_AUTO_BUF quoted = LW_BUF(BODY_MAX);
    LW_AUTO_BUF body = LW_BUF(BODY_MAX);
    struct wallet_json_writer w = wallet_json_writer(&quoted);
    wallet_json_put_object(&w);
    wallet_json_member_text(&w, "presentation", text);
    wallet_json_put_end(&w);
    must(wallet_json_written(&w));
    must(lw_buf_put(&body, (lw_bytes){.ptr = quoted.ptr, .len = quoted.len - 1}));
    must(lw_buf_put_c(&body, members));
    must(lw_buf_put_byte(&body, '}'));
    support_http_post(s->port, "/api/v1/verifications", "application/json", lw_buf_view(&body),
                      reply);
}

void support_answer_challenge(struct support_service *s, const char *number, lw_buf *text)
{
    LW_AUTO_BUF arena = LW_BUF(BODY_MAX);
    SUPPORT_AUTO_REPLY reply = {.status = 0};
    struct wallet_challenge challenge;
    char aud[SUPPORT_PATH_MAX];
    support_http_post(s->port, "/api/v1/challenges", "application/json", (lw_bytes){NULL, 0},
                      &reply);
    if (reply.status != 201) {
        abort();
    }
    json_t *json = support_json(&reply);
    must(wallet_lc1_read(lw_str_c(json_string_value(json_object_get(json, "challenge"))), &arena,
                         &challenge));
    json_decref(json);
    (void)snprintf(aud, sizeof(aud), "qr:%.*s", (int)challenge.verifier_id.len,
                   challenge.verifier_id.ptr);
    const struct support_show show = {.number = number,
                                      .format = "dc+sd-cwt",
                                      .claims = "legal_name",
                                      .aud = aud,
                                      .nonce = LW_BYTES(challenge.nonce)};
    must(support_home_show(&s->home, &show, text));
}

bool support_has_result(const struct support_reply *reply, const char *result)
{
    if (reply->status != 200) {
        return false;
    }
    json_t *answer = support_json(reply);
    const char *is = json_string_value(json_object_get(answer, "result"));
    const bool same = is != NULL && strcmp(is, result) == 0;
    json_decref(answer);
    return same;
}
