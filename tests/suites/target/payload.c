/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The firmware's home of the harness: payload_main(), which the kernel calls, and tests/harness/env.h on the
 * kernel's services.
 */
#include <cpuid.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <_newlib_version.h>

#include "kernel/acpi.h"
#include "kernel/apic.h"
#include "kernel/args.h"
#include "kernel/backtrace.h"
#include "kernel/console.h"
#include "kernel/cpu.h"
#include "kernel/exit.h"
#include "kernel/fw_cfg.h"
#include "kernel/guard.h"
#include "kernel/heap.h"
#include "kernel/jitter.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/payload.h"
#include "kernel/smp.h"
#include "kernel/thread.h"
#include "kernel/time.h"
#include "kernel/time_ref.h"
#include "kernel/vm.h"
#include "kernel/watchdog.h"
#include "tests/harness/env.h"
#include "tests/harness/runner.h"

int payload_main(void)
{
    return t_main();
}

/* ---- Report ---- */

void env_write(const char *text, size_t size)
{
    console_write(text, size);
}

void env_progress(const char *text)
{
    console_progress(text);
}

void env_screen(bool on)
{
    console_screen(on);
}

#define bit_HYPERVISOR (1u << 31) /* CPUID.1:ECX, set by emulators and hypervisors */

/* An emulator that counts instructions shows a TSC of exactly 1 GHz; clocks of silicon are not that round. */
static bool time_is_virtual(void)
{
    uint64_t hz = time_tsc_hz(), round = 1000000000ull;
    unsigned a, b, c, d;

    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_HYPERVISOR) && hz > round - round / 1000 &&
           hz < round + round / 1000;
}

/* The clock that was measured against, and those that could have taken its place. */
static void print_time(char *out, size_t size)
{
    size_t len = (size_t)snprintf(
        out, size, "%s, TSC %llu kHz by %s%s; clocks:", time_is_virtual() ? "virtual" : "real",
        (unsigned long long)(time_tsc_hz() / 1000), time_source(), time_agreed() ? "" : ", not agreed");

    for (unsigned n = 0; time_ref(n) && len < size; n++)
        len += (size_t)snprintf(out + len, size - len, "%s %s", n ? "," : "", time_ref(n)->name);
    if (!time_ref(0) && len < size)
        snprintf(out + len, size - len, " none");
}

void env_facts(env_fact_fn *emit, void *ctx)
{
    const struct boot_info *boot = boot_info();
    char text[160];

    emit(ctx, "compiler", __VERSION__);
    emit(ctx, "newlib", _NEWLIB_VERSION);
    snprintf(text, sizeof(text), "%s, revision 0x%x, UEFI %u.%u", boot->firmware_vendor,
             boot->firmware_revision, boot->efi_revision >> 16, (boot->efi_revision & 0xffff) / 10);
    emit(ctx, "uefi", text);
    print_time(text, sizeof(text));
    emit(ctx, "time", text);
    emit(ctx, "serial", console_port());
    emit(ctx, "watchdog", watchdog_running() ? "NMI" : "none");
    snprintf(text, sizeof(text), "%u of %u", smp_cpus(), smp_cpus_listed());
    emit(ctx, "cpus", text);
    emit(ctx, "apic", apic_mode());
    snprintf(text, sizeof(text), "%zu pages free", page_free_count());
    emit(ctx, "memory", text);
    snprintf(text, sizeof(text), "%u good, %u bad", acpi_count("DMAR"), acpi_bad_count("DMAR"));
    emit(ctx, "dmar-tables", text);
}

void env_replay(char *out, size_t size, const char *machine, const char *args)
{
    report_replay(out, size, !fw_cfg_present(), machine, args);
}

/* ---- Arguments ---- */

const char *env_args(const char **source)
{
    *source = boot_args_source();
    return boot_args();
}

static int word_index(const char *word, const char *const *words, int count)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(word, words[i]) == 0)
            return i;
    }
    return -EINVAL;
}

