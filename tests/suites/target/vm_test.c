/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's address space and traps: kernel/vm.c, traps.c, backtrace.c. */
#include <string.h>

#include "kernel/backtrace.h"
#include "kernel/cpu.h"
#include "kernel/guard.h"
#include "kernel/page.h"
#include "kernel/payload.h"
#include "kernel/runtime.h"
#include "kernel/vm.h"
#include "kernel/vm_tables.h"
#include "tests/harness/harness.h"

#define SECOND      1000000000ull
#define TOP_LEVEL   4u
#define TOP_ENTRIES 512u
#define VARIABLE    "PasidcheckTest"

/* ---- Tables ---- */

struct audit {
    struct t *t;
    uint64_t leaves;
    unsigned bad;
};

/* Counts the leaves below a table that are writable and executable at the same time. `writable` by all levels
 * above. */
static void audit_table(struct audit *a, uint64_t table, unsigned level, bool writable, bool executable)
{
    const uint64_t *e = vm_va(table & PTE_PA);

    for (unsigned i = 0; i < TOP_ENTRIES; i++) {
        bool w = writable && e[i] & PTE_W, x = executable && !(e[i] & PTE_NX);

        if (!(e[i] & PTE_P))
            continue;
        if (level > 1 && !(e[i] & PTE_LARGE && level < TOP_LEVEL)) {
            audit_table(a, e[i], level - 1, w, x);
            continue;
        }
        a->leaves++;
        a->bad += w && x;
    }
}

TEST(vm, write_xor_execute, .needs = NEED_TARGET,
     .doc = "no page of the kernel's tables is both writable and executable")
{
    struct audit a = {.t = t};

    audit_table(&a, vm_root(), TOP_LEVEL, true, true);
    T_EXPECT_GT(t, a.leaves, 10u);
    T_EXPECT_EQ(t, a.bad, 0u);
    T_EXPECT(t, read_cr0() & CR0_WP);
    T_EXPECT(t, rdmsr(MSR_EFER) & EFER_NXE);
}

TEST(vm, low_half_empty, .needs = NEED_TARGET,
     .doc = "nothing is mapped in the low half of the kernel's tables")
{
    const uint64_t *top = vm_va(vm_root());

    for (unsigned i = 0; i < TOP_ENTRIES / 2; i++)
        T_EXPECT_EQ(t, top[i] & PTE_P, 0u);
}

TEST(vm, image_has_no_alias, .needs = NEED_TARGET,
     .doc = "the direct map leaves the kernel image out: no second, writable way to its text")
{
    uint64_t entry, size;
    const struct boot_blob *image = &boot_info()->kernel;

    for (uint64_t at = 0; at < image->size; at += PAGE_SIZE)
        T_EXPECT(t, !vt_lookup(vm_root(), VM_DIRECT_BASE + image->base + at, &entry, &size));
    T_EXPECT(t, vm_overlaps_ram(image->base, 1));
}

/* ---- Traps ---- */

__attribute__((noinline)) static void write_to(void *va)
{
    *(volatile uint8_t *)va = 1;
}

static void jump_to(void *va)
{
    void (*fn)(void);

    memcpy(&fn, &va, sizeof(fn));
    fn();
}

__attribute__((noinline)) static unsigned recurse(unsigned depth)
{
    volatile uint8_t room[256];

    room[0] = (uint8_t)depth;
    return depth ? recurse(depth - 1) + room[0] : 0;
}

static void overflow(void *arg)
{
    (void)arg;
    (void)recurse(1u << 20);
}

/* The trace names `function` within its first `depth` entries, or a compiler's variant of it
 * ("function.isra.0"). */
static bool trace_names(const struct guard_report *r, size_t depth, const char *function)
{
    for (size_t i = 0; i < r->depth && i < depth; i++) {
        uint64_t offset;
        const char *name = symbol_of(r->trace[i] - (i > 0), &offset);

        if (name && strncmp(name, function, strlen(function)) == 0)
            return true;
    }
    return false;
}

static void expect_trap(struct t *t, void (*fn)(void *arg), void *arg, const char *words,
                        const char *function)
{
    struct guard_report r;

    T_ASSERT_OK(t, guard_run(fn, arg, SECOND, &r));
    t_note(t, "%s", r.text);
    T_EXPECT_EQ(t, guard_end_name(r.end), guard_end_name(GUARD_TRAPPED));
    T_EXPECT(t, strstr(r.text, words) != NULL);
    T_EXPECT(t, trace_names(&r, 2, function));
}

TEST(vm, traps, .needs = NEED_TARGET, .negative = true,
     .doc = "forbidden accesses trap, and the report says where and what")
{
    static uint8_t data[16];

    expect_trap(t, write_to, (void *)16, "null page", "write_to");
    expect_trap(t, write_to, (void *)(uintptr_t)(VM_KERNEL_BASE + 64), "kernel text, page protected",
                "write_to");
    expect_trap(t, write_to, (void *)(uintptr_t)(VM_HEAP_BASE - 8), "stack guard page", "write_to");
    expect_trap(t, jump_to, data, "fetch from", "jump_to");
}

TEST(vm, stack_overflow, .needs = NEED_TARGET, .negative = true,
     .doc = "a stack that grows too far meets its guard page, not another stack")
{
    expect_trap(t, overflow, NULL, "stack guard page", "recurse");
}

TEST(vm, readable, .needs = NEED_TARGET,
     .doc = "what back-traces may read: mapped memory, not registers, not holes")
{
    uint64_t here = (uint64_t)__builtin_frame_address(0);

    T_EXPECT(t, vm_readable(here, 16));
    T_EXPECT(t, !vm_readable(0, 8));
    T_EXPECT(t, !vm_readable(VM_DIRECT_BASE - 8, 16));
    T_EXPECT(t, !vm_readable(UINT64_MAX - 4, 16));
    T_EXPECT(t, vm_readable(VM_KERNEL_BASE, PAGE_SIZE));
}

/* ---- Firmware ---- */

TEST(vm, runtime_variable, .needs = NEED_TARGET,
     .doc = "a UEFI variable is written, read back and removed after ExitBootServices")
{
    char back[16] = "";

    T_ASSERT_OK(t, runtime_set_variable(VARIABLE, "sixteen", 8));
    T_EXPECT_EQ(t, runtime_get_variable(VARIABLE, back, sizeof(back)), 8);
    T_EXPECT_EQ(t, (const char *)back, "sixteen");
    T_EXPECT_ERR(t, runtime_get_variable(VARIABLE, back, 4), -ENOSPC);
    T_EXPECT_OK(t, runtime_set_variable(VARIABLE, "", 0));
    T_EXPECT_ERR(t, runtime_get_variable(VARIABLE, back, sizeof(back)), -ENOENT);
    T_EXPECT(t, !runtime_busy());
}
