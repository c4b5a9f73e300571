/* Receipts as who gets one checks it: by its own words alone. Fails the test when it does not hold.
 */
#ifndef SUPPORT_RECEIPT_H
#define SUPPORT_RECEIPT_H

#include <jansson.h>

/** Return a text member, which must be there; valid while the JSON is. */
const char *support_text_of(const json_t *object, const char *name);

/** The leaf opens to its hash and is in the tree of the head; with a bit changed it is not. */
void support_expect_proven(const json_t *receipt);

#endif
