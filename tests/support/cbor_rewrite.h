/* Reading and writing again: what is read must be all there is. */
#ifndef SUPPORT_CBOR_REWRITE_H
#define SUPPORT_CBOR_REWRITE_H

#include "wallet/cbor.h"

/**
 * Read one item that wallet_cbor_check() passed and write it again with our writers, which must
 * give the same bytes; a float goes over as it is. Integers below INT64_MIN end in an error.
 */
void support_cbor_rewrite(struct wallet_cbor *r, lw_buf *out);

#endif
