/* SPDX-License-Identifier: BSD-2-Clause */
/* Breaches of rules that the units wrote down, handed to the harness once each. */
#include "tests/harness/env.h"
#include "tests/host/host.h"
#include "tests/host/model_machine.h"
#include "tests/host/stub_machine.h"

const char *env_breach(void)
{
    static unsigned told[STUB_UNITS];
    const char *race = host_race();

    if (race != NULL)
        return race;
    for (unsigned u = 0; u < STUB_UNITS; u++) {
        const struct stub_unit *unit = stub_machine_unit(u);

        if (told[u] > unit->breach_count)
            told[u] = 0; /* the machine was built anew, or a test cleared what it had provoked */
        if (told[u] == unit->breach_count)
            continue;
        told[u]++;
        return told[u] <= STUB_BREACH_MAX ? unit->breaches[told[u] - 1] : "more breaches than are kept";
    }
    return model_machine_breach();
}
