/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DMAR tables put together byte by byte for tests (VT-d 5.10, DMA Remapping Reporting Structure), right or
 * wrong ones. Independent of iommu/dmar.c: all offsets are written out here again.
 */
#ifndef TESTS_SUITES_DMAR_BLOB_H
#define TESTS_SUITES_DMAR_BLOB_H

#include <stdint.h>
#include <string.h>

struct dmar_blob {
    uint8_t bytes[4096];
    uint32_t size;
    uint32_t last; /* offset of the structure that scopes go into */
};

static inline void blob_put(struct dmar_blob *blob, uint32_t offset, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++, value /= 256)
        blob->bytes[offset + i] = (uint8_t)value;
}

/* Makes length and checksum of the header right for what is there. */
static inline void blob_seal(struct dmar_blob *blob)
{
    unsigned sum = 0;

    blob_put(blob, 4, blob->size, 4);
    blob->bytes[9] = 0;
    for (uint32_t i = 0; i < blob->size; i++)
        sum += blob->bytes[i];
    blob->bytes[9] = (uint8_t)(256 - sum % 256);
}

/* A table without structures: 48 bits of host address, interrupt remapping. */
static inline void blob_begin(struct dmar_blob *blob)
{
    *blob = (struct dmar_blob){.size = 48};
    memcpy(blob->bytes, "DMAR", 4);
    blob->bytes[8] = 1;
    memcpy(blob->bytes + 10, "OEM ID", 6);
    memcpy(blob->bytes + 16, "OEMTABLE", 8);
    blob->bytes[36] = 47;
    blob->bytes[37] = 1;
    blob_seal(blob);
}

/* A structure of `size` bytes, zero behind type and length. Its offset. */
static inline uint32_t blob_struct(struct dmar_blob *blob, unsigned type, unsigned size)
{
    uint32_t offset = blob->size;

    blob_put(blob, offset, type, 2);
    blob_put(blob, offset + 2, size, 2);
    blob->size += size;
    blob->last = offset;
    blob_seal(blob);
    return offset;
}

static inline uint32_t blob_drhd(struct dmar_blob *blob, unsigned flags, unsigned segment, uint64_t base)
{
    uint32_t offset = blob_struct(blob, 0, 16);

    blob_put(blob, offset + 4, flags, 1);
    blob_put(blob, offset + 6, segment, 2);
    blob_put(blob, offset + 8, base, 8);
    blob_seal(blob);
    return offset;
}

/* Adds a device scope to the last structure; `pairs` pairs of device and function. Its offset. */
static inline uint32_t blob_scope(struct dmar_blob *blob, unsigned type, unsigned id, unsigned bus,
                                  const uint8_t *path, unsigned pairs)
{
    uint32_t offset = blob->size;

    blob->bytes[offset] = (uint8_t)type;
    blob->bytes[offset + 1] = (uint8_t)(6 + 2 * pairs);
    blob->bytes[offset + 4] = (uint8_t)id;
    blob->bytes[offset + 5] = (uint8_t)bus;
    if (pairs != 0)
        memcpy(blob->bytes + offset + 6, path, 2 * pairs);
    blob->size += 6 + 2 * pairs;
    blob_put(blob, blob->last + 2, blob->size - blob->last, 2);
    blob_seal(blob);
    return offset;
}

/* A scope whose path is one pair. */
static inline uint32_t blob_function(struct dmar_blob *blob, unsigned type, unsigned id, unsigned bus,
                                     unsigned dev, unsigned fn)
{
    uint8_t path[2] = {(uint8_t)dev, (uint8_t)fn};

    return blob_scope(blob, type, id, bus, path, 1);
}

#endif
