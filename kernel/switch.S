/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changing stacks: between threads, and back to the start of an interrupt handler that is given up. Only what a
 * called function has to keep is saved (System V ABI, x86-64): everything else is dead at a call.
 */
        .text

/* void switch_stack(uint64_t *save, uint64_t load): `save` gets this stack's pointer, `load` is another's. */
        .globl  switch_stack
        .type   switch_stack, @function
switch_stack:
        pushq   %rbp
        pushq   %rbx
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        movq    %rsp, (%rdi)
        movq    %rsi, %rsp
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbx
        popq    %rbp
        ret
        .size   switch_stack, . - switch_stack

/* bool context_save(struct context *c): false; true when context_restore() comes back here. */
        .globl  context_save
        .type   context_save, @function
context_save:
        movq    (%rsp), %rax
        movq    %rax, 0(%rdi)
        leaq    8(%rsp), %rax
        movq    %rax, 8(%rdi)
        movq    %rbp, 16(%rdi)
        movq    %rbx, 24(%rdi)
        movq    %r12, 32(%rdi)
        movq    %r13, 40(%rdi)
        movq    %r14, 48(%rdi)
        movq    %r15, 56(%rdi)
        xorl    %eax, %eax
        ret
        .size   context_save, . - context_save

/* noreturn void context_restore(const struct context *c) */
        .globl  context_restore
        .type   context_restore, @function
context_restore:
        movq    8(%rdi), %rsp
        movq    16(%rdi), %rbp
        movq    24(%rdi), %rbx
        movq    32(%rdi), %r12
        movq    40(%rdi), %r13
        movq    48(%rdi), %r14
        movq    56(%rdi), %r15
        movl    $1, %eax
        jmpq    *0(%rdi)
        .size   context_restore, . - context_restore

        .section .note.GNU-stack, "", @progbits
