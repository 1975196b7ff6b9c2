/* SPDX-License-Identifier: BSD-2-Clause */
/* What ioasid_bench.c asks its platform besides iommu/platform.h. */
#ifndef TESTS_HOST_BENCH_BENCH_PLATFORM_H
#define TESTS_HOST_BENCH_BENCH_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed memory of the same kind for what is measured against, never given back and not counted. */
void *bench_alloc(size_t size);
/* Bytes of pages and objects that are handed out now. */
size_t bench_bytes(void);
/* Whether locks have to keep other CPUs out (kernel/spin.h); at first they do not. No lock is held. */
void bench_several_cpus(bool yes);
/* Takes a lock of its own and gives it back, that often. */
void bench_locks(uint32_t count);
/* Runs what waits for a grace period: here nobody ever reads at that moment. */
void bench_grace(void);

#endif
