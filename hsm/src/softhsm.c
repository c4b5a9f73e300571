#define _GNU_SOURCE

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pool_private.h"

enum {
    PIN_BYTES = 12, /* 96 random bits, 24 hex digits */
    TOKEN_LABEL_MAX = 32,
    INIT_TIMEOUT_MS = 30000,
    BENCH_TIMEOUT_MS = 600000,
    BENCH_COUNT_MAX = 1000000,
};

const char *hsm_softhsm_module(void)
{
    static const char *const places[] = {
        "/usr/lib/softhsm/libsofthsm2.so",
        "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
        "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
        "/usr/lib64/pkcs11/libsofthsm2.so",
        "/usr/lib64/softhsm/libsofthsm2.so",
        "/usr/local/lib/softhsm/libsofthsm2.so",
    };
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (access(places[i], R_OK) == 0) {
            return places[i];
        }
    }
    return NULL;
}

/* What was made so far, so that a failure takes it away again. */
struct made {
    bool dir;
    bool tokens;
    bool conf;
    bool pin;
    bool so_pin;
};

struct layout {
    char dir[PATH_MAX];
    char tokens[PATH_MAX];
    char conf[PATH_MAX];
};

static lw_err from_errno(void)
{
    switch (errno) {
    case EEXIST:
        return LW_FAIL(LW_E_CONFLICT, "softhsm: a PIN file or configuration exists already",
                       LW_NOWHERE);
    case ENOSPC:
    case EDQUOT:
        return LW_FAIL(LW_E_NOSPACE, "softhsm: no space left", LW_NOWHERE);
    default:
        return LW_FAIL(LW_E_IO, "softhsm: a file or folder cannot be made", LW_NOWHERE);
    }
}

static lw_err join(char path[PATH_MAX], const char *dir, const char *name)
{
    const int len = snprintf(path, PATH_MAX, "%s/%s", dir, name);
    return len > 0 && len < PATH_MAX ? LW_SUCCESS
                                     : LW_FAIL(LW_E_VALUE, "softhsm: path too long", LW_NOWHERE);
}

/* SoftHSM takes the path as it stands, so it must hold from any working folder. */
static lw_err make_folders(const char *dir, struct layout *at, struct made *made)
{
    made->dir = mkdir(dir, S_IRWXU) == 0;
    if ((!made->dir && errno != EEXIST) || realpath(dir, at->dir) == NULL) {
        return from_errno();
    }
    LW_TRY(join(at->tokens, at->dir, "tokens"));
    LW_TRY(join(at->conf, at->dir, "softhsm2.conf"));
    if (strpbrk(at->tokens, "#\r\n") != NULL) {
        return LW_FAIL(LW_E_VALUE, "softhsm: a path with '#' or line breaks", LW_NOWHERE);
    }
    made->tokens = mkdir(at->tokens, S_IRWXU) == 0;
    return made->tokens || errno == EEXIST ? LW_SUCCESS : from_errno();
}

static lw_err write_new_file(const char *path, lw_bytes text, bool *made)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0) {
        return from_errno();
    }
    *made = true;
    const bool whole = write(fd, text.ptr, text.len) == (ssize_t)text.len && fsync(fd) == 0;
    const lw_err err = whole ? LW_SUCCESS : from_errno();
    (void)close(fd);
    return err;
}

static lw_err write_conf(const struct layout *at, struct made *made)
{
    enum { CONF_MAX = PATH_MAX + 256 };
    LW_AUTO_BUF text = LW_BUF(CONF_MAX);
    LW_TRY(lw_buf_put_c(&text, "directories.tokendir = "));
    LW_TRY(lw_buf_put_c(&text, at->tokens));
    LW_TRY(lw_buf_put_c(&text, "\nobjectstore.backend = file\nlog.level = ERROR\n"
                               "slots.removable = false\n"));
    return write_new_file(at->conf, lw_buf_view(&text), &made->conf);
}

static lw_err write_pin(const char *path, const struct lw_rng *rng, bool *made)
{
    uint8_t bytes[PIN_BYTES];
    LW_AUTO_BUF text = LW_BUF(2 * PIN_BYTES + 1);
    LW_TRY(lw_rng_fill(rng, bytes, sizeof(bytes)));
    const lw_err err = lw_buf_put_hex(&text, LW_BYTES(bytes));
    explicit_bzero(bytes, sizeof(bytes));
    LW_TRY(err);
    LW_TRY(lw_buf_put_byte(&text, '\n'));
    return write_new_file(path, lw_buf_view(&text), made);
}

