/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices: a directory and a context entry for every requester id, set up and torn down. VT-d 5.10,
 * Scalable-Mode Context Entry; rules 16, 35, 38.
 */
#include <errno.h>

#include "iommu/vtd_entry.h"
#include "kernel/lib/text.h"

/* ---- The directory ---- */

static unsigned pdts_for(unsigned pasid_bits)
{
    const unsigned least = log2_floor(VTD_PDIR_PASIDS(0));

    return pasid_bits <= least ? 0 : pasid_bits - least;
}

/* The smallest ones fill a part of a page. */
static unsigned directory_pages(unsigned pdts)
{
    uint64_t bytes = VTD_PDIR_ENTRIES(pdts) * sizeof(struct vtd_pasid_dir_entry);

    return (unsigned)(align_up(bytes, PAGE_SIZE) / PAGE_SIZE);
}

static void free_tables(const struct vtd_dev *dev)
{
    struct vtd_pasid_entry *table;

    for (uint32_t base = 0; (table = vtd_entry_next_table(dev, &base)) != NULL; base += VTD_PASID_ENTRIES)
        plat_pages_free(table, 1);
}

static void free_directory(struct vtd_dev *dev)
{
    free_tables(dev);
    plat_pages_free(dev->directory, directory_pages(dev->pdts));
}

/* ---- Context entries, all of a device at a time ---- */

static struct vtd_context_entry build_context(const struct vtd_dev *dev)
{
    struct vtd_context_entry e = {{0}};

    entry_set(&e, VTD_CTX_DTE, dev->ats);
    entry_set(&e, VTD_CTX_PASIDE, dev->pasid);
    entry_set(&e, VTD_CTX_PRE, dev->pri);
    entry_set(&e, VTD_CTX_PDTS, dev->pdts);
    entry_set_addr(&e, VTD_CTX_PASIDDIRPTR, plat_pa(dev->directory).v);
    entry_set(&e, VTD_CTX_RID_PASID, dev->rid_pasid);
    entry_set(&e, VTD_CTX_P, 1);
    return e;
}

static bool in_use(struct vtd_unit *unit, uint16_t rid)
{
    const struct vtd_context_entry *e = vtd_entry_context(unit, rid);

    return e != NULL && !vtd_entry_is_zero(e->q, ARRAY_SIZE(e->q));
}

/* Under table_lock. 0; -EBUSY: an entry is in use, nothing was made; -ENOMEM. */
static int make_places(struct vtd_dev *dev, struct vtd_context_entry *places[])
{
    int err = 0;

    for (unsigned i = 0; i < dev->rid_count; i++) {
        if (in_use(dev->unit, dev->rids[i]))
            return -EBUSY;
    }
    for (unsigned i = 0; !err && i < dev->rid_count; i++)
        err = vtd_entry_context_make(dev->unit, dev->rids[i], &places[i]);
    return err;
}

/* Caching mode: not-present context entries may be cached, under domain id 0. */
static int invalidate_not_present(struct vtd_dev *dev)
{
    struct vtd_batch batch;

    vtd_batch_init(&batch, dev->unit);
    for (unsigned i = 0; i < dev->rid_count; i++)
        vtd_batch_add(&batch, vtd_inv_cc_device(dev->rids[i]));
    vtd_batch_add(&batch, vtd_inv_iotlb_domain((did_t){0}));
    return vtd_batch_submit_wait(&batch);
}

int vtd_dev_publish_contexts(struct vtd_dev *dev)
{
    struct vtd_context_entry entry = build_context(dev);
    struct vtd_context_entry *places[VTD_DEV_MAX_RIDS];
    int err;

    plat_lock(&dev->unit->table_lock);
    err = make_places(dev, places);
    for (unsigned i = 0; !err && i < dev->rid_count; i++)
        vtd_entry_publish(dev->unit, places[i]->q, entry.q, ARRAY_SIZE(entry.q));
    if (!err)
        dev->context_present = true;
    plat_unlock(&dev->unit->table_lock);
    if (err || !dev->unit->caps.cm)
        return err;
    err = invalidate_not_present(dev);
    if (err) { /* the unit may go by what it has cached: they do not count, and have to be retired */
        plat_lock(&dev->unit->table_lock);
        vtd_dev_clear_contexts(dev);
        plat_unlock(&dev->unit->table_lock);
    }
    return err;
}

