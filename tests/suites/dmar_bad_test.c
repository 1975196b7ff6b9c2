/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite dmar, wrong tables: each kind of lie is refused with the offset where it stands, and no spoilt byte
 * makes the parser look outside of the table (the host build watches that with ASan; tables stand at the end
 * of their memory).
 */
#include <string.h>

#include "iommu/dmar.h"
#include "iommu/platform.h"
#include "tests/harness/harness.h"
#include "tests/suites/dmar_blob.h"

/* Refused with `err`, at `offset`, in words that contain `word`. */
static void refused(struct t *t, const struct dmar_blob *blob, uint32_t size, int err, uint32_t offset,
                    const char *word)
{
    struct dmar dmar;
    struct dmar_error error = {0};

    uint8_t *copy = plat_alloc(size ? size : 1, OWNER_TEST);

    T_ASSERT(t, copy);
    memcpy(copy, blob->bytes, size);
    T_EXPECT_ERR(t, dmar_parse(copy, size, &dmar, &error), err);
    plat_free(copy);
    T_EXPECT_EQ(t, error.err, err);
    T_EXPECT_EQ(t, error.offset, offset);
    if (!T_EXPECT(t, error.what && strstr(error.what, word)))
        t_note(t, "said: %s, want: %s", error.what ? error.what : "nothing", word);
}

/* The same for a whole table. */
static void refused_whole(struct t *t, struct dmar_blob *blob, int err, uint32_t offset, const char *word)
{
    blob_seal(blob);
    refused(t, blob, blob->size, err, offset, word);
}

TEST(dmar, bad_header, .doc = "signature, length, checksum and address width of the header are checked")
{
    struct dmar_blob blob;

    blob_begin(&blob);
    blob_drhd(&blob, 1, 0, 0xfed90000);
    for (uint32_t size = 0; size < 48; size++)
        refused(t, &blob, size, -EINVAL, 0, "shorter");
    for (uint32_t size = 48; size < blob.size; size++)
        refused(t, &blob, size, -EINVAL, 4, "length");
    blob.bytes[20]++;
    refused(t, &blob, blob.size, -EINVAL, 9, "checksum");
    blob.bytes[0] = 'd';
    refused_whole(t, &blob, -EINVAL, 0, "signature");
    blob.bytes[0] = 'D';
    blob.bytes[36] = 64;
    refused_whole(t, &blob, -EINVAL, 36, "width");
    blob.bytes[36] = 11;
    refused_whole(t, &blob, -EINVAL, 36, "width");
    blob.bytes[36] = 38;
    blob_seal(&blob);
    blob_put(&blob, 4, 47, 4);
    refused(t, &blob, blob.size, -EINVAL, 4, "length");
    blob_put(&blob, 4, 0xffffffff, 4);
    refused(t, &blob, blob.size, -EINVAL, 4, "length");
}

TEST(dmar, bad_structures,
     .doc = "structures of zero length, too short, cut off or with impossible fields are refused")
{
    struct dmar_blob blob;
    uint32_t s;

    blob_begin(&blob);
    s = blob_struct(&blob, 0, 16);
    refused_whole(t, &blob, -EINVAL, s, "aligned");
    blob_put(&blob, s + 8, 0xfed91000, 8);
    blob_put(&blob, s + 5, 1, 1);
    refused_whole(t, &blob, -EINVAL, s, "aligned");
    blob_put(&blob, s + 5, 0, 1);
    blob_put(&blob, s + 2, 0, 2);
    refused_whole(t, &blob, -EINVAL, s, "zero length");
    blob_put(&blob, s + 2, 15, 2);
    refused_whole(t, &blob, -EINVAL, s, "shorter");
    blob_put(&blob, s + 2, 17, 2);
    refused_whole(t, &blob, -EINVAL, s, "leaves the table");
    blob_put(&blob, s + 2, 16, 2);
    blob.size += 3;
    refused_whole(t, &blob, -EINVAL, s + 16, "ends inside");
    blob.size += 1;
    refused_whole(t, &blob, -EINVAL, s + 16, "zero length");
    blob_put(&blob, s + 16, 500, 2);
    blob_put(&blob, s + 18, 3, 2);
    refused_whole(t, &blob, -EINVAL, s + 16, "shorter");

    blob_begin(&blob);
    s = blob_struct(&blob, 4, 12);
    memcpy(blob.bytes + s + 8, "\\_SB", 4);
    refused_whole(t, &blob, -EINVAL, s, "name");
}

