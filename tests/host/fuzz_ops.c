/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: any sequence of calls on numbers, devices and tables, on the strict units, against what the
 * contract says of each: result, what each device reaches, no rule broken, nothing left at the end. Devices
 * send what they like in between: requests, page requests, interrupt messages.
 *
 * The input is a sequence of pairs: what, and on which.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iommu/iommu.h"
#include "iommu/vtd_fault.h"
#include "tests/host/fuzz.h"
#include "tests/host/model_machine.h"
#include "tests/host/stub_machine.h"

#define DEVS       4
#define IDS        3
#define PAGES      2
#define IOVA(n)    (0x5480000000ull + (n)*0x40201000ull)
#define REST_NS    1000000000ull
#define PASID_BITS 8 /* small directories: inputs per second count */
#define NOTHING    (-1)

static struct iommu *iommu;
static struct iommu_dev *devs[DEVS];
static struct pgtable *tables[IDS];
static uint8_t *memory;

/* What there has to be. */
static struct {
    ioasid_t id[IDS];
    bool live[IDS];
    bool mapped[IDS][PAGES];
    int bound[DEVS]; /* to which of the numbers, or NOTHING */
} now;

static void check(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "ops: %s\n", what);
    abort();
}

static const struct stub_dev *dev_at(unsigned n)
{
    return stub_machine_dev(n % STUB_UNITS, n / STUB_UNITS);
}

static struct ioasid_set *set(void)
{
    return ioasid_system_set(iommu->ioasids);
}

static bool is_bound(unsigned i)
{
    for (unsigned d = 0; d < DEVS; d++) {
        if (now.bound[d] == (int)i)
            return true;
    }
    return false;
}

/* ---- Calls ---- */

static void alloc_id(unsigned i)
{
    if (now.live[i])
        return;
    check(ioasid_alloc(set(), 1, IOASID_NUMBERS - 1, &now.id[i]) == 0, "alloc");
    now.live[i] = true;
}

static void free_id(unsigned i)
{
    int want = !now.live[i] ? -ENOENT : is_bound(i) ? -EBUSY : 0;

    check(ioasid_free(set(), now.id[i]) == want, "free");
    if (want == 0)
        now.live[i] = false;
    check(plat_idle_wait(REST_NS) == 0, "rest");
}

static void bind(unsigned d, unsigned i)
{
    struct ioasid_bind_cfg cfg = {.stage = IOMMU_FIRST_STAGE, .table = tables[i], .spid = IOASID_NO_SPID};
    int want = !now.live[i] ? -ENOENT : now.bound[d] != NOTHING ? -EBUSY : 0;
    int err = ioasid_bind(set(), now.id[i], devs[d], &cfg);

    /* Number 0 never was: it is refused as an argument before anybody looks for it. */
    check(err == want || (want == -ENOENT && err == -EINVAL && ioasid_number(now.id[i]) == 0), "bind");
    if (want == 0)
        now.bound[d] = (int)i;
}

static void unbind(unsigned d, unsigned i)
{
    int want = now.bound[d] == (int)i ? 0 : -ENOENT;

    check(ioasid_unbind(set(), now.id[i], devs[d]) == want, "unbind");
    if (want == 0)
        now.bound[d] = NOTHING;
}

static void flush(unsigned i, unsigned page)
{
    int want = is_bound(i) ? 0 : -ENOENT;

    check(ioasid_flush(set(), now.id[i], (iova_t){IOVA(page)}, PAGE_SIZE, false) == want, "flush");
}

static void map(unsigned i, unsigned page)
{
    int want = now.mapped[i][page] ? -EEXIST : 0;
    paddr_t pa = {plat_pa(memory).v + page * PAGE_SIZE};

    check(pgtable_map(tables[i], (iova_t){IOVA(page)}, pa, PAGE_SIZE, PGTABLE_RW) == want, "map");
    now.mapped[i][page] = true;
    flush(i, page);
}

static void unmap(unsigned i, unsigned page)
{
    check(pgtable_unmap(tables[i], (iova_t){IOVA(page)}, PAGE_SIZE) == 0, "unmap");
    now.mapped[i][page] = false;
    flush(i, page);
    pgtable_gc(tables[i]);
}

/* A failing allocation; what was asked for then is asked for again in peace. */
static void bind_without_memory(unsigned d, unsigned i, unsigned nth)
{
    struct ioasid_bind_cfg cfg = {.stage = IOMMU_FIRST_STAGE, .table = tables[i], .spid = IOASID_NO_SPID};
    int err;

    if (!now.live[i] || now.bound[d] != NOTHING)
        return;
    (void)host_fail_allocation(nth + 1);
    err = ioasid_bind(set(), now.id[i], devs[d], &cfg);
    (void)host_fail_allocation(0);
    check(err == 0 || err == -ENOMEM, "bind without memory");
    if (err == 0)
        now.bound[d] = (int)i;
}

/* ---- Devices ---- */

static void check_reach(unsigned d, unsigned page)
{
    bool want = now.bound[d] != NOTHING && now.mapped[now.bound[d]][page];
    uint8_t data[8] = {0};
    struct model_request rq = {.sid = dev_at(d)->rids[0],
                               .access = MODEL_READ,
                               .addr = IOVA(page),
                               .len = sizeof(data),
                               .data = data};
    struct model_completion c;

    model_machine_enter();
    c = model_dma(model_machine_unit(d % STUB_UNITS), &rq);
    model_machine_leave();
    check((c.status == MODEL_SUCCESS) == want, want ? "a bound device is refused" : "a device gets through");
    if (want)
        check(memcmp(data, memory + page * PAGE_SIZE, sizeof(data)) == 0, "other memory is reached");
}

