/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One remapping unit from discovery to the way out: registers mapped and judged, take-over,
 * give-back. VT-d 5.10, Register Descriptions; rules 1-8, 18-22, 72, 73, 80.
 */
#include "iommu/vtd_unit.h"

#include <errno.h>

#include "iommu/vtd_fault.h"
#include "kernel/lib/text.h"

/* ---- Discovery ---- */

bool vtd_unit_uses_rid_pasid(const struct vtd_unit *unit)
{
    return unit->caps.rps || vtd_quirk_has(unit->quirks, VTD_QUIRK_RID_PASID_USED);
}

bool vtd_unit_translates(struct vtd_unit *unit)
{
    return FIELD_GET(VTD_GSTS_TES, vtd_read(&unit->io, VTD_GSTS));
}

static void unit_init(struct vtd_unit *unit, paddr_t base, uint16_t segment)
{
    struct text name = text_in(unit->name, sizeof(unit->name));

    text_add(&name, "unit ");
    text_hex(&name, base.v, 8);
    unit->base = base;
    unit->segment = segment;
    unit->timeout_ns = VTD_TIMEOUT_NS;
    plat_lock_init(&unit->command_lock, "vtd command");
    plat_lock_init(&unit->fault_lock, "vtd fault");
    plat_lock_init(&unit->table_lock, "vtd table");
    vtd_qi_init(&unit->queue);
    list_init(&unit->devs);
}

static const char *read_caps(struct vtd_unit *unit, unsigned haw)
{
    uint32_t ver = vtd_read(&unit->io, VTD_VER);

    vtd_caps_decode(ver, vtd_read(&unit->io, VTD_CAP), vtd_read(&unit->io, VTD_ECAP), haw, &unit->caps);
    return vtd_caps_refusal(&unit->caps);
}

/* Maps what CAP and ECAP place above the part that is mapped already. */
static int map_rest(struct vtd_unit *unit)
{
    size_t needed = vtd_regs_size(unit->caps.cap, unit->caps.ecap);

    if (needed <= unit->io.size)
        return 0;
    plat_mmio_unmap(&unit->io);
    return plat_mmio_map(unit->base, needed, &unit->io);
}

int vtd_unit_create(paddr_t base, size_t size, uint16_t segment, unsigned haw, struct vtd_unit **out,
                    const char **why)
{
    struct vtd_unit *unit = plat_alloc(sizeof(*unit), OWNER_TABLE);
    int err = -ENOMEM;

    *why = "no memory for a unit";
    if (unit == NULL)
        return err;
    unit_init(unit, base, segment);
    err = plat_mmio_map(base, size < PAGE_SIZE ? PAGE_SIZE : size, &unit->io);
    *why = "registers cannot be mapped";
    if (err)
        goto free;
    err = -ENODEV;
    *why = read_caps(unit, haw);
    if (*why != NULL)
        goto unmap;
    err = map_rest(unit);
    *why = "registers named by CAP and ECAP cannot be mapped";
    if (err)
        goto free;
    unit->quirks = vtd_quirk_probe(&unit->caps);
    *why = NULL;
    *out = unit;
    return 0;

unmap:
    plat_mmio_unmap(&unit->io);
free:
    plat_free(unit);
    return err;
}

void vtd_unit_destroy(struct vtd_unit *unit)
{
    plat_assert(!unit->taken);
    plat_mmio_unmap(&unit->io);
    plat_free(unit);
}

/* ---- Take-over ---- */

static void save(struct vtd_unit *unit)
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
    if (unit->caps.ir)
        s->irta = vtd_read(io, VTD_IRTA);
    if (unit->caps.plmr || unit->caps.phmr)
        s->pmen = vtd_read(io, VTD_PMEN);
}

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

/* Ends what firmware left on: translation, interrupt remapping, its queue (rules 22, 73). */
static int quiesce(struct vtd_unit *unit)
{
    int err = vtd_cmd(unit, VTD_CMD_TE, false);

    if (!err)
        err = vtd_cmd(unit, VTD_CMD_IRE, false);
    if (!err && FIELD_GET(VTD_GSTS_QIES, vtd_read(&unit->io, VTD_GSTS)))
        err = end_queue(unit);
    return err;
}

