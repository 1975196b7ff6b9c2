/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether this is built with AddressSanitizer, and what it wants to be told: of memory that nobody may touch,
 * of stacks that are changed. Without it these are nothing.
 */
#ifndef TESTS_HOST_ASAN_H
#define TESTS_HOST_ASAN_H

#include <stddef.h>

#include "kernel/lib/compiler.h"

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif
#ifndef WITH_ASAN
#define WITH_ASAN 0
#endif

#if WITH_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(addr, size)   ((void)(addr), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(addr, size) ((void)(addr), (void)(size))
#endif

/* Before the stack of `size` bytes from `bottom` is changed to. What is kept of this one goes to *kept; NULL:
 * nobody comes back to it. */
static inline void asan_leave_stack(unused void **kept, unused const void *bottom, unused size_t size)
{
#if WITH_ASAN
    __sanitizer_start_switch_fiber(kept, bottom, size);
#endif
}

/* Behind the change: what was kept of this one (NULL: it is new), and where the other one lies (may be NULL).
 */
static inline void asan_enter_stack(unused void *kept, unused const void **bottom, unused size_t *size)
{
#if WITH_ASAN
    __sanitizer_finish_switch_fiber(kept, bottom, size);
#endif
}

#endif
