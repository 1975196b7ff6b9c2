/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The simulated machine behind iommu/platform.h when the product runs as a Linux process: memory with made-up
 * physical addresses, a clock that only plat_relax() moves, one thread that runs queued work when the program
 * waits. The same input gives the same run, byte for byte.
 *
 * "Threads" are nested calls: while one waits (plat_wait, plat_idle_wait, plat_grace_wait) queued work runs
 * on top of it, under a plat_self() of its own.
 */
#ifndef TESTS_HOST_HOST_H
#define TESTS_HOST_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iommu/platform.h"

/* ---- Memory (memory.c) ---- */

/* First made-up physical address; below it there are only registers. */
#define HOST_RAM_BASE 0x100000000ull
#define HOST_RAM_SIZE 0x40000000ull

/* 4 KiB pages and small objects that an owner has now. */
size_t host_pages(enum plat_owner owner);
size_t host_objects(enum plat_owner owner);
/* True if [pa, pa + size) is memory, allocated or not. */
bool host_phys_ok(paddr_t pa, size_t size);

/* Everything that OWNER_TABLE .. OWNER_TEST allocated after the mark is kept for ever and no longer counted.
 */
uint64_t host_mark(void);
void host_quarantine(uint64_t mark);

/* The n-th allocation from now on fails, once; 0: none does. Returns what was left of the number before, 0 if
 * none was or it has failed. */
unsigned host_fail_allocation(unsigned nth);

/* ---- Threads, time (platform.c) ---- */

/* What the running "thread" holds; put back after a call that was left by longjmp. */
struct host_thread {
    uintptr_t self;
    unsigned locks;
    unsigned reads;
    unsigned running; /* work items on the stack */
};

struct host_thread host_thread_save(void);
void host_thread_restore(struct host_thread saved);

/* Forgets all queued and deferred work: what a case that ended by force has left behind. */
void host_abandon_work(void);

/* Called behind every write to configuration space, with the function written to. One; NULL: nobody is. */
void host_pci_on_write(void (*fn)(struct pci_id fn));

/* Called at every plat_relax(), e.g. by a unit that completes late. At most 8. */
void host_on_tick(void (*fn)(void));

/* Called at the end of every plat_relax() of a thread that holds no lock; it may leave by longjmp. One. */
void host_on_relax(void (*fn)(void));

/* ---- Threads that run at the same time (threads/); no more than words where one runs after the other
 * (platform.c) ---- */

/* What a home has. */
struct host_home {
    unsigned cpus;
    bool threads;     /* they preempt each other */
    const char *time; /* for the report */
    const char *binary;
};

extern const struct host_home host_home;

/* Into the simulated machine, which does one thing at a time; nests. Nothing of the product is called from
 * in there. */
void host_enter(void);
void host_leave(void);
/* Software wrote to a register: interrupts that come of it see all that was stored before. */
void host_wrote(void);
/* A message waits for host_msi_deliver(). */
void host_msi_pend(void);
/* Waits for a handler that runs. */
void host_msi_wait(void);
/* Memory comes from its last owner, by way of the allocator, to its next one. */
void host_given_back(void *va, size_t size);
void host_given_out(void *va, size_t size);
/* A data race that was found since the last call, in words; NULL: none. */
const char *host_race(void);

/* ---- Hardware that looks on (platform.c, memory.c) ---- */

/* What simulated hardware hears of software's doings. Calls come with no lock of the simulation held. */
struct host_watch {
    /* [va, va + size) was published, for units that snoop or for all. */
    void (*published)(const void *va, size_t size, bool snooped);
    /* Pages were given out, or given back. */
    void (*allocated)(paddr_t pa, size_t size);
    void (*freed)(paddr_t pa, size_t size);
    /* A barrier: time passes, by far less than at plat_relax(). */
    void (*touched)(void);
};

/* One at most; NULL: nobody looks on. */
void host_watch(const struct host_watch *watch);
/* For memory.c. NULL if nobody looks on. */
const struct host_watch *host_watcher(void);

/* ---- Words (platform.c) ---- */

/*
 * Lines above this level are dropped; LOG_WARN at the start. They go to stderr, unless a sink takes them; the
 * sink before it is returned.
 */
typedef void host_sink(enum plat_log level, const char *line);
void host_log_level(enum plat_log level);
host_sink *host_log_sink(host_sink *sink);

/* Called by plat_panic() with its words; it may leave by longjmp. NULL or a return: abort(). */
void host_on_panic(void (*fn)(const char *words));

/* ---- Buses (bus.c) ---- */

/* A register block. Widths arrive as they were issued. */
struct host_mmio {
    paddr_t base;
    size_t size;
    void *ctx;
    uint32_t (*read32)(void *ctx, uint32_t offset);
    uint64_t (*read64)(void *ctx, uint32_t offset);
    void (*write32)(void *ctx, uint32_t offset, uint32_t value);
    void (*write64)(void *ctx, uint32_t offset, uint64_t value);
};

/* `mmio` stays where it is until host_bus_reset(). */
void host_mmio_add(const struct host_mmio *mmio);

/* A PCI function with 4 KiB of configuration space, all zero but the ids; bridges: its secondary bus, else 0.
 */
void host_pci_add(struct pci_id fn, uint16_t vendor, uint16_t device, uint32_t class_code,
                  uint8_t secondary_bus);
/* Takes all registers and functions away. */
void host_bus_reset(void);

/* What plat_x2apic() says from now on. */
void host_x2apic(bool on);

/*
 * A source of interrupts, as plat_intr_resume() asks for them: `err` is what the route said last (-ENODEV: it
 * is not remapped, -EAGAIN: held), and on 0 `form` what to send. Stays until host_intr_remove().
 */
struct host_intr {
    struct plat_intr intr;
    struct plat_intr_form form;
    int err;
};

void host_intr_add(struct host_intr *source);
void host_intr_remove(struct host_intr *source);

/* An interrupt message; its handler runs as soon as no plat_lock is held. */
void host_msi_send(uint32_t address, uint32_t data);
/* Runs handlers of messages that had to wait. */
void host_msi_deliver(void);
/* The handler under way was left by longjmp. */
void host_msi_abandon(void);

/* ---- Trace (trace.c): what was made visible to hardware, in order ---- */

enum host_event_kind {
    HOST_PUBLISH, /* plat_publish: address and size, `words` as they were then (the first 64 bytes) */
    HOST_WMB,
    HOST_MMIO32, /* a register write: physical address and value */
    HOST_MMIO64,
};

struct host_event {
    enum host_event_kind kind;
    uint64_t pa;
    uint64_t size;
    uint64_t value;
    uint64_t words[8];
    bool snooped;
};

#define HOST_TRACE_MAX 4096

/* Empties the trace and starts it; the first HOST_TRACE_MAX events are kept. */
void host_trace_start(void);
void host_trace_stop(void);
unsigned host_trace_count(void);
const struct host_event *host_trace(unsigned n);

/* For platform.c and bus.c. */
void host_trace_publish(const void *va, size_t size, bool snooped);
void host_trace_wmb(void);
void host_trace_mmio(uint64_t pa, uint64_t value, bool wide);

#endif
