#define _POSIX_C_SOURCE 200809L

#include "hsm/pool.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "hsm/digest.h"
#include "hsm/rng.h"
#include "token.h"

static const enum hsm_purpose signing[] = {
    HSM_PURPOSE_CA,     HSM_PURPOSE_CREDENTIAL, HSM_PURPOSE_MDOC,
    HSM_PURPOSE_STATUS, HSM_PURPOSE_ACCESS,     HSM_PURPOSE_ID_TOKEN,
    HSM_PURPOSE_LOG,    HSM_PURPOSE_TRUST_LIST, HSM_PURPOSE_ID_TOKEN_RSA,
};
enum { SIGNING_COUNT = sizeof(signing) / sizeof(signing[0]) };

struct fixture {
    struct support_token token;
    struct hsm_pool *pool;
    struct hsm_public_key key; /* of "k", for credentials */
};

static int open_pool(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    support_token_make(&f->token, false);
    assert_int_equal(hsm_pool_open(&f->token.config, &f->pool).code, LW_OK);
    assert_int_equal(hsm_pool_generate(f->pool, "k", HSM_PURPOSE_CREDENTIAL, &f->key).code, LW_OK);
    *state = f;
    return 0;
}

static int close_pool(void **state)
{
    struct fixture *f = *state;
    hsm_pool_close(f->pool);
    support_token_free(&f->token);
    free(f);
    return 0;
}

static void digest_of(uint64_t n, uint8_t digest[HSM_SHA256_LEN])
{
    const lw_bytes in = {.ptr = (const uint8_t *)&n, .len = sizeof(n)};
    assert_int_equal(hsm_sha256(in, digest).code, LW_OK);
}

static lw_code sign(struct hsm_pool *pool, const char *label, enum hsm_purpose purpose)
{
    uint8_t digest[HSM_SHA256_LEN];
    uint8_t sig[HSM_SIG_MAX];
    digest_of(1, digest);
    return hsm_pool_sign(pool, label, purpose, LW_BYTES(digest), sig).code;
}

static void a_new_key_signs_and_its_public_key_verifies(void **state)
{
    struct fixture *f = *state;
    uint8_t digest[HSM_SHA256_LEN];
    uint8_t sig[HSM_SIG_MAX];
    struct hsm_public_key found;
    digest_of(7, digest);
    assert_int_equal(
        hsm_pool_sign(f->pool, "k", HSM_PURPOSE_CREDENTIAL, LW_BYTES(digest), sig).code, LW_OK);
    const lw_bytes made = {.ptr = sig, .len = HSM_ES256_SIG_LEN};
    assert_int_equal(hsm_verify_digest(&f->key, LW_BYTES(digest), made).code, LW_OK);
    digest[0] ^= 1;
    assert_int_equal(hsm_verify_digest(&f->key, LW_BYTES(digest), made).code, LW_E_SIGNATURE);
    assert_int_equal(hsm_pool_find(f->pool, "k", &found).code, LW_OK);
    assert_true(hsm_public_key_eq(&found, &f->key));
}

static void an_rsa_key_is_made_for_id_tokens_and_signs_them(void **state)
{
    struct fixture *f = *state;
    struct hsm_pool_key name = {.pool = f->pool, .label = "r", .purpose = HSM_PURPOSE_ID_TOKEN_RSA};
    struct hsm_public_key key;
    struct hsm_public_key found;
    struct hsm_signer signer;
    uint8_t sig[HSM_SIG_MAX];
    const lw_bytes message = lw_str_bytes(LW_STR("an ID token"));
    assert_int_equal(hsm_pool_generate(f->pool, "r", HSM_PURPOSE_ID_TOKEN_RSA, &key).code, LW_OK);
    assert_int_equal(key.alg, HSM_RS256);
    assert_int_equal(key.point_len, HSM_RSA_LEN);
    assert_int_equal(hsm_pool_find(f->pool, "r", &found).code, LW_OK);
    assert_true(hsm_public_key_eq(&found, &key));
    hsm_pool_signer(&name, &key, &signer);
    signer.not_after = INT64_MAX;
    assert_int_equal(hsm_sign(&signer, HSM_PURPOSE_ID_TOKEN_RSA, 1, message, sig).code, LW_OK);
    const lw_bytes made = {.ptr = sig, .len = HSM_RSA_LEN};
    assert_int_equal(hsm_verify(&key, message, made).code, LW_OK);
    sig[HSM_RSA_LEN - 1] ^= 1;
    assert_int_equal(hsm_verify(&key, message, made).code, LW_E_SIGNATURE);
}

