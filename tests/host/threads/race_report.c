/* SPDX-License-Identifier: BSD-2-Clause */
/* Data races that ThreadSanitizer reports fail the case that runs. */
#include <sanitizer/common_interface_defs.h>
#include <stdint.h>
#include <stdio.h>

#include "tests/host/host.h"

#define KEPT  16
#define WORDS 200

/* ThreadSanitizer's. The first is asked of the program, and called for each report by the thread that ran
 * into it. */
void on_report(void *report) __asm__("__tsan_on_report");
const char *default_options(void) __asm__("__tsan_default_options");
int get_access(void *report, unsigned long index, int *tid, void **address, int *size, int *write,
               int *atomic, void **trace, unsigned long depth) __asm__("__tsan_get_report_mop");

/* A case that failed says so itself; the threads behind queues have no end. */
const char *default_options(void)
{
    return "exitcode=0 report_thread_leaks=0 atexit_sleep_ms=0 history_size=4";
}

/* Where the two accesses of a report were made; NULL: not kept. */
static void *places[KEPT][2];
static unsigned races; /* atomic */
static unsigned told;

void on_report(void *report)
{
    unsigned n = __atomic_load_n(&races, __ATOMIC_RELAXED);
    int ignored[4];
    void *address;

    for (unsigned i = 0; i < 2 && n < KEPT; i++) {
        void *trace[2] = {NULL, NULL};

        if (get_access(report, i, &ignored[0], &address, &ignored[1], &ignored[2], &ignored[3], trace, 2))
            places[n][i] = trace[0];
    }
    __atomic_add_fetch(&races, 1, __ATOMIC_RELEASE);
}

static void name(void *pc, char *out, size_t size)
{
    snprintf(out, size, "?");
    if (pc != NULL)
        __sanitizer_symbolize_pc((char *)pc - 1, "%f (%S)", out, size);
}

const char *host_race(void)
{
    static char words[2 * WORDS + 32];
    char one[WORDS] = "?", two[WORDS] = "?";

    if (__atomic_load_n(&races, __ATOMIC_ACQUIRE) == told)
        return NULL;
    if (told < KEPT) {
        name(places[told][0], one, sizeof(one));
        name(places[told][1], two, sizeof(two));
    }
    told++;
    snprintf(words, sizeof(words), "data race: %s against %s", one, two);
    return words;
}
