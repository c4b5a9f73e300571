/*
 * Text for people: message catalogues by id and BCP 47 language tag. Each layer keeps its own
 * table; codes and logs stay English and are not looked up here. Pure: the tag is a parameter.
 */
#ifndef LW_TEXT_H
#define LW_TEXT_H

#include "lw/buf.h"

enum lw_locale { LW_LOCALE_EN, LW_LOCALE_ZH, LW_LOCALE_COUNT };

/* One message in every language; `{name}` stands for a parameter. */
struct lw_message {
    const char *id; /* lower-case words joined by '.' and '_' */
    const char *text[LW_LOCALE_COUNT];
};

/* A table of messages; `rows` in any order, ids unique. */
struct lw_catalogue {
    const struct lw_message *rows;
    size_t count;
};

/**
 * Choose the language for a tag by its primary subtag ("zh", "zh-CN", "zh-Hans-CN", any case).
 *
 * returns LW_LOCALE_EN for what is not offered
 * source  RFC 4647 section 3.4
 */
enum lw_locale lw_locale_of(lw_str tag);

/** Return "en" or "zh"; static. */
const char *lw_locale_tag(enum lw_locale locale);

/** Return the text of message `id`, placeholders and all, or NULL when there is none; static. */
const char *lw_text(const struct lw_catalogue *catalogue, const char *id, lw_str tag);

struct lw_text_param {
    const char *name; /* without braces */
    lw_str value;
};

/**
 * Append the text of message `id` with its parameters filled in. "{{" stands for a brace.
 *
 * errors  LW_E_NOT_FOUND  no such message; LW_E_MISUSE  a parameter that is not given, or a brace
 *         without its end; as lw_buf_put(); `out` is then unchanged
 * does not check  the values: the caller escapes for where the text goes
 */
LW_MUST_USE lw_err lw_text_put(const struct lw_catalogue *catalogue, const char *id, lw_str tag,
                               const struct lw_text_param *params, size_t count, lw_buf *out);

/**
 * Check a catalogue: ids unique, every text there, the same parameters in every language.
 *
 * errors  LW_E_VALUE  `at` is the row
 */
LW_MUST_USE lw_err lw_catalogue_check(const struct lw_catalogue *catalogue);

#endif
