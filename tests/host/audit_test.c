/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite audit, host only: the audits complain. One word of a record, or of a table in memory, is damaged at a
 * time; the audit names exactly that, and is content again once it is repaired. Without these cases an audit
 * that finds nothing would prove nothing.
 */
#include <stdio.h>
#include <string.h>

#include "iommu/ioasid_core.h"
#include "iommu/svm_space.h"
#include "iommu/vtd_unit.h"
#include "tests/host/own_unit.h"
#include "tests/host/stub_machine.h"
#include "tests/suites/core_bench.h"

/* ---- The core ---- */

struct core_case {
    struct core_bench c;
    struct ioasid_set *set;
    struct ioasid_slot *slot;
    ioasid_t id;
    uint32_t number;
    struct ioasid_rec *rec;
    struct ioasid_hot *hot;
    struct ioasid_rec kept_rec;
    struct ioasid_slot kept_slot;
    struct ioasid_core kept;
    struct ioasid_turn turn;
    uint64_t kept_key;
};

static void lose_set(struct core_case *k)
{
    k->slot->handle = NULL;
}

static void lookup_says_dying(struct core_case *k)
{
    k->hot->key ^= KEY_DYING;
}

static void lose_references(struct core_case *k)
{
    k->rec->refs = 0;
}

static void lose_binding_reference(struct core_case *k)
{
    k->rec->flags |= REC_BOUND;
}

static void keep_what_nobody_has(struct core_case *k)
{
    k->rec->flags |= REC_DYING;
    k->hot->key ^= KEY_DYING;
    k->rec->refs = 0;
}

static void owe_an_unbind(struct core_case *k)
{
    k->rec->flags |= REC_TOLD;
}

static void miscount_out(struct core_case *k)
{
    k->c.core->out++;
}

static void miscount_pending(struct core_case *k)
{
    k->c.core->stats.pending++;
}

static void miscount_spare(struct core_case *k)
{
    k->c.core->ring.take--;
}

static void miscount_set(struct core_case *k)
{
    k->slot->live++;
}

static void exceed_quota(struct core_case *k)
{
    k->slot->quota = 0;
}

static void miscount_sets(struct core_case *k)
{
    k->c.core->sets++;
}

static void miscount_reserved(struct core_case *k)
{
    k->c.core->reserved++;
}

static const struct core_damage {
    void (*damage)(struct core_case *k);
    const char *words;
} core_damages[] = {
    {lose_set, "its set is gone (C7)"},
    {lookup_says_dying, "disagree on whether it is dying"},
    {lose_references, "fewer references than owner and binding hold (V2)"},
    {lose_binding_reference, "fewer references than owner and binding hold (V2)"},
    {keep_what_nobody_has, "no reference left, and not reclaimed"},
    {owe_an_unbind, "BIND delivered and not bound (V4)"},
    {miscount_out, "is not what the pool has lent (V5)"},
    {miscount_pending, "the count of pending IDs is not what the table holds (V5)"},
    {miscount_spare, "what is out is not live, in limbo, spare"},
    {miscount_set, "the count of a set is not what the table holds (V5)"},
    {exceed_quota, "more IDs than its quota (V5)"},
    {miscount_sets, "the count of sets is wrong"},
    {miscount_reserved, "are not the capacity (V6)"},
};

static void core_complains(struct core_case *k, uint32_t live, const char *words)
{
    char text[160] = "";

    T_EXPECT_ERR(k->c.t, ioasid_audit(k->c.core, live, text, sizeof(text)), -EINVAL);
    if (!T_EXPECT(k->c.t, strstr(text, words) != NULL))
        t_note(k->c.t, "wanted \"%s\", got \"%s\"", words, text);
}

static void core_case_open(struct t *t, struct core_case *k)
{
    core_open(t, &k->c, 8);
    k->set = core_set(&k->c, 4);
    k->id = core_alloc(&k->c, k->set);
    core_settle(&k->c);
    k->number = ioasid_number(k->id);
    k->slot = ioasid_slot_of(k->set);
    k->rec = ioasid_rec_at(k->c.core, k->number);
    k->hot = ioasid_hot_at(k->c.core, k->number);
    k->kept_rec = *k->rec;
    k->kept_slot = *k->slot;
    k->kept = *k->c.core;
    k->kept_key = k->hot->key;
}

static void core_repair(struct core_case *k)
{
    *k->rec = k->kept_rec;
    k->hot->key = k->kept_key;
    *k->slot = k->kept_slot;
    *k->c.core = k->kept;
}

static void core_case_close(struct core_case *k)
{
    T_ASSERT_OK(k->c.t, ioasid_free(k->set, k->id));
    T_ASSERT_OK(k->c.t, ioasid_set_destroy(k->set));
    core_close(&k->c);
}

TEST(audit, core, .needs = NEED_HOST,
     .doc = "each count and each flag of the core that is wrong: the audit says which, and of which ID")
{
    struct core_case k;

    core_case_open(t, &k);
    for (unsigned i = 0; i < ARRAY_SIZE(core_damages); i++) {
        core_damages[i].damage(&k);
        core_complains(&k, 1, core_damages[i].words);
        core_repair(&k);
        core_audit(&k.c, 1);
    }
    core_case_close(&k);
}

