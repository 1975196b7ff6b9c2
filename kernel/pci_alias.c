/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Under which requester ids a function's requests reach an IOMMU. Ports pass ids on unchanged. A PCI Express
 * to PCI bridge takes ownership of what comes from its secondary side and speaks as (secondary bus):00.0 (PCI
 * Express to PCI/PCI-X Bridge 1.0, 2.3); a conventional bridge speaks as itself.
 */
#include "kernel/pci.h"

static bool takes_ownership(const struct pci_function *bridge)
{
    return bridge->kind == PCI_EXPRESS_TO_PCI || bridge->kind == PCI_TO_PCI;
}

const struct pci_function *pci_alias_bridge(const struct pci_function *fn)
{
    const struct pci_function *top = NULL;

    for (const struct pci_function *b = fn->parent; b; b = b->parent) {
        if (takes_ownership(b))
            top = b;
    }
    return top;
}

static unsigned add(struct pci_id *out, unsigned n, unsigned max, struct pci_id id)
{
    for (unsigned i = 0; i < n; i++) {
        if (out[i].segment == id.segment && out[i].rid == id.rid)
            return n;
    }
    if (n < max)
        out[n++] = id;
    return n;
}

unsigned pci_aliases(const struct pci_function *fn, struct pci_id *out, unsigned max)
{
    const struct pci_function *top = pci_alias_bridge(fn);
    unsigned n = 0;

    if (top && top->kind == PCI_EXPRESS_TO_PCI)
        n = add(out, n, max, (struct pci_id){top->id.segment, RID(top->secondary, 0, 0)});
    if (top)
        n = add(out, n, max, top->id);
    return add(out, n, max, fn->id);
}
