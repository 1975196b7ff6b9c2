/* SPDX-License-Identifier: BSD-2-Clause */
/* See model_bed.h. */
#include "tests/host/model_bed.h"

#include <stdio.h>
#include <string.h>

#define STEPS_MAX 20000

static struct bed the_bed;

/* ---- What is around the unit ---- */

static bool in_memory(uint64_t pa, size_t size)
{
    return pa >= BED_BASE && pa + size <= BED_BASE + BED_SIZE;
}

static bool read_memory(void *ctx, uint64_t pa, void *out, size_t size, bool snooped)
{
    struct bed *bed = ctx;

    if (!in_memory(pa, size))
        return false;
    memcpy(out, (snooped ? bed->seen : bed->memory) + (pa - BED_BASE), size);
    return true;
}

static bool write_memory(void *ctx, uint64_t pa, const void *in, size_t size)
{
    struct bed *bed = ctx;

    if (!in_memory(pa, size))
        return false;
    memcpy(bed->seen + (pa - BED_BASE), in, size);
    memcpy(bed->memory + (pa - BED_BASE), in, size);
    return true;
}

static bool cas_memory(void *ctx, uint64_t pa, uint64_t expected, uint64_t desired)
{
    struct bed *bed = ctx;

    if (bed->race_pa != 0)
        bed_store(bed, bed->race_pa, bed->race_value);
    bed->race_pa = 0;
    if (bed->cas_fails || !in_memory(pa, 8) || bed_load(bed, pa) != expected)
        return false;
    bed_store(bed, pa, desired);
    return true;
}

static void interrupt(void *ctx, uint64_t address, uint32_t data)
{
    struct bed *bed = ctx;

    bed->interrupts++;
    bed->address = address;
    bed->data = data;
}

static void breached(void *ctx, const char *words)
{
    struct bed *bed = ctx;

    bed->breaches++;
    snprintf(bed->words, sizeof(bed->words), "%s", words);
}

/* ---- The bed ---- */

struct model_config bed_config(uint64_t cap, uint64_t ecap)
{
    struct model_config cfg;

    if (!model_preset("server", 1, &cfg))
        return (struct model_config){0};
    cfg.cap |= cap;
    cfg.ecap |= ecap;
    cfg.slow = false;
    cfg.tear = false;
    cfg.spurious = false;
    return cfg;
}

struct bed *bed_open(struct t *t, const struct model_config *cfg)
{
    struct bed *bed = &the_bed;
    const struct model_host host = {.ctx = bed,
                                    .read = read_memory,
                                    .write = write_memory,
                                    .cas64 = cas_memory,
                                    .interrupt = interrupt,
                                    .breach = breached};

    if (bed->m != NULL)
        model_destroy(bed->m);
    memset(bed, 0, sizeof(*bed));
    bed->m = model_create(cfg, &host);
    T_ASSERT(t, bed->m != NULL);
    return bed;
}

void bed_store_cached(struct bed *bed, uint64_t pa, uint64_t value)
{
    memcpy(bed->seen + (pa - BED_BASE), &value, sizeof(value));
}

void bed_store(struct bed *bed, uint64_t pa, uint64_t value)
{
    bed_store_cached(bed, pa, value);
    memcpy(bed->memory + (pa - BED_BASE), &value, sizeof(value));
}

uint64_t bed_load(const struct bed *bed, uint64_t pa)
{
    uint64_t value;

    memcpy(&value, bed->seen + (pa - BED_BASE), sizeof(value));
    return value;
}

void bed_fill(struct bed *bed, uint64_t pa, const uint64_t *words, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        bed_store(bed, pa + 8 * i, words[i]);
}

bool bed_has_breach(const struct bed *bed, unsigned count, const char *begins)
{
    return bed->breaches == count && strncmp(bed->words, begins, strlen(begins)) == 0;
}

/* ---- A unit at work ---- */

void bed_command(struct bed *bed, uint32_t bit)
{
    uint32_t status = model_read32(bed->m, 0x1c) & 0x96ffffff;

    model_write32(bed->m, 0x18, status | bit);
    for (unsigned i = 0; i < STEPS_MAX && (model_read32(bed->m, 0x1c) & bit) == 0; i++)
        model_step(bed->m, 1);
}

void bed_start(struct bed *bed, uint64_t context_0, uint64_t context_1)
{
    uint64_t context = BED_CTX + BED_SID % 128 * 32;

    bed_store(bed, BED_ROOT + BED_SID / 256 * 16, BED_CTX | 1);
    bed_store(bed, context, context_0);
    bed_store(bed, context + 8, context_1);
    bed_store(bed, BED_DIR, BED_PASIDS | 1);
    model_write64(bed->m, 0x88, 0);
    model_write64(bed->m, 0x90, BED_QUEUE | 0x800);
    bed_command(bed, 0x04000000);
    model_write64(bed->m, 0x20, BED_ROOT | 0x400);
    bed_command(bed, 0x40000000);
    bed_command(bed, 0x80000000);
}

void bed_pasid(struct bed *bed, unsigned pasid, uint64_t q0, uint64_t q1, uint64_t q2)
{
    const uint64_t words[] = {q0, q1, q2};

    bed_fill(bed, BED_PASIDS + 64 * pasid, words, 3);
}

void bed_submit(struct bed *bed, uint64_t q0, uint64_t q1)
{
    uint64_t tail = model_peek(bed->m, 0x88, 8);
    const uint64_t words[] = {q0, q1, 0, 0};

    bed_fill(bed, BED_QUEUE + tail, words, 4);
    model_write64(bed->m, 0x88, (tail + 32) % 4096);
}

bool bed_wait(struct bed *bed, uint64_t flags)
{
    bed_store(bed, BED_STATUS, 0);
    bed_submit(bed, 0x0000000100000025ull | flags, BED_STATUS);
    for (unsigned i = 0; i < STEPS_MAX && bed_load(bed, BED_STATUS) == 0; i++)
        model_step(bed->m, 1);
    return bed_load(bed, BED_STATUS) == 1;
}

/* CAP.FRO of the preset: records begin at 400h. */
unsigned bed_fault(struct bed *bed, unsigned n)
{
    uint64_t high = model_peek(bed->m, 0x408 + 16 * n, 8);

    if (high >> 63 == 0)
        return 0;
    model_write32(bed->m, 0x40c + 16 * n, 0x80000000);
    return (unsigned)(high >> 32 & 0xff);
}
