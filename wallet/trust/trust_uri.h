/* URIs as a trust list names them: compared as text, so only one spelling is taken. */
#ifndef TRUST_URI_H
#define TRUST_URI_H

#include "lw/buf.h"

/** Say whether `uri` is http(s) with a host, of visible ASCII, and nothing that needs resolving. */
bool trust_uri_is_plain(lw_str uri);

/** Say whether `uri` equals `prefix` or goes on below it, at a '/'. Both are plain. */
bool trust_uri_is_below(lw_str uri, lw_str prefix);

#endif
