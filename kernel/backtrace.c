/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frame-pointer back-traces and symbols (ELF64 symbol table, System V gABI chapter 4). See backtrace.h.
 */
#include "kernel/backtrace.h"
#include "kernel/console.h"
#include "kernel/lib/compiler.h"
#include "kernel/vm.h"

struct elf_symbol {
    uint32_t name;
    uint8_t info;
    uint8_t other;
    uint16_t section;
    uint64_t value;
    uint64_t size;
};

#define STT_NOTYPE 0
#define STT_FUNC   2
#define PUSH_RBP   0x55

static const struct elf_symbol *symbols;
static size_t symbol_count;
static const char *strings;
static size_t strings_size;

extern const uint8_t kernel_text_start[], kernel_text_end[];

void backtrace_init(const struct boot_info *info)
{
    if (!info->symtab.base || !info->strtab.size)
        return;
    symbols = vm_va(info->symtab.base);
    symbol_count = info->symtab.size / sizeof(*symbols);
    strings = vm_va(info->strtab.base);
    strings_size = info->strtab.size;
}

static bool in_text(uint64_t addr)
{
    return addr >= (uint64_t)kernel_text_start && addr < (uint64_t)kernel_text_end;
}

/* The frames from `rbp` outward. Frame: [rbp] = caller's rbp, [rbp + 8] = return address. Callers' frames lie
 * higher, so the walk ends. */
static size_t walk(uint64_t rbp, uint64_t *out, size_t max)
{
    size_t n = 0;

    while (n < max && rbp % 8 == 0 && vm_readable(rbp, 16)) {
        const uint64_t *frame = (const uint64_t *)rbp;

        if (!in_text(frame[1]))
            break;
        out[n++] = frame[1];
        if (frame[0] <= rbp)
            break;
        rbp = frame[0];
    }
    return n;
}

size_t backtrace_from(uint64_t rip, uint64_t rbp, uint64_t *out, size_t max)
{
    if (max == 0)
        return 0;
    out[0] = rip;
    return 1 + walk(rbp, out + 1, max - 1);
}

/* The function at `rip` has not pushed rbp: it is at its start, has no frame at all, or a call led to no
 * function. */
static bool frameless(uint64_t rip)
{
    uint64_t offset;

    if (!symbol_of(rip, &offset))
        return true;
    return offset == 0 || *(const uint8_t *)(rip - offset) != PUSH_RBP;
}

size_t backtrace_trap(const struct trap_frame *f, uint64_t *out, size_t max)
{
    uint64_t caller = vm_readable(f->rsp, 8) ? *(const uint64_t *)f->rsp : 0;

    if (max < 2 || !in_text(caller) || !frameless(f->rip))
        return backtrace_from(f->rip, f->rbp, out, max);
    out[0] = f->rip;
    out[1] = caller;
    return 2 + walk(f->rbp, out + 2, max - 2);
}

size_t backtrace_here(uint64_t *out, size_t max)
{
    const uint64_t *frame = __builtin_frame_address(0);

    return backtrace_from(frame[1], frame[0], out, max);
}

static const char *symbol_name(const struct elf_symbol *s)
{
    const char *name = strings + s->name;

    if (s->name >= strings_size)
        return NULL;
    for (size_t i = s->name; i < strings_size; i++)
        if (!strings[i])
            return *name ? name : NULL;
    return NULL;
}

/* The nearest function or label at or below `addr`; assembly labels have no size. */
const char *symbol_of(uint64_t addr, uint64_t *offset)
{
    const struct elf_symbol *best = NULL;

    if (!in_text(addr))
        return NULL;
    for (size_t i = 0; i < symbol_count; i++) {
        const struct elf_symbol *s = &symbols[i];
        uint8_t type = s->info & 15;

        if ((type != STT_FUNC && type != STT_NOTYPE) || !s->section || s->value > addr || !in_text(s->value))
            continue;
        if (s->size && addr - s->value >= s->size)
            continue;
        if (!best || s->value > best->value || (s->value == best->value && s->size > best->size))
            best = s;
    }
    if (!best)
        return NULL;
    *offset = addr - best->value;
    return symbol_name(best);
}

void backtrace_print(const char *prefix, const uint64_t *trace, size_t depth)
{
    for (size_t i = 0; i < depth; i++) {
        uint64_t offset = 0;
        /* A return address belongs to the call in front of it. */
        const char *name = symbol_of(trace[i] - (i > 0), &offset);

        if (name)
            kprintf("%s#%zu 0x%llx %s+0x%llx\n", prefix, i, (unsigned long long)trace[i], name,
                    (unsigned long long)(offset + (i > 0)));
        else
            kprintf("%s#%zu 0x%llx\n", prefix, i, (unsigned long long)trace[i]);
    }
}