static void a_signer_of_the_pool_serves_the_formats(void **state)
{
    struct fixture *f = *state;
    struct hsm_pool_key key = {.pool = f->pool, .label = "k", .purpose = HSM_PURPOSE_CREDENTIAL};
    struct hsm_signer signer;
    uint8_t sig[HSM_SIG_MAX];
    const lw_bytes message = lw_str_bytes(LW_STR("a license"));
    hsm_pool_signer(&key, &f->key, &signer);
    signer.not_after = INT64_MAX;
    assert_int_equal(hsm_sign(&signer, HSM_PURPOSE_CREDENTIAL, 1, message, sig).code, LW_OK);
    const lw_bytes made = {.ptr = sig, .len = HSM_ES256_SIG_LEN};
    assert_int_equal(hsm_verify(&f->key, message, made).code, LW_OK);
    assert_int_equal(hsm_sign(&signer, HSM_PURPOSE_STATUS, 1, message, sig).code, LW_E_DENIED);
}

static void a_label_that_is_taken_is_refused(void **state)
{
    struct fixture *f = *state;
    struct hsm_public_key key;
    assert_int_equal(hsm_pool_generate(f->pool, "k", HSM_PURPOSE_CA, &key).code, LW_E_CONFLICT);
    assert_int_equal(hsm_pool_generate_wrap(f->pool, "k", HSM_PURPOSE_SEAL).code, LW_E_CONFLICT);
    assert_int_equal(hsm_pool_generate_wrap(f->pool, "w", HSM_PURPOSE_SEAL).code, LW_OK);
    assert_int_equal(hsm_pool_generate_wrap(f->pool, "w", HSM_PURPOSE_SEAL).code, LW_E_CONFLICT);
    assert_int_equal(hsm_pool_generate(f->pool, "w", HSM_PURPOSE_CA, &key).code, LW_E_CONFLICT);
    assert_int_equal(hsm_pool_find(f->pool, "k", &key).code, LW_OK);
    assert_true(hsm_public_key_eq(&key, &f->key));
}

static void each_key_signs_for_its_own_purpose_only(void **state)
{
    struct fixture *f = *state;
    for (size_t k = 0; k < SIGNING_COUNT; k++) {
        struct hsm_public_key key;
        const char *label = hsm_purpose_name(signing[k]);
        assert_int_equal(hsm_pool_generate(f->pool, label, signing[k], &key).code, LW_OK);
        for (int p = HSM_PURPOSE_NONE; p <= HSM_PURPOSE_HOLDER; p++) {
            const bool own = p == (int)signing[k];
            assert_int_equal(sign(f->pool, label, (enum hsm_purpose)p), own ? LW_OK : LW_E_DENIED);
        }
    }
}

static void keys_for_no_signing_purpose_are_not_made(void **state)
{
    static const enum hsm_purpose others[] = {HSM_PURPOSE_NONE, HSM_PURPOSE_SEAL,
                                              HSM_PURPOSE_CUSTODY, HSM_PURPOSE_HOLDER};
    struct fixture *f = *state;
    struct hsm_public_key key;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_int_equal(hsm_pool_generate(f->pool, "n", others[i], &key).code, LW_E_DENIED);
    }
    for (size_t i = 0; i < SIGNING_COUNT; i++) {
        assert_int_equal(hsm_pool_generate_wrap(f->pool, "n", signing[i]).code, LW_E_DENIED);
    }
    assert_int_equal(hsm_pool_find(f->pool, "n", &key).code, LW_E_NOT_FOUND);
}

