/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver beside the abstract machine: an owner of IOASIDs and two devices are asked for a step, the
 * machine of order_spec.h is asked for the same, and everything that can be seen is compared: result, events
 * in their order, numbers, references, entries in memory, and what each device reaches. Knows no harness: it
 * serves cases and programs alike.
 */
#ifndef TESTS_SUITES_ORDER_RUN_H
#define TESTS_SUITES_ORDER_RUN_H

#include "tests/actors/owner.h"
#include "tests/suites/order_spec.h"

/* Steps of one sequence. */
#define ORDER_STEPS 64

struct order_dev {
    struct pci_id id;
    const uint16_t *rids;
    unsigned rid_count;
};

struct order_cfg {
    struct owner_cfg owner; /* `listen` is set, and `native` from `rules` */
    struct spec_rules rules;
    struct order_dev devs[SPEC_DEVS];
};

/* What was found after a step, or what should have been. One character per device: the IOASID, '-' for none,
 * '!' for anything else. */
struct order_view {
    int result;
    int refs[SPEC_IDS];
    char events[120];            /* as owner_events() writes them */
    char entries[SPEC_DEVS + 1]; /* of each device: an IOASID, '*' for both, '-' for none, '!' for what */
    char reach[SPEC_DEVS + 1];   /* belongs to none */
    bool tags;                   /* domain ids tell IOASIDs apart; not a matter of the machine */
};

struct order_run;

/* Plays steps from nothing. True: one of them fails, and run->steps end with it. */
typedef bool order_play(struct order_run *run, const struct spec_op *steps, unsigned count);

struct order_run {
    struct owner owner;
    struct spec_rules rules;
    uint64_t roots[SPEC_DEVS]; /* RTADDR of the device's unit */
    bool rid_pasid[SPEC_DEVS]; /* the unit uses the field of that name */

    /*
     * What the device reaches at OWNER_IOVA with the requests that a binding to `id` is for (in lane pasid
     * those with its number; else all requests are the same), found out by DMA: an IOASID as a character,
     * '-', '!'. NULL where nothing can do DMA; the tables in memory are walked in any case.
     */
    char (*dma)(struct order_run *run, unsigned dev, unsigned id);
    /*
     * After a failure that calls cannot clean up: a new driver, by force, and the run opened on it again,
     * with the same `rules`. False: it cannot be had. May be NULL.
     */
    bool (*renew)(struct order_run *run);
    /*
     * Plays steps so that a driver which stops itself has failed: true, `stopped` and `why` set. NULL: nobody
     * guards.
     */
    bool (*guard)(struct order_run *run, order_play *play, const struct spec_op *steps, unsigned count);
    void *ctx; /* of these three */

    struct spec spec;
    struct spec_op steps[ORDER_STEPS]; /* of the sequence under way */
    unsigned count;
    uint64_t played;   /* steps in all */
    uint64_t compared; /* of these, with all that can be seen */

    bool failed;  /* the last one of `steps` did not do what it should */
    bool stopped; /* the driver stopped itself there: nothing more can be asked of it */
    char why[160];
    struct order_view seen;
};

/* Owner, tables, two devices; nothing is alive. The errno of what could not be had, and nothing is left.
 * Thread. */
must_check int order_open(struct order_run *run, const struct order_cfg *cfg);
/* Gives all of it back, whatever is alive. What owner_close says. Thread. */
must_check int order_close(struct order_run *run);

/*
 * One step. False when it fails: then `why` and `seen` say what, and the run is good for order_sweep only.
 * `whole`: compare all that can be seen; else result and events alone. Thread.
 */
must_check bool order_step(struct order_run *run, struct spec_op op, bool whole);

/* Ends all lives, as the machine says it is done, and begins a new sequence. False: the driver says
 * otherwise. Thread.
 */
must_check bool order_rest(struct order_run *run);

/* Ends all lives by whatever it takes, `renew` included, after a failure. False: something stays. Thread. */
must_check bool order_sweep(struct order_run *run);

/* The owner's name of a call. */
enum owner_op order_owner_op(struct spec_op op);
/* What the machine expects to be seen after these steps; every one of them has to be one that may be asked
 * for. */
void order_expect(const struct spec_rules *rules, const struct spec_op *steps, unsigned count,
                  struct order_view *out);
/* May the steps be asked for in this order? */
bool order_possible(const struct spec_rules *rules, const struct spec_op *steps, unsigned count);

#endif
