/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Local APIC. The same registers are a page (xAPIC) or MSRs 800h and up (x2APIC); which one the firmware left
 * on stays, because an x2APIC cannot be switched back without a reset of the CPU's APIC. Intel SDM volume 3,
 * chapter 11.
 */
#include "kernel/apic.h"

#include "kernel/cpu.h"
#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/time.h"
#include "kernel/vm.h"

/* Register offsets in the page; the MSR is 800h + offset / 16. */
enum {
    APIC_ID = 0x020,
    APIC_VERSION = 0x030,
    APIC_TPR = 0x080,
    APIC_EOI = 0x0b0,
    APIC_SVR = 0x0f0,
    APIC_ESR = 0x280,
    APIC_ICR_LOW = 0x300,
    APIC_ICR_HIGH = 0x310,
    APIC_LVT_CMCI = 0x2f0,
    APIC_LVT_TIMER = 0x320,
    APIC_LVT_THERMAL = 0x330,
    APIC_LVT_PERF = 0x340,
    APIC_LVT_LINT0 = 0x350,
    APIC_LVT_LINT1 = 0x360,
    APIC_LVT_ERROR = 0x370,
    APIC_TIMER_INITIAL = 0x380,
    APIC_TIMER_CURRENT = 0x390,
    APIC_TIMER_DIVIDE = 0x3e0,

    APIC_SVR_ENABLE = 1 << 8,
    APIC_LVT_MASKED = 1 << 16,
    APIC_DIVIDE_BY_1 = 0xb,

    ICR_NMI = 4 << 8,
    ICR_INIT = 5 << 8,
    ICR_STARTUP = 6 << 8,
    ICR_PENDING = 1 << 12,
    ICR_ASSERT = 1 << 14,
    ICR_XAPIC_DEST_SHIFT = 24,
    /* Looks at ICR_PENDING: a message takes microseconds to be accepted. */
    ICR_LOOKS = 100000,

    MSR_X2APIC = 0x800,
    MSR_X2APIC_ICR = 0x830,
    APIC_BASE_X2 = 1 << 10,
    APIC_BASE_ENABLE = 1 << 11,

    PIC1_MASK = 0x21,
    PIC2_MASK = 0xa1,
};

#define APIC_BASE_ADDRESS 0x000ffffffffff000ull
#define APIC_COUNT_MAX    0xffffffffull
/* Shorter waits than this would only measure the interrupt's own way. */
#define APIC_ARM_MIN_NS 500ull

static volatile uint32_t *page;
static bool x2;
static uint64_t timer_hz;
static uint64_t timer_mult; /* counts per ns, 32.32 */

static uint32_t apic_read(unsigned reg)
{
    return x2 ? (uint32_t)rdmsr(MSR_X2APIC + reg / 16) : page[reg / 4];
}

static void apic_write(unsigned reg, uint32_t value)
{
    if (x2)
        wrmsr(MSR_X2APIC + reg / 16, value);
    else
        page[reg / 4] = value;
}

static void map_registers(void)
{
    uint64_t base = rdmsr(MSR_APIC_BASE);

    if (!(cpuid(1, 0).edx & 1u << 9) && !(base & APIC_BASE_ENABLE))
        panic("apic: this CPU has no local APIC");
    x2 = (base & APIC_BASE_ENABLE) && (base & APIC_BASE_X2);
    if (!(base & APIC_BASE_ENABLE))
        wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE);
    if (x2 || page)
        return;
    page = vm_map_mmio(base & APIC_BASE_ADDRESS, 4096);
    if (!page)
        panic("apic: no memory to map the registers");
}

/* The number of local vector table entries decides which exist (version register, bits 23:16). */
static void mask_local(void)
{
    unsigned last = apic_read(APIC_VERSION) >> 16 & 0xff;

    apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED | IRQ_VECTOR_TIMER);
    apic_write(APIC_LVT_LINT0, APIC_LVT_MASKED);
    apic_write(APIC_LVT_LINT1, APIC_LVT_MASKED);
    apic_write(APIC_LVT_ERROR, APIC_LVT_MASKED | IRQ_VECTOR_SPURIOUS);
    if (last >= 4)
        apic_write(APIC_LVT_PERF, APIC_LVT_MASKED);
    if (last >= 5)
        apic_write(APIC_LVT_THERMAL, APIC_LVT_MASKED);
    if (last >= 6)
        apic_write(APIC_LVT_CMCI, APIC_LVT_MASKED);
}

