#define _GNU_SOURCE /* O_CLOEXEC and O_NOFOLLOW with -std=c17, explicit_bzero */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libp11.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "signer.h"

enum { PIN_MAX = 256 };

wire_result pin_read(const char *path, char *pin, size_t cap, size_t *len)
{
    struct stat info;
    /* O_NONBLOCK: a pipe under that name must not make us wait. */
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return errno == EACCES || errno == ELOOP ? HSM_WIRE_PIN_EXPOSED : HSM_WIRE_PIN_ABSENT;
    }
    const bool ours = fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_uid == geteuid() &&
                      (info.st_mode & (S_IRWXG | S_IRWXO)) == 0;
    const ssize_t got = ours ? read(fd, pin, cap) : 0;
    (void)close(fd);
    if (!ours) {
        return HSM_WIRE_PIN_EXPOSED;
    }
    size_t n = got > 0 ? (size_t)got : 0;
    const bool whole = n < cap;
    if (n > 0 && pin[n - 1] == '\n') {
        n--;
    }
    *len = n;
    const bool line = n > 0 && memchr(pin, '\n', n) == NULL && memchr(pin, 0, n) == NULL;
    return whole && line ? HSM_WIRE_OK : HSM_WIRE_PIN_MALFORMED;
}

/*
 * libp11 initialises the module and keeps it; its context is never unloaded, since C_Finalize
 * would end the token for the whole process. The function list is the same module's: dlopen()
 * gives the library that is loaded already.
 */
static wire_result load(struct token *t, const char *module, PKCS11_CTX **context)
{
    *context = PKCS11_CTX_new();
    if (*context == NULL || PKCS11_CTX_load(*context, module) != 0) {
        return HSM_WIRE_NO_MODULE;
    }
    void *library = dlopen(module, RTLD_NOW | RTLD_LOCAL);
    CK_C_GetFunctionList get_list = NULL;
    if (library != NULL) {
        void *symbol = dlsym(library, "C_GetFunctionList");
        memcpy(&get_list, &symbol, sizeof(get_list)); /* ISO C has no such cast */
    }
    if (get_list == NULL || get_list(&t->module) != CKR_OK) {
        return HSM_WIRE_NO_MODULE;
    }
    return HSM_WIRE_OK;
}

wire_result token_load(struct token *t, const char *module)
{
    PKCS11_CTX *context = NULL;
    return load(t, module, &context);
}

static wire_result find_slot(struct token *t, PKCS11_CTX *context, const char *label)
{
    PKCS11_SLOT *slots = NULL;
    unsigned count = 0;
    unsigned found = 0;
    if (PKCS11_enumerate_slots(context, &slots, &count) != 0) {
        return HSM_WIRE_NO_TOKEN;
    }
    for (unsigned i = 0; i < count; i++) {
        const PKCS11_TOKEN *token = slots[i].token;
        if (token != NULL && token->label != NULL && strcmp(token->label, label) == 0) {
            t->slot = PKCS11_get_slotid_from_slot(&slots[i]);
            found++;
        }
    }
    PKCS11_release_all_slots(context, slots, count);
    return found == 1 ? HSM_WIRE_OK : HSM_WIRE_NO_TOKEN;
}

/* The PIN goes to the module once and is wiped. libp11's own login would keep a copy. */
static wire_result log_in(struct token *t, const char *pin_file)
{
    char pin[PIN_MAX];
    size_t len = 0;
    wire_result result = pin_read(pin_file, pin, sizeof(pin), &len);
    if (result == HSM_WIRE_OK) {
        t->rv = t->module->C_Login(t->session, CKU_USER, (CK_UTF8CHAR *)pin, len);
        switch (t->rv) {
        case CKR_OK:
        case CKR_USER_ALREADY_LOGGED_IN:
            break;
        case CKR_PIN_INCORRECT:
        case CKR_PIN_INVALID:
        case CKR_PIN_LEN_RANGE:
            result = HSM_WIRE_PIN_WRONG;
            break;
        case CKR_PIN_LOCKED:
            result = HSM_WIRE_PIN_LOCKED;
            break;
        default:
            result = HSM_WIRE_TOKEN_FAILED;
            break;
        }
    }
    explicit_bzero(pin, sizeof(pin));
    return result;
}

struct login {
    struct token *token;
    const char *pin_file;
    wire_result result;
};

static void *log_in_without_truncating(void *arg)
{
    struct login *login = arg;
    login->result =
        sandbox_ignore_truncation() ? log_in(login->token, login->pin_file) : HSM_WIRE_NO_SANDBOX;
    return NULL;
}

