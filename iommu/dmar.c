/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checks a DMAR table once, from the first byte to the last, and steps through it: see dmar.h. Every length
 * in it is a stranger's word until dmar_parse has returned 0; after that the iterators only decode.
 */
#include <errno.h>
#include <string.h>

#include "iommu/dmar.h"
#include "kernel/lib/bits.h"

/* VT-d 5.10, DMA Remapping Reporting Structure: byte offsets in the header */
#define HEADER_SIGNATURE 0
#define HEADER_LENGTH    4
#define HEADER_REVISION  8
#define HEADER_HAW       36
#define HEADER_FLAGS     37
#define HEADER_SIZE      48

/* VT-d 5.10, Remapping Structure Types: byte offsets common to several structures, and those of single ones
 */
#define STRUCT_TYPE    0
#define STRUCT_LENGTH  2
#define STRUCT_FLAGS   4
#define STRUCT_SEGMENT 6
#define STRUCT_BASE    8
#define STRUCT_MIN     4

#define DRHD_SIZE      5
#define RMRR_LIMIT     16
#define RHSA_PROXIMITY 16
#define ANDD_DEVICE    7
#define ANDD_NAME      8

/* VT-d 5.10, Device Scope Structure: byte offsets */
#define SCOPE_TYPE   0
#define SCOPE_LENGTH 1
#define SCOPE_FLAGS  2
#define SCOPE_ID     4
#define SCOPE_BUS    5
#define SCOPE_PATH   6

/* More than any machine has; keeps the search for double claims short. */
#define DMAR_SIZE_MAX 65536u

#define PCI_DEVICES   32
#define PCI_FUNCTIONS 8

/* Least size of a structure, and where its device scopes begin (0: it has none). */
static const struct {
    uint16_t least;
    uint16_t scopes;
} layouts[DMAR_TYPES] = {
    [DMAR_DRHD] = {16, 16}, [DMAR_RMRR] = {24, 24}, [DMAR_ATSR] = {8, 8}, [DMAR_RHSA] = {20, 0},
    [DMAR_ANDD] = {9, 0},   [DMAR_SATC] = {8, 8},   [DMAR_SIDP] = {8, 8},
};

/* Little-endian number of `size` bytes. */
static uint64_t number(const uint8_t *bytes, unsigned size)
{
    uint64_t value = 0;

    while (size > 0)
        value = value * 256 + bytes[--size];
    return value;
}

static int refuse(struct dmar_error *error, int err, uint32_t offset, const char *what)
{
    *error = (struct dmar_error){.err = err, .offset = offset, .what = what};
    return err;
}

/* ---- Decoding, of what is known to be in bounds ---- */

static void decode_struct(const uint8_t *bytes, uint32_t offset, struct dmar_struct *s)
{
    const uint8_t *b = bytes + offset;

    *s = (struct dmar_struct){.type = (uint16_t)number(b + STRUCT_TYPE, 2),
                              .offset = offset,
                              .size = (uint32_t)number(b + STRUCT_LENGTH, 2)};
    if (s->type >= DMAR_TYPES)
        return;
    if (layouts[s->type].scopes != 0) {
        s->scopes = offset + layouts[s->type].scopes;
        s->segment = (uint16_t)number(b + STRUCT_SEGMENT, 2);
    }
    switch (s->type) {
    case DMAR_DRHD:
        s->include_all = FIELD_GET(BIT(0), b[STRUCT_FLAGS]);
        s->base.v = number(b + STRUCT_BASE, 8);
        s->length = PAGE_SIZE * pow2((unsigned)FIELD_GET(BITS(3, 0), b[DRHD_SIZE]));
        break;
    case DMAR_RMRR:
        s->base.v = number(b + STRUCT_BASE, 8);
        s->length = number(b + RMRR_LIMIT, 8) - s->base.v + 1;
        break;
    case DMAR_ATSR:
        s->all_ports = FIELD_GET(BIT(0), b[STRUCT_FLAGS]);
        break;
    case DMAR_RHSA:
        s->base.v = number(b + STRUCT_BASE, 8);
        s->proximity = (uint32_t)number(b + RHSA_PROXIMITY, 4);
        break;
    case DMAR_ANDD:
        s->acpi_device = b[ANDD_DEVICE];
        s->acpi_name = (const char *)(b + ANDD_NAME);
        break;
    case DMAR_SATC:
        s->atc_required = FIELD_GET(BIT(0), b[STRUCT_FLAGS]);
        break;
    default:
        break;
    }
}

