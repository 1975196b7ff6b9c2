/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Compiler attributes by short names, and the few macros that every part needs.
 * Pure: compiled into the kernel, the IOMMU code, the tests and the host binary alike.
 */
#ifndef KERNEL_LIB_COMPILER_H
#define KERNEL_LIB_COMPILER_H

#include <stddef.h>

/* The caller has to look at the result: errors are negative errno values and never vanish by oversight. */
#define must_check __attribute__((warn_unused_result))

#define noreturn               __attribute__((noreturn))
#define packed                 __attribute__((packed))
#define aligned_to(n)          __attribute__((aligned(n)))
#define printf_like(fmt, args) __attribute__((format(printf, fmt, args)))
#define unused                 __attribute__((unused))
#define cold_path              __attribute__((noinline, cold)) /* keeps a caller's usual path short */

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* The structure that holds the member which `ptr` points to. */
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#endif
