/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine of order_spec.h. One function per call; the comments name the row of the ordering table that
 * the line is from.
 */
#include "tests/suites/order_spec.h"

#include <errno.h>

#define USERS_MAX 250

static const char *const names[SPEC_CALLS] = {"alloc", "get", "put", "bind", "unbind", "free"};

const char *spec_call_name(unsigned call)
{
    return call < SPEC_CALLS ? names[call] : "?";
}

bool spec_names_device(unsigned call)
{
    return call == SPEC_BIND || call == SPEC_UNBIND;
}

/* ---- What can be asked of a state ---- */

bool spec_alive(const struct spec *s, unsigned id)
{
    return s->ids[id].life == SPEC_LIVE || s->ids[id].life == SPEC_PENDING;
}

bool spec_reaches(const struct spec *s, unsigned dev, unsigned id)
{
    return s->ids[id].bound >> dev & 1;
}

/* The owner's until free, one for all bindings together, and the users'. */
int spec_refs(const struct spec *s, unsigned id)
{
    if (!spec_alive(s, id))
        return -ENOENT;
    return (s->ids[id].life == SPEC_LIVE) + (s->ids[id].bound != 0) + s->ids[id].users;
}

static unsigned reached_by(const struct spec *s, unsigned dev)
{
    unsigned n = 0;

    for (unsigned id = 0; id < SPEC_IDS; id++)
        n += spec_reaches(s, dev, id);
    return n;
}

/* ---- Calls: the result; `owed` is SPEC_QUIET unless they say otherwise ---- */

static int do_alloc(struct spec *s, unsigned id, enum spec_event *owed)
{
    s->ids[id].life = SPEC_LIVE; /* row 1 */
    s->ids[id].users = 0;
    s->ids[id].bound = 0;
    *owed = SPEC_TELL_ALLOC;
    return 0;
}

static int do_get(struct spec *s, unsigned id)
{
    if (!spec_alive(s, id))
        return -ENOENT;
    if (s->ids[id].life == SPEC_PENDING)
        return -EBUSY; /* row 32 */
    s->ids[id].users++;
    return 0;
}

static int do_put(struct spec *s, unsigned id)
{
    if (!spec_alive(s, id))
        return -ENOENT;
    if (s->ids[id].users == 0)
        return -EINVAL; /* row 34: the owner's and the binding's go by other calls */
    s->ids[id].users--;
    if (s->ids[id].life == SPEC_LIVE || s->ids[id].users > 0)
        return 0;
    s->ids[id].life = SPEC_GONE; /* row 33 */
    return 1;
}

static int do_bind(struct spec *s, const struct spec_rules *rules, unsigned id, unsigned dev,
                   enum spec_event *owed)
{
    if (!spec_alive(s, id))
        return -ENOENT; /* row 31 */
    if (s->ids[id].life == SPEC_PENDING)
        return -EBUSY; /* row 31 */
    if (spec_reaches(s, dev, id) || reached_by(s, dev) >= rules->reach_max)
        return -EBUSY; /* row 10 */
    if (s->ids[id].bound == 0)
        *owed = SPEC_TELL_BIND; /* row 8; a further device tells nobody, row 9 */
    s->ids[id].bound |= (uint8_t)(1 << dev);
    return 0;
}

static int do_unbind(struct spec *s, unsigned id, unsigned dev, enum spec_event *owed)
{
    if (!spec_reaches(s, dev, id))
        return -ENOENT; /* rows 19, 20, 28, 29 */
    s->ids[id].bound &= (uint8_t) ~(1 << dev);
    if (s->ids[id].bound == 0)
        *owed = SPEC_TELL_UNBIND; /* row 18; one of several tells nobody, row 16 */
    return 0;
}

