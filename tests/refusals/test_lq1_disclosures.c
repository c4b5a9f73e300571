/* QR-11 and QR-12 of specs/qr.md: disclosures, and what they make of the claims. */
#include <stdio.h>

#include "lq1_cases.h"

#define S4 "835004040404040404040404040404040404" /* [salt, value, key */
#define S5 "835005050505050505050505050505050505"
#define E6 "825006060606060606060606060606060606" /* [salt, value */
#define E7 "825007070707070707070707070707070707"
#define DECOY "815008080808080808080808080808080808" /* [salt */
#define KEY_A " 3a00011558"                          /* -71001 */
#define KEY_B " 3a00011559"                          /* -71002 */
#define CATEGORY "8350 02020202020202020202020202020202 6142 3a00011173"
#define FAMILY_NAME "8350 01010101010101010101010101010101 624c69 3a00011170"
#define NUMBER "8350 00000000000000000000000000000000 6431323334 02"

#define NO_MATCH "disclosure matches no digest"
#define TWICE "disclosure given twice"
#define ANOTHER_KIND "disclosure matches a digest of another kind"
#define THERE_ALREADY "disclosed claim is there already"
#define MAY_NOT_HIDE "disclosed claim may not be hidden"
#define NO_KEY "disclosed key is neither number nor text"
#define NO_DISCLOSURE "disclosure is no array of one to three"
#define NO_SALT "salt is not 16 bytes"
#define WRONG_KIND "claim is of another kind"

/* A claim -71001 whose value is `before`, the digest of `contents`, and `after`. */
static void claim_around(struct bend *b, const char *before, const char *contents,
                         const char *after)
{
    char hex[65];
    char value[512];
    bend_digest(contents, hex);
    (void)snprintf(value, sizeof(value), "%s%s%s", before, hex, after);
    bend_set(&b->cwt.claims, KEY_A, value);
}

static void element_disclosed(struct bend *b)
{
    claim_around(b, "8201d83c5820", E6 "02", "");
    bend_show(b, E6 "02");
}

static void element_hidden(struct bend *b)
{
    claim_around(b, "8201d83c5820", E6 "02", "");
}

static void entry_of_a_nested_map(struct bend *b)
{
    claim_around(b, "a2616101f83b815820", S4 "02 6162", "");
    bend_show(b, S4 "02 6162");
}

static void element_for_an_entry(struct bend *b)
{
    bend_hide_and_show(b, E6 "02");
}

static void entry_for_an_element(struct bend *b)
{
    claim_around(b, "8201d83c5820", S4 "02" KEY_B, "");
    bend_show(b, S4 "02" KEY_B);
}

static void nested_key_is_there(struct bend *b)
{
    claim_around(b, "a2616101f83b815820", S4 "02 6161", "");
    bend_show(b, S4 "02 6161");
}

/* The parent, given last, holds the digest of the child. */
static void parent(struct bend *b, bool show)
{
    char hex[65];
    char contents[512];
    bend_digest(S4 "02 6162", hex);
    (void)snprintf(contents, sizeof(contents), S5 "a1f83b815820%s" KEY_A, hex);
    bend_show(b, S4 "02 6162");
    bend_hide(b, contents);
    if (show) {
        bend_show(b, contents);
    }
}

static void child_and_parent(struct bend *b)
{
    parent(b, true);
}

static void child_without_parent(struct bend *b)
{
    parent(b, false);
}

static void digest_twice(struct bend *b)
{
    claim_around(b, "8201d83c5820", E6 "02", "");
    char hex[65];
    char value[512];
    bend_digest(E6 "02", hex);
    (void)snprintf(value, sizeof(value), "81d83c5820%s", hex);
    bend_set(&b->cwt.claims, KEY_B, value);
}

static void digest_twice_in_one_list(struct bend *b)
{
    bend_hide(b, FAMILY_NAME);
}

static void decoy_disclosed(struct bend *b)
{
    claim_around(b, "8201d83c5820", "8150 09090909090909090909090909090909", "");
    bend_show(b, "8150 09090909090909090909090909090909");
    bend_hide_and_show(b, DECOY);
}

static void salt_changed(struct bend *b)
{
    b->disclosed.ptr[5] ^= 1;
}

/* `n` entries -72000 and down, hidden and disclosed, besides the two that are there. */
static void many(struct bend *b, int n)
{
    for (int i = 0; i < n; i++) {
        char contents[128];
        (void)snprintf(contents, sizeof(contents), "8350%032x01 3a%08x", i, 71999 + i);
        bend_hide_and_show(b, contents);
    }
}

static void claims_64(struct bend *b)
{
    many(b, 62);
}

static void claims_65(struct bend *b)
{
    many(b, 63);
}

