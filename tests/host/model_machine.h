/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Strict units (tests/model) on the bus of the simulated machine: their registers, their sight of memory,
 * time, interrupts.
 */
#ifndef TESTS_HOST_MODEL_MACHINE_H
#define TESTS_HOST_MODEL_MACHINE_H

#include "tests/host/host.h"
#include "tests/model/model.h"

/*
 * "model": a client's and a server's unit. "model-<preset>": two of a kind; ":<seed>" behind either makes
 * other choices. The first unit comes as firmware may leave it.
 */
bool model_machine_is(const char *profile);
/* Units at `base`[n]. 0, -EINVAL: no such preset. */
must_check int model_machine_create(const char *profile, const uint64_t *base, unsigned count);
/* Bits of the host address width that these units have in common. */
unsigned model_machine_haw(void);
/* Every unit remaps interrupts. */
bool model_machine_remaps(void);
/* NULL: the machine has no strict units, or not so many. */
struct model *model_machine_unit(unsigned n);

/* A call into a model that is not made through its registers, e.g. a request of a device, stands between
 * these: interrupts that it sends are delivered at the end. */
void model_machine_enter(void);
void model_machine_leave(void);

/* Called whenever time has passed, at ticks and barriers. */
void model_machine_on_time(void (*fn)(void));

/* model_firmware.c: firmware has used the unit before, and blocked the requester `rid`. */
void model_firmware_ran(struct model *m, uint16_t rid);

/* Next breach that no one has been told of; NULL: none. */
const char *model_machine_breach(void);

#endif
