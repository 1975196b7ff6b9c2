/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The owner of owner.h: every step is one call into ioasid.h or svm.h, its result handed on untouched. The
 * owner decides nothing; which order is right is the suites' business.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "iommu/pgtable.h"
#include "kernel/lib/bits.h"
#include "tests/actors/owner.h"

/* Longer than a listener's wait for its device (worker.c). */
#define SETTLE_NS 6000000000ull

static const char *const op_names[OWNER_OP_COUNT] = {"alloc", "get", "put", "bind", "unbind", "free"};

const char *owner_op_name(enum owner_op op)
{
    return op < OWNER_OP_COUNT ? op_names[op] : "?";
}

/* ---- Listening ---- */

static int on_event(struct ioasid_notifier *nb, const struct ioasid_event *ev)
{
    struct owner_listener *l = container_of(nb, struct owner_listener, nb);
    struct owner *o = l->owner;
    unsigned n = __atomic_fetch_add(&o->record_count, 1, __ATOMIC_ACQ_REL);

    if (n < OWNER_RECORDS) {
        o->records[n] = (struct owner_record){
            .type = ev->type,
            .who = l->who,
            .id = ev->id,
            .sequence = ev->sequence,
            .locks_held = plat_locks_held(),
            .watched = o->watch ? o->watch(o) : 0,
            .complete = ev->set == o->set && ev->sequence && ioasid_number(ev->id),
        };
    }
    if (l->hook && l->hook_on == ev->type) {
        l->hook_result = l->hook(o, ev);
        l->hooked++;
    }
    if (l->refuse != ev->type)
        return 0;
    l->refused++;
    return -EPERM;
}

static int listen(struct owner *o)
{
    static const struct {
        char who;
        enum ioasid_level level;
        unsigned events;
        const char *name;
    } kinds[OWNER_LISTENERS] = {
        {'C', IOASID_LEVEL_CPU, IOASID_EVENT_ALL, "owner-cpu"},
        {'D', IOASID_LEVEL_DEVICE, IOASID_EVENT_ALL, "owner-device"},
        {'I', IOASID_LEVEL_IOMMU, IOASID_EVENT_ALL, "owner-iommu"},
        {'K', IOASID_LEVEL_CPU, IOASID_EVENT_BIND | IOASID_EVENT_UNBIND, "owner-kvm"},
    };

    for (unsigned i = 0; i < OWNER_LISTENERS; i++) {
        struct owner_listener *l = &o->listeners[i];
        int err;

        *l = (struct owner_listener){.owner = o, .who = kinds[i].who};
        l->nb.handler = on_event;
        l->nb.level = kinds[i].level;
        l->nb.events = kinds[i].events;
        l->nb.name = kinds[i].name;
        err = ioasid_notifier_register(o->iommu->ioasids, o->set, &l->nb);
        if (err)
            return err;
        l->registered = true;
    }
    return 0;
}

struct owner_listener *owner_listener(struct owner *o, char who)
{
    for (unsigned i = 0; i < OWNER_LISTENERS; i++) {
        if (o->listeners[i].who == who)
            return &o->listeners[i];
    }
    plat_panic("owner: no listener %c", who);
}

static int stop_listening(struct owner *o)
{
    int first = 0;

    for (unsigned i = 0; i < OWNER_LISTENERS; i++) {
        struct owner_listener *l = &o->listeners[i];
        int err = l->registered ? ioasid_notifier_unregister(o->iommu->ioasids, &l->nb) : 0;

        l->registered = false;
        if (err && !first)
            first = err;
    }
    return first;
}

static const char *event_name(enum ioasid_event_type type)
{
    switch (type) {
    case IOASID_EVENT_ALLOC:
        return "ALLOC";
    case IOASID_EVENT_BIND:
        return "BIND";
    case IOASID_EVENT_UNBIND:
        return "UNBIND";
    case IOASID_EVENT_FREE:
        return "FREE";
    }
    return "?";
}

/* Appends, within `size`, and never past it. */
static void append(char *out, size_t size, const char *text)
{
    size_t used = strlen(out);

    if (used < size - 1)
        snprintf(out + used, size - used, "%s", text);
}

void owner_events(struct owner *o, char *out, size_t size)
{
    unsigned count = __atomic_load_n(&o->record_count, __ATOMIC_ACQUIRE);

    out[0] = '\0';
    for (unsigned i = 0; i < count && i < OWNER_RECORDS; i++) {
        const struct owner_record *r = &o->records[i];
        char who[2] = {r->who, '\0'};

        if (i == 0 || o->records[i - 1].type != r->type || o->records[i - 1].sequence != r->sequence) {
            append(out, size, i ? " " : "");
            append(out, size, event_name(r->type));
            append(out, size, ":");
        }
        append(out, size, who);
    }
    if (count > OWNER_RECORDS)
        append(out, size, " and more");
    __atomic_store_n(&o->record_count, 0, __ATOMIC_RELEASE);
}

bool owner_events_sound(const struct owner *o, char *out, size_t size)
{
    unsigned count = __atomic_load_n(&o->record_count, __ATOMIC_ACQUIRE);

    for (unsigned i = 0; i < count && i < OWNER_RECORDS; i++) {
        const struct owner_record *r = &o->records[i];

        if (r->complete && !r->locks_held)
            continue;
        snprintf(out, size, "%s to %c: %s, %u locks held", event_name(r->type), r->who,
                 r->complete ? "complete" : "fields missing", r->locks_held);
        return false;
    }
    return true;
}

/* ---- Set-up and end ---- */

