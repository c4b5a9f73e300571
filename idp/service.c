/* Start and stop: the listener, and the thread that keeps lists, heads and grants up to date. */
#define _GNU_SOURCE

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "service_internal.h"
#include "wallet/flow_issue.h"

enum { WORK_QUEUE_MAX = 4096, MAX_THREADS = 64 };

static void *background(void *arg)
{
    struct idp_service *service = arg;
    (void)pthread_mutex_lock(&service->lock);
    while (!service->stopping) {
        struct timespec until;
        const int64_t at = lw_clock_system()->mono_ns(NULL) + 1000000000;
        until = (struct timespec){.tv_sec = (time_t)(at / 1000000000),
                                  .tv_nsec = (long)(at % 1000000000)};
        (void)pthread_mutex_unlock(&service->lock);
        idp_background_step(service);
        (void)pthread_mutex_lock(&service->lock);
        if (!service->stopping) {
            (void)pthread_cond_timedwait(&service->stop_news, &service->lock, &until);
        }
    }
    (void)pthread_mutex_unlock(&service->lock);
    return NULL;
}

static lw_err start_background(struct idp_service *service)
{
    pthread_condattr_t attributes;
    (void)pthread_mutex_init(&service->lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&service->stop_news, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    if (pthread_create(&service->background, NULL, background, service) != 0) {
        return LW_FAIL(LW_E_NOMEM, "service: cannot start a thread", LW_NOWHERE);
    }
    service->background_runs = true;
    return LW_SUCCESS;
}

static lw_err start_server(struct idp_service *service)
{
    const struct wallet_env *env = wallet_home_env(service->home);
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned threads = service->config->http_threads > 0 ? (unsigned)service->config->http_threads
                                                         : (unsigned)(cores > 0 ? cores : 1);
    threads = threads > MAX_THREADS ? MAX_THREADS : threads;
    size_t count = 0;
    const struct idp_route *routes = idp_routes(&count);
    const struct idp_server_config config = {
        .listen = service->config->listen,
        .threads = threads,
        .workers = (unsigned)service->config->workers,
        .queue_max = WORK_QUEUE_MAX,
        .connections = (unsigned)service->config->http_connections,
        .body_max = (size_t)service->config->http_body_max,
        .deadline_ms = service->config->http_deadline_ms,
        .routes = routes,
        .route_count = count,
        .service = service,
        .clock = env->clock,
        .rng = env->rng,
        .log = env->log,
    };
    return idp_server_start(&config, &service->server);
}

static lw_err start(struct idp_service *service)
{
    size_t voided = 0;
    struct idp_config_error fault;
    LW_TRY(idp_config_check(service->config, &fault));
    LW_TRY(wallet_flow_recover(service->home, &voided));
    idp_keys_start(service);
    LW_TRY(wallet_verifier_online(service->home, &service->verifier));
    idp_background_first(service);
    LW_TRY(start_background(service));
    return start_server(service);
}

lw_err idp_service_start(const struct idp_config *config, struct wallet_home *home,
                         const char *scan_program, struct idp_service **service)
{
    struct idp_service *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return LW_FAIL(LW_E_NOMEM, "service: out of memory", LW_NOWHERE);
    }
    made->config = config;
    atomic_store(&made->status_cadence_s, config->status_cadence_s);
    made->home = home;
    made->scan_program = scan_program;
    const lw_err err = start(made);
    if (err.code != LW_OK) {
        idp_service_stop(made, 0);
        return err;
    }
    *service = made;
    return LW_SUCCESS;
}

void idp_service_apply(struct idp_service *service, const struct idp_config *config)
{
    atomic_store(&service->status_cadence_s, config->status_cadence_s);
    idp_server_limit(service->server, (size_t)config->http_body_max, config->http_deadline_ms);
}

unsigned idp_service_port(const struct idp_service *service)
{
    return idp_server_port(service->server);
}

void idp_service_stop(struct idp_service *service, int64_t drain_ms)
{
    if (service == NULL) {
        return;
    }
    idp_server_stop(service->server, drain_ms);
    if (service->background_runs) {
        (void)pthread_mutex_lock(&service->lock);
        service->stopping = true;
        (void)pthread_cond_signal(&service->stop_news);
        (void)pthread_mutex_unlock(&service->lock);
        (void)pthread_join(service->background, NULL);
        (void)pthread_cond_destroy(&service->stop_news);
        (void)pthread_mutex_destroy(&service->lock);
    }
    wallet_verifier_free(service->verifier);
    idp_keys_stop(service);
    free(service);
}
