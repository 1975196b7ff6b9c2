/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: page requests of a device that lies. It asks with PASIDs that it has not, begins groups and
 * ends none, sends stop markers in between, more than it was allowed and more than the queue takes, while its
 * number is bound, unbound, freed, and the machine sleeps. Whatever it does: each request that wants an
 * answer gets one (rule 58), memory is bounded (VTD_PRQ_GROUPS), no rule is broken, and another device on the
 * same unit is served. Records that a strict unit would not let through (of no requester, of no type) go into
 * the queue of a unit that only records.
 *
 * The input: a byte for the lane, then pairs: what, and with which parameters. A record takes 16 bytes more.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iommu/iommu.h"
#include "iommu/vtd_table.h"
#include "iommu/vtd_unit.h"
#include "tests/host/fuzz.h"
#include "tests/host/model_machine.h"
#include "tests/host/stub_machine.h"

#define UNIT       1
#define DEVS       STUB_ATS_DEVS /* the liar, and one that is honest */
#define LIAR       0
#define HONEST     1
#define HELD       24
#define QDEP       8
#define IOVA       0x5480000000ull
#define PASID_BITS 8 /* small directories: inputs per second count */
#define REST_NS    1000000000ull
#define LOOKS      24
#define LOOKS_MAX  4000

static struct iommu *iommu;
static struct vtd_unit *unit;
static struct pgtable *table;

/* A device, its number, and who serves it. */
static struct device {
    const struct stub_dev *stub;
    struct iommu_dev *dev;
    ioasid_t id;
    bool live, bound, ats;
    struct iommu_pager pager;
    enum { ANSWER, REFUSE, HOLD, UNBIND } policy;
    struct iommu_page_group *held[HELD];
    unsigned held_count;
    unsigned served, asked, heard, succeeded; /* groups; requests that want an answer; answers */
} devices[DEVS];

static void check(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "prq: %s\n", what);
    abort();
}

static struct ioasid_set *set(void)
{
    return ioasid_system_set(iommu->ioasids);
}

/* ---- Who serves ---- */

static void unbind(struct device *d)
{
    check(ioasid_unbind(set(), d->id, d->dev) == (d->bound ? 0 : -ENOENT), "unbind");
    d->bound = false;
}

static void serve(struct iommu_pager *pager, struct iommu_page_group *group)
{
    struct device *d = container_of(pager, struct device, pager);

    check(group->count >= 1 && group->count <= IOMMU_GROUP_PAGES, "pages of a group");
    check(group->rid == d->stub->rids[0] && ioasid_eq(group->id, d->id), "another one's group");
    d->served++;
    if (d->policy == HOLD && d->held_count < HELD) {
        d->held[d->held_count++] = group;
        return;
    }
    if (d->policy == UNBIND && d->bound)
        unbind(d);
    iommu_page_answer(group, d->policy == REFUSE ? IOMMU_PAGES_INVALID : IOMMU_PAGES_PRESENT);
}

static void answer_held(struct device *d)
{
    while (d->held_count > 0)
        iommu_page_answer(d->held[--d->held_count], IOMMU_PAGES_PRESENT);
}

/* ---- What devices hear ---- */

static void hear(void)
{
    struct model_page_response r;

    while (model_page_response(model_machine_unit(UNIT), &r)) {
        for (unsigned n = 0; n < DEVS; n++) {
            devices[n].heard += devices[n].stub->rids[0] == r.sid;
            devices[n].succeeded += devices[n].stub->rids[0] == r.sid && r.code == VTD_PRESP_SUCCESS;
        }
    }
}

