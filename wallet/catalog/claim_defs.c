#include "claim_defs.h"

#include "wallet/image.h"

enum { CLAIM_NAME_MAX = 64, MDOC_NAME_MAX = 128, IMAGE_BYTES_MIN = 1024 };

/* SHAPES: keys shared by all, and a city's own, down to what 32 bits hold. */
static const int64_t shared_first = -70001;
static const int64_t shared_last = -70099;
static const int64_t own_first = -71001;
static const int64_t own_last = INT32_MIN;

/* In the order of enum wallet_claim_kind. */
static const char *const kinds[] = {"text",  "integer", "boolean", "date", "time",
                                    "texts", "bytes",   "objects", NULL};

/* In the order of enum wallet_disclose. */
static const char *const disclosures[] = {"choice", "always", "never", NULL};

/* specs/qr.md section 3: these shared keys have their meaning for ever. */
static const struct {
    int64_t key;
    const char *name;
    enum wallet_claim_kind kind;
} assigned[] = {
    {-70001, "family_name", WALLET_KIND_TEXT},   {-70002, "given_name", WALLET_KIND_TEXT},
    {-70003, "birth_date", WALLET_KIND_DATE},    {-70004, "category", WALLET_KIND_TEXT},
    {-70005, "expiry_date", WALLET_KIND_DATE},   {-70006, "portrait_hash", WALLET_KIND_BYTES},
    {-70007, "age_over_18", WALLET_KIND_BOOLEAN}};

/* Names at the top of a credential that are its own (RFC 7519, RFC 9901, SD-JWT VC). */
static const char *const reserved[] = {"iss", "sub", "aud", "exp",    "nbf",      "iat",
                                       "jti", "cnf", "vct", "status", "aka_vcts", NULL};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_claim_name(lw_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        const char c = name.ptr[i];
        const bool inside = (c >= '0' && c <= '9') || c == '_';
        if (!is_letter(c) && (i == 0 || !inside)) {
            return false;
        }
    }
    return true;
}

static bool is_reserved(lw_str name)
{
    for (size_t i = 0; reserved[i] != NULL; i++) {
        if (lw_str_is(name, reserved[i])) {
            return true;
        }
    }
    return false;
}

static void read_path(const struct wallet_json_at *at, struct wallet_claim_def *claim)
{
    claim->depth = wallet_json_at_array(at, 1, WALLET_CLAIM_DEPTH_MAX);
    for (size_t i = 0; i < claim->depth; i++) {
        const struct wallet_json_at element = wallet_json_at_element(at, i);
        const lw_str name = wallet_json_at_text(&element, 1, CLAIM_NAME_MAX);
        if (!is_claim_name(name)) {
            wallet_json_at_fault(&element, "must be letters, digits and '_', a letter first");
        } else if (i == 0 && is_reserved(name)) {
            wallet_json_at_fault(&element, "is a name that credentials use themselves");
        }
        claim->path[i] = name;
    }
}

static void read_key(const struct wallet_json_at *at, struct wallet_claim_def *claim)
{
    const int64_t key = wallet_json_at_int(at, INT64_MIN, INT64_MAX);
    const bool shared = key <= shared_first && key >= shared_last;
    const bool own = key <= own_first && key >= own_last;
    if (wallet_json_at_present(at) && json_is_integer(at->value) && !shared && !own) {
        wallet_json_at_fault(at, "must lie in -70099 to -70001, or below -71000");
    }
    claim->cwt_key = key;
}

static void check_assigned(const struct wallet_json_at *at, const struct wallet_claim_def *claim)
{
    for (size_t i = 0; i < sizeof(assigned) / sizeof(assigned[0]); i++) {
        if (claim->cwt_key == assigned[i].key &&
            (claim->depth != 1 || !lw_str_is(claim->path[0], assigned[i].name) ||
             claim->kind != assigned[i].kind)) {
            wallet_json_at_fault(at, "is the key of another shared claim");
        }
    }
}

static void read_mdoc(const struct wallet_json_at *at, const struct wallet_license_type *type,
                      struct wallet_claim_def *claim)
{
    if (!wallet_json_at_present(at)) {
        return;
    }
    if ((type->formats & WALLET_FORMAT_BIT_MDOC) == 0) {
        wallet_json_at_fault(at, "belongs to the format mso_mdoc only");
    }
    if (wallet_json_at_array(at, 2, 2) == 2) {
        const struct wallet_json_at space = wallet_json_at_element(at, 0);
        const struct wallet_json_at element = wallet_json_at_element(at, 1);
        claim->mdoc_namespace = catalog_text(&space, MDOC_NAME_MAX);
        claim->mdoc_element = catalog_text(&element, MDOC_NAME_MAX);
    }
}

