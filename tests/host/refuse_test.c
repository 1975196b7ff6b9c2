/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite refuse, host only: what the one object says to callers that ask for what is not there or too early.
 */
#include <string.h>

#include "iommu/ioasid_core.h"
#include "iommu/iommu.h"
#include "iommu/pgtable.h"
#include "iommu/vtd_fault.h"
#include "iommu/vtd_inv.h"
#include "tests/host/host.h"
#include "tests/host/own_unit.h"
#include "tests/host/stub_machine.h"

static int create(const void *dmar, size_t size, struct iommu **out, char *why, size_t why_size)
{
    why[0] = '\0';
    return iommu_create(dmar, size, out, why, why_size);
}

TEST(refuse, tables, .needs = NEED_IOMMU,
     .doc = "a DMAR that is too large, cut off, or without a unit: its errno and words, and nothing is kept")
{
    static uint8_t large[65537];
    size_t size, objects = host_objects(OWNER_TABLE);
    const uint8_t *dmar = stub_machine_dmar(&size);
    uint8_t no_unit[48], sum = 0;
    struct iommu *iommu;
    char why[160];

    T_EXPECT_ERR(t, create(large, sizeof(large), &iommu, why, sizeof(why)), -EINVAL);
    T_EXPECT(t, strstr(why, "larger than 64 KiB") != NULL);
    T_EXPECT_ERR(t, create(dmar, 0, &iommu, why, sizeof(why)), -EINVAL);
    T_EXPECT_ERR(t, create(dmar, size - 1, &iommu, why, sizeof(why)), -EINVAL);
    T_EXPECT(t, strncmp(why, "DMAR: ", 6) == 0);

    memcpy(no_unit, dmar, sizeof(no_unit));
    memcpy(no_unit + 4, &(uint32_t){sizeof(no_unit)}, 4);
    no_unit[9] = 0;
    for (size_t i = 0; i < sizeof(no_unit); i++)
        sum = (uint8_t)(sum + no_unit[i]);
    no_unit[9] = (uint8_t)-sum;
    T_EXPECT_ERR(t, create(no_unit, sizeof(no_unit), &iommu, why, sizeof(why)), -ENODEV);
    T_EXPECT(t, strcmp(why, "the DMAR has no DRHD") == 0);
    T_EXPECT_EQ(t, host_objects(OWNER_TABLE), objects);
}

static int no_event(unused struct ioasid_notifier *nb, unused const struct ioasid_event *ev)
{
    return 0;
}

TEST(refuse, too_early, .needs = NEED_IOMMU,
     .doc = "stop with a device, destroy while it runs, with a live number, with a subscriber: -EBUSY, and "
            "it works on")
{
    const struct stub_dev *d = stub_machine_dev(0, 0);
    struct ioasid_notifier nb = {.handler = no_event, .events = IOASID_EVENT_FREE, .name = "test"};
    struct iommu *iommu = t->iommu, *other;
    struct iommu_dev *dev;
    char why[160];
    size_t size;
    const void *dmar = stub_machine_dmar(&size);
    ioasid_t id;

    T_EXPECT_ERR(t, iommu_destroy(iommu), -EBUSY);
    T_ASSERT_OK(t, iommu_dev_attach(iommu, d->id, d->rids, d->rid_count, 8, &dev));
    T_EXPECT_ERR(t, iommu_stop(iommu), -EBUSY);
    T_ASSERT_OK(t, iommu_dev_detach(dev));

    T_ASSERT_OK(t, create(dmar, size, &other, why, sizeof(why)));
    T_EXPECT_ERR(t, iommu_dev_attach(other, d->id, d->rids, d->rid_count, 8, &dev), -ENODEV);
    T_ASSERT_OK(t, ioasid_notifier_register(other->ioasids, IOASID_ANY_SET, &nb));
    T_EXPECT_ERR(t, iommu_destroy(other), -EBUSY);
    T_ASSERT_OK(t, ioasid_notifier_unregister(other->ioasids, &nb));
    T_ASSERT_OK(t, ioasid_alloc(ioasid_system_set(other->ioasids), 1, IOASID_NUMBERS - 1, &id));
    T_EXPECT_ERR(t, iommu_destroy(other), -EBUSY);
    T_ASSERT_OK(t, ioasid_free(ioasid_system_set(other->ioasids), id));
    T_EXPECT_OK(t, iommu_destroy(other));
}