TEST(dmar, bad_scopes,
     .doc = "scopes that leave their structure, have no path or an impossible one are refused")
{
    struct dmar_blob blob;
    uint32_t scope;

    blob_begin(&blob);
    blob_drhd(&blob, 0, 0, 0x1000);
    scope = blob_function(&blob, 1, 0, 0, 31, 7);
    blob.bytes[scope + 1] = 10;
    refused_whole(t, &blob, -EINVAL, scope, "leaves its structure");
    blob.bytes[scope + 1] = 0;
    refused_whole(t, &blob, -EINVAL, scope, "shorter");
    blob.bytes[scope + 1] = 6;
    refused_whole(t, &blob, -EINVAL, scope, "without a path");
    blob.bytes[scope + 1] = 7;
    refused_whole(t, &blob, -EINVAL, scope, "without a path");
    blob.bytes[scope + 1] = 8;
    blob.bytes[scope + 6] = 32;
    refused_whole(t, &blob, -EINVAL, scope, "impossible");
    blob.bytes[scope + 6] = 31;
    blob.bytes[scope + 7] = 8;
    refused_whole(t, &blob, -EINVAL, scope, "impossible");
    blob.bytes[scope + 7] = 7;
    blob.size += 3;
    blob_put(&blob, blob.last + 2, 16 + 8 + 3, 2);
    refused_whole(t, &blob, -EINVAL, scope + 8, "leaves its structure");
    blob.bytes[scope + 1] = 11;
    refused_whole(t, &blob, -EINVAL, scope, "half a pair");
}

TEST(dmar, double_claims,
     .doc = "two units with the same registers, device, I/O APIC or rest of a segment are refused")
{
    struct dmar_blob blob;
    struct dmar_blob two;
    struct dmar dmar;
    struct dmar_error error;
    uint32_t second;
    uint32_t scope;

    blob_begin(&blob);
    blob_drhd(&blob, 0, 0, 0x4000);
    blob_put(&blob, blob.last + 5, 1, 1); /* two pages */
    blob_function(&blob, 1, 0, 0, 2, 0);
    blob_function(&blob, 3, 1, 0xf0, 0x1f, 0);

    two = blob;
    second = blob_drhd(&two, 1, 1, 0x5000);
    refused_whole(t, &two, -EEXIST, second, "same registers");
    two = blob;
    second = blob_drhd(&two, 1, 1, 0x4000);
    blob_put(&two, second + 5, 2, 1);
    refused_whole(t, &two, -EEXIST, second, "same registers");

    two = blob;
    blob_drhd(&two, 0, 0, 0x6000);
    blob_function(&two, 1, 0, 0, 3, 0);
    scope = blob_function(&two, 1, 0, 0, 2, 0);
    refused_whole(t, &two, -EEXIST, scope, "same device");
    two = blob;
    blob_drhd(&two, 0, 0, 0x6000);
    scope = blob_function(&two, 3, 1, 0xf0, 0x1f, 0);
    refused_whole(t, &two, -EEXIST, scope, "same device");

    two = blob;
    blob_drhd(&two, 1, 0, 0x6000);
    blob_struct(&two, 200, 8);
    second = blob_drhd(&two, 1, 0, 0x7000);
    refused_whole(t, &two, -EEXIST, second, "rest of one segment");

    /* The same names in another segment, another I/O APIC on the same source id, another bus: no quarrel. */
    two = blob;
    blob_drhd(&two, 1, 1, 0x6000);
    blob_function(&two, 1, 0, 0, 2, 0);
    blob_drhd(&two, 1, 0, 0x7000);
    blob_function(&two, 3, 2, 0xf0, 0x1f, 0);
    blob_function(&two, 1, 0, 1, 2, 0);
    T_EXPECT_OK(t, dmar_parse(two.bytes, two.size, &dmar, &error));
}

