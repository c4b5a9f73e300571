#define _GNU_SOURCE

#include "sandbox.h"

#include <errno.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum { CPU_S = 5, MEMORY_BYTES = 768 * 1024 * 1024 };

static lw_err set_limit(__rlimit_resource_t what, rlim_t value)
{
    const struct rlimit limit = {.rlim_cur = value, .rlim_max = value};
    return setrlimit(what, &limit) == 0 ? LW_SUCCESS
                                        : LW_FAIL(LW_E_IO, "scan: cannot set a limit", LW_NOWHERE);
}

static lw_err allow_only(void)
{
    static const int calls[] = {
        SCMP_SYS(read),        SCMP_SYS(write),        SCMP_SYS(brk),
        SCMP_SYS(mmap),        SCMP_SYS(munmap),       SCMP_SYS(mremap),
        SCMP_SYS(mprotect),    SCMP_SYS(madvise),      SCMP_SYS(futex),
        SCMP_SYS(exit_group),  SCMP_SYS(rt_sigreturn), SCMP_SYS(clock_gettime),
        SCMP_SYS(sigaltstack),
    };
    /* Other calls fail rather than kill, so that a library which only asks goes on. */
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (filter == NULL) {
        return LW_FAIL(LW_E_NOMEM, "scan: out of memory", LW_NOWHERE);
    }
    int bad = 0;
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        bad |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
    }
    bad |= seccomp_load(filter);
    seccomp_release(filter);
    return bad == 0 ? LW_SUCCESS
                    : LW_FAIL(LW_E_IO, "scan: the kernel takes no seccomp filter", LW_NOWHERE);
}

lw_err scan_sandbox_enter(void)
{
    LW_TRY(set_limit(RLIMIT_CORE, 0));
    LW_TRY(set_limit(RLIMIT_CPU, CPU_S));
    LW_TRY(set_limit(RLIMIT_FSIZE, 0));
    LW_TRY(set_limit(RLIMIT_NPROC, 0));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* they reserve terabytes */
    LW_TRY(set_limit(RLIMIT_AS, MEMORY_BYTES));
#endif
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return LW_FAIL(LW_E_IO, "scan: cannot give up privileges", LW_NOWHERE);
    }
    return allow_only();
}
