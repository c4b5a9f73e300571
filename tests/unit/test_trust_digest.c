#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "authority.h"
#include "lw/clock.h"
#include "wallet/trust.h"

enum { NOW = 1795086400, YEAR_S = 365 * LW_DAY_S };

static struct support_authority authority;
static const lw_str vct = {.ptr = "https://lic.example/dl", .len = 22};
static const lw_str prefix = {.ptr = "https://st.example/lists", .len = 24};

static int make_authority(void **state)
{
    (void)state;
    support_authority_init(&authority, "dmv", NOW);
    return 0;
}

static int free_authority(void **state)
{
    (void)state;
    support_authority_free(&authority);
    return 0;
}

static struct wallet_trust_entry entry_of(const struct support_key *key)
{
    return (struct wallet_trust_entry){.cert = lw_buf_view(&key->cert),
                                       .vcts = &vct,
                                       .vct_count = 1,
                                       .not_after = NOW + YEAR_S,
                                       .revoked_since = INT64_MIN,
                                       .status_prefixes = &prefix,
                                       .status_prefix_count = 1};
}

static struct wallet_trust *trust_of(const struct wallet_trust_entry *entries, size_t count)
{
    struct wallet_trust *trust = NULL;
    assert_int_equal(wallet_trust_new(&trust).code, LW_OK);
    assert_int_equal(wallet_trust_add_anchor(trust, lw_buf_view(&authority.ca.cert)).code, LW_OK);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(wallet_trust_add(trust, &entries[i]).code, LW_OK);
    }
    return trust;
}

/* Builds a trust of one entry and writes its digest. */
static void digest_of(const struct wallet_trust_entry *entry, uint8_t digest[HSM_SHA256_LEN])
{
    WALLET_AUTO_TRUST trust = trust_of(entry, 1);
    memcpy(digest, wallet_trust_digest(trust), HSM_SHA256_LEN);
}

static void its_digest_is_of_all_that_was_added(void **state)
{
    (void)state;
    enum { VARIANTS = 9 };
    const struct wallet_trust_entry plain = entry_of(&authority.ds);
    const uint8_t kid[WALLET_KID_LEN] = {1};
    const lw_str more_vcts[] = {vct, LW_STR("https://lic.example/x")};
    const lw_str longer = LW_STR("https://st.example/lists2");
    struct wallet_trust_entry entries[VARIANTS];
    uint8_t digests[VARIANTS][HSM_SHA256_LEN];
    for (size_t i = 0; i < VARIANTS; i++) {
        entries[i] = plain;
    }
    entries[1].kid = kid;
    entries[2].vcts = more_vcts;
    entries[2].vct_count = 2;
    entries[3].vct_count = 0;
    entries[4].not_after++;
    entries[5].state = WALLET_ISSUER_REVOKED;
    entries[6].revoked_since = NOW;
    entries[7].status_prefixes = &longer;
    entries[8].status_prefix_count = 0;
    for (size_t i = 0; i < VARIANTS; i++) {
        uint8_t again[HSM_SHA256_LEN];
        digest_of(&entries[i], digests[i]);
        digest_of(&entries[i], again);
        assert_memory_equal(digests[i], again, sizeof(again));
        for (size_t k = 0; k < i; k++) {
            assert_memory_not_equal(digests[i], digests[k], sizeof(again));
        }
    }
    WALLET_AUTO_TRUST bare = NULL; /* without the anchor */
    assert_int_equal(wallet_trust_new(&bare).code, LW_OK);
    assert_int_equal(wallet_trust_add(bare, &plain).code, LW_OK);
    assert_memory_not_equal(wallet_trust_digest(bare), digests[0], HSM_SHA256_LEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_digest_is_of_all_that_was_added),
    };
    return cmocka_run_group_tests(tests, make_authority, free_authority);
}
