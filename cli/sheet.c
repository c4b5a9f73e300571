#include "sheet.h"

enum cli_exit cli_sheet_form(const struct cli *cli, struct wallet_csv_form *form)
{
    *form = (struct wallet_csv_form){.encoding = WALLET_CSV_AUTO};
    if (cli_has(cli, "encoding") &&
        wallet_csv_encoding_parse(cli_text(cli, "encoding"), &form->encoding).code != LW_OK) {
        return cli_usage(cli, "--encoding is utf-8, gb18030 or auto");
    }
    if (cli_has(cli, "delimiter") &&
        wallet_csv_delimiter_parse(cli_text(cli, "delimiter"), &form->delimiter).code != LW_OK) {
        return cli_usage(cli, "--delimiter is comma, semicolon, tab or auto");
    }
    return CLI_DONE;
}

static lw_err to_utf8(lw_buf *file, size_t *line)
{
    LW_AUTO_BUF text = LW_BUF(2 * (size_t)CLI_SHEET_MAX);
    LW_TRY(wallet_csv_from_utf16(lw_buf_view(file), &text, line));
    lw_buf_free(file);
    *file = lw_buf_take(&text);
    return LW_SUCCESS;
}

enum cli_exit cli_sheet_read(const struct cli *cli, const char *path, lw_buf *out)
{
    size_t line = 0;
    lw_err err = cli_read(path, out);
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "cannot read the register", "Check the path FILE.csv.");
    }
    if (!wallet_csv_is_utf16(lw_buf_view(out))) {
        return CLI_DONE;
    }
    err = to_utf8(out, &line);
    if (err.code == LW_OK) {
        return CLI_DONE;
    }
    if (line > 0) {
        fprintf(stderr, "line %zu: what follows is not UTF-16\n", line);
    }
    return cli_fail(cli, err, "cannot read the register", "Save the sheet anew as CSV UTF-8.");
}
