/* The JSON side of claim values (wallet/value.h). */
#ifndef MODEL_VALUE_JSON_H
#define MODEL_VALUE_JSON_H

#include "wallet/value.h"

/** As wallet_value_from_json(), but what was appended stays in `item` on error. */
LW_MUST_USE lw_err value_from_json(enum wallet_claim_kind kind, lw_bytes json, lw_buf *item);

#endif
