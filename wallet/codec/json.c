#include "wallet/json.h"

#include "json_text.h"

void wallet_json_fail(struct wallet_json *r, lw_err err)
{
    if (r->err.code != LW_OK || err.code == LW_OK) {
        return;
    }
    r->err = err;
    if (err.at == LW_NOWHERE) {
        r->err.at = (size_t)(r->at - r->start);
    }
}

static void fail(struct wallet_json *r, lw_code code, const char *why)
{
    wallet_json_fail(r, LW_FAIL(code, why, LW_NOWHERE));
}

void wallet_json_start(struct wallet_json *r, lw_str in)
{
    const char *text = in.len == 0 ? "" : in.ptr;
    r->start = text;
    r->at = text;
    r->end = text + in.len;
    r->err = LW_SUCCESS;
    r->depth = 0;
    r->in_object = 0;
    r->fresh = false;
    r->value_due = true;
    r->name_count = 0;
    if (in.len > WALLET_JSON_MAX) {
        fail(r, LW_E_LIMIT, "json: text too long");
    }
}

/* RFC 8259 section 2: space, tab, line feed, carriage return. */
static const char *after_space(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) {
        at++;
    }
    return at;
}

static enum wallet_json_type type_of(char c)
{
    switch (c) {
    case '{':
        return WALLET_JSON_OBJECT;
    case '[':
        return WALLET_JSON_ARRAY;
    case '"':
        return WALLET_JSON_STRING;
    case 't':
        return WALLET_JSON_TRUE;
    case 'f':
        return WALLET_JSON_FALSE;
    case 'n':
        return WALLET_JSON_NULL;
    default:
        return c == '-' || (c >= '0' && c <= '9') ? WALLET_JSON_NUMBER : WALLET_JSON_NONE;
    }
}

enum wallet_json_type wallet_json_peek(const struct wallet_json *r)
{
    if (!wallet_json_ok(r) || !r->value_due) {
        return WALLET_JSON_NONE;
    }
    const char *at = after_space(r->at, r->end);
    return at == r->end ? WALLET_JSON_NONE : type_of(*at);
}

/* Goes to the next value; returns its type, or WALLET_JSON_NONE with an error latched. */
static enum wallet_json_type next_value(struct wallet_json *r)
{
    if (!wallet_json_ok(r)) {
        return WALLET_JSON_NONE;
    }
    if (!r->value_due) {
        fail(r, LW_E_MISUSE, "json: no value stands here");
        return WALLET_JSON_NONE;
    }
    r->at = after_space(r->at, r->end);
    const enum wallet_json_type type = r->at == r->end ? WALLET_JSON_NONE : type_of(*r->at);
    if (type == WALLET_JSON_NONE) {
        fail(r, LW_E_SYNTAX, "json: a value is missing");
    }
    return type;
}

/* As next_value(), of one type only; true when it stands there. */
static bool next_is(struct wallet_json *r, enum wallet_json_type type)
{
    const enum wallet_json_type found = next_value(r);
    if (found != type && found != WALLET_JSON_NONE) {
        fail(r, LW_E_VALUE, "json: a value of another type");
    }
    return found == type;
}

static void open_level(struct wallet_json *r, bool object)
{
    if (r->depth == WALLET_JSON_DEPTH_MAX) {
        fail(r, LW_E_LIMIT, "json: nested too deep");
        return;
    }
    r->names_before[r->depth] = r->name_count;
    r->depth++;
    const uint32_t bit = UINT32_C(1) << r->depth;
    r->in_object = object ? r->in_object | bit : r->in_object & ~bit;
    r->fresh = true;
    r->value_due = false;
    r->at++;
}

static void close_level(struct wallet_json *r)
{
    r->depth--;
    r->name_count = r->names_before[r->depth];
    r->fresh = false;
    r->at++;
}

static bool in_object(const struct wallet_json *r)
{
    return (r->in_object >> r->depth & 1) != 0;
}

void wallet_json_object(struct wallet_json *r)
{
    if (next_is(r, WALLET_JSON_OBJECT)) {
        open_level(r, true);
    }
}

void wallet_json_array(struct wallet_json *r)
{
    if (next_is(r, WALLET_JSON_ARRAY)) {
        open_level(r, false);
    }
}

/* Scans a string into `text`, which is empty after an error. */
static void scan_text(struct wallet_json *r, struct wallet_json_text *text)
{
    const char *why = json_text_scan(&r->at, r->end, text);
    if (why != NULL) {
        *text = (struct wallet_json_text){.raw = {.ptr = "", .len = 0}};
        fail(r, LW_E_SYNTAX, why);
    }
}

