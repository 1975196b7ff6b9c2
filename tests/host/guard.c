/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guarded calls by sigsetjmp. Memory errors are left to the sanitizer where there is one: its report is
 * better than anything that could be said here, and it ends the process.
 */
#include <execinfo.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "tests/harness/env.h"
#include "tests/host/asan.h"
#include "tests/host/guard.h"
#include "tests/host/host.h"
#include "tests/host/model_machine.h"

/* Real time lets the simulated one run ahead: a hang is judged by the wall clock, at most this long. */
#define MAX_SECONDS 30u

/* A jump out of the middle of the machine, of the allocator or of a lock would leave them so: whoever waits
 * is ended where it waits, and by force only who does not. */
#define GRACE_US 500000u

struct frame {
    sigjmp_buf end;
    struct env_guard *out;
    struct frame *outer;
    struct host_thread thread; /* that may leave it */
    uint64_t deadline;         /* wall clock, microseconds */
};

static struct frame *volatile innermost;
static volatile sig_atomic_t rung; /* the innermost call's time is over */

static uint64_t wall_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Rings once; 0: not at all. */
static void ring_in(uint64_t left)
{
    struct itimerval timer = {{0, 0}, {0, 0}};

    timer.it_value.tv_sec = (time_t)(left / 1000000);
    timer.it_value.tv_usec = (suseconds_t)(left % 1000000);
    setitimer(ITIMER_REAL, &timer, NULL);
}

/* The alarm rings at the deadline of the innermost call; without one it is off. */
static void set_alarm(void)
{
    uint64_t now = wall_us(), left = 0;

    if (innermost)
        left = innermost->deadline > now ? innermost->deadline - now : 1;
    rung = 0;
    ring_in(left);
}

/* With threads, only the one that made the call can leave it. */
static bool is_callers(void)
{
    return !host_home.threads || host_thread_save().self == innermost->thread.self;
}

static noreturn void end_call(enum env_end end, const char *text)
{
    struct frame *f = innermost;
    void *trace[16];
    int depth = backtrace(trace, 16);

    if (!is_callers()) {
        dprintf(STDOUT_FILENO, "Bail out! a thread: %s\n", text);
        backtrace_symbols_fd(trace, depth, STDERR_FILENO);
        _exit(4);
    }
    f->out->end = end;
    snprintf(f->out->text, sizeof(f->out->text), "%s", text);
    f->out->depth = (unsigned)depth;
    for (int i = 0; i < depth; i++)
        f->out->trace[i] = (uint64_t)(uintptr_t)trace[i];
    siglongjmp(f->end, 1);
}

/* Where plat_panic() ends up. Outside of any guarded call it returns, and the platform aborts. */
static void on_panic(const char *words)
{
    if (innermost)
        end_call(ENV_PANICKED, words);
}

static void on_alarm(void)
{
    if (rung)
        end_call(ENV_HUNG, "no end in time");
    rung = 1;
    ring_in(GRACE_US);
}

/* Where the program waits, and holds nothing. */
static void on_relax(void)
{
    if (rung && innermost && is_callers())
        end_call(ENV_HUNG, "no end in time");
}

static void on_signal(int number)
{
    char text[64];

    if (!innermost)
        _exit(4);
    if (number == SIGALRM) {
        on_alarm();
        return;
    }
    snprintf(text, sizeof(text), "%s",
             number == SIGILL   ? "illegal instruction"
             : number == SIGFPE ? "arithmetic"
                                : "memory");
    end_call(ENV_TRAPPED, text);
}

void guard_init(void)
{
    static const int traps[] = {SIGALRM, SIGILL, SIGFPE, SIGSEGV, SIGBUS};
    void *warm[1];

    host_on_panic(on_panic);
    host_on_relax(on_relax);
    backtrace(warm, 1); /* loads what it needs before a signal handler wants it */
    for (size_t i = 0; i < (WITH_ASAN ? 3 : 5); i++) {
        struct sigaction action = {.sa_handler = on_signal};

        sigemptyset(&action.sa_mask);
        sigaction(traps[i], &action, NULL);
    }
}

void env_guard(void (*fn)(void *arg), void *arg, uint64_t timeout_ns, struct env_guard *out)
{
    uint64_t begin = wall_us(), limit = timeout_ns / 1000;
    struct frame f = {.out = out, .outer = innermost, .thread = host_thread_save()};

    memset(out, 0, sizeof(*out));
    f.deadline = begin + (limit < MAX_SECONDS * 1000000ull ? limit : MAX_SECONDS * 1000000ull);
    if (f.outer && f.outer->deadline < f.deadline)
        f.deadline = f.outer->deadline;
    innermost = &f;
    set_alarm();
    if (sigsetjmp(f.end, 1) == 0)
        fn(arg);
    innermost = f.outer;
    host_thread_restore(f.thread);
    if (out->end != ENV_RETURNED) {
        host_abandon_work();
        host_msi_abandon();
        model_machine_abandon();
    }
    set_alarm();
    out->elapsed_ns = (wall_us() - begin) * 1000;
}

void env_symbol(uint64_t address, char *out, size_t size)
{
    void *frame = (void *)(uintptr_t)address;
    char **names = backtrace_symbols(&frame, 1);

    snprintf(out, size, "%s", names ? names[0] : "?");
    free(names);
}
