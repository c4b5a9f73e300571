/* What reads as a date in a form is a day of the calendar, and looks like what it is. */
#include <stdlib.h>

#include "../../wallet/catalog/import_damage.h"
#include "../../wallet/catalog/import_date_form.h"
#include "lw/clock.h"

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const lw_str in = {.ptr = (const char *)data, .len = size};
    const struct import_date_form year_first = {.kind = IMPORT_DATE_YEAR_FIRST};
    const struct import_date_form serial = {.kind = IMPORT_DATE_EXCEL};
    const struct import_date_form since_1904 = {.kind = IMPORT_DATE_EXCEL_1904};
    struct import_date_form form;
    lw_str pattern = {0};
    lw_str text = {0};
    int64_t days = 0;
    int64_t other = 0;
    bool truth = false;
    const enum import_date_shape shape = import_date_shape(in);
    if (import_date_read(&year_first, in, &days).code == LW_OK) {
        LW_AUTO_BUF iso = LW_BUF(16);
        must(shape == IMPORT_SHAPE_YEAR_FIRST);
        must(lw_date_put(&iso, days).code == LW_OK);
        must(import_date_read(&year_first, lw_buf_text(&iso), &other).code == LW_OK);
        must(other == days);
    }
    if (import_date_read(&serial, in, &days).code == LW_OK) {
        must(import_date_read(&since_1904, in, &other).code == LW_OK && other > days);
    }
    if (lw_str_split(in, '\n', &pattern, &text) && import_date_form_parse(pattern, &form) &&
        import_date_read(&form, text, &days).code == LW_OK) {
        must(days > -800000 && days < 13000000);
    }
    (void)import_damage(in);
    (void)import_damage_key(in);
    (void)import_damage_length(in, 12);
    must(!import_digits_lost(in) || size > 15);
    must(!import_truth(in, &truth) || import_damage(in) == NULL);
    return 0;
}
