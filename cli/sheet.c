#include "sheet.h"
#include "count.h"

#include "wallet/json_write.h"

enum { UNUSED_SHOWN = 10, UNUSED_LISTED = 1000 };

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

enum cli_exit cli_photos_open(const struct cli *cli, struct cli_photos *photos)
{
    *photos = (struct cli_photos){.folder = NULL};
    if (!cli_has(cli, "photos")) {
        return CLI_DONE;
    }
    const lw_err err = wallet_photo_folder_open(&photos->folder, cli_get(cli, "photos"));
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "cannot open the photos", "Check the folder after --photos.");
    }
    photos->source =
        (struct wallet_import_photos){.read = wallet_photo_folder_read, .ctx = photos->folder};
    return CLI_DONE;
}

void cli_photos_end(struct cli_photos *photos)
{
    if (photos->folder == NULL) {
        return;
    }
    const char *names[UNUSED_SHOWN];
    const size_t unused = wallet_photo_folder_unused(photos->folder, names, UNUSED_SHOWN);
    if (unused > 0) {
        fprintf(stderr, "note, %s in the folder of photos not used:", CLI_COUNT(unused, "file"));
        for (size_t i = 0; i < unused && i < UNUSED_SHOWN; i++) {
            fprintf(stderr, " %s", names[i]);
        }
        fputs(unused > UNUSED_SHOWN ? " ...\n" : "\n", stderr);
    }
    wallet_photo_folder_free(photos->folder);
    photos->folder = NULL;
}

void cli_photos_json(struct wallet_json_writer *w, const struct cli_photos *photos)
{
    if (photos->folder == NULL) {
        return;
    }
    const char *names[UNUSED_LISTED];
    const size_t unused = wallet_photo_folder_unused(photos->folder, names, UNUSED_LISTED);
    wallet_json_put_name(w, "photos");
    wallet_json_put_object(w);
    wallet_json_member_int(w, "files", (int64_t)wallet_photo_folder_files(photos->folder));
    wallet_json_member_int(w, "unused", (int64_t)unused);
    wallet_json_put_name(w, "unused_files");
    wallet_json_put_array(w);
    for (size_t i = 0; i < unused && i < UNUSED_LISTED; i++) {
        wallet_json_put_c(w, names[i]);
    }
    wallet_json_put_end(w);
    wallet_json_put_end(w);
}