static void decode_scope(const uint8_t *bytes, uint32_t offset, bool flags, struct dmar_scope *scope)
{
    const uint8_t *b = bytes + offset;

    *scope = (struct dmar_scope){.type = b[SCOPE_TYPE],
                                 .offset = offset,
                                 .size = b[SCOPE_LENGTH],
                                 .flags = flags ? b[SCOPE_FLAGS] : 0,
                                 .id = b[SCOPE_ID],
                                 .start_bus = b[SCOPE_BUS],
                                 .path_len = (b[SCOPE_LENGTH] - SCOPE_PATH) / 2u,
                                 .path = b + SCOPE_PATH};
}

/* Why a structure is passed over; NULL: it is not. */
static const char *tolerated_fault(const struct dmar_struct *s)
{
    if (s->type != DMAR_RMRR)
        return NULL;
    if (!is_aligned(s->base.v, PAGE_SIZE) || !is_aligned(s->length, PAGE_SIZE))
        return "reserved memory not in whole pages";
    if (s->length == 0 || s->base.v + (s->length - 1) < s->base.v)
        return "reserved memory ends before it begins";
    return NULL;
}

static bool next_any(const struct dmar *dmar, struct dmar_struct *s)
{
    uint32_t offset = s->offset == 0 ? HEADER_SIZE : s->offset + s->size;

    if (offset >= dmar->size)
        return false;
    decode_struct(dmar->bytes, offset, s);
    return true;
}

bool dmar_next(const struct dmar *dmar, struct dmar_struct *s)
{
    while (next_any(dmar, s)) {
        if (!tolerated_fault(s))
            return true;
    }
    return false;
}

bool dmar_next_faulty(const struct dmar *dmar, struct dmar_struct *s, const char **what)
{
    while (next_any(dmar, s)) {
        *what = tolerated_fault(s);
        if (*what)
            return true;
    }
    return false;
}

bool dmar_next_scope(const struct dmar *dmar, const struct dmar_struct *s, struct dmar_scope *scope)
{
    uint32_t offset = scope->offset == 0 ? s->scopes : scope->offset + scope->size;

    if (s->scopes == 0 || offset >= s->offset + s->size)
        return false;
    decode_scope(dmar->bytes, offset, s->type == DMAR_SIDP, scope);
    return true;
}

/* ---- Checking ---- */

static bool scope_type_known(uint8_t type)
{
    return type >= DMAR_SCOPE_ENDPOINT && type <= DMAR_SCOPE_NAMESPACE;
}

static const char *scope_fault(const struct dmar_scope *scope)
{
    if (!scope_type_known(scope->type))
        return NULL;
    if (scope->path_len == 0)
        return "scope without a path";
    if (scope->size % 2 != 0)
        return "scope with half a pair in its path";
    for (unsigned i = 0; i < scope->path_len; i++)
        if (scope->path[2 * i] >= PCI_DEVICES || scope->path[2 * i + 1] >= PCI_FUNCTIONS)
            return "scope with an impossible device or function number";
    return NULL;
}

static int check_scopes(const uint8_t *bytes, const struct dmar_struct *s, struct dmar_error *error)
{
    uint32_t end = s->offset + s->size;
    uint32_t offset = s->scopes;

    while (s->scopes != 0 && offset < end) {
        struct dmar_scope scope;
        const char *fault;

        if (end - offset < SCOPE_PATH || bytes[offset + SCOPE_LENGTH] > end - offset)
            return refuse(error, -EINVAL, offset, "scope leaves its structure");
        if (bytes[offset + SCOPE_LENGTH] < SCOPE_PATH)
            return refuse(error, -EINVAL, offset, "scope shorter than its header");
        decode_scope(bytes, offset, true, &scope);
        fault = scope_fault(&scope);
        if (fault)
            return refuse(error, -EINVAL, offset, fault);
        offset += scope.size;
    }
    return 0;
}

static const char *struct_fault(const uint8_t *bytes, const struct dmar_struct *s)
{
    switch (s->type) {
    case DMAR_DRHD:
        if (s->base.v == 0 || !is_aligned(s->base.v, s->length))
            return "unit's registers not aligned to their size";
        return NULL;
    case DMAR_ANDD:
        if (!memchr(bytes + s->offset + ANDD_NAME, '\0', s->size - ANDD_NAME))
            return "name does not end inside its structure";
        return NULL;
    default:
        return NULL;
    }
}

static int check_struct(const uint8_t *bytes, uint32_t offset, uint32_t room, struct dmar_struct *s,
                        struct dmar_error *error)
{
    uint64_t type;
    uint64_t size;
    const char *fault;

