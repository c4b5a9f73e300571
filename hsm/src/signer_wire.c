#include "signer_wire.h"

lw_err hsm_wire_error(uint8_t result)
{
    switch ((enum hsm_wire_result)result) {
    case HSM_WIRE_OK:
        return LW_SUCCESS;
    case HSM_WIRE_NO_MODULE:
        return LW_FAIL(LW_E_TOKEN, "signer: the PKCS#11 module cannot be loaded", LW_NOWHERE);
    case HSM_WIRE_NO_TOKEN:
        return LW_FAIL(LW_E_TOKEN, "signer: no token of that label, or several", LW_NOWHERE);
    case HSM_WIRE_PIN_ABSENT:
        return LW_FAIL(LW_E_NOT_FOUND, "signer: the PIN file cannot be opened", LW_NOWHERE);
    case HSM_WIRE_PIN_EXPOSED:
        return LW_FAIL(LW_E_DENIED, "signer: the PIN file is not ours with mode 0600", LW_NOWHERE);
    case HSM_WIRE_PIN_MALFORMED:
        return LW_FAIL(LW_E_VALUE, "signer: the PIN file holds no PIN", LW_NOWHERE);
    case HSM_WIRE_PIN_WRONG:
        return LW_FAIL(LW_E_TOKEN, "signer: the PIN is wrong; it is not tried again", LW_NOWHERE);
    case HSM_WIRE_PIN_LOCKED:
        return LW_FAIL(LW_E_TOKEN, "signer: the token's PIN is locked", LW_NOWHERE);
    case HSM_WIRE_PIN_LAST_TRY:
        return LW_FAIL(LW_E_TOKEN, "signer: one more wrong PIN would lock the token: not tried",
                       LW_NOWHERE);
    case HSM_WIRE_NO_SANDBOX:
        return LW_FAIL(LW_E_IO, "signer: the sandbox cannot be set up", LW_NOWHERE);
    case HSM_WIRE_NO_KEY:
        return LW_FAIL(LW_E_NOT_FOUND, "signer: no such key on the token", LW_NOWHERE);
    case HSM_WIRE_KEY_EXISTS:
        return LW_FAIL(LW_E_CONFLICT, "signer: a key of that label exists", LW_NOWHERE);
    case HSM_WIRE_KEY_UNFIT:
        return LW_FAIL(LW_E_TOKEN, "signer: the new key failed its test", LW_NOWHERE);
    case HSM_WIRE_WRONG_PURPOSE:
        return LW_FAIL(LW_E_DENIED, "signer: the key has another purpose", LW_NOWHERE);
    case HSM_WIRE_WRONG_LENGTH:
        return LW_FAIL(LW_E_VALUE, "signer: a label or digest of the wrong length", LW_NOWHERE);
    case HSM_WIRE_ALTERED:
        return LW_FAIL(LW_E_SIGNATURE, "signer: altered, or wrapped by another key", LW_NOWHERE);
    case HSM_WIRE_NO_MECHANISM:
        return LW_FAIL(LW_E_UNSUPPORTED, "signer: the token lacks the mechanism", LW_NOWHERE);
    case HSM_WIRE_TOO_MANY:
        return LW_FAIL(LW_E_LIMIT, "signer: more keys than can be listed", LW_NOWHERE);
    case HSM_WIRE_MALFORMED:
        return LW_FAIL(LW_E_MISUSE, "signer: no such request", LW_NOWHERE);
    case HSM_WIRE_TOKEN_FAILED:
    case HSM_WIRE_GONE:
        break;
    }
    return LW_FAIL(LW_E_TOKEN, "signer: the token failed", LW_NOWHERE);
}

bool hsm_wire_pin_refused(uint8_t result)
{
    return result == HSM_WIRE_PIN_WRONG || result == HSM_WIRE_PIN_LOCKED ||
           result == HSM_WIRE_PIN_LAST_TRY;
}
