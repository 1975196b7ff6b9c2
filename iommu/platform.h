/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The seam: all that iommu/ asks of the machine it runs on. Resolved at link time; the kernel implements it
 * on bare metal, tests/host in a Linux process. Nothing below it knows VT-d, nothing above it knows the
 * kernel.
 *
 * Contexts: X = any, interrupt handlers and holders of a plat_lock included, never blocks. T = thread without
 * any plat_lock held, may block.
 */
#ifndef IOMMU_PLATFORM_H
#define IOMMU_PLATFORM_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iommu/types.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/list.h"

/* ---- Registers and configuration space ---- */

/* A mapped register block. `va` means something to the platform only. */
struct plat_mmio {
    uintptr_t va;
    size_t size;
};

/* Maps `size` bytes of registers at `base` uncached. 0, -ENOMEM, -EINVAL (in RAM, or not page aligned). T. */
must_check int plat_mmio_map(paddr_t base, size_t size, struct plat_mmio *out);
void plat_mmio_unmap(struct plat_mmio *io);

/* One aligned access of exactly that width, in program order with other MMIO and after earlier stores. X. */
uint32_t plat_mmio_read32(const struct plat_mmio *io, uint32_t offset);
uint64_t plat_mmio_read64(const struct plat_mmio *io, uint32_t offset);
void plat_mmio_write32(const struct plat_mmio *io, uint32_t offset, uint32_t value);
void plat_mmio_write64(const struct plat_mmio *io, uint32_t offset, uint64_t value);

/* Aligned dword of configuration space, `offset` 0..4092. Absent functions read all ones. X. */
uint32_t plat_pci_read32(struct pci_id fn, uint16_t offset);
void plat_pci_write32(struct pci_id fn, uint16_t offset, uint32_t value);
/* 16-bit write, for registers that sit beside write-1-to-clear ones or that some devices decode by width. X.
 */
void plat_pci_write16(struct pci_id fn, uint16_t offset, uint16_t value);

/* ---- Memory ---- */

/* Who owns a page or an object: leaks are counted and printed by this. */
enum plat_owner {
    OWNER_KERNEL,
    OWNER_TABLE,   /* root, context, PASID directory and PASID table pages */
    OWNER_PGTABLE, /* first- and second-stage paging structures */
    OWNER_QUEUE,   /* invalidation queue, page-request queue, status words */
    OWNER_IOASID,  /* IOASID records, sets, bindings, notifiers */
    OWNER_TEST,    /* buffers of a test case */
    OWNER_COUNT
};

/*
 * `count` (a power of two, 1..1024) contiguous zeroed 4 KiB pages, aligned to their size. NULL when there are
 * none. plat_pages_free takes back exactly what was handed out, by its first page. X.
 */
must_check void *plat_pages_alloc(unsigned count, enum plat_owner owner);
void plat_pages_free(void *va, unsigned count);

/* Zeroed object of 1..65536 bytes, 16-byte aligned; NULL when there is no memory. plat_free(NULL) does
 * nothing. X. */
must_check void *plat_alloc(size_t size, enum plat_owner owner);
void plat_free(void *object);

/* Physical address of memory that came from the allocators above, and back. X. */
paddr_t plat_pa(const void *va);
void *plat_va(paddr_t pa);

/* Makes earlier stores to [va, va+size) visible to a unit; writes the cache lines back unless it snoops. X.
 */
void plat_publish(const void *va, size_t size, bool unit_snoops);

/* Store/store and load/load ordering as seen by devices. X. */
void plat_wmb(void);
void plat_rmb(void);

/* ---- Time ---- */

/* Nanoseconds since start, monotonic. X. */
uint64_t plat_now_ns(void);
/* Between two looks at a condition: lets a CPU, an emulator or the host's other threads run. X. */
void plat_relax(void);

/* ---- Exclusion ---- */

/* Spin lock that also keeps this CPU's interrupts off; a leaf unless lock order is stated at its owner. X. */
struct plat_lock {
    uint32_t state;
    uint32_t class; /* of the platform's own: locks of one name are nested in one order only */
    uint64_t flags;
    const char *name;
};

/* Makes an open lock; `name` stays, and is printed when something is wrong. */
void plat_lock_init(struct plat_lock *lock, const char *name);
/* Taking a lock that this thread holds, or giving back one that it does not, is our own bug: plat_panic. */
void plat_lock(struct plat_lock *lock);
void plat_unlock(struct plat_lock *lock);
/* Locks of this kind that the running thread holds. 0 is what every handler finds at entry (V7). X. */
unsigned plat_locks_held(void);

/* Queue of threads waiting for a condition of the caller's. */
struct plat_waitq {
    struct plat_lock lock;
    struct list waiters;
};

