/* The files of the offline folder (SHAPES), for who fills it and who reads it. */
#ifndef WALLET_OFFLINE_FOLDER_H
#define WALLET_OFFLINE_FOLDER_H

#include "lw/buf.h"
#include "wallet/trust_list.h"

enum { OFFLINE_PATH_MAX = 1024 };

#define OFFLINE_TRUST_LIST "trust-list.cwt"
#define OFFLINE_PINS "pins.json"

/** Fill `path` with "DIR/name" and `suffix`. errors  LW_E_LIMIT */
LW_MUST_USE lw_err offline_path(const char *dir, const char *name, const char *suffix,
                                char path[OFFLINE_PATH_MAX]);

/** Read a file of the folder. errors  LW_E_NOT_FOUND; LW_E_IO; LW_E_LIMIT */
LW_MUST_USE lw_err offline_read(const char *dir, const char *name, lw_buf *out);

/** Read the pins. errors  LW_E_NOT_FOUND; LW_E_CORRUPT  not as written */
LW_MUST_USE lw_err offline_pins_read(const char *dir, uint8_t pins[WALLET_PINS_MAX][WALLET_PIN_LEN],
                                     size_t *count);

/**
 * Read the pin that was given by hand when the folder was made; its key may be succeeded since.
 *
 * errors  LW_E_NOT_FOUND  not kept; LW_E_CORRUPT
 */
LW_MUST_USE lw_err offline_first_pin_read(const char *dir, uint8_t pin[WALLET_PIN_LEN]);

/** Read a pin of 64 hex digits of either case. errors  LW_E_VALUE */
LW_MUST_USE lw_err offline_pin_parse(lw_str hex, uint8_t pin[WALLET_PIN_LEN]);

/** Fill `name` with "status/<sha256 of the URI>.cwt". */
LW_MUST_USE lw_err offline_list_name(lw_str uri, char name[OFFLINE_PATH_MAX]);

/** Return the iat of the list that is held for a URI, or INT64_MIN. It is not verified. */
int64_t offline_list_iat(const char *dir, lw_str uri);

/** Say whether an id is fit for a file's name: lower-case letters, digits and '-'. */
bool offline_id_plain(lw_str id);

#endif