TEST(dmar, longer_memory, .doc = "bytes behind the length in the header are not looked at")
{
    struct dmar_blob blob;
    struct dmar dmar;
    struct dmar_error error;

    blob_begin(&blob);
    blob_drhd(&blob, 1, 0, 0xfed90000);
    memset(blob.bytes + blob.size, 0xff, 100);
    T_ASSERT_OK(t, dmar_parse(blob.bytes, blob.size + 100, &dmar, &error));
    T_EXPECT_EQ(t, dmar.size, blob.size);
    T_EXPECT_EQ(t, dmar.count[DMAR_DRHD], 1u);
    T_EXPECT_EQ(t, dmar.unknown, 0u);
}

/* Goes through everything that an accepted table offers. */
static void read_all(struct t *t, const struct dmar *dmar, dmar_cfg_read *read)
{
    uint32_t bytes = 48;
    struct dmar_struct faulty = {0};
    const char *what;
    char line[64];

    dmar_for_each(s, dmar)
    {
        uint32_t end = s.scopes;

        dmar_for_each_scope(scope, dmar, &s)
        {
            T_ASSERT_EQ(t, scope.offset, end);
            end += scope.size;
        }
        T_ASSERT(t, s.scopes == 0 || end == s.offset + s.size);
        bytes += s.size;
        dmar_struct_text(dmar, &s, line, sizeof(line));
        (void)dmar_covers(dmar, &s, (struct pci_id){s.segment, RID(3, 2, 1)}, read, t);
    }
    while (dmar_next_faulty(dmar, &faulty, &what))
        bytes += faulty.size;
    T_ASSERT_EQ(t, bytes, dmar->size);
}

static uint32_t random_config(void *ctx, unused struct pci_id fn, unused uint16_t offset)
{
    return (uint32_t)t_rand64(ctx);
}

TEST(dmar, spoilt, .doc = "tables with random bytes in them are refused or read to their end, never beyond")
{
    static const uint8_t path[] = {0x1c, 0, 0, 0, 3, 1};
    struct dmar_blob good;
    unsigned accepted = 0;

    blob_begin(&good);
    blob_drhd(&good, 0, 0, 0xfed90000);
    blob_scope(&good, 1, 0, 0, path, 3);
    blob_function(&good, 2, 0, 0, 4, 0);
    blob_struct(&good, 2, 8);
    blob_function(&good, 2, 0, 0, 5, 0);
    blob_struct(&good, 4, 16);
    blob_drhd(&good, 1, 0, 0xfed91000);
    for (unsigned i = 0; i < t_depth(t, 2000); i++) {
        struct dmar_blob bad = good;
        struct dmar dmar;
        struct dmar_error error;
        uint8_t *copy;

        for (uint64_t n = t_rand_below(t, 3); n < 3; n++)
            bad.bytes[36 + t_rand_below(t, bad.size - 36)] = (uint8_t)t_rand64(t);
        blob_seal(&bad);
        copy = plat_alloc(bad.size, OWNER_TEST);
        T_ASSERT(t, copy);
        memcpy(copy, bad.bytes, bad.size);
        if (dmar_parse(copy, bad.size, &dmar, &error) == 0) {
            read_all(t, &dmar, random_config);
            accepted++;
        } else {
            T_ASSERT_LE(t, error.offset, bad.size);
        }
        plat_free(copy);
    }
    T_EXPECT_GT(t, accepted, 0u);
}
