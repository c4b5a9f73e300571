/* lw key list | rotate | advance: the keys over time. */
#include <inttypes.h>
#include <stdio.h>

#include "cli_table.h"
#include "count.h"
#include "list.h"
#include "wallet/flow_key.h"
#include "wallet/jwk.h"

enum { OUTPUT_MAX = 4 * 1024 * 1024, HEX_LEN = 64, DATE_LEN = 10, KID_DIGITS = 16, JWK_MAX = 1024 };

static const char *step_name(enum wallet_key_step step)
{
    switch (step) {
    case WALLET_KEY_STEP_NONE:
        return "";
    case WALLET_KEY_STEP_LIST:
        return "list";
    case WALLET_KEY_STEP_ACTIVATE:
        return "activate";
    case WALLET_KEY_STEP_ROTATE:
        return "rotate";
    case WALLET_KEY_STEP_DESTROY:
        return "destroy";
    }
    return "";
}

static void put_time(struct wallet_json_writer *json, const char *name, int64_t t)
{
    if (t != WALLET_KEY_NEVER) {
        wallet_json_member_time(json, name, t);
    }
}

/* ID tokens are verified by a JWK; all others who verify have a certificate or a pin. */
static lw_err put_jwk(const struct wallet_key_record *key, struct wallet_json_writer *json)
{
    LW_AUTO_BUF jwk = LW_BUF(JWK_MAX);
    if (key->purpose == HSM_PURPOSE_ID_TOKEN || key->purpose == HSM_PURPOSE_ID_TOKEN_RSA) {
        LW_TRY(wallet_jwk_write(&key->key, &jwk));
        wallet_json_member_raw(json, "jwk", lw_buf_text(&jwk));
    }
    return LW_SUCCESS;
}

static lw_err put_key(const struct wallet_key_info *info, lw_str hex,
                      struct wallet_json_writer *json)
{
    const struct wallet_key_record *key = &info->record;
    wallet_json_put_object(json);
    wallet_json_member_c(json, "label", key->label);
    wallet_json_member_c(json, "token_key", key->token);
    wallet_json_member_c(json, "purpose", hsm_purpose_name(key->purpose));
    wallet_json_member_c(json, "agency", key->agency);
    wallet_json_member_c(json, "state", wallet_key_state_name(key->state));
    wallet_json_member_bool(json, "compromised", key->compromised != WALLET_KEY_NEVER);
    wallet_json_member_bool(json, "standby", key->standby);
    put_time(json, "created", key->created);
    put_time(json, "listed", key->listed);
    put_time(json, "activated", key->activated);
    put_time(json, "retired", key->retired);
    put_time(json, "destroyed", key->destroyed);
    put_time(json, "lost", key->lost);
    put_time(json, "not_before", key->not_before);
    put_time(json, "not_after", key->not_after);
    put_time(json, "certificate_end", info->cert_end);
    wallet_json_member_int(json, "days_left", info->days_left);
    wallet_json_member_bool(json, "alarm", info->alarm);
    wallet_json_member_c(json, "next_step", step_name(info->next));
    put_time(json, "next_step_at", info->next_at);
    wallet_json_member_text(
        json, "kid",
        ((lw_str){.ptr = hex.ptr, .len = hex.len < KID_DIGITS ? hex.len : KID_DIGITS}));
    wallet_json_member_text(json, "sha256", hex);
    LW_TRY(put_jwk(key, json));
    wallet_json_put_end(json);
    return LW_SUCCESS;
}

/* The date alone: a person plans by days. */
static const char *date_of(int64_t t, char out[DATE_LEN + 1])
{
    LW_AUTO_BUF text = LW_BUF(64);
    if (t == WALLET_KEY_NEVER || lw_time_put(&text, t).code != LW_OK || text.len < DATE_LEN) {
        return "-";
    }
    memcpy(out, text.ptr, DATE_LEN);
    out[DATE_LEN] = '\0';
    return out;
}

