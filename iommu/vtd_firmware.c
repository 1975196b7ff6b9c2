/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See vtd_firmware.h. VT-d 5.10, Register Descriptions; rules 5-8, 22, 31, 66, 72, 73.
 */
#include "iommu/vtd_firmware.h"

#include "iommu/vtd_unit.h"
#include "kernel/lib/text.h"

/* ---- As it was found ---- */

static void save_pages(struct vtd_unit *unit)
{
    struct vtd_saved *s = &unit->saved;

    s->pqa = vtd_read(&unit->io, VTD_PQA);
    s->pectl = vtd_read(&unit->io, VTD_PECTL);
    s->pedata = vtd_read(&unit->io, VTD_PEDATA);
    s->peaddr = vtd_read(&unit->io, VTD_PEADDR);
    if (unit->caps.eim)
        s->peuaddr = vtd_read(&unit->io, VTD_PEUADDR);
}

/* What was on, for the log: whoever ran the machine before us may have counted on it. */
static void tell(const struct vtd_unit *unit)
{
    static const struct {
        uint64_t bit;
        const char *words;
    } on[] = {{SPAN_MASK(VTD_GSTS_TES), " translation"},
              {SPAN_MASK(VTD_GSTS_QIES), " queue"},
              {SPAN_MASK(VTD_GSTS_IRES), " interrupt remapping"}};
    char words[96] = "";
    struct text t = text_in(words, sizeof(words));

    for (unsigned i = 0; i < ARRAY_SIZE(on); i++) {
        if ((unit->saved.gsts & on[i].bit) != 0)
            text_add(&t, on[i].words);
    }
    if (FIELD_GET(VTD_PMEN_EPM, unit->saved.pmen))
        text_add(&t, " protected memory");
    if (FIELD_GET(VTD_FSTS_PPF, vtd_read(&unit->io, VTD_FSTS)))
        text_add(&t, ", faults pending");
    if (words[0] != '\0')
        plat_log(LOG_INFO, "%s: found on:%s", unit->name, words);
}

void vtd_firmware_save(struct vtd_unit *unit)
{
    struct vtd_saved *s = &unit->saved;
    const struct plat_mmio *io = &unit->io;

    s->gsts = vtd_read(io, VTD_GSTS);
    s->rtaddr = vtd_read(io, VTD_RTADDR);
    s->iqa = vtd_read(io, VTD_IQA);
    s->fectl = vtd_read(io, VTD_FECTL);
    s->fedata = vtd_read(io, VTD_FEDATA);
    s->feaddr = vtd_read(io, VTD_FEADDR);
    s->iectl = vtd_read(io, VTD_IECTL);
    s->iedata = vtd_read(io, VTD_IEDATA);
    s->ieaddr = vtd_read(io, VTD_IEADDR);
    if (unit->caps.eim) {
        s->feuaddr = vtd_read(io, VTD_FEUADDR);
        s->ieuaddr = vtd_read(io, VTD_IEUADDR);
    }
    if (unit->caps.prs)
        save_pages(unit);
    if (unit->caps.ir)
        s->irta = vtd_read(io, VTD_IRTA);
    if (unit->caps.plmr || unit->caps.phmr)
        s->pmen = vtd_read(io, VTD_PMEN);
    tell(unit);
}

/* ---- Off ---- */

#define QUEUE_STOPS (SPAN_MASK(VTD_FSTS_IQE) | SPAN_MASK(VTD_FSTS_ITE))

static bool queue_is_empty(const struct vtd_unit *unit)
{
    return vtd_read(&unit->io, VTD_IQH) == vtd_read(&unit->io, VTD_IQT);
}

/* Nothing will move any more: the queue is empty, or an error stops it. */
static bool queue_rests(void *arg)
{
    const struct vtd_unit *unit = arg;

    return queue_is_empty(unit) || (vtd_read(&unit->io, VTD_FSTS) & QUEUE_STOPS) != 0;
}

/*
 * Ends a queue of the firmware's. One that an error stopped is set going once more (rule 31); what it does
 * not take then is nobody's, and it goes off all the same.
 */
static int end_queue(struct vtd_unit *unit)
{
    int err = vtd_wait(unit, queue_rests, unit, "empty queue of the firmware's");

    if (err || !queue_is_empty(unit)) {
        vtd_write(&unit->io, VTD_FSTS, QUEUE_STOPS);
        vtd_write(&unit->io, VTD_IQT, vtd_read(&unit->io, VTD_IQT));
        err = vtd_wait(unit, queue_rests, unit, "empty queue of the firmware's at the second try");
    }
    if (err || !queue_is_empty(unit))
        plat_log(LOG_WARN, "%s: queue of the firmware's is stuck (FSTS %08x) and turned off as it is",
                 unit->name, (unsigned)vtd_read(&unit->io, VTD_FSTS));
    return vtd_cmd(unit, VTD_CMD_QIE, false);
}

