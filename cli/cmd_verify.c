/* lw verify: one presentation, from a picture, text or standard input. */
#include "cli_table.h"
#include "idp/client.h"
#include "wallet/flow_verify.h"
#include "wallet/json.h"
#include "wallet/json_write.h"

enum {
    INPUT_MAX = 16 * 1024 * 1024,
    TEXT_MAX = 64 * 1024,
    ANSWER_MAX = 256 * 1024,
    CHALLENGE_LIFE_S = 120,
    SERVER_TIMEOUT_MS = 15000,
    KEYS_MAX = 32,
    URI_MAX = 1024
};

static const struct cli_option options[] = {
    {"offline", "DIR", "Use only what `lw sync` fetched into DIR.", false},
    {"server", "URL", "Ask the service at URL.", false},
    {"at", "TIME", "Check as of that time, RFC 3339; makes no record.", false},
    {"no-record", NULL, "Make no record and no receipt.", false},
    {"challenge-only", NULL, "Accept only the answer to a challenge.", false},
    {"aud", "TEXT", "dc+sd-jwt: the audience it must name; the base URL unless given.", false},
    {"nonce", "TEXT", "dc+sd-jwt: the nonce it must answer.", false},
    {"new-challenge", NULL, "Print a new LC1: challenge, good for 2 minutes and once.", false},
    {"ask", "TYPE:A,B,...", "With --new-challenge: the claims asked for.", false},
    {NULL, NULL, NULL, false},
};

static bool is_text(lw_bytes in)
{
    for (size_t i = 0; i < in.len; i++) {
        if (in.ptr[i] < 0x20 || in.ptr[i] > 0x7e) {
            return in.ptr[i] == '\n' || in.ptr[i] == '\r' ? true : false;
        }
    }
    return in.len > 0;
}

/* A trailing line feed is the editor's, not the code's; a trailing space may be Base45. */
static void drop_line_end(lw_buf *text)
{
    while (text->len > 0 &&
           (text->ptr[text->len - 1] == '\n' || text->ptr[text->len - 1] == '\r')) {
        lw_buf_truncate(text, text->len - 1);
    }
}

static enum cli_exit fail_input(const struct cli *cli, lw_err err, const char *what)
{
    static const char too_long[] = "larger than allowed";
    switch (err.code) {
    case LW_E_NOT_FOUND:
        return cli_fail(cli, err, what,
                        "Take the picture closer, without glare, the whole code in it.");
    case LW_E_LIMIT:
        return cli_fail(cli, LW_FAIL(LW_E_LIMIT, too_long, LW_NOWHERE), what,
                        "A picture is at most 16 MiB and 40 million pixels, a text 64 KiB.");
    default:
        return cli_fail(cli, err, what, "Give a PNG, a JPEG, or the text of the code.");
    }
}

/* FILE, TEXT or "-": what names a file is read, else it is the text itself. */
static enum cli_exit read_input(struct cli *cli, lw_buf *text)
{
    LW_AUTO_BUF in = LW_BUF(INPUT_MAX);
    lw_err err = cli_read(cli->args[0], &in);
    if (err.code == LW_E_NOT_FOUND || (err.code == LW_E_IO && cli_arg(cli, 0).len > 255)) {
        err = lw_buf_put_str(text, cli_arg(cli, 0));
        return err.code == LW_OK ? CLI_DONE : fail_input(cli, err, "the text");
    }
    if (err.code != LW_OK) {
        return fail_input(cli, err, cli->args[0]);
    }
    if (is_text(lw_buf_view(&in))) {
        err = lw_buf_put(text, lw_buf_view(&in));
        drop_line_end(text);
    } else {
        err = wallet_scan_image(cli->scan_program, lw_buf_view(&in), text);
    }
    return err.code == LW_OK ? CLI_DONE : fail_input(cli, err, cli->args[0]);
}

static enum cli_exit exit_of(enum wallet_result result)
{
    switch (result) {
    case WALLET_ACCEPTED:
        return CLI_DONE;
    case WALLET_REFUSED:
        return CLI_REFUSED;
    case WALLET_UNDETERMINED:
        return CLI_UNDETERMINED;
    }
    return CLI_ENVIRONMENT;
}

