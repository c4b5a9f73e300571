/* The service from within idp: what handlers work with. */
#ifndef IDP_SERVICE_INTERNAL_H
#define IDP_SERVICE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "idp/server.h"
#include "idp/service.h"
#include "wallet/flow_verify.h"

enum { IDP_DOCUMENT_MAX = 8 * 1024 * 1024 };

/* Counters for /metrics; each is added to by many threads. */
struct idp_counters {
    atomic_ulong accepted;
    atomic_ulong refused;
    atomic_ulong undetermined;
    atomic_ulong failed; /* verifications that ended in an error */
    atomic_ulong lists_signed;
    atomic_ulong background_errors;
};

/* What is known of the keys, told by /readyz and /metrics; made anew each minute. */
struct idp_keys {
    pthread_mutex_t lock; /* guards what is below */
    lw_buf metrics;       /* Prometheus text */
    char line[256];       /* of /readyz: "ok", or what is wrong */
    unsigned alarms;
    int64_t next_ms;   /* monotonic: when to look again */
    int64_t logged_at; /* when alarms were logged last */
    bool runs;
};

struct idp_service {
    const struct idp_config *config; /* as it was at the start */
    _Atomic int64_t status_cadence_s;
    struct wallet_home *home;
    const char *scan_program;
    struct wallet_verifier *verifier;
    struct idp_server *server;
    struct idp_counters counters;
    struct idp_keys keys;
    pthread_t background;      /* publishes lists, signs heads, purges */
    int64_t approvals_next_ms; /* monotonic, of the background: when to look for late ones again */
    bool background_runs;
    pthread_mutex_t lock;
    pthread_cond_t stop_news;
    bool stopping;
};

/** Return the table of routes and set its length; static. */
const struct idp_route *idp_routes(size_t *count);

/** Sign some of the lists that are due, before the first answer: a new one is had at once. */
void idp_background_first(struct idp_service *service);

/** Learn what there is to tell of the keys; at start, before the background thread runs. */
void idp_keys_start(struct idp_service *service);
void idp_keys_stop(struct idp_service *service);

/**
 * Once a second: unlock what a token that has come allows; once a minute: take the steps of key
 * rotations that are due, and look for keys that end soon.
 */
LW_MUST_USE lw_err idp_keys_step(struct idp_service *service);

/** Copy the line of /readyz. */
void idp_keys_line(struct idp_service *service, char line[256]);
/** Append the metrics of the keys. */
LW_MUST_USE lw_err idp_keys_metrics(struct idp_service *service, lw_buf *text);

/** What the background thread does once a second. */
void idp_background_step(struct idp_service *service);

idp_handler idp_get_health;
idp_handler idp_get_ready;
idp_handler idp_get_metrics;
idp_handler idp_get_status_list;
idp_handler idp_get_status_lists;
idp_handler idp_get_trust_list;
idp_handler idp_get_crl;
idp_handler idp_get_type_metadata;
idp_handler idp_get_types;
idp_handler idp_get_type;
idp_handler idp_post_verification;
idp_handler idp_post_challenge;
idp_handler idp_get_receipt;
idp_handler idp_get_audit_head;

/** Say whether a verification waits: an image is scanned. */
bool idp_verification_waits(const struct idp_request *request);

#endif
