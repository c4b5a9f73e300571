/*
 * F17 of who is offline: a gate fetches anew what `lw sync` fetches when the lists' ttl says, and
 * verifies in between with what it holds, while licenses are suspended, resumed and revoked and
 * time passes. After the acknowledgement plus ttl nothing is accepted any more; without the
 * network nothing after the lists' end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fault.h"
#include "home.h"
#include "wallet/flow_status.h"
#include "wallet/flow_sync.h"
#include "wallet/format.h"
#include "wallet/lq1.h"
#include "wallet/status_publish.h"
#include "wallet/store_catalog.h"
#include "wallet/trust_list.h"

enum {
    SLOTS = 8,
    REVOKES = 25, /* every so many changes one is final */
    OUTAGES = 50, /* every so many the network is away until the lists have ended */
    FEW = 60,
    FULL = 5000,
    WHAT_MAX = 160,
    URI_MAX = 256,
};

struct slot {
    lw_buf credential;
    char number[32];
    enum wallet_state state;
    int64_t since;            /* when that was acknowledged */
    enum wallet_state synced; /* as of the gate's folder; 0: it was issued after */
};

struct counts {
    size_t verified;
    size_t accepted;
    size_t stale; /* left open, for the lists had ended */
    size_t late;  /* not active for longer than the ttl */
    size_t wrong;
};

static struct support_home home;
static struct slot slots[SLOTS];
static char folder[SUPPORT_PATH_MAX];
static char pin[2 * WALLET_PIN_LEN + 1];
static unsigned numbers;
static bool reachable = true;
static int64_t synced_at;
static int64_t first_end; /* of the lists in the folder */
static int64_t last_end;

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s: %s", lw_code_name(err.code), err.why);
    }
}

static lw_err put_type(lw_buf *body)
{
    struct wallet_doc doc;
    WALLET_AUTO_TXN txn = NULL;
    LW_TRY(wallet_read_begin(wallet_home_store(home.home), &txn));
    LW_TRY(wallet_store_doc_get(txn, WALLET_DOC_LICENSE_TYPE, LW_STR("business-license"), 0, &doc));
    return lw_buf_put(body, doc.json);
}

/* What the service answers. */
static lw_err fetch(void *ctx, lw_str uri, const char *accept, lw_buf *body)
{
    const lw_str lists = LW_STR(SUPPORT_BASE_URL "/status/");
    int64_t number = 0;
    int64_t iat = 0;
    int64_t exp = 0;
    (void)ctx;
    (void)accept;
    if (!reachable) {
        return LW_FAIL(LW_E_NETWORK, "test: no network", LW_NOWHERE);
    }
    if (lw_str_is(uri, SUPPORT_BASE_URL "/trust-list")) {
        return wallet_flow_trust_list(home.home, body);
    }
    if (lw_str_is(uri, SUPPORT_BASE_URL "/api/v1/catalog/types")) {
        return lw_buf_put_c(body, "{\"types\":[{\"id\":\"business-license\"}]}");
    }
    if (lw_str_is(uri, SUPPORT_BASE_URL "/api/v1/catalog/types/business-license")) {
        return put_type(body);
    }
    if (lw_str_is(uri, SUPPORT_BASE_URL "/status")) {
        return wallet_flow_status_aggregation(home.home, body);
    }
    LW_TRY(lw_str_int(lw_str_from(uri, lists.len), &number));
    LW_TRY(wallet_flow_status_token(home.home, (uint64_t)number, true, body, &iat, &exp));
    first_end = exp < first_end ? exp : first_end;
    last_end = exp > last_end ? exp : last_end;
    return LW_SUCCESS;
}

static void read_pin(void)
{
    struct hsm_signer signer;
    uint8_t hash[WALLET_PIN_LEN];
    LW_AUTO_BUF hex = LW_BUF(sizeof(pin));
    must(wallet_home_signer(home.home, HSM_PURPOSE_TRUST_LIST, LW_STR(""), &signer));
    must(wallet_trust_pin(&signer.key, hash));
    must(lw_buf_put_hex(&hex, LW_BYTES(hash)));
    memcpy(pin, hex.ptr, hex.len);
}

/* At its own times, which follow from the ttl; what cannot be fetched then is tried again. */
static void sync_when_due(void)
{
    struct wallet_sync_result result = {.lists_fetched = 0};
    const struct wallet_sync_order order = {
        .server = LW_STR(SUPPORT_BASE_URL), .dir = folder, .pin = lw_str_c(pin), .fetch = fetch};
    if (synced_at != 0 && home.clock.now < synced_at + WALLET_STATUS_TTL_S) {
        return;
    }
    if (!reachable) {
        assert_int_equal(wallet_flow_sync(&order, &home.env, &result).code, LW_E_NETWORK);
        return;
    }
    first_end = INT64_MAX;
    last_end = 0;
    must(wallet_flow_sync(&order, &home.env, &result));
    assert_true(result.lists_fetched > 0);
    assert_int_equal(result.lists_kept, 0);
    synced_at = home.clock.now;
    for (size_t i = 0; i < SLOTS; i++) {
        slots[i].synced = slots[i].state;
    }
}

static void fill(struct slot *slot)
{
    lw_buf_free(&slot->credential);
    slot->credential = LW_BUF(WALLET_CREDENTIAL_MAX);
    (void)snprintf(slot->number, sizeof(slot->number), "F17-%u", ++numbers);
    support_home_issue(&home, slot->number);
    must(wallet_flow_credential(home.home, wallet_license_ref_parse(lw_str_c(slot->number)),
                                LW_STR("dc+sd-cwt"), &home.holder.key, &slot->credential));
    slot->state = WALLET_ACTIVE;
    slot->since = home.clock.now;
    slot->synced = (enum wallet_state)0;
}

