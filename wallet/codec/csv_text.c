/* What kind of file it is and of which encoding: certain, or asked. */
#include <errno.h>
#include <stdlib.h>

#include "csv_iconv.h"
#include "csv_internal.h"
#include "utf8.h"

struct csv_gb18030 {
    iconv_t iconv;
};

size_t csv_line_len(lw_bytes in)
{
    const uint8_t *nl = memchr(in.ptr, '\n', in.len);
    const size_t len = nl == NULL ? in.len : (size_t)(nl - in.ptr) + 1;
    const uint8_t *cr = memchr(in.ptr, '\r', len);
    if (cr == NULL) {
        return len;
    }
    const size_t with_cr = (size_t)(cr - in.ptr) + 1;
    return with_cr < len && in.ptr[with_cr] == '\n' ? with_cr + 1 : with_cr;
}

size_t csv_line_of(lw_bytes in, size_t offset, size_t *byte)
{
    size_t line = 1;
    size_t start = 0;
    for (;;) {
        const size_t len = csv_line_len((lw_bytes){in.ptr + start, in.len - start});
        if (offset - start < len || len == 0) {
            *byte = offset - start;
            return line;
        }
        start += len;
        line++;
    }
}

size_t csv_cells_before(lw_bytes in, size_t offset, char delimiter)
{
    size_t cells = 0;
    bool quoted = false;
    for (size_t i = 0; i < offset; i++) {
        const uint8_t c = in.ptr[i];
        quoted = c == '"' ? !quoted : quoted;
        if (!quoted && (c == '\n' || c == '\r')) {
            cells = 0;
        } else if (!quoted && c == (uint8_t)delimiter) {
            cells++;
        }
    }
    return cells;
}

bool csv_convert_some(struct csv_gb18030 *cd, lw_bytes *in, char *out, size_t *out_len)
{
    /* iconv() takes the input as char **, though it only reads it. */
    char *from = NULL;
    memcpy(&from, &in->ptr, sizeof(from));
    size_t from_len = in->len;
    char *to = out;
    size_t to_len = CSV_CONVERTED_MAX;
    const size_t result = iconv(cd->iconv, &from, &from_len, &to, &to_len);
    *out_len = CSV_CONVERTED_MAX - to_len;
    in->ptr += in->len - from_len;
    in->len = from_len;
    return result != (size_t)-1 || errno == E2BIG;
}

/* Says whether all of `in` is GB18030; `bad` is set to the offset of what is not. */
static bool gb18030_valid(struct csv_gb18030 *cd, lw_bytes in, size_t *bad)
{
    char scratch[CSV_CONVERTED_MAX];
    lw_bytes rest = in;
    bool holds = true;
    while (holds && rest.len > 0) {
        size_t made = 0;
        holds = csv_convert_some(cd, &rest, scratch, &made);
    }
    (void)iconv(cd->iconv, NULL, NULL, NULL, NULL);
    *bad = in.len - rest.len;
    return holds;
}

static lw_err open_iconv(struct csv_text *text)
{
    struct csv_gb18030 *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return LW_FAIL(LW_E_NOMEM, "csv: out of memory", LW_NOWHERE);
    }
    const lw_err err = csv_iconv_open("UTF-8", "GB18030", &made->iconv);
    if (err.code != LW_OK) {
        free(made);
        return err;
    }
    text->gb18030 = made;
    return LW_SUCCESS;
}

void csv_gb18030_free(struct csv_gb18030 *cd)
{
    if (cd != NULL) {
        (void)iconv_close(cd->iconv);
        free(cd);
    }
}

/*
 * UTF-8 that has sequences of two bytes only is always GB18030 as well: "\xcd\xa8" is U+0368 or
 * U+901A. Of three bytes and more it is certain: as GB18030 those are rare characters, and halves
 * of two. `first` is set to the first byte above ASCII.
 */
static bool utf8_certain(lw_bytes in, size_t *first)
{
    bool any = false;
    for (size_t i = 0; i < in.len; i++) {
        if (in.ptr[i] >= 0xe0) {
            return true;
        }
        if (in.ptr[i] >= 0x80 && !any) {
            any = true;
            *first = i;
        }
    }
    return !any;
}

/*
 * Text in Chinese is made of the characters of GB 2312; those that GBK and GB18030 added are rare
 * in it. Latin letters with accents, Big5 or Shift-JIS read as GB18030 are mostly of the others.
 */
static bool gb18030_certain(lw_bytes in, size_t *first)
{
    size_t common = 0;
    size_t rare = 0;
    for (size_t i = 0; i + 1 < in.len; i++) {
        const uint8_t lead = in.ptr[i];
        const uint8_t trail = in.ptr[i + 1];
        if (lead < 0x80) {
            continue;
        }
        *first = common + rare == 0 ? i : *first;
        const bool symbol = lead == 0xa1 || lead == 0xa3;
        const bool hanzi = lead >= 0xb0 && lead <= 0xf7;
        if (trail >= 0xa1 && (symbol || hanzi)) {
            common++;
        } else {
            rare++;
        }
        i += trail >= '0' && trail <= '9' ? 3 : 1;
    }
    return common >= 3 * rare;
}

