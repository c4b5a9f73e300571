/* QR codes as SVG, PNG or terminal text, in the smallest version that holds the text. */
#ifndef WALLET_QR_WRITE_H
#define WALLET_QR_WRITE_H

#include "lw/buf.h"

enum {
    WALLET_QR_QUIET = 4,          /* modules of quiet zone (ISO/IEC 18004) */
    WALLET_QR_VERSION_MAX = 25,   /* past it a phone's camera fails: several frames are needed */
    WALLET_QR_VERSION_M_MAX = 20, /* level M if it gives no more than this, else L */
};

enum wallet_qr_form { WALLET_QR_PNG, WALLET_QR_SVG, WALLET_QR_TERMINAL };

struct wallet_qr_info {
    unsigned version; /* 1 to WALLET_QR_VERSION_MAX */
    char level;       /* 'L' or 'M' */
    unsigned modules; /* a side, without the quiet zone: 17 + 4 * version */
};

/**
 * Append the picture of `text`, dark on light, with its quiet zone.
 *
 * text    of the alphanumeric alphabet (0-9 A-Z SP $%*+-./:) it is written in alphanumeric mode,
 *         else in byte mode
 * module  pixels a module in PNG and SVG units, 1 to 32
 * info    what was made; may be NULL
 * errors  LW_E_LIMIT  it needs more than version 25, or `out` is too small; LW_E_VALUE  empty
 * source  specs/qr.md section 2; ISO/IEC 18004
 */
LW_MUST_USE lw_err wallet_qr_write(lw_str text, enum wallet_qr_form form, unsigned module,
                                   lw_buf *out, struct wallet_qr_info *info);

#endif
