/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bus mastering that the firmware left on: network and disk controllers may go on writing into memory that is
 * ours by now, and into the records of cases that count faults. Switched off before anything else, and put
 * back at the end. See pci.h.
 */
#include "kernel/pci.h"

enum {
    REG_COMMAND = 0x04,
    HEADER_DEVICE = 0,

    BASE_CLASS_SHIFT = 16,
    BASE_CLASS_DISPLAY = 0x03,
    BASE_CLASS_BRIDGE = 0x06,
};

static bool is_endpoint(const struct pci_function *fn)
{
    uint32_t base_class = fn->class >> BASE_CLASS_SHIFT;

    return fn->header == HEADER_DEVICE && base_class != BASE_CLASS_BRIDGE && base_class != BASE_CLASS_DISPLAY;
}

static void set_master(const struct pci_function *fn, bool on)
{
    uint16_t command = pci_read16(fn->id, REG_COMMAND) & (uint16_t)~PCI_COMMAND_MASTER;

    pci_write16(fn->id, REG_COMMAND, (uint16_t)(command | (on ? PCI_COMMAND_MASTER : 0)));
}

void pci_quiesce(void)
{
    for (struct pci_function *fn = NULL; (fn = pci_next(fn));) {
        if (!is_endpoint(fn))
            continue;
        fn->mastered = pci_read16(fn->id, REG_COMMAND) & PCI_COMMAND_MASTER;
        set_master(fn, false);
    }
}

void pci_restore(void)
{
    for (struct pci_function *fn = NULL; (fn = pci_next(fn));) {
        if (is_endpoint(fn))
            set_master(fn, fn->mastered);
    }
}