static void labels_and_digests_of_the_wrong_length_are_refused(void **state)
{
    struct fixture *f = *state;
    struct hsm_public_key key;
    uint8_t digest[65] = {0};
    uint8_t sig[HSM_SIG_MAX];
    char label[HSM_LABEL_MAX + 1] = {0};
    memset(label, 'x', HSM_LABEL_MAX);
    assert_int_equal(hsm_pool_generate(f->pool, label, HSM_PURPOSE_CA, &key).code, LW_E_VALUE);
    assert_int_equal(hsm_pool_generate(f->pool, "", HSM_PURPOSE_CA, &key).code, LW_E_VALUE);
    label[HSM_LABEL_MAX - 1] = 0;
    assert_int_equal(hsm_pool_generate(f->pool, label, HSM_PURPOSE_CA, &key).code, LW_OK);
    assert_int_equal(sign(f->pool, label, HSM_PURPOSE_CA), LW_OK);
    for (size_t len = 0; len <= sizeof(digest); len++) {
        const lw_bytes in = {.ptr = digest, .len = len};
        assert_int_equal(hsm_pool_sign(f->pool, "k", HSM_PURPOSE_CREDENTIAL, in, sig).code,
                         len == HSM_SHA256_LEN ? LW_OK : LW_E_VALUE);
    }
}

static void job_done(struct hsm_job *job)
{
    (void)sem_post(job->ctx);
}

static void a_job_without_a_terminated_label_fails_by_itself(void **state)
{
    struct fixture *f = *state;
    sem_t done;
    (void)sem_init(&done, 0, 0);
    struct hsm_job job = {
        .purpose = HSM_PURPOSE_CREDENTIAL, .digest_len = 32, .done = job_done, .ctx = &done};
    memset(job.label, 'k', sizeof(job.label));
    assert_int_equal(hsm_pool_submit(f->pool, &job, 1).code, LW_OK);
    (void)sem_wait(&done);
    assert_int_equal(job.err.code, LW_E_VALUE);
    assert_int_equal(job.sig_len, 0);
    assert_int_equal(sign(f->pool, "k", HSM_PURPOSE_CREDENTIAL), LW_OK);
    (void)sem_destroy(&done);
}

enum { THREADS = 4, JOBS_EACH = 2500, SUBMITTED_AT_ONCE = 100 };

struct submitter {
    struct hsm_pool *pool;
    struct hsm_job *jobs;
    sem_t done;
    uint64_t first;
    bool taken;
};

static void *submit_all(void *arg)
{
    struct submitter *s = arg;
    s->taken = true;
    for (size_t i = 0; i < JOBS_EACH; i++) {
        struct hsm_job *job = &s->jobs[i];
        *job = (struct hsm_job){.label = "k",
                                .purpose = HSM_PURPOSE_CREDENTIAL,
                                .digest_len = HSM_SHA256_LEN,
                                .done = job_done,
                                .ctx = &s->done};
        digest_of(s->first + i, job->digest);
    }
    for (size_t i = 0; i < JOBS_EACH; i += SUBMITTED_AT_ONCE) {
        const lw_err err = hsm_pool_submit(s->pool, s->jobs + i, SUBMITTED_AT_ONCE);
        s->taken = s->taken && err.code == LW_OK;
    }
    for (size_t i = 0; i < JOBS_EACH; i++) {
        (void)sem_wait(&s->done);
    }
    return NULL;
}

static void ten_thousand_jobs_of_four_threads_all_complete(void **state)
{
    struct fixture *f = *state;
    struct submitter submitters[THREADS];
    pthread_t threads[THREADS];
    for (size_t t = 0; t < THREADS; t++) {
        submitters[t] = (struct submitter){.pool = f->pool, .first = t * JOBS_EACH};
        submitters[t].jobs = calloc(JOBS_EACH, sizeof(struct hsm_job));
        (void)sem_init(&submitters[t].done, 0, 0);
        assert_int_equal(pthread_create(&threads[t], NULL, submit_all, &submitters[t]), 0);
    }
    for (size_t t = 0; t < THREADS; t++) {
        (void)pthread_join(threads[t], NULL);
        assert_true(submitters[t].taken);
        for (size_t i = 0; i < JOBS_EACH; i++) {
            const struct hsm_job *job = &submitters[t].jobs[i];
            const lw_bytes digest = {.ptr = job->digest, .len = job->digest_len};
            const lw_bytes sig = {.ptr = job->sig, .len = job->sig_len};
            assert_int_equal(job->err.code, LW_OK);
            assert_int_equal(hsm_verify_digest(&f->key, digest, sig).code, LW_OK);
        }
        (void)sem_destroy(&submitters[t].done);
        free(submitters[t].jobs);
    }
    assert_true(hsm_pool_cpu_us(f->pool) > 0);
}

