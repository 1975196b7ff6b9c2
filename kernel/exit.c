/* SPDX-License-Identifier: BSD-2-Clause */
/* Ends the run; see exit.h. */
#include "kernel/cpu.h"
#include "kernel/exit.h"
#include "kernel/fw_cfg.h"
#include "kernel/runtime.h"
#include "kernel/smp.h"

#define PORT_DEBUG_EXIT 0xf4
#define PORT_RESET      0xcf9 /* reset control register of Intel chipsets */
#define RESET_FULL      0x06

static enum exit_how default_how = EXIT_AUTO;

void exit_set_how(enum exit_how how)
{
    default_how = how;
}

/* isa-debug-exit reads as zero, an unclaimed port as all ones. */
static bool debug_exit_present(void)
{
    return fw_cfg_present() && inb(PORT_DEBUG_EXIT) == 0;
}

static void reset(void)
{
    if (!runtime_busy())
        runtime_reset();
    outb(PORT_RESET, RESET_FULL);
}

void machine_exit(unsigned code, enum exit_how how)
{
    cpu_cli();
    smp_stop_others();
    if (how == EXIT_AUTO)
        how = default_how;
    if (how == EXIT_AUTO)
        how = debug_exit_present() ? EXIT_DEBUG : EXIT_HALT;
    if (how == EXIT_DEBUG)
        outb(PORT_DEBUG_EXIT, (uint8_t)(code & 127));
    else if (how == EXIT_RESET)
        reset();
    cpu_stop();
}
