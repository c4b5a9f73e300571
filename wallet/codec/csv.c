#include "wallet/csv.h"

#include <stdlib.h>

#include <csv.h>

#include "csv_internal.h"
#include "spaces.h"

enum {
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
    struct csv_text text;
    enum wallet_csv_delimiter delimiter;
    bool has_parser;
    struct csv_parser parser;
    struct reading row;
    lw_str cells[WALLET_CSV_COLUMNS_MAX];
    lw_buf header;
    lw_str names[WALLET_CSV_COLUMNS_MAX];
    size_t columns;
    lw_bytes header_raw;
};

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
    csv_set_delim(&csv->parser, (unsigned char)csv_delimiter_char(csv->delimiter));
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
    if (csv->text.encoding == WALLET_CSV_UTF8) {
        return feed(csv, line);
    }
    char utf8[CSV_CONVERTED_MAX];
    while (line.len > 0) {
        size_t made = 0;
        if (!csv_convert_some(csv->text.gb18030, &line, utf8, &made)) {
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
        const size_t len = csv_line_len(rest);
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

/* Header cells are laid out by hand: line breaks and runs of spaces in them become one space. */
static lw_err put_name(lw_buf *out, lw_str cell)
{
    for (lw_str rest = codec_trimmed(cell); rest.len > 0;) {
        const size_t space = codec_space_len(rest);
        if (space == 0) {
            LW_TRY(lw_buf_put_byte(out, (uint8_t)rest.ptr[0]));
        } else if (codec_space_len(lw_str_from(rest, space)) == 0) {
            LW_TRY(lw_buf_put_byte(out, ' '));
        }
        rest = lw_str_from(rest, space == 0 ? 1 : space);
    }
    return LW_SUCCESS;
}

static lw_err keep_header(struct wallet_csv *csv, const struct wallet_csv_row *row)
{
    uint8_t *room = NULL;
    if (csv->row.count > WALLET_CSV_COLUMNS_MAX || csv->row.text.len > HEADER_MAX) {
        return LW_FAIL(LW_E_LIMIT, "csv: more than 256 columns, or a header too long", LW_NOWHERE);
    }
    LW_TRY(lw_buf_reserve(&csv->header, HEADER_MAX, &room));
    for (size_t i = 0; i < row->count; i++) {
        const size_t before = csv->header.len;
        const char *start = (const char *)csv->header.ptr + before;
        LW_TRY(put_name(&csv->header, row->cells[i]));
        csv->names[i] = (lw_str){.ptr = start, .len = csv->header.len - before};
        const bool twice =
            csv->names[i].len > 0 && wallet_csv_column(csv, csv->names[i]) != SIZE_MAX;
        csv->columns = i + 1;
        if (twice) {
            return LW_FAIL(LW_E_VALUE, "csv: two columns have this name: give one another",
                           LW_NOWHERE);
        }
    }
    csv->header_raw = (lw_bytes){csv->in.ptr, csv->at};
    return LW_SUCCESS;
}

static void name_fault(const struct wallet_csv *csv, size_t cell, struct wallet_csv_fault *fault)
{
    const lw_str name = cell < csv->columns ? csv->names[cell] : LW_STR("");
    size_t len = name.len < sizeof(fault->column) ? name.len : sizeof(fault->column) - 1;
    while (len < name.len && len > 0 && ((unsigned char)name.ptr[len] & 0xc0) == 0x80) {
        len--;
    }
    fault->cell = cell + 1;
    memcpy(fault->column, name.ptr, len);
    fault->column[len] = '\0';
}

static lw_err read_header(struct wallet_csv *csv, struct wallet_csv_fault *fault)
{
    struct wallet_csv_row row;
    const lw_err err = read_row(csv, &row);
    if (err.code == LW_E_NOT_FOUND) {
        return LW_FAIL(LW_E_SYNTAX, "csv: no header", LW_NOWHERE);
    }
    fault->line = row.line;
    LW_TRY(err);
    const lw_err kept = keep_header(csv, &row);
    if (kept.code == LW_E_VALUE) {
        name_fault(csv, csv->columns - 1, fault);
    }
    LW_TRY(kept);
    csv->first_at = csv->at;
    csv->first_line = csv->line;
    fault->line = 0;
    return LW_SUCCESS;
}

static lw_err begin_rows(struct wallet_csv *csv, enum wallet_csv_delimiter delimiter,
                         struct wallet_csv_fault *fault)
{
    csv->at = csv->text.begin;
    csv->delimiter = delimiter;
    const size_t sep =
        csv_sep_line((lw_bytes){csv->in.ptr + csv->at, csv->in.len - csv->at}, &csv->delimiter);
    csv->at += sep;
    csv->line += sep > 0 ? 1 : 0;
    LW_TRY(csv_delimiter_find((lw_bytes){csv->in.ptr + csv->at, csv->in.len - csv->at},
                              &csv->delimiter));
    LW_TRY(restart_parser(csv));
    return read_header(csv, fault);
}

/* Tells the place of a wrong byte, and reads the header above it for the column's name. */
static void find_fault(struct wallet_csv *csv, enum wallet_csv_delimiter delimiter, lw_err *err,
                       struct wallet_csv_fault *fault)
{
    struct wallet_csv_fault ignored;
    const lw_bytes whole = csv->in;
    const size_t bad = csv->text.bad;
    fault->line = csv_line_of(whole, bad, &err->at);
    const size_t line_start = bad - err->at;
    if (csv->text.begin > line_start) {
        return;
    }
    csv->in.len = line_start;
    const lw_err above = begin_rows(csv, delimiter, &ignored);
    csv->in = whole;
    if (above.code != LW_E_NOMEM && csv->has_parser) {
        const size_t from = csv->text.begin;
        const lw_bytes rows = {whole.ptr + from, whole.len - from};
        name_fault(csv, csv_cells_before(rows, bad - from, csv_delimiter_char(csv->delimiter)),
                   fault);
    }
}

static lw_err open_checked(struct wallet_csv *csv, const struct wallet_csv_form *form,
                           struct wallet_csv_fault *fault)
{
    uint8_t *room = NULL;
    if (csv->in.len == 0) {
        return LW_FAIL(LW_E_SYNTAX, "csv: no header", 0);
    }
    LW_TRY(lw_buf_reserve(&csv->row.text, ROOM_FIRST, &room));
    lw_err err = csv_text_check(&csv->text, csv->in, form->encoding);
    if (err.code == LW_E_SYNTAX) {
        find_fault(csv, form->delimiter, &err, fault);
    }
    LW_TRY(err);
    return begin_rows(csv, form->delimiter, fault);
}

lw_err wallet_csv_open_as(struct wallet_csv **csv, lw_bytes in, const struct wallet_csv_form *form,
                          struct wallet_csv_fault *fault)
{
    *fault = (struct wallet_csv_fault){.line = 0};
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
    const lw_err err = open_checked(made, form, fault);
    if (err.code != LW_OK) {
        wallet_csv_free(made);
        return err;
    }
    *csv = made;
    return LW_SUCCESS;
}

lw_err wallet_csv_open(struct wallet_csv **csv, lw_bytes in, enum wallet_csv_encoding encoding,
                       size_t *line)
{
    const struct wallet_csv_form form = {.encoding = encoding};
    struct wallet_csv_fault fault;
    const lw_err err = wallet_csv_open_as(csv, in, &form, &fault);
    *line = fault.line;
    return err;
}

void wallet_csv_free(struct wallet_csv *csv)
{
    if (csv == NULL) {
        return;
    }
    csv_gb18030_free(csv->text.gb18030);
    if (csv->has_parser) {
        csv_free(&csv->parser);
    }
    lw_buf_free(&csv->row.text);
    lw_buf_free(&csv->header);
    free(csv);
}

enum wallet_csv_encoding wallet_csv_encoding_of(const struct wallet_csv *csv)
{
    return csv->text.encoding;
}

enum wallet_csv_delimiter wallet_csv_delimiter_of(const struct wallet_csv *csv)
{
    return csv->delimiter;
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

/* Says whether the cells from `from` on hold nothing but spaces. */
static bool blank_from(const struct wallet_csv *csv, size_t from)
{
    for (size_t i = from; i < csv->row.count; i++) {
        if (i >= WALLET_CSV_COLUMNS_MAX || codec_trimmed(csv->cells[i]).len > 0) {
            return false;
        }
    }
    return true;
}

/* Says whether the columns that the row does not reach have no name: sheets drop such cells. */
static bool nameless_from(const struct wallet_csv *csv, size_t from)
{
    for (size_t i = from; i < csv->columns; i++) {
        if (csv->names[i].len > 0) {
            return false;
        }
    }
    return true;
}

lw_err wallet_csv_next(struct wallet_csv *csv, struct wallet_csv_row *row)
{
    do {
        LW_TRY(read_row(csv, row));
    } while (blank_from(csv, 0));
    for (size_t i = csv->row.count; i < csv->columns; i++) {
        csv->cells[i] = LW_STR("");
    }
    if (csv->row.count < csv->columns && !nameless_from(csv, csv->row.count)) {
        return LW_FAIL(LW_E_VALUE, "csv: the row has fewer cells than the header", LW_NOWHERE);
    }
    if (csv->row.count > csv->columns && !blank_from(csv, csv->columns)) {
        return LW_FAIL(LW_E_VALUE, "csv: the row has more cells than the header", LW_NOWHERE);
    }
    row->count = csv->columns;
    return LW_SUCCESS;
}
