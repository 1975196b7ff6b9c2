/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The seam on bare metal: iommu/platform.h in terms of the kernel. Wait queues are in waitq.c.
 */
#include "iommu/platform.h"

#include <errno.h>

#include "kernel/cpu.h"
#include "kernel/epoch.h"
#include "kernel/guard.h"
#include "kernel/heap.h"
#include "kernel/irq.h"
#include "kernel/jitter.h"
#include "kernel/lockdep.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/pci.h"
#include "kernel/spin.h"
#include "kernel/thread.h"
#include "kernel/time.h"
#include "kernel/vm.h"
#include "kernel/workq.h"

/* ---- Registers and configuration space ---- */

int plat_mmio_map(paddr_t base, size_t size, struct plat_mmio *out)
{
    void *va;

    if (size == 0 || base.v % PAGE_SIZE || base.v + size < base.v || vm_overlaps_ram(base.v, size))
        return -EINVAL;
    va = vm_map_mmio(base.v, size);
    if (!va)
        return -ENOMEM;
    *out = (struct plat_mmio){.va = (uintptr_t)va, .size = size};
    return 0;
}

void plat_mmio_unmap(struct plat_mmio *io)
{
    vm_unmap_io((void *)io->va, io->size);
    *io = (struct plat_mmio){0};
}

/* Address of an access of `width` bytes, which has to be inside and aligned. */
static uintptr_t mmio_at(const struct plat_mmio *io, uint32_t offset, uint32_t width)
{
    plat_assert(offset % width == 0 && offset < io->size && io->size - offset >= width);
    return io->va + offset;
}

uint32_t plat_mmio_read32(const struct plat_mmio *io, uint32_t offset)
{
    uint32_t value;

    jitter();
    __asm__ volatile("movl (%1), %0" : "=r"(value) : "r"(mmio_at(io, offset, 4)) : "memory");
    return value;
}

uint64_t plat_mmio_read64(const struct plat_mmio *io, uint32_t offset)
{
    uint64_t value;

    jitter();
    __asm__ volatile("movq (%1), %0" : "=r"(value) : "r"(mmio_at(io, offset, 8)) : "memory");
    return value;
}

void plat_mmio_write32(const struct plat_mmio *io, uint32_t offset, uint32_t value)
{
    jitter();
    __asm__ volatile("movl %0, (%1)" : : "r"(value), "r"(mmio_at(io, offset, 4)) : "memory");
}

void plat_mmio_write64(const struct plat_mmio *io, uint32_t offset, uint64_t value)
{
    jitter();
    __asm__ volatile("movq %0, (%1)" : : "r"(value), "r"(mmio_at(io, offset, 8)) : "memory");
}

uint32_t plat_pci_read32(struct pci_id fn, uint16_t offset)
{
    return pci_read32(fn, offset);
}

void plat_pci_write32(struct pci_id fn, uint16_t offset, uint32_t value)
{
    pci_write32(fn, offset, value);
}

void plat_pci_write16(struct pci_id fn, uint16_t offset, uint16_t value)
{
    pci_write16(fn, offset, value);
}

/* ---- Memory ---- */

void *plat_pages_alloc(unsigned count, enum plat_owner owner)
{
    jitter();
    return page_alloc(count, owner);
}

void plat_pages_free(void *va, unsigned count)
{
    jitter();
    page_free(va, count);
}

void *plat_alloc(size_t size, enum plat_owner owner)
{
    jitter();
    return heap_alloc(size, owner);
}

void plat_free(void *object)
{
    jitter();
    if (object)
        heap_free(object);
}

paddr_t plat_pa(const void *va)
{
    return (paddr_t){vm_pa(va)};
}

void *plat_va(paddr_t pa)
{
    return vm_va(pa.v);
}

void plat_wmb(void)
{
    jitter();
    __asm__ volatile("sfence" : : : "memory");
}

void plat_rmb(void)
{
    __asm__ volatile("lfence" : : : "memory");
}

/* CLFLUSH writes a modified line back and is ordered by MFENCE; its line size is in CPUID leaf 1. */
void plat_publish(const void *va, size_t size, bool unit_snoops)
{
    static uintptr_t line;
    uintptr_t end = (uintptr_t)va + size;

    if (unit_snoops) {
        plat_wmb();
        return;
    }
    if (!line)
        line = (cpuid(1, 0).ebx >> 8 & 0xff) * 8;
    __asm__ volatile("mfence" : : : "memory");
    for (uintptr_t at = (uintptr_t)va & ~(line - 1); at < end; at += line)
        __asm__ volatile("clflush (%0)" : : "r"(at) : "memory");
    __asm__ volatile("mfence" : : : "memory");
}

