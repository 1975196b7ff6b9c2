/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Spin locks; see spin.h. A wait that takes longer than any critical section lasts means that the holder
 * hangs or was given up: it ends in a panic instead of a silent machine.
 */
#include "kernel/spin.h"

#include "iommu/platform.h"
#include "kernel/cpu.h"
#include "kernel/lockdep.h"
#include "kernel/time.h"

#define SPIN_LIMIT_NS (10 * NS_PER_SEC)
#define LOOKS         1024u /* between two looks at the clock */

static bool others; /* further CPUs may be running; set before the first of them is started, never unset */

void spin_expect_others(void)
{
    __atomic_store_n(&others, true, __ATOMIC_SEQ_CST);
}

/*
 * With interrupts off nobody else is on this CPU, but for an NMI, which gives back what it takes before we go
 * on: as long as there is no other CPU, a look and a plain store are as good as a locked instruction. What
 * they leave behind is the same, so that a lock that is held when others are expected is theirs to wait for.
 */
static bool try_take(uint32_t *word, uint32_t self, uint32_t *holder)
{
    if (!__atomic_load_n(&others, __ATOMIC_RELAXED)) {
        *holder = __atomic_load_n(word, __ATOMIC_RELAXED);
        if (*holder)
            return false;
        __atomic_store_n(word, self, __ATOMIC_RELAXED);
        __atomic_signal_fence(__ATOMIC_ACQUIRE);
        return true;
    }
    *holder = 0;
    return __atomic_compare_exchange_n(word, holder, self, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

void spin_take(uint32_t *word, const char *name)
{
    uint32_t self = cpu_index() + 1, holder;
    uint64_t start = 0;

    for (unsigned looks = 0; !try_take(word, self, &holder); looks++) {
        if (holder == self)
            plat_panic("lock '%s' taken by its holder, or left locked", name);
        if (looks % LOOKS == 0 && start && time_now_ns() - start > SPIN_LIMIT_NS)
            plat_panic("lock '%s' is held by CPU %u for too long", name, holder - 1);
        if (!start)
            start = time_now_ns();
        cpu_pause();
    }
}

uint64_t spin_lock(struct spin *l)
{
    uint64_t flags = irq_save(), at = (uint64_t)(uintptr_t)__builtin_return_address(0);

    if (l->class == LOCK_NO_CLASS)
        l->class = lockdep_class(l->name);
    lockdep_check(l, l->class, at);
    /* Who waits hangs no more than who has it, whose CPU an emulator's host may keep from running. */
    cpu_this()->spins++;
    spin_take(&l->taken, l->name);
    lockdep_push(l, l->class, at);
    return flags;
}

void spin_unlock(struct spin *l, uint64_t flags)
{
    lockdep_pop(l);
    cpu_this()->spins--;
    __atomic_store_n(&l->taken, 0, __ATOMIC_RELEASE);
    irq_restore(flags);
}
