/* The allocator of alloc_fault.h. Called before anything is set up, so nothing here is checked. */
#include "alloc_fault.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#ifdef __SANITIZE_ADDRESS__
#define REAL(name_) __interceptor_##name_
#define BARE __attribute__((no_sanitize("address", "undefined")))
int __lsan_do_recoverable_leak_check(void);
#else
#define REAL(name_) __libc_##name_
#define BARE
#endif

void *REAL(malloc)(size_t n);
void *REAL(calloc)(size_t count, size_t n);
void *REAL(realloc)(void *old, size_t n);
void *REAL(memalign)(size_t alignment, size_t n);

static atomic_uint left; /* allocations until the one that fails; 0: none does */
static atomic_bool failed;

BARE static bool fails(void)
{
    if (atomic_load_explicit(&left, memory_order_relaxed) == 0 || atomic_fetch_sub(&left, 1) != 1) {
        return false;
    }
    atomic_store(&failed, true);
    errno = ENOMEM;
    return true;
}

BARE void *malloc(size_t n)
{
    return fails() ? NULL : REAL(malloc)(n);
}

BARE void *calloc(size_t count, size_t n)
{
    return fails() ? NULL : REAL(calloc)(count, n);
}

BARE void *realloc(void *old, size_t n)
{
    return fails() ? NULL : REAL(realloc)(old, n);
}

int posix_memalign(void **out, size_t alignment, size_t n);
BARE int posix_memalign(void **out, size_t alignment, size_t n)
{
    void *got = fails() ? NULL : REAL(memalign)(alignment, n);
    if (got == NULL) {
        return ENOMEM;
    }
    *out = got;
    return 0;
}

void support_alloc_fail(unsigned nth)
{
    atomic_store(&failed, false);
    atomic_store(&left, nth);
}

bool support_alloc_pass(void)
{
    atomic_store(&left, 0);
    return atomic_load(&failed);
}

bool support_alloc_leaks(void)
{
#ifdef __SANITIZE_ADDRESS__
    return __lsan_do_recoverable_leak_check() != 0;
#else
    return false;
#endif
}
