/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One remapping unit from discovery to the way out: registers mapped and judged, take-over,
 * give-back. VT-d 5.10, Register Descriptions; rules 1-8, 18-22, 72, 73, 80.
 */
#include "iommu/vtd_unit.h"

#include <errno.h>

#include "iommu/vtd_entry.h"
#include "iommu/vtd_fault.h"
#include "iommu/vtd_firmware.h"
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
    plat_lock_init(&unit->vcmd.lock, "vtd vcmd");
    vtd_qi_init(&unit->queue);
    vtd_prq_init(unit);
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

/* ---- Tables ---- */

/* Where hardware does not do it at SRTP, everything cached under the old root goes (rule 7). */
static int invalidate_all(struct vtd_unit *unit)
{
    struct vtd_batch batch;

    vtd_batch_init(&batch, unit);
    vtd_batch_add(&batch, vtd_inv_cc_global());
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
        err = invalidate_all(unit);
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

/* Context entries of what is attached, and what else is in the tables before translation goes on. The queue
 * rests: all of it is flushed when the root is set. */
static int fill_tables(struct vtd_unit *unit)
{
    int err = vtd_tables_rebuild(unit);

    if (!err && unit->fill != NULL)
        err = unit->fill(unit, unit->fill_arg);
    return err;
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

static int alloc_all(struct vtd_unit *unit)
{
    int err = alloc_tables(unit);

    if (!err)
        err = vtd_qi_alloc(unit);
    if (!err)
        err = vtd_prq_alloc(unit);
    if (!err)
        err = fill_tables(unit);
    return err;
}

static void free_all(struct vtd_unit *unit)
{
    vtd_qi_free(unit);
    vtd_prq_free(unit);
    vtd_intr_free(unit);
    free_tables(unit);
}

int vtd_unit_prepare(struct vtd_unit *unit)
{
    int err;

    plat_assert(!unit->taken && unit->root == NULL);
    err = alloc_all(unit);
    if (err)
        free_all(unit);
    return err;
}

void vtd_unit_unprepare(struct vtd_unit *unit)
{
    plat_assert(!unit->taken);
    free_all(unit);
}

/* ---- Give-back ---- */

/*
 * Everything off; after an error it can be called again, with the queue that it takes to flush (rule 7). By
 * force: all of it is tried. The first error is returned.
 */
static int turn_off(struct vtd_unit *unit, bool by_force)
{
    int errs[4], first = 0;

    vtd_event_stop(unit);
    vtd_prq_stop(unit);
    errs[0] = vtd_intr_stop(unit, unit->saved.irta, FIELD_GET(VTD_GSTS_IRES, unit->saved.gsts));
    errs[1] = vtd_firmware_protect(unit, FIELD_GET(VTD_PMEN_EPM, unit->saved.pmen));
    errs[2] = vtd_cmd(unit, VTD_CMD_TE, false);
    errs[3] = errs[2] ? 0 : vtd_firmware_point_back(unit);
    for (unsigned i = 0; i < ARRAY_SIZE(errs); i++)
        first = first ? first : errs[i];
    if (!first || by_force) {
        int err = vtd_qi_stop(unit);

        first = first ? first : err;
    }
    vtd_fault_clear(unit);
    return first;
}

static int give_back(struct vtd_unit *unit)
{
    int err = turn_off(unit, false);

    if (err)
        return err;
    free_all(unit);
    unit->started = false;
    unit->quiet = false;
    unit->taken = false;
    return vtd_firmware_restore(unit);
}

/* ---- Life ---- */

static void mask_events(struct vtd_unit *unit)
{
    vtd_event_mask(unit, VTD_EVENT_FAULT, true);
    vtd_event_mask(unit, VTD_EVENT_QUEUE, true);
    if (unit->caps.prs)
        vtd_event_mask(unit, VTD_EVENT_PAGES, true);
}

/* From a unit on which nothing is on to our queue. */
static int start_queue(struct vtd_unit *unit)
{
    mask_events(unit);
    vtd_fault_clear(unit);
    return vtd_qi_start(unit);
}

/* And to translation, with the tables as they are. */
static int translate(struct vtd_unit *unit)
{
    int err;

    vtd_prq_start(unit);
    err = start_tables(unit);
    if (err)
        return err;
    vtd_event_start(unit);
    err = vtd_cmd(unit, VTD_CMD_TE, true);
    if (!err)
        err = vtd_firmware_protect(unit, false);
    return err;
}

static int take_over(struct vtd_unit *unit)
{
    int err;

    vtd_firmware_save(unit);
    unit->taken = true;
    err = vtd_firmware_quiesce(unit);
    return err ? err : start_queue(unit);
}

/* What began with `err` did not come to its end. */
static int undo(struct vtd_unit *unit, int err)
{
    if (err && give_back(unit))
        plat_log(LOG_ERROR, "%s: neither started nor given back", unit->name);
    return err;
}

int vtd_unit_quiet(struct vtd_unit *unit)
{
    int err = unit->root == NULL ? vtd_unit_prepare(unit) : 0;

    if (err)
        return err;
    plat_assert(!unit->taken);
    err = take_over(unit);
    err = err ? err : vtd_firmware_protect(unit, false);
    unit->quiet = !err;
    return undo(unit, err);
}

int vtd_unit_start(struct vtd_unit *unit)
{
    int err = unit->root == NULL ? vtd_unit_prepare(unit) : 0;

    if (err)
        return err;
    plat_assert(!unit->taken || unit->quiet);
    err = unit->quiet ? 0 : take_over(unit);
    unit->quiet = false;
    err = undo(unit, err ? err : translate(unit));
    unit->started = !err;
    return err;
}

int vtd_unit_suspend(struct vtd_unit *unit)
{
    int err;

    plat_assert(unit->started && !unit->suspended);
    err = invalidate_all(unit);
    unit->suspended = true;
    if (!err)
        err = vtd_cmd(unit, VTD_CMD_IRE, false);
    if (!err)
        err = vtd_cmd(unit, VTD_CMD_TE, false);
    if (err)
        return err;
    vtd_qi_rest(unit);
    mask_events(unit);
    return vtd_qi_stop(unit);
}

int vtd_unit_resume(struct vtd_unit *unit)
{
    int err;

    plat_assert(unit->suspended);
    err = vtd_firmware_quiesce(unit);
    if (err)
        return err;
    vtd_qi_rest(unit);
    vtd_tables_empty(unit);
    err = fill_tables(unit);
    if (!err)
        err = start_queue(unit);
    if (!err)
        err = translate(unit);
    if (!err)
        unit->suspended = false;
    return err;
}

int vtd_unit_stop(struct vtd_unit *unit)
{
    plat_assert(unit->taken);
    return give_back(unit);
}

void vtd_unit_drop(struct vtd_unit *unit)
{
    bool obeyed;

    plat_lock_init(&unit->command_lock, "vtd command");
    plat_lock_init(&unit->fault_lock, "vtd fault");
    plat_lock_init(&unit->table_lock, "vtd table");
    plat_lock_init(&unit->vcmd.lock, "vtd vcmd");
    if (!unit->taken)
        return;
    vtd_qi_reset(unit);
    vtd_prq_init(unit);
    obeyed = turn_off(unit, true) == 0 && vtd_firmware_restore(unit) == 0;
    if (!obeyed)
        plat_log(LOG_ERROR, "%s: does not obey while it is dropped", unit->name);
}
