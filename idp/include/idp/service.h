/* What `lw serve` runs: start, publish, drain, stop. */
#ifndef IDP_SERVICE_H
#define IDP_SERVICE_H

#include "idp/config.h"
#include "wallet/home.h"

struct idp_service;

/**
 * Start to serve: recover intents, publish status lists, open the listener.
 *
 * home    opened with WALLET_HOME_SIGN; stays the caller's, outlives the service
 * scan_program  path of lw-scan
 * errors  LW_E_DENIED  would answer beyond loopback; LW_E_IO  the address is taken
 */
LW_MUST_USE lw_err idp_service_start(const struct idp_config *config, struct wallet_home *home,
                                     const char *scan_program, struct idp_service **service);

/**
 * Take over the live settings (idp_config_change()) of a configuration that holds; the log's level
 * is the caller's to set. `config` is not kept.
 */
void idp_service_apply(struct idp_service *service, const struct idp_config *config);

/** Return the port the service listens on (for a configured port 0), or 0 for a unix socket. */
unsigned idp_service_port(const struct idp_service *service);

/** Take no new requests, let those under way end within `drain_ms`, then stop and free. */
void idp_service_stop(struct idp_service *service, int64_t drain_ms);

#endif
