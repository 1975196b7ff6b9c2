/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fixture of the suites about binding: devices that the DMAR names, and subscribers that note with every
 * event which of these devices have a present entry at that moment. It reads tables in memory and needs no
 * DMA, so the bodies run on the recording stub and on hardware alike. What it cannot set up ends the case.
 */
#ifndef TESTS_SUITES_SVM_BENCH_H
#define TESTS_SUITES_SVM_BENCH_H

#include "iommu/iommu.h"
#include "iommu/svm_space.h"
#include "iommu/vtd_unit.h"
#include "kernel/lib/bits.h"
#include "tests/harness/harness.h"

#define SVM_NEEDS (NEED_IOMMU | NEED_PT)

#define SVM_DEVS     3
#define SVM_WATCHERS 5
#define SVM_NOTES    24

struct svm_bench;

/* A subscriber that notes, with every event, which of the bench's devices have a present entry at that
 * moment. */
struct svm_watcher {
    struct ioasid_notifier nb;
    struct svm_bench *bench;
    int answer_to_bind;
    void (*act)(struct svm_watcher *w, const struct ioasid_event *ev);
    int act_result;
};

struct svm_note {
    const struct svm_watcher *who;
    enum ioasid_event_type type;
    unsigned present; /* one bit a device */
    ioasid_t id;
};

struct svm_bench {
    struct t *t;
    struct ioasid_core *core;
    struct ioasid_set *set;
    struct iommu_dev *devs[SVM_DEVS];
    struct svm_watcher watchers[SVM_WATCHERS];
    unsigned watcher_count;
    struct svm_note notes[SVM_NOTES];
    unsigned note_count;
    struct ioasid_bind_cfg cfg;
};

/* Attaches `devs` endpoints, by turns from each unit, so that two devices have two units where there are two.
 * Bindings are pass-through and for a guest unless the case changes b->cfg. */
void svm_open(struct t *t, struct svm_bench *b, unsigned devs);
/* Lets everything settle, takes the subscribers out, detaches. */
void svm_close(struct svm_bench *b);

/* A subscriber for all sets; it notes what it is told, and does what the case puts into it besides. */
struct svm_watcher *svm_watch(struct svm_bench *b, enum ioasid_level level, unsigned events);
/* How many events of a type have been noted. */
unsigned svm_heard(const struct svm_bench *b, enum ioasid_event_type type);

/* Any free number. */
ioasid_t svm_alloc(struct svm_bench *b);
int svm_do_bind(struct svm_bench *b, ioasid_t id, unsigned dev);
int svm_do_unbind(struct svm_bench *b, ioasid_t id, unsigned dev);

/* The entry in memory of slot 0: P is set; all of it is zero; P of every device, one bit each. */
bool svm_present(const struct svm_bench *b, unsigned dev);
bool svm_zero(const struct svm_bench *b, unsigned dev);
unsigned svm_presence(const struct svm_bench *b);

/* The whole audit, with this many IDs left alive. */
void svm_expect_audit(struct svm_bench *b, uint32_t live);

#endif