static int open_space(struct owner_space *s, const struct pgtable_cfg *cfg)
{
    int err;

    s->page = plat_pages_alloc(1, OWNER_TEST);
    if (!s->page)
        return -ENOMEM;
    err = pgtable_create(cfg, &s->table);
    if (err)
        return err;
    return pgtable_map(s->table, (iova_t){OWNER_IOVA}, plat_pa(s->page), PAGE_SIZE, PGTABLE_RW);
}

static void close_space(struct owner_space *s)
{
    if (s->table)
        pgtable_destroy(s->table);
    if (s->page)
        plat_pages_free(s->page, 1);
    *s = (struct owner_space){0};
}

int owner_open(struct owner *o, const struct owner_cfg *cfg)
{
    int err;

    memset(o, 0, sizeof(*o));
    o->iommu = cfg->iommu;
    o->stage = cfg->table.stage == PGTABLE_FIRST ? IOMMU_FIRST_STAGE : IOMMU_SECOND_STAGE;
    o->native = cfg->native;
    err = ioasid_set_create(o->iommu->ioasids, IOASID_TOKEN_MM, o, OWNER_QUOTA, &o->set);
    for (unsigned i = 0; i < OWNER_IDS; i++) {
        o->ids[i] = IOASID_INVALID;
        o->spids[i] = IOASID_NO_SPID;
        if (!err)
            err = open_space(&o->spaces[i], &cfg->table);
    }
    if (!err && cfg->listen)
        err = listen(o);
    if (err && owner_close(o))
        plat_log(LOG_ERROR, "owner: cannot undo a failed start");
    return err;
}

int owner_map(struct owner *o, paddr_t pa, uint64_t size)
{
    for (unsigned i = 0; i < OWNER_IDS; i++) {
        int err = pgtable_map(o->spaces[i].table, (iova_t){pa.v}, pa, size, PGTABLE_RW);

        if (err)
            return err;
    }
    return 0;
}

int owner_attach(struct owner *o, struct pci_id fn, const uint16_t *aliases, unsigned count)
{
    int err;

    if (o->dev_count == OWNER_DEVS)
        return -ENOSPC;
    err = iommu_dev_attach(o->iommu, fn, aliases, count, IOASID_BITS, &o->devs[o->dev_count]);
    if (!err)
        o->dev_count++;
    return err;
}

/* Keeps the first result that is neither success nor the echo of an earlier step. */
static void note(int *first, int err)
{
    bool expected = err >= 0 || err == -ENOENT || err == -EALREADY || err == -EINPROGRESS || err == -ESTALE;

    if (!expected && !*first)
        *first = err;
}

static void end_id(struct owner *o, unsigned n, int *first)
{
    ioasid_t id = o->ids[n];
    int refs;

    if (ioasid_eq(id, IOASID_INVALID))
        return;
    for (unsigned d = 0; d < o->dev_count; d++)
        note(first, ioasid_unbind(o->set, id, o->devs[d]));
    refs = ioasid_refs(o->set, id);
    for (int i = 0; i < refs; i++) {
        int err = ioasid_put(o->set, id);

        if (err)
            break;
    }
    note(first, ioasid_free(o->set, id));
    note(first, plat_idle_wait(SETTLE_NS));
    o->ids[n] = IOASID_INVALID;
}

int owner_close(struct owner *o)
{
    int first = 0;

    for (unsigned n = 0; n < OWNER_IDS; n++)
        end_id(o, n, &first);
    for (unsigned d = o->dev_count; d-- > 0;)
        note(&first, iommu_dev_detach(o->devs[d]));
    o->dev_count = 0;
    note(&first, stop_listening(o));
    if (o->set)
        note(&first, ioasid_set_destroy(o->set));
    note(&first, plat_idle_wait(SETTLE_NS));
    if (first)
        return first; /* something may still walk the tables: leave them */
    for (unsigned n = 0; n < OWNER_IDS; n++)
        close_space(&o->spaces[n]);
    return 0;
}

/* ---- Steps ---- */

static int bind(struct owner *o, unsigned id, unsigned dev)
{
    struct ioasid_bind_cfg cfg = {
        .stage = o->stage,
        .table = o->spaces[id].table,
        .guest = !o->native,
        .spid = o->spids[id],
    };

    return ioasid_bind(o->set, o->ids[id], o->devs[dev], &cfg);
}

int owner_do_nowait(struct owner *o, enum owner_op op, unsigned id, unsigned dev)
{
    plat_assert(id < OWNER_IDS && dev < OWNER_DEVS);
    switch (op) {
    case OWNER_ALLOC:
        return ioasid_alloc(o->set, 1, IOASID_NUMBERS - 1, &o->ids[id]);
    case OWNER_GET:
        return ioasid_get(o->set, o->ids[id]);
    case OWNER_PUT:
        return ioasid_put(o->set, o->ids[id]);
    case OWNER_BIND:
        return bind(o, id, dev);
    case OWNER_UNBIND:
        return ioasid_unbind(o->set, o->ids[id], o->devs[dev]);
    case OWNER_FREE:
        return ioasid_free(o->set, o->ids[id]);
    case OWNER_OP_COUNT:
        break;
    }
    return -EINVAL;
}

/* `result`, once its events have been delivered. */
static int settled(int result)
{
    int err = plat_idle_wait(SETTLE_NS);

    return err ? err : result;
}

int owner_do(struct owner *o, enum owner_op op, unsigned id, unsigned dev)
{
    return settled(owner_do_nowait(o, op, id, dev));
}

int owner_free_all(struct owner *o)
{
    return settled(ioasid_free_all(o->set));
}

int owner_destroy_set(struct owner *o)
{
    return settled(ioasid_set_destroy(o->set));
}
