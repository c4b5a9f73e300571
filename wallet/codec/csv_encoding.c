#include "wallet/csv.h"

static const char *const encodings[] = {
    [WALLET_CSV_AUTO] = "auto",
    [WALLET_CSV_UTF8] = "utf-8",
    [WALLET_CSV_GB18030] = "gb18030",
};

static const char *const delimiters[] = {
    [WALLET_CSV_ANY] = "auto",
    [WALLET_CSV_COMMA] = "comma",
    [WALLET_CSV_SEMICOLON] = "semicolon",
    [WALLET_CSV_TAB] = "tab",
};

lw_err wallet_csv_encoding_parse(lw_str name, enum wallet_csv_encoding *encoding)
{
    for (size_t i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++) {
        if (lw_str_is(name, encodings[i])) {
            *encoding = (enum wallet_csv_encoding)i;
            return LW_SUCCESS;
        }
    }
    return LW_FAIL(LW_E_UNSUPPORTED, "csv: unknown encoding", LW_NOWHERE);
}

lw_err wallet_csv_delimiter_parse(lw_str name, enum wallet_csv_delimiter *delimiter)
{
    for (size_t i = 0; i < sizeof(delimiters) / sizeof(delimiters[0]); i++) {
        if (lw_str_is(name, delimiters[i])) {
            *delimiter = (enum wallet_csv_delimiter)i;
            return LW_SUCCESS;
        }
    }
    return LW_FAIL(LW_E_UNSUPPORTED, "csv: unknown delimiter", LW_NOWHERE);
}

const char *wallet_csv_encoding_name(enum wallet_csv_encoding encoding)
{
    return encodings[encoding];
}

const char *wallet_csv_delimiter_name(enum wallet_csv_delimiter delimiter)
{
    return delimiters[delimiter];
}
