/* Strings of JSON: scanned, compared and unescaped. Used by json.c only. */
#ifndef CODEC_JSON_TEXT_H
#define CODEC_JSON_TEXT_H

#include "wallet/json.h"

/**
 * Scan the string whose opening quote is at `*at`: to its closing quote, without control
 * characters, bad escapes and lone surrogates, in UTF-8.
 *
 * at      moved past the closing quote, or to where it breaks
 * text    set on success only
 * returns NULL, or why it is none; static
 */
const char *json_text_scan(const char **at, const char *end, struct wallet_json_text *text);

/** Return a hash of a string without escapes, never 0: equal strings have equal hashes. */
uint32_t json_text_hash(lw_str raw);

#endif
