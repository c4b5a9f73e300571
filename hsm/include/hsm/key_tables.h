/*
 * Tables for the public keys that are checked against most: with its table a P-256 key's check
 * takes a third of the time. A table costs 150 KB and as long as 400 checks, so a key gets one
 * only after it has earned it, and there are only so many. Shared by any number of threads.
 */
#ifndef HSM_KEY_TABLES_H
#define HSM_KEY_TABLES_H

#include "hsm/verify.h"

enum {
    HSM_KEY_TABLES_MAX = 1024,
    HSM_KEY_TABLE_USES = 512, /* signatures that held before a key gets its table */
};

struct hsm_key_tables;
#define HSM_AUTO_KEY_TABLES __attribute__((cleanup(hsm_key_tables_auto))) struct hsm_key_tables *

/**
 * Make room for tables; none is made yet.
 *
 * max     tables at once, 1 to HSM_KEY_TABLES_MAX
 * tables  the caller's, freed by hsm_key_tables_free()
 * errors  LW_E_MISUSE  `max` out of range; LW_E_NOMEM
 */
LW_MUST_USE lw_err hsm_key_tables_new(size_t max, struct hsm_key_tables **tables);

/** Accepts NULL. No other thread uses `tables` any more. */
void hsm_key_tables_free(struct hsm_key_tables *tables);
static inline void hsm_key_tables_auto(struct hsm_key_tables **tables)
{
    hsm_key_tables_free(*tables);
}

/**
 * As hsm_verify_digest(), with the key's table if it has one; the verdict is the same.
 *
 * Only a signature that holds counts towards a table, so that who cannot sign cannot make us
 * build one. When there is room for no more, a key takes the place of one that was used less than
 * half as much of late.
 *
 * tables  NULL: none
 * key     of someone trusted: others would take the places of those who are
 */
LW_MUST_USE lw_err hsm_key_tables_verify(struct hsm_key_tables *tables,
                                         const struct hsm_public_key *key, lw_bytes digest,
                                         lw_bytes sig);

/** Return how many tables there are now. */
size_t hsm_key_tables_count(struct hsm_key_tables *tables);

/** Say whether `key` has one now. */
bool hsm_key_tables_has(struct hsm_key_tables *tables, const struct hsm_public_key *key);

#endif
