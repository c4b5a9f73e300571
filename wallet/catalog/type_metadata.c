#include "wallet/type_metadata.h"

#include "wallet/json_write.h"

static void put_display(struct wallet_json_writer *w, const char *label, struct wallet_name name)
{
    const struct {
        const char *locale;
        lw_str text;
    } rows[] = {{"zh-CN", name.zh}, {"en", name.en}};
    wallet_json_put_name(w, "display");
    wallet_json_put_array(w);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        wallet_json_put_object(w);
        wallet_json_member_c(w, "locale", rows[i].locale);
        wallet_json_member_text(w, label, rows[i].text);
        wallet_json_put_end(w);
    }
    wallet_json_put_end(w);
}

static void put_claim(struct wallet_json_writer *w, const struct wallet_claim_def *claim)
{
    wallet_json_put_object(w);
    wallet_json_put_name(w, "path");
    wallet_json_put_array(w);
    for (size_t i = 0; i < claim->depth; i++) {
        wallet_json_put_text(w, claim->path[i]);
    }
    wallet_json_put_end(w);
    put_display(w, "label", claim->name);
    /* What may be withheld cannot be demanded of a presentation: only of the credential. */
    wallet_json_member_bool(w, "mandatory",
                            claim->required && claim->disclose == WALLET_DISCLOSE_ALWAYS);
    wallet_json_member_c(w, "sd", claim->disclose == WALLET_DISCLOSE_ALWAYS ? "never" : "always");
    wallet_json_put_end(w);
}

lw_err wallet_type_metadata(const struct wallet_license_type *type, lw_buf *json)
{
    struct wallet_json_writer w = wallet_json_writer(json);
    wallet_json_put_object(&w);
    wallet_json_member_text(&w, "vct", type->vct);
    wallet_json_member_text(&w, "name", type->name.en);
    put_display(&w, "name", type->name);
    wallet_json_put_name(&w, "claims");
    wallet_json_put_array(&w);
    for (size_t i = 0; i < type->claim_count; i++) {
        if (type->claims[i].disclose != WALLET_DISCLOSE_NEVER) {
            put_claim(&w, &type->claims[i]);
        }
    }
    wallet_json_put_end(&w);
    wallet_json_put_end(&w);
    return wallet_json_written(&w);
}
