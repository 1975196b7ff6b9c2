/* SPDX-License-Identifier: BSD-2-Clause */
/* The scheduler of fibers.h, and the seam calls at which it decides. */
#include "tests/host/fibers.h"

#include <stdio.h>
#include <string.h>

#include "iommu/platform.h"
#include "kernel/switch.h"
#include "tests/harness/rng.h"
#include "tests/host/asan.h"

enum { WORKER = 2, FIBERS };
enum { NOBODY = -1 };

#define STACK_BYTES 262144u
#define CHOICES_MAX 8192u
#define POINTS_MAX  100000u
#define TURNS_MAX   32u

/* A stack that is not run on: its pointer, and what AddressSanitizer keeps of it. */
struct stack {
    uint64_t sp;
    void *fake;
};

struct fiber {
    struct stack stack;
    bool at_start;                 /* of its next run; else its stack has what was left by force */
    const struct plat_lock *wants; /* held by another one */
    bool asleep;                   /* until somebody wakes */
    bool wants_grace;
    bool done;
    unsigned locks, reads;
};

static struct fiber fibers[FIBERS];
static uint8_t stacks[FIBERS][STACK_BYTES] __attribute__((aligned(64)));
static struct stack scheduler;
static const void *scheduler_bottom;
static size_t scheduler_bytes;
static const struct fibers *exploring;
static int running = NOBODY; /* nobody: the caller of fibers_explore, or nobody explores */
static int next_to_run;
static uint64_t wakes;
static struct list queued = LIST_INIT(queued), deferred = LIST_INIT(deferred);

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
    switch_stack(&scheduler.sp, fibers[n].stack.sp);
    asan_enter_stack(scheduler.fake, NULL, NULL);
}

static void leave_fiber(int n)
{
    struct stack *stack = &fibers[n].stack;

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
    return fibers[0].reads + fibers[1].reads + fibers[WORKER].reads > 0;
}

static bool has_work(void)
{
    return !list_empty(&queued) || (!list_empty(&deferred) && !somebody_reads());
}

static bool can_run(int n)
{
    const struct fiber *f = &fibers[n];

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
    bool stays = running != NOBODY && can_run(running);
    int options[FIBERS];
    unsigned count = 0;
    int chosen;

    if (stays)
        options[count++] = running;
    for (int n = 0; n < FIBERS && (!stays || preempted < exploring->preemptions); n++) {
        if (n != running && can_run(n))
            options[count++] = n;
    }
    if (count == 0)
        return NOBODY;
    chosen = options[pick(count)];
    preempted += stays && chosen != running;
    if (chosen != running && turn_count < TURNS_MAX)
        turns[turn_count++] = (struct turn){(uint8_t)running, (uint8_t)chosen, points, where};
    return chosen;
}

/* A seam call of the running thread: it, or another one, goes on. */
static void point(const char *where)
{
    int from = running;

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
    struct list *from = !list_empty(&queued) ? &queued : &deferred;
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
        fibers[n].done = false;
        work->run(work);
    }
    fibers[n].done = true;
}

static void fiber_main(void)
{
    int n = running;

    asan_enter_stack(NULL, &scheduler_bottom, &scheduler_bytes);
    for (;;) {
        fibers[n].at_start = false;
        run_fiber(n);
        next_to_run = choose("its end");
        fibers[n].at_start = true;
        leave_fiber(n);
    }
}

static void make_fiber(int n)
{
    const struct fiber *f = &fibers[n];
    struct stack stack = f->at_start ? f->stack : fresh_stack(n, fiber_main);

    fibers[n] = (struct fiber){.stack = stack, .at_start = true, .done = n == WORKER};
}