/* The device TLB is what configuration space says. */
static void configured(struct pci_id fn)
{
    for (unsigned n = 0; n < DEVS; n++) {
        struct device *d = &devices[n];
        const struct model_device tlb = {.sid = fn.rid, .qdep = QDEP};

        if (d->stub->id.rid != fn.rid)
            continue;
        d->ats = bit_is_set(plat_pci_read32(fn, STUB_ATS_CONTROL), 31);
        model_machine_enter();
        if (d->ats)
            check(model_device_set(model_machine_unit(UNIT), &tlb) == 0, "too many device TLBs");
        else
            model_device_remove(model_machine_unit(UNIT), fn.rid);
        model_machine_leave();
    }
}

/* Some time at least, and until nothing is on its way or at the unit. */
static void let_pass(void)
{
    const struct model *m = model_machine_unit(UNIT);

    for (unsigned i = 0; i < LOOKS || (i < LOOKS_MAX && !model_idle(m)); i++)
        plat_relax();
    check(model_idle(m), "the unit does not come to rest");
}

/* Time passes: the unit delivers, the event comes, groups are served. */
static void settle(void)
{
    let_pass();
    check(plat_idle_wait(REST_NS) == 0, "who serves does not come to rest");
    let_pass();
}

/* ---- Requests ---- */

static void ask(struct device *d, struct model_page_request rq)
{
    rq.sid = d->stub->rids[0];
    if (iommu->suspended)
        return;
    d->asked += rq.last && (rq.read || rq.write || !rq.has_pasid);
    model_machine_enter();
    model_page_request(model_machine_unit(UNIT), &rq);
    model_machine_leave();
    hear();
    check(unit->prq.groups <= DEVS * (VTD_PRQ_GROUPS + HELD), "memory without bound");
}

/* One byte of everything that a request says. */
static void lie(uint8_t how)
{
    struct device *d = &devices[LIAR];
    bool tagged = d->dev->lane == IOMMU_LANE_PASID;

    ask(d, (struct model_page_request){.has_pasid = how & 0x80 ? !tagged : tagged,
                                       .pasid = how & 0x40 ? how * 4099u % 0x100000u : ioasid_number(d->id),
                                       .last = how & 1,
                                       .read = how & 2,
                                       .write = how & 4,
                                       .execute = how & 0x80,
                                       .privileged = how & 0x40,
                                       .group = how >> 3 & 7,
                                       .addr = (uint64_t)how << 50 | IOVA});
}

/* Many requests, each of a group of its own. */
static void flood(uint8_t how)
{
    struct device *d = &devices[LIAR];

    for (unsigned n = 0; n <= how; n++)
        ask(d, (struct model_page_request){.has_pasid = d->dev->lane == IOMMU_LANE_PASID,
                                           .pasid = ioasid_number(d->id),
                                           .last = n & how & 1,
                                           .read = true,
                                           .group = (uint16_t)n,
                                           .addr = IOVA + n * PAGE_SIZE});
}

static void attach(unsigned n)
{
    struct device *d = &devices[n];

    check(iommu_dev_attach(iommu, d->stub->id, d->stub->rids, d->stub->rid_count, PASID_BITS, &d->dev) == 0,
          "attach");
    check(d->dev->vtd->pri, "no page requests");
}

static void bind(struct device *d, bool paged)
{
    struct ioasid_bind_cfg cfg = {.stage = IOMMU_FIRST_STAGE,
                                  .table = table,
                                  .pager = paged ? &d->pager : NULL,
                                  .spid = IOASID_NO_SPID};
    int err;

    if (!d->live) {
        check(ioasid_alloc(set(), 1, (1u << PASID_BITS) - 1, &d->id) == 0, "alloc");
        d->live = true;
    }
    err = ioasid_bind(set(), d->id, d->dev, &cfg);
    if (iommu->suspended)
        check(err == -EAGAIN, "bind while suspended");
    else /* again: with the pager that it has, or another one */
        check(d->bound ? err == -EBUSY || err == -EINVAL : err == 0, "bind");
    d->bound |= err == 0;
}

