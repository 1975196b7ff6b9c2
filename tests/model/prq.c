/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page requests and their queue. VT-d 5.10, Page Request Descriptor, Page Request Status Register;
 * rules 56..64.
 */
#include "tests/model/model_priv.h"

void prq_written(unused struct model *m, unused uint32_t offset)
{
}

void prq_respond(unused struct model *m, unused const struct vtd_desc *d)
{
}

bool prq_drained(unused const struct model *m)
{
    return true;
}
