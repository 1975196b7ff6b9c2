/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite intr, firmware only: interrupts of devices and of the I/O APIC through the unit's table, counted by
 * who takes them. VT-d 5.10, Interrupt Remapping and Interrupt Remapping Fault Conditions; rule 78.
 *
 * Every case first has the interrupt arrive, so that none passes because nothing is ever delivered.
 */
#include "iommu/vtd_unit.h"
#include "kernel/apic.h"
#include "kernel/cpu.h"
#include "kernel/ioapic.h"
#include "kernel/pci.h"
#include "kernel/watchdog.h"
#include "tests/suites/rig.h"

#define NEED_MSI (NEED_DMA | NEED_IR | NEED_TARGET)

/* A device with a page to write to, and its entry. */
struct line {
    struct rig rig;
    struct t_mem mem;
    struct vtd_unit *unit;
    uint16_t index;
    struct vtd_irte entry; /* as the driver made it */
};

static const struct pci_function *function_of(struct t *t)
{
    const struct pci_function *fn = pci_by_id(t->dma->id);

    if (fn == NULL)
        t_error(t, "%s is no function", t->dma->name);
    return fn;
}

/* One transfer, whose end is told by an interrupt; how many arrived. */
static unsigned interrupts(struct t *t, struct line *l)
{
    unsigned before = l->rig.dma->interrupts;

    t_dma_write_allowed(t, l->rig.dma, (iova_t){RIG_IOVA}, &l->mem, 0, 64);
    return l->rig.dma->interrupts - before;
}

static void open_line(struct t *t, struct line *l, struct dma_dev *dma)
{
    l->mem = t_mem(t, 1);
    rig_open(t, &l->rig, dma);
    rig_map(&l->rig, RIG_IOVA, &l->mem, 0, 1, PGTABLE_RW);
    rig_publish(&l->rig);
    l->unit = l->rig.unit;
    T_ASSERT_OK(t, vtd_intr_find(l->unit, dma->id, &l->index));
    l->entry = l->unit->intr.table[l->index];
    T_ASSERT_GE(t, interrupts(t, l), 1u);
    t_faults_forget(t);
}

static void set(struct t *t, struct line *l, const struct vtd_irte *entry)
{
    T_ASSERT_OK(t, vtd_intr_set(l->unit, l->index, entry));
}

/* Everything as the driver made it: interrupts arrive. */
static void close_line(struct t *t, struct line *l)
{
    set(t, l, &l->entry);
    T_EXPECT_GE(t, interrupts(t, l), 1u);
    rig_close(&l->rig);
}

/* Index in the first record there is; one that no table has if there is none. */
static unsigned first_index(struct t *t)
{
    return t_faults(t) ? t_fault(t, 0)->index : UINT32_MAX;
}

/* The transfer's interrupt is blocked, recorded with who sent it and by which index. */
static void blocked(struct t *t, struct line *l, unsigned reason, unsigned index)
{
    t_faults_forget(t);
    T_EXPECT_EQ(t, interrupts(t, l), 0u);
    T_DEVIATES(t, "E-034", T_EXPECT_EQ(t, first_index(t), index));
    T_DEVIATES(t, "E-034", t_expect_fault(t, l->rig.dma, reason));
    t_faults_forget(t);
}

/* ---- Messages of devices ---- */

TEST(intr, message, .needs = NEED_MSI, .lanes = RIG_LANES, .engines = T_BIT(DMA_EDU) | T_BIT(DMA_NVME),
     .rules = "78",
     .doc = "a function's MSI registers hold the index of its entry, and its interrupts arrive")
{
    const struct pci_function *fn = function_of(t);
    struct line l;

    open_line(t, &l, t->dma);
    if (fn->cap_msi)
        T_EXPECT_EQ(t, pci_read32(fn->id, (uint16_t)(fn->cap_msi + 4)), 0xfee00010u + l.index * 0x20u);
    T_EXPECT_EQ(t, entry_get(&l.entry, VTD_IRTE_SID), (uint64_t)t->dma->id.rid);
    close_line(t, &l);
}

TEST(intr, not_present, .needs = NEED_MSI, .lanes = RIG_LANES, .engines = T_BIT(DMA_EDU), .rules = "78",
     .faults = "22", .negative = true, .xfail = "E-034",
     .doc = "an entry with P = 0: the interrupt does not arrive, 22h; with P = 1 again it does")
{
    struct line l;

    open_line(t, &l, t->dma);
    set(t, &l, &(struct vtd_irte){{0}});
    blocked(t, &l, 0x22, l.index);
    close_line(t, &l);
}

