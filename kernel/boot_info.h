/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the boot part hands over to the kernel: one structure, the only thing that both know of each other.
 * All addresses in it are physical. It and everything it points to lies in BOOT_MEM_KEEP memory and stays
 * valid.
 */
#ifndef KERNEL_BOOT_INFO_H
#define KERNEL_BOOT_INFO_H

#include <stddef.h>
#include <stdint.h>

#define BOOT_INFO_MAGIC   0x4b43444953415042ull
#define BOOT_INFO_VERSION 1u

/* The address map that boot and kernel agree on; linker/kernel.ld places the image at BOOT_KERNEL_BASE. */
#define BOOT_KERNEL_BASE 0xffffffff80000000ull
#define BOOT_DIRECT_BASE 0xffff800000000000ull

enum boot_mem {
    BOOT_MEM_FREE,         /* RAM nobody needs once boot services are gone */
    BOOT_MEM_KEEP,         /* boot_info, first page tables and stack, symbols */
    BOOT_MEM_KERNEL,       /* the kernel image */
    BOOT_MEM_ACPI,         /* ACPI tables and NVS: RAM, read by the kernel, never handed out */
    BOOT_MEM_RUNTIME_CODE, /* UEFI runtime services */
    BOOT_MEM_RUNTIME_DATA,
    BOOT_MEM_RUNTIME_MMIO, /* registers that runtime services use */
    BOOT_MEM_RESERVED,     /* anything else: not mapped */
};

struct boot_region {
    uint64_t base; /* page aligned */
    uint64_t pages;
    uint32_t type; /* enum boot_mem */
    uint32_t zero;
};

/* Pixel layouts that GOP offers; BOOT_FB_NONE: no linear frame buffer. */
enum boot_fb { BOOT_FB_NONE, BOOT_FB_RGBX, BOOT_FB_BGRX };

struct boot_framebuffer {
    uint64_t base;
    uint64_t size;
    uint32_t width; /* pixels */
    uint32_t height;
    uint32_t stride; /* pixels per scan line */
    uint32_t format; /* enum boot_fb */
};

/* Places where the boot part looked for arguments, in the order in which they win. */
enum boot_args_place { BOOT_ARGS_LOAD_OPTIONS, BOOT_ARGS_FILE, BOOT_ARGS_VARIABLE, BOOT_ARGS_PLACES };

#define BOOT_ARGS_BYTES 2048

/* Bytes as found, not judged: the kernel decodes them. `size` may exceed BOOT_ARGS_BYTES: then it was cut. */
struct boot_args_raw {
    uint32_t size;
    uint32_t zero;
    uint8_t bytes[BOOT_ARGS_BYTES];
};

struct boot_blob {
    uint64_t base;
    uint64_t size;
};

struct boot_info {
    uint64_t magic;
    uint32_t version;
    uint32_t size; /* of this structure */

    struct boot_blob kernel; /* the image as loaded, BOOT_KERNEL_BASE maps to its base */
    struct boot_blob symtab; /* ELF64 symbols of the kernel, and their strings */
    struct boot_blob strtab;
    struct boot_blob regions; /* array of struct boot_region, sorted by base; size in bytes */

    uint64_t rsdp; /* 0: the firmware names none */
    struct boot_framebuffer framebuffer;
    struct boot_args_raw args[BOOT_ARGS_PLACES];

    /* UEFI runtime services, called with the runtime regions mapped one to one. 0 when absent. */
    uint64_t efi_get_variable;
    uint64_t efi_set_variable;
    uint64_t efi_reset_system;

    uint32_t efi_revision;
    uint32_t firmware_revision;
    char firmware_vendor[64]; /* ASCII, NUL-terminated */
};

#endif
