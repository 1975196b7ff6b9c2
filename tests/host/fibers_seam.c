/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The seam while threads of fibers.h are explored: each call is a point at which another thread may go on.
 * Reads of registers are left out: how often the queue's head is read depends on earlier runs.
 */
#include "tests/host/fibers_priv.h"

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

static uint64_t wakes;

static struct fiber *me(void)
{
    return &fibers_all[fibers_running];
}

void WRAP(plat_lock)(struct plat_lock *lock)
{
    if (fibers_running == NOBODY) {
        REAL(plat_lock)(lock);
        return;
    }
    fibers_point("plat_lock");
    while (lock->state) {
        me()->wants = lock;
        fibers_point("plat_lock");
    }
    me()->wants = NULL;
    me()->locks++;
    lock->state = 1;
}

void WRAP(plat_unlock)(struct plat_lock *lock)
{
    if (fibers_running == NOBODY) {
        REAL(plat_unlock)(lock);
        return;
    }
    plat_assert(lock->state && me()->locks > 0);
    lock->state = 0;
    me()->locks--;
    fibers_point("plat_unlock");
}

unsigned WRAP(plat_locks_held)(void)
{
    return fibers_running == NOBODY ? REAL(plat_locks_held)() : me()->locks;
}

uintptr_t WRAP(plat_self)(void)
{
    return fibers_running == NOBODY ? REAL(plat_self)() : (uintptr_t)me();
}

void WRAP(plat_read_enter)(void)
{
    if (fibers_running == NOBODY) {
        REAL(plat_read_enter)();
        return;
    }
    me()->reads++;
    fibers_point("plat_read_enter");
}

void WRAP(plat_read_exit)(void)
{
    if (fibers_running == NOBODY) {
        REAL(plat_read_exit)();
        return;
    }
    plat_assert(me()->reads > 0);
    me()->reads--;
    fibers_point("plat_read_exit");
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

    if (fibers_running == NOBODY)
        return REAL(plat_work_queue)(work);
    fresh = enqueue(&fibers_queued, work);
    fibers_point("plat_work_queue");
    return fresh;
}

/* One worker serves all queues: what blocks in one of them is not what is explored here. */
bool WRAP(plat_work_queue_on)(struct plat_workq *q, struct plat_work *work)
{
    return fibers_running == NOBODY ? REAL(plat_work_queue_on)(q, work) : WRAP(plat_work_queue)(work);
}

void WRAP(plat_defer)(struct plat_work *work)
{
    if (fibers_running == NOBODY) {
        REAL(plat_defer)(work);
        return;
    }
    plat_assert(enqueue(&fibers_deferred, work));
    fibers_point("plat_defer");
}

static void assert_may_block(const char *what)
{
    if (me()->locks || me()->reads)
        plat_panic("%s with %u locks held and %u read sections open", what, me()->locks, me()->reads);
}

void WRAP(plat_grace_wait)(void)
{
    if (fibers_running == NOBODY) {
        REAL(plat_grace_wait)();
        return;
    }
    assert_may_block("plat_grace_wait");
    me()->wants_grace = true;
    fibers_point("plat_grace_wait");
    me()->wants_grace = false;
}

void WRAP(plat_waitq_wake_all)(struct plat_waitq *wq)
{
    if (fibers_running == NOBODY) {
        REAL(plat_waitq_wake_all)(wq);
        return;
    }
    wakes++;
    for (int n = 0; n < FIBERS; n++)
        fibers_all[n].asleep = false;
    fibers_point("plat_waitq_wake_all");
}

/* Time stands still: a wait that nobody ends is a run that does not end. */
int WRAP(plat_wait)(struct plat_waitq *wq, bool (*ready)(void *arg), void *arg, uint64_t timeout_ns)
{
    if (fibers_running == NOBODY)
        return REAL(plat_wait)(wq, ready, arg, timeout_ns);
    assert_may_block("plat_wait");
    for (;;) {
        uint64_t before = wakes;

        if (ready(arg))
            return 0;
        if (before != wakes)
            continue;
        me()->asleep = true;
        fibers_point("plat_wait");
    }
}

void WRAP(plat_publish)(const void *va, size_t size, bool unit_snoops)
{
    REAL(plat_publish)(va, size, unit_snoops);
    fibers_point("plat_publish");
}

void WRAP(plat_wmb)(void)
{
    REAL(plat_wmb)();
    fibers_point("plat_wmb");
}

void WRAP(plat_relax)(void)
{
    REAL(plat_relax)();
    fibers_point("plat_relax");
}

void *WRAP(plat_alloc)(size_t size, enum plat_owner owner)
{
    fibers_point("plat_alloc");
    return REAL(plat_alloc)(size, owner);
}

void WRAP(plat_free)(void *object)
{
    fibers_point("plat_free");
    REAL(plat_free)(object);
}

void WRAP(plat_mmio_write32)(const struct plat_mmio *io, uint32_t offset, uint32_t value)
{
    fibers_point("plat_mmio_write32");
    REAL(plat_mmio_write32)(io, offset, value);
}

void WRAP(plat_mmio_write64)(const struct plat_mmio *io, uint32_t offset, uint64_t value)
{
    fibers_point("plat_mmio_write64");
    REAL(plat_mmio_write64)(io, offset, value);
}
