/* SPDX-License-Identifier: BSD-2-Clause */
/* Log lines and panics; see log.h. */
#include <stdio.h>

#include "kernel/backtrace.h"
#include "kernel/console.h"
#include "kernel/console_panic.h"
#include "kernel/cpu.h"
#include "kernel/exit.h"
#include "kernel/lockdep.h"
#include "kernel/log.h"
#include "kernel/smp.h"

#define LINE_BYTES 480
#define TRACE_MAX  16

static enum plat_log max_level = LOG_WARN;

void log_set_level(enum plat_log level)
{
    max_level = level;
}

enum plat_log log_level(void)
{
    return max_level;
}

void log_v(enum plat_log level, const char *fmt, va_list ap)
{
    static const char *const names[] = {"error: ", "warning: ", "", ""};
    char text[LINE_BYTES];

    if (level > max_level)
        return;
    vsnprintf(text, sizeof(text), fmt, ap);
    kprintf("# %s%s\n", names[level], text);
}

void log_line(enum plat_log level, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_v(level, fmt, ap);
    va_end(ap);
}

void panic_v(const char *fmt, va_list ap)
{
    static unsigned depth;
    uint64_t trace[TRACE_MAX];
    char text[LINE_BYTES];

    cpu_cli();
    lockdep_off();
    smp_stop_others();
    if (depth++ == 0) {
        console_panic();
        vsnprintf(text, sizeof(text), fmt, ap);
        kprintf("\n# panic: %s\n", text);
        backtrace_print("#   ", trace, backtrace_here(trace, TRACE_MAX));
    }
    if (depth <= 2)
        machine_exit(EXIT_ERROR, EXIT_AUTO);
    cpu_stop();
}

void panic(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    panic_v(fmt, ap);
}
