/* LMDB takes its file on trust: a damaged page can send it to memory that is not there. */
#define _GNU_SOURCE /* sigaltstack */

#include <signal.h>
#include <unistd.h>

#include "cli.h"

/* What is called here must be safe in a handler: write and _exit. */
static void end_damaged(int signal)
{
    static const char why[] =
        "lw: stopped by a memory fault: the store's file is damaged, or lw is at fault.\n"
        "  Run `lw store check`; if it ends so, too, restore the store from its last backup with "
        "`lw store restore`.\n";
    (void)signal;
    const ssize_t told = write(STDERR_FILENO, why, sizeof(why) - 1);
    (void)told; /* there is no other place to say it */
    _exit(CLI_ENVIRONMENT);
}

void cli_guard(void)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGABRT};
    static char stack[64 * 1024]; /* a fault may be for want of stack */
    const stack_t alternative = {.ss_sp = stack, .ss_size = sizeof(stack)};
    struct sigaction now = {.sa_flags = 0};
    struct sigaction ours = {.sa_handler = end_damaged, .sa_flags = SA_ONSTACK};
    (void)sigaltstack(&alternative, NULL);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        /* A sanitizer's own handler tells more. */
        if (sigaction(faults[i], NULL, &now) == 0 && now.sa_handler == SIG_DFL) {
            (void)sigaction(faults[i], &ours, NULL);
        }
    }
}
