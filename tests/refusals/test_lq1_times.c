/* QR-7, QR-9 and QR-10 of specs/qr.md: times and audience, each on both sides of its boundary. */
#include "lq1_cases.h"

enum { IAT = 1795000000, EXP = IAT + 30 * 86400 };

#define STALE "presentation is out of date"
#define AHEAD "presentation is dated ahead"
#define OVER "presentation has ended"

static void challenged(struct bend *b)
{
    bend_challenge(b);
}

static void challenged_elsewhere(struct bend *b)
{
    bend_challenge(b);
    bend_set(&b->kbt.claims, "03", "6971723a676174652d38");
}

static void challenged_with_another_nonce(struct bend *b)
{
    bend_challenge(b);
    bend_set(&b->kbt.claims, "1827", "5000000000000000000000000000000000");
}

static void challenged_without_nonce(struct bend *b)
{
    bend_challenge(b);
    bend_drop(&b->kbt.claims, "1827");
}

static void challenged_and_no_nonce_is_live(struct bend *b)
{
    bend_challenge(b);
    b->expect.nonce = (lw_bytes){.ptr = NULL, .len = 0};
}

static void challenged_with_nothing_expected(struct bend *b)
{
    bend_challenge(b);
    bend_drop(&b->kbt.claims, "1827");
    b->expect.nonce = (lw_bytes){.ptr = NULL, .len = 0};
    b->expect.passive = true;
}

static void passive_where_a_challenge_is_live(struct bend *b)
{
    bend_challenge(b);
    bend_drop(&b->kbt.claims, "1827");
    bend_set(&b->kbt.claims, "03", "6671723a616e79");
}

static void passive_where_both_are_allowed(struct bend *b)
{
    passive_where_a_challenge_is_live(b);
    b->expect.passive = true;
}

static void challenged_where_both_are_allowed(struct bend *b)
{
    bend_challenge(b);
    b->expect.passive = true;
}

static void challenged_by_a_phone_whose_clock_is_wrong(struct bend *b)
{
    bend_challenge(b);
    bend_set_int(&b->kbt.claims, "06", BEND_NOW - 3600);
}

static void challenged_by_a_phone_whose_clock_is_ahead(struct bend *b)
{
    bend_challenge(b);
    bend_set_int(&b->kbt.claims, "06", BEND_NOW + 3600);
}

static void challenged_and_ended(struct bend *b)
{
    bend_challenge(b);
    bend_set_int(&b->kbt.claims, "06", BEND_NOW - 10);
    bend_set_int(&b->kbt.claims, "04", BEND_NOW);
}

static void challenged_and_signed_too_early(struct bend *b)
{
    bend_challenge(b);
    bend_set_int(&b->kbt.claims, "06", IAT - 1);
}

static void right_nonce_for_another_verifier(struct bend *b)
{
    bend_challenge(b);
    bend_set(&b->kbt.claims, "03", "6671723a616e79");
    b->expect.passive = true;
    bend_set_int(&b->kbt.claims, "06", BEND_NOW);
}

static void nothing_is_expected(struct bend *b)
{
    b->expect.passive = false;
}

