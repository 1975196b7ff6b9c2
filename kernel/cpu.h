/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One processor: its privileged instructions by name, and what the kernel keeps per processor. The per-CPU
 * structure is reached through GS, so code that uses cpu_this() does not care how many there are.
 */
#ifndef KERNEL_CPU_H
#define KERNEL_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/lib/compiler.h"
#include "kernel/lockdep.h"

#define CPU_MAX 16

struct thread;

/* `self` stays first: %gs:0 is how cpu_this() finds the rest. Written by its own CPU only, interrupts off. */
struct cpu {
    struct cpu *self;
    unsigned index;
    uint32_t apic_id;
    struct thread *thread; /* running thread; NULL before thread_start() */
    unsigned irq_depth;    /* interrupt handlers under way */
    bool resched;          /* a switch is due when the interrupt returns */
    bool in_firmware;      /* inside a UEFI runtime service */
    unsigned spins;        /* kernel locks held or waited for: what runs now cannot be given up half way */
    struct lock_chain locks;
};

/*
 * The executing CPU. Valid from gdt_init() on. With interrupts on, the thread may be on another CPU at the
 * next instruction: then only CPU_READ() means something. X.
 */
static inline struct cpu *cpu_this(void)
{
    struct cpu *c;

    __asm__ volatile("mov %%gs:0, %0" : "=r"(c));
    return c;
}

/* A member of the executing CPU's structure, read by one instruction. X. */
#define CPU_READ(member)                                                                                     \
    (__extension__({                                                                                         \
        __typeof__(cpu_this()->member) cpu_read_value_;                                                      \
        __asm__ volatile("mov %%gs:%c1, %0" : "=r"(cpu_read_value_) : "i"(offsetof(struct cpu, member)));    \
        cpu_read_value_;                                                                                     \
    }))

/* Index of the executing CPU, 0 .. CPU_MAX-1. */
static inline unsigned cpu_index(void)
{
    return CPU_READ(index);
}

/* ---- Ports ---- */

static inline void outb(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline void outw(uint16_t port, uint16_t value)
{
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline void outl(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline uint8_t inb(uint16_t port)
{
    uint8_t value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static inline uint16_t inw(uint16_t port)
{
    uint16_t value;

    __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static inline uint32_t inl(uint16_t port)
{
    uint32_t value;

    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

/* ---- Model-specific registers, CPUID, time stamp ---- */

#define MSR_APIC_BASE  0x1bu
#define MSR_PAT        0x277u
#define MSR_EFER       0xc0000080u
#define MSR_GS_BASE    0xc0000101u
#define EFER_LME       (1ull << 8)
#define EFER_NXE       (1ull << 11)
#define CR0_MP         (1ull << 1)
#define CR0_EM         (1ull << 2)
#define CR0_TS         (1ull << 3)
#define CR0_WP         (1ull << 16)
#define CR4_OSFXSR     (1ull << 9)
#define CR4_OSXMMEXCPT (1ull << 10)
#define CR4_PGE        (1ull << 7)
#define CR4_LA57       (1ull << 12)
#define CR4_PCIDE      (1ull << 17)
#define CR4_SMEP       (1ull << 20)
#define CR4_SMAP       (1ull << 21)
#define RFLAGS_IF      (1ull << 9)

/* Traps (#GP) where the CPU has no such register. */
static inline uint64_t rdmsr(uint32_t msr)
{
    uint32_t lo, hi;

    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr) : "memory");
    return (uint64_t)hi << 32 | lo;
}

/* As rdmsr; also for values that the register refuses. */
static inline void wrmsr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

struct cpuid {
    uint32_t eax, ebx, ecx, edx;
};

/* Leaf 0 and 80000000h tell the highest leaf: beyond it the answer means nothing. */
static inline struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid r;

    __asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
    return r;
}

/* The time-stamp counter; not ordered with loads and stores around it. */
static inline uint64_t rdtsc(void)
{
    uint32_t lo, hi;

    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
    return (uint64_t)hi << 32 | lo;
}

/* ---- Control registers ---- */

#define CPU_CR(n)                                                                                            \
    static inline uint64_t read_cr##n(void)                                                                  \
    {                                                                                                        \
        uint64_t v;                                                                                          \
        __asm__ volatile("mov %%cr" #n ", %0" : "=r"(v) : : "memory");                                       \
        return v;                                                                                            \
    }                                                                                                        \
    static inline void write_cr##n(uint64_t v)                                                               \
    {                                                                                                        \
        __asm__ volatile("mov %0, %%cr" #n : : "r"(v) : "memory");                                           \
    }

CPU_CR(0)
CPU_CR(2)
CPU_CR(3)
CPU_CR(4)

/* Forgets the translation of the page at `va` on this CPU. */
static inline void invlpg(uint64_t va)
{
    __asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

/* ---- Interrupt flag, idling ---- */

static inline void cpu_cli(void)
{
    __asm__ volatile("cli" : : : "memory");
}

static inline void cpu_sti(void)
{
    __asm__ volatile("sti" : : : "memory");
}

/* Waits for an interrupt with interrupts on; none that arrives after the caller's last look is missed. */
static inline void cpu_sti_hlt(void)
{
    __asm__ volatile("sti\n\thlt" : : : "memory");
}

static inline void cpu_hlt(void)
{
    __asm__ volatile("hlt" : : : "memory");
}

static inline void cpu_pause(void)
{
    __asm__ volatile("pause" : : : "memory");
}

/* Interrupts off; the result is for irq_restore(). Nests. */
static inline uint64_t irq_save(void)
{
    uint64_t flags;

    __asm__ volatile("pushfq\n\tpopq %0\n\tcli" : "=r"(flags) : : "memory");
    return flags;
}

static inline void irq_restore(uint64_t flags)
{
    if (flags & RFLAGS_IF)
        cpu_sti();
}

static inline bool irq_enabled(void)
{
    uint64_t flags;

    __asm__ volatile("pushfq\n\tpopq %0" : "=r"(flags) : : "memory");
    return flags & RFLAGS_IF;
}

/* Never returns from its instruction: stops this CPU for good. */
noreturn static inline void cpu_stop(void)
{
    for (;;)
        __asm__ volatile("cli\n\thlt" : : : "memory");
}

/* ---- Set-up (gdt.c) ---- */

/*
 * Makes the executing CPU number `index`: its GDT, TSS with the IST stacks, and the per-CPU pointer. Called
 * once on each CPU, before its first interrupt. Every CPU but 0 needs gdt_prepare() first, elsewhere: it
 * allocates the stacks. 0, -ENOMEM.
 */
void gdt_init(unsigned index);
must_check int gdt_prepare(unsigned index);

/* The per-CPU structure of CPU `index`, whether it runs or not. */
struct cpu *cpu_get(unsigned index);

/* Segment selectors of every CPU's GDT. */
#define GDT_CODE 0x08
#define GDT_DATA 0x10
#define GDT_TSS  0x18

/* Interrupt stacks in the TSS; 0 = the interrupted thread's own stack. Vectors 32 and up use 0. */
enum ist { IST_NONE, IST_NMI, IST_DOUBLE_FAULT, IST_MACHINE_CHECK, IST_PAGE_FAULT, IST_DEBUG, IST_COUNT };

#endif
