/* SPDX-License-Identifier: BSD-2-Clause */
/* The fixture of race.h. */
#include "tests/suites/race.h"

#define ROUND_NS   20000000000ull
#define BUDGET_NS  3000000000ull
#define SEEN_NS    15000000000ull
#define ROUNDS_MIN 5u

/* Pauses before a racer acts, at most. */
#define DELAY_MAX 64u

/* Constants of the splitmix64 generator (Steele, Lea, Flood 2014). */
#define STEP  0x9e3779b97f4a7c15ull
#define MIX_1 0xbf58476d1ce4e5b9ull
#define MIX_2 0x94d049bb133111ebull

uint64_t race_rand(struct racer *r, uint64_t limit)
{
    uint64_t z = r->rng += STEP;

    z = (z ^ z >> 30) * MIX_1;
    z = (z ^ z >> 27) * MIX_2;
    return (z ^ z >> 31) % limit;
}

static void pause_times(uint64_t n)
{
    while (n--)
        env_thread_pause();
}

void race_pause(struct racer *r, unsigned most)
{
    pause_times(race_rand(r, most + 1));
}

/* ---- Rounds ---- */

struct turn {
    struct race *race;
    uint32_t round;
};

static bool may_start(void *arg)
{
    const struct turn *w = arg;

    return __atomic_load_n(&w->race->round, __ATOMIC_ACQUIRE) != w->round ||
           __atomic_load_n(&w->race->over, __ATOMIC_ACQUIRE);
}

static bool all_arrived(void *arg)
{
    struct race *race = arg;

    return __atomic_load_n(&race->arrived, __ATOMIC_ACQUIRE) == race->count;
}

static bool all_finished(void *arg)
{
    struct race *race = arg;

    return __atomic_load_n(&race->finished, __ATOMIC_ACQUIRE) == race->count;
}

/* Awake until all are: nobody comes late to the round. */
static void meet(struct race *race)
{
    uint64_t deadline = plat_now_ns() + ROUND_NS;

    while (!all_arrived(race) && plat_now_ns() < deadline)
        env_thread_pause();
}

static void run(void *arg)
{
    struct racer *r = arg;
    struct turn w = {r->race, 0};

    while (plat_wait(&r->race->start, may_start, &w, UINT64_MAX) == 0 &&
           !__atomic_load_n(&r->race->over, __ATOMIC_ACQUIRE)) {
        w.round++;
        __atomic_add_fetch(&r->race->arrived, 1, __ATOMIC_ACQ_REL);
        meet(r->race);
        pause_times(r->delay);
        r->result = r->act ? r->act(r) : 0;
        __atomic_add_fetch(&r->race->finished, 1, __ATOMIC_ACQ_REL);
        if (all_finished(r->race))
            plat_waitq_wake_all(&r->race->end);
    }
}

void race_open(struct t *t, struct race *race, unsigned most)
{
    *race = (struct race){.t = t, .began = plat_now_ns(), .count = env_cpus() < most ? env_cpus() : most};
    plat_waitq_init(&race->start);
    plat_waitq_init(&race->end);
    for (unsigned i = 0; i < race->count; i++) {
        struct racer *r = &race->racers[i];

        *r = (struct racer){.race = race, .index = i, .rng = t_rand64(t)};
        r->thread = env_thread_start(run, r, i);
        if (!r->thread)
            t_error(t, "no thread for CPU %u", i);
    }
}

void race_set(struct race *race, unsigned racer, int (*act)(struct racer *r), void *arg)
{
    race->racers[racer].act = act;
    race->racers[racer].arg = arg;
}

bool race_more(const struct race *race, unsigned most)
{
    return race->round < most && (race->round < ROUNDS_MIN || plat_now_ns() - race->began < BUDGET_NS);
}

bool race_until(const struct race *race, unsigned most, bool seen)
{
    return race_more(race, most) || (!seen && plat_now_ns() - race->began < SEEN_NS);
}

void race_round(struct race *race)
{
    for (unsigned i = 0; i < race->count; i++)
        race->racers[i].delay = (unsigned)t_rand_below(race->t, DELAY_MAX);
    env_thread_jitter(t_rand64(race->t) | 1);
    __atomic_store_n(&race->arrived, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&race->finished, 0, __ATOMIC_RELAXED);
    __atomic_add_fetch(&race->round, 1, __ATOMIC_RELEASE);
    plat_waitq_wake_all(&race->start);
    if (plat_wait(&race->end, all_finished, race, ROUND_NS))
        t_fail(race->t, "%u of %u racers came back", race->finished, race->count);
    env_thread_jitter(0);
}

void race_close(struct race *race)
{
    t_note(race->t, "%u rounds on %u CPUs", race->round, race->count);
    __atomic_store_n(&race->over, true, __ATOMIC_RELEASE);
    plat_waitq_wake_all(&race->start);
    for (unsigned i = 0; i < race->count; i++)
        T_EXPECT_OK(race->t, env_thread_join(race->racers[i].thread, ROUND_NS));
}

/* ---- A subscriber that counts ---- */

static int hear(struct ioasid_notifier *nb, const struct ioasid_event *ev)
{
    struct race_ear *ear = container_of(nb, struct race_ear, nb);

    __atomic_add_fetch(&ear->inside, 1, __ATOMIC_ACQ_REL);
    if (plat_locks_held())
        __atomic_add_fetch(&ear->locked, 1, __ATOMIC_RELAXED);
    pause_times(ear->pauses);
    __atomic_add_fetch(&ear->heard[__builtin_ctz(ev->type)], 1, __ATOMIC_RELAXED);
    __atomic_sub_fetch(&ear->inside, 1, __ATOMIC_ACQ_REL);
    return 0;
}

void race_ear_init(struct race_ear *ear, enum ioasid_level level, unsigned events)
{
    *ear = (struct race_ear){.nb = {.handler = hear, .level = level, .events = events, .name = "ear"}};
}

unsigned race_heard(const struct race_ear *ear, enum ioasid_event_type type)
{
    return __atomic_load_n(&ear->heard[__builtin_ctz(type)], __ATOMIC_RELAXED);
}

void race_ear_forget(struct race_ear *ear)
{
    for (unsigned i = 0; i < RACE_EVENT_TYPES; i++)
        ear->heard[i] = 0;
}

bool race_audit(struct t *t, uint32_t live)
{
    char text[160] = "";
    bool ok = T_EXPECT_OK(t, iommu_audit(t->iommu, live, text, sizeof(text)));

    if (!ok)
        t_note(t, "audit: %s", text);
    return ok;
}
