/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Custom allocators that come and go while their functions run on other CPUs: an allocator that has
 * unregistered is not called any more, nor is a call still under way, so that its memory may be taken back.
 */
#include "tests/suites/race.h"

#define ROUNDS  100u
#define TRIES   40u   /* of each racer in a round */
#define NUMBERS 4096u /* of the space that the allocators share */

/* An allocator with a life of its own; all serve one space. */
struct server {
    struct ioasid_allocator a;
    bool gone;     /* unregistered: its memory could be somebody else's; atomic */
    unsigned late; /* calls that came or were under way nevertheless; atomic */
    unsigned calls;
};

struct shop {
    struct ioasid_core *core;
    struct server servers[2];
    unsigned served, odd; /* atomic */
};

static bool taken[NUMBERS]; /* atomic */

static void look(struct server *s)
{
    if (__atomic_load_n(&s->gone, __ATOMIC_ACQUIRE))
        race_count(&s->late);
}

/* A call that lasts, and looks at its memory when it comes and when it leaves. */
static void serve(struct ioasid_allocator *a)
{
    struct server *s = container_of(a, struct server, a);

    look(s);
    race_count(&s->calls);
    for (unsigned i = 0; i < 8; i++)
        env_thread_pause();
    look(s);
}

static int serve_alloc(struct ioasid_allocator *a, uint32_t min, uint32_t max, uint32_t *number)
{
    serve(a);
    for (uint32_t n = min; n < NUMBERS && n <= max; n++) {
        if (__atomic_exchange_n(&taken[n], true, __ATOMIC_ACQ_REL))
            continue;
        *number = n;
        return 0;
    }
    return -ENOSPC;
}

static int serve_free(struct ioasid_allocator *a, uint32_t number)
{
    serve(a);
    __atomic_store_n(&taken[number], false, __ATOMIC_RELEASE);
    return 0;
}

static const struct ioasid_allocator_ops serving = {serve_alloc, serve_free};

static int buy(struct racer *r)
{
    struct shop *x = r->arg;

    for (unsigned i = 0; i < TRIES; i++) {
        ioasid_t id;
        int rc = ioasid_alloc(ioasid_system_set(x->core), 1, IOASID_NUMBERS - 1, &id);

        if (rc == 0)
            rc = ioasid_free(ioasid_system_set(x->core), id);
        race_count(rc == 0 ? &x->served : &x->odd);
        race_pause(r, 4);
    }
    return 0;
}

/* The first one to serve leaves and comes back, behind the other one then. */
static int leave(struct racer *r)
{
    struct shop *x = r->arg;

    for (unsigned i = 0; i < TRIES; i++) {
        struct server *s = &x->servers[i % 2];

        race_pause(r, 8);
        if (ioasid_allocator_unregister(x->core, &s->a)) {
            race_count(&x->odd);
            continue;
        }
        __atomic_store_n(&s->gone, true, __ATOMIC_RELEASE);
        race_pause(r, 8);
        __atomic_store_n(&s->gone, false, __ATOMIC_RELEASE);
        if (ioasid_allocator_register(x->core, &s->a))
            race_count(&x->odd);
    }
    return 0;
}

static void open_shop(struct t *t, struct shop *x)
{
    *x = (struct shop){.core = t->iommu->ioasids};
    for (unsigned i = 0; i < NUMBERS; i++)
        taken[i] = i == 0;
    for (unsigned i = 0; i < 2; i++) {
        x->servers[i].a = (struct ioasid_allocator){.ops = &serving, .name = "server"};
        T_ASSERT_OK(t, ioasid_allocator_register(x->core, &x->servers[i].a));
    }
}

TEST(
    race, allocator_leaves, .needs = NEED_IOMMU | NEED_CPUS_2, .timeout_ms = 60000, .rows = "59",
    .doc =
        "allocators leave and come back while IDs are allocated and freed: none is called, nor still inside, "
        "once it has left")
{
    static struct shop x;
    struct race race;

    open_shop(t, &x);
    race_open(t, &race, 4);
    for (unsigned i = 0; i < race.count; i++)
        race_set(&race, i, i == 0 ? leave : buy, &x);
    while (race_until(&race, ROUNDS, x.servers[0].calls && x.servers[1].calls)) {
        race_round(&race);
        t_settle(t);
        T_ASSERT_EQ(t, x.odd, 0u);
        race_audit(t, 0);
    }
    race_close(&race);
    T_EXPECT_GT(t, x.served, 0u);
    for (unsigned i = 0; i < 2; i++) {
        T_EXPECT_EQ(t, x.servers[i].late, 0u);
        T_EXPECT_OK(t, ioasid_allocator_unregister(x.core, &x.servers[i].a));
    }
}
