/* SPDX-License-Identifier: BSD-2-Clause */
/* Between order_run.c, which plays steps, and order_view.c, which looks at what came of them. Nobody else
 * includes it. */
#ifndef TESTS_SUITES_ORDER_VIEW_H
#define TESTS_SUITES_ORDER_VIEW_H

#include "tests/suites/order_run.h"

/* What a step is compared with: the machine's answer, and devices with an entry before and after, one bit
 * each. */
struct order_wanted {
    struct spec_answer answer;
    unsigned before;
    unsigned after;
};

/* The owner's records since the last step are those that are owed, and entries were there when they should
 * be. */
bool order_events_right(const struct order_run *run, const struct order_wanted *want);
/* Devices that have an entry in slot 0 or in that of a number of this sequence, one bit each: struct owner's
 * `watch`. */
unsigned order_presence(struct owner *o);
/* References, entries, reach, domain ids as they are; result and events are left alone. */
void order_look(struct order_run *run, struct order_view *v);
/* Are they as the machine's state wants them? */
bool order_agrees(const struct order_run *run, const struct order_view *v);
/* A new life has the lowest number that no other one has; pending ones keep theirs (rows 42, 43). */
bool order_number_right(const struct order_run *run, unsigned id);

#endif
