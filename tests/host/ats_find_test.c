/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite ats, host only: which functions may have ATS. Configuration space with lists of capabilities as
 * functions have them, broken ones too, and tables of firmware's that name functions, ports, or everything.
 * Rule 76.
 */
#include <string.h>

#include "iommu/iommu_ats.h"
#include "iommu/iommu_sidp.h"
#include "iommu/vtd_unit.h"
#include "tests/host/host.h"
#include "tests/host/own_unit.h"
#include "tests/suites/dmar_blob.h"

#define FN_RID   RID(0x40, 3, 0)
#define PORT_RID RID(0, 0x0a, 0)
#define FAR_RID  RID(0x41, 1, 0)
#define BARE_RID RID(0x42, 1, 0)
#define LOOP_RID RID(0x43, 1, 0)

/* Extended capabilities: PASID of 20 bits, ATS with as many invalidations as its field says, page requests.
 */
static struct pci_id plug(uint16_t rid, uint32_t express, uint32_t qdep)
{
    struct pci_id fn = {0, rid};

    host_pci_add(fn, 0x1234, 0x5678, 0xff0000, 0);
    plat_pci_write32(fn, 0x04, 0x00100000);
    plat_pci_write32(fn, 0x34, 0x40);
    plat_pci_write32(fn, 0x40, 0x00005001); /* power management, then PCI Express */
    plat_pci_write32(fn, 0x50, 0x00020010 | express << 20);
    plat_pci_write32(fn, 0x100, 0x1101001b);
    plat_pci_write32(fn, 0x104, 0x00001400);
    plat_pci_write32(fn, 0x110, 0x1201000f);
    plat_pci_write32(fn, 0x114, qdep);
    plat_pci_write32(fn, 0x120, 0x00010013);
    plat_pci_write32(fn, 0x128, 64);
    return fn;
}

TEST(ats, find, .needs = NEED_HOST, .rules = "76",
     .doc = "capabilities behind others, a depth of 0 that means 32, a function of none, lists that lead "
            "nowhere or in a circle")
{
    struct pci_ats pci;
    struct pci_id fn = plug(FN_RID, 0, 0);

    pci_ats_find(fn, &pci);
    T_EXPECT(t, !pci.integrated);
    T_EXPECT_EQ(t, pci.qdep, 32);
    T_EXPECT(t, pci.pasid == 0x100 && pci.ats == 0x110 && pci.pri == 0x120 && pci.pasid_bits == 20);
    plat_pci_write32(fn, 0x50, 0x00920010);
    plat_pci_write32(fn, 0x114, 5);
    pci_ats_find(fn, &pci);
    T_EXPECT(t, pci.integrated);
    T_EXPECT_EQ(t, pci.qdep, 5);
    plat_pci_write32(fn, 0x40, 0x00004001); /* a circle */
    plat_pci_write32(fn, 0x120, 0x10010013);
    pci_ats_find(fn, &pci);
    T_EXPECT(t, !pci.integrated && pci.ats == 0x110);
    plat_pci_write32(fn, 0x04, 0);
    plat_pci_write32(fn, 0x100, 0x0001001b);
    pci_ats_find(fn, &pci);
    T_EXPECT(t, !pci.integrated && pci.pasid == 0x100 && pci.ats == 0 && pci.pri == 0);
    pci_ats_find((struct pci_id){0, BARE_RID}, &pci); /* all ones: nobody there */
    T_EXPECT(t, !pci.integrated && pci.pasid == 0 && pci.ats == 0 && pci.pri == 0);
}

