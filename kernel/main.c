/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Order of start-up, and the one call outward: payload_main(). What runs before thread_start() has interrupts
 * off and the static stack.
 */
#include "kernel/acpi.h"
#include "kernel/apic.h"
#include "kernel/args.h"
#include "kernel/backtrace.h"
#include "kernel/boot_info.h"
#include "kernel/console.h"
#include "kernel/cpu.h"
#include "kernel/epoch.h"
#include "kernel/exit.h"
#include "kernel/ioapic.h"
#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/payload.h"
#include "kernel/pci.h"
#include "kernel/runtime.h"
#include "kernel/thread.h"
#include "kernel/time.h"
#include "kernel/traps.h"
#include "kernel/vm.h"
#include "kernel/watchdog.h"
#include "kernel/workq.h"

/* Called by entry.S; `info` is a direct-map address. */
noreturn void kernel_main(const struct boot_info *info);

static const struct boot_info *boot;

const struct boot_info *boot_info(void)
{
    return boot;
}

static void main_thread(void *arg)
{
    int code;

    (void)arg;
    epoch_init();
    workq_init();
    watchdog_init();
    pci_init();
    pci_quiesce();
    code = payload_main();
    pci_restore();
    machine_exit((unsigned)code & 127, EXIT_AUTO);
}

void kernel_main(const struct boot_info *info)
{
    boot = info;
    gdt_init(0);
    trap_init();
    if (info->magic != BOOT_INFO_MAGIC || info->version != BOOT_INFO_VERSION || info->size != sizeof(*info))
        panic("boot part and kernel do not fit together");
    backtrace_init(info);
    page_init(info);
    vm_init(info);
    runtime_init(info);
    console_init(info);
    acpi_init(info->rsdp);
    console_choose();
    args_init(info);
    apic_init();
    ioapic_init();
    time_init();
    irq_init();
    thread_start(main_thread, NULL);
}
