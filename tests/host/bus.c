/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Register blocks, PCI configuration space and interrupt messages of the simulated machine.
 */
#include <errno.h>
#include <string.h>

#include "kernel/lib/bits.h"
#include "tests/host/host.h"

#define MAX_BLOCKS    96
#define MAX_FUNCTIONS 32
#define MAX_VECTORS   32
#define FIRST_VECTOR  0x40u
#define MSI_BASE      0xfee00000u
#define MAX_SOURCES   16
#define CONFIG_WORDS  1024

/* ---- Registers ---- */

static const struct host_mmio *blocks[MAX_BLOCKS];
static unsigned block_count;

void host_mmio_add(const struct host_mmio *mmio)
{
    for (unsigned i = 0; i < block_count; i++) {
        if (blocks[i] == mmio)
            return;
    }
    plat_assert(block_count < MAX_BLOCKS);
    blocks[block_count++] = mmio;
}

int plat_mmio_map(paddr_t base, size_t size, struct plat_mmio *out)
{
    if (!is_aligned(base.v, PAGE_SIZE) || size == 0 || host_phys_ok(base, 1))
        return -EINVAL;
    for (unsigned i = 0; i < block_count; i++) {
        if (blocks[i]->base.v != base.v)
            continue;
        *out = (struct plat_mmio){.va = (uintptr_t)blocks[i], .size = size};
        return 0;
    }
    /* Nobody answers there: reads are all ones, writes are lost. */
    *out = (struct plat_mmio){.va = 0, .size = size};
    return 0;
}

void plat_mmio_unmap(struct plat_mmio *io)
{
    *io = (struct plat_mmio){0};
}

/* The block behind a mapping, NULL where nobody answers. Misaligned or outside of the mapping is the driver's
 * bug. */
static const struct host_mmio *block_at(const struct plat_mmio *io, uint32_t offset, unsigned width)
{
    const struct host_mmio *block = (const struct host_mmio *)io->va;

    if (!is_aligned(offset, width) || offset + width > io->size)
        plat_panic("register access of %u bytes at offset %x of %zx", width, offset, io->size);
    return block != NULL && offset + width <= block->size ? block : NULL;
}

uint32_t plat_mmio_read32(const struct plat_mmio *io, uint32_t offset)
{
    const struct host_mmio *block = block_at(io, offset, 4);
    uint32_t value = UINT32_MAX;

    host_enter();
    if (block != NULL)
        value = block->read32(block->ctx, offset);
    host_leave();
    return value;
}

uint64_t plat_mmio_read64(const struct plat_mmio *io, uint32_t offset)
{
    const struct host_mmio *block = block_at(io, offset, 8);
    uint64_t value = UINT64_MAX;

    host_enter();
    if (block != NULL)
        value = block->read64(block->ctx, offset);
    host_leave();
    return value;
}

void plat_mmio_write32(const struct plat_mmio *io, uint32_t offset, uint32_t value)
{
    const struct host_mmio *block = block_at(io, offset, 4);

    if (block == NULL)
        return;
    host_wrote();
    host_enter();
    host_trace_mmio(block->base.v + offset, value, false);
    block->write32(block->ctx, offset, value);
    host_leave();
}

void plat_mmio_write64(const struct plat_mmio *io, uint32_t offset, uint64_t value)
{
    const struct host_mmio *block = block_at(io, offset, 8);

    if (block == NULL)
        return;
    host_wrote();
    host_enter();
    host_trace_mmio(block->base.v + offset, value, true);
    block->write64(block->ctx, offset, value);
    host_leave();
}

/* ---- Configuration space ---- */

static struct function {
    struct pci_id id;
    uint32_t words[CONFIG_WORDS];
} functions[MAX_FUNCTIONS];
static unsigned function_count;

void host_pci_add(struct pci_id fn, uint16_t vendor, uint16_t device, uint32_t class_code,
                  uint8_t secondary_bus)
{
    struct function *f = &functions[function_count++];

    plat_assert(function_count <= MAX_FUNCTIONS);
    memset(f, 0, sizeof(*f));
    f->id = fn;
    f->words[0] = vendor + 0x10000u * device;
    f->words[2] = 0x100u * class_code;
    if (secondary_bus != 0) {
        f->words[3] = 0x10000u;                 /* header type 1 */
        f->words[6] = 0x10100u * secondary_bus; /* secondary and subordinate */
    }
}

static void (*written)(struct pci_id fn);

void host_pci_on_write(void (*fn)(struct pci_id fn))
{
    written = fn;
}

static struct function *function_at(struct pci_id fn)
{
    for (unsigned i = 0; i < function_count; i++) {
        if (functions[i].id.segment == fn.segment && functions[i].id.rid == fn.rid)
            return &functions[i];
    }
    return NULL;
}

