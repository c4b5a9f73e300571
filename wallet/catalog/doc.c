#include "doc.h"

static bool is_id_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

lw_str catalog_id(const struct wallet_json_at *at)
{
    const lw_str id = wallet_json_at_text(at, 1, CATALOG_ID_MAX);
    for (size_t i = 0; i < id.len; i++) {
        const bool at_end = i == 0 || i + 1 == id.len;
        if (!is_id_char(id.ptr[i]) || (at_end && id.ptr[i] == '-')) {
            wallet_json_at_fault(at, "must be lower-case letters, digits and '-' between them");
            return LW_STR("");
        }
    }
    return id;
}

lw_str catalog_text(const struct wallet_json_at *at, size_t max)
{
    const lw_str text = wallet_json_at_text(at, 1, max);
    for (size_t i = 0; i < text.len; i++) {
        const unsigned char c = (unsigned char)text.ptr[i];
        if (c < ' ' || c == 0x7f) {
            wallet_json_at_fault(at, "must hold no control characters");
            return LW_STR("");
        }
    }
    return text;
}

struct wallet_name catalog_name(const struct wallet_json_at *at)
{
    if (!wallet_json_at_object(at)) {
        return (struct wallet_name){0};
    }
    wallet_json_at_only(at, (const char *const[]){"zh", "en", NULL});
    const struct wallet_json_at zh = wallet_json_at_member(at, "zh");
    const struct wallet_json_at en = wallet_json_at_member(at, "en");
    return (struct wallet_name){.zh = catalog_text(&zh, CATALOG_TEXT_MAX),
                                .en = catalog_text(&en, CATALOG_TEXT_MAX)};
}

size_t catalog_ids(const struct wallet_json_at *at, size_t min, lw_str ids[WALLET_LIST_MAX])
{
    const size_t count = wallet_json_at_array(at, min, WALLET_LIST_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct wallet_json_at element = wallet_json_at_element(at, i);
        ids[i] = catalog_id(&element);
        for (size_t k = 0; k < i; k++) {
            if (ids[i].len > 0 && lw_str_eq(ids[i], ids[k])) {
                wallet_json_at_fault(&element, "is given twice");
            }
        }
    }
    return count;
}

lw_err catalog_verdict(const struct wallet_json_faults *faults, size_t *error_count)
{
    *error_count = faults->count < faults->max ? faults->count : faults->max;
    if (faults->count > 0) {
        return LW_FAIL(LW_E_VALUE, "catalog: the document does not hold", LW_NOWHERE);
    }
    return LW_SUCCESS;
}
