#include "pool_private.h"

void job_list_add(struct job_list *list, struct hsm_job *job)
{
    job->next = NULL;
    if (list->head == NULL) {
        list->head = job;
    } else {
        list->tail->next = job;
    }
    list->tail = job;
    list->count++;
}

struct hsm_job *job_list_pop(struct job_list *list)
{
    struct hsm_job *job = list->head;
    if (job != NULL) {
        list->head = job->next;
        list->count--;
    }
    return job;
}

struct hsm_job *job_list_take(struct job_list *list, uint64_t id)
{
    struct hsm_job *before = NULL;
    struct hsm_job *job = list->head;
    while (job != NULL && job->id != id) {
        before = job;
        job = job->next;
    }
    if (job == NULL) {
        return NULL;
    }
    if (before == NULL) {
        return job_list_pop(list);
    }
    before->next = job->next;
    if (list->tail == job) {
        list->tail = before;
    }
    list->count--;
    return job;
}

void job_list_join(struct job_list *list, struct job_list *from)
{
    if (from->head == NULL) {
        return;
    }
    if (list->head == NULL) {
        list->head = from->head;
    } else {
        list->tail->next = from->head;
    }
    list->tail = from->tail;
    list->count += from->count;
    *from = (struct job_list){0};
}
