#include <stdlib.h>

#include "wallet/import_map.h"

static bool is_digits(lw_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') {
            return false;
        }
    }
    return s.len > 0;
}

static lw_str without_zeros(lw_str s)
{
    size_t zeros = 0;
    while (s.len - zeros > 1 && s.ptr[zeros] == '0') {
        zeros++;
    }
    return zeros == 0 ? s : (lw_str){.ptr = s.ptr + zeros, .len = s.len - zeros};
}

int wallet_version_cmp(lw_str a, lw_str b)
{
    const lw_str x = without_zeros(a);
    const lw_str y = without_zeros(b);
    if (is_digits(a) && is_digits(b)) {
        if (x.len != y.len) {
            return x.len < y.len ? -1 : 1;
        }
        const int order = lw_bytes_cmp(lw_str_bytes(x), lw_str_bytes(y));
        if (order != 0) {
            return order;
        }
    }
    return lw_bytes_cmp(lw_str_bytes(a), lw_str_bytes(b));
}

static int cmp_terms(const void *left, const void *right)
{
    const struct wallet_import_term *a = left;
    const struct wallet_import_term *b = right;
    int order = lw_bytes_cmp(lw_str_bytes(a->number), lw_str_bytes(b->number));
    if (order == 0 && a->valid_from != b->valid_from) {
        order = a->valid_from < b->valid_from ? -1 : 1;
    }
    if (order == 0) {
        order = wallet_version_cmp(a->version, b->version);
    }
    if (order == 0 && a->row != b->row) {
        order = a->row < b->row ? -1 : 1;
    }
    return order;
}

void wallet_import_terms_sort(struct wallet_import_term *terms, size_t count)
{
    if (count > 1) {
        qsort(terms, count, sizeof(*terms), cmp_terms);
    }
}

bool wallet_import_term_current(const struct wallet_import_term *terms, size_t count, size_t i)
{
    return count - i == 1 || !lw_str_eq(terms[i].number, terms[i + 1].number);
}
