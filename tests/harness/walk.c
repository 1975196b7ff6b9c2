/* SPDX-License-Identifier: BSD-2-Clause */
/* Read-back of root, context, PASID and paging tables in memory. Every pointer is checked before it is
 * followed. */
#include <stdio.h>
#include <string.h>

#include "iommu/platform.h"
#include "tests/harness/env.h"
#include "tests/harness/walk.h"

#define PAGE_BYTES 4096u

enum { PGTT_FIRST = 1, PGTT_SECOND = 2, PGTT_PASS = 4 };

/* Bits hi:lo of an entry, numbered over all its words. */
static uint64_t bits(const uint64_t *q, unsigned hi, unsigned lo)
{
    uint64_t v = q[lo / 64] >> (lo % 64);
    unsigned width = hi - lo + 1;

    return width == 64 ? v : v & ((1ull << width) - 1);
}

static void stop(struct walk *w, unsigned fault, const char *where, unsigned index)
{
    w->fault = fault;
    snprintf(w->where, sizeof(w->where), "%s %u", where, index);
}

/* `words` quadwords at a physical address. */
static bool load(uint64_t pa, uint64_t *q, unsigned words)
{
    if (!env_phys_ok((paddr_t){pa}, words * 8))
        return false;
    memcpy(q, plat_va((paddr_t){pa}), words * 8);
    return true;
}

/* Context entry of the requester: 128 entries of 32 bytes for each half of a bus. */
static bool find_context(uint64_t rtaddr, uint16_t rid, uint64_t *ctx, struct walk *w)
{
    unsigned bus = rid >> 8, devfn = rid & 0xff;
    uint64_t root[2], half;

    if (!load((rtaddr & ~0xfffull) + bus * 16, root, 2)) {
        stop(w, 0x38, "root entry unreadable, bus", bus);
        return false;
    }
    half = root[devfn >> 7];
    if (!(half & 1)) {
        stop(w, 0x39, devfn >> 7 ? "root entry UP = 0, bus" : "root entry LP = 0, bus", bus);
        return false;
    }
    if (!load((half & ~0xfffull) + (devfn & 0x7f) * 32, ctx, 4)) {
        stop(w, 0x40, "context entry unreadable, devfn", devfn);
        return false;
    }
    if (!bits(ctx, 0, 0)) {
        stop(w, 0x41, "context entry P = 0, devfn", devfn);
        return false;
    }
    return true;
}

static bool find_entry(const uint64_t *ctx, uint32_t pasid, uint64_t *pe, struct walk *w)
{
    uint64_t dir;

    if (pasid >= 1u << (bits(ctx, 11, 9) + 13)) {
        stop(w, 0x43, "context entry: PDTS too small for PASID", pasid);
        return false;
    }
    if (!load((bits(ctx, 63, 12) << 12) + (pasid >> 6) * 8, &dir, 1)) {
        stop(w, 0x50, "PASID directory unreadable, entry", pasid >> 6);
        return false;
    }
    if (!(dir & 1)) {
        stop(w, 0x51, "PASID directory P = 0, entry", pasid >> 6);
        return false;
    }
    if (!load((dir & ~0xfffull) + (pasid & 63) * 64, pe, 8)) {
        stop(w, 0x58, "PASID entry unreadable, slot", pasid);
        return false;
    }
    if (!bits(pe, 0, 0)) {
        stop(w, 0x59, "PASID entry P = 0, slot", pasid);
        return false;
    }
    return true;
}

/* First stage: P, R/W, U/S over the walk; second stage: R and W. The formats agree in bits 7 and 51:12. */
static void walk_pages(uint64_t table, unsigned levels, bool first, uint64_t iova, bool write, struct walk *w)
{
    for (unsigned level = levels; level-- > 0;) {
        unsigned shift = 12 + 9 * level, index = (unsigned)(iova >> shift) & 511;
        uint64_t e, size = 1ull << shift;
        bool leaf;

        if (!load(table + index * 8, &e, 1)) {
            stop(w, first ? 0x70 : 0x78, "paging entry unreadable, level", level + 1);
            return;
        }
        if (first ? !(e & 1) : !(e & 3)) {
            stop(w, first ? 0x71 : 0x79, "paging entry not present, level", level + 1);
            return;
        }
        if (first && !(e & 4)) {
            stop(w, 0x81, "paging entry U/S = 0, level", level + 1);
            return;
        }
        if (write ? !(e & 2) : !(e & 1)) {
            stop(w, write ? 0x85 : 0x86, write ? "no write permission, level" : "no read permission, level",
                 level + 1);
            return;
        }
        leaf = level == 0 || (level <= 2 && (e >> 7 & 1));
        table = e & 0x000ffffffffff000ull;
        if (leaf) {
            w->reaches = true;
            w->pa.v = (table & ~(size - 1)) + (iova & (size - 1));
            stop(w, 0, "leaf of level", level + 1);
            return;
        }
    }
}

static void translate(const uint64_t *pe, uint64_t iova, bool write, struct walk *w)
{
    unsigned aw = (unsigned)bits(pe, 4, 2), levels;

    switch (w->pgtt) {
    case PGTT_PASS:
        w->reaches = true;
        w->pa.v = iova;
        stop(w, 0, "pass-through, slot", w->slot);
        return;
    case PGTT_FIRST:
        levels = bits(pe, 131, 130) ? 5 : 4;
        if ((int64_t)(iova << (64 - 9 * levels - 12)) >> (64 - 9 * levels - 12) != (int64_t)iova) {
            stop(w, 0x80, "address not canonical, levels", levels);
            return;
        }
        walk_pages(bits(pe, 191, 140) << 12, levels, true, iova, write, w);
        return;
    case PGTT_SECOND:
        levels = aw + 2;
        if (aw < 1 || aw > 3) {
            stop(w, 0x5b, "PASID entry AW", aw);
            return;
        }
        if (iova >> (9 * levels + 12)) {
            stop(w, 0x84, "address wider than the table, levels", levels);
            return;
        }
        walk_pages(bits(pe, 63, 12) << 12, levels, false, iova, write, w);
        return;
    default:
        stop(w, 0x5b, "PASID entry PGTT", w->pgtt);
    }
}

static void walk_slot(const uint64_t *ctx, uint32_t slot, iova_t iova, bool write, struct walk *out)
{
    uint64_t pe[8];

    out->slot = slot;
    if (!find_entry(ctx, slot, pe, out))
        return;
    out->entry = true;
    out->pgtt = (unsigned)bits(pe, 8, 6);
    out->did = (uint16_t)bits(pe, 79, 64);
    translate(pe, iova.v, write, out);
}

void walk_request(uint64_t rtaddr, bool rps, uint16_t rid, iova_t iova, bool write, struct walk *out)
{
    uint64_t ctx[4];

    memset(out, 0, sizeof(*out));
    if (find_context(rtaddr, rid, ctx, out))
        walk_slot(ctx, rps ? (uint32_t)bits(ctx, 83, 64) : 0, iova, write, out);
}

void walk_tagged(uint64_t rtaddr, uint16_t rid, uint32_t pasid, iova_t iova, bool write, struct walk *out)
{
    uint64_t ctx[4];

    memset(out, 0, sizeof(*out));
    if (!find_context(rtaddr, rid, ctx, out))
        return;
    if (bits(ctx, 3, 3))
        walk_slot(ctx, pasid, iova, write, out);
    else
        stop(out, 0x45, "context entry PASIDE = 0, devfn", rid & 0xff);
}
