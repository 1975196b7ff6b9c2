/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * newlib's lock, as a forced end sees it. What was under way in malloc or stdio stays half done: newlib
 * mostly finds out about a bad pointer before it changes anything, but nothing vouches for its heap from then
 * on. A later trap in it, in a guarded run, is ended likewise; outside of one it stops the machine.
 */
#ifndef KERNEL_LIBC_LOCK_H
#define KERNEL_LIBC_LOCK_H

#include <stdbool.h>

/* Takes the lock from the code that this CPU gives up; true if that held it. Interrupts off. */
bool libc_lock_drop(void);

#endif
