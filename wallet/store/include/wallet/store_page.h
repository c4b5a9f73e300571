/* Reading long lists page by page. */
#ifndef WALLET_STORE_PAGE_H
#define WALLET_STORE_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WALLET_PAGE_MAX = 240 };

/*
 * A place in a list. Zero it, and the first call begins at the start; each call goes on after the
 * last entry it gave, also in another transaction. A value: keep it, copy it. What was added before
 * the place meanwhile is not given, what was removed is not missed.
 *
 * Functions that take one have room for `*count` entries and set it to how many they filled; when
 * that is fewer than the room, the list is at its end and `end` is set.
 */
struct wallet_page {
    uint8_t at[WALLET_PAGE_MAX]; /* the last key given; the store's own */
    size_t len;                  /* 0: nothing given yet */
    bool end;                    /* all was given: further calls give nothing */
};

#endif