/* ---- Time ---- */

uint64_t plat_now_ns(void)
{
    return time_now_ns();
}

enum { RELAX_PAUSES = 64, RELAX_SHORT_SLEEPS = 20 };
#define RELAX_GAP_NS        (20 * NS_PER_US)
#define RELAX_SLEEP_NS      (50 * NS_PER_US)
#define RELAX_LONG_SLEEP_NS (500 * NS_PER_US)

/*
 * PAUSE at first; from the 65th look in a row on a thread that may sleep does so, which lets others run and
 * takes an idle emulator to its next event; longer where a millisecond was not enough.
 */
void plat_relax(void)
{
    struct thread *self = thread_self();

    cpu_pause();
    if (!self || self->locks_held || irq_in_handler() || !irq_enabled())
        return;
    if (time_now_ns() - self->relax_last > RELAX_GAP_NS)
        self->relax_count = 0;
    if (++self->relax_count > RELAX_PAUSES + RELAX_SHORT_SLEEPS)
        thread_sleep(RELAX_LONG_SLEEP_NS);
    else if (self->relax_count > RELAX_PAUSES)
        thread_sleep(RELAX_SLEEP_NS);
    self->relax_last = time_now_ns();
}

/* ---- Exclusion ---- */

void plat_lock_init(struct plat_lock *lock, const char *name)
{
    *lock = (struct plat_lock){.name = name, .class = lockdep_class(name)};
}

/* `state` is 0, or the number of the holder's CPU plus 1: on that CPU nobody else can run while it is held.
 */
void plat_lock(struct plat_lock *lock)
{
    uint64_t at = (uint64_t)(uintptr_t)__builtin_return_address(0), flags;

    jitter();
    flags = irq_save();
    lockdep_check(lock, lock->class, at);
    spin_take(&lock->state, lock->name);
    lockdep_push(lock, lock->class, at);
    lock->flags = flags;
    if (thread_self())
        thread_self()->locks_held++;
    jitter();
}

void plat_unlock(struct plat_lock *lock)
{
    uint64_t flags = lock->flags;

    if (lock->state != cpu_index() + 1)
        plat_panic("lock '%s' given back by somebody who does not hold it", lock->name);
    if (thread_self())
        thread_self()->locks_held--;
    lockdep_pop(lock);
    __atomic_store_n(&lock->state, 0, __ATOMIC_RELEASE);
    irq_restore(flags);
    jitter();
}

unsigned plat_locks_held(void)
{
    struct thread *self = thread_self();

    return self ? self->locks_held : 0;
}

uintptr_t plat_self(void)
{
    return (uintptr_t)thread_self();
}

/* ---- Readers without locks, deferred work ---- */

void plat_read_enter(void)
{
    jitter();
    epoch_enter();
    jitter();
}

void plat_read_exit(void)
{
    jitter();
    epoch_exit();
}

bool plat_work_queue(struct plat_work *work)
{
    jitter();
    return workq_queue(workq_default(), work);
}

/* struct plat_workq is never completed: it is a struct workq. */
struct plat_workq *plat_workq_create(const char *name)
{
    jitter();
    return (struct plat_workq *)workq_create(name);
}

void plat_workq_destroy(struct plat_workq *q)
{
    jitter();
    plat_assert(workq_destroy((struct workq *)q, TIME_NEVER) == 0);
}

bool plat_work_queue_on(struct plat_workq *q, struct plat_work *work)
{
    jitter();
    return workq_queue((struct workq *)q, work);
}

void plat_defer(struct plat_work *work)
{
    jitter();
    epoch_defer(work);
}

void plat_grace_wait(void)
{
    jitter();
    epoch_grace_wait();
}

int plat_idle_wait(uint64_t timeout_ns)
{
    return workq_idle_wait(timeout_ns);
}

/* ---- Interrupts ---- */

int plat_msi_alloc(void (*handler)(void *arg), void *arg, struct plat_msi *out)
{
    return irq_msi_alloc(handler, arg, out);
}

void plat_msi_free(const struct plat_msi *msi)
{
    irq_msi_free(msi);
}

/* ---- Words ---- */

void plat_log(enum plat_log level, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_v(level, fmt, ap);
    va_end(ap);
}

noreturn void plat_panic(const char *fmt, ...)
{
    va_list ap, again;

    va_start(ap, fmt);
    va_copy(again, ap);
    guard_panic(fmt, ap);
    panic_v(fmt, again);
}
