/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The CPU side of cpu.h. The table is walked as the processor does it, by physical addresses and without a
 * lock: a submitter is in a read section from the walk to the write to the portal, and whoever empties an
 * entry waits for a grace period, so that it synchronises with those who run instead of calling them blindly.
 */
#include <errno.h>

#include "kernel/lib/bits.h"
#include "tests/actors/cpu.h"

/* A guest PASID. */
#define SPID_HALF  BIT(19)
#define SPID_DIR   BITS(18, 10)
#define SPID_TABLE BITS(9, 0)
/* A directory entry of 8 bytes. */
#define DIR_P     BIT(0)
#define DIR_TABLE BITS(51, 12)
/* A table entry of 4 bytes. */
#define ENTRY_V      BIT(31)
#define ENTRY_NUMBER BITS(19, 0)

#define DIR_ENTRIES 512u

/* ---- The table ---- */

static uint64_t *dir_entry(const struct cpu *c, uint32_t spid)
{
    return &c->directory[FIELD_GET(SPID_HALF, spid)][FIELD_GET(SPID_DIR, spid)];
}

/* The entry of a guest PASID; NULL where there is no table. */
static uint32_t *table_entry(const struct cpu *c, uint32_t spid)
{
    uint64_t dir = load64(dir_entry(c, spid));
    uint32_t *table;

    if (!FIELD_GET(DIR_P, dir))
        return NULL;
    table = plat_va((paddr_t){FIELD_GET_ADDR(DIR_TABLE, dir)});
    return &table[FIELD_GET(SPID_TABLE, spid)];
}

int64_t cpu_translate(const struct cpu *c, uint32_t spid)
{
    const uint32_t *at = table_entry(c, spid);
    uint32_t entry = at ? __atomic_load_n(at, __ATOMIC_ACQUIRE) : 0;

    return FIELD_GET(ENTRY_V, entry) ? (int64_t)FIELD_GET(ENTRY_NUMBER, entry) : -ENOENT;
}

/* The entry of a guest PASID, its table made if need be. Within the ID's turn. */
static int make_entry(struct cpu *c, uint32_t spid, uint32_t **out)
{
    void *table;

    *out = table_entry(c, spid);
    if (*out)
        return 0;
    table = plat_pages_alloc(1, OWNER_TEST);
    if (!table)
        return -ENOMEM;
    __atomic_store_n(dir_entry(c, spid), FIELD_PREP_ADDR(DIR_TABLE, plat_pa(table).v) | FIELD_PREP(DIR_P, 1),
                     __ATOMIC_RELEASE);
    *out = table_entry(c, spid);
    return 0;
}

static void store_entry(uint32_t *entry, uint64_t value)
{
    __atomic_store_n(entry, (uint32_t)value, __ATOMIC_RELEASE);
}

static void free_table(struct cpu *c)
{
    for (unsigned half = 0; half < ARRAY_SIZE(c->directory); half++) {
        uint64_t *dir = c->directory[half];

        for (unsigned i = 0; dir && i < DIR_ENTRIES; i++) {
            if (FIELD_GET(DIR_P, dir[i]))
                plat_pages_free(plat_va((paddr_t){FIELD_GET_ADDR(DIR_TABLE, dir[i])}), 1);
        }
        if (dir)
            plat_pages_free(dir, 1);
    }
}

/* ---- Submission ---- */

int cpu_submit(struct cpu *c, uint32_t spid, struct worker *to, const struct dma_xfer *xfer)
{
    struct worker_desc desc = {.xfer = *xfer};
    int64_t number;
    int rc = -EFAULT;

    plat_read_enter();
    number = cpu_translate(c, spid);
    if (number >= 0) {
        if (c->between)
            c->between(c);
        desc.number = (uint32_t)number;
        rc = worker_push(to, &desc);
    }
    plat_read_exit();
    if (number < 0)
        __atomic_fetch_add(&c->faults, 1, __ATOMIC_RELAXED);
    return rc;
}

/* ---- Events ---- */

static struct cpu_mapping *mapping_of(struct cpu *c, ioasid_t id)
{
    for (unsigned i = 0; i < CPU_IDS; i++) {
        if (ioasid_eq(c->mappings[i].id, id))
            return &c->mappings[i];
    }
    return NULL;
}

