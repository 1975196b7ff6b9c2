/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UEFI runtime services after ExitBootServices. The firmware stays in physical mode: a second top-level table
 * shares the kernel's upper half and maps the runtime regions one to one; it is loaded for the length of a
 * call only, with interrupts off. So the kernel's own low half stays empty, and SetVirtualAddressMap is not
 * needed.
 */
#ifndef KERNEL_RUNTIME_H
#define KERNEL_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/boot_info.h"
#include "kernel/lib/compiler.h"

/* GUID of this project's variables: e8a3f1c4-7b52-4d0e-9c36-5d1b0f7a2e94. */
struct efi_guid {
    uint32_t a;
    uint16_t b, c;
    uint8_t d[8];
};

extern const struct efi_guid runtime_guid;

/* Maps the runtime regions. Needs vm_init(). Without memory the services count as absent. */
void runtime_init(const struct boot_info *info);

/* A service call is under way on this CPU: a trap now is the firmware's. X. */
bool runtime_busy(void);

/*
 * Stores `size` bytes under `name` (ASCII, up to 63) and runtime_guid, non-volatile. 0, -ENOSYS (no service),
 * -EINVAL, -EIO (the firmware refused; its status is logged). T.
 */
must_check int runtime_set_variable(const char *name, const void *data, size_t size);

/* Reads at most `size` bytes. The variable's size, -ENOENT, -ENOSYS, -EINVAL, -ENOSPC (larger than that),
 * -EIO. T. */
must_check int runtime_get_variable(const char *name, void *data, size_t size);

/* Resets the machine. Comes back when the firmware has no such service or it failed. X. */
void runtime_reset(void);

#endif
