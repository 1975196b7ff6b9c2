/* SPDX-License-Identifier: BSD-2-Clause */
/* A nested run whose case leaves threads of the kernel running. */
#include <string.h>

#include "iommu/platform.h"
#include "kernel/thread.h"
#include "kernel/time.h"
#include "tests/harness/runner.h"

static bool never(void *arg)
{
    (void)arg;
    return false;
}

static void sleep_on(void *arg)
{
    struct plat_waitq wq;

    (void)arg;
    plat_waitq_init(&wq);
    if (plat_wait(&wq, never, NULL, TIME_NEVER))
        plat_panic("the end of time");
}

static void leaves_threads(struct t *t)
{
    for (unsigned i = 0; i < 2; i++) {
        struct thread *thread = thread_create("stray", sleep_on, NULL);

        T_ASSERT(t, thread != NULL);
        thread_detach(thread);
    }
}

static void returns(void *arg)
{
    (void)arg;
}

static void joins_thread(struct t *t)
{
    struct thread *thread = thread_create("child", returns, NULL);

    T_ASSERT(t, thread != NULL);
    T_ASSERT_OK(t, thread_join(thread, TIME_NEVER));
}

static struct {
    char out[2048];
    size_t len;
} seen;

static void keep(void *ctx, const char *text, size_t size)
{
    (void)ctx;
    if (size > sizeof(seen.out) - 1 - seen.len)
        size = sizeof(seen.out) - 1 - seen.len;
    memcpy(seen.out + seen.len, text, size);
    seen.len += size;
    seen.out[seen.len] = 0;
}

/* Runs one case; its report is in `seen`. Exit code. */
static int run_inner(struct t *t, void (*body)(struct t *t))
{
    struct t_case c = {.suite = "inner", .name = "threads", .body = body};
    const struct t_case *list[] = {&c};
    struct args args;
    struct runner run = {.cases = list, .case_count = 1, .args = &args, .write = keep, .bare = true};
    char why[64];
    int code;

    seen.len = 0;
    T_ASSERT_OK(t, args_parse("", &args, why, sizeof(why)));
    code = runner_run(&run);
    t_note(t, "inner report:\n%.400s", seen.out);
    return code;
}

TEST(harness, verdict_stray, .needs = NEED_TARGET,
     .doc = "threads that outlive their case are ended, and the case is an error; joined ones are none")
{
    T_EXPECT_EQ(t, run_inner(t, leaves_threads), 4);
    T_EXPECT(t, strstr(seen.out, "not ok 1 - inner.threads\n# error: left behind: 2 threads still ran"));
    T_EXPECT_EQ(t, run_inner(t, joins_thread), 0);
}
