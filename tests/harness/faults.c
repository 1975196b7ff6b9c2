/* SPDX-License-Identifier: BSD-2-Clause */
/* Fault records of the running case: taken out of the units as they come, kept until a check asks for them.
 */
#include <stdio.h>
#include <string.h>

#include "iommu/vtd_fault.h"
#include "iommu/vtd_unit.h"
#include "tests/harness/fixture.h"

#define MAX_FAULTS 32u
#define ONE_POLL   8u

static struct {
    struct vtd_fault records[MAX_FAULTS];
    unsigned count;
    unsigned lost;
    bool overflow; /* a unit lost some */
} list;

void faults_reset(void)
{
    struct iommu *iommu = fixture_iommu();

    for (unsigned u = 0; iommu && u < iommu->unit_count; u++) {
        struct vtd_unit *unit = iommu->units[u];

        if (!unit->started)
            continue;
        vtd_fault_clear(unit);
        vtd_event_mask(unit, VTD_EVENT_FAULT, !unit->fault_event.on);
        vtd_event_mask(unit, VTD_EVENT_QUEUE, !unit->queue_event.on);
    }
    memset(&list, 0, sizeof(list));
}

static bool is_repeat(const struct dma_dev *dev, const struct vtd_fault *f, const struct vtd_fault *before)
{
    return dev && dev->asks_again && f->segment == before->segment && f->sid == before->sid &&
           f->address == before->address && f->reason == before->reason && f->type == before->type;
}

unsigned t_faults_once(const struct dma_dev *dev, struct vtd_fault *f, unsigned n)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < n; i++) {
        if (!kept || !is_repeat(dev, &f[i], &f[kept - 1]))
            f[kept++] = f[i];
    }
    return kept;
}

static void take(const struct dma_dev *dev, struct vtd_unit *unit)
{
    struct vtd_fault some[ONE_POLL];
    bool overflow = false;
    unsigned n = vtd_fault_poll(unit, some, ONE_POLL, &overflow);

    for (unsigned i = 0; i < n; i++) {
        if (list.count && is_repeat(dev, &some[i], &list.records[list.count - 1]))
            continue;
        if (list.count < MAX_FAULTS)
            list.records[list.count++] = some[i];
        else
            list.lost++;
    }
    list.overflow |= overflow;
}

unsigned t_faults(struct t *t)
{
    for (unsigned u = 0; t->iommu && u < t->iommu->unit_count; u++) {
        if (t->iommu->units[u]->started)
            take(t->dma, t->iommu->units[u]);
    }
    return list.count;
}

const struct vtd_fault *t_fault(struct t *t, unsigned n)
{
    (void)t;
    return n < list.count ? &list.records[n] : NULL;
}

void t_faults_forget(struct t *t)
{
    t_faults(t);
    memset(&list, 0, sizeof(list));
}

static bool is_by(const struct vtd_fault *f, const struct dma_dev *dev)
{
    for (unsigned i = 0; i < dev->rid_count; i++) {
        if (f->segment == dev->id.segment && f->sid == dev->rids[i])
            return true;
    }
    return false;
}

static void remove_record(unsigned n)
{
    list.count--;
    memmove(&list.records[n], &list.records[n + 1], (list.count - n) * sizeof(list.records[0]));
}

bool t_expect_fault(struct t *t, const struct dma_dev *dev, unsigned reason)
{
    unsigned n = t_faults(t), other = MAX_FAULTS;
    char text[160];

    t_reached(t);
    for (unsigned i = 0; i < n; i++) {
        if (!is_by(&list.records[i], dev))
            continue;
        if (list.records[i].reason == reason) {
            remove_record(i);
            return true;
        }
        if (other == MAX_FAULTS)
            other = i;
    }
    if (other < n) {
        state_fail(t->state, "fault %02xh by %s: seen %s", reason, dev->name,
                   vtd_fault_text(&list.records[other], text, sizeof(text)));
        remove_record(other);
    } else {
        state_fail(t->state, "fault %02xh by %s: seen none (%u records of others%s)", reason, dev->name, n,
                   list.overflow ? ", a unit lost some" : "");
    }
    return false;
}

bool t_expect_no_fault(struct t *t)
{
    unsigned n = t_faults(t);
    char text[160];

    t_reached(t);
    if (!n && !list.overflow)
        return true;
    state_fail(t->state, "no fault: seen %u, %s", n,
               n ? vtd_fault_text(&list.records[0], text, sizeof(text)) : "an overflow");
    memset(&list, 0, sizeof(list));
    return false;
}