/* RFC 8259 section 6. */
static lw_str scan_number(struct wallet_json *r)
{
    const char *from = r->at;
    const char *at = from;
    const char *const end = r->end;
    at += *at == '-' ? 1 : 0;
    const char *digits = at;
    while (at < end && *at >= '0' && *at <= '9') {
        at++;
    }
    bool holds = at > digits && (*digits != '0' || at - digits == 1);
    if (holds && at < end && *at == '.') {
        digits = ++at;
        while (at < end && *at >= '0' && *at <= '9') {
            at++;
        }
        holds = at > digits;
    }
    if (holds && at < end && (*at == 'e' || *at == 'E')) {
        at++;
        at += at < end && (*at == '+' || *at == '-') ? 1 : 0;
        digits = at;
        while (at < end && *at >= '0' && *at <= '9') {
            at++;
        }
        holds = at > digits;
    }
    if (!holds) {
        fail(r, LW_E_SYNTAX, "json: not a number");
        return (lw_str){.ptr = "", .len = 0};
    }
    r->at = at;
    return (lw_str){.ptr = from, .len = (size_t)(at - from)};
}

static void scan_word(struct wallet_json *r, lw_str word)
{
    if ((size_t)(r->end - r->at) < word.len || memcmp(r->at, word.ptr, word.len) != 0) {
        fail(r, LW_E_SYNTAX, "json: not a value");
        return;
    }
    r->at += word.len;
}

/* Consumes a scalar, or enters a container. */
static void pass_one(struct wallet_json *r)
{
    struct wallet_json_text text;
    const enum wallet_json_type type = next_value(r);
    r->value_due = false;
    switch (type) {
    case WALLET_JSON_NONE:
        return;
    case WALLET_JSON_OBJECT:
    case WALLET_JSON_ARRAY:
        open_level(r, type == WALLET_JSON_OBJECT);
        return;
    case WALLET_JSON_STRING:
        scan_text(r, &text);
        return;
    case WALLET_JSON_NUMBER:
        (void)scan_number(r);
        return;
    case WALLET_JSON_TRUE:
        scan_word(r, LW_STR("true"));
        return;
    case WALLET_JSON_FALSE:
        scan_word(r, LW_STR("false"));
        return;
    case WALLET_JSON_NULL:
        scan_word(r, LW_STR("null"));
        return;
    }
}

lw_str wallet_json_value(struct wallet_json *r)
{
    const unsigned outer = r->depth;
    const bool due = next_value(r) != WALLET_JSON_NONE;
    const char *from = r->at;
    if (due) {
        pass_one(r);
    }
    while (wallet_json_ok(r) && r->depth > outer) {
        struct wallet_json_text name;
        if (in_object(r) ? wallet_json_member(r, &name) : wallet_json_element(r)) {
            pass_one(r);
        }
    }
    if (!wallet_json_ok(r)) {
        return (lw_str){.ptr = "", .len = 0};
    }
    return (lw_str){.ptr = from, .len = (size_t)(r->at - from)};
}

/* The name at `i` as it stands in the text. */
static struct wallet_json_text name_at(const struct wallet_json *r, size_t i)
{
    const lw_str raw = {.ptr = r->start + r->names[i].at, .len = r->names[i].len};
    return (struct wallet_json_text){.raw = raw, .escaped = r->names[i].hash == 0};
}

/* Refuses a name that its object has already. An escape has many spellings, so a name with one
 * has no hash and is compared with all. */
static void remember(struct wallet_json *r, const struct wallet_json_text *name)
{
    const uint32_t hash = name->escaped ? 0 : json_text_hash(name->raw);
    for (size_t i = r->names_before[r->depth - 1]; i < r->name_count; i++) {
        const bool may_be = r->names[i].hash == hash || hash == 0 || r->names[i].hash == 0;
        if (may_be && wallet_json_same(*name, name_at(r, i))) {
            wallet_json_fail(r, LW_FAIL(LW_E_VALUE, "json: member name given twice",
                                        (size_t)(name->raw.ptr - r->start)));
            return;
        }
    }
    if (r->name_count == WALLET_JSON_NAMES_MAX) {
        fail(r, LW_E_LIMIT, "json: too many members");
        return;
    }
    r->names[r->name_count].hash = hash;
    r->names[r->name_count].at = (uint32_t)(name->raw.ptr - r->start); /* <= WALLET_JSON_MAX */
    r->names[r->name_count].len = (uint32_t)name->raw.len;
    r->name_count++;
}

