/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Event interrupts: fault, invalidation completion, page request. Each has control, data, address and upper
 * address in a row. VT-d 5.10, Fault Event / Invalidation Event / Page Request Event Control Register; rule
 * 71.
 */
#include "tests/model/model_priv.h"

static bool masked(const struct model *m, uint32_t control)
{
    return FIELD_GET(VTD_EVENT_IM, reg_get(m, control, 4));
}

static void set_pending(struct model *m, uint32_t control, bool pending)
{
    reg_set(m, control, 4, FIELD_SET(VTD_EVENT_IP, reg_get(m, control, 4), pending));
}

static void send(struct model *m, uint32_t control)
{
    uint64_t address = reg_get(m, control + 8, 4) + reg_get(m, control + 12, 4) * pow2(32);

    set_pending(m, control, false);
    m->host.interrupt(m->host.ctx, address, (uint32_t)reg_get(m, control + 4, 4));
}

void event_send(struct model *m, uint32_t control)
{
    if (masked(m, control))
        set_pending(m, control, true);
    else
        send(m, control);
}

void event_drop(struct model *m, uint32_t control)
{
    set_pending(m, control, false);
}

void event_control_written(struct model *m, uint32_t control)
{
    if (FIELD_GET(VTD_EVENT_IP, reg_get(m, control, 4)) && !masked(m, control))
        send(m, control);
}

void event_repeat(struct model *m)
{
    static const uint32_t controls[] = {VTD_OFF_FECTL, VTD_OFF_IECTL, VTD_OFF_PECTL};
    uint32_t control = controls[rnd(m, ARRAY_SIZE(controls))];

    if (!masked(m, control) && reg_get(m, control + 8, 4) != 0)
        send(m, control);
}
