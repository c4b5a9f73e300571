#include "fault.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DECIMAL = 10 };

pid_t support_fault_fork(void)
{
    static const int caught[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGSYS};
    const pid_t pid = fork();
    for (size_t i = 0; pid == 0 && i < sizeof(caught) / sizeof(caught[0]); i++) {
        (void)signal(caught[i], SIG_DFL);
    }
    return pid;
}

size_t support_fault_rounds(size_t few, size_t full)
{
    const char *text = getenv("LW_FAULT_ROUNDS");
    char *end = NULL;
    if (text == NULL || text[0] == '\0' || strcmp(text, "short") == 0) {
        return few;
    }
    if (strcmp(text, "full") == 0) {
        return full;
    }
    const unsigned long n = strtoul(text, &end, DECIMAL);
    if (*end != '\0' || n == 0) {
        fprintf(stderr, "test support: LW_FAULT_ROUNDS is neither short, full nor a number\n");
        abort();
    }
    return n;
}

size_t support_fault_stride(size_t step)
{
    const char *text = getenv("LW_FAULT_ROUNDS");
    return text != NULL && strcmp(text, "full") == 0 ? 1 : step;
}

void support_fault_report(const char *fault, const char *what, size_t rounds, size_t violations)
{
    printf("fault %s: rounds=%zu violations=%zu what=%s\n", fault, rounds, violations, what);
    (void)fflush(stdout);
}
