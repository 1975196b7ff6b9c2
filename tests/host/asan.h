/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether this is built with AddressSanitizer, and what it wants to be told: of memory that nobody may touch,
 * of stacks that are changed. Without it these are nothing.
 */
#ifndef TESTS_HOST_ASAN_H
#define TESTS_HOST_ASAN_H

#include <stddef.h>

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

static inline void __sanitizer_start_switch_fiber(void **fake_stack, const void *bottom, size_t size)
{
    (void)fake_stack;
    (void)bottom;
    (void)size;
}

static inline void __sanitizer_finish_switch_fiber(void *fake_stack, const void **bottom, size_t *size)
{
    (void)fake_stack;
    (void)bottom;
    (void)size;
}
#endif

#endif