TEST(ats, room, .needs = NEED_HOST,
     .doc =
         "page requests are turned on with the room that software allows, or with the device's own if that "
         "is less")
{
    struct pci_id fn = plug(LOOP_RID, 9, 0);
    struct pci_ats pci;

    pci_ats_find(fn, &pci);
    pci_pri_set(&pci, true, 32);
    T_EXPECT_EQ(t, plat_pci_read32(fn, 0x12c), 32u);
    T_EXPECT_EQ(t, plat_pci_read32(fn, 0x124) % 0x10000, 1u);
    plat_pci_write32(fn, 0x128, 7);
    pci_pri_set(&pci, true, 32);
    T_EXPECT_EQ(t, plat_pci_read32(fn, 0x12c), 7u);
    pci_pri_set(&pci, false, 0);
    T_EXPECT_EQ(t, plat_pci_read32(fn, 0x124) % 0x10000, 0u);
}

/* ---- Who is allowed ---- */

struct choice {
    struct iommu iommu;
    struct vtd_unit *unit;
    struct dmar_blob blob;
};

static void parse(struct t *t, struct choice *c)
{
    struct dmar_error error;

    T_ASSERT_OK(t, dmar_parse(c->blob.bytes, c->blob.size, &c->iommu.dmar, &error));
}

/* May a function have ATS, by the table as it is? */
static bool allowed(struct t *t, struct choice *c, struct pci_id fn)
{
    struct vtd_dev_cfg cfg = {.rids = &fn.rid, .rid_count = 1, .pasid_bits = 20};
    struct pci_ats pci;

    parse(t, c);
    pci_ats_find(fn, &pci);
    T_ASSERT_OK(t, iommu_ats_choose(&c->iommu, c->unit, &pci, &cfg));
    T_EXPECT(t, !cfg.pri); /* the unit's event is not on */
    return cfg.ats;
}

TEST(ats, allowed, .needs = NEED_HOST, .rules = "76",
     .doc =
         "ATSR for all ports covers what is below one, not what is integrated; a port that is named covers "
         "what is behind it; another segment's does not count; SIDP takes SATC's place")
{
    struct stub_cfg cfg = own_cfg();
    struct own_unit own;
    struct choice c = {0};
    struct pci_id below = plug(FN_RID, 0, 0), inside = plug(FAR_RID, 9, 0);
    uint32_t at;

    own_set(&cfg.ecap, SPAN_MASK(VTD_ECAP_DT), true);
    own_create(t, &own, &cfg);
    c.unit = own.unit;
    blob_begin(&c.blob);
    blob_drhd(&c.blob, 1, 0, 0xfed90000);
    T_EXPECT(t, !allowed(t, &c, below) && !allowed(t, &c, inside));
    at = blob_struct(&c.blob, 2, 8);
    blob_put(&c.blob, at + 4, 1, 1); /* ALL_PORTS */
    blob_seal(&c.blob);
    T_EXPECT(t, allowed(t, &c, below));
    T_EXPECT(t, !allowed(t, &c, inside));
    blob_put(&c.blob, at + 6, 1, 2); /* of segment 1 */
    blob_seal(&c.blob);
    T_EXPECT(t, !allowed(t, &c, below));
    host_pci_add((struct pci_id){0, PORT_RID}, 0x1234, 0x5678, 0x060400, rid_bus(FN_RID));
    blob_struct(&c.blob, 2, 8);
    blob_function(&c.blob, 2, 0, 0, rid_dev(PORT_RID), rid_fn(PORT_RID));
    T_EXPECT(t, allowed(t, &c, below) && !allowed(t, &c, inside));
    blob_struct(&c.blob, 5, 8);
    blob_function(&c.blob, 1, 0, rid_bus(FAR_RID), rid_dev(FAR_RID), 0);
    T_EXPECT(t, allowed(t, &c, inside));
    blob_struct(&c.blob, 6, 8);
    blob_function(&c.blob, 1, 0, rid_bus(BARE_RID), rid_dev(BARE_RID), 0);
    T_EXPECT(t, !allowed(t, &c, inside)); /* named by SATC, which no longer counts */
    own_close(t, &own);
}

