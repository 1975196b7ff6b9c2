/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fixture of the suites about orderings: an owner, up to three devices, and a sequence of steps. After each
 * step the result code, the events that arrived and what every device can really reach are compared with the
 * table.
 */
#ifndef TESTS_SUITES_PLAY_H
#define TESTS_SUITES_PLAY_H

#include "tests/actors/owner.h"
#include "tests/dev/dma_dev.h"
#include "tests/harness/harness.h"

#define PLAY_LANES (T_BIT(T_LANE_RID) | T_BIT(T_LANE_RID_PASID))

struct play {
    struct t *t;
    struct owner owner;
    struct dma_dev *dma[OWNER_DEVS];
    unsigned devs;
};

struct play_step {
    enum owner_op op;
    unsigned id;  /* 0 .. OWNER_IDS-1 */
    unsigned dev; /* BIND and UNBIND */
    int want;     /* result */
    /* As owner_events() writes them; NULL: not looked at. */
    const char *events;
    /*
     * One character per device: '0', '1', '2' writes the page of that id at OWNER_IOVA; '-' changes no page
     * of any id, and in lane rid_pasid not even when its requests are made to go by the numbers of the case,
     * one by one; '?' is not looked at. NULL: none is.
     */
    const char *reach;
};

/* The table that every IOASID of a case gets: of the stage of the unit that serves this device. */
struct pgtable_cfg play_table_cfg(struct t *t, struct dma_dev *dma);

/* Owner, listeners, `devs` devices attached that share no requester id. Skips the case if there are fewer. */
void play_open(struct t *t, struct play *p, unsigned devs);
/* The same with bindings of the host's own. */
void play_open_native(struct t *t, struct play *p, unsigned devs);
/* The same with these devices. */
void play_open_with(struct t *t, struct play *p, struct dma_dev *const *dma, unsigned devs);
/* The steps in order. A step that fails is named, and the rest of the steps is not played. */
void play_steps(struct play *p, const struct play_step *steps, unsigned count);
/* The slot by which a device reaches an id: 0, or the number of the id in lane rid_pasid. */
uint32_t play_slot(const struct play *p, unsigned id);
/* What every device reaches now, as in struct play_step. */
void play_reach(struct play *p, const char *reach);
/* The events since the last look, as in struct play_step. */
void play_events(struct play *p, const char *events);
/* Ends whatever is still bound or alive, and checks that nothing is left. */
void play_close(struct play *p);

/*
 * Events of a first bind, a last unbind, and a free with and without bindings, with the listeners of owner.h
 * in the order in which they are told. K is told of a FREE as the UNBIND that it asked for.
 */
#define BIND_EVENT   "BIND:IDKC"
#define UNBIND_EVENT "UNBIND:CKDI"
#define FREE_BOUND   "FREE:C UNBIND:K FREE:DI"
#define FREE_UNBOUND "FREE:CDI"

/* Steps in front of a play that concerns the first device: the second one has id 2, and keeps it. */
#define NEIGHBOUR                                                                                            \
    {OWNER_ALLOC, 2, 0, 0, NULL, NULL},                                                                      \
    {                                                                                                        \
        OWNER_BIND, 2, 1, 0, NULL, "-2"                                                                      \
    }

/* One play with these steps. */
#define PLAY(t, devs, ...)                                                                                   \
    do {                                                                                                     \
        static const struct play_step steps_[] = {__VA_ARGS__};                                              \
        struct play p_;                                                                                      \
        play_open(t, &p_, devs);                                                                             \
        play_steps(&p_, steps_, ARRAY_SIZE(steps_));                                                         \
        play_close(&p_);                                                                                     \
    } while (0)

#endif
