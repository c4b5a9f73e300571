#include "wallet/import_map.h"

#include <stdlib.h>

#include "doc.h"
#include "import_plan.h"
#include "lw/clock.h"
#include "wallet/value.h"

enum {
    EXPR_MAX = 1024,
    CONSTANTS_MAX = 512 * 1024,
    ARENA_MAX = 1024 * 1024,
    SHIFT_DAYS_MAX = 366000, /* a thousand years */
};

struct wallet_import_map {
    json_t *tree;
    struct wallet_csv_form form;
};

static void put_part(const struct wallet_json_at *at, struct import_expr *expr,
                     struct import_part part)
{
    if (expr->count == WALLET_MAP_PARTS_MAX) {
        wallet_json_at_fault(at, "has more than 16 parts");
        return;
    }
    expr->parts[expr->count++] = part;
}

static void put_column(const struct wallet_json_at *at, const struct wallet_import_plan *plan,
                       struct import_expr *expr, lw_str name)
{
    struct import_part part = {.column = 0};
    if (plan->csv != NULL) {
        part.column = wallet_csv_column(plan->csv, name);
    }
    if (name.len == 0 || part.column == SIZE_MAX) {
        wallet_json_at_fault(at, name.len == 0 ? "names no column between its braces"
                                               : "names a column that the file does not have");
        return;
    }
    put_part(at, expr, part);
}

static void read_template(const struct wallet_json_at *at, const struct wallet_import_plan *plan,
                          struct import_expr *expr, lw_str text)
{
    for (lw_str rest = text; rest.len > 0;) {
        lw_str literal = {0};
        lw_str name = {0};
        const bool opens = lw_str_split(rest, '{', &literal, &rest);
        const bool closes = opens && lw_str_split(rest, '}', &name, &rest);
        if (opens != closes || memchr(literal.ptr, '}', literal.len) != NULL ||
            (name.len > 0 && memchr(name.ptr, '{', name.len) != NULL)) {
            wallet_json_at_fault(at, "has a brace without its other");
            return;
        }
        if (literal.len > 0) {
            put_part(at, expr, (struct import_part){.literal = literal, .column = SIZE_MAX});
        }
        if (opens) {
            put_column(at, plan, expr, name);
        }
    }
}

/* A column's name, or a template when it holds braces. */
static void read_expr(const struct wallet_json_at *at, const struct wallet_import_plan *plan,
                      struct import_expr *expr)
{
    const lw_str text = wallet_json_at_text(at, 1, EXPR_MAX);
    if (text.len == 0) {
        return;
    }
    if (memchr(text.ptr, '{', text.len) != NULL || memchr(text.ptr, '}', text.len) != NULL) {
        read_template(at, plan, expr, text);
    } else {
        put_column(at, plan, expr, text);
    }
}

static void read_member(const struct wallet_json_at *root, const char *name,
                        const struct wallet_import_plan *plan, struct import_expr *expr)
{
    const struct wallet_json_at at = wallet_json_at_member(root, name);
    read_expr(&at, plan, expr);
}

static void read_member_if_any(const struct wallet_json_at *root, const char *name,
                               const struct wallet_import_plan *plan, struct import_expr *expr)
{
    const struct wallet_json_at at = wallet_json_at_member(root, name);
    if (wallet_json_at_present(&at)) {
        read_expr(&at, plan, expr);
    }
}

static bool type_has_role(const struct wallet_license_type *type, lw_str role)
{
    for (size_t i = 0; i < type->holder_role_count; i++) {
        if (lw_str_eq(type->holder_roles[i], role)) {
            return true;
        }
    }
    return false;
}

static void read_role(const struct wallet_json_at *at, struct wallet_import_plan *plan)
{
    if (wallet_json_at_present(at)) {
        plan->holder_role = catalog_id(at);
        if (plan->type != NULL && plan->holder_role.len > 0 &&
            !type_has_role(plan->type, plan->holder_role)) {
            wallet_json_at_fault(at, "is no role of the license type");
        }
    } else if (plan->type != NULL) {
        plan->holder_role = plan->type->holder_roles[0];
    }
}

