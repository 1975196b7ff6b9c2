/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of the errno values that iommu/ returns; the numbers differ between C libraries. */
#include <stdio.h>

#include "tests/harness/harness.h"

static const struct {
    int value;
    const char *name;
} names[] = {
    {EPERM, "-EPERM"},
    {ENOENT, "-ENOENT"},
    {EIO, "-EIO"},
    {E2BIG, "-E2BIG"},
    {EAGAIN, "-EAGAIN"},
    {ENOMEM, "-ENOMEM"},
    {EACCES, "-EACCES"},
    {EFAULT, "-EFAULT"},
    {EBUSY, "-EBUSY"},
    {EEXIST, "-EEXIST"},
    {ENODEV, "-ENODEV"},
    {EINVAL, "-EINVAL"},
    {ENOSPC, "-ENOSPC"},
    {ERANGE, "-ERANGE"},
    {EDEADLK, "-EDEADLK"},
    {ENOSYS, "-ENOSYS"},
    {EILSEQ, "-EILSEQ"},
    {EOVERFLOW, "-EOVERFLOW"},
    {ENOTSUP, "-ENOTSUP"},
    {EALREADY, "-EALREADY"},
    {ESTALE, "-ESTALE"},
    {EINPROGRESS, "-EINPROGRESS"},
    {EDQUOT, "-EDQUOT"},
    {ETIMEDOUT, "-ETIMEDOUT"},
    {ECANCELED, "-ECANCELED"},
};

const char *t_errno_name(int64_t err)
{
    static char buffers[4][40];
    static unsigned next;
    char *out;

    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        if (err == -names[i].value)
            return names[i].name;
    }
    out = buffers[__atomic_fetch_add(&next, 1, __ATOMIC_RELAXED) % ARRAY_SIZE(buffers)];
    snprintf(out, sizeof(buffers[0]), "%lld", (long long)err);
    return out;
}
