/* SPDX-License-Identifier: BSD-2-Clause */
/* Text to the serial line and the screen; see console.h. */
#include <stdio.h>
#include <string.h>

#include "kernel/acpi.h"
#include "kernel/console.h"
#include "kernel/console_panic.h"
#include "kernel/cpu.h"
#include "kernel/fw_cfg.h"
#include "kernel/screen.h"
#include "kernel/serial.h"
#include "kernel/spin.h"

#define EARLY_BYTES 8192
#define LINE_BYTES  512

/* All protected by `lock`, which also keeps lines whole. */
static struct spin lock = SPIN_INIT("console");
static bool chosen;    /* text goes out; until then into `early` */
static bool on_screen; /* what is written is drawn too */
static char early[EARLY_BYTES];
static size_t early_size;
static char port[64] = "none";

static void emit(const char *text, size_t size)
{
    serial_write(text, size);
    if (on_screen)
        screen_write(text, size);
}

void console_write(const char *text, size_t size)
{
    uint64_t flags = spin_lock(&lock);

    if (chosen) {
        emit(text, size);
    } else {
        if (size > EARLY_BYTES - early_size)
            size = EARLY_BYTES - early_size;
        memcpy(early + early_size, text, size);
        early_size += size;
    }
    spin_unlock(&lock, flags);
}

void console_init(const struct boot_info *info)
{
    screen_init(&info->framebuffer);
}

static void open_port(void)
{
    struct acpi_gas gas;
    const char *source;

    if (acpi_serial(&gas, &source) && serial_open(&gas))
        snprintf(port, sizeof(port), "%s %s 0x%llx", source, gas.space ? "port" : "memory",
                 (unsigned long long)gas.address);
    else if (serial_open_legacy())
        snprintf(port, sizeof(port), "port 0x3f8");
}

static void release_early(void)
{
    chosen = true;
    on_screen = !serial_alive() || !fw_cfg_present();
    emit("\n", 1); /* the firmware may have left the cursor anywhere */
    emit(early, early_size);
}

void console_choose(void)
{
    uint64_t flags;

    open_port();
    flags = spin_lock(&lock);
    release_early();
    spin_unlock(&lock, flags);
}

void console_panic(void)
{
    __atomic_store_n(&lock.taken, 0, __ATOMIC_RELEASE);
    if (!chosen) {
        if (serial_open_legacy())
            snprintf(port, sizeof(port), "port 0x3f8");
        release_early();
    }
    on_screen = true;
}

const char *console_port(void)
{
    return port;
}

void console_screen(bool on)
{
    on_screen = on || !serial_alive() || !fw_cfg_present();
}

void console_progress(const char *text)
{
    uint64_t flags = spin_lock(&lock);

    screen_status(text);
    spin_unlock(&lock, flags);
}

void kvprintf(const char *fmt, va_list ap)
{
    char line[LINE_BYTES];
    int n = vsnprintf(line, sizeof(line), fmt, ap);

    if (n > 0)
        console_write(line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

void kprintf(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    kvprintf(fmt, ap);
    va_end(ap);
}
