/*
 * lw-signer: the one program that loads the PKCS#11 module and knows the PIN. It is started by
 * the pool (hsm/pool.h) with a SEQPACKET socket as descriptor 3, and says there whether it could
 * open the token; people do not start it.
 */
#define _GNU_SOURCE

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "signer.h"

enum { EXIT_USAGE = 2, LEVEL_SILENT = 4 };

enum mode { MODE_NONE, MODE_SERVE, MODE_INIT_TOKEN, MODE_BENCH_RAW };

struct options {
    enum mode mode;
    struct signer_config config;
    int64_t log_level;
};

struct text_option {
    const char *name;
    const char **value;
};

struct number_option {
    const char *name;
    int64_t *value;
};

static bool set_option(struct options *o, const char *name, const char *value)
{
    struct signer_config *c = &o->config;
    const struct text_option texts[] = {
        {"--module", &c->module},     {"--token", &c->token_label},
        {"--pin-file", &c->pin_file}, {"--so-pin-file", &c->so_pin_file},
        {"--label", &c->key_label},   {"--softhsm-conf", &c->softhsm_conf},
    };
    const struct number_option numbers[] = {
        {"--deadline-ms", &c->deadline_ms},
        {"--count", &c->count},
        {"--log-level", &o->log_level},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (strcmp(name, texts[i].name) == 0) {
            *texts[i].value = value;
            return true;
        }
    }
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (strcmp(name, numbers[i].name) == 0) {
            return lw_str_int(lw_str_c(value), numbers[i].value).code == LW_OK;
        }
    }
    return false;
}

static enum mode mode_of(const char *text)
{
    if (strcmp(text, "--serve") == 0) {
        return MODE_SERVE;
    }
    if (strcmp(text, "--init-token") == 0) {
        return MODE_INIT_TOKEN;
    }
    return strcmp(text, "--bench-raw") == 0 ? MODE_BENCH_RAW : MODE_NONE;
}

static bool parse(int argc, char **argv, struct options *o)
{
    o->mode = argc >= 2 ? mode_of(argv[1]) : MODE_NONE;
    for (int i = 2; i < argc; i += 2) {
        if (argc - i < 2 || !set_option(o, argv[i], argv[i + 1])) {
            return false;
        }
    }
    const struct signer_config *c = &o->config;
    return o->mode != MODE_NONE && c->module != NULL && c->token_label != NULL &&
           c->pin_file != NULL && c->deadline_ms > 0;
}

static bool say(const struct hsm_wire *record)
{
    return send(HSM_WIRE_FD, record, sizeof(*record), MSG_NOSIGNAL) == (ssize_t)sizeof(*record);
}

static bool say_result(const struct token *t, enum hsm_wire_op op, wire_result result)
{
    const struct hsm_wire record = {
        .op = (uint8_t)op,
        .result = (uint8_t)result,
        .rv = result == HSM_WIRE_OK ? CKR_OK : t->rv,
    };
    return say(&record);
}

static int serve(struct token *t, const struct signer_config *config)
{
    const bool softhsm = config->softhsm_conf != NULL;
    wire_result result = token_open(t, config);
    if (result == HSM_WIRE_OK &&
        (!sandbox_enter(t->folder_fd, softhsm, config->log) ||
         !watchdog_start(&t->watchdog, config->deadline_ms, config->log))) {
        result = HSM_WIRE_NO_SANDBOX;
    }
    const bool said = say_result(t, HSM_WIRE_HELLO, result);
    return said && result == HSM_WIRE_OK ? signer_serve(t, HSM_WIRE_FD) : HSM_SIGNER_EXIT_TOKEN;
}

static int bench(struct token *t, const struct signer_config *config)
{
    struct hsm_wire reply = {.op = HSM_WIRE_BENCH};
    reply.result = (uint8_t)signer_bench(t, config, &reply);
    reply.rv = reply.result == HSM_WIRE_OK ? CKR_OK : t->rv;
    return say(&reply) ? HSM_SIGNER_EXIT_CLOSED : HSM_SIGNER_EXIT_TOKEN;
}

static int run(const struct options *options, struct token *t)
{
    if (options->config.softhsm_conf != NULL) {
        t->folder_fd = sandbox_token_folder(options->config.softhsm_conf);
    }
    switch (options->mode) {
    case MODE_SERVE:
        return serve(t, &options->config);
    case MODE_BENCH_RAW:
        return bench(t, &options->config);
    case MODE_INIT_TOKEN:
        return say_result(t, HSM_WIRE_INIT, token_init(t, &options->config))
                   ? HSM_SIGNER_EXIT_CLOSED
                   : HSM_SIGNER_EXIT_TOKEN;
    case MODE_NONE:
        break;
    }
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    struct token token = {.folder_fd = -1};
    struct options options = {.config = {.deadline_ms = 5000}, .log_level = LW_WARN};
    sandbox_harden();
    if (!parse(argc, argv, &options)) {
        fprintf(stderr, "lw-signer is started by lw, not by hand\n");
        return EXIT_USAGE;
    }
    const bool silent = options.log_level < LW_DEBUG || options.log_level >= LEVEL_SILENT;
    const struct lw_log log = {
        .least = silent ? LW_ERROR : (enum lw_level)options.log_level,
        .clock = lw_clock_system(),
        .fd = STDERR_FILENO,
    };
    options.config.log = silent ? NULL : &log;
    token.log = options.config.log;
    /* Not exit(): the module's own clean-up may hang, or log out. */
    _exit(run(&options, &token));
}
