/* Verify what was shown; challenges, receipts, the log's head. */
#include <stdlib.h>

#include "../service_internal.h"
#include "wallet/flow_audit.h"
#include "wallet/merkle.h"
#include "wallet/json.h"
#include "wallet/json_write.h"

enum {
    BODY_BYTES_MAX = 256 * 1024, /* of a body that is JSON */
    TEXT_BYTES_MAX = 64 * 1024,
    NONCE_BYTES_MAX = 512,
    ANSWER_BYTES_MAX = 256 * 1024,
    CHALLENGE_LIFE_S = 120,
    CLAIMS_ASKED_MAX = 32,
};

/* A verification under way, its texts unescaped into buffers. */
struct order {
    struct idp_later later; /* first: the server hands it back */
    struct wallet_verification request;
    struct wallet_verifying *verifying;
    lw_buf text;
    lw_buf aud;
    lw_buf nonce;
    const char *fault; /* pointer of the member that is wrong, or NULL */
    bool too_long;     /* that is what is wrong with it */
};

static void free_order(struct order *order)
{
    if (order != NULL) {
        wallet_verifying_free(order->verifying);
        lw_buf_free(&order->text);
        lw_buf_free(&order->aud);
        lw_buf_free(&order->nonce);
        free(order);
    }
}

static bool is_image(lw_str type)
{
    return idp_same_type(type, LW_STR("image/png")) || idp_same_type(type, LW_STR("image/jpeg")) ||
           idp_same_type(type, LW_STR("application/octet-stream"));
}

static lw_str media_type(const struct idp_request *request)
{
    lw_str type = {NULL, 0};
    lw_str parameters = {NULL, 0};
    (void)lw_str_split(idp_header(request, "Content-Type"), ';', &type, &parameters);
    while (type.len > 0 && type.ptr[type.len - 1] == ' ') {
        type.len--;
    }
    return type;
}

static void read_text(struct wallet_json *r, lw_buf *out, const char *pointer, struct order *order)
{
    const lw_err err = wallet_json_unescape(wallet_json_string(r), out);
    if (!wallet_json_ok(r) || err.code != LW_OK) {
        order->fault = pointer;
        order->too_long = wallet_json_ok(r) && err.code == LW_E_LIMIT;
    }
}

/* Unknown members are refused: a misspelt one would otherwise be silently without effect. */
static lw_err read_body(lw_str body, struct order *order)
{
    struct wallet_json r;
    struct wallet_json_text name;
    bool given = false;
    if (body.len > BODY_BYTES_MAX) {
        order->too_long = true;
        return LW_FAIL(LW_E_LIMIT, "verification: the body is too long", LW_NOWHERE);
    }
    wallet_json_start(&r, body);
    wallet_json_object(&r);
    while (wallet_json_member(&r, &name)) {
        if (wallet_json_is(name, "presentation")) {
            given = true;
            read_text(&r, &order->text, "/presentation", order);
        } else if (wallet_json_is(name, "record")) {
            order->request.record = wallet_json_bool(&r);
            order->fault = wallet_json_ok(&r) ? order->fault : "/record";
        } else if (wallet_json_is(name, "challenge_only")) {
            order->request.challenge_only = wallet_json_bool(&r);
            order->fault = wallet_json_ok(&r) ? order->fault : "/challenge_only";
        } else if (wallet_json_is(name, "aud")) {
            read_text(&r, &order->aud, "/aud", order);
        } else if (wallet_json_is(name, "nonce")) {
            read_text(&r, &order->nonce, "/nonce", order);
        } else {
            return LW_FAIL(LW_E_VALUE, "verification: an unknown member", LW_NOWHERE);
        }
    }
    LW_TRY(wallet_json_finish(&r));
    if (!given) {
        order->fault = "/presentation";
        return LW_FAIL(LW_E_VALUE, "verification: the presentation is missing", LW_NOWHERE);
    }
    return order->fault == NULL
               ? LW_SUCCESS
               : LW_FAIL(LW_E_VALUE, "verification: a member does not hold", LW_NOWHERE);
}

