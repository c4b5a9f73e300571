/*
 * The pool's inside. Its thread alone starts, feeds, watches and ends the signers; callers only
 * put jobs into the queue and read the health, both under the lock.
 */
#ifndef HSM_POOL_PRIVATE_H
#define HSM_POOL_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "signer_wire.h"

struct job_list {
    struct hsm_job *head;
    struct hsm_job *tail;
    size_t count;
};

void job_list_add(struct job_list *list, struct hsm_job *job);
struct hsm_job *job_list_pop(struct job_list *list);

/** Take the job `id` out. returns NULL when there is none */
struct hsm_job *job_list_take(struct job_list *list, uint64_t id);

/** Append all of `from`, which is left empty. */
void job_list_join(struct job_list *list, struct job_list *from);

/* A request other than a signature; `job` first, so that both lie in the same lists. */
struct pool_call {
    struct hsm_job job;
    struct hsm_wire request;
    struct hsm_wire reply;
    struct hsm_token_key *keys; /* of a listing */
    size_t keys_max;
    size_t keys_count;
};

enum signer_state {
    SIGNER_DOWN,     /* to be started at `when_ms` */
    SIGNER_STARTING, /* has not yet said hello; given up at `when_ms` */
    SIGNER_READY,    /* with jobs in flight: killed when silent until `when_ms`; else pinged then */
    SIGNER_ENDING,   /* its socket is closed; killed at `when_ms`, waited for */
};

struct signer_process {
    enum signer_state state;
    pid_t pid;
    int fd;
    int64_t when_ms;
    unsigned failures; /* ends since the last success */
    bool greeted;      /* has said hello, with good news or bad */
    bool killed;       /* by us, for missing a deadline */
    bool solo;         /* replays: nothing else is sent meanwhile */
    struct job_list flying;
    struct hsm_job ping;
    int64_t cpu_us; /* of the one that runs, as of its last answer */
};

struct hsm_pool {
    struct hsm_pool_config config; /* strings are the pool's own */
    pthread_t thread;
    int wake_fd;        /* eventfd */
    atomic_bool asleep; /* the thread waits: whoever queues wakes it */

    pthread_mutex_t lock;
    pthread_cond_t settled_cond;
    /* under the lock */
    struct job_list queue;
    size_t outstanding; /* queued and in flight */
    size_t worth;       /* so many queued jobs are worth waking the thread */
    bool stopping;
    bool settled;   /* the first start has succeeded or failed */
    lw_err health;  /* as hsm_pool_health() tells it */
    int64_t cpu_us; /* as hsm_pool_cpu_us() tells it */

    /* the thread's own */
    struct signer_process signers[HSM_PROCESSES_MAX];
    struct job_list waiting;
    struct job_list suspects; /* were in flight when a signer ended: replayed one by one */
    struct job_list done;
    uint64_t last_id;
    int64_t ended_cpu_us; /* of signers that have ended */
    lw_err fault;         /* why the last start failed, or LW_SUCCESS */
    lw_err ailment;       /* why the last signature failed, or LW_SUCCESS */
    int64_t ailment_ms;
    bool pin_refused;
};

/* pool.c */

/** Queue a request other than a signature. errors  LW_E_BUSY */
LW_MUST_USE lw_err pool_submit_call(struct hsm_pool *pool, struct pool_call *call);

/* pool_thread.c */
void *pool_thread(void *pool);

/** Put a job among those to be completed at the end of this turn. */
void pool_finish(struct hsm_pool *pool, struct hsm_job *job, lw_err err);

/* pool_feed.c */

/** Send suspects and waiting jobs to the signers that can take them. */
void pool_feed(struct hsm_pool *pool, int64_t now_ms);

/** Return how many jobs more are worth waking the thread for. */
size_t pool_worth(const struct hsm_pool *pool);

/** Read what a signer says. returns false when it has ended or talks nonsense */
bool pool_listen(struct hsm_pool *pool, struct signer_process *signer, int64_t now_ms);

/** Set when the signer must have said something. */
void pool_expect(struct hsm_pool *pool, struct signer_process *signer, int64_t now_ms);

/* pool_process.c */

/** Start the signers that are due, one at a time, so that a wrong PIN is tried once. */
void pool_start_due(struct hsm_pool *pool, int64_t now_ms);

/** Close a signer's socket; it is waited for, and what it had in flight kept until then. */
void pool_lose(struct hsm_pool *pool, struct signer_process *signer, int64_t now_ms, bool kill_it);

/** Collect ended signers and put what they had in flight among the suspects. */
void pool_reap(struct hsm_pool *pool, int64_t now_ms);

/** Note, and log, why a signer could not open the token. */
void pool_fault(struct hsm_pool *pool, lw_err fault, uint64_t rv);

/** Close all sockets, and kill what does not end within half a second. */
void pool_end_all(struct hsm_pool *pool);

/* signer_spawn.c */

enum { SIGNER_ARGS_MAX = 24 };

struct signer_command {
    const char *mode;
    const char *program;
    const char *softhsm_conf; /* or NULL */
    int stderr_fd;            /* or -1 for ours */
    const char *args[SIGNER_ARGS_MAX];
    size_t arg_count;
};

/** Start lw-signer with a socket whose other end is `*fd`, non-blocking. errors  LW_E_IO */
LW_MUST_USE lw_err signer_spawn(const struct signer_command *command, pid_t *pid, int *fd);

/** Start it, wait for its one record, and collect it. errors  LW_E_IO, LW_E_TIMEOUT */
LW_MUST_USE lw_err signer_run(const struct signer_command *command, int timeout_ms,
                              struct hsm_wire *reply);

/** Fill in what --serve and --bench-raw have in common; `number` gives room for a number. */
enum { SIGNER_NUMBER_MAX = 24 };
void signer_arg(struct signer_command *command, const char *name, const char *value);
void signer_number(char text[SIGNER_NUMBER_MAX], int64_t n);

#endif
