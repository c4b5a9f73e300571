#define _POSIX_C_SOURCE 200809L

#include "pem_file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auto.h"

enum { PEM_MAX = 16 * 1024 };

static inline void fd_auto(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
    }
}

HSM_AUTO_FREE(bio, BIO, BIO_free_all)

static lw_err from_errno(void)
{
    switch (errno) {
    case ENOENT:
        return LW_FAIL(LW_E_NOT_FOUND, "key file: no such file or folder", LW_NOWHERE);
    case EEXIST:
        return LW_FAIL(LW_E_CONFLICT, "key file: exists already", LW_NOWHERE);
    case EACCES:
    case ELOOP:
        return LW_FAIL(LW_E_DENIED, "key file: not ours to open", LW_NOWHERE);
    case ENOSPC:
    case EDQUOT:
        return LW_FAIL(LW_E_NOSPACE, "key file: no space left", LW_NOWHERE);
    default:
        return LW_FAIL(LW_E_IO, "key file: cannot be read or written", LW_NOWHERE);
    }
}

static lw_err check_private(int fd)
{
    struct stat info;
    if (fstat(fd, &info) != 0) {
        return from_errno();
    }
    if (!S_ISREG(info.st_mode) || info.st_uid != geteuid()) {
        return LW_FAIL(LW_E_DENIED, "key file: not a file of ours", LW_NOWHERE);
    }
    if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return LW_FAIL(LW_E_DENIED, "key file: others can read it; set mode 0600", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

static lw_err read_all(int fd, lw_buf *text)
{
    for (;;) {
        uint8_t *room = NULL;
        LW_TRY(lw_buf_reserve(text, 1024, &room));
        const ssize_t got = read(fd, room, 1024);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return from_errno();
        }
        if (got == 0) {
            return LW_SUCCESS;
        }
        lw_buf_commit(text, (size_t)got);
    }
}

/* RFC 5958 section 2 in the label of RFC 7468 section 10; no other label is tried. */
static EVP_PKEY *parse_pkcs8(const uint8_t *der, long len)
{
    const uint8_t *at = der;
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, len);
    EVP_PKEY *pkey = info != NULL && at == der + len ? EVP_PKCS82PKEY(info) : NULL;
    PKCS8_PRIV_KEY_INFO_free(info);
    return pkey;
}

static lw_err parse_pem(lw_bytes text, EVP_PKEY **pkey)
{
    char *label = NULL;
    char *header = NULL;
    uint8_t *der = NULL;
    long len = 0;
    HSM_AUTO(bio) BIO *bio = BIO_new_mem_buf(text.ptr, (int)text.len);
    if (bio == NULL) {
        return LW_FAIL(LW_E_NOMEM, "key file: out of memory", LW_NOWHERE);
    }
    const bool read = PEM_read_bio(bio, &label, &header, &der, &len) == 1;
    const bool plain = read && strcmp(label, PEM_STRING_PKCS8INF) == 0 && header[0] == 0;
    *pkey = plain ? parse_pkcs8(der, len) : NULL;
    OPENSSL_free(label);
    OPENSSL_free(header);
    OPENSSL_clear_free(der, (size_t)len);
    if (*pkey == NULL) {
        ERR_clear_error();
        return LW_FAIL(LW_E_SYNTAX, "key file: no PKCS#8 private key in PEM", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

lw_err hsm_pem_read(const char *path, EVP_PKEY **pkey)
{
    /* O_NONBLOCK: a pipe under that name must not make us wait. */
    HSM_AUTO(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return from_errno();
    }
    LW_AUTO_BUF text = LW_BUF(PEM_MAX);
    LW_TRY(check_private(fd));
    const lw_err err = read_all(fd, &text);
    if (err.code != LW_OK) {
        return err.code == LW_E_LIMIT
                   ? LW_FAIL(LW_E_SYNTAX, "key file: too long for a key", LW_NOWHERE)
                   : err;
    }
    return parse_pem(lw_buf_view(&text), pkey);
}

static lw_err write_all(int fd, const char *text, size_t len)
{
    size_t done = 0;
    while (done < len) {
        const ssize_t wrote = write(fd, text + done, len - done);
        if (wrote < 0 && errno != EINTR) {
            return from_errno();
        }
        done += wrote > 0 ? (size_t)wrote : 0;
    }
    return fsync(fd) == 0 ? LW_SUCCESS : from_errno();
}

/* The name is durable only when its folder is. */
static lw_err sync_folder(const char *path)
{
    LW_AUTO_BUF folder = LW_BUF(4096);
    const char *slash = strrchr(path, '/');
    const char *name = NULL;
    if (slash == NULL) {
        LW_TRY(lw_buf_put_c(&folder, "."));
    } else {
        LW_TRY(lw_buf_put_str(&folder, (lw_str){.ptr = path, .len = (size_t)(slash - path) + 1}));
    }
    LW_TRY(lw_buf_c(&folder, &name));
    HSM_AUTO(fd) int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && fsync(fd) == 0 ? LW_SUCCESS : from_errno();
}

static lw_err write_file(const char *path, const char *text, size_t len)
{
    HSM_AUTO(fd) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0) {
        return from_errno();
    }
    lw_err err = write_all(fd, text, len);
    if (err.code == LW_OK) {
        err = sync_folder(path);
    }
    if (err.code != LW_OK) {
        (void)unlink(path);
    }
    return err;
}

lw_err hsm_pem_create(const char *path, const EVP_PKEY *pkey)
{
    HSM_AUTO(bio) BIO *bio = BIO_new(BIO_s_secmem()); /* wiped when freed */
    char *text = NULL;
    if (bio == NULL || PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) != 1) {
        ERR_clear_error();
        return LW_FAIL(LW_E_CRYPTO, "key file: the key cannot be written as PEM", LW_NOWHERE);
    }
    const long len = BIO_get_mem_data(bio, &text);
    return write_file(path, text, (size_t)len);
}
