/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Proof by memory: a page is filled with bytes nobody else has, the device acts, and every byte of the page
 * is compared. What an engine says about its own transfer is a note, never the verdict.
 */
#include <stdio.h>
#include <string.h>

#include "tests/harness/evidence.h"
#include "tests/harness/fixture.h"

#define PAGE_BYTES 4096u
#define MAX_DEVS   32u
#define LINE       64u

/* What is known of the bytes that an engine holds: `len` of them, of `pattern`. */
struct held {
    const struct dma_dev *dev;
    bool known;
    struct pattern pattern;
    size_t len;
};

static struct held all_held[MAX_DEVS];

void proof_reset(void)
{
    memset(all_held, 0, sizeof(all_held));
}

static struct held *held_by(struct t *t, const struct dma_dev *dev)
{
    for (unsigned i = 0; i < MAX_DEVS; i++) {
        if (all_held[i].dev == dev || !all_held[i].dev) {
            all_held[i].dev = dev;
            return &all_held[i];
        }
    }
    t_error(t, "more than %u devices in one case", MAX_DEVS);
}

/* ---- Memory of a case ---- */

struct t_mem t_mem(struct t *t, unsigned pages)
{
    struct t_state *st = t->state;
    struct t_mem mem = {.pages = pages};

    if (st->mem_count == T_MAX_MEMS)
        t_error(t, "more than %u buffers in one case", T_MAX_MEMS);
    mem.va = plat_pages_alloc(pages, OWNER_TEST);
    if (!mem.va)
        t_error(t, "no memory for %u pages", pages);
    mem.pa = plat_pa(mem.va);
    st->mems[st->mem_count++] = mem;
    return mem;
}

void t_mem_free(struct t *t, struct t_mem *mem)
{
    struct t_state *st = t->state;

    for (unsigned i = 0; i < st->mem_count; i++) {
        if (st->mems[i].va != mem->va)
            continue;
        plat_pages_free(mem->va, mem->pages);
        st->mems[i] = st->mems[--st->mem_count];
        *mem = (struct t_mem){0};
        return;
    }
    t_error(t, "t_mem_free of what t_mem did not give");
}

/* ---- One transfer ---- */

/*
 * An engine that moves records of its own moves one in place of what the case asks for, at the last address
 * up to the one asked for that it can do, within the same page. Which bytes of the page it is about is then
 * its own business; the page is compared whole all the same.
 */
static void to_shape(const struct dma_dev *dev, iova_t *iova, size_t *offset, size_t *len)
{
    uint64_t step = dev->record_len > dev->align ? dev->record_len : dev->align, back;

    if (!dev->record_len || *len == dev->record_len)
        return;
    back = iova->v % step;
    plat_assert(PAGE_BYTES % step == 0 && back <= *offset);
    iova->v -= back;
    *offset -= back;
    *len = dev->record_len;
}

static void check_range(struct t *t, const struct dma_dev *dev, const struct t_mem *mem, size_t offset,
                        size_t len)
{
    size_t size = (size_t)mem->pages * PAGE_BYTES;

    if (!len || len > dev->max_len || offset > size || len > size - offset)
        t_error(t, "%s: %zu bytes at offset %zu of %zu do not fit (engine: %u)", dev->name, len, offset, size,
                dev->max_len);
}

static void transfer(struct t *t, struct dma_dev *dev, enum dma_dir dir, iova_t iova, size_t len,
                     paddr_t believed)
{
    struct dma_xfer x = {.dir = dir, .iova = iova, .len = (uint32_t)len, .believed = believed};
    int err;

    plat_wmb();
    err = dma_run(dev, &x);
    plat_rmb();
    t_faults(t);
    if (err)
        t_error(t, "%s: transfer of %zu bytes at 0x%llx: %s", dev->name, len, (unsigned long long)iova.v,
                t_errno_name(err));
}

/* Puts `len` bytes of a new pattern into the engine through an address that it may read. */
static void load(struct t *t, struct dma_dev *dev, iova_t iova, const struct t_mem *mem, size_t offset,
                 size_t len)
{
    struct held *h = held_by(t, dev);

    *h = (struct held){.dev = dev, .known = true, .pattern = pattern_make(&t->state->rng), .len = len};
    pattern_fill(h->pattern, mem->va + offset, len);
    transfer(t, dev, DMA_FROM_MEM, iova, len, (paddr_t){mem->pa.v + offset});
}

