#include <stdlib.h>
#include <string.h>

#include "signer.h"

/* The token's keys of ours while they are listed: one search a class, since each is linear. */
struct listing {
    CK_OBJECT_HANDLE handles[TOKEN_KEYS_MAX];
    size_t count;
    struct token_key public_keys[TOKEN_KEYS_MAX];
    size_t public_count;
};

static wire_result gather(struct token *t, struct listing *list, CK_OBJECT_CLASS class)
{
    const wire_result result =
        key_search(t, class, NULL, list->handles, TOKEN_KEYS_MAX, &list->count);
    return result == HSM_WIRE_OK && list->count == TOKEN_KEYS_MAX ? HSM_WIRE_TOO_MANY : result;
}

static bool is_extractable(struct token *t, CK_OBJECT_HANDLE handle)
{
    CK_BBOOL extractable = CK_TRUE;
    CK_ATTRIBUTE template[] = {{CKA_EXTRACTABLE, &extractable, sizeof(extractable)}};
    const CK_RV rv = TOKEN_CALL(t, C_GetAttributeValue(t->session, handle, template, 1));
    return rv != CKR_OK || extractable != CK_FALSE;
}

static void add_point(struct token *t, const struct listing *list, struct hsm_wire *record)
{
    for (size_t i = 0; i < list->public_count; i++) {
        struct hsm_public_key point = {0};
        if (strcmp(list->public_keys[i].label, record->label) == 0 &&
            key_public_half(t, list->public_keys[i].handle, (enum hsm_purpose)record->purpose,
                            &point) == HSM_WIRE_OK) {
            memcpy(record->data, point.point, point.point_len);
            record->len = point.point_len;
            return;
        }
    }
}

static wire_result list_all(struct token *t, struct listing *list,
                            void (*emit)(void *ctx, const struct hsm_wire *record), void *ctx)
{
    static const CK_OBJECT_CLASS classes[] = {CKO_PRIVATE_KEY, CKO_SECRET_KEY};
    wire_result result = gather(t, list, CKO_PUBLIC_KEY);
    for (size_t i = 0; i < list->count && result == HSM_WIRE_OK; i++) {
        if (key_describe(t, list->handles[i], &list->public_keys[list->public_count])) {
            list->public_count++;
        }
    }
    for (size_t c = 0; c < 2 && result == HSM_WIRE_OK; c++) {
        result = gather(t, list, classes[c]);
        for (size_t i = 0; i < list->count && result == HSM_WIRE_OK; i++) {
            struct token_key key;
            if (!key_describe(t, list->handles[i], &key)) {
                continue;
            }
            struct hsm_wire record = {.flags = HSM_WIRE_MORE, .purpose = (uint8_t)key.purpose};
            memcpy(record.label, key.label, sizeof(record.label));
            if (is_extractable(t, key.handle)) {
                record.flags |= HSM_WIRE_EXTRACTABLE;
            }
            if (key.class == CKO_PRIVATE_KEY) {
                add_point(t, list, &record);
            }
            emit(ctx, &record);
        }
    }
    return result;
}

wire_result key_list(struct token *t, void (*emit)(void *ctx, const struct hsm_wire *record),
                     void *ctx)
{
    struct listing *list = calloc(1, sizeof(*list));
    if (list == NULL) {
        return HSM_WIRE_TOO_MANY;
    }
    const wire_result result = list_all(t, list, emit, ctx);
    free(list);
    return result;
}
