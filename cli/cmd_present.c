/* lw present and lw pass: a holder shows a license as QR code or text. */
#define _GNU_SOURCE

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli_table.h"
#include "hsm/key_soft.h"
#include "wallet/flow_present.h"
#include "wallet/qr_write.h"

enum {
    TEXT_MAX = 64 * 1024,
    IMAGE_MAX = 8 * 1024 * 1024,
    MODULE_PIXELS = 6,
    FILE_MODE = 0600, /* what is shown holds claims: its holder decides who else sees it */
    PATHS_MAX = 64
};

static const struct cli_option present_options[] = {
    {"disclose", "A,B,...", "Claims to show; `number` shows the license number.", false},
    {"key", "FILE", "The holder's key, made with mode 0600 on first use (required).", false},
    {"out", "FILE", "A .png, .svg or .txt file, or - for the terminal (required).", false},
    {"challenge", "TEXT", "Answer a verifier's LC1: challenge.", false},
    {"format", "NAME", "lq1 (default) or dc+sd-jwt.", false},
    {"aud", "TEXT", "dc+sd-jwt: the verifier it is for.", false},
    {"nonce", "TEXT", "dc+sd-jwt: the nonce the verifier gave.", false},
    {"any-state", NULL, "Show a credential made earlier though the license is not active.", false},
    {"at", "TIME", "Sign as of that time, RFC 3339; for tests.", false},
    {NULL, NULL, NULL, false},
};

static const struct cli_option pass_options[] = {
    {"profile", "ID", "Which of the type's passes (required).", false},
    {"key", "FILE", "The holder's key, made with mode 0600 on first use (required).", false},
    {"out", "FILE", "A .png, .svg or .txt file, or - for the terminal (required).", false},
    {"challenge", "TEXT", "Answer a verifier's LC1: challenge.", false},
    {"at", "TIME", "Sign as of that time, RFC 3339; for tests.", false},
    {NULL, NULL, NULL, false},
};

static bool ends_with(lw_str text, const char *suffix)
{
    const size_t len = strlen(suffix);
    return text.len > len && lw_str_is(lw_str_from(text, text.len - len), suffix);
}

static enum cli_exit open_key(struct cli *cli, struct hsm_soft_key **key, bool *made)
{
    const char *path = cli_get(cli, "key");
    lw_err err = hsm_soft_key_load(path, key);
    *made = err.code == LW_E_NOT_FOUND;
    err = *made ? hsm_soft_key_create(path, key) : err;
    if (err.code != LW_OK) {
        return cli_fail(cli, err, path,
                        err.code == LW_E_DENIED
                            ? "Only its owner may read a key: chmod 600 it."
                            : "It must be a P-256 key in PEM, or not exist yet.");
    }
    return CLI_DONE;
}

/* A key that was made for what could not be shown is of no use to anybody. */
static void settle_key(struct cli *cli, bool made, bool shown)
{
    const char *path = cli_get(cli, "key");
    if (made && shown) {
        fprintf(stderr, "lw %s: made a new holder's key in %s\n", cli->command->name, path);
    } else if (made) {
        (void)unlink(path);
    }
}

/* Writes by suffix; for the terminal the code is drawn. */
static lw_err write_out(const char *path, lw_str text, struct wallet_qr_info *info)
{
    LW_AUTO_BUF image = LW_BUF(IMAGE_MAX);
    const lw_str name = lw_str_c(path);
    if (ends_with(name, ".txt")) {
        return cli_write(path, lw_str_bytes(text), FILE_MODE);
    }
    const enum wallet_qr_form form = ends_with(name, ".png")   ? WALLET_QR_PNG
                                     : ends_with(name, ".svg") ? WALLET_QR_SVG
                                                               : WALLET_QR_TERMINAL;
    LW_TRY(wallet_qr_write(text, form, MODULE_PIXELS, &image, info));
    return cli_write(path, lw_buf_view(&image), FILE_MODE);
}

static enum cli_exit check_out(struct cli *cli)
{
    const lw_str out = cli_text(cli, "out");
    if (out.len == 0) {
        return cli_usage(cli, "--out is missing: a .png, .svg or .txt file, or -");
    }
    if (!lw_str_is(out, "-") && !ends_with(out, ".png") && !ends_with(out, ".svg") &&
        !ends_with(out, ".txt")) {
        return cli_usage(cli, "--out ends in .png, .svg or .txt, or is -");
    }
    return cli_has(cli, "key") ? CLI_DONE : cli_usage(cli, "--key is missing: the holder's key");
}

static size_t split_paths(lw_str text, lw_str *paths)
{
    size_t count = 0;
    while (text.len > 0 && count < PATHS_MAX) {
        (void)lw_str_split(text, ',', &paths[count], &text);
        count += paths[count].len > 0 ? 1 : 0;
    }
    return count;
}

static const char *advice_for(lw_err err)
{
    switch (err.code) {
    case LW_E_DENIED:
    case LW_E_EXPIRED:
        return "`lw license show NUMBER` tells its state and why.";
    case LW_E_NOT_FOUND:
        return "`lw license list` lists numbers; a pass must be one of its type's passes.";
    case LW_E_LIMIT:
        return "Disclose fewer claims, or show a pass.";
    case LW_E_SYNTAX:
    case LW_E_VALUE:
    case LW_E_UNSUPPORTED:
        return "A challenge is the verifier's whole LC1: text; `lw present --help` tells the rest.";
    default:
        return NULL;
    }
}

