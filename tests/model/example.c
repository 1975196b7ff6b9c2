/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Somebody else's driver in front of the model: it has accessors and numbers of its own, and believes to have
 * mapped a unit. Its accessors go to the model, and it gets memory. Exits 0 if the model saw what it should.
 */
#include <stdio.h>
#include <string.h>

#include "tests/model/model.h"

/* ---- The surroundings: memory, and where a mapped unit would lie ---- */

#define BASE ((uintptr_t)0xfed90000)

static struct model *unit;
static _Alignas(4096) uint8_t memory[16 * 4096];

static bool read_memory(void *ctx, uint64_t pa, void *out, size_t size, bool snooped)
{
    (void)ctx, (void)snooped;
    return pa + size <= sizeof(memory) && memcpy(out, memory + pa, size);
}

static bool write_memory(void *ctx, uint64_t pa, const void *in, size_t size)
{
    (void)ctx;
    return pa + size <= sizeof(memory) && memcpy(memory + pa, in, size);
}

static bool cas_memory(void *ctx, uint64_t pa, uint64_t expected, uint64_t desired)
{
    uint64_t now;

    return read_memory(ctx, pa, &now, 8, true) && now == expected && write_memory(ctx, pa, &desired, 8);
}

static void on_interrupt(void *ctx, uint64_t address, uint32_t data)
{
    (void)ctx, (void)address, (void)data;
}

static void on_breach(void *ctx, const char *words)
{
    (void)ctx;
    printf("# breach: %s\n", words);
}

/* ---- The driver: scalable mode, and nobody is let in ---- */

#define readl(reg)         model_read32(unit, (uint32_t)((reg)-BASE))
#define writel(value, reg) model_write32(unit, (uint32_t)((reg)-BASE), value)
#define writeq(value, reg) model_write64(unit, (uint32_t)((reg)-BASE), value)

static bool command(uintptr_t regs, uint32_t bits)
{
    writel((readl(regs + 0x1c) & 0x96ffffff) | bits, regs + 0x18);
    for (unsigned i = 0; i < 100000; i++) {
        if ((readl(regs + 0x1c) & bits) == bits)
            return true;
    }
    return false;
}

static bool start(uintptr_t regs, uint32_t careless)
{
    writeq(0x3800, regs + 0x90); /* queue at 3000h */
    if (!command(regs, 0x04000000 | careless))
        return false;
    writeq(0x2400, regs + 0x20); /* empty root table at 2000h */
    return command(regs, 0x40000000) && command(regs, 0x80000000);
}

/* ---- Both together ---- */

/* The driver starts a server's unit, then a device writes. Is the result this fault, and this breach or none?
 */
static bool judge(uint32_t careless, int want_fault, bool want_breach)
{
    const struct model_host host = {.read = read_memory,
                                    .write = write_memory,
                                    .cas64 = cas_memory,
                                    .interrupt = on_interrupt,
                                    .breach = on_breach};
    uint64_t word = 1;
    const struct model_request rq = {
        .sid = 0x10, .access = MODEL_WRITE, .addr = 0x1000, .len = sizeof(word), .data = &word};
    struct model_config config;
    int fault = -1;
    bool breached;

    if (!model_preset("server", 1, &config) || (unit = model_create(&config, &host)) == NULL)
        return false;
    if (start(BASE, careless))
        fault = model_dma(unit, &rq).fault;
    breached = model_breaches(unit) > 0;
    model_destroy(unit);
    printf("fault %02x, %s\n", (unsigned)fault, breached ? "rules broken" : "no rule broken");
    return fault == want_fault && breached == want_breach;
}

int main(void)
{
    /* 39h: no root entry. CFI beside QIE in one write: rule 2. */
    return judge(0, 0x39, false) && judge(0x00800000, 0x39, true) ? 0 : 1;
}
