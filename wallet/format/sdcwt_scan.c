#include "sdcwt_internal.h"

#include "hsm/digest.h"

/* Tags of a token before it is issued (draft-ietf-spice-sd-cwt, pre-issuance). */
enum { TAG_TO_BE_REDACTED = 58, TAG_TO_BE_DECOY = 62 };

static void fail(struct wallet_cbor *r, const char *why)
{
    wallet_cbor_fail(r, LW_FAIL(LW_E_VALUE, why, LW_NOWHERE));
}

static void scan_item(struct wallet_cbor *r, bool in_array, bool *redacted);

static void scan_digest(struct wallet_cbor *r)
{
    if (wallet_cbor_peek(r) != WALLET_CBOR_BYTES || wallet_cbor_bytes(r).len != HSM_SHA256_LEN) {
        fail(r, "sdcwt: digest is not 32 bytes");
    }
}

static void scan_digests(struct wallet_cbor *r)
{
    if (wallet_cbor_peek(r) != WALLET_CBOR_ARRAY) {
        fail(r, "sdcwt: redacted claim keys are no array");
        return;
    }
    const size_t count = wallet_cbor_array(r);
    for (size_t i = 0; i < count && wallet_cbor_ok(r); i++) {
        scan_digest(r);
    }
}

static void scan_tag(struct wallet_cbor *r, bool in_array, bool *redacted)
{
    const uint64_t tag = wallet_cbor_tag(r);
    if (tag == TAG_TO_BE_REDACTED || tag == TAG_TO_BE_DECOY) {
        fail(r, "sdcwt: tag of a token before issue");
    } else if (tag == WALLET_SDCWT_TAG_ELEMENT && !in_array) {
        fail(r, "sdcwt: redacted element outside an array");
    } else if (tag == WALLET_SDCWT_TAG_ELEMENT) {
        *redacted = true;
        scan_digest(r);
    } else {
        scan_item(r, false, redacted);
    }
}

static void scan_map(struct wallet_cbor *r, bool *redacted)
{
    const size_t pairs = wallet_cbor_map(r);
    for (size_t i = 0; i < pairs && wallet_cbor_ok(r); i++) {
        const enum wallet_cbor_type type = wallet_cbor_peek(r);
        if (type == WALLET_CBOR_SIMPLE && wallet_cbor_simple(r) == WALLET_SDCWT_SIMPLE_KEYS) {
            *redacted = true;
            scan_digests(r);
            continue;
        }
        if (type != WALLET_CBOR_UINT && type != WALLET_CBOR_NINT && type != WALLET_CBOR_TEXT) {
            fail(r, "sdcwt: claim key is neither number nor text");
            return;
        }
        (void)wallet_cbor_item(r);
        scan_item(r, false, redacted);
    }
}

/* Recursion ends where wallet_cbor_check(), called before, has bounded the depth. */
static void scan_item(struct wallet_cbor *r, bool in_array, bool *redacted)
{
    size_t count = 0;
    switch (wallet_cbor_peek(r)) {
    case WALLET_CBOR_TAG:
        scan_tag(r, in_array, redacted);
        break;
    case WALLET_CBOR_MAP:
        scan_map(r, redacted);
        break;
    case WALLET_CBOR_ARRAY:
        count = wallet_cbor_array(r);
        for (size_t i = 0; i < count && wallet_cbor_ok(r); i++) {
            scan_item(r, true, redacted);
        }
        break;
    case WALLET_CBOR_SIMPLE:
        if (wallet_cbor_simple(r) == WALLET_SDCWT_SIMPLE_KEYS) {
            fail(r, "sdcwt: redaction mark is no key");
        }
        break;
    case WALLET_CBOR_UINT:
    case WALLET_CBOR_NINT:
    case WALLET_CBOR_BYTES:
    case WALLET_CBOR_TEXT:
    case WALLET_CBOR_BOOL:
    case WALLET_CBOR_NULL:
    case WALLET_CBOR_FLOAT:
    case WALLET_CBOR_END:
        (void)wallet_cbor_item(r);
        break;
    }
}

lw_err format_sdcwt_scan(lw_bytes item, bool *redacted)
{
    struct wallet_cbor r = wallet_cbor_reader(item);
    scan_item(&r, false, redacted);
    return wallet_cbor_finish(&r);
}
