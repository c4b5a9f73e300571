#include "bad_rows.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wallet/csv_write.h"

enum { ROOM_FIRST = 64, FILE_MAX = 1 << 30, NAMES_MAX = 999 };

void cli_bad_rows_free(struct cli_bad_rows *bad)
{
    free(bad->rows);
    lw_buf_free(&bad->why);
}

static lw_err push(struct cli_bad_rows *bad, lw_bytes raw)
{
    if (bad->count == bad->room) {
        const size_t room = bad->room == 0 ? ROOM_FIRST : 2 * bad->room;
        struct cli_bad_row *more = realloc(bad->rows, room * sizeof(*more));
        if (more == NULL) {
            return LW_FAIL(LW_E_NOMEM, "file: out of memory", LW_NOWHERE);
        }
        bad->rows = more;
        bad->room = room;
    }
    bad->rows[bad->count++] = (struct cli_bad_row){.raw = raw, .why = bad->why.len};
    return LW_SUCCESS;
}

/* "FROM: is no date; TO: is empty". */
static lw_err put_why(struct cli_bad_rows *bad, const struct wallet_import_issue *issue, bool more)
{
    LW_TRY(lw_buf_put_c(&bad->why, more ? "; " : ""));
    if (issue->column.len > 0) {
        LW_TRY(lw_buf_put_str(&bad->why, issue->column));
        LW_TRY(lw_buf_put_c(&bad->why, ": "));
    }
    LW_TRY(lw_buf_put_c(&bad->why, issue->why));
    if (issue->other > 0) {
        LW_TRY(lw_buf_put_c(&bad->why, " (line "));
        LW_TRY(lw_buf_put_int(&bad->why, (int64_t)issue->other));
        LW_TRY(lw_buf_put_c(&bad->why, ")"));
    }
    bad->rows[bad->count - 1].why_len = bad->why.len - bad->rows[bad->count - 1].why;
    return LW_SUCCESS;
}

void cli_bad_rows_take(struct cli_bad_rows *bad, const struct wallet_import_issue *issue)
{
    if (issue->raw.len == 0 || bad->err.code != LW_OK) {
        return;
    }
    const bool more = bad->count > 0 && bad->rows[bad->count - 1].raw.ptr == issue->raw.ptr;
    if (!more) {
        bad->err = push(bad, issue->raw);
    }
    if (bad->err.code == LW_OK) {
        bad->err = put_why(bad, issue, more);
    }
}

/* The order of the file: of rows that contradict each other the earlier was told late. */
static int by_place(const void *a, const void *b)
{
    const struct cli_bad_row *x = a;
    const struct cli_bad_row *y = b;
    return x->raw.ptr < y->raw.ptr ? -1 : x->raw.ptr > y->raw.ptr;
}

static lw_err put_line(lw_buf *out, lw_str why, lw_bytes raw, const struct wallet_csv_form *form,
                       bool has_reason)
{
    const size_t skip = has_reason ? wallet_csv_first_len(raw, form) : 0;
    LW_TRY(wallet_csv_put_first(out, why, form));
    LW_TRY(lw_buf_put(out, (lw_bytes){raw.ptr + skip, raw.len - skip}));
    const uint8_t end = out->ptr[out->len - 1];
    return end == '\n' || end == '\r' ? LW_SUCCESS : lw_buf_put_byte(out, '\n');
}

/* The column's name in a reason is the register's: a spreadsheet is not to take it for a formula.
 */
static lw_err put_reason(lw_buf *text, lw_str why)
{
    const bool formula = why.len > 0 && strchr("=+-@\t\r", why.ptr[0]) != NULL;
    LW_TRY(formula ? lw_buf_put_byte(text, '\'') : LW_SUCCESS);
    return lw_buf_put_str(text, why);
}

static lw_err put_all(const struct cli_bad_rows *bad, const struct wallet_import_result *result,
                      lw_buf *out)
{
    const lw_str reason = LW_STR(WALLET_IMPORT_REASON_COLUMN);
    const size_t at = wallet_csv_names_at(result->header);
    const lw_bytes names = {result->header.ptr + at, result->header.len - at};
    const bool has_reason = lw_str_starts(lw_bytes_str(names), reason);
    LW_TRY(lw_buf_put(out, (lw_bytes){result->header.ptr, at}));
    LW_TRY(put_line(out, reason, names, &result->form, has_reason));
    for (size_t i = 0; i < bad->count; i++) {
        const struct cli_bad_row *row = &bad->rows[i];
        const lw_str why = {(const char *)bad->why.ptr + row->why, row->why_len};
        LW_AUTO_BUF text = LW_BUF(FILE_MAX);
        LW_TRY(put_reason(&text, why));
        LW_TRY(put_line(out, lw_buf_text(&text), row->raw, &result->form, has_reason));
    }
    return LW_SUCCESS;
}

/* A file that is being mended is never written over. */
static lw_err free_path(struct cli_bad_rows *bad, const char *beside)
{
    const char *slash = strrchr(beside, '/');
    const int folder = slash == NULL ? 0 : (int)(slash - beside) + 1;
    for (unsigned n = 1; n <= NAMES_MAX; n++) {
        char nth[16] = "";
        if (n > 1) {
            (void)snprintf(nth, sizeof(nth), "-%u", n);
        }
        const int len =
            snprintf(bad->path, sizeof(bad->path), "%.*sbad-rows%s.csv", folder, beside, nth);
        if (len < 0 || (size_t)len >= sizeof(bad->path)) {
            return LW_FAIL(LW_E_LIMIT, "file: its path is too long", LW_NOWHERE);
        }
        if (access(bad->path, F_OK) != 0) {
            return LW_SUCCESS;
        }
    }
    return LW_FAIL(LW_E_CONFLICT, "file: there are 999 files of bad rows already", LW_NOWHERE);
}

lw_err cli_bad_rows_write(struct cli_bad_rows *bad, const char *beside,
                          const struct wallet_import_result *result)
{
    LW_AUTO_BUF out = LW_BUF(FILE_MAX);
    LW_TRY(bad->err);
    if (bad->count > 1) {
        qsort(bad->rows, bad->count, sizeof(*bad->rows), by_place);
    }
    LW_TRY(put_all(bad, result, &out));
    if (beside != NULL) {
        LW_TRY(free_path(bad, beside));
    }
    return cli_write(bad->path, lw_buf_view(&out), 0600);
}