TEST(ats, tagged, .needs = NEED_HOST,
     .doc =
         "lane pasid needs PASIDs of unit and function, and one requester id that is its own; the width is "
         "the least of the three")
{
    struct stub_cfg cfg = own_cfg();
    struct own_unit own;
    struct choice c = {.iommu.lane = IOMMU_LANE_PASID};
    struct pci_id fn = plug(FN_RID, 9, 0);
    struct vtd_dev_cfg dev = {.rids = &fn.rid, .rid_count = 1, .pasid_bits = 20};
    const uint16_t other = BARE_RID;
    struct pci_ats pci;

    blob_begin(&c.blob);
    blob_drhd(&c.blob, 1, 0, 0xfed90000);
    parse(t, &c);
    pci_ats_find(fn, &pci);
    for (unsigned bits = 0; bits < 20; bits += 9) {
        own_set(&cfg.ecap, SPAN_MASK(VTD_ECAP_PASID) | SPAN_MASK(VTD_ECAP_PSS), false);
        cfg.ecap |= bits == 0 ? 0 : SPAN_MASK(VTD_ECAP_PASID) | FIELD_PREP(VTD_ECAP_PSS, bits - 1);
        own_create(t, &own, &cfg);
        dev.pasid_bits = 20;
        T_EXPECT_ERR(t, iommu_ats_choose(&c.iommu, own.unit, &pci, &dev), bits == 0 ? -ENOTSUP : 0);
        if (bits != 0) {
            T_EXPECT_EQ(t, dev.pasid_bits, bits);
            T_EXPECT(t, dev.pasid && !dev.ats);
            dev.pasid_bits = 5;
            T_EXPECT_OK(t, iommu_ats_choose(&c.iommu, own.unit, &pci, &dev));
            T_EXPECT_EQ(t, dev.pasid_bits, 5u);
            dev.rids = &other;
            T_EXPECT_ERR(t, iommu_ats_choose(&c.iommu, own.unit, &pci, &dev), -ENOTSUP);
            dev.rids = &fn.rid;
            pci.pasid_bits = 0;
            T_EXPECT_ERR(t, iommu_ats_choose(&c.iommu, own.unit, &pci, &dev), -ENOTSUP);
            pci.pasid_bits = 4;
            T_EXPECT_OK(t, iommu_ats_choose(&c.iommu, own.unit, &pci, &dev));
            T_EXPECT_EQ(t, dev.pasid_bits, 4u);
            pci.pasid_bits = 20;
        }
        own_close(t, &own);
    }
}

TEST(sidp, behind_bridge, .needs = NEED_HOST, .rules = "76",
     .doc =
         "SIDP names a function by a path through a bridge: its flags are that function's and nobody else's")
{
    static const uint8_t path[] = {0x0b, 0, 1, 0};
    const uint16_t rids[] = {RID(0x44, 1, 0), RID(0x44, 2, 0)};
    struct vtd_unit unit = {.segment = 0};
    struct vtd_dev_cfg cfg = {.rids = &rids[0], .rid_count = 1};
    struct choice c = {0};
    uint32_t scope;

    host_pci_add((struct pci_id){0, RID(0, 0x0b, 0)}, 0x1234, 0x5678, 0x060400, rid_bus(rids[0]));
    blob_begin(&c.blob);
    blob_drhd(&c.blob, 1, 0, 0xfed90000);
    blob_struct(&c.blob, 6, 8);
    scope = blob_scope(&c.blob, 1, 0, 0, path, 2);
    blob_put(&c.blob, scope + 2, pow2(DMAR_SIDP_NO_PWSNP), 1);
    blob_seal(&c.blob);
    parse(t, &c);
    iommu_sidp_choose(&c.iommu, &unit, &cfg);
    T_EXPECT(t, cfg.no_pwsnp && !cfg.no_pgsnp);
    cfg.rids = &rids[1];
    iommu_sidp_choose(&c.iommu, &unit, &cfg);
    T_EXPECT(t, !cfg.no_pwsnp && !cfg.no_pgsnp);
    unit.segment = 1;
    cfg.rids = &rids[0];
    iommu_sidp_choose(&c.iommu, &unit, &cfg);
    T_EXPECT(t, !cfg.no_pwsnp);
}
