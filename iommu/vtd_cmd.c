/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one bounded wait, and the one writer of GCMD. VT-d 5.10, Global Command Register; rules 1-3.
 */
#include "iommu/vtd_cmd.h"

#include <errno.h>

#include "iommu/vtd_unit.h"

int vtd_wait(struct vtd_unit *unit, bool (*done)(void *arg), void *arg, const char *what)
{
    uint64_t deadline = plat_now_ns() + unit->timeout_ns;

    do {
        if (done(arg))
            return 0;
        plat_relax();
    } while (plat_now_ns() < deadline);

    if (done(arg))
        return 0;
    plat_log(LOG_ERROR, "%s: no %s within %u ms (GSTS %08x FSTS %08x)", unit->name, what,
             (unsigned)(unit->timeout_ns / 1000000), (unsigned)vtd_read(&unit->io, VTD_GSTS),
             (unsigned)vtd_read(&unit->io, VTD_FSTS));
    return -ETIMEDOUT;
}

/* A condition on one 32-bit register. */
struct status {
    struct vtd_unit *unit;
    struct reg32 reg;
    uint64_t mask;
    bool set;
};

static bool status_reached(void *arg)
{
    const struct status *s = arg;

    return ((vtd_read(&s->unit->io, s->reg) & s->mask) != 0) == s->set;
}

int vtd_wait_status(struct vtd_unit *unit, struct reg32 reg, uint64_t mask, bool set, const char *what)
{
    struct status wait = {unit, reg, mask, set};

    return vtd_wait(unit, status_reached, &wait, what);
}

struct command {
    uint64_t gcmd;
    uint64_t gsts;
    bool one_shot;
    bool status_when_done; /* of a one-shot command */
    const char *status_name;
};

static const struct command commands[] = {
    [VTD_CMD_TE] = {SPAN_MASK(VTD_GCMD_TE), SPAN_MASK(VTD_GSTS_TES), false, false, "change of GSTS.TES"},
    [VTD_CMD_SRTP] = {SPAN_MASK(VTD_GCMD_SRTP), SPAN_MASK(VTD_GSTS_RTPS), true, true, "GSTS.RTPS = 1"},
    [VTD_CMD_WBF] = {SPAN_MASK(VTD_GCMD_WBF), SPAN_MASK(VTD_GSTS_WBFS), true, false, "GSTS.WBFS = 0"},
    [VTD_CMD_QIE] = {SPAN_MASK(VTD_GCMD_QIE), SPAN_MASK(VTD_GSTS_QIES), false, false, "change of GSTS.QIES"},
    [VTD_CMD_IRE] = {SPAN_MASK(VTD_GCMD_IRE), SPAN_MASK(VTD_GSTS_IRES), false, false, "change of GSTS.IRES"},
    [VTD_CMD_CFI] = {SPAN_MASK(VTD_GCMD_CFI), SPAN_MASK(VTD_GSTS_CFIS), false, false, "change of GSTS.CFIS"},
    [VTD_CMD_SIRTP] = {SPAN_MASK(VTD_GCMD_SIRTP), SPAN_MASK(VTD_GSTS_IRTPS), true, true, "GSTS.IRTPS = 1"},
};

int vtd_cmd(struct vtd_unit *unit, enum vtd_cmd cmd, bool on)
{
    const struct command *c = &commands[cmd];
    bool set = c->one_shot ? c->status_when_done : on;
    int err = 0;

    plat_assert(on || !c->one_shot);
    plat_lock(&unit->command_lock);
    uint64_t status = vtd_read(&unit->io, VTD_GSTS);
    if (c->one_shot || ((status & c->gsts) != 0) != on) {
        uint64_t others = status & VTD_GSTS_TO_GCMD & ~c->gcmd;

        vtd_write(&unit->io, VTD_GCMD, on ? others | c->gcmd : others);
        err = vtd_wait_status(unit, VTD_GSTS, c->gsts, set, c->status_name);
    }
    plat_unlock(&unit->command_lock);
    return err;
}
