#include "import_words.h"

#include "../codec/spaces.h"

enum { NAME_MAX = 256, HANZI = 3, LETTERS_MIN = 4 };

/* Lower case, without spaces and punctuation. */
static const char *const part_words[][16] = {
    [WALLET_MAP_NUMBER] = {"证照编号", "许可证号", "许可证编号", "证书编号", "执照编号", "执照号",
                           "证照号码", "证号", "编号", "licensenumber", "licenseno",
                           "certificatenumber", "permitnumber", "permitno", NULL},
    [WALLET_MAP_VERSION] = {"版本号", "版本", "期次", "licenseid", "termid", "versionno", "version",
                            NULL},
    [WALLET_MAP_HOLDER_CODE] = {"统一社会信用代码", "社会信用代码", "信用代码", "身份证号",
                                "身份证号码", "公民身份号码", "身份号码", "证件号码",
                                "持证主体代码", "creditcode", "citizennumber", "idnumber",
                                "holdercode", "accountnumber", NULL},
    [WALLET_MAP_HOLDER_NAME] = {"姓名", "持证人", "持有人", "持证主体", "企业名称", "单位名称",
                                "公司名称", "经营者名称", "主体名称", "名称", "holdername",
                                "holder", "legalname", "companyname", "name", NULL},
    [WALLET_MAP_VALID_FROM] = {"有效期起", "有效期自", "有效期限起", "有效期开始", "起始日期",
                               "开始日期", "生效日期", "validfrom", "startdate", "termstartdate",
                               "effectivedate", "effectivefrom", NULL},
    [WALLET_MAP_VALID_UNTIL] = {"有效期止", "有效期至", "有效期限止", "有效期限至", "有效期结束",
                                "截止日期", "到期日期", "失效日期", "validuntil", "validto",
                                "expirydate", "expirationdate", "termexpirationdate", "enddate",
                                NULL},
    [WALLET_MAP_ISSUED] = {"发证日期", "颁发日期", "签发日期", "核发日期", "发照日期", "批准日期",
                           "制证日期", "issuedate", "dateissued", "dateofissue", "issuedon", NULL},
    [WALLET_MAP_STATE] = {"证照状态", "许可证状态", "证书状态", "状态", "licensestatus", "status",
                          NULL},
};

/* Of claims that many license types have, by the last name of their path. */
static const struct {
    const char *claim;
    const char *words[10];
} claim_words[] = {
    {"legal_name", {"企业名称", "单位名称", "公司名称", "经营者名称", "主体名称", "名称", NULL}},
    {"trade_name", {"字号", "店名", "招牌", "doingbusinessasname", "dba", NULL}},
    {"address", {"经营场所", "经营地址", "注册地址", "住所", "住址", "地址", "premises", NULL}},
    {"registered_address", {"户籍地址", "户籍地", "注册地址", NULL}},
    {"category", {"类别", "种类", "类型", "准驾车型", "licensedescription", NULL}},
    {"activities", {"经营范围", "经营项目", "许可项目", "businessactivity", NULL}},
    {"issue_date", {"发证日期", "颁发日期", "签发日期", "核发日期", "dateissued", NULL}},
    {"expiry_date",
     {"有效期至", "有效期止", "有效期限至", "到期日期", "截止日期", "expirationdate", "validuntil",
      NULL}},
    {"birth_date", {"出生日期", "出生年月日", "birthday", "dateofbirth", "dob", NULL}},
    {"family_name", {"姓", "姓氏", "surname", "lastname", NULL}},
    {"given_name", {"名", "名字", "firstname", NULL}},
    {"sex", {"性别", "gender", NULL}},
    {"person_in_charge", {"负责人", "法定代表人", "法人代表", "经营者", NULL}},
    {"document_number", {"证号", "证件编号", "证照编号", "licensenumber", NULL}},
    {"issuing_authority", {"发证机关", "核发机关", "审批机关", NULL}},
    {"portrait", {"照片", "相片", "photo", NULL}},
};

static const struct {
    enum wallet_state state;
    const char *words[14];
} states[] = {
    {WALLET_ACTIVE,
     {"有效", "正常", "存续", "在业", "在用", "生效", "active", "valid", "issued", "aai", NULL}},
    {WALLET_SUSPENDED, {"暂扣", "暂停", "停业", "中止", "suspended", NULL}},
    {WALLET_REVOKED, {"吊销", "撤销", "撤回", "revoked", "rev", NULL}},
    {WALLET_CANCELLED, {"注销", "已注销", "作废", "cancelled", "canceled", "aac", NULL}},
};