static struct order *new_order(void)
{
    struct order *order = calloc(1, sizeof(*order));
    if (order != NULL) {
        order->text = LW_BUF(TEXT_BYTES_MAX);
        order->aud = LW_BUF(NONCE_BYTES_MAX);
        order->nonce = LW_BUF(NONCE_BYTES_MAX);
        order->request.at = INT64_MIN;
        order->request.record = true;
    }
    return order;
}

bool idp_verification_waits(const struct idp_request *request)
{
    return is_image(media_type(request));
}

static void refuse_body(struct idp_reply *reply, const struct idp_request *request,
                        const struct order *order)
{
    const struct idp_problem malformed = {
        400, "malformed", "The request is malformed",
        "Send {\"presentation\": \"LQ1:...\"} as application/json, with \"record\", "
        "\"challenge_only\", \"aud\" or \"nonce\" where needed, or a PNG or JPEG image.",
        order->fault};
    const struct idp_problem too_long = {
        413, "too-large", "Body too large",
        "A presentation is at most 64 KiB of text, aud and nonce 512 bytes, the body 256 KiB.",
        order->fault};
    idp_reply_problem(reply, request, order->too_long ? &too_long : &malformed);
}

static void refuse_image(struct idp_reply *reply, const struct idp_request *request, lw_err err)
{
    static const struct idp_problem no_image = {
        400, "no-image", "No image that can be read",
        "The body is no PNG or JPEG image that can be read; take the picture again.", NULL};
    static const struct idp_problem no_code = {
        422, "no-code", "No code in the image",
        "There is no QR code in the image; come closer, hold still, avoid glare.", NULL};
    if (err.code == LW_E_SYNTAX) {
        idp_reply_problem(reply, request, &no_image);
    } else if (err.code == LW_E_NOT_FOUND) {
        idp_reply_problem(reply, request, &no_code);
    } else {
        idp_reply_error(reply, request, err);
    }
}

static void count(struct idp_service *service, const struct wallet_answer *answer)
{
    struct idp_counters *c = &service->counters;
    switch (answer->result) {
    case WALLET_ACCEPTED:
        atomic_fetch_add(&c->accepted, 1);
        break;
    case WALLET_REFUSED:
        atomic_fetch_add(&c->refused, 1);
        break;
    case WALLET_UNDETERMINED:
        atomic_fetch_add(&c->undetermined, 1);
        break;
    }
}

/* No decision was come to. */
static void fail(struct idp_service *service, const struct idp_request *request, lw_err err,
                 struct idp_reply *reply)
{
    atomic_fetch_add(&service->counters.failed, 1);
    idp_reply_error(reply, request, err);
}

static void reply_answer(struct idp_service *service, const struct idp_request *request,
                         struct order *order, struct idp_reply *reply)
{
    WALLET_AUTO_ANSWER answer = {.result = WALLET_REFUSED};
    LW_AUTO_BUF json = LW_BUF(ANSWER_BYTES_MAX);
    lw_err err = wallet_verifying_end(order->verifying, &answer);
    if (err.code != LW_OK) {
        fail(service, request, err, reply);
        return;
    }
    count(service, &answer);
    err = wallet_answer_json(&answer, &json);
    if (err.code != LW_OK) {
        idp_reply_error(reply, request, err);
        return;
    }
    idp_reply_take(reply, 200, "application/json", &json);
}

static void wake(void *ctx)
{
    const struct order *order = ctx;
    order->later.wake(order->later.wake_ctx);
}

static lw_err start_keeping(struct idp_later *later)
{
    struct order *order = (struct order *)later; /* its first member */
    return wallet_verifying_submit(order->verifying, wake, order);
}

static void answer_kept(struct idp_later *later, struct idp_service *service,
                        const struct idp_request *request, struct idp_reply *reply)
{
    reply_answer(service, request, (struct order *)later, reply);
}

static void drop_kept(struct idp_later *later)
{
    free_order((struct order *)later);
}

/*
 * What is kept of it is durable before it is answered; no thread waits for that. Returns whether
 * `order` is the reply's now.
 */
