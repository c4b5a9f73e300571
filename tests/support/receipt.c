#include "receipt.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lw/buf.h"
#include "wallet/base64.h"
#include "wallet/merkle.h"

enum { PART_MAX = 64 * 1024 };

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s: %s", lw_code_name(err.code), err.why);
    }
}

/* What one member of an answer or receipt says; valid until the JSON is freed. */
const char *support_text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    assert_non_null(text);
    return text;
}

static void read_hash(const char *text, uint8_t hash[WALLET_HASH_LEN])
{
    must(wallet_base64url_decode_exact(lw_str_c(text), hash, WALLET_HASH_LEN));
}

/* By the receipt's own words, with no store: the leaf opens, and is in the tree of the head. */
void support_expect_proven(const json_t *receipt)
{
    struct wallet_merkle_path path = {.count = 0};
    LW_AUTO_BUF nonce = LW_BUF(PART_MAX);
    LW_AUTO_BUF entry = LW_BUF(PART_MAX);
    uint8_t leaf[WALLET_HASH_LEN];
    uint8_t opened[WALLET_HASH_LEN];
    uint8_t root[WALLET_HASH_LEN];
    const json_t *opening = json_object_get(receipt, "opening");
    const json_t *head = json_object_get(receipt, "head");
    const json_t *hashes = json_object_get(receipt, "path");
    must(wallet_base64url_decode(lw_str_c(support_text_of(opening, "nonce")), &nonce));
    must(wallet_base64url_decode(lw_str_c(support_text_of(opening, "entry")), &entry));
    const lw_bytes parts[] = {lw_buf_view(&nonce), lw_buf_view(&entry)};
    must(wallet_merkle_leaf(parts, 2, opened));
    read_hash(support_text_of(receipt, "leaf"), leaf);
    assert_memory_equal(opened, leaf, WALLET_HASH_LEN);
    read_hash(support_text_of(head, "root"), root);
    for (size_t i = 0; i < json_array_size(hashes); i++) {
        read_hash(json_string_value(json_array_get(hashes, i)), path.hash[path.count++]);
    }
    const uint64_t index = (uint64_t)json_integer_value(json_object_get(receipt, "index"));
    const uint64_t size = (uint64_t)json_integer_value(json_object_get(head, "size"));
    must(wallet_merkle_check_inclusion(leaf, index, size, &path, root));
    leaf[0] ^= 1;
    assert_int_equal(wallet_merkle_check_inclusion(leaf, index, size, &path, root).code,
                     LW_E_SIGNATURE);
}