TEST(intr, other_requester, .needs = NEED_MSI, .lanes = RIG_LANES, .engines = T_BIT(DMA_EDU), .rules = "78",
     .faults = "26", .negative = true, .xfail = "E-034",
     .doc = "an entry of another requester id, one bit apart: the interrupt does not arrive, 26h")
{
    struct vtd_irte e;
    struct line l;

    open_line(t, &l, t->dma);
    e = l.entry;
    for (unsigned bit = 0; bit < 16; bit += 5) {
        entry_set(&e, VTD_IRTE_SID, entry_get(&l.entry, VTD_IRTE_SID) ^ pow2(bit));
        set(t, &l, &e);
        blocked(t, &l, 0x26, l.index);
    }
    close_line(t, &l);
}

TEST(intr, some_bits, .needs = NEED_MSI, .lanes = RIG_LANES, .engines = T_BIT(DMA_EDU), .rules = "78",
     .negative = true, .faults = "26", .xfail = "E-034",
     .doc = "SQ leaves out function bits: all three, or bits 2:1, or bit 2 alone; SVT = 0 asks nothing")
{
    static const unsigned ignored[] = {0, 4, 6, 7};
    struct vtd_irte e;
    struct line l;

    open_line(t, &l, t->dma);
    e = l.entry;
    for (unsigned sq = 0; sq < 4; sq++) {
        entry_set(&e, VTD_IRTE_SQ, sq);
        entry_set(&e, VTD_IRTE_SID, entry_get(&l.entry, VTD_IRTE_SID) ^ ignored[sq]);
        set(t, &l, &e);
        T_EXPECT_GE(t, interrupts(t, &l), 1u);
        entry_set(&e, VTD_IRTE_SID, entry_get(&e, VTD_IRTE_SID) ^ 8);
        set(t, &l, &e);
        blocked(t, &l, 0x26, l.index);
    }
    entry_set(&e, VTD_IRTE_SVT, VTD_SVT_ANY);
    set(t, &l, &e);
    T_EXPECT_GE(t, interrupts(t, &l), 1u);
    close_line(t, &l);
}

TEST(intr, one_bus, .needs = NEED_MSI, .lanes = RIG_LANES, .engines = T_BIT(DMA_EDU), .rules = "78",
     .faults = "26", .negative = true, .xfail = "E-034",
     .doc = "SVT = 2 with one bus: its own bus arrives, the next one does not, 26h")
{
    struct vtd_irte e;
    struct line l;

    open_line(t, &l, t->dma);
    e = l.entry;
    entry_set(&e, VTD_IRTE_SVT, VTD_SVT_BUS);
    entry_set(&e, VTD_IRTE_SID, rid_bus(t->dma->rids[0]) * 0x101u);
    set(t, &l, &e);
    T_EXPECT_GE(t, interrupts(t, &l), 1u);
    entry_set(&e, VTD_IRTE_SID, (rid_bus(t->dma->rids[0]) + 1) * 0x101u);
    set(t, &l, &e);
    blocked(t, &l, 0x26, l.index);
    close_line(t, &l);
}

TEST(intr, some_buses, .needs = NEED_MSI, .lanes = RIG_LANES, .engines = T_BIT(DMA_EDU), .rules = "78",
     .negative = true, .xfail = "E-051",
     .doc =
         "SVT = 2 with several buses, the first in SID bits 15:8 and the last in 7:0: its own is among them")
{
    struct vtd_irte e;
    struct line l;

    open_line(t, &l, t->dma);
    e = l.entry;
    entry_set(&e, VTD_IRTE_SVT, VTD_SVT_BUS);
    entry_set(&e, VTD_IRTE_SID, rid_bus(t->dma->rids[0]) * 0x101u + 1);
    set(t, &l, &e);
    T_DEVIATES(t, "E-051", T_EXPECT_GE(t, interrupts(t, &l), 1u));
    t_faults_forget(t);
    close_line(t, &l);
}

TEST(intr, behind_bridge, .needs = NEED_MSI, .lanes = RIG_LANES, .engines = T_BIT(DMA_EDU), .rules = "78",
     .doc = "a device behind a PCIe-PCI bridge: its entry is for the buses below the bridge, its interrupts "
            "arrive")
{
    struct line l;

    open_line(t, &l, rig_dev_at(t, DMA_BEHIND_BRIDGE));
    T_EXPECT_EQ(t, entry_get(&l.entry, VTD_IRTE_SVT), (uint64_t)VTD_SVT_BUS);
    T_EXPECT_EQ(t, entry_get(&l.entry, VTD_IRTE_SID), (uint64_t)rid_bus(l.rig.dma->id.rid) * 0x101);
    close_line(t, &l);
}

/* ---- Changes ---- */

static unsigned elsewhere;
static uint32_t taken_by; /* APIC id */