TEST(
    audit, core_pool, .needs = NEED_HOST,
    .doc = "a number that is live and in the pool, a turn that nobody gave back, an ID too many, two at once")
{
    struct core_case k;
    struct ioasid_chunk *chunk;

    core_case_open(t, &k);
    chunk = k.c.core->chunks[k.number / CHUNK_IDS];
    T_ASSERT(t, idpool_give(&chunk->pool, k.number % CHUNK_IDS));
    core_complains(&k, 1, "live, and in the pool (V1)");
    k.rec->flags |= REC_TOLD;
    core_complains(&k, 1, "live, and in the pool (V1)"); /* the first of two */
    core_repair(&k);
    T_ASSERT_OK(t, idpool_take(&chunk->pool, k.number % CHUNK_IDS, k.number % CHUNK_IDS, &(uint32_t){0}));
    core_audit(&k.c, 1);
    list_add_tail(&k.c.core->turns, &k.turn.link);
    core_complains(&k, 1, "a thread still has the turn");
    list_del(&k.turn.link);
    core_complains(&k, 2, "IDs are live that nobody freed (live 1, expected 2)");
    core_case_close(&k);
}

/* ---- Tables in memory ---- */

#define SLOT 5u

struct table_case {
    struct t *t;
    struct iommu_dev *dev;
    struct ioasid_set *set;
    ioasid_t id;
};

static void complains(struct table_case *k, const char *words)
{
    char text[160] = "";

    T_EXPECT_ERR(k->t, iommu_audit(k->t->iommu, 1, text, sizeof(text)), -EINVAL);
    if (!T_EXPECT(k->t, strstr(text, words) != NULL))
        t_note(k->t, "wanted \"%s\", got \"%s\"", words, text);
}

static void is_content(struct table_case *k)
{
    char text[160] = "";

    if (iommu_audit(k->t->iommu, 1, text, sizeof(text)))
        t_fail(k->t, "%s", text);
    T_EXPECT_EQ(k->t, text[0], '\0');
}

static void note_entry(void *arg, unused uint32_t slot, const struct vtd_pasid_entry *entry)
{
    /* Only this file writes where the driver lets others read. */
    *(struct vtd_pasid_entry **)arg = (struct vtd_pasid_entry *)(uintptr_t)entry;
}

static struct vtd_pasid_entry *entry_of(struct table_case *k)
{
    struct vtd_pasid_entry *entry = NULL;

    vtd_pasid_each(k->dev->vtd, note_entry, &entry);
    T_ASSERT(k->t, entry != NULL);
    return entry;
}

static void table_case_open(struct t *t, struct table_case *k)
{
    const struct stub_dev *d = stub_machine_dev(0, 0);
    struct ioasid_bind_cfg cfg = {.stage = IOMMU_PASS_THROUGH, .guest = true, .spid = IOASID_NO_SPID};

    *k = (struct table_case){.t = t, .set = ioasid_system_set(t->iommu->ioasids)};
    T_ASSERT_OK(t, iommu_dev_attach(t->iommu, d->id, d->rids, d->rid_count, 20, &k->dev));
    T_ASSERT_OK(t, ioasid_alloc(k->set, 1, IOASID_NUMBERS - 1, &k->id));
    T_ASSERT_OK(t, ioasid_bind(k->set, k->id, k->dev, &cfg));
    is_content(k);
}

static void table_case_close(struct table_case *k)
{
    is_content(k);
    T_ASSERT_OK(k->t, ioasid_unbind(k->set, k->id, k->dev));
    T_ASSERT_OK(k->t, ioasid_free(k->set, k->id));
    T_ASSERT_OK(k->t, iommu_dev_detach(k->dev));
}

TEST(audit, entries, .needs = NEED_IOMMU | NEED_HOST,
     .doc = "an entry that nobody bound, one that is not present, not there, or has another domain id: the "
            "audit names device, slot and what is wrong")
{
    const struct vtd_pasid_cfg stray = {.pgtt = VTD_PGTT_PASSTHROUGH, .did = {3}};
    struct vtd_pasid_entry kept, *entry;
    struct table_case k;

    table_case_open(t, &k);
    T_ASSERT_OK(t, vtd_pasid_publish(k.dev->vtd, SLOT, &stray));
    complains(&k, "slot 5: an entry is there and nothing is bound (V1)");
    T_ASSERT_OK(t, vtd_pasid_publish(k.dev->vtd, SLOT + 1, &stray));
    complains(&k, "slot 5: an entry is there and nothing is bound (V1)"); /* the first of two */
    T_ASSERT_OK(t, vtd_pasid_retire(k.dev->vtd, SLOT, VTD_RETIRE_KEEP_DID));
    T_ASSERT_OK(t, vtd_pasid_retire(k.dev->vtd, SLOT + 1, VTD_RETIRE_LAST_OF_DID));
    is_content(&k);
    entry = entry_of(&k);
    kept = *entry;
    entry_set(entry, VTD_PASID_P, 0);
    complains(&k, "slot 0: bound, and the entry is not present");
    *entry = kept;
    entry_set(entry, VTD_PASID_DID, entry_get(&kept, VTD_PASID_DID) + 1);
    complains(&k, "slot 0: the entry has another domain id than its binding");
    *entry = (struct vtd_pasid_entry){{0}};
    complains(&k, "slot 0: bound, and there is no entry");
    *entry = kept;
    table_case_close(&k);
}

