#define _GNU_SOURCE

#include "offline_folder.h"

#include <errno.h>
#include <stdio.h>

#include "hsm/digest.h"
#include "wallet/cbor.h"
#include "wallet/cose.h"
#include "wallet/json_doc.h"
#include "wallet/status_check.h"

enum { PINS_FILE_MAX = 64 * 1024, KEY_IAT = 6, ID_MAX = 64 };

lw_err offline_path(const char *dir, const char *name, const char *suffix,
                    char path[OFFLINE_PATH_MAX])
{
    const int n = snprintf(path, OFFLINE_PATH_MAX, "%s/%s%s", dir, name, suffix);
    return n > 0 && n < OFFLINE_PATH_MAX
               ? LW_SUCCESS
               : LW_FAIL(LW_E_LIMIT, "offline: the folder's path is too long", LW_NOWHERE);
}

lw_err offline_read(const char *dir, const char *name, lw_buf *out)
{
    char path[OFFLINE_PATH_MAX];
    uint8_t chunk[16384];
    size_t got = 0;
    LW_TRY(offline_path(dir, name, "", path));
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        return errno == ENOENT || errno == ENOTDIR
                   ? LW_FAIL(LW_E_NOT_FOUND, "offline: the folder lacks a file", LW_NOWHERE)
                   : LW_FAIL(LW_E_IO, "offline: cannot open a file", LW_NOWHERE);
    }
    lw_err err = LW_SUCCESS;
    while (err.code == LW_OK && (got = fread(chunk, 1, sizeof(chunk), file)) > 0) {
        err = lw_buf_put(out, (lw_bytes){.ptr = chunk, .len = got});
    }
    if (err.code == LW_OK && ferror(file) != 0) {
        err = LW_FAIL(LW_E_IO, "offline: cannot read a file", LW_NOWHERE);
    }
    (void)fclose(file);
    return err;
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

lw_err offline_pin_parse(lw_str hex, uint8_t pin[WALLET_PIN_LEN])
{
    const size_t digits = (size_t)2 * WALLET_PIN_LEN;
    for (size_t i = 0; i < digits; i++) {
        const int value = hex.len == digits ? nibble(hex.ptr[i]) : -1;
        if (value < 0) {
            return LW_FAIL(LW_E_VALUE, "offline: a pin is 64 hex digits", i);
        }
        pin[i / 2] = (uint8_t)(i % 2 == 0 ? value << 4 : pin[i / 2] | value);
    }
    return LW_SUCCESS;
}

lw_err offline_pins_read(const char *dir, uint8_t pins[WALLET_PINS_MAX][WALLET_PIN_LEN],
                         size_t *count)
{
    LW_AUTO_BUF json = LW_BUF(PINS_FILE_MAX);
    WALLET_AUTO_JSON doc = NULL;
    *count = 0;
    LW_TRY(offline_read(dir, OFFLINE_PINS, &json));
    const lw_err parsed = wallet_json_doc_parse(lw_buf_view(&json), PINS_FILE_MAX, &doc);
    const json_t *list = json_object_get(doc, "pins");
    if (parsed.code != LW_OK || json_array_size(list) == 0 ||
        json_array_size(list) > WALLET_PINS_MAX) {
        return LW_FAIL(LW_E_CORRUPT, "offline: pins.json is not as it was written", LW_NOWHERE);
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (text == NULL || offline_pin_parse(lw_str_c(text), pins[i]).code != LW_OK) {
            return LW_FAIL(LW_E_CORRUPT, "offline: pins.json is not as it was written", LW_NOWHERE);
        }
    }
    *count = json_array_size(list);
    return LW_SUCCESS;
}

lw_err offline_first_pin_read(const char *dir, uint8_t pin[WALLET_PIN_LEN])
{
    LW_AUTO_BUF json = LW_BUF(PINS_FILE_MAX);
    WALLET_AUTO_JSON doc = NULL;
    LW_TRY(offline_read(dir, OFFLINE_PINS, &json));
    const lw_err parsed = wallet_json_doc_parse(lw_buf_view(&json), PINS_FILE_MAX, &doc);
    const char *text = json_string_value(json_object_get(doc, "first"));
    if (parsed.code == LW_OK && text == NULL) {
        return LW_FAIL(LW_E_NOT_FOUND, "offline: the first pin was not kept", LW_NOWHERE);
    }
    if (parsed.code != LW_OK || offline_pin_parse(lw_str_c(text), pin).code != LW_OK) {
        return LW_FAIL(LW_E_CORRUPT, "offline: pins.json is not as it was written", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

lw_err offline_list_name(lw_str uri, char name[OFFLINE_PATH_MAX])
{
    uint8_t hash[HSM_SHA256_LEN];
    LW_AUTO_BUF hex = LW_BUF(2 * HSM_SHA256_LEN + 1);
    const char *text = NULL;
    LW_TRY(hsm_sha256(lw_str_bytes(uri), hash));
    LW_TRY(lw_buf_put_hex(&hex, LW_BYTES(hash)));
    LW_TRY(lw_buf_c(&hex, &text));
    (void)snprintf(name, OFFLINE_PATH_MAX, "status/%s.cwt", text);
    return LW_SUCCESS;
}

int64_t offline_list_iat(const char *dir, lw_str uri)
{
    LW_AUTO_BUF token = LW_BUF(WALLET_STATUS_TOKEN_MAX);
    struct wallet_cose_sign1 cose;
    char name[OFFLINE_PATH_MAX];
    if (offline_list_name(uri, name).code != LW_OK ||
        offline_read(dir, name, &token).code != LW_OK ||
        wallet_cose_sign1_parse(lw_buf_view(&token), &cose).code != LW_OK ||
        wallet_cbor_check(cose.payload).code != LW_OK) {
        return INT64_MIN;
    }
    const lw_bytes value = wallet_cbor_map_get_int(cose.payload, KEY_IAT);
    struct wallet_cbor r = wallet_cbor_reader(value);
    const int64_t iat = wallet_cbor_int(&r);
    return wallet_cbor_finish(&r).code == LW_OK ? iat : INT64_MIN;
}

bool offline_id_plain(lw_str id)
{
    if (id.len == 0 || id.len > ID_MAX) {
        return false;
    }
    for (size_t i = 0; i < id.len; i++) {
        const char c = id.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) {
            return false;
        }
    }
    return true;
}
