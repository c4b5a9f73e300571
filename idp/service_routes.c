/* Every address of the service, in one table. */
#include "service_internal.h"

enum { IMAGE_MAX = 16 * 1024 * 1024, SMALL_BODY = 16 * 1024 };

static const struct idp_route routes[] = {
    {IDP_POST, "/api/v1/verifications", idp_post_verification, idp_verification_waits, IMAGE_MAX},
    {IDP_POST, "/api/v1/challenges", idp_post_challenge, idp_waits_always, SMALL_BODY},
    {IDP_GET, "/api/v1/receipts/{id}", idp_get_receipt, idp_waits_always, 0},
    {IDP_GET, "/api/v1/audit/head", idp_get_audit_head, idp_waits_always, 0},
    {IDP_GET, "/api/v1/catalog/types", idp_get_types, NULL, 0},
    {IDP_GET, "/api/v1/catalog/types/{id}", idp_get_type, NULL, 0},
    {IDP_GET, "/status/{n}", idp_get_status_list, NULL, 0},
    {IDP_GET, "/status", idp_get_status_lists, NULL, 0},
    {IDP_GET, "/trust-list", idp_get_trust_list, idp_waits_always, 0},
    {IDP_GET, "/ca.crl", idp_get_crl, NULL, 0},
    {IDP_GET, "/crl/{ca}", idp_get_crl, NULL, 0},
    {IDP_GET, "/vct/{type}", idp_get_type_metadata, NULL, 0},
    {IDP_GET, "/healthz", idp_get_health, NULL, 0},
    {IDP_GET, "/readyz", idp_get_ready, NULL, 0},
    {IDP_GET, "/metrics", idp_get_metrics, NULL, 0},
};

const struct idp_route *idp_routes(size_t *count)
{
    *count = sizeof(routes) / sizeof(routes[0]);
    return routes;
}
