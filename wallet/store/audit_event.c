#include "wallet/audit.h"

#include "wallet/cbor.h"

enum { EVENT_VERSION = 1, EVENT_FIELDS = 7, EVENT_MAX = 32 * 1024 };

static const char *const names[WALLET_AUDIT_KIND_END] = {
    [WALLET_AUDIT_STORE_CREATED] = "store.created",
    [WALLET_AUDIT_EPOCH_RELEASED] = "epoch.released",
    [WALLET_AUDIT_EPOCH_MADE] = "epoch.made",
    [WALLET_AUDIT_KEY_MADE] = "key.made",
    [WALLET_AUDIT_KEY_RETIRED] = "key.retired",
    [WALLET_AUDIT_KEY_DESTROYED] = "key.destroyed",
    [WALLET_AUDIT_CERT_ISSUED] = "cert.issued",
    [WALLET_AUDIT_CATALOG_LOADED] = "catalog.loaded",
    [WALLET_AUDIT_TRUST_LIST_SIGNED] = "trust-list.signed",
    [WALLET_AUDIT_STATUS_LIST_SIGNED] = "status-list.signed",
    [WALLET_AUDIT_PERSON_ADDED] = "person.added",
    [WALLET_AUDIT_PERSON_ERASED] = "person.erased",
    [WALLET_AUDIT_LICENSE_ISSUED] = "license.issued",
    [WALLET_AUDIT_LICENSE_SUSPENDED] = "license.suspended",
    [WALLET_AUDIT_LICENSE_RESUMED] = "license.resumed",
    [WALLET_AUDIT_LICENSE_REVOKED] = "license.revoked",
    [WALLET_AUDIT_LICENSE_CANCELLED] = "license.cancelled",
    [WALLET_AUDIT_LICENSE_SUPERSEDED] = "license.superseded",
    [WALLET_AUDIT_INTENT_FINISHED] = "intent.finished",
    [WALLET_AUDIT_INTENT_VOIDED] = "intent.voided",
    [WALLET_AUDIT_IMPORT_BEGUN] = "import.begun",
    [WALLET_AUDIT_IMPORT_ENDED] = "import.ended",
    [WALLET_AUDIT_HOLDER_KEY_BOUND] = "holder-key.bound",
    [WALLET_AUDIT_CREDENTIAL_ISSUED] = "credential.issued",
    [WALLET_AUDIT_PASS_ISSUED] = "pass.issued",
    [WALLET_AUDIT_PRESENTED] = "license.presented",
    [WALLET_AUDIT_VERIFIED] = "presentation.verified",
    [WALLET_AUDIT_REFUSED_REQUEST] = "request.refused",
    [WALLET_AUDIT_OPENINGS_ERASED] = "openings.erased",
    [WALLET_AUDIT_BACKUP] = "store.copied",
    [WALLET_AUDIT_LICENSE_MENDED] = "license.mended",
    [WALLET_AUDIT_IMPORT_VOIDING] = "import.voiding",
    [WALLET_AUDIT_IMPORT_VOIDED] = "import.voided",
    [WALLET_AUDIT_KEY_ACTIVATED] = "key.activated",
    [WALLET_AUDIT_KEY_COMPROMISED] = "key.compromised",
    [WALLET_AUDIT_CRL_SIGNED] = "crl.signed",
    [WALLET_AUDIT_EPOCH_REWRAPPED] = "epoch.rewrapped",
    [WALLET_AUDIT_STORE_ADOPTED] = "store.adopted",
    [WALLET_AUDIT_RECOVERY_SET] = "recovery.set",
    [WALLET_AUDIT_TOKEN_RECOVERED] = "token.recovered",
    [WALLET_AUDIT_KEY_LOST] = "key.lost",
    [WALLET_AUDIT_OPERATOR_PROPOSED] = "operator.proposed",
    [WALLET_AUDIT_OPERATOR_ADDED] = "operator.added",
    [WALLET_AUDIT_OPERATOR_REMOVING] = "operator.removing",
    [WALLET_AUDIT_OPERATOR_REMOVED] = "operator.removed",
    [WALLET_AUDIT_IMPORT_WAITING] = "import.waiting",
    [WALLET_AUDIT_IMPORT_APPROVED] = "import.approved",
    [WALLET_AUDIT_IMPORT_REJECTED] = "import.rejected",
    [WALLET_AUDIT_IMPORT_EXPIRED] = "import.expired",
};