static void more_jobs_than_the_queue_holds_are_refused_together(void **state)
{
    struct fixture *f = *state;
    struct hsm_job *jobs = calloc(HSM_QUEUE_MAX + 1, sizeof(*jobs));
    for (size_t i = 0; i <= HSM_QUEUE_MAX; i++) {
        jobs[i].done = job_done;
    }
    assert_int_equal(hsm_pool_submit(f->pool, jobs, HSM_QUEUE_MAX + 1).code, LW_E_BUSY);
    assert_int_equal(hsm_pool_submit(f->pool, jobs, 0).code, LW_OK);
    assert_int_equal(sign(f->pool, "k", HSM_PURPOSE_CREDENTIAL), LW_OK);
    free(jobs);
}

static void what_was_wrapped_unwraps_and_nothing_else_does(void **state)
{
    struct fixture *f = *state;
    LW_AUTO_BUF wrapped = LW_BUF(HSM_WRAP_MAX);
    uint8_t secret[32];
    uint8_t back[32] = {0};
    assert_int_equal(lw_rng_fill(hsm_rng_system(), secret, sizeof(secret)).code, LW_OK);
    assert_int_equal(hsm_pool_generate_wrap(f->pool, "s1", HSM_PURPOSE_SEAL).code, LW_OK);
    assert_int_equal(hsm_pool_generate_wrap(f->pool, "s2", HSM_PURPOSE_SEAL).code, LW_OK);
    assert_int_equal(hsm_pool_wrap(f->pool, "s1", secret, &wrapped).code, LW_OK);
    assert_int_equal(hsm_pool_unwrap(f->pool, "s1", lw_buf_view(&wrapped), back).code, LW_OK);
    assert_memory_equal(back, secret, sizeof(secret));
    assert_int_equal(hsm_pool_unwrap(f->pool, "s2", lw_buf_view(&wrapped), back).code,
                     LW_E_SIGNATURE);
    for (size_t i = 0; i < wrapped.len; i++) {
        wrapped.ptr[i] ^= 0x40;
        assert_int_equal(hsm_pool_unwrap(f->pool, "s1", lw_buf_view(&wrapped), back).code,
                         LW_E_SIGNATURE);
        wrapped.ptr[i] ^= 0x40;
    }
    for (size_t len = 0; len <= HSM_WRAP_MAX + 1; len++) {
        uint8_t other[HSM_WRAP_MAX + 1] = {0};
        memcpy(other, wrapped.ptr, len < wrapped.len ? len : wrapped.len);
        const lw_bytes cut = {.ptr = other, .len = len};
        assert_int_equal(hsm_pool_unwrap(f->pool, "s1", cut, back).code,
                         len == wrapped.len ? LW_OK : LW_E_SIGNATURE);
    }
}

static void only_a_seal_key_wraps_and_releases(void **state)
{
    struct fixture *f = *state;
    LW_AUTO_BUF wrapped = LW_BUF(HSM_WRAP_MAX);
    LW_AUTO_BUF none = LW_BUF(HSM_WRAP_MAX);
    uint8_t secret[32] = {1};
    assert_int_equal(hsm_pool_generate_wrap(f->pool, "seal", HSM_PURPOSE_SEAL).code, LW_OK);
    assert_int_equal(hsm_pool_generate_wrap(f->pool, "custody", HSM_PURPOSE_CUSTODY).code, LW_OK);
    assert_int_equal(hsm_pool_wrap(f->pool, "seal", secret, &wrapped).code, LW_OK);
    const lw_bytes in = lw_buf_view(&wrapped);
    assert_int_equal(hsm_pool_wrap(f->pool, "custody", secret, &none).code, LW_E_DENIED);
    assert_int_equal(hsm_pool_unwrap(f->pool, "custody", in, secret).code, LW_E_DENIED);
    assert_int_equal(hsm_pool_wrap(f->pool, "k", secret, &none).code, LW_E_NOT_FOUND);
    assert_int_equal(hsm_pool_unwrap(f->pool, "k", in, secret).code, LW_E_NOT_FOUND);
    assert_int_equal(sign(f->pool, "seal", HSM_PURPOSE_SEAL), LW_E_NOT_FOUND);
    assert_int_equal(none.len, 0);
}

