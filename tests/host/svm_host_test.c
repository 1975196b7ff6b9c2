/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite svm, host only: memory runs out. Each allocation of a bind fails in turn, so that every step but the
 * first is undone once; the call says so, nothing is left, and the next one works. A teardown asks for none.
 */
#include "tests/host/host.h"
#include "tests/suites/svm_bench.h"

#define MOST 16 /* allocations of one bind */
#define SPID 6

/* All that a failed bind must leave as it was. */
struct state {
    int refs;
    unsigned present, dids, bound;
    size_t objects;
    bool spid, data;
};

static unsigned bindings(const struct iommu_dev *dev)
{
    unsigned n = 0;

    list_for_each (pos, &dev->bindings)
        n++;
    return n;
}

static struct state state_of(struct svm_bench *b, ioasid_t id, unsigned dev)
{
    ioasid_t found;
    void *data = NULL;

    t_settle(b->t);
    return (struct state){.refs = ioasid_refs(b->set, id),
                          .present = svm_presence(b),
                          .dids = vtd_did_count(b->devs[dev]->vtd->unit),
                          .bound = bindings(b->devs[dev]),
                          .objects = host_objects(OWNER_IOASID),
                          .spid = ioasid_spid_find(b->set, SPID, false, &found) == 0,
                          .data = ioasid_data_find(b->set, id, &data) == 0};
}

static void expect_state(struct svm_bench *b, const struct state *is, const struct state *was)
{
    T_EXPECT_EQ(b->t, is->refs, was->refs);
    T_EXPECT_EQ(b->t, is->present, was->present);
    T_EXPECT_EQ(b->t, is->dids, was->dids);
    T_EXPECT_EQ(b->t, is->bound, was->bound);
    T_EXPECT_EQ(b->t, is->objects, was->objects);
    T_EXPECT_EQ(b->t, is->spid, was->spid);
    T_EXPECT_EQ(b->t, is->data, was->data);
}

/* How many allocations the bind of `dev` needed; it is bound when this returns. */
static unsigned starve(struct svm_bench *b, ioasid_t id, unsigned dev)
{
    for (unsigned n = 1; n <= MOST; n++) {
        struct state was = state_of(b, id, dev), is;
        int rc;

        host_fail_allocation(n);
        rc = svm_do_bind(b, id, dev);
        host_fail_allocation(0);
        if (rc == 0)
            return n - 1;
        T_ASSERT_ERR(b->t, rc, -ENOMEM);
        is = state_of(b, id, dev);
        expect_state(b, &is, &was);
    }
    t_fail(b->t, "more than %d allocations", MOST);
}

TEST(svm, bind_without_memory, .needs = SVM_NEEDS | NEED_HOST, .rows = "11", .flaws = "H32 C3 C13 C14 S22",
     .doc =
         "whichever allocation of a bind fails, the first one or a further device's: -ENOMEM; reference, "
         "SPID, private "
         "data, domain id, the device and all memory are as before, nobody is told, and the next bind works")
{
    struct svm_bench b;
    ioasid_t id;

    svm_open(t, &b, 2);
    svm_watch(&b, IOASID_LEVEL_CPU, IOASID_EVENT_ALL);
    b.cfg.spid = SPID;
    id = svm_alloc(&b);
    t_settle(t);
    b.note_count = 0;
    /* Record, space, two for the SPID, two arrays, domain id; page tables that earlier cases did not leave.
     */
    T_EXPECT_GE(t, starve(&b, id, 0), 7u);
    T_EXPECT_EQ(t, svm_heard(&b, IOASID_EVENT_BIND), 1u);
    T_EXPECT_GE(t, starve(&b, id, 1), 1u);
    T_EXPECT_EQ(t, b.note_count, 1u);
    T_EXPECT_EQ(t, svm_presence(&b), 3u);
    T_EXPECT_OK(t, svm_do_unbind(&b, id, 0));
    T_EXPECT_OK(t, svm_do_unbind(&b, id, 1));
    T_EXPECT_OK(t, ioasid_free(b.set, id));
    svm_close(&b);
}

TEST(svm, teardown_without_memory, .needs = SVM_NEEDS | NEED_HOST, .rows = "16 18 23", .flaws = "C16",
     .doc = "an unbind and what follows a free ask for no memory at all: the allocation that was to fail is "
            "still ahead")
{
    struct svm_bench b;
    ioasid_t id;

    svm_open(t, &b, 2);
    id = svm_alloc(&b);
    T_ASSERT_OK(t, svm_do_bind(&b, id, 0));
    T_ASSERT_OK(t, svm_do_bind(&b, id, 1));
    t_settle(t);
    host_fail_allocation(1);
    T_EXPECT_OK(t, svm_do_unbind(&b, id, 0));
    T_EXPECT_ERR(t, ioasid_free(b.set, id), -EINPROGRESS);
    t_settle(t);
    T_EXPECT(t, plat_alloc(16, OWNER_TEST) == NULL);
    host_fail_allocation(0);
    T_EXPECT_EQ(t, svm_presence(&b), 0u);
    T_EXPECT_ERR(t, ioasid_refs(b.set, id), -ENOENT);
    svm_close(&b);
}