const char *wallet_audit_kind_name(enum wallet_audit_kind kind)
{
    return (unsigned)kind < WALLET_AUDIT_KIND_END && names[kind] != NULL ? names[kind] : "unknown";
}

static lw_err check(const struct wallet_audit_event *event)
{
    if (event->kind < WALLET_AUDIT_STORE_CREATED || event->kind >= WALLET_AUDIT_KIND_END) {
        return LW_FAIL(LW_E_VALUE, "audit: no such kind of event", LW_NOWHERE);
    }
    if (event->actor.len > WALLET_AUDIT_ACTOR_MAX ||
        event->subject.len > WALLET_AUDIT_SUBJECT_MAX ||
        event->detail.len > WALLET_AUDIT_DETAIL_MAX) {
        return LW_FAIL(LW_E_VALUE, "audit: a part of the event is too long", LW_NOWHERE);
    }
    if (event->receipt.len != 0 && event->receipt.len != WALLET_AUDIT_RECEIPT_LEN) {
        return LW_FAIL(LW_E_VALUE, "audit: a receipt id of another length", LW_NOWHERE);
    }
    if (event->detail.len > 0 && wallet_cbor_check(event->detail).code != LW_OK) {
        return LW_FAIL(LW_E_VALUE, "audit: the detail is not one CBOR item", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

lw_err wallet_audit_event_encode(const struct wallet_audit_event *event, lw_buf *out)
{
    LW_TRY(check(event));
    LW_AUTO_BUF b = LW_BUF(EVENT_MAX);
    LW_TRY(wallet_cbor_put_array(&b, EVENT_FIELDS));
    LW_TRY(wallet_cbor_put_uint(&b, EVENT_VERSION));
    LW_TRY(wallet_cbor_put_int(&b, event->time));
    LW_TRY(wallet_cbor_put_uint(&b, (uint64_t)event->kind));
    LW_TRY(wallet_cbor_put_text(&b, event->actor));
    LW_TRY(wallet_cbor_put_bytes(&b, event->subject));
    LW_TRY(event->detail.len == 0 ? wallet_cbor_put_null(&b)
                                  : wallet_cbor_put_raw(&b, event->detail));
    LW_TRY(wallet_cbor_put_bytes(&b, event->receipt));
    return lw_buf_put(out, lw_buf_view(&b));
}

lw_err wallet_audit_event_parse(lw_bytes in, struct wallet_audit_event *event)
{
    struct wallet_cbor r = wallet_cbor_reader(in);
    struct wallet_audit_event e = {0};
    const size_t fields = wallet_cbor_array(&r);
    const uint64_t version = wallet_cbor_uint(&r);
    if (!wallet_cbor_ok(&r) || fields != EVENT_FIELDS || version != EVENT_VERSION) {
        return LW_FAIL(LW_E_SYNTAX, "audit: not an event of a known version", 0);
    }
    e.time = wallet_cbor_int(&r);
    const uint64_t kind = wallet_cbor_uint(&r);
    e.actor = wallet_cbor_text(&r);
    e.subject = wallet_cbor_bytes(&r);
    if (wallet_cbor_peek(&r) == WALLET_CBOR_NULL) {
        wallet_cbor_null(&r);
    } else {
        e.detail = wallet_cbor_item(&r);
    }
    e.receipt = wallet_cbor_bytes(&r);
    LW_TRY(wallet_cbor_finish(&r));
    e.kind = kind < WALLET_AUDIT_KIND_END ? (enum wallet_audit_kind)kind : WALLET_AUDIT_KIND_END;
    LW_TRY(check(&e));
    *event = e;
    return LW_SUCCESS;
}
