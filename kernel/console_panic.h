/* SPDX-License-Identifier: BSD-2-Clause */
/* The console in a panic: for panic_v() alone. */
#ifndef KERNEL_CONSOLE_PANIC_H
#define KERNEL_CONSOLE_PANIC_H

/* From now on text gets out whatever was going on: breaks the lock, flushes what was kept, draws everything.
 */
void console_panic(void);

#endif
