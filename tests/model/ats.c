/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Functions with a device TLB, and invalidations that reach them. A TLB keeps every translation until an
 * invalidation names it. VT-d 5.10, Device-TLB Invalidate Descriptor; rules 13, 29 .. 33, 54, 77.
 */
#include "tests/model/model_priv.h"

#define STEPS_MORE 4 /* that a slow function takes at most beyond its delay */

static bool is_on(const struct model *m)
{
    return reg_status(m, SPAN_MASK(VTD_GSTS_TES));
}

/* ---- Functions ---- */

struct ats_device *ats_find(struct model *m, uint16_t sid)
{
    for (unsigned i = 0; i < ATS_DEVICES; i++) {
        struct ats_device *dev = &m->ats.device[i];

        if (dev->used && dev->cfg.sid == sid)
            return dev;
    }
    return NULL;
}

static struct ats_device *find_free(struct model *m)
{
    for (unsigned i = 0; i < ATS_DEVICES; i++) {
        if (!m->ats.device[i].used)
            return &m->ats.device[i];
    }
    return NULL;
}

int model_device_set(struct model *m, const struct model_device *device)
{
    struct ats_device *dev = ats_find(m, device->sid);

    if (dev == NULL)
        dev = find_free(m);
    if (dev == NULL)
        return -1;
    dev->used = true;
    dev->on = true;
    dev->cfg = *device;
    return 0;
}

void ats_switch_off(struct ats_device *dev)
{
    dev->on = false;
    for (unsigned i = 0; i < ATS_TLB_ENTRIES; i++)
        dev->tlb[i].valid = false;
}

void model_device_remove(struct model *m, uint16_t sid)
{
    struct ats_device *dev = ats_find(m, sid);

    if (dev != NULL)
        ats_switch_off(dev);
}

unsigned model_device_entries(const struct model *m, uint16_t sid)
{
    unsigned n = 0;

    for (unsigned i = 0; i < ATS_DEVICES; i++) {
        const struct ats_device *dev = &m->ats.device[i];

        for (unsigned k = 0; k < ATS_TLB_ENTRIES; k++)
            n += dev->used && dev->cfg.sid == sid && dev->tlb[k].valid;
    }
    return n;
}

/* ---- Invalidations ---- */

/* VT-d 5.10, Device-TLB Invalidate Descriptor, S: the lowest bit of the address that is 0 tells the size. */
static void set_range(struct ats_inv *inv, uint64_t addr, bool s)
{
    uint64_t size = PAGE_SIZE;

    inv->first = addr;
    inv->last = addr + (PAGE_SIZE - 1);
    if (!s)
        return;
    while (size < pow2(63) && (addr & size) != 0)
        size *= 2;
    inv->first = align_down(addr, size) - (addr & size);
    inv->last = inv->first + (size - 1) + size;
}

static struct ats_inv make_inv(const struct vtd_desc *d)
{
    struct ats_inv inv = {.used = true};

    if (entry_get(d, VTD_QI_TYPE) == VTD_QI_DEVTLB) {
        set_range(&inv, entry_get_addr(d, VTD_QI_DEVTLB_ADDR), entry_get(d, VTD_QI_DEVTLB_S));
        return inv;
    }
    set_range(&inv, entry_get_addr(d, VTD_QI_PDEVTLB_ADDR), entry_get(d, VTD_QI_PDEVTLB_S));
    inv.with_pasid = true;
    inv.pasid = (uint32_t)entry_get(d, VTD_QI_PDEVTLB_PASID);
    inv.every_pasid = entry_get(d, VTD_QI_PDEVTLB_GI);
    return inv;
}

static bool is_meant(const struct ats_inv *inv, const struct ats_tlb_entry *e)
{
    if (inv->with_pasid != e->has_pasid || (inv->with_pasid && !inv->every_pasid && inv->pasid != e->pasid))
        return false;
    return e->iova <= inv->last && inv->first <= e->iova + (e->size - 1);
}

