#include "wallet/license_type.h"

#include <stdlib.h>

#include "claim_defs.h"
#include "doc.h"
#include "wallet/numbering.h"

enum {
    VERSION_MAX = 1000000,
    URI_MAX = 200,
    CREDENTIAL_DAYS_MAX = 366,
    DAYS_MAX = 73050, /* 200 years */
    PASS_HOURS_MAX = 24,
};

struct wallet_type_doc {
    json_t *tree;
    struct wallet_license_type type;
};

/* A member that is read by a function of its own; the order is that of SHAPES. */
struct member {
    const char *name;
    void (*read)(const struct wallet_json_at *at, struct wallet_license_type *type);
};

static void read_id(const struct wallet_json_at *at, struct wallet_license_type *type)
{
    type->id = catalog_id(at);
}

static void read_version(const struct wallet_json_at *at, struct wallet_license_type *type)
{
    type->version = (unsigned)wallet_json_at_int(at, 1, VERSION_MAX);
}

static void read_name(const struct wallet_json_at *at, struct wallet_license_type *type)
{
    type->name = catalog_name(at);
}

static void read_number_scheme(const struct wallet_json_at *at, struct wallet_license_type *type)
{
    static const char *const words[] = {"gbt36904", "register", NULL};
    const size_t word = wallet_json_at_word(at, words);
    type->number_scheme = word == 0 ? WALLET_NUMBER_GBT36904 : WALLET_NUMBER_REGISTER;
}

/* DESIGN section 7: the defining authority's credit code and three digits. */
static bool is_type_code(lw_str code)
{
    if (code.len != WALLET_TYPE_CODE_LEN ||
        wallet_credit_code_check((lw_str){code.ptr, WALLET_CREDIT_CODE_LEN}).code != LW_OK) {
        return false;
    }
    for (size_t i = WALLET_CREDIT_CODE_LEN; i < code.len; i++) {
        if (code.ptr[i] < '0' || code.ptr[i] > '9') {
            return false;
        }
    }
    return true;
}

/* Comes after number_scheme in the table, on which it depends. */
static void read_type_code(const struct wallet_json_at *at, struct wallet_license_type *type)
{
    if (type->number_scheme == WALLET_NUMBER_REGISTER) {
        if (wallet_json_at_present(at)) {
            wallet_json_at_fault(at, "belongs to the number scheme gbt36904 only");
        }
        return;
    }
    type->type_code = wallet_json_at_text(at, 1, CATALOG_TEXT_MAX);
    if (type->type_code.len > 0 && !is_type_code(type->type_code)) {
        wallet_json_at_fault(at, "must be a credit code and three digits (GB/T 36904)");
    }
}

static void read_issuers(const struct wallet_json_at *at, struct wallet_license_type *type)
{
    type->issuer_count = catalog_ids(at, 1, type->issuers);
}

static void read_holder_roles(const struct wallet_json_at *at, struct wallet_license_type *type)
{
    type->holder_role_count = catalog_ids(at, 1, type->holder_roles);
}

static void read_about(const struct wallet_json_at *at, struct wallet_license_type *type)
{
    static const char *const words[] = {"premises", "vehicle", "plot", NULL};
    if (wallet_json_at_present(at)) {
        const size_t word = wallet_json_at_word(at, words);
        type->about = word == SIZE_MAX ? LW_STR("") : lw_str_c(words[word]);
    }
}

/* Characters that a URI may hold without escapes, fragments apart. RFC 3986 section 2. */
static bool is_uri_char(char c)
{
    return c > ' ' && c < 0x7f && strchr("\"#<>\\^`{|}", c) == NULL;
}

/* A collision-resistant name (SD-JWT VC): an https URL with a host, or a URN. */
static void read_vct(const struct wallet_json_at *at, struct wallet_license_type *type)
{
    const lw_str https = LW_STR("https://");
    const lw_str urn = LW_STR("urn:");
    const lw_str vct = wallet_json_at_text(at, 1, URI_MAX);
    if (vct.len == 0) {
        return;
    }
    const bool is_https =
        lw_str_starts(vct, https) && vct.len > https.len && vct.ptr[https.len] != '/';
    const bool is_urn = lw_str_starts(vct, urn) && vct.len > urn.len;
    bool holds = is_https || is_urn;
    for (size_t i = 0; i < vct.len; i++) {
        holds = holds && is_uri_char(vct.ptr[i]);
    }
    if (!holds) {
        wallet_json_at_fault(at, "must be an https URL or a URN, without fragment");
    }
    type->vct = vct;
}

static void read_formats(const struct wallet_json_at *at, struct wallet_license_type *type)
{
    static const char *const words[] = {"dc+sd-jwt", "dc+sd-cwt", "mso_mdoc", NULL};
    static const unsigned bits[] = {WALLET_FORMAT_BIT_SDJWT, WALLET_FORMAT_BIT_SDCWT,
                                    WALLET_FORMAT_BIT_MDOC};
    const size_t count = wallet_json_at_array(at, 1, sizeof(bits) / sizeof(bits[0]));
    for (size_t i = 0; i < count; i++) {
        const struct wallet_json_at element = wallet_json_at_element(at, i);
        const size_t word = wallet_json_at_word(&element, words);
        const unsigned bit = word == SIZE_MAX ? 0 : bits[word];
        if ((type->formats & bit) != 0) {
            wallet_json_at_fault(&element, "is given twice");
        }
        type->formats |= bit;
    }
}