/*
 * SoftHSM 2.6.1 rewrites token.object at each login, to clear a flag: it empties the file, drops
 * its lock and then writes. A process killed between (1 in 40 kills at start, measured), or a
 * power cut soon after, loses the token with all its keys; and other processes read an empty
 * file meanwhile. What it writes is as long as what was there, so the login goes to a thread
 * whose truncations do nothing: one write in place is left, old or new to everybody.
 */
static wire_result log_in_softhsm(struct token *t, const char *pin_file)
{
    pthread_t thread;
    struct login login = {.token = t, .pin_file = pin_file, .result = HSM_WIRE_TOKEN_FAILED};
    if (pthread_create(&thread, NULL, log_in_without_truncating, &login) != 0 ||
        pthread_join(thread, NULL) != 0) {
        return HSM_WIRE_NO_SANDBOX;
    }
    return login.result;
}

static bool is_softhsm(const struct token *t)
{
    static const char name[] = "SoftHSM";
    CK_INFO info;
    return t->module->C_GetInfo(&info) == CKR_OK &&
           memcmp(info.manufacturerID, name, sizeof(name) - 1) == 0;
}

static wire_result open_session(struct token *t, CK_SESSION_HANDLE *session)
{
    const CK_FLAGS flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
    t->rv = TOKEN_CALL(t, C_OpenSession(t->slot, flags, NULL, NULL, session));
    return t->rv == CKR_OK ? HSM_WIRE_OK : HSM_WIRE_TOKEN_FAILED;
}

wire_result token_open(struct token *t, const struct signer_config *config)
{
    char pin[PIN_MAX];
    size_t len = 0;
    CK_TOKEN_INFO info;
    PKCS11_CTX *context = NULL;
    /* A PIN file that is not fit is told before the token is touched. */
    wire_result result = pin_read(config->pin_file, pin, sizeof(pin), &len);
    explicit_bzero(pin, sizeof(pin));
    result = result == HSM_WIRE_OK ? load(t, config->module, &context) : result;
    result = result == HSM_WIRE_OK ? find_slot(t, context, config->token_label) : result;
    if (result != HSM_WIRE_OK) {
        return result;
    }
    t->rv = t->module->C_GetTokenInfo(t->slot, &info);
    if (t->rv != CKR_OK) {
        return HSM_WIRE_NO_TOKEN;
    }
    if ((info.flags & CKF_USER_PIN_LOCKED) != 0) {
        return HSM_WIRE_PIN_LOCKED;
    }
    /* A service that is restarted over and over must not lock the token. */
    if ((info.flags & CKF_USER_PIN_FINAL_TRY) != 0) {
        return HSM_WIRE_PIN_LAST_TRY;
    }
    result = open_session(t, &t->session);
    if (result != HSM_WIRE_OK) {
        return result;
    }
    return is_softhsm(t) ? log_in_softhsm(t, config->pin_file) : log_in(t, config->pin_file);
}

wire_result token_ping(struct token *t)
{
    CK_SESSION_INFO info;
    t->rv = TOKEN_CALL(t, C_GetSessionInfo(t->session, &info));
    if (t->rv != CKR_OK || info.state != CKS_RW_USER_FUNCTIONS) {
        return HSM_WIRE_GONE;
    }
    return HSM_WIRE_OK;
}

wire_result token_recover(struct token *t, CK_RV rv)
{
    switch (rv) {
    case CKR_KEY_HANDLE_INVALID:
    case CKR_OBJECT_HANDLE_INVALID:
        return HSM_WIRE_OK; /* the session lives; the key is looked up anew */
    case CKR_DEVICE_REMOVED:
    case CKR_TOKEN_NOT_PRESENT:
    case CKR_TOKEN_NOT_RECOGNIZED:
    case CKR_SLOT_ID_INVALID:
    case CKR_USER_NOT_LOGGED_IN:
    case CKR_CRYPTOKI_NOT_INITIALIZED:
        return HSM_WIRE_GONE; /* the PIN is needed again, and only a new start reads it */
    default:
        break;
    }
    /*
     * A failed call can leave its session in operation, so a new one takes its place. It is
     * opened first: with the last session the login would go. Handles found under the old login
     * may be dead: all keys are looked up anew.
     */
    CK_SESSION_HANDLE fresh = 0;
    key_forget_all(t);
    if (open_session(t, &fresh) != HSM_WIRE_OK) {
        return HSM_WIRE_GONE;
    }
    (void)TOKEN_CALL(t, C_CloseSession(t->session));
    t->session = fresh;
    return token_ping(t);
}
