#define _GNU_SOURCE

#include "two_people.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wallet/flow_catalog.h"
#include "wallet/json_doc.h"

static void hold(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "test support: %s\n", what);
        abort();
    }
}

void support_operator_make(struct support_operator *who, const char *name)
{
    who->name = name;
    hold(hsm_soft_key_generate(&who->key).code == LW_OK, "cannot make a key");
    hsm_soft_key_signer(who->key, &who->signer);
    who->by = (struct wallet_operator_by){.name = lw_str_c(name), .signer = &who->signer};
}

void support_operator_drop(struct support_operator *who)
{
    hsm_soft_key_free(who->key);
    who->key = NULL;
}

lw_err support_operator_add(struct support_home *h, const struct support_operator *who,
                            const struct support_operator *by, enum wallet_operator_state *state)
{
    const struct wallet_operator_order order = {.name = lw_str_c(who->name),
                                                .key = who->signer.key};
    return wallet_flow_operator_add(h->home, &order, by == NULL ? NULL : &by->by, state);
}

static void ignore(void *ctx, const struct wallet_catalog_result *result)
{
    (void)ctx;
    (void)result;
}

static void write_type(const char *from, const char *to, int version, bool two_people)
{
    json_t *type = json_load_file(from, 0, NULL);
    hold(type != NULL, "cannot read the type");
    hold(json_object_set_new(type, "version", json_integer(version)) == 0, "no version");
    if (two_people) {
        hold(json_object_set_new(type, "approval", json_pack("{s:b}", "import", 1)) == 0,
             "no approval");
    }
    hold(json_dump_file(type, to, 0) == 0, "cannot write the type");
    json_decref(type);
}

/* The example city anew, all of it borrowed but that one type. */
lw_err support_two_people_load(struct support_home *h, int version, bool two_people)
{
    static const char city_dir[] = LW_SOURCE_DIR "/docs/example-city";
    char name[32];
    char dir[SUPPORT_PATH_MAX];
    char from[SUPPORT_PATH_MAX];
    char to[SUPPORT_PATH_MAX];
    const struct dirent *entry = NULL;
    (void)snprintf(name, sizeof(name), "city-%d-%d", version, two_people);
    support_path(h->folder, name, dir);
    hold(mkdir(dir, 0700) == 0, "no folder");
    support_path(city_dir, "agencies", from);
    support_path(dir, "agencies", to);
    hold(symlink(from, to) == 0, "no link");
    support_path(dir, "license-types", to);
    hold(mkdir(to, 0700) == 0, "no folder");
    support_path(city_dir, "license-types", from);
    DIR *types = opendir(from);
    hold(types != NULL, "no types");
    while ((entry = readdir(types)) != NULL) {
        char path[SUPPORT_PATH_MAX];
        char copy[SUPPORT_PATH_MAX];
        support_path(from, entry->d_name, path);
        support_path(to, entry->d_name, copy);
        if (strcmp(entry->d_name, "business-license.json") == 0) {
            write_type(path, copy, version, two_people);
        } else if (entry->d_name[0] != '.') {
            hold(symlink(path, copy) == 0, "no link");
        }
    }
    (void)closedir(types);
    return wallet_flow_catalog_load(h->home, dir, ignore, NULL);
}
