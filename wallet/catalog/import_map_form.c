/* What a map says of the file itself: how dates are written, what is as long as what. */
#include "import_plan.h"

enum { FORMAT_MAX = 64, LENGTH_MAX = 256 };

static const char form_fault[] = "must hold %Y, %m and %d once each, and no other field; or be "
                                 "year-first, excel-serial or excel-serial-1904";

static bool read_form(const struct wallet_json_at *at, struct import_date_form *form)
{
    const lw_str text = wallet_json_at_text(at, 1, FORMAT_MAX);
    const bool holds = text.len > 0 && import_date_form_parse(text, form);
    if (text.len > 0 && !holds) {
        wallet_json_at_fault(at, form_fault);
    }
    return holds;
}

/* Returns the column that a member is named after; without a file any is 0. */
static size_t column_of(const struct wallet_json_at *at, const struct wallet_import_plan *plan)
{
    const size_t column = plan->csv == NULL ? 0 : wallet_csv_column(plan->csv, lw_str_c(at->name));
    if (column == SIZE_MAX) {
        wallet_json_at_fault(at, "names a column that the file does not have");
    }
    return column;
}

static void read_column_form(const struct wallet_json_at *at, struct wallet_import_plan *plan)
{
    const size_t column = column_of(at, plan);
    if (plan->date_form_count == IMPORT_DATE_FORMS_MAX) {
        wallet_json_at_fault(at, "is one column too many: 32 may have a form of their own");
        return;
    }
    if (read_form(at, &plan->date_forms[plan->date_form_count]) && column != SIZE_MAX) {
        plan->date_form_of[column] = (uint8_t)plan->date_form_count++;
    }
}

static void read_length(const struct wallet_json_at *at, struct wallet_import_plan *plan)
{
    const size_t column = column_of(at, plan);
    const int64_t length = wallet_json_at_int(at, 1, LENGTH_MAX);
    if (column != SIZE_MAX && length > 0) {
        plan->lengths[column] = (uint16_t)length;
    }
}

static void each_column(const struct wallet_json_at *at, struct wallet_import_plan *plan,
                        void (*read)(const struct wallet_json_at *, struct wallet_import_plan *))
{
    if (!wallet_json_at_present(at) || !wallet_json_at_object(at)) {
        return;
    }
    for (const char *name = wallet_json_name_after(at->value, NULL); name != NULL;
         name = wallet_json_name_after(at->value, name)) {
        const struct wallet_json_at member = wallet_json_at_member(at, name);
        read(&member, plan);
    }
}

void import_map_form_read(const struct wallet_json_at *root, struct wallet_import_plan *plan)
{
    static const char *const encodings[] = {"auto", "utf-8", "gb18030", NULL};
    static const char *const delimiters[] = {"auto", "comma", "semicolon", "tab", NULL};
    static const char *const trust[] = {"checked", "as-they-are", NULL};
    const struct wallet_json_at format = wallet_json_at_member(root, "date_format");
    const struct wallet_json_at formats = wallet_json_at_member(root, "date_formats");
    const struct wallet_json_at lengths = wallet_json_at_member(root, "lengths");
    const struct wallet_json_at numbers = wallet_json_at_member(root, "long_numbers");
    const struct wallet_json_at encoding = wallet_json_at_member(root, "encoding");
    const struct wallet_json_at delimiter = wallet_json_at_member(root, "delimiter");
    (void)read_form(&format, &plan->date_forms[0]);
    plan->date_form_count = 1;
    each_column(&formats, plan, read_column_form);
    each_column(&lengths, plan, read_length);
    if (wallet_json_at_present(&numbers)) {
        plan->long_numbers = wallet_json_at_word(&numbers, trust) == 1;
    }
    const size_t word = wallet_json_at_word(&encoding, encodings);
    plan->form.encoding = word == SIZE_MAX ? WALLET_CSV_AUTO : (enum wallet_csv_encoding)word;
    if (wallet_json_at_present(&delimiter)) {
        const size_t by = wallet_json_at_word(&delimiter, delimiters);
        plan->form.delimiter = by == SIZE_MAX ? WALLET_CSV_ANY : (enum wallet_csv_delimiter)by;
    }
}