static void print_next(const struct wallet_key_info *info)
{
    char date[DATE_LEN + 1];
    if (info->record.compromised != WALLET_KEY_NEVER) {
        fputs("  COMPROMISED", stdout);
    } else if (info->record.lost != WALLET_KEY_NEVER) {
        fputs("  LOST", stdout);
    } else if (info->record.standby) {
        fputs("  in the second token", stdout);
    } else if (info->alarm) {
        printf("  ALARM: %s",
               info->succeeded ? "its successor is published" : "rotate it now: `lw key rotate`");
    } else if (info->next != WALLET_KEY_STEP_NONE) {
        printf("  %s %s", step_name(info->next), date_of(info->next_at, date));
    }
    putchar('\n');
}

static void print_key(const struct wallet_key_info *info, lw_str hex)
{
    const struct wallet_key_record *key = &info->record;
    char end[DATE_LEN + 1];
    char signs[DATE_LEN + 1];
    printf("%-32s %-9s %-9s %-16.16s %-10s %-10s %5" PRId64 " %s", key->label,
           hsm_purpose_name(key->purpose), wallet_key_state_name(key->state),
           hex.len == 0 ? "-" : hex.ptr, date_of(info->cert_end, end),
           date_of(key->not_after, signs), info->days_left, info->days_left == 1 ? "day" : "days");
    print_next(info);
}

static lw_err show_key(void *ctx, const struct wallet_key_info *info)
{
    LW_AUTO_BUF hex = LW_BUF(HEX_LEN);
    if (info->has_id) {
        LW_TRY(lw_buf_put_hex(&hex, LW_BYTES(info->id)));
    }
    if (ctx != NULL) {
        return put_key(info, lw_buf_text(&hex), ctx);
    }
    print_key(info, lw_buf_text(&hex));
    return LW_SUCCESS;
}

static lw_err list_keys(struct wallet_home *home, struct cli_listing *listing)
{
    if (listing->json == NULL) {
        printf("%-32s %-9s %-9s %-16s %-10s %-10s %5s\n", "LABEL", "PURPOSE", "STATE", "KID",
               "CERT ENDS", "SIGNS TO", "LEFT");
    }
    return wallet_flow_key_each(home, show_key, listing->json);
}

static enum cli_exit run_list(struct cli *cli)
{
    const struct cli_list list = {.name = "keys",
                                  .cannot = "cannot list the keys",
                                  .need = WALLET_HOME_READ,
                                  .list = list_keys};
    return cli_list(cli, &list);
}

static void key_step(void *ctx, const char *what, const char *label)
{
    const struct cli *cli = ctx;
    if (!cli->json) {
        printf("%s%s%s\n", what, label[0] == '\0' ? "" : ": ", label);
    }
}

/* What becomes of what the key has signed, said before anybody wonders. */
static const char *consequence(enum hsm_purpose purpose)
{
    switch (purpose) {
    case HSM_PURPOSE_CA:
        return "Certificates of the old CA are issued anew. Verifiers offline say undetermined of\n"
               "credentials made before, until those are made again; online they are verified.";
    case HSM_PURPOSE_CREDENTIAL:
    case HSM_PURPOSE_MDOC:
        return "Credentials and passes signed by the key are refused from now on, offline after\n"
               "the next `lw sync`: their holders fetch them anew. Licenses stay as they are.";
    case HSM_PURPOSE_TRUST_LIST:
        return "Verifiers pinned to the old key refuse the new lists: give each the new pin by\n"
               "hand (`lw key list`), and have it sync into a new folder.";
    case HSM_PURPOSE_SEAL:
        return "Who copied the old key and the store could read it: treat its personal data as\n"
               "disclosed. Backups made before cannot be opened any more: make one now.";
    case HSM_PURPOSE_CUSTODY:
        return "Custody keys that it wrapped are lost: their holders get new ones.";
    case HSM_PURPOSE_STATUS:
        return "Status lists are signed by the new key; older ones hold until they end, 24 h.";
    case HSM_PURPOSE_LOG:
        return "Heads signed after the theft prove nothing: compare the log with witnesses.";
    case HSM_PURPOSE_ACCESS:
    case HSM_PURPOSE_ID_TOKEN:
    case HSM_PURPOSE_ID_TOKEN_RSA:
        return "Requests and tokens signed by the key are refused: people sign in again.";
    case HSM_PURPOSE_HOLDER:
    case HSM_PURPOSE_NONE:
        break;
    }
    return "";
}

