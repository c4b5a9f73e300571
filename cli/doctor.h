/*
 * lw doctor: a table of families of checks (cmd_doctor.c), each family a file. To add one: a
 * function here, its file, a row there.
 */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include "cli.h"

enum { DOCTOR_LINES_MAX = 256, DOCTOR_TEXT_MAX = 192 };

enum doctor_grade {
    DOCTOR_GOOD,
    DOCTOR_SOON, /* holds now; something is to be done in time. Does not change the exit code */
    DOCTOR_BAD,
};

struct doctor_line {
    enum doctor_grade grade;
    const char *family;
    char what[DOCTOR_TEXT_MAX]; /* what was found */
    const char *advice;         /* what to do; static, NULL when good */
};

struct doctor {
    struct cli *cli;
    int64_t now;
    bool configured;          /* cli->config and cli->home_config were read */
    struct wallet_home *home; /* opened to read, whatever its standing; NULL: cannot be opened */
    const char *family;       /* of the checks that run now */
    struct doctor_line lines[DOCTOR_LINES_MAX];
    size_t count;
};

/** Note a finding; `advice` is static, NULL when good. More lines than there is room are dropped.
 */
__attribute__((format(printf, 4, 5))) void doctor_say(struct doctor *d, enum doctor_grade grade,
                                                      const char *advice, const char *format, ...);

/** Grade what ends: bad when it is over, soon within `soon_s`. */
enum doctor_grade doctor_grade_end(int64_t now, int64_t end, int64_t soon_s);

/* The families. Each may find `configured` false or `home` NULL, and then says nothing. */
void doctor_files(struct doctor *d);    /* permissions, space */
void doctor_store(struct doctor *d);    /* opens, newest, readers, last check, last backup */
void doctor_clock(struct doctor *d);    /* against what was signed and written */
void doctor_token(struct doctor *d);    /* reachable, PIN, each key signs */
void doctor_keys(struct doctor *d);     /* keys and certificates: days left */
void doctor_recovery(struct doctor *d); /* custodians, a second token */
void doctor_lists(struct doctor *d);    /* status lists, trust list, CRL: fresh */
void doctor_service(struct doctor *d);  /* runs, answers */

#endif
