/* SPDX-License-Identifier: BSD-2-Clause */
/* Discovery on a machine without DMA engines: the host. */
#include <errno.h>

#include "tests/dev/dma_dev.h"

int dma_discover(void)
{
    return 0;
}

int dma_unplug(struct dma_dev *dev)
{
    (void)dev;
    return -ENODEV;
}
