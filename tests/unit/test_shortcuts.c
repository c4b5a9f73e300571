#include "wallet/shortcuts.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "hsm/key_soft.h"

enum { THREADS = 4, PARTS = 40, ROUNDS = 600 };

/* An issuer by hand, and parts that it signed. */
struct subject {
    struct hsm_soft_key *soft;
    struct wallet_trust *trust;
    struct wallet_issuer issuer;
    uint8_t digest[PARTS][HSM_SHA256_LEN];
    uint8_t sig[PARTS][HSM_SIG_MAX];
};

static void subject_make(struct subject *s)
{
    struct hsm_signer signer;
    memset(s, 0, sizeof(*s));
    assert_int_equal(hsm_soft_key_generate(&s->soft).code, LW_OK);
    assert_int_equal(wallet_trust_new(&s->trust).code, LW_OK);
    s->issuer.cert.key = *hsm_soft_key_public(s->soft);
    hsm_soft_key_signer(s->soft, &signer);
    for (size_t i = 0; i < PARTS; i++) {
        memset(s->digest[i], (int)(i + 1), HSM_SHA256_LEN);
        assert_int_equal(signer.sign_digest(signer.ctx, LW_BYTES(s->digest[i]), s->sig[i]).code,
                         LW_OK);
    }
}

static void subject_free(struct subject *s)
{
    wallet_trust_free(s->trust);
    hsm_soft_key_free(s->soft);
}

static struct wallet_issued_part part_of(const struct subject *s, size_t i)
{
    return (struct wallet_issued_part){
        .trust = s->trust,
        .issuer = &s->issuer,
        .digest = LW_BYTES(s->digest[i % PARTS]),
        .sig = {.ptr = s->sig[i % PARTS], .len = HSM_ES256_SIG_LEN},
    };
}

static lw_code ask(const struct wallet_shortcuts *shortcuts, const struct wallet_issued_part *part,
                   bool *before)
{
    struct wallet_seen seen;
    const lw_code code = wallet_issued_verify(shortcuts, part, &seen).code;
    *before = seen.before;
    if (code == LW_OK) {
        wallet_issued_remember(shortcuts, &seen);
    }
    return code;
}

static void a_part_counts_as_seen_once_it_held(void **state)
{
    (void)state;
    struct subject s;
    struct wallet_shortcuts shortcuts;
    struct wallet_seen seen;
    bool before = true;
    subject_make(&s);
    assert_int_equal(wallet_shortcuts_make(0, 64, &shortcuts).code, LW_OK);
    const struct wallet_issued_part part = part_of(&s, 0);
    assert_int_equal(wallet_issued_verify(&shortcuts, &part, &seen).code, LW_OK);
    assert_false(seen.before);
    assert_int_equal(wallet_seen_count(shortcuts.seen), 0); /* until it is remembered */
    memset(seen.hint, 7, sizeof(seen.hint));
    wallet_issued_remember(&shortcuts, &seen);
    assert_int_equal(wallet_issued_verify(&shortcuts, &part, &seen).code, LW_OK);
    assert_true(seen.before);
    assert_int_equal(seen.hint[31], 7);
    wallet_issued_remember(&shortcuts, &seen);
    assert_int_equal(wallet_seen_count(shortcuts.seen), 1);
    const struct wallet_issued_part other = part_of(&s, 1);
    assert_int_equal(ask(&shortcuts, &other, &before), LW_OK);
    assert_false(before);
    wallet_shortcuts_end(&shortcuts);
    subject_free(&s);
}