static bool purpose_of(const char *name, enum hsm_purpose *purpose)
{
    for (unsigned p = HSM_PURPOSE_CA; p <= HSM_PURPOSE_CUSTODY; p++) {
        if (strcmp(hsm_purpose_name((enum hsm_purpose)p), name) == 0) {
            *purpose = (enum hsm_purpose)p;
            return true;
        }
    }
    return false;
}

static const char *rotate_advice(lw_err err)
{
    switch (err.code) {
    case LW_E_NOT_FOUND:
        return "`lw key list` lists the keys; those of an agency need --agency ID.";
    case LW_E_CONFLICT:
        return "It signs when its time has come: `lw serve` sees to it, or `lw key advance`.";
    case LW_E_DENIED:
        return "`lw key list` says from when on it may sign; a key that was stolen is replaced\n"
               "  at once by --compromised.";
    case LW_E_VALUE:
        return "Give it a successor instead: `lw key rotate`.";
    case LW_E_LIMIT:
        return "The seal key signs nothing and may stay as it is: see Epochs in\n"
               "  docs/operations.md. One that was stolen is replaced by --compromised.";
    case LW_E_EXPIRED:
        return "Rotate the key that ended first: `lw key list` marks it.";
    default:
        return NULL;
    }
}

static enum cli_exit say_rotated(const struct cli *cli, const struct wallet_key_order *order,
                                 const struct wallet_key_result *result)
{
    char date[DATE_LEN + 1];
    LW_AUTO_BUF out = LW_BUF(OUTPUT_MAX);
    if (cli->json) {
        struct wallet_json_writer w = wallet_json_writer(&out);
        wallet_json_put_object(&w);
        wallet_json_member_c(&w, "label", result->label);
        wallet_json_member_int(&w, "steps", (int64_t)result->steps);
        put_time(&w, "ready_at", result->ready_at);
        wallet_json_put_end(&w);
        const lw_err err = wallet_json_written(&w);
        if (err.code != LW_OK) {
            return cli_fail(cli, err, "cannot say what was done", NULL);
        }
        cli_print(&out);
    } else if (order->compromised) {
        puts(consequence(order->purpose));
    } else if (!order->now) {
        printf("%s signs from %s on: `lw serve` sees to it, or `lw key advance`.\n", result->label,
               date_of(result->ready_at, date));
    }
    return CLI_DONE;
}

enum cli_exit cli_key_rotate(struct cli *cli, const char *purpose, bool same_key)
{
    struct wallet_key_result result;
    enum cli_exit exit = CLI_DONE;
    struct wallet_key_order order = {.agency = cli_text(cli, "agency"),
                                     .same_key = same_key,
                                     .now = cli_has(cli, "now"),
                                     .compromised = cli_has(cli, "compromised"),
                                     .actor = LW_STR("operator"),
                                     .progress = key_step,
                                     .progress_ctx = cli};
    if (!purpose_of(purpose, &order.purpose)) {
        return cli_usage(cli, "the purpose is one of ca, ds-vc, ds-mdoc, status, access, id, "
                              "id-rsa, log, tl, seal, custody");
    }
    if (order.now && order.compromised) {
        return cli_usage(cli, "--now and --compromised do not go together");
    }
    WALLET_AUTO_HOME home = cli_home(cli, WALLET_HOME_SIGN, &exit);
    if (home == NULL) {
        return exit;
    }
    const lw_err err = wallet_flow_key_rotate(home, &order, &result);
    if (err.code != LW_OK && result.steps > 0) {
        return cli_fail(cli, err, "the rotation is begun but not all steps are done",
                        "Mend that; `lw key advance`, or the service, does the rest.");
    }
    return err.code == LW_OK ? say_rotated(cli, &order, &result)
                             : cli_fail(cli, err, "nothing was changed", rotate_advice(err));
}