static void read_holder(const struct wallet_json_at *at, struct wallet_import_plan *plan)
{
    if (!wallet_json_at_object(at)) {
        return;
    }
    wallet_json_at_only(at, (const char *const[]){"type", "code", "name", "role", NULL});
    const struct wallet_json_at type = wallet_json_at_member(at, "type");
    const struct wallet_json_at role = wallet_json_at_member(at, "role");
    plan->holder_type = wallet_json_at_text(&type, 1, CATALOG_TEXT_MAX);
    if (plan->holder_type.len > 0 && !wallet_person_type_known(plan->holder_type)) {
        wallet_json_at_fault(&type, "is no code type (GB/T 36903)");
    }
    read_member(at, "code", plan, &plan->holder_code);
    read_member_if_any(at, "name", plan, &plan->holder_name);
    read_role(&role, plan);
}

/* A register has no superseded terms: those follow from the chain. */
static enum wallet_state read_state_name(const struct wallet_json_at *at)
{
    static const char *const words[] = {"active", "suspended", "revoked", "cancelled", NULL};
    static const enum wallet_state states[] = {WALLET_ACTIVE, WALLET_SUSPENDED, WALLET_REVOKED,
                                               WALLET_CANCELLED};
    const size_t word = wallet_json_at_word(at, words);
    return word == SIZE_MAX ? WALLET_ACTIVE : states[word];
}

static void read_state_values(const struct wallet_json_at *at, struct wallet_import_plan *plan)
{
    if (!wallet_json_at_object(at)) {
        return;
    }
    const size_t count = json_object_size(at->value);
    if (count == 0 || count > WALLET_MAP_STATES_MAX) {
        wallet_json_at_fault(at, "must have 1 to 32 members");
        return;
    }
    for (const char *name = wallet_json_name_after(at->value, NULL); name != NULL;
         name = wallet_json_name_after(at->value, name)) {
        const struct wallet_json_at member = wallet_json_at_member(at, name);
        plan->states[plan->state_count++] =
            (struct import_state){.value = lw_str_c(name), .state = read_state_name(&member)};
    }
}

static void read_state(const struct wallet_json_at *at, struct wallet_import_plan *plan)
{
    if (!wallet_json_at_object(at)) {
        return;
    }
    const struct wallet_json_at constant = wallet_json_at_member(at, "constant");
    if (wallet_json_at_present(&constant)) {
        wallet_json_at_only(at, (const char *const[]){"constant", NULL});
        plan->constant_state = read_state_name(&constant);
        return;
    }
    wallet_json_at_only(at, (const char *const[]){"column", "values", NULL});
    const struct wallet_json_at values = wallet_json_at_member(at, "values");
    read_member(at, "column", plan, &plan->state);
    read_state_values(&values, plan);
}

static void read_constant(const struct wallet_json_at *at, struct wallet_import_plan *plan,
                          struct import_claim *claim)
{
    LW_AUTO_BUF json = LW_BUF(CATALOG_DOC_MAX);
    const struct wallet_json_at constant = wallet_json_at_member(at, "constant");
    wallet_json_at_only(at, (const char *const[]){"constant", NULL});
    if (!wallet_json_at_present(&constant)) {
        wallet_json_at_fault(&constant, "is missing");
        return;
    }
    if (plan->type == NULL) {
        return;
    }
    const size_t before = plan->constants.len;
    if (wallet_json_doc_write(constant.value, &json).code != LW_OK ||
        wallet_value_from_json(plan->type->claims[claim->def].kind, lw_buf_view(&json),
                               &plan->constants)
                .code != LW_OK) {
        wallet_json_at_fault(&constant, "is not of the claim's type");
        return;
    }
    claim->constant =
        (lw_bytes){.ptr = plan->constants.ptr + before, .len = plan->constants.len - before};
}

static void read_photo(const struct wallet_json_at *at, struct wallet_import_plan *plan,
                       struct import_claim *claim)
{
    wallet_json_at_only(at, (const char *const[]){"photo", NULL});
    read_member(at, "photo", plan, &claim->from);
    claim->photo = true;
    if (plan->type != NULL && plan->type->claims[claim->def].media == 0) {
        wallet_json_at_fault(at, "is no image claim, which the license type gives media");
    } else if (plan->csv != NULL && plan->photos == NULL) {
        wallet_json_at_fault(at, "needs the folder of the photos: give --photos DIR");
    }
}

