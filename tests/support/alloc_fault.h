/*
 * Memory that runs out: the n-th allocation of the program fails, whoever asks (libraries too).
 * Part of the tests of F15 only: it stands before the allocator, under AddressSanitizer as well.
 */
#ifndef SUPPORT_ALLOC_FAULT_H
#define SUPPORT_ALLOC_FAULT_H

#include <stdbool.h>

/** Let the n-th allocation from now, of any thread, fail; n from 1. */
void support_alloc_fail(unsigned nth);

/** Fail no more. returns whether one failed */
bool support_alloc_pass(void);

/** Look for memory that nothing points to any more, where a sanitizer can. returns whether some is
 */
bool support_alloc_leaks(void);

#endif
