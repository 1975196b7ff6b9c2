/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A unit's life, its time, its way to memory, its choices.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/model/model_priv.h"

/* ---- Chance: xorshift64*, the same choices for the same seed ---- */

unsigned rnd(struct model *m, unsigned n)
{
    m->rng ^= m->rng >> 12;
    m->rng ^= m->rng << 25;
    m->rng ^= m->rng >> 27;
    return (unsigned)((m->rng * 0x2545f4914f6cdd1dull >> 33) % n);
}

void model_again(struct model *m)
{
    m->rng = m->cfg.seed * 2 + 1;
}

/* ---- Memory ---- */

uint64_t haw_end(const struct model *m)
{
    return pow2(m->cfg.haw);
}

uint64_t ss_end(const struct model *m, unsigned levels)
{
    unsigned by_levels = 12 + 9 * levels;
    unsigned mgaw = (unsigned)CAP(m, MGAW) + 1;

    return pow2(mgaw < by_levels ? mgaw : by_levels);
}

bool is_interrupt_range(uint64_t addr)
{
    return align_down(addr, 0x100000) == 0xfee00000;
}

static bool in_memory(const struct model *m, uint64_t pa, size_t size)
{
    return pa < haw_end(m) && size <= haw_end(m) - pa;
}

bool mem_read(struct model *m, uint64_t pa, void *out, size_t size, bool snooped)
{
    return in_memory(m, pa, size) && m->host.read(m->host.ctx, pa, out, size, snooped);
}

static void not_written_back(struct model *m, uint64_t pa)
{
    breach(m, "rule 10: a table was walked at %llx, which has not been written back", (unsigned long long)pa);
}

bool mem_walk(struct model *m, uint64_t pa, void *out, size_t size, bool snooped)
{
    uint8_t written[16];

    if (!mem_read(m, pa, out, size, snooped))
        return false;
    if (!snooped && mem_read(m, pa, written, size, true) && memcmp(written, out, size) != 0)
        not_written_back(m, pa);
    return true;
}

bool mem_walk_entry(struct model *m, uint64_t pa, uint64_t *entry, uint64_t present, bool snooped)
{
    uint64_t written;

    if (!mem_read(m, pa, entry, sizeof(*entry), snooped))
        return false;
    if (!snooped && mem_read(m, pa, &written, sizeof(written), true) && written != *entry &&
        ((written | *entry) & present) != 0)
        not_written_back(m, pa);
    return true;
}

bool mem_write(struct model *m, uint64_t pa, const void *in, size_t size)
{
    return in_memory(m, pa, size) && m->host.write(m->host.ctx, pa, in, size);
}

bool mem_cas64(struct model *m, uint64_t pa, uint64_t expected, uint64_t desired)
{
    return in_memory(m, pa, 8) && m->host.cas64(m->host.ctx, pa, expected, desired);
}

/* ---- Life ---- */

struct model *model_create(const struct model_config *config, const struct model_host *host)
{
    struct model *m = calloc(1, sizeof(*m));

    if (m == NULL)
        return NULL;
    m->cfg = *config;
    m->host = *host;
    model_again(m);
    if (!preset_is_possible(m) || vtd_regs_size(config->cap, config->ecap) > MODEL_REG_BYTES) {
        free(m);
        return NULL;
    }
    regs_reset(m);
    vcmd_reset(m);
    return m;
}

void model_destroy(struct model *m)
{
    reach_destroy(m);
    free(m);
}

const struct model_config *model_config(const struct model *m)
{
    return &m->cfg;
}

unsigned model_breaches(const struct model *m)
{
    return m->breaches;
}

/* ---- Time ---- */

/* One piece of work, of a part that chance picks. */
static void step(struct model *m)
{
    switch (rnd(m, 6)) {
    case 0:
        regs_step(m);
        vcmd_step(m);
        break;
    case 1:
    case 2:
        queue_step(m);
        break;
    case 3:
        ats_step(m);
        prq_step(m);
        way_step(m);
        break;
    default:
        dma_step(m, rnd(m, MODEL_DMAS));
        break;
    }
}

/* What nobody asked for, now and then. */
static void stray(struct model *m)
{
    if (m->cfg.speculate && rnd(m, 24) == 0)
        dma_speculate(m);
    if (m->cfg.spurious && rnd(m, 256) == 0)
        event_repeat(m);
}

void model_step(struct model *m, unsigned n)
{
    for (unsigned i = 0; i < n && !model_idle(m); i++) {
        step(m);
        stray(m);
    }
    if (n > 0)
        stray(m);
}

bool model_idle(const struct model *m)
{
    return m->command == 0 && queue_idle(m) && dma_idle(m) && ats_pending(m) == 0 && prq_drained(m) &&
           way_empty(m) && m->vcmd.left == 0;
}
