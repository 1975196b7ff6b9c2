/* SPDX-License-Identifier: BSD-2-Clause */
/* The scheduler of fibers.h: who goes on at a seam call, and on which stack. */
#include "tests/host/fibers.h"

#include <stdio.h>
#include <string.h>

#include "kernel/switch.h"
#include "tests/harness/rng.h"
#include "tests/host/asan.h"
#include "tests/host/fibers_priv.h"

#define STACK_BYTES 262144u
#define CHOICES_MAX 8192u
#define POINTS_MAX  100000u
#define TURNS_MAX   32u

struct fiber fibers_all[FIBERS];
static uint8_t stacks[FIBERS][STACK_BYTES] __attribute__((aligned(64)));
static struct stack scheduler;
static const void *scheduler_bottom;
static size_t scheduler_bytes;
static const struct fibers *exploring;
int fibers_running = NOBODY;
static int next_to_run;
struct list fibers_queued = LIST_INIT(fibers_queued), fibers_deferred = LIST_INIT(fibers_deferred);

/* The choices of this run; those before `decided` are given, the rest are first ones. */
static struct choice {
    uint8_t pick, of;
} choices[CHOICES_MAX];
static unsigned choice_count, decided, preempted, points;

static struct turn {
    uint8_t from, to;
    unsigned point;
    const char *where;
} turns[TURNS_MAX];
static unsigned turn_count;

/* ---- Stacks ---- */

static void leave_scheduler(int n)
{
    asan_leave_stack(&scheduler.fake, stacks[n], STACK_BYTES);
    switch_stack(&scheduler.sp, fibers_all[n].stack.sp);
    asan_enter_stack(scheduler.fake, NULL, NULL);
}

static void leave_fiber(int n)
{
    struct stack *stack = &fibers_all[n].stack;

    asan_leave_stack(&stack->fake, scheduler_bottom, scheduler_bytes);
    switch_stack(&stack->sp, scheduler.sp);
    asan_enter_stack(stack->fake, &scheduler_bottom, &scheduler_bytes);
}

/* What switch_stack() expects to find: as if `main` had been called from address 0. */
static struct stack fresh_stack(int n, void (*main)(void))
{
    uint64_t *top = (uint64_t *)(void *)(stacks[n] + STACK_BYTES);
    struct switch_frame *frame = (struct switch_frame *)(void *)(top - 1) - 1;

    ASAN_UNPOISON_MEMORY_REGION(stacks[n], STACK_BYTES);
    top[-1] = 0;
    *frame = (struct switch_frame){.rip = (uint64_t)(uintptr_t)main};
    return (struct stack){.sp = (uint64_t)(uintptr_t)frame};
}

/* ---- Who may go on ---- */

static bool somebody_reads(void)
{
    return fibers_all[0].reads + fibers_all[1].reads + fibers_all[WORKER].reads > 0;
}

static bool has_work(void)
{
    return !list_empty(&fibers_queued) || (!list_empty(&fibers_deferred) && !somebody_reads());
}

static bool can_run(int n)
{
    const struct fiber *f = &fibers_all[n];

    if (f->done || f->asleep || (f->wants && f->wants->state) || (f->wants_grace && somebody_reads()))
        return n == WORKER && f->done && has_work();
    return true;
}

/* One of `of`; the first time a point is reached the first one. */
static unsigned pick(unsigned of)
{
    struct choice *c = &choices[choice_count];

    if (of == 1)
        return 0;
    if (choice_count == CHOICES_MAX)
        plat_panic("fibers: more than %u choices", CHOICES_MAX);
    if (choice_count++ >= decided)
        *c = (struct choice){0, (uint8_t)of};
    if (c->of != of) {
        if (!exploring->runs_max)
            plat_panic("fibers: the same choices did not give the same run");
        *c = (struct choice){(uint8_t)(c->pick < of ? c->pick : of - 1), (uint8_t)of};
    }
    return c->pick;
}

/* Who goes on; staying is the first choice, where it is one. NOBODY: all wait, or have ended. */
static int choose(const char *where)
{
    bool stays = fibers_running != NOBODY && can_run(fibers_running);
    int options[FIBERS];
    unsigned count = 0;
    int chosen;

    if (stays)
        options[count++] = fibers_running;
    for (int n = 0; n < FIBERS && (!stays || preempted < exploring->preemptions); n++) {
        if (n != fibers_running && can_run(n))
            options[count++] = n;
    }
    if (count == 0)
        return NOBODY;
    chosen = options[pick(count)];
    preempted += stays && chosen != fibers_running;
    if (chosen != fibers_running && turn_count < TURNS_MAX)
        turns[turn_count++] = (struct turn){(uint8_t)fibers_running, (uint8_t)chosen, points, where};
    return chosen;
}