/* PMEN.EPM and its status; only where the unit has protected memory (rule 72). */
static int set_protected_memory(struct vtd_unit *unit, bool on)
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

/* Where hardware does not do it at SRTP, everything cached under the old root goes (rule 7). */
static int invalidate_all(struct vtd_unit *unit, bool scalable)
{
    struct vtd_batch batch;

    vtd_batch_init(&batch, unit);
    vtd_batch_add(&batch, vtd_inv_cc_global());
    if (scalable)
        vtd_batch_add(&batch, vtd_inv_pc_global());
    vtd_batch_add(&batch, vtd_inv_iotlb_global());
    return vtd_batch_submit_wait(&batch);
}

static int set_root(struct vtd_unit *unit, uint64_t rtaddr)
{
    vtd_write(&unit->io, VTD_RTADDR, rtaddr);
    return vtd_cmd(unit, VTD_CMD_SRTP, true);
}

static int start_tables(struct vtd_unit *unit)
{
    uint64_t rtaddr =
        FIELD_PREP_ADDR(VTD_RTADDR_RTA, plat_pa(unit->root).v) | FIELD_PREP(VTD_RTADDR_TTM, VTD_TTM_SCALABLE);
    int err;

    plat_publish(unit->root, PAGE_SIZE, unit->caps.c);
    err = set_root(unit, rtaddr);
    if (!err && !unit->caps.esrtps)
        err = invalidate_all(unit, true);
    return err;
}

/* One bit per domain id; the bitmap is at most two pages. */
static unsigned did_pages(const struct vtd_unit *unit)
{
    return pow2(unit->caps.nd_bits) > 8 * PAGE_SIZE ? 2 : 1;
}

static int alloc_tables(struct vtd_unit *unit)
{
    unit->root = plat_pages_alloc(1, OWNER_TABLE);
    unit->did_used = plat_pages_alloc(did_pages(unit), OWNER_TABLE);
    if (unit->root == NULL || unit->did_used == NULL)
        return -ENOMEM;
    unit->did_used[0] = 1; /* domain id 0 is never handed out */
    unit->did_first = 0;
    return 0;
}

static void free_context_table(uint64_t present, uint64_t address)
{
    if (present)
        plat_pages_free(plat_va((paddr_t){address}), 1);
}

static void free_tables(struct vtd_unit *unit)
{
    for (unsigned bus = 0; unit->root != NULL && bus < VTD_ROOT_ENTRIES; bus++) {
        const struct vtd_root_entry *e = &unit->root[bus];

        free_context_table(entry_get(e, VTD_ROOT_LP), entry_get_addr(e, VTD_ROOT_LCTP));
        free_context_table(entry_get(e, VTD_ROOT_UP), entry_get_addr(e, VTD_ROOT_UCTP));
    }
    if (unit->root != NULL)
        plat_pages_free(unit->root, 1);
    if (unit->did_used != NULL)
        plat_pages_free(unit->did_used, did_pages(unit));
    unit->root = NULL;
    unit->did_used = NULL;
}

/*
 * All memory that a running unit needs, before anything of it is touched: without a queue of ours there would
 * be no way to flush what goes with the firmware's root table when it is set again (rules 5, 7).
 */
static int alloc_memory(struct vtd_unit *unit)
{
    int err = alloc_tables(unit);

    if (!err)
        err = vtd_qi_alloc(unit);
    if (err) {
        vtd_qi_free(unit);
        free_tables(unit);
    }
    return err;
}

/* ---- Give-back ---- */

/* The firmware's root table; set only if it translated. Our queue is still there to flush what it replaces.
 */
static int restore_root(struct vtd_unit *unit)
{
    uint64_t rtaddr = unit->saved.rtaddr;
    int err;

    if (!FIELD_GET(VTD_GSTS_TES, unit->saved.gsts)) {
        vtd_write(&unit->io, VTD_RTADDR, rtaddr);
        return 0;
    }
    err = set_root(unit, rtaddr);
    if (!err && !unit->caps.esrtps && FIELD_GET(VTD_GSTS_QIES, vtd_read(&unit->io, VTD_GSTS)))
        err = invalidate_all(unit, FIELD_GET(VTD_RTADDR_TTM, rtaddr) == VTD_TTM_SCALABLE);
    return err;
}

