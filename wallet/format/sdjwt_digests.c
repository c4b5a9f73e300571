#include "sdjwt_digests.h"

#include <assert.h>

void sdjwt_digests_init(struct sdjwt_digests *digests)
{
    digests->count = 0;
    memset(digests->slots, 0, sizeof(digests->slots));
}

/* Eight characters of a digest are 48 of its bits. */
static size_t slot_of(const char *text)
{
    uint64_t word;
    memcpy(&word, text, sizeof(word));
    word *= UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)((word >> 32) % SDJWT_SLOTS);
}

struct sdjwt_entry *sdjwt_digests_take(struct sdjwt_digests *digests, const char *text, bool *added)
{
    size_t slot = slot_of(text);
    *added = false;
    while (digests->slots[slot] != 0) {
        struct sdjwt_entry *entry = &digests->entries[digests->slots[slot] - 1];
        if (memcmp(entry->text, text, WALLET_SDJWT_DIGEST_LEN) == 0) {
            return entry;
        }
        slot = (slot + 1) % SDJWT_SLOTS;
    }
    assert(digests->count < SDJWT_ENTRIES);
    struct sdjwt_entry *entry = &digests->entries[digests->count++];
    *entry = (struct sdjwt_entry){.text = text, .disclosure = SDJWT_NO_DISCLOSURE};
    digests->slots[slot] = (uint16_t)digests->count;
    *added = true;
    return entry;
}