static lw_err check_gb18030(struct csv_text *text, lw_bytes in, bool asked, size_t bad_utf8)
{
    LW_TRY(open_iconv(text));
    text->encoding = WALLET_CSV_GB18030;
    const bool holds = gb18030_valid(text->gb18030, in, &text->bad);
    if (holds && (asked || gb18030_certain(in, &text->bad))) {
        return LW_SUCCESS;
    }
    if (holds) {
        return LW_FAIL(LW_E_SYNTAX,
                       "csv: this may be GB18030, or text of another encoding: say --encoding "
                       "gb18030 if it is, else save the sheet as CSV UTF-8",
                       LW_NOWHERE);
    }
    if (asked) {
        return LW_FAIL(LW_E_SYNTAX, "csv: this is not GB18030: save the sheet anew as CSV UTF-8",
                       LW_NOWHERE);
    }
    /* The encoding that held longer is the one that was meant. */
    if (text->bad < bad_utf8) {
        text->bad = bad_utf8;
        text->encoding = WALLET_CSV_UTF8;
    }
    return LW_FAIL(LW_E_SYNTAX,
                   "csv: neither UTF-8 nor GB18030 from here on: the file is damaged, or mixed "
                   "from files of two encodings; save the sheet anew as CSV UTF-8",
                   LW_NOWHERE);
}

static lw_err check_encoding(struct csv_text *text, lw_bytes in, enum wallet_csv_encoding wanted,
                             bool marked)
{
    size_t bad_utf8 = 0;
    text->encoding = WALLET_CSV_UTF8;
    if (wanted == WALLET_CSV_GB18030) {
        return check_gb18030(text, in, true, 0);
    }
    if (!codec_utf8_valid(in, &bad_utf8)) {
        text->bad = bad_utf8;
        return wanted == WALLET_CSV_UTF8 || marked
                   ? LW_FAIL(LW_E_SYNTAX,
                             "csv: this is not UTF-8, or was damaged: save the sheet anew as CSV "
                             "UTF-8",
                             LW_NOWHERE)
                   : check_gb18030(text, in, false, bad_utf8);
    }
    if (wanted == WALLET_CSV_UTF8 || marked || utf8_certain(in, &text->bad)) {
        return LW_SUCCESS;
    }
    return LW_FAIL(LW_E_SYNTAX,
                   "csv: this may be UTF-8 or GB18030: say which with --encoding utf-8 or "
                   "--encoding gb18030",
                   LW_NOWHERE);
}

/* Files that are no CSV, though a clerk may have named them so. */
static lw_err check_kind(lw_bytes in)
{
    static const struct {
        lw_str start;
        const char *why;
    } kinds[] = {
        {{.ptr = "PK\x03\x04", .len = 4},
         "csv: this is an Excel workbook (.xlsx): open it and save the sheet as CSV UTF-8"},
        {{.ptr = "\xd0\xcf\x11\xe0", .len = 4},
         "csv: this is an old Excel workbook (.xls): open it and save the sheet as CSV UTF-8"},
        {{.ptr = "%PDF-", .len = 5},
         "csv: this is a PDF: a register is a sheet saved as CSV UTF-8"},
        {{.ptr = "<", .len = 1},
         "csv: this is a page of HTML or XML: open it in Excel and save the sheet as CSV UTF-8"},
        {{.ptr = "\xff\xfe", .len = 2}, "csv: the file is UTF-16: save it as CSV UTF-8"},
        {{.ptr = "\xfe\xff", .len = 2}, "csv: the file is UTF-16: save it as CSV UTF-8"},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (lw_str_starts(lw_bytes_str(in), kinds[i].start)) {
            return LW_FAIL(LW_E_SYNTAX, kinds[i].why, LW_NOWHERE);
        }
    }
    return LW_SUCCESS;
}

lw_err csv_text_check(struct csv_text *text, lw_bytes in, enum wallet_csv_encoding wanted)
{
    const lw_str utf8_mark = LW_STR("\xef\xbb\xbf");
    const lw_str gb18030_mark = LW_STR("\x84\x31\x95\x33");
    *text = (struct csv_text){.encoding = WALLET_CSV_UTF8};
    LW_TRY(check_kind(in));
    const uint8_t *nul = memchr(in.ptr, 0, in.len);
    if (nul != NULL) {
        text->bad = (size_t)(nul - in.ptr);
        return LW_FAIL(LW_E_SYNTAX,
                       "csv: a NUL byte: the file is no text, or UTF-16 without its mark; save "
                       "the sheet as CSV UTF-8",
                       LW_NOWHERE);
    }
    const bool marked = lw_str_starts(lw_bytes_str(in), utf8_mark);
    if (marked) {
        text->begin = utf8_mark.len;
    } else if (lw_str_starts(lw_bytes_str(in), gb18030_mark)) {
        text->begin = gb18030_mark.len;
        wanted = wanted == WALLET_CSV_AUTO ? WALLET_CSV_GB18030 : wanted;
    }
    return check_encoding(text, in, wanted, marked);
}
