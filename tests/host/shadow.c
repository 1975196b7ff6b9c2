/* SPDX-License-Identifier: BSD-2-Clause */
/* See shadow.h. */
#include "tests/host/shadow.h"

#include <sys/mman.h>

#include "kernel/lib/bits.h"

#define LINE    64
#define GARBAGE 0xa5

static uint8_t *shadow;
static const uint8_t *arena;

/* By hand, so that it stays out of every sanitizer's sight; whole words where they are, as hardware does. */
__attribute__((no_sanitize("address"))) static void copy(void *to, const void *from, size_t size)
{
    size_t words = is_aligned((uintptr_t)to | (uintptr_t)from, 8) ? size / 8 : 0;
    const volatile uint64_t *in = from;
    volatile uint64_t *out = to;

    for (size_t i = 0; i < words; i++)
        out[i] = in[i];
    for (size_t i = words * 8; i < size; i++)
        ((volatile uint8_t *)to)[i] = ((const volatile uint8_t *)from)[i];
}

static uint64_t offset_of(uint64_t pa)
{
    return pa - HOST_RAM_BASE;
}

void shadow_create(void)
{
    if (shadow == NULL) {
        shadow = mmap(NULL, HOST_RAM_SIZE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (shadow == MAP_FAILED)
            plat_panic("no address space for the shadow of memory");
    }
}

/* The arena is there once something was allocated. */
static bool ready(uint64_t pa, size_t size)
{
    if (!host_phys_ok((paddr_t){pa}, size))
        return false;
    if (arena == NULL)
        arena = plat_va((paddr_t){HOST_RAM_BASE});
    return true;
}

void shadow_publish(const void *va, size_t size)
{
    uint64_t from = align_down(plat_pa(va).v, LINE);
    uint64_t end = align_up(plat_pa(va).v + size, LINE);

    if (ready(from, end - from))
        copy(shadow + offset_of(from), arena + offset_of(from), end - from);
}

/* Every other time leftovers of the last owner, which look like tables. */
void shadow_allocated(paddr_t pa, size_t size)
{
    static unsigned times;

    if (times++ % 2 == 0)
        return;
    for (size_t i = 0; i < size; i++)
        shadow[offset_of(pa.v) + i] = GARBAGE;
}

bool shadow_read(uint64_t pa, void *out, size_t size, bool snooped)
{
    if (!ready(pa, size))
        return false;
    copy(out, (snooped ? arena : shadow) + offset_of(pa), size);
    return true;
}

bool shadow_write(uint64_t pa, const void *in, size_t size)
{
    if (!ready(pa, size))
        return false;
    copy((uint8_t *)(uintptr_t)arena + offset_of(pa), in, size);
    copy(shadow + offset_of(pa), in, size);
    return true;
}

bool shadow_cas64(uint64_t pa, uint64_t expected, uint64_t desired)
{
    uint64_t now;

    if (!shadow_read(pa, &now, sizeof(now), true) || now != expected)
        return false;
    return shadow_write(pa, &desired, sizeof(desired));
}
