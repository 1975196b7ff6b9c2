/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One interrupt message per function: MSI (PCI Express 6.0, 7.7.1), else entry 0 of MSI-X (7.7.2).
 */
#include <errno.h>

#include "kernel/lib/compiler.h"
#include "kernel/pci.h"
#include "kernel/vm.h"

enum {
    /* Address of an xAPIC message (Intel SDM volume 3, 11.11) */
    DEST_SHIFT = 12,
    DEST_MASK = 0xff,

    REG_COMMAND = 0x04,
    COMMAND_INTX_OFF = 1 << 10,

    MSI_CONTROL = 2,
    MSI_ENABLE = 1 << 0,
    MSI_MULTIPLE = 7 << 4, /* messages in use, as a power of two */
    MSI_WIDE = 1 << 7,
    MSI_MASKABLE = 1 << 8,
    MSI_ADDRESS = 4,
    MSI_UPPER = 8,
    MSI_DATA_NARROW = 8,
    MSI_DATA_WIDE = 12,
    MSI_MASK_BEHIND_DATA = 4,

    MSIX_CONTROL = 2,
    MSIX_SIZE = 0x7ff,
    MSIX_MASK_ALL = 1 << 14,
    MSIX_ENABLE = 1 << 15,
    MSIX_TABLE = 4, /* BAR in bits 2:0, offset above */
    MSIX_ENTRY_WORDS = 4,
    MSIX_ENTRY_MASKED = 1,
};

static void intx_off(const struct pci_function *fn)
{
    pci_write16(fn->id, REG_COMMAND, pci_read16(fn->id, REG_COMMAND) | COMMAND_INTX_OFF);
}

static void msi_enable(const struct pci_function *fn, const struct plat_msi *msi)
{
    uint16_t cap = fn->cap_msi, control = pci_read16(fn->id, cap + MSI_CONTROL);
    uint16_t data = (uint16_t)(cap + (control & MSI_WIDE ? MSI_DATA_WIDE : MSI_DATA_NARROW));

    control &= (uint16_t) ~(MSI_ENABLE | MSI_MULTIPLE);
    pci_write16(fn->id, cap + MSI_CONTROL, control);
    pci_write32(fn->id, cap + MSI_ADDRESS, msi->address);
    if (control & MSI_WIDE)
        pci_write32(fn->id, cap + MSI_UPPER, msi->upper_address);
    pci_write16(fn->id, data, (uint16_t)msi->data);
    if (control & MSI_MASKABLE)
        pci_write32(fn->id, data + MSI_MASK_BEHIND_DATA, 0);
    pci_write16(fn->id, cap + MSI_CONTROL, control | MSI_ENABLE);
}

/* The table is written while the function masks all of it. */
static int msix_enable(const struct pci_function *fn, const struct plat_msi *msi)
{
    uint16_t cap = fn->cap_msix, control = pci_read16(fn->id, cap + MSIX_CONTROL);
    uint32_t where = pci_read32(fn->id, cap + MSIX_TABLE), entries = (control & MSIX_SIZE) + 1u;
    size_t size = (size_t)entries * MSIX_ENTRY_WORDS * sizeof(uint32_t);
    const struct pci_bar *bar = &fn->bars[where % 8 < PCI_BARS ? where % 8 : 0];
    volatile uint32_t *table;

    if (where % 8 >= PCI_BARS || bar->io || bar->base == 0 || (where & ~7u) + size > bar->size)
        return -ENOENT;
    table = vm_map_mmio(bar->base + (where & ~7u), size);
    if (!table)
        return -ENOMEM;
    pci_write16(fn->id, cap + MSIX_CONTROL, control | MSIX_ENABLE | MSIX_MASK_ALL);
    for (uint32_t i = 0; i < entries; i++)
        table[i * MSIX_ENTRY_WORDS + 3] = MSIX_ENTRY_MASKED;
    table[0] = msi->address;
    table[1] = msi->upper_address;
    table[2] = msi->data;
    table[3] = 0;
    pci_write16(fn->id, cap + MSIX_CONTROL, (uint16_t)((control | MSIX_ENABLE) & ~MSIX_MASK_ALL));
    vm_unmap_io(table, size);
    return 0;
}

static void clear_bits(const struct pci_function *fn, uint16_t reg, uint16_t bits)
{
    pci_write16(fn->id, reg, pci_read16(fn->id, reg) & (uint16_t)~bits);
}

static void disable(const struct pci_function *fn)
{
    if (fn->cap_msi)
        clear_bits(fn, fn->cap_msi + MSI_CONTROL, MSI_ENABLE);
    if (fn->cap_msix)
        clear_bits(fn, fn->cap_msix + MSIX_CONTROL, MSIX_ENABLE);
}

static int program(struct intr_source *source, const struct plat_intr_form *form)
{
    const struct pci_function *fn = container_of(source, struct pci_function, intr);

    intx_off(fn);
    if (!form) {
        disable(fn);
        return 0;
    }
    if (!fn->cap_msi)
        return msix_enable(fn, &form->msi);
    msi_enable(fn, &form->msi);
    return 0;
}

int pci_msi_enable(struct pci_function *fn, const struct plat_msi *msi)
{
    struct pci_id arrives;

    if (!fn->cap_msi && !fn->cap_msix)
        return -ENOENT;
    pci_msi_disable(fn);
    (void)pci_aliases(fn, &arrives, 1);
    fn->intr = (struct intr_source){
        .intr = {.fn = fn->id,
                 .alias = arrives.rid,
                 .vector = (uint8_t)msi->data,
                 .dest = msi->address >> DEST_SHIFT & DEST_MASK},
        .own = {.msi = *msi},
        .program = program,
    };
    return intr_source_add(&fn->intr);
}

void pci_msi_disable(struct pci_function *fn)
{
    if (intr_source_used(&fn->intr))
        intr_source_remove(&fn->intr);
}