/* Everything off; after an error it can be called again, with the queue that it takes to flush. By force: all
 * of it is tried. The first error is returned. */
static int turn_off(struct vtd_unit *unit, bool by_force)
{
    int errs[4];

    vtd_event_stop(unit);
    errs[0] = vtd_intr_stop(unit, unit->saved.irta, FIELD_GET(VTD_GSTS_IRES, unit->saved.gsts));
    errs[1] = vtd_cmd(unit, VTD_CMD_TE, false);
    errs[2] = errs[1] ? 0 : restore_root(unit);
    errs[3] = (errs[0] || errs[1] || errs[2]) && !by_force ? 0 : vtd_qi_stop(unit);
    vtd_fault_clear(unit);
    for (unsigned i = 0; i < ARRAY_SIZE(errs); i++) {
        if (errs[i])
            return errs[i];
    }
    return 0;
}

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

static int restore_queue(struct vtd_unit *unit)
{
    vtd_write(&unit->io, VTD_IQA, unit->saved.iqa);
    if (!FIELD_GET(VTD_GSTS_QIES, unit->saved.gsts))
        return 0;
    vtd_write(&unit->io, VTD_IQT, 0);
    return vtd_cmd(unit, VTD_CMD_QIE, true);
}

/* Registers and enables as save() found them; everything of ours is off, a queue of the firmware's may not
 * be. */
static int restore(struct vtd_unit *unit)
{
    const struct vtd_saved *s = &unit->saved;
    const struct plat_mmio *io = &unit->io;
    int err = 0;

    restore_events(unit);
    if (!FIELD_GET(VTD_GSTS_QIES, vtd_read(io, VTD_GSTS)))
        err = restore_queue(unit);
    if (!err && FIELD_GET(VTD_GSTS_IRES, s->gsts))
        err = vtd_cmd(unit, VTD_CMD_IRE, true);
    if (!err)
        err = set_protected_memory(unit, FIELD_GET(VTD_PMEN_EPM, s->pmen));
    if (!err && FIELD_GET(VTD_GSTS_TES, s->gsts))
        err = vtd_cmd(unit, VTD_CMD_TE, true);
    return err;
}

static int give_back(struct vtd_unit *unit)
{
    int err = turn_off(unit, false);

    if (err)
        return err;
    vtd_qi_free(unit);
    vtd_intr_free(unit);
    free_tables(unit);
    unit->started = false;
    unit->taken = false;
    return restore(unit);
}

/* ---- Life ---- */

static int take_over(struct vtd_unit *unit)
{
    int err = quiesce(unit);

    if (err)
        return err;
    vtd_event_mask(unit, VTD_EVENT_FAULT, true);
    vtd_event_mask(unit, VTD_EVENT_QUEUE, true);
    vtd_fault_clear(unit);
    err = vtd_qi_start(unit);
    if (!err)
        err = start_tables(unit);
    if (err)
        return err;
    vtd_event_start(unit);
    err = vtd_cmd(unit, VTD_CMD_TE, true);
    if (!err)
        err = set_protected_memory(unit, false);
    return err;
}

int vtd_unit_start(struct vtd_unit *unit)
{
    int err;

    plat_assert(!unit->taken);
    err = alloc_memory(unit);
    if (err)
        return err;
    save(unit);
    unit->taken = true;
    err = take_over(unit);
    if (err) {
        int undo = give_back(unit);

        if (undo)
            plat_log(LOG_ERROR, "%s: neither started nor given back", unit->name);
        return err;
    }
    unit->started = true;
    return 0;
}

int vtd_unit_stop(struct vtd_unit *unit)
{
    plat_assert(unit->started && list_empty(&unit->devs));
    return give_back(unit);
}

void vtd_unit_drop(struct vtd_unit *unit)
{
    bool obeyed;

    plat_lock_init(&unit->command_lock, "vtd command");
    plat_lock_init(&unit->fault_lock, "vtd fault");
    plat_lock_init(&unit->table_lock, "vtd table");
    if (!unit->taken)
        return;
    vtd_qi_reset(unit);
    obeyed = turn_off(unit, true) == 0 && restore(unit) == 0;
    if (!obeyed)
        plat_log(LOG_ERROR, "%s: does not obey while it is dropped", unit->name);
}
