/* The digests of one SD-JWT: which disclosure each stands for, and which were met already. */
#ifndef FORMAT_SDJWT_DIGESTS_H
#define FORMAT_SDJWT_DIGESTS_H

#include "wallet/sdjwt.h"

enum {
    SDJWT_ENTRIES = WALLET_SDJWT_DIGESTS_MAX + WALLET_SDJWT_DISCLOSURES_MAX,
    SDJWT_SLOTS = 2 * SDJWT_ENTRIES,
    SDJWT_NO_DISCLOSURE = 255,
};

struct sdjwt_entry {
    const char *text;   /* WALLET_SDJWT_DIGEST_LEN characters, which stay where they are */
    uint8_t disclosure; /* index, or SDJWT_NO_DISCLOSURE */
    bool met;           /* embedded somewhere */
};

/* A hash table of fixed size, half empty at least, so that no number of digests makes it slow. */
struct sdjwt_digests {
    struct sdjwt_entry entries[SDJWT_ENTRIES];
    size_t count;
    uint16_t slots[SDJWT_SLOTS]; /* one more than the index of an entry; 0 is empty */
};

void sdjwt_digests_init(struct sdjwt_digests *digests);

/**
 * Find the entry of a digest, or add one: at most SDJWT_ENTRIES are added.
 *
 * added   set to whether it is new
 * returns the entry, valid while `digests` is
 */
struct sdjwt_entry *sdjwt_digests_take(struct sdjwt_digests *digests, const char *text,
                                       bool *added);

#endif