static enum cli_exit run_rotate(struct cli *cli)
{
    return cli_key_rotate(cli, cli->args[0], false);
}

static enum cli_exit run_advance(struct cli *cli)
{
    size_t steps = 0;
    enum cli_exit exit = CLI_DONE;
    WALLET_AUTO_HOME home = cli_home(cli, WALLET_HOME_SIGN, &exit);
    if (home == NULL) {
        return exit;
    }
    const lw_err err = wallet_flow_key_advance(home, LW_STR("operator"), key_step, cli, &steps);
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "a step could not be taken",
                        "The others were; mend that and call it again.");
    }
    if (cli->json) {
        printf("{\"steps\": %zu}\n", steps);
    } else if (steps == 0) {
        puts("nothing is due");
    }
    return CLI_DONE;
}

static const struct cli_option rotate_options[] = {
    {"agency", "ID", "Whose key: needed for ds-vc, ds-mdoc and status.", false},
    {"now", NULL, "Let the published successor sign now; refused before verifiers know it.", false},
    {"compromised", NULL, "The key was stolen or may have been: replace and destroy it at once.",
     false},
    {NULL, NULL, NULL, false},
};

const struct cli_command cli_key_commands[] = {
    {.name = "key list",
     .args = "",
     .summary = "list the keys: purpose, state, end, days left to sign, next step",
     .text = "A key signs until SIGNS TO: the end of its certificate less the longest life of\n"
             "what it signs. An ALARM stands for 30 days before. KID is what others know a key\n"
             "by: the first bytes of the SHA-256 of its certificate, or of the public key where\n"
             "it has none. With --json `sha256` is the whole; that of the key `tl` is the pin for\n"
             "`lw sync`. The keys of ID tokens have their public key as `jwk`; `id-rsa` has no\n"
             "certificate, and `sha256` is its JWK's thumbprint.",
     .run = run_list},
    {.name = "key rotate",
     .args = "PURPOSE",
     .args_min = 1,
     .args_max = 1,
     .summary = "begin to replace a key by a new one",
     .text =
         "Makes a new key in the token, has it certified and publishes it in the trust list.\n"
         "It signs once every verifier knows it: ten days later, as long as a trust list and\n"
         "its grace last (keys that wrap: one day). The old key then retires, and what it\n"
         "signed is verified until its end; then it is destroyed. `lw serve` takes each step\n"
         "when it is due, `lw key advance` does so without a service. Killed at any point,\n"
         "either goes on.\n\n"
         "PURPOSE is ca, ds-vc, ds-mdoc, status, access, id, id-rsa, log, tl, seal or custody.\n"
         "`seal` also begins a new epoch: what is stored is not sealed anew.",
     .examples = "  lw key rotate ds-vc --agency market-regulation\n  lw key rotate tl\n"
                 "  lw key rotate status --agency market-regulation --compromised",
     .options = rotate_options,
     .run = run_rotate},
    {.name = "key advance",
     .args = "",
     .summary = "take every step of rotations that is due",
     .text = "Signs the trust list when keys have changed, lets published keys sign when\n"
             "verifiers know them, destroys retired ones when what they signed is over, and\n"
             "renews revocation lists. The service does the same every minute.",
     .run = run_advance},
    {.name = NULL},
};
