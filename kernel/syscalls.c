/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What newlib asks of an operating system: memory for malloc, and a console behind file descriptors 0 to 2.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "iommu/platform.h"
#include "kernel/console.h"
#include "kernel/exit.h"
#include "kernel/page.h"
#include "kernel/vm.h"

#define HEAP_STEP  (16u * PAGE_SIZE)
#define HEAP_LIMIT (256ull << 20)

/* newlib declares these for itself only. */
int kill(pid_t pid, int sig);
noreturn void __assert_func(const char *file, int line, const char *function, const char *text);

/* ---- malloc ---- */

/* Memory is mapped in steps and stays mapped when malloc gives the top of it back. Called under
 * __malloc_lock(). */
void *sbrk(ptrdiff_t change)
{
    static uint64_t end = VM_HEAP_BASE, mapped = VM_HEAP_BASE;
    uint64_t old = end, fresh = end + (uint64_t)change;

    if (change < 0 ? fresh < VM_HEAP_BASE || fresh > end : fresh - VM_HEAP_BASE > HEAP_LIMIT)
        goto refuse;
    if (fresh > mapped) {
        uint64_t size = (fresh - mapped + HEAP_STEP - 1) / HEAP_STEP * HEAP_STEP;

        if (vm_map_heap(mapped, size))
            goto refuse;
        mapped += size;
    }
    end = fresh;
    return (void *)old;
refuse:
    errno = ENOMEM;
    return (void *)-1;
}

/* ---- Files: a console ---- */

_READ_WRITE_RETURN_TYPE write(int fd, const void *data, size_t size)
{
    if (fd != STDOUT_FILENO && fd != STDERR_FILENO) {
        errno = EBADF;
        return -1;
    }
    console_write(data, size);
    return (_READ_WRITE_RETURN_TYPE)size;
}

_READ_WRITE_RETURN_TYPE read(int fd, void *data, size_t size)
{
    (void)fd;
    (void)data;
    (void)size;
    return 0;
}

int close(int fd)
{
    (void)fd;
    errno = EBADF;
    return -1;
}

int fstat(int fd, struct stat *st)
{
    (void)fd;
    *st = (struct stat){.st_mode = S_IFCHR};
    return 0;
}

int isatty(int fd)
{
    (void)fd;
    return 1;
}

off_t lseek(int fd, off_t offset, int whence)
{
    (void)fd;
    (void)offset;
    (void)whence;
    errno = ESPIPE;
    return -1;
}

/* ---- Processes: one, which ends by panicking ---- */

pid_t getpid(void)
{
    return 1;
}

int kill(pid_t pid, int sig)
{
    (void)pid;
    plat_panic("signal %d (abort)", sig);
}

void _exit(int code)
{
    machine_exit((unsigned)code & 127, EXIT_AUTO);
}

void __assert_func(const char *file, int line, const char *function, const char *text)
{
    plat_panic("%s:%d: %s: assertion failed: %s", file, line, function ? function : "?", text);
}
