/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fw_cfg by its classic port interface (QEMU docs/specs/fw_cfg.rst): a selector and a data register. The
 * ports are touched only where CPUID says that there is a hypervisor.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "kernel/cpu.h"
#include "kernel/fw_cfg.h"

#define PORT_SELECT    0x510
#define PORT_DATA      0x511
#define KEY_SIGNATURE  0x0000
#define KEY_DIRECTORY  0x0019
#define FILES_MAX      1024u
#define NAME_SIZE      56u
#define CPUID_GUEST(c) ((c) >> 31)

struct file {
    uint8_t size[4];
    uint8_t select[2];
    uint8_t reserved[2];
    char name[NAME_SIZE];
};

static void read_bytes(void *out, size_t size)
{
    uint8_t *b = out;

    for (size_t i = 0; i < size; i++)
        b[i] = inb(PORT_DATA);
}

static uint32_t big_endian(const uint8_t *b, unsigned size)
{
    uint32_t v = 0;

    for (unsigned i = 0; i < size; i++)
        v = v << 8 | b[i];
    return v;
}

bool fw_cfg_present(void)
{
    static enum { UNKNOWN, ABSENT, PRESENT } state;
    char signature[4];

    if (state == UNKNOWN) {
        state = ABSENT;
        if (CPUID_GUEST(cpuid(1, 0).ecx)) {
            outw(PORT_SELECT, KEY_SIGNATURE);
            read_bytes(signature, sizeof(signature));
            if (!memcmp(signature, "QEMU", sizeof(signature)))
                state = PRESENT;
        }
    }
    return state == PRESENT;
}

long fw_cfg_read(const char *name, void *out, size_t cap)
{
    uint8_t raw[4];
    struct file f;
    uint32_t count;

    if (!fw_cfg_present())
        return -ENOENT;
    outw(PORT_SELECT, KEY_DIRECTORY);
    read_bytes(raw, sizeof(raw));
    count = big_endian(raw, sizeof(raw));
    for (uint32_t i = 0; i < count && i < FILES_MAX; i++) {
        uint32_t size;

        read_bytes(&f, sizeof(f));
        if (strncmp(f.name, name, NAME_SIZE) != 0)
            continue;
        size = big_endian(f.size, sizeof(f.size));
        outw(PORT_SELECT, (uint16_t)big_endian(f.select, sizeof(f.select)));
        read_bytes(out, size < cap ? size : cap);
        return (long)size;
    }
    return -ENOENT;
}
