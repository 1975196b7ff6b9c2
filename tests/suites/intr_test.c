/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite intr: interrupt remapping as the driver sets it up, both homes: golden entries and messages, the
 * registers of running units, and what the table holds. VT-d 5.10, Interrupt Remapping; rules 8, 78. What
 * then arrives is shown by target/intr_dma_test.c on machines and by tests/host/intr_stub_test.c.
 */
#include "tests/suites/bench_dev.h"

static const struct plat_intr message = {
    .vector = 0x41, .dest = 3, .fn = {0, RID(0, 2, 0)}, .alias = RID(0, 2, 0)};
static const struct plat_intr bridged = {
    .vector = 0x41, .dest = 3, .fn = {0, RID(5, 4, 0)}, .alias = RID(3, 0, 0)};
static const struct plat_intr pin = {.is_pin = true, .nmi = true, .ioapic = 2, .dest = 3};

TEST(intr, entry_of_message, .rules = "78",
     .doc = "a function's entry: its vector, its CPU, its requester id compared in all bits")
{
    struct vtd_irte e = vtd_irte_make(&message, 0, false);

    T_EXPECT_EQ(t, e.q[0], 0x0000030000410001ull);
    T_EXPECT_EQ(t, e.q[1], 0x0000000000040010ull);
}

TEST(intr, entry_of_bridged, .rules = "78",
     .doc = "behind a bridge that may speak for the function: all buses from the bridge's to its own")
{
    T_EXPECT_EQ(t, vtd_irte_make(&bridged, 0, false).q[1], 0x0000000000080305ull);
}

TEST(intr, entry_of_pin, .rules = "78",
     .doc = "a pin that is an NMI: delivery mode NMI, no vector, the requester id of the I/O APIC")
{
    struct vtd_irte e = vtd_irte_make(&pin, RID(0xff, 0, 0), false);

    T_EXPECT_EQ(t, e.q[0], 0x0000030000000081ull);
    T_EXPECT_EQ(t, e.q[1], 0x000000000004ff00ull);
}

TEST(intr, entry_x2apic, .rules = "78", .doc = "with EIME = 1 a destination has 32 bits, from bit 32 on")
{
    struct plat_intr far = message;

    far.dest = 0x12345;
    T_EXPECT_EQ(t, vtd_irte_make(&far, 0, true).q[0], 0x0001234500410001ull);
}

TEST(intr, forms, .rules = "78",
     .doc =
         "what uses an entry: bits of the index in address and redirection entry, vector of the pin repeated")
{
    struct vtd_irte e = vtd_irte_make(&message, 0, false);
    struct plat_intr_form form = vtd_irte_form(0x8005, &e);

    T_EXPECT_EQ(t, form.msi.address, 0xfee000b4u);
    T_EXPECT_EQ(t, form.msi.upper_address, 0u);
    T_EXPECT_EQ(t, form.msi.data, 0u);
    T_EXPECT_EQ(t, form.rte, 0x000b000000000841ull);
}

/* ---- Running units ---- */

TEST(intr, running, .needs = NEED_IOMMU | NEED_IR, .rules = "8 78",
     .doc = "every unit: IRTPS and IRES, CFIS = 0, our table and its size in IRTA")
{
    for (unsigned i = 0; i < t->iommu->unit_count; i++) {
        struct vtd_unit *unit = t->iommu->units[i];
        uint64_t gsts = vtd_read(&unit->io, VTD_GSTS);

        T_ASSERT(t, unit->intr.table != NULL);
        T_EXPECT_EQ(t, gsts & 0x03800000, 0x03000000ull);
        T_EXPECT_EQ(t, vtd_read(&unit->io, VTD_IRTA),
                    plat_pa(unit->intr.table).v | 7 | (unit->intr.x2apic ? 0x800 : 0));
    }
}

/* Entries in use, all of which let one source through; all others are zero. */
static unsigned check_table(struct t *t, struct vtd_unit *unit)
{
    unsigned used = 0;

    for (unsigned n = 0; n < VTD_IRT_ENTRIES; n++) {
        const struct vtd_irte *e = &unit->intr.table[n];

        t_reached(t);
        if (unit->intr.owners[n] == NULL) {
            if (e->q[0] || e->q[1])
                t_fail(t, "%s: entry %u is free and not zero", unit->name, n);
            continue;
        }
        T_EXPECT_EQ(t, entry_get(e, VTD_IRTE_P), 1ull);
        T_EXPECT_NE(t, entry_get(e, VTD_IRTE_SVT), (uint64_t)VTD_SVT_ANY);
        used++;
    }
    return used;
}

TEST(intr, table, .needs = NEED_IOMMU | NEED_IR, .rules = "78",
     .doc =
         "no entry is present but those of sources, and each of them says who may use it; so after stop and "
         "start")
{
    unsigned before = 0, after = 0;

    for (unsigned i = 0; i < t->iommu->unit_count; i++)
        before += check_table(t, t->iommu->units[i]);
    t_rebuild(t);
    for (unsigned i = 0; i < t->iommu->unit_count; i++)
        after += check_table(t, t->iommu->units[i]);
    T_EXPECT_EQ(t, after, before);
}
