/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One 16550 UART, behind ports or registers in memory. Output only. A port that stops taking characters is
 * given up after a bounded wait, so a dead line costs milliseconds, once.
 */
#ifndef KERNEL_SERIAL_H
#define KERNEL_SERIAL_H

#include <stdbool.h>
#include <stddef.h>

#include "kernel/lib/acpi_walk.h"

/* Uses the port that the firmware describes; its speed stays as the firmware set it. False: it does not
 * answer. */
bool serial_open(const struct acpi_gas *where);

/* Uses COM1 (3f8h, 115200 8N1) if its scratch register answers. */
bool serial_open_legacy(void);

/* A port is open and alive. */
bool serial_alive(void);

/* X. */
void serial_write(const char *text, size_t size);

#endif
