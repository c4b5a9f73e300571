#include "wallet/format.h"

#include "wallet/sdcwt.h"
#include "wallet/sdjwt_vc.h"

static const struct wallet_format formats[] = {
    {.name = "dc+sd-jwt",
     .bit = WALLET_FORMAT_BIT_SDJWT,
     .issue = wallet_sdjwt_vc_issue,
     .present = wallet_sdjwt_vc_present,
     .verify = wallet_sdjwt_vc_verify,
     .check = wallet_sdjwt_vc_verify},
    {.name = "dc+sd-cwt",
     .bit = WALLET_FORMAT_BIT_SDCWT,
     .issue = wallet_sdcwt_issue,
     .present = wallet_sdcwt_present,
     .verify = wallet_sdcwt_verify,
     .check = wallet_sdcwt_check},
    {.name = "pass",
     .bit = WALLET_FORMAT_BIT_SDCWT,
     .issue = wallet_pass_issue,
     .present = wallet_sdcwt_present,
     .verify = wallet_sdcwt_verify,
     .check = wallet_sdcwt_check},
};

const struct wallet_format *wallet_format_by_name(lw_str name)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (lw_str_is(name, formats[i].name)) {
            return &formats[i];
        }
    }
    return NULL;
}
