/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The argument line: from the first place that has one. The words in it are the payload's business.
 */
#ifndef KERNEL_ARGS_H
#define KERNEL_ARGS_H

#include "kernel/boot_info.h"

/* Looks through the places. A place with text that is too long for us stops the run: half a line is no line.
 */
void args_init(const struct boot_info *info);

/* The line, printable ASCII, "" when no place had one. */
const char *boot_args(void);

/* Where it came from: "load options", "args.txt", "variable", "fw_cfg" or "none". */
const char *boot_args_source(void);

#endif
