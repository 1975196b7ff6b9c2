/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory as units see it that do not snoop: what was written back by plat_publish(), and in pages that nobody
 * wrote back yet, leftovers. And accesses of hardware, which no sanitizer looks at: a device may hit what
 * software has given back.
 */
#ifndef TESTS_HOST_SHADOW_H
#define TESTS_HOST_SHADOW_H

#include "tests/host/host.h"

/* From here on there is a shadow; memory published before is in it as it is now. */
void shadow_create(void);
/* Lines of [va, va + size) are written back. */
void shadow_publish(const void *va, size_t size);
/* Pages were given out: the shadow keeps what it had, or garbage. */
void shadow_allocated(paddr_t pa, size_t size);

/* False: no memory there. */
bool shadow_read(uint64_t pa, void *out, size_t size, bool snooped);
bool shadow_write(uint64_t pa, const void *in, size_t size);
bool shadow_cas64(uint64_t pa, uint64_t expected, uint64_t desired);

#endif
