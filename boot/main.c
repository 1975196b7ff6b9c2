/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UEFI entry: collect, load, leave boot services, jump. Two allocations live on: the kernel image, and one
 * arena with everything that is handed over (struct boot_info, map, symbols, first page tables and stack).
 */
#include "boot/boot.h"
#include "boot/inflate.h"

#define MAX_REGIONS 1024

struct plan {
    UINT8 *elf;
    UINT64 elf_size;
    UINT64 ram_end;
    UINTN map_size;
    UINT8 *map;
    struct boot_region *regions;
    struct boot_kernel kernel;
    struct boot_arena arena;
};

static BOOLEAN five_levels(void)
{
    UINT64 cr4;

    __asm__("mov %%cr4, %0" : "=r"(cr4));
    return cr4 >> 12 & 1;
}

static EFI_STATUS fail(const char *step, EFI_STATUS status)
{
    Print(L"pasidcheck: %a: %r\n", step, status);
    return status;
}

/*
 * The kernel ELF as a file in memory; nobody needs it once it is loaded. Pages, and never given back: builds
 * of the firmware exist that fill each pool buffer with a pattern, byte by byte, when it comes and when it
 * goes.
 */
static EFI_STATUS unpack(struct plan *p)
{
    const UINT8 *blob = boot_kernel_blob;
    EFI_PHYSICAL_ADDRESS base = 0;
    struct inflate_work *work;
    EFI_STATUS status;

    p->elf_size = blob[0] | blob[1] << 8 | blob[2] << 16 | (UINT64)blob[3] << 24;
    status = BS->AllocatePages(AllocateAnyPages, EfiLoaderData,
                               (sizeof(*work) + p->elf_size + BOOT_PAGE - 1) / BOOT_PAGE, &base);
    if (EFI_ERROR(status))
        return status;
    work = (struct inflate_work *)base;
    p->elf = (UINT8 *)(work + 1);
    if (!inflate_zlib(work, blob + 4, (UINTN)(boot_kernel_blob_end - blob) - 4, p->elf, p->elf_size))
        return EFI_COMPROMISED_DATA;
    return EFI_SUCCESS;
}

/* Sizes first, then one allocation for all of it: later steps cannot run out. */
static EFI_STATUS allocate(struct plan *p)
{
    EFI_PHYSICAL_ADDRESS base = 0;
    EFI_STATUS status = boot_memory_measure(&p->ram_end, &p->map_size);
    UINT64 size;

    if (EFI_ERROR(status))
        return status;
    p->map_size *= 2;
    size = sizeof(struct boot_info) + MAX_REGIONS * sizeof(struct boot_region) + p->map_size + 4 * BOOT_PAGE +
           BOOT_STACK_SIZE + boot_elf_symbols_size(p->elf, p->elf_size) + boot_paging_size(p->ram_end);
    size = (size + BOOT_PAGE - 1) / BOOT_PAGE * BOOT_PAGE;
    status = BS->AllocatePages(AllocateAnyPages, EfiLoaderData, size / BOOT_PAGE, &base);
    if (EFI_ERROR(status))
        return status;
    boot_zero(base, size);
    p->arena = (struct boot_arena){.base = base, .size = size};
    return EFI_SUCCESS;
}

static struct boot_info *collect(struct plan *p, EFI_HANDLE image, EFI_SYSTEM_TABLE *st)
{
    struct boot_info *info = boot_arena_take(&p->arena, sizeof(*info));

    info->magic = BOOT_INFO_MAGIC;
    info->version = BOOT_INFO_VERSION;
    info->size = sizeof(*info);
    info->kernel = (struct boot_blob){p->kernel.base, p->kernel.size};
    boot_args_collect(image, info);
    boot_hardware_collect(st, info);
    boot_elf_symbols(p->elf, p->elf_size, &p->arena, info);
    p->map = boot_arena_take(&p->arena, p->map_size);
    p->regions = boot_arena_take(&p->arena, MAX_REGIONS * sizeof(*p->regions));
    info->regions.base = (UINT64)p->regions;
    return info;
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *st);

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *st)
{
    static struct plan p;
    struct boot_info *info;
    UINTN desc_size, count;
    UINT64 cr3, stack;
    EFI_STATUS status;

    if (five_levels())
        return fail("5-level paging is on; switch it off in the firmware", EFI_UNSUPPORTED);
    status = unpack(&p);
    if (EFI_ERROR(status))
        return fail("unpacking the kernel", status);
    status = boot_elf_load(p.elf, p.elf_size, &p.kernel);
    if (EFI_ERROR(status))
        return fail("loading the kernel", status);
    status = allocate(&p);
    if (EFI_ERROR(status))
        return fail("allocating memory", status);
    info = collect(&p, image, st);
    cr3 = boot_paging_build(&p.arena, p.ram_end, &p.kernel);
    stack = (UINT64)boot_arena_take(&p.arena, BOOT_STACK_SIZE);
    if (!cr3 || !stack)
        return fail("building page tables", EFI_OUT_OF_RESOURCES);
    status = boot_memory_exit(image, p.map, &p.map_size, &desc_size);
    if (EFI_ERROR(status))
        return fail("leaving boot services", status);
    /* From here on there is nobody to complain to: without a map the kernel says so and stops. */
    status = boot_memory_translate(p.map, p.map_size, desc_size, &p.kernel, &p.arena, p.regions, MAX_REGIONS,
                                   &count);
    if (EFI_ERROR(status))
        count = 0;
    info->regions.size = count * sizeof(*p.regions);
    boot_jump(cr3, stack + BOOT_STACK_SIZE + BOOT_DIRECT_BASE, p.kernel.entry,
              (UINT64)info + BOOT_DIRECT_BASE);
}
