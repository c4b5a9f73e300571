#include "der.h"

enum { CONSTRUCTED = 0x20, CLASS_MASK = 0xc0, NUMBER_MASK = 0x1f, LONG_LENGTH = 0x80 };
enum { DEPTH_MAX = 16, UTC_TIME_LEN = 13, GENERALIZED_TIME_LEN = 15 };

static lw_err bad(const char *why, size_t at)
{
    return LW_FAIL(LW_E_SYNTAX, why, at);
}

/* Reads the length at in[1]; `*header` becomes the length of tag and length together. */
static lw_err read_length(lw_bytes in, size_t *header, size_t *len)
{
    const uint8_t first = in.ptr[1];
    *header = 2;
    *len = first;
    if (first < LONG_LENGTH) {
        return LW_SUCCESS;
    }
    const size_t count = first & (LONG_LENGTH - 1U);
    if (count == 0 || count > 3) {
        return bad("der: length indefinite or too long", 1);
    }
    if (in.len - 2 < count) {
        return bad("der: length cut off", in.len);
    }
    *len = 0;
    for (size_t i = 0; i < count; i++) {
        *len = *len << 8 | in.ptr[2 + i];
    }
    *header += count;
    if (*len < LONG_LENGTH || *len >> (8 * (count - 1)) == 0) {
        return bad("der: length not in its shortest form", 1);
    }
    return LW_SUCCESS;
}

lw_err hsm_der_first(lw_bytes in, struct hsm_der *element)
{
    size_t header = 0;
    size_t len = 0;
    if (in.len < 2) {
        return bad("der: element cut off", in.len);
    }
    if ((in.ptr[0] & NUMBER_MASK) == NUMBER_MASK) {
        return bad("der: tag of several bytes", 0);
    }
    LW_TRY(read_length(in, &header, &len));
    if (in.len - header < len) {
        return bad("der: content cut off", in.len);
    }
    *element = (struct hsm_der){.tag = in.ptr[0],
                                .content = {.ptr = in.ptr + header, .len = len},
                                .whole = {.ptr = in.ptr, .len = header + len}};
    return LW_SUCCESS;
}

lw_err hsm_der_next(lw_bytes *rest, uint8_t tag, struct hsm_der *element)
{
    LW_TRY(hsm_der_first(*rest, element));
    if (element->tag != tag) {
        return bad("der: another element expected", 0);
    }
    rest->ptr += element->whole.len;
    rest->len -= element->whole.len;
    return LW_SUCCESS;
}

static bool is_integer(lw_bytes c)
{
    if (c.len < 2) {
        return c.len == 1;
    }
    const bool more_zero = c.ptr[0] == 0x00 && (c.ptr[1] & 0x80) == 0;
    const bool more_ones = c.ptr[0] == 0xff && (c.ptr[1] & 0x80) != 0;
    return !more_zero && !more_ones;
}

static bool is_bit_string(lw_bytes c)
{
    if (c.len == 0 || c.ptr[0] > 7) {
        return false;
    }
    const unsigned unused = (1U << c.ptr[0]) - 1;
    return c.len == 1 ? c.ptr[0] == 0 : (c.ptr[c.len - 1] & unused) == 0;
}

static bool is_oid(lw_bytes c)
{
    bool begins = true;
    for (size_t i = 0; i < c.len; i++) {
        if (begins && c.ptr[i] == 0x80) {
            return false;
        }
        begins = (c.ptr[i] & 0x80) == 0;
    }
    return c.len > 0 && begins;
}

/* RFC 5280 sections 4.1.2.5.1 and 4.1.2.5.2: seconds, no fraction, "Z". */
static bool is_time(lw_bytes c, size_t len)
{
    if (c.len != len || c.ptr[len - 1] != 'Z') {
        return false;
    }
    for (size_t i = 0; i + 1 < len; i++) {
        if (c.ptr[i] < '0' || c.ptr[i] > '9') {
            return false;
        }
    }
    return true;
}

static bool is_value(const struct hsm_der *e)
{
    const lw_bytes c = e->content;
    switch (e->tag) {
    case HSM_DER_BOOLEAN:
        return c.len == 1 && c.ptr[0] == 0xff; /* RFC 5280: FALSE is always the default */
    case HSM_DER_INTEGER:
    case HSM_DER_ENUMERATED:
        return is_integer(c);
    case HSM_DER_BIT_STRING:
        return is_bit_string(c);
    case HSM_DER_NULL:
        return c.len == 0;
    case HSM_DER_OID:
        return is_oid(c);
    case HSM_DER_UTC_TIME:
        return is_time(c, UTC_TIME_LEN);
    case HSM_DER_GENERALIZED_TIME:
        return is_time(c, GENERALIZED_TIME_LEN);
    case HSM_DER_SEQUENCE:
    case HSM_DER_SET:
        return true;
    default:
        break;
    }
    /* Of the universal class nothing else is constructed, and number 0 is no type. */
    const bool universal = (e->tag & CLASS_MASK) == 0;
    const bool sequence_in_primitive = e->tag == (HSM_DER_SEQUENCE & ~CONSTRUCTED) ||
                                       e->tag == (HSM_DER_SET & ~CONSTRUCTED) || e->tag == 0;
    return !universal || ((e->tag & CONSTRUCTED) == 0 && !sequence_in_primitive);
}

static lw_err check_elements(lw_bytes in, size_t at, unsigned depth, bool sorted)
{
    lw_bytes before = {.ptr = NULL, .len = 0};
    if (depth > DEPTH_MAX) {
        return bad("der: nested too deep", at);
    }
    while (in.len > 0) {
        struct hsm_der e;
        const lw_err err = hsm_der_first(in, &e);
        if (err.code != LW_OK) {
            return bad(err.why, at + err.at);
        }
        if (!is_value(&e)) {
            return bad("der: value not in its one form", at);
        }
        if (sorted && lw_bytes_cmp(before, e.whole) > 0) {
            return bad("der: set not in order", at); /* X.690 section 11.6 */
        }
        if ((e.tag & CONSTRUCTED) != 0) {
            const size_t inner = at + (e.whole.len - e.content.len);
            LW_TRY(check_elements(e.content, inner, depth + 1, e.tag == HSM_DER_SET));
        }
        before = e.whole;
        at += e.whole.len;
        in.ptr += e.whole.len;
        in.len -= e.whole.len;
    }
    return LW_SUCCESS;
}

lw_err hsm_der_check(lw_bytes in)
{
    struct hsm_der outer;
    LW_TRY(hsm_der_first(in, &outer));
    if (outer.whole.len != in.len) {
        return bad("der: more bytes after the element", outer.whole.len);
    }
    return check_elements(in, 0, 0, false);
}
