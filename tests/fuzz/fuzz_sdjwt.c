/*
 * A presentation that was changed must not verify. By the first byte, the input edits a valid
 * presentation (bytes replaced, removed, put in), is a presentation of its own, or
 * is a payload with disclosures that nobody signed.
 */
#include <stdlib.h>

#include "sdjwt_bend.h"

enum { FUZZ_MAX = 1 << 14, ARENA_MAX = 1 << 20 };

static struct vc_bend bend;
static lw_buf base;
static struct wallet_shortcuts shortcuts; /* on which no verdict may depend */

/* libFuzzer's own start: the one place where this program keeps state. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    base = LW_BUF(FUZZ_MAX);
    vc_bend_init(&bend);
    vc_bend_build(&bend, &base);
    if (wallet_shortcuts_make(1, 64, &shortcuts).code != LW_OK) {
        abort();
    }
    bend.expect.shortcuts = &shortcuts;
    return 0;
}

static lw_err verify(lw_bytes text)
{
    LW_AUTO_BUF arena = LW_BUF(ARENA_MAX);
    struct wallet_checks checks = {0};
    struct wallet_verified out;
    const lw_err err = wallet_sdjwt_vc_verify(text, &bend.expect, &arena, &checks, &out);
    if (err.code == LW_OK && (!out.holder_proven || !lw_str_is(out.vct, VC_TYPE))) {
        abort();
    }
    return err;
}

/* Each edit is four bytes: place (two), what, how. */
static void edit(lw_bytes script, lw_buf *text)
{
    for (size_t i = 0; script.len - i >= 4; i += 4) {
        const size_t at = ((size_t)script.ptr[i] << 8 | script.ptr[i + 1]) % text->len;
        const uint8_t c = script.ptr[i + 2];
        uint8_t *p = text->ptr + at;
        uint8_t *room = NULL;
        switch (script.ptr[i + 3] % 4) {
        case 0:
            *p = c;
            break;
        case 1:
            *p ^= (uint8_t)(1U << c % 8);
            break;
        case 2:
            if (text->len > 1) {
                memmove(p, p + 1, text->len - at - 1);
                lw_buf_truncate(text, text->len - 1);
            }
            break;
        default:
            if (lw_buf_reserve(text, 1, &room).code == LW_OK) {
                lw_buf_commit(text, 1);
                memmove(text->ptr + at + 1, text->ptr + at, text->len - at - 1);
                text->ptr[at] = c;
            }
            break;
        }
    }
}

static void check_edited(lw_bytes script)
{
    LW_AUTO_BUF text = LW_BUF(2 * FUZZ_MAX);
    if (lw_buf_put(&text, lw_buf_view(&base)).code != LW_OK) {
        abort();
    }
    edit(script, &text);
    const bool same = lw_bytes_eq(lw_buf_view(&text), lw_buf_view(&base));
    if ((verify(lw_buf_view(&text)).code == LW_OK) != same) {
        abort();
    }
}

/* What comes out of a payload must be strict JSON without a trace of digests. */
static void check_processed(lw_str in)
{
    static const struct wallet_sdjwt_rules rules = {.permanent = NULL};
    struct wallet_sdjwt sd;
    lw_str claims;
    LW_AUTO_BUF arena = LW_BUF(ARENA_MAX);
    lw_str payload;
    lw_str rest;
    (void)lw_str_split(in, '\n', &payload, &rest);
    if (wallet_sdjwt_split(rest, &sd).code == LW_OK &&
        wallet_sdjwt_process(&sd, payload, &rules, &arena, &claims).code == LW_OK &&
        wallet_json_check(claims).code != LW_OK) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > FUZZ_MAX) {
        return 0;
    }
    const lw_bytes rest = {.ptr = data + 1, .len = size - 1};
    if (data[0] % 4 == 0) {
        if (verify(rest).code == LW_OK && !lw_bytes_eq(rest, lw_buf_view(&base))) {
            abort();
        }
    } else if (data[0] % 4 == 1) {
        check_processed(lw_bytes_str(rest));
    } else {
        check_edited(rest);
    }
    return 0;
}
