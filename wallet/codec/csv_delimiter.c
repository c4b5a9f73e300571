/* What parts the cells: comma, semicolon or tab; certain, or asked. */
#include "csv_internal.h"

enum { CANDIDATES = 3, ROWS_LOOKED_AT = 64 };

static const char characters[CANDIDATES] = {',', ';', '\t'};

char csv_delimiter_char(enum wallet_csv_delimiter delimiter)
{
    return delimiter == WALLET_CSV_ANY ? ',' : characters[delimiter - WALLET_CSV_COMMA];
}

size_t csv_sep_line(lw_bytes in, enum wallet_csv_delimiter *delimiter)
{
    const lw_str sep = LW_STR("sep=");
    const size_t len = csv_line_len(in);
    if (!lw_str_starts(lw_bytes_str(in), sep) || len < sep.len + 2 ||
        (in.ptr[sep.len + 1] != '\n' && in.ptr[sep.len + 1] != '\r')) {
        return 0;
    }
    for (size_t i = 0; i < CANDIDATES; i++) {
        if ((char)in.ptr[sep.len] == characters[i]) {
            *delimiter = (enum wallet_csv_delimiter)(WALLET_CSV_COMMA + i);
            return len;
        }
    }
    return 0;
}

/*
 * Counts each candidate outside quotes in the row at the start of `in`; returns the row's length.
 * No byte of a GB18030 character is one of them.
 */
static size_t count_row(lw_bytes in, size_t counts[CANDIDATES])
{
    bool quoted = false;
    memset(counts, 0, CANDIDATES * sizeof(counts[0]));
    for (size_t i = 0; i < in.len; i++) {
        const char c = (char)in.ptr[i];
        quoted = c == '"' ? !quoted : quoted;
        if (!quoted && (c == '\n' || c == '\r')) {
            return i + 1;
        }
        for (size_t k = 0; !quoted && k < CANDIDATES; k++) {
            counts[k] += c == characters[k] ? 1 : 0;
        }
    }
    return in.len;
}

static bool is_blank(lw_bytes row)
{
    for (size_t i = 0; i < row.len; i++) {
        if (row.ptr[i] != '\n' && row.ptr[i] != '\r') {
            return false;
        }
    }
    return true;
}

lw_err csv_delimiter_find(lw_bytes in, enum wallet_csv_delimiter *delimiter)
{
    size_t header[CANDIDATES] = {0};
    size_t fits = 0;
    size_t rows = 0;
    bool out[CANDIDATES] = {false};
    if (*delimiter != WALLET_CSV_ANY) {
        return LW_SUCCESS;
    }
    for (size_t at = 0; at < in.len && rows < ROWS_LOOKED_AT;) {
        size_t counts[CANDIDATES];
        const lw_bytes rest = {in.ptr + at, in.len - at};
        const size_t len = count_row(rest, counts);
        at += len;
        if (is_blank((lw_bytes){rest.ptr, len})) {
            continue;
        }
        if (rows++ == 0) {
            memcpy(header, counts, sizeof(header));
        }
        for (size_t k = 0; k < CANDIDATES; k++) {
            out[k] = out[k] || header[k] == 0 || counts[k] != header[k];
        }
    }
    *delimiter = WALLET_CSV_COMMA;
    for (size_t k = CANDIDATES; k-- > 0;) {
        const bool alone = header[k] > 0 && header[0] + header[1] + header[2] == header[k];
        if (alone || !out[k]) {
            *delimiter = (enum wallet_csv_delimiter)(WALLET_CSV_COMMA + k);
            fits++;
        }
    }
    const bool none_in_header = header[0] + header[1] + header[2] == 0;
    return none_in_header || fits == 1
               ? LW_SUCCESS
               : LW_FAIL(LW_E_VALUE,
                         "csv: it is not certain what parts the cells: say --delimiter comma, "
                         "semicolon or tab",
                         LW_NOWHERE);
}
