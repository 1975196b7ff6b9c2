/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel ELF, without debug information and packed, as bytes of the UEFI application. */
    .section .rodata
    .balign 16
    .globl boot_kernel_blob
    .hidden boot_kernel_blob
boot_kernel_blob:
    .incbin KERNEL_BLOB
    .globl boot_kernel_blob_end
    .hidden boot_kernel_blob_end
boot_kernel_blob_end:

    .section .note.GNU-stack, "", @progbits
