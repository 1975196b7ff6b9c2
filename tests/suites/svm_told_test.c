/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the subscribers of a binding are told, hook by hook: quiesce hooks in front of every tear-down, BIND
 * and UNBIND by turns whatever happens in between, and what becomes of an UNBIND that a handler fails.
 *
 * Each call is a word: level (C, D, I), quiesce hook, handler or done (q, h, d), event (B, U, F).
 */
#include <stdio.h>
#include <string.h>

#include "tests/suites/svm_bench.h"

#define LEVELS 3
#define WORDS  120

struct scene;

struct witness {
    struct ioasid_notifier nb;
    struct scene *scene;
    unsigned fails; /* events that its handler fails */
    int (*act)(struct scene *s, const struct ioasid_event *ev);
    enum ioasid_event_type act_on;
    int act_result;
};

static struct scene {
    struct svm_bench b;
    struct witness w[LEVELS];
    char words[WORDS];
    uint64_t last; /* sequence of the last event */
    ioasid_t id;
} scene;

static void say(struct witness *w, char kind, const struct ioasid_event *ev)
{
    const char word[] = {' ', "CDI"[w->nb.level], kind,
                         ev -> type == IOASID_EVENT_BIND         ? 'B'
                               : ev->type == IOASID_EVENT_UNBIND ? 'U'
                                                                 : 'F',
                         '\0'};
    struct scene *s = w->scene;
    size_t used = strlen(s->words);

    snprintf(s->words + used, WORDS - used, "%s", used ? word : word + 1);
}

static struct witness *witness_of(struct ioasid_notifier *nb)
{
    return container_of(nb, struct witness, nb);
}

static void quiesce(struct ioasid_notifier *nb, const struct ioasid_event *ev)
{
    say(witness_of(nb), 'q', ev);
}

static void done(struct ioasid_notifier *nb, const struct ioasid_event *ev)
{
    say(witness_of(nb), 'd', ev);
}

static int handle(struct ioasid_notifier *nb, const struct ioasid_event *ev)
{
    struct witness *w = witness_of(nb);

    say(w, 'h', ev);
    if (ev->type != IOASID_EVENT_BIND) /* an event of its own, after all that were before */
        T_EXPECT_GE(w->scene->b.t, ev->sequence, w->scene->last);
    w->scene->last = ev->sequence + (ev->type == IOASID_EVENT_BIND);
    if (w->act && ev->type == w->act_on)
        w->act_result = w->act(w->scene, ev);
    return w->fails & ev->type ? -EIO : 0;
}

/* Witnesses at the levels in `levels` ("CD"), and an ID. */
static struct scene *scene_open(struct t *t, unsigned devs, const char *levels, unsigned events)
{
    struct scene *s = &scene;

    *s = (struct scene){0};
    svm_open(t, &s->b, devs);
    for (unsigned i = 0; i < LEVELS; i++) {
        s->w[i] = (struct witness){.scene = s};
        s->w[i].nb = (struct ioasid_notifier){.handler = handle,
                                              .quiesce = quiesce,
                                              .done = done,
                                              .level = (enum ioasid_level)i,
                                              .events = events,
                                              .name = "witness"};
        if (strchr(levels, "CDI"[i]))
            T_ASSERT_OK(t, ioasid_notifier_register(s->b.core, IOASID_ANY_SET, &s->w[i].nb));
    }
    s->id = svm_alloc(&s->b);
    return s;
}

/* What was said since the last time. */
static void expect_words(struct scene *s, const char *want)
{
    t_settle(s->b.t);
    if (!T_EXPECT(s->b.t, strcmp(s->words, want) == 0))
        t_note(s->b.t, "said: %s, expected: %s", s->words, want);
    s->words[0] = '\0';
}

static void scene_close(struct scene *s, const char *levels)
{
    svm_expect_audit(&s->b, 0);
    for (unsigned i = 0; i < LEVELS; i++) {
        if (strchr(levels, "CDI"[i]))
            T_EXPECT_OK(s->b.t, ioasid_notifier_unregister(s->b.core, &s->w[i].nb));
    }
    svm_close(&s->b);
}

#define BINDINGS (IOASID_EVENT_BIND | IOASID_EVENT_UNBIND)

/* ---- Hooks, handlers, ends ---- */

TEST(told, refused_bind, .needs = SVM_NEEDS, .rows = "12", .flaws = "S14 S19",
     .doc = "a refused BIND is taken back by an UNBIND like any other: hooks first, an event of its own, and "
            "its end")
{
    struct scene *s = scene_open(t, 1, "CDI", BINDINGS);

    s->w[0].fails = IOASID_EVENT_BIND;
    T_EXPECT_ERR(t, svm_do_bind(&s->b, s->id, 0), -EIO);
    expect_words(s, "IhB DhB ChB DqU IqU DhU IhU DdU IdU");
    T_EXPECT(t, svm_zero(&s->b, 0));
    T_EXPECT_OK(t, ioasid_free(s->b.set, s->id));
    scene_close(s, "CDI");
}

static int free_it(struct scene *s, const struct ioasid_event *ev)
{
    return ioasid_free(s->b.set, ev->id);
}

TEST(told, free_in_bind, .needs = SVM_NEEDS, .rows = "36", .flaws = "S14 S15",
     .doc = "a free from a BIND handler: those who know only UNBIND have their hooks called before free "
            "returns, and their UNBIND ends as one")
{
    struct scene *s = scene_open(t, 1, "CD", BINDINGS);

    s->w[1].act = free_it;
    s->w[1].act_on = IOASID_EVENT_BIND;
    T_EXPECT_ERR(t, svm_do_bind(&s->b, s->id, 0), -EBUSY);
    T_EXPECT_ERR(t, s->w[1].act_result, -EINPROGRESS);
    expect_words(s, "DhB CqU DqU ChB ChU DhU CdU DdU");
    T_EXPECT(t, svm_zero(&s->b, 0));
    scene_close(s, "CD");
}

