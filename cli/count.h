/* Counts as people read them: "1 license", "2 licenses". */
#ifndef CLI_COUNT_H
#define CLI_COUNT_H

#include <stdio.h>

enum { CLI_COUNT_MAX = 96 };

struct cli_count {
    char text[CLI_COUNT_MAX];
};

/**
 * Give a count with the words that follow it; use `.text` within the same expression.
 *
 * one, many  as they stand after 1, and after any other number; longer ones are cut
 */
static inline struct cli_count cli_count(unsigned long long n, const char *one, const char *many)
{
    struct cli_count count;
    (void)snprintf(count.text, sizeof(count.text), "%llu %s", n, n == 1 ? one : many);
    return count;
}

/* The text of a count of what has its plural in -s; `noun` is a literal. */
#define CLI_COUNT(n_, noun_) (cli_count((n_), noun_, noun_ "s").text)
/* The text of a count of what has another, or a verb with it. */
#define CLI_COUNT_OF(n_, one_, many_) (cli_count((n_), one_, many_).text)

#endif