/* The bytes that the engine will send, if they are known. */
static bool will_send(struct t *t, struct dma_dev *dev, uint8_t *out, size_t len)
{
    const struct held *h = held_by(t, dev);

    if (dma_fixed_pattern(dev, out, (uint32_t)len))
        return true;
    if (!h->known || h->len < len)
        return false;
    pattern_fill(h->pattern, out, len);
    return true;
}

/* ---- Background and comparison ---- */

static uint8_t pattern_bytes[16 * PAGE_BYTES];

struct seen {
    size_t outside; /* bytes that changed beside the range */
    size_t changed; /* bytes that changed inside it */
    size_t right;   /* bytes inside it that are what was sent */
};

/* A pattern all over; inside the range no byte that equals what will be sent. */
static struct pattern paint(struct t *t, const struct t_mem *mem, size_t offset, size_t len, bool known)
{
    struct pattern background = pattern_make(&t->state->rng);

    pattern_fill(background, mem->va, (size_t)mem->pages * PAGE_BYTES);
    for (size_t i = 0; known && i < len; i++)
        mem->va[offset + i] = (uint8_t)~pattern_bytes[i];
    return background;
}

static bool same_line(const uint8_t *a, struct pattern p)
{
    uint64_t diff = 0, word;

    for (size_t i = 0; i < LINE / sizeof(word); i++, p.at += p.step) {
        __builtin_memcpy(&word, a + i * sizeof(word), sizeof(word));
        diff |= word ^ pattern_word(p);
    }
    return diff == 0;
}

/* Byte by byte, the line at `at`: `was` is what was painted there. */
static void compare_line(struct seen *s, const struct t_mem *mem, size_t at, const uint8_t *was,
                         size_t offset, size_t len, bool known)
{
    for (size_t k = 0; k < LINE; k++) {
        size_t i = at + k;
        bool inside = i >= offset && i - offset < len;
        uint8_t sent = inside && known ? pattern_bytes[i - offset] : 0;
        uint8_t old = inside && known ? (uint8_t)~sent : was[k];

        s->outside += !inside && mem->va[i] != old;
        s->changed += inside && mem->va[i] != old;
        s->right += inside && known && mem->va[i] == sent;
    }
}

/* All bytes of `mem`. A line without a byte of the range that holds its background needs no second look. */
static struct seen compare(const struct t_mem *mem, size_t offset, size_t len, bool known,
                           struct pattern background)
{
    struct seen s = {0};
    uint8_t line[LINE];

    for (size_t at = 0; at < (size_t)mem->pages * PAGE_BYTES; at += LINE) {
        bool beside = at + LINE <= offset || at >= offset + len;
        struct pattern here = pattern_from(background, at / sizeof(uint64_t));

        if (beside && same_line(mem->va + at, here))
            continue;
        pattern_fill(here, line, LINE);
        compare_line(&s, mem, at, line, offset, len, known);
    }
    return s;
}

static enum t_reach judge_write(const struct seen *s, size_t len, bool known)
{
    if (!s->outside && !s->changed)
        return T_UNTOUCHED;
    return !s->outside && known && s->right == len ? T_REACHED : T_GARBLED;
}

static const char *result_word(const struct dma_dev *dev)
{
    static const char *const words[] = {"no status", "engine says done", "engine says refused"};

    return words[dev->result];
}

/* The write itself, with whatever the engine holds. */
static enum t_reach write_held(struct t *t, struct dma_dev *dev, iova_t iova, const struct t_mem *mem,
                               size_t offset, size_t len)
{
    bool known = will_send(t, dev, pattern_bytes, len);
    struct pattern background = paint(t, mem, offset, len, known);
    struct seen s;
    enum t_reach reach;

    transfer(t, dev, DMA_TO_MEM, iova, len, (paddr_t){mem->pa.v + offset});
    s = compare(mem, offset, len, known, background);
    reach = judge_write(&s, len, known);
    t_note(t,
           "%s: wrote %zu bytes at 0x%llx, aimed at 0x%llx: %zu as sent, %zu changed, %zu changed beside; %s",
           dev->name, len, (unsigned long long)iova.v, (unsigned long long)(mem->pa.v + offset), s.right,
           s.changed, s.outside, result_word(dev));
    return reach;
}

