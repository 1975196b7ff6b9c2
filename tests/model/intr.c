/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt remapping, in the steps of the specification, and its cache: of valid entries only, each kept
 * until an invalidation names it. VT-d 5.10, Interrupt Remapping; Interrupt Remapping Fault Conditions; rules
 * 8, 10, 78.
 */
#include "tests/model/model_priv.h"

#define M(field) SPAN_MASK(field)

/* One request on its way. */
struct msi {
    uint16_t sid;
    uint64_t address;
    uint32_t data;
    uint16_t index;
    struct vtd_irte irte;
    bool fpd;
};

static bool is_x2apic(const struct model *m)
{
    return FIELD_GET(VTD_IRTA_EIME, m->intr.irta);
}

/* ---- The cache ---- */

static unsigned count_live(const struct model *m)
{
    unsigned n = 0;

    for (unsigned i = 0; i < IEC_ENTRIES; i++)
        n += m->intr.iec[i].used && m->intr.iec[i].live;
    return n;
}

unsigned intr_cached(const struct model *m)
{
    return count_live(m);
}

static const struct iec_entry *find(const struct model *m, uint16_t index)
{
    for (unsigned i = 0; i < IEC_ENTRIES; i++) {
        const struct iec_entry *e = &m->intr.iec[i];

        if (e->used && e->live && e->index == index)
            return e;
    }
    return NULL;
}

/* One of those that are live, by chance, answers no more. */
static void give_one_up(struct model *m)
{
    unsigned n = rnd(m, count_live(m));

    for (unsigned i = 0; i < IEC_ENTRIES; i++) {
        struct iec_entry *e = &m->intr.iec[i];

        if (e->used && e->live && n-- == 0) {
            e->live = false;
            return;
        }
    }
}

static void keep(struct model *m, const struct msi *msi, uint64_t pa)
{
    struct iec_entry *e = &m->intr.iec[0];

    if (count_live(m) >= m->cfg.cache_max)
        give_one_up(m);
    for (unsigned i = 0; i < IEC_ENTRIES; i++) {
        e = &m->intr.iec[m->intr.next];
        m->intr.next = (m->intr.next + 1) % IEC_ENTRIES;
        if (!e->used || !e->live)
            break;
    }
    *e = (struct iec_entry){.used = true, .live = true, .index = msi->index, .pa = pa, .irte = msi->irte};
}

void intr_flush(struct model *m)
{
    for (unsigned i = 0; i < IEC_ENTRIES; i++)
        m->intr.iec[i].used = false;
}

/* VT-d 5.10, Interrupt Entry Cache Invalidate Descriptor: IM low bits of the index do not count. */
void intr_invalidate(struct model *m, const struct vtd_desc *d)
{
    uint64_t group = pow2((unsigned)entry_get(d, VTD_QI_IEC_IM));
    uint64_t first = align_down(entry_get(d, VTD_QI_IEC_IIDX), group);

    if (entry_get(d, VTD_QI_IEC_G) == VTD_IEC_GRAN_GLOBAL) {
        intr_flush(m);
        return;
    }
    for (unsigned i = 0; i < IEC_ENTRIES; i++) {
        if (align_down(m->intr.iec[i].index, group) == first)
            m->intr.iec[i].used = false;
    }
}

/* What is cached stays, of the old table too, until it is invalidated. */
void intr_table_set(struct model *m)
{
    m->intr.irta = get64(m, IRTA);
}

static uint64_t table_size(const struct model *m)
{
    return pow2((unsigned)FIELD_GET(VTD_IRTA_S, m->intr.irta) + 1) * sizeof(struct vtd_irte);
}

void intr_memory_changed(struct model *m, uint64_t pa, uint64_t size, bool freed)
{
    uint64_t table = FIELD_GET_ADDR(VTD_IRTA_IRTA, m->intr.irta);

    if (!freed)
        return; /* legal while cached: the invalidation comes behind it */
    if (reg_status(m, M(VTD_GSTS_IRES)) && pa < table + table_size(m) && table < pa + size)
        breach(m, "rule 80: %llx freed, where the interrupt remapping table is in use",
               (unsigned long long)pa);
    for (unsigned i = 0; i < IEC_ENTRIES; i++) {
        const struct iec_entry *e = &m->intr.iec[i];

        /* One kept as absent can only refuse, and the next SIRTP asks for its end (rule 8). */
        if (e->used && entry_get(&e->irte, VTD_IRTE_P) && pa < e->pa + sizeof(e->irte) && e->pa < pa + size)
            breach(m, "rule 78: %llx freed while IRTE %u may be cached", (unsigned long long)pa, e->index);
    }
}

/* ---- Step 1: is the request one that is remapped? ---- */

static bool passes(const struct model *m, const struct msi *msi, uint8_t *code)
{
    bool remappable = FIELD_GET(VTD_MSI_FORMAT, msi->address);

    *code = 0;
    if (!reg_status(m, M(VTD_GSTS_IRES))) {
        *code = ECAP(m, IRREQ) ? VTD_FR_IR_DISABLED : 0;
        return true;
    }
    if (ECAP(m, EIMER) && !is_x2apic(m))
        *code = VTD_FR_IR_MODE;
    else if (!remappable && (is_x2apic(m) || !reg_status(m, M(VTD_GSTS_CFIS))))
        *code = VTD_FR_IR_COMPATIBILITY;
    return *code != 0 || !remappable;
}

/* ---- Step 2: which entry ---- */

