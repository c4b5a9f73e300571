#include "wallet/csv.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>

#include <csv.h>

#include "utf8.h"

enum {
    UTF8_MARK_LEN = 3,
    CONVERTED_MAX = 16 * 1024,
    ROOM_FIRST = 4096,
    HEADER_MAX = 64 * 1024,
    RETRY_MAX = 16 * 1024 * 1024, /* bytes read twice to find the good rows after broken quotes */
};

/* How far the row at hand has come; libcsv's callbacks write it. */
struct reading {
    lw_buf text;                         /* cells one after the other */
    size_t ends[WALLET_CSV_COLUMNS_MAX]; /* of each cell in `text` */
    size_t count;                        /* cells, those beyond the array too */
    bool done;                           /* the row has ended */
    lw_err err;                          /* the first thing wrong with a cell */
};

struct wallet_csv {
    lw_bytes in;
    size_t at;
    size_t line;     /* of the byte `at`, from 1 */
    size_t first_at; /* after the header */
    size_t first_line;
    size_t retry_left;
    enum wallet_csv_encoding encoding;
    bool has_iconv;
    iconv_t iconv;
    bool has_parser;
    struct csv_parser parser;
    struct reading row;
    lw_str cells[WALLET_CSV_COLUMNS_MAX];
    lw_buf header;
    lw_str names[WALLET_CSV_COLUMNS_MAX];
    size_t columns;
    lw_bytes header_raw;
};

/* Returns the length of the physical line at the start of `in`, its end ("\n", "\r\n", "\r") too.
 */
static size_t line_len(lw_bytes in)
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

/* Turns an offset in `in` into a line, and a byte in that line. */
static size_t line_of(lw_bytes in, size_t offset, size_t *byte)
{
    size_t line = 1;
    size_t start = 0;
    for (;;) {
        const size_t len = line_len((lw_bytes){in.ptr + start, in.len - start});
        if (offset - start < len || len == 0) {
            *byte = offset - start;
            return line;
        }
        start += len;
        line++;
    }
}

/* Converts from `*in` until the end, an error, or a full `out`; returns iconv's verdict. */
static bool convert_some(iconv_t cd, lw_bytes *in, char *out, size_t *out_len)
{
    /* iconv() takes the input as char **, though it only reads it. */
    char *from = NULL;
    memcpy(&from, &in->ptr, sizeof(from));
    size_t from_len = in->len;
    char *to = out;
    size_t to_len = CONVERTED_MAX;
    const size_t result = iconv(cd, &from, &from_len, &to, &to_len);
    *out_len = CONVERTED_MAX - to_len;
    in->ptr += in->len - from_len;
    in->len = from_len;
    return result != (size_t)-1 || errno == E2BIG;
}

/* Says whether all of `in` is GB18030; `bad` is set to the offset of what is not. */
static bool gb18030_valid(iconv_t cd, lw_bytes in, size_t *bad)
{
    char scratch[CONVERTED_MAX];
    lw_bytes rest = in;
    bool holds = true;
    while (holds && rest.len > 0) {
        size_t made = 0;
        holds = convert_some(cd, &rest, scratch, &made);
    }
    (void)iconv(cd, NULL, NULL, NULL, NULL);
    *bad = in.len - rest.len;
    return holds;
}

static lw_err open_iconv(struct wallet_csv *csv)
{
    csv->iconv = iconv_open("UTF-8", "GB18030");
    if (csv->iconv == (iconv_t)-1) {
        return LW_FAIL(errno == ENOMEM ? LW_E_NOMEM : LW_E_IO,
                       "csv: the C library has no GB18030 converter", LW_NOWHERE);
    }
    csv->has_iconv = true;
    return LW_SUCCESS;
}

/* Settles the encoding; `bad` is set to the offset of what is wrong. */
static lw_err check_encoding(struct wallet_csv *csv, enum wallet_csv_encoding wanted, size_t *bad)
{
    const bool marked = csv->at == UTF8_MARK_LEN;
    size_t bad_utf8 = 0;
    *bad = 0;
    csv->encoding = WALLET_CSV_UTF8;
    if (wanted != WALLET_CSV_GB18030 && codec_utf8_valid(csv->in, &bad_utf8)) {
        return LW_SUCCESS;
    }
    *bad = bad_utf8;
    if (wanted == WALLET_CSV_UTF8 || marked) {
        return LW_FAIL(LW_E_SYNTAX, "csv: not UTF-8", LW_NOWHERE);
    }
    LW_TRY(open_iconv(csv));
    csv->encoding = WALLET_CSV_GB18030;
    if (gb18030_valid(csv->iconv, csv->in, bad)) {
        return LW_SUCCESS;
    }
    if (wanted == WALLET_CSV_GB18030) {
        return LW_FAIL(LW_E_SYNTAX, "csv: not GB18030", LW_NOWHERE);
    }
    /* The encoding that held longer is the one that was meant. */
    *bad = *bad > bad_utf8 ? *bad : bad_utf8;
    return LW_FAIL(LW_E_SYNTAX, "csv: neither UTF-8 nor GB18030", LW_NOWHERE);
}

