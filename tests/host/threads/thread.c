/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads, sleep, jitter, and the platform's locks and wait queues. */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/harness/env.h"
#include "tests/host/threads/threads.h"

#define MAX_THREADS 64
#define NS_PER_SEC  1000000000ull
#define SPINS       16u /* before a thread sleeps: most waits are short */

/* Constants of the splitmix64 generator (Steele, Lea, Flood 2014). */
#define STEP  0x9e3779b97f4a7c15ull
#define MIX_1 0xbf58476d1ce4e5b9ull
#define MIX_2 0x94d049bb133111ebull

static struct threads_self selves[MAX_THREADS];
static uint32_t used[MAX_THREADS]; /* atomic */
static __thread struct threads_self *self;
static uint64_t jitter_seed; /* 0: off; atomic, as is the next */
static uint32_t jitter_count;

/* ---- Who runs ---- */

static struct threads_self *join_in(void)
{
    for (unsigned i = 0; i < MAX_THREADS; i++) {
        if (__atomic_exchange_n(&used[i], 1, __ATOMIC_ACQ_REL))
            continue;
        selves[i] = (struct threads_self){.held.self = (uintptr_t)&selves[i]};
        return &selves[i];
    }
    plat_panic("more than %u threads", MAX_THREADS);
}

struct threads_self *threads_self(void)
{
    if (self == NULL)
        self = join_in();
    return self;
}

void threads_each(bool (*fn)(struct threads_self *thread, void *arg), void *arg)
{
    for (unsigned i = 0; i < MAX_THREADS; i++) {
        if (__atomic_load_n(&used[i], __ATOMIC_ACQUIRE) && !fn(&selves[i], arg))
            return;
    }
}

struct env_thread {
    pthread_t thread;
    void (*fn)(void *arg);
    void *arg;
    uint32_t over; /* atomic */
};

static void *thread_main(void *arg)
{
    struct env_thread *t = arg;

    t->fn(t->arg);
    if (self) {
        plat_assert(self->held.locks == 0 && self->held.reads == 0);
        __atomic_store_n(&used[self - selves], 0, __ATOMIC_RELEASE);
        self = NULL;
    }
    threads_wake(&t->over);
    return NULL;
}

/* Alarms are for the main thread, which guards calls. */
struct env_thread *threads_start(void (*fn)(void *arg), void *arg)
{
    struct env_thread *t = calloc(1, sizeof(*t));
    sigset_t alarm, before;

    if (t == NULL)
        return NULL;
    t->fn = fn;
    t->arg = arg;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &alarm, &before);
    if (pthread_create(&t->thread, NULL, thread_main, t)) {
        free(t);
        t = NULL;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return t;
}

struct env_thread *env_thread_start(void (*fn)(void *arg), void *arg, unused unsigned cpu)
{
    return threads_start(fn, arg);
}

int env_thread_join(struct env_thread *t, uint64_t timeout_ns)
{
    threads_sleep(&t->over, 0, timeout_ns);
    if (!__atomic_load_n(&t->over, __ATOMIC_ACQUIRE))
        return -ETIMEDOUT;
    pthread_join(t->thread, NULL);
    free(t);
    return 0;
}

uintptr_t plat_self(void)
{
    return threads_self()->held.self;
}

unsigned plat_locks_held(void)
{
    return threads_self()->held.locks;
}

struct host_thread host_thread_save(void)
{
    return threads_self()->held;
}

void host_thread_restore(struct host_thread saved)
{
    threads_self()->held = saved;
    if (saved.reads == 0)
        __atomic_store_n(&threads_self()->epoch, 0, __ATOMIC_RELEASE);
}

void threads_assert_may_block(const char *what)
{
    const struct host_thread *held = &threads_self()->held;

    if (held->locks != 0 || held->reads != 0)
        plat_panic("%s with %u locks held and %u read sections open", what, held->locks, held->reads);
}

/* ---- Jitter ---- */

void env_thread_jitter(uint64_t seed)
{
    __atomic_store_n(&jitter_seed, seed, __ATOMIC_RELAXED);
    __atomic_add_fetch(&jitter_count, 1, __ATOMIC_RELEASE);
}

void env_thread_pause(void)
{
    for (unsigned i = 0; i < 8; i++)
        __builtin_ia32_pause();
    sched_yield();
}