/* Something that no honest device sends. */
static void lie(unsigned d, uint8_t how)
{
    struct model *m = model_machine_unit(d % STUB_UNITS);
    uint16_t sid = how & 1 ? dev_at(d)->rids[0] : (uint16_t)(how * 257u);
    uint8_t data[8] = {0};
    struct model_request rq = {.sid = sid,
                               .has_pasid = how & 2,
                               .pasid = how * 4099u,
                               .at = how % 3,
                               .access = MODEL_READ,
                               .addr = how & 4 ? 0xfee00000ull + how : (uint64_t)how << 56,
                               .len = sizeof(data),
                               .data = data};

    model_machine_enter();
    (void)model_dma(m, &rq);
    if (how & 8)
        (void)model_msi(m, sid, 0xfee00000ull + how * 8u, how);
    model_machine_leave();
}

static void take_faults(void)
{
    struct vtd_fault faults[4];
    char text[200];

    for (unsigned u = 0; u < iommu->unit_count; u++) {
        unsigned count = vtd_fault_poll(iommu->units[u], faults, ARRAY_SIZE(faults), NULL);

        for (unsigned i = 0; i < count; i++)
            vtd_fault_text(&faults[i], text, sizeof(text));
    }
}

/* ---- One input ---- */

static void step(uint8_t what, uint8_t on)
{
    unsigned d = on % DEVS, i = on / DEVS % IDS, page = on / (DEVS * IDS) % PAGES;

    switch (what % 10) {
    case 0:
        alloc_id(i);
        break;
    case 1:
        free_id(i);
        break;
    case 2:
        bind(d, i);
        break;
    case 3:
        unbind(d, i);
        break;
    case 4:
        map(i, page);
        break;
    case 5:
        unmap(i, page);
        break;
    case 6:
        bind_without_memory(d, i, what / 10 % 8);
        break;
    case 7:
        lie(d, on);
        break;
    case 8:
        take_faults();
        break;
    default:
        check_reach(d, page);
    }
}

static void check_all(void)
{
    unsigned live = 0;
    char text[160] = "";
    const char *breach;

    for (unsigned i = 0; i < IDS; i++)
        live += now.live[i];
    for (unsigned d = 0; d < DEVS; d++) {
        for (unsigned page = 0; page < PAGES; page++)
            check_reach(d, page);
    }
    check(iommu_audit(iommu, live, text, sizeof(text)) == 0, text);
    breach = model_machine_breach();
    check(breach == NULL, breach);
}

static void create(void)
{
    struct pgtable_cfg cfg = {
        .stage = PGTABLE_FIRST, .levels = 4, .haw = 46, .page_sizes = PGTABLE_4K + PGTABLE_2M};
    char why[160];
    size_t size;
    const void *dmar;

    host_log_level(LOG_ERROR);
    check(stub_machine_create("model") == 0, "machine");
    dmar = stub_machine_dmar(&size);
    check(iommu_create(dmar, size, &iommu, why, sizeof(why)) == 0 && iommu_start(iommu) == 0, "start");
    memory = plat_pages_alloc(PAGES, OWNER_TEST);
    check(memory != NULL, "memory");
    memset(memory, 0x5a, PAGE_SIZE);
    memset(memory + PAGE_SIZE, 0xc3, PAGE_SIZE);
    plat_publish(memory, PAGES * PAGE_SIZE, false);
    for (unsigned i = 0; i < IDS; i++)
        check(pgtable_create(&cfg, &tables[i]) == 0, "table");
}

static void begin(void)
{
    if (iommu == NULL)
        create();
    memset(&now, 0, sizeof(now));
    for (unsigned d = 0; d < DEVS; d++) {
        const struct stub_dev *s = dev_at(d);

        now.bound[d] = NOTHING;
        check(iommu_dev_attach(iommu, s->id, s->rids, s->rid_count, PASID_BITS, &devs[d]) == 0, "attach");
    }
}

static void end(void)
{
    for (unsigned d = 0; d < DEVS; d++) {
        if (now.bound[d] != NOTHING)
            unbind(d, (unsigned)now.bound[d]);
        check(iommu_dev_detach(devs[d]) == 0, "detach");
    }
    for (unsigned i = 0; i < IDS; i++) {
        for (unsigned page = 0; page < PAGES; page++)
            unmap(i, page);
        if (now.live[i])
            free_id(i);
    }
    take_faults();
    check(plat_idle_wait(REST_NS) == 0, "rest");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static size_t objects, pages;
    bool first = iommu == NULL;

    begin();
    if (first) {
        end();
        objects = host_objects(OWNER_IOASID) + host_objects(OWNER_TABLE);
        pages = host_pages(OWNER_TABLE) + host_pages(OWNER_PGTABLE);
        begin();
    }
    for (size_t i = 0; i + 1 < size; i += 2)
        step(data[i], data[i + 1]);
    check_all();
    end();
    check(objects == host_objects(OWNER_IOASID) + host_objects(OWNER_TABLE), "an object is left");
    check(pages == host_pages(OWNER_TABLE) + host_pages(OWNER_PGTABLE), "a page is left");
    return 0;
}
