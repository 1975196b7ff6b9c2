/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the firmware's page tables to ours. These instructions are mapped at the same address in both. The firmware's
 * stack is gone with its tables, so the stack pointer follows at once; nothing may trap in between.
 *
 *   boot_jump(cr3 rdi, stack rsi, entry rdx, info rcx)
 */
    .text
    .globl boot_jump
    .hidden boot_jump
boot_jump:
    cli
    cld
    mov %rdi, %cr3
    mov %rsi, %rsp
    mov %rcx, %rdi
    xor %ebp, %ebp
    call *%rdx
1:  hlt
    jmp 1b
    .globl boot_jump_end
    .hidden boot_jump_end
boot_jump_end:

    .section .note.GNU-stack, "", @progbits