void fibers_point(const char *where)
{
    int from = fibers_running;

    if (from == NOBODY)
        return;
    if (++points > POINTS_MAX)
        plat_panic("fibers: a run without end");
    next_to_run = choose(where);
    if (next_to_run != from)
        leave_fiber(from);
}

/* ---- Threads ---- */

static struct plat_work *take_work(void)
{
    struct list *from = !list_empty(&fibers_queued) ? &fibers_queued : &fibers_deferred;
    struct plat_work *work = list_first(from, struct plat_work, link);

    list_del(&work->link);
    work->queued = false;
    return work;
}

/* What a thread does, to its end; the worker's end is that there is nothing to do, which may change. */
static void run_fiber(int n)
{
    struct plat_work *work;

    if (n != WORKER)
        exploring->body[n](exploring->ctx);
    while (n == WORKER && has_work()) {
        work = take_work();
        fibers_all[n].done = false;
        work->run(work);
    }
    fibers_all[n].done = true;
}

static void fiber_main(void)
{
    int n = fibers_running;

    asan_enter_stack(NULL, &scheduler_bottom, &scheduler_bytes);
    for (;;) {
        fibers_all[n].at_start = false;
        run_fiber(n);
        next_to_run = choose("its end");
        fibers_all[n].at_start = true;
        leave_fiber(n);
    }
}

static void make_fiber(int n)
{
    const struct fiber *f = &fibers_all[n];
    struct stack stack = f->at_start ? f->stack : fresh_stack(n, fiber_main);

    fibers_all[n] = (struct fiber){.stack = stack, .at_start = true, .done = n == WORKER};
}

/* One run. True: it came to its end; else threads wait for each other. */
static bool run_once(void)
{
    choice_count = preempted = points = turn_count = 0;
    for (int n = 0; n < FIBERS; n++)
        make_fiber(n);
    next_to_run = choose("the start");
    while (next_to_run != NOBODY) {
        fibers_running = next_to_run;
        leave_scheduler(fibers_running);
    }
    fibers_running = NOBODY;
    return fibers_all[0].done && fibers_all[1].done && fibers_all[WORKER].done;
}

/* The next run's choices: the last one that has another way goes that way. */
static bool next_choices(void)
{
    decided = choice_count;
    while (decided > 0 && choices[decided - 1].pick + 1 == choices[decided - 1].of)
        decided--;
    if (decided > 0)
        choices[decided - 1].pick++;
    return decided > 0;
}

/* Choices of the next run by chance: the first way everywhere, but at as many points as there may be
 * preemptions. */
static void draw_choices(struct rng *rng)
{
    for (unsigned i = 0; i < choice_count; i++)
        choices[i].pick = 0;
    decided = 0;
    for (unsigned i = 0; i < exploring->preemptions && choice_count > 0; i++) {
        unsigned at = (unsigned)rng_below(rng, choice_count);

        choices[at].pick = (uint8_t)rng_below(rng, choices[at].of);
        decided = at >= decided ? at + 1 : decided;
    }
}

/* False: there is no other run, or there were enough. */
static bool next_run(const struct fibers *f, struct rng *rng)
{
    if (!f->runs_max)
        return next_choices();
    if (f->runs >= f->runs_max)
        return false;
    if (!f->seed)
        return next_choices();
    draw_choices(rng);
    return true;
}

bool fibers_explore(struct fibers *f)
{
    struct rng rng;

    rng_seed(&rng, f->seed, "fibers", 0);
    exploring = f;
    f->runs = decided = 0;
    f->points = 0;
    fibers_running = NOBODY;
    list_init(&fibers_queued);
    list_init(&fibers_deferred);
    do {
        bool ended;

        if (!f->prepare(f->ctx))
            return false;
        ended = run_once();
        f->runs++;
        f->points = points > f->points ? points : f->points;
        if (!f->judge(f->ctx, !ended))
            return false;
    } while (next_run(f, &rng));
    return true;
}

/* A jump has left the fiber's stack: AddressSanitizer does not know yet, nor that the frames of the
 * scheduler are gone. */
void fibers_leave(void)
{
    uint64_t here = (uint64_t)(uintptr_t)__builtin_frame_address(0);

    if (fibers_running == NOBODY)
        return;
    fibers_running = NOBODY;
    asan_leave_stack(NULL, scheduler_bottom, scheduler_bytes);
    asan_enter_stack(scheduler.fake, NULL, NULL);
    ASAN_UNPOISON_MEMORY_REGION((void *)(uintptr_t)scheduler.sp, here - scheduler.sp);
}

void fibers_words(char *out, size_t size)
{
    static const char names[] = "ABW";
    size_t used = 0;

    out[0] = '\0';
    for (unsigned i = 0; i < turn_count && used < size; i++) {
        const struct turn *t = &turns[i];

        used += (size_t)snprintf(out + used, size - used, "%s%c>%c at %s %u", i ? ", " : "",
                                 t->from < FIBERS ? names[t->from] : '-', names[t->to], t->where, t->point);
    }
}
