#include <stdlib.h>

#include "doc.h"
#include "wallet/numbering.h"

struct wallet_agency_doc {
    json_t *tree;
    struct wallet_agency agency;
};

static lw_str read_credit_code(const struct wallet_json_at *at)
{
    const lw_str code = wallet_json_at_text(at, 1, CATALOG_TEXT_MAX);
    if (code.len > 0 && wallet_credit_code_check(code).code != LW_OK) {
        wallet_json_at_fault(at, "is no unified social credit code (GB 32100)");
    }
    return code;
}

static void read_agency(const struct wallet_json_at *root, struct wallet_agency *agency)
{
    static const char *const members[] = {"id",     "name",   "credit_code", "contact",
                                          "issues", "keeper", NULL};
    if (!wallet_json_at_object(root)) {
        return;
    }
    wallet_json_at_only(root, members);
    const struct wallet_json_at id = wallet_json_at_member(root, "id");
    const struct wallet_json_at name = wallet_json_at_member(root, "name");
    const struct wallet_json_at credit_code = wallet_json_at_member(root, "credit_code");
    const struct wallet_json_at contact = wallet_json_at_member(root, "contact");
    const struct wallet_json_at issues = wallet_json_at_member(root, "issues");
    const struct wallet_json_at keeper = wallet_json_at_member(root, "keeper");
    agency->id = catalog_id(&id);
    agency->name = catalog_name(&name);
    agency->credit_code = read_credit_code(&credit_code);
    agency->contact = catalog_text(&contact, CATALOG_TEXT_MAX);
    agency->issue_count = catalog_ids(&issues, 0, agency->issues);
    agency->keeper = wallet_json_at_bool(&keeper);
}

lw_err wallet_agency_read(lw_bytes json, struct wallet_agency_doc **doc,
                          struct wallet_doc_error *errors, size_t *error_count)
{
    struct wallet_json_faults faults = {.list = errors, .max = *error_count};
    *error_count = 0;
    *doc = NULL;
    WALLET_AUTO_JSON tree = NULL;
    LW_TRY(wallet_json_doc_parse(json, CATALOG_DOC_MAX, &tree));
    struct wallet_agency_doc *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return LW_FAIL(LW_E_NOMEM, "catalog: out of memory", LW_NOWHERE);
    }
    made->tree = json_incref(tree);
    const struct wallet_json_at root = wallet_json_at_root(tree, &faults);
    read_agency(&root, &made->agency);
    const lw_err err = catalog_verdict(&faults, error_count);
    if (err.code != LW_OK) {
        wallet_agency_free(made);
        return err;
    }
    *doc = made;
    return LW_SUCCESS;
}

const struct wallet_agency *wallet_agency_of(const struct wallet_agency_doc *doc)
{
    return &doc->agency;
}

void wallet_agency_free(struct wallet_agency_doc *doc)
{
    if (doc != NULL) {
        json_decref(doc->tree);
        free(doc);
    }
}