enum t_reach t_dma_write(struct t *t, struct dma_dev *dev, iova_t iova, const struct t_mem *mem,
                         size_t offset, size_t len, const struct t_route *via)
{
    to_shape(dev, &iova, &offset, &len);
    check_range(t, dev, mem, offset, len);
    if (len > sizeof(pattern_bytes))
        t_error(t, "a proof compares at most %zu bytes", sizeof(pattern_bytes));
    if (!dev->fixed && via)
        load(t, dev, via->iova, via->mem, 0, len);
    else if (!dev->fixed && (!held_by(t, dev)->known || held_by(t, dev)->len < len))
        load(t, dev, iova, mem, offset, len);
    return write_held(t, dev, iova, mem, offset, len);
}

/* ---- Reads ---- */

/* An engine that only looks for its record: it stands alone in its pages, and the engine says whether it saw
 * it. */
static enum t_reach look_for(struct t *t, struct dma_dev *dev, iova_t iova, const struct t_mem *mem,
                             size_t offset, size_t len)
{
    memset(mem->va, 0, (size_t)mem->pages * PAGE_BYTES);
    memcpy(mem->va + offset, dev->wants, len);
    transfer(t, dev, DMA_FROM_MEM, iova, len, (paddr_t){mem->pa.v + offset});
    t_note(t, "%s: looked for %zu bytes at 0x%llx: %s", dev->name, len, (unsigned long long)iova.v,
           result_word(dev));
    return dev->result == DMA_RESULT_OK ? T_REACHED : T_UNTOUCHED;
}

/* The device takes what stands in `mem`, a pattern that is nowhere else. */
static struct pattern take(struct t *t, struct dma_dev *dev, iova_t iova, const struct t_mem *mem,
                           size_t offset, size_t len)
{
    struct pattern secret = pattern_make(&t->state->rng);

    pattern_fill(secret, mem->va + offset, len);
    held_by(t, dev)->known = false;
    transfer(t, dev, DMA_FROM_MEM, iova, len, (paddr_t){mem->pa.v + offset});
    return secret;
}

/* The device tells what it holds: through `via`, into a page painted anew. */
static enum t_reach tell(struct t *t, struct dma_dev *dev, const struct t_route *via, size_t offset,
                         size_t len, struct pattern secret)
{
    struct pattern background;
    struct seen s;

    pattern_fill(secret, pattern_bytes, len);
    background = paint(t, via->mem, offset, len, true);
    transfer(t, dev, DMA_TO_MEM, via->iova, len, (paddr_t){via->mem->pa.v + offset});
    s = compare(via->mem, offset, len, true, background);
    t_note(t, "%s: read %zu bytes and told %zu of them, %zu changed, %zu changed beside", dev->name, len,
           s.right, s.changed, s.outside);
    if (!s.changed)
        t_error(t, "%s: the route by which it should tell what it read is closed", dev->name);
    if (s.outside)
        return T_GARBLED;
    if (s.right == len) {
        *held_by(t, dev) = (struct held){.dev = dev, .known = true, .pattern = secret, .len = len};
        return T_REACHED;
    }
    /* One byte in 256 is right by chance; a device that got a line of it has far more. */
    return s.right <= len / 32 + 4 ? T_UNTOUCHED : T_GARBLED;
}

enum t_reach t_dma_read(struct t *t, struct dma_dev *dev, iova_t iova, const struct t_mem *mem, size_t offset,
                        size_t len, const struct t_route *via)
{
    struct t_route back = {.iova = iova, .mem = mem};
    struct pattern secret;

    to_shape(dev, &iova, &offset, &len);
    check_range(t, dev, mem, offset, len);
    if (dev->wants)
        return look_for(t, dev, iova, mem, offset, len);
    secret = take(t, dev, iova, mem, offset, len);
    return via ? tell(t, dev, via, 0, len, secret) : tell(t, dev, &back, offset, len, secret);
}

/* ---- Checks ---- */

void t_proved(struct t *t, bool allowed)
{
    t_reached(t);
    if (allowed)
        t->state->allowed++;
    else
        t->state->denied++;
}

struct aim {
    struct dma_dev *dev;
    iova_t iova;
    paddr_t pa;
    size_t len;
    bool write;
    bool allowed;
};

