/*
 * Signed tree heads, and leaves proven under them. Private to wallet/flow.
 *
 * A signed head is a COSE_Sign1 (tag 18) by the `log` key:
 *
 *   protected  {1: -9, 4: kid of the log key's certificate, 16: "application/lth+cwt"}
 *   claims     {1: BASE, 6: iat, -70110: size of the tree, -70111: root hash}
 *
 * Private claim keys stand beside those of the trust list (wallet/trust_list.h); `iat` is when
 * the tree was of that size. The tree is that of RFC 9162 section 2.1 with SHA-256.
 */
#ifndef WALLET_AUDIT_PROOF_H
#define WALLET_AUDIT_PROOF_H

#include "flow_common.h"
#include "wallet/flow_audit.h"
#include "wallet/json_write.h"

/** Sign a head with the `log` key and append it. */
LW_MUST_USE lw_err audit_head_sign(struct wallet_home *home,
                                   const struct wallet_audit_signed_head *head, lw_buf *cose);

/**
 * Check that a stored head was signed, as it stands there, by the `log` key of its time: within the
 * key's, and not after it retired.
 *
 * errors  LW_E_SIGNATURE  it does not hold, or says another size, root or time; as
 *         wallet_cose_sign1_parse()
 */
LW_MUST_USE lw_err audit_head_check(const struct wallet_txn *txn,
                                    const struct wallet_audit_signed_head *head);

/**
 * Check every signed head, from the first: by the key of its time, and over what it says. Sets
 * `head_signed` and `head_size`; at the first that does not hold `whole`, `first_bad` and `why`.
 */
LW_MUST_USE lw_err audit_heads_check(const struct wallet_txn *txn,
                                     struct wallet_audit_result *result);

/**
 * Put one leaf as a JSON object: its opening, what it says, the inclusion proof and the signed
 * head it stands under. Proof and head are checked first.
 *
 * id      shown as "id" when not empty
 * errors  LW_E_BUSY  no head covers it yet: in a second; LW_E_CORRUPT  the proof does not hold
 */
LW_MUST_USE lw_err audit_proof_put(const struct wallet_txn *txn, uint64_t index, lw_str id,
                                   struct wallet_json_writer *w);

#endif
