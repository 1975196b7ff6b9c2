/* SPDX-License-Identifier: BSD-2-Clause */
/* Pool of small numbers over a three-level bitmap; see idpool.h. */
#include "kernel/lib/idpool.h"

#include <errno.h>

#define NONE UINT32_MAX

static uint32_t words_for(uint32_t bits)
{
    return (bits + IDPOOL_WORD_BITS - 1) / IDPOOL_WORD_BITS;
}

static uint64_t bit_of(uint32_t n)
{
    return 1ull << n % IDPOOL_WORD_BITS;
}

/* Words of each level, lowest first; the sum in the return value. */
static uint32_t level_words(uint32_t capacity, uint32_t words[IDPOOL_LEVELS])
{
    uint32_t sum = 0;

    for (int l = 0; l < IDPOOL_LEVELS; l++) {
        capacity = words_for(capacity);
        words[l] = capacity;
        sum += capacity;
    }
    return sum;
}

size_t idpool_memory(uint32_t capacity)
{
    uint32_t words[IDPOOL_LEVELS];

    return level_words(capacity, words) * sizeof(uint64_t);
}

void idpool_init(struct idpool *pool, uint32_t capacity, void *memory)
{
    uint32_t words[IDPOOL_LEVELS];
    uint64_t *at = memory;

    level_words(capacity, words);
    pool->capacity = capacity;
    pool->used = 0;
    for (int l = 0; l < IDPOOL_LEVELS; l++) {
        pool->level[l] = at;
        at += words[l];
    }
}

/* First clear bit at or above `from` in the word of `level` that holds `from`; NONE if that word has none. */
static uint32_t clear_bit_in_word(const struct idpool *pool, int level, uint32_t from)
{
    uint64_t word = pool->level[level][from / IDPOOL_WORD_BITS];
    uint64_t candidates = ~word & ~(bit_of(from) - 1);

    if (candidates == 0)
        return NONE;
    return from / IDPOOL_WORD_BITS * IDPOOL_WORD_BITS + (uint32_t)__builtin_ctzll(candidates);
}

/*
 * First index at or above `from` on `level` whose bit is clear. Looks in the word of `from`, and when that is
 * full asks the summary for the next word that is not.
 */
static uint32_t first_clear(const struct idpool *pool, int level, uint32_t from, uint32_t limit)
{
    uint32_t found;
    uint32_t word;

    if (from >= limit)
        return NONE;
    found = clear_bit_in_word(pool, level, from);
    if (found != NONE)
        return found;
    word = from / IDPOOL_WORD_BITS + 1;
    if (level + 1 < IDPOOL_LEVELS) {
        word = first_clear(pool, level + 1, word, words_for(limit));
    } else {
        while (word < words_for(limit) && pool->level[level][word] == UINT64_MAX)
            word++;
    }
    if (word == NONE || word >= words_for(limit))
        return NONE;
    return clear_bit_in_word(pool, level, word * IDPOOL_WORD_BITS);
}

static void mark(struct idpool *pool, uint32_t number)
{
    for (int l = 0; l < IDPOOL_LEVELS; l++) {
        uint64_t *word = &pool->level[l][number / IDPOOL_WORD_BITS];

        *word |= bit_of(number);
        if (*word != UINT64_MAX)
            return;
        number /= IDPOOL_WORD_BITS;
    }
}

int idpool_find(const struct idpool *pool, uint32_t min, uint32_t max, uint32_t *number)
{
    uint32_t limit = max < pool->capacity ? max + 1 : pool->capacity;
    uint32_t found = first_clear(pool, 0, min, limit);

    if (found == NONE || found >= limit)
        return -ENOSPC;
    *number = found;
    return 0;
}

int idpool_take(struct idpool *pool, uint32_t min, uint32_t max, uint32_t *number)
{
    int rc = idpool_find(pool, min, max, number);

    if (rc)
        return rc;
    mark(pool, *number);
    pool->used++;
    return 0;
}

bool idpool_give(struct idpool *pool, uint32_t number)
{
    if (!idpool_taken(pool, number))
        return false;
    pool->used--;
    for (int l = 0; l < IDPOOL_LEVELS; l++) {
        uint64_t *word = &pool->level[l][number / IDPOOL_WORD_BITS];
        bool was_full = *word == UINT64_MAX;

        *word &= ~bit_of(number);
        if (!was_full)
            break;
        number /= IDPOOL_WORD_BITS;
    }
    return true;
}

bool idpool_taken(const struct idpool *pool, uint32_t number)
{
    return number < pool->capacity && pool->level[0][number / IDPOOL_WORD_BITS] & bit_of(number);
}