static bool conclude(struct t *t, const struct aim *a, enum t_reach reach)
{
    static const char *const words[] = {"reached it", "left it untouched",
                                        "changed other bytes than aimed at"};

    if (reach == (a->allowed ? T_REACHED : T_UNTOUCHED)) {
        t_proved(t, a->allowed);
        if (a->allowed)
            evidence_reached(t, a->dev, a->iova, a->write);
        return true;
    }
    t_reached(t);
    evidence_blame(t, a->dev, a->iova, a->write, a->allowed, a->pa);
    state_fail(t->state, "%s: %s of %zu bytes at 0x%llx (memory 0x%llx): seen %s, expected it to be %s",
               a->dev->name, a->write ? "write" : "read", a->len, (unsigned long long)a->iova.v,
               (unsigned long long)a->pa.v, words[reach], a->allowed ? "allowed" : "denied");
    return false;
}

static struct aim aim(struct dma_dev *dev, iova_t iova, const struct t_mem *mem, size_t offset, size_t len,
                      bool write, bool allowed)
{
    to_shape(dev, &iova, &offset, &len);
    return (struct aim){dev, iova, {mem->pa.v + offset}, len, write, allowed};
}

bool t_dma_write_allowed_via(struct t *t, struct dma_dev *dev, iova_t iova, const struct t_mem *mem,
                             size_t offset, size_t len, const struct t_route *via)
{
    struct aim a = aim(dev, iova, mem, offset, len, true, true);

    return conclude(t, &a, t_dma_write(t, dev, iova, mem, offset, len, via));
}

bool t_dma_write_allowed(struct t *t, struct dma_dev *dev, iova_t iova, const struct t_mem *mem,
                         size_t offset, size_t len)
{
    return t_dma_write_allowed_via(t, dev, iova, mem, offset, len, NULL);
}

bool t_dma_write_denied(struct t *t, struct dma_dev *dev, iova_t iova, const struct t_mem *mem, size_t offset,
                        size_t len)
{
    struct aim a = aim(dev, iova, mem, offset, len, true, false);

    to_shape(dev, &iova, &offset, &len);
    check_range(t, dev, mem, offset, len);
    return conclude(t, &a, write_held(t, dev, iova, mem, offset, len));
}

bool t_dma_read_allowed(struct t *t, struct dma_dev *dev, iova_t iova, const struct t_mem *mem, size_t offset,
                        size_t len)
{
    struct aim a = aim(dev, iova, mem, offset, len, false, true);

    return conclude(t, &a, t_dma_read(t, dev, iova, mem, offset, len, NULL));
}

bool t_dma_read_denied(struct t *t, struct dma_dev *dev, iova_t iova, const struct t_mem *mem, size_t offset,
                       size_t len, const struct t_route *via, void (*open)(struct t *t, void *arg), void *arg)
{
    struct aim a = aim(dev, iova, mem, offset, len, false, false);
    struct pattern secret;

    to_shape(dev, &iova, &offset, &len);
    check_range(t, dev, mem, offset, len);
    if (dev->wants)
        return conclude(t, &a, look_for(t, dev, iova, mem, offset, len));
    secret = take(t, dev, iova, mem, offset, len);
    if (open)
        open(t, arg);
    return conclude(t, &a, tell(t, dev, via, 0, len, secret));
}

/* ---- Devices of the instance ---- */

struct dma_dev *t_dev(struct t *t, unsigned n)
{
    struct dma_dev *dev, *before = NULL;

    if (!t->dma)
        t_error(t, "t_dev without NEED_DMA");
    for (unsigned i = 0; (dev = dma_dev_get(t->dma->engine, i)); i++) {
        bool apart = !before || !dma_same_group(before, dev);

        before = dev;
        if (apart && n-- == 0)
            return dev;
    }
    t_skip(t, "%s devices are too few", dma_engine_name(t->dma->engine));
}

struct dma_dev *t_dev_neighbour(struct t *t, const struct dma_dev *dev)
{
    struct dma_dev *other;

    for (unsigned i = 0; (other = dma_dev_get(dev->engine, i)); i++) {
        if (other != dev && dma_same_group(other, dev))
            return other;
    }
    t_skip(t, "%s shares its requester id with nobody", dev->name);
}