static void say(const struct wallet_answer *a)
{
    static const char *const names[] = {"accepted", "refused", "undetermined"};
    LW_AUTO_BUF as_of = LW_BUF(64);
    const char *time = "";
    printf("%s\n", names[a->result]);
    if (a->reason_text != NULL) {
        printf("  why:     %s\n", a->reason_text);
    }
    if (a->reason_next != NULL) {
        printf("  next:    %s\n", a->reason_next);
    }
    if (a->type.len > 0) {
        printf("  type:    %.*s\n", (int)a->type.len, (const char *)a->type.ptr);
    }
    if (a->issuer_name.len > 0) {
        printf("  issuer:  %.*s\n", (int)a->issuer_name.len, (const char *)a->issuer_name.ptr);
    }
    if (a->result == WALLET_ACCEPTED) {
        printf("  claims:  %.*s\n", (int)a->claims.len, (const char *)a->claims.ptr);
    }
    if (a->status_value != NULL) {
        const bool known = a->status_as_of != INT64_MIN &&
                           lw_time_put(&as_of, a->status_as_of).code == LW_OK &&
                           lw_buf_c(&as_of, &time).code == LW_OK;
        printf("  status:  %s%s%s\n", a->status_value, known ? " as of " : "", time);
    }
    for (size_t i = 0; i < WALLET_CHECK_COUNT; i++) {
        const struct wallet_check_line *line = &a->checks.line[i];
        printf("  %-17s %-8s %s\n", wallet_check_name((enum wallet_check)i),
               wallet_check_result_name(line->result), line->detail == NULL ? "" : line->detail);
    }
    if (a->receipt[0] != 0) {
        printf("  receipt: %s\n", a->receipt);
    }
}

static enum cli_exit answer(struct cli *cli, struct wallet_verifier *verifier,
                            const struct wallet_verification *request)
{
    WALLET_AUTO_ANSWER a = {.result = WALLET_REFUSED};
    LW_AUTO_BUF json = LW_BUF(ANSWER_MAX);
    lw_err err = wallet_flow_verify(verifier, request, &a);
    if (err.code == LW_OK && cli->json) {
        err = wallet_answer_json(&a, &json);
    }
    if (err.code != LW_OK) {
        (void)cli_fail(cli, err, "cannot verify", "The store or disk failed: see the reason.");
        return CLI_ENVIRONMENT;
    }
    if (cli->json) {
        cli_print(&json);
    } else {
        say(&a);
    }
    return exit_of(a.result);
}

static enum cli_exit ask_server(struct cli *cli, const struct wallet_verification *request)
{
    LW_AUTO_BUF body = LW_BUF(ANSWER_MAX);
    LW_AUTO_BUF reply = LW_BUF(ANSWER_MAX);
    LW_AUTO_BUF uri = LW_BUF(URI_MAX);
    struct idp_fetch_result result;
    const struct idp_fetch_limits limits = {.timeout_ms = SERVER_TIMEOUT_MS,
                                            .body_max = ANSWER_MAX,
                                            .loopback_http =
                                                idp_uri_is_loopback(cli_text(cli, "server"))};
    struct wallet_json_writer w = wallet_json_writer(&body);
    wallet_json_put_object(&w);
    wallet_json_member_text(&w, "presentation", request->text);
    wallet_json_member_bool(&w, "record", request->record);
    wallet_json_member_bool(&w, "challenge_only", request->challenge_only);
    if (request->aud.len > 0) {
        wallet_json_member_text(&w, "aud", request->aud);
    }
    if (request->nonce.len > 0) {
        wallet_json_member_text(&w, "nonce", request->nonce);
    }
    wallet_json_put_end(&w);
    lw_err err = wallet_json_written(&w);
    err = err.code == LW_OK ? lw_buf_put_str(&uri, cli_text(cli, "server")) : err;
    err = err.code == LW_OK ? lw_buf_put_c(&uri, "/api/v1/verifications") : err;
    err = err.code == LW_OK ? idp_post(&limits, lw_buf_text(&uri), "application/json",
                                       lw_buf_view(&body), &reply, &result)
                            : err;
    if (err.code == LW_OK && result.status != 200) {
        err = LW_FAIL(LW_E_NETWORK, "client: the server did not take the request", LW_NOWHERE);
    }
    if (err.code != LW_OK) {
        (void)cli_fail(cli, err, "the server gave no answer", "Is `lw serve` running at that URL?");
        return CLI_ENVIRONMENT;
    }
    cli_print(&reply);
    const char *text = NULL;
    if (lw_buf_c(&reply, &text).code != LW_OK) {
        return CLI_ENVIRONMENT;
    }
    return strstr(text, "\"result\":\"accepted\"") != NULL  ? CLI_DONE
           : strstr(text, "\"result\":\"refused\"") != NULL ? CLI_REFUSED
                                                            : CLI_UNDETERMINED;
}

/* What a challenge asks for. */
struct asked {
    lw_str type;
    lw_str claims[KEYS_MAX];
    size_t count;
};

/* TYPE:CLAIM,CLAIM with nothing empty in it; or nothing at all. */
static bool read_asked(lw_str text, struct asked *asked)
{
    lw_str rest = {NULL, 0};
    *asked = (struct asked){.count = 0};
    if (text.len == 0) {
        return true;
    }
    if (!lw_str_split(text, ':', &asked->type, &rest) || asked->type.len == 0) {
        return false;
    }
    bool more = true;
    while (more && asked->count < KEYS_MAX) {
        lw_str *claim = &asked->claims[asked->count++];
        more = lw_str_split(rest, ',', claim, &rest);
        if (claim->len == 0) {
            return false;
        }
    }
    return !more;
}