    if (room < STRUCT_MIN)
        return refuse(error, -EINVAL, offset, "table ends inside a structure's header");
    type = number(bytes + offset + STRUCT_TYPE, 2);
    size = number(bytes + offset + STRUCT_LENGTH, 2);
    if (size == 0)
        return refuse(error, -EINVAL, offset, "structure of zero length");
    if (size > room)
        return refuse(error, -EINVAL, offset, "structure leaves the table");
    if (size < (type < DMAR_TYPES ? layouts[type].least : STRUCT_MIN))
        return refuse(error, -EINVAL, offset, "structure shorter than its type demands");
    decode_struct(bytes, offset, s);
    fault = struct_fault(bytes, s);
    return fault ? refuse(error, -EINVAL, offset, fault) : check_scopes(bytes, s, error);
}

static int check_header(const uint8_t *bytes, size_t size, struct dmar_error *error)
{
    uint64_t length;
    unsigned sum = 0;

    if (size < HEADER_SIZE)
        return refuse(error, -EINVAL, 0, "table shorter than its header");
    if (memcmp(bytes + HEADER_SIGNATURE, "DMAR", 4) != 0)
        return refuse(error, -EINVAL, HEADER_SIGNATURE, "signature is not DMAR");
    length = number(bytes + HEADER_LENGTH, 4);
    if (length < HEADER_SIZE || length > size || length > DMAR_SIZE_MAX)
        return refuse(error, -EINVAL, HEADER_LENGTH, "length in the header cannot be");
    for (uint64_t i = 0; i < length; i++)
        sum += bytes[i];
    if (sum % 256 != 0)
        return refuse(error, -EINVAL, 9, "checksum does not add up to zero");
    if (bytes[HEADER_HAW] < 31 || bytes[HEADER_HAW] > 63)
        return refuse(error, -EINVAL, HEADER_HAW, "host address width cannot be");
    return 0;
}

/* ---- Double claims ---- */

static bool scopes_equal(const struct dmar_scope *a, const struct dmar_scope *b)
{
    if (a->type != b->type || a->start_bus != b->start_bus || a->path_len != b->path_len)
        return false;
    if (a->type >= DMAR_SCOPE_IOAPIC && a->id != b->id)
        return false;
    return memcmp(a->path, b->path, 2 * a->path_len) == 0;
}

/* The first scope of `b` that `a` has too; false if there is none. */
static bool shared_scope(const struct dmar *dmar, const struct dmar_struct *a, const struct dmar_struct *b,
                         struct dmar_scope *shared)
{
    dmar_for_each_scope(y, dmar, b)
    {
        dmar_for_each_scope(x, dmar, a)
        {
            if (scope_type_known(x.type) && scopes_equal(&x, &y)) {
                *shared = y;
                return true;
            }
        }
    }
    return false;
}

static int check_pair(const struct dmar *dmar, const struct dmar_struct *a, const struct dmar_struct *b,
                      struct dmar_error *error)
{
    struct dmar_scope shared;

    if (a->base.v <= b->base.v + (b->length - 1) && b->base.v <= a->base.v + (a->length - 1))
        return refuse(error, -EEXIST, b->offset, "two units claim the same registers");
    if (a->segment != b->segment)
        return 0;
    if (a->include_all && b->include_all)
        return refuse(error, -EEXIST, b->offset, "two units claim the rest of one segment");
    if (shared_scope(dmar, a, b, &shared))
        return refuse(error, -EEXIST, shared.offset, "two units claim the same device");
    return 0;
}

static int check_claims(const struct dmar *dmar, struct dmar_error *error)
{
    dmar_for_each(a, dmar)
    {
        struct dmar_struct b = a;

        while (a.type == DMAR_DRHD && dmar_next(dmar, &b)) {
            int err = b.type == DMAR_DRHD ? check_pair(dmar, &a, &b, error) : 0;

            if (err)
                return err;
        }
    }
    return 0;
}

int dmar_parse(const void *bytes, size_t size, struct dmar *out, struct dmar_error *error)
{
    const uint8_t *b = bytes;
    int err = check_header(b, size, error);
    struct dmar_struct s;

    if (err)
        return err;
    *out = (struct dmar){.bytes = b,
                         .size = (uint32_t)number(b + HEADER_LENGTH, 4),
                         .revision = b[HEADER_REVISION],
                         .haw = (uint8_t)(b[HEADER_HAW] + 1),
                         .intr_remap = FIELD_GET(BIT(0), b[HEADER_FLAGS]),
                         .x2apic_opt_out = FIELD_GET(BIT(1), b[HEADER_FLAGS]),
                         .dma_ctrl_opt_in = FIELD_GET(BIT(2), b[HEADER_FLAGS])};
    for (uint32_t offset = HEADER_SIZE; offset < out->size; offset += s.size) {
        err = check_struct(b, offset, out->size - offset, &s, error);
        if (err)
            return err;
        if (tolerated_fault(&s))
            out->faulty++;
        else if (s.type < DMAR_TYPES)
            out->count[s.type]++;
        else
            out->unknown++;
    }
    return check_claims(out, error);
}
