/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fixture of the suites about actors: a guest whose work goes all the way. It names an IOASID by its own
 * number; the CPU side translates that in its table and writes a descriptor to the device side's portal; the
 * device side's engine does the DMA. An owner (play.h) allocates, binds, unbinds and frees. Its recording
 * listeners are registered before the actors, so at one level they are told first.
 */
#ifndef TESTS_SUITES_GUEST_H
#define TESTS_SUITES_GUEST_H

#include "tests/actors/cpu.h"
#include "tests/actors/worker.h"
#include "tests/suites/play.h"

#define GUEST_CPUS 3

/* The guest's numbers of ids 0, 1 and 2: they differ in bit 19 alone, and in all three parts. */
#define GUEST_SPIDS                                                                                          \
    {                                                                                                        \
        0x12345u, 0x92345u, 0x0abcdu                                                                         \
    }

struct guest {
    struct t *t;
    struct play p;
    struct cpu cpus[GUEST_CPUS];
    unsigned cpu_count;
    struct worker workers[OWNER_DEVS];
    uint32_t len;                        /* of every transfer */
    uint8_t sent[OWNER_DEVS][PAGE_SIZE]; /* what the engine writes, once loaded */
    bool loaded[OWNER_DEVS];
};

/* What a tear-down found and left, by guest_watch(). */
struct guest_end {
    bool seen;      /* the listener behind the driver's own was told */
    bool landed;    /* what was started had reached memory by then */
    bool unchanged; /* memory stayed as it was then */
    int submitted;  /* result of a submission tried then: the CPU side had let go long before */
};

/*
 * An owner, `devs` devices with a device side each at `level`, and `cpus` CPU sides, which listen to BIND and
 * UNBIND. The guest's numbers are GUEST_SPIDS.
 */
void guest_open(struct t *t, struct guest *g, unsigned cpus, unsigned devs, enum ioasid_level level);
/* The device side of one device, which guest_open does for all. */
void guest_open_worker(struct guest *g, unsigned dev, enum ioasid_level level);
/* Ends the device sides, the CPU sides and the owner, and checks that nothing is left. */
void guest_close(struct guest *g);

/* Allocates `id`, binds the device to it, and programs the device's queue with it. */
void guest_start(struct guest *g, unsigned id, unsigned dev);
/* The owner's call, its result checked, and what follows from it done. */
void guest_do(struct guest *g, enum owner_op op, unsigned id, unsigned dev, int want);

/* One transfer into the page of `id`: as cpu_submit. */
must_check int guest_submit(struct guest *g, unsigned cpu, unsigned id, unsigned dev);
/* A submission by the guest's number of `id` arrives in the page of `id` and nowhere else. This and the next
 * one forget the faults before them. */
void guest_reaches(struct guest *g, unsigned cpu, unsigned id, unsigned dev);
/* A submission by the guest's number of `id` is a fault to the submitter, and no request is on the bus. */
void guest_misses(struct guest *g, unsigned cpu, unsigned id, unsigned dev);

/* Three transfers into the page of `id` are accepted, the first is started. */
void guest_take_off(struct guest *g, unsigned id, unsigned dev);
/*
 * From here on the listener behind the driver's own looks at the page of `id` when `type` reaches it, and
 * lets the device side go on with whatever is in its queue still.
 */
void guest_watch(struct guest *g, enum ioasid_event_type type, unsigned id, unsigned dev);
/* Waits for what is still on its way; what guest_watch saw. */
struct guest_end guest_ended(struct guest *g);

#endif
