/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See vtd_vcmd.h. VCMD is written only while VCRSP.IP = 0, or the unit drops the command and the answer found
 * would be another one's.
 */
#include "iommu/vtd_vcmd.h"

#include <errno.h>

#include "iommu/vtd_unit.h"

/* ---- One command; the lock is held ---- */

struct answer {
    struct vtd_unit *unit;
    uint64_t word; /* of VCRSP */
};

static bool is_there(void *arg)
{
    struct answer *a = arg;

    a->word = vtd_read(&a->unit->io, VTD_VCRSP);
    return !FIELD_GET(VTD_VCRSP_IP, a->word);
}

static bool is_success(const struct answer *a)
{
    return FIELD_GET(VTD_VCRSP_SC, a->word) == VTD_VCRSP_SC_OK;
}

/* Starts a command while none is under way, and waits for its end. 0, -ETIMEDOUT. */
static int execute(struct answer *a, enum vtd_vcmd cmd, uint32_t pasid)
{
    vtd_write(&a->unit->io, VTD_VCMD, FIELD_PREP(VTD_VCMD_CMD, cmd) | FIELD_PREP(VTD_VCMD_PASID, pasid));
    return vtd_wait(a->unit, is_there, a, "end of a virtual command");
}

/* Until no command is under way, and no PASID is left in VCRSP that nobody has taken. */
static int settle(struct answer *a)
{
    int err = vtd_wait(a->unit, is_there, a, "end of an earlier virtual command");

    if (err || !a->unit->vcmd.unclaimed)
        return err;
    a->unit->vcmd.unclaimed = false;
    if (!is_success(a))
        return 0;
    return execute(a, VTD_VCMD_FREE_PASID, (uint32_t)FIELD_GET(VTD_VCRSP_PASID, a->word));
}

static int status(const struct answer *a, int failed)
{
    switch (FIELD_GET(VTD_VCRSP_SC, a->word)) {
    case VTD_VCRSP_SC_OK:
        return 0;
    case VTD_VCRSP_SC_UNDEFINED:
        return -ENOTSUP;
    case VTD_VCRSP_SC_FAILED:
        return failed;
    default:
        return -EIO;
    }
}

/* ---- PASIDs ---- */

bool vtd_vcmd_has_pasids(const struct vtd_unit *unit)
{
    return FIELD_GET(VTD_ECAP_VCS, unit->caps.ecap) &&
           FIELD_GET(VTD_VCCAP_PAS, vtd_read(&unit->io, VTD_VCCAP));
}

int vtd_vcmd_alloc(struct vtd_unit *unit, uint32_t *pasid)
{
    struct answer a = {.unit = unit};
    int err;

    plat_lock(&unit->vcmd.lock);
    err = settle(&a);
    if (!err) {
        err = execute(&a, VTD_VCMD_ALLOC_PASID, 0);
        unit->vcmd.unclaimed = err != 0;
    }
    plat_unlock(&unit->vcmd.lock);
    *pasid = (uint32_t)FIELD_GET(VTD_VCRSP_PASID, a.word);
    return err ? err : status(&a, -ENOSPC);
}

int vtd_vcmd_free(struct vtd_unit *unit, uint32_t pasid)
{
    struct answer a = {.unit = unit};
    int err;

    plat_lock(&unit->vcmd.lock);
    err = settle(&a);
    if (!err)
        err = execute(&a, VTD_VCMD_FREE_PASID, pasid);
    plat_unlock(&unit->vcmd.lock);
    return err ? err : status(&a, -EINVAL);
}
