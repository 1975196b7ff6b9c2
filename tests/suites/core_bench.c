/* SPDX-License-Identifier: BSD-2-Clause */
/* Fixture of the suites about the IOASID core alone; see core_bench.h. */
#include "tests/suites/core_bench.h"

static void note(struct core_ear *ear, const struct ioasid_event *ev, bool quiesce)
{
    struct core_bench *b = ear->bench;
    unsigned n = __atomic_fetch_add(&b->note_count, 1, __ATOMIC_ACQ_REL);

    if (n < CORE_NOTES)
        b->notes[n] = (struct core_note){ear, *ev, quiesce, plat_locks_held()};
}

void core_quiesce(struct ioasid_notifier *nb, const struct ioasid_event *ev)
{
    note(container_of(nb, struct core_ear, nb), ev, true);
}

static int hear(struct ioasid_notifier *nb, const struct ioasid_event *ev)
{
    struct core_ear *ear = container_of(nb, struct core_ear, nb);

    note(ear, ev, false);
    __atomic_add_fetch(&ear->heard, 1, __ATOMIC_ACQ_REL);
    if (ear->act)
        ear->act(ear, ev);
    return ear->answer;
}

void core_open(struct t *t, struct core_bench *b, unsigned bits)
{
    *b = (struct core_bench){.t = t, .last = (1u << bits) - 1};
    T_ASSERT_OK(t, ioasid_core_create(bits, &b->core));
    b->system = ioasid_system_set(b->core);
}

void core_settle(struct core_bench *b)
{
    T_ASSERT_OK(b->t, plat_idle_wait(CORE_SETTLE_NS));
}

void core_audit(struct core_bench *b, uint32_t live)
{
    char text[160] = "";

    if (!T_EXPECT_OK(b->t, ioasid_audit(b->core, live, text, sizeof(text))))
        t_note(b->t, "%s", text);
}

void core_close(struct core_bench *b)
{
    core_settle(b);
    core_audit(b, 0);
    for (unsigned i = 0; i < CORE_EARS; i++) {
        if (b->ears[i].registered)
            core_deafen(&b->ears[i]);
    }
    T_ASSERT_OK(b->t, ioasid_core_destroy(b->core));
}

struct ioasid_set *core_set(struct core_bench *b, uint32_t quota)
{
    struct ioasid_set *set = NULL;

    T_ASSERT_OK(b->t, ioasid_set_create(b->core, IOASID_TOKEN_NONE, NULL, quota, &set));
    return set;
}

ioasid_t core_alloc(struct core_bench *b, struct ioasid_set *set)
{
    ioasid_t id = IOASID_INVALID;

    T_ASSERT_OK(b->t, ioasid_alloc(set, 1, b->last, &id));
    return id;
}

ioasid_t core_alloc_used(struct core_bench *b, struct ioasid_set *set)
{
    ioasid_t id = core_alloc(b, set);

    T_ASSERT_OK(b->t, ioasid_get(set, id));
    return id;
}

struct ioasid_stats core_stats(struct core_bench *b)
{
    struct ioasid_stats stats;

    ioasid_stats(b->core, &stats);
    return stats;
}

struct ioasid_set_info core_info(struct core_bench *b, struct ioasid_set *set)
{
    struct ioasid_set_info info = {0};

    T_ASSERT_OK(b->t, ioasid_set_info(set, &info));
    return info;
}

struct core_ear *core_ear(struct core_bench *b, unsigned n, enum ioasid_level level, unsigned events)
{
    struct core_ear *ear = &b->ears[n];

    *ear = (struct core_ear){.bench = b};
    ear->nb.handler = hear;
    ear->nb.level = level;
    ear->nb.events = events;
    ear->nb.name = "ear";
    return ear;
}

struct core_ear *core_listen(struct core_bench *b, unsigned n, struct ioasid_set *scope,
                             enum ioasid_level level, unsigned events)
{
    struct core_ear *ear = core_ear(b, n, level, events);

    T_ASSERT_OK(b->t, ioasid_notifier_register(b->core, scope, &ear->nb));
    ear->registered = true;
    return ear;
}

void core_deafen(struct core_ear *ear)
{
    T_EXPECT_OK(ear->bench->t, ioasid_notifier_unregister(ear->bench->core, &ear->nb));
    ear->registered = false;
}
