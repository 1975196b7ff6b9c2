/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What software made visible to hardware, in order, for tests of the order itself.
 */
#include <string.h>

#include "tests/host/host.h"

static struct host_event events[HOST_TRACE_MAX];
static unsigned count;
static bool on;

void host_trace_start(void)
{
    count = 0;
    on = true;
}

void host_trace_stop(void)
{
    on = false;
}

unsigned host_trace_count(void)
{
    return count;
}

const struct host_event *host_trace(unsigned n)
{
    plat_assert(n < count);
    return &events[n];
}

static struct host_event *add(enum host_event_kind kind)
{
    static struct host_event lost;
    struct host_event *e = count < HOST_TRACE_MAX ? &events[count++] : &lost;

    *e = (struct host_event){.kind = kind};
    return e;
}

void host_trace_publish(const void *va, size_t size, bool snooped)
{
    struct host_event *e;

    if (!on)
        return;
    e = add(HOST_PUBLISH);
    e->pa = plat_pa(va).v;
    e->size = size;
    e->snooped = snooped;
    memcpy(e->words, va, size < sizeof(e->words) ? size : sizeof(e->words));
}

void host_trace_wmb(void)
{
    if (on)
        (void)add(HOST_WMB);
}

void host_trace_mmio(uint64_t pa, uint64_t value, bool wide)
{
    struct host_event *e;

    if (!on)
        return;
    e = add(wide ? HOST_MMIO64 : HOST_MMIO32);
    e->pa = pa;
    e->value = value;
}