uint32_t plat_pci_read32(struct pci_id fn, uint16_t offset)
{
    const struct function *f = function_at(fn);

    plat_assert(is_aligned(offset, 4) && offset / 4 < CONFIG_WORDS);
    return f != NULL ? f->words[offset / 4] : UINT32_MAX;
}

void plat_pci_write32(struct pci_id fn, uint16_t offset, uint32_t value)
{
    struct function *f = function_at(fn);

    plat_assert(is_aligned(offset, 4) && offset / 4 < CONFIG_WORDS);
    host_enter();
    if (f != NULL)
        f->words[offset / 4] = value;
    if (written != NULL)
        written(fn);
    host_leave();
}

void plat_pci_write16(struct pci_id fn, uint16_t offset, uint16_t value)
{
    struct function *f = function_at(fn);

    plat_assert(is_aligned(offset, 2) && offset / 4 < CONFIG_WORDS);
    host_enter();
    if (f != NULL)
        memcpy((uint8_t *)f->words + offset, &value, sizeof(value));
    if (written != NULL)
        written(fn);
    host_leave();
}

void host_bus_reset(void)
{
    block_count = 0;
    function_count = 0;
}

/* ---- Interrupt messages ---- */

static struct vector {
    void (*handler)(void *arg);
    void *arg;
    bool pending;
} vectors[MAX_VECTORS];

static bool x2apic;

int plat_msi_alloc(void (*handler)(void *arg), void *arg, struct plat_msi *out)
{
    int err = -ENOSPC;

    host_enter();
    for (unsigned i = 0; i < MAX_VECTORS && err; i++) {
        if (vectors[i].handler != NULL)
            continue;
        vectors[i] = (struct vector){.handler = handler, .arg = arg};
        *out = (struct plat_msi){.address = MSI_BASE, .data = FIRST_VECTOR + i};
        err = 0;
    }
    host_leave();
    return err;
}

void plat_msi_free(const struct plat_msi *msi)
{
    plat_assert(msi->data >= FIRST_VECTOR && msi->data - FIRST_VECTOR < MAX_VECTORS);
    host_enter();
    vectors[msi->data - FIRST_VECTOR] = (struct vector){0};
    host_leave();
    host_msi_wait();
}

bool plat_x2apic(void)
{
    return x2apic;
}

void host_x2apic(bool on)
{
    x2apic = on;
}

/* ---- Sources of interrupts ---- */

static struct host_intr *sources[MAX_SOURCES];
static unsigned source_count;
static plat_intr_route *router;
static void *router_arg;

static void let_out(struct host_intr *s)
{
    struct plat_intr_form form = {{0}, 0};

    s->err = router != NULL ? router(router_arg, &s->intr, &form) : -ENODEV;
    s->form = form;
}

void host_intr_add(struct host_intr *source)
{
    plat_assert(source_count < MAX_SOURCES);
    sources[source_count++] = source;
    let_out(source);
}

void host_intr_remove(struct host_intr *source)
{
    if (router != NULL)
        source->err = router(router_arg, &source->intr, NULL);
    for (unsigned i = 0; i < source_count; i++) {
        if (sources[i] == source)
            sources[i--] = sources[--source_count];
    }
}

void plat_intr_hold(void)
{
    for (unsigned i = 0; i < source_count; i++)
        sources[i]->err = -EAGAIN;
}

void plat_intr_resume(plat_intr_route *route, void *arg)
{
    router = route;
    router_arg = arg;
    for (unsigned i = 0; i < source_count; i++)
        let_out(sources[i]);
}

/* ---- Delivery ---- */

static bool pending; /* some vector is; atomic */

void host_msi_send(uint32_t address, uint32_t data)
{
    unsigned n = (data % 256) - FIRST_VECTOR;

    if (address / 0x100000 != MSI_BASE / 0x100000 || n >= MAX_VECTORS || vectors[n].handler == NULL) {
        plat_log(LOG_WARN, "interrupt message %08x to %08x reaches nobody", data, address);
        return;
    }
    vectors[n].pending = true;
    __atomic_store_n(&pending, true, __ATOMIC_RELEASE);
    host_msi_pend();
}

static struct vector take(struct vector *v)
{
    struct vector now;

    host_enter();
    now = *v;
    v->pending = false;
    host_leave();
    return now;
}

static bool delivering;

void host_msi_abandon(void)
{
    delivering = false;
    __atomic_store_n(&pending, true, __ATOMIC_RELEASE);
}

void host_msi_deliver(void)
{
    if (delivering || !__atomic_load_n(&pending, __ATOMIC_RELAXED) || plat_locks_held() > 0)
        return;
    delivering = true;
    (void)__atomic_exchange_n(&pending, false, __ATOMIC_ACQ_REL);
    for (unsigned i = 0; i < MAX_VECTORS; i++) {
        struct vector v = take(&vectors[i]);

        if (v.pending)
            v.handler(v.arg);
    }
    delivering = false;
}