/* Comes after formats in the table, on which it depends. */
static void read_doctype(const struct wallet_json_at *at, struct wallet_license_type *type)
{
    if ((type->formats & WALLET_FORMAT_BIT_MDOC) != 0) {
        type->doctype = catalog_text(at, CATALOG_TEXT_MAX);
    } else if (wallet_json_at_present(at)) {
        wallet_json_at_fault(at, "belongs to the format mso_mdoc only");
    }
}

static void read_credential_days(const struct wallet_json_at *at, struct wallet_license_type *type)
{
    type->credential_days = wallet_json_at_int(at, 1, CREDENTIAL_DAYS_MAX);
}

static void read_retention_days(const struct wallet_json_at *at, struct wallet_license_type *type)
{
    type->retention_days = wallet_json_at_int(at, 1, DAYS_MAX);
}

static void read_claims(const struct wallet_json_at *at, struct wallet_license_type *type)
{
    claim_defs_read(at, type);
}

/* Comes after claims in the table: the license ends with one of them, after some days, or never. */
static void read_validity(const struct wallet_json_at *at, struct wallet_license_type *type)
{
    type->validity_claim = SIZE_MAX;
    if (!wallet_json_at_object(at)) {
        return;
    }
    wallet_json_at_only(at, (const char *const[]){"days", "claim", NULL});
    const struct wallet_json_at days = wallet_json_at_member(at, "days");
    const struct wallet_json_at claim = wallet_json_at_member(at, "claim");
    if (wallet_json_at_present(&days)) {
        type->validity_days = wallet_json_at_int(&days, 1, DAYS_MAX);
    }
    if (!wallet_json_at_present(&claim)) {
        return;
    }
    if (wallet_json_at_present(&days)) {
        wallet_json_at_fault(at, "has days and a claim: one of them ends a license");
    }
    const lw_str path = wallet_json_at_text(&claim, 1, CATALOG_TEXT_MAX);
    type->validity_claim = wallet_license_type_claim(type, path);
    if (path.len > 0 && type->validity_claim == SIZE_MAX) {
        wallet_json_at_fault(&claim, "names no claim of this type");
    } else if (path.len > 0 && type->claims[type->validity_claim].kind != WALLET_KIND_DATE) {
        wallet_json_at_fault(&claim, "must name a claim that is a date");
    }
}

static bool pass_has(const struct wallet_pass_def *pass, size_t claim)
{
    for (size_t i = 0; i < pass->claim_count; i++) {
        if (pass->claims[i] == claim) {
            return true;
        }
    }
    return false;
}

static void read_pass_claim(const struct wallet_json_at *at, const struct wallet_license_type *type,
                            struct wallet_pass_def *pass)
{
    const lw_str path = wallet_json_at_text(at, 1, CATALOG_TEXT_MAX);
    const size_t claim = wallet_license_type_claim(type, path);
    if (path.len == 0) {
        return;
    }
    if (claim == SIZE_MAX) {
        wallet_json_at_fault(at, "names no claim of this type");
    } else if (type->claims[claim].disclose == WALLET_DISCLOSE_NEVER) {
        wallet_json_at_fault(at, "is a claim that is never disclosed");
    } else if (pass_has(pass, claim)) {
        wallet_json_at_fault(at, "is given twice");
    } else {
        pass->claims[pass->claim_count++] = claim;
    }
}

static void read_pass(const struct wallet_json_at *at, struct wallet_license_type *type)
{
    struct wallet_pass_def *pass = &type->passes[type->pass_count];
    if (!wallet_json_at_object(at)) {
        return;
    }
    wallet_json_at_only(at, (const char *const[]){"id", "name", "claims", "hours", NULL});
    const struct wallet_json_at id = wallet_json_at_member(at, "id");
    const struct wallet_json_at name = wallet_json_at_member(at, "name");
    const struct wallet_json_at claims = wallet_json_at_member(at, "claims");
    const struct wallet_json_at hours = wallet_json_at_member(at, "hours");
    pass->id = catalog_id(&id);
    if (pass->id.len > 0 && wallet_license_type_pass(type, pass->id) != NULL) {
        wallet_json_at_fault(&id, "is given twice");
    }
    pass->name = catalog_name(&name);
    pass->hours = (unsigned)wallet_json_at_int(&hours, 1, PASS_HOURS_MAX);
    const size_t count = wallet_json_at_array(&claims, 1, WALLET_CLAIMS_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct wallet_json_at element = wallet_json_at_element(&claims, i);
        read_pass_claim(&element, type, pass);
    }
    type->pass_count++;
}

