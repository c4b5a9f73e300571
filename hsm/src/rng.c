#include "hsm/rng.h"

#include <limits.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <string.h>

#include "lw/buf.h"

/*
 * RAND_bytes makes a system call and takes a lock each time, so bytes are drawn in bulk for each
 * thread. After fork() the child must not hand out what the parent will: the pool is emptied.
 */
enum { POOL_BYTES = 4096 };

static _Thread_local struct {
    uint8_t bytes[POOL_BYTES];
    size_t left;
} pool;

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void forget_in_child(void)
{
    pool.left = 0; /* only the forking thread lives on in the child */
}

static void register_fork_handler(void)
{
    (void)pthread_atfork(NULL, NULL, forget_in_child);
}

static lw_err draw(uint8_t *out, size_t n)
{
    if (n > INT_MAX || RAND_bytes(out, (int)n) != 1) {
        return LW_FAIL(LW_E_CRYPTO, "rng: the generator failed", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

static lw_err fill(void *ctx, uint8_t *out, size_t n)
{
    (void)ctx;
    if (n > POOL_BYTES / 4) {
        return draw(out, n);
    }
    if (n > pool.left) {
        (void)pthread_once(&once, register_fork_handler);
        pool.left = 0;
        LW_TRY(draw(pool.bytes, POOL_BYTES));
        pool.left = POOL_BYTES;
    }
    uint8_t *source = pool.bytes + (POOL_BYTES - pool.left);
    memcpy(out, source, n);
    memset(source, 0, n); /* bytes handed out are not kept */
    pool.left -= n;
    return LW_SUCCESS;
}

const struct lw_rng *hsm_rng_system(void)
{
    static const struct lw_rng rng = {.fill = fill, .ctx = NULL};
    return &rng;
}
