#define _GNU_SOURCE /* explicit_bzero */

#include <string.h>

#include "signer.h"

enum { PIN_MAX = 256, SLOTS_MAX = 64, TOKEN_LABEL_LEN = 32 };

static void pad_label(CK_UTF8CHAR padded[TOKEN_LABEL_LEN], const char *label)
{
    const size_t len = strlen(label);
    for (size_t i = 0; i < TOKEN_LABEL_LEN; i++) {
        padded[i] = i < len ? (CK_UTF8CHAR)label[i] : ' ';
    }
}

/* A slot whose token is not yet initialised; SoftHSM always shows one. */
static wire_result find_slot(struct token *t, bool initialised, const CK_UTF8CHAR *label)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = 0;
    /* Asked for the number, SoftHSM looks at its folder anew. */
    t->rv = t->module->C_GetSlotList(CK_TRUE, NULL, &count);
    count = SLOTS_MAX;
    t->rv = t->rv == CKR_OK ? t->module->C_GetSlotList(CK_TRUE, slots, &count) : t->rv;
    for (CK_ULONG i = 0; i < count && t->rv == CKR_OK; i++) {
        CK_TOKEN_INFO info;
        t->rv = t->module->C_GetTokenInfo(slots[i], &info);
        const bool has_token = (info.flags & CKF_TOKEN_INITIALIZED) != 0;
        if (t->rv == CKR_OK && has_token == initialised &&
            (!initialised || memcmp(info.label, label, TOKEN_LABEL_LEN) == 0)) {
            t->slot = slots[i];
            return HSM_WIRE_OK;
        }
    }
    return HSM_WIRE_NO_TOKEN;
}

static CK_RV set_user_pin(struct token *t, lw_bytes so_pin, lw_bytes pin)
{
    const CK_FLAGS flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
    CK_BYTE text[PIN_MAX];
    CK_RV rv = t->module->C_OpenSession(t->slot, flags, NULL, NULL, &t->session);
    memcpy(text, so_pin.ptr, so_pin.len);
    rv = rv == CKR_OK ? t->module->C_Login(t->session, CKU_SO, text, so_pin.len) : rv;
    memcpy(text, pin.ptr, pin.len);
    rv = rv == CKR_OK ? t->module->C_InitPIN(t->session, text, pin.len) : rv;
    explicit_bzero(text, sizeof(text));
    return rv;
}

static wire_result init(struct token *t, const char *label, lw_bytes so_pin, lw_bytes pin)
{
    CK_UTF8CHAR padded[TOKEN_LABEL_LEN];
    CK_BYTE text[PIN_MAX];
    pad_label(padded, label);
    wire_result result = find_slot(t, false, padded);
    if (result != HSM_WIRE_OK) {
        return result;
    }
    memcpy(text, so_pin.ptr, so_pin.len);
    t->rv = t->module->C_InitToken(t->slot, text, so_pin.len, padded);
    explicit_bzero(text, sizeof(text));
    /* The token moves to another slot when it gets its serial number. */
    result = t->rv == CKR_OK ? find_slot(t, true, padded) : HSM_WIRE_TOKEN_FAILED;
    if (result == HSM_WIRE_OK) {
        t->rv = set_user_pin(t, so_pin, pin);
    }
    return t->rv == CKR_OK ? result : HSM_WIRE_TOKEN_FAILED;
}

wire_result token_init(struct token *t, const struct signer_config *config)
{
    char so_pin[PIN_MAX];
    char pin[PIN_MAX];
    size_t so_len = 0;
    size_t len = 0;
    if (config->so_pin_file == NULL || strlen(config->token_label) > TOKEN_LABEL_LEN) {
        return HSM_WIRE_WRONG_LENGTH;
    }
    wire_result result = pin_read(config->so_pin_file, so_pin, sizeof(so_pin), &so_len);
    result = result == HSM_WIRE_OK ? pin_read(config->pin_file, pin, sizeof(pin), &len) : result;
    result = result == HSM_WIRE_OK ? token_load(t, config->module) : result;
    if (result == HSM_WIRE_OK) {
        result = init(t, config->token_label, lw_str_bytes((lw_str){so_pin, so_len}),
                      lw_str_bytes((lw_str){pin, len}));
    }
    explicit_bzero(so_pin, sizeof(so_pin));
    explicit_bzero(pin, sizeof(pin));
    if (result == HSM_WIRE_OK) {
        token_sync(t, (struct timespec){0});
    }
    return result;
}
