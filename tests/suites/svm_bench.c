/* SPDX-License-Identifier: BSD-2-Clause */
/* Fixture of the suites about binding; see svm_bench.h. */
#include "tests/suites/svm_bench.h"

#include <string.h>

bool svm_present(const struct svm_bench *b, unsigned dev)
{
    struct vtd_pasid_entry entry;

    T_ASSERT_OK(b->t, vtd_pasid_read(b->devs[dev]->vtd, 0, &entry));
    return entry_get(&entry, VTD_PASID_P);
}

bool svm_zero(const struct svm_bench *b, unsigned dev)
{
    static const struct vtd_pasid_entry nothing;
    struct vtd_pasid_entry entry;

    T_ASSERT_OK(b->t, vtd_pasid_read(b->devs[dev]->vtd, 0, &entry));
    return memcmp(&entry, &nothing, sizeof(entry)) == 0;
}

unsigned svm_presence(const struct svm_bench *b)
{
    unsigned bits = 0;

    for (unsigned i = 0; i < SVM_DEVS; i++)
        bits |= b->devs[i] && svm_present(b, i) ? 1u << i : 0;
    return bits;
}

static int watch(struct ioasid_notifier *nb, const struct ioasid_event *ev)
{
    struct svm_watcher *w = container_of(nb, struct svm_watcher, nb);
    struct svm_bench *b = w->bench;

    if (b->note_count < SVM_NOTES)
        b->notes[b->note_count++] = (struct svm_note){w, ev->type, svm_presence(b), ev->id};
    if (w->act)
        w->act(w, ev);
    return ev->type == IOASID_EVENT_BIND ? w->answer_to_bind : 0;
}

struct svm_watcher *svm_watch(struct svm_bench *b, enum ioasid_level level, unsigned events)
{
    struct svm_watcher *w = &b->watchers[b->watcher_count++];

    w->bench = b;
    w->nb = (struct ioasid_notifier){.handler = watch, .level = level, .events = events, .name = "watcher"};
    T_ASSERT_OK(b->t, ioasid_notifier_register(b->core, IOASID_ANY_SET, &w->nb));
    return w;
}

/* The first endpoints that the DMAR names, units by turns, so that two devices have two units where there are
 * two. */
static void attach_endpoints(struct svm_bench *b, unsigned wanted)
{
    struct iommu *iommu = b->t->iommu;

    for (unsigned skip = 0, found = 0; found < wanted; skip++) {
        unsigned before = found;

        dmar_for_each(s, &iommu->dmar)
        {
            unsigned nth = 0;

            dmar_for_each_scope(scope, &iommu->dmar, &s)
            {
                struct pci_id fn = {.segment = s.segment};

                if (s.type != DMAR_DRHD || scope.type != DMAR_SCOPE_ENDPOINT || nth++ != skip ||
                    found == wanted)
                    continue;
                fn.rid = RID(scope.start_bus, scope.path[0], scope.path[1]);
                if (scope.path_len == 1 &&
                    iommu_dev_attach(iommu, fn, &fn.rid, 1, IOASID_BITS, &b->devs[found]) == 0)
                    found++;
            }
        }
        if (found == before && skip > 64)
            t_skip(b->t, "the DMAR names %u endpoints, %u are needed", found, wanted);
    }
}

void svm_open(struct t *t, struct svm_bench *b, unsigned devs)
{
    *b = (struct svm_bench){.t = t};
    b->core = t->iommu->ioasids;
    b->set = ioasid_system_set(b->core);
    b->cfg = (struct ioasid_bind_cfg){.stage = IOMMU_PASS_THROUGH, .guest = true, .spid = IOASID_NO_SPID};
    attach_endpoints(b, devs);
}

void svm_close(struct svm_bench *b)
{
    t_settle(b->t);
    for (unsigned i = 0; i < b->watcher_count; i++)
        T_EXPECT_OK(b->t, ioasid_notifier_unregister(b->core, &b->watchers[i].nb));
    for (unsigned i = 0; i < SVM_DEVS; i++) {
        if (b->devs[i])
            T_EXPECT_OK(b->t, iommu_dev_detach(b->devs[i]));
    }
}

ioasid_t svm_alloc(struct svm_bench *b)
{
    ioasid_t id = IOASID_INVALID;

    T_ASSERT_OK(b->t, ioasid_alloc(b->set, 1, IOASID_NUMBERS - 1, &id));
    return id;
}

int svm_do_bind(struct svm_bench *b, ioasid_t id, unsigned dev)
{
    return ioasid_bind(b->set, id, b->devs[dev], &b->cfg);
}

int svm_do_unbind(struct svm_bench *b, ioasid_t id, unsigned dev)
{
    return ioasid_unbind(b->set, id, b->devs[dev]);
}

void svm_expect_audit(struct svm_bench *b, uint32_t live)
{
    char text[160] = "";

    if (!T_EXPECT_OK(b->t, iommu_audit(b->t->iommu, live, text, sizeof(text))))
        t_note(b->t, "%s", text);
}

unsigned svm_heard(const struct svm_bench *b, enum ioasid_event_type type)
{
    unsigned n = 0;

    for (unsigned i = 0; i < b->note_count; i++)
        n += b->notes[i].type == type;
    return n;
}