static void disclosures_128(struct bend *b)
{
    for (int i = 0; i < 126; i++) {
        char contents[64];
        (void)snprintf(contents, sizeof(contents), "8150%032x", i);
        bend_hide_and_show(b, contents);
    }
}

static void disclosures_129(struct bend *b)
{
    disclosures_128(b);
    bend_hide_and_show(b, DECOY);
}

static void digests(struct bend *b, int n)
{
    for (int i = 0; i < n; i++) {
        char contents[64];
        (void)snprintf(contents, sizeof(contents), "8150%032x", i);
        bend_hide(b, contents);
    }
}

static void digests_256(struct bend *b)
{
    digests(b, 252);
}

static void digests_257(struct bend *b)
{
    digests(b, 253);
}

static void entries(struct bend *b, int n)
{
    bend_bytes(&b->hidden, "");
    bend_bytes(&b->disclosed, "");
    b->disclosed_count = 0;
    bend_set(&b->cwt.claims, "02", "6161");
    char value[2048] = "b8";
    size_t at = 2;
    at += (size_t)snprintf(value + at, sizeof(value) - at, "%02x", n);
    for (int i = 0; i < n; i++) {
        at += (size_t)snprintf(value + at, sizeof(value) - at, "19%04x00", 1000 + i);
    }
    bend_set(&b->cwt.claims, KEY_A, value);
}

static void entries_128(struct bend *b)
{
    entries(b, 128);
}

static void entries_129(struct bend *b)
{
    entries(b, 129);
}

/* A chain of `n` disclosures, each inside the value of the one before. */
static void chain(struct bend *b, int n)
{
    char inner[512] = "8350ffffffffffffffffffffffffffffffff00 6178";
    for (int i = 0; i < n; i++) {
        char hex[65];
        bend_show(b, inner);
        bend_digest(inner, hex);
        (void)snprintf(inner, sizeof(inner), "8350%032xa1f83b815820%s 6178", 0x100 + i, hex);
    }
    bend_hide_and_show(b, inner);
}

static void chain_of_16(struct bend *b)
{
    chain(b, 15);
}

static void chain_of_17(struct bend *b)
{
    chain(b, 16);
}

/* Nothing is hidden, and there is no subject. */
static void no_subject(struct bend *b)
{
    bend_bytes(&b->hidden, "");
    bend_bytes(&b->disclosed, "");
    b->disclosed_count = 0;
}

static void subject_in_the_clear(struct bend *b)
{
    no_subject(b);
    bend_set(&b->cwt.claims, "02", "6161");
}

/* All that is hidden is disclosed, and none of it is the subject. */
static void subject_not_among_the_hidden(struct bend *b)
{
    no_subject(b);
    bend_hide_and_show(b, CATEGORY);
}

/* The four digests again, with one of our own `sub` in the place of the first. */
static void disclose_sub(struct bend *b, const char *contents)
{
    no_subject(b);
    bend_hide_and_show(b, contents);
}

static void sub_as_number(struct bend *b)
{
    disclose_sub(b, "8350 00000000000000000000000000000000 01 02");
}

static void sub_empty(struct bend *b)
{
    disclose_sub(b, "8350 00000000000000000000000000000000 60 02");
}

static void category_as_number(struct bend *b)
{
    subject_in_the_clear(b);
    bend_hide_and_show(b, S4 "01 3a00011173");
}

static void expiry_date_as_text(struct bend *b)
{
    subject_in_the_clear(b);
    bend_hide_and_show(b, S4 "6130 3a00011174");
}

static void no_digests_at_all(struct bend *b)
{
    subject_in_the_clear(b);
    bend_set(&b->cwt.claims, "f83b", "80");
}

static void swap_order(struct bend *b)
{
    bend_bytes(&b->disclosed, "");
    b->disclosed_count = 0;
    bend_show(b, "8350 03030303030303030303030303030303 d86419584d 3a00011174");
    bend_show(b, CATEGORY);
}

#define DISCLOSED(name_, code_, detail_, contents_)                                                \
    REFUSED(name_, DISCLOSURES, code_, detail_, ALL(HIDE_AND_SHOW, contents_))
#define HIDES(name_, key_) DISCLOSED(name_, VALUE, MAY_NOT_HIDE, S4 "01 " key_)

