/*
 * Claim values. In the house a value is one CBOR item in deterministic encoding, of the claim's
 * kind; these functions check it and carry it to and from text and JSON. Pure.
 */
#ifndef WALLET_VALUE_H
#define WALLET_VALUE_H

#include "wallet/license_type.h"

enum { WALLET_VALUE_MAX = 64 * 1024, WALLET_TEXT_CLAIM_MAX = 4096 };

/** Check that `item` is one CBOR item of `kind`. errors  LW_E_SYNTAX, LW_E_VALUE, LW_E_LIMIT */
LW_MUST_USE lw_err wallet_value_check(enum wallet_claim_kind kind, lw_bytes item);

/**
 * Append the item for `text` as a command line or a register gives it: dates "YYYY-MM-DD",
 * booleans "true" or "false", texts parted by '|', bytes in base64; objects as JSON.
 */
LW_MUST_USE lw_err wallet_value_from_text(enum wallet_claim_kind kind, lw_str text, lw_buf *item);

/** Append the JSON form of `item` (of any CBOR value that the kinds use) to `json`. */
LW_MUST_USE lw_err wallet_value_to_json(lw_bytes item, lw_buf *json);

/** Append the item for the JSON value `json` (exact bytes of one value). */
LW_MUST_USE lw_err wallet_value_from_json(enum wallet_claim_kind kind, lw_bytes json, lw_buf *item);

#endif
