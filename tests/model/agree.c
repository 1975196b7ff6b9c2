/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Plays scripts on the strict unit: memory, registers, descriptors, requests of devices, one command a line,
 * numbers in hex. tests/tools/agree.py plays the same ones on emulators and compares the answers;
 * docs/model.md has the commands. Everything happens at once here (no preset of an emulator is slow), so that
 * an answer is final.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/model/model_priv.h"

#define RAM_BYTES  0x1000000u
#define LINE_BYTES 256
#define MAX_XFER   16

/* Whose contents answers tell about: tables, queue and pages; where large pages lead. */
static const struct {
    uint32_t base, size;
} watched[] = {{0x100000, 0x14000}, {0x400000, 0x4000}, {0x600000, 0x4000}};

static uint8_t ram[RAM_BYTES];
static uint8_t told[RAM_BYTES];
static bool written[RAM_BYTES / PAGE_SIZE];

/* A device with a buffer, that a read fills and a write sends. */
struct engine {
    uint16_t sid;
    uint8_t buffer[MAX_XFER];
};

struct player {
    struct model *m;
    struct model_config cfg;
    uint64_t slot;
    struct engine engines[4];
};

/* ---- What is around the unit ---- */

static bool in_ram(uint64_t pa, size_t size)
{
    return pa < RAM_BYTES && size <= RAM_BYTES - pa;
}

static bool host_read(void *ctx, uint64_t pa, void *out, size_t size, bool snooped)
{
    (void)ctx;
    (void)snooped;
    if (!in_ram(pa, size))
        return false;
    memcpy(out, ram + pa, size);
    return true;
}

static bool host_write(void *ctx, uint64_t pa, const void *in, size_t size)
{
    (void)ctx;
    if (!in_ram(pa, size))
        return false;
    memcpy(ram + pa, in, size);
    written[pa / PAGE_SIZE] = true;
    return true;
}

static void clear_ram(void)
{
    for (size_t page = 0; page < ARRAY_SIZE(written); page++) {
        if (!written[page])
            continue;
        memset(ram + page * PAGE_SIZE, 0, PAGE_SIZE);
        memset(told + page * PAGE_SIZE, 0, PAGE_SIZE);
        written[page] = false;
    }
}

static bool host_cas64(void *ctx, uint64_t pa, uint64_t expected, uint64_t desired)
{
    uint64_t now;

    if (!host_read(ctx, pa, &now, sizeof(now), true) || now != expected)
        return false;
    return host_write(ctx, pa, &desired, sizeof(desired));
}

static void host_interrupt(void *ctx, uint64_t address, uint32_t data)
{
    (void)ctx;
    (void)address;
    (void)data;
}

/* Scripts break rules on purpose; what an emulator makes of that is compared all the same. */
static void host_breach(void *ctx, const char *words)
{
    (void)ctx;
    (void)words;
}

/* ---- Answers ---- */

static uint64_t word_at(const uint8_t *memory, uint32_t pa)
{
    uint64_t word;

    memcpy(&word, memory + pa, sizeof(word));
    return word;
}

/* All words that are not what the script, or the answer before, said they are. */
static void tell_memory(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(watched); i++) {
        for (uint32_t pa = watched[i].base; pa < watched[i].base + watched[i].size; pa += 8) {
            uint64_t now = word_at(ram, pa);

            if (now == word_at(told, pa))
                continue;
            printf(" %x=%llx", pa, (unsigned long long)now);
            memcpy(told + pa, &now, sizeof(now));
        }
    }
    putchar('\n');
}

/* Fault status and record; both are cleared. */
static void tell_fault(struct model *m)
{
    uint32_t low = vtd_reg_frcd_low(m->cfg.cap, 0).off;
    uint32_t high = vtd_reg_frcd_high(m->cfg.cap, 0).off;
    uint64_t record = model_read64(m, high);
    bool pending = record >= pow2(63);

    printf(" %x %llx %llx", model_read32(m, VTD_OFF_FSTS),
           (unsigned long long)(pending ? model_read64(m, low) : 0),
           (unsigned long long)(pending ? record : 0));
    model_write32(m, high + 4, 0x80000000u);
    model_write32(m, VTD_OFF_FSTS, 0x7f);
}

/* ---- Commands ---- */

static struct engine *engine_of(struct player *p, uint16_t sid)
{
    struct engine *e = p->engines;

    while (e->sid != sid && e->sid != 0)
        e++;
    e->sid = sid;
    return e;
}

/* A request as a unit would answer it that kept less; what this one has kept is there again afterwards. */
static struct model_completion forgetful_dma(struct model *m, const struct model_request *rq,
                                             bool keeps_context)
{
    struct cached kept[CACHE_ENTRIES];
    struct model_completion done;

    memcpy(kept, m->cache, sizeof(kept));
    for (unsigned i = 0; i < CACHE_ENTRIES; i++)
        m->cache[i].used = kept[i].used && keeps_context && kept[i].kind == MODEL_CACHE_CONTEXT;
    done = model_dma(m, rq);
    memcpy(m->cache, kept, sizeof(kept));
    return done;
}

static struct model_completion one_dma(struct model *m, char how, const struct model_request *rq)
{
    return how == 'd' ? model_dma(m, rq) : forgetful_dma(m, rq, how == 'E');
}

/* No request on the bus crosses a page: a device sends two, and the second whatever became of the first. */
static bool paged_dma(struct model *m, char how, struct model_request rq)
{
    uint32_t left = (uint32_t)(PAGE_SIZE - rq.addr % PAGE_SIZE);
    struct model_request rest = rq;
    bool done;

    if (rq.len <= left)
        return one_dma(m, how, &rq).status == MODEL_SUCCESS;
    rest.addr += left;
    rest.data = (uint8_t *)rq.data + left;
    rest.len -= left;
    rq.len = left;
    done = one_dma(m, how, &rq).status == MODEL_SUCCESS;
    return one_dma(m, how, &rest).status == MODEL_SUCCESS && done;
}

