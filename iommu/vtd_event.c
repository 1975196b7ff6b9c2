/* SPDX-License-Identifier: BSD-2-Clause */
/* See vtd_event.h. */
#include "iommu/vtd_event.h"

#include "iommu/vtd_fault.h"
#include "iommu/vtd_unit.h"

static const struct registers {
    struct reg32 control, data, address, upper;
} registers[] = {
    [VTD_EVENT_FAULT] = {{VTD_OFF_FECTL}, {VTD_OFF_FEDATA}, {VTD_OFF_FEADDR}, {VTD_OFF_FEUADDR}},
    [VTD_EVENT_QUEUE] = {{VTD_OFF_IECTL}, {VTD_OFF_IEDATA}, {VTD_OFF_IEADDR}, {VTD_OFF_IEUADDR}},
};

static struct vtd_event *event_of(struct vtd_unit *unit, enum vtd_event_kind kind)
{
    return kind == VTD_EVENT_FAULT ? &unit->fault_event : &unit->queue_event;
}

/* All causes are ended, or no further event comes (rule 65): the records here, the rest by the queue. */
static void fault_interrupt(void *arg)
{
    struct vtd_unit *unit = arg;

    unit->fault_event.taken++;
    vtd_fault_collect(unit);
    vtd_qi_service(unit);
    plat_waitq_wake_all(&unit->queue.sleepers);
}

static void queue_interrupt(void *arg)
{
    struct vtd_unit *unit = arg;

    unit->queue_event.taken++;
    vtd_qi_completed(unit);
}

void vtd_event_mask(struct vtd_unit *unit, enum vtd_event_kind kind, bool masked)
{
    struct reg32 control = registers[kind].control;

    vtd_write(&unit->io, control, FIELD_SET(VTD_EVENT_IM, vtd_read(&unit->io, control), masked));
}

static void write_message(struct vtd_unit *unit, const struct registers *r, const struct plat_msi *msi)
{
    const struct plat_mmio *io = &unit->io;

    vtd_write(io, r->data, msi->data);
    vtd_write(io, r->address, msi->address);
    if (unit->caps.eim)
        vtd_write(io, r->upper, msi->upper_address);
}

static void start(struct vtd_unit *unit, enum vtd_event_kind kind, void (*handler)(void *arg))
{
    struct vtd_event *event = event_of(unit, kind);

    vtd_event_mask(unit, kind, true);
    if (plat_msi_alloc(handler, unit, &event->msi)) {
        plat_log(LOG_WARN, "%s: no vector for the %s event", unit->name,
                 kind == VTD_EVENT_FAULT ? "fault" : "invalidation");
        return;
    }
    event->on = true;
    write_message(unit, &registers[kind], &event->msi);
    vtd_event_mask(unit, kind, false);
}

void vtd_event_start(struct vtd_unit *unit)
{
    vtd_write(&unit->io, VTD_ICS, SPAN_MASK(VTD_ICS_IWC));
    start(unit, VTD_EVENT_FAULT, fault_interrupt);
    start(unit, VTD_EVENT_QUEUE, queue_interrupt);
}

static void stop(struct vtd_unit *unit, enum vtd_event_kind kind)
{
    struct vtd_event *event = event_of(unit, kind);

    vtd_event_mask(unit, kind, true);
    if (event->on)
        plat_msi_free(&event->msi);
    event->on = false;
}

void vtd_event_stop(struct vtd_unit *unit)
{
    stop(unit, VTD_EVENT_FAULT);
    stop(unit, VTD_EVENT_QUEUE);
}
