/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite model_duty: what software must not write to the model's registers, and the words with which it is
 * told; one case for each part of VT-d 5.10.
 */
#include "tests/host/model_rig.h"

#define GSTS 0x1c
#define FSTS 0x34
#define IQH  0x80
#define IQT  0x88

static struct mrig rig;

TEST(model_duty, stopped_queue, .rules = "31",
     .doc = "a queue that an error stopped, off and on again, fetches nothing before IQE is cleared")
{
    struct model_config config = mrig_config();

    mrig_open(t, &rig, &config);
    mrig_put(&rig, 0, 0);
    T_EXPECT_EQ(t, model_read32(rig.m, FSTS) & 0x10, 0x10u);
    mrig_command(&rig, 1u << 26, false);
    rig.breaches = 0; /* rule 22: it was not empty */
    model_write64(rig.m, IQT, 0);
    mrig_command(&rig, 1u << 26, true);
    T_EXPECT_EQ(t, model_read64(rig.m, IQH), 0ull);
    mrig_put(&rig, 0x12, 0);
    T_EXPECT_EQ(t, model_read64(rig.m, IQH), 0ull);
    model_write32(rig.m, FSTS, 0x10);
    T_EXPECT_EQ(t, model_read64(rig.m, IQH), 0x20ull);
    mrig_close(&rig);
}
