/* Files of the home: whose they are, who may read them, and room on their disk. */
#define _POSIX_C_SOURCE 200809L

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "doctor.h"
#include "count.h"

enum { OTHERS = 077, OTHERS_WRITE = 022 };

static const uint64_t mib = 1 << 20;
static const uint64_t least_mib = 256;

static const struct {
    const char *name; /* "" the home itself */
    unsigned never;   /* permission bits that must not be set */
    const char *advice;
} private_files[] = {
    {"", OTHERS, "chmod 700 the home folder: only its owner may look into it."},
    {"pin", OTHERS, "chmod 600 the file pin: whoever reads it can sign."},
    {"so-pin", OTHERS, "chmod 600 the file so-pin, or keep it elsewhere."},
    {"token", OTHERS, "chmod 700 the folder token: it holds the keys."},
    {"token/tokens", OTHERS, "chmod 700 the folder token/tokens: it holds the keys."},
    {"store", OTHERS, "chmod 700 the folder store."},
    {"store/data.mdb", OTHERS, "chmod 600 the file store/data.mdb."},
    {"config.json", OTHERS_WRITE, "chmod 644 the file config.json: only its owner may change it."},
};

static bool path_in(const struct doctor *d, const char *name, char path[CLI_PATH_MAX])
{
    const int n =
        snprintf(path, CLI_PATH_MAX, "%s%s%s", d->cli->home_dir, name[0] == '\0' ? "" : "/", name);
    return n > 0 && n < CLI_PATH_MAX;
}

static void check_private(struct doctor *d)
{
    size_t looked_at = 0;
    const size_t before = d->count;
    for (size_t i = 0; i < sizeof(private_files) / sizeof(private_files[0]); i++) {
        char path[CLI_PATH_MAX];
        struct stat info;
        if (!path_in(d, private_files[i].name, path) || stat(path, &info) != 0) {
            continue; /* what must be there, others tell */
        }
        looked_at++;
        if ((info.st_mode & private_files[i].never) != 0) {
            doctor_say(d, DOCTOR_BAD, private_files[i].advice, "%s has mode %03o", path,
                       (unsigned)info.st_mode & 0777U);
        }
        if (info.st_uid != geteuid()) {
            doctor_say(d, DOCTOR_BAD, "Run lw as the owner of its home, or chown the file.",
                       "%s is another user's", path);
        }
    }
    if (d->count == before && looked_at > 0) {
        doctor_say(d, DOCTOR_GOOD, NULL, "%s owner's alone",
                   CLI_COUNT_OF(looked_at, "file is its", "files are their"));
    }
}

static void check_space(struct doctor *d)
{
    char path[CLI_PATH_MAX];
    struct statvfs fs;
    struct stat data = {.st_size = 0};
    if (statvfs(d->cli->home_dir, &fs) != 0) {
        return;
    }
    const uint64_t room = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (path_in(d, "store/data.mdb", path)) {
        (void)stat(path, &data);
    }
    if (room < least_mib * mib) {
        doctor_say(d, DOCTOR_BAD, "Free space: a full disk stops issuing and recording.",
                   "%llu MiB are free on the disk of the home", (unsigned long long)(room / mib));
    } else if (room < (uint64_t)data.st_size / 4) {
        doctor_say(d, DOCTOR_SOON, "Plan a larger disk: the store has a quarter of its size left.",
                   "%llu MiB are free on the disk of the home", (unsigned long long)(room / mib));
    } else {
        doctor_say(d, DOCTOR_GOOD, NULL, "%llu MiB are free on the disk of the home",
                   (unsigned long long)(room / mib));
    }
}

void doctor_files(struct doctor *d)
{
    check_private(d);
    check_space(d);
}