static void take_elsewhere(unused void *arg)
{
    elsewhere++;
    taken_by = apic_id();
}

TEST(intr, changed, .needs = NEED_MSI, .lanes = RIG_LANES, .engines = T_BIT(DMA_EDU), .rules = "78",
     .doc = "another vector in the entry: after the invalidation of its index every interrupt goes there")
{
    struct plat_msi msi;
    struct vtd_irte e;
    struct line l;

    open_line(t, &l, t->dma);
    T_ASSERT_OK(t, plat_msi_alloc(take_elsewhere, NULL, &msi));
    e = l.entry;
    entry_set(&e, VTD_IRTE_V, msi.data % 256);
    set(t, &l, &e);
    elsewhere = 0;
    T_EXPECT_EQ(t, interrupts(t, &l), 0u);
    T_EXPECT_GE(t, elsewhere, 1u);
    set(t, &l, &l.entry);
    elsewhere = 0;
    T_EXPECT_GE(t, interrupts(t, &l), 1u);
    T_EXPECT_EQ(t, elsewhere, 0u);
    plat_msi_free(&msi);
    close_line(t, &l);
}

TEST(intr, other_cpu, .needs = NEED_MSI | NEED_CPUS_2, .lanes = RIG_LANES, .engines = T_BIT(DMA_EDU),
     .rules = "78",
     .doc =
         "the entry names another CPU, by 32 bits where the APICs are in x2APIC mode: it takes the interrupt")
{
    uint32_t cpu = cpu_get(1)->apic_id;
    struct plat_msi msi;
    struct vtd_irte e;
    struct line l;

    open_line(t, &l, t->dma);
    T_EXPECT_EQ(t, l.unit->intr.x2apic, apic_is_x2() && l.unit->caps.eim);
    T_ASSERT_OK(t, plat_msi_alloc(take_elsewhere, NULL, &msi));
    e = l.entry;
    entry_set(&e, VTD_IRTE_V, msi.data % 256);
    entry_set(&e, VTD_IRTE_DST, l.unit->intr.x2apic ? cpu : cpu * 0x100);
    set(t, &l, &e);
    elsewhere = 0;
    T_EXPECT_EQ(t, interrupts(t, &l), 0u);
    T_EXPECT_GE(t, elsewhere, 1u);
    T_EXPECT_EQ(t, taken_by, cpu);
    set(t, &l, &l.entry);
    plat_msi_free(&msi);
    close_line(t, &l);
}

/* The function's MSI registers, past all who should know: returns what the address was. */
static uint32_t write_msi(const struct pci_function *fn, uint32_t address, uint32_t data)
{
    uint32_t old = pci_read32(fn->id, (uint16_t)(fn->cap_msi + 4));
    bool wide = pci_read16(fn->id, (uint16_t)(fn->cap_msi + 2)) & 0x80;

    pci_write32(fn->id, (uint16_t)(fn->cap_msi + 4), address);
    pci_write16(fn->id, (uint16_t)(fn->cap_msi + (wide ? 12 : 8)), (uint16_t)data);
    return old;
}

TEST(intr, compatibility, .needs = NEED_MSI, .lanes = RIG_LANES, .engines = T_BIT(DMA_EDU), .rules = "78",
     .faults = "25", .negative = true, .xfail = "E-023",
     .doc = "a message of compatibility format, its vector and CPU right: blocked, 25h, as CFIS is 0")
{
    const struct pci_function *fn = function_of(t);
    struct line l;
    uint32_t old;

    open_line(t, &l, t->dma);
    old = write_msi(fn, 0xfee00000 + (uint32_t)entry_get(&l.entry, VTD_IRTE_DST_XAPIC) * 0x1000,
                    (uint32_t)entry_get(&l.entry, VTD_IRTE_V));
    T_DEVIATES(t, "E-023", T_EXPECT_EQ(t, interrupts(t, &l), 0u));
    T_DEVIATES(t, "E-023", t_expect_fault(t, t->dma, 0x25));
    write_msi(fn, old, 0);
    close_line(t, &l);
}

TEST(intr, beyond, .needs = NEED_MSI, .lanes = RIG_LANES, .engines = T_BIT(DMA_EDU), .rules = "78",
     .faults = "21", .negative = true, .xfail = "E-034",
     .doc = "an index behind the end of the table: blocked, 21h")
{
    const struct pci_function *fn = function_of(t);
    struct line l;
    uint32_t old;

    open_line(t, &l, t->dma);
    old = write_msi(fn, 0xfee00010 + VTD_IRT_ENTRIES * 0x20, 0);
    blocked(t, &l, 0x21, VTD_IRT_ENTRIES);
    write_msi(fn, old, 0);
    close_line(t, &l);
}