/* Returns the bytes at `s` that say nothing in a name: spaces, punctuation, marks. */
static size_t noise_len(lw_str s)
{
    static const char *const wide[] = {"：", "，", "、", "。", "＊", "·", "—", "－", "／"};
    const size_t space = codec_space_len(s);
    if (space > 0) {
        return space;
    }
    for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++) {
        if (lw_str_starts(s, lw_str_c(wide[i]))) {
            return strlen(wide[i]);
        }
    }
    return strchr("_-.:*/#,'\"", s.ptr[0]) != NULL && s.ptr[0] != '\0' ? 1 : 0;
}

/* Returns the length of a remark in brackets at `s`, "（必填）", or 0. */
static size_t remark_len(lw_str s)
{
    static const char *const brackets[][2] = {{"（", "）"}, {"(", ")"}, {"【", "】"}, {"[", "]"}};
    for (size_t i = 0; i < sizeof(brackets) / sizeof(brackets[0]); i++) {
        const lw_str close = lw_str_c(brackets[i][1]);
        if (!lw_str_starts(s, lw_str_c(brackets[i][0]))) {
            continue;
        }
        for (size_t at = 1; at < s.len; at++) {
            if (lw_str_starts(lw_str_from(s, at), close)) {
                return at + close.len;
            }
        }
    }
    return 0;
}

/* Brings a name into the form of the words above; returns its length, cut at NAME_MAX. */
static lw_str plain(lw_str name, char room[NAME_MAX])
{
    size_t len = 0;
    for (lw_str rest = name; rest.len > 0 && len < NAME_MAX;) {
        const size_t remark = remark_len(rest);
        const size_t skipped = remark > 0 ? remark : noise_len(rest);
        if (skipped == 0) {
            const char c = rest.ptr[0];
            room[len++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
        }
        rest = lw_str_from(rest, skipped == 0 ? 1 : skipped);
    }
    return (lw_str){room, len};
}

static bool holds(lw_str text, lw_str part)
{
    for (size_t i = 0; i + part.len <= text.len; i++) {
        if (memcmp(text.ptr + i, part.ptr, part.len) == 0) {
            return true;
        }
    }
    return false;
}

/* A word that stands in the name counts the more, the more of the name it is. */
static unsigned score(lw_str name, lw_str word)
{
    if (name.len == 0 || word.len == 0) {
        return 0;
    }
    if (lw_str_eq(name, word)) {
        return IMPORT_NAME_EXACT;
    }
    const bool hanzi = (unsigned char)word.ptr[0] >= 0x80;
    const bool long_enough = word.len >= (hanzi ? 2 * HANZI : LETTERS_MIN);
    if (!long_enough || !holds(name, word)) {
        return 0;
    }
    return IMPORT_NAME_PART + (unsigned)(50 * word.len / name.len);
}

static unsigned best_of(lw_str name, const char *const *words)
{
    unsigned best = 0;
    for (size_t i = 0; words[i] != NULL; i++) {
        const unsigned s = score(name, lw_str_c(words[i]));
        best = s > best ? s : best;
    }
    return best;
}

unsigned import_words_part(enum wallet_map_part part, lw_str name)
{
    char room[NAME_MAX];
    return part == WALLET_MAP_CLAIM ? 0 : best_of(plain(name, room), part_words[part]);
}

unsigned import_words_claim(const struct wallet_claim_def *claim, lw_str name)
{
    char room[NAME_MAX];
    char own[NAME_MAX];
    const lw_str text = plain(name, room);
    const lw_str last = claim->path[claim->depth - 1];
    const lw_str names[] = {claim->name.zh, claim->name.en, last};
    unsigned best = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const unsigned s = score(text, plain(names[i], own));
        best = s > best ? s : best;
    }
    for (size_t i = 0; i < sizeof(claim_words) / sizeof(claim_words[0]); i++) {
        if (lw_str_is(last, claim_words[i].claim)) {
            const unsigned s = best_of(text, claim_words[i].words);
            best = s > best ? s : best;
        }
    }
    return best;
}

const char *import_words_code_type(lw_str name)
{
    static const char *const credit[] = {"信用代码", "creditcode", NULL};
    static const char *const citizen[] = {"身份证", "公民身份", "citizennumber", NULL};
    char room[NAME_MAX];
    const lw_str text = plain(name, room);
    return best_of(text, credit) > 0 ? "001" : best_of(text, citizen) > 0 ? "111" : NULL;
}

bool import_words_state(lw_str value, enum wallet_state *state)
{
    char room[NAME_MAX];
    const lw_str word = plain(value, room);
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        for (size_t k = 0; states[i].words[k] != NULL; k++) {
            if (lw_str_is(word, states[i].words[k])) {
                *state = states[i].state;
                return true;
            }
        }
    }
    return false;
}
