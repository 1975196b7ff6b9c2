/* SPDX-License-Identifier: BSD-2-Clause */
/* First instruction of the kernel, called by the boot part: rdi = struct boot_info. Takes the kernel's own stack. */
    .section .text.entry, "ax", @progbits
    .globl kernel_entry
    .type kernel_entry, @function
kernel_entry:
    lea kernel_main_stack_top(%rip), %rsp
    xor %ebp, %ebp
    push %rbp
    push %rbp
    call kernel_main
1:  cli
    hlt
    jmp 1b
    .size kernel_entry, . - kernel_entry

    .section .note.GNU-stack, "", @progbits