/* Unbinds, if need be by FREE. */
static void free_id(struct device *d, bool guest)
{
    struct ioasid_bind_cfg cfg = {
        .stage = IOMMU_PASS_THROUGH, .guest = true, .pager = &d->pager, .spid = IOASID_NO_SPID};
    int want = -ENOENT;

    if (d->live && !d->bound && guest && !iommu->suspended) {
        check(ioasid_bind(set(), d->id, d->dev, &cfg) == 0, "bind a guest's");
        lie(3);
        want = -EINPROGRESS;
    } else if (d->live) {
        want = d->bound ? -EBUSY : 0;
    }
    check(ioasid_free(set(), d->id) == want || !d->live, "free");
    d->live &= want == -EBUSY;
    settle();
}

/* The other one asks for one page, and its owner is asked, whatever the first one does. */
static void be_honest(void)
{
    struct device *d = &devices[HONEST];
    unsigned served = d->served;

    if (iommu->suspended)
        return;
    settle();
    ask(d, (struct model_page_request){.has_pasid = d->dev->lane == IOMMU_LANE_PASID,
                                       .pasid = ioasid_number(d->id),
                                       .last = true,
                                       .read = true,
                                       .addr = IOVA});
    settle();
    hear();
    check(d->served == served + 1 && d->succeeded == d->asked, "an honest device is not served");
}

static void sleep_or_wake(void)
{
    check((iommu->suspended ? iommu_resume(iommu) : iommu_suspend(iommu)) == 0, "sleep");
}

/* ---- Any records, in the queue of a unit that only records ---- */

static struct stub_unit recorder;
static struct vtd_unit *recorded;

static void make_recorder(void)
{
    const struct stub_cfg cfg = {
        .base = {0xfeda0000},
        .ver = 0x60,
        .cap = FIELD_PREP(VTD_CAP_ND, 6) | FIELD_PREP(VTD_CAP_SAGAW, 6) | FIELD_PREP(VTD_CAP_MGAW, 47) |
               FIELD_PREP(VTD_CAP_FRO, 0x22) | SPAN_MASK(VTD_CAP_ESRTPS),
        .ecap = FIELD_PREP(VTD_ECAP_IRO, 0xf) | SPAN_MASK(VTD_ECAP_QI) | SPAN_MASK(VTD_ECAP_SMTS) |
                SPAN_MASK(VTD_ECAP_FSTS) | SPAN_MASK(VTD_ECAP_DT) | SPAN_MASK(VTD_ECAP_PRS) |
                SPAN_MASK(VTD_ECAP_PDS)};
    const char *why;

    stub_unit_create(&recorder, &cfg);
    check(vtd_unit_create(cfg.base, PAGE_SIZE, 0, 46, &recorded, &why) == 0, "unit");
    check(vtd_unit_start(recorded) == 0, "start of a unit");
}

static void check_answer(const struct vtd_page_request *r, bool wanted)
{
    bool tagged = entry_get(r, VTD_PRQ_PP);
    const struct vtd_desc *d = &recorder.stream[0];

    check(recorder.stream_count == wanted, "answers to a record");
    if (!wanted)
        return;
    check(entry_get(d, VTD_QI_PRESP_RID) == entry_get(r, VTD_PRQ_RID) &&
              entry_get(d, VTD_QI_PRESP_PP) == tagged &&
              entry_get(d, VTD_QI_PRESP_PASID) == (tagged ? entry_get(r, VTD_PRQ_PASID) : 0) &&
              entry_get(d, VTD_QI_PRESP_PRGI) == entry_get(r, VTD_PRQ_PRGI),
          "answer to another one's request");
}

