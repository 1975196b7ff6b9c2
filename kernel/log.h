/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Log lines by level, and the end of a run that went wrong. Log lines start with "# ", so they are comments
 * in TAP. plat_log() and plat_panic() of the seam are built on these (platform.c).
 */
#ifndef KERNEL_LOG_H
#define KERNEL_LOG_H

#include <stdarg.h>

#include "iommu/platform.h"
#include "kernel/lib/compiler.h"

/* Lines above `level` are dropped. LOG_WARN at start. */
void log_set_level(enum plat_log level);
enum plat_log log_level(void);

/* One line without newline. X. */
void log_v(enum plat_log level, const char *fmt, va_list ap) printf_like(2, 0);
void log_line(enum plat_log level, const char *fmt, ...) printf_like(2, 3);

/* Stops the run: the text, a back-trace of the caller, exit code EXIT_ERROR. Safe to enter again from itself.
 * X. */
noreturn void panic(const char *fmt, ...) printf_like(1, 2);
noreturn void panic_v(const char *fmt, va_list ap) printf_like(1, 0);

#endif
