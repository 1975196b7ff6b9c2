# SPDX-License-Identifier: BSD-2-Clause
# Sources of the tests, each listed. A new suite adds its line here, in the list of the home it runs in.

# Both homes: the harness and every suite that is not about the firmware itself.
TEST_SRCS :=

# Firmware only: DMA engines of the machine, suites about the kernel, payload_main().
TARGET_SRCS :=

# Host process only: the platform of a Linux process, stub units, main().
HOST_SRCS :=
