/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a function to the DMAR structures that speak of it (VT-d 5.10, Device Scope Structure): paths are
 * walked through the bridges as they are numbered at the time of the question.
 */
#include <errno.h>

#include "iommu/dmar.h"
#include "kernel/lib/bits.h"

/* PCI configuration space, type 1 header: the dwords that hold the header type and the bus numbers */
#define PCI_HEADER_DWORD  0x0c
#define PCI_HEADER_LAYOUT BITS(22, 16)
#define PCI_LAYOUT_BRIDGE 1
#define PCI_BUSES_DWORD   0x18
#define PCI_SECONDARY     BITS(15, 8)
#define PCI_SUBORDINATE   BITS(23, 16)

/* The buses behind a bridge; false if the function is no bridge, or has not got any. */
static bool buses_behind(struct pci_id bridge, dmar_cfg_read *read, void *ctx, uint8_t *first, uint8_t *last)
{
    uint32_t buses;

    if (FIELD_GET(PCI_HEADER_LAYOUT, read(ctx, bridge, PCI_HEADER_DWORD)) != PCI_LAYOUT_BRIDGE)
        return false;
    buses = read(ctx, bridge, PCI_BUSES_DWORD);
    *first = (uint8_t)FIELD_GET(PCI_SECONDARY, buses);
    *last = (uint8_t)FIELD_GET(PCI_SUBORDINATE, buses);
    return *first > rid_bus(bridge.rid) && *first <= *last;
}

int dmar_scope_rid(const struct dmar_struct *s, const struct dmar_scope *scope, dmar_cfg_read *read,
                   void *ctx, uint16_t *rid)
{
    bool walks = scope->type == DMAR_SCOPE_ENDPOINT || scope->type == DMAR_SCOPE_BRIDGE;
    const uint8_t *path = scope->path;
    uint8_t bus = scope->start_bus;

    if (scope->path_len == 0)
        return -ENODEV;
    for (unsigned left = scope->path_len; left > 1; left--, path += 2) {
        struct pci_id bridge = {s->segment, RID(bus, path[0], path[1])};
        uint8_t last;

        if (walks && !buses_behind(bridge, read, ctx, &bus, &last))
            return -ENODEV;
    }
    *rid = RID(bus, path[0], path[1]);
    return 0;
}

static bool scope_covers(const struct dmar_struct *s, const struct dmar_scope *scope, struct pci_id fn,
                         dmar_cfg_read *read, void *ctx)
{
    uint16_t rid;
    uint8_t first;
    uint8_t last;

    if (scope->type != DMAR_SCOPE_ENDPOINT && scope->type != DMAR_SCOPE_BRIDGE &&
        scope->type != DMAR_SCOPE_NAMESPACE)
        return false;
    if (dmar_scope_rid(s, scope, read, ctx, &rid))
        return false;
    if (rid == fn.rid)
        return true;
    return scope->type == DMAR_SCOPE_BRIDGE &&
           buses_behind((struct pci_id){s->segment, rid}, read, ctx, &first, &last) &&
           rid_bus(fn.rid) >= first && rid_bus(fn.rid) <= last;
}

bool dmar_covers(const struct dmar *dmar, const struct dmar_struct *s, struct pci_id fn, dmar_cfg_read *read,
                 void *ctx)
{
    if (s->segment != fn.segment)
        return false;
    dmar_for_each_scope(scope, dmar, s) if (scope_covers(s, &scope, fn, read, ctx)) return true;
    return false;
}

int dmar_unit_for(const struct dmar *dmar, struct pci_id fn, dmar_cfg_read *read, void *ctx,
                  struct dmar_struct *out)
{
    int err = -ENODEV;

    dmar_for_each(s, dmar)
    {
        if (s.type != DMAR_DRHD || s.segment != fn.segment)
            continue;
        if (dmar_covers(dmar, &s, fn, read, ctx)) {
            *out = s;
            return 0;
        }
        if (s.include_all) {
            *out = s;
            err = 0;
        }
    }
    return err;
}

/* A source id is no path to walk. */
static uint32_t no_bridge(void *ctx unused, struct pci_id fn unused, uint16_t offset unused)
{
    return UINT32_MAX;
}

int dmar_unit_for_ioapic(const struct dmar *dmar, uint8_t id, struct dmar_struct *out, uint16_t *rid)
{
    dmar_for_each(s, dmar)
    {
        if (s.type != DMAR_DRHD)
            continue;
        dmar_for_each_scope(scope, dmar, &s)
        {
            if (scope.type != DMAR_SCOPE_IOAPIC || scope.id != id)
                continue;
            *out = s;
            return dmar_scope_rid(&s, &scope, no_bridge, NULL, rid);
        }
    }
    return -ENODEV;
}