void vtd_dev_clear_contexts(struct vtd_dev *dev)
{
    for (unsigned i = 0; i < dev->rid_count; i++)
        vtd_entry_clear_present(dev->unit, vtd_entry_context(dev->unit, dev->rids[i])->q, false);
    dev->context_present = false;
}

void vtd_dev_zero_contexts(struct vtd_dev *dev)
{
    for (unsigned i = 0; i < dev->rid_count; i++) {
        struct vtd_context_entry *e = vtd_entry_context(dev->unit, dev->rids[i]);

        if (e == NULL)
            continue;
        vtd_entry_zero_but_fpd(dev->unit, e->q, ARRAY_SIZE(e->q));
        vtd_entry_zero_fpd(dev->unit, e->q);
    }
}

/* ---- Context entries retired (rule 38) ---- */

static void add_pc_domain(void *arg, unused uint32_t slot, const struct vtd_pasid_entry *entry)
{
    vtd_batch_add(arg, vtd_inv_pc_domain((did_t){(uint16_t)entry_get(entry, VTD_PASID_DID)}));
}

static void add_iotlb_domain(void *arg, unused uint32_t slot, const struct vtd_pasid_entry *entry)
{
    vtd_batch_add(arg, vtd_inv_iotlb_domain((did_t){(uint16_t)entry_get(entry, VTD_PASID_DID)}));
}

struct vtd_ats vtd_dev_ats(const struct vtd_dev *dev)
{
    return (struct vtd_ats){
        .sid = dev->rids[0], .pfsid = dev->unit->caps.dit ? dev->ats_pfsid : 0, .qdep = dev->ats_qdep};
}

void vtd_dev_add_tlb(struct vtd_batch *batch, const struct vtd_dev *dev)
{
    struct vtd_ats ats = vtd_dev_ats(dev);

    if (!vtd_dev_has_tlb(dev) || !vtd_unit_translates(dev->unit))
        return;
    vtd_batch_add(batch, vtd_inv_devtlb_all(&ats));
    if (dev->pasid)
        vtd_batch_add(batch, vtd_inv_pdevtlb_global(&ats));
}

/* Single requester ids and the domains below them (rule 38). */
static void add_own(struct vtd_batch *batch, struct vtd_dev *dev)
{
    bool cm = dev->unit->caps.cm;

    for (unsigned i = 0; i < dev->rid_count; i++)
        vtd_batch_add(batch, vtd_inv_cc_device(dev->rids[i]));
    if (cm)
        vtd_batch_add(batch, vtd_inv_pc_domain((did_t){0}));
    vtd_pasid_each(dev, add_pc_domain, batch);
    if (cm)
        vtd_batch_add(batch, vtd_inv_iotlb_domain((did_t){0}));
    vtd_pasid_each(dev, add_iotlb_domain, batch);
}

/* Half of a bus (rule 39). */
static void add_global(struct vtd_batch *batch)
{
    vtd_batch_add(batch, vtd_inv_cc_global());
    vtd_batch_add(batch, vtd_inv_pc_global());
    vtd_batch_add(batch, vtd_inv_iotlb_global());
}

static int invalidate_contexts(struct vtd_dev *dev, bool roots)
{
    struct vtd_batch batch;

    vtd_batch_init(&batch, dev->unit);
    if (roots)
        add_global(&batch);
    else
        add_own(&batch, dev);
    vtd_dev_add_tlb(&batch, dev);
    if (dev->pri)
        vtd_batch_fence(&batch);
    return vtd_batch_submit_wait(&batch);
}

/* What it has asked for, in any slot. */
static int drain_device(struct vtd_dev *dev)
{
    struct vtd_retire item = {.dev = dev, .slot = dev->rid_pasid, .drain.whole_device = true};

    return vtd_drain(dev->unit, &item, 1);
}

/*
 * `with_tables`: context tables that nobody uses any more go too. Repeatable after an error: what is not
 * present yet not zero is invalidated again.
 */
