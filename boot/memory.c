/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory map: measured while boot services are there, fetched one last time to leave them, then
 * translated into the kernel's few types (UEFI 2.10, 7.2 Memory Allocation Services).
 */
#include "boot/boot.h"

#define EXIT_TRIES 8
#define MAP_SLACK  32 /* descriptors that our own allocations may add */

void *boot_arena_take(struct boot_arena *arena, UINT64 size)
{
    UINT64 bytes = (size + BOOT_PAGE - 1) / BOOT_PAGE * BOOT_PAGE;
    VOID *p = (VOID *)(arena->base + arena->used);

    if (bytes > arena->size - arena->used)
        return NULL;
    arena->used += bytes;
    return p;
}

static BOOLEAN is_ram(UINT32 type)
{
    switch (type) {
    case EfiLoaderCode:
    case EfiLoaderData:
    case EfiBootServicesCode:
    case EfiBootServicesData:
    case EfiConventionalMemory:
    case EfiRuntimeServicesCode:
    case EfiRuntimeServicesData:
    case EfiACPIReclaimMemory:
    case EfiACPIMemoryNVS:
        return TRUE;
    default:
        return FALSE;
    }
}

EFI_STATUS boot_memory_measure(UINT64 *ram_end, UINTN *map_size)
{
    UINTN size = 0, key, desc_size;
    UINT32 version;
    UINT8 *map;
    EFI_STATUS status = BS->GetMemoryMap(&size, NULL, &key, &desc_size, &version);

    if (status != EFI_BUFFER_TOO_SMALL)
        return status;
    size += MAP_SLACK * desc_size;
    *map_size = size;
    status = BS->AllocatePool(EfiLoaderData, size, (VOID **)&map);
    if (EFI_ERROR(status))
        return status;
    status = BS->GetMemoryMap(&size, (EFI_MEMORY_DESCRIPTOR *)map, &key, &desc_size, &version);
    *ram_end = 0;
    for (UINTN at = 0; !EFI_ERROR(status) && at + desc_size <= size; at += desc_size) {
        const EFI_MEMORY_DESCRIPTOR *d = (const EFI_MEMORY_DESCRIPTOR *)(map + at);
        UINT64 end = d->PhysicalStart + d->NumberOfPages * BOOT_PAGE;

        if (is_ram(d->Type) && end > *ram_end)
            *ram_end = end;
    }
    BS->FreePool(map);
    return status;
}

EFI_STATUS boot_memory_exit(EFI_HANDLE image, UINT8 *map, UINTN *map_size, UINTN *desc_size)
{
    UINTN room = *map_size, key;
    UINT32 version;
    EFI_STATUS status = EFI_LOAD_ERROR;

    for (int i = 0; i < EXIT_TRIES; i++) {
        *map_size = room;
        status = BS->GetMemoryMap(map_size, (EFI_MEMORY_DESCRIPTOR *)map, &key, desc_size, &version);
        if (EFI_ERROR(status))
            return status;
        status = BS->ExitBootServices(image, key);
        if (status != EFI_INVALID_PARAMETER)
            return status;
    }
    return status;
}

static UINT32 translate_type(const EFI_MEMORY_DESCRIPTOR *d)
{
    switch (d->Type) {
    case EfiLoaderCode:
    case EfiLoaderData:
    case EfiBootServicesCode:
    case EfiBootServicesData:
    case EfiConventionalMemory:
        return d->Attribute & EFI_MEMORY_RUNTIME ? BOOT_MEM_RESERVED : BOOT_MEM_FREE;
    case EfiRuntimeServicesCode:
        return BOOT_MEM_RUNTIME_CODE;
    case EfiRuntimeServicesData:
        return BOOT_MEM_RUNTIME_DATA;
    case EfiACPIReclaimMemory:
    case EfiACPIMemoryNVS:
        return BOOT_MEM_ACPI;
    default:
        return d->Attribute & EFI_MEMORY_RUNTIME ? BOOT_MEM_RUNTIME_MMIO : BOOT_MEM_RESERVED;
    }
}

/* A list of regions under construction, sorted by base. */
struct region_list {
    struct boot_region *r;
    UINTN max;
    UINTN count;
};

/* Inserts [base, end) in its place; joins with a neighbour in front of the same type. */
static EFI_STATUS insert(struct region_list *l, UINT64 base, UINT64 end, UINT32 type)
{
    UINTN at = l->count;

    if (base >= end)
        return EFI_SUCCESS;
    while (at > 0 && l->r[at - 1].base > base)
        at--;
    if (at > 0 && l->r[at - 1].type == type && l->r[at - 1].base + l->r[at - 1].pages * BOOT_PAGE == base) {
        l->r[at - 1].pages += (end - base) / BOOT_PAGE;
        return EFI_SUCCESS;
    }
    if (l->count == l->max)
        return EFI_BUFFER_TOO_SMALL;
    for (UINTN i = l->count; i > at; i--)
        l->r[i] = l->r[i - 1];
    l->r[at] = (struct boot_region){.base = base, .pages = (end - base) / BOOT_PAGE, .type = type};
    l->count++;
    return EFI_SUCCESS;
}

/* Inserts what lies in front of and behind the two areas [a0, a1) and [b0, b1), a0 < b0. */
static EFI_STATUS insert_around(struct region_list *l, UINT64 base, UINT64 end, UINT32 type,
                                const UINT64 cut[4])
{
    EFI_STATUS status = EFI_SUCCESS;

    for (int i = 0; i < 4 && !EFI_ERROR(status); i += 2) {
        if (cut[i + 1] <= base || cut[i] >= end)
            continue;
        status = insert(l, base, cut[i], type);
        base = cut[i + 1];
    }
    return EFI_ERROR(status) ? status : insert(l, base, end, type);
}

EFI_STATUS boot_memory_translate(const UINT8 *map, UINTN map_size, UINTN desc_size,
                                 const struct boot_kernel *kernel, const struct boot_arena *arena,
                                 struct boot_region *out, UINTN max, UINTN *count)
{
    struct region_list l = {.r = out, .max = max};
    UINT64 k0 = kernel->base, k1 = k0 + kernel->size, a0 = arena->base, a1 = a0 + arena->size;
    const UINT64 cut[4] = {k0 < a0 ? k0 : a0, k0 < a0 ? k1 : a1, k0 < a0 ? a0 : k0, k0 < a0 ? a1 : k1};
    EFI_STATUS status = EFI_SUCCESS;

    for (UINTN at = 0; !EFI_ERROR(status) && at + desc_size <= map_size; at += desc_size) {
        const EFI_MEMORY_DESCRIPTOR *d = (const EFI_MEMORY_DESCRIPTOR *)(map + at);
        UINT64 end = d->PhysicalStart + d->NumberOfPages * BOOT_PAGE;

        status = insert_around(&l, d->PhysicalStart, end, translate_type(d), cut);
    }
    if (!EFI_ERROR(status))
        status = insert(&l, k0, k1, BOOT_MEM_KERNEL);
    if (!EFI_ERROR(status))
        status = insert(&l, a0, a1, BOOT_MEM_KEEP);
    *count = l.count;
    return status;
}