static lw_err check_text(struct wallet_csv *csv, enum wallet_csv_encoding wanted, size_t *bad)
{
    static const uint8_t utf8_mark[UTF8_MARK_LEN] = {0xef, 0xbb, 0xbf};
    static const uint8_t gb18030_mark[] = {0x84, 0x31, 0x95, 0x33};
    const lw_bytes in = csv->in;
    *bad = 0;
    if (in.len >= 2 &&
        ((in.ptr[0] == 0xff && in.ptr[1] == 0xfe) || (in.ptr[0] == 0xfe && in.ptr[1] == 0xff))) {
        return LW_FAIL(LW_E_SYNTAX, "csv: the file is UTF-16: save it as UTF-8", LW_NOWHERE);
    }
    const uint8_t *nul = memchr(in.ptr, 0, in.len);
    if (nul != NULL) {
        *bad = (size_t)(nul - in.ptr);
        return LW_FAIL(LW_E_SYNTAX, "csv: a NUL byte", LW_NOWHERE);
    }
    if (lw_str_starts(lw_bytes_str(in), lw_bytes_str(LW_BYTES(utf8_mark)))) {
        csv->at = sizeof(utf8_mark);
    } else if (lw_str_starts(lw_bytes_str(in), lw_bytes_str(LW_BYTES(gb18030_mark)))) {
        csv->at = sizeof(gb18030_mark);
    }
    return check_encoding(csv, wanted, bad);
}

static void on_cell(void *cell, size_t len, void *ctx)
{
    struct reading *row = ctx;
    row->count++;
    if (row->err.code != LW_OK || row->count > WALLET_CSV_COLUMNS_MAX) {
        return;
    }
    if (len <= WALLET_CSV_CELL_MAX) {
        row->err = lw_buf_put(&row->text, (lw_bytes){.ptr = cell, .len = len});
    }
    if (len > WALLET_CSV_CELL_MAX || row->err.code == LW_E_LIMIT) {
        row->err = LW_FAIL(LW_E_LIMIT, "csv: a cell or the row is too long", LW_NOWHERE);
    }
    row->ends[row->count - 1] = row->text.len;
}

static void on_row_end(int c, void *ctx)
{
    (void)c;
    ((struct reading *)ctx)->done = true;
}

/* RFC 4180 section 2.4: spaces are part of a field. */
static int no_space(unsigned char c)
{
    (void)c;
    return 0;
}

static lw_err restart_parser(struct wallet_csv *csv)
{
    if (csv->has_parser) {
        csv_free(&csv->parser);
        csv->has_parser = false;
    }
    if (csv_init(&csv->parser, CSV_STRICT | CSV_STRICT_FINI) != 0) {
        return LW_FAIL(LW_E_NOMEM, "csv: out of memory", LW_NOWHERE);
    }
    csv_set_space_func(&csv->parser, no_space);
    csv->has_parser = true;
    return LW_SUCCESS;
}

static lw_err parser_error(struct wallet_csv *csv)
{
    if (csv_error(&csv->parser) == CSV_EPARSE) {
        return LW_FAIL(LW_E_SYNTAX, "csv: a quotation mark is where none may be, or is not closed",
                       LW_NOWHERE);
    }
    return LW_FAIL(LW_E_NOMEM, "csv: out of memory", LW_NOWHERE);
}

static lw_err feed(struct wallet_csv *csv, lw_bytes utf8)
{
    const size_t took = csv_parse(&csv->parser, utf8.ptr, utf8.len, on_cell, on_row_end, &csv->row);
    return took == utf8.len ? LW_SUCCESS : parser_error(csv);
}

/* Feeds one physical line. No byte of a GB18030 character is a line end, comma or quote. */
static lw_err feed_line(struct wallet_csv *csv, lw_bytes line)
{
    if (csv->encoding == WALLET_CSV_UTF8) {
        return feed(csv, line);
    }
    char utf8[CONVERTED_MAX];
    while (line.len > 0) {
        size_t made = 0;
        if (!convert_some(csv->iconv, &line, utf8, &made)) {
            return LW_FAIL(LW_E_SYNTAX, "csv: not GB18030", LW_NOWHERE);
        }
        LW_TRY(feed(csv, lw_str_bytes((lw_str){utf8, made})));
    }
    return LW_SUCCESS;
}

