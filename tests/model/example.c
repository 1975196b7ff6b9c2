/* SPDX-License-Identifier: BSD-2-Clause */
/* Somebody else's driver in front of the model: its MMIO accessors go there. Exits 0 if all is as it should.
 */
#include <stdio.h>
#include <string.h>

#include "tests/model/model.h"

/* ---- The surroundings: 64 KiB of memory ---- */

static struct model *unit;
static uint8_t memory[0x10000];

static bool read_memory(void *ctx, uint64_t pa, void *out, size_t size, bool snooped)
{
    return (void)ctx, (void)snooped, pa + size <= sizeof(memory) && memcpy(out, memory + pa, size);
}

static bool write_memory(void *ctx, uint64_t pa, const void *in, size_t size)
{
    return (void)ctx, pa + size <= sizeof(memory) && memcpy(memory + pa, in, size);
}

static bool cas_memory(void *ctx, uint64_t pa, uint64_t expected, uint64_t desired)
{
    uint64_t now;

    return read_memory(ctx, pa, &now, 8, true) && now == expected && write_memory(ctx, pa, &desired, 8);
}

static void on_interrupt(void *ctx, uint64_t address, uint32_t data)
{
    (void)ctx, (void)printf("# interrupt: %x at %llx\n", data, (unsigned long long)address);
}

static void on_breach(void *ctx, const char *words)
{
    (void)ctx, (void)printf("# breach: %s\n", words);
}

/* ---- The driver: scalable mode, and nobody is let in ---- */

#define BASE               0xfed90000
#define readl(reg)         model_read32(unit, (uint32_t)((reg)-BASE))
#define writel(value, reg) model_write32(unit, (uint32_t)((reg)-BASE), value)
#define writeq(value, reg) model_write64(unit, (uint32_t)((reg)-BASE), value)

static void command(uint32_t bit)
{
    writel((readl(BASE + 0x1c) & 0x96ffffff) | bit, BASE + 0x18);
    for (unsigned i = 0; i < 100000 && !(readl(BASE + 0x1c) & bit); i++)
        ;
}

int main(void)
{
    const struct model_host host = {NULL, read_memory, write_memory, cas_memory, on_interrupt, on_breach};
    const struct model_request rq = {.sid = 0x10, .access = MODEL_WRITE, .len = 8, .data = &(uint64_t){1}};
    struct model_config config;
    bool good;

    if (!model_preset("server", 1, &config) || !(unit = model_create(&config, &host)))
        return 1;
    writeq(0x3800, BASE + 0x90); /* queue at 3000h */
    command(0x04000000);
    writeq(0x2400, BASE + 0x20); /* empty root table at 2000h */
    command(0x40000000);
    command(0x80000000);
    good = model_dma(unit, &rq).fault == 0x39 && model_breaches(unit) == 0; /* 39h: no root entry */
    writel(0x04800000, BASE + 0x18); /* TE off, CFI on: two bits in one write, rule 2 */
    good = good && model_breaches(unit) == 1;
    model_destroy(unit);
    return good ? 0 : 1;
}
