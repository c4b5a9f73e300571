#define _GNU_SOURCE

#include "token.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hsm/rng.h"

static void must(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "test support: token: %s\n", what);
        abort();
    }
}

static void path_in(char path[SUPPORT_PATH_MAX], const char *folder, const char *name)
{
    const int len = snprintf(path, SUPPORT_PATH_MAX, "%s/%s", folder, name);
    must(len > 0 && len < SUPPORT_PATH_MAX, "path too long");
}

void support_token_folder(struct support_token *t)
{
    const char *tmp = getenv("TMPDIR");
    *t = (struct support_token){.control = NULL};
    path_in(t->folder, tmp == NULL ? "/tmp" : tmp, "lw-token-XXXXXX");
    must(mkdtemp(t->folder) != NULL, "no temporary folder");
    path_in(t->conf, t->folder, "hsm/softhsm2.conf");
    path_in(t->pin_file, t->folder, "pin");
    path_in(t->so_pin_file, t->folder, "so-pin");
    path_in(t->shim, t->folder, "shim.so");
    path_in(t->program, LW_BIN_DIR, "lw-signer");
    t->config = (struct hsm_pool_config){
        .program = t->program,
        .module = hsm_softhsm_module(),
        .token_label = "test",
        .pin_file = t->pin_file,
        .softhsm_conf = t->conf,
        .processes = 2,
        .deadline_ms = 5000,
        .clock = lw_clock_system(),
    };
    must(t->config.module != NULL, "SoftHSM is not installed");
}

/* The module is named by a link, so that each token has a control file of its own beside it. */
struct shim_control *support_shim(const char *folder, const char *module,
                                  char shim[SUPPORT_PATH_MAX])
{
    char path[SUPPORT_PATH_MAX];
    struct shim_control *control = NULL;
    path_in(shim, folder, "shim.so");
    must(symlink(LW_SHIM, shim) == 0, "no link to the shim");
    path_in(path, folder, "shim.so.ctl");
    const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    must(fd >= 0 && ftruncate(fd, sizeof(*control)) == 0, "no control file");
    control = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    must(control != MAP_FAILED, "no control");
    (void)close(fd);
    must(strlen(module) < sizeof(control->module), "module path too long");
    memcpy(control->module, module, strlen(module));
    return control;
}

void support_token_make(struct support_token *t, bool with_shim)
{
    char dir[SUPPORT_PATH_MAX];
    support_token_folder(t);
    path_in(dir, t->folder, "hsm");
    const struct hsm_softhsm_paths paths = {
        .dir = dir,
        .pin_file = t->pin_file,
        .so_pin_file = t->so_pin_file,
        .module = t->config.module,
        .token_label = "test",
        .program = t->program,
    };
    const lw_err err = hsm_softhsm_init(&paths, hsm_rng_system());
    must(err.code == LW_OK, err.why == NULL ? "" : err.why);
    if (with_shim) {
        t->control = support_shim(t->folder, t->config.module, t->shim);
        t->config.module = t->shim;
    }
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    return remove(path);
}

void support_token_free(struct support_token *t)
{
    if (t->control != NULL) {
        (void)munmap(t->control, sizeof(*t->control));
    }
    (void)nftw(t->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static size_t children_of_thread(const char *thread, pid_t *pids, size_t max)
{
    char path[SUPPORT_PATH_MAX];
    size_t count = 0;
    int pid = 0;
    const int len = snprintf(path, sizeof(path), "/proc/self/task/%s/children", thread);
    FILE *file = len > 0 && (size_t)len < sizeof(path) ? fopen(path, "re") : NULL;
    while (file != NULL && count < max && fscanf(file, "%d", &pid) == 1) {
        pids[count] = pid;
        count++;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return count;
}

size_t support_children(pid_t *pids, size_t max)
{
    size_t count = 0;
    DIR *threads = opendir("/proc/self/task");
    must(threads != NULL, "no /proc");
    const struct dirent *entry = NULL;
    while ((entry = readdir(threads)) != NULL) {
        if (entry->d_name[0] != '.') {
            count += children_of_thread(entry->d_name, pids + count, max - count);
        }
    }
    (void)closedir(threads);
    return count;
}
