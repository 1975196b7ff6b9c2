/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where vectors go: NMI to the watchdog, exceptions to the guard of the running case and else to a panic, 32
 * and up to the interrupt handler that irq.c sets (Intel SDM vol. 3, chapter 6).
 */
#include <stdio.h>

#include "kernel/backtrace.h"
#include "kernel/console.h"
#include "kernel/cpu.h"
#include "kernel/guard.h"
#include "kernel/log.h"
#include "kernel/runtime.h"
#include "kernel/smp.h"
#include "kernel/traps.h"
#include "kernel/vm.h"
#include "kernel/watchdog.h"

struct gate {
    uint16_t offset0;
    uint16_t selector;
    uint8_t ist;
    uint8_t type;
    uint16_t offset1;
    uint32_t offset2;
    uint32_t zero;
};

struct idt_ptr {
    uint16_t limit;
    uint64_t base;
} packed;

#define GATE_INTERRUPT 0x8e
#define STUB_SIZE      16
#define TRACE_MAX      16

extern const uint8_t trap_stubs[];
void trap_dispatch(struct trap_frame *f);

static struct gate idt[TRAP_VECTORS] aligned_to(16);
static void (*irq_handler)(struct trap_frame *f);

static uint8_t ist_of(unsigned vector)
{
    switch (vector) {
    case 1:
        return IST_DEBUG;
    case TRAP_NMI:
        return IST_NMI;
    case TRAP_DOUBLE_FAULT:
        return IST_DOUBLE_FAULT;
    case TRAP_PAGE_FAULT:
        return IST_PAGE_FAULT;
    case TRAP_MACHINE_CHECK:
        return IST_MACHINE_CHECK;
    default:
        return IST_NONE;
    }
}

void trap_init(void)
{
    for (unsigned v = 0; v < TRAP_VECTORS; v++) {
        uint64_t stub = (uint64_t)(trap_stubs + v * STUB_SIZE);

        idt[v] = (struct gate){.offset0 = (uint16_t)stub,
                               .selector = GDT_CODE,
                               .ist = ist_of(v),
                               .type = GATE_INTERRUPT,
                               .offset1 = (uint16_t)(stub >> 16),
                               .offset2 = (uint32_t)(stub >> 32)};
    }
    trap_init_cpu();
}

void trap_init_cpu(void)
{
    struct idt_ptr p = {.limit = sizeof(idt) - 1, .base = (uint64_t)idt};

    __asm__ volatile("lidt %0" : : "m"(p));
}

void trap_set_irq_handler(void (*fn)(struct trap_frame *f))
{
    irq_handler = fn;
}

const char *trap_name(unsigned vector)
{
    static const char *const names[TRAP_IRQ_FIRST] = {
        [0] = "#DE divide error",
        [1] = "#DB debug",
        [2] = "NMI",
        [3] = "#BP breakpoint",
        [4] = "#OF overflow",
        [5] = "#BR bound range",
        [6] = "#UD invalid opcode",
        [7] = "#NM no FPU",
        [8] = "#DF double fault",
        [10] = "#TS invalid TSS",
        [11] = "#NP segment not present",
        [12] = "#SS stack fault",
        [13] = "#GP general protection",
        [14] = "#PF page fault",
        [16] = "#MF x87 error",
        [17] = "#AC alignment check",
        [18] = "#MC machine check",
        [19] = "#XM SIMD error",
        [20] = "#VE virtualization",
        [21] = "#CP control protection",
    };

    if (vector >= TRAP_IRQ_FIRST)
        return "interrupt";
    return names[vector] ? names[vector] : "reserved exception";
}

void trap_describe(const struct trap_frame *f, char *out, size_t size)
{
    uint64_t off = 0, cr2 = read_cr2();
    const char *name = symbol_of(f->rip, &off);
    int n = snprintf(out, size, "%s (error %llx) at %llx %s+0x%llx", trap_name((unsigned)f->vector),
                     (unsigned long long)f->error, (unsigned long long)f->rip, name ? name : "?",
                     (unsigned long long)off);

    if (f->vector != TRAP_PAGE_FAULT || n < 0 || (size_t)n >= size)
        return;
    snprintf(out + n, size - (size_t)n, ": %s %llx (%s, page %s)",
             f->error & 16  ? "fetch from"
             : f->error & 2 ? "write to"
                            : "read from",
             (unsigned long long)cr2, vm_describe(cr2), f->error & 1 ? "protected" : "not present");
}

void trap_print(const struct trap_frame *f)
{
    static const char *const names[] = {"r15", "r14", "r13", "r12", "r11", "r10", "r9 ", "r8 ",
                                        "rbp", "rdi", "rsi", "rdx", "rcx", "rbx", "rax"};
    const uint64_t *r = &f->r15;
    uint64_t trace[TRACE_MAX];
    char line[256];

    trap_describe(f, line, sizeof(line));
    kprintf("# %s\n", line);
    for (size_t i = 0; i < ARRAY_SIZE(names); i += 3)
        kprintf("#   %s %016llx  %s %016llx  %s %016llx\n", names[i], (unsigned long long)r[i], names[i + 1],
                (unsigned long long)r[i + 1], names[i + 2], (unsigned long long)r[i + 2]);
    kprintf("#   rsp %016llx  rip %016llx  rfl %016llx\n", (unsigned long long)f->rsp,
            (unsigned long long)f->rip, (unsigned long long)f->rflags);
    kprintf("#   cr2 %016llx  cr3 %016llx  cs %llx ss %llx\n", (unsigned long long)read_cr2(),
            (unsigned long long)read_cr3(), (unsigned long long)f->cs, (unsigned long long)f->ss);
    backtrace_print("#   ", trace, backtrace_trap(f, trace, TRACE_MAX));
}

static void exception(struct trap_frame *f)
{
    char line[256];

    if (!runtime_busy() && guard_trap(f))
        return;
    trap_print(f);
    trap_describe(f, line, sizeof(line));
    panic("%s%s", runtime_busy() ? "in a UEFI runtime service: " : "", line);
}

/* Called by the stubs. */
void trap_dispatch(struct trap_frame *f)
{
    if (f->vector >= TRAP_IRQ_FIRST) {
        if (irq_handler)
            irq_handler(f);
        return;
    }
    if (f->vector == TRAP_NMI && (smp_nmi(f) || watchdog_nmi(f)))
        return;
    exception(f);
}
