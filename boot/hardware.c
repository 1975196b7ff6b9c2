/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What only the firmware can tell about the machine: where ACPI starts, the linear frame buffer of the
 * current mode, who the firmware is, and its runtime services.
 */
#include "boot/boot.h"

static UINT64 find_rsdp(EFI_SYSTEM_TABLE *st)
{
    static EFI_GUID acpi1 = ACPI_TABLE_GUID;
    static EFI_GUID acpi2 = ACPI_20_TABLE_GUID;
    UINT64 old = 0;

    for (UINTN i = 0; i < st->NumberOfTableEntries; i++) {
        EFI_CONFIGURATION_TABLE *t = &st->ConfigurationTable[i];

        if (CompareGuid(&t->VendorGuid, &acpi2) == 0)
            return (UINT64)t->VendorTable;
        if (CompareGuid(&t->VendorGuid, &acpi1) == 0)
            old = (UINT64)t->VendorTable;
    }
    return old;
}

static void find_framebuffer(struct boot_framebuffer *fb)
{
    EFI_GUID guid = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;
    EFI_GRAPHICS_OUTPUT_PROTOCOL *gop;
    EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *mode;

    if (EFI_ERROR(BS->LocateProtocol(&guid, NULL, (VOID **)&gop)) || !gop->Mode || !gop->Mode->Info)
        return;
    mode = gop->Mode->Info;
    if (mode->PixelFormat == PixelRedGreenBlueReserved8BitPerColor)
        fb->format = BOOT_FB_RGBX;
    else if (mode->PixelFormat == PixelBlueGreenRedReserved8BitPerColor)
        fb->format = BOOT_FB_BGRX;
    else
        return;
    fb->base = gop->Mode->FrameBufferBase;
    fb->size = gop->Mode->FrameBufferSize;
    fb->width = mode->HorizontalResolution;
    fb->height = mode->VerticalResolution;
    fb->stride = mode->PixelsPerScanLine;
}

static void copy_vendor(const CHAR16 *vendor, char *out, UINTN size)
{
    UINTN n = 0;

    for (; vendor && n + 1 < size && vendor[n]; n++)
        out[n] = vendor[n] >= ' ' && vendor[n] <= '~' ? (char)vendor[n] : '?';
    out[n] = 0;
}

void boot_hardware_collect(EFI_SYSTEM_TABLE *st, struct boot_info *info)
{
    info->rsdp = find_rsdp(st);
    find_framebuffer(&info->framebuffer);
    info->efi_get_variable = (UINT64)st->RuntimeServices->GetVariable;
    info->efi_set_variable = (UINT64)st->RuntimeServices->SetVariable;
    info->efi_reset_system = (UINT64)st->RuntimeServices->ResetSystem;
    info->efi_revision = st->Hdr.Revision;
    info->firmware_revision = st->FirmwareRevision;
    copy_vendor(st->FirmwareVendor, info->firmware_vendor, sizeof(info->firmware_vendor));
}