/*
 * d SID KIND ADDR LEN: r fills the buffer, w sends it, t sends a fixed pattern. D: from a unit that has kept
 * nothing, E: nothing but context entries.
 */
static void do_dma(struct player *p, char how, const char *args)
{
    unsigned sid, len;
    unsigned long long addr;
    char kind;
    bool done;

    if (sscanf(args, "%x %c %llx %x", &sid, &kind, &addr, &len) != 4 || len > MAX_XFER)
        exit(2);
    struct engine *e = engine_of(p, (uint16_t)sid);
    uint8_t pattern[MAX_XFER];
    for (unsigned i = 0; i < MAX_XFER; i++)
        pattern[i] = (uint8_t[]){0x78, 0x56, 0x34, 0x12}[i % 4];
    struct model_request rq = {.sid = (uint16_t)sid,
                               .access = kind == 'r' ? MODEL_READ : MODEL_WRITE,
                               .addr = addr,
                               .len = len,
                               .data = kind == 't' ? pattern : e->buffer};
    done = paged_dma(p->m, how, rq);
    if (kind == 'r' && !done)
        memset(e->buffer, 0, sizeof(e->buffer));
    printf("%s", done ? "ok" : "no");
    tell_fault(p->m);
    tell_memory();
}

static void put_descriptor(const struct player *p, uint64_t slot, const uint64_t *q)
{
    uint64_t queue = model_read64(p->m, VTD_OFF_IQA) & ~0xfffull;

    host_write(NULL, queue + slot * 32, q, 32);
    memcpy(told + queue + slot * 32, q, 32);
}

/* i Q0 Q1 Q2 Q3: one descriptor. One that is refused becomes a wait, so that the queue goes on with the next.
 */
static void do_descriptor(struct player *p, const char *args)
{
    unsigned long long in[4];
    const uint64_t harmless[4] = {0xdead00000025, 0x10f800, 0, 0};
    uint32_t fsts;

    if (sscanf(args, "%llx %llx %llx %llx", &in[0], &in[1], &in[2], &in[3]) != 4)
        exit(2);
    put_descriptor(p, p->slot, (const uint64_t[]){in[0], in[1], in[2], in[3]});
    p->slot++;
    model_write64(p->m, VTD_OFF_IQT, p->slot * 32);
    model_step(p->m, 1000);
    fsts = model_read32(p->m, VTD_OFF_FSTS);
    printf("%x %llx", fsts, (unsigned long long)model_read64(p->m, VTD_OFF_IQH));
    if (fsts & 0x10) {
        put_descriptor(p, p->slot - 1, harmless);
        model_write32(p->m, VTD_OFF_FSTS, 0x10);
    }
    tell_memory();
}

static void do_memory(const char *args)
{
    unsigned long long pa, value;

    if (sscanf(args, "%llx %llx", &pa, &value) != 2 || !host_write(NULL, pa, &value, 8))
        exit(2);
    memcpy(told + pa, &value, 8);
}

static void do_register(struct player *p, const char *line)
{
    unsigned off;
    unsigned long long value = 0;

    if (sscanf(line + 2, "%x %llx", &off, &value) < 1)
        exit(2);
    if (strncmp(line, "w4", 2) == 0)
        model_write32(p->m, off, (uint32_t)value);
    else if (strncmp(line, "w8", 2) == 0)
        model_write64(p->m, off, value);
    else if (strncmp(line, "r4", 2) == 0)
        printf("%x\n", model_read32(p->m, off));
    else
        printf("%llx\n", (unsigned long long)model_read64(p->m, off));
}

/* unit PRESET CAP ECAP WORDS: a unit after power-on, memory all zero. */
static void do_unit(struct player *p, const char *args)
{
    static const struct model_host host = {.read = host_read,
                                           .write = host_write,
                                           .cas64 = host_cas64,
                                           .interrupt = host_interrupt,
                                           .breach = host_breach};
    char name[32], words[64];
    unsigned long long cap, ecap;

    if (sscanf(args, "%31s %llx %llx %63s", name, &cap, &ecap, words) != 4 || !model_preset(name, 1, &p->cfg))
        exit(2);
    p->cfg.cap = cap;
    p->cfg.ecap = ecap;
    p->cfg.pasid_p_ignored = strstr(words, "p_counts") == NULL;
    p->slot = 0;
    memset(p->engines, 0, sizeof(p->engines));
    clear_ram();
    if (p->m != NULL)
        model_destroy(p->m);
    p->m = model_create(&p->cfg, &host);
    if (p->m == NULL)
        exit(2);
}

static void do_line(struct player *p, const char *line)
{
    switch (line[0]) {
    case 'u':
        do_unit(p, line + 5);
        return;
    case 'm':
        do_memory(line + 2);
        return;
    case 'r':
    case 'w':
        do_register(p, line);
        return;
    case 'd':
    case 'D':
    case 'E':
        do_dma(p, line[0], line + 2);
        return;
    case 'i':
        do_descriptor(p, line + 2);
        return;
    default: /* the end of a script */
        puts(".");
        fflush(stdout);
    }
}

int main(void)
{
    static struct player player;
    char line[LINE_BYTES];

    while (fgets(line, sizeof(line), stdin) != NULL)
        do_line(&player, line);
    if (player.m != NULL)
        model_destroy(player.m);
    return 0;
}
