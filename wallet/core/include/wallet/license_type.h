/*
 * License types and agencies: the catalogue (SHAPES "Catalogue documents"). Loaded from JSON,
 * checked by tables; plain structs whose slices borrow from the document they were read from.
 */
#ifndef WALLET_LICENSE_TYPE_H
#define WALLET_LICENSE_TYPE_H

#include "lw/buf.h"
#include "wallet/doc_error.h"

enum {
    WALLET_CLAIMS_MAX = 64,
    WALLET_CLAIM_DEPTH_MAX = 4,
    WALLET_PASSES_MAX = 16,
    WALLET_LIST_MAX = 32,
    WALLET_IMAGE_BYTES_MAX =
        32 * 1024, /* of an image claim: an SD-JWT with it stays within 64 KiB */
};

/* A name in the languages of the city; `en` and `zh` are both required in documents. */
struct wallet_name {
    lw_str zh;
    lw_str en;
};

/*
 * How a claim's value is written. In the house it is one CBOR item (deterministic encoding);
 * JSON and mdoc forms follow from the type (wallet/value.h).
 */
enum wallet_claim_kind {
    WALLET_KIND_TEXT,    /* tstr; JSON string */
    WALLET_KIND_INTEGER, /* int64; JSON number */
    WALLET_KIND_BOOLEAN, /* bool; JSON true or false */
    WALLET_KIND_DATE,    /* tag 100, days since 1970-01-01 (RFC 8943); JSON "YYYY-MM-DD" */
    WALLET_KIND_TIME,    /* tag 1, Unix seconds; JSON RFC 3339 */
    WALLET_KIND_TEXTS,   /* array of tstr; JSON array of strings */
    WALLET_KIND_BYTES,   /* bstr; JSON data URI */
    WALLET_KIND_OBJECTS, /* array of maps with text keys (driving_privileges); JSON likewise */
};

enum wallet_disclose {
    WALLET_DISCLOSE_CHOICE, /* redacted; the holder chooses */
    WALLET_DISCLOSE_ALWAYS, /* in the clear in every credential */
    WALLET_DISCLOSE_NEVER,  /* kept in the record only */
};

struct wallet_claim_def {
    lw_str path[WALLET_CLAIM_DEPTH_MAX]; /* names from the top; usually one */
    size_t depth;
    int64_t cwt_key;       /* -70001 to -70099 shared, below -71000 a city's own */
    lw_str mdoc_namespace; /* empty when the type has no mdoc */
    lw_str mdoc_element;
    enum wallet_claim_kind kind;
    unsigned media;   /* of bytes that are an image: enum wallet_image_media; 0: any bytes */
    size_t max_bytes; /* of an image; 0 without one */
    struct wallet_name name;
    bool required;
    enum wallet_disclose disclose;
};

enum wallet_number_scheme {
    WALLET_NUMBER_GBT36904, /* made here, GB/T 36904 with its check digit */
    WALLET_NUMBER_REGISTER, /* as the agency's register gives it */
};

struct wallet_pass_def {
    lw_str id;
    struct wallet_name name;
    size_t claims[WALLET_CLAIMS_MAX]; /* indexes into the type's claims */
    size_t claim_count;
    unsigned hours; /* 1 to 24 */
};

enum wallet_format_bit {
    WALLET_FORMAT_BIT_SDJWT = 1 << 0, /* "dc+sd-jwt" */
    WALLET_FORMAT_BIT_SDCWT = 1 << 1, /* "dc+sd-cwt": LQ1 */
    WALLET_FORMAT_BIT_MDOC = 1 << 2,  /* "mso_mdoc" */
};

struct wallet_license_type {
    lw_str id;        /* lower-case letters, digits, '-' */
    unsigned version; /* 1, 2, 3, ... */
    struct wallet_name name;
    enum wallet_number_scheme number_scheme;
    lw_str type_code; /* gbt36904: 18 characters of the defining authority plus 3 digits */
    lw_str issuers[WALLET_LIST_MAX]; /* agency ids */
    size_t issuer_count;
    lw_str holder_roles[WALLET_LIST_MAX];
    size_t holder_role_count;
    lw_str about; /* "premises", "vehicle", "plot" or empty */
    lw_str vct;
    lw_str doctype;        /* mdoc; may be empty */
    unsigned formats;      /* enum wallet_format_bit */
    int64_t validity_days; /* 0: without end, or by claim */
    size_t validity_claim; /* index of the claim that ends it, or SIZE_MAX */
    int64_t credential_days;
    int64_t retention_days;
    struct wallet_claim_def claims[WALLET_CLAIMS_MAX];
    size_t claim_count;
    struct wallet_pass_def passes[WALLET_PASSES_MAX];
    size_t pass_count;
    bool offline_without_status;
    bool two_people; /* licenses come by imports only, which a second operator approves */
};

struct wallet_agency {
    lw_str id;
    struct wallet_name name;
    lw_str credit_code; /* unified social credit code, its check digit checked */
    lw_str contact;
    lw_str issues[WALLET_LIST_MAX]; /* license type ids */
    size_t issue_count;
    bool keeper; /* approves other agencies' service items */
};

/* A document that was read and holds: owns the text that the struct inside borrows. */
struct wallet_type_doc;
struct wallet_agency_doc;

/**
 * Read and check one license type document.
 *
 * json    UTF-8, at most 256 KiB; copied
 * errors  filled in up to `*error_count`, which is then set to how many there are in it
 * returns LW_E_SYNTAX  no JSON object or duplicate members; LW_E_VALUE  `errors` says what
 */
LW_MUST_USE lw_err wallet_license_type_read(lw_bytes json, struct wallet_type_doc **doc,
                                            struct wallet_doc_error *errors, size_t *error_count);
const struct wallet_license_type *wallet_license_type_of(const struct wallet_type_doc *doc);
void wallet_license_type_free(struct wallet_type_doc *doc);

/** As wallet_license_type_read(), for an agency. */
LW_MUST_USE lw_err wallet_agency_read(lw_bytes json, struct wallet_agency_doc **doc,
                                      struct wallet_doc_error *errors, size_t *error_count);
const struct wallet_agency *wallet_agency_of(const struct wallet_agency_doc *doc);
void wallet_agency_free(struct wallet_agency_doc *doc);

/** Find a claim by its path joined with '.', such as "category"; SIZE_MAX when there is none. */
size_t wallet_license_type_claim(const struct wallet_license_type *type, lw_str dotted_path);

/** Find a claim by its CWT key; SIZE_MAX when there is none. */
size_t wallet_license_type_claim_by_key(const struct wallet_license_type *type, int64_t cwt_key);

/**
 * Say whether two types of one catalogue, or two versions of one type, contradict each other: one
 * vct for two types, another vct for the same type, or one CWT key for two meanings (another path
 * or kind).
 *
 * error   set to the first such place in the document of `type` when there is one
 */
bool wallet_license_type_clashes(const struct wallet_license_type *type,
                                 const struct wallet_license_type *other,
                                 struct wallet_doc_error *error);

/** Find a pass by its id, or NULL. */
const struct wallet_pass_def *wallet_license_type_pass(const struct wallet_license_type *type,
                                                       lw_str id);

#endif
