# SPDX-License-Identifier: BSD-2-Clause
# The kernel: firmware only. kernel/lib is pure and goes into both binaries.
KERNEL_SRCS := kernel/entry.S kernel/main.c kernel/gdt.c kernel/stack_area.S kernel/trap_entry.S kernel/traps.c kernel/backtrace.c \
               kernel/page.c kernel/vm.c kernel/vm_tables.c kernel/space.c kernel/heap.c kernel/syscalls.c \
               kernel/console.c kernel/serial.c kernel/screen.c kernel/font.c kernel/log.c \
               kernel/args.c kernel/fw_cfg.c kernel/runtime.c kernel/exit.c \
               kernel/acpi.c kernel/apic.c kernel/ioapic.c kernel/intr.c kernel/irq.c kernel/time.c kernel/time_ref.c kernel/pci.c kernel/pci_alias.c kernel/pci_config.c kernel/pci_msi.c kernel/pci_quiesce.c kernel/platform.c \
               kernel/thread.c kernel/sched.c kernel/switch.S kernel/waitq.c kernel/workq.c kernel/epoch.c \
               kernel/guard.c kernel/watchdog.c kernel/libc_lock.c \
               kernel/spin.c kernel/lockdep.c kernel/smp.c kernel/smp_start.c kernel/smp_boot.S kernel/jitter.c

LIB_SRCS := kernel/lib/args_text.c kernel/lib/acpi_walk.c kernel/lib/idpool.c kernel/lib/rates.c kernel/lib/text.c
