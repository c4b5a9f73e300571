/* lw operator key | add | remove | list: the people who bring and approve what needs two. */
#include "cli_table.h"
#include "hsm/key_pem.h"
#include "list.h"
#include "operator_key.h"

enum { PEM_MAX = 16 * 1024, PAGE = 16, PUBLIC_MODE = 0644 };

static const struct cli_option key_options[] = {
    {"out", "FILE.pem", "The private key to be; it must not exist (required).", false},
    {NULL, NULL, NULL, false},
};

static const struct cli_option add_options[] = {
    {"key", "FILE.pem", "The new operator's public key, PEM of P-256 (required).", false},
    {"agency", "ID", "An agency the operator may act for; every agency unless given.", true},
    CLI_OPERATOR_OPTIONS,
    {NULL, NULL, NULL, false},
};

static const struct cli_option remove_options[] = {CLI_OPERATOR_OPTIONS, {NULL, NULL, NULL, false}};

static const char sign_advice[] =
    "`lw operator list` lists operators; the key is the one the operator was added with.";

static lw_err write_public(const struct hsm_soft_key *key, const char *path)
{
    LW_AUTO_BUF pem = LW_BUF(PEM_MAX);
    LW_TRY(hsm_public_key_to_pem(hsm_soft_key_public(key), &pem));
    return cli_write(path, lw_buf_view(&pem), PUBLIC_MODE);
}

static enum cli_exit run_key(struct cli *cli)
{
    HSM_AUTO_SOFT_KEY key = NULL;
    char public_path[CLI_PATH_MAX];
    const char *path = cli_get(cli, "out");
    if (path == NULL) {
        return cli_usage(cli, "--out is missing: the file of the new key");
    }
    const int n = snprintf(public_path, sizeof(public_path), "%s.pub", path);
    if (n < 0 || (size_t)n >= sizeof(public_path)) {
        return cli_usage(cli, "--out is too long a path");
    }
    if (cli_path_taken(public_path)) { /* of a private key that is kept elsewhere */
        return cli_fail(cli, LW_FAIL(LW_E_CONFLICT, "key file: exists already", LW_NOWHERE),
                        public_path, "Name another file; an operator's key is not written over.");
    }
    lw_err err = hsm_soft_key_create(path, &key);
    if (err.code != LW_OK) {
        return cli_fail(cli, err, path, "Name a file that does not exist, in a folder that does.");
    }
    err = write_public(key, public_path);
    if (err.code != LW_OK) {
        return cli_fail(cli, err, public_path,
                        "The private key was made; make another when the folder can be written.");
    }
    if (cli->json) {
        puts("{\"made\": true}");
    } else {
        printf("private key: %s (keep it to yourself)\npublic key: %s\n", path, public_path);
    }
    return CLI_DONE;
}

static void print_state(const struct cli *cli, lw_str name, enum wallet_operator_state state)
{
    if (cli->json) {
        printf("{\"operator\": \"%.*s\", \"state\": \"%s\"}\n", (int)name.len, name.ptr,
               wallet_operator_state_name(state));
        return;
    }
    switch (state) {
    case WALLET_OPERATOR_ACTIVE:
        printf("%.*s is an operator\n", (int)name.len, name.ptr);
        return;
    case WALLET_OPERATOR_PROPOSED:
    case WALLET_OPERATOR_LEAVING:
        puts("asked for: another operator gives the same command with their own name and key");
        return;
    case WALLET_OPERATOR_REMOVED:
        printf("%.*s is no operator any more\n", (int)name.len, name.ptr);
        return;
    }
}

static enum cli_exit add_with(struct cli *cli, const struct cli_operator *who,
                              struct wallet_operator_order order)
{
    lw_str agencies[CLI_OPTIONS_MAX];
    enum wallet_operator_state state = WALLET_OPERATOR_ACTIVE;
    enum cli_exit exit = CLI_DONE;
    const char *agency = NULL;
    while ((agency = cli_get_nth(cli, "agency", order.agency_count)) != NULL) {
        agencies[order.agency_count++] = lw_str_c(agency);
    }
    order.agencies = agencies;
    WALLET_AUTO_HOME home = cli_home(cli, WALLET_HOME_SEALED, &exit);
    if (home == NULL) {
        return exit;
    }
    const lw_err err = wallet_flow_operator_add(home, &order, cli_operator_by(who), &state);
    order.agencies = NULL; /* they end with this function */
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "cannot add the operator", sign_advice);
    }
    print_state(cli, order.name, state);
    return CLI_DONE;
}

static enum cli_exit run_add(struct cli *cli)
{
    LW_AUTO_BUF pem = LW_BUF(PEM_MAX);
    struct cli_operator who;
    struct wallet_operator_order order = {.name = cli_arg(cli, 0)};
    const char *path = cli_get(cli, "key");
    if (path == NULL) {
        return cli_usage(cli, "--key is missing: the new operator's public key");
    }
    lw_err err = cli_read(path, &pem);
    err = err.code == LW_OK ? hsm_public_key_from_pem(&order.key, lw_buf_view(&pem)) : err;
    if (err.code != LW_OK) {
        return cli_fail(cli, err, path,
                        "It is the public key, FILE.pem.pub, that `lw operator key` wrote.");
    }
    enum cli_exit exit = cli_operator_open(cli, false, &who);
    exit = exit == CLI_DONE ? add_with(cli, &who, order) : exit;
    cli_operator_close(&who);
    return exit;
}

