/* The receipt of a verification: its entry of the log, proven. */
#include "audit_proof.h"
#include "wallet/base64.h"
#include "wallet/flow_verify.h"

lw_err wallet_flow_receipt(struct wallet_home *home, lw_str id, lw_buf *json)
{
    WALLET_AUTO_TXN txn = NULL;
    uint8_t receipt[WALLET_AUDIT_RECEIPT_LEN];
    uint64_t index = 0;
    if (wallet_base64url_decode_exact(id, receipt, sizeof(receipt)).code != LW_OK) {
        return LW_FAIL(LW_E_NOT_FOUND, "receipt: there is none of that id", LW_NOWHERE);
    }
    LW_TRY(wallet_read_begin(home->store, &txn));
    LW_TRY(wallet_audit_find_receipt(txn, LW_BYTES(receipt), &index));
    struct wallet_json_writer w = wallet_json_writer(json);
    const lw_err err = audit_proof_put(txn, index, id, &w);
    if (err.code != LW_OK) {
        wallet_json_put_fail(&w, err);
    }
    return wallet_json_written(&w);
}