int vtd_firmware_quiesce(struct vtd_unit *unit)
{
    int err = vtd_cmd(unit, VTD_CMD_TE, false);

    if (!err)
        err = vtd_cmd(unit, VTD_CMD_IRE, false);
    if (!err)
        err = vtd_cmd(unit, VTD_CMD_CFI, false);
    if (!err && FIELD_GET(VTD_GSTS_QIES, vtd_read(&unit->io, VTD_GSTS)))
        err = end_queue(unit);
    return err;
}

int vtd_firmware_protect(struct vtd_unit *unit, bool on)
{
    uint64_t pmen;

    if (!unit->caps.plmr && !unit->caps.phmr)
        return 0;
    pmen = vtd_read(&unit->io, VTD_PMEN);
    if (FIELD_GET(VTD_PMEN_EPM, pmen) == on)
        return 0;
    vtd_write(&unit->io, VTD_PMEN, FIELD_SET(VTD_PMEN_EPM, pmen, on));
    return vtd_wait_status(unit, VTD_PMEN, SPAN_MASK(VTD_PMEN_PRS), on, "change of PMEN.PRS");
}

/* ---- As it was found, again ---- */

static void restore_events(const struct vtd_unit *unit)
{
    const struct vtd_saved *s = &unit->saved;
    const struct plat_mmio *io = &unit->io;

    vtd_write(io, VTD_FEDATA, s->fedata);
    vtd_write(io, VTD_FEADDR, s->feaddr);
    vtd_write(io, VTD_IEDATA, s->iedata);
    vtd_write(io, VTD_IEADDR, s->ieaddr);
    if (unit->caps.eim) {
        vtd_write(io, VTD_FEUADDR, s->feuaddr);
        vtd_write(io, VTD_IEUADDR, s->ieuaddr);
    }
    vtd_write(io, VTD_FECTL, s->fectl);
    vtd_write(io, VTD_IECTL, s->iectl);
}

static void restore_pages(const struct vtd_unit *unit)
{
    const struct vtd_saved *s = &unit->saved;

    vtd_write(&unit->io, VTD_PQA, s->pqa);
    vtd_write(&unit->io, VTD_PEDATA, s->pedata);
    vtd_write(&unit->io, VTD_PEADDR, s->peaddr);
    if (unit->caps.eim)
        vtd_write(&unit->io, VTD_PEUADDR, s->peuaddr);
    vtd_write(&unit->io, VTD_PECTL, s->pectl);
}

static int restore_queue(struct vtd_unit *unit)
{
    vtd_write(&unit->io, VTD_IQA, unit->saved.iqa);
    if (!FIELD_GET(VTD_GSTS_QIES, unit->saved.gsts))
        return 0;
    vtd_write(&unit->io, VTD_IQT, 0);
    return vtd_cmd(unit, VTD_CMD_QIE, true);
}

/* Set while our queue can still empty what the unit keeps of ours (rule 7): theirs may hold descriptors
 * already, and is not ours to write. */
int vtd_firmware_point_back(struct vtd_unit *unit)
{
    const struct vtd_saved *s = &unit->saved;
    struct vtd_batch batch;
    int err;

    vtd_write(&unit->io, VTD_RTADDR, s->rtaddr);
    if (!FIELD_GET(VTD_GSTS_TES, s->gsts))
        return 0;
    err = vtd_cmd(unit, VTD_CMD_SRTP, true);
    if (err || unit->caps.esrtps || !vtd_qi_is_on(unit))
        return err;
    vtd_batch_init(&batch, unit);
    vtd_batch_add(&batch, vtd_inv_cc_global());
    if (FIELD_GET(VTD_RTADDR_TTM, s->rtaddr) == VTD_TTM_SCALABLE)
        vtd_batch_add(&batch, vtd_inv_pc_global());
    vtd_batch_add(&batch, vtd_inv_iotlb_global());
    return vtd_batch_submit_wait(&batch);
}

int vtd_firmware_restore(struct vtd_unit *unit)
{
    const struct vtd_saved *s = &unit->saved;
    int err = 0;

    restore_events(unit);
    if (unit->caps.prs)
        restore_pages(unit);
    if (!FIELD_GET(VTD_GSTS_QIES, vtd_read(&unit->io, VTD_GSTS)))
        err = restore_queue(unit);
    if (!err && FIELD_GET(VTD_GSTS_IRES, s->gsts))
        err = vtd_cmd(unit, VTD_CMD_IRE, true);
    if (!err && FIELD_GET(VTD_GSTS_CFIS, s->gsts))
        err = vtd_cmd(unit, VTD_CMD_CFI, true);
    if (!err && FIELD_GET(VTD_GSTS_TES, s->gsts))
        err = vtd_cmd(unit, VTD_CMD_TE, true);
    return err;
}
