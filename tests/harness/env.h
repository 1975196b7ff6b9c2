/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the harness asks of its home beyond iommu/platform.h: the report's way out, arguments, guarded calls,
 * memory accounts. Implemented by tests/suites/target/payload.c in the firmware and by tests/host/main.c in a
 * process.
 */
#ifndef TESTS_HARNESS_ENV_H
#define TESTS_HARNESS_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iommu/platform.h"
#include "kernel/lib/compiler.h"

/* Runs the selection that the arguments name, prints the report. Exit code: 0 pass, 3 all skipped, 4 error, 5
 * failure. */
must_check int t_main(void);

/* ---- Report ---- */

/* Bytes of the report: serial line and screen, or stdout. Lines end in \n. */
void env_write(const char *text, size_t size);
/* What the screen shows while a case runs; not part of the report. */
void env_progress(const char *text);
/* From here on the report is drawn on the screen as well, or no longer. */
void env_screen(bool on);
/* One `# key: value` of the header: binary, versions, time, DMAR count, screen ... */
typedef void env_fact_fn(void *ctx, const char *key, const char *value);
void env_facts(env_fact_fn *emit, void *ctx);
/* What repeats a run: "make run" with the machine's name, the file for arguments on a board's stick,
 * "build/host/pasidcheck"; the arguments are put behind. */
void env_replay(char *out, size_t size, const char *machine, const char *args);

/* ---- Arguments ---- */

/* Words separated by blanks; `*source` says where they came from. Never NULL. */
const char *env_args(const char **source);
/* log=<level> error|warn|info|debug and exit=<how> auto|debug|reset|halt. 0, -EINVAL for an unknown word. */
must_check int env_set_log(const char *level);
must_check int env_set_exit(const char *how);

/* ---- Machine ---- */

bool env_is_host(void);
/* The units only record what they are told. */
bool env_has_stubs(void);
/* The units also send interrupts for which there is no cause. */
bool env_has_strays(void);
/* Threads preempt each other. False: deterministic, one after the other. */
bool env_has_threads(void);
/* Time goes on by itself, whatever the program does. False: virtual or simulated, the same in every run. */
bool env_time_is_real(void);
/* CPUs that run threads. */
unsigned env_cpus(void);
/* DMAR tables, the first one wins unless dmar=<n>. */
unsigned env_dmar_count(void);
/* Bytes of the n-th, alive to the end of the run. 0, -ENOENT. */
must_check int env_dmar(unsigned n, const void **bytes, size_t *size);
/*
 * What the simulated hardware has seen the driver do against a rule since the last call, in words; NULL:
 * nothing. Real hardware never says so.
 */
const char *env_breach(void);
/* May [pa, pa + size) be read as memory? Asked before tables that may be garbage are followed. */
bool env_phys_ok(paddr_t pa, size_t size);

/* ---- Threads: where there are several CPUs ---- */

struct env_thread;
/* fn(arg) in a thread of its own, on CPU `cpu` (below env_cpus()) only, if that can be had. NULL: there is
 * none. */
must_check struct env_thread *env_thread_start(void (*fn)(void *arg), void *arg, unsigned cpu);
/* Waits for its end; then it is no more. 0, -ETIMEDOUT. Thread. */
must_check int env_thread_join(struct env_thread *thread, uint64_t timeout_ns);
/* Calls of the seam pause now and then, as often as the seed wants it; 0: never. */
void env_thread_jitter(uint64_t seed);
/* Lets time pass without giving up the CPU. */
void env_thread_pause(void);

/* ---- Guarded calls ---- */

enum env_end { ENV_RETURNED, ENV_TRAPPED, ENV_HUNG, ENV_PANICKED };

struct env_guard {
    enum env_end end;
    char text[256];     /* what happened, registers included; empty if it returned */
    uint64_t trace[16]; /* return addresses, innermost first */
    unsigned depth;     /* of `trace` */
    uint64_t elapsed_ns;
    unsigned strays;  /* threads that outlived fn and were ended; only if it returned */
    unsigned dropped; /* pieces of queued work forgotten; never if it returned */
};

/*
 * Calls fn(arg) so that a trap, a panic or more than `timeout_ns` end that call and not the run. Nests. What
 * fn held (locks, memory, device state) is left as it was.
 */
void env_guard(void (*fn)(void *arg), void *arg, uint64_t timeout_ns, struct env_guard *out);
/* "function+0x12" of an address in a trace. */
void env_symbol(uint64_t address, char *out, size_t size);

/* ---- Memory accounts ---- */

/* 4 KiB pages and small objects that an owner has now. */
size_t env_pages(enum plat_owner owner);
size_t env_objects(enum plat_owner owner);
/*
 * After a case that ended by force: a mark before it, and then what OWNER_TABLE .. OWNER_TEST took since the
 * mark is never given out again (a device may still write to it) and no longer counted.
 */
uint64_t env_mark(void);
void env_quarantine(uint64_t mark);

#endif
