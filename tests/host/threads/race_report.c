/* SPDX-License-Identifier: BSD-2-Clause */
/* Data races that ThreadSanitizer reports fail the case that runs. */
#include <stdio.h>

#include "tests/host/host.h"

/* ThreadSanitizer's: asked of the program, called for each report in the thread that ran into it. */
void __tsan_on_report(void *report);
int __tsan_get_report_data(void *report, const char **description, int *count, int *stacks, int *accesses,
                           int *locations, int *mutexes, int *threads, int *tids, void **sleep_trace,
                           unsigned long sleep_trace_size);

/* A case that failed says so itself; threads behind queues have no end. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "exitcode=0 report_thread_leaks=0 atexit_sleep_ms=0 history_size=4";
}

static unsigned races, told; /* atomic */
static const char *last;     /* atomic */

void __tsan_on_report(void *report)
{
    const char *description = "?";
    int ignored[7];
    void *trace[1];

    __tsan_get_report_data(report, &description, &ignored[0], &ignored[1], &ignored[2], &ignored[3],
                           &ignored[4], &ignored[5], &ignored[6], trace, 1);
    __atomic_store_n(&last, description, __ATOMIC_RELAXED);
    __atomic_add_fetch(&races, 1, __ATOMIC_RELEASE);
}

const char *host_race(void)
{
    static char words[80];

    if (__atomic_load_n(&races, __ATOMIC_ACQUIRE) == told)
        return NULL;
    told++;
    snprintf(words, sizeof(words), "%s, its report is on stderr", __atomic_load_n(&last, __ATOMIC_RELAXED));
    return words;
}
