/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's address space; see vm.h. One tree for all CPUs; `lock` protects its windows and their entries.
 * What is unmapped is flushed on every CPU before it is used for anything else.
 */
#include <errno.h>

#include "kernel/cpu.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/smp.h"
#include "kernel/spin.h"
#include "kernel/stacks.h"
#include "kernel/vm.h"
#include "kernel/vm_tables.h"

#define STACK_SLOTS     256u
#define STACK_SLOT_SIZE (64u * PAGE_SIZE) /* the stack at its top, guard below */
#define STACK_MAX_PAGES 32u
#define IO_LIMIT        (1ull << 46) /* size of the window at VM_MMIO_BASE */
#define HEAP_LIMIT      (1ull << 40)

/* PAT entries 0..7: WB, WC, UC-, UC, and again; index 1 is WT after reset (SDM vol. 3, 11.12.4). */
#define PAT_VALUE 0x0007010600070106ull

extern const uint8_t kernel_text_start[], kernel_text_end[], kernel_rodata_end[], kernel_end[];

static uint64_t root;
static uint64_t largest = VM_2M;
static uint64_t pa_limit; /* first address that the CPU cannot put on the bus */
static const struct boot_region *regions;
static size_t region_count;
static uint64_t image_base, image_size;
static struct spin lock = SPIN_INIT("address space");
static uint64_t io_next = VM_MMIO_BASE;
static uint8_t stack_used[STACK_SLOTS];

/* ---- Building ---- */

static void must_map(uint64_t va, uint64_t pa, uint64_t size, uint64_t flags)
{
    if (vt_map(root, va, pa, size, flags, largest))
        panic("no memory for page tables");
}

/* How the direct map shows a region: not at all, or with these flags. */
static bool direct_flags(uint32_t type, uint64_t *flags)
{
    switch (type) {
    case BOOT_MEM_FREE:
    case BOOT_MEM_KEEP:
        *flags = PTE_NX | PTE_W;
        return true;
    case BOOT_MEM_ACPI:
        *flags = PTE_NX;
        return true;
    default:
        return false;
    }
}

static void map_direct(void)
{
    uint64_t flags;

    for (size_t i = 0; i < region_count; i++)
        if (direct_flags(regions[i].type, &flags))
            must_map(VM_DIRECT_BASE + regions[i].base, regions[i].base, regions[i].pages * PAGE_SIZE, flags);
}

static void map_image_part(const uint8_t *from, const uint8_t *to, uint64_t flags)
{
    must_map((uint64_t)from, image_base + ((uint64_t)from - VM_KERNEL_BASE), (uint64_t)(to - from), flags);
}

static void map_image(void)
{
    map_image_part(kernel_text_start, kernel_text_end, 0);
    map_image_part(kernel_text_end, kernel_rodata_end, PTE_NX);
    map_image_part(kernel_rodata_end, kernel_end, PTE_NX | PTE_W);
    for (size_t i = 0; i < ARRAY_SIZE(kernel_stacks); i++)
        vt_unmap(root, (uint64_t)kernel_stacks[i].guard, sizeof(kernel_stacks[i].guard));
}

static void probe_cpu(void)
{
    uint32_t top = cpuid(0x80000000, 0).eax;

    if (top >= 0x80000001 && cpuid(0x80000001, 0).edx >> 26 & 1)
        largest = VM_1G;
    pa_limit = 1ull << (top >= 0x80000008 ? cpuid(0x80000008, 0).eax & 0xff : 36);
}

void vm_init_cpu(void)
{
    uint64_t cr4 = read_cr4() & ~CR4_PGE;

    if (cpuid(0, 0).eax >= 7) {
        uint32_t features = cpuid(7, 0).ebx;

        cr4 |= (features >> 7 & 1 ? CR4_SMEP : 0) | (features >> 20 & 1 ? CR4_SMAP : 0);
    }
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE);
    wrmsr(MSR_PAT, PAT_VALUE);
    write_cr0(read_cr0() | CR0_WP);
    write_cr4(cr4);
    write_cr3(root);
}

void vm_init(const struct boot_info *info)
{
    regions = vm_va(info->regions.base);
    region_count = info->regions.size / sizeof(*regions);
    image_base = info->kernel.base;
    image_size = info->kernel.size;
    probe_cpu();
    root = vt_create();
    if (!root)
        panic("no memory for page tables");
    map_direct();
    map_image();
    vm_init_cpu();
}