/* A row is a line, or more where a quoted cell holds line ends. */
struct extent {
    size_t start;
    size_t line;
    size_t after_first; /* where its second line begins */
};

static lw_err read_lines(struct wallet_csv *csv, struct extent *row)
{
    bool begun = false;
    while (!csv->row.done) {
        const lw_bytes rest = {csv->in.ptr + csv->at, csv->in.len - csv->at};
        if (rest.len == 0 && !begun) {
            return LW_FAIL(LW_E_NOT_FOUND, "csv: no more rows", LW_NOWHERE);
        }
        if (rest.len == 0) {
            const int failed = csv_fini(&csv->parser, on_cell, on_row_end, &csv->row);
            return failed == 0 ? LW_SUCCESS : parser_error(csv);
        }
        const size_t len = line_len(rest);
        if (!begun) {
            *row = (struct extent){csv->at, csv->line, csv->at + len};
        }
        csv->at += len;
        csv->line++;
        begun = begun || (rest.ptr[0] != '\n' && rest.ptr[0] != '\r');
        if (csv->at - row->start > WALLET_CSV_ROW_MAX) {
            return LW_FAIL(LW_E_LIMIT, "csv: a cell or the row is too long", LW_NOWHERE);
        }
        LW_TRY(feed_line(csv, (lw_bytes){rest.ptr, len}));
    }
    return csv->row.err;
}

/* After broken quotes the rows from the second line on may be good ones: read them anew. */
static lw_err go_on_after(struct wallet_csv *csv, const struct extent *row)
{
    const size_t again = csv->at - row->after_first;
    if (again <= csv->retry_left) {
        csv->retry_left -= again;
        csv->at = row->after_first;
        csv->line = row->line + 1;
    }
    return restart_parser(csv);
}

static void set_cells(struct wallet_csv *csv, struct wallet_csv_row *row)
{
    const size_t count =
        csv->row.count < WALLET_CSV_COLUMNS_MAX ? csv->row.count : WALLET_CSV_COLUMNS_MAX;
    size_t start = 0;
    for (size_t i = 0; i < count; i++) {
        csv->cells[i] = (lw_str){.ptr = (const char *)csv->row.text.ptr + start,
                                 .len = csv->row.ends[i] - start};
        start = csv->row.ends[i];
    }
    row->cells = csv->cells;
    row->count = count;
}

/* Reads a row whatever its number of cells. */
static lw_err read_row(struct wallet_csv *csv, struct wallet_csv_row *row)
{
    struct extent extent = {.start = csv->at, .line = csv->line, .after_first = csv->at};
    *row = (struct wallet_csv_row){.line = csv->line};
    lw_buf_truncate(&csv->row.text, 0);
    csv->row.count = 0;
    csv->row.done = false;
    csv->row.err = LW_SUCCESS;
    const lw_err err = read_lines(csv, &extent);
    if (err.code == LW_E_NOT_FOUND) {
        return err;
    }
    /* A cell that is too long ends its row in order; only else the parser lost its way. */
    if (err.code != LW_OK && !csv->row.done) {
        LW_TRY(go_on_after(csv, &extent));
    }
    row->line = extent.line;
    row->raw = (lw_bytes){csv->in.ptr + extent.start, csv->at - extent.start};
    LW_TRY(err);
    set_cells(csv, row);
    return LW_SUCCESS;
}

static lw_str trimmed(lw_str s)
{
    while (s.len > 0 && s.ptr[0] == ' ') {
        s = lw_str_from(s, 1);
    }
    while (s.len > 0 && s.ptr[s.len - 1] == ' ') {
        s.len--;
    }
    return s;
}

static lw_err keep_header(struct wallet_csv *csv, const struct wallet_csv_row *row)
{
    uint8_t *room = NULL;
    if (csv->row.count > WALLET_CSV_COLUMNS_MAX || csv->row.text.len > HEADER_MAX) {
        return LW_FAIL(LW_E_LIMIT, "csv: more than 256 columns, or a header too long", LW_NOWHERE);
    }
    LW_TRY(lw_buf_reserve(&csv->header, HEADER_MAX, &room));
    for (size_t i = 0; i < row->count; i++) {
        const lw_str name = trimmed(row->cells[i]);
        const char *start = (const char *)csv->header.ptr + csv->header.len;
        LW_TRY(lw_buf_put_str(&csv->header, name));
        csv->names[i] = (lw_str){.ptr = start, .len = name.len};
        if (name.len > 0 && wallet_csv_column(csv, csv->names[i]) != SIZE_MAX) {
            return LW_FAIL(LW_E_VALUE, "csv: two columns have one name", LW_NOWHERE);
        }
        csv->columns = i + 1;
    }
    csv->header_raw = row->raw;
    return LW_SUCCESS;
}