/* Keeps the claims in the type's order. */
static void put_claim(struct wallet_import_plan *plan, const struct import_claim *claim)
{
    size_t i = plan->claim_count++;
    for (; i > 0 && plan->claims[i - 1].def > claim->def; i--) {
        plan->claims[i] = plan->claims[i - 1];
    }
    plan->claims[i] = *claim;
}

static void read_claim(const struct wallet_json_at *at, struct wallet_import_plan *plan)
{
    struct import_claim claim = {.def = plan->claim_count};
    if (plan->type != NULL) {
        claim.def = wallet_license_type_claim(plan->type, lw_str_c(at->name));
    }
    if (claim.def == SIZE_MAX) {
        wallet_json_at_fault(at, "names no claim of the license type");
        return;
    }
    const struct wallet_json_at photo = wallet_json_at_member(at, "photo");
    if (json_is_object(at->value) && wallet_json_at_present(&photo)) {
        read_photo(at, plan, &claim);
    } else if (json_is_object(at->value)) {
        read_constant(at, plan, &claim);
    } else {
        read_expr(at, plan, &claim.from);
    }
    put_claim(plan, &claim);
}

static bool plan_has(const struct wallet_import_plan *plan, size_t def)
{
    for (size_t i = 0; i < plan->claim_count; i++) {
        if (plan->claims[i].def == def) {
            return true;
        }
    }
    return false;
}

/* Where there are photos, image claims that the map does not name are filled by the number. */
static void put_photos_by_number(struct wallet_import_plan *plan)
{
    for (size_t i = 0; plan->photos != NULL && i < plan->type->claim_count; i++) {
        if (plan->type->claims[i].media != 0 && !plan_has(plan, i)) {
            const struct import_claim claim = {.def = i, .from = plan->number, .photo = true};
            put_claim(plan, &claim);
        }
    }
}

static void read_claims(const struct wallet_json_at *at, struct wallet_import_plan *plan)
{
    if (!wallet_json_at_object(at)) {
        return;
    }
    const size_t count = json_object_size(at->value);
    if (count == 0 || count > WALLET_CLAIMS_MAX) {
        wallet_json_at_fault(at, "must have 1 to 64 members");
        return;
    }
    for (const char *name = wallet_json_name_after(at->value, NULL); name != NULL;
         name = wallet_json_name_after(at->value, name)) {
        const struct wallet_json_at member = wallet_json_at_member(at, name);
        read_claim(&member, plan);
    }
    put_photos_by_number(plan);
    for (size_t i = 0; plan->type != NULL && i < plan->type->claim_count; i++) {
        if (plan->type->claims[i].required && !plan_has(plan, i)) {
            wallet_json_at_fault(at, "lack a claim that the license type requires");
        }
    }
}

/* A license must not become endless because a map forgot its end. */
static void check_end(const struct wallet_json_at *root, const struct wallet_import_plan *plan)
{
    const struct wallet_json_at at = wallet_json_at_member(root, "valid_until");
    const struct wallet_license_type *type = plan->type;
    if (type != NULL && !wallet_json_at_present(&at) && type->validity_claim != SIZE_MAX &&
        !plan_has(plan, type->validity_claim)) {
        wallet_json_at_fault(&at, "is missing, and so is the claim that ends the license");
    }
}

static void read_map(const struct wallet_json_at *root, struct wallet_import_plan *plan)
{
    static const char *const members[] = {"number",      "version",      "holder",  "valid_from",
                                          "valid_until", "issued",       "state",   "claims",
                                          "date_format", "date_formats", "lengths", "long_numbers",
                                          "encoding",    "delimiter",    NULL};
    if (!wallet_json_at_object(root)) {
        return;
    }
    const struct wallet_json_at holder = wallet_json_at_member(root, "holder");
    const struct wallet_json_at state = wallet_json_at_member(root, "state");
    const struct wallet_json_at claims = wallet_json_at_member(root, "claims");
    read_member(root, "number", plan, &plan->number);
    read_member_if_any(root, "version", plan, &plan->version);
    read_holder(&holder, plan);
    read_member(root, "valid_from", plan, &plan->valid_from);
    read_member_if_any(root, "valid_until", plan, &plan->valid_until);
    read_member_if_any(root, "issued", plan, &plan->issued);
    read_state(&state, plan);
    read_claims(&claims, plan);
    import_map_form_read(root, plan);
    check_end(root, plan);
    wallet_json_at_only(root, members);
}

