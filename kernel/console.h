/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text output. Until console_choose() has found the serial port, text is kept in a buffer; a panic flushes it
 * too. The serial line gets everything. The screen gets everything only where there is no serial port or no
 * emulator (drawing is dear there), else just the progress line and what is written while
 * console_screen(true).
 */
#ifndef KERNEL_CONSOLE_H
#define KERNEL_CONSOLE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "kernel/boot_info.h"
#include "kernel/lib/compiler.h"

/* Sets up the screen. Needs vm_init(). */
void console_init(const struct boot_info *info);

/* Picks the serial port: SPCR, else DBG2, else 0x3f8 if it answers; writes out what was kept. Needs
 * acpi_init(). */
void console_choose(void);

/* "0x3f8 (probe)", "SPCR mmio 0xfe...", "none". */
const char *console_port(void);

/* `size` bytes as they are; \n becomes \r\n on the serial line. Never blocks on a dead port. X. */
void console_write(const char *text, size_t size);

/* Whether console_write() also draws. */
void console_screen(bool on);

/* Replaces the progress line at the bottom of the screen (cut to its width); not written to the serial line.
 * X. */
void console_progress(const char *text);

/* printf to the console, at most 511 characters at a time. X. */
void kprintf(const char *fmt, ...) printf_like(1, 2);
void kvprintf(const char *fmt, va_list ap) printf_like(1, 0);

#endif
