/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Places the kernel ELF: one run of fresh pages for the whole image, segments copied to their distances, the
 * rest zero. The blob is our own build product, so the checks are few and stop the boot with a sentence.
 */
#include "boot/boot.h"

struct elf_header {
    UINT8 ident[16];
    UINT16 type, machine;
    UINT32 version;
    UINT64 entry, phoff, shoff;
    UINT32 flags;
    UINT16 ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct elf_segment {
    UINT32 type, flags;
    UINT64 offset, vaddr, paddr, filesz, memsz, align;
};

struct elf_section {
    UINT32 name, type;
    UINT64 flags, addr, offset, size;
    UINT32 link, info;
    UINT64 align, entsize;
};

#define ELF_MAGIC   0x464c457fu
#define EM_X86_64   62
#define PT_LOAD     1
#define PF_X        1
#define PF_W        2
#define SHT_SYMTAB  2
#define IMAGE_LIMIT (64ull << 20)

static UINT64 pages_up(UINT64 bytes)
{
    return (bytes + BOOT_PAGE - 1) / BOOT_PAGE * BOOT_PAGE;
}

static BOOLEAN inside(UINT64 offset, UINT64 length, UINT64 size)
{
    return offset <= size && length <= size - offset;
}

static const char *judge(const UINT8 *blob, UINT64 size)
{
    const struct elf_header *h = (const struct elf_header *)blob;

    if (size < sizeof(*h) || *(const UINT32 *)h->ident != ELF_MAGIC || h->machine != EM_X86_64)
        return "not an x86-64 ELF";
    if (h->phentsize != sizeof(struct elf_segment) ||
        !inside(h->phoff, (UINT64)h->phnum * h->phentsize, size))
        return "program headers out of bounds";
    return NULL;
}

static EFI_STATUS complain(const char *why)
{
    Print(L"pasidcheck: kernel image: %a\n", why);
    return EFI_LOAD_ERROR;
}

/* Notes the loadable segments; the image size follows from the highest of them. */
static const char *read_segments(const UINT8 *blob, UINT64 size, struct boot_kernel *kernel)
{
    const struct elf_header *h = (const struct elf_header *)blob;
    const struct elf_segment *p = (const struct elf_segment *)(blob + h->phoff);

    kernel->entry = h->entry;
    for (UINTN i = 0; i < h->phnum; i++, p++) {
        struct boot_segment *s = &kernel->segment[kernel->segments];

        if (p->type != PT_LOAD || !p->memsz)
            continue;
        if (kernel->segments == BOOT_SEGMENTS)
            return "too many segments";
        if (p->vaddr < BOOT_KERNEL_BASE || p->vaddr % BOOT_PAGE || p->filesz > p->memsz ||
            !inside(p->offset, p->filesz, size) ||
            !inside(p->vaddr - BOOT_KERNEL_BASE, p->memsz, IMAGE_LIMIT))
            return "segment out of bounds";
        s->va = p->vaddr;
        s->size = pages_up(p->memsz);
        s->write = !!(p->flags & PF_W);
        s->execute = !!(p->flags & PF_X);
        if (s->write && s->execute)
            return "segment both writable and executable";
        if (s->va - BOOT_KERNEL_BASE + s->size > kernel->size)
            kernel->size = s->va - BOOT_KERNEL_BASE + s->size;
        kernel->segments++;
    }
    return kernel->segments ? NULL : "nothing to load";
}

EFI_STATUS boot_elf_load(const UINT8 *blob, UINT64 size, struct boot_kernel *kernel)
{
    const struct elf_header *h = (const struct elf_header *)blob;
    const struct elf_segment *p;
    EFI_PHYSICAL_ADDRESS base = 0;
    EFI_STATUS status;
    const char *why = judge(blob, size);

    if (!why)
        why = read_segments(blob, size, kernel);
    if (why)
        return complain(why);
    status = BS->AllocatePages(AllocateAnyPages, EfiLoaderData, kernel->size / BOOT_PAGE, &base);
    if (EFI_ERROR(status))
        return status;
    kernel->base = base;
    boot_zero(base, kernel->size);
    p = (const struct elf_segment *)(blob + h->phoff);
    for (UINTN i = 0; i < h->phnum; i++, p++)
        if (p->type == PT_LOAD)
            boot_copy((VOID *)(base + (p->vaddr - BOOT_KERNEL_BASE)), blob + p->offset, p->filesz);
    return EFI_SUCCESS;
}

/* The symbol table's section and that of its strings, or NULL. */
static const struct elf_section *find_symbols(const UINT8 *blob, UINT64 size,
                                              const struct elf_section **strings)
{
    const struct elf_header *h = (const struct elf_header *)blob;
    const struct elf_section *s = (const struct elf_section *)(blob + h->shoff);

    if (h->shentsize != sizeof(*s) || !inside(h->shoff, (UINT64)h->shnum * h->shentsize, size))
        return NULL;
    for (UINTN i = 0; i < h->shnum; i++) {
        if (s[i].type != SHT_SYMTAB || s[i].link >= h->shnum || !inside(s[i].offset, s[i].size, size))
            continue;
        *strings = &s[s[i].link];
        return inside((*strings)->offset, (*strings)->size, size) ? &s[i] : NULL;
    }
    return NULL;
}

UINT64 boot_elf_symbols_size(const UINT8 *blob, UINT64 size)
{
    const struct elf_section *strings, *symbols = find_symbols(blob, size, &strings);

    return symbols ? pages_up(symbols->size) + pages_up(strings->size) : 0;
}

static void keep(const UINT8 *from, UINT64 size, struct boot_arena *arena, struct boot_blob *out)
{
    VOID *to = boot_arena_take(arena, size);

    if (!to)
        return;
    boot_copy(to, from, size);
    out->base = (UINT64)to;
    out->size = size;
}

void boot_elf_symbols(const UINT8 *blob, UINT64 size, struct boot_arena *arena, struct boot_info *info)
{
    const struct elf_section *strings, *symbols = find_symbols(blob, size, &strings);

    if (!symbols)
        return;
    keep(blob + symbols->offset, symbols->size, arena, &info->symtab);
    keep(blob + strings->offset, strings->size, arena, &info->strtab);
}
