/* SPDX-License-Identifier: BSD-2-Clause */
/* See model_rig.h. */
#include "tests/host/model_rig.h"

#include <stdio.h>
#include <string.h>

#define SIZE    (MRIG_PAGES * 4096ull)
#define PAGE(n) ((n)*4096ull)
#define STEPS   20000

/* ---- Around the unit ---- */

static bool read_memory(void *ctx, uint64_t pa, void *out, size_t size, bool snooped)
{
    struct mrig *r = ctx;

    if (pa >= SIZE || size > SIZE - pa)
        return false;
    memcpy(out, (snooped ? (uint8_t *)r->mem : (uint8_t *)r->written) + pa, size);
    return true;
}

static bool write_memory(void *ctx, uint64_t pa, const void *in, size_t size)
{
    struct mrig *r = ctx;

    if (pa >= SIZE || size > SIZE - pa)
        return false;
    memcpy((uint8_t *)r->mem + pa, in, size);
    memcpy((uint8_t *)r->written + pa, in, size);
    return true;
}

static bool cas_memory(void *ctx, uint64_t pa, uint64_t expected, uint64_t desired)
{
    uint64_t now;

    return read_memory(ctx, pa, &now, sizeof(now), true) && now == expected &&
           write_memory(ctx, pa, &desired, sizeof(desired));
}

static void interrupt(void *ctx, uint64_t address, uint32_t data)
{
    struct mrig *r = ctx;

    if (r->msis < ARRAY_SIZE(r->msi)) {
        r->msi[r->msis].address = address;
        r->msi[r->msis].data = data;
    }
    r->msis++;
}

static void breach(void *ctx, const char *words)
{
    struct mrig *r = ctx;

    snprintf(r->breach[r->breaches % MRIG_BREACHES], sizeof(r->breach[0]), "%s", words);
    r->breaches++;
}

/* ---- Memory ---- */

void mrig_publish(struct mrig *r, unsigned page, unsigned word, unsigned words)
{
    memcpy(&r->written[page][word], &r->mem[page][word], words * 8ul);
    model_published(r->m, PAGE(page) + word * 8ull, words * 8ull);
}

void mrig_poke(struct mrig *r, unsigned page, unsigned word, uint64_t value)
{
    r->mem[page][word] = value;
    r->written[page][word] = value;
}

void mrig_set(struct mrig *r, unsigned page, unsigned word, uint64_t value)
{
    r->mem[page][word] = value;
    if (!r->stale)
        mrig_publish(r, page, word, 1);
}

static void write_tables(struct mrig *r)
{
    static const unsigned path[4] = {0, 0x152, 0, 0x123}; /* MRIG_ADDR 47:39, 38:30, 29:21, 20:12 */

    r->mem[MRIG_ROOT][0] = PAGE(MRIG_CTX_LOW) + 1;
    r->mem[MRIG_ROOT][1] = PAGE(MRIG_CTX_HIGH) + 1;
    r->mem[MRIG_CTX_LOW][MRIG_SID * 4] = PAGE(MRIG_DIR) + 1;
    r->mem[MRIG_DIR][0] = PAGE(MRIG_PASIDS) + 1;
    /* Slot 0: present, first stage (PGTT 001), domain 1, PWSNP, 4 levels. */
    r->mem[MRIG_PASIDS][0] = 0x41;
    r->mem[MRIG_PASIDS][1] = 0x800001;
    r->mem[MRIG_PASIDS][2] = PAGE(MRIG_FS);
    for (unsigned level = 0; level < 4; level++) {
        bool leaf = level == 3;

        r->mem[MRIG_FS + level][path[level]] = PAGE(leaf ? MRIG_DATA : MRIG_FS + level + 1) + 7;
        r->mem[MRIG_SS + level][path[level]] = PAGE(leaf ? MRIG_DATA : MRIG_SS + level + 1) + 3;
    }
    memcpy(r->written, r->mem, sizeof(r->mem));
}

/* ---- Life ---- */

struct model_config mrig_config(void)
{
    struct model_config config;

    (void)model_preset("server", 1, &config);
    config.slow = false;
    config.tear = false;
    config.spurious = false;
    config.speculate = false;
    return config;
}

