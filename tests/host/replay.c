/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main() for a fuzz target where there is no libFuzzer: feeds it every file that is named, one after the
 * other. A finding ends the process by abort or by a sanitizer's report, behind a line with the file's name.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/host/fuzz.h"

#define INPUT_MAX 65536

static int replay(const char *name)
{
    static uint8_t data[INPUT_MAX];
    FILE *file = fopen(name, "rb");
    size_t size;
    int bad;

    if (!file) {
        perror(name);
        return 1;
    }
    size = fread(data, 1, sizeof(data), file);
    bad = ferror(file);
    fclose(file);
    if (bad) {
        perror(name);
        return 1;
    }
    printf("# %s\n", name);
    fflush(stdout);
    LLVMFuzzerTestOneInput(data, size);
    return 0;
}

int main(int argc, char **argv)
{
    int failed = argc < 2;

    for (int i = 1; i < argc; i++)
        failed |= replay(argv[i]);
    printf("replay: %d inputs, %s\n", argc - 1, failed ? "not all of them read" : "no finding");
    return failed;
}
