/* SPDX-License-Identifier: BSD-2-Clause */
/* See vtd_intr.h. */
#include "iommu/vtd_intr.h"

#include <errno.h>
#include <string.h>

#include "iommu/vtd_unit.h"

/* ---- The table ---- */

static int invalidate_all(struct vtd_unit *unit)
{
    struct vtd_batch batch;

    vtd_batch_init(&batch, unit);
    vtd_batch_add(&batch, vtd_inv_iec_global());
    return vtd_batch_submit_wait(&batch);
}

/* Hardware drops what it holds of the old table by itself where ESIRTPS = 1 (rule 8). */
static int set_table(struct vtd_unit *unit, uint64_t irta)
{
    int err;

    vtd_write(&unit->io, VTD_IRTA, irta);
    err = vtd_cmd(unit, VTD_CMD_SIRTP, true);
    if (err || unit->caps.esirtps || !vtd_qi_is_on(unit))
        return err;
    return invalidate_all(unit);
}

int vtd_intr_alloc(struct vtd_unit *unit)
{
    if (unit->intr.table == NULL)
        unit->intr.table = plat_pages_alloc(1, OWNER_TABLE);
    return unit->intr.table == NULL ? -ENOMEM : 0;
}

int vtd_intr_start(struct vtd_unit *unit)
{
    struct vtd_intr *intr = &unit->intr;

    intr->x2apic = unit->caps.eim && plat_x2apic();
    memset(intr->table, 0, PAGE_SIZE);
    memset(intr->owners, 0, sizeof(intr->owners));
    plat_publish(intr->table, PAGE_SIZE, unit->caps.c);
    return set_table(unit, FIELD_PREP_ADDR(VTD_IRTA_IRTA, plat_pa(intr->table).v) |
                               FIELD_PREP(VTD_IRTA_EIME, intr->x2apic) |
                               FIELD_PREP(VTD_IRTA_S, log2_floor(VTD_IRT_ENTRIES) - 1));
}

int vtd_intr_stop(struct vtd_unit *unit, uint64_t irta, bool was_on)
{
    int err = vtd_cmd(unit, VTD_CMD_IRE, false);

    if (err || !unit->caps.ir)
        return err;
    if (was_on)
        return set_table(unit, irta);
    vtd_write(&unit->io, VTD_IRTA, irta);
    return 0;
}

int vtd_intr_enable(struct vtd_unit *unit)
{
    return vtd_cmd(unit, VTD_CMD_IRE, true);
}

void vtd_intr_free(struct vtd_unit *unit)
{
    if (unit->intr.table != NULL)
        plat_pages_free(unit->intr.table, 1);
    unit->intr = (struct vtd_intr){0};
}

/* ---- One entry ---- */

static int invalidate(struct vtd_unit *unit, uint16_t index)
{
    struct vtd_batch batch;

    vtd_batch_init(&batch, unit);
    vtd_batch_add(&batch, vtd_inv_iec_index(index));
    return vtd_batch_submit_wait(&batch);
}

/* The word with P goes last when an entry appears, and alone when it disappears. */
static void store(struct vtd_unit *unit, struct vtd_irte *at, unsigned word, uint64_t value)
{
    __atomic_store_n(&at->q[word], value, __ATOMIC_RELEASE);
    plat_publish(at, sizeof(*at), unit->caps.c);
}

static int retire(struct vtd_unit *unit, uint16_t index)
{
    struct vtd_irte *at = &unit->intr.table[index];
    int err;

    store(unit, at, 0, 0);
    err = invalidate(unit, index);
    if (!err)
        store(unit, at, 1, 0);
    return err;
}

int vtd_intr_set(struct vtd_unit *unit, uint16_t index, const struct vtd_irte *entry)
{
    struct vtd_irte *at = &unit->intr.table[index];
    int err;

    plat_assert(index < VTD_IRT_ENTRIES);
    err = entry_get(at, VTD_IRTE_P) ? retire(unit, index) : 0;
    if (err)
        return err;
    store(unit, at, 1, entry->q[1]);
    store(unit, at, 0, entry->q[0]);
    return invalidate(unit, index);
}

/* ---- Sources ---- */

/* First entry of an owner; NULL: of nobody. Under table_lock. */
static int owned_by(struct vtd_unit *unit, const struct plat_intr *owner, uint16_t *index)
{
    for (unsigned i = 0; i < VTD_IRT_ENTRIES; i++) {
        if (unit->intr.owners[i] != owner)
            continue;
        *index = (uint16_t)i;
        return 0;
    }
    return -ENOENT;
}

static int claim(struct vtd_unit *unit, const struct plat_intr *intr, uint16_t *index)
{
    int err;

    plat_lock(&unit->table_lock);
    err = owned_by(unit, NULL, index);
    if (!err)
        unit->intr.owners[*index] = intr;
    plat_unlock(&unit->table_lock);
    return err ? -ENOSPC : 0;
}

static void unclaim(struct vtd_unit *unit, uint16_t index)
{
    plat_lock(&unit->table_lock);
    unit->intr.owners[index] = NULL;
    plat_unlock(&unit->table_lock);
}

int vtd_intr_add(struct vtd_unit *unit, const struct plat_intr *intr, uint16_t sid,
                 struct plat_intr_form *form)
{
    struct vtd_irte entry;
    uint16_t index;
    int err;

    if (!unit->intr.x2apic && intr->dest > UINT8_MAX)
        return -ERANGE;
    err = claim(unit, intr, &index);
    if (err)
        return err;
    entry = vtd_irte_make(intr, sid, unit->intr.x2apic);
    err = vtd_intr_set(unit, index, &entry);
    if (!err)
        *form = vtd_irte_form(index, &entry);
    return err; /* an entry of which the unit may know stays taken */
}

int vtd_intr_remove(struct vtd_unit *unit, const struct plat_intr *intr)
{
    uint16_t index;
    int err;

    plat_lock(&unit->table_lock);
    err = owned_by(unit, intr, &index);
    plat_unlock(&unit->table_lock);
    if (!err)
        err = retire(unit, index);
    if (!err)
        unclaim(unit, index);
    return err;
}

/* Entry of a function; NULL: of a pin. Under table_lock. */
static int owned_for(struct vtd_unit *unit, const struct pci_id *fn, uint16_t *index)
{
    for (unsigned i = 0; i < VTD_IRT_ENTRIES; i++) {
        const struct plat_intr *o = unit->intr.owners[i];

        if (o == NULL || o->is_pin != (fn == NULL))
            continue;
        if (fn != NULL && (o->fn.segment != fn->segment || o->fn.rid != fn->rid))
            continue;
        *index = (uint16_t)i;
        return 0;
    }
    return -ENOENT;
}

static int find(struct vtd_unit *unit, const struct pci_id *fn, uint16_t *index)
{
    int err;

    plat_lock(&unit->table_lock);
    err = owned_for(unit, fn, index);
    plat_unlock(&unit->table_lock);
    return err;
}

int vtd_intr_find(struct vtd_unit *unit, struct pci_id fn, uint16_t *index)
{
    return find(unit, &fn, index);
}

int vtd_intr_find_pin(struct vtd_unit *unit, uint16_t *index)
{
    return find(unit, NULL, index);
}