static enum cli_exit fail(struct cli *cli, lw_err err, lw_str unknown)
{
    if (unknown.len > 0) {
        fprintf(stderr,
                "lw %s: the license type has no claim %.*s to show\n"
                "  `lw license show NUMBER` lists its claims.\n",
                cli->command->name, (int)unknown.len, unknown.ptr);
        return CLI_REFUSED;
    }
    return cli_fail(cli, err, "cannot show the license", advice_for(err));
}

static enum cli_exit show(struct cli *cli, const struct wallet_present_order *what)
{
    LW_AUTO_BUF text = LW_BUF(TEXT_MAX);
    HSM_AUTO_SOFT_KEY key = NULL;
    struct hsm_signer holder;
    struct wallet_qr_info info = {.version = 0};
    struct wallet_present_order order = *what;
    lw_str unknown = {NULL, 0};
    enum cli_exit exit = check_out(cli);
    order.at = INT64_MIN;
    if (exit == CLI_DONE && cli_has(cli, "at") &&
        cli_time(cli_text(cli, "at"), &order.at).code != LW_OK) {
        exit = cli_usage(cli, "--at is a time, such as 2026-11-24T08:30:00Z");
    }
    if (exit != CLI_DONE) {
        return exit;
    }
    WALLET_AUTO_HOME home = cli_home(cli, WALLET_HOME_SIGN, &exit);
    if (home == NULL) {
        return exit;
    }
    bool made = false;
    exit = open_key(cli, &key, &made);
    if (exit != CLI_DONE) {
        return exit;
    }
    hsm_soft_key_signer(key, &holder);
    order.ref = wallet_license_ref_parse(cli_arg(cli, 0));
    order.holder = &holder;
    order.challenge = cli_text(cli, "challenge");
    lw_err err = wallet_flow_present(home, &order, &text, &unknown);
    settle_key(cli, made, err.code == LW_OK);
    if (err.code != LW_OK) {
        return fail(cli, err, unknown);
    }
    err = write_out(cli_get(cli, "out"), lw_buf_text(&text), &info);
    if (err.code != LW_OK) {
        return cli_fail(cli, err, cli_get(cli, "out"),
                        err.code == LW_E_LIMIT ? advice_for(err)
                                               : "Name a file in a folder that can be written.");
    }
    if (info.version > 0 && !lw_str_is(cli_text(cli, "out"), "-")) {
        printf("%s: QR version %u, level %c, %zu characters\n", cli_get(cli, "out"), info.version,
               info.level, text.len);
    }
    return CLI_DONE;
}

static enum cli_exit run_present(struct cli *cli)
{
    lw_str paths[PATHS_MAX];
    const lw_str format = cli_has(cli, "format") ? cli_text(cli, "format") : LW_STR("lq1");
    if (!lw_str_is(format, "lq1") && !lw_str_is(format, "dc+sd-jwt")) {
        return cli_usage(cli, "--format is lq1 or dc+sd-jwt");
    }
    const size_t count = split_paths(cli_text(cli, "disclose"), paths);
    struct wallet_present_order order = {
        .format = format,
        .disclose = paths,
        .disclose_count = count,
        .aud = cli_text(cli, "aud"),
        .nonce = cli_text(cli, "nonce"),
        .any_state = cli_has(cli, "any-state"),
    };
    return show(cli, &order);
}

static enum cli_exit run_pass(struct cli *cli)
{
    struct wallet_present_order order = {.format = LW_STR("lq1"),
                                         .pass_id = cli_text(cli, "profile")};
    if (order.pass_id.len == 0) {
        return cli_usage(cli, "--profile is missing: one of the type's passes");
    }
    return show(cli, &order);
}

const struct cli_command cli_present_commands[] = {
    {.name = "present",
     .args = "NUMBER",
     .args_min = 1,
     .args_max = 1,
     .summary = "show a license: chosen claims, signed by its holder now",
     .text = "Makes the LQ1: presentation as a QR code, in the smallest version that holds it, or\n"
             "with --format dc+sd-jwt the text for a verifier online. A key that the license has\n"
             "not seen is bound to it and noted in the audit log: whoever runs this acts as the\n"
             "operator. A license that is not active is not shown: the command exits with 1 and\n"
             "says why. A presentation is good for 45 seconds.",
     .examples = "  lw present 37907 --disclose legal_name,category --key holder.pem --out qr.png",
     .options = present_options,
     .run = run_present},
    {.name = "pass",
     .args = "NUMBER",
     .args_min = 1,
     .args_max = 1,
     .summary = "show a pass: a few claims, at most 24 hours",
     .text = "Makes a small credential of the claims that the profile names, without the number\n"
             "and without a status list entry, and shows it as the holder. Online it is looked\n"
             "up, so that a suspension counts at once; offline it is good \"as of\" its making.",
     .examples = "  lw pass 37907 --profile storefront --key holder.pem --out pass.svg",
     .options = pass_options,
     .run = run_pass},
    {.name = NULL},
};