static void enable(void)
{
    apic_write(APIC_SVR, APIC_SVR_ENABLE | IRQ_VECTOR_SPURIOUS);
    mask_local();
    apic_write(APIC_TPR, 0);
    apic_write(APIC_ESR, 0);
    apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
    cpu_this()->apic_id = apic_id();
}

void apic_init(void)
{
    outb(PIC1_MASK, 0xff);
    outb(PIC2_MASK, 0xff);
    map_registers();
    enable();
}

bool apic_init_cpu(void)
{
    uint64_t base = rdmsr(MSR_APIC_BASE);

    if (!x2 && (base & APIC_BASE_X2))
        return false;
    wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE);
    if (x2)
        wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE | APIC_BASE_X2);
    enable();
    apic_write(APIC_LVT_TIMER, IRQ_VECTOR_TIMER); /* one-shot */
    return true;
}

bool apic_is_x2(void)
{
    return x2;
}

const char *apic_mode(void)
{
    return x2 ? "x2APIC" : "xAPIC";
}

uint32_t apic_id(void)
{
    return x2 ? apic_read(APIC_ID) : apic_read(APIC_ID) >> 24;
}

void apic_eoi(void)
{
    apic_write(APIC_EOI, 0);
}

void apic_timer_measure(void)
{
    apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED | IRQ_VECTOR_TIMER);
    apic_write(APIC_TIMER_INITIAL, (uint32_t)APIC_COUNT_MAX);
}

uint32_t apic_timer_count(void)
{
    return apic_read(APIC_TIMER_CURRENT);
}

void apic_timer_set_hz(uint64_t hz)
{
    timer_hz = hz;
    timer_mult = (hz << 32) / NS_PER_SEC; /* below 4.29 GHz */
    apic_write(APIC_TIMER_INITIAL, 0);
    apic_write(APIC_LVT_TIMER, IRQ_VECTOR_TIMER); /* one-shot */
}

uint64_t apic_timer_hz(void)
{
    return timer_hz;
}

void apic_timer_arm(uint64_t ns)
{
    unsigned __int128 counts =
        (unsigned __int128)(ns < APIC_ARM_MIN_NS ? APIC_ARM_MIN_NS : ns) * timer_mult >> 32;

    apic_write(APIC_TIMER_INITIAL,
               counts >= APIC_COUNT_MAX ? (uint32_t)APIC_COUNT_MAX : (uint32_t)counts + 1);
}

/* ---- Messages to other CPUs ---- */

/*
 * The high half of the xAPIC's command register is put back as it was: an NMI handler that sends a message
 * between somebody's two writes does no harm.
 */
static void send(uint32_t dest, uint32_t command)
{
    uint64_t flags;
    uint32_t high;

    if (x2) {
        wrmsr(MSR_X2APIC_ICR, (uint64_t)dest << 32 | command);
        return;
    }
    flags = irq_save();
    high = apic_read(APIC_ICR_HIGH);
    for (unsigned i = 0; i < ICR_LOOKS && (apic_read(APIC_ICR_LOW) & ICR_PENDING); i++)
        cpu_pause();
    apic_write(APIC_ICR_HIGH, dest << ICR_XAPIC_DEST_SHIFT);
    apic_write(APIC_ICR_LOW, command);
    apic_write(APIC_ICR_HIGH, high);
    irq_restore(flags);
}

bool apic_can_reach(uint32_t id)
{
    return x2 || id < 0xff;
}

void apic_send_ipi(uint32_t id, unsigned vector)
{
    /* An MSR write of x2APIC mode is not ordered behind earlier stores by itself. */
    __asm__ volatile("mfence" : : : "memory");
    send(id, ICR_ASSERT | vector); /* fixed delivery */
}

void apic_send_nmi(uint32_t id)
{
    __asm__ volatile("mfence" : : : "memory");
    send(id, ICR_NMI | ICR_ASSERT);
}

void apic_send_init(uint32_t id)
{
    send(id, ICR_INIT | ICR_ASSERT);
}

void apic_send_startup(uint32_t id, uint64_t page_pa)
{
    send(id, ICR_STARTUP | ICR_ASSERT | (uint32_t)(page_pa >> 12));
}
