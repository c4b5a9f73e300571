/*
 * The configuration file of a home: one JSON object into one constant struct. A single table
 * holds name, type, default, bounds and text of each setting, and gives the parser, the printed
 * configuration and the manual page. Unknown members are errors.
 */
#ifndef IDP_CONFIG_H
#define IDP_CONFIG_H

#include "lw/buf.h"

enum { IDP_TEXT_MAX = 256 };

/* Every text is NUL-terminated; "" where the setting is absent. */
struct idp_config {
    char base_url[IDP_TEXT_MAX];  /* what credentials and lists name; no trailing slash */
    char listen[IDP_TEXT_MAX];    /* "127.0.0.1:8080", "[::1]:8080" or "unix:/path" */
    bool development;             /* http on loopback for issuer and status URIs */
    char country[IDP_TEXT_MAX];   /* two capitals */
    char authority[IDP_TEXT_MAX]; /* name of the issuing authority */
    char module[IDP_TEXT_MAX];    /* PKCS#11 module; "": SoftHSM 2 where it is found */
    char token_label[IDP_TEXT_MAX];
    char pin_file[IDP_TEXT_MAX];     /* "": HOME/pin */
    char softhsm_conf[IDP_TEXT_MAX]; /* "": HOME/token/softhsm2.conf */
    int64_t signers;                 /* signer processes; 0: one a core */
    int64_t token_deadline_ms;
    int64_t key_tables;           /* tables of issuers' keys; 0: none */
    int64_t seen_credentials;     /* remembered for their issuers' signatures; 0: none */
    int64_t http_threads;         /* 0: one a core */
    int64_t http_connections;     /* at once */
    int64_t http_body_max;        /* bytes; live, see idp_config_change() */
    int64_t http_deadline_ms;     /* of one request, from its first byte; live */
    int64_t workers;              /* for handlers that wait */
    int64_t status_cadence_s;     /* how often lists are published without a change; live */
    int64_t approval_days;        /* how long an import waits for a second operator */
    char log_level[IDP_TEXT_MAX]; /* debug, info, warn, error; live */
};

/* One setting that does not hold. */
struct idp_config_error {
    char pointer[64];
    const char *what; /* static */
};

/** Fill `config` with the defaults. */
void idp_config_defaults(struct idp_config *config);

/**
 * Read a configuration over the defaults.
 *
 * errors  LW_E_SYNTAX  no JSON object; LW_E_VALUE  `error` says which setting and why
 */
LW_MUST_USE lw_err idp_config_read(lw_bytes json, struct idp_config *config,
                                   struct idp_config_error *error);

/** Append `config` as JSON with every setting, as `--print-config` shows it. */
LW_MUST_USE lw_err idp_config_print(const struct idp_config *config, lw_buf *json);

/** Append the settings as the body of a manual page (roff), from the same table. */
LW_MUST_USE lw_err idp_config_manual(lw_buf *roff);

/**
 * Walk the settings in which two configurations differ.
 *
 * at       0 at first; moved on by each call
 * live     set to whether a running service takes it over; all others need a restart
 * returns  the setting's name, static, or NULL when there is none left
 */
const char *idp_config_change(const struct idp_config *was, const struct idp_config *is, size_t *at,
                              bool *live);

/**
 * Check what one setting alone cannot show.
 *
 * errors  LW_E_DENIED  the API would answer beyond loopback; http outside development
 */
LW_MUST_USE lw_err idp_config_check(const struct idp_config *config,
                                    struct idp_config_error *error);

#endif
