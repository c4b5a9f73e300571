/* lw key list: the token's keys as the home knows them. */
#include "cli_table.h"
#include "wallet/json_write.h"
#include "wallet/store_key.h"
#include "wallet/trust_list.h"

enum { PAGE = 16, OUTPUT_MAX = 4 * 1024 * 1024, HEX_LEN = 64 };

/* SHA-256 that others know a key by: of its certificate, or the pin of a key without one. */
static lw_err identify(const struct wallet_key_record *key, lw_buf *hex)
{
    uint8_t hash[HSM_SHA256_LEN] = {0};
    if (key->cert.len > 0) {
        LW_TRY(hsm_sha256(key->cert, hash));
    } else if (key->key.alg != HSM_ALG_NONE) {
        LW_TRY(wallet_trust_pin(&key->key, hash));
    } else {
        return LW_SUCCESS;
    }
    return lw_buf_put_hex(hex, LW_BYTES(hash));
}

static lw_err show_key(const struct wallet_key_record *key, int64_t now,
                       struct wallet_json_writer *json)
{
    LW_AUTO_BUF hex = LW_BUF(HEX_LEN);
    LW_TRY(identify(key, &hex));
    const int64_t days = (key->not_after - now) / LW_DAY_S;
    if (json == NULL) {
        printf("%-40s %-10s %-10s %5lld days  %.16s\n", key->label, hsm_purpose_name(key->purpose),
               wallet_key_state_name(key->state), (long long)days,
               hex.len == 0 ? "" : (const char *)hex.ptr);
        return LW_SUCCESS;
    }
    wallet_json_put_object(json);
    wallet_json_member_c(json, "label", key->label);
    wallet_json_member_c(json, "purpose", hsm_purpose_name(key->purpose));
    wallet_json_member_c(json, "agency", key->agency);
    wallet_json_member_c(json, "state", wallet_key_state_name(key->state));
    wallet_json_member_time(json, "not_before", key->not_before);
    wallet_json_member_time(json, "not_after", key->not_after);
    wallet_json_member_int(json, "days_left", days);
    wallet_json_member_text(json, "sha256", lw_buf_text(&hex));
    wallet_json_put_end(json);
    return LW_SUCCESS;
}

static lw_err show_all(struct cli *cli, struct wallet_home *home, struct wallet_json_writer *json)
{
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_page page = {.len = 0};
    LW_TRY(wallet_read_begin(wallet_home_store(home), &txn));
    while (!page.end) {
        struct wallet_key_record keys[PAGE];
        size_t count = PAGE;
        LW_TRY(wallet_store_key_page(txn, &page, keys, &count));
        for (size_t i = 0; i < count; i++) {
            LW_TRY(show_key(&keys[i], lw_now(cli->env.clock), json));
        }
    }
    return LW_SUCCESS;
}

static enum cli_exit run_list(struct cli *cli)
{
    LW_AUTO_BUF out = LW_BUF(OUTPUT_MAX);
    struct wallet_json_writer w = wallet_json_writer(&out);
    enum cli_exit exit = CLI_DONE;
    WALLET_AUTO_HOME home = cli_home(cli, WALLET_HOME_READ, &exit);
    if (home == NULL) {
        return exit;
    }
    wallet_json_put_array(&w);
    lw_err err = show_all(cli, home, cli->json ? &w : NULL);
    wallet_json_put_end(&w);
    err = err.code == LW_OK ? wallet_json_written(&w) : err;
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "cannot list the keys", NULL);
    }
    if (cli->json) {
        cli_print(&out);
    }
    return CLI_DONE;
}

const struct cli_command cli_key_commands[] = {
    {.name = "key list",
     .args = "",
     .summary = "list the keys, their purpose, state and days left to sign",
     .text = "The last column identifies a key to others: the SHA-256 of its certificate, or of\n"
             "the public key where it has none. That of the key `tl` is the pin for `lw sync`.",
     .run = run_list},
    {.name = NULL},
};