/* Comes after formats and claims in the table. */
static void read_passes(const struct wallet_json_at *at, struct wallet_license_type *type)
{
    const size_t count = wallet_json_at_array(at, 0, WALLET_PASSES_MAX);
    if (count > 0 && (type->formats & WALLET_FORMAT_BIT_SDCWT) == 0) {
        wallet_json_at_fault(at, "need the format dc+sd-cwt");
    }
    for (size_t i = 0; i < count; i++) {
        const struct wallet_json_at element = wallet_json_at_element(at, i);
        read_pass(&element, type);
    }
}

static void read_offline(const struct wallet_json_at *at, struct wallet_license_type *type)
{
    type->offline_without_status = wallet_json_at_bool(at);
}

/* Absent: one person imports and issues. The only value is true: what is not wanted is left out. */
static void read_approval(const struct wallet_json_at *at, struct wallet_license_type *type)
{
    if (!wallet_json_at_present(at) || !wallet_json_at_object(at)) {
        return;
    }
    wallet_json_at_only(at, (const char *const[]){"import", NULL});
    const struct wallet_json_at import = wallet_json_at_member(at, "import");
    type->two_people = wallet_json_at_bool(&import);
    if (json_is_false(import.value)) {
        wallet_json_at_fault(&import, "must be true: a type without approval has no such member");
    }
}

static const struct member members[] = {
    {"id", read_id},
    {"version", read_version},
    {"name", read_name},
    {"number_scheme", read_number_scheme},
    {"type_code", read_type_code},
    {"issuers", read_issuers},
    {"holder_roles", read_holder_roles},
    {"about", read_about},
    {"vct", read_vct},
    {"formats", read_formats},
    {"doctype", read_doctype},
    {"credential_days", read_credential_days},
    {"retention_days", read_retention_days},
    {"claims", read_claims},
    {"validity", read_validity},
    {"passes", read_passes},
    {"offline_without_status", read_offline},
    {"approval", read_approval},
};
enum { MEMBERS = sizeof(members) / sizeof(members[0]) };

static void read_type(const struct wallet_json_at *root, struct wallet_license_type *type)
{
    const char *names[MEMBERS + 1] = {0};
    if (!wallet_json_at_object(root)) {
        return;
    }
    for (size_t i = 0; i < MEMBERS; i++) {
        const struct wallet_json_at at = wallet_json_at_member(root, members[i].name);
        names[i] = members[i].name;
        members[i].read(&at, type);
    }
    wallet_json_at_only(root, names);
}

lw_err wallet_license_type_read(lw_bytes json, struct wallet_type_doc **doc,
                                struct wallet_doc_error *errors, size_t *error_count)
{
    struct wallet_json_faults faults = {.list = errors, .max = *error_count};
    *error_count = 0;
    *doc = NULL;
    WALLET_AUTO_JSON tree = NULL;
    LW_TRY(wallet_json_doc_parse(json, CATALOG_DOC_MAX, &tree));
    struct wallet_type_doc *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return LW_FAIL(LW_E_NOMEM, "catalog: out of memory", LW_NOWHERE);
    }
    made->tree = json_incref(tree);
    const struct wallet_json_at root = wallet_json_at_root(tree, &faults);
    read_type(&root, &made->type);
    const lw_err err = catalog_verdict(&faults, error_count);
    if (err.code != LW_OK) {
        wallet_license_type_free(made);
        return err;
    }
    *doc = made;
    return LW_SUCCESS;
}

const struct wallet_license_type *wallet_license_type_of(const struct wallet_type_doc *doc)
{
    return &doc->type;
}

void wallet_license_type_free(struct wallet_type_doc *doc)
{
    if (doc != NULL) {
        json_decref(doc->tree);
        free(doc);
    }
}

static bool path_is(const struct wallet_claim_def *claim, lw_str dotted)
{
    lw_str rest = dotted;
    for (size_t i = 0; i < claim->depth; i++) {
        lw_str head = {0};
        const bool more = lw_str_split(rest, '.', &head, &rest);
        if (!lw_str_eq(head, claim->path[i]) || more != (i + 1 < claim->depth)) {
            return false;
        }
    }
    return claim->depth > 0;
}

size_t wallet_license_type_claim(const struct wallet_license_type *type, lw_str dotted_path)
{
    for (size_t i = 0; i < type->claim_count; i++) {
        if (path_is(&type->claims[i], dotted_path)) {
            return i;
        }
    }
    return SIZE_MAX;
}

size_t wallet_license_type_claim_by_key(const struct wallet_license_type *type, int64_t cwt_key)
{
    for (size_t i = 0; i < type->claim_count; i++) {
        if (type->claims[i].cwt_key == cwt_key) {
            return i;
        }
    }
    return SIZE_MAX;
}

const struct wallet_pass_def *wallet_license_type_pass(const struct wallet_license_type *type,
                                                       lw_str id)
{
    for (size_t i = 0; i < type->pass_count; i++) {
        if (lw_str_eq(type->passes[i].id, id)) {
            return &type->passes[i];
        }
    }
    return NULL;
}