static struct wallet_import_plan *new_plan(void)
{
    struct wallet_import_plan *plan = calloc(1, sizeof(*plan));
    if (plan != NULL) {
        plan->constants = LW_BUF(CONSTANTS_MAX);
        plan->arena = LW_BUF(ARENA_MAX);
    }
    return plan;
}

void wallet_import_plan_free(struct wallet_import_plan *plan)
{
    if (plan != NULL) {
        lw_buf_free(&plan->constants);
        lw_buf_free(&plan->arena);
        free(plan);
    }
}

lw_err wallet_import_map_read(lw_bytes json, struct wallet_import_map **map,
                              struct wallet_doc_error *errors, size_t *error_count)
{
    struct wallet_json_faults faults = {.list = errors, .max = *error_count};
    *error_count = 0;
    *map = NULL;
    WALLET_AUTO_JSON tree = NULL;
    LW_TRY(wallet_json_doc_parse(json, CATALOG_DOC_MAX, &tree));
    struct wallet_import_plan *plan = new_plan();
    struct wallet_import_map *made = calloc(1, sizeof(*made));
    lw_err err = LW_FAIL(LW_E_NOMEM, "import: out of memory", LW_NOWHERE);
    if (plan != NULL && made != NULL) {
        const struct wallet_json_at root = wallet_json_at_root(tree, &faults);
        read_map(&root, plan);
        err = catalog_verdict(&faults, error_count);
    }
    if (err.code == LW_OK) {
        *made = (struct wallet_import_map){.tree = json_incref(tree), .form = plan->form};
        *map = made;
        made = NULL;
    }
    wallet_import_plan_free(plan);
    free(made);
    return err;
}

void wallet_import_map_free(struct wallet_import_map *map)
{
    if (map != NULL) {
        json_decref(map->tree);
        free(map);
    }
}

struct wallet_csv_form wallet_import_map_form(const struct wallet_import_map *map)
{
    return map->form;
}

static lw_err bind(struct wallet_import_plan *plan, const struct wallet_import_map *map,
                   struct wallet_json_faults *faults, size_t *error_count)
{
    uint8_t *room = NULL;
    LW_TRY(lw_buf_reserve(&plan->constants, CONSTANTS_MAX, &room));
    LW_TRY(lw_buf_reserve(&plan->arena, ARENA_MAX, &room));
    const struct wallet_json_at root = wallet_json_at_root(map->tree, faults);
    read_map(&root, plan);
    return catalog_verdict(faults, error_count);
}

lw_err wallet_import_plan_new(struct wallet_import_plan **plan, const struct wallet_import_map *map,
                              const struct wallet_import_binding *binding,
                              struct wallet_doc_error *errors, size_t *error_count)
{
    struct wallet_json_faults faults = {.list = errors, .max = *error_count};
    *error_count = 0;
    *plan = NULL;
    if (binding->shift_days > SHIFT_DAYS_MAX || binding->shift_days < -SHIFT_DAYS_MAX) {
        return LW_FAIL(LW_E_LIMIT, "import: dates move by more than 366,000 days", LW_NOWHERE);
    }
    struct wallet_import_plan *made = new_plan();
    if (made == NULL) {
        return LW_FAIL(LW_E_NOMEM, "import: out of memory", LW_NOWHERE);
    }
    made->type = binding->type;
    made->csv = binding->csv;
    made->photos = binding->photos;
    made->shift_days = binding->shift_days;
    const lw_err err = bind(made, map, &faults, error_count);
    if (err.code != LW_OK) {
        wallet_import_plan_free(made);
        return err;
    }
    *plan = made;
    return LW_SUCCESS;
}