static lw_err init_token(const struct hsm_softhsm_paths *paths, const struct layout *at)
{
    struct hsm_wire reply;
    struct signer_command command = {
        .mode = "--init-token",
        .program = paths->program,
        .softhsm_conf = at->conf,
        .stderr_fd = -1,
    };
    signer_arg(&command, "--module", paths->module);
    signer_arg(&command, "--token", paths->token_label);
    signer_arg(&command, "--pin-file", paths->pin_file);
    signer_arg(&command, "--so-pin-file", paths->so_pin_file);
    signer_arg(&command, "--softhsm-conf", at->conf);
    LW_TRY(signer_run(&command, INIT_TIMEOUT_MS, &reply));
    const int fd = open(at->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool synced = fd >= 0 && fsync(fd) == 0;
    const lw_err err = synced ? LW_SUCCESS : from_errno();
    if (fd >= 0) {
        (void)close(fd);
    }
    return err;
}

static lw_err make_all(const struct hsm_softhsm_paths *paths, const struct lw_rng *rng,
                       struct layout *at, struct made *made)
{
    LW_TRY(make_folders(paths->dir, at, made));
    LW_TRY(write_conf(at, made));
    LW_TRY(write_pin(paths->pin_file, rng, &made->pin));
    LW_TRY(write_pin(paths->so_pin_file, rng, &made->so_pin));
    return init_token(paths, at);
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    return remove(path);
}

static void take_away(const struct hsm_softhsm_paths *paths, const struct layout *at,
                      const struct made *made)
{
    enum { FILES_OPEN_MAX = 8 };
    if (made->so_pin) {
        (void)unlink(paths->so_pin_file);
    }
    if (made->pin) {
        (void)unlink(paths->pin_file);
    }
    if (made->conf) {
        (void)unlink(at->conf);
    }
    if (made->tokens) {
        (void)nftw(at->tokens, remove_one, FILES_OPEN_MAX, FTW_DEPTH | FTW_PHYS);
    }
    if (made->dir) {
        (void)rmdir(at->dir);
    }
}

lw_err hsm_softhsm_init(const struct hsm_softhsm_paths *paths, const struct lw_rng *rng)
{
    struct layout at = {0};
    struct made made = {0};
    assert(paths->dir != NULL && paths->pin_file != NULL && paths->so_pin_file != NULL);
    assert(paths->module != NULL && paths->token_label != NULL && paths->program != NULL);
    const size_t label_len = strlen(paths->token_label);
    if (label_len == 0 || label_len > TOKEN_LABEL_MAX) {
        return LW_FAIL(LW_E_VALUE, "softhsm: a token label has 1 to 32 bytes", LW_NOWHERE);
    }
    const lw_err err = make_all(paths, rng, &at, &made);
    if (err.code != LW_OK) {
        take_away(paths, &at, &made);
    }
    return err;
}

lw_err hsm_bench_raw(const struct hsm_pool_config *config, const char *label, unsigned count,
                     double *per_s)
{
    char number[SIGNER_NUMBER_MAX];
    struct hsm_wire reply;
    int64_t made = 0;
    int64_t us = 0;
    struct signer_command command = {
        .mode = "--bench-raw",
        .program = config->program,
        .softhsm_conf = config->softhsm_conf,
        .stderr_fd = -1,
    };
    if (count == 0 || count > BENCH_COUNT_MAX) {
        return LW_FAIL(LW_E_VALUE, "pool: 1 to 1,000,000 signatures", LW_NOWHERE);
    }
    signer_number(number, count);
    signer_arg(&command, "--module", config->module);
    signer_arg(&command, "--token", config->token_label);
    signer_arg(&command, "--pin-file", config->pin_file);
    signer_arg(&command, "--label", label);
    signer_arg(&command, "--count", number);
    LW_TRY(signer_run(&command, BENCH_TIMEOUT_MS, &reply));
    memcpy(&made, reply.data, sizeof(made));
    memcpy(&us, reply.data + sizeof(made), sizeof(us));
    if (us <= 0) {
        return LW_FAIL(LW_E_VALUE, "pool: too few signatures to be measured", LW_NOWHERE);
    }
    *per_s = (double)made * 1e6 / (double)us;
    return LW_SUCCESS;
}
