/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sources of interrupts outside the CPUs: the messages of functions and the pins of I/O APICs that are in
 * use. While interrupt remapping is on each of them sends what the remapping unit's driver says, else what
 * the kernel chose (plat_intr_hold and plat_intr_resume of the seam).
 */
#ifndef KERNEL_INTR_H
#define KERNEL_INTR_H

#include "iommu/platform.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/list.h"

struct intr_source {
    struct plat_intr intr;
    struct plat_intr_form own; /* what it sends while nothing is remapped */
    /* Programs it; NULL makes it quiet. 0 or a negative errno: it is quiet. */
    int (*program)(struct intr_source *source, const struct plat_intr_form *form);
    struct list link;
};

/*
 * A source that is filled in and not in the list lets its interrupts out; one that is in it falls silent and
 * goes out. 0, or what `program` or the remapping driver says; then it is not in the list. One thread at a
 * time. T.
 */
must_check int intr_source_add(struct intr_source *source);
void intr_source_remove(struct intr_source *source);
/* It is in the list. */
bool intr_source_used(const struct intr_source *source);

#endif
