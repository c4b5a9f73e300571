/* The claims of a license type, read and checked from its document. */
#ifndef CATALOG_CLAIM_DEFS_H
#define CATALOG_CLAIM_DEFS_H

#include "doc.h"

/** Read the array of claims at `at` into `type`, whose formats were read before. */
void claim_defs_read(const struct wallet_json_at *at, struct wallet_license_type *type);

#endif