/* What the function sends back, if anything. */
static void answer(struct model *m, struct ats_device *dev, struct ats_inv *inv)
{
    inv->used = false;
    m->ats.pending--;
    if (dev->cfg.wrong_tag)
        queue_bad_completion(m, dev->cfg.sid);
    if (dev->cfg.mute || inv->lost || fails(m, MODEL_FAIL_ANSWER)) {
        queue_timed_out(m, dev->cfg.sid);
        return;
    }
    way_push(m, dev->cfg.sid, inv->answers_sent);
    for (unsigned i = 0; i < ATS_TLB_ENTRIES; i++) {
        if (is_meant(inv, &dev->tlb[i]))
            dev->tlb[i].valid = false;
    }
}

static void send(struct model *m, struct ats_device *dev, const struct ats_inv *inv)
{
    m->ats.pending++;
    for (unsigned i = 0; i < ATS_PENDING; i++) {
        struct ats_inv *place = &dev->inv[i];

        if (place->used)
            continue;
        *place = *inv;
        if (place->left == 0)
            answer(m, dev, place);
        return;
    }
    /* MIP holds the unit back: the next one goes out when one has been answered. */
    answer(m, dev, &dev->inv[0]);
    dev->inv[0] = *inv;
}

static unsigned takes_at_most(unsigned mip)
{
    return mip == 0 ? ATS_PENDING : mip;
}

/* With translation off it is rule 13, which desc.c looks after. */
static void check_duties(struct model *m, const struct ats_device *dev, uint16_t sid, unsigned mip)
{
    if (!is_on(m))
        return;
    if (dev == NULL)
        breach(m, "rule 77: device-TLB invalidation to %04x, which never had ATS on", sid);
    else if (takes_at_most(mip) > takes_at_most(dev->cfg.qdep))
        breach(m, "rule 77: MIP %u for requester %04x, which takes %u invalidations", takes_at_most(mip), sid,
               takes_at_most(dev->cfg.qdep));
}

void ats_invalidate(struct model *m, const struct vtd_desc *d)
{
    bool with_pasid = entry_get(d, VTD_QI_TYPE) == VTD_QI_PDEVTLB;
    uint16_t sid =
        (uint16_t)(with_pasid ? entry_get(d, VTD_QI_PDEVTLB_SID) : entry_get(d, VTD_QI_DEVTLB_SID));
    uint64_t mip = with_pasid ? entry_get(d, VTD_QI_PDEVTLB_MIP) : entry_get(d, VTD_QI_DEVTLB_MIP);
    struct ats_device *dev = ats_find(m, sid);
    struct ats_inv inv = make_inv(d);

    check_duties(m, dev, sid, (unsigned)mip);
    if (dev == NULL) {
        queue_timed_out(m, sid);
        return;
    }
    inv.answers_sent = way_answers_sent(m);
    inv.lost = !is_on(m); /* completions are not accepted */
    inv.left = dev->cfg.delay + (m->cfg.slow ? rnd(m, STEPS_MORE) : 0);
    send(m, dev, &inv);
}

unsigned ats_pending(const struct model *m)
{
    return m->ats.pending;
}

void ats_step(struct model *m)
{
    for (unsigned i = 0; i < ATS_DEVICES && m->ats.pending > 0; i++) {
        struct ats_device *dev = &m->ats.device[i];

        for (unsigned k = 0; k < ATS_PENDING; k++) {
            if (dev->inv[k].used && dev->inv[k].left-- <= 1)
                answer(m, dev, &dev->inv[k]);
        }
    }
}

void ats_memory_freed(struct model *m, uint64_t pa, uint64_t size)
{
    for (unsigned i = 0; i < ATS_DEVICES; i++) {
        const struct ats_device *dev = &m->ats.device[i];

        for (unsigned k = 0; k < ATS_TLB_ENTRIES; k++) {
            const struct ats_tlb_entry *e = &dev->tlb[k];

            if (e->valid && !e->anywhere && e->pa < pa + size && pa < e->pa + e->size)
                breach(m, "rule 54: %llx freed while the device TLB of %04x leads there (address %llx)",
                       (unsigned long long)pa, dev->cfg.sid, (unsigned long long)e->iova);
        }
    }
}
