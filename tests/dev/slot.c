/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pulling a device out of its slot: power off at the root port above, which is all that a surprise removal
 * needs. PCI Express 6.0, Slot Control Register. QEMU ejects the device at that write and cancels what it had
 * under way; nothing puts it back.
 */
#include <errno.h>

#include "iommu/platform.h"
#include "kernel/pci.h"
#include "tests/dev/engines.h"

enum {
    EXP_FLAGS = 0x02,
    EXP_SLOT_CONTROL = 0x18,
};

#define FLAGS_SLOT         0x0100u
#define CONTROL_LED_OFF    0x0300u
#define CONTROL_POWER_OFF  0x0400u
#define GONE_TIMEOUT_NS    1000000000ull
#define GONE_LOOK_EVERY_NS 1000000ull

static bool is_gone(void *arg)
{
    const struct dma_dev *dev = arg;

    return plat_pci_read32(dev->id, 0) == UINT32_MAX;
}

static int wait_gone(struct dma_dev *dev)
{
    struct plat_waitq waitq;

    plat_waitq_init(&waitq);
    for (uint64_t waited = 0; waited < GONE_TIMEOUT_NS; waited += GONE_LOOK_EVERY_NS) {
        if (!plat_wait(&waitq, is_gone, dev, GONE_LOOK_EVERY_NS))
            return 0;
    }
    return is_gone(dev) ? 0 : -ETIMEDOUT;
}

int dma_unplug(struct dma_dev *dev)
{
    const struct pci_function *fn = pci_by_id(dev->id);
    const struct pci_function *port = fn ? fn->parent : NULL;
    uint16_t control;
    int err;

    if (!port || port->kind != PCI_PORT || !(pci_read16(port->id, port->cap_pcie + EXP_FLAGS) & FLAGS_SLOT))
        return -ENODEV;
    control = pci_read16(port->id, port->cap_pcie + EXP_SLOT_CONTROL);
    pci_write16(port->id, port->cap_pcie + EXP_SLOT_CONTROL, control | CONTROL_POWER_OFF | CONTROL_LED_OFF);
    err = wait_gone(dev);
    if (err)
        plat_log(LOG_ERROR, "%s: still there after its slot was switched off", dev->name);
    else
        dma_dev_remove(dev);
    return err;
}
