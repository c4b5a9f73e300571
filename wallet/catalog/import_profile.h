/* What the values of a column are like: codes that check, dates and their forms, few values. */
#ifndef CATALOG_IMPORT_PROFILE_H
#define CATALOG_IMPORT_PROFILE_H

#include "import_date_form.h"
#include "wallet/csv.h"

enum {
    PROFILE_VALUES_MAX = 32, /* different ones that are kept */
    PROFILE_VALUE_MAX = 64,  /* bytes of one, with its NUL */
    PROFILE_SHAPES = IMPORT_SHAPE_ZERO + 1,
};

struct column_profile {
    size_t filled;
    size_t credit_codes;    /* whose check character holds */
    size_t citizen_numbers; /* likewise */
    size_t license_numbers; /* GB/T 36904, likewise */
    size_t whole_numbers;
    size_t truths;
    size_t digits_led_by_zero;
    size_t length; /* characters of the first value */
    bool one_length;
    size_t shapes[PROFILE_SHAPES];  /* enum import_date_shape */
    char dated[PROFILE_SHAPES][16]; /* the first value of each shape that fits in here */
    char values[PROFILE_VALUES_MAX][PROFILE_VALUE_MAX];
    size_t value_count; /* PROFILE_VALUES_MAX + 1: there are more, or longer ones */
};

/** Take one cell into account. */
void profile_take(struct column_profile *p, lw_str cell);

/** Return how many values are dates of some form. */
size_t profile_dates(const struct column_profile *p);

/** Say whether at least four of five filled cells are `count`. */
bool profile_mostly(const struct column_profile *p, size_t count);

/**
 * Write the form of a column's dates: "year-first", or a pattern such as "%d/%m/%Y".
 *
 * returns false  no dates, day numbers, or days and months that cannot be told apart
 */
bool profile_date_form(const struct column_profile *p, char form[16]);

/**
 * Write a value as it may be shown: identity numbers and other long numbers with their middle as
 * '*'; credit codes, which are public, whole.
 *
 * person   all but the first character becomes '*'
 */
void profile_mask(lw_str value, bool person, char shown[PROFILE_VALUE_MAX]);

#endif
