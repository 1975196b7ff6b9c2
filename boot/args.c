/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fetches the bytes of every place that may hold arguments. Nothing is decoded here: load options may be
 * anything, a file may be anything, and judging bytes is done where it can be tested
 * (kernel/lib/args_text.c).
 */
#include "boot/boot.h"

/* Not const: GNU-EFI's prototypes lack it. */
static CHAR16 args_file[] = L"\\EFI\\pasidcheck\\args.txt";
static CHAR16 args_variable[] = L"PasidcheckArgs";

/* runtime_guid of kernel/runtime.h. */
static EFI_GUID project_guid = {0xe8a3f1c4, 0x7b52, 0x4d0e, {0x9c, 0x36, 0x5d, 0x1b, 0x0f, 0x7a, 0x2e, 0x94}};

static void from_load_options(const EFI_LOADED_IMAGE *loaded, struct boot_args_raw *out)
{
    if (!loaded->LoadOptions)
        return;
    out->size = loaded->LoadOptionsSize;
    CopyMem(out->bytes, loaded->LoadOptions, out->size < BOOT_ARGS_BYTES ? out->size : BOOT_ARGS_BYTES);
}

static void from_file(EFI_HANDLE volume, struct boot_args_raw *out)
{
    EFI_GUID guid = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;
    EFI_SIMPLE_FILE_SYSTEM_PROTOCOL *fs;
    EFI_FILE_PROTOCOL *root, *file;
    UINT8 beyond;
    UINTN size = BOOT_ARGS_BYTES, more = sizeof(beyond);

    if (!volume || EFI_ERROR(BS->HandleProtocol(volume, &guid, (VOID **)&fs)))
        return;
    if (EFI_ERROR(fs->OpenVolume(fs, &root)))
        return;
    if (!EFI_ERROR(root->Open(root, &file, args_file, EFI_FILE_MODE_READ, 0))) {
        if (!EFI_ERROR(file->Read(file, &size, out->bytes)))
            out->size = (UINT32)size;
        if (out->size == BOOT_ARGS_BYTES && !EFI_ERROR(file->Read(file, &more, &beyond)))
            out->size += (UINT32)more;
        file->Close(file);
    }
    root->Close(root);
}

static void from_variable(struct boot_args_raw *out)
{
    UINTN size = BOOT_ARGS_BYTES;
    EFI_STATUS status = RT->GetVariable(args_variable, &project_guid, NULL, &size, out->bytes);

    if (status == EFI_SUCCESS || status == EFI_BUFFER_TOO_SMALL)
        out->size = (UINT32)size;
}

void boot_args_collect(EFI_HANDLE image, struct boot_info *info)
{
    EFI_GUID guid = EFI_LOADED_IMAGE_PROTOCOL_GUID;
    EFI_LOADED_IMAGE *loaded;

    from_variable(&info->args[BOOT_ARGS_VARIABLE]);
    if (EFI_ERROR(BS->HandleProtocol(image, &guid, (VOID **)&loaded)))
        return;
    from_load_options(loaded, &info->args[BOOT_ARGS_LOAD_OPTIONS]);
    from_file(loaded->DeviceHandle, &info->args[BOOT_ARGS_FILE]);
}
