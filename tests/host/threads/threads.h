/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iommu/platform.h on the threads of a process, for ThreadSanitizer. These files and the simulated machine
 * are compiled without it, so that it sees the product, the cases and nothing else. Which thread's stores
 * another one may rely on it is told by hand: what the seam's contract gives and no more. A lock of the
 * platform's own, or a mutex of the C library, would order threads that nothing orders on a machine, and
 * hide their races.
 */
#ifndef TESTS_HOST_THREADS_H
#define TESTS_HOST_THREADS_H

/* __tsan_release, __tsan_acquire: what was stored before the one is seen after the other of the same address.
 */
#include <sanitizer/tsan_interface.h>
#include <stdbool.h>
#include <stdint.h>

#include "iommu/platform.h"
#include "tests/host/host.h"

/* Between these, what this thread writes, or reads, is not looked at: the C library's functions would be. */
void AnnotateIgnoreWritesBegin(const char *file, int line);
void AnnotateIgnoreWritesEnd(const char *file, int line);

/* ---- This thread (thread.c) ---- */

struct threads_self {
    struct host_thread held; /* self, locks, reads */
    uint64_t epoch;          /* of its outermost read section, 0: in none; atomic */
    uint64_t rng;
    uint32_t seed; /* number of the last env_thread_jitter() that this thread has heard of */
};

struct threads_self *threads_self(void);
/* A thread that ends with the process, or is joined by threads_join(). NULL: there is none. */
struct env_thread *threads_start(void (*fn)(void *arg), void *arg);
/* A call of the seam: lets another thread run, or not, as the seed wants it. */
void threads_jitter(void);
/* Calls for every thread there is, until one says false. */
void threads_each(bool (*fn)(struct threads_self *thread, void *arg), void *arg);

/* Blocks while *word is `seen`, for `ns` at most (UINT64_MAX: for ever), and orders nothing. */
void threads_sleep(uint32_t *word, uint32_t seen, uint64_t ns);
/* Adds one to *word and wakes all who sleep on it. */
void threads_wake(uint32_t *word);

/* A lock that orders nothing, for what this platform keeps. */
struct threads_bolt {
    uint32_t taken;
};
void threads_take(struct threads_bolt *bolt);
void threads_give(struct threads_bolt *bolt);

/* Neither a lock held nor a read section open. */
void threads_assert_may_block(const char *what);

/* ---- Work (work.c) ---- */

/* Starts the threads behind work queues and grace periods. */
void threads_begin_work(void);

#endif
