/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt dispatch and message vectors. The end of interrupt is sent before the handler runs: all sources
 * are edges or messages, and interrupts stay off until the thread goes on, so nothing nests; a handler that
 * has to be given up half way then owes the APIC nothing.
 */
#include "kernel/irq.h"

#include <errno.h>

#include "kernel/apic.h"
#include "kernel/cpu.h"
#include "kernel/epoch.h"
#include "kernel/lockdep.h"
#include "kernel/log.h"
#include "kernel/spin.h"
#include "kernel/switch.h"
#include "kernel/thread.h"
#include "kernel/time.h"

#define MSI_VECTORS (IRQ_VECTOR_MSI_LAST - IRQ_VECTOR_MSI_FIRST + 1)

/* xAPIC message format (Intel SDM volume 3, 11.11): destination in bits 19:12, physical, fixed, edge. */
#define MSI_ADDRESS     0xfee00000u
#define MSI_DEST_SHIFT  12
#define MSI_DEST_MAX    255u
#define MSI_VECTOR_MASK 0xffu

/* A handler of another CPU has had every chance to end by then. */
#define MSI_QUIET_NS NS_PER_SEC

static struct msi_slot {
    void (*handler)(void *arg); /* NULL: free; under `lock` */
    void *arg;
    unsigned running; /* CPUs inside the handler, atomic */
} slots[MSI_VECTORS];
static struct spin lock = SPIN_INIT("interrupts");

/* Per CPU; written with interrupts off by that CPU only. */
static struct {
    uint64_t count;
    struct context start; /* of the handler under way */
    struct msi_slot *slot;
    unsigned locks_held; /* of the interrupted thread */
    unsigned read_depth;
} state[CPU_MAX];

static uint64_t strays;

uint64_t irq_count(void)
{
    return state[cpu_index()].count;
}

uint64_t irq_stray_count(void)
{
    return strays;
}

bool irq_in_handler(void)
{
    return CPU_READ(irq_depth) > 0;
}

static void run_msi(unsigned vector)
{
    struct msi_slot *slot = &slots[vector - IRQ_VECTOR_MSI_FIRST];
    void (*handler)(void *arg);
    uint64_t flags = spin_lock(&lock);

    handler = slot->handler;
    if (handler)
        __atomic_add_fetch(&slot->running, 1, __ATOMIC_RELAXED);
    else
        strays++;
    spin_unlock(&lock, flags);
    if (!handler)
        return;
    state[cpu_index()].slot = slot;
    handler(slot->arg);
}

static void run_handler(unsigned vector)
{
    if (vector == IRQ_VECTOR_TIMER)
        thread_timer_irq();
    else if (vector == IRQ_VECTOR_RESCHED)
        thread_resched_irq();
    else if (vector >= IRQ_VECTOR_MSI_FIRST && vector <= IRQ_VECTOR_MSI_LAST)
        run_msi(vector);
    else
        strays++;
}

/* The slot of the handler that has just ended, one way or the other, is not busy any more. */
static void handler_done(void)
{
    struct msi_slot **slot = &state[cpu_index()].slot;

    if (*slot)
        __atomic_sub_fetch(&(*slot)->running, 1, __ATOMIC_RELEASE);
    *slot = NULL;
}

static void irq_dispatch(struct trap_frame *f)
{
    unsigned vector = (unsigned)f->vector;
    struct thread *t = cpu_this()->thread;

    state[cpu_index()].count++;
    if (vector == IRQ_VECTOR_SPURIOUS)
        return;
    apic_eoi();
    cpu_this()->irq_depth++;
    state[cpu_index()].locks_held = t ? t->locks_held : 0;
    state[cpu_index()].read_depth = t ? t->read_depth : 0;
    if (!context_save(&state[cpu_index()].start))
        run_handler(vector);
    handler_done();
    cpu_this()->irq_depth--;
    thread_irq_exit(f);
}

void irq_init(void)
{
    trap_set_irq_handler(irq_dispatch);
}

noreturn void irq_abandon(void)
{
    struct thread *t = cpu_this()->thread;

    cpu_cli();
    if (t) {
        t->locks_held = state[cpu_index()].locks_held;
        epoch_restore(t, state[cpu_index()].read_depth);
    }
    lockdep_forget();
    context_restore(&state[cpu_index()].start);
}

void irq_abandon_at(struct trap_frame *f)
{
    /* Onto the interrupted stack, below the dispatcher's frame: what the handler had there is dead. */
    f->rsp = (state[cpu_index()].start.rsp & ~15ull) - 8;
    f->rip = (uint64_t)(uintptr_t)irq_abandon;
    f->rflags &= ~RFLAGS_IF;
}

int irq_msi_alloc(void (*handler)(void *arg), void *arg, struct plat_msi *out)
{
    uint32_t cpu = CPU_READ(apic_id);
    int err = -ENOSPC;
    uint64_t flags;

    if (cpu > MSI_DEST_MAX)
        cpu = cpu_get(0)->apic_id;
    if (cpu > MSI_DEST_MAX)
        return -ENOSPC;
    flags = spin_lock(&lock);
    for (unsigned i = 0; i < MSI_VECTORS; i++) {
        if (slots[i].handler || __atomic_load_n(&slots[i].running, __ATOMIC_ACQUIRE))
            continue;
        slots[i].arg = arg;
        slots[i].handler = handler;
        *out = (struct plat_msi){.address = MSI_ADDRESS | cpu << MSI_DEST_SHIFT,
                                 .data = IRQ_VECTOR_MSI_FIRST + i};
        err = 0;
        break;
    }
    spin_unlock(&lock, flags);
    return err;
}

static bool is_quiet(void *arg)
{
    struct msi_slot *slot = arg;

    return __atomic_load_n(&slot->running, __ATOMIC_ACQUIRE) == 0;
}

void irq_msi_free(const struct plat_msi *msi)
{
    unsigned vector = msi->data & MSI_VECTOR_MASK;
    struct msi_slot *slot;
    uint64_t flags;

    if (vector < IRQ_VECTOR_MSI_FIRST || vector > IRQ_VECTOR_MSI_LAST)
        plat_panic("irq: message with vector 0x%x was never handed out", vector);
    slot = &slots[vector - IRQ_VECTOR_MSI_FIRST];
    flags = spin_lock(&lock);
    slot->handler = NULL;
    spin_unlock(&lock, flags);
    if (!time_poll(is_quiet, slot, MSI_QUIET_NS))
        plat_panic("irq: the handler of vector 0x%x does not end", vector);
}