uint64_t vm_root(void)
{
    return root;
}

/* ---- Addresses ---- */

uint64_t vm_pa(const void *va)
{
    uint64_t a = (uint64_t)va;

    if (a >= VM_DIRECT_BASE && a < VM_MMIO_BASE)
        return a - VM_DIRECT_BASE;
    if (a >= VM_KERNEL_BASE && a - VM_KERNEL_BASE < image_size)
        return image_base + (a - VM_KERNEL_BASE);
    panic("%p has no fixed physical address", va);
}

/* How many bytes of [pa, pa+size) lie in regions that `pick` accepts. */
static uint64_t covered(uint64_t pa, uint64_t size, bool (*pick)(uint32_t type))
{
    uint64_t sum = 0;

    for (size_t i = 0; i < region_count; i++) {
        uint64_t lo = regions[i].base, hi = lo + regions[i].pages * PAGE_SIZE;

        lo = lo < pa ? pa : lo;
        hi = hi > pa + size ? pa + size : hi;
        if (lo < hi && pick(regions[i].type))
            sum += hi - lo;
    }
    return sum;
}

static bool in_direct_map(uint32_t type)
{
    uint64_t flags;

    return direct_flags(type, &flags);
}

static bool any_ram(uint32_t type)
{
    return type != BOOT_MEM_RESERVED && type != BOOT_MEM_RUNTIME_MMIO;
}

bool vm_is_ram(uint64_t pa, uint64_t size)
{
    return size <= UINT64_MAX - pa && covered(pa, size, in_direct_map) == size;
}

bool vm_overlaps_ram(uint64_t pa, uint64_t size)
{
    return size > UINT64_MAX - pa || covered(pa, size, any_ram) > 0;
}

bool vm_readable(uint64_t va, size_t size)
{
    uint64_t entry, page_size, at = va;

    if (!root || !size || va + size < va)
        return false;
    while (at < va + size) {
        if (!vt_lookup(root, at, &entry, &page_size) || entry & PTE_UC)
            return false;
        at = (at & ~(page_size - 1)) + page_size;
    }
    return true;
}

static bool in_guard(uint64_t va)
{
    for (size_t i = 0; i < ARRAY_SIZE(kernel_stacks); i++)
        if (va - (uint64_t)kernel_stacks[i].guard < sizeof(kernel_stacks[i].guard))
            return true;
    return false;
}

const char *vm_describe(uint64_t va)
{
    uint64_t entry, page_size;
    bool mapped = root && vt_lookup(root, va, &entry, &page_size);

    if (va < PAGE_SIZE)
        return "null page";
    if (va < 1ull << 47)
        return "low half";
    if (va < VM_DIRECT_BASE)
        return "not canonical";
    if (va >= VM_KERNEL_BASE && va < (uint64_t)kernel_text_end)
        return "kernel text";
    if (va >= VM_KERNEL_BASE && va < (uint64_t)kernel_rodata_end)
        return "kernel read-only data";
    if (va >= VM_KERNEL_BASE && va < (uint64_t)kernel_end)
        return in_guard(va) ? "stack guard page" : "kernel data";
    if (va < VM_MMIO_BASE)
        return mapped ? "direct map" : "hole in the direct map";
    if (va < VM_STACK_BASE)
        return mapped ? "register window" : "unmapped registers";
    if (va < VM_HEAP_BASE)
        return mapped ? "thread stack" : "stack guard page";
    if (va < VM_HEAP_BASE + HEAP_LIMIT)
        return mapped ? "heap" : "beyond the heap";
    return "nothing";
}

/* ---- Windows ---- */

static void flush(uint64_t va, uint64_t size)
{
    for (uint64_t at = va; at < va + size; at += PAGE_SIZE)
        invlpg(at);
    smp_flush_tlb();
}

/* Address space in the register window, aligned so that large pages fit where `pa` allows them. */
static uint64_t io_reserve(uint64_t pa, uint64_t size)
{
    uint64_t align = size >= VM_2M ? VM_2M : PAGE_SIZE;
    uint64_t va = (io_next + align - 1) / align * align + (pa & (align - 1));

    io_next = va + size + PAGE_SIZE;
    return va;
}

