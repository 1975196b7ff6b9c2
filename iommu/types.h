/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses and identifiers of the IOMMU world, each a type of its own, so that one never passes for another.
 */
#ifndef IOMMU_TYPES_H
#define IOMMU_TYPES_H

#include <stdbool.h>
#include <stdint.h>

/* Physical address of system memory, as the IOMMU and its tables use it. */
typedef struct {
    uint64_t v;
} paddr_t;

/* Address that a device puts on the bus; input of the translation. */
typedef struct {
    uint64_t v;
} iova_t;

/* Domain id, the tag of IOTLB entries; 1 .. 2^(4+2*CAP.ND)-1, 0 is never used (VT-d 5.10, rules 17 and 48).
 */
typedef struct {
    uint16_t v;
} did_t;

/* PCI function: segment, and the 16-bit requester id {bus 15:8, device 7:3, function 2:0}. */
struct pci_id {
    uint16_t segment;
    uint16_t rid;
};

#define RID(bus, dev, fn) ((uint16_t)((bus)*256 + (dev)*8 + (fn)))

/* Parts of a requester id. */
static inline uint8_t rid_bus(uint16_t rid)
{
    return (uint8_t)(rid / 256);
}

static inline uint8_t rid_devfn(uint16_t rid)
{
    return (uint8_t)(rid % 256);
}

static inline uint8_t rid_dev(uint16_t rid)
{
    return (uint8_t)(rid % 256 / 8);
}

static inline uint8_t rid_fn(uint16_t rid)
{
    return (uint8_t)(rid % 8);
}

/*
 * Handle of an IOASID: the number that hardware sees (20 bits) and the generation of its life (44 bits), so
 * that a handle of an earlier life never names a later one. All ones is no IOASID.
 */
typedef struct {
    uint64_t raw;
} ioasid_t;

#define IOASID_BITS    20
#define IOASID_NUMBERS 0x100000u /* 2^IOASID_BITS */
#define IOASID_INVALID ((ioasid_t){UINT64_MAX})

/* Parts of a handle, and a handle of parts. */
static inline uint32_t ioasid_number(ioasid_t id)
{
    return (uint32_t)(id.raw % IOASID_NUMBERS);
}

static inline uint64_t ioasid_generation(ioasid_t id)
{
    return id.raw / IOASID_NUMBERS;
}

static inline ioasid_t ioasid_make(uint32_t number, uint64_t generation)
{
    return (ioasid_t){generation * IOASID_NUMBERS + number};
}

static inline bool ioasid_eq(ioasid_t a, ioasid_t b)
{
    return a.raw == b.raw;
}

#endif
