#include "wallet/person.h"

#include "wallet/numbering.h"

#include "../codec/utf8.h"

enum { PAPER_MIN = 5, PAPER_MAX = 20, SHOWN_ENDS = 2, ALL_HIDDEN_MAX = 4 };

static lw_err check_paper(lw_str code)
{
    if (code.len < PAPER_MIN || code.len > PAPER_MAX) {
        return LW_FAIL(LW_E_SYNTAX, "person: a passport or permit has 5 to 20 characters",
                       code.len);
    }
    for (size_t i = 0; i < code.len; i++) {
        const char c = code.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'))) {
            return LW_FAIL(LW_E_SYNTAX, "person: neither letter nor digit", i);
        }
    }
    return LW_SUCCESS;
}

static lw_err check_other(lw_str code)
{
    if (code.len == 0) {
        return LW_FAIL(LW_E_SYNTAX, "person: the code is empty", 0);
    }
    if (code.ptr[0] == ' ' || code.ptr[code.len - 1] == ' ') {
        return LW_FAIL(LW_E_SYNTAX, "person: the code begins or ends with a space",
                       code.ptr[0] == ' ' ? 0 : code.len - 1);
    }
    size_t bad = 0;
    if (!codec_utf8_valid(lw_str_bytes(code), &bad)) {
        return LW_FAIL(LW_E_SYNTAX, "person: not UTF-8", bad);
    }
    for (size_t i = 0; i < code.len; i++) {
        const unsigned char c = (unsigned char)code.ptr[i];
        if (c < ' ' || c == 0x7f) {
            return LW_FAIL(LW_E_SYNTAX, "person: not a printable character", i);
        }
    }
    return LW_SUCCESS;
}

/* GB/T 36903 code types; a new one is a row here. */
static const struct code_type {
    const char *type;
    lw_err (*check)(lw_str code); /* of the code in capitals where `capitals` */
    bool capitals;                /* small letters mean the same: they become capitals */
    bool open;                    /* public: shown whole on screens */
} code_types[] = {
    {"001", wallet_credit_code_check, true, true},
    {"111", wallet_citizen_number_check, true, false},
    {"414", check_paper, true, false},
    {"511", check_paper, true, false},
    {"516", check_paper, true, false},
    {"099", check_other, false, false},
    {"999", check_other, false, false},
};

static const struct code_type *find_type(lw_str type)
{
    for (size_t i = 0; i < sizeof(code_types) / sizeof(code_types[0]); i++) {
        if (lw_str_is(type, code_types[i].type)) {
            return &code_types[i];
        }
    }
    return NULL;
}

bool wallet_person_type_known(lw_str type)
{
    return find_type(type) != NULL;
}

static char capital(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

lw_err wallet_person_code(lw_str type, lw_str code, struct wallet_person_code *out)
{
    const struct code_type *row = find_type(type);
    if (row == NULL) {
        return LW_FAIL(LW_E_UNSUPPORTED, "person: unknown code type", LW_NOWHERE);
    }
    if (code.len > WALLET_CODE_MAX) {
        return LW_FAIL(LW_E_SYNTAX, "person: the code is too long", WALLET_CODE_MAX);
    }
    struct wallet_person_code made = {.len = WALLET_CODE_TYPE_LEN + 1 + code.len};
    memcpy(made.text, row->type, WALLET_CODE_TYPE_LEN);
    made.text[WALLET_CODE_TYPE_LEN] = ':';
    for (size_t i = 0; i < code.len; i++) {
        made.text[WALLET_CODE_TYPE_LEN + 1 + i] =
            row->capitals ? capital(code.ptr[i]) : code.ptr[i];
    }
    LW_TRY(row->check(wallet_person_code_value(&made)));
    *out = made;
    return LW_SUCCESS;
}

lw_err wallet_person_parse(lw_str text, struct wallet_person_code *out)
{
    lw_str type = {0};
    lw_str code = {0};
    if (!lw_str_split(text, ':', &type, &code)) {
        return LW_FAIL(LW_E_SYNTAX, "person: a holder is written CODETYPE:CODE", 0);
    }
    lw_err err = wallet_person_code(type, code, out);
    if (err.code != LW_OK && err.at != LW_NOWHERE) {
        err.at += type.len + 1;
    }
    return err;
}

/* Counts the characters of a code, which is UTF-8 that was checked. */
static size_t count_chars(lw_str s)
{
    size_t count = 0;
    for (size_t i = 0; i < s.len; i++) {
        count += ((unsigned char)s.ptr[i] & 0xc0) != 0x80 ? 1 : 0;
    }
    return count;
}

lw_err wallet_person_masked(const struct wallet_person_code *code, lw_buf *out)
{
    const struct code_type *row = find_type(wallet_person_code_type(code));
    const lw_str value = wallet_person_code_value(code);
    const size_t count = count_chars(value);
    const size_t ends = count <= ALL_HIDDEN_MAX ? 0 : SHOWN_ENDS;
    char text[sizeof(code->text)];
    size_t len = WALLET_CODE_TYPE_LEN + 1;
    size_t seen = 0;
    if (row != NULL && row->open) {
        return lw_buf_put_str(out, wallet_person_code_text(code));
    }
    memcpy(text, code->text, len);
    for (size_t i = 0; i < value.len; i++) {
        const bool begins = ((unsigned char)value.ptr[i] & 0xc0) != 0x80;
        seen += begins ? 1 : 0;
        if (seen <= ends || seen > count - ends) {
            text[len++] = value.ptr[i];
        } else if (begins) {
            text[len++] = '*';
        }
    }
    return lw_buf_put_str(out, (lw_str){.ptr = text, .len = len});
}
