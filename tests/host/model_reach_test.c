/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite model_reach: tables within a unit's reach that no request has come by: given back, or too many.
 */
#include "tests/host/model_rig.h"

static struct mrig rig;

TEST(model_reach, directory, .rules = "43",
     .doc = "any page of a directory given back under a present context entry is told, the one behind it not")
{
    struct model_config config = mrig_config();

    mrig_open(t, &rig, &config);
    /* A second requester: directory of two pages (PDTS = 3) from page 20 on. */
    mrig_set(&rig, MRIG_CTX_LOW, 96, MRIG_FREE * 4096 + 0x600);
    mrig_set(&rig, MRIG_CTX_LOW, 96, MRIG_FREE * 4096 + 0x601);
    model_freed(rig.m, (MRIG_FREE + 2) * 4096, 4096);
    T_EXPECT_EQ(t, rig.breaches, 0u);
    model_freed(rig.m, (MRIG_FREE + 1) * 4096, 4096);
    T_EXPECT(t, mrig_breached(&rig, "rule 43: 15000 freed while the context entry at 2300"));
    mrig_close(&rig);
}

TEST(model_reach, too_many,
     .doc = "tables beyond those that the unit keeps an eye on are not passed over in silence")
{
    struct model_config config = mrig_config();

    mrig_open(t, &rig, &config);
    /* Directories of 32 pages (PDTS = 7), each somewhere else. */
    for (unsigned i = 0; i < 12; i++) {
        uint64_t entry = 0x10000000 + i * 0x100000ull + 0xe00;

        mrig_set(&rig, MRIG_CTX_LOW, 128 + 4 * i, entry);
        T_EXPECT_EQ(t, rig.breaches, 0u);
        mrig_set(&rig, MRIG_CTX_LOW, 128 + 4 * i, entry + 1);
        if (rig.breaches > 0)
            break;
    }
    T_EXPECT(t, mrig_breached(&rig, "more than 320 pages of tables"));
    mrig_close(&rig);
}
