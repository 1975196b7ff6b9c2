/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who is told what happens to an IOASID, and in which order.
 *
 * Tear-down (UNBIND, FREE) runs CPU, DEVICE, IOMMU: no new submissions, queued work drained, then the entry
 * goes. Set-up (BIND) runs the other way. Handlers are called in thread context with no lock held and may
 * call every function of ioasid.h and svm.h; they have all they need in the event and need not look anything
 * up.
 */
#ifndef IOMMU_NOTIFIER_H
#define IOMMU_NOTIFIER_H

#include "iommu/ioasid_set.h"
#include "iommu/platform.h"
#include "iommu/types.h"

enum ioasid_event_type {
    IOASID_EVENT_ALLOC = 1,
    IOASID_EVENT_BIND = 2,
    IOASID_EVENT_UNBIND = 4,
    IOASID_EVENT_FREE = 8,
};
#define IOASID_EVENT_ALL 15u

enum ioasid_level { IOASID_LEVEL_CPU, IOASID_LEVEL_DEVICE, IOASID_LEVEL_IOMMU };
#define IOASID_LEVELS 3

/* All fields are filled for every event and stay valid until the last handler has returned. */
struct ioasid_event {
    enum ioasid_event_type type;
    ioasid_t id;
    uint32_t spid; /* IOASID_NO_SPID when none is attached */
    struct ioasid_set *set;
    const void *token; /* the set's */
    void *data;        /* private pointer of the IOMMU driver */
    uint64_t sequence; /* rises with every event of this core */
};

struct ioasid_notifier;

/*
 * 0 or a negative errno. On BIND an error makes the bind fail. On UNBIND and FREE the chain goes on, since
 * tear-down has to reach everybody, and the ID is counted as failed (ioasid_stats) until it is reclaimed:
 * which it is not while the handler keeps its reference. On ALLOC it is counted as refused only.
 */
typedef int ioasid_handler(struct ioasid_notifier *nb, const struct ioasid_event *event);

struct ioasid_notifier {
    ioasid_handler *handler;
    /*
     * Before the first handler of an UNBIND or FREE that this one will be told of, in the context of the call
     * that caused it: stops what can be stopped at once. May not block. X. May be NULL. After a free that
     * comes while BIND is delivered the event is missing if that BIND is then refused.
     */
    void (*quiesce)(struct ioasid_notifier *nb, const struct ioasid_event *event);
    /* After an UNBIND or FREE that this one was told of, when every level has seen it, before the core lets
     * go of the ID. May be NULL. */
    void (*done)(struct ioasid_notifier *nb, const struct ioasid_event *event);
    enum ioasid_level level;
    unsigned events; /* IOASID_EVENT_* wanted */
    const char *name;

    /* Of the core, under its lock. */
    struct list link;
    struct ioasid_set *scope; /* a set, IOASID_ANY_SET, or NULL: whatever set has the token */
    enum ioasid_token_type token_type;
    const void *token;
    uint64_t since; /* sequence at registration: earlier events are not for this one */
    unsigned running;
    bool leaving;
};

/*
 * Registers `nb` for the events of one set, or of every set (IOASID_ANY_SET). An event already under way is
 * not delivered. 0, -EINVAL (no set, no handler, no events, unknown level), -ESTALE (set destroyed or
 * draining), -EEXIST (registered already), -EBUSY (IDs are live in the scope: their history would be
 * missing). Outlives the set: then it hears nothing more. T.
 */
must_check int ioasid_notifier_register(struct ioasid_core *core, struct ioasid_set *scope,
                                        struct ioasid_notifier *nb);

/*
 * Registers `nb` for the events of whatever set has this token: the one that is there, if it has no live IDs,
 * and each one that is created later, from its first ALLOC on. 0, -EINVAL (also: a type without tokens),
 * -EEXIST, -EBUSY, as above. T.
 */
must_check int ioasid_notifier_register_token(struct ioasid_core *core, enum ioasid_token_type type,
                                              const void *token, struct ioasid_notifier *nb);

/*
 * Takes `nb` out and returns only when none of its handlers is running; its memory is the caller's again. 0,
 * -ENOENT, -EDEADLK (called from a handler of `nb` itself). T.
 */
must_check int ioasid_notifier_unregister(struct ioasid_core *core, struct ioasid_notifier *nb);

#endif
