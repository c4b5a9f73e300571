#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "signer.h"

#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14) /* Linux 6.2; older headers lack it */
#endif

void sandbox_harden(void)
{
    static const int deaf_to[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
    const struct rlimit none = {.rlim_cur = 0, .rlim_max = 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    /* A key at the terminal or a stop of the service reaches all; the parent drains first. */
    for (size_t i = 0; i < sizeof(deaf_to) / sizeof(deaf_to[0]); i++) {
        (void)signal(deaf_to[i], SIG_IGN);
    }
}

int sandbox_token_folder(const char *conf)
{
    static const char key[] = "directories.tokendir";
    char line[PATH_MAX + sizeof(key) + 64];
    int fd = -1;
    FILE *file = fopen(conf, "re");
    while (file != NULL && fd < 0 && fgets(line, sizeof(line), file) != NULL) {
        char *at = line + strspn(line, " \t");
        if (strncmp(at, key, sizeof(key) - 1) != 0) {
            continue;
        }
        at += sizeof(key) - 1;
        at += strspn(at, " \t=");
        size_t len = strlen(at);
        while (len > 0 && strchr(" \t\r\n", at[len - 1]) != NULL) {
            len--;
        }
        at[len] = 0;
        fd = open(at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return fd;
}

static uint64_t handled_access(long abi)
{
    uint64_t access =
        LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |
        LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR |
        LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
        LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
        LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM;
    access |= abi >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0;
    return abi >= 3 ? access | LANDLOCK_ACCESS_FS_TRUNCATE : access;
}

/* From here on the only files there are lie in the token's folder. */
static bool confine_files(int folder_fd)
{
    const long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    const struct landlock_ruleset_attr attr = {.handled_access_fs = handled_access(abi)};
    const long ruleset =
        abi < 1 ? -1 : syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
    if (ruleset < 0) {
        return false;
    }
    const uint64_t needed = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
                            LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
                            LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE;
    const struct landlock_path_beneath_attr beneath = {
        .allowed_access = needed & attr.handled_access_fs,
        .parent_fd = folder_fd,
    };
    const bool confined =
        folder_fd >= 0 &&
        syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) == 0 &&
        syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
    (void)close((int)ruleset);
    return confined;
}

/* What signing and SoftHSM need: files already named by Landlock, memory, locks, the socket. */
static const int common_calls[] = {
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(pread64),
    SCMP_SYS(pwrite64),
    SCMP_SYS(readv),
    SCMP_SYS(writev),
    SCMP_SYS(close),
    SCMP_SYS(open),
    SCMP_SYS(openat),
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(stat),
    SCMP_SYS(lstat),
    SCMP_SYS(statx),
    SCMP_SYS(access),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(lseek),
    SCMP_SYS(fcntl),
    SCMP_SYS(flock),
    SCMP_SYS(ftruncate),
    SCMP_SYS(fsync),
    SCMP_SYS(fdatasync),
    SCMP_SYS(getdents64),
    SCMP_SYS(unlink),
    SCMP_SYS(unlinkat),
    SCMP_SYS(umask),
    SCMP_SYS(readlink),
    SCMP_SYS(getcwd),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(brk),
    SCMP_SYS(futex),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(membarrier),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(nanosleep),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(getrusage),
    SCMP_SYS(getrandom),
    SCMP_SYS(uname),
    SCMP_SYS(sysinfo),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(sendto),
    SCMP_SYS(sendmsg),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
};

/* What modules that talk to a device or over a network need besides. */
static const int device_calls[] = {
    SCMP_SYS(socket),      SCMP_SYS(connect),       SCMP_SYS(bind),       SCMP_SYS(getsockname),
    SCMP_SYS(getpeername), SCMP_SYS(setsockopt),    SCMP_SYS(getsockopt), SCMP_SYS(shutdown),
    SCMP_SYS(socketpair),  SCMP_SYS(sendmmsg),      SCMP_SYS(recvmmsg),   SCMP_SYS(select),
    SCMP_SYS(pselect6),    SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl),  SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait), SCMP_SYS(eventfd2),      SCMP_SYS(pipe2),      SCMP_SYS(dup),
    SCMP_SYS(dup2),        SCMP_SYS(dup3),          SCMP_SYS(ioctl),      SCMP_SYS(mkdir),
    SCMP_SYS(rename),      SCMP_SYS(renameat),      SCMP_SYS(renameat2),  SCMP_SYS(chmod),
    SCMP_SYS(fchmod),      SCMP_SYS(mlock),         SCMP_SYS(shmget),     SCMP_SYS(shmat),
    SCMP_SYS(shmdt),       SCMP_SYS(shmctl),        SCMP_SYS(semget),     SCMP_SYS(semop),
    SCMP_SYS(semctl),
};

static bool allow(scmp_filter_ctx filter, const int *calls, size_t count)
{
    bool done = true;
    for (size_t i = 0; i < count && done; i++) {
        done = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0) == 0;
    }
    return done;
}

/* Threads but no processes, memory but no new code, signals to ourselves only. */
static bool allow_by_argument(scmp_filter_ctx filter, bool device)
{
    const struct scmp_arg_cmp thread = {
        .arg = 0, .op = SCMP_CMP_MASKED_EQ, .datum_a = CLONE_THREAD, .datum_b = CLONE_THREAD};
    const struct scmp_arg_cmp no_code = {
        .arg = 2, .op = SCMP_CMP_MASKED_EQ, .datum_a = device ? 0 : PROT_EXEC, .datum_b = 0};
    const struct scmp_arg_cmp ourselves = {
        .arg = 0, .op = SCMP_CMP_EQ, .datum_a = (uint64_t)getpid(), .datum_b = 0};
    /* glibc asks for clone3 first, whose flags a filter cannot see, and then for clone. */
    return seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0 &&
           seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, thread) == 0 &&
           seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, no_code) == 0 &&
           seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, no_code) == 0 &&
           seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, ourselves) == 0;
}

static bool confine_calls(bool device)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (filter == NULL) {
        return false;
    }
    const bool done =
        seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) == 0 &&
        allow(filter, common_calls, sizeof(common_calls) / sizeof(common_calls[0])) &&
        (!device || allow(filter, device_calls, sizeof(device_calls) / sizeof(device_calls[0]))) &&
        allow_by_argument(filter, device) && seccomp_load(filter) == 0;
    seccomp_release(filter);
    return done;
}

bool sandbox_ignore_truncation(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    const bool done = filter != NULL &&
                      seccomp_rule_add(filter, SCMP_ACT_ERRNO(0), SCMP_SYS(ftruncate), 0) == 0 &&
                      prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && seccomp_load(filter) == 0;
    seccomp_release(filter);
    return done;
}

bool sandbox_enter(int folder_fd, bool softhsm, const struct lw_log *log)
{
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    /* Only of SoftHSM do we know which files it needs. */
    if (softhsm && !confine_files(folder_fd)) {
        lw_log_line(log, LW_WARN, "signer_without_landlock", NULL, 0);
    }
    return confine_calls(!softhsm);
}
