/* SPDX-License-Identifier: BSD-2-Clause */
/* Pauses from a generator per CPU; see jitter.h. */
#include "kernel/jitter.h"

#include "kernel/cpu.h"

/* One call in four pauses, 1 to 16 times. */
#define RARITY  4u
#define LONGEST 16u

/* Constants of the splitmix64 generator (Steele, Lea, Flood 2014). */
#define STEP  0x9e3779b97f4a7c15ull
#define MIX_1 0xbf58476d1ce4e5b9ull
#define MIX_2 0x94d049bb133111ebull

bool jitter_on;
static uint64_t state[CPU_MAX]; /* its own CPU's; a lost update does no harm */

void jitter_set(uint64_t seed)
{
    __atomic_store_n(&jitter_on, false, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < CPU_MAX; i++)
        state[i] = seed + i * MIX_1;
    __atomic_store_n(&jitter_on, seed != 0, __ATOMIC_RELEASE);
}

void jitter_pause(void)
{
    uint64_t z = state[cpu_index()] += STEP;

    z = (z ^ z >> 30) * MIX_1;
    z = (z ^ z >> 27) * MIX_2;
    z ^= z >> 31;
    if (z % RARITY)
        return;
    for (uint64_t n = z / RARITY % LONGEST + 1; n; n--)
        cpu_pause();
}
