/* What LQ1 accepts beside the plainest form, and each key against each credential. */
#include "lq1_cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bytes.h"

/* A bent presentation and what came of it. */
struct trial {
    struct bend b;
    lw_buf arena[2];
    struct wallet_checks checks;
    struct wallet_verified out;
    lw_err err;
};

static struct trial *trial_new(void)
{
    struct trial *t = calloc(1, sizeof(*t));
    assert_non_null(t);
    bend_init(&t->b);
    t->arena[0] = LW_BUF(BEND_BYTES_MAX);
    t->arena[1] = LW_BUF(BEND_BYTES_MAX);
    return t;
}

static void trial_run(struct trial *t)
{
    t->err = lq1_verify(&t->b, t->arena, &t->checks, &t->out);
}

static void trial_free(struct trial *t)
{
    bend_free(&t->b);
    lw_buf_free(&t->arena[0]);
    lw_buf_free(&t->arena[1]);
    free(t);
}

static void accept(struct trial *t)
{
    trial_run(t);
    if (t->err.code != LW_OK) {
        print_error("%s\n", t->err.why);
    }
    assert_int_equal(t->err.code, LW_OK);
    trial_free(t);
}

static void the_older_algorithm_name_is_accepted(void **state)
{
    (void)state;
    for (int which = 0; which < 3; which++) {
        struct trial *t = trial_new();
        if (which != 1) {
            bend_set(&t->b.cwt.protected, "01", "26");
        }
        if (which != 0) {
            bend_set(&t->b.kbt.protected, "01", "26");
        }
        accept(t);
    }
}

static void media_types_in_full_are_accepted(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    bend_set(&t->b.cwt.protected, "10", "726170706c69636174696f6e2f73642d637774");
    bend_set(&t->b.kbt.protected, "10", "726170706c69636174696f6e2f6b622b637774");
    accept(t);
}

static void the_hash_named_and_other_headers_are_accepted(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    bend_set(&t->b.cwt.protected, "18aa", "2f");
    bend_set(&t->b.cwt.protected, "190400", "00");
    bend_set(&t->b.kbt.protected, "190400", "00");
    bend_set(&t->b.kbt.claims, "07", "4161");
    bend_set(&t->b.kbt.claims, "190400", "00");
    accept(t);
}

static void the_issuer_is_found_by_the_hash_of_its_certificate(void **state)
{
    static const char *const hashes[] = {
        "822e4852bde1c8f27486e6",
        "822f582052bde1c8f27486e6000000000000000000000000000000000000000000000000"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct trial *t = trial_new();
        bend_drop(&t->b.cwt.protected, "04");
        bend_set(&t->b.cwt.protected, "1822", hashes[i]);
        accept(t);
    }
}

static void the_issuer_is_found_by_its_chain(void **state)
{
    static const char *const chains[] = {"4130", "814130", "824130 4131", "8441304130 41304130"};
    static const size_t lengths[] = {1, 1, 2, 4};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct trial *t = trial_new();
        bend_drop(&t->b.cwt.protected, "04");
        bend_set(&t->b.cwt.protected, "1821", chains[i]);
        t->b.trust.chained = &t->b.trust.issuers[0];
        trial_run(t);
        assert_int_equal(t->err.code, LW_OK);
        assert_true(t->out.issuer == &t->b.trust.issuers[0]);
        assert_int_equal(t->b.trust.chain_len, lengths[i]);
        trial_free(t);
    }
}

/* Key identifiers of 8 bytes can collide: the issuer whose signature holds is taken. */
static void each_issuer_of_a_kid_is_tried(void **state)
{
    (void)state;
    for (size_t right = 0; right < 3; right++) {
        struct trial *t = trial_new();
        const struct wallet_issuer ours = t->b.trust.issuers[0];
        t->b.trust.count = 0;
        for (size_t i = 0; i < 3; i++) {
            struct hsm_signer signer;
            HSM_AUTO_SOFT_KEY other = NULL;
            bend_other_key((uint8_t)(i + 1), &other);
            hsm_soft_key_signer(other, &signer);
            support_trust_add(&t->b.trust, ours.kid, i == right ? &ours.cert.key : &signer.key,
                              BEND_VCT);
        }
        trial_run(t);
        assert_int_equal(t->err.code, LW_OK);
        assert_true(t->out.issuer == &t->b.trust.issuers[right]);
        trial_free(t);
    }
}

