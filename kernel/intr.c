/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of interrupt sources, and who may say what they send. */
#include "kernel/intr.h"

#include <errno.h>

#include "kernel/apic.h"
#include "kernel/log.h"

static struct list sources = LIST_INIT(sources);
static plat_intr_route *router;
static void *router_arg;
static bool held;

static struct intr_source *source_of(struct list *pos)
{
    return list_entry(pos, struct intr_source, link);
}

static int let_out(struct intr_source *s)
{
    struct plat_intr_form form = s->own;
    int err = router ? router(router_arg, &s->intr, &form) : 0;

    if (err && err != -ENODEV)
        return err;
    return s->program(s, err ? &s->own : &form);
}

bool intr_source_used(const struct intr_source *source)
{
    return source->link.next && !list_empty(&source->link);
}

int intr_source_add(struct intr_source *source)
{
    int err = held ? 0 : let_out(source);

    if (!err)
        list_add_tail(&sources, &source->link);
    return err;
}

void intr_source_remove(struct intr_source *source)
{
    if (source->program(source, NULL))
        log_line(LOG_WARN, "intr: a source of vector 0x%x does not fall silent", source->intr.vector);
    if (router && router(router_arg, &source->intr, NULL))
        log_line(LOG_WARN, "intr: the entry of vector 0x%x stays", source->intr.vector);
    list_del(&source->link);
}

/* ---- The seam ---- */

bool plat_x2apic(void)
{
    return apic_is_x2();
}

void plat_intr_hold(void)
{
    held = true;
    list_for_each (pos, &sources) {
        if (source_of(pos)->program(source_of(pos), NULL))
            log_line(LOG_WARN, "intr: a source of vector 0x%x does not fall silent",
                     source_of(pos)->intr.vector);
    }
}

void plat_intr_resume(plat_intr_route *route, void *arg)
{
    held = false;
    router = route;
    router_arg = arg;
    list_for_each (pos, &sources) {
        int err = let_out(source_of(pos));

        if (err)
            log_line(LOG_ERROR, "intr: the source of vector 0x%x stays silent: error %d",
                     source_of(pos)->intr.vector, err);
    }
}