static int retire_contexts(struct vtd_dev *dev, bool with_tables)
{
    struct vtd_unit *unit = dev->unit;
    bool roots = false;
    int err;

    plat_lock(&unit->table_lock);
    if (dev->context_present)
        vtd_dev_clear_contexts(dev);
    for (unsigned i = 0; with_tables && i < dev->rid_count; i++)
        roots |= vtd_entry_root_clear_present(unit, dev->rids[i]);
    plat_unlock(&unit->table_lock);
    err = invalidate_contexts(dev, roots);
    if (!err && with_tables)
        err = drain_device(dev);
    if (err)
        return err;
    plat_lock(&unit->table_lock);
    vtd_dev_zero_contexts(dev);
    for (unsigned i = 0; roots && i < dev->rid_count; i++)
        vtd_entry_root_free(unit, dev->rids[i]);
    plat_unlock(&unit->table_lock);
    return 0;
}

/* ---- Attach and detach ---- */

static bool cfg_ok(const struct vtd_unit *unit, const struct vtd_dev_cfg *cfg)
{
    if (cfg->rid_count < 1 || cfg->rid_count > VTD_DEV_MAX_RIDS || cfg->pasid_bits > VTD_PASID_BITS)
        return false;
    if (cfg->ats && (!unit->caps.dt || cfg->ats_qdep < 1 || cfg->ats_qdep > 32))
        return false;
    if (cfg->pri && (!cfg->ats || !unit->page_event.on))
        return false;
    return !cfg->pasid || unit->caps.pasid;
}

/* A requester id that is named twice counts once. */
static void add_rid(struct vtd_dev *dev, uint16_t rid)
{
    for (unsigned i = 0; i < dev->rid_count; i++) {
        if (dev->rids[i] == rid)
            return;
    }
    dev->rids[dev->rid_count++] = rid;
}

static struct vtd_dev *new_dev(struct vtd_unit *unit, const struct vtd_dev_cfg *cfg)
{
    struct vtd_dev *dev = plat_alloc(sizeof(*dev), OWNER_TABLE);

    if (dev == NULL)
        return NULL;
    dev->unit = unit;
    for (unsigned i = 0; i < cfg->rid_count; i++)
        add_rid(dev, cfg->rids[i]);
    dev->pdts = pdts_for(cfg->pasid_bits);
    dev->pasid = cfg->pasid;
    dev->ats = cfg->ats;
    dev->pri = cfg->pri;
    dev->ats_pfsid = cfg->ats_pfsid;
    dev->ats_qdep = cfg->ats_qdep;
    dev->pwsnp = unit->caps.smpwcs && !cfg->no_pwsnp;
    dev->pgsnp = unit->caps.sc && !cfg->no_pgsnp;
    list_init(&dev->link);
    dev->directory = plat_pages_alloc(directory_pages(dev->pdts), OWNER_TABLE);
    if (dev->directory == NULL) {
        plat_free(dev);
        return NULL;
    }
    plat_publish(dev->directory, directory_pages(dev->pdts) * PAGE_SIZE, unit->caps.c);
    return dev;
}

static void free_dev(struct vtd_dev *dev)
{
    free_directory(dev);
    plat_free(dev);
}

int vtd_dev_attach(struct vtd_unit *unit, const struct vtd_dev_cfg *cfg, struct vtd_dev **out)
{
    struct vtd_dev *dev;
    int err;

    if (!cfg_ok(unit, cfg))
        return -EINVAL;
    dev = new_dev(unit, cfg);
    if (dev == NULL)
        return -ENOMEM;
    err = vtd_dev_publish_contexts(dev);
    if (!err) {
        plat_lock(&unit->table_lock);
        list_add_tail(&unit->devs, &dev->link);
        plat_unlock(&unit->table_lock);
        *out = dev;
        return 0;
    }
    /* -EBUSY: the entries are another device's. A directory that the unit may still know is kept for good. */
    if (err == -EBUSY || retire_contexts(dev, true) == 0)
        free_dev(dev);
    return err;
}

void vtd_dev_forget(struct vtd_dev *dev)
{
    plat_lock(&dev->unit->table_lock);
    list_del(&dev->link);
    plat_unlock(&dev->unit->table_lock);
    free_dev(dev);
}

