/* Reading long lists page by page. */
#ifndef WALLET_STORE_PAGE_H
#define WALLET_STORE_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lw/buf.h"

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

/** Append a place as text, to be handed back later: base64url; nothing for the start of a list. */
LW_MUST_USE lw_err wallet_page_put(const struct wallet_page *page, lw_buf *text);

/**
 * Read what wallet_page_put() wrote.
 *
 * errors  LW_E_SYNTAX  no base64url; LW_E_VALUE  too long
 * does not check  that it is of this list: the list says LW_E_VALUE when it cannot be
 */
LW_MUST_USE lw_err wallet_page_read(lw_str text, struct wallet_page *page);

#endif
