/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The IOASID allocator: numbers with a generation, reference counts, private data and SPIDs. It knows nothing
 * of VT-d nor of devices; svm.h binds the two. Sets are in ioasid_set.h, foreign sources of numbers in
 * ioasid_custom.h.
 *
 * States of an ID: FREE -> (alloc) IDLE <-> ACTIVE -> (free) FREE_PENDING -> (last put) RECLAIM -> (grace)
 * FREE. Only the dying bit is stored; IDLE and ACTIVE are what the count says. The dying bit, set by
 * ioasid_free under the core lock, is the single point of decision between free and everything that races
 * with it.
 *
 * Every call of this file that takes a set looks first whether there is one (-EINVAL, -ESTALE: destroyed),
 * then at the handle of the ID (-ENOENT: never lived, reclaimed, or an earlier generation), then whose it is
 * (-EACCES), then at its state. Contexts X and T as in platform.h. The core lock is a leaf.
 */
#ifndef IOMMU_IOASID_H
#define IOMMU_IOASID_H

#include "iommu/ioasid_custom.h"
#include "iommu/ioasid_set.h"
#include "iommu/notifier.h"
#include "iommu/platform.h"
#include "iommu/types.h"

#define IOASID_NO_SPID UINT32_MAX

/* Counters of one core; read without the lock, exact when nothing runs. */
struct ioasid_stats {
    uint32_t live;    /* IDs not yet reclaimed, the pending ones included (V5) */
    uint32_t pending; /* free was called, references remain */
    uint32_t limbo;   /* reclaimed, waiting for the grace period */
    uint32_t failed;  /* of the live ones: a handler failed on UNBIND or FREE, or a unit did not confirm the
                         end of a binding: what is kept of it may never come back */
    uint32_t quarantined; /* numbers that a custom allocator refused to take back: never used again */
    uint32_t held;        /* lazy mode: free numbers that wait behind all others */
    uint32_t sets;        /* the system set included, draining ones too */
    uint32_t available;   /* numbers that no quota, no reservation and no ID of the system set has */
    uint64_t events;      /* handler calls */
    uint64_t refused;     /* handlers that returned an error */
    uint64_t allocs;      /* ever */
    uint64_t reclaims;    /* ever */
};

/*
 * A core for numbers 1 .. 2^bits-1, bits 1..20, with its system set. 0, -EINVAL, -ENOMEM. T.
 * ioasid_core_destroy gives all memory back; -EBUSY while an ID is live, a set is there, a notifier or an
 * allocator is registered, and in a handler of the core. Not in one of another core. T.
 */
must_check int ioasid_core_create(unsigned bits, struct ioasid_core **out);
must_check int ioasid_core_destroy(struct ioasid_core *core);

/* The set of the host itself; exists as long as the core does. */
struct ioasid_set *ioasid_system_set(struct ioasid_core *core);
struct ioasid_core *ioasid_core_of(struct ioasid_set *set);
/*
 * Lazy: numbers that were used are handed out last, the longest unused first, instead of at once. Off at
 * first. Numbers of custom allocators are theirs. X.
 */
void ioasid_set_lazy(struct ioasid_core *core, bool lazy);
void ioasid_stats(struct ioasid_core *core, struct ioasid_stats *out);

/*
 * A free number: the lowest one in min..max; in the whole range, one that was returned a moment ago before
 * that. The owner holds the only reference. 0, -EINVAL (no set; range empty or outside 1..2^bits-1), -ESTALE
 * (the set is destroyed or draining), -EDQUOT (as many live as its quota), -ENOSPC (all taken, pending and
 * reclaimed ones included; for the system set also: all the rest is in quotas), -ENOMEM, or what a custom
 * allocator says. Emits ALLOC. X.
 */
must_check int ioasid_alloc(struct ioasid_set *set, uint32_t min, uint32_t max, ioasid_t *id);

/* One more user reference. 0, -ENOENT, -EACCES, -EBUSY (dying), -EOVERFLOW (there are INT32_MAX). X. */
must_check int ioasid_get(struct ioasid_set *set, ioasid_t id);

/*
 * One user reference less. 0; 1 when it was the last one of a dying ID, which is reclaimed; -ENOENT, -EACCES,
 * -EINVAL (no user reference is out: the owner's goes by ioasid_free, the binding's by ioasid_unbind). X.
 */
must_check int ioasid_put(struct ioasid_set *set, ioasid_t id);

/*
 * Gives the owner's reference back and forbids new ones. 0: nobody used it, no FREE; it is reclaimed, or will
 * be when whoever works on it right now (delivers its ALLOC, above all) has ended.
 * -EINPROGRESS: users remain, FREE is on its way to them, exactly once; reclaimed at their last put.
 * -EALREADY: free was called before. -EBUSY: bound natively, unbind comes first. -ENOENT, -EACCES. Quiesce
 * hooks of those who will get FREE are called before it returns. X.
 */
must_check int ioasid_free(struct ioasid_set *set, ioasid_t id);

/*
 * The same, and waits until the ID is reclaimed. As ioasid_free, but 0 instead of -EINPROGRESS; -ETIMEDOUT:
 * it stays pending; -EDEADLK: called from a handler, nothing was done. T.
 */
must_check int ioasid_free_sync(struct ioasid_set *set, ioasid_t id, uint64_t timeout_ns);

/* References on a live ID, the owner's included; -ENOENT, -EACCES. X. */
must_check int ioasid_refs(struct ioasid_set *set, ioasid_t id);

/* The handle of a live number, dying or not: what a fault handler gets from hardware. -ENOENT. X. */
must_check int ioasid_lookup(struct ioasid_core *core, uint32_t number, ioasid_t *id);

/*
 * The private pointer. set: 0, -ENOENT, -EBUSY (there is one already, or dying). take: 0 and the old pointer
 * after a grace period, -ENOENT (no such ID, or no pointer), -EBUSY (bound: it is the binding's). T. find:
 * inside a read section; 0, -ENOENT (no such ID, or no pointer), -EACCES, -EBUSY (dying). X.
 */
must_check int ioasid_data_set(struct ioasid_core *core, ioasid_t id, void *data);
must_check int ioasid_data_take(struct ioasid_core *core, ioasid_t id, void **old);
must_check int ioasid_data_find(struct ioasid_set *set, ioasid_t id, void **data);

/*
 * Set-private alias of an ID, 0 .. 2^20-1, unique in the set, at most one per ID. attach: 0, -ENOENT,
 * -EINVAL, -EEXIST (in use in the set), -EBUSY (the ID has one, or is dying), -ENOMEM. detach: 0, -ENOENT,
 * -EBUSY (a binding has brought it, and takes it away). find: 0, -ENOENT, -EBUSY (`get` asked for and dying),
 * -EOVERFLOW. X.
 */
must_check int ioasid_spid_attach(struct ioasid_core *core, ioasid_t id, uint32_t spid);
must_check int ioasid_spid_detach(struct ioasid_core *core, ioasid_t id);
must_check int ioasid_spid_find(struct ioasid_set *set, uint32_t spid, bool get, ioasid_t *id);

/*
 * Checks the invariants that the core can see (V2-V7) and that nothing is live but what `live_expected` says.
 * 0, or -EINVAL with the first violation in words. T.
 */
must_check int ioasid_audit(struct ioasid_core *core, uint32_t live_expected, char *text, size_t size);

#endif
