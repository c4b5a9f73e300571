#include "lw/err.h"

const char *lw_code_name(lw_code code)
{
    switch (code) {
    case LW_OK:
        return "ok";
    case LW_E_MISUSE:
        return "misuse";
    case LW_E_SYNTAX:
        return "syntax";
    case LW_E_VALUE:
        return "value";
    case LW_E_UNSUPPORTED:
        return "unsupported";
    case LW_E_SIGNATURE:
        return "signature";
    case LW_E_UNTRUSTED:
        return "untrusted";
    case LW_E_EXPIRED:
        return "expired";
    case LW_E_DENIED:
        return "denied";
    case LW_E_CONFLICT:
        return "conflict";
    case LW_E_NOT_FOUND:
        return "not_found";
    case LW_E_LIMIT:
        return "limit";
    case LW_E_BUSY:
        return "busy";
    case LW_E_TIMEOUT:
        return "timeout";
    case LW_E_NOMEM:
        return "no_memory";
    case LW_E_IO:
        return "io";
    case LW_E_NOSPACE:
        return "no_space";
    case LW_E_TOKEN:
        return "token";
    case LW_E_CRYPTO:
        return "crypto";
    case LW_E_CORRUPT:
        return "corrupt";
    case LW_E_NETWORK:
        return "network";
    }
    return "unknown";
}

lw_class lw_err_class(lw_code code)
{
    switch (code) {
    case LW_OK:
        return LW_CLASS_OK;
    case LW_E_MISUSE:
        return LW_CLASS_MISUSE;
    case LW_E_SYNTAX:
    case LW_E_VALUE:
    case LW_E_UNSUPPORTED:
        return LW_CLASS_INPUT;
    case LW_E_SIGNATURE:
    case LW_E_UNTRUSTED:
    case LW_E_EXPIRED:
    case LW_E_DENIED:
    case LW_E_CONFLICT:
        return LW_CLASS_REFUSED;
    case LW_E_NOT_FOUND:
        return LW_CLASS_NOT_FOUND;
    case LW_E_LIMIT:
        return LW_CLASS_LIMIT;
    case LW_E_BUSY:
    case LW_E_TIMEOUT:
        return LW_CLASS_BUSY;
    case LW_E_NOMEM:
    case LW_E_IO:
    case LW_E_NOSPACE:
    case LW_E_TOKEN:
    case LW_E_CRYPTO:
    case LW_E_CORRUPT:
    case LW_E_NETWORK:
        return LW_CLASS_ENVIRONMENT;
    }
    return LW_CLASS_MISUSE;
}
