/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * QEMU's fw_cfg through its two ports: tells an emulator from a machine, and reads named files.
 */
#ifndef KERNEL_FW_CFG_H
#define KERNEL_FW_CFG_H

#include <stdbool.h>
#include <stddef.h>

/* The device answers with its signature: this is QEMU. Looked at once, then remembered. */
bool fw_cfg_present(void);

/* Reads up to `cap` bytes of file `name`. The file's whole size, or -ENOENT. Interrupts may be on. */
long fw_cfg_read(const char *name, void *out, size_t cap);

#endif
