#include "fuzz_status.h"

#include <stdlib.h>

#include "bytes.h"
#include "wallet/cbor.h"

void fuzz_must(lw_err err)
{
    if (err.code != LW_OK) {
        abort();
    }
}

static void make(struct fuzz_status *f)
{
    status_place_init(&f->place);
    const lw_bytes chain = lw_buf_view(&f->place.authority.status.cert);
    f->header = LW_BUF(FUZZ_STATUS_MAX);
    f->protected = LW_BUF(FUZZ_STATUS_MAX);
    status_jwt_header(&chain, 1, &f->header);
    support_hex("a3 01 28 10 781a 6170706c69636174696f6e2f7374617475736c6973742b637774 1821",
                &f->protected);
    fuzz_must(wallet_cbor_put_bytes(&f->protected, chain));
}

const struct fuzz_status *fuzz_status(void)
{
    static struct fuzz_status *made;
    if (made == NULL) {
        made = calloc(1, sizeof(*made));
        if (made == NULL) {
            abort();
        }
        make(made);
    }
    return made;
}

void fuzz_status_read(lw_bytes token)
{
    const struct wallet_status_expect expect = status_expectation(&fuzz_status()->place);
    WALLET_AUTO_STATUS_LIST list = {.bits = 0};
    if (wallet_status_read(token, &expect, &list).code != LW_OK) {
        if (list.array.ptr != NULL || list.uri.ptr != NULL || list.bits != 0) {
            abort(); /* nothing of a refused list is left */
        }
        return;
    }
    const uint64_t count = (uint64_t)list.array.len * (list.bits == 0 ? 0 : 8 / list.bits);
    const struct wallet_status_ref past = {.present = true, .idx = count, .uri = expect.uri};
    if (!wallet_status_bits_ok(list.bits) || list.until <= list.iat ||
        list.array.len > WALLET_STATUS_ARRAY_MAX || list.iat > expect.now + expect.skew_s ||
        wallet_status_lookup(&list, expect.issuer, &past, list.iat).outcome !=
            WALLET_STATUS_NO_ENTRY) {
        abort();
    }
}
