/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A walk through the stages that a PASID entry names, and the second stage below each address of a first
 * stage. VT-d 5.10, PGTT; Nested Translation; Pass-through; codes 74 .. 77, 83, legacy 04.
 */
#include "tests/model/model_priv.h"

static uint8_t pass_through(const struct model *m, const struct trans *t, uint64_t addr, struct leaf *out)
{
    if (addr >= haw_end(m))
        return t->legacy ? VTD_FR_LGN_1 : VTD_FR_SGN_4;
    *out = (struct leaf){.pa = align_down(addr, PAGE_SIZE),
                         .shift = log2_floor(PAGE_SIZE),
                         .r = true,
                         .w = true,
                         .u = true,
                         .dirty = true,
                         .snoop = t->pgsnp};
    return 0;
}

uint8_t walk(struct model *m, const struct trans *t, uint64_t addr, const struct want *want, struct leaf *out)
{
    switch (t->pgtt) {
    case VTD_PGTT_FIRST:
    case VTD_PGTT_NESTED:
        return walk_first(m, t, addr, want, out);
    case VTD_PGTT_SECOND:
        return walk_second(m, t, addr, want, out);
    case VTD_PGTT_PASSTHROUGH:
        break;
    }
    return pass_through(m, t, addr, out);
}

/* ---- Addresses of a first stage ---- */

static uint64_t within(const struct leaf *leaf, uint64_t addr)
{
    return leaf->pa + (addr - align_down(addr, pow2(leaf->shift)));
}

uint8_t nested_entry(struct model *m, const struct trans *t, uint64_t addr, enum nested_use use, uint64_t *pa)
{
    struct want want = {.r = true, .w = use == NESTED_UPDATE};
    struct leaf leaf;
    uint8_t why;

    if (t->pgtt != VTD_PGTT_NESTED) {
        *pa = addr;
        return 0;
    }
    why = walk_second(m, t, addr, &want, &leaf);
    if (why == 0)
        *pa = within(&leaf, addr);
    if (why == VTD_FR_SGN_6)
        return VTD_FR_SFS_8;
    if (why == VTD_FR_SGN_7)
        return use == NESTED_TOP ? VTD_FR_SFS_6 : VTD_FR_SFS_7;
    return why;
}

bool nested_beyond(const struct model *m, const struct trans *t, uint64_t addr)
{
    return t->pgtt == VTD_PGTT_NESTED && addr >= ss_end(m, t->ss_levels);
}

uint8_t nested_page(struct model *m, const struct trans *t, uint64_t addr, const struct want *want,
                    struct leaf *page)
{
    uint64_t guest = within(page, addr);
    struct leaf host;
    uint8_t why;

    if (t->pgtt != VTD_PGTT_NESTED)
        return 0;
    why = walk_second(m, t, guest, want, &host);
    if (why != 0 && why != VTD_FR_SGN_6 && why != VTD_FR_SGN_7)
        return why;
    if (host.shift < page->shift)
        page->shift = host.shift;
    page->pa = align_down(within(&host, guest), pow2(page->shift));
    page->r = page->r && host.r;
    page->w = page->w && host.w;
    page->dirty = page->dirty && host.dirty;
    page->snoop = page->snoop || host.snoop;
    return why;
}