void mrig_create(struct t *t, struct mrig *r, const struct model_config *config)
{
    const struct model_host host = {.ctx = r,
                                    .read = read_memory,
                                    .write = write_memory,
                                    .cas64 = cas_memory,
                                    .interrupt = interrupt,
                                    .breach = breach};

    memset(r, 0, sizeof(*r));
    r->t = t;
    r->m = model_create(config, &host);
    T_ASSERT(t, r->m != NULL);
    write_tables(r);
}

void mrig_command(struct mrig *r, uint32_t bit, bool on)
{
    uint32_t value = model_read32(r->m, 0x1c) & 0x96ffffff;

    model_write32(r->m, 0x18, on ? value | bit : value & ~bit);
    for (unsigned i = 0; i < STEPS && !model_idle(r->m); i++)
        model_step(r->m, 1);
}

void mrig_open(struct t *t, struct mrig *r, const struct model_config *config)
{
    mrig_create(t, r, config);
    model_write64(r->m, 0x90, PAGE(MRIG_QUEUE) + 0x800); /* 128 slots of 256 bits */
    mrig_command(r, 1u << 26, true);
    model_write64(r->m, 0x20, PAGE(MRIG_ROOT) + 0x400);
    mrig_command(r, 1u << 30, true);
    mrig_flush(r);
    mrig_command(r, 1u << 31, true);
    T_ASSERT_EQ(t, model_read32(r->m, 0x1c), 0xc4000000u);
}

void mrig_close(struct mrig *r)
{
    for (unsigned i = 0; i < r->breaches && i < MRIG_BREACHES; i++)
        t_note(r->t, "breach: %s", r->breach[i]);
    T_EXPECT_EQ(r->t, r->breaches, 0u);
    model_destroy(r->m);
    r->m = NULL;
}

/* ---- Queue ---- */

void mrig_put(struct mrig *r, uint64_t q0, uint64_t q1)
{
    uint64_t tail = model_peek(r->m, 0x88, 8);
    uint64_t *slot = &r->mem[MRIG_QUEUE][tail / 8];

    slot[0] = q0;
    slot[1] = q1;
    slot[2] = 0;
    slot[3] = 0;
    model_write64(r->m, 0x88, (tail + 32) % 4096);
}

bool mrig_wait(struct mrig *r)
{
    uint32_t value = ++r->waits;
    uint64_t *status = &r->mem[MRIG_STATUS][0];

    *status = 0;
    mrig_put(r, 0x25 + ((uint64_t)value << 32), PAGE(MRIG_STATUS));
    for (unsigned i = 0; i < STEPS && *status != value; i++)
        model_step(r->m, 1);
    return *status == value;
}

void mrig_flush(struct mrig *r)
{
    mrig_put(r, 0x11, 0);
    mrig_put(r, 0x37, 0);
    mrig_put(r, 0x12, 0);
    T_ASSERT(r->t, mrig_wait(r));
}

/* ---- Requests ---- */

static uint64_t bytes;

struct model_request mrig_read(void)
{
    return (struct model_request){
        .sid = MRIG_SID, .access = MODEL_READ, .addr = MRIG_ADDR, .len = sizeof(bytes), .data = &bytes};
}

struct model_request mrig_write(void)
{
    struct model_request rq = mrig_read();

    rq.access = MODEL_WRITE;
    return rq;
}

struct model_completion mrig_dma(struct mrig *r, struct model_request rq)
{
    return model_dma(r->m, &rq);
}

/* ---- What came of it ---- */

uint8_t mrig_fault(struct mrig *r, uint64_t out[2])
{
    uint32_t fsts = model_read32(r->m, 0x34);
    uint32_t at = 0x400 + (fsts >> 8 & 0xff) * 16;
    uint64_t high;

    if ((fsts & 2) == 0)
        return 0;
    high = model_read64(r->m, at + 8);
    if (out != NULL) {
        out[0] = model_read64(r->m, at);
        out[1] = high;
    }
    model_write32(r->m, at + 12, 0x80000000);
    return (uint8_t)(high >> 32);
}

bool mrig_breached(struct mrig *r, const char *words)
{
    bool found = false;

    for (unsigned i = 0; i < r->breaches && i < MRIG_BREACHES; i++)
        found |= strncmp(r->breach[i], words, strlen(words)) == 0;
    for (unsigned i = 0; !found && i < r->breaches && i < MRIG_BREACHES; i++)
        t_note(r->t, "breach: %s", r->breach[i]);
    r->breaches = 0;
    return found;
}