static void record(uint64_t q0, uint64_t q1)
{
    struct vtd_page_request r = {{q0, q1, 0, 0}};
    unsigned slot = recorded->prq.head;
    bool marker = entry_get(&r, VTD_PRQ_PP) && !entry_get(&r, VTD_PRQ_RDR) && !entry_get(&r, VTD_PRQ_WRR);
    bool request = entry_get(&r, VTD_PRQ_TYPE) == VTD_PRQ_TYPE_REQUEST;

    stub_stream_clear(&recorder);
    recorded->prq.ring[slot] = r;
    stub_set_reg(&recorder, VTD_OFF_PQT, 8, (slot + 1) % VTD_PRQ_SLOTS * sizeof(r));
    stub_set_reg(&recorder, VTD_OFF_PRS, 4, 1);
    vtd_prq_collect(recorded);
    check(recorded->prq.head == (slot + 1) % VTD_PRQ_SLOTS, "a record stops the queue");
    check_answer(&r, request && entry_get(&r, VTD_PRQ_LPIG) && !marker);
}

/* ---- One input ---- */

static void step(uint8_t what, uint8_t how)
{
    struct device *d = &devices[LIAR];

    switch (what % 12) {
    case 0:
        bind(d, how & 1);
        break;
    case 1:
        if (d->live)
            unbind(d);
        break;
    case 2:
        free_id(d, how & 1);
        break;
    case 3:
        flood(how);
        break;
    case 4:
        settle();
        break;
    case 5:
        answer_held(d);
        break;
    case 6:
        d->policy = how % 4;
        break;
    case 7:
        be_honest();
        break;
    case 8:
        sleep_or_wake();
        break;
    default:
        lie(how);
    }
    hear();
}

static void create(void)
{
    struct pgtable_cfg cfg = {
        .stage = PGTABLE_FIRST, .levels = 4, .haw = 46, .page_sizes = PGTABLE_4K + PGTABLE_2M};
    char why[160];
    size_t size;
    const void *dmar;

    host_log_level(LOG_ERROR);
    check(stub_machine_create("model-server") == 0, "machine");
    dmar = stub_machine_dmar(&size);
    check(iommu_create(dmar, size, &iommu, why, sizeof(why)) == 0 && iommu_start(iommu) == 0, "start");
    unit = iommu->units[UNIT];
    check(pgtable_create(&cfg, &table) == 0, "table");
    host_pci_on_write(configured);
    model_machine_on_time(hear);
    make_recorder();
}

static void begin(enum iommu_lane lane)
{
    if (iommu == NULL)
        create();
    check(iommu_set_lane(iommu, lane) == 0, "lane");
    for (unsigned n = 0; n < DEVS; n++)
        devices[n] = (struct device){.stub = stub_machine_ats_dev(UNIT, n), .pager.serve = serve};
    for (unsigned n = 0; n < DEVS; n++)
        attach(n);
    bind(&devices[HONEST], true);
}

static void end(void)
{
    if (iommu->suspended)
        sleep_or_wake();
    for (unsigned n = 0; n < DEVS; n++) {
        struct device *d = &devices[n];

        if (d->bound)
            unbind(d);
        answer_held(d);
        check(iommu_dev_detach(d->dev) == 0, "detach");
        if (d->live)
            check(ioasid_free(set(), d->id) == 0, "free at the end");
    }
    settle();
    hear();
    for (unsigned n = 0; n < DEVS; n++)
        check(devices[n].heard == devices[n].asked, "requests and answers");
    check(unit->prq.groups == 0, "a group is left");
}

static void check_all(void)
{
    const char *breach = model_machine_breach();
    char text[160] = "";

    check(breach == NULL, breach);
    check(iommu_audit(iommu, 0, text, sizeof(text)) == 0, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t q[2];

    if (size == 0)
        return 0;
    begin((enum iommu_lane)(data[0] % 3));
    for (size_t i = 1; i + 1 < size; i += 2) {
        if (data[i] % 12 != 11) {
            step(data[i], data[i + 1]);
        } else if (i + 1 + sizeof(q) < size) {
            memcpy(q, &data[i + 2], sizeof(q));
            record(q[0], q[1]);
            i += sizeof(q);
        }
    }
    be_honest();
    end();
    check_all();
    return 0;
}