/* ---- By turns ---- */

static int bind_second(struct scene *s, const struct ioasid_event *ev)
{
    return svm_do_bind(&s->b, ev->id, 1);
}

TEST(told, bind_in_unbind, .needs = SVM_NEEDS, .rows = "18", .flaws = "S17 S4",
     .doc = "a bind of another device from a handler of the last UNBIND is -EBUSY: nobody would be told of "
            "it; afterwards it works, and is told")
{
    struct scene *s = scene_open(t, 2, "CD", BINDINGS);

    s->w[1].act = bind_second;
    s->w[1].act_on = IOASID_EVENT_UNBIND;
    T_ASSERT_OK(t, svm_do_bind(&s->b, s->id, 0));
    T_EXPECT_OK(t, svm_do_unbind(&s->b, s->id, 0));
    T_EXPECT_ERR(t, s->w[1].act_result, -EBUSY);
    expect_words(s, "DhB ChB CqU DqU ChU DhU CdU DdU");
    T_EXPECT_EQ(t, svm_presence(&s->b), 0u);
    s->w[1].act = NULL;
    T_EXPECT_OK(t, svm_do_bind(&s->b, s->id, 1));
    T_EXPECT_OK(t, svm_do_unbind(&s->b, s->id, 1));
    expect_words(s, "DhB ChB CqU DqU ChU DhU CdU DdU");
    T_EXPECT_OK(t, ioasid_free(s->b.set, s->id));
    scene_close(s, "CD");
}

TEST(told, bind_in_refused, .needs = SVM_NEEDS, .rows = "12", .flaws = "S17 S19",
     .doc = "the same from the UNBIND that takes a refused BIND back")
{
    struct scene *s = scene_open(t, 2, "CD", BINDINGS);

    s->w[0].fails = IOASID_EVENT_BIND;
    s->w[1].act = bind_second;
    s->w[1].act_on = IOASID_EVENT_UNBIND;
    T_EXPECT_ERR(t, svm_do_bind(&s->b, s->id, 0), -EIO);
    T_EXPECT_ERR(t, s->w[1].act_result, -EBUSY);
    expect_words(s, "DhB ChB DqU DhU DdU");
    T_EXPECT_EQ(t, svm_presence(&s->b), 0u);
    T_EXPECT_OK(t, ioasid_free(s->b.set, s->id));
    scene_close(s, "CD");
}

TEST(told, bind_in_bind, .needs = SVM_NEEDS, .rows = "9", .flaws = "S17 S4",
     .doc = "from a handler of BIND it works at once: one BIND for both devices, and one UNBIND after both")
{
    struct scene *s = scene_open(t, 2, "CD", BINDINGS);

    s->w[1].act = bind_second;
    s->w[1].act_on = IOASID_EVENT_BIND;
    T_EXPECT_OK(t, svm_do_bind(&s->b, s->id, 0));
    T_EXPECT_OK(t, s->w[1].act_result);
    T_EXPECT_EQ(t, svm_presence(&s->b), 3u);
    T_EXPECT_OK(t, svm_do_unbind(&s->b, s->id, 0));
    expect_words(s, "DhB ChB");
    T_EXPECT_OK(t, svm_do_unbind(&s->b, s->id, 1));
    expect_words(s, "CqU DqU ChU DhU CdU DdU");
    T_EXPECT_OK(t, ioasid_free(s->b.set, s->id));
    scene_close(s, "CD");
}

/* ---- An UNBIND that fails ---- */

TEST(told, failed_unbind, .needs = SVM_NEEDS, .rows = "18", .flaws = "S20 C6",
     .doc =
         "a handler fails UNBIND: all others are told, the entry goes, and the ID is counted as failed until "
         "it is reclaimed: at free, or when what the handler has kept comes back")
{
    struct scene *s = scene_open(t, 1, "CD", BINDINGS);
    struct ioasid_stats stats;

    for (unsigned round = 0; round < 2; round++) {
        bool kept = round;

        s->w[0].fails = IOASID_EVENT_UNBIND;
        T_ASSERT_OK(t, svm_do_bind(&s->b, s->id, 0));
        T_ASSERT_ERR(t, kept ? ioasid_get(s->b.set, s->id) : 0, 0);
        T_EXPECT_OK(t, svm_do_unbind(&s->b, s->id, 0));
        expect_words(s, "DhB ChB CqU DqU ChU DhU CdU DdU");
        T_EXPECT(t, svm_zero(&s->b, 0));
        ioasid_stats(s->b.core, &stats);
        T_EXPECT_EQ(t, stats.failed, 1u);
        T_EXPECT_ERR(t, ioasid_free(s->b.set, s->id), kept ? -EINPROGRESS : 0);
        ioasid_stats(s->b.core, &stats);
        T_EXPECT_EQ(t, stats.failed, kept ? 1u : 0u);
        t_settle(t);
        T_EXPECT_ERR(t, ioasid_put(s->b.set, s->id), kept ? 1 : -ENOENT);
        ioasid_stats(s->b.core, &stats);
        T_EXPECT_EQ(t, stats.failed, 0u);
        s->id = svm_alloc(&s->b);
    }
    T_EXPECT_OK(t, ioasid_free(s->b.set, s->id));
    scene_close(s, "CD");
}
