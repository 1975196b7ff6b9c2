/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * newlib's locks: one for all of it, recursive, interrupts off while it is held. So malloc and stdio work in
 * any context, and no thread is ever preempted inside them. What they do under it is short. It is none of the
 * kernel's own locks: what traps inside malloc, say because of a pointer that is none, can be given up, and
 * the lock with it. See libc_lock.h for what that leaves behind.
 */
#include "kernel/libc_lock.h"

#include <sys/lock.h>

#include "kernel/cpu.h"
#include "kernel/lib/compiler.h"

static struct {
    struct cpu *owner; /* atomic */
    unsigned depth;    /* the owner's */
    uint64_t flags;    /* of the outermost */
} lock;

static void acquire(void)
{
    uint64_t flags = irq_save();
    struct cpu *self = cpu_this(), *nobody = NULL;

    if (__atomic_load_n(&lock.owner, __ATOMIC_RELAXED) != self) {
        while (!__atomic_compare_exchange_n(&lock.owner, &nobody, self, false, __ATOMIC_ACQUIRE,
                                            __ATOMIC_RELAXED)) {
            nobody = NULL;
            cpu_pause();
        }
        lock.flags = flags;
    }
    lock.depth++;
}

static void release(void)
{
    uint64_t flags = lock.flags;

    if (--lock.depth)
        return;
    __atomic_store_n(&lock.owner, NULL, __ATOMIC_RELEASE);
    irq_restore(flags);
}

bool libc_lock_drop(void)
{
    if (__atomic_load_n(&lock.owner, __ATOMIC_RELAXED) != cpu_this())
        return false;
    lock.depth = 0;
    __atomic_store_n(&lock.owner, NULL, __ATOMIC_RELEASE);
    return true;
}

/* The names that newlib asks for; all ten functions and its own static locks come together. */
struct __lock {
    char unused_byte;
};

struct __lock __lock___sfp_recursive_mutex, __lock___atexit_recursive_mutex, __lock___at_quick_exit_mutex;
struct __lock __lock___malloc_recursive_mutex, __lock___env_recursive_mutex, __lock___tz_mutex;
struct __lock __lock___dd_hash_mutex, __lock___arc4random_mutex;

void __retarget_lock_init(_LOCK_T *l)
{
    *l = &__lock___sfp_recursive_mutex;
}

void __retarget_lock_init_recursive(_LOCK_T *l)
{
    *l = &__lock___sfp_recursive_mutex;
}

void __retarget_lock_close(_LOCK_T l)
{
    (void)l;
}

void __retarget_lock_close_recursive(_LOCK_T l)
{
    (void)l;
}

void __retarget_lock_acquire(_LOCK_T l)
{
    (void)l;
    acquire();
}

void __retarget_lock_acquire_recursive(_LOCK_T l)
{
    (void)l;
    acquire();
}

int __retarget_lock_try_acquire(_LOCK_T l)
{
    (void)l;
    acquire();
    return 0;
}

int __retarget_lock_try_acquire_recursive(_LOCK_T l)
{
    (void)l;
    acquire();
    return 0;
}

void __retarget_lock_release(_LOCK_T l)
{
    (void)l;
    release();
}

void __retarget_lock_release_recursive(_LOCK_T l)
{
    (void)l;
    release();
}
