/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An owner of IOASIDs as a VFIO-like user is one: has a set for its guest, allocates IOASIDs in it, binds
 * devices, and frees, unbinds and puts in whatever order its user likes. It keeps one page table per IOASID,
 * all of which map the same address to a page of their own, so that a device which is still served by an old
 * translation is caught writing the wrong page. Listeners at the CPU, DEVICE and IOMMU levels write down
 * every event in the order in which it arrives.
 */
#ifndef TESTS_ACTORS_OWNER_H
#define TESTS_ACTORS_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iommu/iommu.h"
#include "kernel/lib/compiler.h"

#define OWNER_IDS     3
#define OWNER_DEVS    3
#define OWNER_RECORDS 48
#define OWNER_QUOTA   8 /* of its set: the IDs above, and as many that drain */

/* Where every table maps its page, in bytes; no table maps anything else, but for owner_map(). */
#define OWNER_IOVA 0x40201000ull

enum owner_op {
    OWNER_ALLOC,  /* id becomes a new IOASID */
    OWNER_GET,    /* a user reference, as KVM takes one */
    OWNER_PUT,    /* and its return */
    OWNER_BIND,   /* dev translates id's table */
    OWNER_UNBIND, /* dev stops */
    OWNER_FREE,   /* the owner gives id back; the handle is kept, for calls that come too late */
    OWNER_OP_COUNT
};

/* One observed event. */
struct owner_record {
    enum ioasid_event_type type;
    char who; /* 'C', 'D', 'I': level; 'K': the one that listens to BIND and UNBIND only */
    ioasid_t id;
    uint64_t sequence;
    unsigned locks_held; /* by the thread that called the handler (V7: none) */
    unsigned watched;    /* what struct owner's `watch` said then */
    bool complete;       /* set, token and type are filled (S27) */
};

struct owner;

struct owner_listener {
    struct ioasid_notifier nb;
    struct owner *owner;
    char who;
    bool registered;
    enum ioasid_event_type refuse; /* answers -EPERM to this event, 0: to none */
    unsigned refused;
    /* Called in the handler for events of type `hook_on`; what it returns is kept in `hook_result`. May be
     * NULL. */
    int (*hook)(struct owner *owner, const struct ioasid_event *ev);
    enum ioasid_event_type hook_on;
    int hook_result;
    unsigned hooked;
};

#define OWNER_LISTENERS 4

/* One table and the page behind OWNER_IOVA. */
struct owner_space {
    struct pgtable *table;
    uint8_t *page;
};

struct owner {
    struct iommu *iommu;
    struct ioasid_set *set; /* its own; the token is the owner's address */
    enum iommu_stage stage;
    bool native; /* bindings are the host's own: free before unbind is refused */
    struct owner_listener listeners[OWNER_LISTENERS];
    struct owner_record records[OWNER_RECORDS];
    unsigned record_count;              /* more than OWNER_RECORDS: the rest was lost */
    unsigned (*watch)(struct owner *o); /* asked at every event, in the handler; may be NULL */
    struct owner_space spaces[OWNER_IDS];
    ioasid_t ids[OWNER_IDS];
    uint32_t spids[OWNER_IDS]; /* what the guest calls them; IOASID_NO_SPID unless the case says */
    struct iommu_dev *devs[OWNER_DEVS];
    unsigned dev_count;
};

/* What to set up. */
struct owner_cfg {
    struct iommu *iommu;
    struct pgtable_cfg table; /* of every IOASID's page table: stage, levels, widths */
    bool native;
    bool listen; /* register the listeners */
};

/*
 * Tables, pages, listeners; no IOASID yet. 0, -ENOMEM, or what pgtable_create and ioasid_notifier_register
 * say. On an error nothing is left. Thread.
 */
must_check int owner_open(struct owner *o, const struct owner_cfg *cfg);

/*
 * Puts a device under the owner's care, as its next number: 0 .. OWNER_DEVS-1. `aliases` as in
 * iommu_dev_attach. 0, -ENOSPC, iommu_dev_attach's errors. Thread.
 */
must_check int owner_attach(struct owner *o, struct pci_id fn, const uint16_t *aliases, unsigned count);

/*
 * Maps `size` bytes at their own address in every table, for reading and writing: what a device needs
 * wherever it works. Before the first bind. pgtable_map's errors. Thread.
 */
must_check int owner_map(struct owner *o, paddr_t pa, uint64_t size);

/*
 * Ends everything that is still alive, in the order unbind, put, free, detach, the set; then gives the memory
 * back. Errors that an earlier step explains (-ENOENT, -EALREADY, -ESTALE) are none. The first other one is
 * returned. Thread.
 */
must_check int owner_close(struct owner *o);

/* One call, and the wait until its events have been delivered. The call's own result, or -ETIMEDOUT. Thread.
 */
must_check int owner_do(struct owner *o, enum owner_op op, unsigned id, unsigned dev);

/* What a hypervisor does when a guest dies: frees all, or the set with all. As owner_do(). Thread. */
must_check int owner_free_all(struct owner *o);
must_check int owner_destroy_set(struct owner *o);

/* The call alone: deliveries may still be under way at return. Thread. */
must_check int owner_do_nowait(struct owner *o, enum owner_op op, unsigned id, unsigned dev);

/*
 * Events since the last look, each type once with who saw it in order: "BIND:IDKC", "FREE:CDI UNBIND:KC";
 * empty when there were none. Then forgets them. `out` is always terminated.
 */
void owner_events(struct owner *o, char *out, size_t size);

/* False when a record is incomplete or its handler was entered with a lock held; `out` names the first. */
bool owner_events_sound(const struct owner *o, char *out, size_t size);

/* The listener called 'C', 'D', 'I' or 'K'. */
struct owner_listener *owner_listener(struct owner *o, char who);

const char *owner_op_name(enum owner_op op);

/* The page that `id`'s table maps at OWNER_IOVA, PAGE_SIZE bytes. */
static inline uint8_t *owner_page(struct owner *o, unsigned id)
{
    return o->spaces[id].page;
}

#endif
