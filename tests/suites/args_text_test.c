/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Argument bytes as firmware, users and tools leave them: kernel/lib/args_text.c. Load options are UTF-16 and
 * may be binary; a file may come from any editor.
 */
#include <string.h>

#include "kernel/lib/args_text.h"
#include "tests/harness/harness.h"

#define BYTES(text) ((const uint8_t *)(text)), (sizeof(text) - 1)

/* `text` as UTF-16LE with its NUL. */
static size_t widen(const char *text, uint8_t *out)
{
    size_t n = strlen(text) + 1;

    for (size_t i = 0; i < n; i++) {
        out[2 * i] = (uint8_t)text[i];
        out[2 * i + 1] = 0;
    }
    return 2 * n;
}

struct sample {
    const char *in;
    const char *want;
};

TEST(args, load_options, .doc = "UTF-16 load options become the words behind the program's name")
{
    static const struct sample samples[] = {
        {"only=fault.* seed=3", "only=fault.* seed=3"},
        {"pasidcheck.efi list", "list"},
        {"FS0:\\EFI\\BOOT\\BOOTX64.EFI  seed=1 ", "seed=1"},
        {"PasidCheck.Efi", ""},
        {".efi x", "x"},
        {"efi x", "efi x"},
        {"list pasidcheck.efi", "list pasidcheck.efi"},
        {"  list\t", "list"},
        {"", ""},
        {"   ", ""},
    };
    uint8_t wide[128];
    char out[64];

    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        size_t size = widen(samples[i].in, wide);

        T_EXPECT_EQ(t, args_text_decode(wide, size, ARGS_LOAD_OPTIONS, out, sizeof(out)),
                    (long)strlen(samples[i].want));
        T_EXPECT_EQ(t, (const char *)out, samples[i].want);
    }
}

TEST(args, load_options_unterminated, .doc = "load options end with their size as well as with a NUL")
{
    uint8_t wide[64];
    char out[16];
    size_t size = widen("seed=12", wide);

    T_EXPECT_EQ(t, args_text_decode(wide, size - 2, ARGS_LOAD_OPTIONS, out, sizeof(out)), 7L);
    T_EXPECT_EQ(t, args_text_decode(wide, size - 3, ARGS_LOAD_OPTIONS, out, sizeof(out)), 6L);
    T_EXPECT_EQ(t, (const char *)out, "seed=1");
    T_EXPECT_EQ(t, args_text_decode(wide, 1, ARGS_LOAD_OPTIONS, out, sizeof(out)), 0L);
}

TEST(args, load_options_binary, .negative = true,
     .doc = "a boot manager's binary optional data is no argument line")
{
    static const uint8_t bytes[] = {'a', 0, 0x01, 0x80, 'b', 0};
    char out[16] = "old";

    T_EXPECT_ERR(t, args_text_decode(bytes, sizeof(bytes), ARGS_LOAD_OPTIONS, out, sizeof(out)), -EINVAL);
    T_EXPECT_EQ(t, (const char *)out, "");
    T_EXPECT_ERR(t, args_text_decode(BYTES("seed=1"), ARGS_LOAD_OPTIONS, out, sizeof(out)), -EINVAL);
}

TEST(args, text_forms, .doc = "a text file may be ASCII, UTF-8 or UTF-16 with a mark, with any line ends")
{
    uint8_t wide[64] = {0xff, 0xfe};
    size_t size = widen("seed=1\r\nlist\r\n", wide + 2);
    char out[32];

    T_EXPECT_EQ(t, args_text_decode(BYTES("seed=1\r\nlist\n"), ARGS_TEXT, out, sizeof(out)), 12L);
    T_EXPECT_EQ(t, (const char *)out, "seed=1  list");
    T_EXPECT_EQ(t, args_text_decode(BYTES("\xef\xbb\xbflist\n"), ARGS_TEXT, out, sizeof(out)), 4L);
    T_EXPECT_EQ(t, (const char *)out, "list");
    T_EXPECT_EQ(t, args_text_decode(wide, size + 2, ARGS_TEXT, out, sizeof(out)), 12L);
    T_EXPECT_EQ(t, (const char *)out, "seed=1  list");
    T_EXPECT_EQ(t, args_text_decode(wide + 2, size, ARGS_TEXT, out, sizeof(out)), 12L);
    T_EXPECT_EQ(t, args_text_decode(BYTES("pasidcheck.efi list"), ARGS_TEXT, out, sizeof(out)), 19L);
}

TEST(args, text_limits, .negative = true,
     .doc = "what does not fit or is not printable is refused whole, never cut")
{
    char out[8];

    T_EXPECT_EQ(t, args_text_decode(BYTES("1234567"), ARGS_TEXT, out, sizeof(out)), 7L);
    T_EXPECT_ERR(t, args_text_decode(BYTES("12345678"), ARGS_TEXT, out, sizeof(out)), -E2BIG);
    T_EXPECT_EQ(t, (const char *)out, "");
    T_EXPECT_ERR(t, args_text_decode(BYTES("a\x7f"), ARGS_TEXT, out, sizeof(out)), -EINVAL);
    T_EXPECT_ERR(t, args_text_decode(BYTES("\x80"), ARGS_TEXT, out, sizeof(out)), -EINVAL);
    T_EXPECT_ERR(t, args_text_decode(BYTES("a"), ARGS_TEXT, out, 0), -E2BIG);
    T_EXPECT_EQ(t, args_text_decode(BYTES("ab\0\xff"), ARGS_TEXT, out, sizeof(out)), 2L);
}

TEST(args, any_bytes, .doc = "random bytes give printable text that fits, or an error and nothing")
{
    uint8_t bytes[48];
    char out[24];

    for (unsigned round = 0; round < 500; round++) {
        size_t size = (size_t)t_rand_below(t, sizeof(bytes) + 1);
        enum args_form form = round % 2 ? ARGS_TEXT : ARGS_LOAD_OPTIONS;
        long n;

        t_rand_fill(t, bytes, sizeof(bytes));
        for (size_t i = 0; i < size && round % 4 < 2; i++)
            bytes[i] = form == ARGS_LOAD_OPTIONS && i % 2 ? 0 : (uint8_t)(' ' + bytes[i] % 95);
        n = args_text_decode(bytes, size, form, out, sizeof(out));
        if (!T_EXPECT_EQ(t, (long)strlen(out), n < 0 ? 0 : n))
            return;
        for (long i = 0; i < n; i++)
            if (!T_EXPECT(t, out[i] >= ' ' && out[i] <= '~'))
                return;
    }
}
