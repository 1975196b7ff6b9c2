/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of the run: how the machine is left.
 */
#ifndef KERNEL_EXIT_H
#define KERNEL_EXIT_H

#include "kernel/lib/compiler.h"

enum exit_how {
    EXIT_AUTO,  /* the debug port where an emulator has one, else halt with the summary on the screen */
    EXIT_DEBUG, /* isa-debug-exit at port f4h, whether it was found or not */
    EXIT_RESET, /* UEFI ResetSystem, else the chipset's reset register */
    EXIT_HALT,
};

/* Exit code of a run that the apparatus itself ended (panic). */
#define EXIT_ERROR 4u

/* What machine_exit(code, EXIT_AUTO) and panic() do from now on. EXIT_AUTO at start. */
void exit_set_how(enum exit_how how);

/* Ends the run. The emulator's own exit status becomes code*2+1; `code` is 0..127. X. */
noreturn void machine_exit(unsigned code, enum exit_how how);

#endif
