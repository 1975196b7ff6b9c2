/* SPDX-License-Identifier: BSD-2-Clause */
/* Discovery on a machine without DMA engines: the host. */
#include <errno.h>

#include "tests/dev/dma_dev.h"

int dma_discover(const char *scratch)
{
    (void)scratch;
    return 0;
}

int dma_unplug(struct dma_dev *dev)
{
    (void)dev;
    return -ENODEV;
}
