/* SPDX-License-Identifier: BSD-2-Clause */
/* Rates of the clocks (kernel/lib/rates.c): which of many windows are believed, and what CPUID says. */
#include "kernel/lib/rates.h"
#include "tests/harness/harness.h"

#define GHZ 1000000000ull
#define MHZ 1000000ull

/* Windows are taken until no more are needed; returns how many that were. */
static unsigned play(struct rates_choice *c, const struct rates *windows, unsigned count)
{
    *c = (struct rates_choice){0};
    for (unsigned i = 0; i < RATES_WINDOWS; i++) {
        if (rates_add(c, windows[i < count ? i : count - 1]))
            return i + 1;
    }
    return 0;
}

TEST(rates, quiet, .needs = NEED_HOST,
     .doc = "two windows that are close are enough, and the average of both is taken")
{
    static const struct rates windows[] = {{2 * GHZ, 100 * MHZ}, {2 * GHZ + 100, 100 * MHZ - 10}};
    struct rates_choice c;

    T_EXPECT_EQ(t, play(&c, windows, 2), 2u);
    T_EXPECT(t, rates_agree(&c));
    T_EXPECT_EQ(t, c.best.tsc_hz, 2 * GHZ + 50);
    T_EXPECT_EQ(t, c.best.apic_hz, 100 * MHZ - 5);
}

TEST(rates, disturbed, .needs = NEED_HOST,
     .doc = "windows that something fell into are passed over, of either clock")
{
    static const struct rates windows[] = {
        {2 * GHZ, 100 * MHZ},     {3 * GHZ, 100 * MHZ}, {2 * GHZ, 150 * MHZ}, {2 * GHZ, 100 * MHZ}, {0, 0},
        {2 * GHZ + 6, 100 * MHZ},
    };
    struct rates_choice c;

    T_EXPECT_EQ(t, play(&c, windows, 6), 7u); /* the last one twice */
    T_EXPECT(t, rates_agree(&c));
    T_EXPECT_EQ(t, c.best.tsc_hz, 2 * GHZ + 6);
    T_EXPECT_EQ(t, c.best.apic_hz, 100 * MHZ);
}

TEST(rates, busy,
     .doc = "where no two are close the best pair is kept, not the last one, and believed or not")
{
    struct rates windows[RATES_WINDOWS];
    struct rates_choice c;

    for (unsigned i = 0; i < RATES_WINDOWS; i++)
        windows[i] = (struct rates){(i % 2 ? 2 : 3) * GHZ, 0};
    windows[7].tsc_hz = 2 * GHZ;
    windows[8].tsc_hz = 2 * GHZ + 4 * MHZ; /* 2000 parts per million */
    T_EXPECT_EQ(t, play(&c, windows, RATES_WINDOWS), RATES_WINDOWS);
    T_EXPECT(t, rates_agree(&c));
    T_EXPECT_EQ(t, c.best.tsc_hz, 2 * GHZ + 2 * MHZ);
    windows[8].tsc_hz = 2 * GHZ + 40 * MHZ;
    T_EXPECT_EQ(t, play(&c, windows, RATES_WINDOWS), RATES_WINDOWS);
    T_EXPECT(t, !rates_agree(&c));
    T_EXPECT_EQ(t, c.best.tsc_hz, 2 * GHZ + 20 * MHZ);
}

TEST(rates, one_alone, .doc = "one window says nothing about itself")
{
    struct rates_choice c = {0};

    T_EXPECT(t, !rates_agree(&c));
    T_EXPECT(t, !rates_add(&c, (struct rates){2 * GHZ, 0}));
    T_EXPECT(t, !rates_agree(&c));
    T_EXPECT_EQ(t, c.best.tsc_hz, 2 * GHZ);
}

TEST(rates, cpuid, .needs = NEED_HOST,
     .doc = "leaf 15h gives both rates if it has ratio and crystal, else nothing")
{
    struct rates r = {0};

    T_EXPECT(t, rates_of_cpuid(2, 216, 24 * MHZ, &r));
    T_EXPECT(t, r.tsc_hz == 2592 * MHZ && r.apic_hz == 24 * MHZ);
    T_EXPECT(t, rates_of_cpuid(2, 400, 38400000, &r) && r.tsc_hz == 7680 * MHZ);
    T_EXPECT(t, !rates_of_cpuid(2, 216, 0, &r));
    T_EXPECT(t, !rates_of_cpuid(2, 0, 24 * MHZ, &r));
    T_EXPECT(t, !rates_of_cpuid(0, 216, 24 * MHZ, &r));
}
