/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sets of IOASIDs: one owner, one quota, one name space of SPIDs, one dispatcher of events. Of ioasid.h.
 *
 * A handle of a set is only compared and never looked into: once its set is destroyed every call says
 * -ESTALE, and says so for ever, since no later set gets the same handle. No set (NULL) and any set
 * (IOASID_ANY_SET) are two things, and neither is a set: where one is needed both are -EINVAL.
 *
 * Capacity: all numbers but 0. Each set's quota is taken out of it when the set is created, so whoever has a
 * quota gets his numbers; the system set uses what is left, one by one (V6: quotas, what the system set uses,
 * what is reserved and what is available add up to the capacity).
 */
#ifndef IOMMU_IOASID_SET_H
#define IOMMU_IOASID_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/lib/compiler.h"

struct ioasid_core;
struct ioasid_set; /* never completed: see above */

#define IOASID_ANY_SET ((struct ioasid_set *)1)

/* What the token of a set is. A token is unique among the sets of its type until its set is destroyed. */
enum ioasid_token_type {
    IOASID_TOKEN_NONE, /* none: NULL, as often as you like */
    IOASID_TOKEN_MM,   /* an address space, not NULL */
};

/* What ioasid_set_info tells; exact at that moment. */
struct ioasid_set_info {
    uint32_t quota;
    uint32_t live;    /* counted against the quota: not yet reclaimed, pending ones included */
    uint32_t pending; /* freed, references remain */
    bool dying;       /* destroyed, and draining */
};

/*
 * A new set with `quota` numbers. 0, -EINVAL (unknown type, token does not fit the type, quota 0), -EEXIST
 * (the token's last set is there, or draining), -ENOSPC (less than that is available, or a million sets were
 * there before), -ENOMEM. T.
 */
must_check int ioasid_set_create(struct ioasid_core *core, enum ioasid_token_type type, const void *token,
                                 uint32_t quota, struct ioasid_set **set);

/*
 * A new quota; what counts is the difference. 0, -EINVAL (0, below what is live, or the system set), -ENOSPC
 * (more than is available), -ESTALE (destroyed or draining). X.
 */
must_check int ioasid_set_adjust(struct ioasid_set *set, uint32_t quota);

/*
 * Frees every ID and ends the set. 0: it is gone, nobody used an ID. -EINPROGRESS: FREE is on its way to the
 * users of some; until their last put the set drains: its IDs may still be named by it (put, unbind, find say
 * what they say of dying IDs), alloc says -ESTALE. -EALREADY: second call. -EBUSY: an ID is bound natively,
 * and nothing was done. -EINVAL: no set, or the system set. T.
 */
must_check int ioasid_set_destroy(struct ioasid_set *set);

/*
 * Frees every ID of the set, which stays. 0: none is left. -EINPROGRESS: some had users, FREE is on its way
 * to them or was before. -EBUSY: what is bound natively was left alone. -EINVAL, -ESTALE (destroyed). T.
 */
must_check int ioasid_free_all(struct ioasid_set *set);

/* 0, -EINVAL, -ESTALE (destroyed; a draining set still answers). X. */
must_check int ioasid_set_info(struct ioasid_set *set, struct ioasid_set_info *out);

/*
 * Takes `count` numbers out of what is available for quotas, for somebody outside; and gives them back.
 * reserve: 0, -EINVAL (0), -ENOSPC. cancel: 0, -EINVAL (0, or more than are reserved). X.
 */
must_check int ioasid_capacity_reserve(struct ioasid_core *core, uint32_t count);
must_check int ioasid_capacity_cancel(struct ioasid_core *core, uint32_t count);

#endif
