/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables that the unit can reach, as it last saw them: from the root table down to the PASID tables. What is
 * published in them is compared with what was there, so that a duty is seen to be broken whether or not a
 * request happened to come by. VT-d 5.10; rules 37, 38 .. 44, 80.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/model/model_priv.h"

#define MAX_PAGES 320
#define WORDS     512

enum table { ROOT, CONTEXT, DIRECTORY, PASIDS };

struct page {
    uint64_t pa; /* 0: free place */
    enum table table;
    bool reached;   /* see prune() */
    uint64_t *seen; /* WORDS of them; the place keeps them for the next page */
};

struct reach {
    struct page pages[MAX_PAGES];
    unsigned end; /* places from here on were never in use */
    bool full;    /* a page had no place; told once */
};

/* Words of one entry. The halves of a root entry are on their own. */
static const unsigned entry_words[] = {[ROOT] = 1, [CONTEXT] = 4, [DIRECTORY] = 1, [PASIDS] = 8};
static const char *const names[] = {"root", "context", "PASID directory", "PASID"};
/* The rule that says how such an entry goes. */
static const unsigned retire_rules[] = {39, 43, 40, 43};

/* What does not count in a comparison: P and FPD, where the entry has it. */
static uint64_t flags_of(enum table table)
{
    return table == ROOT ? SPAN_MASK(VTD_ROOT_LP) : SPAN_MASK(VTD_PASID_P) | SPAN_MASK(VTD_PASID_FPD);
}

static bool is_watching(const struct model *m)
{
    return m->reach != NULL && reg_status(m, SPAN_MASK(VTD_GSTS_TES)) &&
           FIELD_GET(VTD_RTADDR_TTM, m->root) == VTD_TTM_SCALABLE;
}

static bool overlaps(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
    return a < b + b_size && b < a + a_size;
}

static struct page *find(struct model *m, uint64_t pa)
{
    for (unsigned i = 0; i < m->reach->end; i++) {
        if (m->reach->pages[i].pa == pa)
            return &m->reach->pages[i];
    }
    return NULL;
}

/* A free place, with room for what is seen there. */
static struct page *place(struct model *m)
{
    struct reach *r = m->reach;
    struct page *p = find(m, 0);

    if (p != NULL)
        return p;
    if (r->end == MAX_PAGES)
        return NULL;
    p = &r->pages[r->end];
    p->seen = calloc(WORDS, sizeof(*p->seen));
    if (p->seen == NULL)
        return NULL;
    r->end++;
    return p;
}

static void read_as(struct model *m, uint64_t pa, uint64_t *out, unsigned words, bool snooped)
{
    for (unsigned i = 0; i < words; i += 8) {
        unsigned n = words - i < 8 ? words - i : 8;

        if (!mem_read(m, pa + i * 8, &out[i], n * 8ul, snooped))
            memset(&out[i], 0, n * 8ul);
    }
}

static void read_words(struct model *m, uint64_t pa, uint64_t *out, unsigned words)
{
    read_as(m, pa, out, words, ECAP(m, C));
}

/* A table that comes into reach is what software wrote, to the last word. */
static void check_written_back(struct model *m, const struct page *p)
{
    uint64_t meant[WORDS];

    read_as(m, p->pa, meant, WORDS, true);
    if (memcmp(meant, p->seen, sizeof(meant)) != 0)
        breach(m, "rule 10: %s table at %llx came into reach before all of it was written back",
               names[p->table], (unsigned long long)p->pa);
}

/* ---- The tree ---- */

static void add(struct model *m, uint64_t pa, enum table table);

/* Number of pages of tables that an entry leads to. */
static unsigned children(enum table table, const uint64_t *entry)
{
    uint64_t size = PAGE_SIZE;

    if (!bit_is_set(entry[0], 0) || table == PASIDS)
        return 0;
    if (table == CONTEXT)
        size = VTD_PDIR_ENTRIES((unsigned)FIELD_GET(VTD_CTX_PDTS, entry[0])) * 8;
    return (unsigned)(align_up(size, PAGE_SIZE) / PAGE_SIZE);
}

static void follow(struct model *m, enum table table, const uint64_t *entry)
{
    for (unsigned i = 0; i < children(table, entry); i++)
        add(m, align_down(entry[0], PAGE_SIZE) + i * PAGE_SIZE, table + 1);
}

static void mark(struct model *m, struct page *p)
{
    if (p == NULL || p->reached)
        return;
    p->reached = true;
    for (unsigned w = 0; w < WORDS; w += entry_words[p->table]) {
        for (unsigned i = 0; i < children(p->table, &p->seen[w]); i++)
            mark(m, find(m, align_down(p->seen[w], PAGE_SIZE) + i * PAGE_SIZE));
    }
}

/* After an entry went: what no other present entry leads to is out of reach. */
static void prune(struct model *m)
{
    for (unsigned i = 0; i < m->reach->end; i++)
        m->reach->pages[i].reached = false;
    mark(m, find(m, FIELD_GET_ADDR(VTD_RTADDR_RTA, m->root)));
    for (unsigned i = 0; i < m->reach->end; i++) {
        if (!m->reach->pages[i].reached)
            m->reach->pages[i].pa = 0;
    }
}