static void whatever_the_signature_depends_on_makes_it_another_part(void **state)
{
    (void)state;
    struct subject s;
    struct subject stranger;
    struct wallet_shortcuts shortcuts;
    bool before = false;
    subject_make(&s);
    subject_make(&stranger);
    assert_int_equal(wallet_shortcuts_make(0, 64, &shortcuts).code, LW_OK);
    struct wallet_issued_part part = part_of(&s, 0);
    assert_int_equal(ask(&shortcuts, &part, &before), LW_OK);
    /* digest and signature, each bit; the key; the algorithm */
    for (size_t bit = 0; bit < 256; bit++) {
        s.digest[0][bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(ask(&shortcuts, &part, &before), LW_E_SIGNATURE);
        s.digest[0][bit / 8] ^= (uint8_t)(1U << bit % 8);
        s.sig[0][bit / 4] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(ask(&shortcuts, &part, &before), LW_E_SIGNATURE);
        s.sig[0][bit / 4] ^= (uint8_t)(1U << bit % 8);
    }
    part.issuer = &stranger.issuer;
    assert_int_equal(ask(&shortcuts, &part, &before), LW_E_SIGNATURE);
    part.issuer = &s.issuer;
    part.sig.len--;
    assert_int_equal(ask(&shortcuts, &part, &before), LW_E_SIGNATURE);
    part.sig.len = SIZE_MAX;
    assert_int_equal(ask(&shortcuts, &part, &before), LW_E_SIGNATURE);
    part.sig.len = HSM_ES256_SIG_LEN;
    assert_int_equal(wallet_seen_count(shortcuts.seen), 1);
    /* another certificate of the same key: it holds, but was not seen */
    s.issuer.cert.sha256[0] ^= 1;
    assert_int_equal(ask(&shortcuts, &part, &before), LW_OK);
    assert_false(before);
    assert_int_equal(wallet_seen_count(shortcuts.seen), 2);
    wallet_shortcuts_end(&shortcuts);
    subject_free(&s);
    subject_free(&stranger);
}

static void their_number_is_bounded_and_the_newest_stay(void **state)
{
    (void)state;
    struct subject s;
    struct wallet_shortcuts shortcuts;
    bool before = false;
    subject_make(&s);
    assert_int_equal(wallet_shortcuts_make(0, 8, &shortcuts).code, LW_OK);
    for (size_t i = 0; i < PARTS; i++) {
        const struct wallet_issued_part part = part_of(&s, i);
        assert_int_equal(ask(&shortcuts, &part, &before), LW_OK);
        assert_false(before);
        assert_int_equal(wallet_seen_count(shortcuts.seen), i < 8 ? i + 1 : 8);
    }
    const struct wallet_issued_part newest = part_of(&s, PARTS - 1);
    const struct wallet_issued_part oldest = part_of(&s, 0);
    assert_int_equal(ask(&shortcuts, &newest, &before), LW_OK);
    assert_true(before);
    assert_int_equal(ask(&shortcuts, &oldest, &before), LW_OK);
    assert_false(before);
    wallet_shortcuts_end(&shortcuts);
    subject_free(&s);
}

static void either_can_be_left_out(void **state)
{
    (void)state;
    struct subject s;
    struct wallet_shortcuts shortcuts;
    bool before = true;
    subject_make(&s);
    const struct wallet_issued_part part = part_of(&s, 0);
    assert_int_equal(wallet_shortcuts_make(0, 0, &shortcuts).code, LW_OK);
    assert_null(shortcuts.tables);
    assert_null(shortcuts.seen);
    assert_int_equal(ask(&shortcuts, &part, &before), LW_OK);
    assert_int_equal(ask(&shortcuts, &part, &before), LW_OK);
    assert_false(before);
    assert_int_equal(ask(NULL, &part, &before), LW_OK);
    assert_int_equal(wallet_shortcuts_make(1, WALLET_SEEN_MAX + 1, &shortcuts).code, LW_E_MISUSE);
    assert_int_equal(wallet_shortcuts_make(HSM_KEY_TABLES_MAX + 1, 1, &shortcuts).code,
                     LW_E_MISUSE);
    assert_null(shortcuts.tables);
    assert_null(shortcuts.seen);
    subject_free(&s);
}

struct shared {
    struct wallet_shortcuts shortcuts;
    struct subject subject;
    atomic_uint wrong;
};

static void *check_all(void *arg)
{
    struct shared *shared = arg;
    for (size_t i = 0; i < ROUNDS; i++) {
        struct wallet_issued_part part = part_of(&shared->subject, i);
        bool before = false;
        const bool right = ask(&shared->shortcuts, &part, &before) == LW_OK;
        part.digest = LW_BYTES(shared->subject.digest[(i + 1) % PARTS]);
        const bool refused = ask(&shared->shortcuts, &part, &before) == LW_E_SIGNATURE;
        atomic_fetch_add(&shared->wrong, right && refused ? 0 : 1);
    }
    return NULL;
}

static void threads_share_them(void **state)
{
    (void)state;
    static struct shared shared;
    pthread_t threads[THREADS];
    atomic_init(&shared.wrong, 0);
    subject_make(&shared.subject);
    assert_int_equal(wallet_shortcuts_make(1, 16, &shared.shortcuts).code, LW_OK);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, check_all, &shared), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(atomic_load(&shared.wrong), 0);
    assert_true(wallet_seen_count(shared.shortcuts.seen) <= 16);
    wallet_shortcuts_end(&shared.shortcuts);
    subject_free(&shared.subject);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_part_counts_as_seen_once_it_held),
        cmocka_unit_test(whatever_the_signature_depends_on_makes_it_another_part),
        cmocka_unit_test(their_number_is_bounded_and_the_newest_stay),
        cmocka_unit_test(either_can_be_left_out),
        cmocka_unit_test(threads_share_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
