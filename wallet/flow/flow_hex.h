/* Bytes as hexadecimal members of JSON documents. Private to wallet/flow. */
#ifndef WALLET_FLOW_HEX_H
#define WALLET_FLOW_HEX_H

#include "wallet/json_doc.h"
#include "wallet/json_write.h"

/** Put a member whose value is `bytes` in lower-case hex; at most 4,096 bytes. */
void flow_member_hex(struct wallet_json_writer *w, const char *name, lw_bytes bytes);

/** Read a member of exactly `len` bytes in lower-case hex. errors  LW_E_VALUE */
LW_MUST_USE lw_err flow_read_hex(const struct wallet_json_at *at, const char *name, uint8_t *out,
                                 size_t len);

#endif
