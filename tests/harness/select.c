/* SPDX-License-Identifier: BSD-2-Clause */
/* Which cases the image has, which of them the arguments name, and with which lanes and engines they run. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/runner.h"

/* Bounds of the section that TEST() fills, from the linker. */
extern const struct t_case *const __start_pasidcheck_tests[];
extern const struct t_case *const __stop_pasidcheck_tests[];

static const char *const lane_names[T_LANE_COUNT] = {"rid", "rid_pasid", "pasid"};

const char *select_lane(enum t_lane lane)
{
    return lane_names[lane];
}

static int by_name(const void *a, const void *b)
{
    const struct t_case *x = *(const struct t_case *const *)a, *y = *(const struct t_case *const *)b;
    int order = strcmp(x->suite, y->suite);

    return order ? order : strcmp(x->name, y->name);
}

int select_all(const struct t_case ***cases, size_t *count)
{
    size_t n = (size_t)(__stop_pasidcheck_tests - __start_pasidcheck_tests);
    const struct t_case **all = malloc((n ? n : 1) * sizeof(*all));

    if (!all)
        return -ENOMEM;
    memcpy(all, __start_pasidcheck_tests, n * sizeof(*all));
    qsort(all, n, sizeof(*all), by_name);
    *cases = all;
    *count = n;
    return 0;
}

void select_name(const struct instance *inst, char *out, size_t size)
{
    if (inst->dma && !inst->skip[0])
        snprintf(out, size, "%s.%s/%s/%s", inst->c->suite, inst->c->name, select_lane(inst->lane),
                 dma_engine_name(inst->engine));
    else
        snprintf(out, size, "%s.%s", inst->c->suite, inst->c->name);
}

/* A glob may name a whole suite, a case, or one instance of it. */
static bool named(const char *globs, const struct instance *inst)
{
    char name[T_NAME_SIZE];

    select_name(inst, name, sizeof(name));
    if (args_glob_list(globs, name) || args_glob_list(globs, inst->c->suite))
        return true;
    snprintf(name, sizeof(name), "%s.%s", inst->c->suite, inst->c->name);
    return args_glob_list(globs, name);
}

static int add(struct runner *run, const struct instance *inst)
{
    unsigned n = run->instance_count;

    if ((run->args->only[0] && !named(run->args->only, inst)) || named(run->args->skip, inst))
        return 0;
    if ((inst->c->needs & NEED_ASKED) && !run->args->only[0])
        return 0;
    if ((n & (n - 1)) == 0) {
        struct instance *more = realloc(run->instances, (n ? 2 * n : 1) * sizeof(*more));

        if (!more)
            return -ENOMEM;
        run->instances = more;
    }
    run->instances[run->instance_count++] = *inst;
    return 0;
}

/* Engines that have run a case in a lane: those that move anything, and those that move records. */
struct ran {
    unsigned full, records;
};

/*
 * Others have run the case in this lane, and this one would show nothing else. Records are what boards can
 * move: where nothing moves more every engine runs all cases, beside one that does one of them is enough.
 */
static bool repeats(const struct t_case *c, const struct dma_dev *dev, const struct ran *ran)
{
    if (c->each_engine || dev->device_tlb)
        return false;
    if (c->one_engine && ran->full + ran->records)
        return true;
    return dev->record_len && ran->full && ran->records;
}

/* Why a case has no engine, where none says so itself. */
static void no_engine(const struct t_case *c, char *out, size_t size)
{
    size_t len = (size_t)snprintf(out, size, "no ");

    for (unsigned e = 0; e < DMA_ENGINE_COUNT && len < size; e++) {
        if (c->engines & T_BIT(e))
            len += (size_t)snprintf(out + len, size - len, "%s%s", len > 3 ? " or " : "", dma_engine_name(e));
    }
    if (!c->engines)
        snprintf(out, size, "no DMA engine");
}

/* One instance per usable pair; a single skipped one, with the first obstacle as reason, when there is none.
 */
static int add_dma(struct runner *run, struct instance *inst)
{
    unsigned usable = 0;

    inst->dma = true;
    for (unsigned lane = 0; lane < T_LANE_COUNT; lane++) {
        struct ran ran = {0};

        for (unsigned engine = 0; engine < DMA_ENGINE_COUNT; engine++) {
            const struct dma_dev *dev = dma_dev_get(engine, 0);
            char why[T_SKIP_SIZE];
            int err;

            inst->lane = lane;
            inst->engine = engine;
            if (needs_engine_unmet(inst->c, engine, why, sizeof(why)) ||
                needs_lane_unmet(inst->c, lane, engine, why, sizeof(why))) {
                if (!inst->skip[0] && why[0])
                    snprintf(inst->skip, sizeof(inst->skip), "%s", why);
                continue;
            }
            usable++;
            if (repeats(inst->c, dev, &ran))
                continue;
            *(dev->record_len ? &ran.records : &ran.full) += 1;
            struct instance one = *inst;

            one.skip[0] = 0;
            err = add(run, &one);
            if (err)
                return err;
        }
    }
    if (usable)
        return 0;
    if (!inst->skip[0])
        no_engine(inst->c, inst->skip, sizeof(inst->skip));
    return add(run, inst);
}

int select_instances(struct runner *run)
{
    for (size_t i = 0; i < run->case_count; i++) {
        struct instance inst = {.c = run->cases[i]};
        bool unmet = needs_unmet(run, inst.c, inst.skip, sizeof(inst.skip));
        int err = !unmet && (inst.c->needs & NEED_DMA) ? add_dma(run, &inst) : add(run, &inst);

        if (err)
            return err;
    }
    return 0;
}
