#include "lw/text.h"

enum { PARAMS_MAX = 8, SUBTAG_LEN = 2 };

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

const char *lw_locale_tag(enum lw_locale locale)
{
    switch (locale) {
    case LW_LOCALE_ZH:
        return "zh";
    case LW_LOCALE_EN:
    case LW_LOCALE_COUNT:
        break;
    }
    return "en";
}

enum lw_locale lw_locale_of(lw_str tag)
{
    size_t len = 0;
    while (len < tag.len && is_letter_or_digit(tag.ptr[len])) {
        len++;
    }
    for (int i = 0; i < LW_LOCALE_COUNT; i++) {
        const char *own = lw_locale_tag((enum lw_locale)i);
        if (len == SUBTAG_LEN && lower(tag.ptr[0]) == own[0] && lower(tag.ptr[1]) == own[1]) {
            return (enum lw_locale)i;
        }
    }
    return LW_LOCALE_EN;
}

static const struct lw_message *find(const struct lw_catalogue *catalogue, const char *id)
{
    for (size_t i = 0; i < catalogue->count; i++) {
        if (strcmp(catalogue->rows[i].id, id) == 0) {
            return &catalogue->rows[i];
        }
    }
    return NULL;
}

const char *lw_text(const struct lw_catalogue *catalogue, const char *id, lw_str tag)
{
    const struct lw_message *row = find(catalogue, id);
    return row == NULL ? NULL : row->text[lw_locale_of(tag)];
}

enum piece { PIECE_END, PIECE_TEXT, PIECE_PARAM, PIECE_BROKEN };

/* Takes the next piece off `rest`: text up to a brace, a brace written twice, or a parameter. */
static enum piece next_piece(lw_str *rest, lw_str *piece)
{
    lw_str head;
    lw_str tail;
    if (rest->ptr == NULL || rest->len == 0) {
        return PIECE_END;
    }
    if (rest->ptr[0] != '{') {
        (void)lw_str_split(*rest, '{', &head, &tail);
        *piece = head;
        *rest = lw_str_from(*rest, head.len);
        return PIECE_TEXT;
    }
    if (rest->len >= 2 && rest->ptr[1] == '{') {
        *piece = (lw_str){.ptr = rest->ptr, .len = 1};
        *rest = lw_str_from(*rest, 2);
        return PIECE_TEXT;
    }
    if (!lw_str_split(lw_str_from(*rest, 1), '}', piece, &tail) || piece->len == 0) {
        return PIECE_BROKEN;
    }
    *rest = tail;
    return PIECE_PARAM;
}

static lw_err put_param(lw_str name, const struct lw_text_param *params, size_t count, lw_buf *out)
{
    for (size_t i = 0; i < count; i++) {
        if (lw_str_is(name, params[i].name)) {
            return lw_buf_put_str(out, params[i].value);
        }
    }
    return LW_FAIL(LW_E_MISUSE, "text: parameter not given", LW_NOWHERE);
}

static lw_err put_all(lw_str text, const struct lw_text_param *params, size_t count, lw_buf *out)
{
    lw_str piece;
    for (;;) {
        switch (next_piece(&text, &piece)) {
        case PIECE_END:
            return LW_SUCCESS;
        case PIECE_TEXT:
            LW_TRY(lw_buf_put_str(out, piece));
            break;
        case PIECE_PARAM:
            LW_TRY(put_param(piece, params, count, out));
            break;
        case PIECE_BROKEN:
            return LW_FAIL(LW_E_MISUSE, "text: brace without its end", LW_NOWHERE);
        }
    }
}

lw_err lw_text_put(const struct lw_catalogue *catalogue, const char *id, lw_str tag,
                   const struct lw_text_param *params, size_t count, lw_buf *out)
{
    const char *text = lw_text(catalogue, id, tag);
    const size_t before = out->len;
    if (text == NULL) {
        return LW_FAIL(LW_E_NOT_FOUND, "text: no such message", LW_NOWHERE);
    }
    const lw_err err = put_all(lw_str_c(text), params, count, out);
    if (err.code != LW_OK) {
        lw_buf_truncate(out, before);
    }
    return err;
}

static bool among(const lw_str *names, size_t count, lw_str name)
{
    for (size_t i = 0; i < count; i++) {
        if (lw_str_eq(names[i], name)) {
            return true;
        }
    }
    return false;
}

/* Collects the distinct parameters of a text; false when it is broken or has too many. */
static bool params_of(const char *text, lw_str names[PARAMS_MAX], size_t *count)
{
    lw_str rest = lw_str_c(text);
    lw_str piece;
    enum piece kind;
    *count = 0;
    while ((kind = next_piece(&rest, &piece)) != PIECE_END) {
        if (kind == PIECE_BROKEN || (kind == PIECE_PARAM && *count == PARAMS_MAX)) {
            return false;
        }
        if (kind == PIECE_PARAM && !among(names, *count, piece)) {
            names[(*count)++] = piece;
        }
    }
    return true;
}

static const char *fault_of(const struct lw_message *row)
{
    lw_str first[PARAMS_MAX];
    size_t first_count = 0;
    if (row->id == NULL || row->id[0] == 0) {
        return "text: message without id";
    }
    for (int i = 0; i < LW_LOCALE_COUNT; i++) {
        lw_str names[PARAMS_MAX];
        size_t count = 0;
        if (row->text[i] == NULL || row->text[i][0] == 0) {
            return "text: message without text in a language";
        }
        if (!params_of(row->text[i], names, &count)) {
            return "text: broken or too many parameters";
        }
        if (i == 0) {
            memcpy(first, names, sizeof(first));
            first_count = count;
        }
        for (size_t k = 0; k < count; k++) {
            if (!among(first, first_count, names[k])) {
                return "text: parameters differ between languages";
            }
        }
        if (count != first_count) {
            return "text: parameters differ between languages";
        }
    }
    return NULL;
}

lw_err lw_catalogue_check(const struct lw_catalogue *catalogue)
{
    for (size_t i = 0; i < catalogue->count; i++) {
        const char *fault = fault_of(&catalogue->rows[i]);
        if (fault != NULL) {
            return LW_FAIL(LW_E_VALUE, fault, i);
        }
        if (find(catalogue, catalogue->rows[i].id) != &catalogue->rows[i]) {
            return LW_FAIL(LW_E_VALUE, "text: id given twice", i);
        }
    }
    return LW_SUCCESS;
}
