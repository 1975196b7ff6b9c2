/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fibers.h on real threads: instead of all interleavings as many rounds as `preemptions` says, in which the
 * two calls begin at about the same time and the seam pauses as a seed wants it. What may come of a round is
 * the same.
 */
#include <stdio.h>

#include "tests/harness/env.h"
#include "tests/host/fibers.h"
#include "tests/host/threads/threads.h"

#define ROUND_NS 10000000000ull
#define STRIDE   0x9e3779b97f4a7c15ull

static struct pair {
    struct fibers *f;
    uint32_t ready; /* bodies that are about to start; atomic */
    uint64_t seed;  /* of the round under way */
} pair;

static void meet(void)
{
    __atomic_add_fetch(&pair.ready, 1, __ATOMIC_RELAXED);
    while (__atomic_load_n(&pair.ready, __ATOMIC_RELAXED) < 2)
        ;
}

static void second(unused void *arg)
{
    meet();
    pair.f->body[1](pair.f->ctx);
}

/* True: both came back, and nothing is queued any more. */
static bool run_once(struct fibers *f)
{
    struct env_thread *other;

    pair.ready = 0;
    env_thread_jitter(pair.seed | 1);
    other = threads_start(second, NULL);
    if (!other)
        return false;
    meet();
    f->body[0](f->ctx);
    return env_thread_join(other, ROUND_NS) == 0 && plat_idle_wait(ROUND_NS) == 0;
}

bool fibers_explore(struct fibers *f)
{
    pair.f = f;
    f->runs = 0;
    for (unsigned i = 0; i < f->preemptions; i++) {
        bool ended;

        pair.seed = f->seed * STRIDE + i * 2;
        env_thread_jitter(0);
        if (!f->prepare(f->ctx))
            return false;
        ended = run_once(f);
        f->runs++;
        if (!f->judge(f->ctx, !ended))
            return false;
    }
    env_thread_jitter(0);
    return true;
}

void fibers_leave(void)
{
    env_thread_jitter(0);
}

void fibers_words(char *out, size_t size)
{
    snprintf(out, size, "real threads, jitter %llx", (unsigned long long)pair.seed);
}
