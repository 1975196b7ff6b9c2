/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The boot part: everything that needs UEFI boot services. It collects what the kernel will want to know,
 * puts the kernel ELF into memory, leaves boot services and jumps. Errors are EFI_STATUS; whoever finds one
 * prints why.
 */
#ifndef BOOT_BOOT_H
#define BOOT_BOOT_H

#include <efi.h>
#include <efilib.h>

#include "kernel/boot_info.h"

#define BOOT_PAGE       4096u
#define BOOT_STACK_SIZE (4 * BOOT_PAGE)

/* CopyMem for constant sources, which GNU-EFI's prototype lacks. */
static inline void boot_copy(void *to, const void *from, UINTN size)
{
    CopyMem(to, (void *)(UINTN)from, size);
}

/*
 * Zeroes `size` bytes, a multiple of 8, on a boundary of 8. Firmware's ZeroMem stores byte by byte, and there
 * are megabytes to clear; volatile, so that the loop does not become a call of memset.
 */
static inline void boot_zero(UINT64 to, UINTN size)
{
    volatile UINT64 *at = (volatile UINT64 *)to;

    for (UINTN i = 0; i < size / sizeof(*at); i++)
        at[i] = 0;
}

/* One PT_LOAD segment of the kernel. */
struct boot_segment {
    UINT64 va;
    UINT64 size; /* in memory, whole pages */
    BOOLEAN write, execute;
};

#define BOOT_SEGMENTS 8

struct boot_kernel {
    UINT64 entry;
    UINT64 base; /* where BOOT_KERNEL_BASE lies in physical memory */
    UINT64 size;
    struct boot_segment segment[BOOT_SEGMENTS];
    UINTN segments;
};

/* Memory that becomes BOOT_MEM_KEEP; handed out from its start, zeroed. */
struct boot_arena {
    UINT64 base;
    UINT64 size;
    UINT64 used;
};

/* `size` bytes on a page boundary. The arena was measured beforehand: running out is our own bug, and NULL.
 */
void *boot_arena_take(struct boot_arena *arena, UINT64 size);

/* ---- args.c: fills info->args with whatever bytes the places hold ---- */

void boot_args_collect(EFI_HANDLE image, struct boot_info *info);

/* ---- hardware.c: RSDP, frame buffer, firmware identity, runtime services ---- */

void boot_hardware_collect(EFI_SYSTEM_TABLE *st, struct boot_info *info);

/* ---- elf.c ---- */

/* Copies the PT_LOAD segments of the ELF file `blob` into fresh pages. */
EFI_STATUS boot_elf_load(const UINT8 *blob, UINT64 size, struct boot_kernel *kernel);

/* Bytes of arena that boot_elf_symbols() will take; 0 when the blob has no symbols. */
UINT64 boot_elf_symbols_size(const UINT8 *blob, UINT64 size);

/* Copies symbol table and strings. Call after boot_elf_load() has accepted the blob. */
void boot_elf_symbols(const UINT8 *blob, UINT64 size, struct boot_arena *arena, struct boot_info *info);

/* ---- memory.c ---- */

/* End of the highest RAM in the firmware's map, and room for the map with later growth in bytes. */
EFI_STATUS boot_memory_measure(UINT64 *ram_end, UINTN *map_size);

/*
 * Gets the final map into `map` (`map_size` bytes) and leaves boot services; tried again with a newer map
 * when the firmware says that it changed.
 */
EFI_STATUS boot_memory_exit(EFI_HANDLE image, UINT8 *map, UINTN *map_size, UINTN *desc_size);

/* Translates the firmware's map, sorted, with our own two areas cut out. Boot services are gone. */
EFI_STATUS boot_memory_translate(const UINT8 *map, UINTN map_size, UINTN desc_size,
                                 const struct boot_kernel *kernel, const struct boot_arena *arena,
                                 struct boot_region *out, UINTN max, UINTN *count);

/* ---- paging.c ---- */

/* Bytes of arena that boot_paging_build() will take for a direct map up to `ram_end`. */
UINT64 boot_paging_size(UINT64 ram_end);

/*
 * First page tables: direct map (writable, not executable), the kernel with the rights of its segments, and
 * the pages of the jump one to one, executable. Returns the top-level table, 0 when the arena was too small.
 */
UINT64 boot_paging_build(struct boot_arena *arena, UINT64 ram_end, const struct boot_kernel *kernel);

/* ---- jump.S ---- */

extern const UINT8 boot_jump_end[];

/* Loads `cr3`, then `stack`, then calls `entry(info)` with interrupts off. */
void boot_jump(UINT64 cr3, UINT64 stack, UINT64 entry, UINT64 info) __attribute__((noreturn));

/* ---- kernel_blob.S: the packed kernel ELF ---- */

extern const UINT8 boot_kernel_blob[];
extern const UINT8 boot_kernel_blob_end[];

#endif
