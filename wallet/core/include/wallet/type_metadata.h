/* SD-JWT VC type metadata of a license type (draft-ietf-oauth-sd-jwt-vc section 6). Pure. */
#ifndef WALLET_TYPE_METADATA_H
#define WALLET_TYPE_METADATA_H

#include "wallet/license_type.h"

/**
 * Append the metadata document: vct, name, display in Chinese and English, and for each claim that
 * a credential may hold its path, labels, whether it is mandatory, and how it is disclosed.
 *
 * errors  as lw_buf_put()
 * source  specs/sd-jwt-vc.md section 8
 */
LW_MUST_USE lw_err wallet_type_metadata(const struct wallet_license_type *type, lw_buf *json);

#endif