static void add(struct model *m, uint64_t pa, enum table table)
{
    struct page *p = find(m, pa);

    if (p != NULL)
        return;
    p = place(m);
    if (p == NULL) {
        if (!m->reach->full)
            breach(m, "more than %u pages of tables: from now on the strict unit does not see all of them",
                   MAX_PAGES);
        m->reach->full = true;
        return;
    }
    p->pa = pa;
    p->table = table;
    read_words(m, pa, p->seen, WORDS);
    check_written_back(m, p);
    for (unsigned i = 0; i < WORDS; i += entry_words[table])
        follow(m, table, &p->seen[i]);
}

void reach_changed(struct model *m)
{
    if (m->reach == NULL)
        m->reach = calloc(1, sizeof(*m->reach));
    if (m->reach == NULL)
        return;
    for (unsigned i = 0; i < m->reach->end; i++)
        m->reach->pages[i].pa = 0;
    if (is_watching(m))
        add(m, FIELD_GET_ADDR(VTD_RTADDR_RTA, m->root), ROOT);
}

void reach_destroy(struct model *m)
{
    for (unsigned i = 0; m->reach != NULL && i < m->reach->end; i++)
        free(m->reach->pages[i].seen);
    free(m->reach);
}

/* ---- What is published ---- */

static bool same_but_flags(enum table table, const uint64_t *now, const uint64_t *was)
{
    if (((now[0] ^ was[0]) & ~flags_of(table)) != 0)
        return false;
    return memcmp(now + 1, was + 1, (entry_words[table] - 1) * 8ul) == 0;
}

static void check(struct model *m, const struct page *p, const uint64_t *now, const uint64_t *was,
                  uint64_t pa)
{
    bool is = bit_is_set(now[0], 0);

    if (same_but_flags(p->table, now, was))
        return;
    if (bit_is_set(was[0], 0) && is)
        breach(m, "rule 44: %s entry at %llx changed while it is present", names[p->table],
               (unsigned long long)pa);
    else if (bit_is_set(was[0], 0))
        breach(m, "rule %u: %s entry at %llx: more than P and FPD changed at once", retire_rules[p->table],
               names[p->table], (unsigned long long)pa);
    else if (is && entry_words[p->table] > 1)
        breach(m, "rule 37: %s entry at %llx: P became visible together with other fields", names[p->table],
               (unsigned long long)pa);
}

static void look(struct model *m, struct page *p, unsigned word)
{
    uint64_t now[8] = {0};
    uint64_t *was = &p->seen[word];
    bool went;

    read_words(m, p->pa + word * 8, now, entry_words[p->table]);
    check(m, p, now, was, p->pa + word * 8);
    went = bit_is_set(was[0], 0) && now[0] != was[0] && p->table != PASIDS;
    memcpy(was, now, entry_words[p->table] * 8ul);
    follow(m, p->table, now);
    if (went)
        prune(m);
}

void reach_published(struct model *m, uint64_t pa, uint64_t size)
{
    if (!is_watching(m))
        return;
    for (unsigned i = 0; i < m->reach->end; i++) {
        struct page *p = &m->reach->pages[i];

        if (p->pa == 0 || !overlaps(p->pa, PAGE_SIZE, pa, size))
            continue;
        for (unsigned w = 0; w < WORDS; w += entry_words[p->table]) {
            if (overlaps(p->pa + w * 8, entry_words[p->table] * 8ul, pa, size))
                look(m, p, w);
        }
    }
}

/* ---- What is given back ---- */

/* Does a present entry name memory in [pa, pa + size)? */
static bool leads(const struct page *p, const uint64_t *e, uint64_t pa, uint64_t size)
{
    const struct vtd_pasid_entry *pe = (const struct vtd_pasid_entry *)e;

    if (!bit_is_set(e[0], 0))
        return false;
    if (p->table != PASIDS)
        return overlaps(align_down(e[0], PAGE_SIZE), children(p->table, e) * PAGE_SIZE, pa, size);
    switch (entry_get(pe, VTD_PASID_PGTT)) {
    case VTD_PGTT_FIRST:
        return overlaps(entry_get_addr(pe, VTD_PASID_FSPTPTR), PAGE_SIZE, pa, size);
    case VTD_PGTT_SECOND:
    case VTD_PGTT_NESTED:
        return overlaps(entry_get_addr(pe, VTD_PASID_SSPTPTR), PAGE_SIZE, pa, size);
    default:
        return false;
    }
}

static void check_page(struct model *m, const struct page *p, uint64_t pa, uint64_t size)
{
    for (unsigned w = 0; w < WORDS; w += entry_words[p->table]) {
        if (leads(p, &p->seen[w], pa, size))
            breach(m, "rule %u: %llx freed while the %s entry at %llx is present and leads there",
                   retire_rules[p->table], (unsigned long long)pa, names[p->table],
                   (unsigned long long)p->pa + w * 8);
    }
}

void reach_freed(struct model *m, uint64_t pa, uint64_t size)
{
    bool is_table = false;

    if (!is_watching(m))
        return;
    for (unsigned i = 0; i < m->reach->end; i++) {
        if (m->reach->pages[i].pa != 0 && overlaps(m->reach->pages[i].pa, PAGE_SIZE, pa, size)) {
            m->reach->pages[i].pa = 0;
            is_table = true;
        }
    }
    for (unsigned i = 0; i < m->reach->end; i++) {
        if (m->reach->pages[i].pa != 0 && (is_table || m->reach->pages[i].table == PASIDS))
            check_page(m, &m->reach->pages[i], pa, size);
    }
}
