/*
 * The set "cose": the COSE_Sign1 examples with ES256, RFC 8392 appendix A among them. Two that
 * COSE allows are refused here, which is checked: an algorithm that is not protected, and a
 * message without its tag. All else in the set is of messages or algorithms not offered here.
 */
#include "wallet/cose.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "bytes.h"
#include "hsm/digest.h"
#include "vectors.h"
#include "wallet/base64.h"

enum { SPACE = 16384, FILES = 157, SIGN1_ES256 = 7, PATH_BYTES = 1024 };

static const char *member(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* A coordinate, in base64url or, in some files, hex under another name. */
static void coordinate(const json_t *key, const char *name, lw_buf *out)
{
    char hex_name[8];
    (void)snprintf(hex_name, sizeof(hex_name), "%s_hex", name);
    if (member(key, hex_name) != NULL) {
        support_hex(member(key, hex_name), out);
    } else {
        assert_int_equal(wallet_base64url_decode(lw_str_c(member(key, name)), out).code, LW_OK);
    }
}

static struct hsm_public_key key_of(const json_t *sign0)
{
    struct hsm_public_key key;
    LW_AUTO_BUF x = LW_BUF(SPACE);
    LW_AUTO_BUF y = LW_BUF(SPACE);
    coordinate(json_object_get(sign0, "key"), "x", &x);
    coordinate(json_object_get(sign0, "key"), "y", &y);
    assert_int_equal(hsm_public_key_from_xy(&key, HSM_ES256, lw_buf_view(&x), lw_buf_view(&y)).code,
                     LW_OK);
    return key;
}

/* The bytes to be signed are in the file: our hash of them must be the same. */
static void check_sig_structure(const json_t *file, const struct wallet_cose_sign1 *message)
{
    const char *hex = member(json_object_get(file, "intermediates"), "ToBeSign_hex");
    const struct wallet_cose_parts parts = {.protected = message->protected,
                                            .payload = message->payload};
    LW_AUTO_BUF expected = LW_BUF(SPACE);
    uint8_t ours[32];
    uint8_t theirs[32];
    support_hex(hex, &expected);
    assert_int_equal(wallet_cose_sign1_digest(&parts, ours).code, LW_OK);
    assert_int_equal(hsm_sha256(lw_buf_view(&expected), theirs).code, LW_OK);
    assert_memory_equal(ours, theirs, sizeof(ours));
}

static lw_err verify(const json_t *file, const json_t *sign0)
{
    LW_AUTO_BUF in = LW_BUF(SPACE);
    struct wallet_cose_sign1 message;
    support_hex(member(json_object_get(file, "output"), "cbor"), &in);
    LW_TRY(wallet_cose_sign1_parse(lw_buf_view(&in), &message));
    const struct hsm_public_key key = key_of(sign0);
    LW_TRY(wallet_cose_sign1_verify(&message, (lw_bytes){NULL, 0}, &key));
    check_sig_structure(file, &message);
    return LW_SUCCESS;
}

/* Runs a file when it is a COSE_Sign1 with ES256; says whether it was. */
static bool run_file(const char *path)
{
    json_t *file = support_vector_json("cose", path);
    const json_t *sign0 = json_object_get(json_object_get(file, "input"), "sign0");
    const char *alg = member(sign0, "alg");
    const bool ours = alg != NULL && strcmp(alg, "ES256") == 0;
    if (ours) {
        const json_t *failures = json_object_get(json_object_get(file, "input"), "failures");
        const lw_err err = verify(file, sign0);
        if (json_object_get(failures, "ChangeProtected") != NULL ||
            json_object_get(failures, "ChangeAttr") != NULL) {
            assert_int_equal(err.code, LW_E_UNSUPPORTED);
        } else if (json_object_get(failures, "RemoveCBORTag") != NULL ||
                   json_object_get(failures, "ChangeCBORTag") != NULL) {
            assert_int_equal(err.code, LW_E_SYNTAX);
        } else {
            assert_int_equal(err.code, failures == NULL ? LW_OK : LW_E_SIGNATURE);
        }
    }
    json_decref(file);
    return ours;
}

struct tally {
    size_t run;
    size_t left_out;
};

static void join(char path[PATH_BYTES], const char *folder, const char *name)
{
    const int len = snprintf(path, PATH_BYTES, "%s/%s", folder, name);
    assert_true(len > 0 && len < PATH_BYTES);
}

static void run_folder(const char *root, const char *folder, struct tally *tally)
{
    char path[PATH_BYTES];
    join(path, root, folder);
    DIR *dir = opendir(path);
    if (dir == NULL) {
        return; /* a file beside the folders */
    }
    const struct dirent *entry = NULL;
    while ((entry = readdir(dir)) != NULL) {
        if (strstr(entry->d_name, ".json") == NULL) {
            continue;
        }
        join(path, folder, entry->d_name);
        if (run_file(path)) {
            tally->run++;
        } else {
            tally->left_out++;
        }
    }
    (void)closedir(dir);
}

static void sign1_examples_with_es256_hold(void **state)
{
    (void)state;
    char root[PATH_BYTES];
    struct tally tally = {0, 0};
    if (support_vectors("cose") == NULL) {
        skip();
    }
    (void)snprintf(root, sizeof(root), "%s", support_vectors("cose"));
    DIR *dir = opendir(root);
    assert_non_null(dir);
    const struct dirent *entry = NULL;
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.') {
            run_folder(root, entry->d_name, &tally);
        }
    }
    (void)closedir(dir);
    support_vector_report("cose", tally.run, tally.left_out,
                          "no COSE_Sign1 with ES256: encryption, MAC, many signers, other curves",
                          FILES);
    assert_int_equal(tally.run, SIGN1_ES256);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sign1_examples_with_es256_hold)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
