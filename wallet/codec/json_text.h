/* Strings of JSON: scanned, compared and unescaped. Used by json.c only. */
#ifndef CODEC_JSON_TEXT_H
#define CODEC_JSON_TEXT_H

#include "wallet/json.h"

/**
 * Scan the string whose opening quote is at `*at`.
 *
 * start   of the whole text, for the offsets of errors
 * at      moved past the closing quote on success
 * errors  LW_E_SYNTAX  no closing quote, control character, bad escape, lone surrogate, no UTF-8
 */
LW_MUST_USE lw_err json_text_scan(const char *start, const char **at, const char *end,
                                  struct wallet_json_text *text);

/** Return a hash of `text` with its escapes undone: equal strings have equal hashes. */
uint32_t json_text_hash(struct wallet_json_text text);

#endif