static void a_revoked_issuer_does_not_stand_in_anothers_way(void **state)
{
    (void)state;
    for (int same_key = 0; same_key <= 1; same_key++) {
        struct trial *t = trial_new();
        struct wallet_issuer *first = &t->b.trust.issuers[0];
        struct hsm_signer signer;
        HSM_AUTO_SOFT_KEY other = NULL;
        bend_other_key(1, &other);
        hsm_soft_key_signer(other, &signer);
        first->state = WALLET_ISSUER_REVOKED;
        support_trust_add(&t->b.trust, first->kid, same_key == 1 ? &first->cert.key : &signer.key,
                          BEND_VCT);
        trial_run(t);
        /* The key that signed is revoked; the other is trusted, but did not sign. */
        assert_int_equal(t->err.code, same_key == 1 ? LW_OK : LW_E_SIGNATURE);
        assert_int_equal(t->checks.line[WALLET_CHECK_TRUST].result, WALLET_CHECK_OK);
        trial_free(t);
    }
}

static void an_issuer_without_new_credentials_and_one_revoked_later_are_accepted(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    t->b.trust.issuers[0].state = WALLET_ISSUER_NO_NEW;
    accept(t);
    t = trial_new();
    t->b.trust.issuers[0].state = WALLET_ISSUER_REVOKED;
    t->b.trust.issuers[0].revoked_since = 1795000001; /* a second after the issue */
    accept(t);
}

static void iss_may_be_the_agency_or_its_name(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    bend_set(&t->b.cwt.claims, "01", "686167656e63792d31");
    accept(t);
    t = trial_new();
    bend_set(&t->b.cwt.claims, "01", "6b6c69632e6578616d706c65");
    accept(t);
}

static void a_whole_key_is_accepted(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    struct hsm_signer holder;
    LW_AUTO_BUF hex = LW_BUF(BEND_BYTES_MAX);
    const char *text = NULL;
    hsm_soft_key_signer(t->b.kbt.key, &holder);
    assert_int_equal(lw_buf_put_c(&hex, "a101a401022001215820").code, LW_OK);
    assert_int_equal(lw_buf_put_hex(&hex, hsm_public_key_x(&holder.key)).code, LW_OK);
    assert_int_equal(lw_buf_put_c(&hex, "225820").code, LW_OK);
    assert_int_equal(lw_buf_put_hex(&hex, hsm_public_key_y(&holder.key)).code, LW_OK);
    assert_int_equal(lw_buf_c(&hex, &text).code, LW_OK);
    bend_set(&t->b.cwt.claims, "08", text);
    accept(t);
}

static void only_what_is_without_status_and_redaction_and_has_a_cti_is_a_pass(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 8; bits++) {
        struct trial *t = trial_new();
        const bool hidden = (bits & 1) != 0;
        const bool status = (bits & 2) != 0;
        const bool cti = (bits & 4) != 0;
        bend_set(&t->b.cwt.claims, "02", "6161");
        if (!hidden) {
            bend_bytes(&t->b.hidden, "");
            bend_bytes(&t->b.disclosed, "");
            t->b.disclosed_count = 0;
        }
        if (!status) {
            bend_drop(&t->b.cwt.claims, "19ffff");
        }
        if (cti) {
            bend_set(&t->b.cwt.claims, "07", "420102");
        }
        trial_run(t);
        assert_int_equal(t->err.code, LW_OK);
        assert_string_equal(t->out.format, !hidden && !status && cti ? "pass" : "dc+sd-cwt");
        assert_int_equal(t->out.status.present, status);
        assert_int_equal(t->out.cti.len, cti ? 2 : 0);
        assert_true(lw_str_is(t->out.sub, "a"));
        trial_free(t);
    }
}

