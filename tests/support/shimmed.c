#define _GNU_SOURCE

#include "shimmed.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bytes.h"
#include "token.h"
#include "wallet/flow_issue.h"
#include "wallet/store_license.h"

enum { ALWAYS = 1000000, LOG_MAX = 4 * 1024 * 1024, FAULTS = 8 };

void support_shimmed(struct support_home *h, struct support_shimmed *s)
{
    s->control = support_shim(h->folder, hsm_softhsm_module(), s->shim);
    support_path(h->dir, "token/softhsm2.conf", s->conf);
    h->config.module = s->shim;
    h->config.softhsm_conf = s->conf;
}

void support_shimmed_sign(struct support_shimmed *s, enum shim_fault fault, unsigned every)
{
    atomic_store(&s->control->sign_fault, SHIM_NONE);
    atomic_store(&s->control->sign_rv, SHIM_CKR_FUNCTION_FAILED);
    atomic_store(&s->control->sign_every, every);
    atomic_store(&s->control->sign_left, ALWAYS);
    atomic_store(&s->control->sign_fault, fault);
}

void support_shimmed_drop(struct support_shimmed *s)
{
    (void)munmap(s->control, sizeof(*s->control));
}

bool support_has_license(struct support_home *h, const char *number)
{
    uint8_t id[WALLET_UUID_LEN];
    WALLET_AUTO_TXN txn = NULL;
    return wallet_read_begin(wallet_home_store(h->home), &txn).code == LW_OK &&
           wallet_store_license_find(txn, LW_STR("business-license"), lw_str_c(number), id).code ==
               LW_OK;
}

void support_log_to_file(struct support_home *h, struct lw_log *log)
{
    char path[SUPPORT_PATH_MAX];
    support_path(h->folder, "log", path);
    const int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) {
        abort();
    }
    log->least = LW_INFO;
    log->clock = h->env.clock;
    log->fd = fd;
    h->env.log = log;
}

bool support_log_says(const struct support_home *h, const char *what)
{
    char path[SUPPORT_PATH_MAX];
    const char *text = NULL;
    LW_AUTO_BUF log = LW_BUF(LOG_MAX);
    support_path(h->folder, "log", path);
    support_read_file(path, &log);
    return lw_buf_c(&log, &text).code == LW_OK && strstr(text, what) != NULL;
}
