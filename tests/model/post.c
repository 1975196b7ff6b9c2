/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Posted interrupts: a bit in a descriptor in memory, and a notification where none is outstanding.
 * VT-d 5.10, Interrupt Remapping Table Entry (IRTE) for Posted Interrupts; Posted Interrupt Descriptor; codes
 * 27, 28.
 */
#include "tests/model/model_priv.h"

#define M(field) SPAN_MASK(field)
#define RETRIES  16

/* VT-d 5.10, Interrupt Remapping Table Entry (IRTE) for Posted Interrupts */
#define IRTE_URG      BIT(14)
#define IRTE_PDA_LOW  BITS(63, 38)  /* address 31:6 */
#define IRTE_PDA_HIGH BITS(127, 96) /* address 63:32 */
#define IRTE_RESERVED (M(BITS(7, 2)) | M(BITS(13, 12)) | M(BITS(37, 24)))

/* VT-d 5.10, Posted Interrupt Descriptor: four words of requests, then one with what follows */
struct posted {
    uint64_t q[8];
};
#define PID_ON       BIT(256)
#define PID_SN       BIT(257)
#define PID_NV       BITS(279, 272)
#define PID_NDST     BITS(319, 288)
#define PID_CONTROL  4
#define PID_RESERVED (M(BITS(271, 258)) | M(BITS(287, 280)))

bool intr_post_entry_ok(const struct vtd_irte *e)
{
    return (e->q[0] & IRTE_RESERVED) == 0 && (e->q[1] & M(BITS(95, 84))) == 0;
}

static uint64_t descriptor_address(const struct vtd_irte *e)
{
    return entry_get(e, IRTE_PDA_LOW) * sizeof(struct posted) + entry_get(e, IRTE_PDA_HIGH) * pow2(32);
}

static bool is_reserved(const struct model *m, const struct posted *pid)
{
    uint64_t reserved = PID_RESERVED;

    if (!FIELD_GET(VTD_IRTA_EIME, m->intr.irta))
        reserved |= M(PID_NDST) & ~M(BITS(303, 296));
    return ((pid->q[PID_CONTROL] & reserved) | pid->q[5] | pid->q[6] | pid->q[7]) != 0;
}

/* Sets `bits` in a word of memory; `was`: before that. */
static bool set_bits(struct model *m, uint64_t pa, uint64_t bits, uint64_t *was)
{
    for (unsigned i = 0; i < RETRIES; i++) {
        if (!mem_read(m, pa, was, sizeof(*was), true))
            return false;
        if (mem_cas64(m, pa, *was, *was | bits))
            return true;
    }
    return false;
}

uint8_t intr_post(struct model *m, const struct vtd_irte *e)
{
    uint64_t pa = descriptor_address(e);
    uint64_t vector = entry_get(e, VTD_IRTE_V);
    struct posted pid;
    uint64_t was;

    if (!mem_read(m, pa, &pid, sizeof(pid), true))
        return VTD_FR_IR_POSTED_ACCESS;
    if (is_reserved(m, &pid))
        return VTD_FR_IR_POSTED_RESERVED;
    if (!set_bits(m, pa + vector / 64 * 8, pow2(vector % 64), &was))
        return VTD_FR_IR_POSTED_ACCESS;
    if (entry_get(&pid, PID_SN) && !entry_get(e, IRTE_URG))
        return 0;
    if (!set_bits(m, pa + 8 * PID_CONTROL, M(PID_ON), &was))
        return VTD_FR_IR_POSTED_ACCESS;
    pid.q[PID_CONTROL] = was;
    if (!entry_get(&pid, PID_ON))
        intr_send(m, entry_get(&pid, PID_NDST), false, false, (uint32_t)entry_get(&pid, PID_NV));
    return 0;
}
