/* The extensions of a certificate that we know. Internal to hsm. */
#ifndef HSM_X509_EXT_H
#define HSM_X509_EXT_H

#include <openssl/x509.h>

#include "hsm/x509.h"

/**
 * Read the extensions into `cert`: uses, constraints and key identifiers.
 *
 * errors  LW_E_SYNTAX, LW_E_VALUE, LW_E_UNSUPPORTED, LW_E_LIMIT as hsm_cert_parse()
 */
LW_MUST_USE lw_err hsm_x509_extensions(X509 *x509, struct hsm_cert *cert);

#endif
