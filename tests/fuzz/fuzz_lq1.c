/*
 * LQ1 text and presentations: the vector of specs/qr.md section 12 and changes to it. Nothing
 * but the vector itself verifies, and it still does.
 */
#include "wallet/lq1.h"

#include <stdlib.h>

#include "bytes.h"
#include "lq1_vector.h"
#include "mutate.h"
#include "trust_double.h"
#include "wallet/sdcwt.h"

enum { SPACE = 1 << 20, NOW = 1795086400 };

/* Of the issuer's secret in that section. */
static const char issuer_point[] =
    "0498b6c9aa1795786878d5f972a4c36fe2627d9a7e05b7b38216d8d6e62f3747d8"
    "ca9e5f23a6cabc6d1fe16220243b458adf0bdf6435a6b5f3db6117c693c0d2e0";

static struct wallet_shortcuts shortcuts; /* on which no verdict may depend */

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static bool verifies(lw_bytes presentation, const struct wallet_trust *trust)
{
    struct wallet_checks checks = {.line[0].result = WALLET_CHECK_SKIPPED};
    struct wallet_verified out;
    LW_AUTO_BUF arena = LW_BUF(SPACE);
    const struct wallet_expect expect = {.now = NOW,
                                         .trust = trust,
                                         .passive = true,
                                         .window_past_s = 45,
                                         .window_ahead_s = 30,
                                         .shortcuts = &shortcuts};
    const lw_err err = wallet_sdcwt_verify(presentation, &expect, &arena, &checks, &out);
    must(err.code == LW_OK || arena.len == 0 ||
         checks.line[WALLET_CHECK_DISCLOSURES].result != WALLET_CHECK_SKIPPED);
    return err.code == LW_OK;
}

/* libFuzzer's own start: the one place where this program keeps state. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    must(wallet_shortcuts_make(1, 64, &shortcuts).code == LW_OK);
    return 0;
}

/* The nonce that is read alone is that of the whole token. */
static void try_nonce(lw_bytes in)
{
    struct wallet_sdkbt kbt;
    lw_bytes cnonce;
    if (wallet_sdkbt_parse(in, &kbt).code == LW_OK) {
        must(wallet_sdkbt_cnonce(in, &cnonce).code == LW_OK && lw_bytes_eq(cnonce, kbt.cnonce));
    }
}

/* Text that can be read is written again to a text that is read to the same payload. */
static void try_text(lw_str text)
{
    LW_AUTO_BUF payload = LW_BUF(SPACE);
    LW_AUTO_BUF again = LW_BUF(SPACE);
    LW_AUTO_BUF back = LW_BUF(SPACE);
    if (wallet_lq1_read(text, &payload).code != LW_OK) {
        return;
    }
    must(payload.len <= WALLET_LQ1_PAYLOAD_MAX);
    if (wallet_lq1_put(lw_buf_view(&payload), &again).code == LW_OK) {
        must(wallet_lq1_read(lw_buf_text(&again), &back).code == LW_OK);
        must(lw_bytes_eq(lw_buf_view(&back), lw_buf_view(&payload)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const lw_bytes in = {.ptr = data, .len = size};
    static const uint8_t kid[8] = {0x52, 0xbd, 0xe1, 0xc8, 0xf2, 0x74, 0x86, 0xe6};
    struct wallet_trust trust = {.count = 0};
    struct hsm_public_key key;
    LW_AUTO_BUF valid = LW_BUF(SPACE);
    LW_AUTO_BUF point = LW_BUF(SPACE);
    LW_AUTO_BUF bent = LW_BUF(SPACE);
    support_hex(lq1_vector, &valid);
    support_hex(issuer_point, &point);
    must(hsm_public_key_from_point(&key, HSM_ES256, lw_buf_view(&point)).code == LW_OK);
    support_trust_add(&trust, kid, &key, "https://lic.example/dl");
    try_text(lw_bytes_str(in));
    must(!verifies(in, &trust) || lw_bytes_eq(in, lw_buf_view(&valid)));
    support_mutate(lw_buf_view(&valid), in, &bent);
    try_nonce(in);
    try_nonce(lw_buf_view(&bent));
    must(verifies(lw_buf_view(&valid), &trust)); /* so that its issuer's part was seen */
    must(verifies(lw_buf_view(&bent), &trust) ==
         lw_bytes_eq(lw_buf_view(&bent), lw_buf_view(&valid)));
    return 0;
}
