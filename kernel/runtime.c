/* SPDX-License-Identifier: BSD-2-Clause */
/* UEFI runtime services (UEFI 2.10 chapter 8), called in physical mode; see runtime.h. */
#include <errno.h>
#include <string.h>

#include "kernel/cpu.h"
#include "kernel/log.h"
#include "kernel/runtime.h"
#include "kernel/spin.h"
#include "kernel/vm.h"
#include "kernel/vm_tables.h"

#define EFIAPI         __attribute__((ms_abi))
#define EFI_ERROR(n)   (1ull << 63 | (n))
#define EFI_TOO_SMALL  EFI_ERROR(5)
#define EFI_NOT_FOUND  EFI_ERROR(14)
#define ATTRIBUTES     7u /* non-volatile, boot services, runtime */
#define EFI_RESET_COLD 0
#define NAME_MAX       64
#define UPPER_HALF     256
#define TABLE_ENTRIES  512

typedef uint64_t EFIAPI get_variable_fn(const uint16_t *name, const struct efi_guid *guid,
                                        uint32_t *attributes, uint64_t *size, void *data);
typedef uint64_t EFIAPI set_variable_fn(const uint16_t *name, const struct efi_guid *guid,
                                        uint32_t attributes, uint64_t size, const void *data);
typedef void EFIAPI reset_system_fn(uint32_t type, uint64_t status, uint64_t size, const void *data);

const struct efi_guid runtime_guid = {
    0xe8a3f1c4, 0x7b52, 0x4d0e, {0x9c, 0x36, 0x5d, 0x1b, 0x0f, 0x7a, 0x2e, 0x94}};

static uint64_t root; /* top-level table, 0 without services */
static get_variable_fn *get_variable;
static set_variable_fn *set_variable;
static reset_system_fn *reset_system;
static struct spin lock = SPIN_INIT("firmware");

/* Code regions hold the drivers' data as well: the only pages that are writable and executable, in this tree
 * only. */
static bool region_flags(uint32_t type, uint64_t *flags)
{
    switch (type) {
    case BOOT_MEM_RUNTIME_CODE:
        *flags = PTE_W;
        return true;
    case BOOT_MEM_RUNTIME_DATA:
        *flags = PTE_W | PTE_NX;
        return true;
    case BOOT_MEM_RUNTIME_MMIO:
        *flags = PTE_W | PTE_NX | PTE_UC;
        return true;
    default:
        return false;
    }
}

void runtime_init(const struct boot_info *info)
{
    const struct boot_region *r = vm_va(info->regions.base);
    size_t count = info->regions.size / sizeof(*r);
    uint64_t flags;

    root = vt_create();
    for (size_t i = 0; root && i < count; i++)
        if (region_flags(r[i].type, &flags) &&
            vt_map(root, r[i].base, r[i].base, r[i].pages * VM_4K, flags, VM_2M))
            root = 0;
    if (!root) {
        log_line(LOG_WARN, "no memory to map the UEFI runtime services");
        return;
    }
    get_variable = (get_variable_fn *)info->efi_get_variable;
    set_variable = (set_variable_fn *)info->efi_set_variable;
    reset_system = (reset_system_fn *)info->efi_reset_system;
}

bool runtime_busy(void)
{
    return CPU_READ(in_firmware);
}

/* ---- Around a call ---- */

struct window {
    uint64_t flags, cr3;
};

static struct window enter(void)
{
    struct window w = {spin_lock(&lock), read_cr3()};
    const uint64_t *ours = vm_va(vm_root());
    uint64_t *table = vm_va(root);

    memcpy(table + UPPER_HALF, ours + UPPER_HALF, (TABLE_ENTRIES - UPPER_HALF) * sizeof(*table));
    cpu_this()->in_firmware = true;
    write_cr3(root);
    return w;
}

static void leave(struct window w)
{
    write_cr3(w.cr3);
    cpu_this()->in_firmware = false;
    spin_unlock(&lock, w.flags);
}

static bool widen(const char *name, uint16_t out[NAME_MAX])
{
    size_t n = strlen(name);

    if (!n || n >= NAME_MAX)
        return false;
    for (size_t i = 0; i <= n; i++)
        out[i] = (uint8_t)name[i];
    return true;
}

/* ---- Services ---- */

int runtime_set_variable(const char *name, const void *data, size_t size)
{
    uint16_t wide[NAME_MAX];
    struct window w;
    uint64_t status;

    if (!set_variable)
        return -ENOSYS;
    if (!widen(name, wide))
        return -EINVAL;
    w = enter();
    status = set_variable(wide, &runtime_guid, ATTRIBUTES, size, data);
    leave(w);
    if (!status)
        return 0;
    log_line(LOG_WARN, "SetVariable %s: status %#llx", name, (unsigned long long)status);
    return -EIO;
}

int runtime_get_variable(const char *name, void *data, size_t size)
{
    uint16_t wide[NAME_MAX];
    uint64_t status, bytes = size;
    struct window w;

    if (!get_variable)
        return -ENOSYS;
    if (!widen(name, wide))
        return -EINVAL;
    w = enter();
    status = get_variable(wide, &runtime_guid, NULL, &bytes, data);
    leave(w);
    if (!status)
        return (int)bytes;
    if (status == EFI_NOT_FOUND)
        return -ENOENT;
    if (status == EFI_TOO_SMALL)
        return -ENOSPC;
    log_line(LOG_WARN, "GetVariable %s: status %#llx", name, (unsigned long long)status);
    return -EIO;
}

void runtime_reset(void)
{
    struct window w;

    if (!reset_system)
        return;
    w = enter();
    reset_system(EFI_RESET_COLD, 0, 0, NULL);
    leave(w);
}