static const struct lq1_case cases[] = {
    /* QR-11: each disclosure has one digest */
    ACCEPTED("one claim more, hidden and disclosed, is accepted",
             ALL(HIDE_AND_SHOW, S4 "02" KEY_A)),
    ACCEPTED_BY("disclosures in another order are accepted", swap_order),
    ACCEPTED("the license number disclosed is accepted", ALL(SHOW, NUMBER)),
    REFUSED("a disclosure without a digest is refused", DISCLOSURES, SIGNATURE, NO_MATCH,
            ALL(SHOW, S4 "02" KEY_A)),
    REFUSED("a disclosure twice is refused", DISCLOSURES, SIGNATURE, TWICE, ALL(SHOW, CATEGORY)),
    REFUSED_BY("a changed salt is refused", DISCLOSURES, SIGNATURE, NO_MATCH, salt_changed),
    REFUSED("value and key swapped are refused", DISCLOSURES, SIGNATURE, NO_MATCH,
            ALL(HIDE, S4 "02" KEY_A), ALL(SHOW, S4 KEY_A " 02")),
    REFUSED_BY("a child without its parent is refused", DISCLOSURES, SIGNATURE, NO_MATCH,
               child_without_parent),
    ACCEPTED_BY("a child before its parent is accepted", child_and_parent),
    REFUSED_BY("a digest in two places is refused", DISCLOSURES, SIGNATURE, "digest stands twice",
               digest_twice),
    REFUSED_BY("a digest twice in one list is refused", DISCLOSURES, SIGNATURE,
               "digest stands twice", digest_twice_in_one_list),
    REFUSED_BY("an element in place of an entry is refused", DISCLOSURES, SIGNATURE, ANOTHER_KIND,
               element_for_an_entry),
    REFUSED_BY("an entry in place of an element is refused", DISCLOSURES, SIGNATURE, ANOTHER_KIND,
               entry_for_an_element),
    ACCEPTED_BY("an element of an array disclosed is accepted", element_disclosed),
    ACCEPTED_BY("an element of an array hidden is accepted", element_hidden),
    ACCEPTED_BY("an entry of a claim's own map is accepted", entry_of_a_nested_map),
    ACCEPTED_BY("decoys disclosed are accepted and dropped", decoy_disclosed),

    /* QR-11: no key twice, and none that may not be hidden */
    REFUSED("a disclosed claim that is in the clear is refused", DISCLOSURES, VALUE, THERE_ALREADY,
            PUT(CWT_SET, KEY_A, "01"), ALL(HIDE_AND_SHOW, S4 "02" KEY_A)),
    REFUSED("two disclosures of one claim are refused", DISCLOSURES, VALUE, THERE_ALREADY,
            ALL(HIDE_AND_SHOW, S4 "02" KEY_A), ALL(HIDE_AND_SHOW, S5 "02" KEY_A)),
    REFUSED_BY("a key twice in a claim's own map is refused", DISCLOSURES, VALUE, THERE_ALREADY,
               nested_key_is_there),
    HIDES("a hidden iss is refused", "01"),
    HIDES("a hidden aud is refused", "03"),
    HIDES("a hidden exp is refused", "04"),
    HIDES("a hidden nbf is refused", "05"),
    HIDES("a hidden iat is refused", "06"),
    HIDES("a hidden cti is refused", "07"),
    HIDES("a hidden cnf is refused", "08"),
    HIDES("a hidden scope is refused", "09"),
    HIDES("a hidden vct is refused", "0b"),
    HIDES("a hidden cnonce is refused", "1827"),
    HIDES("a hidden status is refused", "19ffff"),
    ACCEPTED("a hidden claim 10 is accepted", ALL(HIDE_AND_SHOW, S4 "4161 0a")),
    ACCEPTED("a hidden claim 12 is accepted", ALL(HIDE_AND_SHOW, S4 "01 0c")),
    ACCEPTED("a hidden claim by name is accepted", ALL(HIDE_AND_SHOW, S4 "01 6161")),
    DISCLOSED("a key that is a byte string is refused", VALUE, NO_KEY, S4 "01 4100"),
    DISCLOSED("a key that is the redaction mark is refused", VALUE, NO_KEY, S4 "80 f83b"),
    DISCLOSED("a key with a tag is refused", VALUE, NO_KEY, S4 "01 c100"),
    DISCLOSED("a key outside 64 bits is refused", VALUE, NO_KEY, S4 "01 3bffffffffffffffff"),
    REFUSED("a key in the clear outside 64 bits is refused", DISCLOSURES, VALUE,
            "claim key outside 64 bits", PUT(CWT_SET, "3bffffffffffffffff", "00")),

    /* QR-11: the disclosures themselves */
    DISCLOSED("a disclosure that is no array is refused", SYNTAX, NO_DISCLOSURE, "a0"),
    DISCLOSED("a disclosure of nothing is refused", SYNTAX, NO_DISCLOSURE, "80"),
    DISCLOSED("a disclosure of four is refused", SYNTAX, NO_DISCLOSURE,
              "845004040404040404040404040404040404 01 02 03"),
    DISCLOSED("a salt of 15 bytes is refused", SYNTAX, NO_SALT,
              "834f040404040404040404040404040404 01" KEY_A),
    DISCLOSED("a salt of 17 bytes is refused", SYNTAX, NO_SALT,
              "83510404040404040404040404040404040404 01" KEY_A),
    DISCLOSED("a salt as text is refused", SYNTAX, NO_SALT,
              "837030303030303030303030303030303030 01" KEY_A),
    DISCLOSED("a byte after a disclosure is refused", SYNTAX, "cbor: bytes after the item",
              S4 "01" KEY_A "00"),
    DISCLOSED("a disclosure cut off is refused", SYNTAX,
              "cbor: more elements than the input can hold", "8350"),
    DISCLOSED("a disclosure of indefinite length is refused", SYNTAX, "cbor: indefinite length",
              "9f5004040404040404040404040404040404 01" KEY_A "ff"),
    DISCLOSED("a key twice in a disclosed value is refused", SYNTAX, "cbor: duplicate map key",
              S4 "a201000100" KEY_A),
    DISCLOSED("a tag of before issue in a disclosure is refused", VALUE,
              "tag of a token before issue", S4 "d83e00" KEY_A),
    DISCLOSED("a redaction mark as a disclosed value is refused", VALUE, "redaction mark is no key",
              S4 "f83b" KEY_A),
    DISCLOSED("a bad key inside a disclosed value is refused", VALUE,
              "claim key is neither number nor text", S4 "a1410000" KEY_A),
    ACCEPTED_BY("128 disclosures are accepted", disclosures_128),
    REFUSED_BY("129 disclosures are refused", DISCLOSURES, LIMIT, "too many disclosures",
               disclosures_129),
    ACCEPTED_BY("256 digests are accepted", digests_256),
    REFUSED_BY("257 digests are refused", DISCLOSURES, LIMIT, "too many digests", digests_257),
    ACCEPTED_BY("disclosures 16 deep are accepted", chain_of_16),
    REFUSED_BY("disclosures 17 deep are refused", DISCLOSURES, LIMIT, "disclosures nested too deep",
               chain_of_17),
    ACCEPTED_BY("a map of 128 claims is accepted", entries_128),
    REFUSED_BY("a map of 129 claims is refused", DISCLOSURES, LIMIT, "too many claims",
               entries_129),
    ACCEPTED_BY("64 claims are accepted", claims_64),
    REFUSED_BY("65 claims are refused", DISCLOSURES, LIMIT, "too many claims", claims_65),

    /* QR-12 and section 3: what the claims come to */
    REFUSED_BY("no subject is refused", DISCLOSURES, VALUE, "sub is neither there nor hidden",
               no_subject),
    REFUSED_BY("a subject that is not among the hidden is refused", DISCLOSURES, VALUE,
               "sub is neither there nor hidden", subject_not_among_the_hidden),
    ACCEPTED_BY("a subject in the clear is accepted", subject_in_the_clear),
    ACCEPTED_BY("an empty list of digests is accepted", no_digests_at_all),
    REFUSED_BY("a disclosed subject as a number is refused", DISCLOSURES, VALUE, "sub is no text",
               sub_as_number),
    REFUSED_BY("a disclosed subject that is empty is refused", DISCLOSURES, VALUE, "sub is no text",
               sub_empty),
    DISCLOSED("a family name as a number is refused", VALUE, WRONG_KIND, S4 "01 3a00011170"),
    DISCLOSED("a given name as bytes is refused", VALUE, WRONG_KIND, S4 "4161 3a00011171"),
    DISCLOSED("a birth date as text is refused", VALUE, WRONG_KIND, S4 "6130 3a00011172"),
    DISCLOSED("a birth date without its tag is refused", VALUE, WRONG_KIND, S4 "19584d 3a00011172"),
    DISCLOSED("a birth date in seconds is refused", VALUE, WRONG_KIND,
              S4 "c11a6b2513c0 3a00011172"),
    DISCLOSED("a portrait hash as text is refused", VALUE, WRONG_KIND, S4 "6161 3a00011175"),
    DISCLOSED("an age mark as a number is refused", VALUE, WRONG_KIND, S4 "01 3a00011176"),
    REFUSED_BY("a category as a number is refused", DISCLOSURES, VALUE, WRONG_KIND,
               category_as_number),
    REFUSED_BY("an expiry date as text is refused", DISCLOSURES, VALUE, WRONG_KIND,
               expiry_date_as_text),
    REFUSED("a birth date in the clear as a list is refused", DISCLOSURES, VALUE, WRONG_KIND,
            PUT(CWT_SET, "3a00011172", "816142")),
    ACCEPTED("an age mark is accepted", ALL(HIDE_AND_SHOW, S4 "f5 3a00011176")),
    ACCEPTED("a birth date is accepted", ALL(HIDE_AND_SHOW, S4 "d864193e80 3a00011172")),
};

int main(void)
{
    return lq1_run(cases, sizeof(cases) / sizeof(cases[0]));
}
