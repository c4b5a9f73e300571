#include "wallet/csv_write.h"

#include "csv_iconv.h"
#include "csv_internal.h"

enum { CONVERTED_MAX = 4 };

static char delimiter_of(const struct wallet_csv_form *form)
{
    return csv_delimiter_char(form->delimiter);
}

/* RFC 4180 section 2: a cell with a delimiter, a quotation mark or a line break is quoted. */
static lw_err put_quoted(lw_buf *out, lw_str text, char delimiter)
{
    bool plain = true;
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.ptr[i];
        plain = plain && c != delimiter && c != '"' && c != '\n' && c != '\r';
    }
    if (plain) {
        return lw_buf_put_str(out, text);
    }
    LW_TRY(lw_buf_put_byte(out, '"'));
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"') {
            LW_TRY(lw_buf_put_byte(out, '"'));
        }
        LW_TRY(lw_buf_put_byte(out, (uint8_t)text.ptr[i]));
    }
    return lw_buf_put_byte(out, '"');
}

/* No character becomes longer in GB18030 than its four bytes. */
static lw_err convert(iconv_t cd, lw_str utf8, lw_buf *out)
{
    uint8_t *to = NULL;
    const size_t room = CONVERTED_MAX * (utf8.len + 1);
    LW_TRY(lw_buf_reserve(out, room, &to));
    char *in = (char *)(uintptr_t)utf8.ptr; /* iconv() only reads it */
    size_t in_left = utf8.len;
    char *put = (char *)to;
    size_t left = room;
    if (utf8.len > 0 && iconv(cd, &in, &in_left, &put, &left) == (size_t)-1) {
        return LW_FAIL(LW_E_VALUE, "csv: not UTF-8", LW_NOWHERE);
    }
    lw_buf_commit(out, room - left);
    return LW_SUCCESS;
}

static lw_err to_gb18030(lw_str utf8, lw_buf *out)
{
    iconv_t cd = NULL;
    LW_TRY(csv_iconv_open("GB18030", "UTF-8", &cd));
    const lw_err err = convert(cd, utf8, out);
    (void)iconv_close(cd);
    return err;
}

lw_err wallet_csv_put_first(lw_buf *out, lw_str text, const struct wallet_csv_form *form)
{
    LW_AUTO_BUF cell = LW_BUF(2 * (size_t)WALLET_CSV_CELL_MAX + 3);
    const size_t before = out->len;
    LW_TRY(put_quoted(&cell, text, delimiter_of(form)));
    lw_err err = form->encoding == WALLET_CSV_GB18030 ? to_gb18030(lw_buf_text(&cell), out)
                                                      : lw_buf_put(out, lw_buf_view(&cell));
    err = err.code == LW_OK ? lw_buf_put_byte(out, (uint8_t)delimiter_of(form)) : err;
    if (err.code != LW_OK) {
        lw_buf_truncate(out, before);
    }
    return err;
}

/* No byte of a GB18030 character is a delimiter or a quotation mark. */
size_t wallet_csv_first_len(lw_bytes row, const struct wallet_csv_form *form)
{
    bool quoted = false;
    for (size_t i = 0; i < row.len; i++) {
        if (row.ptr[i] == '"') {
            quoted = !quoted;
        } else if (!quoted && row.ptr[i] == (uint8_t)delimiter_of(form)) {
            return i + 1;
        }
    }
    return row.len;
}

size_t wallet_csv_names_at(lw_bytes header)
{
    static const uint8_t utf8_mark[] = {0xef, 0xbb, 0xbf};
    static const uint8_t gb18030_mark[] = {0x84, 0x31, 0x95, 0x33};
    enum wallet_csv_delimiter said = WALLET_CSV_ANY;
    size_t at = 0;
    if (lw_str_starts(lw_bytes_str(header), lw_bytes_str(LW_BYTES(utf8_mark)))) {
        at = sizeof(utf8_mark);
    } else if (lw_str_starts(lw_bytes_str(header), lw_bytes_str(LW_BYTES(gb18030_mark)))) {
        at = sizeof(gb18030_mark);
    }
    return at + csv_sep_line((lw_bytes){header.ptr + at, header.len - at}, &said);
}
