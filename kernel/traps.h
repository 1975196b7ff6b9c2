/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exceptions and interrupts: the frame that the entry stubs build, and where each vector goes.
 *
 * A stub saves all registers and, below the frame, the FX state; so a handler may call newlib code that uses
 * SSE, and may switch threads: the interrupted thread's registers stay on its own stack until it is switched
 * back to. Handlers run with interrupts off. Vectors 2, 8, 14, 18 and 1 run on stacks of their own (enum
 * ist): a handler that leaves one of them by switching threads must never come back to it.
 */
#ifndef KERNEL_TRAPS_H
#define KERNEL_TRAPS_H

#include <stddef.h>
#include <stdint.h>

struct trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t vector;
    uint64_t error; /* 0 where the CPU pushes none */
    uint64_t rip, cs, rflags, rsp, ss;
};

#define TRAP_NMI           2
#define TRAP_DOUBLE_FAULT  8
#define TRAP_PAGE_FAULT    14
#define TRAP_MACHINE_CHECK 18
#define TRAP_IRQ_FIRST     32
#define TRAP_VECTORS       256

/* Builds the IDT and loads it on the executing CPU. Needs gdt_init(). Once; further CPUs load the same one.
 */
void trap_init(void);
void trap_init_cpu(void);

/* Called for vectors 32..255 with interrupts off, on the interrupted stack; it does its own end-of-interrupt.
 */
void trap_set_irq_handler(void (*fn)(struct trap_frame *f));

/* Short name: "#PF page fault". For 32 and up "interrupt". */
const char *trap_name(unsigned vector);

/* One line that says what happened where: vector, error, address and what lies there. For reports of a
 * guarded case. X. */
void trap_describe(const struct trap_frame *f, char *out, size_t size);

/* Registers, control registers and the symbolised back-trace of `f`, as lines on the console. X. */
void trap_print(const struct trap_frame *f);

#endif