static enum cli_exit remove_with(struct cli *cli, const struct cli_operator *who)
{
    enum wallet_operator_state state = WALLET_OPERATOR_REMOVED;
    enum cli_exit exit = CLI_DONE;
    WALLET_AUTO_HOME home = cli_home(cli, WALLET_HOME_SEALED, &exit);
    if (home == NULL) {
        return exit;
    }
    const lw_err err = wallet_flow_operator_remove(home, cli_arg(cli, 0), &who->by, &state);
    if (err.code != LW_OK) {
        return cli_fail(cli, err, "cannot remove the operator", sign_advice);
    }
    print_state(cli, cli_arg(cli, 0), state);
    return CLI_DONE;
}

static enum cli_exit run_remove(struct cli *cli)
{
    struct cli_operator who;
    enum cli_exit exit = cli_operator_open(cli, true, &who);
    exit = exit == CLI_DONE ? remove_with(cli, &who) : exit;
    cli_operator_close(&who);
    return exit;
}

static void put_operator(const struct wallet_operator *o, struct wallet_json_writer *w)
{
    LW_AUTO_BUF pem = LW_BUF(PEM_MAX);
    wallet_json_put_fail(w, hsm_public_key_to_pem(&o->key, &pem));
    wallet_json_put_object(w);
    wallet_json_member_c(w, "operator", o->name);
    wallet_json_member_c(w, "state", wallet_operator_state_name(o->state));
    wallet_json_put_name(w, "agencies");
    wallet_json_put_array(w);
    for (size_t i = 0; i < o->agency_count; i++) {
        wallet_json_put_text(w, lw_str_c(o->agencies[i]));
    }
    wallet_json_put_end(w);
    wallet_json_member_c(w, "asked_by", o->asked_by);
    wallet_json_member_time(w, "changed", o->changed);
    wallet_json_member_text(w, "key", lw_buf_text(&pem));
    wallet_json_put_end(w);
}

static void print_operator(const struct wallet_operator *o)
{
    printf("%-32s %-8s ", o->name, wallet_operator_state_name(o->state));
    for (size_t i = 0; i < o->agency_count; i++) {
        printf("%s%s", i == 0 ? "" : ", ", o->agencies[i]);
    }
    puts(o->agency_count == 0 ? "every agency" : "");
}

static lw_err list_all(struct wallet_home *home, struct cli_listing *listing)
{
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_page page = {.len = 0};
    LW_TRY(wallet_read_begin(wallet_home_store(home), &txn));
    while (!page.end) {
        static struct wallet_operator some[PAGE]; /* large, one run of the program */
        size_t count = PAGE;
        LW_TRY(wallet_store_operator_page(txn, &page, some, &count));
        for (size_t i = 0; i < count; i++) {
            if (listing->json == NULL) {
                print_operator(&some[i]);
            } else {
                put_operator(&some[i], listing->json);
            }
        }
    }
    return LW_SUCCESS;
}

static enum cli_exit run_list(struct cli *cli)
{
    const struct cli_list list = {.name = "operators",
                                  .cannot = "cannot list the operators",
                                  .need = WALLET_HOME_READ,
                                  .list = list_all};
    return cli_list(cli, &list);
}

const struct cli_command cli_operator_commands[] = {
    {.name = "operator key",
     .args = "",
     .summary = "make an operator's own key",
     .text =
         "Writes a P-256 private key in PEM, mode 0600, and beside it the public key, FILE.pub,\n"
         "which is given to whoever adds the operator. Needs no home: it can be made on the\n"
         "operator's own machine.",
     .examples = "  lw operator key --out anna.pem",
     .options = key_options,
     .run = run_key},
    {.name = "operator add",
     .args = "NAME",
     .args_min = 1,
     .args_max = 1,
     .summary = "add an operator, or confirm one that another asked for",
     .text = "The first operator is added by whoever holds the home; the second with the name and\n"
             "key of the first. From then on two must sign: one gives the command, a second gives\n"
             "the same command with their own name and key. A name or key that was ever an\n"
             "operator's is never another's. Keep three operators: where there are two and one\n"
             "loses their key, nobody is there to confirm another.",
     .examples = "  lw operator add anna --key anna.pem.pub\n"
                 "  lw operator add berta --key berta.pem.pub --operator anna --operator-key "
                 "anna.pem",
     .options = add_options,
     .run = run_add},
    {.name = "operator remove",
     .args = "NAME",
     .args_min = 1,
     .args_max = 1,
     .summary = "remove an operator, or confirm what another asked for",
     .text = "Takes two operators, as `lw operator add` does: until the second has given the same\n"
             "command the operator may act. Who was only asked for is withdrawn at once. The last\n"
             "operator is not removed.",
     .examples = "  lw operator remove anna --operator berta --operator-key berta.pem",
     .options = remove_options,
     .run = run_remove},
    {.name = "operator list",
     .args = "",
     .summary = "list the operators, removed ones too",
     .text = "With --json also each public key and who asked for the last change.",
     .run = run_list},
    {.name = NULL},
};
