/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The static stacks, see stacks.h: kernel_main()'s and five interrupt stacks, a guard page and four pages each. In a
 * section of their own behind .bss, taking no room in the file.
 */
    .set STACK_SIZE, 5 * 4096

    .section .stacks, "aw", @nobits
    .balign 4096
    .globl kernel_stacks
    .type kernel_stacks, @object
kernel_stacks:
    .skip STACK_SIZE
    .globl kernel_main_stack_top
kernel_main_stack_top:
    .skip 5 * STACK_SIZE
    .size kernel_stacks, . - kernel_stacks

    .section .note.GNU-stack, "", @progbits