static uint8_t find_index(const struct model *m, struct msi *msi)
{
    uint64_t index = FIELD_GET(VTD_MSI_HANDLE_LOW, msi->address) |
                     FIELD_PREP(VTD_HANDLE_HIGH, FIELD_GET(VTD_MSI_HANDLE_HIGH, msi->address));

    if (FIELD_GET(VTD_MSI_SHV, msi->address)) {
        if (msi->data > UINT16_MAX)
            return VTD_FR_IR_RESERVED_REQUEST;
        index += msi->data;
    }
    msi->index = (uint16_t)index;
    return index >= table_size(m) / sizeof(struct vtd_irte) ? VTD_FR_IR_INDEX : 0;
}

/* ---- Step 3: the entry, in one read ---- */

static bool dlm_ok(uint64_t dlm)
{
    return dlm != 3 && dlm != 6;
}

static bool remapped_ok(const struct model *m, const struct vtd_irte *e)
{
    uint64_t reserved = M(BITS(14, 12)) | M(BITS(31, 24));

    if (!is_x2apic(m))
        reserved |= M(VTD_IRTE_DST) & ~M(VTD_IRTE_DST_XAPIC);
    return (e->q[0] & reserved) == 0 && (e->q[1] & M(BITS(127, 84))) == 0 &&
           dlm_ok(entry_get(e, VTD_IRTE_DLM));
}

static uint8_t check_entry(const struct model *m, struct msi *msi)
{
    const struct vtd_irte *e = &msi->irte;
    bool ok;

    msi->fpd = entry_get(e, VTD_IRTE_FPD);
    if (!entry_get(e, VTD_IRTE_P))
        return VTD_FR_IR_NOT_PRESENT;
    if (entry_get(e, VTD_IRTE_IM))
        ok = CAP(m, PI) && intr_post_entry_ok(e);
    else
        ok = remapped_ok(m, e);
    return ok && entry_get(e, VTD_IRTE_SVT) != 3 ? 0 : VTD_FR_IR_RESERVED_ENTRY;
}

static uint8_t get_entry(struct model *m, struct msi *msi)
{
    const struct iec_entry *cached = find(m, msi->index);
    uint64_t pa = FIELD_GET_ADDR(VTD_IRTA_IRTA, m->intr.irta) + msi->index * sizeof(struct vtd_irte);
    uint8_t code;

    if (cached != NULL) {
        msi->irte = cached->irte;
        return check_entry(m, msi);
    }
    if (pa >= haw_end(m))
        return VTD_FR_IR_INDEX;
    if (!mem_walk(m, pa, &msi->irte, sizeof(msi->irte), ECAP(m, C)))
        return VTD_FR_IR_ACCESS;
    code = check_entry(m, msi);
    if (code == 0 || CAP(m, CM))
        keep(m, msi, pa);
    return code;
}

/* ---- Step 4: whose entry it is ---- */

static bool source_ok(const struct vtd_irte *e, uint16_t sid)
{
    static const uint16_t ignored[] = {0, 4, 6, 7};
    uint64_t want = entry_get(e, VTD_IRTE_SID);
    unsigned bus = sid / 256;

    switch (entry_get(e, VTD_IRTE_SVT)) {
    case 1:
        return ((sid ^ want) & ~(uint64_t)ignored[entry_get(e, VTD_IRTE_SQ)]) == 0;
    case 2:
        return bus >= want / 256 && bus <= want % 256;
    default:
        return true;
    }
}

/* ---- Step 5: what leaves the unit ---- */

/* VT-d 5.10, Programming in Intel 64 xAPIC / x2APIC Mode: where the destination stands in the message. */
void intr_send(struct model *m, uint64_t destination, bool rh, bool dm, uint32_t data)
{
    uint64_t low = is_x2apic(m) ? destination % 256 : FIELD_GET(BITS(15, 8), destination);
    uint64_t high = is_x2apic(m) ? align_down(destination, 256) : 0;
    uint64_t address = FIELD_PREP(VTD_MSI_FEE, 0xfeeu) + low * PAGE_SIZE + (rh ? 8 : 0) + (dm ? 4 : 0);

    m->host.interrupt(m->host.ctx, address + high * pow2(32), data);
}

static uint8_t deliver(struct model *m, const struct msi *msi)
{
    const struct vtd_irte *e = &msi->irte;
    uint64_t level = entry_get(e, VTD_IRTE_TM);

    if (entry_get(e, VTD_IRTE_IM))
        return intr_post(m, e);
    intr_send(m, entry_get(e, VTD_IRTE_DST), entry_get(e, VTD_IRTE_RH), entry_get(e, VTD_IRTE_DM),
              (uint32_t)(entry_get(e, VTD_IRTE_V) | FIELD_PREP(BITS(10, 8), entry_get(e, VTD_IRTE_DLM)) |
                         FIELD_PREP(BIT(15), level) | FIELD_PREP(BIT(14), level)));
    return 0;
}

/* ---- All of it ---- */

static uint8_t remap(struct model *m, struct msi *msi)
{
    uint8_t code = find_index(m, msi);

    if (code == 0)
        code = get_entry(m, msi);
    if (code == 0 && !source_ok(&msi->irte, msi->sid))
        code = VTD_FR_IR_SOURCE;
    return code != 0 ? code : deliver(m, msi);
}

struct model_completion model_msi(struct model *m, uint16_t sid, uint64_t address, uint32_t data)
{
    struct msi msi = {.sid = sid, .address = address, .data = data};
    uint8_t code;

    if (!passes(m, &msi, &code))
        code = remap(m, &msi);
    else if (code == 0)
        m->host.interrupt(m->host.ctx, address, data);
    if (code == 0)
        return (struct model_completion){.status = MODEL_SUCCESS, .moved = sizeof(data)};
    fault_of_interrupt(m, sid, msi.index, code, msi.fpd);
    return (struct model_completion){.status = MODEL_UR, .fault = code};
}