TEST(audit, bindings, .needs = NEED_IOMMU | NEED_HOST,
     .doc = "a binding whose entry is said to be lost, a device whose requests go by no slot or by another "
            "one, a domain id that nobody has, a unit that does not translate")
{
    struct table_case k;
    struct svm_binding *binding;
    struct vtd_unit *unit;
    did_t did;

    table_case_open(t, &k);
    unit = k.dev->vtd->unit;
    binding = svm_binding_on(k.dev->bindings.next);
    binding->entry = SVM_ENTRY_LOST;
    complains(&k, "an entry is there and nothing is bound (V1)");
    binding->entry = SVM_ENTRY_THERE;
    k.dev->vtd->context_present = false;
    complains(&k, "bound, and its requests use another slot");
    k.dev->vtd->context_present = true;
    k.dev->vtd->rid_pasid = SLOT;
    complains(&k, "slot 5: bound, and its requests use another slot");
    T_ASSERT_OK(t, vtd_did_alloc(unit, &did));
    complains(&k, "slot 5: bound, and its requests use another slot"); /* the first of two */
    k.dev->vtd->rid_pasid = 0;
    complains(&k, "domain ids in use that no binding has");
    vtd_did_free(unit, did);
    stub_set_reg(stub_machine_unit(0), VTD_OFF_GSTS, 4,
                 stub_reg(stub_machine_unit(0), VTD_OFF_GSTS, 4) & ~(uint32_t)SPAN_MASK(VTD_GSTS_TES));
    complains(&k, "translation is off");
    stub_set_reg(stub_machine_unit(0), VTD_OFF_GSTS, 4,
                 stub_reg(stub_machine_unit(0), VTD_OFF_GSTS, 4) | (uint32_t)SPAN_MASK(VTD_GSTS_TES));
    table_case_close(&k);
}

TEST(audit, table_gone, .needs = NEED_IOMMU | NEED_HOST,
     .doc =
         "an entry whose table has gone has to be not present and silent: present, or loud, the audit says "
         "so")
{
    struct vtd_pasid_entry kept, *entry;
    struct table_case k;

    table_case_open(t, &k);
    T_ASSERT_OK(t, ioasid_table_gone(k.set, k.id));
    is_content(&k);
    entry = entry_of(&k);
    kept = *entry;
    entry_set(entry, VTD_PASID_P, 1);
    complains(&k, "its table has gone, and the entry is not silent and not present");
    *entry = kept;
    entry_set(entry, VTD_PASID_FPD, 0);
    complains(&k, "its table has gone, and the entry is not silent and not present");
    *entry = kept;
    table_case_close(&k);
}

/* ---- Tables in words ---- */

TEST(audit, table_text, .needs = NEED_IOMMU | NEED_HOST,
     .doc = "what a report says of a requester's tables: root, context, directory and entry, as far as there "
            "are any")
{
    struct vtd_unit *unit = t->iommu->units[0];
    struct stub_cfg cfg = own_cfg();
    struct own_unit own;
    struct table_case k;
    char text[400], words[100];
    struct vtd_pasid_entry *entry;

    table_case_open(t, &k);
    entry = entry_of(&k);
    T_EXPECT_EQ(t, vtd_table_text(unit, k.dev->vtd->rids[0], 0, text, sizeof(text)), (const char *)text);
    T_EXPECT(t, strstr(text, ": root ") != NULL && strstr(text, " context ") != NULL);
    snprintf(words, sizeof(words), " slot 0 directory %llx entry ",
             (unsigned long long)k.dev->vtd->directory[0].q[0]);
    T_EXPECT(t, strstr(text, words) != NULL);
    snprintf(words, sizeof(words), "_%llx_%llx", (unsigned long long)entry->q[1],
             (unsigned long long)entry->q[0]);
    T_EXPECT(t, strlen(text) > strlen(words) && strcmp(text + strlen(text) - strlen(words), words) == 0);
    vtd_table_text(unit, RID(0x77, 0, 0), 0, text, sizeof(text));
    T_EXPECT(t, strstr(text, "77:00.0: root 0_0 context 0_") != NULL);
    T_EXPECT(t, strstr(text, "slot") == NULL);
    vtd_table_text(unit, k.dev->vtd->rids[0], IOASID_NUMBERS, text, sizeof(text));
    T_EXPECT(t, strstr(text, "slot") == NULL);
    own_create(t, &own, &cfg);
    vtd_table_text(own.unit, OWN_RID, 0, text, sizeof(text));
    T_EXPECT_EQ(t, (const char *)text, "08:00.0");
    own_close(t, &own);
    table_case_close(&k);
}