static enum cli_exit new_challenge(struct cli *cli)
{
    LW_AUTO_BUF text = LW_BUF(TEXT_MAX);
    struct asked asked;
    enum cli_exit exit = CLI_DONE;
    if (cli->arg_count > 0 || cli_has(cli, "offline") || cli_has(cli, "server") ||
        cli_has(cli, "at")) {
        return cli_usage(cli, "--new-challenge verifies nothing: no file or text, no --offline, "
                              "--server or --at");
    }
    if (!read_asked(cli_text(cli, "ask"), &asked) || (cli_has(cli, "ask") && asked.count == 0)) {
        return cli_usage(cli, "--ask is TYPE:CLAIM,CLAIM with 1 to 32 claims, such as "
                              "business-license:legal_name,expiry_date");
    }
    WALLET_AUTO_HOME home = cli_home(cli, WALLET_HOME_READ, &exit);
    if (home == NULL) {
        return exit;
    }
    const lw_err err =
        wallet_flow_challenge(home, asked.type, asked.claims, asked.count, CHALLENGE_LIFE_S, &text);
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "cannot make a challenge",
                        "`lw catalog show TYPE` lists the claims of a license type.");
    }
    cli_print(&text);
    return CLI_DONE;
}

static enum cli_exit open_verifier(struct cli *cli, struct wallet_home **home,
                                   struct wallet_verifier **verifier)
{
    enum cli_exit exit = CLI_DONE;
    lw_err err = LW_SUCCESS;
    if (cli_has(cli, "offline")) {
        err = wallet_verifier_offline(cli_get(cli, "offline"), &cli->env, verifier);
    } else {
        *home = cli_home(cli, WALLET_HOME_READ, &exit);
        if (*home == NULL) {
            return exit;
        }
        err = wallet_verifier_online(*home, verifier);
    }
    if (err.code != LW_OK) {
        (void)cli_fail(cli, err, "cannot verify here",
                       cli_has(cli, "offline") ? "Fill the folder with `lw sync`." : NULL);
        return CLI_ENVIRONMENT;
    }
    return CLI_DONE;
}

static enum cli_exit run_verify(struct cli *cli)
{
    LW_AUTO_BUF text = LW_BUF(TEXT_MAX);
    WALLET_AUTO_HOME home = NULL;
    WALLET_AUTO_VERIFIER verifier = NULL;
    struct wallet_verification request = {
        .at = INT64_MIN,
        .record = !cli_has(cli, "no-record"),
        .aud = cli_text(cli, "aud"),
        .nonce = cli_text(cli, "nonce"),
        .challenge_only = cli_has(cli, "challenge-only"),
        .locale = lw_str_c(cli->locale),
    };
    if (cli_has(cli, "new-challenge")) {
        return new_challenge(cli);
    }
    if (cli_has(cli, "ask")) {
        return cli_usage(cli, "--ask belongs to --new-challenge");
    }
    if (cli->arg_count == 0) {
        return cli_usage(cli, "an argument is missing: a file, the text, or -");
    }
    if (cli_has(cli, "at") && cli_time(cli_text(cli, "at"), &request.at).code != LW_OK) {
        return cli_usage(cli, "--at is a time, such as 2026-11-24T08:30:00Z");
    }
    if (cli_has(cli, "server") && (cli_has(cli, "at") || cli_has(cli, "offline"))) {
        return cli_usage(cli, "--server asks the service as of now: no --at, no --offline");
    }
    enum cli_exit exit = read_input(cli, &text);
    if (exit != CLI_DONE) {
        return exit;
    }
    request.text = lw_buf_text(&text);
    if (cli_has(cli, "server")) {
        return ask_server(cli, &request);
    }
    exit = open_verifier(cli, &home, &verifier);
    return exit == CLI_DONE ? answer(cli, verifier, &request) : exit;
}

const struct cli_command cli_verify_commands[] = {
    {.name = "verify",
     .args = "[FILE|TEXT|-]",
     .args_max = 1,
     .summary = "verify what was shown: accepted, refused or undetermined",
     .text = "Takes a PNG or JPEG with a QR code, its text, or standard input. Prints the result,\n"
             "its reason and every check. Exits with 0 (accepted), 1 (refused) or 4\n"
             "(undetermined: it says what to do, such as asking again with a challenge).",
     .examples = "  lw verify qr.png\n  lw verify qr.png --offline /srv/gate\n"
                 "  lw verify --new-challenge",
     .options = options,
     .run = run_verify},
    {.name = NULL},
};
