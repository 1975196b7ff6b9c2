/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bringing further CPUs up, one after the other: INIT, start-up, start-up (Intel SDM volume 3, 9.4.4). A CPU
 * runs smp_boot.S on page tables that map its page one to one, and then our own. It is let into the scheduler
 * when its clock agrees with ours: deadlines are compared across CPUs.
 */
#include <string.h>

#include "kernel/acpi.h"
#include "kernel/apic.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/smp.h"
#include "kernel/smp_boot.h"
#include "kernel/spin.h"
#include "kernel/thread.h"
#include "kernel/time.h"
#include "kernel/vm.h"
#include "kernel/vm_tables.h"

enum {
    LISTED_MAX = 2048,

    TABLE_ENTRIES = 512,
    UPPER_HALF = 256,
};

/* A real machine needs microseconds; on a loaded host an emulated CPU may take its time. */
#define INIT_NS    (10 * NS_PER_MS)
#define STARTUP_NS (200 * NS_PER_US)
#define UP_NS      (2 * NS_PER_SEC)

enum stage { NOTHING, HERE, GO, STAY, RUNNING, ALIEN };

/* Of the CPU that is being started. */
static struct {
    uint32_t stage; /* enum stage; atomic */
    uint64_t tsc;
} news;

static unsigned listed;
static struct smp_boot_values *values;
static uint64_t page;

unsigned smp_cpus_listed(void)
{
    return listed ? listed : 1;
}

/* ---- On the new CPU ---- */

static uint32_t stage(void)
{
    return __atomic_load_n(&news.stage, __ATOMIC_ACQUIRE);
}

static void set_stage(enum stage s)
{
    __atomic_store_n(&news.stage, (uint32_t)s, __ATOMIC_RELEASE);
}

noreturn static void cpu_main(unsigned index)
{
    gdt_init(index);
    vm_init_cpu();
    trap_init_cpu();
    if (!apic_init_cpu()) {
        set_stage(ALIEN);
        cpu_stop();
    }
    news.tsc = rdtsc();
    set_stage(HERE);
    while (stage() == HERE)
        cpu_pause();
    if (stage() != GO)
        cpu_stop();
    thread_adopt_idle(index);
    smp_count_up();
    set_stage(RUNNING);
    thread_idle();
}

/* ---- On the first CPU ---- */

/* Where a label of smp_boot.S is in the low page. */
static uint64_t place(const uint8_t *label)
{
    return page + ((uintptr_t)label - (uintptr_t)smp_boot_start);
}

/* Code and values into the low page, and page tables for the way out of it. */
static bool prepare(void)
{
    uint64_t tree, *table, gdt;

    page = page_low();
    tree = page ? vt_create() : 0;
    if (!tree || vt_map(tree, page, page, PAGE_SIZE, 0, VM_4K)) {
        log_line(LOG_WARN, "smp: %s: further CPUs stay off",
                 page ? "no memory for page tables" : "no free page below 640 KiB");
        return false;
    }
    table = vm_va(tree);
    memcpy(table + UPPER_HALF, (uint64_t *)vm_va(vm_root()) + UPPER_HALF,
           (TABLE_ENTRIES - UPPER_HALF) * sizeof(*table));
    memcpy(vm_va(page), smp_boot_start, place(smp_boot_end) - page);
    values = vm_va(place(smp_boot_values));
    gdt = place(smp_boot_values);
    *values = (struct smp_boot_values){
        .gdt = {0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff},
        .gdt_pointer = {sizeof(values->gdt) - 1, (uint16_t)gdt, (uint16_t)(gdt >> 16)},
        .far32 = (uint32_t)place(smp_boot_code32),
        .far32_selector = 0x08,
        .far64 = (uint32_t)place(smp_boot_code64),
        .far64_selector = 0x18,
        .cr0 = (uint32_t)read_cr0(),
        .cr3 = (uint32_t)tree,
        .cr4 = (uint32_t)read_cr4(),
        .entry = (uint64_t)(uintptr_t)cpu_main,
    };
    return true;
}

static bool has_news(void *arg)
{
    (void)arg;
    return stage() != NOTHING;
}

static bool is_running(void *arg)
{
    (void)arg;
    return stage() == RUNNING;
}

/* The CPU has arrived at cpu_main(), or its ticket is withdrawn. */
static bool wake(uint32_t apic)
{
    set_stage(NOTHING);
    __atomic_store_n(&values->ticket, 1, __ATOMIC_SEQ_CST);
    apic_send_init(apic);
    time_delay(INIT_NS);
    for (unsigned i = 0; i < 2 && !has_news(NULL); i++) {
        apic_send_startup(apic, page);
        if (time_poll(has_news, NULL, STARTUP_NS))
            break;
    }
    return time_poll(has_news, NULL, UP_NS) || !__atomic_exchange_n(&values->ticket, 0, __ATOMIC_SEQ_CST);
}

/* A CPU that is off has left its index for the next one; one that was lost may still come and use it. */
enum outcome { UP, OFF, LOST };

static enum outcome let_in(uint32_t apic, uint64_t before)
{
    uint64_t after;

    if (!time_poll(has_news, NULL, UP_NS)) {
        log_line(LOG_WARN, "smp: CPU with APIC id %u started and got lost", apic);
        return LOST;
    }
    after = rdtsc();
    if (stage() == ALIEN) {
        log_line(LOG_WARN, "smp: CPU with APIC id %u is in x2APIC mode, the first one is not", apic);
        return OFF;
    }
    if (news.tsc - before > after - before) {
        log_line(LOG_WARN, "smp: CPU with APIC id %u has a time-stamp counter of its own: it stays off",
                 apic);
        set_stage(STAY);
        return OFF;
    }
    set_stage(GO);
    return time_poll(is_running, NULL, UP_NS) ? UP : LOST;
}

static enum outcome start(uint32_t apic, unsigned index)
{
    uint64_t before = rdtsc();
    struct thread *idle = gdt_prepare(index) ? NULL : thread_create_idle(index);

    if (!idle) {
        log_line(LOG_WARN, "smp: no memory for the CPU with APIC id %u", apic);
        return OFF;
    }
    values->index = index;
    values->stack = thread_stack_top(idle);
    if (!wake(apic)) {
        log_line(LOG_WARN, "smp: CPU with APIC id %u does not come up", apic);
        return OFF;
    }
    return let_in(apic, before);
}

static bool may_start(uint32_t apic)
{
    if (!apic_can_reach(apic))
        log_line(LOG_WARN, "smp: CPU with APIC id %u cannot be reached in %s mode", apic, apic_mode());
    else if (smp_cpus() == CPU_MAX)
        log_line(LOG_WARN, "smp: CPU with APIC id %u is one too many for us", apic);
    else
        return true;
    return false;
}

void smp_init(void)
{
    static uint32_t ids[LISTED_MAX];
    uint32_t own = CPU_READ(apic_id);
    struct acpi_bytes madt;

    if (!acpi_find("APIC", 0, &madt))
        return;
    listed = acpi_madt_cpus(madt, ids, LISTED_MAX);
    if (listed < 2 || !prepare())
        return;
    spin_expect_others();
    for (unsigned i = 0; i < listed; i++) {
        if (ids[i] != own && may_start(ids[i]) && start(ids[i], smp_cpus()) == LOST)
            break;
    }
    log_line(LOG_INFO, "smp: %u of %u CPUs", smp_cpus(), listed);
}
