#define _GNU_SOURCE

#include "shim.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <p11-kit/pkcs11.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Tests do without the PKCS#11 header. */
#define SAME(name_) _Static_assert((unsigned long)SHIM_##name_ == (name_), #name_)
SAME(CKR_DEVICE_ERROR);
SAME(CKR_GENERAL_ERROR);
SAME(CKR_FUNCTION_FAILED);
SAME(CKR_DEVICE_MEMORY);
SAME(CKR_SESSION_HANDLE_INVALID);
SAME(CKR_SESSION_CLOSED);
SAME(CKR_KEY_HANDLE_INVALID);
SAME(CKR_OBJECT_HANDLE_INVALID);
SAME(CKR_OPERATION_ACTIVE);
SAME(CKR_DEVICE_REMOVED);
SAME(CKR_TOKEN_NOT_PRESENT);
SAME(CKR_USER_NOT_LOGGED_IN);
SAME(CKR_CRYPTOKI_NOT_INITIALIZED);
SAME(CKF_USER_PIN_COUNT_LOW);
SAME(CKF_USER_PIN_FINAL_TRY);
SAME(CKF_USER_PIN_LOCKED);

static struct shim_control *control;
static CK_FUNCTION_LIST *real;
static CK_FUNCTION_LIST table;

static void rest(unsigned ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)nanosleep(&pause, NULL);
}

static void hang(void)
{
    for (;;) {
        rest(1000);
    }
}

static bool take_one(atomic_uint *left)
{
    unsigned have = atomic_load(left);
    while (have > 0 && !atomic_compare_exchange_weak(left, &have, have - 1)) {
        continue;
    }
    return have > 0;
}

/* What SoftHSM does to its token file at each login. */
static void try_to_truncate(void)
{
    struct stat info = {0};
    const int fd = memfd_create("shim", MFD_CLOEXEC);
    if (fd >= 0 && write(fd, "token", 5) == 5) {
        const int cut = ftruncate(fd, 0);
        (void)fstat(fd, &info);
        atomic_fetch_add(&control->truncations, cut == 0 && info.st_size == 0 ? 1 : 0);
    }
    (void)close(fd);
}

static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG len)
{
    atomic_fetch_add(&control->logins, 1);
    try_to_truncate();
    return real->C_Login(session, user, pin, len);
}

static CK_RV get_slot_list(CK_BBOOL with_token, CK_SLOT_ID *slots, CK_ULONG *count)
{
    if (atomic_load(&control->absent) != 0) {
        *count = 0;
        return CKR_OK;
    }
    return real->C_GetSlotList(with_token, slots, count);
}

static CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    if (atomic_load(&control->hang_at_load) != 0) {
        hang();
    }
    const CK_RV rv = real->C_GetTokenInfo(slot, info);
    info->flags |= atomic_load(&control->token_flags);
    return rv;
}

static CK_RV get_mechanism_info(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
    if (type == CKM_AES_GCM && atomic_load(&control->without_gcm) != 0) {
        return CKR_MECHANISM_INVALID;
    }
    return real->C_GetMechanismInfo(slot, type, info);
}

static CK_RV get_session_info(CK_SESSION_HANDLE session, CK_SESSION_INFO *info)
{
    return atomic_load(&control->absent) != 0 ? CKR_DEVICE_REMOVED
                                              : real->C_GetSessionInfo(session, info);
}

static CK_RV get_attributes(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                            CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    const CK_RV rv = real->C_GetAttributeValue(session, object, attributes, count);
    for (CK_ULONG i = 0; i < count && rv == CKR_OK; i++) {
        if (attributes[i].pValue == NULL) {
            continue;
        }
        if (attributes[i].type == CKA_EXTRACTABLE && atomic_load(&control->extractable) != 0) {
            *(CK_BBOOL *)attributes[i].pValue = CK_TRUE;
        }
        if (attributes[i].type == CKA_EC_POINT && atomic_load(&control->unfit_pair) != 0) {
            /* The curve's own generator: a point, but of no key of ours. */
            static const unsigned char point[] =
                "\x04\x41\x04\x6b\x17\xd1\xf2\xe1\x2c\x42\x47\xf8\xbc\xe6\xe5\x63\xa4\x40\xf2\x77"
                "\x03\x7d\x81\x2d\xeb\x33\xa0\xf4\xa1\x39\x45\xd8\x98\xc2\x96\x4f\xe3\x42\xe2\xfe"
                "\x1a\x7f\x9b\x8e\xe7\xeb\x4a\x7c\x0f\x9e\x16\x2b\xce\x33\x57\x6b\x31\x5e\xce\xcb"
                "\xb6\x40\x68\x37\xbf\x51\xf5";
            memcpy(attributes[i].pValue, point, sizeof(point) - 1);
        }
    }
    return rv;
}

static CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    if (atomic_load(&control->absent) != 0) {
        return CKR_DEVICE_REMOVED;
    }
    if (take_one(&control->sign_init_left)) {
        if (atomic_load(&control->logs_out) != 0) {
            (void)real->C_Logout(session);
        }
        return atomic_load(&control->sign_init_rv);
    }
    return real->C_SignInit(session, mechanism, key);
}

static void try_to_escape(void)
{
    unsigned escapes = 0;
    const int file = open("/etc/hostname", O_RDONLY);
    const int network = socket(AF_INET, SOCK_STREAM, 0);
    void *code =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const pid_t child = fork();
    if (child == 0) {
        _exit(0);
    }
    escapes |= file >= 0 ? SHIM_OPENED : 0;
    escapes |= network >= 0 ? SHIM_CONNECTED : 0;
    escapes |= child > 0 ? SHIM_FORKED : 0;
    escapes |= code != MAP_FAILED ? SHIM_MAPPED_CODE : 0;
    atomic_fetch_or(&control->escapes, escapes);
}

static bool strikes(const CK_BYTE *data, unsigned nth)
{
    const unsigned marked = atomic_load(&control->sign_marked);
    const unsigned every = atomic_load(&control->sign_every);
    return atomic_load(&control->sign_fault) != SHIM_NONE && (marked == 0 || marked == data[0]) &&
           (every <= 1 || nth % every == 0) && take_one(&control->sign_left);
}

static CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG len, CK_BYTE *sig,
                  CK_ULONG *sig_len)
{
    const unsigned nth = atomic_fetch_add(&control->signs, 1) + 1;
    if (!strikes(data, nth)) {
        return real->C_Sign(session, data, len, sig, sig_len);
    }
    CK_RV rv = CKR_OK;
    switch ((enum shim_fault)atomic_load(&control->sign_fault)) {
    case SHIM_FAIL:
        return atomic_load(&control->sign_rv); /* the session stays in operation */
    case SHIM_HANG:
        hang();
        break;
    case SHIM_SLOW:
        rest(atomic_load(&control->slow_ms));
        break;
    case SHIM_CRASH:
        abort();
    case SHIM_ESCAPE:
        try_to_escape();
        break;
    case SHIM_SHORT:
        rv = real->C_Sign(session, data, len, sig, sig_len);
        *sig_len -= 1;
        return rv;
    case SHIM_WRONG:
        rv = real->C_Sign(session, data, len, sig, sig_len);
        sig[40] ^= 1;
        return rv;
    case SHIM_NONE:
        break;
    }
    return real->C_Sign(session, data, len, sig, sig_len);
}

static bool map_control(void)
{
    Dl_info self;
    char path[4096];
    if (dladdr((void *)&control, &self) == 0 || strlen(self.dli_fname) + 5 > sizeof(path)) {
        return false;
    }
    (void)snprintf(path, sizeof(path), "%s.ctl", self.dli_fname);
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    control = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd);
    return control != MAP_FAILED;
}

static bool load_real(void)
{
    void *library = dlopen(control->module, RTLD_NOW | RTLD_LOCAL);
    CK_C_GetFunctionList get_list = NULL;
    if (library != NULL) {
        void *symbol = dlsym(library, "C_GetFunctionList");
        memcpy(&get_list, &symbol, sizeof(get_list));
    }
    return get_list != NULL && get_list(&real) == CKR_OK;
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
    if (control == NULL) {
        if (!map_control() || !load_real()) {
            return CKR_GENERAL_ERROR;
        }
        table = *real;
        table.C_Login = login;
        table.C_GetSlotList = get_slot_list;
        table.C_GetTokenInfo = get_token_info;
        table.C_GetMechanismInfo = get_mechanism_info;
        table.C_GetSessionInfo = get_session_info;
        table.C_GetAttributeValue = get_attributes;
        table.C_SignInit = sign_init;
        table.C_Sign = sign;
    }
    *list = &table;
    return CKR_OK;
}
