/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests from CPU to CPU by NMI; see smp.h. Bringing CPUs up is smp_start.c. */
#include "kernel/smp.h"

#include "kernel/apic.h"
#include "kernel/log.h"
#include "kernel/sched.h"
#include "kernel/time.h"
#include "kernel/watchdog.h"

/* A CPU that an emulator's host does not let run for that long is given up. */
#define FLUSH_NS (10 * NS_PER_SEC)
#define STOP_NS  (100 * NS_PER_MS)

enum want { WANT_FLUSH = 1, WANT_LOOK = 2, WANT_EVICT = 4 };

/* Per CPU. */
static struct {
    uint32_t wanted;  /* enum want, atomic */
    uint32_t flushed; /* last request served, atomic */
    bool stopped;     /* atomic */
    bool one_more;    /* an NMI was served; a second one may have been on its way with it. Its own */
} cpus[CPU_MAX];

static unsigned count = 1;      /* atomic */
static uint32_t flush_requests; /* atomic */
static uint32_t stopper;        /* CPU + 1 that stops all others; atomic */

unsigned smp_cpus(void)
{
    return __atomic_load_n(&count, __ATOMIC_ACQUIRE);
}

void smp_count_up(void)
{
    __atomic_add_fetch(&count, 1, __ATOMIC_RELEASE);
}

static void ask(unsigned index, enum want what)
{
    __atomic_fetch_or(&cpus[index].wanted, (uint32_t)what, __ATOMIC_SEQ_CST);
    apic_send_nmi(cpu_get(index)->apic_id);
}

/* Interrupts off, so that "other" stays true. */
static void ask_others(enum want what)
{
    for (unsigned i = 0; i < smp_cpus(); i++) {
        if (i != cpu_index())
            ask(i, what);
    }
}

/* ---- Requests ---- */

struct flush {
    unsigned cpu;
    uint32_t request;
};

static bool has_flushed(void *arg)
{
    const struct flush *f = arg;

    return (int32_t)(__atomic_load_n(&cpus[f->cpu].flushed, __ATOMIC_ACQUIRE) - f->request) >= 0;
}

void smp_flush_tlb(void)
{
    uint64_t flags = irq_save();
    struct flush f = {.request = __atomic_add_fetch(&flush_requests, 1, __ATOMIC_SEQ_CST)};

    ask_others(WANT_FLUSH);
    for (f.cpu = 0; f.cpu < smp_cpus(); f.cpu++) {
        if (f.cpu != cpu_index() && !time_poll(has_flushed, &f, FLUSH_NS))
            panic("smp: CPU %u does not flush its TLB", f.cpu);
    }
    irq_restore(flags);
}

void smp_watchdog_all(void)
{
    ask_others(WANT_LOOK);
}

void smp_evict(unsigned index)
{
    ask(index, WANT_EVICT);
}

static bool all_stopped(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < smp_cpus(); i++) {
        if (i != cpu_index() && !__atomic_load_n(&cpus[i].stopped, __ATOMIC_ACQUIRE))
            return false;
    }
    return true;
}

void smp_stop_others(void)
{
    uint32_t self = cpu_index() + 1, nobody = 0;

    if (smp_cpus() == 1)
        return;
    cpu_cli();
    if (!__atomic_compare_exchange_n(&stopper, &nobody, self, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        if (nobody != self)
            cpu_stop();
        return;
    }
    for (unsigned i = 0; i < smp_cpus(); i++) {
        if (i != cpu_index())
            apic_send_nmi(cpu_get(i)->apic_id);
    }
    (void)!time_poll(all_stopped, NULL, STOP_NS);
}

/* ---- On the CPU asked ---- */

static void stop_if_told(void)
{
    uint32_t by = __atomic_load_n(&stopper, __ATOMIC_ACQUIRE);

    if (!by || by == cpu_index() + 1)
        return;
    __atomic_store_n(&cpus[cpu_index()].stopped, true, __ATOMIC_RELEASE);
    cpu_stop();
}

static void flush(void)
{
    uint32_t request = __atomic_load_n(&flush_requests, __ATOMIC_ACQUIRE);

    write_cr3(read_cr3());
    __atomic_store_n(&cpus[cpu_index()].flushed, request, __ATOMIC_RELEASE);
}

bool smp_nmi(struct trap_frame *f)
{
    unsigned self = cpu_index();
    uint32_t wanted;

    stop_if_told();
    wanted = __atomic_exchange_n(&cpus[self].wanted, 0, __ATOMIC_SEQ_CST);
    if (!wanted && cpus[self].one_more) {
        cpus[self].one_more = false;
        return true;
    }
    cpus[self].one_more = wanted != 0;
    if (wanted & WANT_FLUSH)
        flush();
    if (wanted & WANT_LOOK)
        watchdog_look(f);
    if (wanted & WANT_EVICT)
        sched_evict(f);
    return wanted != 0;
}
