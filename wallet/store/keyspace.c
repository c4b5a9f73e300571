#include "keyspace.h"

#include <assert.h>

static const struct wallet_ks_row rows[WALLET_KS_COUNT] = {
    [WALLET_KS_META] = {"meta", WALLET_KS_CBOR},
    [WALLET_KS_EPOCH] = {"epoch", WALLET_KS_CBOR},
    [WALLET_KS_AUDIT_LEAF] = {"audit-leaf", WALLET_KS_RAW},
    [WALLET_KS_AUDIT_NODE] = {"audit-node", WALLET_KS_RAW},
    [WALLET_KS_AUDIT_OPENING] = {"audit-opening", WALLET_KS_CBOR},
    [WALLET_KS_AUDIT_SUBJECT] = {"audit-subject", WALLET_KS_EMPTY},
    [WALLET_KS_AUDIT_RECEIPT] = {"audit-receipt", WALLET_KS_CBOR},
    [WALLET_KS_AUDIT_HEAD] = {"audit-head", WALLET_KS_CBOR},
    [WALLET_KS_PERSON] = {"person", WALLET_KS_CBOR},
    [WALLET_KS_PERSON_KEY] = {"person-key", WALLET_KS_CBOR},
    [WALLET_KS_PERSON_CODE] = {"person-code", WALLET_KS_CBOR},
    [WALLET_KS_LICENSE] = {"license", WALLET_KS_CBOR},
    [WALLET_KS_LICENSE_SEALED] = {"license-sealed", WALLET_KS_CBOR},
    [WALLET_KS_LICENSE_NUMBER] = {"license-number", WALLET_KS_CBOR},
    [WALLET_KS_LICENSE_VERSION] = {"license-version", WALLET_KS_EMPTY},
    [WALLET_KS_LICENSE_HOLDER] = {"license-holder", WALLET_KS_EMPTY},
    [WALLET_KS_LICENSE_STATE] = {"license-state", WALLET_KS_EMPTY},
    [WALLET_KS_LICENSE_COUNT] = {"license-count", WALLET_KS_CBOR},
    [WALLET_KS_INTENT] = {"intent", WALLET_KS_CBOR},
    [WALLET_KS_SERIAL] = {"serial", WALLET_KS_CBOR},
    [WALLET_KS_HOLDER_KEY] = {"holder-key", WALLET_KS_CBOR},
    [WALLET_KS_CREDENTIAL] = {"credential", WALLET_KS_CBOR},
    [WALLET_KS_CREDENTIAL_EXPIRY] = {"credential-expiry", WALLET_KS_EMPTY},
    [WALLET_KS_PASS] = {"pass", WALLET_KS_CBOR},
    [WALLET_KS_PASS_EXPIRY] = {"pass-expiry", WALLET_KS_EMPTY},
    [WALLET_KS_STATUS_LIST] = {"status-list", WALLET_KS_CBOR},
    [WALLET_KS_STATUS_OPEN] = {"status-open", WALLET_KS_EMPTY},
    [WALLET_KS_STATUS_DUE] = {"status-due", WALLET_KS_EMPTY},
    [WALLET_KS_STATUS_CHUNK] = {"status-chunk", WALLET_KS_RAW},
    [WALLET_KS_STATUS_ENTRY] = {"status-entry", WALLET_KS_CBOR},
    [WALLET_KS_STATUS_TOKEN] = {"status-token", WALLET_KS_CBOR},
    [WALLET_KS_AGENCY] = {"agency", WALLET_KS_CBOR},
    [WALLET_KS_LICENSE_TYPE] = {"license-type", WALLET_KS_CBOR},
    [WALLET_KS_SERVICE_ITEM] = {"service-item", WALLET_KS_CBOR},
    [WALLET_KS_KEY] = {"key", WALLET_KS_CBOR},
    [WALLET_KS_CERT] = {"cert", WALLET_KS_CBOR},
    [WALLET_KS_TRUST_LIST] = {"trust-list", WALLET_KS_CBOR},
    [WALLET_KS_GRANT] = {"grant", WALLET_KS_CBOR},
    [WALLET_KS_GRANT_EXPIRY] = {"grant-expiry", WALLET_KS_EMPTY},
    [WALLET_KS_SEEN] = {"seen", WALLET_KS_CBOR},
    [WALLET_KS_IMPORT] = {"import", WALLET_KS_CBOR},
    [WALLET_KS_IMPORT_NUMBER] = {"import-number", WALLET_KS_CBOR},
    [WALLET_KS_IMPORT_BATCH] = {"import-batch", WALLET_KS_CBOR},
    [WALLET_KS_VERIFICATION] = {"verification", WALLET_KS_CBOR},
    [WALLET_KS_OPERATOR] = {"operator", WALLET_KS_CBOR},
    [WALLET_KS_APPROVAL] = {"approval", WALLET_KS_CBOR},
    [WALLET_KS_APPROVAL_PART] = {"approval-part", WALLET_KS_CBOR},
};

const struct wallet_ks_row *wallet_ks(enum wallet_keyspace ks)
{
    assert((unsigned)ks < WALLET_KS_COUNT);
    return &rows[ks];
}
