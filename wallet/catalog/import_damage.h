/* What spreadsheets do to cells: recognised, and said with what to do. Pure; texts are static. */
#ifndef CATALOG_IMPORT_DAMAGE_H
#define CATALOG_IMPORT_DAMAGE_H

#include "lw/buf.h"

/** Return what is wrong with a trimmed cell of whatever kind, or NULL. */
const char *import_damage(lw_str cell);

/** Return what is wrong with a trimmed cell that identifies something, or NULL. */
const char *import_damage_key(lw_str key);

/**
 * Say whether a number has more than 15 digits and all after the fifteenth are zeros: what Excel
 * leaves of a longer number. One in a thousand numbers of 18 digits is like that by itself.
 */
bool import_digits_lost(lw_str number);

/** Return why `cell` is not of the `length` in characters that its column has, or NULL. */
const char *import_damage_length(lw_str cell, size_t length);

/** Read a truth value: true, false in any case, 是, 否, 真, 假; false: it is none. */
bool import_truth(lw_str text, bool *value);

/** Return what is wrong with a cell that is no truth value. */
const char *import_damage_truth(lw_str cell);

/** Return what is wrong with a cell that is no integer. */
const char *import_damage_integer(lw_str cell);

#endif