static const struct hsm_token_key *listed(const struct hsm_token_key *keys, size_t count,
                                          const char *label)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(keys[i].label, label) == 0) {
            return &keys[i];
        }
    }
    return NULL;
}

static void a_list_names_each_key_with_its_purpose(void **state)
{
    struct fixture *f = *state;
    struct hsm_token_key keys[4];
    struct hsm_public_key ca;
    size_t count = 0;
    assert_int_equal(hsm_pool_generate(f->pool, "ca", HSM_PURPOSE_CA, &ca).code, LW_OK);
    assert_int_equal(hsm_pool_generate_wrap(f->pool, "w", HSM_PURPOSE_SEAL).code, LW_OK);
    assert_int_equal(hsm_pool_list(f->pool, keys, 4, &count).code, LW_OK);
    assert_int_equal(count, 3);
    const struct hsm_token_key *k = listed(keys, count, "k");
    const struct hsm_token_key *c = listed(keys, count, "ca");
    const struct hsm_token_key *w = listed(keys, count, "w");
    assert_true(k != NULL && c != NULL && w != NULL);
    assert_int_equal(k->purpose, HSM_PURPOSE_CREDENTIAL);
    assert_int_equal(c->purpose, HSM_PURPOSE_CA);
    assert_int_equal(w->purpose, HSM_PURPOSE_SEAL);
    assert_true(hsm_public_key_eq(&k->key, &f->key));
    assert_true(hsm_public_key_eq(&c->key, &ca));
    assert_int_equal(w->key.alg, HSM_ALG_NONE);
    assert_false(k->extractable || c->extractable || w->extractable);
    assert_int_equal(hsm_pool_list(f->pool, keys, 1, &count).code, LW_OK);
    assert_int_equal(count, 3);
    assert_int_equal(hsm_pool_list(f->pool, NULL, 0, &count).code, LW_OK);
    assert_int_equal(count, 3);
}

static void a_list_of_many_keys_is_whole(void **state)
{
    enum { MANY = 40 }; /* more than one message holds */
    struct fixture *f = *state;
    struct hsm_token_key keys[MANY + 1];
    size_t count = 0;
    for (size_t i = 0; i < MANY; i++) {
        char label[HSM_LABEL_MAX];
        struct hsm_public_key key;
        (void)snprintf(label, sizeof(label), "many-%zu", i);
        assert_int_equal(hsm_pool_generate(f->pool, label, HSM_PURPOSE_STATUS, &key).code, LW_OK);
    }
    assert_int_equal(hsm_pool_list(f->pool, keys, MANY + 1, &count).code, LW_OK);
    assert_int_equal(count, MANY + 1);
    for (size_t i = 0; i < MANY; i++) {
        char label[HSM_LABEL_MAX];
        (void)snprintf(label, sizeof(label), "many-%zu", i);
        assert_non_null(listed(keys, count, label));
    }
}