static int do_free(struct spec *s, const struct spec_rules *rules, unsigned id, enum spec_event *owed)
{
    bool bound = s->ids[id].bound != 0;

    if (!spec_alive(s, id))
        return -ENOENT; /* row 25 */
    if (s->ids[id].life == SPEC_PENDING)
        return -EALREADY; /* row 24 */
    if (bound && rules->native)
        return -EBUSY;    /* flaw K4 */
    s->ids[id].bound = 0; /* row 23: whoever is told of it tears all bindings down */
    s->ids[id].life = s->ids[id].users ? SPEC_PENDING : SPEC_GONE;
    if (bound)
        *owed = SPEC_TELL_FREE_BOUND;
    else if (s->ids[id].users)
        *owed = SPEC_TELL_FREE;                    /* row 22 */
    return *owed == SPEC_QUIET ? 0 : -EINPROGRESS; /* row 21: nobody to tell */
}

bool spec_may(const struct spec *s, struct spec_op op)
{
    if (op.call == SPEC_ALLOC)
        return !spec_alive(s, op.id);
    return op.call != SPEC_GET || s->ids[op.id].users < USERS_MAX;
}

struct spec_answer spec_step(struct spec *s, const struct spec_rules *rules, struct spec_op op)
{
    struct spec_answer a = {.result = -EINVAL};
    enum spec_event *owed = &a.owed[op.id];

    switch (op.call) {
    case SPEC_ALLOC:
        a.result = do_alloc(s, op.id, owed);
        break;
    case SPEC_GET:
        a.result = do_get(s, op.id);
        break;
    case SPEC_PUT:
        a.result = do_put(s, op.id);
        break;
    case SPEC_BIND:
        a.result = do_bind(s, rules, op.id, op.dev, owed);
        break;
    case SPEC_UNBIND:
        a.result = do_unbind(s, op.id, op.dev, owed);
        break;
    case SPEC_FREE:
        a.result = do_free(s, rules, op.id, owed);
        break;
    default:
        break;
    }
    return a;
}

/* ---- Names ---- */

/* The number of a state when its IOASIDs and devices are named in the other order, or not. */
static uint64_t key_as(const struct spec *s, bool swap_ids, bool swap_devs)
{
    uint64_t key = 0;

    _Static_assert(SPEC_IDS == 2 && SPEC_DEVS == 2, "there are four ways to name them");
    for (unsigned n = 0; n < SPEC_IDS; n++) {
        unsigned id = swap_ids ? SPEC_IDS - 1 - n : n, bound = s->ids[id].bound;

        if (swap_devs)
            bound = (bound & 1) << 1 | bound >> 1;
        key = key << 24 | (uint64_t)s->ids[id].life << 16 | (uint64_t)s->ids[id].users << 8 | bound;
    }
    return key;
}

uint64_t spec_key(const struct spec *s)
{
    uint64_t least = key_as(s, false, false);

    for (unsigned way = 1; way < 4; way++) {
        uint64_t key = key_as(s, way & 1, way & 2);

        least = key < least ? key : least;
    }
    return least;
}

bool spec_first_use(struct spec_names *used, struct spec_op op)
{
    unsigned ids = op.id + 1u, devs = spec_names_device(op.call) ? op.dev + 1u : 0;

    if (ids > used->ids + 1 || devs > used->devs + 1)
        return false;
    used->ids = ids > used->ids ? ids : used->ids;
    used->devs = devs > used->devs ? devs : used->devs;
    return true;
}

struct spec_op spec_op(unsigned n)
{
    static const uint8_t plain[] = {SPEC_ALLOC, SPEC_GET, SPEC_PUT, SPEC_FREE};
    unsigned id = n % SPEC_IDS, rest = n / SPEC_IDS;
    struct spec_op op = {.id = (uint8_t)id};

    if (rest < 4) {
        op.call = plain[rest];
        return op;
    }
    op.call = rest - 4 < SPEC_DEVS ? SPEC_BIND : SPEC_UNBIND;
    op.dev = (uint8_t)((rest - 4) % SPEC_DEVS);
    return op;
}