int vtd_dev_detach(struct vtd_dev *dev)
{
    int err = retire_contexts(dev, true);

    if (err)
        return err;
    vtd_dev_forget(dev);
    return 0;
}

static void note_present(void *arg, unused uint32_t slot, unused const struct vtd_pasid_entry *entry)
{
    *(bool *)arg = true;
}

int vtd_dev_set_rid_pasid(struct vtd_dev *dev, uint32_t pasid)
{
    bool busy = false;
    int err = 0;

    if (!vtd_entry_slot_ok(dev, pasid))
        return -EINVAL;
    if (pasid != 0 && !vtd_unit_uses_rid_pasid(dev->unit))
        return -ENOTSUP;
    if (dev->context_present && dev->rid_pasid == pasid)
        return 0;
    vtd_pasid_each(dev, note_present, &busy);
    if (busy)
        return -EBUSY;
    if (in_use(dev->unit, dev->rids[0]))
        err = retire_contexts(dev, false);
    if (err)
        return err;
    dev->rid_pasid = pasid;
    return vtd_dev_publish_contexts(dev);
}

static void set_deaf(struct vtd_dev *dev, bool deaf)
{
    plat_lock(&dev->unit->table_lock);
    dev->deaf = deaf;
    plat_unlock(&dev->unit->table_lock);
}

void vtd_dev_gone(struct vtd_dev *dev)
{
    set_deaf(dev, true);
}

void vtd_dev_ats_begins(struct vtd_dev *dev)
{
    set_deaf(dev, false);
}

int vtd_dev_ats_ends(struct vtd_dev *dev)
{
    struct vtd_batch batch;
    int err;

    vtd_batch_init(&batch, dev->unit);
    vtd_dev_add_tlb(&batch, dev);
    err = vtd_batch_submit_wait(&batch);
    if (!err && dev->pri)
        err = drain_device(dev); /* while its TLB still confirms that the answers have arrived */
    if (!err)
        vtd_dev_gone(dev);
    return err;
}

struct vtd_dev *vtd_dev_find(struct vtd_unit *unit, uint16_t rid)
{
    struct vtd_dev *found = NULL;

    plat_lock(&unit->table_lock);
    list_for_each (pos, &unit->devs) {
        struct vtd_dev *dev = list_entry(pos, struct vtd_dev, link);

        for (unsigned i = 0; i < dev->rid_count; i++) {
            if (dev->rids[i] == rid)
                found = dev;
        }
    }
    plat_unlock(&unit->table_lock);
    return found;
}

/* ---- Read-back ---- */

void vtd_context_read(const struct vtd_unit *unit, uint16_t rid, struct vtd_context_entry *out)
{
    const struct vtd_context_entry *place = vtd_entry_context(unit, rid);

    *out = (struct vtd_context_entry){{0}};
    for (unsigned i = 0; place != NULL && i < ARRAY_SIZE(out->q); i++)
        out->q[i] = load64(&place->q[i]);
}

static void add_words(struct text *t, const char *name, const uint64_t *words, unsigned count)
{
    text_add(t, name);
    for (unsigned i = count; i > 0; i--) {
        text_add(t, i == count ? " " : "_");
        text_hex(t, words[i - 1], 1);
    }
}

const char *vtd_table_text(struct vtd_unit *unit, uint16_t rid, uint32_t slot, char *text, size_t size)
{
    struct text t = text_in(text, size);
    struct vtd_dev *dev = vtd_dev_find(unit, rid);
    struct vtd_context_entry context;
    struct vtd_pasid_entry entry;

    text_function(&t, unit->segment, rid);
    if (unit->root == NULL)
        return text;
    add_words(&t, ": root", unit->root[rid_bus(rid)].q, 2);
    vtd_context_read(unit, rid, &context);
    add_words(&t, " context", context.q, ARRAY_SIZE(context.q));
    if (dev != NULL && vtd_pasid_read(dev, slot, &entry) == 0) {
        text_add(&t, " slot ");
        text_dec(&t, slot);
        add_words(&t, " directory", dev->directory[FIELD_GET(VTD_PASID_PDIR, slot)].q, 1);
        add_words(&t, " entry", entry.q, ARRAY_SIZE(entry.q));
    }
    return text;
}