/* Both signers know the handle; one destroys the key, the other must not sign with it. */
static void a_destroyed_key_signs_nowhere(void **state)
{
    struct fixture *f = *state;
    struct hsm_public_key key;
    struct hsm_public_key again;
    struct hsm_token_key keys[2];
    size_t count = 0;
    assert_int_equal(hsm_pool_generate(f->pool, "gone", HSM_PURPOSE_LOG, &key).code, LW_OK);
    struct submitter s = {.pool = f->pool};
    struct hsm_job jobs[200];
    (void)sem_init(&s.done, 0, 0);
    for (size_t i = 0; i < 200; i++) {
        jobs[i] = (struct hsm_job){.label = "gone",
                                   .purpose = HSM_PURPOSE_LOG,
                                   .digest_len = 32,
                                   .done = job_done,
                                   .ctx = &s.done};
    }
    assert_int_equal(hsm_pool_submit(f->pool, jobs, 200).code, LW_OK);
    for (size_t i = 0; i < 200; i++) {
        (void)sem_wait(&s.done);
    }
    assert_int_equal(hsm_pool_destroy(f->pool, "gone").code, LW_OK);
    assert_int_equal(hsm_pool_submit(f->pool, jobs, 200).code, LW_OK);
    for (size_t i = 0; i < 200; i++) {
        (void)sem_wait(&s.done);
    }
    for (size_t i = 0; i < 200; i++) {
        assert_int_equal(jobs[i].err.code, LW_E_NOT_FOUND);
    }
    (void)sem_destroy(&s.done);
    assert_int_equal(hsm_pool_destroy(f->pool, "gone").code, LW_E_NOT_FOUND);
    assert_int_equal(hsm_pool_find(f->pool, "gone", &again).code, LW_E_NOT_FOUND);
    assert_int_equal(hsm_pool_list(f->pool, keys, 2, &count).code, LW_OK);
    assert_int_equal(count, 1);
    assert_int_equal(hsm_pool_generate(f->pool, "gone", HSM_PURPOSE_CA, &again).code, LW_OK);
    assert_false(hsm_public_key_eq(&key, &again));
    assert_int_equal(sign(f->pool, "gone", HSM_PURPOSE_LOG), LW_E_DENIED);
    assert_int_equal(sign(f->pool, "gone", HSM_PURPOSE_CA), LW_OK);
}

static void keys_outlive_the_pool(void **state)
{
    struct fixture *f = *state;
    struct hsm_public_key key;
    hsm_pool_close(f->pool);
    f->pool = NULL;
    assert_int_equal(hsm_pool_open(&f->token.config, &f->pool).code, LW_OK);
    assert_int_equal(hsm_pool_find(f->pool, "k", &key).code, LW_OK);
    assert_true(hsm_public_key_eq(&key, &f->key));
    assert_int_equal(sign(f->pool, "k", HSM_PURPOSE_CREDENTIAL), LW_OK);
}

static void the_raw_speed_of_the_token_is_measured(void **state)
{
    struct fixture *f = *state;
    double per_s = 0;
    assert_int_equal(hsm_bench_raw(&f->token.config, "k", 100, &per_s).code, LW_OK);
    assert_true(per_s > 10);
    assert_int_equal(hsm_bench_raw(&f->token.config, "absent", 100, &per_s).code, LW_E_NOT_FOUND);
    assert_int_equal(hsm_bench_raw(&f->token.config, "k", 0, &per_s).code, LW_E_VALUE);
}

#define WITH_POOL(test_) cmocka_unit_test_setup_teardown(test_, open_pool, close_pool)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_POOL(a_new_key_signs_and_its_public_key_verifies),
        WITH_POOL(an_rsa_key_is_made_for_id_tokens_and_signs_them),
        WITH_POOL(a_signer_of_the_pool_serves_the_formats),
        WITH_POOL(a_label_that_is_taken_is_refused),
        WITH_POOL(each_key_signs_for_its_own_purpose_only),
        WITH_POOL(keys_for_no_signing_purpose_are_not_made),
        WITH_POOL(labels_and_digests_of_the_wrong_length_are_refused),
        WITH_POOL(a_job_without_a_terminated_label_fails_by_itself),
        WITH_POOL(ten_thousand_jobs_of_four_threads_all_complete),
        WITH_POOL(more_jobs_than_the_queue_holds_are_refused_together),
        WITH_POOL(what_was_wrapped_unwraps_and_nothing_else_does),
        WITH_POOL(only_a_seal_key_wraps_and_releases),
        WITH_POOL(a_list_names_each_key_with_its_purpose),
        WITH_POOL(a_list_of_many_keys_is_whole),
        WITH_POOL(a_destroyed_key_signs_nowhere),
        WITH_POOL(keys_outlive_the_pool),
        WITH_POOL(the_raw_speed_of_the_token_is_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