int env_set_log(const char *level)
{
    static const char *const words[] = {"error", "warn", "info", "debug"};
    static const enum plat_log levels[] = {LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG};
    int i = word_index(level, words, ARRAY_SIZE(words));

    if (i < 0)
        return i;
    log_set_level(levels[i]);
    return 0;
}

int env_set_exit(const char *how)
{
    static const char *const words[] = {"auto", "debug", "reset", "halt"};
    static const enum exit_how hows[] = {EXIT_AUTO, EXIT_DEBUG, EXIT_RESET, EXIT_HALT};
    int i = word_index(how, words, ARRAY_SIZE(words));

    if (i < 0)
        return i;
    exit_set_how(hows[i]);
    return 0;
}

/* ---- Machine ---- */

bool env_is_host(void)
{
    return false;
}

bool env_has_stubs(void)
{
    return false;
}

bool env_has_strays(void)
{
    return false;
}

bool env_time_is_real(void)
{
    return !time_is_virtual();
}

bool env_has_threads(void)
{
    return true;
}

unsigned env_cpus(void)
{
    return smp_cpus();
}

/* ---- Threads ---- */

struct env_thread *env_thread_start(void (*fn)(void *arg), void *arg, unsigned cpu)
{
    return (struct env_thread *)thread_create_on("case", fn, arg, cpu);
}

int env_thread_join(struct env_thread *thread, uint64_t timeout_ns)
{
    return thread_join((struct thread *)thread, timeout_ns);
}

void env_thread_jitter(uint64_t seed)
{
    jitter_set(seed);
}

void env_thread_pause(void)
{
    cpu_pause();
}

/* ---- DMAR ---- */

unsigned env_dmar_count(void)
{
    return acpi_count("DMAR");
}

int env_dmar(unsigned n, const void **bytes, size_t *size)
{
    uint32_t length;
    int err = acpi_dmar(n, bytes, &length);

    if (!err)
        *size = length;
    return err;
}

const char *env_breach(void)
{
    return NULL;
}

bool env_phys_ok(paddr_t pa, size_t size)
{
    return vm_is_ram(pa.v, size);
}

/* ---- Guarded calls ---- */

void env_guard(void (*fn)(void *arg), void *arg, uint64_t timeout_ns, struct env_guard *out)
{
    static const enum env_end ends[] = {[GUARD_RETURNED] = ENV_RETURNED,
                                        [GUARD_TRAPPED] = ENV_TRAPPED,
                                        [GUARD_HUNG] = ENV_HUNG,
                                        [GUARD_PANICKED] = ENV_PANICKED};
    struct guard_report report;
    int err = guard_run(fn, arg, timeout_ns, &report);

    jitter_set(0);
    memset(out, 0, sizeof(*out));
    if (err) {
        out->end = ENV_PANICKED;
        snprintf(out->text, sizeof(out->text), "no thread to run it in");
        return;
    }
    out->end = ends[report.end];
    out->elapsed_ns = report.elapsed_ns;
    out->strays = report.strays;
    out->dropped = report.dropped;
    out->depth = (unsigned)report.depth;
    memcpy(out->trace, report.trace, sizeof(out->trace));
    snprintf(out->text, sizeof(out->text), "%s", report.text);
}

void env_symbol(uint64_t address, char *out, size_t size)
{
    uint64_t offset = 0;
    const char *name = symbol_of(address, &offset);

    snprintf(out, size, "%s+0x%llx", name ? name : "?", (unsigned long long)offset);
}

/* ---- Memory accounts ---- */

size_t env_pages(enum plat_owner owner)
{
    return page_owner_count(owner);
}

size_t env_objects(enum plat_owner owner)
{
    return heap_owner_count(owner);
}

uint64_t env_mark(void)
{
    return page_mark();
}

void env_quarantine(uint64_t mark)
{
    page_quarantine(mark, OWNER_TABLE, OWNER_TEST);
    heap_abandon(mark, OWNER_TABLE, OWNER_TEST);
}
