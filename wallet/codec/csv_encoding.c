#include "wallet/csv.h"

lw_err wallet_csv_encoding_parse(lw_str name, enum wallet_csv_encoding *encoding)
{
    static const char *const names[] = {
        [WALLET_CSV_AUTO] = "auto",
        [WALLET_CSV_UTF8] = "utf-8",
        [WALLET_CSV_GB18030] = "gb18030",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (lw_str_is(name, names[i])) {
            *encoding = (enum wallet_csv_encoding)i;
            return LW_SUCCESS;
        }
    }
    return LW_FAIL(LW_E_UNSUPPORTED, "csv: unknown encoding", LW_NOWHERE);
}
