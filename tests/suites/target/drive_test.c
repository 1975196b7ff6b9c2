/* SPDX-License-Identifier: BSD-2-Clause */
/* A drive that the user named by its serial number, to be overwritten, and that cannot be: said where nobody
 * misses it, in the report. */
#include "tests/dev/dma_dev.h"
#include "tests/harness/harness.h"

TEST(machine, named_drive,
     .doc = "the drive that nvme= names is there and can be used; none is named: nothing to say")
{
    if (dma_scratch_trouble()[0])
        t_error(t, "%s", dma_scratch_trouble());
    t_reached(t);
}
