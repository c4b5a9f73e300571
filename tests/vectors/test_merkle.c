#include "wallet/merkle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "bytes.h"
#include "hsm/digest.h"
#include "vectors.h"
#include "wallet/base64.h"

enum { CASES = 268, TEXT_MAX = 4 << 20 };

/* How many checks were made so far, over all files. */
static size_t checked;

static bool decode_hash(const json_t *value, uint8_t hash[WALLET_HASH_LEN])
{
    LW_AUTO_BUF out = LW_BUF(1024);
    const char *text = json_string_value(value);
    if (text == NULL || wallet_base64_decode(lw_str_c(text), &out).code != LW_OK ||
        out.len != WALLET_HASH_LEN) {
        return false;
    }
    memcpy(hash, out.ptr, WALLET_HASH_LEN);
    return true;
}

/* A path whose hashes are not 32 bytes, or too many, cannot even be given to the checker. */
static bool decode_path(const json_t *list, struct wallet_merkle_path *path)
{
    size_t i = 0;
    const json_t *item = NULL;
    path->count = 0;
    json_array_foreach(list, i, item)
    {
        if (path->count == WALLET_MERKLE_PATH_MAX || !decode_hash(item, path->hash[path->count])) {
            return false;
        }
        path->count++;
    }
    return true;
}

/* Numbers are read as reals: jansson has no unsigned ones, and the files hold 2^64-1. */
static uint64_t number(const json_t *c, const char *name)
{
    const json_t *n = json_object_get(c, name);
    assert_true(json_is_real(n));
    const double value = json_real_value(n);
    return value >= 0x1p63 ? UINT64_MAX : (uint64_t)value;
}

static json_t *load(const char *file)
{
    LW_AUTO_BUF text = LW_BUF(TEXT_MAX);
    json_error_t error;
    support_vector_file("merkle", file, &text);
    json_t *json = json_loadb((const char *)text.ptr, text.len, JSON_DECODE_INT_AS_REAL, &error);
    assert_non_null(json);
    return json;
}

static lw_code check_inclusion(const json_t *c, bool subtree)
{
    struct wallet_merkle_path path;
    uint8_t leaf[WALLET_HASH_LEN];
    uint8_t root[WALLET_HASH_LEN];
    const uint64_t start = subtree ? number(c, "start") : 0;
    const uint64_t end = subtree ? number(c, "end") : number(c, "treeSize");
    const uint64_t index = number(c, "leafIdx");
    if (!decode_path(json_object_get(c, "proof"), &path) ||
        !decode_hash(json_object_get(c, "leafHash"), leaf) ||
        !decode_hash(json_object_get(c, "root"), root)) {
        return LW_E_SYNTAX;
    }
    if (index < start || end < start) {
        return LW_E_VALUE;
    }
    return wallet_merkle_check_inclusion(leaf, index - start, end - start, &path, root).code;
}

/* Where roots are other than 32 bytes, "don't care", only whether they are equal matters. */
static void decode_root(const json_t *value, uint8_t root[WALLET_HASH_LEN])
{
    const lw_str text = lw_str_c(json_string_value(value));
    if (!decode_hash(value, root)) {
        assert_int_equal(hsm_sha256(lw_str_bytes(text), root).code, LW_OK);
    }
}

static lw_code check_consistency(const json_t *c, bool subtree)
{
    struct wallet_merkle_path path;
    uint8_t root1[WALLET_HASH_LEN];
    uint8_t root2[WALLET_HASH_LEN];
    if (!decode_path(json_object_get(c, "proof"), &path)) {
        return LW_E_SYNTAX;
    }
    decode_root(json_object_get(c, "root1"), root1);
    decode_root(json_object_get(c, "root2"), root2);
    if (!subtree) {
        return wallet_merkle_check_consistency(number(c, "size1"), number(c, "size2"), &path, root1,
                                               root2)
            .code;
    }
    const struct wallet_merkle_range range = {.start = number(c, "start"), .end = number(c, "end")};
    return wallet_merkle_check_subtree(range, number(c, "size"), &path, root1, root2).code;
}

static void run_file(const char *file, lw_code (*check)(const json_t *c, bool subtree),
                     bool subtree)
{
    json_t *cases = load(file);
    size_t i = 0;
    const json_t *c = NULL;
    json_array_foreach(cases, i, c)
    {
        const bool refused = check(c, subtree) != LW_OK;
        if (refused != json_is_true(json_object_get(c, "wantErr"))) {
            fail_msg("%s: %s", json_string_value(json_object_get(c, "file")),
                     json_string_value(json_object_get(c, "desc")));
        }
        checked++;
    }
    json_decref(cases);
}

struct inputs {
    uint8_t hash[8][WALLET_HASH_LEN];
};

static lw_err node(void *ctx, unsigned level, uint64_t index, uint8_t hash[WALLET_HASH_LEN])
{
    const struct inputs *in = ctx;
    if (level == 0) {
        memcpy(hash, in->hash[index], WALLET_HASH_LEN);
        return LW_SUCCESS;
    }
    uint8_t right[WALLET_HASH_LEN];
    LW_TRY(node(ctx, level - 1, 2 * index, hash));
    LW_TRY(node(ctx, level - 1, 2 * index + 1, right));
    return wallet_merkle_node(hash, right, hash);
}

static void run_roots(void)
{
    json_t *file = load("roots.json");
    const json_t *leaves = json_object_get(file, "leaf_inputs_hex");
    const json_t *roots = json_object_get(file, "roots_hex_by_size");
    struct inputs in;
    const struct wallet_merkle_source source = {.node = node, .ctx = &in};
    assert_int_equal(json_array_size(leaves), 8);
    for (size_t i = 0; i < 8; i++) {
        LW_AUTO_BUF entry = LW_BUF(64);
        support_hex(json_string_value(json_array_get(leaves, i)), &entry);
        const lw_bytes part = lw_buf_view(&entry);
        assert_int_equal(wallet_merkle_leaf(&part, 1, in.hash[i]).code, LW_OK);
    }
    for (size_t size = 0; size < json_array_size(roots); size++) {
        LW_AUTO_BUF expected = LW_BUF(64);
        uint8_t root[WALLET_HASH_LEN];
        support_hex(json_string_value(json_array_get(roots, size)), &expected);
        assert_int_equal(wallet_merkle_root(&source, size, root).code, LW_OK);
        assert_true(lw_bytes_eq(lw_buf_view(&expected), LW_BYTES(root)));
        checked++;
    }
    json_decref(file);
}

static void every_case_of_the_set_is_judged_as_it_says(void **state)
{
    (void)state;
    if (support_vectors("merkle") == NULL) {
        skip();
    }
    run_roots();
    run_file("inclusion.json", check_inclusion, false);
    run_file("consistency.json", check_consistency, false);
    run_file("subtreeinclusion.json", check_inclusion, true);
    run_file("subtreeconsistency.json", check_consistency, true);
    support_vector_report("merkle", checked, 0, "", CASES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_of_the_set_is_judged_as_it_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
