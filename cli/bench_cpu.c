/* CPU time and memory of this process and others, the yardsticks L and H, and medians. */
#define _GNU_SOURCE

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

enum { PROC_TEXT_MAX = 4096, PROC_PATH_MAX = 64 };

static int64_t read_clock(clockid_t clock)
{
    struct timespec t = {0};
    if (clock_gettime(clock, &t) != 0) {
        return 0;
    }
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t bench_cpu_self(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

int64_t bench_cpu_thread(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

int64_t bench_cpu_of(pid_t pid)
{
    clockid_t clock = 0;
    return clock_getcpuclockid(pid, &clock) == 0 ? read_clock(clock) : 0;
}

/* Reads /proc/PID/NAME, NUL-terminated. */
static bool read_proc(pid_t pid, const char *name, char text[PROC_TEXT_MAX])
{
    char path[PROC_PATH_MAX];
    (void)snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    const size_t len = fread(text, 1, PROC_TEXT_MAX - 1, file);
    text[len] = 0;
    (void)fclose(file);
    return len > 0;
}

/* "PID (NAME) STATE PPID ...": the name may hold anything, so its last parenthesis counts. */
static pid_t parent_of(pid_t pid)
{
    char text[PROC_TEXT_MAX];
    const char *end = read_proc(pid, "stat", text) ? strrchr(text, ')') : NULL;
    return end != NULL && strlen(end) > 4 ? (pid_t)strtol(end + 4, NULL, 10) : 0;
}

int64_t bench_cpu_family(pid_t pid)
{
    int64_t sum = bench_cpu_of(pid);
    DIR *proc = opendir("/proc");
    const struct dirent *entry = NULL;
    while (proc != NULL && (entry = readdir(proc)) != NULL) {
        const pid_t other = (pid_t)strtol(entry->d_name, NULL, 10);
        if (other > 0 && parent_of(other) == pid) {
            sum += bench_cpu_of(other);
        }
    }
    if (proc != NULL) {
        (void)closedir(proc);
    }
    return sum;
}

int64_t bench_resident(pid_t pid)
{
    static const char name[] = "VmRSS:";
    char text[PROC_TEXT_MAX];
    const char *line = read_proc(pid, "status", text) ? strstr(text, name) : NULL;
    return line == NULL ? 0 : (int64_t)strtoll(line + sizeof(name) - 1, NULL, 10) * 1024;
}

void bench_sample(struct bench_samples *samples, double value)
{
    samples->value[samples->count % BENCH_SAMPLES_MAX] = value;
    samples->count++;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(const struct bench_samples *samples)
{
    struct bench_samples sorted = *samples;
    const size_t n = sorted.count < BENCH_SAMPLES_MAX ? sorted.count : BENCH_SAMPLES_MAX;
    if (n == 0) {
        return 0;
    }
    qsort(sorted.value, n, sizeof(sorted.value[0]), compare);
    return n % 2 == 1 ? sorted.value[n / 2] : (sorted.value[n / 2 - 1] + sorted.value[n / 2]) / 2;
}

static int compare_ns(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a;
    const int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

double bench_percentile_ms(int64_t *ns, size_t count, unsigned percent)
{
    qsort(ns, count, sizeof(*ns), compare_ns);
    const size_t rank = (count * percent + 99) / 100; /* of the nearest rank, from 1 */
    return (double)ns[rank > 0 ? rank - 1 : 0] / 1e6;
}

lw_err bench_take_l(struct bench *b, unsigned count, double *per_s)
{
    const int64_t begin = bench_cpu_thread();
    LW_TRY(hsm_bench_verify(b->yardstick, count));
    const int64_t used = bench_cpu_thread() - begin;
    *per_s = used > 0 ? count * bench_ns_per_s / (double)used : 0;
    bench_sample(&b->l, *per_s);
    return LW_SUCCESS;
}

lw_err bench_take_h(struct bench *b, unsigned count, double *per_s)
{
    LW_TRY(hsm_bench_raw(&b->pool, b->label, count, per_s));
    bench_sample(&b->h, *per_s);
    return LW_SUCCESS;
}

lw_err bench_go_on(void)
{
    sigset_t signals;
    const struct timespec at_once = {0};
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGTERM);
    return sigtimedwait(&signals, NULL, &at_once) > 0
               ? LW_FAIL(LW_E_BUSY, "bench: interrupted", LW_NOWHERE)
               : LW_SUCCESS;
}