static void change(struct slot *slot, enum wallet_state to)
{
    enum wallet_state from = WALLET_ACTIVE;
    must(wallet_flow_change_state(home.home, wallet_license_ref_parse(lw_str_c(slot->number)), to,
                                  LW_STR("because"), LW_STR("test"), &from));
    slot->state = to;
    slot->since = home.clock.now;
}

static void show_now(const struct slot *slot, lw_buf *text)
{
    LW_AUTO_BUF token = LW_BUF(WALLET_CREDENTIAL_MAX);
    const struct wallet_snapshot *snapshot = NULL;
    const struct wallet_show how = {.disclose_count = 0,
                                    .aud = LW_STR("qr:any"),
                                    .iat = home.clock.now,
                                    .holder = &home.holder};
    must(wallet_home_snapshot(home.home, &snapshot));
    const lw_err err = wallet_format_by_name(LW_STR("dc+sd-cwt"))
                           ->present(wallet_snapshot_type(snapshot, LW_STR("business-license")),
                                     lw_buf_view(&slot->credential), &how, &token);
    wallet_snapshot_release(snapshot);
    must(err);
    must(wallet_lq1_put(lw_buf_view(&token), text));
}

/* Whether that may be answered with the folder as it is; a list that has ended says nothing. */
static bool is_right(const struct slot *slot, enum wallet_result result)
{
    const int64_t now = home.clock.now;
    const enum wallet_result known =
        slot->synced == WALLET_ACTIVE ? WALLET_ACCEPTED : WALLET_REFUSED;
    if (slot->synced == (enum wallet_state)0) {
        return true; /* issued since: judged by the ttl alone */
    }
    return (now < last_end && result == known) ||
           (now >= first_end && result == WALLET_UNDETERMINED);
}

static void verify_all(struct counts *counts)
{
    WALLET_AUTO_VERIFIER verifier = NULL;
    must(wallet_verifier_offline(folder, &home.env, &verifier));
    for (size_t i = 0; i < SLOTS; i++) {
        const struct slot *slot = &slots[i];
        WALLET_AUTO_ANSWER answer = {.result = WALLET_UNDETERMINED};
        LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
        show_now(slot, &text);
        const struct wallet_verification request = {
            .text = lw_buf_text(&text), .at = INT64_MIN, .locale = LW_STR("en")};
        must(wallet_flow_verify(verifier, &request, &answer));
        const bool late =
            slot->state != WALLET_ACTIVE && home.clock.now >= slot->since + WALLET_STATUS_TTL_S;
        const bool accepted = answer.result == WALLET_ACCEPTED;
        counts->verified++;
        counts->accepted += accepted ? 1 : 0;
        counts->stale += answer.result == WALLET_UNDETERMINED ? 1 : 0;
        counts->late += late ? 1 : 0;
        counts->wrong += reachable && late && accepted ? 1 : 0;
        counts->wrong += is_right(slot, answer.result) ? 0 : 1;
    }
}

/* Time passes, the lists are published as the service does, and the gate does its own. */
static void pass(int64_t seconds, struct counts *counts)
{
    size_t published = 0;
    home.clock.now += seconds;
    must(wallet_flow_publish_status(home.home, &published));
    sync_when_due();
    verify_all(counts);
}

static void run_round(size_t i, struct counts *counts)
{
    struct slot *slot = &slots[i % SLOTS];
    uint64_t seconds = 0;
    if (slot->state == WALLET_REVOKED) {
        fill(slot);
    }
    if (i % REVOKES == REVOKES - 1) {
        change(slot, WALLET_REVOKED);
    } else {
        change(slot, slot->state == WALLET_ACTIVE ? WALLET_SUSPENDED : WALLET_ACTIVE);
    }
    must(lw_rng_below(home.env.rng, WALLET_STATUS_TTL_S + 2, &seconds));
    pass((int64_t)seconds, counts);
    if (i % OUTAGES == OUTAGES - 1) {
        reachable = false;
        pass(first_end - 1 - home.clock.now, counts);
        pass(last_end - home.clock.now, counts);
        reachable = true;
        pass(0, counts);
    }
}

static void a_gate_that_syncs_accepts_nothing_past_acknowledgement_and_ttl(void **state)
{
    const size_t rounds = support_fault_rounds(FEW, FULL);
    struct counts counts = {.wrong = 0};
    char what[WHAT_MAX];
    (void)state;
    for (size_t i = 0; i < rounds; i++) {
        run_round(i, &counts);
    }
    (void)snprintf(what, sizeof(what),
                   "changes of state, and %zu verifications by an offline gate (%zu past the ttl)",
                   counts.verified, counts.late);
    support_fault_report("F17", what, rounds, counts.wrong);
    assert_int_equal(counts.wrong, 0);
    assert_true(counts.accepted > 0);
    assert_true(counts.late > 0);
    assert_true(rounds < OUTAGES || counts.stale > 0);
}

static int start(void **state)
{
    size_t published = 0;
    (void)state;
    support_home_make(&home);
    support_path(home.folder, "offline", folder);
    read_pin();
    for (size_t i = 0; i < SLOTS; i++) {
        fill(&slots[i]);
    }
    must(wallet_flow_publish_status(home.home, &published));
    sync_when_due();
    return 0;
}

static int stop(void **state)
{
    (void)state;
    for (size_t i = 0; i < SLOTS; i++) {
        lw_buf_free(&slots[i].credential);
    }
    support_home_drop(&home);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gate_that_syncs_accepts_nothing_past_acknowledgement_and_ttl),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