/* An empty queue. */
void plat_waitq_init(struct plat_waitq *wq);
void plat_waitq_wake_all(struct plat_waitq *wq); /* X. */
/*
 * Blocks until `ready(arg)` is true, looked at before sleeping and after each wake. `ready` runs without
 * locks held. 0, or -ETIMEDOUT after `timeout_ns` (after one more look). T.
 */
must_check int plat_wait(struct plat_waitq *wq, bool (*ready)(void *arg), void *arg, uint64_t timeout_ns);

/* The running thread, as a value that is never 0 and differs between threads alive at the same time. X. */
uintptr_t plat_self(void);

/* ---- Readers without locks, deferred work ---- */

/* Read section: memory passed to plat_defer is not given back while one that began earlier lasts. Nests. X.
 */
void plat_read_enter(void);
void plat_read_exit(void);

/* A piece of work, embedded in the object it works on; nothing is allocated to queue it. */
struct plat_work {
    struct list link;
    void (*run)(struct plat_work *work);
    bool queued;
};

/* Runs `work->run` once in a thread of the work queue. False when it is already waiting there. X. */
bool plat_work_queue(struct plat_work *work);
/*
 * A queue with a thread of its own: what blocks there holds up nobody else. NULL: no memory, or no thread. T.
 * Destroying one waits until its work is done. T.
 */
struct plat_workq;
must_check struct plat_workq *plat_workq_create(const char *name);
void plat_workq_destroy(struct plat_workq *q);
/* As plat_work_queue, there. A piece of work is on one queue at a time. X. */
bool plat_work_queue_on(struct plat_workq *q, struct plat_work *work);
/* Runs `work->run` (may not block) in a thread after a grace period: every read section entered before has
 * ended. X. */
void plat_defer(struct plat_work *work);
/* Waits for one grace period. Not from a read section. T. */
void plat_grace_wait(void);
/* Waits until no queued or deferred work is left or running: the end of a step. 0, -ETIMEDOUT. T. */
must_check int plat_idle_wait(uint64_t timeout_ns);

/* ---- Interrupts ---- */

/* Message of an interrupt: what goes into a device's or unit's address/data registers (xAPIC format). */
struct plat_msi {
    uint32_t address;
    uint32_t upper_address;
    uint32_t data;
};

/* A vector whose interrupt calls `handler(arg)`, X. 0, -ENOSPC. plat_msi_free waits for a running handler. T.
 */
must_check int plat_msi_alloc(void (*handler)(void *arg), void *arg, struct plat_msi *out);
void plat_msi_free(const struct plat_msi *msi);

/* The CPUs' APICs are in x2APIC mode: a destination has 32 bits. X. */
bool plat_x2apic(void);

/* Who sends an interrupt, other than a unit: a function's message, or a pin of an I/O APIC. Stays where it is
 * as long as it can send. */
struct plat_intr {
    bool is_pin;      /* of the I/O APIC that the MADT gives the number `ioapic`; edge triggered */
    bool nmi;         /* delivered as NMI, without a vector */
    uint8_t vector;   /* else fixed */
    uint8_t ioapic;   /* of a pin */
    uint32_t dest;    /* APIC id */
    struct pci_id fn; /* of a message */
    uint16_t alias;   /* requester id that a bridge may put in place of fn.rid; fn.rid where none does */
};

/* What it is told to send: by a function, or as the redirection entry of a pin (unmasked). */
struct plat_intr_form {
    struct plat_msi msi;
    uint64_t rte;
};

/*
 * How `intr` has to send while remapping is on; `form` NULL: it will not send any more. 0; -ENODEV: its
 * interrupts are not remapped; else it cannot send at all. T.
 */
typedef int plat_intr_route(void *arg, const struct plat_intr *intr, struct plat_intr_form *form);

/*
 * Interrupt remapping comes or goes between the two: from plat_intr_hold on nobody sends, and what would have
 * been sent is lost. plat_intr_resume lets all send again as `route` says, which is asked for each, then and
 * for those that come later; NULL: none is remapped. One thread at a time. T.
 */
void plat_intr_hold(void);
void plat_intr_resume(plat_intr_route *route, void *arg);

/* ---- Words ---- */

enum plat_log { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* One line without newline; the platform drops what is above its level. X. */
void plat_log(enum plat_log level, const char *fmt, ...) printf_like(2, 3);
/* Our own bug: prints the line and a back-trace, ends the running case (or the run). Does not return. X. */
noreturn void plat_panic(const char *fmt, ...) printf_like(1, 2);

#define plat_assert(cond)                                                                                    \
    do {                                                                                                     \
        if (!(cond))                                                                                         \
            plat_panic("%s:%d: %s: assertion failed: %s", __FILE__, __LINE__, __func__, #cond);              \
    } while (0)

#endif