TEST(
    refuse, devices, .needs = NEED_IOMMU | NEED_PT, .negative = true,
    .doc =
        "attach without a requester id, with too many PASID bits, of a function that no unit has: refused; a "
        "group's second attach counts, a bound device stays")
{
    const struct stub_dev *d = stub_machine_dev(0, 2);
    const struct ioasid_bind_cfg cfg = {.stage = IOMMU_PASS_THROUGH, .spid = IOASID_NO_SPID};
    struct ioasid_set *set = ioasid_system_set(t->iommu->ioasids);
    struct iommu_dev *dev, *again;
    ioasid_t id;

    T_EXPECT_ERR(t, iommu_dev_attach(t->iommu, d->id, d->rids, 0, 8, &dev), -EINVAL);
    T_EXPECT_ERR(t, iommu_dev_attach(t->iommu, d->id, d->rids, 1, 0, &dev), -EINVAL);
    T_EXPECT_ERR(t, iommu_dev_attach(t->iommu, d->id, d->rids, 1, IOASID_BITS + 1, &dev), -EINVAL);
    T_EXPECT_ERR(t, iommu_dev_attach(t->iommu, (struct pci_id){7, d->id.rid}, d->rids, 1, 8, &dev), -ENODEV);
    T_ASSERT_OK(t, iommu_dev_attach(t->iommu, d->id, d->rids, d->rid_count, IOASID_BITS, &dev));
    T_ASSERT_OK(t, iommu_dev_attach(t->iommu, d->id, d->rids, 1, IOASID_BITS, &again));
    T_EXPECT_EQ(t, dev, again);
    T_EXPECT_OK(t, iommu_dev_detach(again));
    T_ASSERT_OK(t, ioasid_alloc(set, 1, IOASID_NUMBERS - 1, &id));
    T_ASSERT_OK(t, ioasid_bind(set, id, dev, &cfg));
    T_EXPECT_ERR(t, iommu_dev_detach(dev), -EBUSY);
    iommu_dev_gone(dev);
    T_EXPECT_OK(t, ioasid_unbind(set, id, dev));
    T_EXPECT_OK(t, iommu_dev_detach(dev));
    T_EXPECT_OK(t, ioasid_free(set, id));
}

TEST(refuse, references, .needs = NEED_HOST,
     .doc = "a count of references that is full, a core of 0 or 21 bits, a core with a live number: refused")
{
    struct ioasid_core *core;
    struct ioasid_set *set;
    struct ioasid_rec *rec;
    ioasid_t id, found;

    T_EXPECT_ERR(t, ioasid_core_create(0, &core), -EINVAL);
    T_EXPECT_ERR(t, ioasid_core_create(IOASID_BITS + 1, &core), -EINVAL);
    T_ASSERT_OK(t, ioasid_core_create(8, &core));
    set = ioasid_system_set(core);
    T_EXPECT_EQ(t, ioasid_core_of(set), core);
    T_ASSERT_OK(t, ioasid_alloc(set, 1, 9, &id));
    T_EXPECT_ERR(t, ioasid_core_destroy(core), -EBUSY);
    T_ASSERT_OK(t, ioasid_spid_attach(core, id, 3));
    rec = ioasid_rec_at(core, ioasid_number(id));
    rec->refs = INT32_MAX;
    T_EXPECT_EQ(t, ioasid_refs(set, id), INT32_MAX);
    T_EXPECT_ERR(t, ioasid_get(set, id), -EOVERFLOW);
    T_EXPECT_ERR(t, ioasid_bound_get(core, id, true), -EOVERFLOW);
    T_EXPECT_ERR(t, ioasid_spid_find(set, 3, true, &found), -EOVERFLOW);
    rec->refs = 1;
    T_ASSERT_OK(t, ioasid_spid_detach(core, id));
    T_EXPECT_OK(t, ioasid_free(set, id));
    T_EXPECT_ERR(t, ioasid_bound_get(core, id, true), -ENOENT);
    T_ASSERT_OK(t, plat_idle_wait(1000000000));
    T_EXPECT_OK(t, ioasid_core_destroy(core));
}

TEST(refuse, adopted_table, .needs = NEED_HOST,
     .doc = "a table of somebody else's: described and walked as it is; a shape that its stage does not have "
            "is refused")
{
    struct pgtable_cfg cfg = {
        .stage = PGTABLE_FIRST, .levels = 4, .haw = 46, .page_sizes = PGTABLE_4K + PGTABLE_2M};
    struct pgtable *own, other;
    struct pgtable_walk walk;
    struct t_mem mem = t_mem(t, 1);

    T_ASSERT_OK(t, pgtable_create(&cfg, &own));
    T_ASSERT_OK(t, pgtable_map(own, (iova_t){0x5000}, mem.pa, PAGE_SIZE, PGTABLE_RW));
    T_ASSERT_OK(t, pgtable_adopt(&other, &cfg, pgtable_root(own)));
    T_ASSERT_OK(t, pgtable_walk(&other, (iova_t){0x5000}, &walk));
    T_EXPECT(t, walk.present && walk.pa.v == mem.pa.v);
    cfg.levels = 3;
    T_EXPECT_ERR(t, pgtable_adopt(&other, &cfg, pgtable_root(own)), -EINVAL);
    pgtable_destroy(own);
}

TEST(refuse, words, .needs = NEED_HOST,
     .doc =
         "descriptors that the driver does not send and faults that it does not provoke have their words too")
{
    const struct vtd_desc cc_domain = {{0x00050021}}; /* G 2, domain id 5 */
    const struct vtd_desc p_dev_tlb = {{0x0000500001100008, 0x2001}};
    const struct vtd_frcd interrupt = {{0x0012ull << 48, 0x8000002200000110}};
    struct vtd_fault fault;
    char text[200];

    vtd_inv_text(&cc_domain, text, sizeof(text));
    T_EXPECT(t, strstr(text, "cc_inv domain did=5") != NULL);
    t_note(t, "%s", text);
    vtd_inv_text(&p_dev_tlb, text, sizeof(text));
    T_EXPECT(t, strncmp(text, "p_dev_tlb_inv", 13) == 0);
    t_note(t, "%s", text);
    vtd_fault_decode(&interrupt, &fault);
    vtd_fault_text(&fault, text, sizeof(text));
    T_EXPECT(t, fault.interrupt && strstr(text, "interrupt index 12") != NULL);
    t_note(t, "%s", text);
}
