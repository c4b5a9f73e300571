/* The whole service in this process: a home of its own (home.h), listening on a free port. */
#ifndef SUPPORT_SERVICE_H
#define SUPPORT_SERVICE_H

#include "home.h"
#include "http.h"
#include "idp/service.h"

struct support_service {
    struct support_home home;
    struct idp_config config;
    struct idp_service *service;
    unsigned port;
};

/** Make the home and start the service. Call it in place. */
void support_service_start(struct support_service *s);

/** The same in two steps, for a test that changes `config` in between. */
void support_service_make(struct support_service *s);
void support_service_run(struct support_service *s);

/** Stop what was started and remove the home. */
void support_service_stop(struct support_service *s);

/** Return the number of entries in the audit log. */
uint64_t support_log_size(struct support_service *s);

/** POST a verification as JSON: `text` with further members, such as ",\"record\":false". */
void support_verify(const struct support_service *s, lw_str text, const char *members,
                    struct support_reply *reply);

/** Ask for a challenge by HTTP and append the answer of the holder of `number` to `text`. */
void support_answer_challenge(struct support_service *s, const char *number, lw_buf *text);

/** Return whether the reply is 200 and its `result` is `result`. */
bool support_has_result(const struct support_reply *reply, const char *result);

#endif