/* One call in eight gives up the CPU, one in eight spins. */
void threads_jitter(void)
{
    struct threads_self *me = threads_self();
    uint64_t seed = __atomic_load_n(&jitter_seed, __ATOMIC_RELAXED), z;

    if (seed == 0)
        return;
    if (me->seed != __atomic_load_n(&jitter_count, __ATOMIC_ACQUIRE)) {
        me->seed = __atomic_load_n(&jitter_count, __ATOMIC_ACQUIRE);
        me->rng = seed + (uint64_t)(me - selves) * MIX_1;
    }
    z = me->rng += STEP;
    z = (z ^ z >> 30) * MIX_1;
    z = (z ^ z >> 27) * MIX_2;
    z ^= z >> 31;
    if (z % 8 == 0)
        sched_yield();
    for (uint64_t n = z % 8 == 1 ? z / 8 % 256 : 0; n; n--)
        __builtin_ia32_pause();
}

/* ---- Sleep ---- */

void threads_sleep(uint32_t *word, uint32_t seen, uint64_t ns)
{
    struct timespec left = {(time_t)(ns / NS_PER_SEC), (long)(ns % NS_PER_SEC)};

    for (unsigned i = 0; i < SPINS && __atomic_load_n(word, __ATOMIC_RELAXED) == seen; i++)
        sched_yield();
    if (syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, ns == UINT64_MAX ? NULL : &left, NULL, 0) &&
        errno == EINTR)
        usleep(1); /* where ThreadSanitizer lets the signal through */
}

void threads_wake(uint32_t *word)
{
    __atomic_add_fetch(word, 1, __ATOMIC_SEQ_CST);
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

void threads_take(struct threads_bolt *bolt)
{
    while (__atomic_exchange_n(&bolt->taken, 1, __ATOMIC_ACQUIRE))
        sched_yield();
}

void threads_give(struct threads_bolt *bolt)
{
    __atomic_store_n(&bolt->taken, 0, __ATOMIC_RELEASE);
}

/* ---- Locks. `flags` has the holder. ---- */

void plat_lock_init(struct plat_lock *lock, const char *name)
{
    *lock = (struct plat_lock){.name = name};
}

void plat_lock(struct plat_lock *lock)
{
    struct threads_self *me = threads_self();

    threads_jitter();
    if (__atomic_load_n(&lock->flags, __ATOMIC_RELAXED) == me->held.self)
        plat_panic("deadlock on lock \"%s\"", lock->name != NULL ? lock->name : "?");
    while (__atomic_exchange_n(&lock->state, 1, __ATOMIC_ACQUIRE))
        sched_yield();
    __atomic_store_n(&lock->flags, me->held.self, __ATOMIC_RELAXED);
    __tsan_acquire(lock);
    me->held.locks++;
    threads_jitter();
}

void plat_unlock(struct plat_lock *lock)
{
    struct threads_self *me = threads_self();

    plat_assert(lock->state == 1 && lock->flags == me->held.self && me->held.locks > 0);
    me->held.locks--;
    __tsan_release(lock);
    __atomic_store_n(&lock->flags, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&lock->state, 0, __ATOMIC_RELEASE);
    threads_jitter();
}

/* ---- Wait queues: `lock.state` counts wakes. A wake orders nothing: `ready` has to. ---- */

void plat_waitq_init(struct plat_waitq *wq)
{
    plat_lock_init(&wq->lock, "wait queue");
    list_init(&wq->waiters);
}

void plat_waitq_wake_all(struct plat_waitq *wq)
{
    threads_jitter();
    threads_wake(&wq->lock.state);
}

int plat_wait(struct plat_waitq *wq, bool (*ready)(void *arg), void *arg, uint64_t timeout_ns)
{
    uint64_t begin = plat_now_ns(), passed;

    threads_assert_may_block("plat_wait");
    for (;;) {
        uint32_t seen = __atomic_load_n(&wq->lock.state, __ATOMIC_ACQUIRE);

        passed = plat_now_ns() - begin;
        if (ready(arg))
            return 0;
        if (passed >= timeout_ns)
            return -ETIMEDOUT;
        threads_sleep(&wq->lock.state, seen, timeout_ns == UINT64_MAX ? UINT64_MAX : timeout_ns - passed);
    }
}