static bool verify(struct idp_service *service, const struct idp_request *request,
                   struct order *order, struct idp_reply *reply)
{
    order->request.text = lw_buf_text(&order->text);
    order->request.aud = lw_buf_text(&order->aud);
    order->request.nonce = lw_buf_text(&order->nonce);
    const lw_err err =
        wallet_verifying_begin(service->verifier, &order->request, &order->verifying);
    if (err.code != LW_OK) {
        fail(service, request, err, reply);
        return false;
    }
    if (!wallet_verifying_is_kept(order->verifying)) {
        reply_answer(service, request, order, reply);
        return false;
    }
    order->later.start = start_keeping;
    order->later.finish = answer_kept;
    order->later.drop = drop_kept;
    idp_reply_later(reply, &order->later);
    return true;
}

/* "zh" when it is wanted more than English. */
static lw_str wanted_locale(const struct idp_request *request)
{
    const lw_str wanted = idp_header(request, "Accept-Language");
    return lw_str_starts(wanted, LW_STR("zh")) ? LW_STR("zh") : LW_STR("en");
}

static bool read_and_verify(struct idp_service *service, const struct idp_request *request,
                            struct order *order, struct idp_reply *reply)
{
    static const struct idp_problem wrong_type = {415, "media-type", "Unsupported media type",
                                                  "Send application/json, image/png or image/jpeg.",
                                                  NULL};
    const lw_str type = media_type(request);
    if (is_image(type)) {
        const lw_err err = wallet_scan_image(service->scan_program, request->body, &order->text);
        if (err.code != LW_OK) {
            refuse_image(reply, request, err);
            return false;
        }
    } else if (idp_same_type(type, LW_STR("application/json"))) {
        if (read_body(lw_bytes_str(request->body), order).code != LW_OK) {
            refuse_body(reply, request, order);
            return false;
        }
    } else {
        idp_reply_problem(reply, request, &wrong_type);
        return false;
    }
    return verify(service, request, order, reply);
}

void idp_post_verification(struct idp_service *service, const struct idp_request *request,
                           struct idp_reply *reply)
{
    struct order *order = new_order();
    if (order == NULL) {
        idp_reply_error(reply, request,
                        LW_FAIL(LW_E_NOMEM, "verification: out of memory", LW_NOWHERE));
        return;
    }
    order->request.locale = wanted_locale(request);
    if (!read_and_verify(service, request, order, reply)) {
        free_order(order);
    }
}

void idp_post_challenge(struct idp_service *service, const struct idp_request *request,
                        struct idp_reply *reply)
{
    LW_AUTO_BUF text = LW_BUF(ANSWER_BYTES_MAX);
    LW_AUTO_BUF json = LW_BUF(ANSWER_BYTES_MAX);
    (void)request;
    lw_err err = wallet_flow_challenge(service->home, LW_STR(""), NULL, 0, CHALLENGE_LIFE_S, &text);
    struct wallet_json_writer w = wallet_json_writer(&json);
    wallet_json_put_object(&w);
    wallet_json_member_text(&w, "challenge", lw_buf_text(&text));
    wallet_json_member_int(&w, "expires_in", CHALLENGE_LIFE_S);
    wallet_json_put_end(&w);
    err = err.code == LW_OK ? wallet_json_written(&w) : err;
    if (err.code != LW_OK) {
        idp_reply_error(reply, request, err);
        return;
    }
    idp_reply_take(reply, 201, "application/json", &json);
}

void idp_get_receipt(struct idp_service *service, const struct idp_request *request,
                     struct idp_reply *reply)
{
    LW_AUTO_BUF json = LW_BUF(ANSWER_BYTES_MAX);
    const lw_err err = wallet_flow_receipt(service->home, request->params[0], &json);
    if (err.code != LW_OK) {
        idp_reply_error(reply, request, err);
        return;
    }
    idp_reply_take(reply, 200, "application/json", &json);
}

void idp_get_audit_head(struct idp_service *service, const struct idp_request *request,
                        struct idp_reply *reply)
{
    LW_AUTO_BUF head = LW_BUF(ANSWER_BYTES_MAX);
    uint64_t size = 0;
    uint8_t root[WALLET_HASH_LEN];
    const lw_err err = wallet_flow_audit_head(service->home, &head, &size, root);
    if (err.code != LW_OK) {
        idp_reply_error(reply, request, err);
        return;
    }
    idp_reply_take(reply, 200, "application/cose", &head);
}