static const struct lq1_case cases[] = {
    /* QR-9 and section 5: freshness */
    ACCEPTED("signed 45 s ago is fresh", INT(KBT_INT, "06", BEND_NOW - 45)),
    REFUSED("signed 46 s ago is in doubt", FRESHNESS, EXPIRED, STALE,
            INT(KBT_INT, "06", BEND_NOW - 46)),
    REFUSED("signed ten minutes ago is in doubt", FRESHNESS, EXPIRED, STALE,
            INT(KBT_INT, "06", BEND_NOW - 600)),
    ACCEPTED("dated 30 s ahead is fresh", INT(KBT_INT, "06", BEND_NOW + 30)),
    REFUSED("dated 31 s ahead is in doubt", FRESHNESS, EXPIRED, AHEAD,
            INT(KBT_INT, "06", BEND_NOW + 31)),
    ACCEPTED("a presentation that ends in a second is fresh", INT(KBT_INT, "04", BEND_NOW + 1)),
    REFUSED("a presentation that ends now is in doubt", FRESHNESS, EXPIRED, OVER,
            INT(KBT_INT, "06", BEND_NOW - 10), INT(KBT_INT, "04", BEND_NOW)),

    /* QR-9: the presentation within the credential's times */
    ACCEPTED("signed in the second of issue is accepted", INT(CWT_INT, "06", BEND_NOW)),
    REFUSED("signed before the issue is refused", FRESHNESS, VALUE,
            "signed before the credential was issued", INT(CWT_INT, "06", BEND_NOW + 1)),
    ACCEPTED("signed in the second it holds from is accepted", INT(CWT_INT, "06", BEND_NOW),
             INT(CWT_INT, "05", BEND_NOW)),
    REFUSED("signed before it holds is refused", FRESHNESS, VALUE,
            "signed before the credential holds", INT(CWT_INT, "05", BEND_NOW + 1)),
    ACCEPTED("signed a second before the end is accepted", INT(CWT_INT, "04", BEND_NOW + 11),
             INT(KBT_INT, "06", BEND_NOW + 10)),
    REFUSED("signed in the second of the end is refused", FRESHNESS, VALUE,
            "signed after the credential ended", INT(CWT_INT, "04", BEND_NOW + 10),
            INT(KBT_INT, "06", BEND_NOW + 10)),
    ACCEPTED("a presentation that ends with the credential is accepted", INT(KBT_INT, "04", EXP)),
    REFUSED("a presentation that outlives the credential is refused", FRESHNESS, VALUE,
            "outlives the credential", INT(KBT_INT, "04", EXP + 1)),
    REFUSED("a presentation that ends as it begins is refused", FRESHNESS, VALUE,
            "ended before it was signed", INT(KBT_INT, "06", BEND_NOW + 5),
            INT(KBT_INT, "04", BEND_NOW + 5)),
    ACCEPTED("a presentation that holds from its signing is accepted",
             INT(KBT_INT, "05", BEND_NOW)),
    REFUSED("a presentation that holds later is refused", FRESHNESS, VALUE,
            "signed before it holds", INT(KBT_INT, "05", BEND_NOW + 1)),

    /* QR-7: the credential's own times */
    ACCEPTED("a credential that ends in a second is accepted", INT(CWT_INT, "04", BEND_NOW + 1)),
    REFUSED("a credential that ends now is refused", VALIDITY, EXPIRED, "credential has expired",
            INT(CWT_INT, "04", BEND_NOW), INT(KBT_INT, "06", BEND_NOW - 1)),
    ACCEPTED("a credential that holds from now is accepted", INT(CWT_INT, "05", BEND_NOW),
             INT(CWT_INT, "06", BEND_NOW)),
    REFUSED("a credential that holds in a second is refused", VALIDITY, EXPIRED,
            "credential does not hold yet", INT(CWT_INT, "05", BEND_NOW + 1),
            INT(CWT_INT, "06", BEND_NOW + 1), INT(KBT_INT, "06", BEND_NOW + 1)),
    ACCEPTED("a credential dated ahead within the skew is accepted",
             INT(CWT_INT, "06", BEND_NOW + 20), INT(KBT_INT, "06", BEND_NOW + 20)),
    REFUSED("a credential dated ahead beyond the skew is refused", VALIDITY, EXPIRED,
            "credential is dated ahead", INT(CWT_INT, "06", BEND_NOW + 21),
            INT(KBT_INT, "06", BEND_NOW + 21)),
    ACCEPTED("nbf in the second of iat is accepted", INT(CWT_INT, "05", IAT)),
    REFUSED("nbf after iat is refused", VALIDITY, VALUE, "nbf is after iat",
            INT(CWT_INT, "05", IAT + 1)),
    REFUSED("iat in the second of exp is refused", FRESHNESS, VALUE,
            "signed after the credential ended", INT(CWT_INT, "06", BEND_NOW),
            INT(CWT_INT, "04", BEND_NOW)),
    ACCEPTED("times as floats are rounded inward", PUT(CWT_SET, "04", "fb41dabfb610600000"),
             PUT(CWT_SET, "06", "fb41dabf61b0200000")),
    REFUSED("exp within the running second is over", VALIDITY, EXPIRED, "credential has expired",
            PUT(CWT_SET, "04", "fb41dabfb610200000"), INT(KBT_INT, "06", BEND_NOW - 1)),
    REFUSED("nbf within the running second is still to come", VALIDITY, EXPIRED,
            "credential does not hold yet", PUT(CWT_SET, "05", "fb41dabfb610200000"),
            INT(CWT_INT, "06", BEND_NOW + 1), INT(KBT_INT, "06", BEND_NOW + 1)),

    /* QR-10 */
    REFUSED("another verifier's audience is refused", AUDIENCE, DENIED, "aud is not this verifier",
            PUT(KBT_SET, "03", "6471723a78")),
    REFUSED("an audience in other letters is refused", AUDIENCE, DENIED, "aud is not this verifier",
            PUT(KBT_SET, "03", "6671723a414e59")),
    REFUSED("a passive audience with a cnonce is refused", AUDIENCE, DENIED,
            "cnonce without a verifier's name",
            PUT(KBT_SET, "1827", "5000000000000000000000000000000000")),
    REFUSED_BY("a passive presentation is refused where it is not allowed", AUDIENCE, DENIED,
               "a challenge is demanded", nothing_is_expected),
    REFUSED_BY("a passive presentation is refused where a challenge is demanded", AUDIENCE, DENIED,
               "a challenge is demanded", passive_where_a_challenge_is_live),
    ACCEPTED_BY("a passive presentation is accepted beside a live challenge",
                passive_where_both_are_allowed),
    ACCEPTED_BY("an answer to the challenge is accepted", challenged),
    ACCEPTED_BY("an answer is accepted where passive is allowed",
                challenged_where_both_are_allowed),
    REFUSED_BY("an answer for another gate is refused", AUDIENCE, DENIED,
               "aud is not this verifier", challenged_elsewhere),
    REFUSED_BY("an answer with another nonce is refused", AUDIENCE, DENIED,
               "cnonce is not the challenge's", challenged_with_another_nonce),
    REFUSED_BY("an answer without a nonce is refused", AUDIENCE, DENIED,
               "cnonce is not the challenge's", challenged_without_nonce),
    REFUSED_BY("an answer to no live challenge is refused", AUDIENCE, DENIED,
               "cnonce is not the challenge's", challenged_and_no_nonce_is_live),
    REFUSED_BY("a name without any nonce is refused", AUDIENCE, DENIED,
               "cnonce is not the challenge's", challenged_with_nothing_expected),
    REFUSED_BY("the nonce does not serve a passive presentation", AUDIENCE, DENIED,
               "cnonce without a verifier's name", right_nonce_for_another_verifier),

    /* Section 5: in a challenge the nonce proves freshness in place of iat */
    ACCEPTED_BY("an answer by a phone an hour late is accepted",
                challenged_by_a_phone_whose_clock_is_wrong),
    ACCEPTED_BY("an answer by a phone an hour ahead is accepted",
                challenged_by_a_phone_whose_clock_is_ahead),
    REFUSED_BY("an answer that has ended is in doubt", FRESHNESS, EXPIRED, OVER,
               challenged_and_ended),
    REFUSED_BY("an answer signed before the issue is refused", FRESHNESS, VALUE,
               "signed before the credential was issued", challenged_and_signed_too_early),
};

int main(void)
{
    return lq1_run(cases, sizeof(cases) / sizeof(cases[0]));
}
