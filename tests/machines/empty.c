/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The least EFI program: it ends the machine by isa-debug-exit with 0, which QEMU turns into exit code 1.
 * What a machine needs until it runs is what `make bench` compares a whole run with.
 */
#include <efi.h>

#define EXIT_PORT 0xf4

/* crt0 of GNU-EFI calls it by the convention of the compiler. */
EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    (void)image;
    (void)system;
    __asm__ volatile("outl %0, %1" : : "a"(0), "Nd"((UINT16)EXIT_PORT));
    return EFI_UNSUPPORTED;
}