/* Notes that `id` is ours; -ENOSPC when there are too many, -EEXIST when it was before. */
static int claim(struct cpu *c, ioasid_t id, uint32_t spid)
{
    struct cpu_mapping *free;
    int rc = 0;

    plat_lock(&c->lock);
    free = mapping_of(c, IOASID_INVALID);
    if (mapping_of(c, id))
        rc = -EEXIST;
    else if (!free)
        rc = -ENOSPC;
    else
        *free = (struct cpu_mapping){.id = id, .spid = spid, .mapped = true};
    plat_unlock(&c->lock);
    return rc;
}

static void unclaim(struct cpu *c, ioasid_t id)
{
    plat_lock(&c->lock);
    *mapping_of(c, id) = (struct cpu_mapping){.id = IOASID_INVALID};
    plat_unlock(&c->lock);
}

static void put(struct cpu *c, ioasid_t id)
{
    if (ioasid_put(c->set, id) < 0)
        plat_panic("cpu: the reference on ioasid %u is not there", ioasid_number(id));
}

static int map(struct cpu *c, ioasid_t id, uint32_t spid)
{
    uint32_t *entry;
    int rc = claim(c, id, spid);

    if (rc)
        return rc;
    rc = make_entry(c, spid, &entry);
    if (rc == 0)
        rc = ioasid_get(c->set, id);
    if (rc) {
        unclaim(c, id);
        return rc;
    }
    store_entry(entry, FIELD_PREP(ENTRY_V, 1) | FIELD_PREP(ENTRY_NUMBER, ioasid_number(id)));
    plat_lock(&c->lock);
    c->mapped++;
    c->binds++;
    plat_unlock(&c->lock);
    return 0;
}

/* Takes the entry of `id` out, unless that was done: then the reference went with it. */
static void unmap(struct cpu *c, ioasid_t id)
{
    struct cpu_mapping *m;
    uint32_t spid = 0;
    bool mine;

    plat_lock(&c->lock);
    m = mapping_of(c, id);
    mine = m && m->mapped;
    if (mine) {
        m->mapped = false;
        spid = m->spid;
        c->mapped--;
        c->unbinds++;
    }
    plat_unlock(&c->lock);
    if (!mine)
        return;
    store_entry(table_entry(c, spid), 0);
    plat_grace_wait();
    if (c->keeps)
        return;
    unclaim(c, id);
    put(c, id);
}

static int on_event(struct ioasid_notifier *nb, const struct ioasid_event *ev)
{
    struct cpu *c = container_of(nb, struct cpu, nb);
    int rc = c->hook ? c->hook(c, ev) : 0;

    if (ev->type != IOASID_EVENT_BIND)
        unmap(c, ev->id);
    else if (rc == 0 && ev->spid != IOASID_NO_SPID)
        rc = map(c, ev->id, ev->spid);
    return rc;
}

/* ---- Life ---- */

int cpu_open(struct cpu *c, struct ioasid_set *set, unsigned events)
{
    int rc = 0;

    *c = (struct cpu){.core = ioasid_core_of(set), .set = set};
    c->nb = (struct ioasid_notifier){
        .handler = on_event, .level = IOASID_LEVEL_CPU, .events = events, .name = "cpu"};
    plat_lock_init(&c->lock, "cpu");
    for (unsigned i = 0; i < CPU_IDS; i++)
        c->mappings[i].id = IOASID_INVALID;
    for (unsigned half = 0; half < ARRAY_SIZE(c->directory); half++) {
        c->directory[half] = plat_pages_alloc(1, OWNER_TEST);
        if (!c->directory[half])
            rc = -ENOMEM;
    }
    if (rc == 0)
        rc = ioasid_notifier_register(c->core, set, &c->nb);
    if (rc)
        free_table(c);
    return rc;
}

void cpu_let_go(struct cpu *c)
{
    for (unsigned i = 0; i < CPU_IDS; i++) {
        ioasid_t id = c->mappings[i].id;

        if (ioasid_eq(id, IOASID_INVALID) || c->mappings[i].mapped)
            continue;
        unclaim(c, id);
        put(c, id);
    }
}

int cpu_close(struct cpu *c)
{
    int rc = ioasid_notifier_unregister(c->core, &c->nb);

    if (rc)
        return rc;
    for (unsigned i = 0; i < CPU_IDS; i++) {
        if (c->mappings[i].mapped)
            unmap(c, c->mappings[i].id);
    }
    cpu_let_go(c);
    free_table(c);
    return 0;
}