TEST(intr, off_and_on, .needs = NEED_MSI, .engines = T_BIT(DMA_EDU), .rules = "78",
     .doc =
         "with remapping off after a stop the function's interrupts arrive as without it, and on again by a "
         "new entry")
{
    const struct pci_function *fn = function_of(t);
    struct t_mem mem = t_mem(t, 1);
    struct dma_xfer x = {.dir = DMA_TO_MEM, .iova = {mem.pa.v}, .len = 64, .believed = mem.pa};
    unsigned before;
    struct line l;

    T_ASSERT_OK(t, iommu_stop(t->iommu));
    T_EXPECT_EQ(t, pci_read32(fn->id, (uint16_t)(fn->cap_msi + 4)) & 0x10, 0u);
    before = t->dma->interrupts;
    T_EXPECT_OK(t, dma_run(t->dma, &x));
    T_EXPECT_GT(t, t->dma->interrupts, before);
    T_ASSERT_OK(t, iommu_start(t->iommu));
    open_line(t, &l, t->dma);
    close_line(t, &l);
}

/* ---- The pin ---- */

static bool never(unused void *arg)
{
    return false;
}

/* NMIs of the watchdog's timer, 73 a second, in a third of one. */
static uint64_t nmis(void)
{
    uint64_t before = watchdog_ticks(), after;
    struct plat_waitq wq;

    plat_waitq_init(&wq);
    watchdog_may_rest(false); /* silence is to come from the entry alone */
    if (plat_wait(&wq, never, NULL, 333000000) == 0)
        before = UINT64_MAX;
    after = watchdog_ticks();
    watchdog_may_rest(true);
    return after < before ? 0 : after - before;
}

/* The unit and the entry of the watchdog's pin. */
static struct vtd_unit *pin_unit(struct t *t, uint16_t *index)
{
    if (!watchdog_running())
        t_skip(t, "no watchdog");
    for (unsigned i = 0; i < t->iommu->unit_count; i++) {
        if (vtd_intr_find_pin(t->iommu->units[i], index) == 0)
            return t->iommu->units[i];
    }
    t_fail(t, "the watchdog's pin has no entry");
}

TEST(intr, pin, .needs = NEED_IOMMU | NEED_IR | NEED_TARGET, .rules = "78", .faults = "22", .negative = true,
     .xfail = "E-034 E-052",
     .doc = "the watchdog's pin has a remappable entry and goes on; with P = 0 it is silent, 22h")
{
    uint16_t index = 0;
    struct vtd_unit *unit = pin_unit(t, &index);
    struct vtd_irte entry = unit->intr.table[index];
    uint64_t rte = 0;

    T_ASSERT_OK(t, ioapic_read(ioapic_isa_gsi(0), &rte));
    T_EXPECT_EQ(t, rte & 0xffff0000000107ff, (uint64_t)index * 0x2000000000000 + 0x1000000000000);
    T_EXPECT_GE(t, nmis(), 3u);
    t_faults_forget(t);

    T_ASSERT_OK(t, vtd_intr_set(unit, index, &(struct vtd_irte){{0}}));
    T_EXPECT_LE(t, nmis(), 1u); /* one may have been on its way */
    T_DEVIATES(t, "E-034", T_EXPECT_EQ(t, first_index(t), index));
    if (t_faults(t)) {
        T_EXPECT_EQ(t, t_fault(t, 0)->reason, 0x22u);
        T_DEVIATES(t, "E-052", T_EXPECT_EQ(t, t_fault(t, 0)->sid, (uint16_t)entry_get(&entry, VTD_IRTE_SID)));
    }
    T_ASSERT_OK(t, vtd_intr_set(unit, index, &entry));
    T_EXPECT_GE(t, nmis(), 3u);
}

TEST(intr, pin_requester, .needs = NEED_IOMMU | NEED_IR | NEED_TARGET, .rules = "78", .faults = "26",
     .negative = true, .xfail = "E-052",
     .doc = "the pin's entry with another requester id than the I/O APIC's: silent, 26h")
{
    uint16_t index = 0;
    struct vtd_unit *unit = pin_unit(t, &index);
    struct vtd_irte entry = unit->intr.table[index], other = entry;

    entry_set(&other, VTD_IRTE_SID, entry_get(&entry, VTD_IRTE_SID) ^ 8);
    t_faults_forget(t);
    T_ASSERT_OK(t, vtd_intr_set(unit, index, &other));
    T_DEVIATES(t, "E-052", T_EXPECT_LE(t, nmis(), 1u));
    T_DEVIATES(t, "E-052", T_EXPECT_EQ(t, first_index(t), index));
    T_ASSERT_OK(t, vtd_intr_set(unit, index, &entry));
    T_EXPECT_GE(t, nmis(), 3u);
}
