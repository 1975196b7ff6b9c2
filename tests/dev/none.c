/* SPDX-License-Identifier: BSD-2-Clause */
/* Discovery on a machine without DMA engines: the host. */
#include "tests/dev/dma_dev.h"

int dma_discover(const char *scratch)
{
    (void)scratch;
    return 0;
}
