/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's own lock: spins, keeps interrupts off, cannot be given up half way. Also the bounded wait that
 * the seam's lock shares.
 */
#ifndef KERNEL_SPIN_H
#define KERNEL_SPIN_H

#include <stdint.h>

#include "kernel/lib/compiler.h"

struct spin {
    uint32_t taken; /* 0, or the number of the holder's CPU plus 1; atomic */
    uint32_t class; /* of lockdep.h; found at the first use */
    const char *name;
};

#define SPIN_INIT(name_)                                                                                     \
    {                                                                                                        \
        .name = (name_)                                                                                      \
    }

/* Takes it; the result is for spin_unlock(). From gdt_init() on. X. */
uint64_t spin_lock(struct spin *l);
/* Gives it back; interrupts as they were before. X. */
void spin_unlock(struct spin *l, uint64_t flags);

/*
 * From now on locks keep other CPUs out as well; until then they keep interrupts out, which is all that one
 * CPU needs. Before the first other CPU is started; cannot be undone. X.
 */
void spin_expect_others(void);

/*
 * Takes `word` (0 free, else CPU + 1), spinning for at most ten seconds, which is forever: then it panics
 * with `name` and the holder, at once when the holder is this CPU. Interrupts off.
 */
void spin_take(uint32_t *word, const char *name);

#endif