/* Goes past what parts the last item from the next; false at the closing bracket or an error. */
static bool next_item(struct wallet_json *r, bool object)
{
    if (!wallet_json_ok(r)) {
        return false;
    }
    if (r->depth == 0 || in_object(r) != object) {
        fail(r, LW_E_MISUSE, "json: not inside such a container");
        return false;
    }
    if (r->value_due) {
        (void)wallet_json_value(r);
    }
    r->at = after_space(r->at, r->end);
    if (!wallet_json_ok(r)) {
        return false;
    }
    if (r->at < r->end && *r->at == (object ? '}' : ']')) {
        close_level(r);
        return false;
    }
    if (!r->fresh) {
        if (r->at == r->end || *r->at != ',') {
            fail(r, LW_E_SYNTAX, "json: a comma or closing bracket is missing");
            return false;
        }
        r->at = after_space(r->at + 1, r->end);
    }
    r->fresh = false;
    return true;
}

bool wallet_json_member(struct wallet_json *r, struct wallet_json_text *name)
{
    if (!next_item(r, true)) {
        return false;
    }
    if (r->at == r->end || *r->at != '"') {
        fail(r, LW_E_SYNTAX, "json: a member name is missing");
        return false;
    }
    scan_text(r, name);
    if (!wallet_json_ok(r)) {
        return false;
    }
    remember(r, name);
    r->at = after_space(r->at, r->end);
    if (r->at == r->end || *r->at != ':') {
        fail(r, LW_E_SYNTAX, "json: a colon is missing");
        return false;
    }
    if (!wallet_json_ok(r)) {
        return false;
    }
    r->at++;
    r->value_due = true;
    return true;
}

bool wallet_json_element(struct wallet_json *r)
{
    if (!next_item(r, false)) {
        return false;
    }
    r->value_due = true;
    return true;
}

struct wallet_json_text wallet_json_string(struct wallet_json *r)
{
    struct wallet_json_text text = {.raw = {.ptr = "", .len = 0}};
    if (next_is(r, WALLET_JSON_STRING)) {
        r->value_due = false;
        scan_text(r, &text);
    }
    return text;
}

/* The number's integer part; LW_E_VALUE outside int64_t. */
static int64_t integer_of(struct wallet_json *r, lw_str number)
{
    int64_t n = 0;
    if (wallet_json_ok(r) && lw_str_int(number, &n).code != LW_OK) {
        fail(r, LW_E_VALUE, "json: number out of range");
        return 0;
    }
    return n;
}

int64_t wallet_json_int(struct wallet_json *r)
{
    if (!next_is(r, WALLET_JSON_NUMBER)) {
        return 0;
    }
    r->value_due = false;
    return integer_of(r, scan_number(r));
}

int64_t wallet_json_seconds(struct wallet_json *r)
{
    if (!next_is(r, WALLET_JSON_NUMBER)) {
        return 0;
    }
    r->value_due = false;
    lw_str whole;
    lw_str fraction;
    (void)lw_str_split(scan_number(r), '.', &whole, &fraction);
    const int64_t n = integer_of(r, whole);
    bool part = false;
    for (size_t i = 0; i < fraction.len; i++) {
        if (fraction.ptr[i] == 'e' || fraction.ptr[i] == 'E') {
            fail(r, LW_E_VALUE, "json: a time with an exponent");
            return 0;
        }
        part = part || fraction.ptr[i] != '0';
    }
    const bool down = part && whole.len > 0 && whole.ptr[0] == '-' && n > INT64_MIN;
    return down ? n - 1 : n;
}

bool wallet_json_bool(struct wallet_json *r)
{
    const enum wallet_json_type type = next_value(r);
    const bool value = type == WALLET_JSON_TRUE;
    if (value || type == WALLET_JSON_FALSE) {
        r->value_due = false;
        scan_word(r, value ? LW_STR("true") : LW_STR("false"));
    } else if (type != WALLET_JSON_NONE) {
        fail(r, LW_E_VALUE, "json: a value of another type");
    }
    return value && wallet_json_ok(r);
}

void wallet_json_null(struct wallet_json *r)
{
    if (next_is(r, WALLET_JSON_NULL)) {
        r->value_due = false;
        scan_word(r, LW_STR("null"));
    }
}

lw_err wallet_json_finish(struct wallet_json *r)
{
    while (wallet_json_ok(r) && r->depth > 0) {
        struct wallet_json_text name;
        (void)(in_object(r) ? wallet_json_member(r, &name) : wallet_json_element(r));
    }
    if (wallet_json_ok(r) && r->value_due) {
        (void)wallet_json_value(r);
    }
    if (wallet_json_ok(r)) {
        r->at = after_space(r->at, r->end);
    }
    if (wallet_json_ok(r) && r->at != r->end) {
        fail(r, LW_E_SYNTAX, "json: bytes after the value");
    }
    return r->err;
}

lw_err wallet_json_check(lw_str in)
{
    struct wallet_json r;
    wallet_json_start(&r, in);
    return wallet_json_finish(&r);
}