static lw_err read_header(struct wallet_csv *csv, size_t *line)
{
    struct wallet_csv_row row;
    const lw_err err = read_row(csv, &row);
    if (err.code == LW_E_NOT_FOUND) {
        return LW_FAIL(LW_E_SYNTAX, "csv: no header", LW_NOWHERE);
    }
    *line = row.line;
    LW_TRY(err);
    LW_TRY(keep_header(csv, &row));
    csv->first_at = csv->at;
    csv->first_line = csv->line;
    *line = 0;
    return LW_SUCCESS;
}

static lw_err open_checked(struct wallet_csv *csv, enum wallet_csv_encoding encoding, size_t *line)
{
    size_t bad = 0;
    uint8_t *room = NULL;
    if (csv->in.len == 0) {
        return LW_FAIL(LW_E_SYNTAX, "csv: no header", 0);
    }
    LW_TRY(lw_buf_reserve(&csv->row.text, ROOM_FIRST, &room));
    lw_err err = check_text(csv, encoding, &bad);
    if (err.code == LW_E_SYNTAX) {
        *line = line_of(csv->in, bad, &err.at);
    }
    LW_TRY(err);
    LW_TRY(restart_parser(csv));
    return read_header(csv, line);
}

lw_err wallet_csv_open(struct wallet_csv **csv, lw_bytes in, enum wallet_csv_encoding encoding,
                       size_t *line)
{
    *line = 0;
    *csv = NULL;
    struct wallet_csv *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return LW_FAIL(LW_E_NOMEM, "csv: out of memory", LW_NOWHERE);
    }
    made->in = in;
    made->line = 1;
    made->retry_left = RETRY_MAX;
    made->row.text = LW_BUF(WALLET_CSV_ROW_MAX);
    made->header = LW_BUF(HEADER_MAX);
    const lw_err err = open_checked(made, encoding, line);
    if (err.code != LW_OK) {
        wallet_csv_free(made);
        return err;
    }
    *csv = made;
    return LW_SUCCESS;
}

void wallet_csv_free(struct wallet_csv *csv)
{
    if (csv == NULL) {
        return;
    }
    if (csv->has_iconv) {
        (void)iconv_close(csv->iconv);
    }
    if (csv->has_parser) {
        csv_free(&csv->parser);
    }
    lw_buf_free(&csv->row.text);
    lw_buf_free(&csv->header);
    free(csv);
}

enum wallet_csv_encoding wallet_csv_encoding_of(const struct wallet_csv *csv)
{
    return csv->encoding;
}

size_t wallet_csv_columns(const struct wallet_csv *csv)
{
    return csv->columns;
}

lw_str wallet_csv_column_name(const struct wallet_csv *csv, size_t i)
{
    return csv->names[i];
}

size_t wallet_csv_column(const struct wallet_csv *csv, lw_str name)
{
    for (size_t i = 0; i < csv->columns; i++) {
        if (lw_str_eq(csv->names[i], name)) {
            return i;
        }
    }
    return SIZE_MAX;
}

lw_bytes wallet_csv_header_raw(const struct wallet_csv *csv)
{
    return csv->header_raw;
}

void wallet_csv_seek(struct wallet_csv *csv, const struct wallet_csv_row *row)
{
    csv->at = (size_t)(row->raw.ptr - csv->in.ptr);
    csv->line = row->line;
}

void wallet_csv_rewind(struct wallet_csv *csv)
{
    csv->at = csv->first_at;
    csv->line = csv->first_line;
    csv->retry_left = RETRY_MAX;
}

lw_err wallet_csv_next(struct wallet_csv *csv, struct wallet_csv_row *row)
{
    do {
        LW_TRY(read_row(csv, row));
    } while (csv->row.text.len == 0);
    if (csv->row.count < csv->columns) {
        return LW_FAIL(LW_E_VALUE, "csv: the row has fewer cells than the header", LW_NOWHERE);
    }
    if (csv->row.count > csv->columns) {
        return LW_FAIL(LW_E_VALUE, "csv: the row has more cells than the header", LW_NOWHERE);
    }
    return LW_SUCCESS;
}
