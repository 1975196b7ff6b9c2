/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Per-CPU segments: flat code and data, and the TSS, which in long mode is little more than the table of
 * interrupt stacks (Intel SDM vol. 3, 8.2.3 and 8.7).
 */
#include <errno.h>

#include "kernel/cpu.h"
#include "kernel/stacks.h"
#include "kernel/vm.h"

struct tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7]; /* ist[n - 1] is IST n */
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t iomap; /* past the limit: no I/O map */
} packed;

_Static_assert(sizeof(struct tss) == 104, "TSS, SDM vol. 3 figure 8-11");

struct descriptor_ptr {
    uint16_t limit;
    uint64_t base;
} packed;

#define GDT_ENTRIES   5
#define SEG_CODE64    0x00af9b000000ffffull
#define SEG_DATA      0x00cf93000000ffffull
#define SEG_TSS       0x0000890000000000ull
#define FX_MXCSR_INIT 0x1f80u

static struct cpu cpus[CPU_MAX];
static struct tss tss[CPU_MAX] aligned_to(16);
static uint64_t gdt[CPU_MAX][GDT_ENTRIES] aligned_to(16);

struct cpu *cpu_get(unsigned index)
{
    return index < CPU_MAX ? &cpus[index] : NULL;
}

int gdt_prepare(unsigned index)
{
    for (unsigned n = IST_NONE + 1; n < IST_COUNT; n++) {
        uint8_t *low = tss[index].ist[n - 1] ? NULL : vm_stack_alloc(STACK_PAGES);

        if (low)
            tss[index].ist[n - 1] = (uint64_t)low + STACK_PAGES * STACK_PAGE;
        else if (!tss[index].ist[n - 1])
            return -ENOMEM;
    }
    return 0;
}

/* The first CPU has no allocator yet. */
static void use_static_stacks(struct tss *t)
{
    for (unsigned n = IST_NONE + 1; n < IST_COUNT; n++)
        t->ist[n - 1] = (uint64_t)&kernel_stacks[n].room[sizeof(kernel_stacks[n].room)];
}

static void fill_gdt(uint64_t *g, const struct tss *t)
{
    uint64_t base = (uint64_t)t;

    g[0] = 0;
    g[GDT_CODE / 8] = SEG_CODE64;
    g[GDT_DATA / 8] = SEG_DATA;
    g[GDT_TSS / 8] = SEG_TSS | (sizeof(*t) - 1) | (base & 0xffffff) << 16 | (base >> 24 & 0xff) << 56;
    g[GDT_TSS / 8 + 1] = base >> 32;
}

static void load_gdt(const uint64_t *g)
{
    struct descriptor_ptr p = {.limit = GDT_ENTRIES * 8 - 1, .base = (uint64_t)g};

    __asm__ volatile("lgdt %0\n\t"
                     "push %1\n\t"
                     "lea 1f(%%rip), %%rax\n\t"
                     "push %%rax\n\t"
                     "lretq\n"
                     "1:\tmov %2, %%ds\n\t"
                     "mov %2, %%es\n\t"
                     "mov %2, %%ss\n\t"
                     "mov %3, %%fs\n\t"
                     "mov %3, %%gs\n\t"
                     "ltr %w4"
                     :
                     : "m"(p), "i"(GDT_CODE), "r"(GDT_DATA), "r"(0), "r"(GDT_TSS)
                     : "rax", "memory");
}

/* x87 and SSE as newlib's own objects expect them: on, masked, round to nearest. */
static void init_fx(void)
{
    uint32_t mxcsr = FX_MXCSR_INIT;

    write_cr0((read_cr0() & ~(CR0_EM | CR0_TS)) | CR0_MP);
    write_cr4(read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT);
    __asm__ volatile("fninit\n\tldmxcsr %0" : : "m"(mxcsr));
}

void gdt_init(unsigned index)
{
    struct cpu *c = &cpus[index];

    if (index == 0)
        use_static_stacks(&tss[index]);
    tss[index].iomap = sizeof(struct tss);
    fill_gdt(gdt[index], &tss[index]);
    load_gdt(gdt[index]);
    init_fx();
    c->self = c;
    c->index = index;
    wrmsr(MSR_GS_BASE, (uint64_t)c);
}
