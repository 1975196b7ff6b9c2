/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The watchdog. Channel 0 of the PIT counts 73 times a second and its interrupt, whose pin on the I/O
 * APIC the MADT names, is delivered as NMI to one CPU, which sends it on to the others once the deadline of
 * the running case has passed. A run is given up when several NMIs in a row found the same CPU with
 * interrupts off and without one ordinary interrupt taken meanwhile. One NMI alone proves nothing: an
 * emulator that was stopped for a while delivers it before the timer's interrupt. While all CPUs are idle,
 * with interrupts on, nothing can hang, and the PIT stands still: an emulator's halt then lasts until the
 * next event.
 */
#include "kernel/watchdog.h"

#include "kernel/cpu.h"
#include "kernel/guard.h"
#include "kernel/ioapic.h"
#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/runtime.h"
#include "kernel/smp.h"
#include "kernel/time.h"

enum {
    PIT_CHANNEL0 = 0x40,
    PIT_COMMAND = 0x43,
    PIT_CH0_RATE = 0x34,  /* mode 2, low byte then high byte */
    PIT_COUNT = 0x4000,   /* of 1193182 Hz */
    PIT_CH0_HOLD = 0x30,  /* mode 0: waits for a count */
    PIT_CH0_LATCH = 0x00, /* holds the count for the next two reads */
    PIT_ISA_IRQ = 0,

    STRIKES = 3,
};

#define PIT_LOOK_NS (100 * NS_PER_US)

static bool running, restless;
static uint64_t ticks;

/* Per CPU, its own. */
static struct {
    uint64_t count; /* ordinary interrupts at the last look */
    unsigned strikes;
} last[CPU_MAX];

static unsigned pit_count(void)
{
    unsigned low;

    outb(PIT_COMMAND, PIT_CH0_LATCH);
    low = inb(PIT_CHANNEL0);
    return low | (unsigned)inb(PIT_CHANNEL0) << 8;
}

static void pit_rate(void)
{
    outb(PIT_COMMAND, PIT_CH0_RATE);
    outb(PIT_CHANNEL0, PIT_COUNT & 0xff);
    outb(PIT_CHANNEL0, PIT_COUNT >> 8);
}

/* Machines exist whose firmware has switched the PIT's clock off. */
static bool pit_start(void)
{
    unsigned first;

    pit_rate();
    first = pit_count();
    time_delay(PIT_LOOK_NS);
    return pit_count() != first;
}

/* Mode 0 without a count: it stands still. */
void watchdog_idle(bool idle)
{
    if (!running || restless)
        return;
    if (idle)
        outb(PIT_COMMAND, PIT_CH0_HOLD);
    else
        pit_rate();
}

void watchdog_may_rest(bool yes)
{
    restless = !yes;
}

void watchdog_init(void)
{
    uint32_t gsi = ioapic_isa_gsi(PIT_ISA_IRQ);

    if (!pit_start()) {
        log_line(LOG_WARN, "watchdog: none: the PIT does not count");
        return;
    }
    running = true;
    if (ioapic_route_nmi(gsi, CPU_READ(apic_id))) {
        log_line(LOG_WARN, "watchdog: none: no I/O APIC has interrupt %u", gsi);
        running = false;
    }
}

bool watchdog_running(void)
{
    return running;
}

uint64_t watchdog_ticks(void)
{
    return ticks;
}

static bool overdue(void)
{
    return time_now_ns() >= guard_deadline() && !runtime_busy();
}

void watchdog_look(struct trap_frame *f)
{
    unsigned self = cpu_index();
    uint64_t count = irq_count();
    bool moves = count != last[self].count || f->rflags & RFLAGS_IF;

    last[self].count = count;
    if (moves || !overdue() || cpu_this()->spins) {
        last[self].strikes = 0;
        return;
    }
    if (++last[self].strikes < STRIKES)
        return;
    last[self].strikes = 0;
    if (!guard_hung(f)) {
        trap_print(f);
        panic("watchdog: hung with interrupts off where no guarded run can be ended");
    }
}

bool watchdog_nmi(struct trap_frame *f)
{
    if (!running)
        return false;
    ticks++;
    if (overdue())
        smp_watchdog_all();
    watchdog_look(f);
    return true;
}