/* One run. True: it came to its end; else threads wait for each other. */
static bool run_once(void)
{
    choice_count = preempted = points = turn_count = 0;
    for (int n = 0; n < FIBERS; n++)
        make_fiber(n);
    next_to_run = choose("the start");
    while (next_to_run != NOBODY) {
        running = next_to_run;
        leave_scheduler(running);
    }
    running = NOBODY;
    return fibers[0].done && fibers[1].done && fibers[WORKER].done;
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
    running = NOBODY;
    list_init(&queued);
    list_init(&deferred);
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

    if (running == NOBODY)
        return;
    running = NOBODY;
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

/* ---- The seam. Reads of registers are left out: how often the queue's head is read depends on earlier runs.
 * ---- */

#define REAL(name) __real_##name
#define WRAP(name) __wrap_##name
#define DECLARE(type, name, ...)                                                                             \
    type REAL(name)(__VA_ARGS__);                                                                            \
    type WRAP(name)(__VA_ARGS__)

DECLARE(void, plat_lock, struct plat_lock *lock);
DECLARE(void, plat_unlock, struct plat_lock *lock);
DECLARE(unsigned, plat_locks_held, void);
DECLARE(uintptr_t, plat_self, void);
DECLARE(void, plat_read_enter, void);
DECLARE(void, plat_read_exit, void);
DECLARE(bool, plat_work_queue, struct plat_work *work);
DECLARE(bool, plat_work_queue_on, struct plat_workq *q, struct plat_work *work);
DECLARE(void, plat_defer, struct plat_work *work);
DECLARE(void, plat_grace_wait, void);
DECLARE(void, plat_waitq_wake_all, struct plat_waitq *wq);
DECLARE(int, plat_wait, struct plat_waitq *wq, bool (*ready)(void *arg), void *arg, uint64_t timeout_ns);
DECLARE(void, plat_publish, const void *va, size_t size, bool unit_snoops);
DECLARE(void, plat_wmb, void);
DECLARE(void, plat_relax, void);
DECLARE(void *, plat_alloc, size_t size, enum plat_owner owner);
DECLARE(void, plat_free, void *object);
DECLARE(void, plat_mmio_write32, const struct plat_mmio *io, uint32_t offset, uint32_t value);
DECLARE(void, plat_mmio_write64, const struct plat_mmio *io, uint32_t offset, uint64_t value);

static struct fiber *me(void)
{
    return &fibers[running];
}

void WRAP(plat_lock)(struct plat_lock *lock)
{
    if (running == NOBODY) {
        REAL(plat_lock)(lock);
        return;
    }
    point("plat_lock");
    while (lock->state) {
        me()->wants = lock;
        point("plat_lock");
    }
    me()->wants = NULL;
    me()->locks++;
    lock->state = 1;
}

void WRAP(plat_unlock)(struct plat_lock *lock)
{
    if (running == NOBODY) {
        REAL(plat_unlock)(lock);
        return;
    }
    plat_assert(lock->state && me()->locks > 0);
    lock->state = 0;
    me()->locks--;
    point("plat_unlock");
}

unsigned WRAP(plat_locks_held)(void)
{
    return running == NOBODY ? REAL(plat_locks_held)() : me()->locks;
}

uintptr_t WRAP(plat_self)(void)
{
    return running == NOBODY ? REAL(plat_self)() : (uintptr_t)me();
}

void WRAP(plat_read_enter)(void)
{
    if (running == NOBODY) {
        REAL(plat_read_enter)();
        return;
    }
    me()->reads++;
    point("plat_read_enter");
}

void WRAP(plat_read_exit)(void)
{
    if (running == NOBODY) {
        REAL(plat_read_exit)();
        return;
    }
    plat_assert(me()->reads > 0);
    me()->reads--;
    point("plat_read_exit");
}

static bool enqueue(struct list *to, struct plat_work *work)
{
    if (work->queued)
        return false;
    work->queued = true;
    list_add_tail(to, &work->link);
    return true;
}

bool WRAP(plat_work_queue)(struct plat_work *work)
{
    bool fresh;

    if (running == NOBODY)
        return REAL(plat_work_queue)(work);
    fresh = enqueue(&queued, work);
    point("plat_work_queue");
    return fresh;
}

/* One worker serves all queues: what blocks in one of them is not what is explored here. */
bool WRAP(plat_work_queue_on)(struct plat_workq *q, struct plat_work *work)
{
    return running == NOBODY ? REAL(plat_work_queue_on)(q, work) : WRAP(plat_work_queue)(work);
}

void WRAP(plat_defer)(struct plat_work *work)
{
    if (running == NOBODY) {
        REAL(plat_defer)(work);
        return;
    }
    plat_assert(enqueue(&deferred, work));
    point("plat_defer");
}

static void assert_may_block(const char *what)
{
    if (me()->locks || me()->reads)
        plat_panic("%s with %u locks held and %u read sections open", what, me()->locks, me()->reads);
}

void WRAP(plat_grace_wait)(void)
{
    if (running == NOBODY) {
        REAL(plat_grace_wait)();
        return;
    }
    assert_may_block("plat_grace_wait");
    me()->wants_grace = true;
    point("plat_grace_wait");
    me()->wants_grace = false;
}

void WRAP(plat_waitq_wake_all)(struct plat_waitq *wq)
{
    if (running == NOBODY) {
        REAL(plat_waitq_wake_all)(wq);
        return;
    }
    wakes++;
    for (int n = 0; n < FIBERS; n++)
        fibers[n].asleep = false;
    point("plat_waitq_wake_all");
}

/* Time stands still: a wait that nobody ends is a run that does not end. */
int WRAP(plat_wait)(struct plat_waitq *wq, bool (*ready)(void *arg), void *arg, uint64_t timeout_ns)
{
    if (running == NOBODY)
        return REAL(plat_wait)(wq, ready, arg, timeout_ns);
    assert_may_block("plat_wait");
    for (;;) {
        uint64_t before = wakes;

        if (ready(arg))
            return 0;
        if (before != wakes)
            continue;
        me()->asleep = true;
        point("plat_wait");
    }
}

void WRAP(plat_publish)(const void *va, size_t size, bool unit_snoops)
{
    REAL(plat_publish)(va, size, unit_snoops);
    point("plat_publish");
}

void WRAP(plat_wmb)(void)
{
    REAL(plat_wmb)();
    point("plat_wmb");
}

void WRAP(plat_relax)(void)
{
    REAL(plat_relax)();
    point("plat_relax");
}

void *WRAP(plat_alloc)(size_t size, enum plat_owner owner)
{
    point("plat_alloc");
    return REAL(plat_alloc)(size, owner);
}

void WRAP(plat_free)(void *object)
{
    point("plat_free");
    REAL(plat_free)(object);
}

void WRAP(plat_mmio_write32)(const struct plat_mmio *io, uint32_t offset, uint32_t value)
{
    point("plat_mmio_write32");
    REAL(plat_mmio_write32)(io, offset, value);
}

void WRAP(plat_mmio_write64)(const struct plat_mmio *io, uint32_t offset, uint64_t value)
{
    point("plat_mmio_write64");
    REAL(plat_mmio_write64)(io, offset, value);
}
