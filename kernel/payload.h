/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between the kernel and what it carries: one call outward, and what the boot part found for whoever wants to
 * print it.
 */
#ifndef KERNEL_PAYLOAD_H
#define KERNEL_PAYLOAD_H

#include "kernel/boot_info.h"

/* Supplied by the payload; runs in the first thread, all services up. Its result, 0..127, is the exit code.
 */
int payload_main(void);

/* What the boot part handed over: firmware, memory map, frame buffer. */
const struct boot_info *boot_info(void);

#endif