static void check_claim(const struct trial *t, size_t i, int64_t key, const char *hex)
{
    LW_AUTO_BUF value = LW_BUF(BEND_BYTES_MAX);
    support_hex(hex, &value);
    assert_true(i < t->out.claim_count);
    assert_int_equal(t->out.claims[i].cwt_key, key);
    assert_true(lw_bytes_eq(t->out.claims[i].value, lw_buf_view(&value)));
}

/* QR-12: what is not disclosed, and what disclosed decoys stand for, is gone from the values. */
static void hidden_parts_of_values_are_dropped(void **state)
{
#define HIDDEN "d83c5820cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
    (void)state;
    struct trial *t = trial_new();
    bend_set(&t->b.cwt.claims, "3a00011558", "83" HIDDEN "02 c1 1903e8");
    bend_set(&t->b.cwt.claims, "3a00011559",
             "a2 f83b 81 5820 dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
             " 6161 81 a1 6162 81 d83c 5820"
             "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee");
    bend_set(&t->b.cwt.claims, "656f74686572", "f5");
    trial_run(t);
    assert_int_equal(t->err.code, LW_OK);
    assert_int_equal(t->out.claim_count, 5);
    check_claim(t, 0, -70004, "6142");
    check_claim(t, 1, -70005, "d86419584d");
    check_claim(t, 2, -71001, "8202c11903e8");
    check_claim(t, 3, -71002, "a1616181a1616280");
    check_claim(t, 4, 0, "f5");
    assert_true(lw_str_is(t->out.claims[4].name, "other"));
    trial_free(t);
}

static void disclosed_parts_of_values_are_put_in_their_place(void **state)
{
    static const char element[] = "825006060606060606060606060606060606 0a";
    static const char entry[] = "835004040404040404040404040404040404 02 6162";
    (void)state;
    struct trial *t = trial_new();
    char digest[65];
    char value[256];
    bend_bytes(&t->b.disclosed, "");
    t->b.disclosed_count = 0;
    bend_digest(element, digest);
    (void)snprintf(value, sizeof(value), "8301d83c5820%s03", digest);
    bend_set(&t->b.cwt.claims, "3a00011558", value);
    bend_show(&t->b, element);
    bend_digest(entry, digest);
    (void)snprintf(value, sizeof(value), "a26163 01 f83b 81 5820 %s", digest);
    bend_set(&t->b.cwt.claims, "3a00011559", value);
    bend_show(&t->b, entry);
    trial_run(t);
    assert_int_equal(t->err.code, LW_OK);
    assert_int_equal(t->out.claim_count, 2);
    check_claim(t, 0, -71001, "83010a03");
    check_claim(t, 1, -71002, "a2616202616301"); /* sorted: "b" before "c" */
    trial_free(t);
}

/* A doubt about freshness does not hide that something else is wrong. */
static void out_of_date_and_wrong_besides_is_refused(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    bend_set_int(&t->b.kbt.claims, "06", BEND_NOW - 600);
    bend_set(&t->b.kbt.claims, "03", "6471723a78");
    trial_run(t);
    assert_int_equal(t->err.code, LW_E_DENIED);
    assert_int_equal(t->checks.line[WALLET_CHECK_FRESHNESS].result, WALLET_CHECK_UNKNOWN);
    assert_int_equal(t->checks.line[WALLET_CHECK_AUDIENCE].result, WALLET_CHECK_FAILED);
    assert_int_equal(t->checks.line[WALLET_CHECK_DISCLOSURES].result, WALLET_CHECK_SKIPPED);
    trial_free(t);
    t = trial_new();
    bend_set_int(&t->b.kbt.claims, "06", BEND_NOW - 600);
    bend_set_int(&t->b.cwt.claims, "04", BEND_NOW - 1);
    trial_run(t);
    assert_int_equal(t->err.code, LW_E_EXPIRED);
    assert_int_equal(t->checks.line[WALLET_CHECK_VALIDITY].result, WALLET_CHECK_FAILED);
    trial_free(t);
}

static void sign_with(struct bend_message *m, uint8_t key)
{
    hsm_soft_key_free(m->key);
    bend_other_key(key, &m->key);
}

