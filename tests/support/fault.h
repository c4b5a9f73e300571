/* What every test of a fault (tests/fault) shares: how often to try, and how it says what came. */
#ifndef SUPPORT_FAULT_H
#define SUPPORT_FAULT_H

#include <stddef.h>
#include <sys/types.h>

/**
 * Fork, as fork() does. A child that breaks (SIGSEGV, SIGABRT, ...) ends there: the test library's
 * handlers, which it would inherit, would go on with the next test in the child.
 */
pid_t support_fault_fork(void);

/**
 * Say how many rounds to run: `few` unless the environment's LW_FAULT_ROUNDS says "full" (then
 * `full`) or a number (then that).
 */
size_t support_fault_rounds(size_t few, size_t full);

/** Say how far a sweep over each n goes on at a time: by `step`, and by 1 in a whole campaign. */
size_t support_fault_stride(size_t step);

/**
 * Print what `./dev faults` gathers: one line, once for each kind of round.
 *
 * fault       "F1"
 * what        what was done, a few words without line breaks
 * violations  how often something that must hold did not
 */
void support_fault_report(const char *fault, const char *what, size_t rounds, size_t violations);

#endif
