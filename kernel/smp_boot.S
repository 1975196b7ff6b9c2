/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * First instructions of a further CPU, from real mode to the kernel, at the start of a page below 1 MiB (Intel SDM
 * volume 3, 9.4 and 10.8.5). The values at the end (kernel/smp_boot.h) are filled in for one CPU at a time. A CPU
 * that wakes up when nobody waits for it any more finds the ticket taken, and halts.
 */
    .set V_GDT_PTR, 32
    .set V_FAR32, 40
    .set V_FAR64, 48
    .set V_TICKET, 56
    .set V_CR0, 60
    .set V_CR3, 64
    .set V_CR4, 68
    .set V_INDEX, 72
    .set V_STACK, 80
    .set V_ENTRY, 88

    .set VALUES, smp_boot_values - smp_boot_start
    .set EFER, 0xc0000080
    .set EFER_LME_NXE, 0x900
    .set CR0_PE, 1
    .set CR0_CACHES_ON, 0x9fffffff

    .section .rodata.smp_boot, "a"
    .balign 16
    .globl smp_boot_start, smp_boot_code32, smp_boot_code64, smp_boot_values, smp_boot_end
    .code16
smp_boot_start:
    cli
    cld
    xorl %ebx, %ebx
    movw %cs, %bx
    movw %bx, %ds
    shll $4, %ebx
    lgdtl VALUES + V_GDT_PTR
    movl %cr0, %eax
    andl $CR0_CACHES_ON, %eax
    orl $CR0_PE, %eax
    movl %eax, %cr0
    ljmpl *(VALUES + V_FAR32)

    .code32
smp_boot_code32:
    movl $0x10, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    xchgl %eax, VALUES + V_TICKET(%ebx)
    testl %eax, %eax
    jz 1f
    movl VALUES + V_CR4(%ebx), %eax
    movl %eax, %cr4
    movl VALUES + V_CR3(%ebx), %eax
    movl %eax, %cr3
    movl $EFER, %ecx
    rdmsr
    orl $EFER_LME_NXE, %eax
    wrmsr
    movl VALUES + V_CR0(%ebx), %eax
    movl %eax, %cr0
    ljmpl *VALUES + V_FAR64(%ebx)
1:  cli
    hlt
    jmp 1b

    .code64
smp_boot_code64:
    movl %ebx, %ebx
    movq VALUES + V_STACK(%rbx), %rsp
    movl VALUES + V_INDEX(%rbx), %edi
    movq VALUES + V_ENTRY(%rbx), %rax
    xorl %ebp, %ebp
    pushq %rbp
    pushq %rbp
    callq *%rax
1:  cli
    hlt
    jmp 1b

    .balign 8
smp_boot_values:
    .skip 96
smp_boot_end:

    .section .note.GNU-stack, "", @progbits