/*
 * Every key by every credential: three issuers, each known by its own kid, and three holders.
 * The credential names issuer `named` and is bound to holder `bound`; it is signed by issuer
 * `signer` and shown by holder `shown`. Only the right pairs hold.
 */
static void every_key_against_every_credential(void **state)
{
    enum { KEYS = 3, HOLDERS_FROM = 10 };
    (void)state;
    for (unsigned mix = 0; mix < KEYS * KEYS * KEYS * KEYS; mix++) {
        const uint8_t named = (uint8_t)(mix % KEYS);
        const uint8_t signer_no = (uint8_t)(mix / KEYS % KEYS);
        const uint8_t bound = (uint8_t)(mix / (KEYS * KEYS) % KEYS);
        const uint8_t shown = (uint8_t)(mix / (KEYS * KEYS * KEYS));
        struct trial *t = trial_new();
        char hex[128];
        LW_AUTO_BUF x = LW_BUF(BEND_BYTES_MAX);
        const char *x_hex = NULL;
        t->b.trust.count = 0;
        for (uint8_t i = 0; i < KEYS; i++) {
            HSM_AUTO_SOFT_KEY key = NULL;
            struct hsm_signer signer;
            const uint8_t kid[8] = {i};
            bend_other_key((uint8_t)(i + 1), &key);
            hsm_soft_key_signer(key, &signer);
            support_trust_add(&t->b.trust, kid, &signer.key, BEND_VCT);
        }
        HSM_AUTO_SOFT_KEY holder = NULL;
        struct hsm_signer holder_signer;
        bend_other_key((uint8_t)(HOLDERS_FROM + bound), &holder);
        hsm_soft_key_signer(holder, &holder_signer);
        assert_int_equal(lw_buf_put_hex(&x, hsm_public_key_x(&holder_signer.key)).code, LW_OK);
        assert_int_equal(lw_buf_c(&x, &x_hex).code, LW_OK);
        const bool odd = (hsm_public_key_y(&holder_signer.key).ptr[31] & 1) != 0;
        (void)snprintf(hex, sizeof(hex), "a101a401022001215820%s22%s", x_hex, odd ? "f5" : "f4");
        bend_set(&t->b.cwt.claims, "08", hex);
        (void)snprintf(hex, sizeof(hex), "48%02x00000000000000", named);
        bend_set(&t->b.cwt.protected, "04", hex);
        sign_with(&t->b.cwt, (uint8_t)(signer_no + 1));
        sign_with(&t->b.kbt, (uint8_t)(HOLDERS_FROM + shown));
        trial_run(t);
        const enum wallet_check failing =
            named != signer_no ? WALLET_CHECK_ISSUER_SIGNATURE : WALLET_CHECK_HOLDER_SIGNATURE;
        const bool holds = named == signer_no && bound == shown;
        assert_int_equal(t->err.code, holds ? LW_OK : LW_E_SIGNATURE);
        assert_int_equal(t->checks.line[failing].result,
                         holds ? WALLET_CHECK_OK : WALLET_CHECK_FAILED);
        trial_free(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_older_algorithm_name_is_accepted),
        cmocka_unit_test(media_types_in_full_are_accepted),
        cmocka_unit_test(the_hash_named_and_other_headers_are_accepted),
        cmocka_unit_test(the_issuer_is_found_by_the_hash_of_its_certificate),
        cmocka_unit_test(the_issuer_is_found_by_its_chain),
        cmocka_unit_test(each_issuer_of_a_kid_is_tried),
        cmocka_unit_test(a_revoked_issuer_does_not_stand_in_anothers_way),
        cmocka_unit_test(an_issuer_without_new_credentials_and_one_revoked_later_are_accepted),
        cmocka_unit_test(iss_may_be_the_agency_or_its_name),
        cmocka_unit_test(a_whole_key_is_accepted),
        cmocka_unit_test(only_what_is_without_status_and_redaction_and_has_a_cti_is_a_pass),
        cmocka_unit_test(hidden_parts_of_values_are_dropped),
        cmocka_unit_test(disclosed_parts_of_values_are_put_in_their_place),
        cmocka_unit_test(out_of_date_and_wrong_besides_is_refused),
        cmocka_unit_test(every_key_against_every_credential),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
