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
#include "kernel/lockdep.h"
#include "kernel/spin.h"

static struct {
    uint32_t owner; /* CPU + 1, 0: free; atomic */
    unsigned depth; /* the owner's */
    uint64_t flags; /* of the outermost */
} lock;

static void acquire(void)
{
    static uint32_t class;
    uint64_t flags = irq_save(), at = (uint64_t)(uintptr_t)__builtin_return_address(0);

    if (__atomic_load_n(&lock.owner, __ATOMIC_RELAXED) != cpu_index() + 1) {
        if (class == LOCK_NO_CLASS)
            class = lockdep_class("libc");
        lockdep_check(&lock, class, at);
        spin_take(&lock.owner, "libc");
        lockdep_push(&lock, class, at);
        lock.flags = flags;
    }
    lock.depth++;
}

static void release(void)
{
    uint64_t flags = lock.flags;

    if (--lock.depth)
        return;
    lockdep_pop(&lock);
    __atomic_store_n(&lock.owner, 0, __ATOMIC_RELEASE);
    irq_restore(flags);
}

bool libc_lock_drop(void)
{
    if (__atomic_load_n(&lock.owner, __ATOMIC_RELAXED) != cpu_index() + 1)
        return false;
    lockdep_pop(&lock);
    lock.depth = 0;
    __atomic_store_n(&lock.owner, 0, __ATOMIC_RELEASE);
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