/* An image is bytes of one of the media types named, and not too many of them. */
static void read_image(const struct wallet_json_at *at, struct wallet_claim_def *claim)
{
    static const char *const media[] = {"image/jpeg", "image/png", NULL};
    const struct wallet_json_at list = wallet_json_at_member(at, "media");
    const struct wallet_json_at max = wallet_json_at_member(at, "max_bytes");
    if (!wallet_json_at_present(&list)) {
        if (wallet_json_at_present(&max)) {
            wallet_json_at_fault(&max, "belongs to claims with media only");
        }
        return;
    }
    if (claim->kind != WALLET_KIND_BYTES) {
        wallet_json_at_fault(&list, "belongs to claims of bytes only");
    }
    const size_t count = wallet_json_at_array(&list, 1, 2);
    for (size_t i = 0; i < count; i++) {
        const struct wallet_json_at element = wallet_json_at_element(&list, i);
        const size_t word = wallet_json_at_word(&element, media);
        claim->media |= word == SIZE_MAX ? 0
                        : word == 0      ? (unsigned)WALLET_IMAGE_JPEG
                                         : (unsigned)WALLET_IMAGE_PNG;
    }
    claim->max_bytes = (size_t)wallet_json_at_int_or(&max, IMAGE_BYTES_MIN, WALLET_IMAGE_BYTES_MAX,
                                                     WALLET_IMAGE_BYTES_MAX);
}

/* Whether one path is the other or leads into it: an object cannot be a claim and hold one. */
static bool paths_clash(const struct wallet_claim_def *a, const struct wallet_claim_def *b)
{
    const size_t common = a->depth < b->depth ? a->depth : b->depth;
    for (size_t i = 0; i < common; i++) {
        if (!lw_str_eq(a->path[i], b->path[i])) {
            return false;
        }
    }
    return common > 0;
}

/* The places of a claim that clash with another claim's. */
struct places {
    struct wallet_json_at path;
    struct wallet_json_at key;
    struct wallet_json_at mdoc;
};

static void check_against(const struct places *at, const struct wallet_claim_def *claim,
                          const struct wallet_claim_def *other)
{
    if (paths_clash(claim, other)) {
        wallet_json_at_fault(&at->path, "is another claim's, or leads into it");
    }
    if (claim->cwt_key != 0 && claim->cwt_key == other->cwt_key) {
        wallet_json_at_fault(&at->key, "is another claim's");
    }
    if (claim->mdoc_element.len > 0 && lw_str_eq(claim->mdoc_element, other->mdoc_element) &&
        lw_str_eq(claim->mdoc_namespace, other->mdoc_namespace)) {
        wallet_json_at_fault(&at->mdoc, "is another claim's");
    }
}

static void read_claim(const struct wallet_json_at *at, struct wallet_license_type *type)
{
    static const char *const members[] = {"path",      "cwt_key", "mdoc",     "type",     "media",
                                          "max_bytes", "name",    "required", "disclose", NULL};
    struct wallet_claim_def *claim = &type->claims[type->claim_count++];
    if (!wallet_json_at_object(at)) {
        return;
    }
    wallet_json_at_only(at, members);
    const struct places places = {.path = wallet_json_at_member(at, "path"),
                                  .key = wallet_json_at_member(at, "cwt_key"),
                                  .mdoc = wallet_json_at_member(at, "mdoc")};
    const struct wallet_json_at kind = wallet_json_at_member(at, "type");
    const struct wallet_json_at name = wallet_json_at_member(at, "name");
    const struct wallet_json_at required = wallet_json_at_member(at, "required");
    const struct wallet_json_at disclose = wallet_json_at_member(at, "disclose");
    const size_t kind_word = wallet_json_at_word(&kind, kinds);
    const size_t disclose_word = wallet_json_at_word(&disclose, disclosures);
    read_path(&places.path, claim);
    read_key(&places.key, claim);
    read_mdoc(&places.mdoc, type, claim);
    claim->kind = kind_word == SIZE_MAX ? WALLET_KIND_TEXT : (enum wallet_claim_kind)kind_word;
    read_image(at, claim);
    claim->disclose =
        disclose_word == SIZE_MAX ? WALLET_DISCLOSE_CHOICE : (enum wallet_disclose)disclose_word;
    claim->name = catalog_name(&name);
    claim->required = wallet_json_at_bool(&required);
    check_assigned(&places.key, claim);
    for (size_t i = 0; i + 1 < type->claim_count; i++) {
        check_against(&places, claim, &type->claims[i]);
    }
}

void claim_defs_read(const struct wallet_json_at *at, struct wallet_license_type *type)
{
    const size_t count = wallet_json_at_array(at, 1, WALLET_CLAIMS_MAX);
    bool has_mdoc = false;
    for (size_t i = 0; i < count; i++) {
        const struct wallet_json_at element = wallet_json_at_element(at, i);
        read_claim(&element, type);
        has_mdoc = has_mdoc || type->claims[i].mdoc_element.len > 0;
    }
    if (count > 0 && !has_mdoc && (type->formats & WALLET_FORMAT_BIT_MDOC) != 0) {
        wallet_json_at_fault(at, "need mdoc names for the format mso_mdoc");
    }
}