static void *map_io(uint64_t pa, size_t size, uint64_t flags)
{
    uint64_t skew = pa % PAGE_SIZE, base = pa - skew,
             len = (skew + size + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE;
    uint64_t irq, va;
    int err;

    if (!size || size > IO_LIMIT / 16 || pa > pa_limit || base + len > pa_limit)
        return NULL;
    irq = spin_lock(&lock);
    va = io_reserve(base, len);
    err =
        va + len > VM_MMIO_BASE + IO_LIMIT / 4 ? -ENOMEM : vt_map(root, va, base, len, flags | PTE_NX, VM_2M);
    spin_unlock(&lock, irq);
    return err ? NULL : (void *)(va + skew);
}

void *vm_map_mmio(uint64_t pa, size_t size)
{
    return map_io(pa, size, PTE_UC | PTE_W);
}

void *vm_map_wc(uint64_t pa, size_t size)
{
    return map_io(pa, size, PTE_WC | PTE_W);
}

const void *vm_map_table(uint64_t pa, size_t size)
{
    return vm_is_ram(pa, size) ? vm_va(pa) : map_io(pa, size, 0);
}

void vm_unmap_io(const volatile void *va, size_t size)
{
    uint64_t a = (uint64_t)va, base = a / PAGE_SIZE * PAGE_SIZE;
    uint64_t len = (a - base + size + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE, irq;

    if (a < VM_MMIO_BASE)
        return;
    irq = spin_lock(&lock);
    vt_unmap(root, base, len);
    flush(base, len);
    spin_unlock(&lock, irq);
}

/* ---- Stacks and heap: fresh pages at fixed windows ---- */

/* Unmaps and frees what map_fresh() mapped. */
static void unmap_fresh(uint64_t va, uint64_t size)
{
    uint64_t entry, page_size;

    for (uint64_t at = va; at < va + size; at += PAGE_SIZE) {
        if (!vt_lookup(root, at, &entry, &page_size))
            continue;
        vt_unmap(root, at, PAGE_SIZE);
        flush(at, PAGE_SIZE);
        page_free(vm_va(entry & PTE_PA), 1);
    }
}

static int map_fresh(uint64_t va, uint64_t size)
{
    for (uint64_t at = va; at < va + size; at += PAGE_SIZE) {
        void *page = page_alloc(1, OWNER_KERNEL);

        if (page && !vt_map(root, at, vm_pa(page), PAGE_SIZE, PTE_W | PTE_NX, VM_4K))
            continue;
        if (page)
            page_free(page, 1);
        unmap_fresh(va, at - va);
        return -ENOMEM;
    }
    return 0;
}

int vm_map_heap(uint64_t va, size_t size)
{
    uint64_t irq;
    int err;

    if (va < VM_HEAP_BASE || size > HEAP_LIMIT || va - VM_HEAP_BASE > HEAP_LIMIT - size)
        return -ENOMEM;
    irq = spin_lock(&lock);
    err = map_fresh(va, size);
    spin_unlock(&lock, irq);
    return err;
}

void *vm_stack_alloc(unsigned stack_pages)
{
    uint64_t size = (uint64_t)stack_pages * PAGE_SIZE, irq, va = 0;

    if (!stack_pages || stack_pages > STACK_MAX_PAGES)
        return NULL;
    irq = spin_lock(&lock);
    for (unsigned i = 0; i < STACK_SLOTS && !va; i++) {
        if (stack_used[i])
            continue;
        va = VM_STACK_BASE + (i + 1ull) * STACK_SLOT_SIZE - size;
        if (map_fresh(va, size))
            break;
        stack_used[i] = true;
        spin_unlock(&lock, irq);
        return (void *)va;
    }
    spin_unlock(&lock, irq);
    return NULL;
}

void vm_stack_free(void *low, unsigned stack_pages)
{
    uint64_t irq = spin_lock(&lock), va = (uint64_t)low;

    unmap_fresh(va, (uint64_t)stack_pages * PAGE_SIZE);
    stack_used[(va - VM_STACK_BASE) / STACK_SLOT_SIZE] = false;
    spin_unlock(&lock, irq);
}
