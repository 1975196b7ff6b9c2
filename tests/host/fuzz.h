/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The entry that a fuzz target offers, by the name that libFuzzer calls.
 */
#ifndef TESTS_HOST_FUZZ_H
#define TESTS_HOST_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Tries one input; aborts when something is wrong. Always 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
